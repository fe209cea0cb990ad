/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as plain data: what is wanted, not what runs. Dialects
 * read and write it, apply.h makes it run, control changes a copy of it and
 * applies that. Every object owns what it points to; strings are malloc'ed.
 *
 * The words are nvmetcli's. What nvmet does not know lives in a group "weft" of its own inside
 * each object of the JSON, which nvmetcli ignores. Each option of a namespace's backend (`weftd
 * --help-backend NAME`) is a key there, too, but for "path", which stands in "device".
 *
 * What may be set of an object is in settings/settings.h, and what is known of each attribute in
 * the rows of settings/objects.c.
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

#define CONFIG_VERSION_MIN 0x00010201	/* the first with Fabrics; older ones count as 0 */

/* How many there may be: an admin's own file is bounded as well. */
#define CONFIG_SUBSYSTEMS_MAX 4096
#define CONFIG_PORTS_MAX 1024
#define CONFIG_HOSTS_MAX 4096
#define CONFIG_REFERRALS_MAX 1024
#define CONFIG_WARNINGS_MAX 50
#define CONFIG_TEXT_MAX (8 << 20)	/* bytes of its text */
#define CONFIG_DEPTH_MAX 24		/* nested objects and arrays of that */

/*
 * "line" is where an object stood in the text that it was read from, counted
 * from 1; 0: it comes from elsewhere. It only serves messages.
 */

struct config_option {
	char *name, *value;
};

struct config_namespace {
	uint32_t nsid;			/* 1..CONFIG_NSID_MAX */
	SETTINGS(namespace_settings);
	struct config_option *options;	/* of the backend, "path" included */
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
	/* A group that is not listed is optimized if it is group 1, else inaccessible. */
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
	char **warnings;		/* what its reader passed over: "file:line: ..." */
	size_t warning_count;
};

/* An empty one; NULL where memory ran out. Freed with config_free(). */
struct config *config_new(void);
/* A deep copy; but for source, lines and warnings, which speak of a text. NULL: no memory. */
struct config *config_dup(const struct config *config);
void config_free(struct config *config);

/* Borrowed pointers, or NULL. */
struct config_subsystem *config_find_subsystem(const struct config *config, const char *nqn);
struct config_namespace *config_find_namespace(const struct config_subsystem *subsystem,
					       uint32_t nsid);
struct config_port *config_find_port(const struct config *config, uint16_t portid);

/*
 * Adds with every default filled in. NULL where memory ran out. The pointers
 * to the array's other elements move.
 */
struct config_subsystem *config_add_subsystem(struct config *config, const char *nqn);
struct config_namespace *config_add_namespace(struct config_subsystem *subsystem, uint32_t nsid);
struct config_port *config_add_port(struct config *config, uint16_t portid);
/* The group, which may have been listed before. */
struct config_ana_group *config_add_ana_group(struct config_port *port, uint32_t grpid);
struct config_referral *config_add_referral(struct config_port *port, const char *name);
void config_remove_subsystem(struct config *config, const char *nqn); /* its port links too */
void config_remove_namespace(struct config_subsystem *subsystem, uint32_t nsid);
void config_remove_port(struct config *config, uint16_t portid);
/* The lowest nsid that is not in use; 0: there are CONFIG_NAMESPACES_MAX namespaces. */
uint32_t config_free_nsid(const struct config_subsystem *subsystem);

/* Each does nothing where it is so already. 0 or -ENOMEM. */
int config_add_host(struct config *config, const char *nqn);
/* Also adds the host to the config's. */
int config_allow_host(struct config *config, struct config_subsystem *subsystem, const char *nqn);
void config_disallow_host(struct config_subsystem *subsystem, const char *nqn);
int config_link(struct config_port *port, const char *nqn);
void config_unlink(struct config_port *port, const char *nqn);
bool config_is_linked(const struct config_port *port, const char *nqn);
int config_set_ana_group(struct config_port *port, uint32_t grpid, enum nvme_ana_state state);
/* As the comment at ana_groups says. */
enum nvme_ana_state config_ana_state(const struct config_port *port, uint32_t grpid);
/* Replaces a string of the model; value may be NULL. */
int config_set_string(char **field, const char *value);
/* Sets or replaces; value NULL removes. */
int config_set_option(struct config_namespace *ns, const char *name, const char *value);
/* Borrowed, or NULL. */
const char *config_get_option(const struct config_namespace *ns, const char *name);
/* Is that the path of the namespace's backend, or of one that it stands on? */
bool config_uses_path(const struct config_namespace *ns, const char *path);

/* Adds to config->warnings, up to CONFIG_WARNINGS_MAX. */
void config_warn(struct config *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Fills in what may be left out and refuses what cannot run, naming the
 * object, the value and what would be right. Warns (config->warnings) of what
 * runs and does hosts no good. Pure: opens nothing, and asks the kernel at most
 * for this machine's addresses, for a warning of referrals. Filled in
 * are the serial number and the model of subsystems and the UUIDs of
 * namespaces: digests of the NQN, and of NQN and nsid, so that they are the
 * same after a restart, through every port and on every gateway that shares
 * the configuration. From then on they are part of it and are saved with it.
 * 0, or -EINVAL (-EEXIST for a duplicate, -ENOENT for a reference to nothing,
 * -EOPNOTSUPP for what weft cannot do, -ENOMEM) with *error filled.
 */
int config_validate(struct config *config, struct weft_error *error);

/*
 * Fills in what may be left out of an address (adrfam), takes the port out
 * of a traddr such as 192.0.2.1:4420 or [2001:db8::1]:4420, and checks it.
 * On failure *ret_attr names the attribute that is wrong. A referral's is
 * somebody else's, which may want what weft itself cannot do.
 */
int config_complete_address(struct address_settings *addr, bool referral, const char **ret_attr,
			    struct weft_error *error);
/*
 * Do they mean the same sockets, however they are spelt? Both are complete. A name is another
 * address than the numeric one that it may stand for.
 */
bool config_same_address(const struct address_settings *a, const struct address_settings *b);

/* "0.0.0.0" or "::", in any spelling, or "*", which is both. */
bool config_is_wildcard(const struct address_settings *addr);

/*
 * What the configuration asks of backends, given by whoever knows them: the
 * functions of backend/backend.h, so that this folder needn't know that one.
 * All are Required.
 */
struct config_backends {
	const struct weft_backend *(*find)(const char *name);
	/* Fills *error with what names there are; returns -errno. */
	int (*unknown)(const char *name, struct weft_error *error);
	struct weft_params *(*params_new)(const struct weft_backend *backend);
	void (*params_own)(struct weft_params *params, struct weft_owner *owner);
	int (*params_set)(struct weft_params *params, const char *name, const char *value,
			  struct weft_error *error);
	int (*params_check)(const struct weft_params *params, struct weft_error *error);
	void (*params_free)(struct weft_params *params);
};

/*
 * The checked parameters of a namespace, for its backend's open(); freed with
 * backends->params_free(). block_size and read_only are handed on where the
 * backend has options of these names. 0, or -errno with *error filled.
 */
int config_namespace_params(const struct config_namespace *ns,
			    const struct config_backends *backends,
			    const struct weft_backend **ret_backend,
			    struct weft_params **ret_params, struct weft_error *error);
/* Would both open the same device in the same way? */
bool config_same_device(const struct config_namespace *a, const struct config_namespace *b,
			const struct config_backends *backends);
/* A digest of just that, to be kept: equal for what is the same device. 0 or -ENOMEM. */
int config_device_digest(const struct config_namespace *ns, const struct config_backends *backends,
			 char ret_digest[UUID_TEXT]);
/*
 * Refuses namespaces whose backend is not known, and options that the backend
 * does not have, lacks, or has with another type. Pure as well.
 */
int config_validate_backends(const struct config *config, const struct config_backends *backends,
			     struct weft_error *error);

#endif
