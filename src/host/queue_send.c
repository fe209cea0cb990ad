/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sending half of a host queue. Requests wait in a list until host_flush() stages as many
 * PDUs as fit (headers and digests in one buffer, data in place, all in one I/O vector)
 * and hands them to the socket in one call.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "host/queue_internal.h"
#include "util/crc32c.h"

static void set_sgl(const struct host_queue *q, struct host_request *req)
{
	bool fabrics = req->sqe.opcode == NVME_CMD_FABRICS;
	uint32_t icd = fabrics ? NVME_TCP_ADMIN_ICD : q->icd;
	bool in_capsule =
		req->length && req->length <= icd && nvme_sqe_dir(&req->sqe) == NVME_DATA_TO_CTRL;

	req->sqe.flags = (req->sqe.flags & NVME_SQE_FUSE_MASK) | NVME_SQE_PSDT_SGL;
	req->sqe.sgl = (struct nvme_sgl){
		.length = le32_of(req->length),
		.type = in_capsule ? NVME_SGL_IN_CAPSULE : NVME_SGL_TRANSPORT_SGL,
	};
}

void host_queue_stage(struct host_queue *q, struct host_request *req)
{
	req->next = NULL;
	*q->stage_last = req;
	q->stage_last = &req->next;
}

void host_submit(struct host_queue *q, struct host_request *req)
{
	uint16_t cid = q->free_cid[--q->free_count];

	q->by_cid[cid] = req;
	req->sqe.cid = le16_of(cid);
	set_sgl(q, req);
	req->outstanding = true;
	req->staged = false;
	req->received = 0;
	req->r2t_offset = 0;
	req->r2t_left = 0;
	req->tx_end = 0;
	host_queue_stage(q, req);
}

/* Appends bytes to the I/O vector; merges them with the last entry if they follow it in memory. */
static void push(struct host_queue *q, const void *base, size_t len)
{
	struct iovec *last = q->tx_count > q->tx_first ? &q->tx_iov[q->tx_count - 1] : NULL;

	/* NOLINTBEGIN(clang-analyzer-core.NullDereference): queue_new() allocated tx_iov */
	if (last && (const uint8_t *)last->iov_base + last->iov_len == base)
		last->iov_len += len;
	else
		q->tx_iov[q->tx_count++] =
			(struct iovec){ .iov_base = (void *)(uintptr_t)base, .iov_len = len };
	/* NOLINTEND(clang-analyzer-core.NullDereference) */
	q->tx_queued += len;
}

static void push_digest(struct host_queue *q, uint32_t crc)
{
	le32 digest = le32_of(crc);
	uint8_t *place = q->tx_heads + q->tx_heads_used;

	memcpy(place, digest.b, sizeof(digest));
	q->tx_heads_used += sizeof(digest);
	push(q, place, sizeof(digest));
}

/* Stages the PDU whose header is at the end of tx_heads, with its digests and data. */
static void push_pdu(struct host_queue *q, const void *data, uint32_t datal)
{
	uint8_t *head = q->tx_heads + q->tx_heads_used;
	const struct nvme_tcp_ch *ch = (const struct nvme_tcp_ch *)head;
	size_t len = datal ? ch->pdo : nvme_tcp_header_len(ch, q->format.hdgst);

	memset(head + ch->hlen, 0, len - ch->hlen);
	if (q->format.hdgst) {
		le32 digest = le32_of(crc32c(0, head, ch->hlen));

		memcpy(head + ch->hlen, digest.b, sizeof(digest));
	}
	q->tx_heads_used += len;
	push(q, head, len);
	if (!datal)
		return;
	push(q, data, datal);
	if (q->format.ddgst)
		push_digest(q, crc32c(0, data, datal));
}

static void stage_capsule(struct host_queue *q, struct host_request *req)
{
	struct nvme_tcp_cmd *pdu = (struct nvme_tcp_cmd *)(q->tx_heads + q->tx_heads_used);
	uint32_t datal = req->sqe.sgl.type == NVME_SGL_IN_CAPSULE ? req->length : 0;

	nvme_tcp_put_cmd(pdu, &q->format, datal);
	pdu->sqe = req->sqe;
	push_pdu(q, req->data, datal);
	req->staged = true;
}

static void stage_data(struct host_queue *q, struct host_request *req)
{
	struct nvme_tcp_h2c_data *pdu =
		(struct nvme_tcp_h2c_data *)(q->tx_heads + q->tx_heads_used);
	uint32_t datal = req->r2t_left < q->maxh2cdata ? req->r2t_left : q->maxh2cdata;

	nvme_tcp_put_h2c_data(pdu, &q->format, le16_get(req->sqe.cid), req->r2t_ttag,
			      req->r2t_offset, datal, datal == req->r2t_left);
	push_pdu(q, (const uint8_t *)req->data + req->r2t_offset, datal);
	req->r2t_offset += datal;
	req->r2t_left -= datal;
}

/* Stages PDUs while there is room. A PDU takes at most three entries of the vector. */
static void stage(struct host_queue *q)
{
	struct host_request *req;

	while ((req = q->stage_first) && q->tx_count + 3 <= TX_IOV_MAX &&
	       q->tx_heads_used + TX_HEAD_MAX <= TX_HEADS_SIZE) {
		if (req->staged)
			stage_data(q, req);
		else
			stage_capsule(q, req);
		req->tx_end = q->tx_queued;
		if (req->r2t_left)
			continue;
		q->stage_first = req->next;
		if (!q->stage_first)
			q->stage_last = &q->stage_first;
	}
}

/* Drops `sent` bytes from the front of the vector. */
static void advance(struct host_queue *q, size_t sent)
{
	q->tx_sent += sent;
	while (sent) {
		struct iovec *iov = &q->tx_iov[q->tx_first];

		if (sent < iov->iov_len) {
			iov->iov_base = (uint8_t *)iov->iov_base + sent;
			iov->iov_len -= sent;
			return;
		}
		sent -= iov->iov_len;
		q->tx_first++;
	}
	if (q->tx_first == q->tx_count) {
		q->tx_first = q->tx_count = 0;
		q->tx_heads_used = 0;
	}
}

int host_flush(struct host_queue *q, struct weft_error *error)
{
	for (;;) {
		struct msghdr msg = { 0 };
		ssize_t n;

		stage(q);
		if (q->tx_first == q->tx_count)
			return 0;
		msg.msg_iov = q->tx_iov + q->tx_first;
		msg.msg_iovlen = q->tx_count - q->tx_first;
		n = sendmsg(q->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR)
			return host_queue_error(q, error, errno, "cannot send: %s",
						strerror(errno));
		if (n > 0)
			advance(q, (size_t)n);
	}
}

int host_queue_terminate(struct host_queue *q, const struct nvme_tcp_fault *fault,
			 const struct nvme_tcp_ch *ch, size_t avail, struct weft_error *error)
{
	struct {
		struct nvme_tcp_term term;
		uint8_t header[NVME_TCP_TERM_DATA_MAX];
	} pdu;
	uint32_t len = ch->hlen <= NVME_TCP_TERM_DATA_MAX && ch->hlen <= avail ? ch->hlen :
										 sizeof(*ch);
	ssize_t n = 0;

	nvme_tcp_put_term(&pdu.term, NVME_TCP_H2C_TERM, fault, len);
	memcpy(pdu.header, ch, len);
	if (q->tx_sent == q->tx_queued)
		n = send(q->fd, &pdu, sizeof(pdu.term) + len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return host_queue_error(q, error, EPROTO, "%s breaks the protocol: %s (%s)%s",
				nvme_tcp_type_str(ch->type), fault->what,
				nvme_tcp_fes_str(fault->fes), n > 0 ? "; told the target so" : "");
}
