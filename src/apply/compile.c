/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiles a configuration and its open devices into the view that reactors use. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/internal.h"
#include "spec/fabrics.h"
#include "target/model/subsystem.h"

_Static_assert(CONFIG_NSID_MAX == VIEW_NSID_MAX, "namespaces of a view");
_Static_assert(CONFIG_NAMESPACES_MAX == VIEW_NAMESPACES_MAX, "namespaces of a view");
_Static_assert(CONFIG_ANA_GROUP_MAX == VIEW_ANA_GROUP_MAX, "ANA groups of a view");

/* 0 or -ENOMEM. */
static int copy(char **field, const char *text)
{
	*field = strdup(text);
	return *field ? 0 : -ENOMEM;
}

/* ---- subsystems ---- */

static bool same_to_hosts(const struct view_namespace *a, const struct view_namespace *b)
{
	return a->ns == b->ns && a->block_shift == b->block_shift &&
	       a->block_count == b->block_count &&
	       attrs_same(&namespace_type, &a->settings, &b->settings);
}

static int compile_namespace(struct apply *apply, const struct config_namespace *want,
			     struct device *device, struct view_subsystem *to)
{
	struct view_namespace *ns;
	uint32_t block_size;

	if (!device->ns || device->hidden_until ||
	    device_block_size(want->block_size, &device->ns->info, &block_size, NULL) < 0)
		return 0;
	ns = view_add_namespace(to, want->nsid);
	if (!ns)
		return -ENOMEM;
	ns->ns = device->ns;
	ns->block_shift = block_size == 4096 ? 12 : 9;
	ns->block_count = device->ns->info.size >> ns->block_shift;
	ns->settings = want->settings;
	ns->block_size = block_size;
	ns->read_only |= device->ns->info.read_only;
	if (device->seen.generation && same_to_hosts(&device->seen, ns))
		ns->generation = device->seen.generation;
	else
		ns->generation = ++apply->generation;
	device->seen = *ns;
	return 0;
}

static int compile_allowed_hosts(struct view *view, const struct config_subsystem *from,
				 struct view_subsystem *to)
{
	for (size_t i = 0; i < from->allowed_host_count; i++) {
		const struct view_host *host = view_add_host(view, from->allowed_hosts[i]);

		if (!host || view_allow_host(to, host) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compile_subsystem(struct apply *apply, const struct running *running, size_t index,
			     struct view *view)
{
	const struct config_subsystem *from = &running->config->subsystems[index];
	struct view_subsystem *to = view_add_subsystem(view);
	int r;

	if (!to)
		return -ENOMEM;
	to->subsystem = subsystem_get(apply->options.target, from->nqn);
	if (!to->subsystem || copy(&to->nqn, from->nqn) < 0)
		return -ENOMEM;
	to->settings = from->settings;
	attrs_resolve(&subsystem_type, &to->settings);
	r = compile_allowed_hosts(view, from, to);
	for (size_t i = 0; !r && i < from->namespace_count; i++)
		r = compile_namespace(apply, &from->namespaces[i], device_of(running, index, i),
				      to);
	return r;
}

/* ---- ports ---- */

static uint8_t wire_adrfam(const struct name_address *address)
{
	return address->ipv6 ? NVMF_ADRFAM_IPV6 : NVMF_ADRFAM_IPV4;
}

void apply_addresses(struct apply *apply, const struct address_settings *addr,
		     struct name_addresses *ret)
{
	names_find(apply->names, addr->traddr, addr->adrfam, ret);
}

static int compile_referral(struct apply *apply, const struct config_referral *from,
			    struct view_port *to)
{
	struct name_addresses addresses = { .count = 0 };

	if (from->enable)
		apply_addresses(apply, &from->addr, &addresses);
	for (size_t i = 0; i < addresses.count; i++) {
		struct view_referral *referral = view_add_referral(to);

		if (!referral)
			return -ENOMEM;
		referral->settings = from->settings;
		referral->trtype = NVMF_TRTYPE_TCP;
		referral->adrfam = wire_adrfam(&addresses.items[i]);
		if (copy(&referral->traddr, addresses.items[i].text) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compile_addresses(struct apply *apply, const struct config_port *from,
			     struct view_port *to)
{
	struct name_addresses addresses;
	int r = 0;

	apply_addresses(apply, &from->addr, &addresses);
	for (size_t i = 0; !r && i < addresses.count; i++)
		r = view_add_address(to, wire_adrfam(&addresses.items[i]),
				     addresses.items[i].text);
	return r;
}

/* Adds each ANA group that the port lists, or that has a namespace reached through the port. */
static void compile_ana(const struct config_port *from, struct view_port *to)
{
	to->ana_states[1] = (uint8_t)config_ana_state(from, 1);
	for (size_t i = 0; i < from->ana_group_count; i++)
		to->ana_states[from->ana_groups[i].grpid] = (uint8_t)from->ana_groups[i].state;
	for (size_t i = 0; i < to->subsystem_count; i++) {
		const struct view_subsystem *subsystem = to->subsystems[i];

		for (uint32_t j = 0; j < subsystem->namespace_count; j++) {
			uint32_t grpid = subsystem->namespaces[j].ana_grpid;

			if (!to->ana_states[grpid])
				to->ana_states[grpid] = (uint8_t)config_ana_state(from, grpid);
		}
	}
}

static int compile_port(struct apply *apply, const struct config_port *from, struct view *view)
{
	const struct transport *transport = apply_transport(apply, from->addr.trtype);
	struct view_port *to = view_add_port(view);
	int r;

	if (!to)
		return -ENOMEM;
	to->portid = from->portid;
	to->settings = from->settings;
	/* without the transport there is no listener, and no host uses this port */
	to->trtype = transport ? transport->traits->trtype : 0;
	r = compile_addresses(apply, from, to);
	for (size_t i = 0; !r && i < from->subsystem_count; i++)
		r = view_link(to, view_find_subsystem(view, from->subsystems[i]));
	for (size_t i = 0; !r && i < from->referral_count; i++)
		r = compile_referral(apply, &from->referrals[i], to);
	if (!r)
		compile_ana(from, to);
	return r;
}

int compile_view(struct apply *apply, struct running *running, struct view **ret_view)
{
	const struct config *config = running->config;
	struct view *view = view_new();
	int r = view ? 0 : -ENOMEM;

	if (!r)
		view->settings = config->settings;
	for (size_t i = 0; !r && i < config->subsystem_count; i++)
		r = compile_subsystem(apply, running, i, view);
	for (size_t i = 0; !r && i < config->port_count; i++)
		r = compile_port(apply, &config->ports[i], view);
	if (r < 0) {
		view_free(view);
		return r;
	}
	*ret_view = view;
	return 0;
}
