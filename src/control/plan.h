/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The change that an export or an unexport makes to a configuration. The change is made
 * to a draft of the configuration; no file is opened.
 */
#ifndef WEFT_CONTROL_PLAN_H
#define WEFT_CONTROL_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "settings/settings.h"

struct config;
struct weft_error;

#define PLAN_PORT 4420
#define PLAN_DISCOVERY_PORT 8009

/* The request of a client. Strings are borrowed from the request's body. */
struct export_request {
	const char *path;		/* absolute; NULL: the backend has none */
	const char *nqn;		/* NULL: derived from the path's or the backend's name */
	json_t *hosts;			/* array of NQNs, or NULL: any host */
	json_t *options;		/* further options of the backend, or NULL */
	uint64_t size;			/* bytes; 0: not given */
	SETTINGS(namespace_settings);	/* defaults for settings that are not given */
};

/* Properties of the machine that the plan depends on. */
struct export_site {
	const char *host;		/* its name */
	bool ipv6_only;			/* it has no IPv4 address: ports are made on :: */
};

struct export_result {
	char *nqn;			/* owned */
	uint32_t nsid;
	bool new_subsystem;
	bool new_ports;
};

/* Reads the body of a request; 0 or -errno with *error filled. */
int export_read(struct export_request *ret, json_t *body, struct weft_error *error);

/*
 * Adds a namespace, and the objects that hosts need to reach it: a subsystem if the NQN
 * is new, a port and a discovery port if there is none. 0, or -errno with *error filled;
 * then the draft must not be used any more.
 */
int export_plan(struct config *draft, const struct export_request *request,
		const struct export_site *site, struct export_result *ret,
		struct weft_error *error);

/* The namespaces to remove: by path, or by NQN and an optional NSID. */
struct unexport_request {
	const char *nqn, *path;
	uint32_t nsid;			/* 0: all namespaces of the subsystem */
};

/*
 * Removes namespaces, and each subsystem that has no namespace left. Appends the removed
 * namespaces to a JSON array, as objects {"nqn", "nsid", "path", "subsystem"};
 * "subsystem" is true if the subsystem was removed, too. 0 or -errno as above.
 */
int unexport_plan(struct config *draft, const struct unexport_request *request, json_t *removed,
		  struct weft_error *error);

#endif
