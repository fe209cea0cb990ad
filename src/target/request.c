/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a request: from the capsule to its completion. */
#include "target/request.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "loop/buffer.h"
#include "target/commands.h"
#include "target/controller.h"
#include "target/namespace.h"
#include "target/queue.h"
#include "target/reactor.h"
#include "target/target.h"
#include "target/transport.h"
#include "target/view.h"

struct request *request_take(struct queue *queue)
{
	struct request *req;
	struct list *node;

	if (queue->live) {
		/* the spares are for the backends: the host has no more than the queue's size */
		if (queue->busy - queue->abandoned >= queue->size)
			return NULL;
		node = list_pop(&queue->free_requests);
		if (!node)
			return NULL;
		req = list_entry(node, struct request, node);
	} else {
		req = &queue->first;
		if (req->state != REQUEST_FREE)
			return NULL;
	}
	list_add_tail(&queue->busy_requests, &req->node);
	queue->busy++;
	req->state = REQUEST_PARSING;
	req->send_data = false;
	req->consumes = false;
	req->aborted = false;
	req->abandoned = false;
	req->revoked = false;
	req->status_kind = NVME_STATUS_KIND_ADMIN;
	req->error_location = REQUEST_NO_LOCATION;
	req->data = NULL;
	req->data_length = 0;
	req->progress = 0;
	req->aborter = NULL;
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

static struct nvme_status parse(struct request *req)
{
	struct queue *queue = req->queue;

	if ((req->sqe.flags & NVME_SQE_PSDT_MASK) != NVME_SQE_PSDT_SGL ||
	    (req->sqe.flags & NVME_SQE_FUSE_MASK))
		return refuse(req, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, flags));
	if (req->sqe.opcode == NVME_ADMIN_FABRICS)
		return fabrics_parse(req);
	if (!queue->live)
		return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
	if (queue->qid)
		return nvm_parse(req);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): live queues have a controller */
	return queue->ctrl->discovery ? discovery_parse(req) : admin_parse(req);
}

/* Does the SGL describe what the command transfers, where it may lie? (NVMe/TCP 1.1, 3.2.1) */
static struct nvme_status check_sgl(struct request *req, uint32_t capsule_length)
{
	const struct nvme_sgl *sgl = &req->sqe.sgl;
	const size_t type_at = offsetof(struct nvme_sqe, sgl.type);
	const size_t length_at = offsetof(struct nvme_sqe, sgl.length);

	switch (sgl->type) {
	case NVME_SGL_TRANSPORT_SGL:
		if (capsule_length)
			return refuse(req, NVME_SC_SGL_INVALID_DATA, length_at);
		break;
	case NVME_SGL_IN_CAPSULE:
		if (req->data_length && nvme_sqe_dir(&req->sqe) != NVME_DATA_TO_CTRL)
			return refuse(req, NVME_SC_SGL_INVALID_TYPE, type_at);
		if (le64_get(sgl->addr))
			return refuse(req, NVME_SC_SGL_INVALID_OFFSET,
				      offsetof(struct nvme_sqe, sgl.addr));
		if (le32_get(sgl->length) != capsule_length)
			return refuse(req, NVME_SC_SGL_INVALID_DATA, length_at);
		break;
	default:
		return refuse(req, NVME_SC_SGL_INVALID_TYPE, type_at);
	}
	if (le32_get(sgl->length) != req->data_length)
		return refuse(req, NVME_SC_SGL_INVALID_DATA, length_at);
	return NVME_SUCCESS;
}

/* The namespace of an I/O command, as the view has it now; NULL: it is none, or there is none. */
static struct namespace *namespace_of(const struct request *req)
{
	const struct view_namespace *view_ns = req->view_ns;
	const struct queue *queue = req->queue;

	if (!view_ns && queue->qid && queue->subsystem)
		view_ns = view_namespace(queue->subsystem, le32_get(req->sqe.nsid));
	return view_ns ? view_ns->ns : NULL;
}

/* Has its host, or its namespace, as much of the I/O buffers as it may? */
static bool host_full(const struct request *req)
{
	return req->queue->share && !limits_share_has(req->queue->share, req->data_length);
}

/* Does its host hold so little, with this, that others are no reason to keep it waiting? */
static bool host_modest(const struct request *req)
{
	const struct limits_share *share = req->queue->share;
	size_t limit = req->queue->reactor->target->buffer_limit;

	return share && share->bytes + req->data_length <= limit / LIMITS_LITTLE_SHARE;
}

/* Is that so little of a namespace that a host's other disks, which may hang, are no reason? */
static bool little(const struct reactor *reactor, uint64_t held, uint32_t more)
{
	return !held || held + more <= reactor->target->buffer_limit / LIMITS_LITTLE_SHARE;
}

static bool namespace_modest(const struct request *req, const struct namespace *ns)
{
	struct limits_share *share = req->queue->share;

	return ns && share &&
	       little(req->queue->reactor, share->disks[limits_share_disk(share, ns)].bytes,
		      req->data_length);
}

static bool namespace_full(const struct request *req, const struct namespace *ns)
{
	return ns && !host_modest(req) &&
	       !namespace_may_buffer(ns, req->queue->reactor->index, req->data_length);
}

/* Is what is left kept for others? */
static bool reserved(const struct request *req, const struct namespace *ns)
{
	const struct reactor *reactor = req->queue->reactor;
	size_t limit = reactor->target->buffer_limit, kept = limit / LIMITS_RESERVE_SHARE;
	size_t wanted = loop_buffer_in_use(reactor->loop) + req->data_length;

	if (wanted <= limit - kept)
		return false;
	if (host_modest(req))
		kept /= 2;
	else if (namespace_modest(req, ns))
		kept -= kept / 4;
	return wanted > limit - kept;
}

/* Takes a buffer out of what is free, which counts for the namespace and the host. */
static bool try_buffer(struct request *req, struct namespace *ns)
{
	struct reactor *reactor = req->queue->reactor;
	struct limits_share *share = req->queue->share;

	req->hold.buffer = loop_buffer_get(reactor->loop, req->data_length);
	if (!req->hold.buffer)
		return false;
	req->hold.buffer_size = req->data_length;
	req->hold.charged = ns;
	if (ns)
		namespace_count_buffer(ns, reactor->index, req->data_length);
	req->hold.shared = share != NULL;
	if (!share)
		return true;
	share->bytes += req->data_length;
	req->hold.disk = ns ? limits_share_disk(share, ns) : 0;
	share->disks[req->hold.disk].bytes += req->data_length;
	return true;
}

/* A bit that few other namespaces have. */
static uint64_t namespace_bit(const struct namespace *ns)
{
	return UINT64_C(1) << ((uintptr_t)ns * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}

/*
 * A buffer of this namespace came back: what waits for its host to hold less, but is of
 * this namespace, tries again as far as the host holds little of that by now. What hangs may
 * keep the others for long, so they are only looked through where one may be of this one.
 */
static void wake_modest(struct reactor *reactor, struct limits_share *share,
			const struct namespace *ns)
{
	uint64_t held;

	if (!(share->waiting & namespace_bit(ns)))
		return;
	held = share->disks[limits_share_disk(share, ns)].bytes;
	share->waiting = 0;
	list_for_each_safe(node, &share->waiters) {
		struct request *req = list_entry(node, struct request, wait);
		const struct namespace *its = namespace_of(req);

		if (its == ns && little(reactor, held, req->data_length)) {
			held += req->data_length;
			list_del(node);
			list_add_tail(&reactor->buffer_waiters, node);
			loop_buffer_wait(reactor->loop, &reactor->buffer_task);
		} else {
			share->waiting |= namespace_bit(its);
		}
	}
}

/* Gives the request an I/O buffer, or puts it in the line for one: resume() is called then. */
static bool take_buffer(struct request *req, void (*resume)(struct request *))
{
	struct reactor *reactor = req->queue->reactor;
	struct namespace *ns = req->hold.buffer ? NULL : namespace_of(req);
	bool host_waits = !req->hold.buffer && host_full(req) && !namespace_modest(req, ns);

	req->over_share = host_waits || namespace_full(req, ns) || reserved(req, ns);
	if (req->hold.buffer || (!req->over_share && try_buffer(req, ns))) {
		req->data = req->hold.buffer;
		return true;
	}
	req->state = REQUEST_PARSING;
	req->view_ns = NULL;
	req->resume = resume;
	if (host_waits) {
		/* for its own: nobody else has to look at it */
		list_add_tail(&req->queue->share->waiters, &req->wait);
		req->queue->share->waiting |= namespace_bit(ns);
		return false;
	}
	list_add_tail(&reactor->buffer_waiters, &req->wait);
	loop_buffer_wait(reactor->loop, &reactor->buffer_task);
	return false;
}

static void execute(struct request *req)
{
	req->state = REQUEST_EXECUTING;
	req->execute(req);
}

static void fetch(struct request *req)
{
	if (!nvm_lend_write(req) && !take_buffer(req, fetch))
		return;
	req->view_ns = NULL;
	req->state = REQUEST_FETCHING;
	req->submitted = loop_now(req->queue->reactor->loop);
	req->queue->ops->fetch(req);
}

bool request_read_buffer(struct request *req)
{
	return take_buffer(req, execute);
}

/* The data came with the capsule. What executes later needs a copy: `data` is only lent. */
static void start_in_capsule(struct request *req, const uint8_t *data)
{
	if (data == req->hold.buffer || req->consumes) {
		req->data = (uint8_t *)(uintptr_t)data;
	} else {
		struct namespace *ns = namespace_of(req);

		/* there is no place to wait at: the host tries again */
		if (namespace_full(req, ns) || !try_buffer(req, ns)) {
			request_complete(req, nvme_status(NVME_SC_TRANSIENT_TRANSPORT));
			return;
		}
		req->data = req->hold.buffer;
		memcpy(req->data, data, req->data_length);
	}
	execute(req);
}

void request_start(struct request *req, const uint8_t *data, uint32_t length)
{
	struct queue *queue = req->queue;
	struct nvme_status status;

	if (queue->draining || queue->closing) {
		request_release(req);
		return;
	}
	counter_add(&queue->counters.commands, 1);
	if (queue->ctrl && !atomic_load_explicit(&queue->ctrl->traffic, memory_order_relaxed))
		atomic_store_explicit(&queue->ctrl->traffic, true, memory_order_relaxed);
	status = parse(req);
	if (nvme_status_ok(status))
		status = check_sgl(req, length);
	if (!nvme_status_ok(status))
		request_complete(req, status);
	else if (!req->data_length || nvme_sqe_dir(&req->sqe) != NVME_DATA_TO_CTRL)
		execute(req);
	else if (length)
		start_in_capsule(req, data);
	else
		fetch(req);
}

void request_received(struct request *req, struct nvme_status status)
{
	if (req->aborted)
		status = nvme_status(NVME_SC_ABORT_REQ);
	if (nvme_status_ok(status))
		execute(req);
	else
		request_complete(req, status);
}

/* Memory that the backend lent is pinned until it has been sent; what was copied is not. */
static bool lent(const struct request *req)
{
	return req->send_data && !req->hold.buffer;
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
	if (!nvme_status_ok(status)) {
		req->send_data = false;
		log_failure(req);
	}
	if (req->hold.pin && !lent(req)) {
		namespace_unpin(req->hold.pin, queue->reactor->index);
		req->hold.pin = NULL;
	}
	if (queue->live && queue->flow_control) {
		queue->sqhd = (uint16_t)((queue->sqhd + 1u) % queue->size);
		req->cqe.sqhd = le16_of(queue->sqhd);
	}
	req->state = REQUEST_RESPONDING;
	if (queue->closed)
		request_release(req);
	else
		queue->ops->respond(req);
	if (aborter)
		abort_finished(aborter);
}

bool request_buffer(struct request *req, uint32_t length)
{
	req->hold.buffer = loop_buffer_get(req->queue->reactor->loop, length);
	if (!req->hold.buffer) {
		request_complete(req, nvme_status(NVME_SC_INTERNAL));
		return false;
	}
	req->hold.buffer_size = length;
	req->data = req->hold.buffer;
	req->data_length = length;
	memset(req->data, 0, length);
	return true;
}

void request_reply(struct request *req, const void *bytes, size_t size, uint64_t offset)
{
	uint32_t length = req->data_length;

	if (length) {
		if (!request_buffer(req, length))
			return;
		if (offset < size)
			memcpy(req->data, (const uint8_t *)bytes + offset,
			       size - offset < length ? size - offset : length);
		req->send_data = true;
	}
	request_complete(req, NVME_SUCCESS);
}

struct request_hold request_take_hold(struct request *req)
{
	struct request_hold hold = req->hold;

	req->hold = (struct request_hold){ 0 };
	return hold;
}

void request_drop_hold(struct queue *queue, struct request_hold *hold)
{
	struct reactor *reactor = queue->reactor;
	struct request_hold gone = *hold;

	*hold = (struct request_hold){ 0 };
	if (gone.shared) {
		queue->share->disks[gone.disk].bytes -= gone.buffer_size;
		limits_share_return(queue->share, reactor, gone.buffer_size);
	}
	if (gone.shared && gone.charged)
		wake_modest(reactor, queue->share, gone.charged);
	/* a namespace that is closed may be gone once it holds no buffer */
	if (gone.charged)
		namespace_count_buffer(gone.charged, reactor->index, -(int64_t)gone.buffer_size);
	if (gone.buffer)
		loop_buffer_put(reactor->loop, gone.buffer, gone.buffer_size);
	if (gone.pin)
		namespace_unpin(gone.pin, reactor->index);
}

void request_release(struct request *req)
{
	struct queue *queue = req->queue;
	struct request *aborter = req->aborter;

	request_drop_hold(queue, &req->hold);
	req->state = REQUEST_FREE;
	req->aborter = NULL;
	list_del(&req->wait);
	list_del(&req->node);
	if (req != &queue->first)
		list_add_head(&queue->free_requests, &req->node);
	queue->busy--;
	if (aborter)
		abort_finished(aborter);
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
	assert(answer); /* there is a spare, and one less counts for the queue's size */
	answer->sqe = req->sqe;
	answer->status_kind = req->status_kind;
	memcpy(answer->transport, req->transport, sizeof(answer->transport));
	request_complete(answer, nvme_status(NVME_SC_ABORT_REQ));
	return true;
}

void request_let_go(struct request *req)
{
	req->queue->abandoned--;
	request_release(req);
}

/* Buffers came back: those who wait try again, in their order. */
void request_buffers_returned(struct loop_task *task)
{
	struct reactor *reactor = container_of(task, struct reactor, buffer_task);
	struct list waiters;
	struct list *node;

	list_init(&waiters);
	list_splice_tail(&waiters, &reactor->buffer_waiters);
	while ((node = list_pop(&waiters))) {
		struct request *req = list_entry(node, struct request, wait);

		req->resume(req);
		/* it is in line again: so are those behind it, unless it is only its share that
		 * is used up, or the rest kept for others */
		if (!list_empty(&req->wait) && !req->over_share)
			break;
	}
	list_splice_tail(&reactor->buffer_waiters, &waiters);
}
