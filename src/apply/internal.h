/* SPDX-License-Identifier: BSD-3-Clause */
/* What runs of a configuration, as the files of apply share it. */
#ifndef WEFT_APPLY_INTERNAL_H
#define WEFT_APPLY_INTERNAL_H

#include <stddef.h>

#include <weft/backend.h>

#include "apply/apply.h"
#include "apply/genctr.h"
#include "apply/job.h"
#include "apply/state.h"
#include "spec/fabrics.h"
#include "target/namespace.h"
#include "target/transport.h"
#include "target/view.h"

struct view;
struct job;

/* When to try again what failed. */
struct retry {
	uint64_t next;			/* loop_clock(); 0: at once */
	char reason[sizeof(((struct weft_error *)0)->text)]; /* of the last failure; "": none */
};

/*
 * One for each namespace of the configuration, enabled or not. Jobs (job.h) are
 * owned; NULL: there is none.
 */
struct device {
	struct namespace *ns;		/* owned; NULL: it is not open */
	struct job *opening;		/* what is to be ns, or to take its place */
	struct job *refreshing;		/* of ns */
	struct namespace *left;		/* owned; no longer ns, but a published view may have it */
	struct job *left_job;		/* its refreshing */
	bool lost;			/* that is why it left */
	struct retry retry;
	struct view_namespace seen;	/* as hosts know it; generation 0: they don't */
	uint64_t hidden_until;		/* loop_clock(): hosts are to miss it first; 0: shown */
	int flush_error;		/* of the namespace before it was lost, for the next one */
	uint64_t stalled;		/* s: how long the backend has kept an I/O; 0: fine */
	bool slow;			/* it has been opening for too long */
	char trouble[160];		/* what is wrong with it although it is open, or opening */
	bool kept;			/* the next configuration has it as well ... */
	bool reopened;			/* ... but for `opening` */
};

/* One for each port of the configuration. */
struct endpoint {
	const struct transport *transport; /* borrowed */
	struct listener *listener;	/* owned by the transport; NULL: not listening */
	struct retry retry;
};

/* A configuration and what runs of it. */
struct running {
	struct config *config;		/* owned */
	/* In the configuration's order: devices[] subsystem by subsystem. */
	struct device *devices;		/* owned */
	size_t device_count;
	size_t *first_device;		/* owned: of each subsystem */
	struct endpoint *endpoints;	/* owned, as config->ports */
};

/* What is in no view any more: to be closed when no I/O uses it and its job has ended. */
struct retired {
	struct namespace *ns;		/* owned; NULL: nothing (yet) */
	struct job *job;		/* owned; NULL: none */
	uint64_t since;			/* loop_clock(): how long it has been waiting for that */
	char trouble[NVMF_NQN_SIZE + 160]; /* that it takes too long; "": it does not */
	char what[NVMF_NQN_SIZE + 32];	/* "namespace 1 of nqn..." */
	char nqn[NVMF_NQN_SIZE];
	uint32_t nsid;
	bool lost;			/* nobody removed it, so it may come back */
};

/* How many of these may come of one device. */
#define RETIRED_OF_A_DEVICE 3

struct apply {
	struct apply_options options;
	struct state *state;		/* owned */
	struct genctr genctr;
	struct jobs jobs;
	struct running now;
	struct retired *retired;	/* owned */
	size_t retired_count, retired_capacity;
	uint64_t wait_since;		/* devices_wait()'s */
	bool served;			/* a configuration has been made to run */
	bool ending;			/* no I/O is under way, nor will be; the target is gone */
	struct namespace **watched;	/* owned: room for devices_watch() */
	size_t watched_capacity;
	uint64_t generation;		/* of namespaces; the last one given out */
	bool stale;			/* the published view lags behind */
};

static inline struct device *device_of(const struct running *running, size_t subsystem,
				       size_t index)
{
	return &running->devices[running->first_device[subsystem] + index];
}

/* ---- running.c ---- */

/* Sets up arrays for a configuration, which stays the caller's on failure. 0 or -ENOMEM. */
int running_init(struct running *ret, struct config *config);
/* Frees the arrays and the configuration; what is open or listening is somebody else's by now. */
void running_done(struct running *running);
/* NULL: there is none such. */
struct device *running_find_device(const struct running *running, const char *nqn, uint32_t nsid);
/* Something done to a device; what is returned says whether it made a difference. */
typedef bool device_step(struct apply *apply, const struct config_subsystem *subsystem,
			 const struct config_namespace *want, struct device *device);
/* Takes a step with each device. true: one of them returned true. */
bool running_each(struct apply *apply, struct running *running, device_step *step);
struct endpoint *running_find_endpoint(const struct running *running, uint16_t portid);
/* A failure: it is due again in a second. Whether the reason is another than before. */
bool retry_failed(struct retry *retry, const char *reason);
void retry_clear(struct retry *retry);
/* Did it fail, and is it due again? */
bool retry_due(const struct retry *retry, uint64_t now);

/* ---- devices.c ---- */

/*
 * Copies devices that stay as they are to the next configuration and marks
 * them kept. Changes nothing that matters if that one is dropped.
 */
void devices_keep(struct apply *apply, struct running *next);
/* Makes room to retire as many devices, so that it cannot fail later. 0 or -ENOMEM. */
int devices_reserve(struct apply *apply, size_t count);
/* The next configuration is dropped: retires what was opened for it alone. Reserved. */
void devices_drop_new(struct apply *apply, struct running *next);
/* Retires those that were not kept. The published view is without them; reserved. */
void devices_retire_others(struct apply *apply);
/* Retires what devices left, which the published view is without. */
void devices_retire_left(struct apply *apply);
/* Retires all, at the end. Reserved. */
void devices_retire_all(struct apply *apply);
/*
 * Closes those retired that are idle, waiting up to timeout_ms for apply->retired[first]
 * and those after it: the ones before may hang for ever.
 */
void devices_reap(struct apply *apply, size_t first, unsigned int timeout_ms);
/* The block size as hosts see it; wanted 0: the device's. 0, or -errno with *error filled. */
int device_block_size(uint32_t wanted, const struct weft_info *info, uint32_t *ret,
		      struct weft_error *error);

/* ---- opening.c ---- */

/*
 * Opens what takes the place of an open device, beside it, and waits for that
 * until `deadline`. What fails is left closed. What takes longer takes the other
 * one's place when it is open; until then, that one serves on.
 */
void devices_open_beside(struct apply *apply, struct running *next, uint64_t deadline);
/* Begins to open what is enabled, not open and due. */
void devices_open(struct apply *apply);
/* Begins to ask open devices what they are. */
void devices_refresh(struct apply *apply);
/* What came of both since the last call. true: the view has to change. */
bool devices_collect(struct apply *apply);
/* The same, and waits until `deadline` for all that began to open at `since` or later. */
bool devices_wait(struct apply *apply, uint64_t since, uint64_t deadline);
/* Is it time to show hosts a namespace that has other identifiers than before? */
bool devices_show_again(struct apply *apply);

/* ---- watch.c ---- */

/* Looks for backends that hang and flushes that failed, and reports them. */
void devices_watch(struct apply *apply);

/* ---- flushes.c ---- */

/* What is wrong with a namespace of which a flush failed, with strerror(3)'s word. */
#define FLUSH_FAILED "a flush failed (%s): writes since the last good one may be lost; flushes " \
		     "fail until it is disabled and enabled again"

/* What this part of the control thread does for reactors. */
extern const struct control_ops apply_control_ops;
/* Records flushes that failed since the last call. */
void flushes_look(struct apply *apply);
/* Devices of the next configuration that were not kept: did a flush of theirs fail before? */
void flushes_recall(struct apply *apply, struct running *next);
/* Forgets those that going over to `wanted` acknowledges. */
void flushes_acknowledge(struct apply *apply, const struct config *wanted);

/* ---- endpoints.c ---- */

/* Moves listeners that stay as they are; closes the others. */
void endpoints_keep(struct apply *apply, struct running *next);
void endpoints_close(struct apply *apply);
/* Listens where it doesn't yet and it is due. */
void endpoints_open(struct apply *apply);

/* ---- compile.c ---- */

/* The view of what runs, but for its counters. 0 or -ENOMEM. Fills each device's `seen`. */
int compile_view(struct apply *apply, struct running *running, struct view **ret_view);

#endif
