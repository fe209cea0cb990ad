/* SPDX-License-Identifier: BSD-3-Clause */
/* The admin command set: which command goes where (Base 2.1, 5). */
#include "target/admin.h"
#include "target/commands.h"
#include "target/controller.h"
#include "target/queue.h"

static const struct {
	uint8_t offered;
	struct nvme_status (*parse)(struct request *req);
} commands[256] = {
	[NVME_ADMIN_GET_LOG_PAGE] = { OFFERED_BOTH, log_parse },
	[NVME_ADMIN_IDENTIFY] = { OFFERED_BOTH, identify_parse },
	[NVME_ADMIN_ABORT] = { OFFERED_IO, abort_parse },
	[NVME_ADMIN_SET_FEATURES] = { OFFERED_BOTH, features_set_parse },
	[NVME_ADMIN_GET_FEATURES] = { OFFERED_BOTH, features_get_parse },
	[NVME_ADMIN_ASYNC_EVENT] = { OFFERED_BOTH, async_event_parse },
	[NVME_ADMIN_KEEP_ALIVE] = { OFFERED_BOTH, keep_alive_parse },
};

bool admin_offered(const struct controller *ctrl, uint8_t offered)
{
	return offered & (ctrl->discovery ? OFFERED_DISCOVERY : OFFERED_IO);
}

bool admin_opcode_supported(uint8_t opcode)
{
	return opcode == NVME_ADMIN_FABRICS || (commands[opcode].offered & OFFERED_IO);
}

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

/*
 * The UUID Index of CDW14 is not looked at: there is no UUID List (Base 2.1, 8.1.28), so that no
 * command says in its effects that it selects by one.
 */
static struct nvme_status parse(struct request *req)
{
	const struct queue *queue = req->queue;
	uint8_t opcode = req->sqe.opcode;

	if (!admin_offered(queue->ctrl, commands[opcode].offered))
		return refuse(req, NVME_SC_INVALID_OPCODE, offsetof(struct nvme_sqe, opcode));
	if (!queue->ctrl->ready)
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	return commands[opcode].parse(req);
}

struct nvme_status admin_parse(struct request *req)
{
	/* the configuration no longer has it: the connection is about to end */
	if (!req->queue->port || !req->queue->subsystem)
		return nvme_status(NVME_SC_CTRL_PATH_ERROR);
	return parse(req);
}

struct nvme_status discovery_parse(struct request *req)
{
	if (!req->queue->port)
		return nvme_status(NVME_SC_CTRL_PATH_ERROR);
	return parse(req);
}

static void execute_keep_alive(struct request *req)
{
	/* every command restarts the timer, this one too: request_start() has noted it */
	request_complete(req, NVME_SUCCESS);
}

struct nvme_status keep_alive_parse(struct request *req)
{
	req->execute = execute_keep_alive;
	return NVME_SUCCESS;
}
