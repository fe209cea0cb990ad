/* SPDX-License-Identifier: BSD-3-Clause */
/* Get Log Page (Base 2.1, 5.1.12): the table of pages, and the short pages. */
#include "spec/log.h"

#include <string.h>

#include "spec/identify.h"
#include "target/commands/admin.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"
#include "util/str.h"

#define AT(field) offsetof(struct nvme_sqe, field)

bool log_retains(const struct request *req)
{
	return le32_get(req->sqe.cdw10) & NVME_LOG_RAE;
}

bool log_offset_valid(struct request *req, size_t size)
{
	if (nvme_log_offset(&req->sqe) <= size)
		return true;
	request_fail_field(req, NVME_SC_INVALID_FIELD, AT(cdw12));
	return false;
}

void log_reply(struct request *req, const void *page, size_t size)
{
	if (!log_offset_valid(req, size))
		return;
	if (!log_retains(req))
		controller_event_clear(req->queue->ctrl, (uint8_t)le32_get(req->sqe.cdw10));
	request_reply(req, page, size, nvme_log_offset(&req->sqe));
}

static void supported_reply(struct request *req);
static void features_reply(struct request *req);

static const struct page {
	struct catalog_entry entry;	/* id: LID */
	bool csi;			/* CSI is checked */
	void (*execute)(struct request *req);
} pages[] = {
	{ { NVME_LOG_SUPPORTED, ON_BOTH, "Supported Log Pages", "5.1.12.1.1" },
	  .execute = supported_reply },
	{ { NVME_LOG_ERROR, ON_BOTH, "Error Information", "5.1.12.1.2" },
	  .execute = log_error_reply },
	{ { NVME_LOG_SMART, ON_ADMIN, "SMART / Health Information", "5.1.12.1.3" },
	  .execute = log_smart_reply },
	{ { NVME_LOG_FIRMWARE, ON_ADMIN, "Firmware Slot Information", "5.1.12.1.4" },
	  .execute = log_firmware_reply },
	{ { NVME_LOG_CHANGED_NS, ON_ADMIN, "Changed Attached Namespace List", "5.1.12.1.5" },
	  .execute = log_changed_ns_reply },
	{ { NVME_LOG_EFFECTS, ON_ADMIN, "Commands Supported and Effects", "5.1.12.1.6" },
	  .csi = true, .execute = log_effects_reply },
	{ { NVME_LOG_ANA, ON_ADMIN, "Asymmetric Namespace Access", "5.1.12.1.13" },
	  .execute = log_ana_reply },
	{ { NVME_LOG_FEATURES, ON_BOTH, "Feature Identifiers Supported and Effects",
	    "5.1.12.1.18" }, .execute = features_reply },
	{ { NVME_LOG_DISCOVERY, ON_DISCOVERY, "Discovery", "5.1.12.3.1" },
	  .execute = log_discovery_reply },
};
#define PAGE_COUNT (sizeof(pages) / sizeof(pages[0]))

static void supported_reply(struct request *req)
{
	struct nvme_log_supported page = { 0 };

	for (size_t i = 0; i < PAGE_COUNT; i++)
		if (pages[i].entry.on & admin_on(req))
			page.lid[pages[i].entry.id] = le32_of(NVME_LID_LSUPP);
	log_reply(req, &page, sizeof(page));
}

static void features_reply(struct request *req)
{
	struct nvme_log_features page = { 0 };

	features_describe(admin_on(req), &page);
	log_reply(req, &page, sizeof(page));
}

/* One read-only slot: the running daemon. */
void log_firmware_reply(struct request *req)
{
	struct nvme_log_firmware page = { .afi = 1 };

	pad_copy(page.frs[0], sizeof(page.frs[0]), req->queue->subsystem->firmware, ' ');
	log_reply(req, &page, sizeof(page));
}

/*
 * The namespaces that changed since the host last read the page; reading it empties the list.
 * FFFFFFFFh: more namespaces changed than the page can list.
 */
void log_changed_ns_reply(struct request *req)
{
	struct controller *ctrl = req->queue->ctrl;
	struct nvme_ns_list page = { 0 };

	if (!log_offset_valid(req, sizeof(page)))
		return;
	if (ctrl->changed_ns_many)
		page.nsid[0] = le32_of(NVME_NSID_ALL);
	for (unsigned int i = 0; i < ctrl->changed_ns_count && !ctrl->changed_ns_many; i++)
		page.nsid[i] = le32_of(ctrl->changed_ns[i]);
	if (!log_retains(req)) {
		ctrl->changed_ns_count = 0;
		ctrl->changed_ns_many = false;
	}
	log_reply(req, &page, sizeof(page));
}

const struct catalog_entry *log_catalog(size_t i)
{
	return i < PAGE_COUNT ? &pages[i].entry : NULL;
}

static const struct page *find_page(const struct request *req)
{
	uint8_t lid = (uint8_t)le32_get(req->sqe.cdw10);

	for (size_t i = 0; i < PAGE_COUNT; i++)
		if (pages[i].entry.id == lid && pages[i].entry.on & admin_on(req))
			return &pages[i];
	return NULL;
}

/*
 * True if the CSI is accepted for pages that use it (Base 2.1, 5.1.12). The zoned command set is
 * accepted, with no commands in it: nvme-cli asks for its effects from every controller that can
 * have several command sets.
 */
static bool csi_known(uint32_t csi)
{
	return csi == NVME_CSI_NVM || csi == NVME_CSI_ZNS;
}

struct nvme_status log_parse(struct request *req)
{
	const struct nvme_sqe *sqe = &req->sqe;
	const struct page *page = find_page(req);
	uint32_t cdw14 = le32_get(sqe->cdw14);
	uint64_t length = nvme_log_length(sqe);

	if (!page)
		return refuse(req, NVME_SC_INVALID_LOG_PAGE, AT(cdw10));
	/* MDTS (5.1.13.2.1) */
	if (length > admin_transfer_max(req->queue))
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw10) + 2);
	/* 5.1.12: no page reports support for an index as offset ... */
	if (cdw14 & NVME_LOG_OT)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw14) + 2);
	/* ... and a byte offset must be a multiple of 4 */
	if (nvme_log_offset(sqe) & 3)
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw12));
	if (page->csi && !csi_known(cdw14 >> 24))
		return refuse(req, NVME_SC_INVALID_FIELD, AT(cdw14) + 3);
	req->data_length = (uint32_t)length;
	req->execute = page->execute;
	return NVME_SUCCESS;
}
