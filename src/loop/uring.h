/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the files of the io_uring engine. */
#ifndef WEFT_LOOP_URING_H
#define WEFT_LOOP_URING_H

#include <liburing.h>

#include "loop/engine.h"

/*
 * Receive buffers, which the kernel gets through a ring of provided buffers. A buffer is in
 * use from the kernel's receive to the end of received(), so a few buffers serve any number of
 * connections. The kernel uses them in turn: the fewer it has, the more of them are still
 * cached, and the sooner a host that writes much gets its first answers. The kernel gets
 * URING_BUFFERS_LENT buffers, and more while several sockets find none; the memory of these is
 * given back later.
 */
#define URING_BUFFERS 128
#define URING_BUFFERS_LENT 8
#define URING_BUFFER_SIZE (128 * 1024)
/* Between two buffers: not a power of two, so that their heads do not share cache sets. */
#define URING_BUFFER_STRIDE (URING_BUFFER_SIZE + 192)

/*
 * The most operations of one file that the kernel has at a time; others wait in user space. An
 * operation that the kernel cannot start at once takes a kernel thread (io-wq), so a file that
 * hangs takes a thread for each. With a limit for each file there are always threads for all:
 * see uring_file.c.
 */
#define URING_TRANSFERS_OF_A_FILE 256	/* direct reads and writes: few need a thread */
#define URING_CACHED_OF_A_FILE 32	/* through the page cache: many writes need one */
#define URING_CALLS_OF_A_FILE 8		/* flushes and the like: each takes a thread */

struct uring_lane {
	struct loop_op *first, *last;	/* operations that wait */
	unsigned int inflight;
	bool used;
};

struct uring {
	struct loop loop;
	struct io_uring ring;
	struct io_uring_buf_ring *provided; /* owned; the ring, then the buffers */
	uint8_t *buffers;		/* in the same mapping */
	struct list starved;		/* of struct loop_socket: no buffer was left for it */
	uint16_t spare[URING_BUFFERS];	/* buffers that are not lent; the last one returned first */
	unsigned int spare_count;
	unsigned int lend, lent;	/* to the kernel: how many it may have, and has or had */
	unsigned int filled;		/* of those in this turn */
	unsigned int peak;		/* most in a turn, since the last time of less */
	struct loop_timer less;		/* runs while there is something to give back */
	struct uring_lane *lanes;	/* owned; two for each descriptor */
	unsigned int lane_count;
	unsigned int threads;		/* that io-wq may have */
	bool fixes;			/* more I/O buffers may be registered */
	bool fix_failed;		/* registering failed, and that was logged */
	uint8_t head[LOOP_TAKE_HEAD];	/* data in take mode, during received() */
};

/* The kind of a completion: the low bits of its user data. The other bits point to the object. */
enum uring_tag {
	URING_RECEIVE,
	URING_SEND,
	URING_CANCEL,
	URING_ACCEPT,
	URING_ACCEPT_CANCEL,
	URING_OP,
	URING_WATCH,
	URING_NOTHING,			/* the completion is ignored */
	URING_TAGS = 7,			/* the mask */
};

static inline struct uring *uring_of(struct loop *loop)
{
	return container_of(loop, struct uring, loop);
}

static inline void uring_tag(struct io_uring_sqe *sqe, void *object, enum uring_tag tag)
{
	sqe->user_data = (uintptr_t)object | tag;
}

/* A free submission queue entry; never NULL. */
struct io_uring_sqe *uring_sqe(struct uring *u);

/* uring_receive.c */
int uring_buffers_open(struct uring *u, struct weft_error *error);
void uring_buffers_close(struct uring *u);
int uring_socket_open(struct loop_socket *socket);
bool uring_socket_takes(struct loop_socket *socket);
void uring_received(struct uring *u, struct loop_socket *socket, int result, unsigned int flags);
/* Lets sockets that wait for buffers receive again; all buffers are back. */
void uring_settle(struct loop *loop);

/* uring_socket.c */
void uring_socket_send(struct loop_socket *socket);
void uring_socket_close(struct loop_socket *socket);
void uring_sent(struct loop_socket *socket, int result);
void uring_cancelled(struct loop_socket *socket);
/* One operation of the socket has called back for the last time. */
void uring_socket_ended(struct loop_socket *socket);
int uring_listener_start(struct loop_listener *listener);
void uring_listener_stop(struct loop_listener *listener);
void uring_accepted(struct loop_listener *listener, int result, unsigned int flags);
void uring_accept_cancelled(struct loop_listener *listener);

/* uring_watch.c */
int uring_watch_start(struct loop_watch *watch);
void uring_watch_stop(struct loop_watch *watch);
void uring_watched(struct loop_watch *watch, int result, unsigned int flags);

/* uring_restrict.c */
/* Restricts the ring to what this engine does, and starts it. Buffers were registered before. */
int uring_enable(struct uring *u, struct weft_error *error);

/* uring_fixed.c */
void uring_fixed_open(struct uring *u);
/* The registered slab that contains all of this memory; -1: none does. */
int uring_fixed_slab(struct uring *u, const struct iovec *iov);
void uring_fixed_forget(struct loop *loop, unsigned int slab);

/* uring_file.c */
void uring_op_start(struct loop_op *op);
void uring_op_ended(struct loop_op *op, int result);

#endif
