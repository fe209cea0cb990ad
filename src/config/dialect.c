/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions that the readers of all dialects share: hosts, namespaces, devices, links, warnings. */
#include <stdio.h>
#include <string.h>

#include "config/dialect.h"
#include "util/cleanup.h"

#define CHILDREN_MAX 8		/* the most backends in a stack of overlays */

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
		/* A key that is ignored would admit hosts that cannot authenticate. */
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

int complete_address(const struct node *object, const char *prefix, struct address_settings *addr,
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

/* Reads an option. An object is a child backend, whose options are named "NAME.option". */
static int read_options(const struct node *node, const char *name, unsigned int depth,
			struct config_namespace *ns)
{
	struct node child = { 0 };
	int r = 0;

	if (!json_is_object(node->value))
		return read_option(node, name, ns);
	if (depth == CHILDREN_MAX)
		return node_refuse(node, EINVAL, "objects are nested too deep; there may be %u in "
				   "each other", CHILDREN_MAX);
	while (!r && node_next(node, &child)) {
		_cleanup_free_ char *full = NULL;

		if (json_is_null(child.value))
			continue;
		if (asprintf(&full, "%s.%s", name, child.key) < 0) {
			full = NULL;
			return read_out_of_memory(node);
		}
		r = read_options(&child, full, depth + 1, ns);
	}
	return r;
}

int read_path(const struct node *path, struct config_namespace *ns)
{
	const char *text = json_string_value(path->value);

	if (!text)
		return node_refuse(path, EINVAL, "it must be a string with a path, such as "
				   "\"/dev/sdb\"");
	/* nvmet's configfs shows a device_path that is not set as "(null)". */
	if (!*text || !strcmp(text, "(null)"))
		return 0;
	if (config_set_option(ns, "path", text) < 0)
		return read_out_of_memory(path);
	return 0;
}

int read_namespace_other(const struct node *member, enum attr_place place, void *object)
{
	struct config_namespace *ns = object;

	if (place == ATTR_IN_WEFT)
		return read_options(member, member->key, 0, ns);
	if (place == ATTR_IN_DEVICE && !strcmp(member->key, "path"))
		return read_path(member, ns);
	return 1;
}

/* Reads the namespace's nsid; *ret_nsid 0: it has none. */
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
		return node_refuse(node, E2BIG, "there may be %d namespaces",
				   CONFIG_NAMESPACES_MAX);
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
	/* First the namespaces that have an nsid, so that the others get NSIDs that are free. */
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
