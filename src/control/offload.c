/* SPDX-License-Identifier: BSD-3-Clause */
/* Work on separate threads: see offload.h. */
#include "control/offload.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "loop/loop.h"
#include "util/list.h"
#include "util/thread.h"

/* Freed with its last user: a thread that hangs may outlive the offload. */
struct shared {
	pthread_mutex_t lock;	/* guards the members below, and each item's `ended` and `left` */
	unsigned int users;	/* the offload, and each thread */
	unsigned int threads;
	int event_fd;		/* owned: an item has ended; -1: the offload is gone */
};

struct offload {
	struct shared *shared;	/* counted in its `users` */
	struct list items;	/* the items that have not been settled */
	int epoll_fd, timer_fd;	/* owned */
};

struct item {
	struct list node;
	struct shared *shared;	/* its thread is counted in `users` */
	struct offload_work work;
	uint64_t deadline;	/* loop_clock() */
	bool ended;		/* the work has ended: the control thread frees the item */
	bool left;		/* settled before the work has ended: the thread frees the item */
};

/* Drops a use. Called with the lock held; releases it. */
static void drop(struct shared *shared)
{
	bool last = --shared->users == 0;

	pthread_mutex_unlock(&shared->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

static void *run(void *arg)
{
	struct item *item = arg;
	struct shared *shared = item->shared;
	bool left;

	item->work.work(item->work.arg);
	pthread_mutex_lock(&shared->lock);
	left = item->left;
	item->ended = true;
	if (!left)
		eventfd_write(shared->event_fd, 1);
	pthread_mutex_unlock(&shared->lock);
	if (left) {
		item->work.late(item->work.arg);
		free(item);
	}
	pthread_mutex_lock(&shared->lock);
	shared->threads--;
	drop(shared);
	return NULL;
}

static int watch(struct offload *offload, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(offload->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

struct offload *offload_new(void)
{
	struct offload *offload = calloc(1, sizeof(*offload));
	struct shared *shared = calloc(1, sizeof(*shared));

	if (!offload || !shared) {
		free(offload);
		free(shared);
		return NULL;
	}
	pthread_mutex_init(&shared->lock, NULL);
	shared->users = 1;
	shared->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	offload->shared = shared;
	list_init(&offload->items);
	offload->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	offload->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch(offload, shared->event_fd) == 0 && watch(offload, offload->timer_fd) == 0)
		return offload;
	offload_free(offload);
	return NULL;
}

/* Sets the timer to the first deadline, or stops it if there is none. */
static void arm_timer(struct offload *offload)
{
	struct itimerspec when = { .it_value = { 0 } };
	uint64_t first = UINT64_MAX, now = loop_clock(), left;

	list_for_each(node, &offload->items) {
		const struct item *item = list_entry(node, struct item, node);

		if (item->deadline < first)
			first = item->deadline;
	}
	if (first != UINT64_MAX) {
		left = first > now ? first - now : 1;
		when.it_value.tv_sec = (time_t)(left / 1000000000);
		when.it_value.tv_nsec = (long)(left % 1000000000);
	}
	timerfd_settime(offload->timer_fd, 0, &when, NULL);
}

/* Calls done(): with 0 if the work has ended, else with `result`. */
static void settle(struct item *item, int result)
{
	struct shared *shared = item->shared;
	struct offload_work work = item->work;
	bool ended;

	list_del(&item->node);
	pthread_mutex_lock(&shared->lock);
	ended = item->ended;
	pthread_mutex_unlock(&shared->lock);
	if (ended) {
		free(item);
		work.done(work.arg, 0);
		return;
	}
	/* done() comes before late(), which frees arg */
	work.done(work.arg, result);
	pthread_mutex_lock(&shared->lock);
	ended = item->ended;
	item->left = true;
	pthread_mutex_unlock(&shared->lock);
	if (ended) {
		work.late(work.arg);
		free(item);
	}
}

void offload_free(struct offload *offload)
{
	if (!offload)
		return;
	while (!list_empty(&offload->items))
		settle(list_entry(offload->items.next, struct item, node), -ECANCELED);
	pthread_mutex_lock(&offload->shared->lock);
	if (offload->shared->event_fd >= 0)
		close(offload->shared->event_fd);
	offload->shared->event_fd = -1;
	drop(offload->shared);
	if (offload->epoll_fd >= 0)
		close(offload->epoll_fd);
	if (offload->timer_fd >= 0)
		close(offload->timer_fd);
	free(offload);
}

/* Counts one more thread. False if OFFLOAD_MAX threads are running. */
static bool enter(struct shared *shared)
{
	bool room;

	pthread_mutex_lock(&shared->lock);
	room = shared->threads < OFFLOAD_MAX;
	if (room) {
		shared->threads++;
		shared->users++;
	}
	pthread_mutex_unlock(&shared->lock);
	return room;
}

int offload_start(struct offload *offload, const struct offload_work *work)
{
	struct shared *shared = offload->shared;
	struct item *item = calloc(1, sizeof(*item));
	pthread_t thread;
	int r;

	if (!item)
		return -ENOMEM;
	if (!enter(shared)) {
		free(item);
		return -EAGAIN;
	}
	item->shared = shared;
	item->work = *work;
	item->deadline = loop_clock() + work->timeout_ms * UINT64_C(1000000);
	list_add_tail(&offload->items, &item->node);
	r = thread_start(&thread, run, item);
	if (r < 0) {
		list_del(&item->node);
		free(item);
		pthread_mutex_lock(&shared->lock);
		shared->threads--;
		drop(shared);
		return r;
	}
	pthread_detach(thread);
	arm_timer(offload);
	return 0;
}

int offload_fd(const struct offload *offload)
{
	return offload->epoll_fd;
}

/* The first item that has ended or has passed its deadline, or NULL. */
static struct item *find_due(struct offload *offload, uint64_t now)
{
	list_for_each(node, &offload->items) {
		struct item *item = list_entry(node, struct item, node);
		bool ended;

		pthread_mutex_lock(&item->shared->lock);
		ended = item->ended;
		pthread_mutex_unlock(&item->shared->lock);
		if (ended || item->deadline <= now)
			return item;
	}
	return NULL;
}

void offload_run(struct offload *offload)
{
	uint64_t now = loop_clock(), expirations;
	struct item *item;
	eventfd_t count;

	eventfd_read(offload->shared->event_fd, &count);
	while (read(offload->timer_fd, &expirations, sizeof(expirations)) > 0)
		;
	while ((item = find_due(offload, now)))
		settle(item, -ETIMEDOUT);
	arm_timer(offload);
}
