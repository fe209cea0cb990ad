/* SPDX-License-Identifier: BSD-3-Clause */
/* The io_uring engine: multishot receives into provided buffers, one send per stream and turn. */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "limit/stream.h"

#define BUFFERS		64u
#define BUFFER_SIZE	(64u << 10)
#define RING_BYTES	4096u
#define SENT		1u	/* in user_data: a send ended, not a receive */

struct engine {
	const struct role *role;
	struct io_uring ring;
	struct io_uring_buf_ring *provided;
	uint8_t *buffers;
	struct msghdr *messages;	/* owned: one for each stream */
	unsigned int live;
};

static struct io_uring_sqe *next_sqe(struct engine *e)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&e->ring)))
		io_uring_submit(&e->ring);
	return sqe;
}

static void put_buffer(struct engine *e, unsigned int id)
{
	io_uring_buf_ring_add(e->provided, e->buffers + (size_t)id * BUFFER_SIZE, BUFFER_SIZE,
			      (unsigned short)id, BUFFERS - 1, 0);
	io_uring_buf_ring_advance(e->provided, 1);
}

static void start_receive(struct engine *e, struct stream *stream)
{
	struct io_uring_sqe *sqe = next_sqe(e);

	io_uring_prep_recv_multishot(sqe, stream->fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 0;
	io_uring_sqe_set_data(sqe, stream);
}

static void start_send(struct engine *e, struct stream *stream)
{
	struct msghdr *message = &e->messages[stream->index];
	struct io_uring_sqe *sqe;

	if (stream->sending || !stream_pending(stream) || stream->ended)
		return;
	*message = (struct msghdr){
		.msg_iov = stream->iov + stream->first,
		.msg_iovlen = stream_next(stream),
	};
	sqe = next_sqe(e);
	io_uring_prep_sendmsg(sqe, stream->fd, message, MSG_NOSIGNAL | MSG_WAITALL);
	io_uring_sqe_set_data64(sqe, (uintptr_t)stream | SENT);
	stream->sealed = stream->count;
	stream->sending = true;
}

static int open_engine(struct engine *e, unsigned int count)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
		.cq_entries = 4096,
	};
	struct io_uring_buf_reg provided = { .ring_entries = BUFFERS };
	size_t size = RING_BYTES + (size_t)BUFFERS * BUFFER_SIZE;
	uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int r;

	e->messages = calloc(count, sizeof(e->messages[0]));
	if (memory == MAP_FAILED || !e->messages)
		return -ENOMEM;
	r = io_uring_queue_init_params(256, &e->ring, &params);
	if (r < 0)
		return r;
	provided.ring_addr = (uintptr_t)memory;
	r = io_uring_register_buf_ring(&e->ring, &provided, 0);
	if (r < 0)
		return r;
	io_uring_register_ring_fd(&e->ring);
	e->provided = (struct io_uring_buf_ring *)(void *)memory;
	e->buffers = memory + RING_BYTES;
	io_uring_buf_ring_init(e->provided);
	for (unsigned int id = 0; id < BUFFERS; id++)
		put_buffer(e, id);
	return 0;
}

static void close_engine(struct engine *e)
{
	io_uring_queue_exit(&e->ring);
	munmap(e->provided, RING_BYTES + (size_t)BUFFERS * BUFFER_SIZE);
	free(e->messages);
}

static int received(struct engine *e, struct stream *stream, int result, unsigned int flags)
{
	if (result < 0 && result != -ENOBUFS)
		return result;
	if (result == 0) {
		stream->ended = true;
		e->live--;
		return 0;
	}
	if (result > 0) {
		unsigned int id = flags >> IORING_CQE_BUFFER_SHIFT;

		e->role->woken(stream);
		stream_take(stream, e->role, e->buffers + (size_t)id * BUFFER_SIZE,
			    (size_t)result);
		put_buffer(e, id);
	}
	if (!(flags & IORING_CQE_F_MORE))
		start_receive(e, stream);
	return 0;
}

static int completed(struct engine *e, const struct io_uring_cqe *cqe)
{
	struct stream *stream = (struct stream *)(uintptr_t)(cqe->user_data & ~(uint64_t)SENT);

	if (!(cqe->user_data & SENT))
		return received(e, stream, cqe->res, cqe->flags);
	if (cqe->res < 0)
		return cqe->res;
	stream->sending = false;
	stream_sent(stream, (size_t)cqe->res);
	return 0;
}

static int turn(struct engine *e, struct stream *streams, unsigned int count,
		struct patience *patience)
{
	struct io_uring_cqe *cqe;
	unsigned int place, n = 0;
	int r;

	for (unsigned int i = 0; i < count; i++)
		start_send(e, &streams[i]);
	r = patience_looks(patience) ? io_uring_submit_and_get_events(&e->ring) :
				       io_uring_submit_and_wait(&e->ring, 1);
	if (r < 0 && r != -EINTR)
		return r;
	r = 0;
	io_uring_for_each_cqe(&e->ring, place, cqe) {
		n++;
		if (r == 0)
			r = completed(e, cqe);
	}
	io_uring_cq_advance(&e->ring, n);
	if (n)
		patience_renew(patience);
	return r;
}

int engine_uring(const struct role *role, void *owner, struct stream *streams, unsigned int count,
		 uint32_t look_us)
{
	struct patience patience = { .us = look_us };
	struct engine e = { .role = role, .live = count };
	int r = open_engine(&e, count);

	if (r < 0)
		return r;
	for (unsigned int i = 0; i < count; i++) {
		streams[i].index = (uint16_t)i;
		start_receive(&e, &streams[i]);
	}
	while (r == 0 && e.live && !role->over(owner))
		r = turn(&e, streams, count, &patience);
	close_engine(&e);
	return r;
}
