/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds views, on the control thread; view_publish.c gives them to the reactors. */
#include "target/model/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/model/subsystem.h"

#define SMALL_MAX 1024	/* NN and MNAN of most subsystems */

struct view *view_new(void)
{
	return calloc(1, sizeof(struct view));
}

/* Appends a pointer to an owned array of them. */
static int append(void *array_p, size_t *count, void *element)
{
	void ***array = array_p;
	void **grown = reallocarray(*array, *count + 1, sizeof(void *));

	if (!grown)
		return -ENOMEM;
	grown[(*count)++] = element;
	*array = grown;
	return 0;
}

static void *append_new(void *array_p, size_t *count, size_t size)
{
	void *element = calloc(1, size);

	if (element && append(array_p, count, element) < 0) {
		free(element);
		return NULL;
	}
	return element;
}

struct view_subsystem *view_add_subsystem(struct view *view)
{
	return append_new(&view->subsystems, &view->subsystem_count,
			  sizeof(struct view_subsystem));
}

struct view_port *view_add_port(struct view *view)
{
	return append_new(&view->ports, &view->port_count, sizeof(struct view_port));
}

/* The index of the namespace, or the index at which it would be inserted. */
static uint32_t namespace_place(const struct view_subsystem *subsystem, uint32_t nsid)
{
	uint32_t low = 0, high = subsystem->namespace_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (subsystem->namespaces[middle].nsid < nsid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct view_namespace *view_find_namespace(const struct view_subsystem *subsystem, uint32_t nsid)
{
	uint32_t at = namespace_place(subsystem, nsid);

	if (at == subsystem->namespace_count || subsystem->namespaces[at].nsid != nsid)
		return NULL;
	return &subsystem->namespaces[at];
}

const struct view_namespace *view_namespace_above(const struct view_subsystem *subsystem,
						  uint32_t nsid)
{
	uint32_t at = nsid == UINT32_MAX ? subsystem->namespace_count :
					   namespace_place(subsystem, nsid + 1);

	return at < subsystem->namespace_count ? &subsystem->namespaces[at] : NULL;
}

uint32_t view_namespaces_max(const struct view_subsystem *subsystem)
{
	return subsystem->namespace_count <= SMALL_MAX ? SMALL_MAX : VIEW_NAMESPACES_MAX;
}

uint32_t view_nsid_max(const struct view_subsystem *subsystem)
{
	uint32_t count = subsystem->namespace_count;
	uint32_t last = count ? subsystem->namespaces[count - 1].nsid : 0;
	uint32_t max = view_namespaces_max(subsystem);

	while (max < last)
		max *= 2;
	return max;
}

static int grow_namespaces(struct view_subsystem *subsystem)
{
	uint32_t capacity = subsystem->namespace_capacity ? 2 * subsystem->namespace_capacity : 4;
	struct view_namespace *grown =
		reallocarray(subsystem->namespaces, capacity, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	subsystem->namespaces = grown;
	subsystem->namespace_capacity = capacity;
	return 0;
}

struct view_namespace *view_add_namespace(struct view_subsystem *subsystem, uint32_t nsid)
{
	uint32_t at = namespace_place(subsystem, nsid);
	struct view_namespace *ns;

	if (!nsid || nsid > VIEW_NSID_MAX || view_find_namespace(subsystem, nsid))
		return NULL;
	if (subsystem->namespace_count == subsystem->namespace_capacity &&
	    grow_namespaces(subsystem) < 0)
		return NULL;
	ns = &subsystem->namespaces[at];
	memmove(ns + 1, ns, (subsystem->namespace_count - at) * sizeof(*ns));
	memset(ns, 0, sizeof(*ns));
	ns->nsid = nsid;
	subsystem->namespace_count++;
	return ns;
}

/* The index of the host, or the index at which it would be inserted. */
static size_t host_place(const struct view *view, const char *nqn)
{
	size_t low = 0, high = view->host_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(view->hosts[middle]->nqn, nqn) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct view_host *host_at(const struct view *view, size_t at, const char *nqn)
{
	return at < view->host_count && !strcmp(view->hosts[at]->nqn, nqn) ? view->hosts[at] : NULL;
}

const struct view_host *view_find_host(const struct view *view, const char *nqn)
{
	const struct view_host *host = host_at(view, host_place(view, nqn), nqn);

	return host ? host : &view->other_hosts;
}

struct view_host *view_add_host(struct view *view, const char *nqn)
{
	size_t at = host_place(view, nqn), count = view->host_count;
	struct view_host *host = host_at(view, at, nqn);

	if (host)
		return host;
	host = append_new(&view->hosts, &view->host_count, sizeof(*host));
	if (!host)
		return NULL;
	host->nqn = strdup(nqn);
	host->index = (uint32_t)count;
	if (!host->nqn) {
		view->host_count--;
		free(host);
		return NULL;
	}
	memmove(&view->hosts[at + 1], &view->hosts[at], (count - at) * sizeof(struct view_host *));
	view->hosts[at] = host;
	return host;
}

int view_allow_host(struct view_subsystem *subsystem, const struct view_host *host)
{
	size_t byte = host->index / 8;

	if (byte >= subsystem->allowed_hosts_size) {
		size_t size = byte + 1 < 2 * byte ? 2 * byte : byte + 1;
		uint8_t *grown = realloc(subsystem->allowed_hosts, size);

		if (!grown)
			return -ENOMEM;
		memset(grown + subsystem->allowed_hosts_size, 0,
		       size - subsystem->allowed_hosts_size);
		subsystem->allowed_hosts = grown;
		subsystem->allowed_hosts_size = size;
	}
	subsystem->allowed_hosts[byte] |= (uint8_t)(1u << host->index % 8);
	return 0;
}

bool view_host_allowed(const struct view_subsystem *subsystem, const struct view_host *host)
{
	size_t byte = host->index / 8;

	if (subsystem->allow_any_host)
		return true;
	return host->nqn && byte < subsystem->allowed_hosts_size &&
	       subsystem->allowed_hosts[byte] >> host->index % 8 & 1;
}

int view_link(struct view_port *port, struct view_subsystem *subsystem)
{
	return append(&port->subsystems, &port->subsystem_count, subsystem);
}

int view_add_address(struct view_port *port, uint8_t adrfam, const char *traddr)
{
	struct view_address *grown =
		reallocarray(port->addresses, port->address_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	port->addresses = grown;
	grown[port->address_count] = (struct view_address){ adrfam, strdup(traddr) };
	if (!grown[port->address_count].traddr)
		return -ENOMEM;
	port->address_count++;
	return 0;
}

struct view_referral *view_add_referral(struct view_port *port)
{
	struct view_referral *grown =
		reallocarray(port->referrals, port->referral_count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	port->referrals = grown;
	memset(&grown[port->referral_count], 0, sizeof(*grown));
	return &grown[port->referral_count++];
}

static void subsystem_view_free(struct view_subsystem *subsystem)
{
	free(subsystem->namespaces);
	free(subsystem->by_nsid);
	free(subsystem->changes.nsids);
	free(subsystem->allowed_hosts);
	free(subsystem->nqn);
	subsystem_unref(subsystem->subsystem);
	free(subsystem);
}

static void port_view_free(struct view_port *port)
{
	for (size_t i = 0; i < port->referral_count; i++)
		free(port->referrals[i].traddr);
	free(port->referrals);
	free(port->subsystems);
	for (size_t i = 0; i < port->address_count; i++)
		free(port->addresses[i].traddr);
	free(port->addresses);
	free(port);
}

void view_free(struct view *view)
{
	if (!view)
		return;
	for (size_t i = 0; i < view->port_count; i++)
		port_view_free(view->ports[i]);
	for (size_t i = 0; i < view->subsystem_count; i++)
		subsystem_view_free(view->subsystems[i]);
	for (size_t i = 0; i < view->host_count; i++) {
		free(view->hosts[i]->nqn);
		free(view->hosts[i]);
	}
	free(view->ports);
	free(view->subsystems);
	free(view->hosts);
	free(view);
}

struct view_port *view_find_port(const struct view *view, uint16_t portid)
{
	for (size_t i = 0; i < view->port_count; i++)
		if (view->ports[i]->portid == portid)
			return view->ports[i];
	return NULL;
}

struct view_subsystem *view_find_subsystem(const struct view *view, const char *nqn)
{
	for (size_t i = 0; i < view->subsystem_count; i++)
		if (strcmp(view->subsystems[i]->nqn, nqn) == 0)
			return view->subsystems[i];
	return NULL;
}

bool view_linked(const struct view_port *port, const struct view_subsystem *subsystem)
{
	for (size_t i = 0; i < port->subsystem_count; i++)
		if (port->subsystems[i] == subsystem)
			return true;
	return false;
}
