/* SPDX-License-Identifier: BSD-3-Clause */
/* Identify (Base 2.1, 5.1.13): the table of CNS values, and the controller. */
#include "spec/identify.h"

#include <string.h>

#include "spec/property.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/commands/admin.h"
#include "target/model/subsystem.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"
#include "target/queue/transport.h"
#include "util/str.h"

#define KAS		10	/* keep alive granularity: 1 s in units of 100 ms */
#define ANATT		10	/* seconds that a change of ANA state takes at most */
#define CAPSULE_UNIT	16	/* of IOCCSZ and IORCSZ, bytes */
#define NVM_SPEC_VERSION NVME_VS(1, 1, 0)	/* of the NVM command set specification */

/* Fills the fields that I/O and discovery controllers have in common. */
static void fill_common(struct nvme_id_ctrl *id, const struct queue *queue)
{
	const struct controller *ctrl = queue->ctrl;

	id->mdts = queue->port->mdts;
	id->cntlid = le16_of(ctrl->cntlid);
	id->ver = le32_of(controller_vs(queue));
	id->ctratt = le32_of(NVME_CTRATT_HIDS | NVME_CTRATT_TBKAS);
	id->aerl = CONTROLLER_AER_MAX - 1;
	id->elpe = CONTROLLER_ERROR_LOG - 1;
	id->kas = le16_of(KAS);
	id->maxcmd = le16_of((uint16_t)nvme_cap_queue_max(controller_cap(queue)));
	id->sgls = le32_of(queue->ops->traits->sgls);
}

static void fill_io(struct nvme_id_ctrl *id, const struct queue *queue)
{
	const struct view_subsystem *subsystem = queue->subsystem;
	const struct transport_traits *traits = queue->ops->traits;
	uint32_t capsule = sizeof(struct nvme_sqe) + traits->icdoff * CAPSULE_UNIT +
			   queue->port->settings.inline_data_size;

	pad_copy(id->sn, sizeof(id->sn), subsystem->serial, ' ');
	pad_copy(id->mn, sizeof(id->mn), subsystem->model, ' ');
	pad_copy(id->fr, sizeof(id->fr), subsystem->firmware, ' ');
	memcpy(id->ieee, le32_of(subsystem->ieee_oui).b, sizeof(id->ieee));
	id->cmic = NVME_CMIC_MULTI_PORT | NVME_CMIC_MULTI_CTRL | NVME_CMIC_ANA;
	id->oaes = le32_of(NVME_OAES_NS_ATTR | NVME_OAES_ANA);
	id->cntrltype = NVME_CNTRLTYPE_IO;
	id->oacs = le16_of(command_set_support(&admin_commands));
	id->acl = CONTROLLER_ABORT_MAX - 1;
	id->frmw = NVME_FRMW_SLOT1_RO | 1u << NVME_FRMW_SLOTS_SHIFT;
	id->lpa = NVME_LPA_SMART_PER_NS | NVME_LPA_EFFECTS | NVME_LPA_EXTENDED;
	id->anatt = ANATT;
	id->anacap = NVME_ANACAP_OPTIMIZED | NVME_ANACAP_NONOPT | NVME_ANACAP_INACCESSIBLE |
		     NVME_ANACAP_LOSS | NVME_ANACAP_CHANGE;
	id->anagrpmax = le32_of(VIEW_ANA_GROUP_MAX);
	id->nanagrpid = le32_of(VIEW_ANA_GROUP_MAX);
	id->sqes = NVME_SQES << 4 | NVME_SQES;
	id->cqes = NVME_CQES << 4 | NVME_CQES;
	id->nn = le32_of(view_nsid_max(subsystem));
	id->mnan = le32_of(queue->ctrl->mnan);
	id->oncs = le16_of(command_set_support(&nvm_commands) | NVME_ONCS_SAVE_SELECT);
	/* Get Features 84h reports the state; Set Features 84h is refused */
	id->nwpc = 1;
	/* present, as some namespace may have a cache; CNS 08h reports it for each */
	id->vwc = NVME_VWC_PRESENT | NVME_VWC_FLUSH_ALL_NO;
	id->ioccsz = le32_of(capsule / CAPSULE_UNIT);
	id->iorcsz = le32_of(sizeof(struct nvme_cqe) / CAPSULE_UNIT);
	id->icdoff = le16_of(traits->icdoff);
	id->msdbd = traits->msdbd;
	id->ofcs = le16_of(command_set_support(&fabrics_commands));
	pad_copy(id->subnqn, sizeof(id->subnqn), subsystem->nqn, '\0');
}

static void fill_discovery(struct nvme_id_ctrl *id, const struct view *view)
{
	const char *nqn = *view->discovery_nqn ? view->discovery_nqn : NVMF_DISCOVERY_NQN;

	pad_copy(id->sn, sizeof(id->sn), "", ' ');
	pad_copy(id->mn, sizeof(id->mn), "weft discovery", ' ');
	pad_copy(id->fr, sizeof(id->fr), WEFT_VERSION, ' ');
	id->oaes = le32_of(NVME_OAES_DISC_LOG);
	id->cntrltype = NVME_CNTRLTYPE_DISC;
	id->dctype = NVME_DCTYPE_DDC;
	id->lpa = NVME_LPA_EXTENDED;
	pad_copy(id->subnqn, sizeof(id->subnqn), nqn, '\0');
}

static void identify_ctrl(struct request *req)
{
	struct nvme_id_ctrl id = { 0 };

	struct queue *queue = req->queue;

	fill_common(&id, queue);
	if (queue->ctrl->discovery) {
		fill_discovery(&id, queue->reactor->view);
	} else {
		queue->ctrl->mnan = view_namespaces_max(queue->subsystem);
		fill_io(&id, queue);
	}
	request_reply(req, &id, sizeof(id), 0);
}

/* All zeroes: no limits. */
static void identify_ctrl_nvm(struct request *req)
{
	struct nvme_id_ctrl_nvm id = { .ver = le32_of(NVM_SPEC_VERSION) };

	request_reply(req, &id, sizeof(id), 0);
}

/* Inserts into a list that stays sorted; the largest falls off the end. */
static void ctrl_list_add(struct nvme_ctrl_list *list, uint16_t cntlid)
{
	const size_t max = sizeof(list->cntlid) / sizeof(list->cntlid[0]);
	size_t count = le16_get(list->num);
	size_t at = count < max ? count : max;

	while (at > 0 && le16_get(list->cntlid[at - 1]) > cntlid) {
		if (at < max)
			list->cntlid[at] = list->cntlid[at - 1];
		at--;
	}
	if (at == max)
		return;
	list->cntlid[at] = le16_of(cntlid);
	if (count < max)
		list->num = le16_of((uint16_t)(count + 1));
}

/* The controllers of the subsystem from CNTID on. All have all namespaces: 12h is as 13h. */
static void identify_ctrl_list(struct request *req)
{
	struct subsystem *subsystem = req->queue->ctrl->subsystem;
	uint16_t from = (uint16_t)(le32_get(req->sqe.cdw10) >> 16);
	struct nvme_ctrl_list list = { 0 };

	pthread_mutex_lock(&subsystem->target->lock);
	list_for_each(node, &subsystem->controllers) {
		const struct controller *ctrl = list_entry(node, struct controller, node);

		if (ctrl->cntlid >= from && !ctrl->dead)
			ctrl_list_add(&list, ctrl->cntlid);
	}
	pthread_mutex_unlock(&subsystem->target->lock);
	request_reply(req, &list, sizeof(list), 0);
}

/* There are no endurance groups. */
static void identify_endgrp_list(struct request *req)
{
	struct nvme_endgrp_list list = { 0 };

	request_reply(req, &list, sizeof(list), 0);
}

/* One combination: the NVM command set alone. */
static void identify_cs_combinations(struct request *req)
{
	struct nvme_cs_combinations combinations = { 0 };

	combinations.iocsv[0] = le64_of(UINT64_C(1) << NVME_CSI_NVM);
	request_reply(req, &combinations, sizeof(combinations), 0);
}

/* The rule for NSID. */
enum nsid_rule {
	NSID_UNUSED,
	NSID_VALID,		/* 1..NN; zeroes are returned for an inactive one */
	NSID_ACTIVE,
	NSID_LIST_START,	/* the list starts above it */
};

static const struct page {
	struct catalog_entry entry;	/* id: CNS */
	enum nsid_rule nsid;
	bool csi;			/* CSI is checked */
	void (*execute)(struct request *req);
} pages[] = {
	{ { NVME_CNS_NS, ON_ADMIN, "Identify Namespace", "5.1.13.2.2" },
	  .nsid = NSID_VALID, .execute = identify_ns },
	{ { NVME_CNS_CTRL, ON_BOTH, "Identify Controller", "5.1.13.2.1" },
	  .execute = identify_ctrl },
	{ { NVME_CNS_NS_LIST, ON_ADMIN, "Active Namespace ID list", "5.1.13.2.3" },
	  .nsid = NSID_LIST_START, .execute = identify_ns_list },
	{ { NVME_CNS_NS_DESC, ON_ADMIN, "Namespace Identification Descriptor list", "5.1.13.2.4" },
	  .nsid = NSID_ACTIVE, .execute = identify_ns_desc },
	{ { NVME_CNS_CSI_NS, ON_ADMIN,
	    "I/O Command Set specific Identify Namespace", "5.1.13.2.5" },
	  .nsid = NSID_VALID, .csi = true, .execute = identify_ns_nvm },
	{ { NVME_CNS_CSI_CTRL, ON_ADMIN,
	    "I/O Command Set specific Identify Controller", "5.1.13.2.6" },
	  .csi = true, .execute = identify_ctrl_nvm },
	{ { NVME_CNS_CSI_NS_LIST, ON_ADMIN,
	    "I/O Command Set specific Active Namespace ID list", "5.1.13.2.7" },
	  .nsid = NSID_LIST_START, .csi = true, .execute = identify_ns_list },
	{ { NVME_CNS_NS_IND, ON_ADMIN,
	    "I/O Command Set Independent Identify Namespace", "5.1.13.2.8" },
	  .nsid = NSID_VALID, .execute = identify_ns_ind },
	{ { NVME_CNS_ALLOC_NS_LIST, ON_ADMIN, "Allocated Namespace ID list", "5.1.13.2.10" },
	  .nsid = NSID_LIST_START, .execute = identify_ns_list },
	{ { NVME_CNS_ALLOC_NS, ON_ADMIN,
	    "Identify Namespace of an allocated namespace", "5.1.13.2.11" },
	  .nsid = NSID_VALID, .execute = identify_ns },
	{ { NVME_CNS_NS_CTRL_LIST, ON_ADMIN, "Namespace Attached Controller list", "5.1.13.2.12" },
	  .nsid = NSID_ACTIVE, .execute = identify_ctrl_list },
	{ { NVME_CNS_CTRL_LIST, ON_ADMIN, "Controller list", "5.1.13.2.13" },
	  .execute = identify_ctrl_list },
	{ { NVME_CNS_ENDURANCE_GROUP_LIST, ON_ADMIN, "Endurance Group list", "5.1.13.2.17" },
	  .execute = identify_endgrp_list },
	{ { NVME_CNS_CS_COMBINATIONS, ON_ADMIN, "I/O Command Set data structure", "5.1.13.2.20" },
	  .execute = identify_cs_combinations },
};
#define PAGE_COUNT (sizeof(pages) / sizeof(pages[0]))

const struct catalog_entry *identify_catalog(size_t i)
{
	return i < PAGE_COUNT ? &pages[i].entry : NULL;
}

static const struct page *find_page(const struct request *req)
{
	uint8_t cns = (uint8_t)le32_get(req->sqe.cdw10);

	for (size_t i = 0; i < PAGE_COUNT; i++)
		if (pages[i].entry.id == cns && pages[i].entry.on & admin_on(req))
			return &pages[i];
	return NULL;
}

static struct nvme_status check_nsid(struct request *req, enum nsid_rule rule)
{
	uint32_t nsid = le32_get(req->sqe.nsid);
	struct nvme_status status;

	switch (rule) {
	case NSID_UNUSED:
		return NVME_SUCCESS;
	case NSID_LIST_START:
		if (nsid >= NVME_NSID_ALL - 1)
			return refuse(req, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
		return NVME_SUCCESS;
	case NSID_VALID:
	case NSID_ACTIVE:
		break;
	}
	status = admin_check_nsid(req);
	if (!nvme_status_ok(status))
		return status;
	req->view_ns = queue_namespace(req->queue, nsid);
	if (!req->view_ns && rule == NSID_ACTIVE)
		return refuse(req, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	return NVME_SUCCESS;
}

struct nvme_status identify_parse(struct request *req)
{
	const struct page *page = find_page(req);

	if (!page)
		return refuse(req, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
	if (page->csi && le32_get(req->sqe.cdw11) >> 24 != NVME_CSI_NVM)
		return refuse(req, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw11) + 3);
	req->execute = page->execute;
	return check_nsid(req, page->nsid);
}
