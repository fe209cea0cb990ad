/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The target as a whole: its reactors, its published view, and the lock for data that
 * several threads change seldom (lists of controllers and queues). The lock is never
 * taken per I/O.
 */
#ifndef WEFT_TARGET_BASE_TARGET_H
#define WEFT_TARGET_BASE_TARGET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "target/base/control_request.h"
#include "target/base/limits.h"
#include "util/list.h"

struct reactor;
struct view;
struct subsystem;
struct weft_error;
enum loop_engine;

struct target_options {
	unsigned int reactor_count;	/* >= 1 */
	const int *cpus;		/* reactor_count entries, or NULL: not pinned */
	int engine;			/* enum loop_engine */
	unsigned int poll_us;
	uint32_t connect_timeout_ms;	/* for ICReq, and again for Connect */
	/* Limits for hosts (limits.h); 0: no limit. */
	uint32_t max_connections;	/* at a time */
	uint32_t max_pending_connections; /* of one address, before Connect */
	uint32_t max_host_connections;	/* of one host */
	uint64_t max_memory;		/* bytes of connections, queues and controllers */
	uint64_t max_buffers;		/* bytes of I/O buffers of all reactors; 0: the default */
	uint32_t stall_timeout_ms;	/* of a host that neither takes nor sends data; 0: none */
};

struct target {
	struct target_options options;
	struct reactor **reactors;
	unsigned int reactor_count;
	pthread_t *threads;
	pthread_mutex_t lock;
	struct view *view;		/* the published one; control thread only */
	struct list subsystems;		/* struct subsystem.node, under lock */
	struct subsystem *discovery;	/* the discovery subsystem, by its well-known NQN */
	struct limits limits;		/* under lock */
	size_t buffer_limit;		/* bytes of I/O buffers of each reactor */
	struct list closed_namespaces;	/* struct namespace.node, to be freed; control thread */
	struct control_inbox inbox;	/* requests of reactors to the control thread */
	const struct control_ops *control; /* borrowed: serves the inbox; set before hosts are
					      served; NULL: none */
	void *control_context;		/* argument of its functions */
	uint64_t started;		/* loop_clock() */
	_Atomic bool draining;		/* no new connections */
};

/* Starts the reactors' threads. 0, or -errno with *error filled. */
int target_start(struct target **ret_target, const struct target_options *options,
		 struct weft_error *error);
/*
 * Ends every connection, and waits at most timeout_ms for executing commands. Then stops
 * the reactors and frees everything but the open namespaces, which the caller owns through
 * its views. True if all commands ended in time.
 */
bool target_stop(struct target *target, unsigned int timeout_ms);

#endif
