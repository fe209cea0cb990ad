/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reactor: one thread with its loop, the queues that live on it, and the
 * view of the configuration that it works by. Only its own thread touches it.
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
	struct list queues;		/* every struct queue here, by queue.node */
	struct buffer_lines buffers;	/* who waits for I/O buffers */
	_Atomic unsigned int connections; /* for placing new ones; any thread reads it */
};

/* The reactor that runs on this thread, or NULL. */
struct reactor *reactor_current(void);

/*
 * Runs fn(reactor, arg) on each reactor and returns when all have. From the
 * control thread only.
 */
void reactor_call_all(struct target *target, void (*fn)(struct reactor *, void *), void *arg);
/* The same on one reactor. */
void reactor_call(struct reactor *reactor, void (*fn)(struct reactor *, void *), void *arg);

#endif
