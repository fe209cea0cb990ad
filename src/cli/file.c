/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads whole files. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/str.h"

int file_read(const char *path, struct strbuf *buf)
{
	_cleanup_close_ int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) :
							  open(path, O_RDONLY | O_CLOEXEC);
	char chunk[65536];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0)
			return -errno;
		if (buf->length + (size_t)n > FILE_READ_MAX)
			return -EFBIG;
		strbuf_add_bytes(buf, chunk, (size_t)n);
	}
	return buf->failed ? -ENOMEM : 0;
}
