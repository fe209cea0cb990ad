/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting, but not for ever: see patience.h. */
#include "util/patience.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct call {
	void (*work)(void *arg);
	void (*late)(void *arg);
	void *arg;
	sem_t ended;
	atomic_bool left;	/* by one of the two, waiter and thread: the other one frees */
};

static void call_free(struct call *call)
{
	sem_destroy(&call->ended);
	free(call);
}

static void *run(void *arg)
{
	struct call *call = arg;

	call->work(call->arg);
	if (atomic_exchange(&call->left, true)) {
		call->late(call->arg);
		call_free(call);
	} else {
		sem_post(&call->ended);
	}
	return NULL;
}

/* Whether it ended in time. */
static bool wait_until(struct call *call, const struct timespec *end)
{
	int r;

	do
		r = sem_clockwait(&call->ended, CLOCK_MONOTONIC, end);
	while (r < 0 && errno == EINTR);
	return r == 0;
}

static int start(struct call *call)
{
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, run, call);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		pthread_detach(thread);
	return -r;
}

int patience_call(void (*work)(void *arg), void (*late)(void *arg), void *arg,
		  unsigned int timeout_ms)
{
	struct call *call = calloc(1, sizeof(*call));
	struct timespec end;
	int r;

	if (!call)
		return -ENOMEM;
	call->work = work;
	call->late = late;
	call->arg = arg;
	sem_init(&call->ended, 0, 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	r = start(call);
	if (r < 0) {
		call_free(call);
		return r;
	}
	if (!wait_until(call, &end)) {
		if (!atomic_exchange(&call->left, true))
			return -ETIMEDOUT;
		while (sem_wait(&call->ended) < 0) /* it is about to say that it has ended */
			;
	}
	call_free(call);
	return 0;
}
