/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O on a file or a block device. A READ or a WRITE is continued if the kernel
 * transferred fewer bytes than requested. Zeroing asks the file system first and
 * writes zeroes if that can't do it. On a block device, fallocate(2) does what the
 * ioctl BLKZEROOUT does, but without blocking the reactor.
 */
#include "backend/file/file.h"

#include <errno.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "loop/loop.h"

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define ZERO (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)

/* State of an I/O under way, in the I/O's scratch. */
struct file_io {
	struct loop_op op;
	const struct file_device *device;
	uint64_t done;			/* bytes transferred so far */
	struct iovec part;		/* the rest of a vector that was transferred in part */
};

_Static_assert(sizeof(struct file_io) <= WEFT_IO_SCRATCH, "fits an I/O's scratch");

static struct file_io *file_io_of(struct weft_io *io)
{
	return (struct file_io *)(void *)io->scratch;
}

static struct weft_io *io_of(struct loop_op *op)
{
	return container_of(op, struct weft_io, scratch);
}

static void finish(struct loop_op *op, int result)
{
	weft_io_done(io_of(op), result);
}

static int write_flags(const struct weft_io *io)
{
	return io->flags & WEFT_IO_FUA ? RWF_DSYNC : 0;
}

/* ---- transfers: READ, WRITE, and the zeroes of a WRITE_ZEROES ---- */

static void start_transfer(struct weft_io *io);
static void write_zeroes(struct weft_io *io);

/*
 * Adds the transferred bytes to f->done, in whole blocks: direct I/O can't continue
 * within a block. 0, or -EIO if no byte was transferred: the file ends here because
 * something has truncated it.
 */
static int account(struct file_io *f, int count)
{
	uint64_t whole = (uint64_t)count & ~(uint64_t)(f->device->block_size - 1);

	f->done += whole;
	return whole ? 0 : -EIO;
}

static void transferred(struct loop_op *op, int result)
{
	struct file_io *f = container_of(op, struct file_io, op);
	struct weft_io *io = io_of(op);
	int r = result < 0 ? result : account(f, result);

	if (r < 0 || f->done == io->length)
		finish(op, r);
	else if (io->op == WEFT_OP_WRITE_ZEROES)
		write_zeroes(io);
	else
		start_transfer(io);
}

static void start_transfer(struct weft_io *io)
{
	struct file_io *f = file_io_of(io);
	const struct iovec *iov = io->iov;
	unsigned int count = io->iov_count;
	uint64_t skip = f->done;

	for (; skip && skip >= iov->iov_len; iov++, count--)
		skip -= iov->iov_len;
	if (skip) {
		f->part.iov_base = (char *)iov->iov_base + skip;
		f->part.iov_len = iov->iov_len - skip;
		iov = &f->part;
		count = 1;
	}
	if (count > IOV_MAX)
		count = IOV_MAX;
	f->op.done = transferred;
	if (io->op == WEFT_OP_READ)
		loop_read(loop_current(), &f->op, f->device->fd, iov, count, io->offset + f->done);
	else
		loop_write(loop_current(), &f->op, f->device->fd, iov, count, io->offset + f->done,
			   write_flags(io));
}

static char zeroes[65536] __attribute__((aligned(4096))); /* never written */

#define ZERO_COUNT 16
static const struct iovec zero_iov[ZERO_COUNT] = {
	[0 ... ZERO_COUNT - 1] = { zeroes, sizeof(zeroes) },
};

static void write_zeroes(struct weft_io *io)
{
	struct file_io *f = file_io_of(io);
	uint64_t left = io->length - f->done;
	uint64_t whole = left / sizeof(zeroes);
	unsigned int count = whole < ZERO_COUNT ? (unsigned int)whole : ZERO_COUNT;
	const struct iovec *iov = zero_iov;

	if (!count) {
		f->part = (struct iovec){ zeroes, left };
		iov = &f->part;
		count = 1;
	}
	f->op.done = transferred;
	loop_write(loop_current(), &f->op, f->device->fd, iov, count, io->offset + f->done,
		   write_flags(io));
}

/* ---- zeroing and discarding ---- */

/*
 * True if this call cannot do it and another way can: it is not supported here, or the page cache
 * of a block device has dirty pages [EBUSY: Linux does not drop them for a
 * descriptor without O_EXCL, and only the descriptor of claim.c has it].
 */
static bool is_refused(int result)
{
	return result == -EOPNOTSUPP || result == -EBUSY;
}

static void zeroed(struct loop_op *op, int result)
{
	struct file_io *f = container_of(op, struct file_io, op);
	struct weft_io *io = io_of(op);

	if (is_refused(result)) {
		write_zeroes(io);
	} else if (result == 0 && io->flags & WEFT_IO_FUA) {
		op->done = finish;
		loop_flush(loop_current(), op, f->device->fd);
	} else {
		finish(op, result);
	}
}

static void punched(struct loop_op *op, int result)
{
	struct file_io *f = container_of(op, struct file_io, op);
	struct weft_io *io = io_of(op);

	op->done = zeroed;
	if (result == -EOPNOTSUPP)
		loop_fallocate(loop_current(), op, f->device->fd, ZERO, io->offset, io->length);
	else
		zeroed(op, result);
}

static void start_zeroing(struct weft_io *io)
{
	struct file_io *f = file_io_of(io);
	bool punch = io->flags & WEFT_IO_DEALLOCATE;

	f->op.done = punch ? punched : zeroed;
	loop_fallocate(loop_current(), &f->op, f->device->fd, punch ? PUNCH : ZERO, io->offset,
		       io->length);
}

/* A discard is advice: it succeeds even if the disk can't do it. */
static void discarded(struct loop_op *op, int result)
{
	finish(op, is_refused(result) ? 0 : result);
}

static int discard_work(struct loop_op *op)
{
	struct file_io *f = container_of(op, struct file_io, op);
	uint64_t range[2] = { io_of(op)->offset, io_of(op)->length };

	return ioctl(f->device->fd, BLKDISCARD, range) < 0 ? -errno : 0;
}

static void start_discard(struct weft_io *io)
{
	struct file_io *f = file_io_of(io);

	f->op.done = discarded;
	if (f->device->is_block)
		loop_op_work(loop_current(), &f->op, f->device->fd, discard_work);
	else
		loop_fallocate(loop_current(), &f->op, f->device->fd, PUNCH, io->offset,
			       io->length);
}

void file_submit(void *device, struct weft_io *io)
{
	struct file_io *f = file_io_of(io);

	*f = (struct file_io){ .device = device };
	f->op.blocks = f->device->blocks;
	f->op.direct = f->device->direct;
	switch (io->op) {
	case WEFT_OP_READ:
	case WEFT_OP_WRITE:
		start_transfer(io);
		break;
	case WEFT_OP_FLUSH:
		f->op.done = finish;
		loop_flush(loop_current(), &f->op, f->device->fd);
		break;
	case WEFT_OP_WRITE_ZEROES:
		start_zeroing(io);
		break;
	case WEFT_OP_DISCARD:
		start_discard(io);
		break;
	}
}
