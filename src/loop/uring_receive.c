/* SPDX-License-Identifier: BSD-3-Clause */
/* io_uring: one multishot receive for each socket, into buffers that all sockets share. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "loop/uring.h"

#define GROUP 0
#define RING_SIZE 65536	/* of the ring of provided buffers: whole pages of any size */
/* The most bytes that a socket in take mode receives in one turn. */
#define STEPS_SIZE ((size_t)1024 * 1024)
/* The period in which the use of buffers is measured, nanoseconds. */
#define LESS_AFTER 100000000ull
#define MEMORY_SIZE (RING_SIZE + (size_t)URING_BUFFERS * URING_BUFFER_STRIDE)

static_assert(URING_BUFFERS * sizeof(struct io_uring_buf) <= RING_SIZE, "the ring fits");
static_assert((URING_BUFFERS & (URING_BUFFERS - 1)) == 0, "the ring is a power of two");

enum socket_flags {
	SOCKET_WAITS = 1 << 0,	/* the receive under way is a poll */
};

static uint8_t *buffer_address(struct uring *u, unsigned int id)
{
	return u->buffers + (size_t)id * URING_BUFFER_STRIDE;
}

/* ---- lending ---- */

static void lend(struct uring *u, unsigned int id)
{
	io_uring_buf_ring_add(u->provided, buffer_address(u, id), URING_BUFFER_SIZE,
			      (unsigned short)id, URING_BUFFERS - 1, 0);
	io_uring_buf_ring_advance(u->provided, 1);
	u->lent++;
}

static void lend_spares(struct uring *u)
{
	while (u->lent < u->lend)
		lend(u, u->spare[--u->spare_count]);
}

/* If the timer cannot be started, the next buffer tries again. */
static void lend_less_soon(struct uring *u)
{
	if (!u->less.slot)
		(void)loop_timer_start(&u->loop, &u->less, LESS_AFTER);
}

/* Takes back a buffer whose data was used. */
static void buffer_put(struct uring *u, unsigned int id)
{
	u->lent--;
	u->filled++;
	if (u->lent < u->lend) {
		lend(u, id);
		return;
	}
	u->spare[u->spare_count++] = (uint16_t)id;
	lend_less_soon(u);
}

/* The kernel ran out of buffers for several sockets. */
static void lend_more(struct uring *u)
{
	if (u->lend < URING_BUFFERS)
		u->lend *= 2;
	lend_spares(u);
	lend_less_soon(u);
}

/*
 * Gives back the memory of all buffers, in one call. No buffer has data before its completion is
 * seen, because the kernel fills buffers only inside this thread's system calls.
 */
static bool release(struct uring *u)
{
	if (io_uring_cq_ready(&u->ring) || io_uring_cq_has_overflow(&u->ring))
		return false;
	madvise(u->buffers, MEMORY_SIZE - RING_SIZE, MADV_DONTNEED);
	return true;
}

/* Lends half as many buffers if no turn needed more; at the end gives their memory back. */
static void lend_less(struct loop_timer *timer)
{
	struct uring *u = container_of(timer, struct uring, less);

	if (u->lend > URING_BUFFERS_LENT && u->peak < u->lend / 2)
		u->lend /= 2;
	u->peak = 0;
	if (u->lend > URING_BUFFERS_LENT || !release(u))
		lend_less_soon(u);
}

int uring_buffers_open(struct uring *u, struct weft_error *error)
{
	struct io_uring_buf_reg registration = {.ring_entries = URING_BUFFERS, .bgid = GROUP};
	void *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (memory == MAP_FAILED)
		return weft_error_set(error, errno, "no memory for receive buffers");
	/* Without huge pages, a small packet costs one page of its buffer. */
	(void)madvise(memory, MEMORY_SIZE, MADV_NOHUGEPAGE);
	registration.ring_addr = (uintptr_t)memory;
	r = io_uring_register_buf_ring(&u->ring, &registration, 0);
	if (r) {
		munmap(memory, MEMORY_SIZE);
		return weft_error_set(error, -r, "io_uring: rings of provided buffers: %s",
				      strerror(-r));
	}
	u->provided = memory;
	u->buffers = (uint8_t *)memory + RING_SIZE;
	io_uring_buf_ring_init(u->provided);
	for (unsigned int id = URING_BUFFERS; id-- > 0;)
		u->spare[u->spare_count++] = (uint16_t)id;
	u->lend = URING_BUFFERS_LENT;
	lend_spares(u);
	u->less.fire = lend_less;
	return 0;
}

void uring_buffers_close(struct uring *u)
{
	munmap(u->provided, MEMORY_SIZE);
}

/*
 * In take mode only waits for data, which loop_socket_step() then receives. Otherwise the kernel
 * receives into the next buffer of the ring.
 */
static void receive_arm(struct loop_socket *socket)
{
	struct io_uring_sqe *sqe = uring_sqe(uring_of(socket->loop));

	if (socket->bulk) {
		io_uring_prep_poll_add(sqe, socket->fd, POLLIN | POLLRDHUP);
		socket->engine_flags |= SOCKET_WAITS;
	} else {
		io_uring_prep_recv_multishot(sqe, socket->fd, NULL, 0, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = GROUP;
	}
	uring_tag(sqe, socket, URING_RECEIVE);
	socket->receiving = true;
	socket->inflight++;
}

int uring_socket_open(struct loop_socket *socket)
{
	int r = loop_fd_set_nonblocking(socket->fd, false);

	if (r)
		return r;
	receive_arm(socket);
	return 0;
}

/*
 * While a multishot receive is under way, the next bytes may already be in receive buffers. So
 * nothing can be taken yet; the receive is cancelled, and then the socket receives by steps.
 */
bool uring_socket_takes(struct loop_socket *socket)
{
	if (socket->receiving && !socket->bulk) {
		struct io_uring_sqe *sqe = uring_sqe(uring_of(socket->loop));

		io_uring_prep_cancel64(sqe, (uintptr_t)socket | URING_RECEIVE, 0);
		uring_tag(sqe, NULL, URING_NOTHING);
	}
	socket->bulk = true;
	return !socket->receiving;
}

/* Restarts a receive that ended without an error of the socket, or waits for buffers. */
static void receive_again(struct uring *u, struct loop_socket *socket, int result)
{
	if (result != -ENOBUFS) {
		receive_arm(socket);
		return;
	}
	list_add_tail(&u->starved, &socket->node);
}

/* Receives in take mode, at most STEPS_SIZE bytes, so that other sockets have their turn. */
static void receive_steps(struct uring *u, struct loop_socket *socket)
{
	size_t all = 0;
	ssize_t n;

	do {
		n = loop_socket_step(socket, u->head);
		all += n > 0 ? (size_t)n : 0;
	} while (n > 0 && all < STEPS_SIZE && socket->bulk && !socket->closing);
	if ((n > 0 || n == -EAGAIN) && !socket->closing)
		receive_arm(socket);
}

/* True if the receive must restart: cancelled for take mode, or the kernel lacked memory. */
static bool must_restart(int result)
{
	return result > 0 || result == -ENOBUFS || result == -EINTR || result == -EAGAIN ||
	       result == -ECANCELED;
}

void uring_received(struct uring *u, struct loop_socket *socket, int result, unsigned int flags)
{
	bool more = flags & IORING_CQE_F_MORE, again;
	unsigned int id = flags >> IORING_CQE_BUFFER_SHIFT;

	if (!more)
		socket->receiving = false;
	if (socket->engine_flags & SOCKET_WAITS) {
		socket->engine_flags &= (uint8_t)~SOCKET_WAITS;
		if (!socket->closing)
			receive_steps(u, socket);
		uring_socket_ended(socket);
		return;
	}
	again = must_restart(result) || (!more && result < 0 && !socket->closing &&
					 loop_socket_record(socket, -result));
	if (!socket->closing && result > 0)
		loop_socket_received(socket, buffer_address(u, id), result);
	else if (!socket->closing && !again)
		loop_socket_received(socket, NULL, result);
	if (flags & IORING_CQE_F_BUFFER)
		buffer_put(u, id);
	if (more)
		return;
	if (again && !socket->closing)
		receive_again(u, socket, result);
	uring_socket_ended(socket);
}

static bool many(const struct list *list)
{
	return !list_empty(list) && list->next->next != list;
}

/*
 * Restarts the receives of sockets that found no buffer, in order, and at most as many as there are
 * buffers. The remaining ones keep the loop awake until their turn. A single socket without a
 * buffer has used all of them itself: it needs no more, and sends its answers first.
 */
void uring_settle(struct loop *loop)
{
	struct uring *u = uring_of(loop);

	if (u->filled > u->peak)
		u->peak = u->filled;
	u->filled = 0;
	if (many(&u->starved))
		lend_more(u);
	for (unsigned int i = 0; i < u->lend; i++) {
		struct list *node = list_pop(&u->starved);

		if (!node)
			return;
		receive_arm(list_entry(node, struct loop_socket, node));
	}
}
