/* SPDX-License-Identifier: BSD-3-Clause */
/* Watched descriptors: the part that both engines share. */
#include "loop/engine.h"

#define RETRY_AFTER 100000000ull	/* nanoseconds */

static void stopped(struct loop_task *task)
{
	struct loop_watch *watch = container_of(task, struct loop_watch, ended);

	watch->stopped(watch);
}

static void retry(struct loop_timer *timer)
{
	struct loop_watch *watch = container_of(timer, struct loop_watch, retry);

	if (watch->loop->ops->watch_start(watch) < 0)
		loop_watch_failed(watch);
}

int loop_watch_start(struct loop *loop, struct loop_watch *watch)
{
	watch->loop = loop;
	watch->stopping = false;
	watch->armed = false;
	watch->retry = (struct loop_timer){ .fire = retry };
	loop_task_init(&watch->ended, stopped);
	return loop->ops->watch_start(watch);
}

void loop_watch_stop(struct loop_watch *watch)
{
	if (watch->stopping)
		return;
	watch->stopping = true;
	loop_timer_stop(watch->loop, &watch->retry);
	if (watch->armed)
		watch->loop->ops->watch_stop(watch);
	else
		loop_watch_ended(watch);
}

void loop_watch_ready(struct loop_watch *watch, unsigned int revents)
{
	if (!watch->stopping)
		watch->ready(watch, revents);
}

void loop_watch_failed(struct loop_watch *watch)
{
	/* without memory for the timer, the watch stays silent */
	(void)loop_timer_start(watch->loop, &watch->retry, RETRY_AFTER);
}

void loop_watch_ended(struct loop_watch *watch)
{
	watch->armed = false;
	loop_defer(watch->loop, &watch->ended);
}
