/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Builds a connection's outgoing stream: one send per connection and turn, of all ready
 * PDUs or, if they are many bytes, of half. Headers and completions are written into the
 * batch; payload is sent from its own memory. A request is released as soon as the batch
 * has taken over its resources.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "target/base/reactor.h"
#include "transport/tcp_connection.h"
#include "util/crc32c.h"

#define BATCH_IOVS 264
#define BATCH_HOLDS 128
#define BATCH_BYTES 8192
/* The most bytes of one completion: C2HData and gap, data digest, response capsule. */
#define ITEM_BYTES (255 + NVME_TCP_DIGEST_LEN + 24 + NVME_TCP_DIGEST_LEN)
#define ITEM_IOVS (2 + REQUEST_IOVS)
/* The largest packet that TCP gives to the device (64 KiB with headers), bytes. */
#define SEGMENT 65000u

struct tcp_batch {
	struct iovec iov[BATCH_IOVS];
	struct request_hold holds[BATCH_HOLDS];
	unsigned int iov_count, hold_count;
	uint32_t used;			/* of bytes */
	uint8_t bytes[BATCH_BYTES];
};
_Static_assert(sizeof(struct tcp_connection) + sizeof(struct tcp_batch) <= TCP_CONNECTION_BYTES,
	       "what a connection is counted for");

bool tcp_send_idle(const struct tcp_connection *conn)
{
	return !conn->batch && list_empty(&conn->ready) && !conn->icresp_due && !conn->term_due;
}

void tcp_send_wake(struct tcp_connection *conn)
{
	loop_defer(conn->socket.loop, &conn->flush);
}

/* Bytes of a completion in the stream, without digests and gaps. */
static uint32_t completion_bytes(const struct request *req)
{
	return (uint32_t)sizeof(struct nvme_tcp_rsp) +
	       (req->iov_count ? (uint32_t)sizeof(struct nvme_tcp_c2h_data) + req->data_length : 0);
}

void tcp_respond(struct request *req)
{
	struct tcp_connection *conn = tcp_of_queue(req->queue);

	/* nothing may be sent after a C2HTermReq */
	if (conn->state >= CONN_TERMINATED || conn->fault.what) {
		request_release(req);
		return;
	}
	list_add_tail(&conn->ready, &tcp_request(req)->node);
	conn->ready_bytes += completion_bytes(req);
	tcp_send_wake(conn);
}

void tcp_send_r2t(struct request *req)
{
	struct tcp_connection *conn = tcp_of_queue(req->queue);
	struct tcp_request *transfer = tcp_request(req);

	if (conn->fault.what)
		return;
	if (list_empty(&transfer->node))
		list_add_tail(&conn->ready, &transfer->node);
	tcp_send_wake(conn);
}

static bool batch_has_room(const struct tcp_batch *batch)
{
	return BATCH_BYTES - batch->used >= ITEM_BYTES &&
	       BATCH_IOVS - batch->iov_count >= ITEM_IOVS && batch->hold_count < BATCH_HOLDS;
}

/* Makes room for `count` bytes in the stream, next to the previous ones if possible. */
static void *stage(struct tcp_batch *batch, uint32_t count)
{
	uint8_t *at = batch->bytes + batch->used;
	struct iovec *last = batch->iov_count ? &batch->iov[batch->iov_count - 1] : NULL;

	if (last && (uint8_t *)last->iov_base + last->iov_len == at)
		last->iov_len += count;
	else
		batch->iov[batch->iov_count++] = (struct iovec){ at, count };
	batch->used += count;
	return at;
}

static void stage_payload(struct tcp_batch *batch, const struct request *req)
{
	batch->iov[batch->iov_count++] = req->iov[0];
	for (unsigned int i = 1; i < req->iov_count; i++)
		batch->iov[batch->iov_count++] = req->iov[i];
}

/* Appends the digest of the header that was staged last. */
static void header_digest(const struct tcp_connection *conn, struct tcp_batch *batch,
			  const void *header, uint32_t length)
{
	le32 digest;

	if (!conn->format.hdgst)
		return;
	digest = le32_of(crc32c(0, header, length));
	memcpy(stage(batch, sizeof(digest)), &digest, sizeof(digest));
}

/* Appends the digest of the payload that was staged last. */
static void data_digest(struct tcp_batch *batch, const struct request *req)
{
	uint32_t crc = 0;
	le32 digest;

	for (unsigned int i = 0; i < req->iov_count; i++)
		crc = crc32c(crc, req->iov[i].iov_base, req->iov[i].iov_len);
	digest = le32_of(crc);
	memcpy(stage(batch, sizeof(digest)), &digest, sizeof(digest));
}

static void stage_data(struct tcp_connection *conn, struct tcp_batch *batch, struct request *req,
		       uint8_t flags)
{
	struct nvme_tcp_c2h_data *pdu = stage(batch, sizeof(*pdu));
	uint32_t end;

	nvme_tcp_put_c2h_data(pdu, &conn->format, le16_get(req->sqe.cid), 0, req->data_length,
			      flags);
	header_digest(conn, batch, pdu, sizeof(*pdu));
	end = sizeof(*pdu) + (conn->format.hdgst ? NVME_TCP_DIGEST_LEN : 0);
	if (pdu->ch.pdo > end)
		memset(stage(batch, pdu->ch.pdo - end), 0, pdu->ch.pdo - end);
	stage_payload(batch, req);
	if (conn->format.ddgst)
		data_digest(batch, req);
}

static void stage_response(struct tcp_connection *conn, struct tcp_batch *batch,
			   struct request *req)
{
	struct nvme_tcp_rsp *pdu = stage(batch, sizeof(*pdu));

	nvme_tcp_put_rsp(pdu, &conn->format);
	pdu->cqe = req->cqe;
	header_digest(conn, batch, pdu, sizeof(*pdu));
}

static void stage_completion(struct tcp_connection *conn, struct tcp_batch *batch,
			     struct request *req)
{
	/* the SUCCESS flag of the last data PDU replaces a response capsule without information */
	bool success = req->iov_count && !conn->queue.flow_control &&
		       queue_connected(&conn->queue) && !le64_get(req->cqe.result) &&
		       !le16_get(req->cqe.status);

	if (req->iov_count)
		stage_data(conn, batch, req,
			   NVME_TCP_F_LAST | (success ? NVME_TCP_F_SUCCESS : 0));
	if (!success)
		stage_response(conn, batch, req);
	if (req->hold.buffer || req->hold.pin)
		batch->holds[batch->hold_count++] = request_take_hold(req);
	request_release(req);
}

/* Stages the R2Ts that the host may be sent now; false: the batch is full. */
static bool stage_r2ts(struct tcp_connection *conn, struct tcp_batch *batch, struct request *req)
{
	struct tcp_request *transfer = tcp_request(req);

	while (transfer->r2t_count < conn->maxr2t && transfer->asked < req->data_length) {
		uint32_t length = tcp_r2t_length(conn, req, transfer->asked);
		uint16_t ttag = tcp_ttag(&conn->queue, req->index, transfer->r2t_next);
		struct nvme_tcp_r2t *pdu;

		if (!batch_has_room(batch))
			return false;
		pdu = stage(batch, sizeof(*pdu));
		nvme_tcp_put_r2t(pdu, &conn->format, le16_get(req->sqe.cid), ttag,
				 transfer->asked, length);
		header_digest(conn, batch, pdu, sizeof(*pdu));
		transfer->asked += length;
		transfer->r2t_count++;
		transfer->r2t_next = (uint8_t)((transfer->r2t_next + 1) % TCP_TTAG_TURNS);
	}
	return true;
}

/*
 * The bytes of the next send. The socket cannot receive while a send copies data. So half of the
 * ready bytes are sent first, and the host has answers to work on while the other half is copied.
 * The size is a multiple of SEGMENT, because a short packet costs as much as a full one.
 */
static uint64_t batch_most(const struct tcp_connection *conn)
{
	uint64_t half = conn->ready_bytes / 2;

	return half < SEGMENT ? SEGMENT : half - half % SEGMENT;
}

static void gather(struct tcp_connection *conn, struct tcp_batch *batch)
{
	uint64_t most = batch_most(conn), length = 0;

	while (!list_empty(&conn->ready) && batch_has_room(batch)) {
		struct tcp_request *item = list_entry(conn->ready.next, struct tcp_request, node);
		struct request *req = tcp_request_owner(item);

		if (req->state == REQUEST_FETCHING) {
			if (!stage_r2ts(conn, batch, req))
				return;
			list_del(&item->node);
		} else {
			uint32_t bytes = completion_bytes(req);

			if (length && length + bytes > most)
				return;
			length += bytes;
			conn->ready_bytes -= bytes;
			list_del(&item->node);
			stage_completion(conn, batch, req);
		}
	}
}

/* Stages the C2HTermReq, the last PDU of the connection; other ready PDUs are dropped. */
static void stage_term(struct tcp_connection *conn, struct tcp_batch *batch)
{
	uint32_t header = conn->fault_header_length;
	struct nvme_tcp_term *pdu = stage(batch, sizeof(*pdu) + header);

	nvme_tcp_put_term(pdu, NVME_TCP_C2H_TERM, &conn->fault, header);
	memcpy(pdu + 1, conn->rx.header, header);
}

static void drop_ready(struct tcp_connection *conn)
{
	struct list *node;

	while ((node = list_pop(&conn->ready))) {
		struct request *req = tcp_request_owner(list_entry(node, struct tcp_request, node));

		/* a request that is being fetched ends with the queue */
		if (req->state == REQUEST_RESPONDING)
			request_release(req);
	}
}

/* Everything is sent: shuts the sending side down, and waits for the peer to close. */
static void finish_end(struct tcp_connection *conn)
{
	conn->state = CONN_TERMINATED;
	drop_ready(conn);
	shutdown(conn->socket.fd, SHUT_WR);
}

void tcp_flush(struct loop_task *task)
{
	struct tcp_connection *conn = container_of(task, struct tcp_connection, flush);
	struct tcp_batch *batch;

	if (conn->batch || conn->state >= CONN_TERMINATED)
		return;
	if (tcp_send_idle(conn)) {
		if (conn->state == CONN_ENDING)
			finish_end(conn);
		return;
	}
	batch = malloc(sizeof(*batch));
	if (!batch) {
		tcp_connection_close(conn);
		return;
	}
	batch->iov_count = batch->hold_count = 0;
	batch->used = 0;
	if (conn->icresp_due) {
		nvme_tcp_put_icresp(stage(batch, NVME_TCP_IC_LEN), 0,
				    (conn->format.hdgst ? NVME_TCP_DGST_HDR : 0) |
				    (conn->format.ddgst ? NVME_TCP_DGST_DATA : 0),
				    TCP_MAXH2CDATA);
		conn->icresp_due = false;
	}
	if (conn->term_due) {
		stage_term(conn, batch);
		conn->term_due = false;
		drop_ready(conn);
	} else {
		gather(conn, batch);
	}
	if (!batch->iov_count) {
		free(batch);
		return;
	}
	conn->batch = batch;
	conn->send_started = loop_now(conn->socket.loop);
	if (!conn->deadline.slot)
		tcp_stall_watch(conn);
	loop_socket_send(&conn->socket, batch->iov, batch->iov_count);
}

void tcp_send_drop(struct tcp_connection *conn)
{
	struct tcp_batch *batch = conn->batch;

	if (!batch)
		return;
	conn->batch = NULL;
	for (unsigned int i = 0; i < batch->hold_count; i++)
		request_drop_hold(&conn->queue, &batch->holds[i]);
	free(batch);
}

void tcp_sent(struct loop_socket *socket, int result)
{
	struct tcp_connection *conn = tcp_of_socket(socket);

	tcp_send_drop(conn);
	if (conn->state == CONN_CLOSING)
		return;
	if (result < 0)
		tcp_connection_close(conn);
	else if (!tcp_send_idle(conn) || conn->state == CONN_ENDING)
		tcp_send_wake(conn);
}
