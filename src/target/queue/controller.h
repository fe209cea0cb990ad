/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dynamic controller: one association of one host. It belongs to the reactor of its
 * admin queue. Its I/O queues may be on other reactors, and only read the members
 * marked so. References are counted: each queue holds one.
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
#define CONTROLLER_FEATURES 16		/* at most; by row of features.c */
#define CONTROLLER_QUEUES_MAX 128	/* I/O queues, at most */
#define CONTROLLER_KATO_MAX_MS 3600000	/* longer ones are capped: firmware asks for days */
#define DISCOVERY_KATO_MS 120000	/* of a discovery controller if Connect has KATO 0 */

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
	_Atomic bool traffic;		/* a command came since the keep alive timer fired */
	_Atomic bool ready;		/* CSTS.RDY; I/O queues read it */
	_Atomic bool dead;		/* being torn down; any thread reads it */
	_Atomic uint32_t kato_ms;	/* 0: off; any thread reads it */
	_Atomic uint32_t resets;	/* number of resets by CC.EN; older queues must end */

	/* Under the target's lock: */
	struct queue *admin;		/* NULL before Connect is done and after its end */
	struct queue *io[CONTROLLER_QUEUES_MAX + 1]; /* by QID */
	bool other_id;			/* an I/O queue's Connect had another Host Identifier */

	/* Only for the admin queue's reactor: */
	uint32_t cc, csts;
	struct loop_timer keep_alive;	/* every half of KATO */
	unsigned int quiet_periods;	/* periods in a row without a command */
	uint16_t queues_granted;	/* Set Features 07h: I/O queues, 1.. */
	bool queues_frozen;		/* an I/O queue exists: 07h cannot change */
	uint32_t async_config;		/* feature 0Bh */
	uint32_t features[CONTROLLER_FEATURES]; /* values that hosts set, by row of features.c */
	uint16_t temperature_over, temperature_under; /* feature 04h, kelvins */
	struct request *aer[CONTROLLER_AER_MAX];
	unsigned int aer_count;
	struct controller_event events[CONTROLLER_EVENTS_MAX];
	unsigned int event_count;
	uint32_t events_masked;		/* bits of 0Bh: sent, and the log page not read since */
	uint64_t discovery_digest;	/* of the log 70h that the host knows; 0: none */
	unsigned int abort_count;	/* Abort commands under way */
	bool host_acre;			/* feature 16h: the host supports command retry delays */
	uint32_t *changed_ns;		/* owned: NSIDs for log 04h, ascending */
	unsigned int changed_ns_count;
	bool changed_ns_many;		/* more changed than the log page can list */
	uint32_t mnan;			/* as reported to the host; 0: not yet */
	struct nvme_log_error *errors;	/* owned: ring, NULL until the first error */
	uint64_t error_count;
	struct controller_stop *stops;	/* owned: one for each reactor */
};

/* The host's name in messages: its NQN, or that it has none. */
const char *host_name(const char *hostnqn);
/* Bytes that a controller takes; they count for its admin queue. */
uint64_t controller_memory(const struct target *target);
/*
 * Makes a controller for a valid Connect of an admin queue. The queue gets the
 * reference. Otherwise the status says why it failed.
 */
struct nvme_status controller_new(struct controller **ret_ctrl, struct subsystem *subsystem,
				  struct queue *admin, uint16_t cntlid_min, uint16_t cntlid_max,
				  const char *hostnqn, const uint8_t hostid[16], uint32_t kato_ms);
/* Publishes a controller whose admin queue is complete: other threads may use both. */
void controller_show(struct controller *ctrl, struct queue *admin);
/* The subsystem's controller with that identifier, or NULL. Borrowed; under the lock. */
struct controller *controller_find(struct subsystem *subsystem, uint16_t cntlid);
struct controller *controller_ref(struct controller *ctrl);
/* Any thread. */
void controller_unref(struct controller *ctrl);
/* A queue of the controller has ended. The end of the admin queue ends all others. */
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

/* Sets every feature to its default: for a new controller, and at a reset. (features.c) */
void features_reset(struct controller *ctrl);

/* ---- asynchronous events (events.c); admin reactor ---- */
/* Queues an event. It is sent at once if an AER waits and the host has enabled the event. */
void controller_event(struct controller *ctrl, uint8_t type, uint8_t info, uint8_t log);
/* The host read the log page with RAE 0: the page's event may be sent again. */
void controller_event_clear(struct controller *ctrl, uint8_t log);
/* An AER command. */
void controller_async_request(struct request *req);
/*
 * Sends the events that follow from a change of the view. The admin queue's members already
 * point to the new view.
 */
void controller_view_changed(struct controller *ctrl, const struct view_port *old_port,
			     const struct view_subsystem *old_subsystem);
/* Adds the request's error to the Error Information log. Any reactor, under the target's lock, as
 * is reading the log: errors are rare. */
void controller_log_error(struct controller *ctrl, const struct request *req);

#endif
