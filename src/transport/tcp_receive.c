/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parses a connection's incoming stream. Headers and in-capsule data that arrive whole are
 * used in the receive buffer. Only parts that the end of a receive buffer cuts are
 * gathered first.
 */
#include <string.h>

#include "loop/buffer.h"
#include "target/base/reactor.h"
#include "target/queue/transport.h"
#include "transport/tcp_connection.h"
#include "util/crc32c.h"
#include "util/log_peer.h"

#define CH(field) offsetof(struct nvme_tcp_ch, field)

void tcp_receive_init(struct tcp_connection *conn)
{
	conn->rx.stage = TCP_STAGE_HEADER;
	conn->rx.have = 0;
	conn->rx.want = sizeof(struct nvme_tcp_ch);
}

void tcp_receive_forget(struct tcp_connection *conn)
{
	conn->rx.req = NULL;
	conn->rx.data = NULL;
}

/* Ends the connection; the C2HTermReq carries the current header back to the peer. */
static void end_with(struct tcp_connection *conn, const struct nvme_tcp_fault *f)
{
	struct tcp_receiver *rx = &conn->rx;
	size_t length = rx->current_length;

	if (length > sizeof(struct nvme_tcp_ch) && length > rx->current[CH(hlen)])
		length = rx->current[CH(hlen)] > sizeof(struct nvme_tcp_ch) ?
				 rx->current[CH(hlen)] : sizeof(struct nvme_tcp_ch);
	if (length > NVME_TCP_TERM_DATA_MAX)
		length = NVME_TCP_TERM_DATA_MAX;
	memmove(rx->header, rx->current, length);
	conn->fault_header_length = (uint16_t)length;
	tcp_connection_fault(conn, f);
}

static void fault(struct tcp_connection *conn, uint16_t fes, uint32_t fei, const char *what)
{
	const struct nvme_tcp_fault f = { .fes = fes, .fei = fei, .what = what };

	end_with(conn, &f);
}

static void receive_icreq(struct tcp_connection *conn, const struct nvme_tcp_icreq *req)
{
	if (le16_get(req->pfv) != NVME_TCP_PFV) {
		fault(conn, NVME_TCP_FES_UNSUPPORTED, offsetof(struct nvme_tcp_icreq, pfv),
		      "ICReq with an unknown PDU format version");
		return;
	}
	if (req->hpda > NVME_TCP_HPDA_MAX) {
		fault(conn, NVME_TCP_FES_HEADER_FIELD, offsetof(struct nvme_tcp_icreq, hpda),
		      "ICReq with an HPDA over 31");
		return;
	}
	conn->format.hdgst = req->dgst & NVME_TCP_DGST_HDR;
	conn->format.ddgst = req->dgst & NVME_TCP_DGST_DATA;
	conn->format.pda = req->hpda;
	conn->queue.stable_data = conn->format.ddgst;
	conn->maxr2t = le32_get(req->maxr2t) < TCP_TTAG_TURNS / 2 ?
			       (uint8_t)(le32_get(req->maxr2t) + 1) : TCP_TTAG_TURNS / 2;
	conn->state = CONN_READY;
	conn->icresp_due = true;
	tcp_connection_progress(conn);
	tcp_send_wake(conn);
	tcp_receive_init(conn);
}

static void receive_term(struct tcp_connection *conn, const struct nvme_tcp_term *term)
{
	struct transport_address local, peer;

	conn->queue.ops->addresses(&conn->queue, &local, &peer);
	log_peer(LOG_NOTICE, limits_peer(&conn->queue.place),
		 "%s port %u ended its connection: H2CTermReq, %s (%u)", peer.traddr, peer.trsvcid,
		 nvme_tcp_fes_str(le16_get(term->fes)), le32_get(term->fei));
	tcp_connection_close(conn);
}

/* The capsule is complete: hands the command over. */
static void start_command(struct tcp_connection *conn, struct request *req, const uint8_t *data,
			  uint32_t length, bool intact)
{
	bool connected = queue_connected(&conn->queue);

	if (intact)
		request_start(req, data, length);
	else
		request_complete(req, nvme_status(NVME_SC_TRANSIENT_TRANSPORT));
	if (queue_connected(&conn->queue) != connected)
		tcp_connection_progress(conn);
}

static bool digest_matches(const uint8_t *at, uint32_t crc)
{
	le32 sent;

	memcpy(&sent, at, sizeof(sent));
	return le32_get(sent) == crc;
}

/* Prepares to receive payload that has not arrived completely. */
static void expect_data(struct tcp_connection *conn, struct request *req, uint8_t *data,
			uint32_t length)
{
	struct tcp_receiver *rx = &conn->rx;

	if (req->revoked)
		data = NULL;
	rx->req = req;
	rx->data = data;
	rx->length = length;
	rx->left = length;
	rx->crc = 0;
	rx->bad_digest = false;
	rx->stage = data ? TCP_STAGE_DATA : TCP_STAGE_SKIP;
}

/* Returns how many of the `count` bytes behind the header belong to this PDU and were used. */
static size_t receive_command(struct tcp_connection *conn, const struct nvme_tcp_cmd *pdu,
			      const uint8_t *data, size_t count)
{
	uint32_t length = nvme_tcp_data_len(&pdu->ch, conn->format.hdgst, conn->format.ddgst);
	uint32_t tail = length && conn->format.ddgst ? NVME_TCP_DIGEST_LEN : 0;
	struct request *req = request_take(&conn->queue);

	if (!req) {
		fault(conn, NVME_TCP_FES_SEQUENCE, 0, queue_connected(&conn->queue) ?
		      "more commands than the queue has entries" :
		      "a command before Connect was answered");
		return 0;
	}
	req->sqe = pdu->sqe;
	if (count >= (size_t)length + tail) {
		bool intact = !tail || digest_matches(data + length, crc32c(0, data, length));

		tcp_receive_init(conn);
		start_command(conn, req, length ? data : NULL, length, intact);
		return length + tail;
	}
	/* without a buffer the data is skipped and the command fails */
	(void)request_try_buffer(req, length);
	expect_data(conn, req, req->hold.buffer, length);
	return 0;
}

static void receive_h2c_data(struct tcp_connection *conn, const struct nvme_tcp_h2c_data *pdu)
{
	uint32_t length = nvme_tcp_data_len(&pdu->ch, conn->format.hdgst, conn->format.ddgst);
	struct nvme_tcp_fault f = { 0 };
	struct request *req = tcp_fetch_find(conn, pdu, length, &f);

	if (req)
		expect_data(conn, req, req->data + tcp_request(req)->received, length);
	else
		end_with(conn, &f);
}

/* The payload and its digest have come. */
static void finish_data(struct tcp_connection *conn)
{
	struct tcp_receiver *rx = &conn->rx;
	struct request *req = rx->req;
	uint8_t type = rx->type;
	bool intact = !rx->bad_digest && (rx->data || !req || req->revoked);
	uint8_t *data = rx->data;

	tcp_receive_forget(conn);
	tcp_receive_init(conn);
	if (!req)
		return;
	if (type == NVME_TCP_CMD)
		start_command(conn, req, data, rx->length, intact);
	else
		tcp_fetched(req, rx->length, intact);
}

/*
 * Stores data in memory that the namespace lent, in whole blocks. A part of a block is gathered
 * in the request's buffer. at: offset of the bytes in the data.
 */
static void place_blocks(struct request *req, size_t at, const uint8_t *data, size_t count)
{
	const size_t block = (size_t)1 << req->block_shift;
	uint8_t *gathered = req->hold.buffer;

	while (count) {
		size_t have = at & (block - 1);
		size_t n = block - have < count ? block - have : count;

		if (!have && count >= block) {
			n = count & ~(block - 1);
			memcpy(req->data + at, data, n);
		} else {
			memcpy(gathered + have, data, n);
			if (have + n == block)
				memcpy(req->data + at - have, gathered, block);
		}
		at += n;
		data += n;
		count -= n;
	}
}

/* Copies the next bytes of payload to their place. */
static void place(struct tcp_receiver *rx, const uint8_t *data, size_t count)
{
	uint8_t *to = rx->data + (rx->length - rx->left);

	if (rx->req->block_shift)
		place_blocks(rx->req, (size_t)(to - rx->req->data), data, count);
	else
		memcpy(to, data, count);
}

/* `count` bytes of payload are in their place. */
static void advance_data(struct tcp_connection *conn, size_t count)
{
	struct tcp_receiver *rx = &conn->rx;

	if (rx->stage == TCP_STAGE_DATA && conn->format.ddgst)
		rx->crc = crc32c(rx->crc, rx->data + (rx->length - rx->left), count);
	rx->left -= (uint32_t)count;
	if (rx->left)
		return;
	if (conn->format.ddgst) {
		rx->stage = TCP_STAGE_DIGEST;
		rx->left = NVME_TCP_DIGEST_LEN;
	} else {
		finish_data(conn);
	}
}

/* Uses bytes of payload; returns their number. */
static size_t take_data(struct tcp_connection *conn, const uint8_t *data, size_t count)
{
	struct tcp_receiver *rx = &conn->rx;
	size_t n = count < rx->left ? count : rx->left;

	if (rx->stage == TCP_STAGE_DATA)
		place(rx, data, n);
	advance_data(conn, n);
	return n;
}

/* Receives the rest of a gathered block, and whole blocks, directly from the socket. */
static void take_blocks(struct tcp_connection *conn)
{
	struct tcp_receiver *rx = &conn->rx;
	struct request *req = rx->req;
	const size_t block = (size_t)1 << req->block_shift;
	size_t at = (size_t)(rx->data - req->data) + (rx->length - rx->left);
	size_t have = at & (block - 1), rest = have ? block - have : 0, n;
	struct iovec iov[2] = {
		{ (uint8_t *)req->hold.buffer + have, rest },
		{ req->data + at + rest, rx->left - rest },
	};

	if (rest > rx->left)
		return;
	n = loop_socket_take(&conn->socket, iov + !rest, 1 + !!rest, block);
	if (rest && n >= rest)
		memcpy(req->data + at - have, req->hold.buffer, block);
	if (n)
		advance_data(conn, n);
}

/* Drops the rest of the payload if its lent memory was revoked in the middle of a PDU. */
static void check_revoked(struct tcp_receiver *rx)
{
	if (rx->stage != TCP_STAGE_DATA || !rx->req || !rx->req->revoked)
		return;
	rx->stage = TCP_STAGE_SKIP;
	rx->data = NULL;
}

void tcp_take(struct tcp_connection *conn)
{
	struct tcp_receiver *rx = &conn->rx;
	struct iovec iov;
	size_t n;

	check_revoked(rx);
	if (conn->state >= CONN_ENDING || rx->stage != TCP_STAGE_DATA ||
	    rx->length < LOOP_TAKE_MIN)
		return;
	if (rx->req->block_shift) {
		take_blocks(conn);
		return;
	}
	iov = (struct iovec){ rx->data + (rx->length - rx->left), rx->left };
	n = loop_socket_take(&conn->socket, &iov, 1, 1);
	if (n)
		advance_data(conn, n);
}

static size_t take_digest(struct tcp_connection *conn, const uint8_t *data, size_t count)
{
	struct tcp_receiver *rx = &conn->rx;
	size_t n = count < rx->left ? count : rx->left;

	memcpy(rx->digest + (NVME_TCP_DIGEST_LEN - rx->left), data, n);
	rx->left -= (uint32_t)n;
	if (rx->left)
		return n;
	rx->bad_digest = rx->data && !digest_matches(rx->digest, rx->crc);
	finish_data(conn);
	return n;
}

/* True if a PDU of this type may come in the connection's present state. */
static bool type_due(struct tcp_connection *conn, const struct nvme_tcp_ch *ch)
{
	bool first = conn->state == CONN_WAIT_ICREQ;

	if (first == (ch->type == NVME_TCP_ICREQ) || ch->type == NVME_TCP_H2C_TERM)
		return true;
	fault(conn, NVME_TCP_FES_SEQUENCE, 0,
	      first ? "something other than ICReq comes first" : "a second ICReq");
	return false;
}

/* Checks a common header. Returns the length of all bytes before the data; 0 after a fault. */
static uint32_t check_header(struct tcp_connection *conn, const struct nvme_tcp_ch *ch)
{
	uint32_t maxdata = ch->type == NVME_TCP_H2C_DATA ? TCP_MAXH2CDATA :
							   queue_capsule_data_max(&conn->queue);
	struct nvme_tcp_fault f;
	uint32_t length;

	if (nvme_tcp_header_check(ch, NVME_TCP_TO_CTRL, conn->format.hdgst, conn->format.ddgst,
				  maxdata, &f) < 0) {
		end_with(conn, &f);
		return 0;
	}
	if (!type_due(conn, ch))
		return 0;
	length = nvme_tcp_header_len(ch, conn->format.hdgst);
	if (ch->type == NVME_TCP_CMD || ch->type == NVME_TCP_H2C_DATA)
		if (nvme_tcp_data_len(ch, conn->format.hdgst, conn->format.ddgst))
			length = ch->pdo;
	return length;
}

/* Handles a complete header. Returns the number of bytes after it that were used too. */
static size_t receive_header(struct tcp_connection *conn, const uint8_t *header,
			     const uint8_t *behind, size_t count)
{
	const struct nvme_tcp_ch *ch = (const struct nvme_tcp_ch *)header;

	if (conn->format.hdgst && ch->type >= NVME_TCP_CMD) {
		uint32_t crc = crc32c(0, header, ch->hlen);

		if (!digest_matches(header + ch->hlen, crc)) {
			le32 sent;

			memcpy(&sent, header + ch->hlen, sizeof(sent));
			fault(conn, NVME_TCP_FES_HEADER_DIGEST, le32_get(sent),
			      "a header digest that does not match");
			return 0;
		}
	}
	conn->rx.type = ch->type;
	switch (ch->type) {
	case NVME_TCP_CMD:
		return receive_command(conn, (const struct nvme_tcp_cmd *)header, behind, count);
	case NVME_TCP_H2C_DATA:
		receive_h2c_data(conn, (const struct nvme_tcp_h2c_data *)header);
		return 0;
	case NVME_TCP_ICREQ:
		receive_icreq(conn, (const struct nvme_tcp_icreq *)header);
		return 0;
	default:
		receive_term(conn, (const struct nvme_tcp_term *)header);
		return 0;
	}
}

/* Gathers a header that is cut. Returns the number of bytes used. */
static size_t gather_header(struct tcp_connection *conn, const uint8_t *data, size_t count)
{
	struct tcp_receiver *rx = &conn->rx;
	size_t n = count < (size_t)(rx->want - rx->have) ? count : (size_t)(rx->want - rx->have);

	memcpy(rx->header + rx->have, data, n);
	rx->have = (uint16_t)(rx->have + n);
	rx->current = rx->header;
	rx->current_length = rx->have;
	if (rx->have < rx->want)
		return n;
	if (rx->want == sizeof(struct nvme_tcp_ch)) {
		uint32_t want = check_header(conn, (const struct nvme_tcp_ch *)rx->header);

		rx->want = (uint16_t)want;
		if (!want || rx->have < want)
			return n;
	}
	return n + receive_header(conn, rx->header, data + n, count - n);
}

static size_t take_header(struct tcp_connection *conn, const uint8_t *data, size_t count)
{
	uint32_t want;

	if (conn->rx.have || count < sizeof(struct nvme_tcp_ch))
		return gather_header(conn, data, count);
	conn->rx.current = data;
	conn->rx.current_length = count;
	want = check_header(conn, (const struct nvme_tcp_ch *)data);
	if (!want)
		return 0;
	if (count < want)
		return gather_header(conn, data, sizeof(struct nvme_tcp_ch));
	return want + receive_header(conn, data, data + want, count - want);
}

void tcp_receive(struct tcp_connection *conn, const uint8_t *data, size_t count)
{
	check_revoked(&conn->rx);
	while (count && conn->state < CONN_ENDING) {
		size_t n;

		switch (conn->rx.stage) {
		case TCP_STAGE_HEADER:
			n = take_header(conn, data, count);
			break;
		case TCP_STAGE_DIGEST:
			n = take_digest(conn, data, count);
			break;
		default:
			n = take_data(conn, data, count);
			break;
		}
		data += n;
		count -= n;
	}
	tcp_take(conn);
	if (tcp_receiver_cut(&conn->rx) && !conn->deadline.slot && conn->state < CONN_ENDING)
		tcp_stall_watch(conn);
}
