/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests from reactors to the control thread. A reactor fills a request and posts it;
 * the control thread runs it, takes its time where it has to (the disk is slow), and
 * answers; the answer comes back to the reactor that the request names, exactly once.
 *
 * Lifetimes:
 *
 *	The request is the poster's. It stays where it is from control_request_post() until
 *	done() is called, which may free it. It may lie in a struct request: a queue whose
 *	connection has ended is released only after its last request, so the answer always
 *	finds both. What else run() uses must live as long; a namespace does if it is pinned.
 *
 *	Each request that was posted is answered. target_stop() runs what is posted while it
 *	waits for the queues to end, so a request of a queue is answered before its reactor
 *	ends. Nobody posts after that. How long an answer may take is up to who answers.
 */
#ifndef WEFT_TARGET_BASE_CONTROL_REQUEST_H
#define WEFT_TARGET_BASE_CONTROL_REQUEST_H

#include "loop/loop.h"

struct namespace;
struct reactor;
struct target;

struct control_request {
	struct loop_message message;	/* the seam's: the way there and back */
	int result;			/* the seam's */
	struct reactor *reactor;	/* where done() is called */
	/* Required. Control thread: ends in control_request_answer(), at once or later. */
	void (*run)(struct control_request *request);
	/* Required. On the reactor. result: as answered. */
	void (*done)(struct control_request *request, int result);
};

/* Part of the target: what is posted and not run yet. */
struct control_inbox {
	_Atomic(struct loop_message *) posted;	/* the newest first */
	int fd;				/* owned: an eventfd, readable while something is posted */
};

/* What the control thread does for reactors. Each is called on the control thread. */
struct control_ops {
	/*
	 * Required. A flush of this namespace failed, or was refused because one had failed.
	 * Answers when that is known to survive a restart: 0; -errno: it cannot be stored.
	 */
	void (*flush_failed)(struct control_request *request, struct namespace *ns, void *context);
	/*
	 * Required. Called again and again while the control thread waits in target_stop():
	 * answers what can be answered by now.
	 */
	void (*progress)(void *context);
};

/* 0 or -errno. */
int control_inbox_init(struct control_inbox *inbox);
void control_inbox_done(struct control_inbox *inbox);
/* Runs what was posted, in the order in which it was. Control thread; due when fd is readable. */
void control_inbox_run(struct control_inbox *inbox);

/* Any thread; does not wait. */
void control_request_post(struct target *target, struct control_request *request);
/* Once for each request; any thread. result: 0 or -errno. The request is its reactor's then. */
void control_request_answer(struct control_request *request, int result);

#endif
