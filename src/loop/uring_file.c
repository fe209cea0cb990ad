/* SPDX-License-Identifier: BSD-3-Clause */
/* io_uring: files. */
#include "loop/uring.h"

void uring_op_start(struct loop_op *op)
{
	struct io_uring_sqe *sqe = uring_sqe(uring_of(op->loop));

	switch (op->kind) {
	case LOOP_OP_READ:
		if (op->iov_count == 1)
			io_uring_prep_read(sqe, op->fd, op->iov->iov_base,
					   (unsigned int)op->iov->iov_len, op->offset);
		else
			io_uring_prep_readv(sqe, op->fd, op->iov, op->iov_count, op->offset);
		sqe->rw_flags = op->flags;
		break;
	case LOOP_OP_WRITE:
		if (op->iov_count == 1)
			io_uring_prep_write(sqe, op->fd, op->iov->iov_base,
					    (unsigned int)op->iov->iov_len, op->offset);
		else
			io_uring_prep_writev(sqe, op->fd, op->iov, op->iov_count, op->offset);
		sqe->rw_flags = op->flags;
		break;
	case LOOP_OP_FLUSH:
		io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
		break;
	default:
		io_uring_prep_fallocate(sqe, op->fd, op->flags, (off_t)op->offset,
					(off_t)op->length);
		break;
	}
	uring_tag(sqe, op, URING_OP);
}
