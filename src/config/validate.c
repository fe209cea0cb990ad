/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of a configuration, object by object. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/backend.h>

#include "config/check.h"
#include "spec/fabrics.h"
#include "util/cleanup.h"
#include "util/str.h"

static int out_of_memory(struct check *check)
{
	return check_refuse(check, ENOMEM, "out of memory");
}

static int check_nqn(struct check *check, const char *nqn)
{
	enum nvmf_nqn_fault fault = nvmf_nqn_check(nqn, strlen(nqn) + 1, 0);

	if (fault == NVMF_NQN_OK)
		return 0;
	return check_refuse(check, EINVAL, "NQN \"%.80s\" %s", nqn, nvmf_nqn_fault_str(fault));
}

static int check_settings(struct check *check, const struct object_type *type,
			  const void *settings)
{
	struct weft_error inner;

	if (attrs_check(type, settings, &inner) < 0)
		return check_refuse(check, inner.code, "%s", inner.text);
	return 0;
}

static int check_count(struct check *check, const char *what, size_t count, size_t max)
{
	if (count <= max)
		return 0;
	return check_refuse(check, E2BIG, "there are %zu %s; there may be %zu", count, what, max);
}

/* ---- namespaces ---- */

static int fill_uuid(struct check *check, const char *nqn, struct config_namespace *ns)
{
	_cleanup_free_ char *text = NULL;

	if (ID_SET(ns->uuid))
		return 0;
	if (asprintf(&text, "%s namespace %u", nqn, ns->nsid) < 0) {
		text = NULL;
		return out_of_memory(check);
	}
	uuid_from_text(text, ns->uuid);
	return 0;
}

/* Refuses options that have the name of an attribute of the namespace. */
static int check_option_names(struct check *check, const struct config_namespace *ns)
{
	for (size_t i = 0; i < ns->option_count; i++) {
		if (attr_find(&namespace_type, ns->options[i].name))
			return check_refuse(check, EINVAL, "%s is the namespace's own, not an "
					    "option of its backend; set it there",
					    ns->options[i].name);
	}
	return 0;
}

static int check_namespace(struct check *check, const struct config_subsystem *subsystem,
			   size_t index)
{
	struct config_namespace *ns = &subsystem->namespaces[index];
	int r;

	check_subject(check, ns->line, "subsystem %s, namespace %u", subsystem->nqn, ns->nsid);
	if (ns->nsid < 1 || ns->nsid > CONFIG_NSID_MAX)
		return check_refuse(check, ERANGE, "nsid is %u; it must be in 1..%u", ns->nsid,
				    CONFIG_NSID_MAX);
	if (index && ns[-1].nsid == ns->nsid)
		return check_refuse(check, EEXIST, "nsid %u is used twice; each namespace of a "
				    "subsystem must have its own",
				    ns->nsid);
	r = check_settings(check, &namespace_type, &ns->settings);
	if (!r)
		r = check_option_names(check, ns);
	if (r < 0)
		return r;
	return fill_uuid(check, subsystem->nqn, ns);
}

/* ---- subsystems ---- */

/* The serial number: 20 hexadecimal digits of the NQN's digest. */
static void fill_serial(struct config_subsystem *subsystem)
{
	char text[UUID_TEXT], serial[SERIAL_MAX + 1];
	uint8_t digest[16];
	size_t n = 0;

	uuid_from_text(subsystem->nqn, digest);
	uuid_format(digest, text);
	for (const char *c = text; *c && n < SERIAL_MAX; c++) {
		if (*c != '-')
			serial[n++] = *c;
	}
	serial[n] = '\0';
	TEXT_SET(subsystem->serial, serial);
}

static void fill_subsystem(struct config_subsystem *subsystem)
{
	if (!*subsystem->serial)
		fill_serial(subsystem);
	if (subsystem->version < CONFIG_VERSION_MIN)
		subsystem->version = 0;
}

static int check_subsystem_nqn(struct check *check, const struct config_subsystem *subsystem)
{
	const struct config *config = check->config;
	int r = check_nqn(check, subsystem->nqn);

	if (r < 0)
		return r;
	if (!strcmp(subsystem->nqn, NVMF_DISCOVERY_NQN) ||
	    (*config->discovery_nqn && !strcmp(subsystem->nqn, config->discovery_nqn)))
		return check_refuse(check, EINVAL, "this is the discovery service's NQN, which "
				    "every port has; the subsystem must have another");
	if (config_find_subsystem(config, subsystem->nqn) != subsystem)
		return check_refuse(check, EEXIST, "the NQN is used twice; each subsystem must "
				    "have its own");
	return 0;
}

static int check_hosts_of(struct check *check, const struct config_subsystem *subsystem)
{
	if (subsystem->allow_any_host && subsystem->allowed_host_count)
		return check_refuse(check, EINVAL, "allow_any_host is 1 and allowed_hosts lists "
				    "%zu host%s; either set it to 0 or empty the list",
				    subsystem->allowed_host_count,
				    subsystem->allowed_host_count == 1 ? "" : "s");
	for (size_t i = 0; i < subsystem->allowed_host_count; i++) {
		int r = check_nqn(check, subsystem->allowed_hosts[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_subsystem(struct check *check, struct config_subsystem *subsystem)
{
	int r;

	check_subject(check, subsystem->line, "subsystem %s", subsystem->nqn);
	r = check_subsystem_nqn(check, subsystem);
	if (!r)
		r = check_settings(check, &subsystem_type, &subsystem->settings);
	if (!r)
		r = check_hosts_of(check, subsystem);
	if (!r)
		r = check_count(check, "namespaces", subsystem->namespace_count,
				CONFIG_NAMESPACES_MAX);
	if (r < 0)
		return r;
	if (subsystem->cntlid_min > subsystem->cntlid_max)
		return check_refuse(check, EINVAL, "cntlid_min is %u and cntlid_max is %u; the "
				    "first must not be above the second",
				    subsystem->cntlid_min, subsystem->cntlid_max);
	fill_subsystem(subsystem);
	for (size_t i = 0; !r && i < subsystem->namespace_count; i++)
		r = check_namespace(check, subsystem, i);
	return r;
}

/* ---- ports ---- */

static int check_referrals(struct check *check, struct config_port *port)
{
	struct weft_error inner;
	const char *attr;

	for (size_t i = 0; i < port->referral_count; i++) {
		struct config_referral *referral = &port->referrals[i];

		check_subject(check, referral->line, "port %u, referral %s", port->portid,
			      referral->name);
		if (!*referral->name)
			return check_refuse(check, EINVAL, "the name is empty; it must be a name "
					    "of its own on this port");
		if (config_complete_address(&referral->addr, true, &attr, &inner) < 0)
			return check_refuse(check, inner.code, "%s", inner.text);
		for (size_t j = 0; j < i; j++) {
			if (!strcmp(port->referrals[j].name, referral->name))
				return check_refuse(check, EEXIST, "the name is used twice; each "
						    "referral of a port must have its own");
		}
	}
	return 0;
}

static int check_links(struct check *check, const struct config_port *port)
{
	if (port->discovery && port->subsystem_count)
		return check_refuse(check, EINVAL, "it only answers discovery, but %zu subsystem%s "
				    "linked to it; unlink them or set discovery to false",
				    port->subsystem_count,
				    port->subsystem_count == 1 ? " is" : "s are");
	for (size_t i = 0; i < port->subsystem_count; i++) {
		if (!config_find_subsystem(check->config, port->subsystems[i]))
			return check_refuse(check, ENOENT, "subsystem %s does not exist; add it "
					    "or remove it from this port",
					    port->subsystems[i]);
	}
	for (size_t i = 0; i < port->ana_group_count; i++) {
		const struct config_ana_group *group = &port->ana_groups[i];
		int r;

		if (group->grpid < 1 || group->grpid > CONFIG_ANA_GROUP_MAX)
			return check_refuse(check, ERANGE, "ANA group %u; its grpid must be in "
					    "1..%u", group->grpid, CONFIG_ANA_GROUP_MAX);
		r = check_settings(check, &ana_group_type, &group->settings);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_port_address(struct check *check, struct config_port *port)
{
	struct weft_error inner;
	const char *attr;

	if (config_complete_address(&port->addr, false, &attr, &inner) < 0)
		return check_refuse(check, inner.code, "%s", inner.text);
	for (struct config_port *other = check->config->ports; other < port; other++) {
		if (config_same_address(&other->addr, &port->addr))
			return check_refuse(check, EEXIST, "address %s, TCP port %u is also that "
					    "of port %u; each port must have its own",
					    port->addr.traddr, port->addr.trsvcid, other->portid);
	}
	return 0;
}

static int check_port(struct check *check, struct config_port *port)
{
	int r;

	check_subject(check, port->line, "port %u", port->portid);
	if (!port->portid)
		return check_refuse(check, ERANGE, "portid is 0; it must be in 1..65535");
	if (port > check->config->ports && port[-1].portid == port->portid)
		return check_refuse(check, EEXIST, "portid %u is used twice; each port must have "
				    "its own",
				    port->portid);
	r = check_settings(check, &port_type, &port->settings);
	if (!r)
		r = check_port_address(check, port);
	if (!r)
		r = check_links(check, port);
	if (!r)
		r = check_count(check, "referrals", port->referral_count, CONFIG_REFERRALS_MAX);
	if (!r)
		r = check_referrals(check, port);
	return r;
}

/* ---- the whole ---- */

static int check_counts(struct check *check)
{
	int r = check_count(check, "subsystems", check->config->subsystem_count,
			    CONFIG_SUBSYSTEMS_MAX);

	if (!r)
		r = check_count(check, "ports", check->config->port_count, CONFIG_PORTS_MAX);
	if (!r)
		r = check_count(check, "hosts", check->config->host_count, CONFIG_HOSTS_MAX);
	return r;
}

static int check_hosts(struct check *check)
{
	for (size_t i = 0; i < check->config->host_count; i++) {
		int r;

		check_subject(check, 0, "hosts");
		r = check_nqn(check, check->config->hosts[i].nqn);
		if (r < 0)
			return r;
	}
	return 0;
}

int config_validate(struct config *config, struct weft_error *error)
{
	struct check check = { .config = config, .error = error };
	int r;

	check_subject(&check, 0, "configuration");
	r = check_counts(&check);
	if (!r)
		r = check_settings(&check, &root_type, &config->settings);
	if (!r)
		r = check_hosts(&check);
	for (size_t i = 0; !r && i < config->subsystem_count; i++)
		r = check_subsystem(&check, &config->subsystems[i]);
	for (size_t i = 0; !r && i < config->port_count; i++)
		r = check_port(&check, &config->ports[i]);
	if (!r)
		r = check_unique_ids(&check);
	return r ? r : check_loops(&check, config);
}
