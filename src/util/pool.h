/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool of threads for jobs that may block or hang. Jobs that may hang together,
 * such as those on one file, share a lane. The jobs of a lane that run at once are
 * limited, so that a file that hangs does not take all threads. Lanes take turns. A
 * thread is made when it is needed and ends after it was idle for a while.
 *
 * The pool has at most `threads` threads while jobs end. While they hang, pool_look()
 * makes more, so that every lane gets its share in the end.
 */
#ifndef WEFT_UTIL_POOL_H
#define WEFT_UTIL_POOL_H

#include <stdbool.h>

struct pool;

struct pool_job {
	struct pool_job *next;		/* the pool's */
};

struct pool_options {
	/* Runs a job on a thread with all signals blocked. It may free the job. */
	void (*run)(struct pool_job *job, void *context);
	void *context;			/* borrowed */
	unsigned int threads;		/* at most, while no job hangs */
	unsigned int lane_threads;	/* of these, at most for one lane */
};

/* The lane for jobs that share nothing: it has no limit of its own. */
#define POOL_NO_LANE 0

/* NULL where memory ran out. options are copied. */
struct pool *pool_new(const struct pool_options *options);
/* Runs the queued jobs, waits for all jobs, and frees the pool. NULL is allowed. */
void pool_free(struct pool *pool);
/*
 * Queues a job. Lanes are small numbers; each costs a few bytes after its first job.
 * Returns 0; or 1 if the job may have to wait for jobs that hang, so that pool_look()
 * must be called; or -errno if the job was not queued (no memory, or no thread could be
 * made). Called by one thread at a time, as is pool_look().
 */
int pool_start(struct pool *pool, unsigned int lane, struct pool_job *job);
/*
 * Makes more threads if no job was begun since the last call. Called every few milliseconds
 * while a job may have to wait. True if it must be called again.
 */
bool pool_look(struct pool *pool);

#endif
