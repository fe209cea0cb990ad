/* SPDX-License-Identifier: BSD-3-Clause */
/* The discovery log page, 70h (Base 2.1, 5.1.12.3.1). */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/fabrics.h"
#include "target/base/reactor.h"
#include "target/commands/admin.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"
#include "target/queue/transport.h"
#include "util/cleanup.h"
#include "util/str.h"

#define ASQSZ 128	/* the largest admin queue, in entries, as reported to hosts */

/* The log page while it is built. */
struct page {
	struct nvmf_disc_log *log;	/* owned; entries follow */
	size_t count, capacity;		/* of entries */
	bool failed;			/* memory ran out */
};

static struct nvmf_disc_entry *entries(struct nvmf_disc_log *log)
{
	return (struct nvmf_disc_entry *)(log + 1);
}

/* Adds a zeroed entry at the end. NULL where memory ran out. */
static struct nvmf_disc_entry *add_entry(struct page *page)
{
	if (page->count == page->capacity) {
		size_t capacity = page->capacity ? 2 * page->capacity : 8;
		void *grown = realloc(page->log, sizeof(struct nvmf_disc_log) +
						 capacity * sizeof(struct nvmf_disc_entry));

		if (!grown) {
			page->failed = true;
			return NULL;
		}
		page->log = grown;
		page->capacity = capacity;
	}
	return memset(&entries(page->log)[page->count++], 0, sizeof(struct nvmf_disc_entry));
}

/* True if the address stands for every address of its family. */
static bool is_wildcard(const struct view_address *address)
{
	struct in6_addr ipv6;
	struct in_addr ipv4;

	if (address->adrfam == NVMF_ADRFAM_IPV6)
		return inet_pton(AF_INET6, address->traddr, &ipv6) == 1 &&
		       IN6_IS_ADDR_UNSPECIFIED(&ipv6);
	return inet_pton(AF_INET, address->traddr, &ipv4) == 1 && ipv4.s_addr == INADDR_ANY;
}

/* True if a listener on this address accepts connections to `local`. */
static bool covers(const struct view_address *address, const struct transport_address *local)
{
	return address->adrfam == local->adrfam &&
	       (is_wildcard(address) || !strcmp(address->traddr, local->traddr));
}

/* Fills the address without its scope, which names an interface of this machine. */
static void put_address(struct nvmf_disc_entry *entry, const char *traddr, uint16_t trsvcid)
{
	char address[sizeof(entry->traddr) + 1], service[sizeof("65535")];

	snprintf(address, sizeof(address), "%s", traddr);
	address[strcspn(address, "%")] = '\0';
	snprintf(service, sizeof(service), "%u", trsvcid);
	pad_copy(entry->traddr, sizeof(entry->traddr), address, ' ');
	pad_copy(entry->trsvcid, sizeof(entry->trsvcid), service, ' ');
}

/* Adds an entry for a subsystem that is reached through the port, at this address. */
static void add_entry_at(struct page *page, const struct view_port *port, uint8_t adrfam,
			 const char *traddr, uint8_t subtype, const char *subnqn)
{
	struct nvmf_disc_entry *entry = add_entry(page);

	if (!entry)
		return;
	entry->trtype = port->trtype;
	entry->adrfam = adrfam;
	entry->subtype = subtype;
	entry->treq = port->addr.treq | NVMF_TREQ_NO_SQ_FLOW;
	entry->portid = le16_of(port->portid);
	entry->cntlid = le16_of(NVMF_CNTLID_DYNAMIC);
	entry->asqsz = le16_of(ASQSZ);
	/* the host may stay connected, and gets an event when the log changes */
	if (subtype == NVMF_SUBTYPE_CURRENT)
		entry->eflags = le16_of(NVMF_EFLAGS_EPCSD);
	put_address(entry, traddr, port->addr.trsvcid);
	pad_copy(entry->subnqn, sizeof(entry->subnqn), subnqn, '\0');
	entry->tsas[0] = port->addr.tsas;
}

static bool has_scope(const struct view_address *address)
{
	return strchr(address->traddr, '%');
}

/*
 * Adds an entry for each address of the port, for a host that is connected to none of them.
 * Link-local addresses are added only if the port has no others, because a host on another link
 * cannot use them. A wildcard address cannot be reported.
 */
static void add_other_addresses(struct page *page, const struct view_port *port, uint8_t subtype,
				const char *subnqn)
{
	bool only_scoped = true;

	for (size_t i = 0; i < port->address_count; i++)
		only_scoped &= has_scope(&port->addresses[i]);
	for (size_t i = 0; i < port->address_count; i++) {
		const struct view_address *address = &port->addresses[i];

		if (!is_wildcard(address) && has_scope(address) == only_scoped)
			add_entry_at(page, port, address->adrfam, address->traddr, subtype, subnqn);
	}
}

/*
 * Adds the entries for a subsystem that is reached through the port: one entry, with the address
 * that the host is connected to, if the port listens on it; else one for each address.
 */
static void add_port_entries(struct page *page, const struct view_port *port,
			     const struct transport_address *local, uint8_t subtype,
			     const char *subnqn)
{
	for (size_t i = 0; i < port->address_count; i++) {
		if (covers(&port->addresses[i], local)) {
			add_entry_at(page, port, local->adrfam, local->traddr, subtype, subnqn);
			return;
		}
	}
	add_other_addresses(page, port, subtype, subnqn);
}

static void add_referral(struct page *page, const struct view_referral *referral)
{
	struct nvmf_disc_entry *entry = add_entry(page);

	if (!entry)
		return;
	entry->trtype = referral->trtype;
	entry->adrfam = referral->adrfam;
	entry->subtype = NVMF_SUBTYPE_REFERRAL;
	entry->treq = referral->addr.treq;
	entry->portid = le16_of(referral->portid);
	entry->cntlid = le16_of(NVMF_CNTLID_DYNAMIC);
	entry->asqsz = le16_of(ASQSZ);
	put_address(entry, referral->traddr, referral->addr.trsvcid);
	pad_copy(entry->subnqn, sizeof(entry->subnqn), NVMF_DISCOVERY_NQN, '\0');
}

/* Adds the subsystems of a port that the host may see. */
static void add_subsystems(struct page *page, const struct view_port *port,
			   const struct transport_address *local, const struct view_host *host)
{
	for (size_t i = 0; i < port->subsystem_count; i++)
		if (view_host_allowed(port->subsystems[i], host))
			add_port_entries(page, port, local, NVMF_SUBTYPE_NVM,
					 port->subsystems[i]->nqn);
}

/*
 * The discovery log page, header and entries: what the host may see through
 * the port, with addresses that it can reach from where its connection `queue`
 * ends. malloc'ed; NULL where memory ran out.
 */
static void *discovery_log(const struct view *view, const struct view_port *port,
			   const struct queue *queue, size_t *ret_size)
{
	const char *own_nqn = *view->discovery_nqn ? view->discovery_nqn : NVMF_DISCOVERY_NQN;
	struct transport_address local, peer;
	struct page page = { .log = malloc(sizeof(*page.log)) };

	if (!page.log)
		return NULL;
	queue->ops->addresses(queue, &local, &peer);
	add_port_entries(&page, port, &local, NVMF_SUBTYPE_CURRENT, own_nqn);
	if (!port->discovery)
		add_subsystems(&page, port, &local, queue->host);
	for (size_t i = 0; i < view->port_count && port->discovery; i++)
		if (!view->ports[i]->discovery)
			add_subsystems(&page, view->ports[i], &local, queue->host);
	for (size_t i = 0; i < port->referral_count; i++)
		add_referral(&page, &port->referrals[i]);
	if (page.failed) {
		free(page.log);
		return NULL;
	}
	*page.log = (struct nvmf_disc_log){
		.genctr = le64_of(view->genctr),
		.numrec = le64_of(page.count),
	};
	*ret_size = sizeof(*page.log) + page.count * sizeof(struct nvmf_disc_entry);
	return page.log;
}

/* FNV-1a: only to detect changes of the page. */
static uint64_t digest(const uint8_t *bytes, size_t count)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

uint64_t discovery_log_digest(const struct queue *queue)
{
	size_t size = 0;
	_cleanup_free_ struct nvmf_disc_log *log = discovery_log(
		queue->reactor->view, queue->port, queue, &size);

	/* without the header: it also counts changes that this host cannot see */
	return log ? digest((const uint8_t *)entries(log), size - sizeof(*log)) : 1;
}

void log_discovery_reply(struct request *req)
{
	const struct queue *queue = req->queue;
	size_t size = 0;
	_cleanup_free_ void *log = discovery_log(queue->reactor->view, queue->port, queue,
						 &size);

	if (log)
		log_reply(req, log, size);
	else
		request_complete(req, nvme_status(NVME_SC_INTERNAL));
}
