/* SPDX-License-Identifier: BSD-3-Clause */
/* Replacing a file as a whole. */
#ifndef WEFT_UTIL_REPLACE_H
#define WEFT_UTIL_REPLACE_H

#include <stddef.h>

/*
 * Replaces the file at path, or creates it, atomically: a reader, also after a crash,
 * finds the old content or the new content. The new content is durable when this
 * returns. The file is a new one of mode 0600, owned by the caller's user; a symbolic
 * link at path is replaced, not followed. The new file is written as "PATH.new" and
 * renamed: a writer that is killed may leave "PATH.new" behind, which the next writer
 * replaces. Concurrent writers take turns. 0 or -errno.
 */
int replace_file(const char *path, const char *bytes, size_t length);

#endif
