/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as plain data: what the administrator wants, not what runs. The dialects
 * read and write it, apply.h makes it run, and control/ changes a copy of it and applies that.
 * Every object owns what it points to; strings are malloc'ed.
 *
 * The names are nvmetcli's. Attributes that nvmet does not have are in the group "weft" of each
 * object in JSON, which nvmetcli ignores. Each option of a namespace's backend (`weftd
 * --help-backend NAME`) is a key of that group, too, except "path", which is in "device".
 *
 * The settings of an object are in settings/settings.h, and described by the rows of
 * settings/objects.c.
 */
#ifndef WEFT_CONFIG_MODEL_H
#define WEFT_CONFIG_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/attr.h"
#include "settings/limits.h"
#include "settings/settings.h"
#include "util/str.h"

struct weft_backend;
struct weft_error;
struct weft_params;
struct weft_owner;

#define CONFIG_VERSION_MIN 0x00010201	/* the first with Fabrics; a lower one counts as 0 */

/* The most objects of each kind: the administrator's own file has bounds, too. */
#define CONFIG_SUBSYSTEMS_MAX 4096
#define CONFIG_PORTS_MAX 1024
#define CONFIG_HOSTS_MAX 4096
#define CONFIG_REFERRALS_MAX 1024
#define CONFIG_WARNINGS_MAX 50
#define CONFIG_TEXT_MAX (8 << 20)	/* bytes of its text */
#define CONFIG_DEPTH_MAX 24		/* nested objects and arrays of that */

/*
 * "line" is the object's line in the text that it was read from, counted from 1;
 * 0: it was not read from a text. It is used in messages only.
 */

struct config_option {
	char *name, *value;
};

struct config_namespace {
	uint32_t nsid;			/* 1..CONFIG_NSID_MAX */
	SETTINGS(namespace_settings);
	struct config_option *options;	/* of the backend, including "path" */
	size_t option_count;
	unsigned int line;
};

struct config_subsystem {
	char *nqn;
	SETTINGS(subsystem_settings);
	char **allowed_hosts;		/* NQNs */
	size_t allowed_host_count;
	struct config_namespace *namespaces; /* ascending nsid */
	size_t namespace_count;
	unsigned int line;
};

struct config_referral {
	char *name;
	SETTINGS(referral_settings);
	unsigned int line;
};

struct config_ana_group {
	uint32_t grpid;
	SETTINGS(ana_group_settings);
};

struct config_port {
	uint16_t portid;		/* 1..65535 */
	SETTINGS(port_settings);
	char **subsystems;		/* NQNs */
	size_t subsystem_count;
	/* A group that is not listed: group 1 is optimized, all others are inaccessible. */
	struct config_ana_group *ana_groups;
	size_t ana_group_count;
	struct config_referral *referrals;
	size_t referral_count;
	unsigned int line;
};

struct config_host {
	char *nqn;
};

struct config {
	SETTINGS(root_settings);
	struct config_host *hosts;
	size_t host_count;
	struct config_subsystem *subsystems;
	size_t subsystem_count;
	struct config_port *ports;	/* ascending portid */
	size_t port_count;
	char *source;			/* the name of the text that it was read from, or NULL */
	char **warnings;		/* of its reader and of validation: "file:line: ..." */
	size_t warning_count;
};

/* An empty configuration, freed with config_free(). NULL: memory ran out. */
struct config *config_new(void);
/*
 * A deep copy, without source, lines and warnings, which concern the text that was read. NULL:
 * memory ran out.
 */
struct config *config_dup(const struct config *config);
void config_free(struct config *config);

/* Borrowed pointers, or NULL. */
struct config_subsystem *config_find_subsystem(const struct config *config, const char *nqn);
struct config_namespace *config_find_namespace(const struct config_subsystem *subsystem,
					       uint32_t nsid);
struct config_port *config_find_port(const struct config *config, uint16_t portid);

/*
 * Adds an object with every default filled in. NULL: memory ran out. Pointers to
 * other elements of the array become invalid.
 */
struct config_subsystem *config_add_subsystem(struct config *config, const char *nqn);
struct config_namespace *config_add_namespace(struct config_subsystem *subsystem, uint32_t nsid);
struct config_port *config_add_port(struct config *config, uint16_t portid);
/* Adds the group unless it is listed already. */
struct config_ana_group *config_add_ana_group(struct config_port *port, uint32_t grpid);
struct config_referral *config_add_referral(struct config_port *port, const char *name);
void config_remove_subsystem(struct config *config, const char *nqn); /* and its links to ports */
void config_remove_namespace(struct config_subsystem *subsystem, uint32_t nsid);
void config_remove_port(struct config *config, uint16_t portid);
/* The lowest nsid that is not in use; 0: there are CONFIG_NAMESPACES_MAX namespaces. */
uint32_t config_free_nsid(const struct config_subsystem *subsystem);

/* Each does nothing if the wanted state is there already. 0 or -ENOMEM. */
int config_add_host(struct config *config, const char *nqn);
/* Adds the host to config->hosts, too. */
int config_allow_host(struct config *config, struct config_subsystem *subsystem, const char *nqn);
void config_disallow_host(struct config_subsystem *subsystem, const char *nqn);
int config_link(struct config_port *port, const char *nqn);
void config_unlink(struct config_port *port, const char *nqn);
bool config_is_linked(const struct config_port *port, const char *nqn);
int config_set_ana_group(struct config_port *port, uint32_t grpid, enum nvme_ana_state state);
/* The state of a group on a port: see config_port.ana_groups. */
enum nvme_ana_state config_ana_state(const struct config_port *port, uint32_t grpid);
/* Replaces a string of the model by a copy; value may be NULL. */
int config_set_string(char **field, const char *value);
/* Sets an option; value NULL removes it. */
int config_set_option(struct config_namespace *ns, const char *name, const char *value);
/* The option's value, borrowed; NULL: it is not set. */
const char *config_get_option(const struct config_namespace *ns, const char *name);
/* True if it is the path of the namespace's backend, or of a backend below that one. */
bool config_uses_path(const struct config_namespace *ns, const char *path);

/* Adds to config->warnings, up to CONFIG_WARNINGS_MAX. */
void config_warn(struct config *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Checks a configuration. A refusal names the object, the value and what would be
 * right; a configuration that can run but harms hosts adds to config->warnings. Opens
 * nothing; asks the kernel at most for this machine's addresses, for the warning of
 * referrals that lead in a circle.
 *
 * Fills in the serial number of a subsystem that has none (a digest of the NQN) and the
 * UUID of a namespace that has none (a digest of NQN and nsid). So they are the same
 * after a restart, through every port, and on every gateway that shares the
 * configuration. They are part of the configuration from then on and saved with it.
 *
 * 0, or -errno with *error filled: -EEXIST for a duplicate, -ENOENT for a reference to
 * an object that does not exist, -EOPNOTSUPP for what weft cannot do, -ENOMEM, else
 * -EINVAL, -ERANGE or -E2BIG.
 */
int config_validate(struct config *config, struct weft_error *error);

/*
 * Completes and checks an address: fills in adrfam, and moves the port of a traddr such
 * as 192.0.2.1:4420 or [2001:db8::1]:4420 to trsvcid. On failure *ret_attr names the
 * attribute that is wrong. `referral`: the address is another target's, which may have
 * transports and secure channels that weft does not have.
 */
int config_complete_address(struct address_settings *addr, bool referral, const char **ret_attr,
			    struct weft_error *error);
/*
 * True if both name the same sockets, in whatever spelling. Both must be complete. A name differs
 * from any numeric address, including those that it resolves to.
 */
bool config_same_address(const struct address_settings *a, const struct address_settings *b);

/* True for "0.0.0.0" and "::", in any spelling, and for "*", which is both. */
bool config_is_wildcard(const struct address_settings *addr);

/*
 * The functions of backend/backend.h that this folder calls. The daemon passes them in, so that
 * src/config does not include src/backend. All are Required.
 */
struct config_backends {
	const struct weft_backend *(*find)(const char *name);
	/* Fills *error with the names that there are; returns -errno. */
	int (*unknown)(const char *name, struct weft_error *error);
	struct weft_params *(*params_new)(const struct weft_backend *backend);
	void (*params_own)(struct weft_params *params, struct weft_owner *owner);
	int (*params_set)(struct weft_params *params, const char *name, const char *value,
			  struct weft_error *error);
	int (*params_check)(const struct weft_params *params, struct weft_error *error);
	void (*params_free)(struct weft_params *params);
};

/*
 * The checked parameters of a namespace for its backend's open(); freed with
 * backends->params_free(). block_size and read_only are passed to a backend that
 * has options of these names. 0, or -errno with *error filled.
 */
int config_namespace_params(const struct config_namespace *ns,
			    const struct config_backends *backends,
			    const struct weft_backend **ret_backend,
			    struct weft_params **ret_params, struct weft_error *error);
/* True if both name the same backend with the same parameters, so the device can stay open. */
bool config_same_device(const struct config_namespace *a, const struct config_namespace *b,
			const struct config_backends *backends);
/* A digest of backend and parameters, equal if config_same_device(). To be stored. 0 or -ENOMEM. */
int config_device_digest(const struct config_namespace *ns, const struct config_backends *backends,
			 char ret_digest[UUID_TEXT]);
/*
 * Refuses a namespace whose backend does not exist, an option that the backend does not have or
 * that has a value of another type, and a Required option that is missing. Opens nothing.
 */
int config_validate_backends(const struct config *config, const struct config_backends *backends,
			     struct weft_error *error);

#endif
