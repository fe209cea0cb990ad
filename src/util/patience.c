/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting, but not for ever: see patience.h. */
#include "util/patience.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "util/thread.h"

struct call {
	pthread_t thread;
	void (*work)(void *arg);
	void (*late)(void *arg);
	void *arg;
	pthread_mutex_t lock;	/* guards all below */
	pthread_cond_t changed;
	bool ended;		/* the work has; whoever waits for it frees */
	bool left;		/* nobody waits any more; the thread frees */
};

static struct call *call_new(void)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	pthread_mutex_init(&call->lock, NULL);
	thread_cond_init(&call->changed);
	return call;
}

static void call_free(struct call *call)
{
	pthread_cond_destroy(&call->changed);
	pthread_mutex_destroy(&call->lock);
	free(call);
}

static void *run(void *arg)
{
	struct call *call = arg;
	bool left;

	call->work(call->arg);
	pthread_mutex_lock(&call->lock);
	left = call->left;
	call->ended = true;
	pthread_cond_signal(&call->changed);
	pthread_mutex_unlock(&call->lock);
	if (left) {
		call->late(call->arg);
		call_free(call);
	}
	return NULL;
}

/* Whether it ended in time; if not, it is the thread's, which nobody joins. */
static bool wait_until(struct call *call, const struct timespec *end)
{
	bool ended;
	int r = 0;

	pthread_mutex_lock(&call->lock);
	while (!call->ended && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&call->changed, &call->lock, end);
	ended = call->ended;
	call->left = !ended;
	if (!ended)
		pthread_detach(call->thread);
	pthread_mutex_unlock(&call->lock);
	return ended;
}

int patience_call(void (*work)(void *arg), void (*late)(void *arg), void *arg,
		  unsigned int timeout_ms)
{
	struct call *call = call_new();
	struct timespec end;
	int r;

	if (!call)
		return -ENOMEM;
	call->work = work;
	call->late = late;
	call->arg = arg;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	r = thread_start(&call->thread, run, call);
	if (!r) {
		if (!wait_until(call, &end))
			return -ETIMEDOUT;
		pthread_join(call->thread, NULL);
	}
	call_free(call);
	return r;
}
