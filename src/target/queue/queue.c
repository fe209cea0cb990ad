/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue pair from the connection's start to its end. */
#include "target/queue/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "loop/loop.h"
#include "target/base/reactor.h"
#include "target/base/target.h"
#include "target/model/view.h"
#include "target/queue/command.h"
#include "target/queue/controller.h"
#include "target/queue/transport.h"

static struct nvme_status admit_none(const struct request *req)
{
	return nvme_status_dnr(NVME_SC_CMD_SEQ_ERROR);
}

/* Connect comes first (Base 2.1, 6.3). */
const struct command_set unconnected_commands = {
	.name = "before Connect", .on = ON_NEW, .admit = admit_none,
};

static void request_setup(struct request *req, struct queue *queue, uint16_t index)
{
	req->queue = queue;
	req->index = index;
	req->state = REQUEST_FREE;
	req->line = REQUEST_NO_LINE;
	list_init(&req->node);
	list_init(&req->wait);
}

void queue_init(struct queue *queue, struct reactor *reactor, const struct transport_ops *ops,
		uint16_t portid)
{
	memset(queue, 0, sizeof(*queue));
	queue->reactor = reactor;
	queue->ops = ops;
	queue->portid = portid;
	queue->commands = &unconnected_commands;
	queue->port = reactor->view ? view_find_port(reactor->view, portid) : NULL;
	list_init(&queue->free_requests);
	list_init(&queue->busy_requests);
	buffer_line_init(&queue->replies);
	list_init(&queue->fetches);
	request_setup(&queue->first, queue, 0);
	list_add_tail(&reactor->queues, &queue->node);
}

void queue_enter(struct queue *queue, enum queue_phase phase)
{
	if (queue->phase < phase)
		queue->phase = (uint8_t)phase;
}

static uint16_t request_count(uint16_t size)
{
	/* the largest I/O queue has no spares, so that an index fits the TTAG */
	if (size <= QUEUE_SIZE_MAX && size + QUEUE_SPARES > QUEUE_SIZE_MAX)
		return QUEUE_SIZE_MAX;
	return size + QUEUE_SPARES;
}

uint64_t queue_memory(uint16_t size)
{
	return request_count(size) * sizeof(struct request);
}

int queue_install(struct queue *queue, uint16_t size, const struct command_set *commands)
{
	uint16_t count = request_count(size);

	queue->requests = calloc(count, sizeof(*queue->requests));
	if (!queue->requests)
		return -ENOMEM;
	queue->size = size;
	queue->request_count = count;
	queue->connected = (uint64_t)time(NULL);
	queue->uptime_start = loop_now(queue->reactor->loop);
	queue->commands = commands;
	queue_enter(queue, QUEUE_LIVE);
	return 0;
}

void queue_set_view(struct queue *queue, const struct view_subsystem *subsystem,
		    const struct view_host *host)
{
	queue->subsystem = subsystem;
	queue->host = host;
	queue->by_nsid = subsystem ? subsystem->by_nsid : NULL;
	queue->by_nsid_count = subsystem ? subsystem->by_nsid_count : 0;
}

struct request *queue_next_request(struct queue *queue)
{
	uint16_t index = queue->requests_used;

	if (index == queue->request_count)
		return NULL;
	queue->requests_used++;
	request_setup(&queue->requests[index], queue, index);
	return &queue->requests[index];
}

uint32_t queue_capsule_data_max(const struct queue *queue)
{
	uint32_t configured = queue->port ? queue->port->settings.inline_data_size : 0;
	uint32_t any = queue->ops->traits->capsule_data;

	return queue->qid && configured > any ? configured : any;
}

void queue_disconnect(struct queue *queue)
{
	if (queue->phase >= QUEUE_CLOSING)
		return;
	queue_enter(queue, QUEUE_CLOSING);
	queue->ops->disconnect(queue);
}

void queue_closed(struct queue *queue)
{
	struct list *node;

	queue_enter(queue, QUEUE_CLOSED);
	limits_closed(queue->reactor->target, &queue->place);
	queue->busy++;	/* the queue must not be released in this loop */
	node = queue->busy_requests.next;
	while (node != &queue->busy_requests) {
		struct request *req = list_entry(node, struct request, node);

		node = node->next;
		if (req->state == REQUEST_EXECUTING)
			continue;
		request_release(req);
		/* its Abort may have ended too, so the next node may be gone: start again */
		node = queue->busy_requests.next;
	}
	if (queue->ctrl)
		controller_queue_gone(queue->ctrl, queue);
	queue->busy--;
	queue_try_release(queue);
}

void queue_try_release(struct queue *queue)
{
	struct controller *ctrl = queue->ctrl;

	if (queue->phase != QUEUE_CLOSED || queue->busy)
		return;
	list_del(&queue->node);
	free(queue->requests);
	queue->requests = NULL;
	queue->ctrl = NULL;
	queue->share = NULL;
	limits_release(queue->reactor->target, &queue->place);
	queue->ops->release(queue);
	if (ctrl)
		controller_unref(ctrl);
}
