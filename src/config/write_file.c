/* SPDX-License-Identifier: BSD-3-Clause */
/* Replaces a file as a whole: a temporary one beside it, made durable, then renamed. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weft/backend.h>

#include "config/save.h"
#include "util/cleanup.h"

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		length -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/*
 * The name is always the same, so that a daemon that is killed leaves one at the most, which the
 * next write replaces. It is made anew: what lies there may be a link to somewhere else.
 */
static int write_temporary(const char *path, const char *text, size_t length)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, length);
	if (r < 0)
		unlink(path);
	return r;
}

static int sync_folder(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Some file systems cannot, and EINVAL says so. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

static int replace(const char *path, const char *text, size_t length)
{
	_cleanup_free_ char *target = realpath(path, NULL); /* through symbolic links */
	_cleanup_free_ char *temporary = NULL;
	int r;

	if (!target)
		target = strdup(path);
	if (!target || asprintf(&temporary, "%s.new", target) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	r = write_temporary(temporary, text, length);
	if (r < 0)
		return r;
	if (rename(temporary, target) < 0) {
		r = -errno;
		unlink(temporary);
		return r;
	}
	return sync_folder(target);
}

int config_write_file(const char *path, const char *text, size_t length, struct weft_error *error)
{
	int r = replace(path, text, length);

	if (r < 0)
		return weft_error_set(error, -r, "%s: it could not be written: %s", path,
				      strerror(-r));
	return 0;
}
