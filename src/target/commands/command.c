/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the row of an opcode, and makes the checks of every command. */
#include "target/queue/command.h"

#include "target/commands/io.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"

/* CSTS.RDY (Base 2.1, 3.1.4.6) */
static struct nvme_status command_ready(const struct request *req)
{
	if (!atomic_load_explicit(&req->queue->ctrl->ready, memory_order_acquire))
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	return NVME_SUCCESS;
}

struct nvme_status command_parse(struct request *req)
{
	const struct command_set *own = req->queue->commands;
	const struct command_set *set = own;
	uint8_t opcode = req->sqe.opcode;
	const struct command *command;
	struct nvme_status status;

	if (opcode == NVME_ADMIN_FABRICS) {
		set = &fabrics_commands;
		opcode = req->sqe.fctype;
	} else if (req->sqe.flags & NVME_SQE_FUSE_MASK) {
		/* FUSE (Base 2.1, 4.1.1): fused commands are not supported */
		return refuse(req, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, flags));
	}
	status = set->admit ? set->admit(req) : command_ready(req);
	if (!nvme_status_ok(status))
		return status;
	command = command_find(set, opcode, own->on);
	if (!command)
		return refuse(req, NVME_SC_INVALID_OPCODE, set->opcode_at);
	req->command = command;
	req->execute = command->execute;
	req->data_length = command->length;
	if (command->flags & COMMAND_NAMESPACE)
		return io_parse(req);
	return command->parse ? command->parse(req) : NVME_SUCCESS;
}

uint16_t command_set_support(const struct command_set *set)
{
	uint16_t bits = 0;

	for (unsigned int opcode = 0; opcode < set->count; opcode++)
		bits |= set->commands[opcode].support;
	return bits;
}
