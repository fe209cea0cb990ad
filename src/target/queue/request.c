/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a request: from the capsule to its completion. */
#include "target/queue/request.h"

#include <assert.h>
#include <string.h>

#include "spec/identify.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/model/namespace.h"
#include "target/queue/command.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"
#include "target/queue/transport.h"

struct request *request_take(struct queue *queue)
{
	struct request *req;
	struct list *node;

	if (queue_connected(queue)) {
		/* spares replace abandoned requests: the host has only the queue's size */
		if (queue->busy - queue->abandoned >= queue->size)
			return NULL;
		node = list_pop(&queue->free_requests);
		req = node ? list_entry(node, struct request, node) : queue_next_request(queue);
		if (!req)
			return NULL;
	} else {
		req = &queue->first;
		if (req->state != REQUEST_FREE)
			return NULL;
	}
	list_add_tail(&queue->busy_requests, &req->node);
	queue->busy++;
	req->state = REQUEST_PARSING;
	req->iov_count = 0;
	req->consumes = false;
	req->aborted = false;
	req->abandoned = false;
	req->revoked = false;
	req->error_location = REQUEST_NO_LOCATION;
	req->data = NULL;
	req->data_length = 0;
	req->progress = 0;
	req->aborter = NULL;
	req->command = NULL;
	req->view_ns = NULL;
	req->block_shift = 0;
	req->cqe.result = le64_of(0);
	req->cqe.sqhd = le16_of(0);
	return req;
}

struct nvme_status refuse(struct request *req, uint16_t sc, size_t sqe_offset)
{
	req->error_location = (uint16_t)sqe_offset;
	return nvme_status_dnr(sc);
}

void request_fail_field(struct request *req, uint16_t sc, size_t sqe_offset)
{
	request_complete(req, refuse(req, sc, sqe_offset));
}

/*
 * PSDT: a transfer over fabrics is described by SGLs, and 11b is a reserved value (Base 2.1,
 * 4.1.1). 10b has an SGL for metadata too, which no namespace has; the data's SGL is the same.
 */
static bool describes_sgl(const struct request *req)
{
	uint8_t psdt = req->sqe.flags & NVME_SQE_PSDT_MASK;

	return psdt == NVME_SQE_PSDT_SGL || psdt == NVME_SQE_PSDT_SGL_META;
}

/*
 * Checks that the SGL has the length of the command's transfer and a form that the transport
 * supports. (Base 2.1, 4.3.2 and the status codes of 4.2.3.1; NVMe/TCP 1.1, 3.3.2)
 */
static struct nvme_status check_sgl(struct request *req, uint32_t capsule_length)
{
	const struct nvme_sgl *sgl = &req->sqe.sgl;
	const size_t type_at = offsetof(struct nvme_sqe, sgl.type);
	const size_t length_at = offsetof(struct nvme_sqe, sgl.length);
	uint32_t forms;

	/* DPTR is reserved for a command that transfers nothing */
	if (!req->data_length)
		return capsule_length ? refuse(req, NVME_SC_SGL_INVALID_DATA, length_at) :
					NVME_SUCCESS;
	if (!describes_sgl(req))
		return refuse(req, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, flags));
	forms = req->queue->ops->traits->sgls;
	if (sgl->type == NVME_SGL_TRANSPORT_SGL && forms & NVME_SGLS_TRANSPORT) {
		if (capsule_length)
			return refuse(req, NVME_SC_SGL_INVALID_DATA, length_at);
	} else if (sgl->type == NVME_SGL_IN_CAPSULE && forms & NVME_SGLS_OFFSET) {
		if (nvme_sqe_dir(&req->sqe) != NVME_DATA_TO_CTRL)
			return refuse(req, NVME_SC_SGL_INVALID_TYPE, type_at);
		if (le64_get(sgl->addr))
			return refuse(req, NVME_SC_SGL_INVALID_OFFSET,
				      offsetof(struct nvme_sqe, sgl.addr));
		if (le32_get(sgl->length) != capsule_length)
			return refuse(req, NVME_SC_SGL_INVALID_DATA, length_at);
	} else {
		return refuse(req, NVME_SC_SGL_INVALID_TYPE, type_at);
	}
	if (le32_get(sgl->length) != req->data_length)
		return refuse(req, NVME_SC_SGL_INVALID_DATA, length_at);
	return NVME_SUCCESS;
}

void request_execute(struct request *req)
{
	req->state = REQUEST_EXECUTING;
	req->execute(req);
}

static struct nvme_status parse_all(struct request *req, uint32_t capsule_length)
{
	struct nvme_status status = command_parse(req);

	return nvme_status_ok(status) ? check_sgl(req, capsule_length) : status;
}

static void reply_again(struct request *req);

/* An admin command that answers with data gets its buffer before it executes. */
static void execute_reply(struct request *req)
{
	if (request_take_buffer(req, reply_again))
		request_execute(req);
}

/* The request has waited, and the view may have changed: parses it anew. */
static void reply_again(struct request *req)
{
	struct nvme_status status = parse_all(req, 0);

	if (nvme_status_ok(status))
		execute_reply(req);
	else
		request_complete(req, status);
}

/* In-capsule data is valid only during this call: a command that uses it later gets a copy. */
static void start_in_capsule(struct request *req, const uint8_t *data)
{
	if (data == req->hold.buffer || req->consumes) {
		req->data = (uint8_t *)(uintptr_t)data;
	} else {
		/* in-capsule data cannot wait for a buffer: the host retries the command */
		if (!request_try_buffer(req, req->data_length)) {
			request_complete(req, nvme_status(NVME_SC_TRANSIENT_TRANSPORT));
			return;
		}
		req->data = req->hold.buffer;
		memcpy(req->data, data, req->data_length);
	}
	request_execute(req);
}

void request_start(struct request *req, const uint8_t *data, uint32_t length)
{
	bool from_host = nvme_sqe_dir(&req->sqe) == NVME_DATA_TO_CTRL;
	struct queue *queue = req->queue;
	struct nvme_status status;

	if (queue->phase >= QUEUE_DRAINING) {
		request_release(req);
		return;
	}
	counter_add(&queue->counters.commands, 1);
	if (queue->ctrl && !atomic_load_explicit(&queue->ctrl->traffic, memory_order_relaxed))
		atomic_store_explicit(&queue->ctrl->traffic, true, memory_order_relaxed);
	status = parse_all(req, length);
	if (!nvme_status_ok(status))
		request_complete(req, status);
	else if (!req->data_length || (queue->qid && !from_host))
		request_execute(req);
	else if (!from_host)
		execute_reply(req);
	else if (length)
		start_in_capsule(req, data);
	else
		request_fetch(req);
}

void request_received(struct request *req, struct nvme_status status)
{
	request_fetched(req);
	if (req->aborted)
		status = nvme_status(NVME_SC_ABORT_REQ);
	if (nvme_status_ok(status))
		request_execute(req);
	else
		request_complete(req, status);
}

/* True if the payload is memory that the backend lent: its pin stays until it has been sent. */
static bool sends_lent_memory(const struct request *req)
{
	return req->iov_count && !req->hold.buffer;
}

static void log_failure(struct request *req)
{
	struct queue *queue = req->queue;
	struct target *target = queue->reactor->target;

	counter_add(&queue->counters.errors, 1);
	if (!queue->ctrl)
		return;
	pthread_mutex_lock(&target->lock);
	controller_log_error(queue->ctrl, req);
	pthread_mutex_unlock(&target->lock);
}

void request_complete(struct request *req, struct nvme_status status)
{
	struct queue *queue = req->queue;
	struct request *aborter = req->aborter;

	req->aborter = NULL;
	req->cqe.cid = req->sqe.cid;
	req->cqe.sqid = le16_of(queue->qid);
	nvme_cqe_set_status(&req->cqe, status);
	if (req->block_shift)
		req->command->lent_ended(req);
	if (!nvme_status_ok(status)) {
		req->iov_count = 0;
		log_failure(req);
	}
	if (req->hold.pin && !sends_lent_memory(req)) {
		namespace_unpin(req->hold.pin, queue->reactor->index);
		req->hold.pin = NULL;
	}
	if (queue->flow_control) {
		queue->sqhd = (uint16_t)((queue->sqhd + 1u) % queue->size);
		req->cqe.sqhd = le16_of(queue->sqhd);
	}
	req->state = REQUEST_RESPONDING;
	if (queue->phase == QUEUE_CLOSED)
		request_release(req);
	else
		queue->ops->respond(req);
	if (aborter)
		abort_finished(aborter);
}

void request_reply(struct request *req, const void *bytes, size_t size, uint64_t offset)
{
	uint32_t length = req->data_length;

	if (length) {
		memset(req->data, 0, length);
		if (offset < size)
			memcpy(req->data, (const uint8_t *)bytes + offset,
			       size - offset < length ? size - offset : length);
		request_send_buffer(req);
	}
	request_complete(req, NVME_SUCCESS);
}

struct request_hold request_take_hold(struct request *req)
{
	struct request_hold hold = req->hold;

	req->hold = (struct request_hold){ 0 };
	return hold;
}

void request_release(struct request *req)
{
	struct queue *queue = req->queue;
	struct request *aborter = req->aborter;

	if (!list_empty(&req->wait))
		request_leave_line(req);
	if (req->block_shift)
		req->command->lent_ended(req);
	request_drop_hold(queue, &req->hold);
	req->state = REQUEST_FREE;
	req->aborter = NULL;
	list_del(&req->node);
	if (req != &queue->first)
		list_add_head(&queue->free_requests, &req->node);
	queue->busy--;
	if (aborter)
		abort_finished(aborter);
	if (queue->phase == QUEUE_CLOSED)
		queue_try_release(queue);
}

bool request_abandon(struct request *req)
{
	struct queue *queue = req->queue;
	struct request *answer;

	if (!req->hold.pin || queue->size + queue->abandoned >= queue->request_count)
		return false;
	req->abandoned = true;
	queue->abandoned++;
	answer = request_take(queue);
	assert(answer); /* a spare is free, and abandoned requests do not count */
	answer->sqe = req->sqe;
	answer->command = req->command;
	memcpy(answer->transport, req->transport, sizeof(answer->transport));
	request_complete(answer, nvme_status(NVME_SC_ABORT_REQ));
	return true;
}

void request_let_go(struct request *req)
{
	req->queue->abandoned--;
	request_release(req);
}
