/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * errno to NVMe status: the only place. What a host does with a status is in
 * brackets: Linux retries five times what has no Do Not Retry bit, and takes
 * another path for a path related one (SCT 3h) where it has one.
 */
#include <errno.h>

#include "target/queue/request.h"

struct nvme_status status_from_errno(int error, enum weft_op op)
{
	bool reads = op == WEFT_OP_READ;

	switch (error) {
	/* the medium [ENODATA at once]; with these words, drivers and file systems report it */
	case EIO:
	case ENODATA:
	case EILSEQ:
	case EBADMSG:
	case EUCLEAN:
	case EREMOTEIO:
		return reads ? nvme_status_dnr(NVME_SC_READ_ERROR) :
			       nvme_status_dnr(NVME_SC_WRITE_FAULT);
	/* no room under a thin disk [ENOSPC] */
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
	/* it is somewhere else, and cannot be reached from here now */
	case ENOLINK:
	case ECONNRESET:
	case ENOTCONN:
	case ESHUTDOWN:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ETIMEDOUT:
		return nvme_status(NVME_SC_CTRL_PATH_ERROR);
	/* it will pass [retried] */
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
