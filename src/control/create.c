/* SPDX-License-Identifier: BSD-3-Clause */
/* Making the file of an export that asks for a size. */
#include "control/create.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <weft/backend.h>

#include "util/cleanup.h"

static int make(const char *path, uint64_t size, struct weft_error *error)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return weft_error_set(error, errno, "cannot make %s: %s", path, strerror(errno));
	if (size <= INT64_MAX && ftruncate(fd, (off_t)size) == 0)
		return 0;
	if (size > INT64_MAX)
		errno = EFBIG;
	r = weft_error_set(error, errno, "cannot make %s %llu bytes large: %s", path,
			   (unsigned long long)size, strerror(errno));
	unlink(path);
	return r;
}

int create_file(const char *path, uint64_t size, bool *ret_made, struct weft_error *error)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT)
			return weft_error_set(error, errno, "cannot look at %s: %s", path,
					      strerror(errno));
		if (size == 0)
			return weft_error_set(error, ENOENT, "there is no %s; give a size to have "
					      "it made", path);
		r = make(path, size, error);
		if (r < 0)
			return r;
		*ret_made = true;
		return 0;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return weft_error_set(error, EINVAL, "%s is %s; only files and block devices can "
				      "be exported", path, S_ISDIR(st.st_mode) ? "a folder" :
				      S_ISCHR(st.st_mode) ? "a character device" : "neither");
	*ret_made = false;
	return 0;
}
