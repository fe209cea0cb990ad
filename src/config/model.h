/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as plain data: what is wanted, not what runs. Dialects
 * read and write it, apply.h makes it run, control changes a copy of it and
 * applies that. Every object owns what it points to; strings are malloc'ed.
 *
 * The words are nvmetcli's. What nvmet does not know lives in a group "weft"
 * of its own inside each object of the JSON, which nvmetcli ignores:
 *
 *   namespace: {"nsid": 1, "enable": 1, "device": {"path", "uuid", "nguid"},
 *               "weft": {"backend": "memory", "size": "64M", "block_size": 4096,
 *                        "read_only": true, "eui64": "..."}}
 *   "backend" defaults to "file". Each option of that backend (`weftd --help-backend NAME`)
 *   is a key there, but for "path", which stands in "device".
 *   port:      "weft": {"discovery": true}   see below
 *   subsystem: "weft": {}
 *   root:      "weft": {"discovery_nqn": "nqn..."}
 */
#ifndef WEFT_CONFIG_MODEL_H
#define WEFT_CONFIG_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft_error;

#define CONFIG_SERIAL_MAX 20
#define CONFIG_MODEL_MAX 40
#define CONFIG_FIRMWARE_MAX 8
#define CONFIG_NSID_MAX 1024
#define CONFIG_ANA_GROUP_MAX 128

struct config_option {
	char *name, *value;
};

struct config_namespace {
	uint32_t nsid;			/* 1..CONFIG_NSID_MAX */
	bool enable;
	char *backend;			/* "file", "memory", "null" or a plugin's */
	struct config_option *options;	/* of the backend, "path" included */
	size_t option_count;
	uint32_t block_size;		/* 0: the backend's own; else 512 or 4096 */
	bool read_only;
	bool has_uuid, has_nguid, has_eui64;	/* all zeroes counts as absent */
	uint8_t uuid[16], nguid[16], eui64[8];
	uint32_t ana_grpid;		/* 1..CONFIG_ANA_GROUP_MAX */
};

struct config_subsystem {
	char *nqn;
	bool allow_any_host;
	char *serial;			/* never NULL after validation: derived from the NQN */
	char *model;			/* never NULL after validation: "weft" */
	char *firmware;			/* NULL: weft's version */
	uint32_t version;		/* as in VS: 0x00020100; 0: the default */
	uint16_t cntlid_min, cntlid_max; /* 1..0xffef */
	uint16_t qid_max;		/* I/O queues; 0: the default */
	uint32_t ieee_oui;		/* 0: none */
	bool pi_enable;
	char **allowed_hosts;		/* NQNs */
	size_t allowed_host_count;
	struct config_namespace *namespaces; /* ascending nsid */
	size_t namespace_count;
};

enum config_treq { CONFIG_TREQ_NOT_SPECIFIED, CONFIG_TREQ_REQUIRED, CONFIG_TREQ_NOT_REQUIRED };
enum config_tsas { CONFIG_TSAS_NONE, CONFIG_TSAS_TLS13 };
/* As in the ANA log page. */
enum config_ana_state {
	CONFIG_ANA_OPTIMIZED = 1,
	CONFIG_ANA_NON_OPTIMIZED = 2,
	CONFIG_ANA_INACCESSIBLE = 3,
	CONFIG_ANA_PERSISTENT_LOSS = 4,
	CONFIG_ANA_CHANGE = 0x0f,
};

struct config_address {
	char *trtype;			/* "tcp"; others are refused with a reason */
	char *adrfam;			/* "ipv4" or "ipv6" */
	char *traddr;
	uint16_t trsvcid;
	enum config_treq treq;
	enum config_tsas tsas;
};

struct config_referral {
	char *name;
	struct config_address addr;
	uint16_t portid;
	bool enable;
};

struct config_ana_group {
	uint32_t grpid;
	enum config_ana_state state;
};

struct config_port {
	uint16_t portid;		/* 1..65535 */
	struct config_address addr;
	uint32_t inline_data_size;	/* bytes; default 16384 */
	uint16_t max_queue_size;	/* default 128 */
	uint8_t mdts;			/* 4 KiB << mdts; default 9 (2 MiB) */
	bool pi_enable;
	/*
	 * Only answers discovery: no subsystem can be reached through it, and its
	 * log lists the ports that have subsystems (the usual port 8009).
	 */
	bool discovery;
	char **subsystems;		/* NQNs */
	size_t subsystem_count;
	struct config_ana_group *ana_groups;
	size_t ana_group_count;
	struct config_referral *referrals;
	size_t referral_count;
};

struct config_host {
	char *nqn;
};

struct config {
	char *discovery_nqn;		/* NULL: the well-known one only */
	struct config_host *hosts;
	size_t host_count;
	struct config_subsystem *subsystems;
	size_t subsystem_count;
	struct config_port *ports;	/* ascending portid */
	size_t port_count;
};

/* An empty one; NULL where memory ran out. Freed with config_free(). */
struct config *config_new(void);
/* A deep copy. */
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
void config_remove_subsystem(struct config *config, const char *nqn); /* its port links too */
void config_remove_namespace(struct config_subsystem *subsystem, uint32_t nsid);
void config_remove_port(struct config *config, uint16_t portid);
int config_allow_host(struct config *config, struct config_subsystem *subsystem, const char *nqn);
int config_link(struct config_port *port, const char *nqn);
/* Sets or replaces; value NULL removes. */
int config_set_option(struct config_namespace *ns, const char *name, const char *value);
const char *config_get_option(const struct config_namespace *ns, const char *name);

/*
 * Fills in what may be left out and refuses what cannot run, naming the
 * object, the value and what would be right. Pure: opens nothing.
 */
int config_validate(struct config *config, struct weft_error *error);

#endif
