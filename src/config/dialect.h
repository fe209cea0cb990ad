/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The readers of the dialects, and functions that they share. All return 0, or -errno with the
 * document's error filled.
 */
#ifndef WEFT_CONFIG_DIALECT_H
#define WEFT_CONFIG_DIALECT_H

#include <errno.h>

#include "config/model.h"
#include "config/node.h"

/* nvmetcli.c: arrays of objects, attributes in groups. */
int nvmetcli_read(const struct node *root, struct config *config);
int nvmetcli_read_subsystems(const struct node *array, struct config *config);
int nvmetcli_read_ports(const struct node *array, struct config *config);
/* omv.c: objects by name, attributes with prefixes. */
bool omv_recognise(const struct node *root);
int omv_read(const struct node *root, struct config *config);

/* dialect.c: shared by both readers. */
int read_hosts(const struct node *root, struct config *config);
int read_allowed_hosts(const struct node *array, struct config *config,
		       struct config_subsystem *subsystem);
/* The path of a namespace's device. */
int read_path(const struct node *path, struct config_namespace *ns);
/* A node_other of namespaces: the path, and the options of the backend. */
int read_namespace_other(const struct node *member, enum attr_place place, void *object);
/*
 * Adds the namespaces of an array and fills each by read_one(). A namespace without
 * an nsid gets the lowest that is free, in the order of the array.
 */
int read_namespaces(const struct node *array, struct config_subsystem *subsystem,
		    int (*read_one)(const struct node *node, struct config_namespace *ns));
/* Adds a subsystem or port; -EEXIST: there is one already. A refusal names the place of `at`. */
int new_subsystem(const struct node *at, const char *nqn, struct config *config,
		  struct config_subsystem **ret_subsystem);
int new_port(const struct node *at, uint64_t portid, struct config *config,
	     struct config_port **ret_port);
/* Completes an address that was read from the members of `object` whose keys begin with prefix. */
int complete_address(const struct node *object, const char *prefix, struct address_settings *addr,
		     bool referral);
/* Links a subsystem that must exist. */
int link_subsystem(const struct node *at, const char *nqn, const struct config *config,
		   struct config_port *port);
/* Warns of values that weft ignores or replaces. */
void warn_subsystem(const struct node *attrs, const struct config_subsystem *subsystem);
void warn_port(const struct node *params, const char *key, const struct config_port *port);

static inline int read_out_of_memory(const struct node *node)
{
	return node_refuse(node, ENOMEM, "out of memory");
}

#endif
