/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmetcli's dialect (/etc/nvmet/config.json), and with it what the
 * OpenMediaVault plugin writes: a subset with an nsid that may be missing and
 * an EUI-64 in "device". What is left out has nvmetcli's meaning: a namespace
 * without "enable" is disabled.
 */
#include <string.h>

#include "config/dialect.h"

/* ---- subsystems ---- */

/* "ana_grpid" is the newer spelling and wins. */
static int read_ana_grpid(const struct node *node, struct config_namespace *ns)
{
	static const char *const names[] = { "grpid", NULL };
	struct node ana, grpid = { 0 }, newer;
	uint64_t number;
	int r = node_get_object(node, "ana", &ana);

	if (r < 0)
		return r;
	if (ana.value) {
		node_only(&ana, names);
		node_get(&ana, "grpid", &grpid);
	}
	if (node_get(node, "ana_grpid", &newer))
		grpid = newer;
	if (!grpid.value)
		return 0;
	r = node_number(&grpid, 1, CONFIG_ANA_GROUP_MAX, &number);
	if (!r)
		ns->ana_grpid = (uint32_t)number;
	return r;
}

static int read_namespace(const struct node *node, struct config_namespace *ns)
{
	static const char *const names[] = { "nsid", "device", "ana", "ana_grpid", "enable",
					     "weft", NULL };
	struct node child;
	int r = 0;

	node_only(node, names);
	ns->enable = false;
	if (node_get(node, "device", &child))
		r = read_device(&child, ns);
	if (!r)
		r = read_ana_grpid(node, ns);
	if (!r && node_get(node, "enable", &child))
		r = node_bool(&child, &ns->enable);
	if (!r)
		r = read_namespace_weft(node, ns);
	return r;
}

static int read_subsystem(const struct node *node, struct config *config)
{
	static const char *const names[] = { "nqn", "attr", "allowed_hosts", "namespaces", "weft",
					     NULL };
	struct config_subsystem *subsystem;
	struct node child;
	const char *nqn;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	node_only(node, names);
	nqn = node_get_nqn(node, "nqn");
	if (!nqn)
		return -EINVAL;
	r = new_subsystem(node, nqn, config, &subsystem);
	if (!r)
		r = node_get_object(node, "attr", &child);
	if (!r && child.value) {
		r = node_attrs(&child, "", config_subsystem_attrs, NULL, subsystem);
		if (!r)
			warn_subsystem(&child, subsystem);
	}
	if (!r)
		r = node_get_array(node, "allowed_hosts", &child);
	if (!r)
		r = read_allowed_hosts(&child, config, subsystem);
	if (!r)
		r = node_get_array(node, "namespaces", &child);
	if (!r)
		r = read_namespaces(&child, subsystem, read_namespace);
	return r;
}

int nvmetcli_read_subsystems(const struct node *array, struct config *config)
{
	struct node child = { 0 };
	int r = 0;

	while (!r && array->value && node_next(array, &child))
		r = read_subsystem(&child, config);
	return r;
}

/* ---- ports ---- */

static int read_ana_group(const struct node *node, struct config_port *port)
{
	static const char *const names[] = { "grpid", "ana", NULL };
	/* As the kernel makes a new one; group 1 it makes by itself. */
	struct config_ana_group group = { .state = CONFIG_ANA_INACCESSIBLE };
	struct node child;
	uint64_t grpid;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	node_only(node, names);
	if (!node_get(node, "grpid", &child))
		return node_refuse(node, EINVAL, "grpid is missing");
	r = node_number(&child, 1, CONFIG_ANA_GROUP_MAX, &grpid);
	if (r < 0)
		return r;
	for (size_t i = 0; i < port->ana_group_count; i++) {
		if (port->ana_groups[i].grpid == grpid)
			return node_refuse(&child, EEXIST, "ANA group %u is there twice; each must "
					   "have a grpid of its own", (unsigned int)grpid);
	}
	if (grpid == 1)
		group.state = CONFIG_ANA_OPTIMIZED;
	r = node_get_object(node, "ana", &child);
	if (!r && child.value)
		r = node_attrs(&child, "", config_ana_attrs, NULL, &group);
	if (!r && config_set_ana_group(port, (uint32_t)grpid, group.state) < 0)
		r = read_out_of_memory(node);
	return r;
}

static int read_referral(const struct node *node, struct config_port *port)
{
	static const char *const names[] = { "name", "addr", "enable", NULL };
	struct config_referral *referral;
	struct node child;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	node_only(node, names);
	if (!node_get(node, "name", &child) || !json_is_string(child.value))
		return node_refuse(node, EINVAL, "name is missing; it must be a string");
	if (port->referral_count == CONFIG_REFERRALS_MAX)
		return node_refuse(node, E2BIG, "there may be %d referrals", CONFIG_REFERRALS_MAX);
	referral = config_add_referral(port, json_string_value(child.value));
	if (!referral)
		return read_out_of_memory(node);
	referral->line = node_line(node);
	r = node_get_object(node, "addr", &child);
	if (!r && !child.value)
		r = node_refuse(node, EINVAL, "addr is missing; it must be an object with traddr "
				"and trsvcid");
	if (!r)
		r = node_attrs(&child, "", config_referral_attrs, NULL, referral);
	if (!r)
		r = complete_address(&child, "", &referral->addr, true);
	if (!r && node_get(node, "enable", &child))
		r = node_bool(&child, &referral->enable);
	return r;
}

static int read_links(const struct node *array, const struct config *config,
		      struct config_port *port)
{
	struct node child = { 0 };

	while (array->value && node_next(array, &child)) {
		const char *nqn = node_nqn(&child);
		int r;

		if (!nqn)
			return -EINVAL;
		r = link_subsystem(&child, nqn, config, port);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_address(const struct node *node, struct config_port *port)
{
	struct node addr;
	int r = node_get_object(node, "addr", &addr);

	if (r < 0)
		return r;
	if (!addr.value)
		return node_refuse(node, EINVAL, "addr is missing; it must be an object with "
				   "traddr and trsvcid");
	r = node_attrs(&addr, "", config_address_attrs, NULL, &port->addr);
	if (!r)
		r = complete_address(&addr, "", &port->addr, false);
	return r;
}

static int read_params(const struct node *node, struct config_port *port)
{
	struct node param;
	int r = node_get_object(node, "param", &param);

	if (r < 0 || !param.value)
		return r;
	r = node_attrs(&param, "", config_port_params, NULL, port);
	if (!r)
		warn_port(&param, "pi_enable", port);
	return r;
}

static int read_each(const struct node *node, const char *key, struct config_port *port,
		     int (*read_one)(const struct node *node, struct config_port *port))
{
	struct node array, child = { 0 };
	int r = node_get_array(node, key, &array);

	while (!r && array.value && node_next(&array, &child))
		r = read_one(&child, port);
	return r;
}

static int read_port(const struct node *node, struct config *config)
{
	static const char *const names[] = { "portid", "addr", "param", "subsystems", "ana_groups",
					     "referrals", "weft", NULL };
	struct config_port *port;
	struct node child;
	uint64_t portid;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	node_only(node, names);
	if (!node_get(node, "portid", &child))
		return node_refuse(node, EINVAL, "portid is missing; it must be a number in "
				   "1..65535");
	r = node_number(&child, 1, 65535, &portid);
	if (!r)
		r = new_port(node, portid, config, &port);
	if (!r)
		r = read_address(node, port);
	if (!r)
		r = read_params(node, port);
	if (!r)
		r = read_port_weft(node, port);
	if (!r)
		r = node_get_array(node, "subsystems", &child);
	if (!r)
		r = read_links(&child, config, port);
	if (!r)
		r = read_each(node, "ana_groups", port, read_ana_group);
	if (!r)
		r = read_each(node, "referrals", port, read_referral);
	return r;
}

int nvmetcli_read_ports(const struct node *array, struct config *config)
{
	struct node child = { 0 };
	int r = 0;

	while (!r && array->value && node_next(array, &child))
		r = read_port(&child, config);
	return r;
}

int nvmetcli_read(const struct node *root, struct config *config)
{
	static const char *const names[] = { "hosts", "subsystems", "ports", "weft", NULL };
	struct node child;
	int r;

	node_only(root, names);
	r = read_root_weft(root, config);
	if (!r)
		r = read_hosts(root, config);
	if (!r)
		r = node_get_array(root, "subsystems", &child);
	if (!r)
		r = nvmetcli_read_subsystems(&child, config);
	if (!r)
		r = node_get_array(root, "ports", &child);
	if (!r)
		r = nvmetcli_read_ports(&child, config);
	return r;
}
