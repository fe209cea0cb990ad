/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of command statuses. */
#include "spec/status.h"

#include <stddef.h>

#define CASE(name, value, text) case value: return text;

static const char *common_str(uint16_t sc)
{
	switch (sc) {
	NVME_STATUS_LIST(CASE)
	NVME_STATUS_ADMIN_LIST(CASE)
	default: return NULL;
	}
}

static const char *nvm_str(uint16_t sc)
{
	switch (sc) {
	NVME_STATUS_NVM_LIST(CASE)
	default: return NULL;
	}
}

static const char *fabrics_str(uint16_t sc)
{
	switch (sc) {
	NVME_STATUS_FABRICS_LIST(CASE)
	default: return NULL;
	}
}

static const char *unknown_str(uint16_t sc)
{
	if ((sc & 0xff) >= 0xc0)
		return "Vendor Specific Status";
	switch (sc >> 8) {
	case NVME_SCT_GENERIC: return "Unknown Generic Status";
	case NVME_SCT_COMMAND: return "Unknown Command Specific Status";
	case NVME_SCT_MEDIA: return "Unknown Media Error";
	case NVME_SCT_PATH: return "Unknown Path Status";
	case NVME_SCT_VENDOR: return "Vendor Specific Status";
	default: return "Unknown Status";
	}
}

const char *nvme_status_str(struct nvme_status st, enum nvme_status_kind kind)
{
	uint16_t sc = nvme_status_sc(st);
	const char *s = common_str(sc);

	if (!s && kind == NVME_STATUS_KIND_NVM)
		s = nvm_str(sc);
	if (!s && kind == NVME_STATUS_KIND_FABRICS)
		s = fabrics_str(sc);
	return s ? s : unknown_str(sc);
}
