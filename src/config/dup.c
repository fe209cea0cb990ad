/* SPDX-License-Identifier: BSD-3-Clause */
/* A deep copy of a configuration. */
#include <errno.h>
#include <stdlib.h>

#include "config/model.h"

static int dup_address(struct config_address *to, const struct config_address *from)
{
	char *trtype = to->trtype;

	*to = *from;
	to->trtype = trtype;
	to->adrfam = to->traddr = NULL;
	if (config_set_string(&to->trtype, from->trtype) < 0 ||
	    config_set_string(&to->adrfam, from->adrfam) < 0 ||
	    config_set_string(&to->traddr, from->traddr) < 0)
		return -ENOMEM;
	return 0;
}

static int dup_namespace(struct config_subsystem *to, const struct config_namespace *from)
{
	struct config_namespace *ns = config_add_namespace(to, from->nsid);
	char *backend;

	if (!ns)
		return -ENOMEM;
	backend = ns->backend;
	*ns = *from;
	ns->backend = backend;
	ns->options = NULL;
	ns->option_count = 0;
	ns->line = 0;
	if (config_set_string(&ns->backend, from->backend) < 0)
		return -ENOMEM;
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
	subsystem->allow_any_host = from->allow_any_host;
	subsystem->version = from->version;
	subsystem->cntlid_min = from->cntlid_min;
	subsystem->cntlid_max = from->cntlid_max;
	subsystem->qid_max = from->qid_max;
	subsystem->ieee_oui = from->ieee_oui;
	subsystem->pi_enable = from->pi_enable;
	if (config_set_string(&subsystem->serial, from->serial) < 0 ||
	    config_set_string(&subsystem->model, from->model) < 0 ||
	    config_set_string(&subsystem->firmware, from->firmware) < 0)
		return -ENOMEM;
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
	referral->portid = from->portid;
	referral->enable = from->enable;
	return dup_address(&referral->addr, &from->addr);
}

static int dup_port(struct config *to, const struct config_port *from)
{
	struct config_port *port = config_add_port(to, from->portid);

	if (!port)
		return -ENOMEM;
	port->inline_data_size = from->inline_data_size;
	port->max_queue_size = from->max_queue_size;
	port->mdts = from->mdts;
	port->pi_enable = from->pi_enable;
	port->discovery = from->discovery;
	if (dup_address(&port->addr, &from->addr) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < from->subsystem_count; i++) {
		if (config_link(port, from->subsystems[i]) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->ana_group_count; i++) {
		if (config_set_ana_group(port, from->ana_groups[i].grpid,
					 from->ana_groups[i].state) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->referral_count; i++) {
		if (dup_referral(port, &from->referrals[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int dup_all(struct config *to, const struct config *from)
{
	if (config_set_string(&to->discovery_nqn, from->discovery_nqn) < 0)
		return -ENOMEM;
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
