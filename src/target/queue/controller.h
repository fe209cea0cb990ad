/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dynamic controller: one association of one host. It belongs to the reactor
 * of its admin queue; its I/O queues may live on others and only read the
 * fields marked so. Kept by reference: one for each queue.
 */
#ifndef WEFT_TARGET_QUEUE_CONTROLLER_H
#define WEFT_TARGET_QUEUE_CONTROLLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "spec/fabrics.h"
#include "spec/nvme.h"
#include "target/model/view.h"
#include "util/list.h"
#include "util/log_peer.h"

struct queue;
struct reactor;
struct request;
struct subsystem;
struct target;

#define CONTROLLER_AER_MAX 4		/* AERL is 0's based: 3 */
#define CONTROLLER_ABORT_MAX 4		/* ACL is 0's based: 3 */
#define CONTROLLER_ERROR_LOG 128
#define CONTROLLER_FEATURES 16		/* how many there may be */
#define CONTROLLER_QUEUES_MAX 128	/* I/O queues, at most */
#define CONTROLLER_KATO_MAX_MS 3600000	/* longer ones are capped: firmware asks for days */
#define DISCOVERY_KATO_MS 120000	/* of a discovery controller that asked for none */

/* An event that is waiting for an Asynchronous Event Request. */
struct controller_event {
	uint8_t type, info, log;
};
#define CONTROLLER_EVENTS_MAX 16

struct controller {
	struct list node;		/* in subsystem->controllers, under the lock */
	_Atomic unsigned int refs;
	struct subsystem *subsystem;	/* reference */
	struct reactor *reactor;	/* of the admin queue; any thread reads it */
	bool discovery;
	uint16_t cntlid;
	uint16_t portid;
	char hostnqn[NVMF_NQN_MAX + 1];	/* never changes; "": it has none */
	char peer[LOG_PEER_NAME];	/* limits_peer() of its admin queue; never changes */
	uint8_t hostid[16];		/* never changes */
	_Atomic bool traffic;		/* a command came since the keep alive timer last looked */
	_Atomic bool ready;		/* CSTS.RDY; I/O queues read it */
	_Atomic bool dead;		/* being torn down; any thread reads it */
	_Atomic uint32_t kato_ms;	/* 0: off; any thread reads it */
	_Atomic uint32_t resets;	/* by CC.EN; queues of before the last one are to end */

	/* Under the target's lock: */
	struct queue *admin;		/* NULL until Connect is done, and once it is gone */
	struct queue *io[CONTROLLER_QUEUES_MAX + 1]; /* by QID */
	bool other_id;			/* an I/O queue's Connect had another Host Identifier */

	/* The admin reactor's only: */
	uint32_t cc, csts;
	struct loop_timer keep_alive;	/* every half of KATO */
	unsigned int quiet_periods;	/* how many of those without a command */
	uint16_t queues_granted;	/* Set Features 07h: I/O queues, 1.. */
	bool queues_frozen;		/* an I/O queue was made: 07h may not change */
	uint32_t async_config;		/* feature 0Bh */
	uint32_t features[CONTROLLER_FEATURES]; /* values that hosts set, by row of features.c */
	uint16_t temperature_over, temperature_under; /* feature 04h, kelvins */
	struct request *aer[CONTROLLER_AER_MAX];
	unsigned int aer_count;
	struct controller_event events[CONTROLLER_EVENTS_MAX];
	unsigned int event_count;
	uint32_t events_masked;		/* bits of 0Bh: sent, and the log was not read since */
	uint64_t discovery_digest;	/* of the entries of log 70h that the host knows; 0: none */
	unsigned int abort_count;	/* Abort commands under way */
	bool host_acre;			/* feature 16h: the host heeds command retry delays */
	uint32_t *changed_ns;		/* owned: NSIDs for log 04h, ascending */
	unsigned int changed_ns_count;
	bool changed_ns_many;		/* more of them than the log page takes */
	uint32_t mnan;			/* what Identify told the host; 0: nothing yet */
	struct nvme_log_error *errors;	/* owned: ring, NULL until the first error */
	uint64_t error_count;
	struct controller_stop *stops;	/* owned: one for each reactor */
};

/* What messages call a host: its NQN, or that it has none. */
const char *host_name(const char *hostnqn);
/* What a controller takes, bytes; it counts with its admin queue. */
uint64_t controller_memory(const struct target *target);
/*
 * Makes one for an admin Connect that was found good. The reference goes to
 * the queue. A status says why not.
 */
struct nvme_status controller_new(struct controller **ret_ctrl, struct subsystem *subsystem,
				  struct queue *admin, uint16_t cntlid_min, uint16_t cntlid_max,
				  const char *hostnqn, const uint8_t hostid[16], uint32_t kato_ms);
/* Its admin queue is complete: other threads may look at both. */
void controller_show(struct controller *ctrl, struct queue *admin);
/* The one of a subsystem with that identifier, or NULL. Borrowed; under the lock. */
struct controller *controller_find(struct subsystem *subsystem, uint16_t cntlid);
struct controller *controller_ref(struct controller *ctrl);
/* Any thread. */
void controller_unref(struct controller *ctrl);
/* A queue of it is gone: forgets it; the admin queue takes all the others along. */
void controller_queue_gone(struct controller *ctrl, struct queue *queue);
/* Ends the association: disconnects every queue. Admin reactor. why: for the log. */
void controller_stop(struct controller *ctrl, const char *why);
/* Property Set CC. */
void controller_set_cc(struct controller *ctrl, uint32_t cc);
/* CAP and VS as this controller reports them. */
uint64_t controller_cap(const struct queue *queue);
uint32_t controller_vs(const struct queue *queue);
/* Starts the keep alive timer anew with this timeout. 0 stops it. */
void controller_set_kato(struct controller *ctrl, uint32_t kato_ms);

/* Gives every feature its default: of a new controller, and at a reset. (features.c) */
void features_reset(struct controller *ctrl);

/* ---- asynchronous events (events.c); admin reactor ---- */
/* Queues an event; it goes out at once where an AER waits and the host has enabled it. */
void controller_event(struct controller *ctrl, uint8_t type, uint8_t info, uint8_t log);
/* The host read the log with RAE=0: that event may come again. */
void controller_event_clear(struct controller *ctrl, uint8_t log);
/* An AER command. */
void controller_async_request(struct request *req);
/*
 * The view changed: which events follow? The admin queue's fields already
 * point to the new one.
 */
void controller_view_changed(struct controller *ctrl, const struct view_port *old_port,
			     const struct view_subsystem *old_subsystem);
/* An error for the log page; the request is completed with it. Any reactor, under the target's lock
 * (as is reading the log): errors are seldom. */
void controller_log_error(struct controller *ctrl, const struct request *req);

#endif
