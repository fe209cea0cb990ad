/* SPDX-License-Identifier: BSD-3-Clause */
/* The in-process transport: a connection is memory that both sides see. */
#include "transport/inprocess.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spec/fabrics.h"
#include "spec/identify.h"
#include "target/base/reactor.h"
#include "target/queue/queue.h"
#include "target/queue/request.h"
#include "target/queue/transport.h"

struct inprocess {
	struct queue queue;
	struct transport_address local;
	/* The reactor's: */
	struct loop_task settle;	/* work that must not run within fetch() and respond() */
	struct list fetching;		/* of struct slot: the data is available */
	struct list answered;		/* of struct slot: to be released */
	bool ended;			/* queue_closed() was called */
	/* Under the lock: */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list pending;		/* of struct inprocess_command: neither DONE nor LOST */
	bool closed, released;
};

/* The transport's part of a request. */
struct slot {
	struct list node;
	struct inprocess_command *command;
	struct request *req;
};
_Static_assert(sizeof(struct slot) <= REQUEST_TRANSPORT_BYTES, "a slot fits a request");

static struct slot *slot_of(struct request *req)
{
	return (struct slot *)(void *)req->transport;
}

static struct inprocess *conn_of(const struct queue *queue)
{
	return container_of(queue, struct inprocess, queue);
}

/* ---- the reactor's side ---- */

static void settle_later(struct inprocess *conn)
{
	loop_defer(conn->queue.reactor->loop, &conn->settle);
}

static void set_state(struct inprocess *conn, struct inprocess_command *command,
		      enum inprocess_state state)
{
	pthread_mutex_lock(&conn->lock);
	command->state = state;
	if (state == INPROCESS_DONE || state == INPROCESS_LOST)
		list_del(&command->node);
	pthread_cond_broadcast(&conn->changed);
	pthread_mutex_unlock(&conn->lock);
}

static void fetch(struct request *req)
{
	struct inprocess *conn = conn_of(req->queue);
	struct slot *slot = slot_of(req);

	if (slot->command->withhold) {
		set_state(conn, slot->command, INPROCESS_ASKED);
		return;
	}
	list_add_tail(&conn->fetching, &slot->node);
	settle_later(conn);
}

/* Copies a piece of payload to the host; `received` also counts bytes that do not fit. */
static void receive(struct inprocess_command *command, const struct iovec *piece)
{
	size_t room = command->received < command->size ? command->size - command->received : 0;
	size_t fits = piece->iov_len < room ? piece->iov_len : room;

	if (fits)
		memcpy((uint8_t *)command->buffer + command->received, piece->iov_base, fits);
	command->received += (uint32_t)piece->iov_len;
}

static void respond(struct request *req)
{
	struct inprocess *conn = conn_of(req->queue);
	struct slot *slot = slot_of(req);
	struct inprocess_command *command = slot->command;

	for (unsigned int i = 0; i < req->iov_count; i++)
		receive(command, &req->iov[i]);
	command->cqe = req->cqe;
	slot->req = req;	/* a spare, if the request was abandoned */
	list_add_tail(&conn->answered, &slot->node);
	settle_later(conn);
}

static void disconnect(struct queue *queue)
{
	settle_later(conn_of(queue));
}

static void release(struct queue *queue)
{
	struct inprocess *conn = conn_of(queue);

	pthread_mutex_lock(&conn->lock);
	conn->released = true;
	pthread_cond_broadcast(&conn->changed);
	pthread_mutex_unlock(&conn->lock);
}

static void addresses(const struct queue *queue, struct transport_address *ret_local,
		      struct transport_address *ret_peer)
{
	*ret_local = conn_of(queue)->local;
	*ret_peer = conn_of(queue)->local;
}

static void digests(const struct queue *queue, bool *ret_header, bool *ret_data)
{
	*ret_header = false;
	*ret_data = false;
}

static const struct transport_traits inprocess_traits = {
	.trtype = NVMF_TRTYPE_LOOP,
	.sgls = NVME_SGLS_BYTE_ALIGNED | NVME_SGLS_OFFSET | NVME_SGLS_TRANSPORT,
	.msdbd = 1,
	.capsule_data = 8192,
};

static const struct transport_ops inprocess_ops = {
	.name = "in-process",
	.traits = &inprocess_traits,
	.fetch = fetch,
	.respond = respond,
	.disconnect = disconnect,
	.release = release,
	.addresses = addresses,
	.digests = digests,
};

static void bring_data(struct request *req, const struct inprocess_command *command)
{
	struct nvme_status status = NVME_SUCCESS;

	if (command->length == req->data_length)
		memcpy(req->data, command->data, command->length);
	else
		status = nvme_status(NVME_SC_DATA_XFER_ERROR);
	request_received(req, status);
}

static void lose_all(struct inprocess *conn)
{
	struct list *node;

	pthread_mutex_lock(&conn->lock);
	while ((node = list_pop(&conn->pending)))
		list_entry(node, struct inprocess_command, node)->state = INPROCESS_LOST;
	conn->closed = true;
	pthread_cond_broadcast(&conn->changed);
	pthread_mutex_unlock(&conn->lock);
}

static void settle(struct loop_task *task)
{
	struct inprocess *conn = container_of(task, struct inprocess, settle);
	struct list *node;

	while ((node = list_pop(&conn->answered))) {
		struct slot *slot = list_entry(node, struct slot, node);
		struct inprocess_command *command = slot->command;

		/* before the host sees the completion, so that the queue entry is free */
		request_release(slot->req);
		set_state(conn, command, INPROCESS_DONE);
	}
	while (conn->queue.phase < QUEUE_CLOSING && (node = list_pop(&conn->fetching))) {
		struct slot *slot = list_entry(node, struct slot, node);

		bring_data(slot->req, slot->command);
	}
	if (conn->queue.phase >= QUEUE_CLOSING && !conn->ended) {
		conn->ended = true;
		list_init(&conn->fetching);
		lose_all(conn);
		queue_closed(&conn->queue);
	}
}

/* ---- the host's side ---- */

struct call {
	struct inprocess *conn;
	struct inprocess_command *command;
	uint16_t portid;
};

static void open_on(struct reactor *reactor, void *arg)
{
	struct call *call = arg;

	queue_init(&call->conn->queue, reactor, &inprocess_ops, call->portid);
}

struct inprocess *inprocess_open(struct reactor *reactor, uint16_t portid,
				 const struct transport_address *local)
{
	struct inprocess *conn = calloc(1, sizeof(*conn));
	struct call call = { .conn = conn, .portid = portid };

	if (!conn)
		return NULL;
	conn->local = *local;
	loop_task_init(&conn->settle, settle);
	list_init(&conn->fetching);
	list_init(&conn->answered);
	list_init(&conn->pending);
	pthread_mutex_init(&conn->lock, NULL);
	pthread_cond_init(&conn->changed, NULL);
	reactor_call(reactor, open_on, &call);
	return conn;
}

static void send_on(struct reactor *reactor, void *arg)
{
	struct call *call = arg;
	struct inprocess *conn = call->conn;
	struct inprocess_command *command = call->command;
	struct request *req;

	if (conn->queue.phase >= QUEUE_CLOSING) {
		command->state = INPROCESS_LOST;
		return;
	}
	req = request_take(&conn->queue);
	if (!req) {
		command->state = INPROCESS_FULL;
		return;
	}
	command->state = INPROCESS_SENT;
	command->received = 0;
	command->request = req;
	req->sqe = command->sqe;
	*slot_of(req) = (struct slot){ .command = command, .req = req };
	pthread_mutex_lock(&conn->lock);
	list_add_tail(&conn->pending, &command->node);
	pthread_mutex_unlock(&conn->lock);
	if (command->in_capsule)
		request_start(req, command->data, command->length);
	else
		request_start(req, NULL, 0);
}

void inprocess_send(struct inprocess *conn, struct inprocess_command *command)
{
	struct call call = { .conn = conn, .command = command };

	reactor_call(conn->queue.reactor, send_on, &call);
}

static void send_data_on(struct reactor *reactor, void *arg)
{
	struct call *call = arg;

	/* the connection may have ended meanwhile */
	if (call->command->state != INPROCESS_ASKED)
		return;
	set_state(call->conn, call->command, INPROCESS_SENT);
	bring_data(call->command->request, call->command);
}

void inprocess_send_data(struct inprocess *conn, struct inprocess_command *command)
{
	struct call call = { .conn = conn, .command = command };

	reactor_call(conn->queue.reactor, send_data_on, &call);
}

enum inprocess_state inprocess_state(struct inprocess *conn,
				     const struct inprocess_command *command)
{
	enum inprocess_state state;

	pthread_mutex_lock(&conn->lock);
	state = command->state;
	pthread_mutex_unlock(&conn->lock);
	return state;
}

static struct timespec deadline_in(unsigned int timeout_ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += timeout_ms / 1000;
	ts.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

static bool under_way(const struct inprocess_command *command)
{
	return command->state == INPROCESS_SENT || command->state == INPROCESS_ASKED;
}

bool inprocess_wait(struct inprocess *conn, struct inprocess_command *command,
		    unsigned int timeout_ms)
{
	struct timespec deadline = deadline_in(timeout_ms);
	bool done;

	pthread_mutex_lock(&conn->lock);
	while (under_way(command))
		if (pthread_cond_timedwait(&conn->changed, &conn->lock, &deadline) != 0)
			break;
	done = command->state == INPROCESS_DONE;
	pthread_mutex_unlock(&conn->lock);
	return done;
}

static bool wait_flag(struct inprocess *conn, const bool *flag, unsigned int timeout_ms)
{
	struct timespec deadline = deadline_in(timeout_ms);
	bool set;

	pthread_mutex_lock(&conn->lock);
	while (!*flag)
		if (pthread_cond_timedwait(&conn->changed, &conn->lock, &deadline) != 0)
			break;
	set = *flag;
	pthread_mutex_unlock(&conn->lock);
	return set;
}

bool inprocess_wait_closed(struct inprocess *conn, unsigned int timeout_ms)
{
	return wait_flag(conn, &conn->closed, timeout_ms);
}

static void close_on(struct reactor *reactor, void *arg)
{
	struct inprocess *conn = arg;

	if (!conn->released)
		queue_disconnect(&conn->queue);
}

void inprocess_close(struct inprocess *conn)
{
	if (!conn)
		return;
	reactor_call(conn->queue.reactor, close_on, conn);
	while (!wait_flag(conn, &conn->released, 1000))
		;
	pthread_cond_destroy(&conn->changed);
	pthread_mutex_destroy(&conn->lock);
	free(conn);
}
