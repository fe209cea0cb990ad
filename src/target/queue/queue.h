/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue pair: one connection of a host. It lives on one reactor from the
 * transport's queue_init() to release().
 */
#ifndef WEFT_TARGET_QUEUE_QUEUE_H
#define WEFT_TARGET_QUEUE_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "target/base/limits.h"
#include "target/model/view.h"
#include "target/queue/request.h"
#include "util/list.h"

struct command_set;
struct controller;
struct reactor;
struct transport_ops;

#define QUEUE_SIZE_MAX 1024		/* of an I/O queue */
#define QUEUE_SIZE_MIN 2
#define ADMIN_QUEUE_SIZE_MAX 4096	/* as AQA.ASQS can say */
/* Commands of a queue that an Abort answered while a backend keeps them: this many at a time. */
#define QUEUE_SPARES 4

/* Written by the queue's reactor, read by any thread (relaxed). */
struct queue_counters {
	_Atomic uint64_t commands, read_bytes, written_bytes, errors;
};

/* From the connection's start to its end; queue_enter() goes from one to the next. */
enum queue_phase {
	QUEUE_NEW,		/* Connect has not succeeded */
	QUEUE_LIVE,
	QUEUE_DRAINING,		/* the daemon ends: commands that arrive are dropped */
	QUEUE_CLOSING,		/* disconnect() was called */
	QUEUE_CLOSED,		/* the transport has let go of the socket */
};

struct queue {
	struct list node;		/* in reactor->queues */
	struct reactor *reactor;
	const struct transport_ops *ops;
	uint16_t portid;
	struct limits_place place;	/* what of the daemon's bounds it has */
	struct buffer_share *share;	/* borrowed: its host's I/O buffers; NULL before Connect */
	const struct view_port *port;	/* borrowed from the reactor's view; NULL: it is gone */
	/* From Connect on: */
	const struct view_subsystem *subsystem; /* the same; NULL on a discovery controller */
	const struct view_host *host;	/* the same */
	const struct view_namespace *const *by_nsid; /* the subsystem's (view.h) */
	uint32_t by_nsid_count;
	struct controller *ctrl;	/* reference; NULL before Connect */
	const struct command_set *commands; /* its own, beside the Fabrics commands */
	uint16_t qid;			/* 0: admin */
	uint32_t resets;		/* how often the controller had been reset at Connect */
	uint16_t size;			/* entries: commands under way, at most; 0: NEW */
	uint16_t request_count;		/* size, and spares for those that are abandoned */
	uint16_t requests_used;		/* so many of them were used; the rest are zero */
	uint16_t sqhd;
	bool flow_control;		/* SQ flow control is in use: SQHD is reported */
	bool stable_data;		/* transport: payload may not change while it is sent */
	uint8_t phase;			/* enum queue_phase */
	struct request *requests;	/* owned: request_count of them */
	struct list free_requests;
	struct list busy_requests;
	struct buffer_line replies;	/* an admin queue's: data of its answers */
	struct list fetches;		/* request.wait: their data is asked for in turn */
	uint32_t fetching;		/* bytes that were asked for, into I/O buffers */
	uint32_t busy;			/* requests that are not free */
	uint32_t held;			/* of those, AERs that wait for an event */
	uint32_t abandoned;		/* of those, answered already and still with a backend */
	struct request first;		/* serves the commands before Connect succeeds */
	struct queue_counters counters;
	uint64_t connected;		/* time(2) of Connect */
	uint64_t uptime_start;		/* loop_clock() of Connect */
};

/* The connection is up: no command yet. */
void queue_init(struct queue *queue, struct reactor *reactor, const struct transport_ops *ops,
		uint16_t portid);
/* The one place where the phase changes: to a later one, or it stays. Its reactor's. */
void queue_enter(struct queue *queue, enum queue_phase phase);
/* Has Connect succeeded? The queue may be ending since. */
static inline bool queue_connected(const struct queue *queue)
{
	return queue->size != 0;
}

/* What the requests of a queue of that size take, bytes. */
uint64_t queue_memory(uint16_t size);
/*
 * Connect succeeded: allocates the requests; these are its commands. A large queue takes memory
 * of the system only for as many requests as are used at a time. 0 or -ENOMEM.
 */
int queue_install(struct queue *queue, uint16_t size, const struct command_set *commands);
/* What the queue sees of its reactor's view from now on, as whom; each may be NULL. */
void queue_set_view(struct queue *queue, const struct view_subsystem *subsystem,
		    const struct view_host *host);
/* A request that was not used yet, or NULL. */
struct request *queue_next_request(struct queue *queue);
/* Ends the connection, from any cause; what executes is awaited. */
void queue_disconnect(struct queue *queue);
/*
 * Transport: the socket is gone. Requests that it still held (fetching,
 * responding) are released by this call; ops->release() follows when the
 * last executing one has ended.
 */
void queue_closed(struct queue *queue);
/* Releases the queue if its connection is closed and nothing executes. */
void queue_try_release(struct queue *queue);
/* How much in-capsule data a command of this queue may carry, bytes. */
uint32_t queue_capsule_data_max(const struct queue *queue);

/*
 * The namespace as this queue's host sees it; NULL: the host sees none there. Valid
 * until the turn ends. Every command looks it up by this function or the next two.
 */
static inline const struct view_namespace *queue_namespace(const struct queue *queue,
							   uint32_t nsid)
{
	if (nsid < queue->by_nsid_count)
		return queue->by_nsid[nsid];
	return queue->subsystem ? view_find_namespace(queue->subsystem, nsid) : NULL;
}

/* Of those that the host sees, the first whose NSID is above this one, or NULL. */
static inline const struct view_namespace *queue_namespace_above(const struct queue *queue,
								 uint32_t nsid)
{
	return queue->subsystem ? view_namespace_above(queue->subsystem, nsid) : NULL;
}

/* Of those that the host sees, the one after this, or NULL. */
static inline const struct view_namespace *queue_namespace_after(const struct queue *queue,
								 const struct view_namespace *ns)
{
	const struct view_subsystem *subsystem = queue->subsystem;

	return ++ns < subsystem->namespaces + subsystem->namespace_count ? ns : NULL;
}

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

#endif
