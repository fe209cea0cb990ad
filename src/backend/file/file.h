/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A regular file or a block device as a disk.
 *
 *	open.c	finding, opening and creating the file
 *	refuse.c	messages and advice when the file cannot be opened
 *	claim.c	keeping other processes out
 *	info.c	properties of a device: sizes, alignments, caches
 *	path.c	checking that the path still names the open file
 *	io.c	reading, writing, flushing, zeroing, discarding
 */
#ifndef WEFT_BACKEND_FILE_FILE_H
#define WEFT_BACKEND_FILE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <weft/backend.h>

struct claim;

/* No member changes after open(), so reactors share it without a lock. */
struct file_device {
	char *path;		/* owned; for messages */
	int fd;			/* owned; with or without O_DIRECT */
	struct claim *claim;	/* shared by the devices of one file; NULL: not locked */
	bool is_block;		/* a block device, not a regular file */
	bool direct;
	bool blocks;		/* loop_file_blocks() */
	bool read_only;
	uint32_t block_size;	/* smallest unit of I/O, bytes */
	uint64_t limit;		/* the option "size", bytes; UINT64_MAX: not given */
	dev_t dev;		/* the open block device, or the file system of the file */
	ino_t ino;		/* inode number of a regular file */
	bool known;		/* dev and ino can be compared with those of the path */
};

/* Fills *error for an open() that failed with `code`, with advice. Returns -code. */
int file_refuse_open(const struct file_device *device, int code, struct weft_error *error);

/* The size that can be used now, bytes. 0 or -errno. */
int file_size(const struct file_device *device, uint64_t *ret_size);
/* The smallest unit of I/O of a block device, bytes. 0 or -errno. */
int file_block_size(const struct file_device *device, uint32_t *ret_block_size);
/*
 * True if the block device that st describes has zones which must be written in order: the kernel
 * calls it host-managed.
 */
bool file_is_zoned(const struct stat *st);
/* Turns O_DIRECT on if the file supports units of block_size. True if it is on. */
bool file_try_direct(int fd, uint32_t block_size);
/* Gets the properties of an open device. 0 or -errno. */
int file_info(const struct file_device *device, struct weft_info *ret_info);

/* Records the identity of the open file or block device, which st describes. */
void file_remember_path(struct file_device *device, const struct stat *st);
/*
 * Checks whether the path still names the open file or block device. trouble (WEFT_TROUBLE bytes)
 * gets "" if it does, else a message with the path's new object, the consequences and advice.
 */
void file_check_path(const struct file_device *device, char *trouble);

/* The backend's submit(). */
void file_submit(void *device, struct weft_io *io);

#endif
