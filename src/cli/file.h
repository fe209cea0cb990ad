/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole files, read and replaced. */
#ifndef WEFT_CLI_FILE_H
#define WEFT_CLI_FILE_H

#include <stddef.h>

struct strbuf;

#define FILE_READ_MAX (8u << 20)	/* bytes: what weftd takes */

/* "-" is standard input. 0 or -errno (-EFBIG: larger than FILE_READ_MAX). */
int file_read(const char *path, struct strbuf *buf);
/* Replaces the file at once or not at all; durable when it returns; mode 0600. 0 or -errno. */
int file_replace(const char *path, const char *text, size_t length);

#endif
