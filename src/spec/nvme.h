/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands and completions: NVMe Base 2.1 sections 4.1 to 4.3 and 5, NVM Command Set 1.1
 * section 3. What Identify returns is in identify.h, log pages in log.h, features and
 * asynchronous events in feature.h, properties in property.h, Fabrics in fabrics.h.
 */
#ifndef WEFT_SPEC_NVME_H
#define WEFT_SPEC_NVME_H

#include <stddef.h>
#include <stdint.h>

#include "spec/le.h"
#include "spec/status.h"

#define NVME_NSID_ALL		0xffffffffu

/* SGL descriptor types, bits 7:4 of the last byte; subtypes are bits 3:0. */
enum nvme_sgl_type {
	NVME_SGL_DATA		= 0x0,
	NVME_SGL_BIT_BUCKET	= 0x1,
	NVME_SGL_SEGMENT	= 0x2,
	NVME_SGL_LAST_SEGMENT	= 0x3,
	NVME_SGL_KEYED		= 0x4,
	NVME_SGL_TRANSPORT	= 0x5,
	NVME_SGL_VENDOR		= 0xf,
};

enum nvme_sgl_subtype {
	NVME_SGL_ADDRESS	= 0x0,
	NVME_SGL_OFFSET		= 0x1,
	NVME_SGL_TRANSPORT_DATA	= 0xa,
};

/* Whole identifier bytes that NVMe/TCP uses: data in the capsule, data in PDUs of its own. */
#define NVME_SGL_IN_CAPSULE	(NVME_SGL_DATA << 4 | NVME_SGL_OFFSET)
#define NVME_SGL_TRANSPORT_SGL	(NVME_SGL_TRANSPORT << 4 | NVME_SGL_TRANSPORT_DATA)

/* SGL descriptor (4.3.2): the forms that are not keyed. */
struct nvme_sgl {
	le64	addr;
	le32	length;
	uint8_t	rsvd[3];
	uint8_t	type;		/* type << 4 | subtype */
};
_Static_assert(sizeof(struct nvme_sgl) == 16, "SGL descriptor");

/* Bits of nvme_sqe.flags: FUSE 1:0, PSDT 7:6. */
#define NVME_SQE_FUSE_MASK	0x03
#define NVME_SQE_FUSE_FIRST	0x01
#define NVME_SQE_FUSE_SECOND	0x02
#define NVME_SQE_PSDT_MASK	0xc0
#define NVME_SQE_PSDT_PRP	0x00
#define NVME_SQE_PSDT_SGL	0x40	/* SGL for data, metadata buffer contiguous */
#define NVME_SQE_PSDT_SGL_META	0x80	/* SGL for data and for metadata */

/* Submission queue entry (4.1.1). A Fabrics command has fctype in the first byte of nsid. */
struct nvme_sqe {
	uint8_t	opcode;
	uint8_t	flags;
	le16	cid;
	union {
		le32	nsid;
		uint8_t	fctype;
	};
	le32	cdw2;
	le32	cdw3;
	le64	mptr;
	union {
		struct nvme_sgl sgl;
		le64	prp[2];
	};
	union {
		struct {
			le32	cdw10;
			le32	cdw11;
			le32	cdw12;
			le32	cdw13;
			le32	cdw14;
			le32	cdw15;
		};
		le32	cdw10_15[6];
	};
};
_Static_assert(sizeof(struct nvme_sqe) == 64, "SQE");
_Static_assert(offsetof(struct nvme_sqe, sgl) == 24, "SQE.DPTR");
_Static_assert(offsetof(struct nvme_sqe, cdw10) == 40, "SQE.CDW10");

/* Completion queue entry (4.2.1). On fabrics the phase bit of status is 0. */
struct nvme_cqe {
	union {
		struct {
			le32	dw0;
			le32	dw1;
		};
		le64	result;
	};
	le16	sqhd;
	le16	sqid;
	le16	cid;
	le16	status;		/* nvme_status.v << 1 | phase */
};
_Static_assert(sizeof(struct nvme_cqe) == 16, "CQE");
_Static_assert(offsetof(struct nvme_cqe, status) == 14, "CQE.STATUS");

static inline struct nvme_status nvme_cqe_status(const struct nvme_cqe *cqe)
{
	return (struct nvme_status){ (uint16_t)(le16_get(cqe->status) >> 1) };
}

static inline void nvme_cqe_set_status(struct nvme_cqe *cqe, struct nvme_status st)
{
	cqe->status = le16_of((uint16_t)(st.v << 1));
}

/* Opcode bits 1:0: the direction of the data. */
enum nvme_data_dir {
	NVME_DATA_NONE		= 0,
	NVME_DATA_TO_CTRL	= 1,
	NVME_DATA_TO_HOST	= 2,
	NVME_DATA_BOTH		= 3,
};

static inline enum nvme_data_dir nvme_opcode_dir(uint8_t opcode)
{
	return (enum nvme_data_dir)(opcode & 3);
}

/* Admin commands (Base 2.1, figure "Opcodes for Admin Commands"). */
enum nvme_admin_opcode {
	NVME_ADMIN_DELETE_SQ		= 0x00,
	NVME_ADMIN_CREATE_SQ		= 0x01,
	NVME_ADMIN_GET_LOG_PAGE		= 0x02,
	NVME_ADMIN_DELETE_CQ		= 0x04,
	NVME_ADMIN_CREATE_CQ		= 0x05,
	NVME_ADMIN_IDENTIFY		= 0x06,
	NVME_ADMIN_ABORT		= 0x08,
	NVME_ADMIN_SET_FEATURES		= 0x09,
	NVME_ADMIN_GET_FEATURES		= 0x0a,
	NVME_ADMIN_ASYNC_EVENT		= 0x0c,
	NVME_ADMIN_NS_MGMT		= 0x0d,
	NVME_ADMIN_FW_COMMIT		= 0x10,
	NVME_ADMIN_FW_DOWNLOAD		= 0x11,
	NVME_ADMIN_SELF_TEST		= 0x14,
	NVME_ADMIN_NS_ATTACH		= 0x15,
	NVME_ADMIN_KEEP_ALIVE		= 0x18,
	NVME_ADMIN_DIRECTIVE_SEND	= 0x19,
	NVME_ADMIN_DIRECTIVE_RECV	= 0x1a,
	NVME_ADMIN_VIRT_MGMT		= 0x1c,
	NVME_ADMIN_NVME_MI_SEND		= 0x1d,
	NVME_ADMIN_NVME_MI_RECV		= 0x1e,
	NVME_ADMIN_CAPACITY_MGMT	= 0x20,
	NVME_ADMIN_DISC_INFO_MGMT	= 0x21,
	NVME_ADMIN_LOCKDOWN		= 0x24,
	NVME_ADMIN_DOORBELL_CONFIG	= 0x7c,
	NVME_ADMIN_FABRICS		= 0x7f,
	NVME_ADMIN_FORMAT_NVM		= 0x80,
	NVME_ADMIN_SECURITY_SEND	= 0x81,
	NVME_ADMIN_SECURITY_RECV	= 0x82,
	NVME_ADMIN_SANITIZE		= 0x84,
	NVME_ADMIN_GET_LBA_STATUS	= 0x86,
	NVME_ADMIN_VENDOR_FIRST		= 0xc0,
};

/* I/O commands of the NVM command set, and those that all command sets share. */
enum nvme_nvm_opcode {
	NVME_CMD_FLUSH			= 0x00,
	NVME_CMD_WRITE			= 0x01,
	NVME_CMD_READ			= 0x02,
	NVME_CMD_WRITE_UNCORRECTABLE	= 0x04,
	NVME_CMD_COMPARE		= 0x05,
	NVME_CMD_WRITE_ZEROES		= 0x08,
	NVME_CMD_DSM			= 0x09,
	NVME_CMD_VERIFY			= 0x0c,
	NVME_CMD_RESV_REGISTER		= 0x0d,
	NVME_CMD_RESV_REPORT		= 0x0e,
	NVME_CMD_RESV_ACQUIRE		= 0x11,
	NVME_CMD_IO_MGMT_RECV		= 0x12,
	NVME_CMD_RESV_RELEASE		= 0x15,
	NVME_CMD_CANCEL			= 0x18,
	NVME_CMD_COPY			= 0x19,
	NVME_CMD_IO_MGMT_SEND		= 0x1d,
	NVME_CMD_FABRICS		= 0x7f,
};

/* The direction of a command's data. A Fabrics command has it in fctype, not in the opcode. */
static inline enum nvme_data_dir nvme_sqe_dir(const struct nvme_sqe *sqe)
{
	return nvme_opcode_dir(sqe->opcode == NVME_CMD_FABRICS ? sqe->fctype : sqe->opcode);
}

/* Read, Write, Compare, Write Zeroes: SLBA is CDW11:CDW10, NLB (0's based) CDW12 bits 15:0. */
#define NVME_RW_NLB_MASK	0xffffu
#define NVME_RW_DTYPE_MASK	(0xfu << 20)	/* directive type */
#define NVME_RW_STC		(1u << 24)	/* storage tag check */
#define NVME_RW_DEAC		(1u << 25)	/* Write Zeroes: deallocate */
#define NVME_RW_PRINFO_MASK	(0xfu << 26)
#define NVME_RW_FUA		(1u << 30)
#define NVME_RW_LR		(1u << 31)	/* limited retry */
#define NVME_RW_NSZ		(1u << 23)	/* Write Zeroes: namespace zeroes */

static inline uint64_t nvme_rw_slba(const struct nvme_sqe *sqe)
{
	return (uint64_t)le32_get(sqe->cdw11) << 32 | le32_get(sqe->cdw10);
}

/* Number of blocks, 1 to 65536. */
static inline uint32_t nvme_rw_nlb(const struct nvme_sqe *sqe)
{
	return (le32_get(sqe->cdw12) & NVME_RW_NLB_MASK) + 1;
}

/* Dataset Management: NR (0's based) CDW10 bits 7:0, attributes CDW11. */
#define NVME_DSM_NR_MASK	0xffu
#define NVME_DSM_IDR		(1u << 0)	/* integral dataset for read */
#define NVME_DSM_IDW		(1u << 1)	/* integral dataset for write */
#define NVME_DSM_AD		(1u << 2)	/* deallocate */
#define NVME_DSM_RANGES_MAX	256

struct nvme_dsm_range {
	le32	cattr;
	le32	nlb;		/* not 0's based */
	le64	slba;
};
_Static_assert(sizeof(struct nvme_dsm_range) == 16, "DSM range");

/* Abort: CDW10 SQID 15:0, CID 31:16. Bit 0 of the answer's DW0: not aborted. */
#define NVME_ABORT_NOT_ABORTED	(1u << 0)

/* Command set identifiers. */
enum nvme_csi {
	NVME_CSI_NVM	= 0x00,
	NVME_CSI_KV	= 0x01,
	NVME_CSI_ZNS	= 0x02,
};

#endif
