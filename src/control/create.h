/* SPDX-License-Identifier: BSD-3-Clause */
/* Creates the file of an export that gives a size. */
#ifndef WEFT_CONTROL_CREATE_H
#define WEFT_CONTROL_CREATE_H

#include <stdbool.h>
#include <stdint.h>

struct offload;
struct weft_error;

/* error NULL: the file exists. made: weftd created it, so a failed export can remove it again. */
typedef void create_done(void *arg, bool made, const struct weft_error *error);

/*
 * Looks for the file or the block device. If the path does not exist and size is not 0,
 * creates a sparse file of `size` bytes, mode 0600. Calls done() when this has succeeded
 * or failed; a failure leaves no file behind. A file system that does not answer for a
 * second is a failure, ETIMEDOUT. Returns 0, or -errno with *error filled, in which case
 * done() is not called.
 */
int create_start(struct offload *offload, const char *path, uint64_t size, create_done *done,
		 void *arg, struct weft_error *error);
/* Removes the created file. Calls done() when the file is removed, on timeout and on failure. */
void create_undo(struct offload *offload, const char *path, void (*done)(void *arg), void *arg);

#endif
