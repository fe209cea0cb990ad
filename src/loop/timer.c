/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers: a binary heap of pointers. A timer has its slot, so that it can be moved or removed. */
#include <errno.h>
#include <stdlib.h>

#include "loop/engine.h"

static void timer_place(struct loop_timers *timers, unsigned int slot, struct loop_timer *timer)
{
	timers->heap[slot] = timer;
	timer->slot = slot;
}

static void timer_rise(struct loop_timers *timers, struct loop_timer *timer)
{
	unsigned int slot = timer->slot;

	while (slot > 1 && timer->when < timers->heap[slot / 2]->when) {
		timer_place(timers, slot, timers->heap[slot / 2]);
		slot /= 2;
	}
	timer_place(timers, slot, timer);
}

static void timer_sink(struct loop_timers *timers, struct loop_timer *timer)
{
	unsigned int slot = timer->slot, child;

	for (; (child = slot * 2) <= timers->count; slot = child) {
		if (child < timers->count &&
		    timers->heap[child + 1]->when < timers->heap[child]->when)
			child++;
		if (timers->heap[child]->when >= timer->when)
			break;
		timer_place(timers, slot, timers->heap[child]);
	}
	timer_place(timers, slot, timer);
}

static int timers_grow(struct loop_timers *timers)
{
	unsigned int capacity = timers->capacity ? timers->capacity * 2 : 64;
	struct loop_timer **heap = reallocarray(timers->heap, capacity, sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	timers->heap = heap;
	timers->capacity = capacity;
	return 0;
}

int loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t after)
{
	struct loop_timers *timers = &loop->timers;
	uint64_t when = loop->now + after;

	if (when < after)
		when = LOOP_NO_TIMEOUT - 1;
	if (!timer->slot) {
		if (timers->count + 2 > timers->capacity && timers_grow(timers))
			return -ENOMEM;
		timer->when = when;
		timer->slot = ++timers->count;
		timer_rise(timers, timer);
	} else if (when < timer->when) {
		timer->when = when;
		timer_rise(timers, timer);
	} else {
		timer->when = when;
		timer_sink(timers, timer);
	}
	return 0;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timers *timers = &loop->timers;
	struct loop_timer *last;
	unsigned int slot = timer->slot;

	if (!slot)
		return;
	timer->slot = 0;
	last = timers->heap[timers->count--];
	if (last == timer)
		return;
	timer_place(timers, slot, last);
	timer_rise(timers, last);
	timer_sink(timers, last);
}

uint64_t loop_timers_next(const struct loop *loop)
{
	return loop->timers.count ? loop->timers.heap[1]->when : LOOP_NO_TIMEOUT;
}

/* Runs at most as many as there were at first, so that timers that restart do not hold the turn. */
void loop_timers_run(struct loop *loop)
{
	struct loop_timers *timers = &loop->timers;
	unsigned int left = timers->count;

	while (left-- && timers->count && timers->heap[1]->when <= loop->now) {
		struct loop_timer *timer = timers->heap[1];

		loop_timer_stop(loop, timer);
		timer->fire(timer);
	}
}
