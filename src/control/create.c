/* SPDX-License-Identifier: BSD-3-Clause */
/* Making the file of an export that asks for a size. */
#include "control/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <weft/backend.h>

#include "util/cleanup.h"
#include "util/patience.h"

#define CREATE_WAIT_MS 1000

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

/* Whether the file was made goes to *ret_made. 0, or -errno with *error filled. */
static int look_or_make(const char *path, uint64_t size, bool *ret_made, struct weft_error *error)
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

/* ---- the same, with a bound: the path may lead to a server that is gone ---- */

struct creation {
	char *path;		/* owned */
	uint64_t size;
	bool made;
	int result;
	struct weft_error error;
};

static void creation_run(void *arg)
{
	struct creation *creation = arg;

	creation->result = look_or_make(creation->path, creation->size, &creation->made,
					&creation->error);
}

static void creation_free(struct creation *creation)
{
	free(creation->path);
	free(creation);
}

/* The request was refused meanwhile. */
static void creation_late(void *arg)
{
	struct creation *creation = arg;

	if (creation->result == 0 && creation->made)
		unlink(creation->path);
	creation_free(creation);
}

int create_file(const char *path, uint64_t size, bool *ret_made, struct weft_error *error)
{
	struct creation *creation = calloc(1, sizeof(*creation));
	int r = -ENOMEM;

	if (creation && (creation->path = strdup(path))) {
		creation->size = size;
		r = patience_call(creation_run, creation_late, creation, CREATE_WAIT_MS);
		if (r == -ETIMEDOUT)
			return weft_error_set(error, ETIMEDOUT, "cannot look at %s: its file "
					      "system has not answered for %u s", path,
					      CREATE_WAIT_MS / 1000);
	}
	if (r < 0) {
		weft_error_set(error, -r, "cannot look at %s: %s", path, strerror(-r));
	} else {
		r = creation->result;
		if (r < 0)
			*error = creation->error;
		else
			*ret_made = creation->made;
	}
	if (creation)
		creation_free(creation);
	return r;
}
