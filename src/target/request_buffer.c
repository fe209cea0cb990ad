/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O buffers of requests: who gets one, who waits for one, and of whose commands the data is
 * asked for meanwhile. limits.c counts what hosts have, namespace.c what is of each namespace.
 */
#include "target/request.h"

#include <string.h>

#include "loop/buffer.h"
#include "target/commands.h"
#include "target/limits.h"
#include "target/namespace.h"
#include "target/queue.h"
#include "target/reactor.h"
#include "target/target.h"
#include "target/transport.h"
#include "target/view.h"

/*
 * Of each queue, bytes that are asked for at a time and come into I/O buffers: more than a network
 * holds on its way, and little enough to be in the processor's cache when it is worked on, on both
 * ends. What goes straight into lent memory leaves the sockets as it comes: that is not counted.
 * More is asked for when half of it has come: a host that sends piece by piece is slower.
 */
#define FETCH_WINDOW (2u * 1024 * 1024)

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

bool request_try_buffer(struct request *req)
{
	struct namespace *ns = namespace_of(req);

	return !namespace_full(req, ns) && try_buffer(req, ns);
}

bool request_read_buffer(struct request *req)
{
	return take_buffer(req, request_execute);
}

/* ---- data from the host ---- */

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

static void wait_for_room(struct request *req)
{
	req->view_ns = NULL;
	list_add_tail(&req->queue->fetches, &req->wait);
}

/* One that waits for a buffer is not counted: others of its queue may have some. */
static void fetch_buffered(struct request *req)
{
	if (!has_room(req)) {
		wait_for_room(req);
	} else if (take_buffer(req, fetch_buffered)) {
		req->queue->fetching += req->data_length;
		start_fetch(req);
	}
}

void request_fetch(struct request *req)
{
	if (nvm_lend_write(req))
		start_fetch(req);
	else if (list_empty(&req->queue->fetches))
		fetch_buffered(req);
	else
		wait_for_room(req);
}

void request_fetched(struct request *req)
{
	struct queue *queue = req->queue;

	if (req->block_shift)
		return; /* its data went into lent memory */
	queue->fetching -= req->data_length;
	if (queue->fetching > FETCH_WINDOW / 2)
		return;
	while (!list_empty(&queue->fetches) && !queue->closing) {
		struct request *next = list_entry(queue->fetches.next, struct request, wait);

		if (!has_room(next))
			return;
		list_del(&next->wait);
		fetch_buffered(next);
	}
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
