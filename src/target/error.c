/* SPDX-License-Identifier: BSD-3-Clause */
/* errno to NVMe status: the only place. */
#include <errno.h>

#include "target/request.h"

struct nvme_status status_from_errno(int error, enum weft_op op)
{
	bool reads = op == WEFT_OP_READ;

	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return nvme_status_dnr(NVME_SC_CAP_EXCEEDED);
	case EROFS:
	case EPERM:
		return nvme_status_dnr(NVME_SC_NS_WRITE_PROTECTED);
	case EACCES:
		return nvme_status_dnr(NVME_SC_ACCESS_DENIED);
	case EOPNOTSUPP:
	case ENOSYS:
		return nvme_status_dnr(NVME_SC_INVALID_OPCODE);
	case ENODATA:
	case EILSEQ:
		return nvme_status_dnr(NVME_SC_READ_ERROR);
	case EBADE:
		return nvme_status_dnr(NVME_SC_RESERVATION_CONFLICT);
	case ENOENT:
	case ENXIO:
	case ENODEV:
		/* the device is gone: another path may have it */
		return nvme_status(NVME_SC_INTERNAL_PATH_ERROR);
	case ENOLINK:
	case ECONNRESET:
	case ENOTCONN:
	case ESHUTDOWN:
	case ETIMEDOUT:
		return nvme_status(NVME_SC_CTRL_PATH_ERROR);
	case ENOMEM:
	case EAGAIN:
	case EBUSY:
	case EINTR:
		return nvme_status(NVME_SC_CMD_INTERRUPTED);
	case ECANCELED:
		return nvme_status(NVME_SC_ABORT_REQ);
	case EIO:
		return reads ? nvme_status_dnr(NVME_SC_READ_ERROR) :
			       nvme_status_dnr(NVME_SC_WRITE_FAULT);
	default:
		return nvme_status_dnr(NVME_SC_INTERNAL);
	}
}
