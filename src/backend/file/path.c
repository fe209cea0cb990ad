/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks whether the path still names the open file or block device. A file may be
 * replaced by rename, a device node by another one, and a mount or a link may lead
 * the path elsewhere. Hosts then still use the old file or device, which weftd
 * cannot find after a restart.
 */
#include "backend/file/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TAKE_NEW "disable the namespace and enable it again to serve what is there now"

static bool names(const struct file_device *device, const struct stat *st)
{
	if (device->is_block)
		return S_ISBLK(st->st_mode) && st->st_rdev == device->dev;
	return S_ISREG(st->st_mode) && st->st_dev == device->dev && st->st_ino == device->ino;
}

void file_remember_path(struct file_device *device, const struct stat *st)
{
	struct stat now;

	device->dev = device->is_block ? st->st_rdev : st->st_dev;
	device->ino = st->st_ino;
	/* unknown if the file system gives a file another inode number at each stat(2) */
	device->known = stat(device->path, &now) == 0 && names(device, &now);
}

static void say(char *trouble, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(char *trouble, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trouble, WEFT_TROUBLE, format, args);
	va_end(args);
}

static void say_gone(const struct file_device *device, int error, bool deleted, char *trouble)
{
	if (device->is_block)
		say(trouble, "%.160s is not there any more (%s): hosts still use the device %u:%u, "
		    "which is not found after the next restart; put the node back",
		    device->path, strerror(error), major(device->dev), minor(device->dev));
	else if (deleted)
		say(trouble, "%.160s was deleted: hosts still use it, and all of it is gone after "
		    "the next restart; copy it from a host, or put another file there and %s",
		    device->path, TAKE_NEW);
	else
		say(trouble, "%.160s is not there any more (%s): hosts still use the file, which "
		    "is not found after the next restart; move it back",
		    device->path, strerror(error));
}

static void say_other(const struct file_device *device, const struct stat *st, bool deleted,
		      char *trouble)
{
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		say(trouble, "%.160s is no file or block device any more: hosts still use what was "
		    "there, and what they write is gone after the next restart; put it back",
		    device->path);
	else if (device->is_block && S_ISBLK(st->st_mode))
		say(trouble, "%.160s names another device now (%u:%u): hosts still use %u:%u, and "
		    "what they write is not found after the next restart; put the node back, or %s",
		    device->path, major(st->st_rdev), minor(st->st_rdev), major(device->dev),
		    minor(device->dev), TAKE_NEW);
	else
		say(trouble, "%.160s names another %s now%s: hosts still use the old one, %s, and "
		    "what they write is gone after the next restart; %s%s",
		    device->path, S_ISBLK(st->st_mode) ? "disk, a block device," : "file",
		    !device->is_block && S_ISREG(st->st_mode) && st->st_dev != device->dev ?
			    " on another file system, by a mount or a link" : "",
		    deleted ? "which is deleted" : "which is elsewhere",
		    deleted ? "" : "put it back, or ", TAKE_NEW);
}

void file_check_path(const struct file_device *device, char *trouble)
{
	struct stat now, open;
	bool deleted;

	trouble[0] = '\0';
	if (!device->known)
		return;
	deleted = !device->is_block && fstat(device->fd, &open) == 0 && !open.st_nlink;
	if (stat(device->path, &now) < 0)
		say_gone(device, errno, deleted, trouble);
	else if (!names(device, &now))
		say_other(device, &now, deleted, trouble);
}
