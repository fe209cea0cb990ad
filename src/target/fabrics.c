/* SPDX-License-Identifier: BSD-3-Clause */
/* Fabrics commands: Connect, Property Get, Property Set, Disconnect (NVMe Base 2.1, 6). */
#include "spec/fabrics.h"

#include <assert.h>
#include <string.h>

#include "spec/property.h"
#include "target/commands.h"
#include "target/controller.h"
#include "target/queue.h"
#include "target/reactor.h"
#include "target/subsystem.h"
#include "target/target.h"
#include "target/transport.h"
#include "util/log_peer.h"
#include "util/str.h"

#define CMD(name) offsetof(struct nvmf_connect_cmd, name)
#define DATA(name) offsetof(struct nvmf_connect_data, name)

static const struct nvmf_connect_cmd *connect_cmd(const struct request *req)
{
	return (const struct nvmf_connect_cmd *)&req->sqe;
}

/* Connect Invalid Parameters: DW0 names the field of the command ... */
static struct nvme_status bad_cmd(struct request *req, size_t offset)
{
	req->cqe.dw0 = le32_of((uint32_t)offset);
	return refuse(req, NVME_SC_CONNECT_INVALID_PARAM, offset);
}

/* ... or of its data. */
static struct nvme_status bad_data(struct request *req, size_t offset)
{
	req->cqe.dw0 = le32_of((uint32_t)offset | NVMF_CONNECT_IATTR_DATA);
	return nvme_status_dnr(NVME_SC_CONNECT_INVALID_PARAM);
}

/* The subsystem that the host named; NULL and *status: it may not have it. */
static struct subsystem *find_subsystem(struct request *req, const struct nvmf_connect_data *data,
					const struct view_subsystem **ret_view,
					struct nvme_status *status)
{
	struct queue *queue = req->queue;
	const struct view *view = queue->reactor->view;
	const struct view_subsystem *subsystem;

	*ret_view = NULL;
	if (strcmp(data->subnqn, NVMF_DISCOVERY_NQN) == 0 ||
	    (view->discovery_nqn && strcmp(data->subnqn, view->discovery_nqn) == 0))
		return queue->reactor->target->discovery;
	subsystem = view_find_subsystem(view, data->subnqn);
	if (!subsystem || queue->port->discovery || !view_linked(queue->port, subsystem)) {
		*status = bad_data(req, DATA(subnqn));
		return NULL;
	}
	if (!view_host_allowed(subsystem, view_find_host(view, data->hostnqn))) {
		log_peer(LOG_NOTICE, limits_peer(&queue->place),
			 "host %s is not allowed to use %s: refused", data->hostnqn, data->subnqn);
		*status = nvme_status_dnr(NVME_SC_CONNECT_INVALID_HOST);
		return NULL;
	}
	*ret_view = subsystem;
	return subsystem->subsystem;
}

static void log_connect(const struct queue *queue)
{
	struct transport_address local, peer;
	const struct controller *ctrl = queue->ctrl;

	queue->ops->addresses(queue, &local, &peer);
	log_peer(LOG_INFO, limits_peer(&queue->place),
		 "host %s (%s port %u) uses %s: controller %u", ctrl->hostnqn, peer.traddr,
		 peer.trsvcid, ctrl->subsystem->nqn, ctrl->cntlid);
}

static struct nvme_status connect_admin(struct request *req, const struct nvmf_connect_data *data,
					struct subsystem *subsystem,
					const struct view_subsystem *view, uint32_t size)
{
	const struct nvmf_connect_cmd *cmd = connect_cmd(req);
	struct queue *queue = req->queue;
	struct controller *ctrl;
	struct nvme_status status;

	if (le16_get(data->cntlid) != NVMF_CNTLID_DYNAMIC)
		return bad_data(req, DATA(cntlid));
	if (size > ADMIN_QUEUE_SIZE_MAX)
		return bad_cmd(req, CMD(sqsize));
	if (!limits_join(queue, data->hostnqn,
			 queue_memory((uint16_t)size) + controller_memory(subsystem->target)))
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	status = controller_new(&ctrl, subsystem, queue, view ? view->cntlid_min : 1,
				view ? view->cntlid_max : NVMF_CNTLID_MAX, data->hostnqn,
				data->hostid, le32_get(cmd->kato));
	if (!nvme_status_ok(status)) {
		limits_unjoin(queue);
		return status;
	}
	queue->ctrl = ctrl;
	queue->qid = 0;
	if (queue_install(queue, (uint16_t)size) < 0) {
		queue->ctrl = NULL;
		controller_queue_gone(ctrl, queue);
		controller_unref(ctrl);
		limits_unjoin(queue);
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	}
	queue->subsystem = view;
	queue->host = view_find_host(queue->reactor->view, data->hostnqn);
	controller_show(ctrl, queue);
	log_connect(queue);
	return NVME_SUCCESS;
}

/* A host that never asked for a number of queues may have as many as there are. */
static uint32_t queues_allowed(const struct controller *ctrl, const struct view_subsystem *view)
{
	if (ctrl->queues_granted)
		return ctrl->queues_granted;
	assert(view); /* only discovery controllers have none */
	return view->qid_max && view->qid_max < CONTROLLER_QUEUES_MAX ? view->qid_max :
									CONTROLLER_QUEUES_MAX;
}

/* Finds the controller that an I/O queue wants to join, and takes its place. Under the lock. */
static struct nvme_status join(struct request *req, const struct nvmf_connect_data *data,
			       struct subsystem *subsystem, const struct view_subsystem *view)
{
	struct queue *queue = req->queue;
	uint16_t qid = le16_get(connect_cmd(req)->qid);
	struct controller *ctrl = subsystem_find_controller(subsystem, le16_get(data->cntlid));

	if (!ctrl || ctrl->portid != queue->portid)
		return bad_data(req, DATA(cntlid));
	if (strcmp(ctrl->hostnqn, data->hostnqn) != 0)
		return bad_data(req, DATA(hostnqn));
	if (memcmp(ctrl->hostid, data->hostid, sizeof(data->hostid)) != 0)
		return bad_data(req, DATA(hostid));
	if (ctrl->discovery || qid > queues_allowed(ctrl, view))
		return bad_cmd(req, CMD(qid));
	if (!ctrl->ready || ctrl->io[qid])
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	ctrl->io[qid] = queue;
	ctrl->queues_frozen = true;
	queue->qid = qid;
	queue->resets = atomic_load(&ctrl->resets);
	queue->ctrl = controller_ref(ctrl);
	return NVME_SUCCESS;
}

static struct nvme_status connect_io(struct request *req, const struct nvmf_connect_data *data,
				     struct subsystem *subsystem, const struct view_subsystem *view,
				     uint32_t size)
{
	struct queue *queue = req->queue;
	struct target *target = queue->reactor->target;
	struct nvme_status status;

	if (size > queue->port->max_queue_size)
		return bad_cmd(req, CMD(sqsize));
	if (!limits_join(queue, data->hostnqn, queue_memory((uint16_t)size)))
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	pthread_mutex_lock(&target->lock);
	status = join(req, data, subsystem, view);
	pthread_mutex_unlock(&target->lock);
	if (!nvme_status_ok(status)) {
		limits_unjoin(queue);
		return status;
	}
	if (queue_install(queue, (uint16_t)size) < 0) {
		struct controller *ctrl = queue->ctrl;

		controller_queue_gone(ctrl, queue);
		queue->ctrl = NULL;
		queue->qid = 0;
		controller_unref(ctrl);
		limits_unjoin(queue);
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	}
	queue->subsystem = view;
	queue->host = view_find_host(queue->reactor->view, data->hostnqn);
	return NVME_SUCCESS;
}

static struct nvme_status connect_queue(struct request *req)
{
	const struct nvmf_connect_cmd *cmd = connect_cmd(req);
	const struct nvmf_connect_data *data = (const struct nvmf_connect_data *)req->data;
	uint32_t size = (uint32_t)le16_get(cmd->sqsize) + 1;
	const struct view_subsystem *view;
	struct subsystem *subsystem;
	struct nvme_status status = NVME_SUCCESS;

	if (nvmf_nqn_check(data->subnqn, NVMF_NQN_SIZE, 0) != NVMF_NQN_OK)
		return bad_data(req, DATA(subnqn));
	if (nvmf_nqn_check(data->hostnqn, NVMF_NQN_SIZE, 0) != NVMF_NQN_OK)
		return bad_data(req, DATA(hostnqn));
	if (size < QUEUE_SIZE_MIN)
		return bad_cmd(req, CMD(sqsize));
	if (!req->queue->port || req->queue->reactor->target->draining)
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	subsystem = find_subsystem(req, data, &view, &status);
	if (!subsystem)
		return status;
	if (le16_get(cmd->qid))
		return connect_io(req, data, subsystem, view, size);
	return connect_admin(req, data, subsystem, view, size);
}

static void execute_connect(struct request *req)
{
	struct queue *queue = req->queue;
	struct nvme_status status = connect_queue(req);

	if (nvme_status_ok(status)) {
		queue->flow_control = !(connect_cmd(req)->cattr & NVMF_CATTR_NO_SQ_FLOW);
		req->cqe.dw0 = le32_of(queue->ctrl->cntlid);
		/* with flow control, Connect counts as the queue's first entry */
		if (!queue->flow_control)
			req->cqe.sqhd = le16_of(0xffff);
	}
	request_complete(req, status);
}

static struct nvme_status connect_parse(struct request *req)
{
	if (req->queue->live)
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	if (le16_get(connect_cmd(req)->recfmt))
		return refuse(req, NVME_SC_CONNECT_FORMAT, CMD(recfmt));
	req->execute = execute_connect;
	req->data_length = sizeof(struct nvmf_connect_data);
	req->consumes = true;
	return NVME_SUCCESS;
}

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
	/* 6.5: values above 1 are reserved, and the property has one of the two sizes */
	if ((cmd->attrib & NVMF_PROPERTY_SIZE_MASK) > NVMF_PROPERTY_8 ||
	    wide != (le32_get(cmd->ofst) == NVME_PROP_CAP)) {
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
	/* the identifier is free at once, not when the socket has gone */
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
	req->execute = execute_disconnect;
	return NVME_SUCCESS;
}

struct nvme_status fabrics_parse(struct request *req)
{
	const struct queue *queue = req->queue;

	req->status_kind = NVME_STATUS_KIND_FABRICS;
	if (req->sqe.fctype == NVMF_CONNECT)
		return connect_parse(req);
	if (!queue->live)
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	switch (req->sqe.fctype) {
	case NVMF_DISCONNECT:
		return disconnect_parse(req);
	case NVMF_PROPERTY_GET:
		req->execute = execute_property_get;
		break;
	case NVMF_PROPERTY_SET:
		req->execute = execute_property_set;
		break;
	default:
		/* authentication is not required, so it is not there */
		return refuse(req, NVME_SC_INVALID_OPCODE, offsetof(struct nvme_sqe, fctype));
	}
	if (queue->qid)
		return refuse(req, NVME_SC_INVALID_OPCODE, offsetof(struct nvme_sqe, fctype));
	return NVME_SUCCESS;
}
