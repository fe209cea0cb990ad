/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The form that the OpenMediaVault plugin documents: ports and subsystems are
 * members of objects, attributes are flat, and "associations" links subsystems to
 * ports. A missing attribute has the plugin's default: a namespace is enabled, and
 * without "associations" every port has every subsystem ("associations": []: none).
 */
#include <string.h>

#include "config/dialect.h"
#include "spec/fabrics.h"

bool omv_recognise(const struct node *root)
{
	struct node child;

	return (node_get(root, "ports", &child) && json_is_object(child.value)) ||
	       (node_get(root, "subsystems", &child) && json_is_object(child.value)) ||
	       node_get(root, "associations", &child);
}

/* Reads "device", which may be a string with the path. */
static int read_flat_other(const struct node *member, enum attr_place place, void *object)
{
	if (place == ATTR_IN_OBJECT && !strcmp(member->key, "device"))
		return read_path(member, object);
	return read_namespace_other(member, place, object);
}

static int read_namespace(const struct node *node, struct config_namespace *ns)
{
	const struct node_form form = { .flat = true, .other = read_flat_other, .object = ns };

	return node_settings(node, &namespace_type, &form, &ns->settings);
}

static int read_subsystem(const struct node *node, struct config *config)
{
	static const char *const also[] = { "hosts", NULL };
	static const struct node_form form = { .flat = true, .also = also };
	enum nvmf_nqn_fault fault = nvmf_nqn_check(node->key, strlen(node->key) + 1, 0);
	struct config_subsystem *subsystem;
	struct node child;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	if (fault != NVMF_NQN_OK)
		return node_refuse(node, EINVAL, "NQN \"%.80s\" %s", node->key,
				   nvmf_nqn_fault_str(fault));
	r = new_subsystem(node, node->key, config, &subsystem);
	if (!r)
		r = node_settings(node, &subsystem_type, &form, &subsystem->settings);
	if (r < 0)
		return r;
	warn_subsystem(node, subsystem);
	r = node_get_array(node, "hosts", &child);
	if (!r)
		r = read_allowed_hosts(&child, config, subsystem);
	if (!r)
		r = node_get_array(node, "namespaces", &child);
	if (!r)
		r = read_namespaces(&child, subsystem, read_namespace);
	return r;
}

static int read_port(const struct node *node, struct config *config)
{
	static const struct node_form form = { .flat = true };
	struct config_port *port;
	uint64_t portid;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	if (number_parse(node->key, 1, 65535, &portid) < 0)
		return node_refuse(node, EINVAL, "the port's name is \"%.80s\"; it must be its "
				   "number in 1..65535", node->key);
	r = new_port(node, portid, config, &port);
	if (!r)
		r = node_settings(node, &port_type, &form, &port->settings);
	if (!r)
		r = complete_address(node, "addr_", &port->addr, false);
	if (!r)
		warn_port(node, "param_pi_enable", port);
	return r;
}

/* Reads an association, a pair: [port, NQN]. */
static int read_association(const struct node *node, struct config *config)
{
	struct node portid = { 0 }, nqn;
	struct config_port *port;
	const char *text;
	uint64_t number;
	int r;

	if (!json_is_array(node->value) || json_array_size(node->value) != 2)
		return node_refuse(node, EINVAL, "it must be a pair: [ \"1\", \"nqn...\" ]");
	node_next(node, &portid);
	nqn = portid;
	node_next(node, &nqn);
	r = node_number(&portid, 1, 65535, &number);
	if (r < 0)
		return r;
	port = config_find_port(config, (uint16_t)number);
	if (!port)
		return node_refuse(&portid, ENOENT, "port %u does not exist; add it to ports or "
				   "remove it here", (unsigned int)number);
	text = node_nqn(&nqn);
	if (!text)
		return -EINVAL;
	return link_subsystem(&nqn, text, config, port);
}

static int associate_all(const struct node *root, struct config *config)
{
	for (size_t i = 0; i < config->port_count; i++) {
		struct config_port *port = &config->ports[i];

		for (size_t j = 0; !port->discovery && j < config->subsystem_count; j++) {
			if (config_link(port, config->subsystems[j].nqn) < 0)
				return read_out_of_memory(root);
		}
	}
	return 0;
}

static int read_associations(const struct node *root, struct config *config)
{
	struct node array, ports, child = { 0 };
	int r = node_get_array(root, "associations", &array);

	if (r < 0)
		return r;
	if (!array.value) {
		/* In nvmetcli's form each port has a list of its subsystems. */
		bool listed = node_get(root, "ports", &ports) && json_is_array(ports.value);

		return listed ? 0 : associate_all(root, config);
	}
	while (!r && node_next(&array, &child))
		r = read_association(&child, config);
	return r;
}

/* Reads ports or subsystems: an array is nvmetcli's form, an object the plugin's. */
static int read_group(const struct node *root, const char *key, struct config *config,
		      int (*read_array)(const struct node *array, struct config *config),
		      int (*read_one)(const struct node *node, struct config *config))
{
	struct node group, child = { 0 };
	int r = 0;

	if (!node_get(root, key, &group))
		return 0;
	if (json_is_array(group.value))
		return read_array(&group, config);
	r = node_want_object(&group);
	while (!r && node_next(&group, &child))
		r = read_one(&child, config);
	return r;
}

int omv_read(const struct node *root, struct config *config)
{
	static const char *const also[] = { "associations", NULL };
	static const struct node_form form = { .also = also };
	int r = node_settings(root, &root_type, &form, &config->settings);

	if (!r)
		r = read_hosts(root, config);
	if (!r)
		r = read_group(root, "subsystems", config, nvmetcli_read_subsystems,
			       read_subsystem);
	if (!r)
		r = read_group(root, "ports", config, nvmetcli_read_ports, read_port);
	if (!r)
		r = read_associations(root, config);
	return r;
}
