/* SPDX-License-Identifier: BSD-3-Clause */
/* NVMe/TCP PDUs (NVMe/TCP Transport 1.1, 3.6): layout, checks of received headers, encoders. */
#ifndef WEFT_SPEC_TCP_H
#define WEFT_SPEC_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/le.h"
#include "spec/nvme.h"

enum nvme_tcp_type {
	NVME_TCP_ICREQ		= 0x00,
	NVME_TCP_ICRESP		= 0x01,
	NVME_TCP_H2C_TERM	= 0x02,
	NVME_TCP_C2H_TERM	= 0x03,
	NVME_TCP_CMD		= 0x04,
	NVME_TCP_RSP		= 0x05,
	NVME_TCP_H2C_DATA	= 0x06,
	NVME_TCP_C2H_DATA	= 0x07,
	NVME_TCP_R2T		= 0x09,
};

/* Flags of the common header. */
#define NVME_TCP_F_HDGST	0x01
#define NVME_TCP_F_DDGST	0x02
#define NVME_TCP_F_LAST		0x04	/* H2CData, C2HData: last of the R2T, of the command */
#define NVME_TCP_F_SUCCESS	0x08	/* C2HData: no response capsule follows */

/* Bits of DGST in ICReq and ICResp. */
#define NVME_TCP_DGST_HDR	0x01
#define NVME_TCP_DGST_DATA	0x02

#define NVME_TCP_DIGEST_LEN	4
#define NVME_TCP_PFV		0	/* PDU format version */
#define NVME_TCP_IC_LEN		128
#define NVME_TCP_HPDA_MAX	31
#define NVME_TCP_TERM_LEN	24
#define NVME_TCP_TERM_DATA_MAX	128	/* bytes of the faulty PDU's header that may follow */
#define NVME_TCP_HEADER_MAX	128	/* longest HLEN of any PDU */
#define NVME_TCP_ADMIN_ICD	8192	/* in-capsule data of admin and Fabrics commands */
#define NVME_TCP_MAXH2C_MIN	4096	/* least MAXH2CDATA */

/* Common header (3.6.1). */
struct nvme_tcp_ch {
	uint8_t	type;
	uint8_t	flags;
	uint8_t	hlen;
	uint8_t	pdo;		/* where data starts; 0 without data */
	le32	plen;		/* everything, digests included */
};
_Static_assert(sizeof(struct nvme_tcp_ch) == 8, "common header");

struct nvme_tcp_icreq {
	struct nvme_tcp_ch ch;
	le16	pfv;
	uint8_t	hpda;		/* 0's based dwords */
	uint8_t	dgst;
	le32	maxr2t;		/* 0's based, per command */
	uint8_t	rsvd16[112];
};
_Static_assert(sizeof(struct nvme_tcp_icreq) == 128, "ICReq");

struct nvme_tcp_icresp {
	struct nvme_tcp_ch ch;
	le16	pfv;
	uint8_t	cpda;		/* 0's based dwords */
	uint8_t	dgst;
	le32	maxh2cdata;	/* bytes of one H2CData PDU */
	uint8_t	rsvd16[112];
};
_Static_assert(sizeof(struct nvme_tcp_icresp) == 128, "ICResp");

struct nvme_tcp_cmd {
	struct nvme_tcp_ch ch;
	struct nvme_sqe sqe;
};
_Static_assert(sizeof(struct nvme_tcp_cmd) == 72, "CapsuleCmd");

struct nvme_tcp_rsp {
	struct nvme_tcp_ch ch;
	struct nvme_cqe cqe;
};
_Static_assert(sizeof(struct nvme_tcp_rsp) == 24, "CapsuleResp");

struct nvme_tcp_h2c_data {
	struct nvme_tcp_ch ch;
	le16	cccid;		/* command that the data belongs to */
	le16	ttag;		/* of the R2T */
	le32	datao;		/* offset into the command's data */
	le32	datal;
	uint8_t	rsvd20[4];
};
_Static_assert(sizeof(struct nvme_tcp_h2c_data) == 24, "H2CData");
_Static_assert(offsetof(struct nvme_tcp_h2c_data, datao) == 12, "datao");

struct nvme_tcp_c2h_data {
	struct nvme_tcp_ch ch;
	le16	cccid;
	uint8_t	rsvd10[2];
	le32	datao;
	le32	datal;
	uint8_t	rsvd20[4];
};
_Static_assert(sizeof(struct nvme_tcp_c2h_data) == 24, "C2HData");
_Static_assert(offsetof(struct nvme_tcp_c2h_data, datao) == 12, "datao");

struct nvme_tcp_r2t {
	struct nvme_tcp_ch ch;
	le16	cccid;
	le16	ttag;
	le32	r2to;
	le32	r2tl;
	uint8_t	rsvd20[4];
};
_Static_assert(sizeof(struct nvme_tcp_r2t) == 24, "R2T");

/* H2CTermReq and C2HTermReq; up to 128 bytes of the faulty PDU's header follow. */
struct nvme_tcp_term {
	struct nvme_tcp_ch ch;
	le16	fes;
	le32	fei;
	uint8_t	rsvd14[10];
};
_Static_assert(sizeof(struct nvme_tcp_term) == 24, "TermReq");
_Static_assert(offsetof(struct nvme_tcp_term, fei) == 10, "fei");

/* Fatal error status. */
enum nvme_tcp_fes {
	NVME_TCP_FES_HEADER_FIELD	= 0x01,	/* FEI: offset of the field in the header */
	NVME_TCP_FES_SEQUENCE		= 0x02,
	NVME_TCP_FES_HEADER_DIGEST	= 0x03,	/* FEI: the digest received */
	NVME_TCP_FES_OUT_OF_RANGE	= 0x04,	/* data beyond what was asked for */
	NVME_TCP_FES_LIMIT		= 0x05,	/* C2H: over MAXH2CDATA; H2C: over MAXR2T */
	NVME_TCP_FES_UNSUPPORTED	= 0x06,	/* FEI: offset of the parameter */
};

/* A peer's violation of the protocol that ends the connection: for the TermReq and the log. */
struct nvme_tcp_fault {
	uint16_t fes;
	uint32_t fei;
	const char *what;		/* static memory */
};

/* The direction of a PDU. */
enum nvme_tcp_dir {
	NVME_TCP_TO_CTRL,		/* we are the controller and received it */
	NVME_TCP_TO_HOST,		/* we are the host and received it */
};

/*
 * Makes the checks of a received common header that need no state of commands: the type is valid
 * in this direction; digest flags agree with the negotiated digests; HLEN is the type's; PDO, if
 * the PDU has data, is after header and digest, on a dword, within the PDU; PLEN fits the type,
 * and the data is at most `maxdata` bytes. `maxdata` is, for CapsuleCmd, the queue's in-capsule
 * data size; for H2CData, MAXH2CDATA; for C2HData, the host's own limit. Reserved bits, and PDO in
 * a PDU without data, are ignored.
 *
 * Returns 0, or -EPROTO with *ret_fault filled (3.6.2: FES 01h with the field's offset; FES 05h
 * for H2CData over MAXH2CDATA; FES 04h for C2HData over the host's limit). After 0, header
 * length + digest <= PLEN, so the caller may wait for nvme_tcp_header_len() bytes and then PLEN.
 */
int nvme_tcp_header_check(const struct nvme_tcp_ch *ch, enum nvme_tcp_dir dir, bool hdgst,
			  bool ddgst, uint32_t maxdata, struct nvme_tcp_fault *ret_fault);

/* Bytes of header and header digest of a checked PDU. */
static inline uint32_t nvme_tcp_header_len(const struct nvme_tcp_ch *ch, bool hdgst)
{
	return ch->hlen + (hdgst && ch->type >= NVME_TCP_CMD ? NVME_TCP_DIGEST_LEN : 0u);
}

/* Bytes of data of a checked capsule or data PDU, digest not counted; they start at PDO. */
static inline uint32_t nvme_tcp_data_len(const struct nvme_tcp_ch *ch, bool hdgst, bool ddgst)
{
	uint32_t plen = le32_get(ch->plen);

	if (plen == nvme_tcp_header_len(ch, hdgst))
		return 0;
	return plen - ch->pdo - (ddgst ? NVME_TCP_DIGEST_LEN : 0u);
}

/* The layout of PDUs that we send on one connection. */
struct nvme_tcp_format {
	bool	hdgst;
	bool	ddgst;
	uint8_t	pda;		/* the peer's HPDA or CPDA, 0's based dwords */
};

/* PDO of a PDU with this header length. */
static inline uint8_t nvme_tcp_pdo(const struct nvme_tcp_format *fmt, uint8_t hlen)
{
	uint32_t unit = (fmt->pda + 1u) * 4;
	uint32_t end = hlen + (fmt->hdgst ? NVME_TCP_DIGEST_LEN : 0u);

	return (uint8_t)((end + unit - 1) / unit * unit);
}

/*
 * Encoders. Each fills the whole header, reserved bytes included, but not the digests: with
 * fmt->hdgst the caller appends the CRC32C of hlen bytes at offset hlen; with fmt->ddgst that of
 * the data behind it. Data starts at ch.pdo, with zeroes between.
 */
void nvme_tcp_put_icreq(struct nvme_tcp_icreq *pdu, uint8_t hpda, uint8_t dgst, uint32_t maxr2t);
void nvme_tcp_put_icresp(struct nvme_tcp_icresp *pdu, uint8_t cpda, uint8_t dgst,
			 uint32_t maxh2cdata);
/* Fills only the common header; the caller fills the SQE. datal: bytes of in-capsule data. */
void nvme_tcp_put_cmd(struct nvme_tcp_cmd *pdu, const struct nvme_tcp_format *fmt,
		      uint32_t datal);
/* Fills only the common header; the caller fills the CQE. */
void nvme_tcp_put_rsp(struct nvme_tcp_rsp *pdu, const struct nvme_tcp_format *fmt);
void nvme_tcp_put_h2c_data(struct nvme_tcp_h2c_data *pdu, const struct nvme_tcp_format *fmt,
			   uint16_t cccid, uint16_t ttag, uint32_t datao, uint32_t datal,
			   bool last);
/* `flags` is NVME_TCP_F_LAST and NVME_TCP_F_SUCCESS, or 0. */
void nvme_tcp_put_c2h_data(struct nvme_tcp_c2h_data *pdu, const struct nvme_tcp_format *fmt,
			   uint16_t cccid, uint32_t datao, uint32_t datal, uint8_t flags);
void nvme_tcp_put_r2t(struct nvme_tcp_r2t *pdu, const struct nvme_tcp_format *fmt,
		      uint16_t cccid, uint16_t ttag, uint32_t r2to, uint32_t r2tl);
/*
 * H2CTermReq or C2HTermReq by `type`. The caller appends `header_len` bytes of the faulty PDU's
 * header, at most NVME_TCP_TERM_DATA_MAX. TermReqs carry no digests.
 */
void nvme_tcp_put_term(struct nvme_tcp_term *pdu, enum nvme_tcp_type type,
		       const struct nvme_tcp_fault *fault, uint32_t header_len);

/* Short names for logs; static memory. */
const char *nvme_tcp_type_str(uint8_t type);
const char *nvme_tcp_fes_str(uint16_t fes);

#endif
