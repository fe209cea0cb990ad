/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvmetcli's dialect (/etc/nvmet/config.json). The OpenMediaVault plugin writes a
 * subset of it, in which an nsid may be missing and an EUI-64 is in "device". An
 * attribute that is missing has nvmetcli's default: a namespace without "enable" is
 * disabled.
 */
#include <string.h>

#include "config/dialect.h"

/* ---- subsystems ---- */

/* Reads "ana": {"grpid"}, an older form of "ana_grpid"; if both are there, "ana_grpid" counts. */
static int read_older_grpid(const struct node *node, struct config_namespace *ns)
{
	static const char *const names[] = { "grpid", NULL };
	struct node ana, grpid;
	int r = node_get_object(node, "ana", &ana);

	if (r < 0 || !ana.value)
		return r;
	node_only(&ana, names);
	if (!node_get(&ana, "grpid", &grpid))
		return 0;
	return node_attr(&grpid, attr_find(&namespace_type, "ana_grpid"), &ns->settings);
}

static int read_namespace(const struct node *node, struct config_namespace *ns)
{
	static const char *const also[] = { "ana", NULL };
	const struct node_form form = { .also = also, .other = read_namespace_other,
					.object = ns };
	int r;

	ns->enable = false;
	r = read_older_grpid(node, ns);
	if (!r)
		r = node_settings(node, &namespace_type, &form, &ns->settings);
	return r;
}

static int read_subsystem(const struct node *node, struct config *config)
{
	static const struct node_form form = { 0 };
	struct config_subsystem *subsystem;
	struct node child;
	const char *nqn;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	nqn = node_get_nqn(node, "nqn");
	if (!nqn)
		return -EINVAL;
	r = new_subsystem(node, nqn, config, &subsystem);
	if (!r)
		r = node_settings(node, &subsystem_type, &form, &subsystem->settings);
	if (!r && node_get(node, "attr", &child))
		warn_subsystem(&child, subsystem);
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

/* Reads the group "addr" and completes the address. */
static int read_address(const struct node *node, struct address_settings *addr, bool referral)
{
	struct node group;

	if (!node_get(node, "addr", &group))
		return node_refuse(node, EINVAL, "addr is missing; it must be an object with "
				   "traddr and trsvcid");
	return complete_address(&group, "", addr, referral);
}

static int read_ana_group(const struct node *node, struct config_port *port)
{
	static const struct node_form form = { 0 };
	struct config_ana_group *group;
	struct node child;
	uint64_t grpid;
	int r = node_want_object(node);

	if (r < 0)
		return r;
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
	group = config_add_ana_group(port, (uint32_t)grpid);
	if (!group)
		return read_out_of_memory(node);
	return node_settings(node, &ana_group_type, &form, &group->settings);
}

static int read_referral(const struct node *node, struct config_port *port)
{
	static const struct node_form form = { 0 };
	struct config_referral *referral;
	struct node child;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	if (!node_get(node, "name", &child) || !json_is_string(child.value))
		return node_refuse(node, EINVAL, "name is missing; it must be a string");
	if (port->referral_count == CONFIG_REFERRALS_MAX)
		return node_refuse(node, E2BIG, "there may be %d referrals", CONFIG_REFERRALS_MAX);
	referral = config_add_referral(port, json_string_value(child.value));
	if (!referral)
		return read_out_of_memory(node);
	referral->line = node_line(node);
	r = node_settings(node, &referral_type, &form, &referral->settings);
	return r ? r : read_address(node, &referral->addr, true);
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
	static const struct node_form form = { 0 };
	struct config_port *port;
	struct node child;
	uint64_t portid;
	int r = node_want_object(node);

	if (r < 0)
		return r;
	if (!node_get(node, "portid", &child))
		return node_refuse(node, EINVAL, "portid is missing; it must be a number in "
				   "1..65535");
	r = node_number(&child, 1, 65535, &portid);
	if (!r)
		r = new_port(node, portid, config, &port);
	if (!r)
		r = node_settings(node, &port_type, &form, &port->settings);
	if (!r)
		r = read_address(node, &port->addr, false);
	if (!r && node_get(node, "param", &child))
		warn_port(&child, "pi_enable", port);
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
	static const struct node_form form = { 0 };
	struct node child;
	int r = node_settings(root, &root_type, &form, &config->settings);

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
