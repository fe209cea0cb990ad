/* SPDX-License-Identifier: BSD-3-Clause */
/* Data from the host by R2T: of whose commands it is asked for, and when. */
#include "target/base/reactor.h"
#include "target/queue/command.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"
#include "target/queue/transport.h"

/*
 * Of each queue, bytes that are asked for at a time and come into I/O buffers: more than a network
 * holds on its way, and little enough to be in the processor's cache when it is worked on, on both
 * ends. What goes straight into lent memory leaves the sockets as it comes: that is not counted.
 * More is asked for when half of it has come: a host that sends piece by piece is slower.
 */
#define FETCH_WINDOW (2u * 1024 * 1024)

/* Its data has a place now. */
static void start_fetch(struct request *req)
{
	req->view_ns = NULL;
	req->state = REQUEST_FETCHING;
	req->submitted = loop_now(req->queue->reactor->loop);
	req->queue->ops->fetch(req);
}

/* Is there room for its data in what may be on its way? A large one comes alone. */
static bool has_room(const struct request *req)
{
	uint32_t fetching = req->queue->fetching;

	return !fetching || fetching + req->data_length <= FETCH_WINDOW;
}

/*
 * One that waits for a buffer is not counted: others of its queue may have some. When it is its
 * turn it does not wait again.
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
		return; /* its data went into lent memory */
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
