/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Abort (Base 2.1, 5.1.1). What waits is ended: an Asynchronous Event Request
 * and a command that has no buffer yet at once, one whose data is on its way as
 * soon as that has come; the Abort completes after it. What a backend executes
 * cannot be taken back: the host is answered, and the backend keeps the request
 * and its buffer until it lets go (request_abandon()).
 *
 * The command is looked for on the reactor that its queue lives on: the Abort
 * goes there as a message, and comes back as one to be completed.
 */
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/commands/admin.h"
#include "target/queue/controller.h"
#include "target/queue/queue.h"

/* On the Abort's own reactor. */
static void complete(struct request *abort)
{
	abort->queue->ctrl->abort_count--;
	request_complete(abort, NVME_SUCCESS);
}

static void complete_message(struct loop_message *message)
{
	complete(container_of(message, struct request, remote));
}

void abort_finished(struct request *abort)
{
	struct reactor *home = abort->queue->reactor;

	if (reactor_current() == home) {
		complete(abort);
		return;
	}
	abort->remote.run = complete_message;
	loop_post(home->loop, &abort->remote);
}

static void not_aborted(struct request *abort)
{
	abort->cqe.dw0 = le32_of(NVME_ABORT_NOT_ABORTED);
	abort_finished(abort);
}

static uint16_t target_sqid(const struct request *abort)
{
	return (uint16_t)le32_get(abort->sqe.cdw10);
}

static struct request *find_command(const struct queue *queue, const struct request *abort)
{
	uint16_t cid = (uint16_t)(le32_get(abort->sqe.cdw10) >> 16);

	list_for_each(node, &queue->busy_requests) {
		struct request *req = list_entry(node, struct request, node);

		if (req != abort && req->state != REQUEST_RESPONDING && !req->abandoned &&
		    le16_get(req->sqe.cid) == cid)
			return req;
	}
	return NULL;
}

/* On the reactor of the queue. */
static void abort_on(struct queue *queue, struct request *abort)
{
	struct request *req = find_command(queue, abort);

	if (!req) {
		not_aborted(abort);
		return;
	}
	switch (req->state) {
	case REQUEST_HELD:
		events_forget_request(req);
		request_complete(req, nvme_status(NVME_SC_ABORT_REQ));
		abort_finished(abort);
		return;
	case REQUEST_PARSING:
		/* only one that waits for a buffer: the other's capsule is still coming in */
		if (list_empty(&req->wait))
			break;
		request_leave_line(req);
		request_complete(req, nvme_status(NVME_SC_ABORT_REQ));
		abort_finished(abort);
		return;
	case REQUEST_FETCHING:
		if (req->aborter)
			break;
		req->aborted = true;
		req->aborter = abort; /* goes on in abort_finished() */
		return;
	case REQUEST_EXECUTING:
		if (!request_abandon(req))
			break;
		abort_finished(abort);
		return;
	default:
		break;
	}
	not_aborted(abort);
}

/* The queue of the command where it lives on this reactor, else NULL and *ret_reactor is where. */
static struct queue *find_queue(const struct request *abort, struct reactor **ret_reactor)
{
	struct controller *ctrl = abort->queue->ctrl;
	struct target *target = ctrl->reactor->target;
	uint16_t sqid = target_sqid(abort);
	struct queue *queue;

	*ret_reactor = NULL;
	if (sqid == 0)
		return abort->queue;
	if (sqid > CONTROLLER_QUEUES_MAX)
		return NULL;
	pthread_mutex_lock(&target->lock);
	queue = ctrl->io[sqid];
	if (queue)
		*ret_reactor = queue->reactor;
	pthread_mutex_unlock(&target->lock);
	/* only its own reactor takes it away, so here it stays */
	return *ret_reactor == reactor_current() ? queue : NULL;
}

/* On the reactor where the queue was found: it may have gone since. */
static void abort_message(struct loop_message *message)
{
	struct request *abort = container_of(message, struct request, remote);
	struct reactor *reactor;
	struct queue *queue = find_queue(abort, &reactor);

	if (queue)
		abort_on(queue, abort);
	else
		not_aborted(abort);
}

static void execute_abort(struct request *abort)
{
	struct reactor *reactor;
	struct queue *queue = find_queue(abort, &reactor);

	abort->queue->ctrl->abort_count++;
	if (queue) {
		abort_on(queue, abort);
	} else if (reactor) {
		abort->remote.run = abort_message;
		loop_post(reactor->loop, &abort->remote);
	} else {
		not_aborted(abort);
	}
}

struct nvme_status abort_parse(struct request *req)
{
	if (req->queue->ctrl->abort_count == CONTROLLER_ABORT_MAX)
		return nvme_status_dnr(NVME_SC_ABORT_LIMIT);
	req->execute = execute_abort;
	return NVME_SUCCESS;
}
