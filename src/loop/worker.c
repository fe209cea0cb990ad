/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads for operations that may block (util/pool.h). Each file is a lane, so a file that
 * hangs holds only a few threads.
 */
#include <errno.h>
#include <stdlib.h>

#include "loop/engine.h"
#include "util/pool.h"

#define WORKERS 16
#define WORKERS_OF_A_FILE 8
#define LOOK_NS UINT64_C(10000000)

struct loop_workers {
	struct loop *loop;		/* borrowed */
	struct pool *pool;		/* owned */
	struct loop_timer look;		/* runs while operations may wait for threads that hang */
};

static void run(struct pool_job *job, void *context)
{
	struct loop_op *op = container_of(job, struct loop_op, job);
	struct loop_workers *workers = context;

	loop_op_finish(workers->loop, op, loop_op_perform(op));
}

static void look(struct loop_timer *timer)
{
	struct loop_workers *workers = container_of(timer, struct loop_workers, look);

	if (pool_look(workers->pool))
		loop_timer_start(workers->loop, timer, LOOK_NS);
}

static struct loop_workers *workers_new(struct loop *loop)
{
	struct loop_workers *workers = calloc(1, sizeof(*workers));
	struct pool_options options = {
		.run = run, .context = workers, .threads = WORKERS,
		.lane_threads = WORKERS_OF_A_FILE,
	};

	if (!workers)
		return NULL;
	workers->loop = loop;
	workers->look.fire = look;
	workers->pool = pool_new(&options);
	if (!workers->pool) {
		free(workers);
		return NULL;
	}
	return workers;
}

void loop_workers_free(struct loop_workers *workers)
{
	if (!workers)
		return;
	loop_timer_stop(workers->loop, &workers->look);
	pool_free(workers->pool);
	free(workers);
}

void loop_workers_start_op(struct loop *loop, struct loop_op *op)
{
	struct loop_workers *workers = loop->workers;
	unsigned int lane = (unsigned int)(op->fd + 2); /* operations without a file share a lane */
	int r;

	if (!workers)
		workers = loop->workers = workers_new(loop);
	r = workers ? pool_start(workers->pool, lane, &op->job) : -ENOMEM;
	if (r < 0)
		loop_op_finish(loop, op, r);
	else if (r && !workers->look.slot)
		loop_timer_start(loop, &workers->look, LOOK_NS);
}
