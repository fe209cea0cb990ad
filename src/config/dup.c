/* SPDX-License-Identifier: BSD-3-Clause */
/* A deep copy of a configuration. */
#include <errno.h>
#include <stdlib.h>

#include "config/model.h"

static int dup_namespace(struct config_subsystem *to, const struct config_namespace *from)
{
	struct config_namespace *ns = config_add_namespace(to, from->nsid);

	if (!ns)
		return -ENOMEM;
	ns->settings = from->settings;
	for (size_t i = 0; i < from->option_count; i++) {
		if (config_set_option(ns, from->options[i].name, from->options[i].value) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int dup_subsystem(struct config *to, const struct config_subsystem *from)
{
	struct config_subsystem *subsystem = config_add_subsystem(to, from->nqn);

	if (!subsystem)
		return -ENOMEM;
	subsystem->settings = from->settings;
	for (size_t i = 0; i < from->allowed_host_count; i++) {
		if (config_allow_host(to, subsystem, from->allowed_hosts[i]) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->namespace_count; i++) {
		if (dup_namespace(subsystem, &from->namespaces[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int dup_referral(struct config_port *to, const struct config_referral *from)
{
	struct config_referral *referral = config_add_referral(to, from->name);

	if (!referral)
		return -ENOMEM;
	referral->settings = from->settings;
	return 0;
}

static int dup_port(struct config *to, const struct config_port *from)
{
	struct config_port *port = config_add_port(to, from->portid);

	if (!port)
		return -ENOMEM;
	port->settings = from->settings;
	for (size_t i = 0; i < from->subsystem_count; i++) {
		if (config_link(port, from->subsystems[i]) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->ana_group_count; i++) {
		struct config_ana_group *group = config_add_ana_group(port,
								      from->ana_groups[i].grpid);

		if (!group)
			return -ENOMEM;
		group->settings = from->ana_groups[i].settings;
	}
	for (size_t i = 0; i < from->referral_count; i++) {
		if (dup_referral(port, &from->referrals[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int dup_all(struct config *to, const struct config *from)
{
	to->settings = from->settings;
	for (size_t i = 0; i < from->host_count; i++) {
		if (config_add_host(to, from->hosts[i].nqn) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->subsystem_count; i++) {
		if (dup_subsystem(to, &from->subsystems[i]) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->port_count; i++) {
		if (dup_port(to, &from->ports[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

struct config *config_dup(const struct config *config)
{
	struct config *copy = config_new();

	if (copy && dup_all(copy, config) < 0) {
		config_free(copy);
		return NULL;
	}
	return copy;
}
