/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands Supported and Effects, log page 05h (Base 2.1, 5.1.12.1.6). */
#include "spec/log.h"
#include "target/admin.h"

/* What nvm.c serves. */
static const struct {
	uint8_t opcode;
	uint32_t effects;
} nvm_commands[] = {
	{ NVME_CMD_FLUSH, NVME_EFFECTS_CSUPP },
	{ NVME_CMD_WRITE, NVME_EFFECTS_CSUPP | NVME_EFFECTS_LBCC },
	{ NVME_CMD_READ, NVME_EFFECTS_CSUPP },
	{ NVME_CMD_WRITE_ZEROES, NVME_EFFECTS_CSUPP | NVME_EFFECTS_LBCC },
	{ NVME_CMD_DSM, NVME_EFFECTS_CSUPP | NVME_EFFECTS_LBCC },
	{ NVME_CMD_FABRICS, NVME_EFFECTS_CSUPP },
};

void log_effects_reply(struct request *req)
{
	bool nvm = le32_get(req->sqe.cdw14) >> 24 == NVME_CSI_NVM;
	struct nvme_log_effects page = { 0 };

	for (unsigned int opcode = 0; opcode < 256; opcode++)
		if (admin_opcode_supported((uint8_t)opcode))
			page.acs[opcode] = le32_of(NVME_EFFECTS_CSUPP);
	for (size_t i = 0; nvm && i < sizeof(nvm_commands) / sizeof(nvm_commands[0]); i++)
		page.iocs[nvm_commands[i].opcode] = le32_of(nvm_commands[i].effects);
	log_reply(req, &page, sizeof(page));
}
