/* SPDX-License-Identifier: BSD-3-Clause */
/* The admin command set (Base 2.1, 5), of an I/O controller and of a discovery controller. */
#include "target/commands/admin.h"

#include "spec/identify.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"

uint64_t admin_transfer_max(const struct queue *queue)
{
	return UINT64_C(4096) << queue->port->mdts;
}

struct nvme_status admin_check_nsid(struct request *req)
{
	uint32_t nsid = le32_get(req->sqe.nsid);

	if (nsid == 0 || nsid > view_nsid_max(req->queue->subsystem))
		return refuse(req, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	return NVME_SUCCESS;
}

static struct nvme_status admit(const struct request *req)
{
	const struct queue *queue = req->queue;

	/* removed from the configuration: the connection is about to end */
	if (!queue->port || (!queue->ctrl->discovery && !queue->subsystem))
		return nvme_status(NVME_SC_CTRL_PATH_ERROR);
	/* CSTS.RDY (Base 2.1, 3.1.4.6) */
	if (!queue->ctrl->ready)
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	return NVME_SUCCESS;
}

static void execute_keep_alive(struct request *req)
{
	/* every command restarts the timer: request_start() has recorded this one */
	request_complete(req, NVME_SUCCESS);
}

/*
 * The UUID Index of CDW14 is ignored: there is no UUID List (Base 2.1, 8.1.28), so no command's
 * effects report UUID selection.
 */
static const struct command commands[] = {
	[NVME_ADMIN_GET_LOG_PAGE] = {
		.name = "Get Log Page", .on = ON_BOTH, .parse = log_parse,
		.section = "Base 2.1, 5.1.12", .notes = "At most MDTS. Offsets count bytes.",
	},
	[NVME_ADMIN_IDENTIFY] = {
		.name = "Identify", .on = ON_BOTH, .length = NVME_IDENTIFY_SIZE,
		.parse = identify_parse, .section = "Base 2.1, 5.1.13",
	},
	[NVME_ADMIN_ABORT] = {
		.name = "Abort", .on = ON_ADMIN, .parse = abort_parse,
		.section = "Base 2.1, 5.1.1",
		.notes = "Four at a time. What a backend has is answered; the backend goes on.",
	},
	[NVME_ADMIN_SET_FEATURES] = {
		.name = "Set Features", .on = ON_BOTH, .parse = features_set_parse,
		.section = "Base 2.1, 5.1.25", .notes = "Nothing is saved over a reset.",
	},
	[NVME_ADMIN_GET_FEATURES] = {
		.name = "Get Features", .on = ON_BOTH, .parse = features_get_parse,
		.section = "Base 2.1, 5.1.11",
	},
	[NVME_ADMIN_ASYNC_EVENT] = {
		.name = "Asynchronous Event Request", .on = ON_BOTH, .parse = async_event_parse,
		.section = "Base 2.1, 5.1.2", .notes = "Four at a time.",
	},
	[NVME_ADMIN_KEEP_ALIVE] = {
		.name = "Keep Alive", .on = ON_BOTH, .execute = execute_keep_alive,
		.section = "Base 2.1, 5.1.14",
	},
};

const struct command_set admin_commands = {
	.name = "Admin", .on = ON_ADMIN, .opcode_at = offsetof(struct nvme_sqe, opcode),
	COMMAND_SET_TABLE(commands), .admit = admit,
};

const struct command_set discovery_commands = {
	.name = "Admin, of a discovery controller", .on = ON_DISCOVERY,
	.opcode_at = offsetof(struct nvme_sqe, opcode), COMMAND_SET_TABLE(commands),
	.admit = admit,
};
