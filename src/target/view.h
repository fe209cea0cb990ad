/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A view: everything of the configuration that the data path needs, compiled
 * once and never changed. The control thread makes a new one for each change
 * and publishes it; each reactor then works by the new one, and the old one is
 * freed when all do. Nothing here is locked or counted per I/O.
 */
#ifndef WEFT_TARGET_VIEW_H
#define WEFT_TARGET_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct namespace;
struct subsystem;
struct target;

#define VIEW_NSID_MAX 1024
#define VIEW_ANA_GROUP_MAX 128

/* A namespace that hosts can use: enabled, and its device is open. */
struct view_namespace {
	uint32_t nsid;
	/* Changes whenever what a host sees of it changes; never reused. */
	uint64_t generation;
	struct namespace *ns;		/* borrowed */
	bool has_uuid, has_nguid, has_eui64;
	uint8_t uuid[16], nguid[16], eui64[8];
	bool read_only;
	uint8_t block_shift;		/* 9 or 12 */
	uint64_t block_count;
	uint32_t ana_grpid;
};

struct view_subsystem {
	struct subsystem *subsystem;	/* reference, dropped by view_free() */
	/* All strings are owned. */
	char *nqn, *serial, *model, *firmware;
	uint32_t version;		/* VS */
	uint16_t cntlid_min, cntlid_max, qid_max;
	uint32_t ieee_oui;
	bool allow_any_host;
	char **allowed_hosts;		/* owned, with its strings */
	size_t allowed_host_count;
	/* Indexed by NSID, NULL where there is none; [0] unused. The entries are owned. */
	struct view_namespace *namespaces[VIEW_NSID_MAX + 1];
	uint32_t namespace_count;	/* how many of them are not NULL */
};

struct view_referral {
	uint16_t portid;
	uint8_t trtype, adrfam, treq;	/* as in the discovery log */
	char *traddr;
	uint16_t trsvcid;
};

struct view_port {
	uint16_t portid;
	bool discovery;			/* answers discovery only */
	uint8_t trtype, adrfam, treq, tsas;
	char *traddr;			/* as configured; may be the wildcard */
	uint16_t trsvcid;		/* the one listened on */
	uint32_t inline_data_size;
	uint16_t max_queue_size;
	uint8_t mdts;			/* log2 of 4 KiB pages */
	struct view_subsystem **subsystems;	/* linked here; borrowed from the view */
	size_t subsystem_count;
	struct view_referral *referrals;	/* the enabled ones */
	size_t referral_count;
	uint8_t ana_states[VIEW_ANA_GROUP_MAX + 1]; /* by group; 0: no such group here */
};

struct view {
	struct view_subsystem **subsystems;	/* owned */
	size_t subsystem_count;
	struct view_port **ports;		/* owned */
	size_t port_count;
	char *discovery_nqn;		/* owned; a unique one beside the well-known, or NULL */
	uint64_t genctr;		/* of the discovery log */
	uint64_t ana_change_count;
};

/* An empty one, for the control thread to fill. NULL where memory ran out. */
struct view *view_new(void);
/* Adds a zeroed element that the view owns; NULL where memory ran out. */
struct view_subsystem *view_add_subsystem(struct view *view);
struct view_port *view_add_port(struct view *view);
struct view_namespace *view_add_namespace(struct view_subsystem *subsystem, uint32_t nsid);
/* 0 or -ENOMEM. */
int view_link(struct view_port *port, struct view_subsystem *subsystem);
struct view_referral *view_add_referral(struct view_port *port);
/* Drops references to subsystems; namespaces stay open. NULL is allowed. */
void view_free(struct view *view);

struct view_port *view_find_port(const struct view *view, uint16_t portid);
struct view_subsystem *view_find_subsystem(const struct view *view, const char *nqn);
/* Is the subsystem linked to the port? */
bool view_linked(const struct view_port *port, const struct view_subsystem *subsystem);
/* May the host see and connect to the subsystem? */
bool view_host_allowed(const struct view_subsystem *subsystem, const char *hostnqn);

/* The namespace, or NULL where there is none that a host can use. */
static inline struct view_namespace *view_namespace(const struct view_subsystem *subsystem,
						    uint32_t nsid)
{
	return nsid <= VIEW_NSID_MAX ? subsystem->namespaces[nsid] : NULL;
}

/*
 * Makes it the one that all reactors work by, and frees the one before. When
 * it returns, hosts have been sent their events, connections that the new view
 * does not allow are being ended, and no new I/O starts on a namespace that
 * only the old one had (wait for namespace_idle() before closing it). Control
 * thread.
 */
void view_publish(struct target *target, struct view *view);

#endif
