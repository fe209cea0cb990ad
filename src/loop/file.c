/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on files: the verbs, and how a thread performs one. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "loop/engine.h"
#include "util/cleanup.h"

static void op_init(struct loop *loop, struct loop_op *op, enum loop_op_kind kind, int fd)
{
	op->loop = loop;
	op->kind = kind;
	op->fd = fd;
}

static void op_start(struct loop *loop, struct loop_op *op)
{
	if (op->blocks)
		loop_workers_start_op(loop, op);
	else
		loop->ops->op_start(op);
}

static void transfer(struct loop *loop, struct loop_op *op, enum loop_op_kind kind, int fd,
		     const struct iovec *iov, unsigned int iov_count, uint64_t offset, int flags)
{
	op_init(loop, op, kind, fd);
	op->iov = iov;
	op->iov_count = iov_count;
	op->offset = offset;
	op->flags = flags;
	op_start(loop, op);
}

void loop_read(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov,
	       unsigned int iov_count, uint64_t offset)
{
	transfer(loop, op, LOOP_OP_READ, fd, iov, iov_count, offset, 0);
}

void loop_write(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov,
		unsigned int iov_count, uint64_t offset, int flags)
{
	transfer(loop, op, LOOP_OP_WRITE, fd, iov, iov_count, offset, flags);
}

void loop_flush(struct loop *loop, struct loop_op *op, int fd)
{
	op_init(loop, op, LOOP_OP_FLUSH, fd);
	op_start(loop, op);
}

void loop_fallocate(struct loop *loop, struct loop_op *op, int fd, int mode, uint64_t offset,
		    uint64_t length)
{
	op_init(loop, op, LOOP_OP_FALLOCATE, fd);
	op->flags = mode;
	op->offset = offset;
	op->length = length;
	op_start(loop, op);
}

void loop_op_work(struct loop *loop, struct loop_op *op, int fd, int (*work)(struct loop_op *op))
{
	op_init(loop, op, LOOP_OP_WORK, fd);
	op->work = work;
	loop_workers_start_op(loop, op);
}

static ssize_t op_call(struct loop_op *op)
{
	switch (op->kind) {
	case LOOP_OP_READ:
		return preadv2(op->fd, op->iov, (int)op->iov_count, (off_t)op->offset, op->flags);
	case LOOP_OP_WRITE:
		return pwritev2(op->fd, op->iov, (int)op->iov_count, (off_t)op->offset, op->flags);
	case LOOP_OP_FLUSH:
		return fdatasync(op->fd);
	default:
		return fallocate(op->fd, op->flags, (off_t)op->offset, (off_t)op->length);
	}
}

void loop_op_finish(struct loop *loop, struct loop_op *op, int result)
{
	struct loop_op *head = atomic_load_explicit(&loop->finished, memory_order_relaxed);

	op->result = result;
	do
		op->next = head;
	while (!atomic_compare_exchange_weak(&loop->finished, &head, op));
	loop_wake(loop);
}

int loop_op_perform(struct loop_op *op)
{
	ssize_t n;

	if (op->kind == LOOP_OP_WORK)
		return op->work(op);
	do
		n = op_call(op);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

static bool can_be_polled(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	_cleanup_close_ int poll_fd = epoll_create1(EPOLL_CLOEXEC);

	/* Without a free descriptor to find out: use threads, which work with any file. */
	return poll_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool always_waits(int fd)
{
	char byte;

	return preadv2(fd, &(struct iovec){ &byte, 1 }, 1, 0, RWF_NOWAIT) < 0 &&
	       errno == EOPNOTSUPP;
}

bool loop_file_blocks(int fd)
{
	return can_be_polled(fd) || always_waits(fd);
}
