/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads for jobs that may block: see pool.h. */
#include "util/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "util/list.h"
#include "util/thread.h"

#define IDLE_SECONDS 5

struct lane {
	struct list node;		/* in pool->ready while one of its jobs may run */
	struct pool_job *first, **last;	/* the queue */
	unsigned int queued, running;
	unsigned int max;		/* running at once */
};

struct thread {
	struct pool *pool;
	pthread_t id;
	struct list node;		/* in pool->alive or pool->ended */
};

struct pool {
	struct pool_options options;
	struct lane **lanes;		/* owned, each; NULL: not used yet */
	unsigned int lane_count;
	pthread_mutex_t lock;		/* guards all below, and the members of each lane */
	pthread_cond_t work;
	struct list ready;		/* of struct lane */
	struct list alive, ended;	/* of struct thread */
	unsigned int runnable;		/* jobs that their lane allows, without a thread */
	unsigned int idle, running;	/* threads */
	unsigned long begun, looked;	/* jobs begun, now and at the last pool_look() */
	bool stop;
};

/* ---- lanes; with the lock held ---- */

/* The number of queued jobs that the lane's limit lets run now. */
static unsigned int lane_runnable(const struct lane *lane)
{
	unsigned int room = lane->max - lane->running;

	return lane->queued < room ? lane->queued : room;
}

/* Updates the pool after a lane changed. before: lane_runnable() before the change. */
static void lane_changed(struct pool *pool, struct lane *lane, unsigned int before)
{
	unsigned int now = lane_runnable(lane);

	pool->runnable += now - before;
	if (!now)
		list_del(&lane->node);
	else if (list_empty(&lane->node))
		list_add_tail(&pool->ready, &lane->node);
}

static void lane_add(struct pool *pool, struct lane *lane, struct pool_job *job)
{
	unsigned int before = lane_runnable(lane);

	job->next = NULL;
	*lane->last = job;
	lane->last = &job->next;
	lane->queued++;
	lane_changed(pool, lane, before);
}

/* The next job of the lane whose turn it is; there is one. */
static struct pool_job *take_job(struct pool *pool, struct lane **ret_lane)
{
	struct lane *lane = list_entry(pool->ready.next, struct lane, node);
	unsigned int before = lane_runnable(lane);
	struct pool_job *job = lane->first;

	lane->first = job->next;
	if (!lane->first)
		lane->last = &lane->first;
	lane->queued--;
	lane->running++;
	list_del(&lane->node); /* the lane goes to the end of the ready lanes */
	lane_changed(pool, lane, before);
	pool->begun++;
	*ret_lane = lane;
	return job;
}

static void lane_ended(struct pool *pool, struct lane *lane)
{
	unsigned int before = lane_runnable(lane);

	lane->running--;
	lane_changed(pool, lane, before);
}

/* ---- threads ---- */

/* Waits for a job that can run. False if the thread must end. With the lock held. */
static bool wait_for_work(struct pool *pool)
{
	struct timespec end;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += IDLE_SECONDS;
	pool->idle++;
	while (!pool->runnable && !pool->stop && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&pool->work, &pool->lock, &end);
	pool->idle--;
	return pool->runnable;
}

static void *thread_main(void *arg)
{
	struct thread *thread = arg;
	struct pool *pool = thread->pool;
	struct pool_job *job;
	struct lane *lane;

	pthread_mutex_lock(&pool->lock);
	while (pool->runnable || wait_for_work(pool)) {
		job = take_job(pool, &lane);
		pthread_mutex_unlock(&pool->lock);
		pool->options.run(job, pool->options.context);
		pthread_mutex_lock(&pool->lock);
		lane_ended(pool, lane);
	}
	pool->running--;
	list_del(&thread->node);
	list_add_tail(&pool->ended, &thread->node);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Starts one more thread. 0 or -errno. With the lock held. */
static int start_thread(struct pool *pool)
{
	struct thread *thread = calloc(1, sizeof(*thread));
	int r;

	if (!thread)
		return -ENOMEM;
	thread->pool = pool;
	r = thread_start(&thread->id, thread_main, thread);
	if (r < 0) {
		free(thread);
		return r;
	}
	list_add_tail(&pool->alive, &thread->node);
	pool->running++;
	return 0;
}

/* Joins the threads in pool->ended. With the lock held. */
static void join_ended(struct pool *pool)
{
	struct list *node;

	while ((node = list_pop(&pool->ended))) {
		struct thread *thread = list_entry(node, struct thread, node);

		pthread_mutex_unlock(&pool->lock);
		pthread_join(thread->id, NULL);
		free(thread);
		pthread_mutex_lock(&pool->lock);
	}
}

/* ---- the pool ---- */

struct pool *pool_new(const struct pool_options *options)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->options = *options;
	list_init(&pool->ready);
	list_init(&pool->alive);
	list_init(&pool->ended);
	pthread_mutex_init(&pool->lock, NULL);
	thread_cond_init(&pool->work);
	return pool;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->work);
	while (!list_empty(&pool->alive)) {
		struct thread *thread = list_entry(pool->alive.next, struct thread, node);

		pthread_mutex_unlock(&pool->lock);
		pthread_join(thread->id, NULL);
		pthread_mutex_lock(&pool->lock);
		list_del(&thread->node); /* from pool->ended */
		free(thread);
	}
	join_ended(pool);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->lane_count; i++)
		free(pool->lanes[i]);
	free(pool->lanes);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* Finds or makes the lane of that number. NULL where memory ran out. */
static struct lane *get_lane(struct pool *pool, unsigned int number)
{
	struct lane *lane;

	if (number >= pool->lane_count) {
		unsigned int count = number + 1 + number / 2;
		struct lane **lanes = reallocarray(pool->lanes, count, sizeof(struct lane *));

		if (!lanes)
			return NULL;
		for (unsigned int i = pool->lane_count; i < count; i++)
			lanes[i] = NULL;
		pool->lanes = lanes;
		pool->lane_count = count;
	}
	lane = pool->lanes[number];
	if (lane)
		return lane;
	lane = calloc(1, sizeof(*lane));
	if (!lane)
		return NULL;
	list_init(&lane->node);
	lane->last = &lane->first;
	lane->max = number == POOL_NO_LANE ? (unsigned int)-1 : pool->options.lane_threads;
	pool->lanes[number] = lane;
	return lane;
}

int pool_start(struct pool *pool, unsigned int number, struct pool_job *job)
{
	struct lane *lane = get_lane(pool, number);
	bool needed;
	int r = 0;

	if (!lane)
		return -ENOMEM;
	pthread_mutex_lock(&pool->lock);
	/* No idle thread is left for this job, and its lane's limit lets it run now. */
	needed = pool->runnable >= pool->idle && lane->queued + lane->running < lane->max;
	if (needed && pool->running < pool->options.threads) {
		join_ended(pool);
		r = start_thread(pool);
		needed = r < 0;
		if (pool->running)
			r = 0;
	}
	if (!r) {
		lane_add(pool, lane, job);
		if (pool->idle)
			pthread_cond_signal(&pool->work);
	}
	pthread_mutex_unlock(&pool->lock);
	return r < 0 ? r : needed;
}

bool pool_look(struct pool *pool)
{
	unsigned int missing;
	bool again;

	pthread_mutex_lock(&pool->lock);
	missing = pool->runnable > pool->idle ? pool->runnable - pool->idle : 0;
	if (pool->begun == pool->looked)
		while (missing-- && start_thread(pool) == 0)
			;
	pool->looked = pool->begun;
	again = pool->runnable > 0;
	join_ended(pool);
	pthread_mutex_unlock(&pool->lock);
	return again;
}
