/* SPDX-License-Identifier: BSD-3-Clause */
/* Creates the file of an export that gives a size. */
#include "control/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/backend.h>

#include "control/offload.h"
#include "util/cleanup.h"
#include "util/log.h"

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

/* *ret_made: true if the file was created. 0, or -errno with *error filled. */
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

/* ---- on a thread: the path may lead to a file server that does not answer ---- */

struct creation {
	char *path;		/* owned */
	uint64_t size;
	bool made;
	int result;
	struct weft_error error;
	create_done *done;	/* of create_start(); only the control thread uses it and arg */
	void (*undone)(void *arg); /* of create_undo() */
	void *arg;
};

static void creation_free(struct creation *creation)
{
	free(creation->path);
	free(creation);
}

/* NULL if memory ran out. */
static struct creation *creation_new(const char *path, void *arg)
{
	struct creation *creation = calloc(1, sizeof(*creation));

	if (!creation)
		return NULL;
	creation->arg = arg;
	creation->path = strdup(path);
	if (creation->path)
		return creation;
	free(creation);
	return NULL;
}

static void creation_run(void *arg)
{
	struct creation *creation = arg;

	creation->result = look_or_make(creation->path, creation->size, &creation->made,
					&creation->error);
}

static void creation_done(void *arg, int result)
{
	struct creation *creation = arg;
	struct weft_error error;

	if (result == 0) {
		creation->done(creation->arg, creation->made,
			       creation->result < 0 ? &creation->error : NULL);
		creation_free(creation);
		return;
	}
	if (result == -ECANCELED)
		weft_error_set(&error, ECANCELED, "weftd is ending");
	else
		weft_error_set(&error, ETIMEDOUT, "cannot look at %s: its file system has not "
			       "answered for %u s", creation->path, CREATE_WAIT_MS / 1000);
	creation->done(creation->arg, false, &error);
}

/* The work has ended after its request was refused. */
static void creation_late(void *arg)
{
	struct creation *creation = arg;

	if (creation->result == 0 && creation->made)
		unlink(creation->path);
	creation_free(creation);
}

int create_start(struct offload *offload, const char *path, uint64_t size, create_done *done,
		 void *arg, struct weft_error *error)
{
	struct creation *creation = creation_new(path, arg);
	const struct offload_work work = { .work = creation_run, .done = creation_done,
					   .late = creation_late, .arg = creation,
					   .timeout_ms = CREATE_WAIT_MS };
	int r;

	if (!creation)
		return weft_error_set(error, ENOMEM, "out of memory");
	creation->size = size;
	creation->done = done;
	r = offload_start(offload, &work);
	if (r == 0)
		return 0;
	creation_free(creation);
	if (r == -EAGAIN)
		return weft_error_set(error, EAGAIN, "cannot look at %s: too many look-ups "
				      "are waiting for file systems that do not answer", path);
	return weft_error_set(error, -r, "cannot look at %s: %s", path, strerror(-r));
}

static void undo_run(void *arg)
{
	struct creation *creation = arg;

	unlink(creation->path);
}

static void undo_done(void *arg, int result)
{
	struct creation *creation = arg;

	creation->undone(creation->arg);
	if (result == 0)
		creation_free(creation);
}

static void undo_late(void *arg)
{
	creation_free(arg);
}

void create_undo(struct offload *offload, const char *path, void (*done)(void *arg), void *arg)
{
	struct creation *creation = creation_new(path, arg);
	const struct offload_work work = { .work = undo_run, .done = undo_done, .late = undo_late,
					   .arg = creation, .timeout_ms = CREATE_WAIT_MS };

	if (creation)
		creation->undone = done;
	if (creation && offload_start(offload, &work) == 0)
		return;
	if (creation)
		creation_free(creation);
	log_warning("%s was created for an export that failed, and was not removed", path);
	done(arg);
}
