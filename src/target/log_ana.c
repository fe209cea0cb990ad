/* SPDX-License-Identifier: BSD-3-Clause */
/* Asymmetric Namespace Access, log page 0Ch (Base 2.1, 5.1.12.1.13 and 8.1.1). */
#include <string.h>

#include "spec/log.h"
#include "target/admin.h"
#include "target/queue.h"
#include "target/reactor.h"

#define PAGE_MAX (sizeof(struct nvme_log_ana) + \
		  VIEW_ANA_GROUP_MAX * sizeof(struct nvme_ana_desc) + VIEW_NSID_MAX * sizeof(le32))

enum nvme_ana_state ana_state(const struct view_port *port, uint32_t grpid)
{
	uint8_t state = grpid <= VIEW_ANA_GROUP_MAX ? port->ana_states[grpid] : 0;

	return state ? (enum nvme_ana_state)state : NVME_ANA_OPTIMIZED;
}

/* Appends the NSIDs of the group and returns how many they are. */
static uint32_t add_nsids(uint8_t **at, const struct view_subsystem *subsystem, uint32_t grpid,
			  bool groups_only)
{
	uint32_t count = 0;

	for (uint32_t nsid = 1; nsid <= VIEW_NSID_MAX && !groups_only; nsid++) {
		const struct view_namespace *ns = subsystem->namespaces[nsid];

		if (!ns || ns->ana_grpid != grpid)
			continue;
		memcpy(*at, le32_of(nsid).b, sizeof(le32));
		*at += sizeof(le32);
		count++;
	}
	return count;
}

/* Which groups have a namespace in this subsystem. */
static void mark_used(const struct view_subsystem *subsystem, bool used[VIEW_ANA_GROUP_MAX + 1])
{
	for (uint32_t nsid = 1; nsid <= VIEW_NSID_MAX; nsid++) {
		const struct view_namespace *ns = subsystem->namespaces[nsid];

		if (ns && ns->ana_grpid <= VIEW_ANA_GROUP_MAX)
			used[ns->ana_grpid] = true;
	}
}

/* Every group that the port sets a state for or a namespace is in. */
void log_ana_reply(struct request *req)
{
	const struct queue *queue = req->queue;
	bool groups_only =
		le32_get(req->sqe.cdw10) >> NVME_LOG_LSP_SHIFT & NVME_LOG_ANA_RGO;
	le64 chgcnt = le64_of(queue->reactor->view->ana_change_count);
	bool used[VIEW_ANA_GROUP_MAX + 1] = { false };
	struct nvme_log_ana head = { .chgcnt = chgcnt };
	uint8_t page[PAGE_MAX];
	uint8_t *at = page + sizeof(head);
	uint16_t groups = 0;

	mark_used(queue->subsystem, used);
	for (uint32_t grpid = 1; grpid <= VIEW_ANA_GROUP_MAX; grpid++) {
		struct nvme_ana_desc desc = {
			.grpid = le32_of(grpid),
			.chgcnt = chgcnt,
			.state = (uint8_t)ana_state(queue->port, grpid),
		};
		uint8_t *desc_at = at;

		if (!used[grpid] && !queue->port->ana_states[grpid])
			continue;
		at += sizeof(desc);
		desc.nnsids = le32_of(add_nsids(&at, queue->subsystem, grpid, groups_only));
		memcpy(desc_at, &desc, sizeof(desc));
		groups++;
	}
	head.ngrps = le16_of(groups);
	memcpy(page, &head, sizeof(head));
	log_reply(req, page, (size_t)(at - page));
}
