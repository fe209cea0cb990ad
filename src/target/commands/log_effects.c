/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands Supported and Effects, log page 05h (Base 2.1, 5.1.12.1.6). */
#include "spec/log.h"
#include "target/commands/admin.h"

/* Fabrics commands have a single entry, because they share one opcode. */
static void fill(le32 *effects, const struct command_set *set)
{
	for (unsigned int opcode = 0; opcode < set->count; opcode++) {
		const struct command *command = command_find(set, (uint8_t)opcode, set->on);

		if (command)
			effects[opcode] = le32_of(NVME_EFFECTS_CSUPP | command->effects);
	}
	effects[NVME_ADMIN_FABRICS] = le32_of(NVME_EFFECTS_CSUPP);
}

void log_effects_reply(struct request *req)
{
	struct nvme_log_effects page = { 0 };

	fill(page.acs, req->queue->commands);
	if (le32_get(req->sqe.cdw14) >> 24 == NVME_CSI_NVM)
		fill(page.iocs, &nvm_commands);
	log_reply(req, &page, sizeof(page));
}
