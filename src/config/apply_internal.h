/* SPDX-License-Identifier: BSD-3-Clause */
/* What runs of a configuration, as the files of apply share it. */
#ifndef WEFT_CONFIG_APPLY_INTERNAL_H
#define WEFT_CONFIG_APPLY_INTERNAL_H

#include <stddef.h>

#include <weft/backend.h>

#include "config/apply.h"
#include "config/state.h"
#include "target/namespace.h"
#include "target/transport.h"
#include "target/view.h"

struct view;

/* When to try again what failed. */
struct retry {
	uint64_t next;			/* loop_clock(); 0: at once */
	char reason[sizeof(((struct weft_error *)0)->text)]; /* of the last failure; "": none */
};

/* One for each namespace of the configuration, enabled or not. */
struct device {
	struct namespace *ns;		/* owned; NULL: it is not open */
	struct retry retry;
	struct view_namespace seen;	/* as hosts know it; generation 0: they don't */
	uint64_t hidden_until;		/* loop_clock(): hosts are to miss it first; 0: shown */
	bool lost;			/* it failed, and the published view has it still */
	int flush_error;		/* of the namespace before it was lost, for the next one */
	bool stalled;			/* the backend has kept an I/O for too long */
	char trouble[160];		/* what is wrong with it while it is served; "": nothing */
	bool kept;			/* the next configuration has it as well */
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

struct apply {
	struct apply_options options;
	struct state *state;		/* owned */
	struct running now;
	struct namespace **retired;	/* owned: in no view, to be closed when idle */
	size_t retired_count, retired_capacity;
	struct namespace **watched;	/* owned: room for devices_watch() */
	size_t watched_capacity;
	uint64_t generation;		/* of namespaces; the last one given out */
	uint64_t ana_change_count;
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
struct endpoint *running_find_endpoint(const struct running *running, uint16_t portid);
/* A failure: when it is due again, and whether the reason is another than before. */
bool retry_failed(struct retry *retry, uint64_t began, const char *reason);
void retry_clear(struct retry *retry);
/* Did it fail, and is it due again? */
bool retry_due(const struct retry *retry, uint64_t now);

/* ---- devices.c ---- */

/*
 * Copies devices that stay as they are to the next configuration and marks
 * them kept. Changes nothing that matters if that one is dropped.
 */
void devices_keep(struct apply *apply, struct running *next);
/* Opens what takes the place of an open device, beside it. What fails is left closed. */
void devices_open_beside(struct apply *apply, struct running *next);
/* The next configuration is dropped: closes what was opened for it alone. */
void devices_close_new(struct running *next, const struct running *now);
/* Retires those that were not kept; devices_reserve() made room for all. */
void devices_retire_others(struct apply *apply);
/* Makes room to retire as many namespaces, so that it cannot fail later. 0 or -ENOMEM. */
int devices_reserve(struct apply *apply, size_t count);
/*
 * Closes those retired that are idle, waiting up to timeout_ms for apply->retired[first]
 * and those after it: the ones before may hang for ever.
 */
void devices_reap(struct apply *apply, size_t first, unsigned int timeout_ms);
/* Opens what is enabled, not open and due. true: something was opened. */
bool devices_open(struct apply *apply);
/* Asks open devices what they are. true: something changed or failed. */
bool devices_refresh(struct apply *apply);
/* Is it time to show hosts a namespace that has other identifiers than before? */
bool devices_show_again(struct apply *apply);
/* Looks for backends that hang and flushes that failed, and reports them. (watch.c) */
void devices_watch(struct apply *apply);
/* Retires the namespaces of devices that failed. The published view must be without them. */
void devices_drop_lost(struct apply *apply);
/* The namespace's block size as hosts see it. 0, or -errno with *error filled. */
int device_block_size(const struct config_namespace *want, const struct weft_info *info,
		      uint32_t *ret, struct weft_error *error);

/* ---- endpoints.c ---- */

/* Moves listeners that stay as they are; closes the others. */
void endpoints_keep(struct apply *apply, struct running *next);
void endpoints_close(struct apply *apply);
/* Listens where it doesn't yet and it is due. */
void endpoints_open(struct apply *apply);

/* ---- compile.c ---- */

/* The view of what runs, but for its counters. 0 or -ENOMEM. Fills each device's `seen`. */
int compile_view(struct apply *apply, struct running *running, struct view **ret_view);
/* Do namespaces or ports differ in their ANA groups and states? */
bool ana_differs(const struct config *a, const struct config *b);

#endif
