/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connect (NVMe Base 2.1, 6.3): a queue becomes part of an association.
 *
 * A host that gets Do Not Retry gives up for ever. So only permanent failures have it: a
 * malformed command, and a host that the administrator does not allow. A subsystem, a
 * controller or a configuration that is missing now may be there in a second.
 */
#include <assert.h>
#include <string.h>

#include "spec/fabrics.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/commands/fabrics.h"
#include "target/model/subsystem.h"
#include "target/queue/command.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"
#include "target/queue/transport.h"
#include "util/log_peer.h"

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
	req->error_location = (uint16_t)offset;
	return nvme_status(NVME_SC_CONNECT_INVALID_PARAM);
}

/* ... or of its data. */
static struct nvme_status bad_data(struct request *req, size_t offset)
{
	req->cqe.dw0 = le32_of((uint32_t)offset | NVMF_CONNECT_IATTR_DATA);
	return nvme_status(NVME_SC_CONNECT_INVALID_PARAM);
}

/* No change of the configuration helps: sets Do Not Retry. */
static struct nvme_status malformed(struct nvme_status status)
{
	return nvme_status_dnr(nvme_status_sc(status));
}

/* The subsystem of the Connect; NULL with *status if the host may not connect to it. */
static struct subsystem *find_subsystem(struct request *req, const struct nvmf_connect_data *data,
					const struct view_subsystem **ret_view,
					struct nvme_status *status)
{
	struct queue *queue = req->queue;
	const struct view *view = queue->reactor->view;
	const struct view_subsystem *subsystem;

	*ret_view = NULL;
	if (strcmp(data->subnqn, NVMF_DISCOVERY_NQN) == 0 ||
	    (*view->discovery_nqn && strcmp(data->subnqn, view->discovery_nqn) == 0))
		return queue->reactor->target->discovery;
	subsystem = view_find_subsystem(view, data->subnqn);
	if (!subsystem || queue->port->discovery || !view_linked(queue->port, subsystem)) {
		*status = bad_data(req, DATA(subnqn));
		return NULL;
	}
	if (!view_host_allowed(subsystem, view_find_host(view, data->hostnqn))) {
		log_peer(LOG_NOTICE, limits_peer(&queue->place),
			 "host %s is not allowed to use %s: refused", host_name(data->hostnqn),
			 data->subnqn);
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
		 "host %s (%s port %u) uses %s: controller %u", host_name(ctrl->hostnqn),
		 peer.traddr, peer.trsvcid, ctrl->subsystem->nqn, ctrl->cntlid);
}

/* Counts the connection for its host, which gives it a share of the I/O buffers. false: refused. */
static bool join_host(struct queue *queue, const char *hostnqn, uint64_t bytes)
{
	if (!limits_join(queue->reactor->target, &queue->place, hostnqn, bytes))
		return false;
	queue->share = limits_share(&queue->place, queue->reactor->index);
	return true;
}

static void leave_host(struct queue *queue)
{
	queue->share = NULL;
	limits_unjoin(queue->reactor->target, &queue->place);
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
		return malformed(bad_data(req, DATA(cntlid)));
	if (size > ADMIN_QUEUE_SIZE_MAX)
		return malformed(bad_cmd(req, CMD(sqsize)));
	if (!join_host(queue, data->hostnqn,
		       queue_memory((uint16_t)size) + controller_memory(subsystem->target)))
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	status = controller_new(&ctrl, subsystem, queue, view ? view->cntlid_min : 1,
				view ? view->cntlid_max : NVMF_CNTLID_MAX, data->hostnqn,
				data->hostid, le32_get(cmd->kato));
	if (!nvme_status_ok(status)) {
		leave_host(queue);
		return status;
	}
	queue->ctrl = ctrl;
	queue->qid = 0;
	if (queue_install(queue, (uint16_t)size,
			  ctrl->discovery ? &discovery_commands : &admin_commands) < 0) {
		queue->ctrl = NULL;
		controller_queue_gone(ctrl, queue);
		controller_unref(ctrl);
		leave_host(queue);
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	}
	queue_set_view(queue, view, view_find_host(queue->reactor->view, data->hostnqn));
	controller_show(ctrl, queue);
	log_connect(queue);
	return NVME_SUCCESS;
}

/* A host that did not set the Number of Queues feature may have the maximum. */
static uint32_t queues_allowed(const struct controller *ctrl, const struct view_subsystem *view)
{
	if (ctrl->queues_granted)
		return ctrl->queues_granted;
	assert(view); /* only discovery controllers have no subsystem in the view */
	return view->qid_max && view->qid_max < CONTROLLER_QUEUES_MAX ? view->qid_max :
									CONTROLLER_QUEUES_MAX;
}

/*
 * Adds an I/O queue to the controller of its Connect. Under the lock. The Host Identifier must be
 * that of the admin queue (Base 2.1, 6.3). Some hosts send a random one each time, which other
 * targets accept: the association keeps the admin queue's, and *ret_other_id is set for the first
 * queue that has another.
 */
static struct nvme_status join(struct request *req, const struct nvmf_connect_data *data,
			       struct subsystem *subsystem, const struct view_subsystem *view,
			       bool *ret_other_id)
{
	struct queue *queue = req->queue;
	uint16_t qid = le16_get(connect_cmd(req)->qid);
	struct controller *ctrl = controller_find(subsystem, le16_get(data->cntlid));

	if (!ctrl || ctrl->portid != queue->portid)
		return bad_data(req, DATA(cntlid));
	if (strcmp(ctrl->hostnqn, data->hostnqn) != 0)
		return bad_data(req, DATA(hostnqn));
	if (ctrl->discovery || qid > queues_allowed(ctrl, view))
		return bad_cmd(req, CMD(qid));
	if (!ctrl->ready || ctrl->io[qid])
		return nvme_status(NVME_SC_CMD_SEQ_ERROR);
	ctrl->io[qid] = queue;
	ctrl->queues_frozen = true;
	if (!ctrl->other_id && memcmp(ctrl->hostid, data->hostid, sizeof(data->hostid)) != 0) {
		ctrl->other_id = true;
		*ret_other_id = true;
	}
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
	bool other_id = false;

	if (size > queue->port->max_queue_size)
		return bad_cmd(req, CMD(sqsize));
	if (!join_host(queue, data->hostnqn, queue_memory((uint16_t)size)))
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	pthread_mutex_lock(&target->lock);
	status = join(req, data, subsystem, view, &other_id);
	pthread_mutex_unlock(&target->lock);
	if (!nvme_status_ok(status)) {
		leave_host(queue);
		return status;
	}
	if (other_id)
		log_peer(LOG_INFO, limits_peer(&queue->place),
			 "host %s: an I/O queue of controller %u came with another Host "
			 "Identifier than its admin queue, which counts",
			 host_name(data->hostnqn), queue->ctrl->cntlid);
	if (queue_install(queue, (uint16_t)size, &nvm_commands) < 0) {
		struct controller *ctrl = queue->ctrl;

		controller_queue_gone(ctrl, queue);
		queue->ctrl = NULL;
		queue->qid = 0;
		controller_unref(ctrl);
		leave_host(queue);
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	}
	queue_set_view(queue, view, view_find_host(queue->reactor->view, data->hostnqn));
	return NVME_SUCCESS;
}

/* True for a valid NQN, and for none: SPDK's tools send none by default. */
static bool host_nqn_valid(const char *nqn)
{
	enum nvmf_nqn_fault fault = nvmf_nqn_check(nqn, NVMF_NQN_SIZE, 0);

	return fault == NVMF_NQN_OK || fault == NVMF_NQN_EMPTY;
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
		return malformed(bad_data(req, DATA(subnqn)));
	if (!host_nqn_valid(data->hostnqn))
		return malformed(bad_data(req, DATA(hostnqn)));
	if (size < QUEUE_SIZE_MIN)
		return malformed(bad_cmd(req, CMD(sqsize)));
	if (!req->queue->port || req->queue->reactor->target->draining)
		return nvme_status(NVME_SC_CONNECT_CTRL_BUSY);
	subsystem = find_subsystem(req, data, &view, &status);
	if (!subsystem)
		return status;
	if (le16_get(cmd->qid))
		return connect_io(req, data, subsystem, view, size);
	return connect_admin(req, data, subsystem, view, size);
}

void connect_execute(struct request *req)
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

struct nvme_status connect_parse(struct request *req)
{
	if (le16_get(connect_cmd(req)->recfmt))
		return refuse(req, NVME_SC_CONNECT_FORMAT, CMD(recfmt));
	req->consumes = true;
	return NVME_SUCCESS;
}
