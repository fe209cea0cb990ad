/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Abort (Base 2.1, 5.1.1). An Asynchronous Event Request, and a command that waits for a
 * buffer, end at once. A command whose data is on its way ends when the data has come.
 * The Abort completes after the command. A command that a backend executes cannot be
 * stopped: the host is answered, and the backend keeps the request and its buffer until
 * the I/O is done (request_abandon()).
 *
 * The command is searched on the reactor of its queue. A message carries the Abort there
 * and back.
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
static void abort_in_queue(struct queue *queue, struct request *abort)
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
		/* it waits for a buffer, unless its capsule is still being received */
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
		req->aborter = abort; /* abort_finished() completes it */
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

/* The command's queue if it is on this reactor; else NULL, and *ret_reactor is its reactor. */
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
	/* only its own reactor removes a queue, so the pointer stays valid here */
	return *ret_reactor == reactor_current() ? queue : NULL;
}

/* On the reactor on which the queue was found; it may have ended since. */
static void abort_message(struct loop_message *message)
{
	struct request *abort = container_of(message, struct request, remote);
	struct reactor *reactor;
	struct queue *queue = find_queue(abort, &reactor);

	if (queue)
		abort_in_queue(queue, abort);
	else
		not_aborted(abort);
}

static void execute_abort(struct request *abort)
{
	struct reactor *reactor;
	struct queue *queue = find_queue(abort, &reactor);

	abort->queue->ctrl->abort_count++;
	if (queue) {
		abort_in_queue(queue, abort);
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
