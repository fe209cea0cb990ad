/* SPDX-License-Identifier: BSD-3-Clause */
/* Fabrics commands: Property Get, Property Set, Disconnect (NVMe Base 2.1, 6). */
#include "spec/fabrics.h"

#include <stddef.h>

#include "spec/identify.h"
#include "spec/property.h"
#include "target/commands/fabrics.h"
#include "target/queue/command.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"

static const struct nvmf_property_cmd *property_cmd(const struct request *req)
{
	return (const struct nvmf_property_cmd *)&req->sqe;
}

static void execute_property_get(struct request *req)
{
	const struct nvmf_property_cmd *cmd = property_cmd(req);
	const struct controller *ctrl = req->queue->ctrl;
	bool wide = (cmd->attrib & NVMF_PROPERTY_SIZE_MASK) == NVMF_PROPERTY_8;
	uint64_t value;

	switch (le32_get(cmd->ofst)) {
	case NVME_PROP_CAP:
		value = controller_cap(req->queue);
		if (!wide)
			value &= UINT32_MAX;
		break;
	/* Some hosts read the halves of CAP one by one, as over PCI Express. */
	case NVME_PROP_CAP + 4:
		value = controller_cap(req->queue) >> 32;
		break;
	case NVME_PROP_VS:
		value = controller_vs(req->queue);
		break;
	case NVME_PROP_CC:
		value = ctrl->cc;
		break;
	case NVME_PROP_CSTS:
		value = ctrl->csts;
		break;
	case NVME_PROP_NSSR:
	case NVME_PROP_CRTO:
		value = 0;
		break;
	default:
		request_fail_field(req, NVME_SC_INVALID_FIELD,
				   offsetof(struct nvmf_property_cmd, ofst));
		return;
	}
	/* 6.5: values above 1 are reserved, and other properties have 4 bytes */
	if ((cmd->attrib & NVMF_PROPERTY_SIZE_MASK) > NVMF_PROPERTY_8 ||
	    (wide && le32_get(cmd->ofst) != NVME_PROP_CAP)) {
		request_fail_field(req, NVME_SC_INVALID_FIELD,
				   offsetof(struct nvmf_property_cmd, attrib));
		return;
	}
	req->cqe.result = le64_of(value);
	request_complete(req, NVME_SUCCESS);
}

static void execute_property_set(struct request *req)
{
	const struct nvmf_property_cmd *cmd = property_cmd(req);

	if (le32_get(cmd->ofst) != NVME_PROP_CC) {
		request_fail_field(req, NVME_SC_INVALID_FIELD,
				   offsetof(struct nvmf_property_cmd, ofst));
		return;
	}
	if ((cmd->attrib & NVMF_PROPERTY_SIZE_MASK) != NVMF_PROPERTY_4) {
		request_fail_field(req, NVME_SC_INVALID_FIELD,
				   offsetof(struct nvmf_property_cmd, attrib));
		return;
	}
	controller_set_cc(req->queue->ctrl, (uint32_t)le64_get(cmd->value));
	request_complete(req, NVME_SUCCESS);
}

static void execute_disconnect(struct request *req)
{
	struct queue *queue = req->queue;

	if (!queue->qid) {
		request_complete(req, nvme_status_dnr(NVME_SC_DISCONNECT_INVALID_QTYPE));
		return;
	}
	/* the queue identifier is free at once, not only when the socket is closed */
	controller_queue_gone(queue->ctrl, queue);
	request_complete(req, NVME_SUCCESS);
	queue_disconnect(queue);
}

static struct nvme_status disconnect_parse(struct request *req)
{
	const struct nvmf_disconnect_cmd *cmd = (const struct nvmf_disconnect_cmd *)&req->sqe;

	if (le16_get(cmd->recfmt))
		return refuse(req, NVME_SC_CONNECT_FORMAT,
			      offsetof(struct nvmf_disconnect_cmd, recfmt));
	return NVME_SUCCESS;
}

/* The first command must be Connect, and no other may be (Base 2.1, 6.3). */
static struct nvme_status admit(const struct request *req)
{
	if ((req->sqe.fctype == NVMF_CONNECT) == queue_connected(req->queue))
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	return NVME_SUCCESS;
}

/* There are no authentication commands, because authentication is not required. */
static const struct command commands[] = {
	[NVMF_PROPERTY_SET] = {
		.name = "Property Set", .on = ON_BOTH, .execute = execute_property_set,
		.section = "Base 2.1, 6.5", .notes = "CC alone.",
	},
	[NVMF_CONNECT] = {
		.name = "Connect", .on = ON_NEW, .length = sizeof(struct nvmf_connect_data),
		.parse = connect_parse, .execute = connect_execute, .section = "Base 2.1, 6.3",
		.notes = "Dynamic controllers alone: CNTLID FFFFh on an admin queue.",
	},
	[NVMF_PROPERTY_GET] = {
		.name = "Property Get", .on = ON_BOTH, .execute = execute_property_get,
		.section = "Base 2.1, 6.4", .notes = "CAP, VS, CC, CSTS, NSSR and CRTO.",
	},
	[NVMF_DISCONNECT] = {
		.name = "Disconnect", .on = ON_BOTH | ON_IO, .support = NVME_OFCS_DISCONNECT,
		.parse = disconnect_parse, .execute = execute_disconnect,
		.section = "Base 2.1, 6.6", .notes = "Refused on an admin queue.",
	},
};

const struct command_set fabrics_commands = {
	.name = "Fabrics", .opcode_at = offsetof(struct nvme_sqe, fctype),
	COMMAND_SET_TABLE(commands), .admit = admit,
};
