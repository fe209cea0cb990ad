/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Identify returns (NVMe Base 2.1, 5.1.13; NVM Command Set 1.1, 4.1.5). Fields have the
 * specification's names in lower case.
 */
#ifndef WEFT_SPEC_IDENTIFY_H
#define WEFT_SPEC_IDENTIFY_H

#include <stddef.h>
#include <stdint.h>

#include "spec/le.h"

#define NVME_IDENTIFY_SIZE	4096

/* CDW10 bits 7:0; bits 31:16 are CNTID. CDW11: CNS specific identifier 15:0, CSI 31:24. */
enum nvme_cns {
	NVME_CNS_NS			= 0x00,
	NVME_CNS_CTRL			= 0x01,
	NVME_CNS_NS_LIST		= 0x02,
	NVME_CNS_NS_DESC		= 0x03,
	NVME_CNS_NVMSET_LIST		= 0x04,
	NVME_CNS_CSI_NS			= 0x05,
	NVME_CNS_CSI_CTRL		= 0x06,
	NVME_CNS_CSI_NS_LIST		= 0x07,
	NVME_CNS_NS_IND			= 0x08,
	NVME_CNS_NS_FORMAT		= 0x09,
	NVME_CNS_CSI_NS_FORMAT		= 0x0a,
	NVME_CNS_ALLOC_NS_LIST		= 0x10,
	NVME_CNS_ALLOC_NS		= 0x11,
	NVME_CNS_NS_CTRL_LIST		= 0x12,
	NVME_CNS_CTRL_LIST		= 0x13,
	NVME_CNS_PRIMARY_CTRL_CAP	= 0x14,
	NVME_CNS_SECONDARY_CTRL_LIST	= 0x15,
	NVME_CNS_NS_GRANULARITY		= 0x16,
	NVME_CNS_UUID_LIST		= 0x17,
	NVME_CNS_DOMAIN_LIST		= 0x18,
	NVME_CNS_ENDURANCE_GROUP_LIST	= 0x19,
	NVME_CNS_CSI_ALLOC_NS_LIST	= 0x1a,
	NVME_CNS_CSI_ALLOC_NS		= 0x1b,
	NVME_CNS_CS_COMBINATIONS	= 0x1c,
};

/* One power state of Identify Controller. */
struct nvme_psd {
	le16	mp;
	uint8_t	rsvd2;
	uint8_t	flags;
	le32	enlat;
	le32	exlat;
	uint8_t	rrt;
	uint8_t	rrl;
	uint8_t	rwt;
	uint8_t	rwl;
	le16	idlp;
	uint8_t	ips;
	uint8_t	rsvd19;
	le16	actp;
	uint8_t	apws;
	uint8_t	rsvd23[9];
};
_Static_assert(sizeof(struct nvme_psd) == 32, "power state descriptor");

/* CNS 01h. */
struct nvme_id_ctrl {
	le16	vid;
	le16	ssvid;
	char	sn[20];
	char	mn[40];
	char	fr[8];
	uint8_t	rab;
	uint8_t	ieee[3];
	uint8_t	cmic;
	uint8_t	mdts;
	le16	cntlid;
	le32	ver;
	le32	rtd3r;
	le32	rtd3e;
	le32	oaes;
	le32	ctratt;
	le16	rrls;
	uint8_t	bpcap;
	uint8_t	rsvd103;
	le32	nssl;
	uint8_t	rsvd108[2];
	uint8_t	plsi;
	uint8_t	cntrltype;
	uint8_t	fguid[16];
	le16	crdt[3];
	uint8_t	crcap;
	uint8_t	rsvd135[118];
	uint8_t	nvmsr;
	uint8_t	vwci;
	uint8_t	mec;

	le16	oacs;			/* 256: admin command set attributes */
	uint8_t	acl;
	uint8_t	aerl;
	uint8_t	frmw;
	uint8_t	lpa;
	uint8_t	elpe;
	uint8_t	npss;
	uint8_t	avscc;
	uint8_t	apsta;
	le16	wctemp;
	le16	cctemp;
	le16	mtfa;
	le32	hmpre;
	le32	hmmin;
	le128	tnvmcap;
	le128	unvmcap;
	le32	rpmbs;
	le16	edstt;
	uint8_t	dsto;
	uint8_t	fwug;
	le16	kas;
	le16	hctma;
	le16	mntmt;
	le16	mxtmt;
	le32	sanicap;
	le32	hmminds;
	le16	hmmaxd;
	le16	nsetidmax;
	le16	endgidmax;
	uint8_t	anatt;
	uint8_t	anacap;
	le32	anagrpmax;
	le32	nanagrpid;
	le32	pels;
	le16	domainid;
	uint8_t	kpioc;
	uint8_t	rsvd359;
	le16	mptfawr;
	uint8_t	rsvd362[6];
	le128	megcap;
	uint8_t	tmpthha;
	uint8_t	rsvd385;
	le16	cqt;
	uint8_t	rsvd388[124];

	uint8_t	sqes;			/* 512: NVM command set attributes */
	uint8_t	cqes;
	le16	maxcmd;
	le32	nn;
	le16	oncs;
	le16	fuses;
	uint8_t	fna;
	uint8_t	vwc;
	le16	awun;
	le16	awupf;
	uint8_t	icsvscc;
	uint8_t	nwpc;
	le16	acwu;
	le16	cdfs;
	le32	sgls;
	le32	mnan;
	le128	maxdna;
	le32	maxcna;
	le32	oaqd;
	uint8_t	rhiri;
	uint8_t	hirt;
	le16	cmmrtd;
	le16	nmmrtd;
	uint8_t	minmrtg;
	uint8_t	maxmrtg;
	uint8_t	trattr;
	uint8_t	rsvd577;
	le16	mcudmq;
	le16	mnsudmq;
	le16	mcmr;
	le16	nmcmr;
	le16	mcdqpc;
	uint8_t	rsvd588[180];
	char	subnqn[256];
	uint8_t	rsvd1024[768];

	le32	ioccsz;			/* 1792: fabrics; 16-byte units */
	le32	iorcsz;
	le16	icdoff;
	uint8_t	fcatt;
	uint8_t	msdbd;
	le16	ofcs;
	uint8_t	dctype;
	uint8_t	rsvd1807[241];

	struct nvme_psd psd[32];
	uint8_t	vs[1024];
};
_Static_assert(sizeof(struct nvme_id_ctrl) == 4096, "Identify Controller");
#define NVME_ID_CTRL_AT(field, offset) \
	_Static_assert(offsetof(struct nvme_id_ctrl, field) == (offset), #field)
NVME_ID_CTRL_AT(cmic, 76);
NVME_ID_CTRL_AT(cntlid, 78);
NVME_ID_CTRL_AT(oaes, 92);
NVME_ID_CTRL_AT(cntrltype, 111);
NVME_ID_CTRL_AT(mec, 255);
NVME_ID_CTRL_AT(oacs, 256);
NVME_ID_CTRL_AT(tnvmcap, 280);
NVME_ID_CTRL_AT(kas, 320);
NVME_ID_CTRL_AT(anatt, 342);
NVME_ID_CTRL_AT(megcap, 368);
NVME_ID_CTRL_AT(sqes, 512);
NVME_ID_CTRL_AT(maxcmd, 514);
NVME_ID_CTRL_AT(sgls, 536);
NVME_ID_CTRL_AT(mnan, 540);
NVME_ID_CTRL_AT(subnqn, 768);
NVME_ID_CTRL_AT(ioccsz, 1792);
NVME_ID_CTRL_AT(icdoff, 1800);
NVME_ID_CTRL_AT(dctype, 1806);
NVME_ID_CTRL_AT(psd, 2048);
#undef NVME_ID_CTRL_AT

/* CMIC */
#define NVME_CMIC_MULTI_PORT	(1u << 0)
#define NVME_CMIC_MULTI_CTRL	(1u << 1)
#define NVME_CMIC_SRIOV		(1u << 2)
#define NVME_CMIC_ANA		(1u << 3)
/* OAES; Set Features 0Bh has the same bits from 8 up, see feature.h. */
#define NVME_OAES_NS_ATTR	(1u << 8)
#define NVME_OAES_FW_ACT	(1u << 9)
#define NVME_OAES_ANA		(1u << 11)
#define NVME_OAES_PLEA		(1u << 12)	/* predictable latency event aggregate */
#define NVME_OAES_LBAS		(1u << 13)	/* LBA status information */
#define NVME_OAES_EGEA		(1u << 14)	/* endurance group event aggregate */
#define NVME_OAES_NNSS		(1u << 15)	/* normal NVM subsystem shutdown */
#define NVME_OAES_TTHR		(1u << 16)	/* temperature threshold hysteresis recovery */
#define NVME_OAES_RGCNS		(1u << 17)	/* reachability groups change */
#define NVME_OAES_ANSAN		(1u << 19)	/* allocated namespace attributes */
#define NVME_OAES_ZONE_DESC	(1u << 27)
#define NVME_OAES_DISC_LOG	(1u << 31)
/* CTRATT */
#define NVME_CTRATT_HIDS	(1u << 0)	/* 128-bit Host Identifier */
#define NVME_CTRATT_NOPSPM	(1u << 1)
#define NVME_CTRATT_NVMSETS	(1u << 2)
#define NVME_CTRATT_RRL		(1u << 3)
#define NVME_CTRATT_ENDGRPS	(1u << 4)
#define NVME_CTRATT_PLM		(1u << 5)
#define NVME_CTRATT_TBKAS	(1u << 6)	/* traffic based keep alive */
#define NVME_CTRATT_NG		(1u << 7)	/* namespace granularity */
#define NVME_CTRATT_SQA		(1u << 8)
#define NVME_CTRATT_UUIDL	(1u << 9)
#define NVME_CTRATT_MDS		(1u << 10)	/* multi-domain subsystem */
#define NVME_CTRATT_ELBAS	(1u << 15)
#define NVME_CTRATT_MEM		(1u << 16)	/* MDTS excludes metadata */
#define NVME_CTRATT_RHII	(1u << 18)
#define NVME_CTRATT_FDPS	(1u << 19)
/* CNTRLTYPE */
#define NVME_CNTRLTYPE_IO	1
#define NVME_CNTRLTYPE_DISC	2
#define NVME_CNTRLTYPE_ADMIN	3
/* OACS */
#define NVME_OACS_SECURITY	(1u << 0)
#define NVME_OACS_FORMAT	(1u << 1)
#define NVME_OACS_FIRMWARE	(1u << 2)
#define NVME_OACS_NS_MGMT	(1u << 3)
#define NVME_OACS_SELF_TEST	(1u << 4)
#define NVME_OACS_DIRECTIVES	(1u << 5)
#define NVME_OACS_MI		(1u << 6)
#define NVME_OACS_VIRT		(1u << 7)
#define NVME_OACS_DOORBELL	(1u << 8)
#define NVME_OACS_LBA_STATUS	(1u << 9)
#define NVME_OACS_LOCKDOWN	(1u << 10)
/* FRMW */
#define NVME_FRMW_SLOT1_RO	(1u << 0)
#define NVME_FRMW_SLOTS_SHIFT	1		/* 3 bits */
#define NVME_FRMW_NO_RESET	(1u << 4)
/* LPA */
#define NVME_LPA_SMART_PER_NS	(1u << 0)
#define NVME_LPA_EFFECTS	(1u << 1)
#define NVME_LPA_EXTENDED	(1u << 2)	/* NUMDU and LPO of Get Log Page */
#define NVME_LPA_TELEMETRY	(1u << 3)
#define NVME_LPA_PERSISTENT	(1u << 4)
#define NVME_LPA_SUPPORTED	(1u << 5)	/* logs 00h, 05h, 12h, 13h */
#define NVME_LPA_TELEMETRY_DA4	(1u << 6)
/* AVSCC, ICSVSCC, VWC, FNA */
#define NVME_AVSCC_STANDARD	(1u << 0)
#define NVME_VWC_PRESENT	(1u << 0)
#define NVME_VWC_FLUSH_ALL_NO	(2u << 1)	/* Flush of NSID FFFFFFFFh: not supported */
#define NVME_VWC_FLUSH_ALL_YES	(3u << 1)	/* Flush of NSID FFFFFFFFh: supported */
/* ANACAP */
#define NVME_ANACAP_OPTIMIZED	(1u << 0)
#define NVME_ANACAP_NONOPT	(1u << 1)
#define NVME_ANACAP_INACCESSIBLE (1u << 2)
#define NVME_ANACAP_LOSS	(1u << 3)
#define NVME_ANACAP_CHANGE	(1u << 4)
#define NVME_ANACAP_FIXED_ID	(1u << 6)	/* ANAGRPID of a namespace never changes */
#define NVME_ANACAP_NONZERO_ID	(1u << 7)
/* ONCS */
#define NVME_ONCS_COMPARE	(1u << 0)
#define NVME_ONCS_WRITE_UNC	(1u << 1)
#define NVME_ONCS_DSM		(1u << 2)
#define NVME_ONCS_WRITE_ZEROES	(1u << 3)
#define NVME_ONCS_SAVE_SELECT	(1u << 4)	/* Save of Set Features, Select of Get */
#define NVME_ONCS_RESERVATIONS	(1u << 5)
#define NVME_ONCS_TIMESTAMP	(1u << 6)
#define NVME_ONCS_VERIFY	(1u << 7)
#define NVME_ONCS_COPY		(1u << 8)
#define NVME_ONCS_COPY_ATOMIC	(1u << 9)
#define NVME_ONCS_ALL_FAST_COPY	(1u << 10)
#define NVME_ONCS_WZ_DEALLOC	(1u << 11)	/* DEAC of Write Zeroes beyond MDTS */
#define NVME_ONCS_NSZS		(1u << 12)	/* namespace zeroes */
/* FUSES */
#define NVME_FUSES_CMP_WRITE	(1u << 0)
/* SGLS */
#define NVME_SGLS_BYTE_ALIGNED	1u
#define NVME_SGLS_DWORD_ALIGNED	2u
#define NVME_SGLS_KEYED		(1u << 2)
#define NVME_SGLS_BIT_BUCKET	(1u << 16)
#define NVME_SGLS_MPTR		(1u << 17)
#define NVME_SGLS_LARGER	(1u << 18)
#define NVME_SGLS_MPTR_SGL	(1u << 19)
#define NVME_SGLS_OFFSET	(1u << 20)	/* address may be an offset: in-capsule data */
#define NVME_SGLS_TRANSPORT	(1u << 21)
/* FCATT */
#define NVME_FCATT_STATIC	(1u << 0)	/* static controller model; 0: dynamic */
/* OFCS */
#define NVME_OFCS_DISCONNECT	(1u << 0)
/* DCTYPE */
#define NVME_DCTYPE_NONE	0
#define NVME_DCTYPE_DDC		1
#define NVME_DCTYPE_CDC		2

/* One LBA format of Identify Namespace. */
struct nvme_lbaf {
	le16	ms;		/* metadata size */
	uint8_t	lbads;		/* block size is 2^n */
	uint8_t	rp;		/* relative performance, bits 1:0 */
};

/* CNS 00h and 11h. */
struct nvme_id_ns {
	le64	nsze;
	le64	ncap;
	le64	nuse;
	uint8_t	nsfeat;
	uint8_t	nlbaf;		/* 0's based */
	uint8_t	flbas;
	uint8_t	mc;
	uint8_t	dpc;
	uint8_t	dps;
	uint8_t	nmic;
	uint8_t	rescap;
	uint8_t	fpi;
	uint8_t	dlfeat;
	le16	nawun;
	le16	nawupf;
	le16	nacwu;
	le16	nabsn;
	le16	nabo;
	le16	nabspf;
	le16	noiob;
	le128	nvmcap;
	le16	npwg;
	le16	npwa;
	le16	npdg;
	le16	npda;
	le16	nows;
	le16	mssrl;
	le32	mcl;
	uint8_t	msrc;
	uint8_t	kpios;
	uint8_t	nulbaf;
	uint8_t	rsvd83;
	le32	kpiodaag;
	uint8_t	rsvd88[4];
	le32	anagrpid;
	uint8_t	rsvd96[3];
	uint8_t	nsattr;
	le16	nvmsetid;
	le16	endgid;
	uint8_t	nguid[16];
	uint8_t	eui64[8];
	struct nvme_lbaf lbaf[64];
	uint8_t	vs[3712];
};
_Static_assert(sizeof(struct nvme_id_ns) == 4096, "Identify Namespace");
_Static_assert(offsetof(struct nvme_id_ns, nsfeat) == 24, "nsfeat");
_Static_assert(offsetof(struct nvme_id_ns, nvmcap) == 48, "nvmcap");
_Static_assert(offsetof(struct nvme_id_ns, anagrpid) == 92, "anagrpid");
_Static_assert(offsetof(struct nvme_id_ns, nguid) == 104, "nguid");
_Static_assert(offsetof(struct nvme_id_ns, lbaf) == 128, "lbaf");

/* NSFEAT of CNS 00h; bits 0 and 3 have other places or meanings in CNS 08h, see below. */
#define NVME_NSFEAT_THIN	(1u << 0)
#define NVME_NSFEAT_ATOMICS	(1u << 1)	/* NAWUN, NAWUPF, NACWU are defined */
#define NVME_NSFEAT_DEALLOC_ERR	(1u << 2)	/* reading unwritten blocks may fail */
#define NVME_NSFEAT_UID_REUSE	(1u << 3)	/* identifiers are never reused */
#define NVME_NSFEAT_OPTPERF	(1u << 4)	/* 2 bits: NPWG and the like are defined */
/* FLBAS bits 3:0 and 6:5 are the format's index; bit 4: metadata follows the data. */
#define NVME_FLBAS_INDEX(flbas)	(((flbas) & 0xf) | (((flbas) >> 1) & 0x30))
/* NMIC */
#define NVME_NMIC_SHARED	(1u << 0)
#define NVME_NMIC_DISPERSED	(1u << 1)
/* RESCAP */
#define NVME_RESCAP_PTPL	(1u << 0)
#define NVME_RESCAP_WE		(1u << 1)
#define NVME_RESCAP_EA		(1u << 2)
#define NVME_RESCAP_WERO	(1u << 3)
#define NVME_RESCAP_EARO	(1u << 4)
#define NVME_RESCAP_WEAR	(1u << 5)
#define NVME_RESCAP_EAAR	(1u << 6)
#define NVME_RESCAP_IEKEY_13	(1u << 7)	/* Ignore Existing Key as in 1.3 and later */
/* DLFEAT: the contents of deallocated blocks. */
#define NVME_DLFEAT_ZEROES	0x01
#define NVME_DLFEAT_ONES	0x02
#define NVME_DLFEAT_WZ_DEAC	(1u << 3)	/* Write Zeroes honours DEAC */
#define NVME_DLFEAT_GUARD_CRC	(1u << 4)
/* NSATTR */
#define NVME_NSATTR_WRITE_PROTECTED (1u << 0)

/* CNS 08h: independent of the I/O command set. */
struct nvme_id_ns_ind {
	uint8_t	nsfeat;
	uint8_t	nmic;
	uint8_t	rescap;
	uint8_t	fpi;
	le32	anagrpid;
	uint8_t	nsattr;
	uint8_t	rsvd9;
	le16	nvmsetid;
	le16	endgid;
	uint8_t	nstat;
	uint8_t	kpios;
	le16	maxkt;
	uint8_t	rsvd18[2];
	le32	rgrpid;
	uint8_t	rsvd24[4072];
};
_Static_assert(sizeof(struct nvme_id_ns_ind) == 4096, "I/O Command Set Independent");
_Static_assert(offsetof(struct nvme_id_ns_ind, nstat) == 14, "nstat");

#define NVME_NS_IND_NSFEAT_UID_REUSE	(1u << 3)
#define NVME_NS_IND_NSFEAT_RMEDIA	(1u << 4)	/* rotational */
#define NVME_NS_IND_NSFEAT_VWCNP	(1u << 5)	/* no volatile write cache here */
#define NVME_NSTAT_NRDY			(1u << 0)	/* ready */
#define NVME_NSTAT_IOI_SHIFT		1		/* 2 bits: I/O impacted */

/* CNS 05h with CSI 00h: the NVM command set's data of a namespace. */
struct nvme_id_ns_nvm {
	le64	lbstm;
	uint8_t	pic;
	uint8_t	pifa;
	uint8_t	rsvd10[2];
	le32	elbaf[64];
	le32	npdgl;
	le32	nprg;
	le32	npra;
	le32	nors;
	le32	npdal;
	le32	lbapss;
	le32	tlbaag;
	uint8_t	rsvd296[3800];
};
_Static_assert(sizeof(struct nvme_id_ns_nvm) == 4096, "NVM Identify Namespace");

/* CNS 06h with CSI 00h: the NVM command set's data of a controller. */
struct nvme_id_ctrl_nvm {
	uint8_t	vsl;		/* Verify limit, 2^n pages */
	uint8_t	wzsl;		/* Write Zeroes limit */
	uint8_t	wusl;		/* Write Uncorrectable limit */
	uint8_t	dmrl;		/* ranges of one Dataset Management command */
	le32	dmrsl;		/* blocks of one range */
	le64	dmsl;		/* blocks of one command */
	uint8_t	kpiocap;
	uint8_t	wzdsl;		/* Write Zeroes limit with DEAC */
	le16	aocs;
	le32	ver;
	uint8_t	lbamqf;
	uint8_t	rsvd25[4071];
};
_Static_assert(sizeof(struct nvme_id_ctrl_nvm) == 4096, "NVM Identify Controller");

/* CNS 03h: a list of these, each followed by nidl bytes; one with nidl 0 ends it. */
struct nvme_ns_desc {
	uint8_t	nidt;
	uint8_t	nidl;
	uint8_t	rsvd[2];
};
_Static_assert(sizeof(struct nvme_ns_desc) == 4, "namespace identification descriptor");

enum nvme_nidt {
	NVME_NIDT_EUI64	= 1,	/* 8 bytes */
	NVME_NIDT_NGUID	= 2,	/* 16 bytes */
	NVME_NIDT_UUID	= 3,	/* 16 bytes */
	NVME_NIDT_CSI	= 4,	/* 1 byte */
};

/* CNS 12h and 13h. */
struct nvme_ctrl_list {
	le16	num;
	le16	cntlid[2047];	/* ascending */
};
_Static_assert(sizeof(struct nvme_ctrl_list) == 4096, "controller list");

/* CNS 02h, 07h, 10h, 1Ah; also Log Page 04h. */
struct nvme_ns_list {
	le32	nsid[1024];	/* ascending, 0 ends it */
};
_Static_assert(sizeof(struct nvme_ns_list) == 4096, "namespace list");

/* CNS 19h. */
struct nvme_endgrp_list {
	le16	num;
	le16	endgid[2047];
};
_Static_assert(sizeof(struct nvme_endgrp_list) == 4096, "endurance group list");

/* CNS 1Ch: I/O Command Set vectors, bit n for CSI n. */
struct nvme_cs_combinations {
	le64	iocsv[512];
};
_Static_assert(sizeof(struct nvme_cs_combinations) == 4096, "command set combinations");

#endif
