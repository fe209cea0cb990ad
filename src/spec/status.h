/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Status of a completed command (NVMe Base 2.1, 4.2.3): the outcome that a host sees. It is a
 * type of its own so that the compiler keeps it apart from -errno.
 */
#ifndef WEFT_SPEC_STATUS_H
#define WEFT_SPEC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/* Status code types, bits 10:8. */
enum nvme_sct {
	NVME_SCT_GENERIC	= 0x0,
	NVME_SCT_COMMAND	= 0x1,
	NVME_SCT_MEDIA		= 0x2,
	NVME_SCT_PATH		= 0x3,
	NVME_SCT_VENDOR		= 0x7,
};

/*
 * Every status that is not command specific: X(name, SCT << 8 | SC, text). Command specific
 * statuses have lists of their own, because a value has different meanings for admin, I/O and
 * Fabrics commands.
 */
#define NVME_STATUS_LIST(X)								\
	X(SUCCESS,			0x000, "Successful Completion")			\
	X(INVALID_OPCODE,		0x001, "Invalid Command Opcode")		\
	X(INVALID_FIELD,		0x002, "Invalid Field in Command")		\
	X(CMDID_CONFLICT,		0x003, "Command ID Conflict")			\
	X(DATA_XFER_ERROR,		0x004, "Data Transfer Error")			\
	X(POWER_LOSS,			0x005, "Commands Aborted due to Power Loss")	\
	X(INTERNAL,			0x006, "Internal Error")			\
	X(ABORT_REQ,			0x007, "Command Abort Requested")		\
	X(ABORT_QUEUE,			0x008, "Command Aborted due to SQ Deletion")	\
	X(FUSED_FAIL,			0x009, "Command Aborted due to Failed Fused")	\
	X(FUSED_MISSING,		0x00a, "Command Aborted due to Missing Fused")	\
	X(INVALID_NS,			0x00b, "Invalid Namespace or Format")		\
	X(CMD_SEQ_ERROR,		0x00c, "Command Sequence Error")		\
	X(SGL_INVALID_LAST,		0x00d, "Invalid SGL Segment Descriptor")	\
	X(SGL_INVALID_COUNT,		0x00e, "Invalid Number of SGL Descriptors")	\
	X(SGL_INVALID_DATA,		0x00f, "Data SGL Length Invalid")		\
	X(SGL_INVALID_METADATA,		0x010, "Metadata SGL Length Invalid")		\
	X(SGL_INVALID_TYPE,		0x011, "SGL Descriptor Type Invalid")		\
	X(CMB_INVALID_USE,		0x012, "Invalid Use of Controller Memory Buffer") \
	X(PRP_INVALID_OFFSET,		0x013, "PRP Offset Invalid")			\
	X(AWU_EXCEEDED,			0x014, "Atomic Write Unit Exceeded")		\
	X(OP_DENIED,			0x015, "Operation Denied")			\
	X(SGL_INVALID_OFFSET,		0x016, "SGL Offset Invalid")			\
	X(HOSTID_FORMAT,		0x018, "Host Identifier Inconsistent Format")	\
	X(KAT_EXPIRED,			0x019, "Keep Alive Timer Expired")		\
	X(KAT_INVALID,			0x01a, "Keep Alive Timeout Invalid")		\
	X(ABORT_PREEMPT,		0x01b, "Command Aborted due to Preempt and Abort") \
	X(SANITIZE_FAILED,		0x01c, "Sanitize Failed")			\
	X(SANITIZE_IN_PROGRESS,		0x01d, "Sanitize In Progress")			\
	X(SGL_INVALID_GRANULARITY,	0x01e, "SGL Data Block Granularity Invalid")	\
	X(CMD_CMB_UNSUPPORTED,		0x01f, "Command Not Supported for Queue in CMB") \
	X(NS_WRITE_PROTECTED,		0x020, "Namespace is Write Protected")		\
	X(CMD_INTERRUPTED,		0x021, "Command Interrupted")			\
	X(TRANSIENT_TRANSPORT,		0x022, "Transient Transport Error")		\
	X(CMD_PROHIBITED,		0x023, "Command Prohibited by Lockdown")	\
	X(MEDIA_NOT_READY,		0x024, "Admin Command Media Not Ready")		\
	X(INVALID_KEY_TAG,		0x025, "Invalid Key Tag")			\
	X(HOST_DISPERSED_NS_OFF,	0x026, "Host Dispersed Namespace Support Not Enabled") \
	X(HOSTID_NOT_INITIALIZED,	0x027, "Host Identifier Not Initialized")	\
	X(INCORRECT_KEY,		0x028, "Incorrect Key")				\
	X(FDP_DISABLED,			0x029, "FDP Disabled")				\
	X(INVALID_PLACEMENT_HANDLES,	0x02a, "Invalid Placement Handle List")		\
	X(LBA_RANGE,			0x080, "LBA Out of Range")			\
	X(CAP_EXCEEDED,			0x081, "Capacity Exceeded")			\
	X(NS_NOT_READY,			0x082, "Namespace Not Ready")			\
	X(RESERVATION_CONFLICT,		0x083, "Reservation Conflict")			\
	X(FORMAT_IN_PROGRESS,		0x084, "Format In Progress")			\
	X(INVALID_VALUE_SIZE,		0x085, "Invalid Value Size")			\
	X(INVALID_KEY_SIZE,		0x086, "Invalid Key Size")			\
	X(KV_KEY_MISSING,		0x087, "KV Key Does Not Exist")			\
	X(UNRECOVERED,			0x088, "Unrecovered Error")			\
	X(KV_KEY_EXISTS,		0x089, "Key Exists")				\
	X(WRITE_FAULT,			0x280, "Write Fault")				\
	X(READ_ERROR,			0x281, "Unrecovered Read Error")		\
	X(GUARD_CHECK,			0x282, "End-to-end Guard Check Error")		\
	X(APPTAG_CHECK,			0x283, "End-to-end Application Tag Check Error") \
	X(REFTAG_CHECK,			0x284, "End-to-end Reference Tag Check Error")	\
	X(COMPARE_FAILED,		0x285, "Compare Failure")			\
	X(ACCESS_DENIED,		0x286, "Access Denied")				\
	X(UNWRITTEN_BLOCK,		0x287, "Deallocated or Unwritten Logical Block") \
	X(STORAGE_TAG_CHECK,		0x288, "End-to-End Storage Tag Check Error")	\
	X(INTERNAL_PATH_ERROR,		0x300, "Internal Path Error")			\
	X(ANA_PERSISTENT_LOSS,		0x301, "Asymmetric Access Persistent Loss")	\
	X(ANA_INACCESSIBLE,		0x302, "Asymmetric Access Inaccessible")	\
	X(ANA_TRANSITION,		0x303, "Asymmetric Access Transition")		\
	X(CTRL_PATH_ERROR,		0x360, "Controller Pathing Error")		\
	X(HOST_PATH_ERROR,		0x370, "Host Pathing Error")			\
	X(HOST_ABORTED_CMD,		0x371, "Command Aborted By Host")

/* Command specific statuses of admin commands, and those that several kinds of command share. */
#define NVME_STATUS_ADMIN_LIST(X)							\
	X(CQ_INVALID,			0x100, "Completion Queue Invalid")		\
	X(QID_INVALID,			0x101, "Invalid Queue Identifier")		\
	X(QUEUE_SIZE,			0x102, "Invalid Queue Size")			\
	X(ABORT_LIMIT,			0x103, "Abort Command Limit Exceeded")		\
	X(ASYNC_LIMIT,			0x105, "Asynchronous Event Request Limit Exceeded") \
	X(FIRMWARE_SLOT,		0x106, "Invalid Firmware Slot")			\
	X(FIRMWARE_IMAGE,		0x107, "Invalid Firmware Image")		\
	X(INVALID_VECTOR,		0x108, "Invalid Interrupt Vector")		\
	X(INVALID_LOG_PAGE,		0x109, "Invalid Log Page")			\
	X(INVALID_FORMAT,		0x10a, "Invalid Format")			\
	X(FW_NEEDS_CONV_RESET,		0x10b, "Firmware Needs Conventional Reset") \
	X(INVALID_QUEUE,		0x10c, "Invalid Queue Deletion")		\
	X(FEATURE_NOT_SAVEABLE,		0x10d, "Feature Identifier Not Saveable")	\
	X(FEATURE_NOT_CHANGEABLE,	0x10e, "Feature Not Changeable")		\
	X(FEATURE_NOT_PER_NS,		0x10f, "Feature Not Namespace Specific")	\
	X(FW_NEEDS_SUBSYS_RESET,	0x110, "Firmware Needs Subsystem Reset") \
	X(FW_NEEDS_RESET,		0x111, "Firmware Needs Controller Reset") \
	X(FW_NEEDS_MAX_TIME,		0x112, "Firmware Needs Maximum Time") \
	X(FW_ACTIVATE_PROHIBITED,	0x113, "Firmware Activation Prohibited")	\
	X(OVERLAPPING_RANGE,		0x114, "Overlapping Range")			\
	X(NS_INSUFFICIENT_CAP,		0x115, "Namespace Insufficient Capacity")	\
	X(NS_ID_UNAVAILABLE,		0x116, "Namespace Identifier Unavailable")	\
	X(NS_ALREADY_ATTACHED,		0x118, "Namespace Already Attached")		\
	X(NS_IS_PRIVATE,		0x119, "Namespace Is Private")			\
	X(NS_NOT_ATTACHED,		0x11a, "Namespace Not Attached")		\
	X(THIN_PROV_NOT_SUPP,		0x11b, "Thin Provisioning Not Supported")	\
	X(CTRL_LIST_INVALID,		0x11c, "Controller List Invalid")		\
	X(SELF_TEST_IN_PROGRESS,	0x11d, "Device Self-test In Progress")		\
	X(BP_WRITE_PROHIBITED,		0x11e, "Boot Partition Write Prohibited")	\
	X(CTRL_ID_INVALID,		0x11f, "Invalid Controller Identifier")		\
	X(SEC_CTRL_STATE_INVALID,	0x120, "Invalid Secondary Controller State")	\
	X(CTRL_RES_NUM_INVALID,		0x121, "Invalid Number of Controller Resources") \
	X(RES_ID_INVALID,		0x122, "Invalid Resource Identifier")		\
	X(PMR_SAN_PROHIBITED,		0x123, "Sanitize Prohibited While PMR is Enabled") \
	X(ANA_GROUP_ID_INVALID,		0x124, "ANA Group Identifier Invalid")		\
	X(ANA_ATTACH_FAIL,		0x125, "ANA Attach Failed")			\
	X(INSUFFICIENT_CAPACITY,	0x126, "Insufficient Capacity")			\
	X(NS_ATTACH_LIMIT,		0x127, "Namespace Attachment Limit Exceeded")	\
	X(PROHIBIT_NOT_SUPP,		0x128, "Prohibition of Command Execution Not Supported") \
	X(IOCS_NOT_SUPPORTED,		0x129, "I/O Command Set Not Supported")		\
	X(IOCS_NOT_ENABLED,		0x12a, "I/O Command Set Not Enabled")		\
	X(IOCS_COMBINATION_REJECTED,	0x12b, "I/O Command Set Combination Rejected")	\
	X(INVALID_IOCS,			0x12c, "Invalid I/O Command Set")		\
	X(ID_UNAVAILABLE,		0x12d, "Identifier Unavailable")		\
	X(NS_IS_DISPERSED,		0x12e, "Namespace Is Dispersed")		\
	X(INVALID_DISC_INFO,		0x12f, "Invalid Discovery Information")		\
	X(ZONING_DATA_LOCKED,		0x130, "Zoning Data Structure Locked")		\
	X(ZONING_DATA_NOT_FOUND,	0x131, "Zoning Data Structure Not Found")	\
	X(INSUFFICIENT_DISC_RES,	0x132, "Insufficient Discovery Resources")	\
	X(FUNCTION_DISABLED,		0x133, "Requested Function Disabled")		\
	X(ZONEGROUP_ORIGINATOR,		0x134, "ZoneGroup Originator Invalid")		\
	X(INVALID_HOST,			0x135, "Invalid Host")				\
	X(INVALID_NVM_SUBSYSTEM,	0x136, "Invalid NVM Subsystem")			\
	X(INVALID_CTRL_DATA_QUEUE,	0x137, "Invalid Controller Data Queue")		\
	X(NOT_ENOUGH_RESOURCES,		0x138, "Not Enough Resources")			\
	X(CTRL_SUSPENDED,		0x139, "Controller Suspended")			\
	X(CTRL_NOT_SUSPENDED,		0x13a, "Controller Not Suspended")		\
	X(CTRL_DATA_QUEUE_FULL,		0x13b, "Controller Data Queue Full")

/* Command specific statuses of the NVM and zoned command sets. */
#define NVME_STATUS_NVM_LIST(X)								\
	X(CONFLICTING_ATTRS,		0x180, "Conflicting Attributes")		\
	X(INVALID_PI,			0x181, "Invalid Protection Information")	\
	X(READ_ONLY,			0x182, "Attempted Write to Read Only Range")	\
	X(CMD_SIZE_LIMIT_EXCEEDED,	0x183, "Command Size Limit Exceeded")		\
	X(INCOMPATIBLE_NS,		0x185, "Incompatible Namespace or Format")	\
	X(FAST_COPY_NOT_POSSIBLE,	0x186, "Fast Copy Not Possible")		\
	X(OVERLAPPING_IO_RANGE,		0x187, "Overlapping I/O Range")			\
	X(COPY_RESOURCES,		0x189, "Insufficient Resources")		\
	X(ZONE_BOUNDARY_ERROR,		0x1b8, "Zoned Boundary Error")			\
	X(ZONE_FULL,			0x1b9, "Zone Is Full")				\
	X(ZONE_READ_ONLY,		0x1ba, "Zone Is Read Only")			\
	X(ZONE_OFFLINE,			0x1bb, "Zone Is Offline")			\
	X(ZONE_INVALID_WRITE,		0x1bc, "Zone Invalid Write")			\
	X(ZONE_TOO_MANY_ACTIVE,		0x1bd, "Too Many Active Zones")			\
	X(ZONE_TOO_MANY_OPEN,		0x1be, "Too Many Open Zones")			\
	X(ZONE_INVALID_TRANSITION,	0x1bf, "Invalid Zone State Transition")

/* Command specific statuses of Fabrics commands (Base 2.1, 6.1). */
#define NVME_STATUS_FABRICS_LIST(X)							\
	X(CONNECT_FORMAT,		0x180, "Incompatible Format")			\
	X(CONNECT_CTRL_BUSY,		0x181, "Controller Busy")			\
	X(CONNECT_INVALID_PARAM,	0x182, "Connect Invalid Parameters")		\
	X(CONNECT_RESTART_DISC,		0x183, "Connect Restart Discovery")		\
	X(CONNECT_INVALID_HOST,		0x184, "Connect Invalid Host")			\
	X(DISCONNECT_INVALID_QTYPE,	0x185, "Disconnect Invalid Queue Type")		\
	X(DISCOVERY_RESTART,		0x190, "Discover Restart")			\
	X(AUTH_REQUIRED,		0x191, "Authentication Required")

#define NVME_STATUS_ENUM(name, value, text) NVME_SC_##name = value,
enum nvme_sc {
	NVME_STATUS_LIST(NVME_STATUS_ENUM)
	NVME_STATUS_ADMIN_LIST(NVME_STATUS_ENUM)
	NVME_STATUS_NVM_LIST(NVME_STATUS_ENUM)
	NVME_STATUS_FABRICS_LIST(NVME_STATUS_ENUM)
};
#undef NVME_STATUS_ENUM

/* Bits beside SCT and SC. */
#define NVME_SC_MASK		0x07ff
#define NVME_STATUS_CRD_SHIFT	11		/* command retry delay, two bits */
#define NVME_STATUS_MORE	0x2000		/* the Error Information log says more */
#define NVME_STATUS_DNR		0x4000		/* do not retry */

/* DNR, CRD, MORE, SCT, SC: the wire's status word shifted right by the phase bit. */
struct nvme_status {
	uint16_t v;
};

#define NVME_SUCCESS ((struct nvme_status){ NVME_SC_SUCCESS })

/* A status that the host may retry: sc is one of NVME_SC_*. */
static inline struct nvme_status nvme_status(uint16_t sc)
{
	return (struct nvme_status){ sc };
}

/* A status that the host must not retry. */
static inline struct nvme_status nvme_status_dnr(uint16_t sc)
{
	return (struct nvme_status){ (uint16_t)(sc | NVME_STATUS_DNR) };
}

static inline bool nvme_status_ok(struct nvme_status st)
{
	return (st.v & NVME_SC_MASK) == NVME_SC_SUCCESS;
}

/* SCT << 8 | SC, one of NVME_SC_*. */
static inline uint16_t nvme_status_sc(struct nvme_status st)
{
	return st.v & NVME_SC_MASK;
}

/* The list in which a command specific status is found. */
enum nvme_status_kind {
	NVME_STATUS_KIND_ADMIN,
	NVME_STATUS_KIND_NVM,
	NVME_STATUS_KIND_FABRICS,
};

/*
 * The specification's name of a status; never NULL, static memory. kind: of the command, which
 * determines the meaning of 180h to 1BFh.
 */
const char *nvme_status_str(struct nvme_status st, enum nvme_status_kind kind);

#endif
