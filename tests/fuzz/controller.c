/* SPDX-License-Identifier: BSD-3-Clause */
#include "controller.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "record.h"
#include "spec/fabrics.h"
#include "spec/feature.h"
#include "spec/identify.h"
#include "spec/log.h"
#include "spec/property.h"
#include "spec/tcp.h"
#include "util/crc32c.h"

#define CONNECTIONS 4
#define ANSWERS_MAX 3000		/* of one input: then all connections are closed */
#define PENDING 64
#define BLOCK 512
#define BLOCKS 256
#define RECORDS 2			/* of the discovery log */

/* A command that waits for its answer. */
struct pending {
	struct nvme_sqe sqe;
	uint32_t got;			/* bytes of its data that came */
	bool asked;			/* by an R2T */
};

static struct connection {
	bool open, closing;
	struct nvme_tcp_format format;
	struct pending pending[PENDING];
	unsigned int count;
	uint8_t *in, *out;		/* owned */
	size_t in_count, out_count, out_at;
	uint8_t *said;			/* owned: all that the host has read */
	size_t said_count;
	uint32_t cc;
	uint8_t chop;
} connections[CONNECTIONS];

static struct {
	const uint8_t *at;
	size_t left;
	unsigned int answers;
} script;

static const uint8_t *next_record(void)
{
	const uint8_t *record = script.at;

	if (script.left < RECORD_SIZE)
		return NULL;
	script.at += RECORD_SIZE;
	script.left -= RECORD_SIZE;
	return record;
}

void controller_start(const uint8_t *records, size_t size)
{
	for (int i = 0; i < CONNECTIONS; i++)
		controller_close(i);
	script.at = records;
	script.left = size;
	script.answers = 0;
}

int controller_connect(void)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (connections[i].open)
			continue;
		connections[i] = (struct connection){ .open = true };
		return i;
	}
	return -1;
}

void controller_close(int connection)
{
	struct connection *c = &connections[connection];

	free(c->in);
	free(c->out);
	free(c->said);
	*c = (struct connection){ 0 };
}

/* What holds that many bytes: twice as much each time, or single bytes would take their square. */
static size_t room_for(size_t count)
{
	return count ? (size_t)2 << (63 - __builtin_clzll(count)) : 1;
}

static void append(uint8_t **data, size_t *used, const void *bytes, size_t count)
{
	if (!*data || room_for(*used + count) != room_for(*used))
		*data = realloc(*data, room_for(*used + count));
	fuzz_assert(*data);
	memcpy(*data + *used, bytes, count);
	*used += count;
}

/* ---- to the host ---- */

/* As `record` has it: bytes of the PDU are changed, before or after the digests are made. */
static void patch(const uint8_t *record, bool late, uint8_t *pdu, size_t size)
{
	if (!record || !(record[1] & 1) || !(record[1] & 2) != !late)
		return;
	for (unsigned int i = 0; i < record[8] % 4u + 1; i++)
		pdu[(record_u16(record + 2) + i) % size] ^= record[4 + i];
}

static void send_pdu(struct connection *c, void *header, const void *data, uint32_t length,
		     const uint8_t *record)
{
	const struct nvme_tcp_ch *ch = header;
	uint32_t head = nvme_tcp_header_len(ch, c->format.hdgst), pdo = length ? ch->pdo : head;
	uint32_t tail = length && c->format.ddgst ? NVME_TCP_DIGEST_LEN : 0;
	size_t size = pdo + length + tail;
	uint8_t *pdu = calloc(1, size), hlen = ch->hlen;
	le32 digest;

	fuzz_assert(pdu);
	memcpy(pdu, header, hlen);
	if (length)
		memcpy(pdu + pdo, data, length);
	patch(record, false, pdu, size);
	digest = le32_of(crc32c(0, pdu, hlen));
	if (head > hlen)
		memcpy(pdu + hlen, &digest, sizeof(digest));
	digest = le32_of(crc32c(0, pdu + pdo, length));
	if (tail)
		memcpy(pdu + pdo + length, &digest, sizeof(digest));
	patch(record, true, pdu, size);
	append(&c->out, &c->out_count, pdu, size);
	free(pdu);
}

static void respond(struct connection *c, unsigned int index, uint64_t result, uint16_t sc,
		    const uint8_t *record)
{
	struct nvme_tcp_rsp pdu = { 0 };

	nvme_tcp_put_rsp(&pdu, &c->format);
	pdu.cqe.cid = c->pending[index].sqe.cid;
	pdu.cqe.result = le64_of(result);
	nvme_cqe_set_status(&pdu.cqe, nvme_status(sc));
	c->count--;
	memmove(&c->pending[index], &c->pending[index + 1],
		(c->count - index) * sizeof(c->pending[0]));
	send_pdu(c, &pdu, NULL, 0, record);
}

/* Data in one PDU or two, then the response. */
static void bring(struct connection *c, unsigned int index, const uint8_t *data, uint32_t length,
		  const uint8_t *record)
{
	uint32_t first = record && (record[1] & 4) && length > 8 ? length / 2 & ~3u : length;
	bool success = record && (record[1] & 8);
	le16 cid = c->pending[index].sqe.cid;

	for (uint32_t at = 0, n = first; at < length; at += n, n = length - at) {
		struct nvme_tcp_c2h_data pdu;
		uint8_t last = at + n == length ? NVME_TCP_F_LAST : 0;

		nvme_tcp_put_c2h_data(&pdu, &c->format, le16_get(cid), at, n,
				      last | (last && success ? NVME_TCP_F_SUCCESS : 0));
		send_pdu(c, &pdu, data + at, n, record);
	}
	if (!success)
		respond(c, index, 0, NVME_SC_SUCCESS, NULL);
}

static void ask(struct connection *c, unsigned int index, const uint8_t *record)
{
	struct pending *p = &c->pending[index];
	uint32_t length = le32_get(p->sqe.sgl.length) - p->got;
	struct nvme_tcp_r2t pdu;

	if (record && (record[1] & 4) && length > 512)
		length = 512;
	p->asked = true;
	nvme_tcp_put_r2t(&pdu, &c->format, le16_get(p->sqe.cid), (uint16_t)index, p->got, length);
	send_pdu(c, &pdu, NULL, 0, record);
}

/* ---- what is right ---- */

static uint64_t property(struct connection *c, uint32_t offset)
{
	switch (offset) {
	case NVME_PROP_CAP:
		return 31u << NVME_CAP_MQES_SHIFT | NVME_CAP_CQR |
		       UINT64_C(1) << NVME_CAP_TO_SHIFT | NVME_CAP_CSS_NVM;
	case NVME_PROP_VS:
		return NVME_VS(2, 1, 0);
	case NVME_PROP_CSTS:
		return (c->cc & NVME_CC_SHN_MASK ? NVME_CSTS_SHST_COMPLETE : 0) | NVME_CSTS_RDY;
	default:
		return 0;
	}
}

static void answer_fabrics(struct connection *c, unsigned int index, const uint8_t *record)
{
	struct nvmf_property_cmd cmd;
	uint64_t result = 0;

	memcpy(&cmd, &c->pending[index].sqe, sizeof(cmd));
	if (cmd.fctype == NVMF_CONNECT)
		result = 1;
	else if (cmd.fctype == NVMF_PROPERTY_GET)
		result = property(c, le32_get(cmd.ofst));
	else if (cmd.fctype == NVMF_PROPERTY_SET)
		c->cc = (uint32_t)le64_get(cmd.value);
	respond(c, index, result, NVME_SC_SUCCESS, record);
}

static void identify(const struct nvme_sqe *sqe, uint8_t *data)
{
	struct nvme_id_ctrl *ctrl = (struct nvme_id_ctrl *)data;
	struct nvme_id_ns *ns = (struct nvme_id_ns *)data;

	if ((le32_get(sqe->cdw10) & 0xff) == NVME_CNS_CTRL) {
		ctrl->mdts = 3;
		ctrl->vwc = NVME_VWC_PRESENT;
		ctrl->ioccsz = le32_of((sizeof(struct nvme_sqe) + 4096) / 16);
		ctrl->sgls = le32_of(NVME_SGLS_OFFSET);
	} else {
		ns->nsze = ns->ncap = le64_of(BLOCKS);
		ns->lbaf[0].lbads = 9;
	}
}

/* The part of the discovery log that the command asks for. */
static void discovery_log(const struct nvme_sqe *sqe, uint8_t *data, uint32_t length)
{
	static uint8_t log[sizeof(struct nvmf_disc_log) + RECORDS * sizeof(struct nvmf_disc_entry)];
	struct nvmf_disc_log *head = (struct nvmf_disc_log *)log;
	uint32_t offset = le32_get(sqe->cdw12);

	head->genctr = le64_of(1);
	head->numrec = le64_of(RECORDS);
	if (offset < sizeof(log))
		memcpy(data, log + offset,
		       sizeof(log) - offset < length ? sizeof(log) - offset : length);
}

static void answer_read(struct connection *c, unsigned int index, const uint8_t *record)
{
	const struct nvme_sqe *sqe = &c->pending[index].sqe;
	uint32_t length = le32_get(sqe->sgl.length);
	uint8_t *data = calloc(1, length + 1);

	fuzz_assert(data);
	if (sqe->opcode == NVME_ADMIN_IDENTIFY && length == NVME_IDENTIFY_SIZE)
		identify(sqe, data);
	else if (sqe->opcode == NVME_ADMIN_GET_LOG_PAGE &&
		 (le32_get(sqe->cdw10) & 0xff) == NVME_LOG_DISCOVERY)
		discovery_log(sqe, data, length);
	/* a change of the data, so that digests stay right */
	if (record && (record[1] & 0x10) && length)
		data[record_u16(record + 10) % length] ^= record[12];
	bring(c, index, data, length, record);
	free(data);
}

static void answer(struct connection *c, unsigned int index, const uint8_t *record)
{
	struct pending *p = &c->pending[index];
	bool in_capsule = p->sqe.sgl.type == NVME_SGL_IN_CAPSULE;
	uint32_t length = le32_get(p->sqe.sgl.length);

	if (nvme_sqe_dir(&p->sqe) == NVME_DATA_TO_CTRL && length && !in_capsule &&
	    p->got < length)
		ask(c, index, record);
	else if (p->sqe.opcode == NVME_CMD_FABRICS)
		answer_fabrics(c, index, record);
	else if (nvme_sqe_dir(&p->sqe) == NVME_DATA_TO_HOST && length)
		answer_read(c, index, record);
	else
		respond(c, index, p->sqe.opcode == NVME_ADMIN_SET_FEATURES ? 3 | 3 << 16 : 0,
			NVME_SC_SUCCESS, record);
}

/* ---- and what is not ---- */

enum action { RIGHT, STATUS, RAW, CLOSE, TERM, AGAIN, UNASKED, SILENT, ACTIONS };

static void act(struct connection *c, const uint8_t *record)
{
	const struct nvme_tcp_fault fault = { .fes = record_u16(record + 2),
					      .fei = record_u32(record + 4) };
	unsigned int index = record[14] % c->count;
	struct pending saved = c->pending[index];
	struct nvme_tcp_term term;

	switch (record[0] % ACTIONS) {
	case STATUS:
		respond(c, index, record_u32(record + 4), record_u16(record + 2), NULL);
		break;
	case RAW:
		append(&c->out, &c->out_count, record + 2, record[1] % 14u + 1);
		break;
	case CLOSE:
		c->closing = true;
		break;
	case TERM:
		nvme_tcp_put_term(&term, NVME_TCP_C2H_TERM, &fault, 0);
		send_pdu(c, &term, NULL, 0, record);
		break;
	case AGAIN:
		answer(c, index, record);
		if (c->count && c->count < PENDING)
			c->pending[c->count++] = saved;
		break;
	case UNASKED:
		ask(c, index, record);
		break;
	case SILENT:
		break;
	default:
		answer(c, index, record);
	}
}

/* One command more is answered; false: nothing can be. */
static bool proceed(struct connection *c)
{
	const uint8_t *record;
	unsigned int index = 0;

	if (script.answers++ > ANSWERS_MAX) {
		c->closing = true;
		return true;
	}
	/* one that was asked for data is answered when that has come */
	while (index < c->count && c->pending[index].asked &&
	       c->pending[index].got < le32_get(c->pending[index].sqe.sgl.length))
		index++;
	if (!c->count)
		return false;
	record = next_record();
	if (record) {
		c->chop = record[9];
		act(c, record);
		return true;
	}
	if (index == c->count)
		return false;
	answer(c, index, NULL);
	return true;
}

bool controller_readable(int connection)
{
	struct connection *c = &connections[connection];

	return c->out_at < c->out_count || c->closing || proceed(c);
}

long controller_send(int connection, uint8_t *data, size_t size)
{
	struct connection *c = &connections[connection];
	size_t n;

	if (c->out_at == c->out_count && !c->closing)
		return -1;
	n = c->out_count - c->out_at;
	if (n > size)
		n = size;
	if (c->chop && n > c->chop)
		n = c->chop;
	if (n)
		memcpy(data, c->out + c->out_at, n);
	append(&c->said, &c->said_count, data, n);
	c->out_at += n;
	if (c->out_at == c->out_count)
		c->out_at = c->out_count = 0;
	return (long)n;
}

/* ---- from the host ---- */

static void take_icreq(struct connection *c, const struct nvme_tcp_icreq *req)
{
	const uint8_t *record = next_record();
	struct nvme_tcp_icresp resp;

	nvme_tcp_put_icresp(&resp, record ? record[13] & 3 : 0, req->dgst, 8192);
	send_pdu(c, &resp, NULL, 0, record);
	c->format = (struct nvme_tcp_format){ .hdgst = req->dgst & NVME_TCP_DGST_HDR,
					      .ddgst = req->dgst & NVME_TCP_DGST_DATA };
}

static void take_data(struct connection *c, const struct nvme_tcp_h2c_data *pdu)
{
	for (unsigned int i = 0; i < c->count; i++)
		if (memcmp(&c->pending[i].sqe.cid, &pdu->cccid, sizeof(pdu->cccid)) == 0)
			c->pending[i].got += le32_get(pdu->datal);
	/* further R2Ts may follow */
	for (unsigned int i = 0; i < c->count; i++)
		c->pending[i].asked = false;
}

/* The header that it sends back is one that it got, and no more than it got of it. */
static void take_term(struct connection *c, const struct nvme_tcp_term *term)
{
	uint32_t length = le32_get(term->ch.plen) - NVME_TCP_TERM_LEN;

	/* a common header alone may be one that the host made up */
	if (length > sizeof(struct nvme_tcp_ch))
		fuzz_assert(memmem(c->said, c->said_count, term + 1, length));
	c->closing = true;
}

static void take_pdu(struct connection *c, const uint8_t *pdu)
{
	const struct nvme_tcp_ch *ch = (const struct nvme_tcp_ch *)pdu;

	if (c->format.hdgst && ch->type >= NVME_TCP_CMD) {
		le32 digest = le32_of(crc32c(0, pdu, ch->hlen));

		fuzz_assert(memcmp(&digest, pdu + ch->hlen, sizeof(digest)) == 0);
	}
	switch (ch->type) {
	case NVME_TCP_ICREQ:
		take_icreq(c, (const struct nvme_tcp_icreq *)pdu);
		break;
	case NVME_TCP_CMD:
		fuzz_assert(c->count < PENDING);
		c->pending[c->count++] =
			(struct pending){ .sqe = ((const struct nvme_tcp_cmd *)pdu)->sqe };
		break;
	case NVME_TCP_H2C_DATA:
		take_data(c, (const struct nvme_tcp_h2c_data *)pdu);
		break;
	default:
		take_term(c, (const struct nvme_tcp_term *)pdu);
	}
}

void controller_receive(int connection, const uint8_t *data, size_t count)
{
	struct connection *c = &connections[connection];
	struct nvme_tcp_fault fault;
	size_t at = 0;

	append(&c->in, &c->in_count, data, count);
	while (c->in_count - at >= sizeof(struct nvme_tcp_ch)) {
		const struct nvme_tcp_ch *ch = (const struct nvme_tcp_ch *)(c->in + at);
		uint32_t plen = le32_get(ch->plen);

		fuzz_assert(nvme_tcp_header_check(ch, NVME_TCP_TO_CTRL, c->format.hdgst,
						  c->format.ddgst, 1 << 24, &fault) == 0);
		if (c->in_count - at < plen)
			break;
		take_pdu(c, c->in + at);
		at += plen;
	}
	c->in_count -= at;
	memmove(c->in, c->in + at, c->in_count);
}
