/* SPDX-License-Identifier: BSD-3-Clause */
/* Making the file of an export that asks for a size. */
#ifndef WEFT_CONTROL_CREATE_H
#define WEFT_CONTROL_CREATE_H

#include <stdbool.h>
#include <stdint.h>

struct offload;
struct weft_error;

/* error NULL: the file is there. made: by us, so that a failed export can remove it again. */
typedef void create_done(void *arg, bool made, const struct weft_error *error);

/*
 * Looks for the file or the block device; where there is none and size is not 0,
 * makes a sparse file of that many bytes, mode 0600. Calls done() when that has
 * succeeded, or has failed and left nothing behind: a file system that does not
 * answer for a second is a failure, ETIMEDOUT. 0, or -errno with *error filled and
 * nothing begun.
 */
int create_start(struct offload *offload, const char *path, uint64_t size, create_done *done,
		 void *arg, struct weft_error *error);
/* Removes it again; calls done() when that was done, or takes too long, or cannot be begun. */
void create_undo(struct offload *offload, const char *path, void (*done)(void *arg), void *arg);

#endif
