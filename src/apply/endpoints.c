/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listeners of ports: one for each address that a port's traddr stands for (names.h). When
 * these addresses change, listeners are opened and closed. Established connections stay up, also
 * those of listeners that are closed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/internal.h"
#include "loop/loop.h"
#include "util/log.h"

static void close_binding(struct endpoint *endpoint, struct binding *binding)
{
	if (binding->listener)
		endpoint->transport->unlisten(binding->listener);
	binding->listener = NULL;
}

void endpoint_done(struct endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->binding_count; i++)
		close_binding(endpoint, &endpoint->bindings[i]);
	free(endpoint->bindings);
	*endpoint = (struct endpoint){ 0 };
}

void endpoints_close(struct apply *apply)
{
	for (size_t i = 0; i < apply->now.config->port_count; i++)
		endpoint_done(&apply->now.endpoints[i]);
}

static void log_closed(const struct config_port *port, const struct binding *binding)
{
	if (binding->listener)
		log_info("port %u no longer listens on %s, TCP port %u", port->portid,
			 binding->address.text, port->addr.trsvcid);
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
		*endpoint = (struct endpoint){ 0 };
	}
	for (size_t i = 0; i < apply->now.config->port_count; i++) {
		const struct endpoint *endpoint = &apply->now.endpoints[i];

		for (size_t j = 0; j < endpoint->binding_count; j++)
			log_closed(&apply->now.config->ports[i], &endpoint->bindings[j]);
	}
	endpoints_close(apply);
}

static struct binding *find_binding(const struct endpoint *endpoint,
				    const struct name_address *address)
{
	for (size_t i = 0; i < endpoint->binding_count; i++)
		if (!strcmp(endpoint->bindings[i].address.text, address->text))
			return &endpoint->bindings[i];
	return NULL;
}

static bool is_among(const struct name_addresses *addresses, const struct binding *binding)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (!strcmp(addresses->items[i].text, binding->address.text))
			return true;
	return false;
}

/* Makes one binding for each address, and keeps those that exist. Without memory: no change. */
static void follow(const struct config_port *want, struct endpoint *endpoint,
		   const struct name_addresses *addresses)
{
	struct binding *bindings = calloc(addresses->count + 1, sizeof(*bindings));

	if (!bindings)
		return;
	for (size_t i = 0; i < addresses->count; i++) {
		const struct binding *had = find_binding(endpoint, &addresses->items[i]);

		if (had)
			bindings[i] = *had;
		bindings[i].address = addresses->items[i];
	}
	for (size_t i = 0; i < endpoint->binding_count; i++) {
		struct binding *binding = &endpoint->bindings[i];

		if (is_among(addresses, binding))
			continue;
		log_closed(want, binding);
		close_binding(endpoint, binding);
	}
	free(endpoint->bindings);
	endpoint->bindings = bindings;
	endpoint->binding_count = addresses->count;
}

static void open_binding(struct apply *apply, const struct config_port *want,
			 struct endpoint *endpoint, struct binding *binding)
{
	const char *adrfam = binding->address.ipv6 ? "ipv6" : "ipv4";
	struct weft_error error = { 0 };
	int r;

	if (binding->listener || !retry_due(&binding->retry, loop_clock()))
		return;
	r = endpoint->transport->listen(apply->options.target, adrfam, binding->address.text,
					want->addr.trsvcid, want->portid, &binding->listener,
					&error);
	if (r < 0) {
		binding->listener = NULL;
		/* "*" stands for those address families that the machine has */
		binding->unsupported = r == -EAFNOSUPPORT && endpoint->binding_count > 1;
		if (retry_failed(&binding->retry, error.text) && !binding->unsupported)
			log_warning("port %u does not listen: %s; weft keeps trying", want->portid,
				    error.text);
		return;
	}
	retry_clear(&binding->retry);
	log_info("port %u listens on %s, TCP port %u%s", want->portid, binding->address.text,
		 want->addr.trsvcid, want->discovery ? ", for discovery" : "");
}

/* Sets the reason why the port has no address; `expected`: a short wait, which is not logged. */
static void set_reason(const struct config_port *want, struct endpoint *endpoint,
		       const char *reason, bool expected)
{
	if (*reason && !expected && strcmp(reason, endpoint->reason))
		log_warning("port %u does not listen: %s; weft keeps trying", want->portid, reason);
	snprintf(endpoint->reason, sizeof(endpoint->reason), "%s", reason);
}

static void open_one(struct apply *apply, const struct config_port *want,
		     struct endpoint *endpoint)
{
	const struct address_settings *addr = &want->addr;
	struct name_addresses addresses;

	endpoint->transport = apply_transport(apply, addr->trtype);
	if (!endpoint->transport) {
		set_reason(want, endpoint, "this weft has no such transport", false);
		return;
	}
	apply_addresses(apply, addr, &addresses);
	follow(want, endpoint, &addresses);
	set_reason(want, endpoint, addresses.reason, addresses.pending);
	for (size_t i = 0; i < endpoint->binding_count; i++)
		open_binding(apply, want, endpoint, &endpoint->bindings[i]);
}

/*
 * True if ports may listen. A host that reconnects after a restart and misses a namespace gives
 * that namespace up. So ports wait until all namespaces are open or have failed, but not longer
 * than open_timeout_ms: a device that hangs must not keep hosts from the others for ever.
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

/* ---- queries ---- */

bool apply_port_state(const struct apply *apply, uint16_t portid, struct apply_port_state *ret)
{
	const struct endpoint *endpoint = running_find_endpoint(&apply->now, portid);
	const char *failure = NULL;

	if (!endpoint)
		return false;
	*ret = (struct apply_port_state){ .state = APPLY_FAILED };
	for (size_t i = 0; i < endpoint->binding_count; i++) {
		const struct binding *binding = &endpoint->bindings[i];

		if (binding->listener)
			ret->state = APPLY_READY;
		else if (!binding->unsupported && !failure)
			failure = binding->retry.reason;
	}
	if (failure && !*failure)
		failure = NULL;
	if (ret->state == APPLY_READY)
		ret->trouble = failure;
	else
		ret->reason = failure ? failure :
			      *endpoint->reason ? endpoint->reason :
			      apply->listening ? "it is closed" :
						 "it waits until namespaces are open";
	return true;
}

const char *apply_port_address(const struct apply *apply, uint16_t portid, size_t index)
{
	const struct endpoint *endpoint = running_find_endpoint(&apply->now, portid);

	for (size_t i = 0; endpoint && i < endpoint->binding_count; i++)
		if (endpoint->bindings[i].listener && index-- == 0)
			return endpoint->bindings[i].address.text;
	return NULL;
}
