/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * io_uring: files. The kernel threads (io-wq) serve all files of the ring's thread. By
 * default there are few, four for each CPU, and a file that hangs would take all of them.
 * So the operations of each file are limited, and io-wq may have as many threads as all
 * files together can use; it makes threads only when they are needed.
 */
#include <errno.h>
#include <stdlib.h>

#include "loop/uring.h"

/* ---- bounds ---- */

static bool is_call(const struct loop_op *op)
{
	return op->kind != LOOP_OP_READ && op->kind != LOOP_OP_WRITE;
}

static unsigned int lane_max(const struct loop_op *op)
{
	if (is_call(op))
		return URING_CALLS_OF_A_FILE;
	return op->direct ? URING_TRANSFERS_OF_A_FILE : URING_CACHED_OF_A_FILE;
}

/* At a lane's first operation: allows io-wq the threads that this lane may use. */
static void lane_open(struct uring *u, struct uring_lane *lane, const struct loop_op *op)
{
	unsigned int most[2];

	lane->used = true;
	u->threads += is_call(op) ? URING_CALLS_OF_A_FILE : URING_TRANSFERS_OF_A_FILE;
	most[0] = u->threads;
	most[1] = 0; /* unchanged: the threads for other than files and disks */
	/* If this fails, the kernel's default remains. */
	(void)io_uring_register_iowq_max_workers(&u->ring, most);
}

static unsigned int lane_index(const struct loop_op *op)
{
	return (unsigned int)op->fd * 2 + is_call(op);
}

/* NULL where memory ran out. */
static struct uring_lane *get_lane(struct uring *u, const struct loop_op *op)
{
	unsigned int index = lane_index(op);
	struct uring_lane *lane;

	if (index >= u->lane_count) {
		unsigned int count = (index | 1) + 1 + index / 2;
		struct uring_lane *lanes = reallocarray(u->lanes, count, sizeof(*lanes));

		if (!lanes)
			return NULL;
		for (unsigned int i = u->lane_count; i < count; i++)
			lanes[i] = (struct uring_lane){ 0 };
		u->lanes = lanes;
		u->lane_count = count;
	}
	lane = &u->lanes[index];
	if (!lane->used)
		lane_open(u, lane, op);
	return lane;
}

/* ---- operations ---- */

static void prepare_read(struct io_uring_sqe *sqe, const struct loop_op *op, int slab)
{
	void *to = op->iov->iov_base;
	unsigned int count = (unsigned int)op->iov->iov_len;

	if (slab >= 0)
		io_uring_prep_read_fixed(sqe, op->fd, to, count, op->offset, slab);
	else if (op->iov_count == 1)
		io_uring_prep_read(sqe, op->fd, to, count, op->offset);
	else
		io_uring_prep_readv(sqe, op->fd, op->iov, op->iov_count, op->offset);
}

static void prepare_write(struct io_uring_sqe *sqe, const struct loop_op *op, int slab)
{
	const void *from = op->iov->iov_base;
	unsigned int count = (unsigned int)op->iov->iov_len;

	if (slab >= 0)
		io_uring_prep_write_fixed(sqe, op->fd, from, count, op->offset, slab);
	else if (op->iov_count == 1)
		io_uring_prep_write(sqe, op->fd, from, count, op->offset);
	else
		io_uring_prep_writev(sqe, op->fd, op->iov, op->iov_count, op->offset);
}

static void submit(struct loop_op *op)
{
	struct uring *u = uring_of(op->loop);
	struct io_uring_sqe *sqe = uring_sqe(u);
	int slab = -1;

	if (!is_call(op) && op->direct && op->iov_count == 1)
		slab = uring_fixed_slab(u, op->iov);
	switch (op->kind) {
	case LOOP_OP_READ:
		prepare_read(sqe, op, slab);
		sqe->rw_flags = op->flags;
		break;
	case LOOP_OP_WRITE:
		prepare_write(sqe, op, slab);
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

void uring_op_start(struct loop_op *op)
{
	struct uring_lane *lane = get_lane(uring_of(op->loop), op);

	if (!lane) {
		loop_op_finish(op->loop, op, -ENOMEM);
		return;
	}
	if (lane->inflight < lane_max(op)) {
		lane->inflight++;
		submit(op);
		return;
	}
	op->next = NULL;
	if (lane->first)
		lane->last->next = op;
	else
		lane->first = op;
	lane->last = op;
}

void uring_op_ended(struct loop_op *op, int result)
{
	struct uring_lane *lane = &uring_of(op->loop)->lanes[lane_index(op)];
	struct loop_op *next = lane->first;

	if (next) {
		lane->first = next->next;
		submit(next);
	} else {
		lane->inflight--;
	}
	op->done(op, result);
}
