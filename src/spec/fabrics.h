/* SPDX-License-Identifier: BSD-3-Clause */
/* NVMe over Fabrics: Fabrics commands (NVMe Base 2.1, 6), discovery (5.1.12.3.1), NQNs (4.7). */
#ifndef WEFT_SPEC_FABRICS_H
#define WEFT_SPEC_FABRICS_H

#include <stddef.h>
#include <stdint.h>

#include "spec/le.h"
#include "spec/nvme.h"

#define NVMF_NQN_SIZE		256	/* of the field */
#define NVMF_NQN_MAX		223	/* longest NQN, without its NUL */
#define NVMF_DISCOVERY_NQN	"nqn.2014-08.org.nvmexpress.discovery"
#define NVMF_NQN_UUID_PREFIX	"nqn.2014-08.org.nvmexpress:uuid:"

#define NVMF_PORT_IO		4420	/* registered TCP ports */
#define NVMF_PORT_DISCOVERY	8009

enum nvmf_fctype {
	NVMF_PROPERTY_SET	= 0x00,
	NVMF_CONNECT		= 0x01,
	NVMF_PROPERTY_GET	= 0x04,
	NVMF_AUTH_SEND		= 0x05,
	NVMF_AUTH_RECV		= 0x06,
	NVMF_DISCONNECT		= 0x08,
};

/* Connect (6.3). */
struct nvmf_connect_cmd {
	uint8_t	opcode;
	uint8_t	flags;
	le16	cid;
	uint8_t	fctype;
	uint8_t	rsvd5[19];
	struct nvme_sgl sgl;
	le16	recfmt;
	le16	qid;
	le16	sqsize;		/* 0's based */
	uint8_t	cattr;
	uint8_t	rsvd47;
	le32	kato;		/* milliseconds */
	uint8_t	rsvd52[12];
};
_Static_assert(sizeof(struct nvmf_connect_cmd) == 64, "Connect");
_Static_assert(offsetof(struct nvmf_connect_cmd, recfmt) == 40, "recfmt");
_Static_assert(offsetof(struct nvmf_connect_cmd, kato) == 48, "kato");

#define NVMF_CATTR_PRIORITY_MASK 0x03
#define NVMF_CATTR_NO_SQ_FLOW	0x04	/* disable SQ flow control */
#define NVMF_CATTR_IOQ_DELETE	0x08	/* the host may delete single I/O queues */

struct nvmf_connect_data {
	uint8_t	hostid[16];
	le16	cntlid;
	uint8_t	rsvd18[238];
	char	subnqn[NVMF_NQN_SIZE];
	char	hostnqn[NVMF_NQN_SIZE];
	uint8_t	rsvd768[256];
};
_Static_assert(sizeof(struct nvmf_connect_data) == 1024, "Connect data");
_Static_assert(offsetof(struct nvmf_connect_data, subnqn) == 256, "subnqn");
_Static_assert(offsetof(struct nvmf_connect_data, hostnqn) == 512, "hostnqn");

#define NVMF_CNTLID_MAX		0xffef	/* highest identifier of a controller */
#define NVMF_CNTLID_STATIC	0xfffe	/* any one, static model */
#define NVMF_CNTLID_DYNAMIC	0xffff	/* any one, dynamic model */

/* DW0 of a successful response: CNTLID 15:0 and these. */
#define NVMF_CONNECT_ATR	(1u << 17)	/* DH-HMAC-CHAP required */
#define NVMF_CONNECT_ASCR	(1u << 18)	/* secure channel required */
/* DW0 beside Connect Invalid Parameters: offset 15:0 and whether it is one into the data. */
#define NVMF_CONNECT_IATTR_DATA	(1u << 16)

/* Property Get and Property Set (6.4, 6.5). */
struct nvmf_property_cmd {
	uint8_t	opcode;
	uint8_t	flags;
	le16	cid;
	uint8_t	fctype;
	uint8_t	rsvd5[35];
	uint8_t	attrib;		/* bits 2:0: 0 is 4 bytes, 1 is 8 bytes */
	uint8_t	rsvd41[3];
	le32	ofst;
	le64	value;		/* Property Set */
	uint8_t	rsvd56[8];
};
_Static_assert(sizeof(struct nvmf_property_cmd) == 64, "Property");
_Static_assert(offsetof(struct nvmf_property_cmd, ofst) == 44, "ofst");

#define NVMF_PROPERTY_SIZE_MASK	0x07
#define NVMF_PROPERTY_4		0
#define NVMF_PROPERTY_8		1

/* Disconnect (6.6). */
struct nvmf_disconnect_cmd {
	uint8_t	opcode;
	uint8_t	flags;
	le16	cid;
	uint8_t	fctype;
	uint8_t	rsvd5[35];
	le16	recfmt;
	uint8_t	rsvd42[22];
};
_Static_assert(sizeof(struct nvmf_disconnect_cmd) == 64, "Disconnect");

/* Authentication Send and Receive (6.1, 6.2). */
struct nvmf_auth_cmd {
	uint8_t	opcode;
	uint8_t	flags;
	le16	cid;
	uint8_t	fctype;
	uint8_t	rsvd5[19];
	struct nvme_sgl sgl;
	uint8_t	rsvd40;
	uint8_t	spsp0;
	uint8_t	spsp1;
	uint8_t	secp;
	le32	tl;		/* transfer (Send) or allocation (Receive) length */
	uint8_t	rsvd48[16];
};
_Static_assert(sizeof(struct nvmf_auth_cmd) == 64, "Authentication");

enum nvmf_trtype {
	NVMF_TRTYPE_RDMA	= 1,
	NVMF_TRTYPE_FC		= 2,
	NVMF_TRTYPE_TCP		= 3,
	NVMF_TRTYPE_LOOP	= 254,
};

enum nvmf_adrfam {
	NVMF_ADRFAM_PCI		= 0,
	NVMF_ADRFAM_IPV4	= 1,
	NVMF_ADRFAM_IPV6	= 2,
	NVMF_ADRFAM_IB		= 3,
	NVMF_ADRFAM_FC		= 4,
	NVMF_ADRFAM_LOOP	= 254,
};

enum nvmf_subtype {
	NVMF_SUBTYPE_REFERRAL	= 1,	/* another discovery subsystem */
	NVMF_SUBTYPE_NVM	= 2,
	NVMF_SUBTYPE_CURRENT	= 3,	/* the discovery subsystem that answers */
};

/* TREQ */
#define NVMF_TREQ_SECURE_MASK	0x03
#define NVMF_TREQ_NOT_SPECIFIED	0x00
#define NVMF_TREQ_REQUIRED	0x01
#define NVMF_TREQ_NOT_REQUIRED	0x02
#define NVMF_TREQ_NO_SQ_FLOW	0x04	/* can do without SQ flow control */
/* EFLAGS */
#define NVMF_EFLAGS_DUPRETINFO	0x0001	/* the same information is on the other ports */
#define NVMF_EFLAGS_EPCSD	0x0002	/* persistent connections to this discovery subsystem */
#define NVMF_EFLAGS_NCC		0x0004	/* no CDC connectivity */
/* TSAS of TCP: the first byte */
#define NVMF_TCP_SECTYPE_NONE	0
#define NVMF_TCP_SECTYPE_TLS12	1
#define NVMF_TCP_SECTYPE_TLS13	2
/* LSP of the discovery log */
#define NVMF_DISC_LSP_EXTDLPE	0x01	/* extended entries */
#define NVMF_DISC_LSP_PLEO	0x02	/* port local entries only */
#define NVMF_DISC_LSP_ALLSUBE	0x04	/* all NVM subsystem entries */

/* Head of the discovery log; numrec entries follow. */
struct nvmf_disc_log {
	le64	genctr;
	le64	numrec;
	le16	recfmt;
	uint8_t	rsvd18[1006];
};
_Static_assert(sizeof(struct nvmf_disc_log) == 1024, "discovery log");

struct nvmf_disc_entry {
	uint8_t	trtype;
	uint8_t	adrfam;
	uint8_t	subtype;
	uint8_t	treq;
	le16	portid;
	le16	cntlid;
	le16	asqsz;		/* not 0's based */
	le16	eflags;
	uint8_t	rsvd12[20];
	char	trsvcid[32];	/* padded with blanks or NUL */
	uint8_t	rsvd64[192];
	char	subnqn[NVMF_NQN_SIZE];
	char	traddr[256];
	uint8_t	tsas[256];
};
_Static_assert(sizeof(struct nvmf_disc_entry) == 1024, "discovery log entry");
_Static_assert(offsetof(struct nvmf_disc_entry, eflags) == 10, "eflags");
_Static_assert(offsetof(struct nvmf_disc_entry, trsvcid) == 32, "trsvcid");
_Static_assert(offsetof(struct nvmf_disc_entry, subnqn) == 256, "subnqn");
_Static_assert(offsetof(struct nvmf_disc_entry, traddr) == 512, "traddr");
_Static_assert(offsetof(struct nvmf_disc_entry, tsas) == 768, "tsas");

/* Faults of an NQN. */
enum nvmf_nqn_fault {
	NVMF_NQN_OK = 0,
	NVMF_NQN_EMPTY,
	NVMF_NQN_TOO_LONG,	/* over NVMF_NQN_MAX bytes, or a field without its NUL */
	NVMF_NQN_NOT_UTF8,
	NVMF_NQN_CONTROL,	/* a control character */
	NVMF_NQN_BLANK,		/* white space */
	NVMF_NQN_PREFIX,	/* only if asked for: no "nqn.yyyy-mm." at the start */
};

#define NVMF_NQN_WANT_PREFIX	0x01	/* flag: the rule of NVMF_NQN_PREFIX applies */

/*
 * Checks the NQN at the start of `size` bytes; it ends at the first NUL or after `size` bytes. A
 * field of a command has NVMF_NQN_SIZE bytes; an NQN that fills it without a NUL is too long.
 * flags: 0 or NVMF_NQN_WANT_PREFIX. Returns the first fault found.
 */
enum nvmf_nqn_fault nvmf_nqn_check(const char *nqn, size_t size, unsigned int flags);

/* Describes the fault and what is valid, to follow "NQN 'x' "; static memory. */
const char *nvmf_nqn_fault_str(enum nvmf_nqn_fault fault);

#endif
