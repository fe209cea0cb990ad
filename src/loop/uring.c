/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The io_uring engine: a ring for the loop's thread. The call that waits for the next
 * events submits all operations of the turn, and the kernel does its part of the work
 * inside that call (DEFER_TASKRUN).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loop/uring.h"
#include "util/log.h"

#define SUBMISSIONS 256
#define COMPLETIONS 4096

struct io_uring_sqe *uring_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&u->ring))) {
		/* Fails while the kernel has no memory for requests. */
		if (io_uring_submit(&u->ring) <= 0)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return sqe;
}

/* ---- opening ---- */

static int sysctl_disabled(void)
{
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = 0;

	if (file) {
		/* NOLINTNEXTLINE(cert-err34-c): any number but 0 means disabled */
		if (fscanf(file, "%d", &value) != 1)
			value = 0;
		fclose(file);
	}
	return value;
}

static int setup_failed(int code, struct weft_error *error)
{
	int disabled = sysctl_disabled();

	if (code == EPERM && disabled)
		return weft_error_set(error, code, "io_uring is forbidden by the sysctl "
				      "kernel.io_uring_disabled=%d", disabled);
	if (code == EPERM)
		return weft_error_set(error, code, "io_uring is forbidden, probably by the "
				      "container's seccomp profile");
	if (code == ENOSYS)
		return weft_error_set(error, code, "this kernel has no io_uring");
	if (code == EINVAL)
		return weft_error_set(error, code, "this kernel's io_uring is too old: "
				      "Linux 6.1 or newer is needed");
	return weft_error_set(error, code, "io_uring: %s", strerror(code));
}

static void uring_close(struct loop *loop)
{
	struct uring *u = uring_of(loop);

	io_uring_queue_exit(&u->ring);
	uring_buffers_close(u);
	free(u->lanes);
}

static int uring_open(struct loop *loop, struct weft_error *error)
{
	struct uring *u = uring_of(loop);
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
			 IORING_SETUP_R_DISABLED,
		.cq_entries = COMPLETIONS,
	};
	int r;

	list_init(&u->starved);
	r = io_uring_queue_init_params(SUBMISSIONS, &u->ring, &params);
	if (r)
		return setup_failed(-r, error);
	r = uring_buffers_open(u, error);
	if (r) {
		io_uring_queue_exit(&u->ring);
		return r;
	}
	uring_fixed_open(u);
	r = uring_enable(u, error);
	if (r) {
		uring_close(loop);
		return r;
	}
	/* Saves the lookup of the ring's descriptor in each call. May fail. */
	(void)io_uring_register_ring_fd(&u->ring);
	return 0;
}

/* ---- turns ---- */

static int uring_wait(struct loop *loop, uint64_t timeout)
{
	struct io_uring *ring = &uring_of(loop)->ring;
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;
	int r;

	if (timeout == LOOP_NO_TIMEOUT) {
		r = io_uring_submit_and_wait(ring, 1);
	} else if (timeout) {
		ts.tv_sec = (long long)(timeout / 1000000000);
		ts.tv_nsec = (long long)(timeout % 1000000000);
		r = io_uring_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL);
	} else if (io_uring_sq_ready(ring) ||
		   (__atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED) &
		    (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW))) {
		r = io_uring_submit_and_get_events(ring);
	} else {
		r = 0;
	}
	/* Interrupted, timed out or out of memory: the next call submits the rest. */
	if (r < 0 && r != -EINTR && r != -ETIME && r != -EAGAIN && r != -EBUSY) {
		log_err("io_uring_enter: %s", strerror(-r));
		return r;
	}
	return io_uring_cq_ready(ring) > 0;
}

static void completed(struct uring *u, uint64_t user_data, int result, unsigned int flags)
{
	void *object = (void *)(uintptr_t)(user_data & ~(uint64_t)URING_TAGS);

	switch ((enum uring_tag)(user_data & URING_TAGS)) {
	case URING_RECEIVE:
		uring_received(u, object, result, flags);
		break;
	case URING_SEND:
		uring_sent(object, result);
		break;
	case URING_CANCEL:
		uring_cancelled(object);
		break;
	case URING_ACCEPT:
		uring_accepted(object, result, flags);
		break;
	case URING_ACCEPT_CANCEL:
		uring_accept_cancelled(object);
		break;
	case URING_OP:
		uring_op_ended(object, result);
		break;
	case URING_WATCH:
		uring_watched(object, result, flags);
		break;
	case URING_NOTHING:
		break;
	}
}

static void uring_dispatch(struct loop *loop)
{
	struct uring *u = uring_of(loop);
	unsigned int count = io_uring_cq_ready(&u->ring);

	while (count--) {
		struct io_uring_cqe *cqe;

		if (io_uring_peek_cqe(&u->ring, &cqe))
			break;
		uint64_t user_data = cqe->user_data;
		int result = cqe->res;
		unsigned int flags = cqe->flags;

		io_uring_cq_advance(&u->ring, 1);
		completed(u, user_data, result, flags);
	}
}

static bool uring_busy(const struct loop *loop)
{
	const struct uring *u = container_of(loop, const struct uring, loop);

	return !list_empty(&u->starved);
}

const struct loop_engine_ops loop_engine_uring = {
	.name = "io_uring",
	.size = sizeof(struct uring),
	.open = uring_open,
	.close = uring_close,
	.wait = uring_wait,
	.dispatch = uring_dispatch,
	.settle = uring_settle,
	.busy = uring_busy,
	.watch_start = uring_watch_start,
	.watch_stop = uring_watch_stop,
	.listener_start = uring_listener_start,
	.listener_stop = uring_listener_stop,
	.socket_open = uring_socket_open,
	.socket_send = uring_socket_send,
	.socket_takes = uring_socket_takes,
	.socket_close = uring_socket_close,
	.op_start = uring_op_start,
	.buffers_forget = uring_fixed_forget,
};
