/* SPDX-License-Identifier: BSD-3-Clause */
/* Asymmetric Namespace Access, log page 0Ch (Base 2.1, 5.1.12.1.13 and 8.1.1). */
#include <stdlib.h>
#include <string.h>

#include "spec/log.h"
#include "target/base/reactor.h"
#include "target/commands/admin.h"
#include "target/queue/queue.h"
#include "util/cleanup.h"

enum nvme_ana_state ana_state(const struct view_port *port, uint32_t grpid)
{
	uint8_t state = grpid <= VIEW_ANA_GROUP_MAX ? port->ana_states[grpid] : 0;

	return state ? (enum nvme_ana_state)state : NVME_ANA_OPTIMIZED;
}

/* Counts the namespaces of each group that the host sees. */
static void count_members(const struct queue *queue, uint32_t counts[VIEW_ANA_GROUP_MAX + 1])
{
	const struct view_namespace *ns = queue_namespace_above(queue, 0);

	memset(counts, 0, (VIEW_ANA_GROUP_MAX + 1) * sizeof(counts[0]));
	for (; ns; ns = queue_namespace_after(queue, ns))
		counts[ns->ana_grpid]++;
}

/* Adds each NSID to the list of its group, in ascending order. */
static void add_members(const struct queue *queue, uint8_t *places[VIEW_ANA_GROUP_MAX + 1])
{
	const struct view_namespace *ns = queue_namespace_above(queue, 0);

	for (; ns; ns = queue_namespace_after(queue, ns)) {
		memcpy(places[ns->ana_grpid], le32_of(ns->nsid).b, sizeof(le32));
		places[ns->ana_grpid] += sizeof(le32);
	}
}

/* The largest size of the page, bytes. */
static size_t page_max(const struct queue *queue)
{
	return sizeof(struct nvme_log_ana) + VIEW_ANA_GROUP_MAX * sizeof(struct nvme_ana_desc) +
	       queue->subsystem->namespace_count * sizeof(le32);
}

/* Fills the page and returns its size, bytes. groups_only: without NSIDs. */
static size_t fill(const struct queue *queue, uint8_t *page, bool groups_only)
{
	le64 chgcnt = le64_of(queue->reactor->view->ana_change_count);
	struct nvme_log_ana head = { .chgcnt = chgcnt };
	uint32_t counts[VIEW_ANA_GROUP_MAX + 1];
	uint8_t *places[VIEW_ANA_GROUP_MAX + 1];
	uint8_t *at = page + sizeof(head);
	uint16_t groups = 0;

	count_members(queue, counts);
	for (uint32_t grpid = 1; grpid <= VIEW_ANA_GROUP_MAX; grpid++) {
		struct nvme_ana_desc desc = {
			.grpid = le32_of(grpid),
			.nnsids = le32_of(groups_only ? 0 : counts[grpid]),
			.chgcnt = chgcnt,
			.state = (uint8_t)ana_state(queue->port, grpid),
		};

		if (!counts[grpid] && !queue->port->ana_states[grpid])
			continue;
		memcpy(at, &desc, sizeof(desc));
		places[grpid] = at + sizeof(desc);
		at = places[grpid] + le32_get(desc.nnsids) * sizeof(le32);
		groups++;
	}
	if (!groups_only)
		add_members(queue, places);
	head.ngrps = le16_of(groups);
	memcpy(page, &head, sizeof(head));
	return (size_t)(at - page);
}

/* Reports every group that has a state on the port, or a namespace. */
void log_ana_reply(struct request *req)
{
	bool groups_only =
		le32_get(req->sqe.cdw10) >> NVME_LOG_LSP_SHIFT & NVME_LOG_ANA_RGO;
	_cleanup_free_ uint8_t *page = malloc(page_max(req->queue));

	if (page)
		log_reply(req, page, fill(req->queue, page, groups_only));
	else
		request_complete(req, nvme_status(NVME_SC_INTERNAL));
}
