/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An example of a plugin whose completions come by a descriptor: a disk in memory whose
 * I/O takes a while, and no thread. Each reactor has a lane of its own with a timerfd,
 * which that reactor watches; an eventfd or a socket of a library would do as well. All
 * that a lane has is used on its reactor's thread alone, so nothing of it needs a lock.
 */
#include <weft/backend.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct timer {
	char *data;			/* owned mapping of size bytes */
	uint64_t size;
	uint64_t delay;			/* nanoseconds */
	_Atomic(struct lane *) lanes;	/* owned; each is added once and stays */
	pthread_mutex_t adding;
};

/* The I/O of one reactor. */
struct lane {
	struct lane *next;
	struct timer *timer;
	void *reactor;
	int fd;				/* owned: a timerfd */
	struct weft_watch *watch;
	struct weft_io *first, **last;	/* a queue, in the order of their times */
};

/* What an I/O needs while it waits; lives in its scratch. */
struct wait {
	struct weft_io *next;
	uint64_t due;			/* CLOCK_MONOTONIC, nanoseconds */
};

_Static_assert(sizeof(struct wait) <= WEFT_IO_SCRATCH, "fits an I/O's scratch");

static struct wait *wait_of(struct weft_io *io)
{
	return (struct wait *)(void *)io->scratch;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int perform(struct timer *timer, const struct weft_io *io)
{
	char *at = timer->data + io->offset;

	switch (io->op) {
	case WEFT_OP_READ:
		for (unsigned int i = 0; i < io->iov_count; at += io->iov[i++].iov_len)
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		return 0;
	case WEFT_OP_WRITE:
		for (unsigned int i = 0; i < io->iov_count; at += io->iov[i++].iov_len)
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		return 0;
	case WEFT_OP_WRITE_ZEROES:
		memset(at, 0, io->length);
		return 0;
	case WEFT_OP_FLUSH:
	case WEFT_OP_DISCARD:
		return 0;
	}
	return -EOPNOTSUPP;
}

/* ---- a lane, on its reactor's thread ---- */

static void set_timer(struct lane *lane)
{
	uint64_t due = wait_of(lane->first)->due;
	struct itimerspec when = {
		.it_value = { (time_t)(due / 1000000000), (long)(due % 1000000000) },
	};

	timerfd_settime(lane->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* The timer has gone off: completes what is due. An I/O that is done may be submitted anew. */
static void lane_ready(void *context, unsigned int revents)
{
	struct lane *lane = context;
	uint64_t expirations;

	if (!(revents & POLLIN) || read(lane->fd, &expirations, sizeof(expirations)) < 0)
		return; /* not yet */
	while (lane->first && wait_of(lane->first)->due <= now()) {
		struct weft_io *io = lane->first;

		lane->first = wait_of(io)->next;
		if (!lane->first)
			lane->last = &lane->first;
		weft_io_done(io, perform(lane->timer, io));
	}
	if (lane->first)
		set_timer(lane);
}

static void lane_free(struct lane *lane)
{
	weft_watch_stop(lane->watch);
	if (lane->fd >= 0)
		close(lane->fd);
	free(lane);
}

/* NULL, with errno set. */
static struct lane *lane_new(struct timer *timer, void *reactor)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	int r;

	if (!lane)
		return NULL;
	lane->timer = timer;
	lane->reactor = reactor;
	lane->last = &lane->first;
	lane->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	r = lane->fd < 0 ? -errno : weft_watch_start(&lane->watch, reactor, lane->fd, POLLIN,
						     lane_ready, lane);
	if (r < 0) {
		lane_free(lane);
		errno = -r;
		return NULL;
	}
	pthread_mutex_lock(&timer->adding);
	lane->next = timer->lanes;
	timer->lanes = lane;
	pthread_mutex_unlock(&timer->adding);
	return lane;
}

static struct lane *lane_of(struct timer *timer, void *reactor)
{
	for (struct lane *lane = timer->lanes; lane; lane = lane->next)
		if (lane->reactor == reactor)
			return lane;
	return lane_new(timer, reactor);
}

/* ---- the device ---- */

static void timer_submit(void *device, struct weft_io *io)
{
	struct timer *timer = device;
	struct lane *lane = lane_of(timer, io->reactor);
	bool first;

	if (!lane) {
		weft_io_done(io, -errno);
		return;
	}
	*wait_of(io) = (struct wait){ .due = now() + timer->delay };
	first = !lane->first;
	*lane->last = io;
	lane->last = &wait_of(io)->next;
	if (first)
		set_timer(lane);
}

static int timer_open(void **ret_device, const struct weft_params *params,
		      struct weft_info *ret_info, struct weft_error *error)
{
	uint64_t size = weft_param_number(params, "size", 0);
	struct timer *timer;

	if (size < 4096)
		return weft_error_set(error, EINVAL, "timer: the size must be 4096 or more");
	timer = calloc(1, sizeof(*timer));
	if (!timer)
		return weft_error_set(error, ENOMEM, "out of memory");
	timer->size = size;
	timer->delay = weft_param_number(params, "delay", 100) * 1000;
	timer->data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (timer->data == MAP_FAILED) {
		int r = weft_error_set(error, errno, "timer: %s", strerror(errno));

		free(timer);
		return r;
	}
	pthread_mutex_init(&timer->adding, NULL);
	*ret_device = timer;
	*ret_info = (struct weft_info){
		.size = size, .block_size = 512, .physical_block_size = 4096,
	};
	return 0;
}

/* On a thread of its own, with no I/O left: the reactors stop watching. */
static void timer_close(void *device)
{
	struct timer *timer = device;
	struct lane *lane = timer->lanes;

	while (lane) {
		struct lane *next = lane->next;

		lane_free(lane);
		lane = next;
	}
	pthread_mutex_destroy(&timer->adding);
	munmap(timer->data, timer->size);
	free(timer);
}

static const struct weft_option timer_options[] = {
	{ .name = "size", .type = WEFT_OPTION_SIZE, .required = true, .help = "size of the disk" },
	{ .name = "delay", .type = WEFT_OPTION_NUMBER, .fallback = "100",
	  .help = "how long each I/O takes, microseconds" },
	{ 0 },
};

static const struct weft_backend timer_backend = {
	.size = sizeof(struct weft_backend),
	.name = "timer",
	.summary = "a disk in memory that a timer completes, without a thread",
	.flags = WEFT_BACKEND_UNALIGNED,
	.options = timer_options,
	.open = timer_open,
	.close = timer_close,
	.submit = timer_submit,
};

/* The one symbol that weftd looks for. */
const struct weft_backend *weft_plugin(void);

const struct weft_backend *weft_plugin(void)
{
	return &timer_backend;
}
