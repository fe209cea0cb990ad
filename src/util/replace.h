/* SPDX-License-Identifier: BSD-3-Clause */
/* Replacing a file as a whole. */
#ifndef WEFT_UTIL_REPLACE_H
#define WEFT_UTIL_REPLACE_H

#include <stddef.h>

/*
 * Replaces the file at path, or makes it, at once or not at all: whoever reads it,
 * and whatever crashes, there is the old content or the new one. Durable when it
 * returns. The file is a new one of mode 0600 that belongs to the caller; a symbolic
 * link at path is replaced, not followed. It is made beside the old one under the
 * name "PATH.new": a writer that is killed may leave that behind, and the next one
 * replaces it. Two writers at a time take turns. 0 or -errno.
 */
int replace_file(const char *path, const char *bytes, size_t length);

#endif
