/* SPDX-License-Identifier: BSD-3-Clause */
/* Controller properties (NVMe Base 2.1, 3.1.4): offsets, and the fields of CAP, VS, CC, CSTS. */
#ifndef WEFT_SPEC_PROPERTY_H
#define WEFT_SPEC_PROPERTY_H

#include <stdbool.h>
#include <stdint.h>

enum nvme_property {
	NVME_PROP_CAP		= 0x00,		/* 8 bytes */
	NVME_PROP_VS		= 0x08,
	NVME_PROP_INTMS		= 0x0c,
	NVME_PROP_INTMC		= 0x10,
	NVME_PROP_CC		= 0x14,
	NVME_PROP_CSTS		= 0x1c,
	NVME_PROP_NSSR		= 0x20,
	NVME_PROP_AQA		= 0x24,
	NVME_PROP_ASQ		= 0x28,		/* 8 bytes */
	NVME_PROP_ACQ		= 0x30,		/* 8 bytes */
	NVME_PROP_CMBLOC	= 0x38,
	NVME_PROP_CMBSZ		= 0x3c,
	NVME_PROP_BPINFO	= 0x40,
	NVME_PROP_NSSD		= 0x64,
	NVME_PROP_CRTO		= 0x68,
};

/* Value of NSSR that asks for a reset: "NVMe". */
#define NVME_NSSR_RESET		0x4e564d65u

/* VS, and VER of Identify. */
#define NVME_VS(major, minor, tertiary) \
	((uint32_t)(major) << 16 | (uint32_t)(minor) << 8 | (uint32_t)(tertiary))
#define NVME_VS_MAJOR(vs)	((vs) >> 16)
#define NVME_VS_MINOR(vs)	(((vs) >> 8) & 0xff)
#define NVME_VS_TERTIARY(vs)	((vs) & 0xff)

/* CAP. */
#define NVME_CAP_MQES_SHIFT	0		/* 16 bits: entries of an I/O queue, 0's based */
#define NVME_CAP_CQR		(UINT64_C(1) << 16)	/* queues must be contiguous */
#define NVME_CAP_AMS_SHIFT	17		/* 2 bits: arbitration mechanisms */
#define NVME_CAP_TO_SHIFT	24		/* 8 bits: 500 ms units */
#define NVME_CAP_DSTRD_SHIFT	32		/* 4 bits: doorbell stride */
#define NVME_CAP_NSSRS		(UINT64_C(1) << 36)	/* subsystem reset */
#define NVME_CAP_CSS_SHIFT	37		/* 8 bits: command sets */
#define NVME_CAP_CSS_NVM	(UINT64_C(1) << 37)
#define NVME_CAP_CSS_IOCSS	(UINT64_C(1) << 43)	/* CNS 1Ch names the command sets */
#define NVME_CAP_CSS_NOIO	(UINT64_C(1) << 44)	/* admin command set only */
#define NVME_CAP_BPS		(UINT64_C(1) << 45)	/* boot partitions */
#define NVME_CAP_CPS_SHIFT	46		/* 2 bits: controller power scope */
#define NVME_CAP_MPSMIN_SHIFT	48		/* 4 bits: 2^(12 + n) */
#define NVME_CAP_MPSMAX_SHIFT	52		/* 4 bits */
#define NVME_CAP_PMRS		(UINT64_C(1) << 56)
#define NVME_CAP_CMBS		(UINT64_C(1) << 57)
#define NVME_CAP_NSSS		(UINT64_C(1) << 58)	/* subsystem shutdown */
#define NVME_CAP_CRMS_SHIFT	59		/* 2 bits: ready modes */
#define NVME_CAP_CRWMS		(UINT64_C(1) << 59)	/* ready with media */
#define NVME_CAP_CRIMS		(UINT64_C(1) << 60)	/* ready independent of media */

/* Largest number of entries of an I/O queue, 1 to 65536. */
static inline uint32_t nvme_cap_queue_max(uint64_t cap)
{
	return (uint32_t)(cap & 0xffff) + 1;
}

/* Longest time to wait for CSTS.RDY to follow CC.EN, in milliseconds. */
static inline uint32_t nvme_cap_timeout_ms(uint64_t cap)
{
	return (uint32_t)(cap >> NVME_CAP_TO_SHIFT & 0xff) * 500;
}

/* CC. */
#define NVME_CC_EN		(1u << 0)
#define NVME_CC_CSS_SHIFT	4		/* 3 bits */
#define NVME_CC_CSS_MASK	(7u << 4)
#define NVME_CC_CSS_NVM		(0u << 4)
#define NVME_CC_CSS_IOCSS	(6u << 4)	/* all supported I/O command sets */
#define NVME_CC_CSS_ADMIN	(7u << 4)
#define NVME_CC_MPS_SHIFT	7		/* 4 bits: 2^(12 + n) */
#define NVME_CC_MPS_MASK	(0xfu << 7)
#define NVME_CC_AMS_SHIFT	11		/* 3 bits */
#define NVME_CC_AMS_MASK	(7u << 11)
#define NVME_CC_SHN_SHIFT	14		/* 2 bits */
#define NVME_CC_SHN_MASK	(3u << 14)
#define NVME_CC_SHN_NONE	(0u << 14)
#define NVME_CC_SHN_NORMAL	(1u << 14)
#define NVME_CC_SHN_ABRUPT	(2u << 14)
#define NVME_CC_IOSQES_SHIFT	16		/* 4 bits: 2^n bytes, 6 */
#define NVME_CC_IOSQES_MASK	(0xfu << 16)
#define NVME_CC_IOCQES_SHIFT	20		/* 4 bits: 2^n bytes, 4 */
#define NVME_CC_IOCQES_MASK	(0xfu << 20)
#define NVME_CC_CRIME		(1u << 24)	/* ready independent of media */

#define NVME_SQES		6		/* log2 of the 64 bytes of an SQE */
#define NVME_CQES		4		/* log2 of the 16 bytes of a CQE */

static inline bool nvme_cc_enabled(uint32_t cc)
{
	return cc & NVME_CC_EN;
}

/* CSTS. */
#define NVME_CSTS_RDY		(1u << 0)
#define NVME_CSTS_CFS		(1u << 1)	/* controller fatal status */
#define NVME_CSTS_SHST_SHIFT	2		/* 2 bits */
#define NVME_CSTS_SHST_MASK	(3u << 2)
#define NVME_CSTS_SHST_NORMAL	(0u << 2)
#define NVME_CSTS_SHST_OCCURRING (1u << 2)
#define NVME_CSTS_SHST_COMPLETE	(2u << 2)
#define NVME_CSTS_NSSRO		(1u << 4)
#define NVME_CSTS_PP		(1u << 5)	/* processing paused */
#define NVME_CSTS_ST		(1u << 6)	/* shutdown type: the subsystem's */

/* CRTO: ready timeouts in 500 ms units. */
#define NVME_CRTO_CRWMT_SHIFT	0		/* 16 bits: with media */
#define NVME_CRTO_CRIMT_SHIFT	16		/* 16 bits: independent of media */

#endif
