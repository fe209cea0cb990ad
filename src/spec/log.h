/* SPDX-License-Identifier: BSD-3-Clause */
/* Log pages (NVMe Base 2.1, 5.1.12). The discovery log page is in fabrics.h. */
#ifndef WEFT_SPEC_LOG_H
#define WEFT_SPEC_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/le.h"
#include "spec/nvme.h"

enum nvme_lid {
	NVME_LOG_SUPPORTED	= 0x00,
	NVME_LOG_ERROR		= 0x01,
	NVME_LOG_SMART		= 0x02,
	NVME_LOG_FIRMWARE	= 0x03,
	NVME_LOG_CHANGED_NS	= 0x04,
	NVME_LOG_EFFECTS	= 0x05,
	NVME_LOG_SELF_TEST	= 0x06,
	NVME_LOG_TELEMETRY_HOST	= 0x07,
	NVME_LOG_TELEMETRY_CTRL	= 0x08,
	NVME_LOG_ENDURANCE	= 0x09,
	NVME_LOG_ANA		= 0x0c,
	NVME_LOG_PERSISTENT	= 0x0d,
	NVME_LOG_LBA_STATUS	= 0x0e,
	NVME_LOG_FEATURES	= 0x12,
	NVME_LOG_MI_EFFECTS	= 0x13,
	NVME_LOG_LOCKDOWN	= 0x14,
	NVME_LOG_DISCOVERY	= 0x70,
	NVME_LOG_RESERVATION	= 0x80,
	NVME_LOG_SANITIZE	= 0x81,
};

/* Get Log Page: CDW10 LID 7:0, LSP 14:8, RAE 15, NUMDL 31:16; CDW11 NUMDU 15:0, LSI 31:16. */
#define NVME_LOG_RAE		(1u << 15)
#define NVME_LOG_LSP_SHIFT	8
#define NVME_LOG_LSP_MASK	0x7fu
#define NVME_LOG_OT		(1u << 23)	/* CDW14: the offset is an index */
/* LSP of the ANA log. */
#define NVME_LOG_ANA_RGO	1u		/* groups only, no NSIDs */

/* Bytes that a Get Log Page command asks for, at most 2^34. */
static inline uint64_t nvme_log_length(const struct nvme_sqe *sqe)
{
	uint32_t numd = le32_get(sqe->cdw11) << 16 | le32_get(sqe->cdw10) >> 16;

	return ((uint64_t)numd + 1) * 4;
}

/* The byte offset at which the requested part starts. */
static inline uint64_t nvme_log_offset(const struct nvme_sqe *sqe)
{
	return (uint64_t)le32_get(sqe->cdw13) << 32 | le32_get(sqe->cdw12);
}

/* 00h: a word for each log page identifier. */
struct nvme_log_supported {
	le32	lid[256];
};
_Static_assert(sizeof(struct nvme_log_supported) == 1024, "supported log pages");
#define NVME_LID_LSUPP		(1u << 0)
#define NVME_LID_IOS		(1u << 1)	/* index offset */

/* 01h: one entry; the newest comes first. */
struct nvme_log_error {
	le64	ecount;		/* 0: no entry */
	le16	sqid;
	le16	cid;
	le16	status;		/* as in the CQE, with its phase bit */
	le16	peloc;		/* byte 7:0 and bit 10:8 of the command; FFFFh: not specific */
	le64	lba;
	le32	nsid;
	uint8_t	vsia;
	uint8_t	trtype;
	uint8_t	csi;
	uint8_t	opc;
	le64	csinfo;
	le16	ttsi;
	uint8_t	rsvd42[21];
	uint8_t	lpver;
};
_Static_assert(sizeof(struct nvme_log_error) == 64, "error information entry");
_Static_assert(offsetof(struct nvme_log_error, csinfo) == 32, "csinfo");
#define NVME_ERROR_PELOC_NONE	0xffff
#define NVME_ERROR_PELOC(byte, bit) ((uint16_t)((byte) | (bit) << 8))

/* 02h. */
struct nvme_log_smart {
	uint8_t	critical_warning;
	le16	composite_temperature;	/* kelvins */
	uint8_t	available_spare;
	uint8_t	spare_threshold;
	uint8_t	percentage_used;
	uint8_t	endurance_group_warning;
	uint8_t	rsvd7[25];
	le128	data_units_read;	/* thousands of 512 bytes, rounded up */
	le128	data_units_written;
	le128	host_read_commands;
	le128	host_write_commands;
	le128	controller_busy_time;	/* minutes */
	le128	power_cycles;
	le128	power_on_hours;
	le128	unsafe_shutdowns;
	le128	media_errors;
	le128	error_log_entries;
	le32	warning_temp_time;
	le32	critical_temp_time;
	le16	temp_sensor[8];
	le32	thm_temp_trans_count[2];
	le32	thm_temp_total_time[2];
	uint8_t	rsvd232[280];
};
_Static_assert(sizeof(struct nvme_log_smart) == 512, "SMART");
_Static_assert(offsetof(struct nvme_log_smart, data_units_read) == 32, "data_units_read");
_Static_assert(offsetof(struct nvme_log_smart, warning_temp_time) == 192, "warning_temp_time");

/* critical_warning, and the low byte of Set Features 0Bh */
#define NVME_SMART_SPARE	(1u << 0)
#define NVME_SMART_TEMPERATURE	(1u << 1)
#define NVME_SMART_DEGRADED	(1u << 2)
#define NVME_SMART_READ_ONLY	(1u << 3)
#define NVME_SMART_BACKUP	(1u << 4)
#define NVME_SMART_PMR_RO	(1u << 5)

/* 03h. */
struct nvme_log_firmware {
	uint8_t	afi;		/* active slot 2:0, next one 6:4 */
	uint8_t	rsvd1[7];
	char	frs[7][8];
	uint8_t	rsvd64[448];
};
_Static_assert(sizeof(struct nvme_log_firmware) == 512, "firmware slots");

/* 04h: a list; over 1024 changes the first entry is FFFFFFFFh and the rest 0. */
#define NVME_CHANGED_NS_MAX	1024

/* 05h: by opcode. */
struct nvme_log_effects {
	le32	acs[256];
	le32	iocs[256];
	uint8_t	rsvd2048[2048];
};
_Static_assert(sizeof(struct nvme_log_effects) == 4096, "commands supported and effects");
#define NVME_EFFECTS_CSUPP	(1u << 0)
#define NVME_EFFECTS_LBCC	(1u << 1)	/* logical block content change */
#define NVME_EFFECTS_NCC	(1u << 2)	/* namespace capability change */
#define NVME_EFFECTS_NIC	(1u << 3)	/* namespace inventory change */
#define NVME_EFFECTS_CCC	(1u << 4)	/* controller capability change */
#define NVME_EFFECTS_CSE_SHIFT	16		/* 3 bits: submission and execution */

/* 0Ch: this header, followed by ngrps descriptors, each with its NSIDs. */
struct nvme_log_ana {
	le64	chgcnt;
	le16	ngrps;
	uint8_t	rsvd10[6];
};
_Static_assert(sizeof(struct nvme_log_ana) == 16, "ANA log");

struct nvme_ana_desc {
	le32	grpid;
	le32	nnsids;
	le64	chgcnt;
	uint8_t	state;		/* bits 3:0 */
	uint8_t	rsvd17[15];
	/* le32 nsid[nnsids], ascending, follow */
};
_Static_assert(sizeof(struct nvme_ana_desc) == 32, "ANA group descriptor");

enum nvme_ana_state {
	NVME_ANA_OPTIMIZED	= 0x01,
	NVME_ANA_NONOPTIMIZED	= 0x02,
	NVME_ANA_INACCESSIBLE	= 0x03,
	NVME_ANA_PERSISTENT_LOSS = 0x04,
	NVME_ANA_CHANGE		= 0x0f,
};

/* 12h: a word for each feature identifier. */
struct nvme_log_features {
	le32	fid[256];
};
_Static_assert(sizeof(struct nvme_log_features) == 1024, "features supported and effects");
#define NVME_FID_FSUPP		(1u << 0)
#define NVME_FID_UDCC		(1u << 1)	/* user data content change */
#define NVME_FID_NCC		(1u << 2)
#define NVME_FID_NIC		(1u << 3)
#define NVME_FID_CCC		(1u << 4)
#define NVME_FID_SCOPE_SHIFT	20
#define NVME_FID_SCOPE_NS	(1u << 20)
#define NVME_FID_SCOPE_CTRL	(1u << 21)
#define NVME_FID_SCOPE_NVMSET	(1u << 22)
#define NVME_FID_SCOPE_ENDGRP	(1u << 23)
#define NVME_FID_SCOPE_DOMAIN	(1u << 24)
#define NVME_FID_SCOPE_SUBSYS	(1u << 25)

/* 09h: endurance group, as SMART counts but for one group. */
struct nvme_log_endurance {
	uint8_t	critical_warning;
	uint8_t	endgfeat;
	uint8_t	rsvd2;
	uint8_t	available_spare;
	uint8_t	spare_threshold;
	uint8_t	percentage_used;
	le16	domainid;
	uint8_t	rsvd8[24];
	le128	endurance_estimate;
	le128	data_units_read;
	le128	data_units_written;
	le128	media_units_written;
	le128	host_read_commands;
	le128	host_write_commands;
	le128	media_errors;
	le128	error_log_entries;
	le128	total_capacity;
	le128	unallocated_capacity;
	uint8_t	rsvd192[320];
};
_Static_assert(sizeof(struct nvme_log_endurance) == 512, "endurance group");

/* 80h. */
struct nvme_log_reservation {
	le64	count;
	uint8_t	type;		/* 0 empty, 1 registration, 2 reservation, 3 preempted */
	uint8_t	pages;
	uint8_t	rsvd10[2];
	le32	nsid;
	uint8_t	rsvd16[48];
};
_Static_assert(sizeof(struct nvme_log_reservation) == 64, "reservation notification");

#endif
