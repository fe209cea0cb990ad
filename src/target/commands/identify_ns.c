/* SPDX-License-Identifier: BSD-3-Clause */
/* Identify: namespaces and lists of them (Base 2.1, 5.1.13.2; NVM Command Set 1.1, 4.1.5). */
#include <string.h>

#include "spec/identify.h"
#include "target/commands/admin.h"
#include "target/model/namespace.h"
#include "target/queue/queue.h"

/* For an inactive NSID: answers with zeroes and returns true. */
static bool reply_inactive(struct request *req)
{
	if (req->view_ns)
		return false;
	request_reply(req, NULL, 0, 0);
	return true;
}

/* Bytes as a 0's based number of blocks, at least one block, limited to 16 bits. */
static le16 blocks_0based(uint32_t bytes, uint8_t block_shift)
{
	uint32_t blocks = bytes >> block_shift;

	if (blocks == 0)
		blocks = 1;
	if (blocks > 0x10000)
		blocks = 0x10000;
	return le16_of((uint16_t)(blocks - 1));
}

static void fill_limits(struct nvme_id_ns *id, const struct weft_info *info, uint8_t shift)
{
	id->nsfeat |= NVME_NSFEAT_OPTPERF;
	id->npwg = blocks_0based(info->physical_block_size, shift);
	id->npwa = id->npwg;
	id->nows = id->npwg;
	if (info->discard_granularity) {
		id->npdg = blocks_0based(info->discard_granularity, shift);
		id->npda = id->npdg;
		/* deallocated blocks read as zeroes; blocks that were kept are not deallocated */
		id->dlfeat = NVME_DLFEAT_ZEROES | NVME_DLFEAT_WZ_DEAC;
	}
	if (info->atomic_size >> shift > 1) {
		id->nsfeat |= NVME_NSFEAT_ATOMICS;
		id->nawun = blocks_0based(info->atomic_size, shift);
		id->nawupf = id->nawun;
	}
}

void identify_ns(struct request *req)
{
	const struct view_namespace *ns = req->view_ns;
	struct nvme_id_ns id = { 0 };

	if (reply_inactive(req))
		return;
	id.nsze = le64_of(ns->block_count);
	id.ncap = id.nsze;
	switch (ana_state(req->queue->port, ns->ana_grpid)) {
	case NVME_ANA_INACCESSIBLE:
	case NVME_ANA_PERSISTENT_LOSS:
		break; /* the allocated size is not known */
	default:
		id.nuse = id.nsze;
		id.nvmcap = le128_of(ns->block_count << ns->block_shift);
	}
	fill_limits(&id, &ns->ns->info, ns->block_shift);
	id.nmic = NVME_NMIC_SHARED;
	id.anagrpid = le32_of(ns->ana_grpid);
	id.nsattr = ns->read_only ? NVME_NSATTR_WRITE_PROTECTED : 0;
	if (ID_SET(ns->nguid))
		memcpy(id.nguid, ns->nguid, sizeof(id.nguid));
	if (ID_SET(ns->eui64))
		memcpy(id.eui64, ns->eui64, sizeof(id.eui64));
	id.lbaf[0].lbads = ns->block_shift;
	request_reply(req, &id, sizeof(id), 0);
}

/* All zeroes: no protection information, no limits. */
void identify_ns_nvm(struct request *req)
{
	struct nvme_id_ns_nvm id = { 0 };

	if (!reply_inactive(req))
		request_reply(req, &id, sizeof(id), 0);
}

void identify_ns_ind(struct request *req)
{
	const struct view_namespace *ns = req->view_ns;
	struct nvme_id_ns_ind id = { 0 };

	if (reply_inactive(req))
		return;
	if (!ns->ns->info.volatile_cache)
		id.nsfeat |= NVME_NS_IND_NSFEAT_VWCNP;
	id.nmic = NVME_NMIC_SHARED;
	id.anagrpid = le32_of(ns->ana_grpid);
	id.nsattr = ns->read_only ? NVME_NSATTR_WRITE_PROTECTED : 0;
	id.nstat = NVME_NSTAT_NRDY;
	request_reply(req, &id, sizeof(id), 0);
}

/* The first 1024 active namespaces above NSID; the allocated namespaces are the same. */
void identify_ns_list(struct request *req)
{
	const struct queue *queue = req->queue;
	const struct view_namespace *ns;
	struct nvme_ns_list list = { 0 };
	const size_t max = sizeof(list.nsid) / sizeof(list.nsid[0]);
	size_t count = 0;

	ns = queue_namespace_above(queue, le32_get(req->sqe.nsid));
	for (; ns && count < max; ns = queue_namespace_after(queue, ns))
		list.nsid[count++] = le32_of(ns->nsid);
	request_reply(req, &list, sizeof(list), 0);
}

static uint8_t *add_desc(uint8_t *at, enum nvme_nidt type, const void *id, uint8_t length)
{
	struct nvme_ns_desc desc = { .nidt = (uint8_t)type, .nidl = length };

	memcpy(at, &desc, sizeof(desc));
	memcpy(at + sizeof(desc), id, length);
	return at + sizeof(desc) + length;
}

void identify_ns_desc(struct request *req)
{
	const struct view_namespace *ns = req->view_ns;
	uint8_t csi = NVME_CSI_NVM;
	uint8_t list[4 * (sizeof(struct nvme_ns_desc) + 16)];
	uint8_t *end = list;

	if (ID_SET(ns->eui64))
		end = add_desc(end, NVME_NIDT_EUI64, ns->eui64, sizeof(ns->eui64));
	if (ID_SET(ns->nguid))
		end = add_desc(end, NVME_NIDT_NGUID, ns->nguid, sizeof(ns->nguid));
	if (ID_SET(ns->uuid))
		end = add_desc(end, NVME_NIDT_UUID, ns->uuid, sizeof(ns->uuid));
	end = add_desc(end, NVME_NIDT_CSI, &csi, sizeof(csi));
	request_reply(req, list, (size_t)(end - list), 0);
}
