/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors with advice for files that weftd, which has few rights, may not open. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/file/file.h"

#define NAME_MAX_BYTES 64

static void user_name(char *name, size_t size)
{
	char buffer[1024];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &found) == 0 && found)
		snprintf(name, size, "%s", entry.pw_name);
	else
		snprintf(name, size, "%u", geteuid());
}

static void group_name(gid_t gid, char *name, size_t size)
{
	char buffer[4096];
	struct group entry, *found = NULL;

	if (getgrgid_r(gid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		snprintf(name, size, "%s", entry.gr_name);
	else
		snprintf(name, size, "%u", gid);
}

/* Refuses for missing rights on the file or on a folder of its path. */
static int refuse_rights(const char *path, bool write, struct weft_error *error)
{
	const char *what = write ? "read and write" : "read";
	char user[NAME_MAX_BYTES], group[NAME_MAX_BYTES];
	struct stat st;

	user_name(user, sizeof(user));
	if (stat(path, &st) < 0)
		return weft_error_set(error, EACCES, "%s: %s; weftd runs as the user %s, who must "
				      "be allowed to enter all folders on the way, and to write to "
				      "the last one where the file is to be made", path,
				      strerror(EACCES), user);
	group_name(st.st_gid, group, sizeof(group));
	if (S_ISBLK(st.st_mode) && (st.st_mode & S_IRGRP))
		return weft_error_set(error, EACCES, "%s: %s; weftd runs as the user %s, who must "
				      "be in the group %s to %s it: see RIGHTS in weftd(8)",
				      path, strerror(EACCES), user, group, what);
	return weft_error_set(error, EACCES, "%s: %s; weftd runs as the user %s, who must be "
			      "allowed to %s it, as by 'setfacl -m u:%s:%s %s'", path,
			      strerror(EACCES), user, what, user, write ? "rw" : "r", path);
}

int file_refuse_open(const struct file_device *device, int code, struct weft_error *error)
{
	const char *advice = "";

	switch (code) {
	case EACCES:
		return refuse_rights(device->path, !device->read_only, error);
	case EPERM:
		advice = "; the service manager keeps this device from weftd, or the file is "
			 "immutable: see DeviceAllow= and RIGHTS in weftd(8)";
		break;
	case EROFS:
		advice = "; set read_only to true, or, where only weftd sees it so, name its "
			 "folder in ReadWritePaths=: see RIGHTS in weftd(8)";
		break;
	}
	return weft_error_set(error, code, "%s: %s%s", device->path, strerror(code), advice);
}
