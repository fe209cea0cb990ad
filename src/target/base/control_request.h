/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests from reactors to the control thread. A reactor fills a request and posts it;
 * the control thread runs it and answers, possibly much later (a disk may be slow). The
 * answer reaches the reactor that the request names, exactly once.
 *
 * Lifetimes:
 *
 *	The poster owns the request and keeps it valid from control_request_post() until
 *	done() is called, which may free it. A control request may lie in a struct request: a
 *	queue is released only after its last request has ended, so both are still there when
 *	the answer comes. Other objects that run() uses must live as long; a pinned namespace
 *	does.
 *
 *	Every posted request is answered. target_stop() runs posted requests while it waits
 *	for the queues to end, so a queue's request is answered before its reactor ends.
 *	Nothing is posted after that. There is no limit of time for an answer.
 */
#ifndef WEFT_TARGET_BASE_CONTROL_REQUEST_H
#define WEFT_TARGET_BASE_CONTROL_REQUEST_H

#include "loop/loop.h"

struct namespace;
struct reactor;
struct target;

struct control_request {
	struct loop_message message;	/* control_request.c's: the way there and back */
	int result;			/* control_request.c's */
	struct reactor *reactor;	/* where done() is called */
	/* Required. On the control thread: leads to control_request_answer(), now or later. */
	void (*run)(struct control_request *request);
	/* Required. On the reactor. result: as answered. */
	void (*done)(struct control_request *request, int result);
};

/* Part of the target: requests that are posted and not run yet. */
struct control_inbox {
	_Atomic(struct loop_message *) posted;	/* newest first */
	int fd;				/* owned: an eventfd, readable while requests are posted */
};

/* Functions that serve reactors' requests. Each is called on the control thread. */
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
/* Runs the posted requests in order. Control thread; called when fd is readable. */
void control_inbox_run(struct control_inbox *inbox);

/* Posts a request. Any thread; does not block. */
void control_request_post(struct target *target, struct control_request *request);
/* Answers a request, once; any thread. result: 0 or -errno. The caller no longer uses it then. */
void control_request_answer(struct control_request *request, int result);

#endif
