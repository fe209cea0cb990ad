/* SPDX-License-Identifier: BSD-3-Clause */
/* Replaces a file as a whole: a temporary one beside it, made durable, then renamed. */
#include "util/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static bool is_at(const char *path, int fd)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* Waits for another writer's lock. On file systems without locks it does not wait. */
static void lock(int fd)
{
	while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
		;
}

/*
 * Removes a temporary file that a killed writer left behind, or a symbolic link at its path.
 * The temporary file of a living writer is locked, and has been renamed once the lock is free.
 */
static int remove_leftover(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		lock(fd);
		if (!is_at(path, fd))
			return 0;
	}
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Makes and locks a new temporary file, so that no other writer removes it. Or -errno. */
static int make_temporary(const char *path)
{
	for (;;) {
		_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		int r;

		if (fd >= 0) {
			lock(fd);
			if (is_at(path, fd)) /* no other writer removed it before it was locked */
				return TAKE_FD(fd);
			continue;
		}
		if (errno != EEXIST)
			return -errno;
		r = remove_leftover(path);
		if (r < 0)
			return r;
	}
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
	/* EINVAL: this file system cannot sync a directory. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

int replace_file(const char *path, const char *bytes, size_t length)
{
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&temporary, "%s.new", path) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	fd = make_temporary(temporary);
	if (fd < 0)
		return fd;
	r = write_all(fd, bytes, length);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	return sync_folder(path);
}
