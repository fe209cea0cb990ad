/* SPDX-License-Identifier: BSD-3-Clause */
/* The listeners behind ports. */
#include <errno.h>
#include <string.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "util/log.h"

const struct transport *endpoints_transport(const struct apply *apply, const char *trtype)
{
	const struct transport *const *transport = apply->options.transports;

	for (; *transport; transport++) {
		if (!strcmp((*transport)->trtype, trtype))
			return *transport;
	}
	return NULL;
}

static void close_one(struct endpoint *endpoint)
{
	if (endpoint->listener)
		endpoint->transport->unlisten(endpoint->listener);
	endpoint->listener = NULL;
}

void endpoints_close(struct apply *apply)
{
	for (size_t i = 0; i < apply->now.config->port_count; i++)
		close_one(&apply->now.endpoints[i]);
}

void endpoints_keep(struct apply *apply, struct running *next)
{
	for (size_t i = 0; i < next->config->port_count; i++) {
		const struct config_port *want = &next->config->ports[i];
		const struct config_port *had = config_find_port(apply->now.config, want->portid);
		struct endpoint *endpoint;

		if (!had || !config_same_address(&had->addr, &want->addr))
			continue;
		endpoint = running_find_endpoint(&apply->now, want->portid);
		next->endpoints[i] = *endpoint;
		endpoint->listener = NULL;
	}
	for (size_t i = 0; i < apply->now.config->port_count; i++) {
		if (apply->now.endpoints[i].listener)
			log_info("port %u no longer listens on %s, TCP port %u",
				 apply->now.config->ports[i].portid,
				 apply->now.config->ports[i].addr.traddr,
				 apply->now.config->ports[i].addr.trsvcid);
	}
	endpoints_close(apply);
}

static void open_one(struct apply *apply, const struct config_port *want,
		     struct endpoint *endpoint)
{
	const struct address_settings *addr = &want->addr;
	struct weft_error error = { 0 };
	int r;

	if (endpoint->listener || !retry_due(&endpoint->retry, loop_clock()))
		return;
	endpoint->transport = endpoints_transport(apply, addr->trtype);
	if (!endpoint->transport)
		r = weft_error_set(&error, EOPNOTSUPP, "this weft has no transport %s",
				   addr->trtype);
	else
		r = endpoint->transport->listen(apply->options.target, addr->adrfam, addr->traddr,
						addr->trsvcid, want->portid, &endpoint->listener,
						&error);
	if (r < 0) {
		endpoint->listener = NULL;
		if (retry_failed(&endpoint->retry, error.text))
			log_warning("port %u does not listen: %s; weft keeps trying", want->portid,
				    error.text);
		return;
	}
	retry_clear(&endpoint->retry);
	log_info("port %u listens on %s, TCP port %u%s", want->portid, addr->traddr, addr->trsvcid,
		 want->discovery ? ", for discovery" : "");
}

/*
 * A host that comes back after a restart, and meets a namespace missing, gives it up. So none
 * is let in until all of them are open or have failed; but one device that hangs must not keep
 * the hosts of the others away for ever.
 */
static bool may_listen(struct apply *apply)
{
	bool coming;

	if (apply->listening || !apply->listen_by)
		return apply->listening;
	coming = devices_coming(apply) || apply->stale;
	if (coming && loop_clock() < apply->listen_by) {
		if (!apply->waiting)
			log_notice("ports will listen when all namespaces are open or have failed, "
				   "in %u ms at the latest", apply->options.open_timeout_ms);
		apply->waiting = true;
		return false;
	}
	if (coming)
		log_warning("ports listen, although some namespaces are still being opened: hosts "
			    "that miss them may give them up");
	apply->listening = true;
	return true;
}

void endpoints_open(struct apply *apply)
{
	if (!may_listen(apply))
		return;
	for (size_t i = 0; i < apply->now.config->port_count; i++)
		open_one(apply, &apply->now.config->ports[i], &apply->now.endpoints[i]);
}
