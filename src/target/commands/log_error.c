/* SPDX-License-Identifier: BSD-3-Clause */
/* Error Information, log page 01h (Base 2.1, 5.1.12.1.2). */
#include <stdlib.h>

#include "spec/log.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/commands/admin.h"
#include "target/model/view.h"
#include "target/queue/command.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"

#define ENTRY_VERSION 1	/* LPVER: the entry names command set and opcode */

static bool has_lba(const struct request *req)
{
	return req->command && req->command->flags & COMMAND_RANGE;
}

static struct nvme_log_error entry_of(const struct request *req, uint64_t number)
{
	const struct queue *queue = req->queue;
	bool fabrics = req->sqe.opcode == NVME_ADMIN_FABRICS;

	return (struct nvme_log_error){
		.ecount = le64_of(number),
		.sqid = le16_of(queue->qid),
		.cid = req->sqe.cid,
		.status = req->cqe.status,
		.peloc = le16_of(req->error_location),
		.lba = le64_of(has_lba(req) ? nvme_rw_slba(&req->sqe) : 0),
		.nsid = fabrics ? le32_of(0) : req->sqe.nsid,
		.trtype = queue->port ? queue->port->trtype : 0,
		.csi = NVME_CSI_NVM,
		.opc = req->sqe.opcode,
		.lpver = ENTRY_VERSION,
	};
}

void controller_log_error(struct controller *ctrl, const struct request *req)
{
	uint64_t number = ctrl->error_count + 1;

	if (!ctrl->errors) {
		ctrl->errors = calloc(CONTROLLER_ERROR_LOG, sizeof(*ctrl->errors));
		if (!ctrl->errors)
			return;
	}
	ctrl->error_count = number;
	ctrl->errors[number % CONTROLLER_ERROR_LOG] = entry_of(req, number);
}

void log_error_reply(struct request *req)
{
	struct controller *ctrl = req->queue->ctrl;
	struct target *target = req->queue->reactor->target;
	struct nvme_log_error page[CONTROLLER_ERROR_LOG] = { 0 };

	pthread_mutex_lock(&target->lock);
	for (uint64_t i = 0; i < CONTROLLER_ERROR_LOG && i < ctrl->error_count; i++)
		page[i] = ctrl->errors[(ctrl->error_count - i) % CONTROLLER_ERROR_LOG];
	pthread_mutex_unlock(&target->lock);
	log_reply(req, page, sizeof(page));
}
