/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that reactors watch for backends (weft/backend.h). Only the reactor uses a
 * watch, except to stop it: any thread may stop a watch, and the end of the reactor, which
 * comes before the devices are closed, stops it too.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include <weft/backend.h>

#include "loop/loop.h"
#include "target/base/reactor.h"
#include "target/base/thread.h"
#include "util/list.h"

struct weft_watch {
	struct loop_watch watch;
	void (*ready)(void *context, unsigned int revents);
	void *context;
	struct list node;		/* in watches */
	struct reactor *reactor;	/* NULL: the reactor has ended */
	bool stopping;			/* weft_watch_stop() was called */
};

/* Guards the list of all watches, and their members `reactor` and `stopping`. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list watches = { &watches, &watches };

static struct weft_watch *watch_of(struct loop_watch *watch)
{
	return container_of(watch, struct weft_watch, watch);
}

static void ready(struct loop_watch *loop_watch, unsigned int revents)
{
	struct weft_watch *watch = watch_of(loop_watch);

	watch->ready(watch->context, revents);
}

static void stopped(struct loop_watch *loop_watch)
{
	struct weft_watch *watch = watch_of(loop_watch);

	pthread_mutex_lock(&lock);
	list_del(&watch->node);
	pthread_mutex_unlock(&lock);
	free(watch);
}

int weft_watch_start(struct weft_watch **ret_watch, void *reactor, int fd, unsigned int events,
		     void (*fn)(void *context, unsigned int revents), void *context)
{
	struct weft_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->watch = (struct loop_watch){
		.fd = fd, .events = events, .ready = ready, .stopped = stopped,
	};
	watch->ready = fn;
	watch->context = context;
	watch->reactor = reactor;
	r = loop_watch_start(watch->reactor->loop, &watch->watch);
	if (r < 0) {
		free(watch);
		return r;
	}
	pthread_mutex_lock(&lock);
	list_add_tail(&watches, &watch->node);
	pthread_mutex_unlock(&lock);
	*ret_watch = watch;
	return 0;
}

/* A stop requested by another thread. */
struct stop {
	struct loop_message message;
	struct weft_watch *watch;
	sem_t done;
};

/* Stops a watch on its reactor's thread; stopped() frees the watch. */
static void stop_here(struct weft_watch *watch)
{
	pthread_mutex_lock(&lock);
	watch->stopping = true;
	pthread_mutex_unlock(&lock);
	loop_watch_stop(&watch->watch);
}

/* If the reactor has ended, this runs when its loop is freed, after watches_end(). */
static void stop_run(struct loop_message *message)
{
	struct stop *stop = container_of(message, struct stop, message);

	if (reactor_current())
		stop_here(stop->watch);
	else
		free(stop->watch);
	sem_post(&stop->done);
}

/* Returns the watch's reactor, or NULL. Posts the stop if that is another thread's reactor. */
static struct reactor *post(struct stop *stop)
{
	struct reactor *reactor;

	/* the loop is not freed while the lock is held */
	pthread_mutex_lock(&lock);
	reactor = stop->watch->reactor;
	if (reactor && reactor != reactor_current())
		loop_post(reactor->loop, &stop->message);
	pthread_mutex_unlock(&lock);
	return reactor;
}

void weft_watch_stop(struct weft_watch *watch)
{
	struct stop stop = { .message.run = stop_run, .watch = watch };
	struct reactor *reactor;

	if (!watch)
		return;
	sem_init(&stop.done, 0, 0);
	reactor = post(&stop);
	if (!reactor)
		free(watch);
	else if (reactor == reactor_current())
		stop_here(watch);
	else
		while (sem_wait(&stop.done) < 0)
			;
	sem_destroy(&stop.done);
}

void watches_end(struct reactor *reactor)
{
	pthread_mutex_lock(&lock);
	list_for_each_safe(node, &watches) {
		struct weft_watch *watch = list_entry(node, struct weft_watch, node);

		if (watch->reactor != reactor)
			continue;
		list_del(&watch->node);
		watch->reactor = NULL;
		if (watch->stopping)
			free(watch);
	}
	pthread_mutex_unlock(&lock);
}
