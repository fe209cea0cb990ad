/* SPDX-License-Identifier: BSD-3-Clause */
/* NVMe/TCP PDU headers: check and encode. */
#include "spec/tcp.h"

#include <errno.h>
#include <string.h>

/* The properties of a type of PDU. */
struct shape {
	uint8_t	hlen;
	uint8_t	to;		/* 1 << enum nvme_tcp_dir */
	bool	digests;	/* carries the negotiated digests */
	enum { DATA_NEVER, DATA_MAYBE, DATA_ALWAYS } data;
};

#define TO_CTRL (1u << NVME_TCP_TO_CTRL)
#define TO_HOST (1u << NVME_TCP_TO_HOST)

static const struct shape shapes[] = {
	[NVME_TCP_ICREQ]	= { 128, TO_CTRL, false, DATA_NEVER },
	[NVME_TCP_ICRESP]	= { 128, TO_HOST, false, DATA_NEVER },
	[NVME_TCP_H2C_TERM]	= { 24, TO_CTRL, false, DATA_MAYBE },
	[NVME_TCP_C2H_TERM]	= { 24, TO_HOST, false, DATA_MAYBE },
	[NVME_TCP_CMD]		= { 72, TO_CTRL, true, DATA_MAYBE },
	[NVME_TCP_RSP]		= { 24, TO_HOST, true, DATA_NEVER },
	[NVME_TCP_H2C_DATA]	= { 24, TO_CTRL, true, DATA_ALWAYS },
	[NVME_TCP_C2H_DATA]	= { 24, TO_HOST, true, DATA_ALWAYS },
	[NVME_TCP_R2T]		= { 24, TO_HOST, true, DATA_NEVER },
};

static int fail(struct nvme_tcp_fault *ret_fault, uint16_t fes, uint32_t fei, const char *what)
{
	*ret_fault = (struct nvme_tcp_fault){ .fes = fes, .fei = fei, .what = what };
	return -EPROTO;
}

static int fail_field(struct nvme_tcp_fault *ret_fault, size_t offset, const char *what)
{
	return fail(ret_fault, NVME_TCP_FES_HEADER_FIELD, (uint32_t)offset, what);
}

#define FIELD(name) offsetof(struct nvme_tcp_ch, name)

/* TermReqs have no digest and no PDO; a copy of the faulty header follows the header. */
static int check_term(const struct nvme_tcp_ch *ch, struct nvme_tcp_fault *ret_fault)
{
	uint32_t plen = le32_get(ch->plen);

	if (plen < NVME_TCP_TERM_LEN || plen > NVME_TCP_TERM_LEN + NVME_TCP_TERM_DATA_MAX)
		return fail_field(ret_fault, FIELD(plen), "PLEN of a TermReq is not 24 to 152");
	return 0;
}

/* Checks PDO and the length of the data of a PDU with data. */
static int check_data(const struct nvme_tcp_ch *ch, uint32_t head, bool ddgst, uint32_t maxdata,
		      struct nvme_tcp_fault *ret_fault)
{
	uint32_t plen = le32_get(ch->plen);
	uint32_t tail = ddgst ? NVME_TCP_DIGEST_LEN : 0;

	if (!(ch->flags & NVME_TCP_F_DDGST) != !ddgst)
		return fail_field(ret_fault, FIELD(flags), "DDGSTF is not as negotiated");
	if (ch->pdo < head || ch->pdo % 4 || ch->pdo >= plen)
		return fail_field(ret_fault, FIELD(pdo), "PDO is not a place for data");
	if (plen - ch->pdo <= tail)
		return fail_field(ret_fault, FIELD(plen), "PLEN leaves no room for data");
	if (plen - ch->pdo - tail <= maxdata)
		return 0;
	switch (ch->type) {
	case NVME_TCP_H2C_DATA:
		return fail(ret_fault, NVME_TCP_FES_LIMIT, 0, "H2CData is longer than MAXH2CDATA");
	case NVME_TCP_C2H_DATA:
		return fail(ret_fault, NVME_TCP_FES_OUT_OF_RANGE, 0, "C2HData is too long");
	default:
		return fail_field(ret_fault, FIELD(plen), "more in-capsule data than allowed");
	}
}

int nvme_tcp_header_check(const struct nvme_tcp_ch *ch, enum nvme_tcp_dir dir, bool hdgst,
			  bool ddgst, uint32_t maxdata, struct nvme_tcp_fault *ret_fault)
{
	uint32_t plen = le32_get(ch->plen);
	const struct shape *shape;
	uint32_t head;

	if (ch->type >= sizeof(shapes) / sizeof(shapes[0]) || shapes[ch->type].hlen == 0)
		return fail_field(ret_fault, FIELD(type), "unknown PDU type");
	shape = &shapes[ch->type];
	if (!(shape->to & 1u << dir))
		return fail_field(ret_fault, FIELD(type), "PDU type travels the other way");
	if (ch->hlen != shape->hlen)
		return fail_field(ret_fault, FIELD(hlen), "HLEN is not the PDU type's");
	if (shape->digests && !(ch->flags & NVME_TCP_F_HDGST) != !hdgst)
		return fail_field(ret_fault, FIELD(flags), "HDGSTF is not as negotiated");
	if (shape->digests && (ch->flags & NVME_TCP_F_DDGST) && !ddgst)
		return fail_field(ret_fault, FIELD(flags), "DDGSTF is not as negotiated");
	if (!shape->digests && shape->data == DATA_MAYBE)
		return check_term(ch, ret_fault);

	head = nvme_tcp_header_len(ch, hdgst);
	if (plen < head)
		return fail_field(ret_fault, FIELD(plen), "PLEN is shorter than the header");
	if (plen == head && shape->data != DATA_ALWAYS)
		return 0;
	if (plen == head)
		return fail_field(ret_fault, FIELD(plen), "PLEN leaves no room for data");
	if (shape->data == DATA_NEVER)
		return fail_field(ret_fault, FIELD(plen), "PLEN is longer than the PDU type's");
	return check_data(ch, head, ddgst, maxdata, ret_fault);
}

/* Fills the common header of a PDU that carries digests and, if datal is not 0, data. */
static void put_ch(struct nvme_tcp_ch *ch, enum nvme_tcp_type type, uint8_t hlen, uint8_t flags,
		   const struct nvme_tcp_format *fmt, uint32_t datal)
{
	uint32_t plen = hlen;

	ch->type = (uint8_t)type;
	ch->flags = flags;
	ch->hlen = hlen;
	ch->pdo = 0;
	if (fmt->hdgst) {
		ch->flags |= NVME_TCP_F_HDGST;
		plen += NVME_TCP_DIGEST_LEN;
	}
	if (datal) {
		ch->pdo = nvme_tcp_pdo(fmt, hlen);
		plen = ch->pdo + datal;
	}
	if (datal && fmt->ddgst) {
		ch->flags |= NVME_TCP_F_DDGST;
		plen += NVME_TCP_DIGEST_LEN;
	}
	ch->plen = le32_of(plen);
}

/* Fills the common header of a PDU that never carries digests. */
static void put_plain_ch(struct nvme_tcp_ch *ch, enum nvme_tcp_type type, uint8_t hlen,
			 uint32_t plen)
{
	*ch = (struct nvme_tcp_ch){ .type = (uint8_t)type, .hlen = hlen, .plen = le32_of(plen) };
}

void nvme_tcp_put_icreq(struct nvme_tcp_icreq *pdu, uint8_t hpda, uint8_t dgst, uint32_t maxr2t)
{
	memset(pdu, 0, sizeof(*pdu));
	put_plain_ch(&pdu->ch, NVME_TCP_ICREQ, sizeof(*pdu), sizeof(*pdu));
	pdu->pfv = le16_of(NVME_TCP_PFV);
	pdu->hpda = hpda;
	pdu->dgst = dgst;
	pdu->maxr2t = le32_of(maxr2t);
}

void nvme_tcp_put_icresp(struct nvme_tcp_icresp *pdu, uint8_t cpda, uint8_t dgst,
			 uint32_t maxh2cdata)
{
	memset(pdu, 0, sizeof(*pdu));
	put_plain_ch(&pdu->ch, NVME_TCP_ICRESP, sizeof(*pdu), sizeof(*pdu));
	pdu->pfv = le16_of(NVME_TCP_PFV);
	pdu->cpda = cpda;
	pdu->dgst = dgst;
	pdu->maxh2cdata = le32_of(maxh2cdata);
}

void nvme_tcp_put_cmd(struct nvme_tcp_cmd *pdu, const struct nvme_tcp_format *fmt,
		      uint32_t datal)
{
	put_ch(&pdu->ch, NVME_TCP_CMD, sizeof(*pdu), 0, fmt, datal);
}

void nvme_tcp_put_rsp(struct nvme_tcp_rsp *pdu, const struct nvme_tcp_format *fmt)
{
	put_ch(&pdu->ch, NVME_TCP_RSP, sizeof(*pdu), 0, fmt, 0);
}

void nvme_tcp_put_h2c_data(struct nvme_tcp_h2c_data *pdu, const struct nvme_tcp_format *fmt,
			   uint16_t cccid, uint16_t ttag, uint32_t datao, uint32_t datal,
			   bool last)
{
	memset(pdu, 0, sizeof(*pdu));
	put_ch(&pdu->ch, NVME_TCP_H2C_DATA, sizeof(*pdu), last ? NVME_TCP_F_LAST : 0, fmt, datal);
	pdu->cccid = le16_of(cccid);
	pdu->ttag = le16_of(ttag);
	pdu->datao = le32_of(datao);
	pdu->datal = le32_of(datal);
}

void nvme_tcp_put_c2h_data(struct nvme_tcp_c2h_data *pdu, const struct nvme_tcp_format *fmt,
			   uint16_t cccid, uint32_t datao, uint32_t datal, uint8_t flags)
{
	memset(pdu, 0, sizeof(*pdu));
	put_ch(&pdu->ch, NVME_TCP_C2H_DATA, sizeof(*pdu), flags, fmt, datal);
	pdu->cccid = le16_of(cccid);
	pdu->datao = le32_of(datao);
	pdu->datal = le32_of(datal);
}

void nvme_tcp_put_r2t(struct nvme_tcp_r2t *pdu, const struct nvme_tcp_format *fmt,
		      uint16_t cccid, uint16_t ttag, uint32_t r2to, uint32_t r2tl)
{
	memset(pdu, 0, sizeof(*pdu));
	put_ch(&pdu->ch, NVME_TCP_R2T, sizeof(*pdu), 0, fmt, 0);
	pdu->cccid = le16_of(cccid);
	pdu->ttag = le16_of(ttag);
	pdu->r2to = le32_of(r2to);
	pdu->r2tl = le32_of(r2tl);
}

void nvme_tcp_put_term(struct nvme_tcp_term *pdu, enum nvme_tcp_type type,
		       const struct nvme_tcp_fault *fault, uint32_t header_len)
{
	memset(pdu, 0, sizeof(*pdu));
	put_plain_ch(&pdu->ch, type, sizeof(*pdu), (uint32_t)sizeof(*pdu) + header_len);
	pdu->fes = le16_of(fault->fes);
	pdu->fei = le32_of(fault->fei);
}

const char *nvme_tcp_type_str(uint8_t type)
{
	switch (type) {
	case NVME_TCP_ICREQ: return "ICReq";
	case NVME_TCP_ICRESP: return "ICResp";
	case NVME_TCP_H2C_TERM: return "H2CTermReq";
	case NVME_TCP_C2H_TERM: return "C2HTermReq";
	case NVME_TCP_CMD: return "CapsuleCmd";
	case NVME_TCP_RSP: return "CapsuleResp";
	case NVME_TCP_H2C_DATA: return "H2CData";
	case NVME_TCP_C2H_DATA: return "C2HData";
	case NVME_TCP_R2T: return "R2T";
	default: return "unknown PDU";
	}
}

const char *nvme_tcp_fes_str(uint16_t fes)
{
	switch (fes) {
	case NVME_TCP_FES_HEADER_FIELD: return "Invalid PDU Header Field";
	case NVME_TCP_FES_SEQUENCE: return "PDU Sequence Error";
	case NVME_TCP_FES_HEADER_DIGEST: return "Header Digest Error";
	case NVME_TCP_FES_OUT_OF_RANGE: return "Data Transfer Out of Range";
	case NVME_TCP_FES_LIMIT: return "Data Transfer or R2T Limit Exceeded";
	case NVME_TCP_FES_UNSUPPORTED: return "Unsupported Parameter";
	default: return "unknown error";
	}
}
