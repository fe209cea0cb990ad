/* SPDX-License-Identifier: BSD-3-Clause */
/* Making the file of an export that asks for a size. */
#ifndef WEFT_CONTROL_CREATE_H
#define WEFT_CONTROL_CREATE_H

#include <stdbool.h>
#include <stdint.h>

struct weft_error;

/*
 * Looks for the file or the block device; where there is none and size is not
 * 0, makes a sparse file of that many bytes, mode 0600. 0 with *ret_made:
 * whether it was made, so that a failed export can remove it again; -errno
 * with *error filled and nothing left behind.
 */
int create_file(const char *path, uint64_t size, bool *ret_made, struct weft_error *error);

#endif
