/* SPDX-License-Identifier: BSD-3-Clause */
/* Features (NVMe Base 2.1, 5.1.25) and asynchronous events (5.1.2). */
#ifndef WEFT_SPEC_FEATURE_H
#define WEFT_SPEC_FEATURE_H

#include <stdint.h>

#include "spec/le.h"

enum nvme_fid {
	NVME_FEAT_ARBITRATION		= 0x01,
	NVME_FEAT_POWER_MGMT		= 0x02,
	NVME_FEAT_LBA_RANGE		= 0x03,
	NVME_FEAT_TEMP_THRESHOLD	= 0x04,
	NVME_FEAT_ERROR_RECOVERY	= 0x05,
	NVME_FEAT_VOLATILE_WC		= 0x06,
	NVME_FEAT_NUM_QUEUES		= 0x07,
	NVME_FEAT_IRQ_COALESCE		= 0x08,
	NVME_FEAT_IRQ_CONFIG		= 0x09,
	NVME_FEAT_WRITE_ATOMIC		= 0x0a,
	NVME_FEAT_ASYNC_EVENT		= 0x0b,
	NVME_FEAT_AUTO_PST		= 0x0c,
	NVME_FEAT_HOST_MEM_BUF		= 0x0d,
	NVME_FEAT_TIMESTAMP		= 0x0e,
	NVME_FEAT_KATO			= 0x0f,
	NVME_FEAT_HCTM			= 0x10,
	NVME_FEAT_NOPSC			= 0x11,
	NVME_FEAT_RRL			= 0x12,
	NVME_FEAT_PLM_CONFIG		= 0x13,
	NVME_FEAT_PLM_WINDOW		= 0x14,
	NVME_FEAT_HOST_BEHAVIOR		= 0x16,
	NVME_FEAT_SANITIZE		= 0x17,
	NVME_FEAT_ENDURANCE_EVENT	= 0x18,
	NVME_FEAT_IOCS_PROFILE		= 0x19,
	NVME_FEAT_SW_PROGRESS		= 0x80,
	NVME_FEAT_HOST_ID		= 0x81,
	NVME_FEAT_RESV_MASK		= 0x82,
	NVME_FEAT_RESV_PERSIST		= 0x83,
	NVME_FEAT_WRITE_PROTECT		= 0x84,
};

/* Get Features: CDW10 FID 7:0, SEL 10:8. Set Features: FID 7:0, SV 31; the value is CDW11. */
#define NVME_FEAT_SEL_SHIFT	8
#define NVME_FEAT_SEL_MASK	7u
#define NVME_FEAT_SV		(1u << 31)

enum nvme_feat_sel {
	NVME_FEAT_SEL_CURRENT	= 0,
	NVME_FEAT_SEL_DEFAULT	= 1,
	NVME_FEAT_SEL_SAVED	= 2,
	NVME_FEAT_SEL_CAPS	= 3,
};

/* DW0 that SEL 3 answers. */
#define NVME_FEAT_CAP_SAVEABLE	(1u << 0)
#define NVME_FEAT_CAP_NS	(1u << 1)
#define NVME_FEAT_CAP_CHANGEABLE (1u << 2)

/* 06h */
#define NVME_FEAT_VWC_WCE	(1u << 0)
/* 07h: NSQ 15:0, NCQ 31:16, 0's based; FFFFh is refused. */
/* 81h: CDW11 bit 0 */
#define NVME_FEAT_HOST_ID_EXHID	(1u << 0)
/* 84h */
enum nvme_write_protect {
	NVME_WP_NONE		= 0,
	NVME_WP_ON		= 1,
	NVME_WP_UNTIL_POWER_CYCLE = 2,
	NVME_WP_PERMANENT	= 3,
};

/* 16h: the 512 bytes of Host Behavior Support. */
struct nvme_host_behavior {
	uint8_t	acre;		/* advanced command retry */
	uint8_t	etdas;
	uint8_t	lbafee;		/* extended LBA formats */
	uint8_t	hdisns;
	le16	cdfe;
	uint8_t	rsvd6[506];
};
_Static_assert(sizeof(struct nvme_host_behavior) == 512, "host behavior support");

/* 0Bh: bits 7:0 are SMART's critical warnings; the notices are as in OAES (identify.h). */
#define NVME_AEC_NS_ATTR	(1u << 8)
#define NVME_AEC_FW_ACT		(1u << 9)
#define NVME_AEC_TELEMETRY	(1u << 10)
#define NVME_AEC_ANA		(1u << 11)
#define NVME_AEC_DISC_LOG	(1u << 31)

/* Asynchronous event: DW0 is type 2:0, info 15:8, log page 23:16. */
enum nvme_aer_type {
	NVME_AER_ERROR		= 0,
	NVME_AER_SMART		= 1,
	NVME_AER_NOTICE		= 2,
	NVME_AER_IMMEDIATE	= 3,
	NVME_AER_ONE_SHOT	= 4,
	NVME_AER_IO_CMD_SET	= 6,
	NVME_AER_VENDOR		= 7,
};

enum nvme_aer_notice {
	NVME_AER_NOTICE_NS_CHANGED	= 0x00,
	NVME_AER_NOTICE_FW_ACT		= 0x01,
	NVME_AER_NOTICE_TELEMETRY	= 0x02,
	NVME_AER_NOTICE_ANA		= 0x03,
	NVME_AER_NOTICE_DISC_CHANGED	= 0xf0,
};

enum nvme_aer_smart {
	NVME_AER_SMART_RELIABILITY	= 0x00,
	NVME_AER_SMART_TEMPERATURE	= 0x01,
	NVME_AER_SMART_SPARE		= 0x02,
};

enum nvme_aer_io_cmd_set {
	NVME_AER_RESV_LOG_AVAILABLE	= 0x00,
};

static inline uint32_t nvme_aer_dw0(uint8_t type, uint8_t info, uint8_t lid)
{
	return (uint32_t)type | (uint32_t)info << 8 | (uint32_t)lid << 16;
}

#endif
