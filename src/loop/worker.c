/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads for what may block. The first is made when it is needed, more while
 * all are taken, and one that found nothing to do for a while ends.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "loop/engine.h"

#define WORKERS 4
#define WORKER_IDLE_SECONDS 5

struct worker {
	struct loop_workers *workers;
	pthread_t thread;
	bool made;			/* to be joined; the loop's thread alone looks at it */
	bool runs;
};

struct loop_workers {
	struct loop *loop;		/* borrowed */
	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t work;
	struct loop_op *first, **last;	/* the queue */
	unsigned int queued, idle, running;
	bool stop;
	struct worker slots[WORKERS];
};

static void finish(struct loop *loop, struct loop_op *op, int result)
{
	struct loop_op *head = atomic_load_explicit(&loop->finished, memory_order_relaxed);

	op->result = result;
	do
		op->next = head;
	while (!atomic_compare_exchange_weak(&loop->finished, &head, op));
	loop_wake(loop);
}

static void queue_add(struct loop_workers *workers, struct loop_op *op)
{
	op->next = NULL;
	*workers->last = op;
	workers->last = &op->next;
	workers->queued++;
}

static struct loop_op *queue_take(struct loop_workers *workers)
{
	struct loop_op *op = workers->first;

	if (!op)
		return NULL;
	workers->first = op->next;
	if (!workers->first)
		workers->last = &workers->first;
	workers->queued--;
	return op;
}

/* Waits for something in the queue; false: the thread should end. With the lock held. */
static bool worker_wait(struct loop_workers *workers)
{
	struct timespec end;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += WORKER_IDLE_SECONDS;
	workers->idle++;
	while (!workers->first && !workers->stop && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&workers->work, &workers->lock, &end);
	workers->idle--;
	return workers->first;
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct loop_workers *workers = worker->workers;
	struct loop_op *op;

	pthread_mutex_lock(&workers->lock);
	while (workers->first || worker_wait(workers)) {
		op = queue_take(workers);
		pthread_mutex_unlock(&workers->lock);
		finish(workers->loop, op, loop_op_perform(op));
		pthread_mutex_lock(&workers->lock);
	}
	workers->running--;
	worker->runs = false;
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

/* One thread more. 0 or -errno. With the lock held. */
static int worker_start(struct loop_workers *workers)
{
	struct worker *worker = workers->slots;
	sigset_t all, before;
	int r;

	while (worker->runs)
		worker++;
	if (worker->made)
		pthread_join(worker->thread, NULL);
	worker->workers = workers;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, worker_run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	worker->made = worker->runs = !r;
	workers->running += !r;
	return -r;
}

static struct loop_workers *workers_new(struct loop *loop)
{
	struct loop_workers *workers = calloc(1, sizeof(*workers));
	pthread_condattr_t attr;

	if (!workers)
		return NULL;
	workers->loop = loop;
	workers->last = &workers->first;
	pthread_mutex_init(&workers->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&workers->work, &attr);
	pthread_condattr_destroy(&attr);
	return workers;
}

void loop_workers_free(struct loop_workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->stop = true;
	pthread_cond_broadcast(&workers->work);
	pthread_mutex_unlock(&workers->lock);
	for (unsigned int i = 0; i < WORKERS; i++)
		if (workers->slots[i].made)
			pthread_join(workers->slots[i].thread, NULL);
	pthread_cond_destroy(&workers->work);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

void loop_workers_start_op(struct loop *loop, struct loop_op *op)
{
	struct loop_workers *workers = loop->workers;
	int r = 0;

	if (!workers)
		workers = loop->workers = workers_new(loop);
	if (!workers) {
		finish(loop, op, -ENOMEM);
		return;
	}
	pthread_mutex_lock(&workers->lock);
	if (workers->queued >= workers->idle && workers->running < WORKERS) {
		r = worker_start(workers);
		if (workers->running)
			r = 0;
	}
	if (!r) {
		queue_add(workers, op);
		pthread_cond_signal(&workers->work);
	}
	pthread_mutex_unlock(&workers->lock);
	if (r)
		finish(loop, op, r);
}
