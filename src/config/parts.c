/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dialects have in common: hosts, identifiers, devices, and weft's own groups. */
#include <stdio.h>
#include <string.h>

#include "config/dialect.h"

int new_subsystem(const struct node *at, const char *nqn, struct config *config,
		  struct config_subsystem **ret_subsystem)
{
	struct config_subsystem *subsystem;

	if (config_find_subsystem(config, nqn))
		return node_refuse(at, EEXIST, "NQN %s is used twice; each subsystem must have "
				   "its own", nqn);
	if (config->subsystem_count == CONFIG_SUBSYSTEMS_MAX)
		return node_refuse(at, E2BIG, "there may be %d subsystems", CONFIG_SUBSYSTEMS_MAX);
	subsystem = config_add_subsystem(config, nqn);
	if (!subsystem)
		return read_out_of_memory(at);
	subsystem->line = node_line(at);
	*ret_subsystem = subsystem;
	return 0;
}

int new_port(const struct node *at, uint64_t portid, struct config *config,
	     struct config_port **ret_port)
{
	struct config_port *port;

	if (config_find_port(config, (uint16_t)portid))
		return node_refuse(at, EEXIST, "port %u is there twice; each port must have a "
				   "portid of its own", (unsigned int)portid);
	if (config->port_count == CONFIG_PORTS_MAX)
		return node_refuse(at, E2BIG, "there may be %d ports", CONFIG_PORTS_MAX);
	port = config_add_port(config, (uint16_t)portid);
	if (!port)
		return read_out_of_memory(at);
	port->line = node_line(at);
	*ret_port = port;
	return 0;
}

int read_hosts(const struct node *root, struct config *config)
{
	static const char *const names[] = { "nqn", NULL };
	struct node hosts, host = { 0 };
	int r = node_get_array(root, "hosts", &hosts);

	if (r < 0 || !hosts.value)
		return r;
	while (node_next(&hosts, &host)) {
		struct node key = { 0 };
		const char *nqn;

		r = node_want_object(&host);
		if (r < 0)
			return r;
		nqn = node_get_nqn(&host, "nqn");
		if (!nqn)
			return -EINVAL;
		/* Passing these over would let hosts in that cannot prove who they are. */
		while (node_next(&host, &key)) {
			if (!strncmp(key.key, "dhchap_", 7) && !json_is_null(key.value))
				return node_refuse(&key, EOPNOTSUPP, "this weft cannot "
						   "authenticate hosts yet; remove it to let the "
						   "host in by its NQN alone");
		}
		node_only(&host, names);
		if (config->host_count == CONFIG_HOSTS_MAX)
			return node_refuse(&host, E2BIG, "there may be %d hosts", CONFIG_HOSTS_MAX);
		if (config_add_host(config, nqn) < 0)
			return read_out_of_memory(&host);
	}
	return 0;
}

int read_allowed_hosts(const struct node *array, struct config *config,
		       struct config_subsystem *subsystem)
{
	struct node host = { 0 };

	while (array->value && node_next(array, &host)) {
		const char *nqn = node_nqn(&host);

		if (!nqn)
			return -EINVAL;
		if (config->host_count == CONFIG_HOSTS_MAX)
			return node_refuse(&host, E2BIG, "there may be %d hosts", CONFIG_HOSTS_MAX);
		if (config_allow_host(config, subsystem, nqn) < 0)
			return read_out_of_memory(&host);
	}
	return 0;
}

int link_subsystem(const struct node *at, const char *nqn, const struct config *config,
		   struct config_port *port)
{
	if (!config_find_subsystem(config, nqn))
		return node_refuse(at, ENOENT, "subsystem %s does not exist; add it to subsystems "
				   "or remove it here", nqn);
	if (config_link(port, nqn) < 0)
		return read_out_of_memory(at);
	return 0;
}

int complete_address(const struct node *object, const char *prefix, struct config_address *addr,
		     bool referral)
{
	struct weft_error inner;
	const char *attr;
	struct node at;
	char key[32];

	if (!config_complete_address(addr, referral, &attr, &inner))
		return 0;
	snprintf(key, sizeof(key), "%s%s", prefix, attr);
	return node_refuse(node_get(object, key, &at) ? &at : object, inner.code, "%s", inner.text);
}

/* ---- namespaces ---- */

int read_ids(const struct node *object, struct config_namespace *ns)
{
	struct node child;
	int r = 0;

	if (node_get(object, "uuid", &child))
		r = node_hex(&child, ns->uuid, sizeof(ns->uuid), &ns->has_uuid);
	if (!r && node_get(object, "nguid", &child))
		r = node_hex(&child, ns->nguid, sizeof(ns->nguid), &ns->has_nguid);
	if (!r && node_get(object, "eui64", &child))
		r = node_hex(&child, ns->eui64, sizeof(ns->eui64), &ns->has_eui64);
	return r;
}

static int read_option(const struct node *node, const char *name, struct config_namespace *ns)
{
	char buf[NODE_NUMBER];
	const char *text = node_text(node, buf);

	if (!text)
		return -EINVAL;
	if (config_set_option(ns, name, text) < 0)
		return read_out_of_memory(node);
	return 0;
}

int read_device(const struct node *device, struct config_namespace *ns)
{
	static const char *const names[] = { "path", "uuid", "nguid", "eui64", NULL };
	struct node path;
	int r = node_want_object(device);

	if (r < 0)
		return r;
	node_only(device, names);
	r = read_ids(device, ns);
	if (r < 0 || !node_get(device, "path", &path))
		return r;
	if (!json_is_string(path.value))
		return node_refuse(&path, EINVAL, "it must be a string with a path");
	/* The kernel shows a path that is not set as "(null)". */
	if (!*json_string_value(path.value) || !strcmp(json_string_value(path.value), "(null)"))
		return 0;
	return read_option(&path, "path", ns);
}

static int read_namespace_key(const struct node *node, struct config_namespace *ns)
{
	uint64_t number;
	int r;

	if (!strcmp(node->key, "eui64"))
		return node_hex(node, ns->eui64, sizeof(ns->eui64), &ns->has_eui64);
	if (!strcmp(node->key, "read_only"))
		return node_bool(node, &ns->read_only);
	if (!strcmp(node->key, "block_size")) {
		r = node_number(node, 0, 4096, &number);
		if (r < 0)
			return r;
		if (number && number != 512 && number != 4096)
			return node_refuse(node, EINVAL, "it is %u; it must be 512 or 4096",
					   (unsigned int)number);
		ns->block_size = (uint32_t)number;
		return 0;
	}
	if (!strcmp(node->key, "backend")) {
		if (!json_is_string(node->value) || !json_string_length(node->value))
			return node_refuse(node, EINVAL, "it must be a backend's name, such as "
					   "\"file\"");
		if (config_set_string(&ns->backend, json_string_value(node->value)) < 0)
			return read_out_of_memory(node);
		return 0;
	}
	return read_option(node, node->key, ns);
}

int read_namespace_weft(const struct node *node, struct config_namespace *ns)
{
	struct node group, child = { 0 };
	int r = node_get_object(node, "weft", &group);

	while (!r && group.value && node_next(&group, &child)) {
		if (!json_is_null(child.value))
			r = read_namespace_key(&child, ns);
	}
	return r;
}

/* The namespace's nsid; 0: it has none. */
static int read_nsid(const struct node *node, uint32_t *ret_nsid)
{
	struct node child;
	uint64_t nsid = 0;
	int r = 0;

	if (node_get(node, "nsid", &child) &&
	    !(json_is_string(child.value) && !json_string_length(child.value)))
		r = node_number(&child, 1, CONFIG_NSID_MAX, &nsid);
	*ret_nsid = (uint32_t)nsid;
	return r;
}

static int add_namespace(const struct node *node, struct config_subsystem *subsystem,
			 uint32_t nsid,
			 int (*read_one)(const struct node *node, struct config_namespace *ns))
{
	struct config_namespace *ns;

	if (!nsid)
		nsid = config_free_nsid(subsystem);
	if (!nsid)
		return node_refuse(node, E2BIG, "there may be %d namespaces", CONFIG_NSID_MAX);
	if (config_find_namespace(subsystem, nsid))
		return node_refuse(node, EEXIST, "nsid %u is used twice; each namespace of a "
				   "subsystem must have its own", nsid);
	ns = config_add_namespace(subsystem, nsid);
	if (!ns)
		return read_out_of_memory(node);
	ns->line = node_line(node);
	return read_one(node, ns);
}

int read_namespaces(const struct node *array, struct config_subsystem *subsystem,
		    int (*read_one)(const struct node *node, struct config_namespace *ns))
{
	/* First those that say their nsid, so that the others keep out of their way. */
	for (int numbered = 1; array->value && numbered >= 0; numbered--) {
		struct node node = { 0 };

		while (node_next(array, &node)) {
			uint32_t nsid;
			int r = node_want_object(&node);

			if (!r)
				r = read_nsid(&node, &nsid);
			if (!r && (nsid != 0) == numbered)
				r = add_namespace(&node, subsystem, nsid, read_one);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* ---- the groups "weft" of ports and of the whole ---- */

int read_port_weft(const struct node *node, struct config_port *port)
{
	static const char *const names[] = { "discovery", NULL };
	struct node group, child;
	int r = node_get_object(node, "weft", &group);

	if (r < 0 || !group.value)
		return r;
	node_only(&group, names);
	return node_get(&group, "discovery", &child) ? node_bool(&child, &port->discovery) : 0;
}

int read_root_weft(const struct node *root, struct config *config)
{
	static const char *const names[] = { "discovery_nqn", NULL };
	struct node group, child;
	const char *nqn;
	int r = node_get_object(root, "weft", &group);

	if (r < 0 || !group.value)
		return r;
	node_only(&group, names);
	if (!node_get(&group, "discovery_nqn", &child))
		return 0;
	nqn = node_nqn(&child);
	if (!nqn)
		return -EINVAL;
	if (config_set_string(&config->discovery_nqn, nqn) < 0)
		return read_out_of_memory(&child);
	return 0;
}

/* ---- warnings ---- */

static void warn_pi(const struct node *group, const char *key)
{
	struct node at;

	if (node_get(group, key, &at))
		node_warn(&at, "weft has no protection information; it is ignored");
}

void warn_subsystem(const struct node *attrs, const struct config_subsystem *subsystem)
{
	struct node at;

	if (subsystem->version && subsystem->version < CONFIG_VERSION_MIN &&
	    node_get(attrs, "version", &at))
		node_warn(&at, "NVMe over Fabrics came with version 1.2.1; hosts are told the "
			  "default instead");
	if (subsystem->pi_enable)
		warn_pi(attrs, "pi_enable");
}

void warn_port(const struct node *params, const char *key, const struct config_port *port)
{
	if (port->pi_enable)
		warn_pi(params, key);
}
