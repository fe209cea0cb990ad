/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A regular file or a block device as a disk.
 *
 *	open.c	what a path is, how it is opened and created
 *	refuse.c	what to do where it may not be
 *	claim.c	keeping others out
 *	info.c	what a device is like: sizes, alignments, caches
 *	path.c	whether the path still names it
 *	io.c	reading, writing, flushing, zeroing, discarding
 */
#ifndef WEFT_BACKEND_FILE_FILE_H
#define WEFT_BACKEND_FILE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <weft/backend.h>

struct claim;

/* Nothing in it changes after open(), so reactors share it without a lock. */
struct file_device {
	char *path;		/* owned; for messages */
	int fd;			/* owned; O_DIRECT or not */
	struct claim *claim;	/* shared by the devices of one file; NULL: not locked */
	bool is_block;		/* a block device, not a regular file */
	bool direct;
	bool blocks;		/* loop_file_blocks() */
	bool read_only;
	uint32_t block_size;	/* smallest unit of I/O, bytes */
	uint64_t limit;		/* the option "size", bytes; UINT64_MAX: not given */
	dev_t dev;		/* what is open: the block device, or what holds the file ... */
	ino_t ino;		/* ... and its number there; of a regular file */
	bool known;		/* these tell whether the path still names it */
};

/* Fills *error for an open() that failed with `code`, and says what would help. Returns -code. */
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
/* Turns O_DIRECT on where the file can do it in units of block_size. Whether it is on. */
bool file_try_direct(int fd, uint32_t block_size);
/* Says what an open device is. 0 or -errno. */
int file_info(const struct file_device *device, struct weft_info *ret_info);

/* Keeps in mind what the path names: what is open, of which st tells. */
void file_remember_path(struct file_device *device, const struct stat *st);
/*
 * Looks whether it still does. trouble: WEFT_TROUBLE bytes for a sentence that says what the path
 * names instead, what that means and what to do; "" where it does.
 */
void file_check_path(const struct file_device *device, char *trouble);

/* The backend's submit(). */
void file_submit(void *device, struct weft_io *io);

#endif
