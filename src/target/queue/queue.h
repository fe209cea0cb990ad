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
#define ADMIN_QUEUE_SIZE_MAX 4096	/* the largest that AQA.ASQS can express */
/* The most commands of a queue that an Abort answered while a backend still executes them. */
#define QUEUE_SPARES 4

/* Written by the queue's reactor, read by any thread (relaxed). */
struct queue_counters {
	_Atomic uint64_t commands, read_bytes, written_bytes, errors;
};

/* From the connection's start to its end; queue_enter() changes the phase. */
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
	struct limits_place place;	/* how the connection counts in the limits */
	struct buffer_share *share;	/* borrowed: the host's I/O buffers; NULL before Connect */
	const struct view_port *port;	/* borrowed from the reactor's view; NULL: not in it */
	/* From Connect on: */
	const struct view_subsystem *subsystem; /* borrowed too; NULL on a discovery controller */
	const struct view_host *host;	/* borrowed too */
	const struct view_namespace *const *by_nsid; /* the subsystem's (view.h) */
	uint32_t by_nsid_count;
	struct controller *ctrl;	/* reference; NULL before Connect */
	const struct command_set *commands; /* its own set, beside the Fabrics commands */
	uint16_t qid;			/* 0: admin */
	uint32_t resets;		/* controller->resets at Connect */
	uint16_t size;			/* entries, the most commands under way; 0: NEW */
	uint16_t request_count;		/* size, and spares for abandoned requests */
	uint16_t requests_used;		/* requests used so far; the others are zero */
	uint16_t sqhd;
	bool flow_control;		/* SQ flow control is in use: SQHD is reported */
	bool stable_data;		/* the transport needs payload that does not change */
	uint8_t phase;			/* enum queue_phase */
	struct request *requests;	/* owned: request_count of them */
	struct list free_requests;
	struct list busy_requests;
	struct buffer_line replies;	/* an admin queue's: buffers of its answers */
	struct list fetches;		/* request.wait: requests whose data is asked for in turn */
	uint32_t fetching;		/* bytes asked for and not yet received, I/O buffers only */
	uint32_t busy;			/* requests that are not free */
	uint32_t held;			/* of these, AERs that wait for an event */
	uint32_t abandoned;		/* of these, answered already and still with a backend */
	struct request first;		/* serves the commands before Connect succeeds */
	struct queue_counters counters;
	uint64_t connected;		/* time(2) of Connect */
	uint64_t uptime_start;		/* loop_clock() of Connect */
};

/* Initializes the queue of a new connection. */
void queue_init(struct queue *queue, struct reactor *reactor, const struct transport_ops *ops,
		uint16_t portid);
/* Enters a later phase, or stays; nothing else changes the phase. On the queue's reactor. */
void queue_enter(struct queue *queue, enum queue_phase phase);
/* True if Connect has succeeded. The queue may be ending already. */
static inline bool queue_connected(const struct queue *queue)
{
	return queue->size != 0;
}

/* Bytes that the requests of a queue of that size take. */
uint64_t queue_memory(uint16_t size);
/*
 * After Connect: allocates the requests and sets the queue's command set. A large queue takes
 * system memory only for the requests that are used at the same time. 0 or -ENOMEM.
 */
int queue_install(struct queue *queue, uint16_t size, const struct command_set *commands);
/* Sets the queue's subsystem and host in its reactor's view; each may be NULL. */
void queue_set_view(struct queue *queue, const struct view_subsystem *subsystem,
		    const struct view_host *host);
/* The next request that was never used, or NULL. */
struct request *queue_next_request(struct queue *queue);
/* Ends the connection, for any cause. Executing requests are awaited. */
void queue_disconnect(struct queue *queue);
/*
 * For the transport, when its socket is closed. Releases the requests that the transport
 * holds (fetching, responding). ops->release() follows when the last executing request has
 * ended.
 */
void queue_closed(struct queue *queue);
/* Releases the queue if its connection is closed and nothing executes. */
void queue_try_release(struct queue *queue);
/* How much in-capsule data a command of this queue may carry, bytes. */
uint32_t queue_capsule_data_max(const struct queue *queue);

/*
 * The namespace as this queue's host sees it; NULL: the host sees none with this NSID.
 * Valid until the turn ends. Commands find namespaces only by this function and the next two.
 */
static inline const struct view_namespace *queue_namespace(const struct queue *queue,
							   uint32_t nsid)
{
	if (nsid < queue->by_nsid_count)
		return queue->by_nsid[nsid];
	return queue->subsystem ? view_find_namespace(queue->subsystem, nsid) : NULL;
}

/* The first namespace that the host sees with an NSID above this one, or NULL. */
static inline const struct view_namespace *queue_namespace_above(const struct queue *queue,
								 uint32_t nsid)
{
	return queue->subsystem ? view_namespace_above(queue->subsystem, nsid) : NULL;
}

/* The namespace after this one that the host sees, or NULL. */
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
