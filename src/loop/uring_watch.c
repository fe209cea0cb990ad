/* SPDX-License-Identifier: BSD-3-Clause */
/* io_uring: a watched descriptor is a multishot poll. */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "loop/uring.h"

/* False for regular files, which poll(2) always reports as ready: they have no edges. */
static bool has_edges(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static void arm(struct loop_watch *watch)
{
	struct io_uring_sqe *sqe = uring_sqe(uring_of(watch->loop));

	io_uring_prep_poll_multishot(sqe, watch->fd, watch->events);
	uring_tag(sqe, watch, URING_WATCH);
	watch->armed = true;
}

int uring_watch_start(struct loop_watch *watch)
{
	if (!has_edges(watch->fd))
		return -EPERM;
	arm(watch);
	return 0;
}

/* The poll's own completion follows, and is its last. */
void uring_watch_stop(struct loop_watch *watch)
{
	struct io_uring_sqe *sqe = uring_sqe(uring_of(watch->loop));

	io_uring_prep_cancel64(sqe, (uintptr_t)watch | URING_WATCH, 0);
	uring_tag(sqe, NULL, URING_NOTHING);
}

/* Restarts a poll that ended by itself (the completion queue was full); no edge is missed. */
void uring_watched(struct loop_watch *watch, int result, unsigned int flags)
{
	bool more = flags & IORING_CQE_F_MORE;

	if (!more)
		watch->armed = false;
	if (result > 0)
		loop_watch_ready(watch, (unsigned int)result);
	if (more)
		return;
	if (watch->stopping)
		loop_watch_ended(watch);
	else if (result >= 0)
		arm(watch);
	else
		loop_watch_failed(watch);
}
