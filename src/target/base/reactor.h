/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reactor: one thread with its loop, its queues, and the view of the configuration
 * that it uses. Only the reactor's own thread uses this.
 */
#ifndef WEFT_TARGET_BASE_REACTOR_H
#define WEFT_TARGET_BASE_REACTOR_H

#include <stdatomic.h>

#include "loop/loop.h"
#include "target/base/buffer_share.h"
#include "util/list.h"

struct target;
struct view;

struct reactor {
	struct target *target;		/* borrowed */
	struct loop *loop;		/* owned by the thread that runs it */
	unsigned int index;		/* 0..target->reactor_count - 1 */
	const struct view *view;	/* borrowed from target, replaced by view_publish() */
	struct list queues;		/* struct queue.node of its queues */
	struct buffer_lines buffers;	/* commands that wait for I/O buffers */
	_Atomic unsigned int connections; /* to place new connections; any thread reads it */
};

/* The reactor that runs on this thread, or NULL. */
struct reactor *reactor_current(void);

/*
 * Runs fn(reactor, arg) on each reactor, and returns when all calls have returned.
 * Control thread only.
 */
void reactor_call_all(struct target *target, void (*fn)(struct reactor *, void *), void *arg);
/* The same on one reactor. */
void reactor_call(struct reactor *reactor, void (*fn)(struct reactor *, void *), void *arg);

#endif
