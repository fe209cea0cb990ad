/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maps errno to an NVMe status; nothing else does. Brackets say how a Linux host reacts:
 * it retries a status without the Do Not Retry bit five times, and for a path related
 * status (SCT 3h) it takes another path if it has one.
 */
#include <errno.h>

#include "target/queue/request.h"

struct nvme_status status_from_errno(int error, enum weft_op op)
{
	bool reads = op == WEFT_OP_READ;

	switch (error) {
	/* a medium error [ENODATA at once], which drivers and file systems report as such */
	case EIO:
	case ENODATA:
	case EILSEQ:
	case EBADMSG:
	case EUCLEAN:
	case EREMOTEIO:
		return reads ? nvme_status_dnr(NVME_SC_READ_ERROR) :
			       nvme_status_dnr(NVME_SC_WRITE_FAULT);
	/* the store under a thin disk is full [ENOSPC] */
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return nvme_status_dnr(NVME_SC_CAP_EXCEEDED);
	case EROFS:
	case EPERM:
		return reads ? nvme_status_dnr(NVME_SC_ACCESS_DENIED) :
			       nvme_status_dnr(NVME_SC_NS_WRITE_PROTECTED);
	case EACCES:
		return nvme_status_dnr(NVME_SC_ACCESS_DENIED);
	case EBADE:
		return nvme_status_dnr(NVME_SC_RESERVATION_CONFLICT);
	/* [EOPNOTSUPP: Linux writes the zeroes itself from then on] */
	case EOPNOTSUPP:
	case ENOSYS:
		return nvme_status_dnr(NVME_SC_INVALID_OPCODE);
	/* the device is gone: another path may have it */
	case ENOENT:
	case ENXIO:
	case ENODEV:
	case ENOMEDIUM:
	case ESTALE:
		return nvme_status(NVME_SC_INTERNAL_PATH_ERROR);
	/* the device is elsewhere and cannot be reached now */
	case ENOLINK:
	case ECONNRESET:
	case ENOTCONN:
	case ESHUTDOWN:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ETIMEDOUT:
		return nvme_status(NVME_SC_CTRL_PATH_ERROR);
	/* a temporary condition [retried] */
	case ENOMEM:
	case EAGAIN:
	case EBUSY:
	case EINTR:
		return nvme_status(NVME_SC_CMD_INTERRUPTED);
	case ECANCELED:
		return nvme_status(NVME_SC_ABORT_REQ);
	default:
		return nvme_status_dnr(NVME_SC_INTERNAL);
	}
}
