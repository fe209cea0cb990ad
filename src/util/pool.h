/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads for what may block, or hang. Jobs that share a fate, such as those on
 * one file, share a lane: of each lane only so many run at once, so that a file
 * that hangs takes a part of the threads and leaves the others. Lanes take
 * turns. A thread is made when it is needed and ends when it found nothing to
 * do for a while.
 *
 * There are `threads` of them as long as all get on; where those hang,
 * pool_look() makes more, so that in the end every lane gets its share.
 */
#ifndef WEFT_UTIL_POOL_H
#define WEFT_UTIL_POOL_H

#include <stdbool.h>

struct pool;

struct pool_job {
	struct pool_job *next;		/* the pool's */
};

struct pool_options {
	/* Runs a job, on a thread with all signals blocked; the job may be gone when it returns. */
	void (*run)(struct pool_job *job, void *context);
	void *context;			/* borrowed */
	unsigned int threads;		/* at a time, while none hangs */
	unsigned int lane_threads;	/* of them, for one lane */
};

/* The lane of jobs that have nothing to do with one another: it has no bound of its own. */
#define POOL_NO_LANE 0

/* NULL where memory ran out. options are copied. */
struct pool *pool_new(const struct pool_options *options);
/* Runs what is queued, waits for all jobs, frees. NULL is harmless. */
void pool_free(struct pool *pool);
/*
 * Queues a job. Lanes are small numbers; each costs a few bytes from its first
 * job on. 0; 1: it may have to wait for jobs that hang, so pool_look() is due;
 * or -errno: it was not queued (no memory, or not a single thread could be
 * made). From one thread at a time, as pool_look().
 */
int pool_start(struct pool *pool, unsigned int lane, struct pool_job *job);
/*
 * To be called every few milliseconds while a job may have to wait: makes more
 * threads where no job was begun since the last call. Whether it is to be
 * called again.
 */
bool pool_look(struct pool *pool);

#endif
