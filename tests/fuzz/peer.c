/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

#include "fake_loop.h"
#include "fuzz.h"
#include "util/crc32c.h"

void peer_init(struct peer *peer, int fd)
{
	memset(peer, 0, sizeof(*peer));
	peer->fd = fd;
}

void peer_done(struct peer *peer)
{
	free(peer->out);
	free(peer->in);
}

void peer_reset(struct peer *peer)
{
	peer->format = (struct nvme_tcp_format){ 0 };
	peer->out_count = peer->in_count = 0;
	peer->r2t_count = 0;
	peer->commands = peer->answers = 0;
	peer->term = peer->hdgst = peer->ddgst = peer->wild = false;
	peer->cork = false;
}

static void append(uint8_t **data, size_t *used, size_t *size, const void *bytes, size_t count)
{
	if (*used + count > *size) {
		*size = (*used + count) * 2;
		*data = realloc(*data, *size);
		fuzz_assert(*data);
	}
	if (count)
		memcpy(*data + *used, bytes, count);
	*used += count;
}

/* ---- to the controller ---- */

void peer_bytes(struct peer *peer, const void *bytes, size_t count)
{
	append(&peer->out, &peer->out_count, &peer->out_size, bytes, count);
	if (!peer->cork)
		peer_flush(peer);
}

void peer_flush(struct peer *peer)
{
	peer_flush_part(peer, peer->out_count);
}

void peer_flush_part(struct peer *peer, size_t count)
{
	size_t step = peer->chop ? peer->chop : count;

	if (count > peer->out_count)
		count = peer->out_count;
	/* a long stream in single bytes says no more than its first ones */
	if (peer->chop && count / step > 512)
		step = count / 512;
	for (size_t at = 0; at < count; at += step)
		fake_socket_feed(peer->fd, peer->out + at,
				 count - at < step ? count - at : step);
	peer->out_count -= count;
	if (count)
		memmove(peer->out, peer->out + count, peer->out_count);
}

static void patch(struct peer *peer, bool late, uint8_t *pdu, size_t size)
{
	peer->wild |= peer->patch_count > 0;
	for (unsigned int i = 0; i < peer->patch_count; i++) {
		const struct peer_patch *p = &peer->patches[i];

		for (unsigned int byte = 0; p->late == late && byte < p->width; byte++) {
			uint8_t *at = &pdu[(p->offset + byte) % size];
			uint8_t value = (uint8_t)(p->value >> byte * 8);

			*at = p->xor ? *at ^ value : value;
		}
	}
}

/* Header, digest, gap, data and its digest as the header says, patched on the way. */
static void send_pdu(struct peer *peer, void *header, const void *data, uint32_t length)
{
	struct nvme_tcp_ch *ch = header;
	uint8_t hlen = ch->hlen;
	uint32_t head = nvme_tcp_header_len(ch, peer->format.hdgst), pdo = length ? ch->pdo : head;
	uint32_t tail = length && peer->format.ddgst ? NVME_TCP_DIGEST_LEN : 0;
	size_t size = pdo + length + tail;
	uint8_t *pdu = calloc(1, size);
	le32 digest;

	fuzz_assert(pdu);
	memcpy(pdu, header, hlen);
	if (length)
		memcpy(pdu + pdo, data, length);
	patch(peer, false, pdu, size);
	if (head > hlen) {
		digest = le32_of(crc32c(0, pdu, hlen));
		memcpy(pdu + hlen, &digest, sizeof(digest));
	}
	if (tail) {
		digest = le32_of(crc32c(0, pdu + pdo, length));
		memcpy(pdu + pdo + length, &digest, sizeof(digest));
	}
	patch(peer, true, pdu, size);
	peer->patch_count = 0;
	peer_bytes(peer, pdu, size);
	free(pdu);
}

void peer_icreq(struct peer *peer, uint8_t dgst, uint8_t hpda, uint32_t maxr2t)
{
	struct nvme_tcp_icreq pdu;

	nvme_tcp_put_icreq(&pdu, hpda, dgst, maxr2t);
	send_pdu(peer, &pdu, NULL, 0);
	peer->format.hdgst = dgst & NVME_TCP_DGST_HDR;
	peer->format.ddgst = dgst & NVME_TCP_DGST_DATA;
}

void peer_command(struct peer *peer, const struct nvme_sqe *sqe, const void *data, uint32_t length)
{
	struct nvme_tcp_cmd pdu;

	nvme_tcp_put_cmd(&pdu, &peer->format, length);
	pdu.sqe = *sqe;
	pdu.sqe.cid = le16_of(++peer->cid);
	peer->commands++;
	send_pdu(peer, &pdu, data, length);
}

void peer_stretch(struct peer *peer, uint32_t length)
{
	if (!peer->r2t_count)
		return;
	peer->wild = true;
	peer->r2ts[0].length += length;
}

void peer_h2c_data(struct peer *peer, unsigned int index, uint32_t length)
{
	static const uint8_t any[128 << 10] = { 1, 2, 3 };
	const uint8_t *payload = NULL;
	struct nvme_tcp_h2c_data pdu;
	struct peer_r2t r2t;

	if (!peer->r2t_count)
		return;
	index %= peer->r2t_count;
	r2t = peer->r2ts[index];
	if (length > r2t.length)
		length = r2t.length;
	if (length > sizeof(any))
		length = sizeof(any);
	if (peer->ops && peer->ops->payload)
		payload = peer->ops->payload(peer, r2t.cid);
	peer->r2ts[index].offset += length;
	peer->r2ts[index].length -= length;
	if (!peer->r2ts[index].length) {
		peer->r2t_count--;
		memmove(&peer->r2ts[index], &peer->r2ts[index + 1],
			(peer->r2t_count - index) * sizeof(r2t));
	}
	nvme_tcp_put_h2c_data(&pdu, &peer->format, r2t.cid, r2t.ttag, r2t.offset, length,
			      length == r2t.length);
	send_pdu(peer, &pdu, payload ? payload + r2t.offset : any, length);
}

void peer_term(struct peer *peer, uint16_t fes, uint32_t fei)
{
	const struct nvme_tcp_fault fault = { .fes = fes, .fei = fei };
	struct nvme_tcp_term pdu;

	nvme_tcp_put_term(&pdu, NVME_TCP_H2C_TERM, &fault, 0);
	send_pdu(peer, &pdu, NULL, 0);
}

/* ---- from the controller ---- */

static bool digest_right(const uint8_t *bytes, size_t count, const uint8_t *digest)
{
	le32 sent;

	memcpy(&sent, digest, sizeof(sent));
	return le32_get(sent) == crc32c(0, bytes, count);
}

static void answered(struct peer *peer, const struct nvme_cqe *cqe)
{
	peer->answers++;
	fuzz_assert(peer->wild || peer->answers <= peer->commands);
	if (le16_get(cqe->cid) == peer->connect_cid && nvme_status_ok(nvme_cqe_status(cqe)))
		peer->cntlid = (uint16_t)le32_get(cqe->dw0);
	if (peer->ops && peer->ops->answered)
		peer->ops->answered(peer, cqe);
}

static void got_data(struct peer *peer, const struct nvme_tcp_c2h_data *pdu, const uint8_t *data,
		     uint32_t length)
{
	bool success = pdu->ch.flags & NVME_TCP_F_SUCCESS;

	fuzz_assert(le32_get(pdu->datal) == length);
	if (success)
		peer->answers++;
	fuzz_assert(peer->wild || peer->answers <= peer->commands);
	if (peer->ops && peer->ops->data)
		peer->ops->data(peer, le16_get(pdu->cccid), le32_get(pdu->datao), data, length,
				success);
}

static void asked(struct peer *peer, const struct nvme_tcp_r2t *pdu)
{
	fuzz_assert(le32_get(pdu->r2tl));
	if (peer->r2t_count == PEER_R2TS)
		return;
	peer->r2ts[peer->r2t_count++] = (struct peer_r2t){
		.cid = le16_get(pdu->cccid), .ttag = le16_get(pdu->ttag),
		.offset = le32_get(pdu->r2to), .length = le32_get(pdu->r2tl),
	};
}

static void handle(struct peer *peer, const uint8_t *pdu)
{
	const struct nvme_tcp_ch *ch = (const struct nvme_tcp_ch *)pdu;
	uint32_t length = nvme_tcp_data_len(ch, peer->hdgst, peer->ddgst);

	switch (ch->type) {
	case NVME_TCP_ICRESP:
		peer->hdgst = ((const struct nvme_tcp_icresp *)pdu)->dgst & NVME_TCP_DGST_HDR;
		peer->ddgst = ((const struct nvme_tcp_icresp *)pdu)->dgst & NVME_TCP_DGST_DATA;
		break;
	case NVME_TCP_RSP:
		answered(peer, &((const struct nvme_tcp_rsp *)pdu)->cqe);
		break;
	case NVME_TCP_R2T:
		asked(peer, (const struct nvme_tcp_r2t *)pdu);
		break;
	case NVME_TCP_C2H_DATA:
		if (peer->ddgst)
			fuzz_assert(digest_right(pdu + ch->pdo, length, pdu + ch->pdo + length));
		got_data(peer, (const struct nvme_tcp_c2h_data *)pdu, pdu + ch->pdo, length);
		break;
	case NVME_TCP_C2H_TERM:
		peer->term = true;
		break;
	default:
		break;
	}
}

void peer_receive(struct peer *peer, const uint8_t *data, size_t count)
{
	struct nvme_tcp_fault fault;
	size_t at = 0;

	append(&peer->in, &peer->in_count, &peer->in_size, data, count);
	while (peer->in_count - at >= sizeof(struct nvme_tcp_ch)) {
		const struct nvme_tcp_ch *ch = (const struct nvme_tcp_ch *)(peer->in + at);
		uint32_t plen = le32_get(ch->plen);

		fuzz_assert(!peer->term);
		fuzz_assert(nvme_tcp_header_check(ch, NVME_TCP_TO_HOST, peer->hdgst,
						  peer->ddgst, 1 << 20, &fault) == 0);
		if (peer->in_count - at < plen)
			break;
		if (peer->hdgst && ch->type >= NVME_TCP_CMD)
			fuzz_assert(digest_right(peer->in + at, ch->hlen,
						 peer->in + at + ch->hlen));
		handle(peer, peer->in + at);
		at += plen;
	}
	peer->in_count -= at;
	memmove(peer->in, peer->in + at, peer->in_count);
}
