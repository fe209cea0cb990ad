/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receiving half of a host queue. The bytes of one recv(2) are parsed in the buffer, and data
 * is copied from there to its request. Only an incomplete header is moved, to the buffer's front.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "host/queue_internal.h"
#include "util/crc32c.h"

static int violation(struct host_queue *q, const struct nvme_tcp_ch *ch, uint16_t fes,
		     const char *what, struct weft_error *error)
{
	struct nvme_tcp_fault fault = { .fes = fes, .what = what };

	return host_queue_terminate(q, &fault, ch, ch->hlen, error);
}

/* The request that a command identifier names, or NULL. */
static struct host_request *find(const struct host_queue *q, le16 cid)
{
	uint16_t i = le16_get(cid);

	return i < q->depth ? q->by_cid[i] : NULL;
}

static int complete(struct host_queue *q, const struct nvme_tcp_ch *ch, const struct nvme_cqe *cqe,
		    struct weft_error *error)
{
	struct host_request *req = find(q, cqe->cid);

	if (!req)
		return violation(q, ch, NVME_TCP_FES_SEQUENCE,
				 "response to a command that is not outstanding", error);
	if (!req->staged || req->r2t_left || req->tx_end > q->tx_sent)
		return violation(q, ch, NVME_TCP_FES_SEQUENCE,
				 "response to a command that was not sent completely", error);
	req->cqe = *cqe;
	req->outstanding = false;
	q->by_cid[le16_get(cqe->cid)] = NULL;
	q->free_cid[q->free_count++] = le16_get(cqe->cid);
	if (req->done)
		req->done(req);
	return 0;
}

static int on_r2t(struct host_queue *q, const struct nvme_tcp_r2t *r2t, struct weft_error *error)
{
	struct host_request *req = find(q, r2t->cccid);
	uint32_t offset = le32_get(r2t->r2to), len = le32_get(r2t->r2tl);

	if (!req || !req->staged || nvme_sqe_dir(&req->sqe) != NVME_DATA_TO_CTRL ||
	    req->sqe.sgl.type == NVME_SGL_IN_CAPSULE)
		return violation(q, &r2t->ch, NVME_TCP_FES_SEQUENCE,
				 "R2T for a command that has no data to send", error);
	if (req->r2t_left)
		return violation(q, &r2t->ch, NVME_TCP_FES_LIMIT,
				 "a second R2T while another is outstanding", error);
	if (len == 0 || offset < req->r2t_offset || offset > req->length ||
	    len > req->length - offset)
		return violation(q, &r2t->ch, NVME_TCP_FES_OUT_OF_RANGE,
				 "R2T for data that the command does not have or has sent", error);
	req->r2t_ttag = le16_get(r2t->ttag);
	req->r2t_offset = offset;
	req->r2t_left = len;
	host_queue_stage(q, req);
	return 0;
}

/* Handles the header of C2HData; take_data() takes the data as it arrives. */
static int on_c2h_data(struct host_queue *q, const struct nvme_tcp_c2h_data *pdu,
		       struct weft_error *error)
{
	struct host_request *req = find(q, pdu->cccid);
	uint32_t offset = le32_get(pdu->datao), len = le32_get(pdu->datal);

	if (!req || !req->staged || nvme_sqe_dir(&req->sqe) != NVME_DATA_TO_HOST)
		return violation(q, &pdu->ch, NVME_TCP_FES_SEQUENCE,
				 "C2HData for a command that reads no data", error);
	if (len != nvme_tcp_data_len(&pdu->ch, q->format.hdgst, q->format.ddgst))
		return violation(q, &pdu->ch, NVME_TCP_FES_HEADER_FIELD,
				 "DATAL does not match PLEN and PDO", error);
	if (offset != req->received || len > req->length - offset)
		return violation(q, &pdu->ch, NVME_TCP_FES_OUT_OF_RANGE,
				 "C2HData out of order or beyond what was asked for", error);
	if ((pdu->ch.flags & NVME_TCP_F_SUCCESS) &&
	    (!(pdu->ch.flags & NVME_TCP_F_LAST) || !q->no_sq_flow))
		return violation(q, &pdu->ch, NVME_TCP_FES_HEADER_FIELD,
				 "SUCCESS without LAST or with SQ flow control on", error);
	q->rx_req = req;
	q->rx_left = len;
	q->rx_crc = 0;
	q->rx_flags = pdu->ch.flags;
	return 0;
}

static int on_term(struct host_queue *q, const struct nvme_tcp_term *term, struct weft_error *error)
{
	return host_queue_error(q, error, EPROTO,
				"the target ended the connection: %s, FES %u, FEI 0x%x",
				nvme_tcp_fes_str(le16_get(term->fes)), le16_get(term->fes),
				le32_get(term->fei));
}

static int on_pdu(struct host_queue *q, const uint8_t *pdu, struct weft_error *error)
{
	const struct nvme_tcp_ch *ch = (const struct nvme_tcp_ch *)pdu;

	switch (ch->type) {
	case NVME_TCP_RSP:
		return complete(q, ch, &((const struct nvme_tcp_rsp *)pdu)->cqe, error);
	case NVME_TCP_C2H_DATA:
		return on_c2h_data(q, (const struct nvme_tcp_c2h_data *)pdu, error);
	case NVME_TCP_R2T:
		return on_r2t(q, (const struct nvme_tcp_r2t *)pdu, error);
	case NVME_TCP_C2H_TERM:
		return on_term(q, (const struct nvme_tcp_term *)pdu, error);
	default:
		return violation(q, ch, NVME_TCP_FES_SEQUENCE, "not expected here", error);
	}
}

/*
 * Takes the bytes of C2HData that have arrived, and the data digest. Returns the number of bytes
 * used, or -errno. Bytes stay unused only while the digest is incomplete.
 */
static ssize_t take_data(struct host_queue *q, const uint8_t *bytes, size_t avail,
			 struct weft_error *error)
{
	struct host_request *req = q->rx_req;
	uint32_t n = avail < q->rx_left ? (uint32_t)avail : q->rx_left;
	struct nvme_cqe ok = { .cid = req->sqe.cid };
	size_t used = n;
	le32 digest;

	if (req->data && n)
		memcpy((uint8_t *)req->data + req->received, bytes, n);
	if (q->format.ddgst)
		q->rx_crc = crc32c(q->rx_crc, bytes, n);
	req->received += n;
	q->rx_left -= n;
	if (q->rx_left)
		return (ssize_t)used;
	if (q->format.ddgst) {
		if (avail - used < sizeof(digest))
			return (ssize_t)used;
		memcpy(digest.b, bytes + used, sizeof(digest));
		used += sizeof(digest);
		if (le32_get(digest) != q->rx_crc)
			return host_queue_error(q, error, EBADMSG,
						"data digest is 0x%08x, the data's is 0x%08x: "
						"corrupted on the way",
						le32_get(digest), q->rx_crc);
	}
	q->rx_req = NULL;
	if (q->rx_flags & NVME_TCP_F_SUCCESS) {
		struct nvme_tcp_ch ch = { .type = NVME_TCP_C2H_DATA, .hlen = sizeof(ch) };
		int r = complete(q, &ch, &ok, error);

		if (r < 0)
			return r;
	}
	return (ssize_t)used;
}

/* Handles a header. Bytes up to the PDU's data; 0: they have not all arrived; or -errno. */
static ssize_t take_header(struct host_queue *q, const uint8_t *pdu, size_t avail,
			   struct weft_error *error)
{
	const struct nvme_tcp_ch *ch = (const struct nvme_tcp_ch *)pdu;
	struct nvme_tcp_fault fault;
	size_t len;
	le32 digest;
	int r;

	if (avail < sizeof(*ch))
		return 0;
	if (nvme_tcp_header_check(ch, NVME_TCP_TO_HOST, q->format.hdgst, q->format.ddgst,
				  UINT32_MAX, &fault) < 0)
		return host_queue_terminate(q, &fault, ch, avail, error);
	len = nvme_tcp_header_len(ch, q->format.hdgst);
	if (ch->type == NVME_TCP_C2H_DATA)
		len = ch->pdo;
	if (avail < len)
		return 0;
	if (q->format.hdgst && ch->type >= NVME_TCP_CMD) {
		memcpy(digest.b, pdu + ch->hlen, sizeof(digest));
		fault = (struct nvme_tcp_fault){ NVME_TCP_FES_HEADER_DIGEST, le32_get(digest),
						 "header digest is wrong" };
		if (le32_get(digest) != crc32c(0, pdu, ch->hlen))
			return host_queue_terminate(q, &fault, ch, avail, error);
	}
	r = on_pdu(q, pdu, error);
	return r < 0 ? r : (ssize_t)len;
}

/* Parses the received bytes; an incomplete header moves to the buffer's front. */
static int parse(struct host_queue *q, struct weft_error *error)
{
	size_t pos = 0;

	while (pos < q->rx_used) {
		size_t avail = q->rx_used - pos;
		ssize_t n = q->rx_req ? take_data(q, q->rx + pos, avail, error) :
					take_header(q, q->rx + pos, avail, error);

		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		pos += (size_t)n;
	}
	q->rx_used -= pos;
	if (q->rx_used)
		memmove(q->rx, q->rx + pos, q->rx_used);
	return 0;
}

int host_receive(struct host_queue *q, bool block, struct weft_error *error)
{
	ssize_t n = recv(q->fd, q->rx + q->rx_used, RX_SIZE - q->rx_used, block ? 0 : MSG_DONTWAIT);

	if (n == 0)
		return host_queue_error(q, error, ECONNRESET, "the target closed the connection");
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return host_queue_error(q, error, errno, "connection lost: %s", strerror(errno));
	q->rx_used += (size_t)n;
	return parse(q, error);
}
