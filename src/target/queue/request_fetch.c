/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks hosts for the data of commands: in which order, and how much at a time. */
#include "target/base/reactor.h"
#include "target/queue/command.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"
#include "target/queue/transport.h"

/*
 * The most bytes of a queue that are asked for at a time into I/O buffers. This is more than a
 * network has in flight, and little enough to stay in the processor's cache on both ends. Data for
 * lent memory leaves the socket at once and is not counted. More is asked for when half has come,
 * because a host that sends in small pieces is slower.
 */
#define FETCH_WINDOW (2u * 1024 * 1024)

/* Has the transport fetch the data of a request that has memory for it. */
static void start_fetch(struct request *req)
{
	req->view_ns = NULL;
	req->state = REQUEST_FETCHING;
	req->submitted = loop_now(req->queue->reactor->loop);
	req->queue->ops->fetch(req);
}

/* True if the data fits the window. Data larger than the window is fetched alone. */
static bool has_room(const struct request *req)
{
	uint32_t fetching = req->queue->fetching;

	return !fetching || fetching + req->data_length <= FETCH_WINDOW;
}

/*
 * A request that waits for a buffer does not count in the window, because others of its queue may
 * get buffers. Once it has a buffer it does not wait for the window again.
 */
static void fetch_buffered(struct request *req)
{
	if (!request_take_buffer(req, fetch_buffered))
		return;
	req->queue->fetching += req->data_length;
	start_fetch(req);
}

void request_fetch(struct request *req)
{
	struct queue *queue = req->queue;

	if (req->command->lend && req->command->lend(req)) {
		start_fetch(req);
	} else if (list_empty(&queue->fetches) && has_room(req)) {
		fetch_buffered(req);
	} else {
		req->view_ns = NULL;
		list_add_tail(&queue->fetches, &req->wait);
	}
}

void request_fetched(struct request *req)
{
	struct queue *queue = req->queue;

	if (req->block_shift)
		return; /* data for lent memory is not counted */
	queue->fetching -= req->data_length;
	if (queue->fetching > FETCH_WINDOW / 2)
		return;
	while (!list_empty(&queue->fetches) && queue->phase < QUEUE_CLOSING) {
		struct request *next = list_entry(queue->fetches.next, struct request, wait);

		if (!has_room(next))
			return;
		list_del(&next->wait);
		fetch_buffered(next);
	}
}
