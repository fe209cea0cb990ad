/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads whole files. */
#ifndef WEFT_CLI_FILE_H
#define WEFT_CLI_FILE_H

struct strbuf;

#define FILE_READ_MAX (8u << 20)	/* bytes: the largest body that weftd accepts */

/* Reads a file; "-" is standard input. 0 or -errno (-EFBIG: larger than FILE_READ_MAX). */
int file_read(const char *path, struct strbuf *buf);

#endif
