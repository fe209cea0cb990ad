/* SPDX-License-Identifier: BSD-3-Clause */
/* Publishes a view of the running configuration, also when a name has other addresses. */
#include "apply/internal.h"
#include "util/log.h"

void apply_show(struct apply *apply, struct view *view)
{
	view->genctr = apply->genctr_shown;
	view_publish(apply->options.target, view);
	apply->stale = false;
}

void apply_publish(struct apply *apply)
{
	struct view *view;

	if (compile_view(apply, &apply->now, &view) < 0) {
		apply->stale = true;
		log_warning("no memory for a new view: hosts see the old one until the next try");
		return;
	}
	apply_show(apply, view);
}

void apply_update(struct apply *apply, bool changed)
{
	if (changed || apply->stale)
		apply_publish(apply);
	if (!apply->stale)
		devices_retire_left(apply);
}

/* Calls names_find() for each name of the running configuration, so that none is forgotten. */
static void want_names(struct apply *apply)
{
	const struct config *config = apply->now.config;
	struct name_addresses addresses;

	for (size_t i = 0; i < config->port_count; i++) {
		const struct config_port *port = &config->ports[i];

		apply_addresses(apply, &port->addr, &addresses);
		for (size_t j = 0; j < port->referral_count; j++)
			if (port->referrals[j].enable)
				apply_addresses(apply, &port->referrals[j].addr, &addresses);
	}
}

void apply_follow_names(struct apply *apply)
{
	want_names(apply);
	if (names_follow(apply->names)) {
		if (genctr_move(&apply->genctr, apply->state) < 0)
			log_warning("the discovery log's generation counter is not stored yet: "
				    "after a restart, hosts may not notice changed addresses");
		apply->genctr_shown = apply->genctr.value;
		apply_publish(apply);
	}
	endpoints_open(apply);
}
