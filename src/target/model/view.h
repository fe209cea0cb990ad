/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A view: the part of the configuration that the data path needs. It is built once and
 * never changes. The control thread makes a new view for each change and publishes it;
 * the old view is freed when all reactors use the new one. Nothing here is locked or
 * counted per I/O.
 */
#ifndef WEFT_TARGET_MODEL_VIEW_H
#define WEFT_TARGET_MODEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/settings.h"

struct namespace;
struct subsystem;
struct target;

#define VIEW_NSID_MAX 65536
#define VIEW_NAMESPACES_MAX 16384	/* of a subsystem */
#define VIEW_ANA_GROUP_MAX 128

/*
 * A host of the configuration. Hosts that the configuration does not name share
 * view->other_hosts.
 */
struct view_host {
	char *nqn;			/* owned; NULL: view->other_hosts */
	uint32_t index;			/* of its bit in view_subsystem.allowed_hosts */
};

/* A namespace that hosts can use: enabled, and its device is open. */
struct view_namespace {
	uint32_t nsid;
	/* Changes when the namespace changes in the eyes of hosts; never reused. */
	uint64_t generation;
	struct namespace *ns;		/* borrowed */
	uint64_t block_count;
	uint8_t block_shift;		/* 9 or 12 */
	/* block_size and read_only: the effective values, not the configured ones */
	SETTINGS(namespace_settings);
};

/* How the namespaces of a subsystem differ from those in the previous view. */
struct view_changes {
	uint32_t *nsids;		/* owned, or NULL: of changed namespaces, ascending */
	uint32_t count;
	bool many;			/* too many changed: nsids is incomplete */
	bool regrouped;			/* a namespace moved to another ANA group */
};

struct view_subsystem {
	struct subsystem *subsystem;	/* reference, dropped by view_free() */
	char *nqn;			/* owned */
	SETTINGS(subsystem_settings);	/* with every default */
	uint8_t *allowed_hosts;		/* owned: a bit for each host, by view_host.index */
	size_t allowed_hosts_size;	/* bytes */
	struct view_namespace *namespaces; /* owned: ascending by NSID */
	uint32_t namespace_count, namespace_capacity;
	/*
	 * Owned, made by view_publish(): the namespaces by NSID, NULL for an unused NSID,
	 * as far as NSIDs are dense. Namespaces beyond are found by binary search.
	 */
	const struct view_namespace **by_nsid;
	uint32_t by_nsid_count;
	struct view_changes changes;	/* relative to the previous view */
};

struct view_referral {
	SETTINGS(referral_settings);
	uint8_t trtype, adrfam;		/* as in the discovery log */
	char *traddr;
};

/* Numeric; 0.0.0.0 and :: stand for all addresses of the family. */
struct view_address {
	uint8_t adrfam;			/* as in the discovery log */
	char *traddr;			/* owned */
};

struct view_port {
	uint16_t portid;
	SETTINGS(port_settings);
	uint8_t trtype;			/* as in the discovery log */
	struct view_address *addresses;	/* owned: the port listens on them */
	size_t address_count;
	struct view_subsystem **subsystems;	/* linked to the port; borrowed from the view */
	size_t subsystem_count;
	struct view_referral *referrals;	/* the enabled ones */
	size_t referral_count;
	uint8_t ana_states[VIEW_ANA_GROUP_MAX + 1]; /* by group; 0: the port has no such group */
};

struct view {
	struct view_subsystem **subsystems;	/* owned */
	size_t subsystem_count;
	struct view_port **ports;		/* owned */
	size_t port_count;
	struct view_host **hosts;		/* owned: ascending by NQN */
	size_t host_count;
	struct view_host other_hosts;
	SETTINGS(root_settings);
	uint64_t genctr;		/* of the discovery log */
	uint64_t ana_change_count;	/* of all ANA logs; view_publish() counts it */
};

/* Makes an empty view, for the control thread to fill. NULL where memory ran out. */
struct view *view_new(void);
/* These add a zeroed element that the view owns; NULL where memory ran out. */
struct view_subsystem *view_add_subsystem(struct view *view);
struct view_port *view_add_port(struct view *view);
/* Adds an address that the port listens on. 0 or -ENOMEM. */
int view_add_address(struct view_port *port, uint8_t adrfam, const char *traddr);
/* NULL also if the NSID is taken. Pointers to the subsystem's other namespaces become invalid. */
struct view_namespace *view_add_namespace(struct view_subsystem *subsystem, uint32_t nsid);
/* Finds or adds the host of that NQN. NULL where memory ran out. */
struct view_host *view_add_host(struct view *view, const char *nqn);
/* 0 or -ENOMEM. */
int view_allow_host(struct view_subsystem *subsystem, const struct view_host *host);
int view_link(struct view_port *port, struct view_subsystem *subsystem);
struct view_referral *view_add_referral(struct view_port *port);
/* Drops references to subsystems; namespaces stay open. NULL is allowed. */
void view_free(struct view *view);

struct view_port *view_find_port(const struct view *view, uint16_t portid);
struct view_subsystem *view_find_subsystem(const struct view *view, const char *nqn);
/* True if the subsystem is linked to the port. */
bool view_linked(const struct view_port *port, const struct view_subsystem *subsystem);
/* The host of that NQN, or &view->other_hosts; never NULL. */
const struct view_host *view_find_host(const struct view *view, const char *nqn);
/* True if the host may see and connect to the subsystem. */
bool view_host_allowed(const struct view_subsystem *subsystem, const struct view_host *host);
/* The namespace, or NULL. Commands of hosts use queue_namespace() instead. */
struct view_namespace *view_find_namespace(const struct view_subsystem *subsystem, uint32_t nsid);
/* The first namespace whose NSID is above this one, or NULL. */
const struct view_namespace *view_namespace_above(const struct view_subsystem *subsystem,
						  uint32_t nsid);

/*
 * The size of a subsystem as reported to hosts: the largest valid NSID (NN), and the
 * maximum number of namespaces (MNAN). Hosts size tables and log pages by them, so each
 * is 1024 while that is enough. Beyond that, NN is the next power of two and MNAN is
 * VIEW_NAMESPACES_MAX. A host learns larger values only when it connects anew.
 */
uint32_t view_nsid_max(const struct view_subsystem *subsystem);
uint32_t view_namespaces_max(const struct view_subsystem *subsystem);

/*
 * Switches all reactors to this view, and frees the previous one. When this returns,
 * hosts have been sent their events, connections that the new view does not allow are
 * being ended, and no new I/O starts on a namespace that only the previous view had
 * (wait for namespace_idle() before closing it). Sets the members that depend on the
 * previous view: changes, ana_change_count. Control thread.
 */
void view_publish(struct target *target, struct view *view);

#endif
