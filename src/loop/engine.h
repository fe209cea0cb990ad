/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the loop's own files share: the loop, and the seam between its common
 * part and its two engines. Nobody outside of this folder includes this.
 *
 * A turn: the engine waits and calls back what happened, then messages, timers
 * and deferred tasks run, and with the next wait all new I/O is submitted.
 */
#ifndef WEFT_LOOP_ENGINE_H
#define WEFT_LOOP_ENGINE_H

#include <stdatomic.h>

#include <weft/backend.h>

#include "loop/buffer.h"
#include "loop/loop.h"

#define LOOP_NO_TIMEOUT UINT64_MAX
/* What a socket whose owner takes receives at most before that may take what follows. */
#define LOOP_TAKE_HEAD 4096
/* An owner that takes nothing for so many calls of received() takes no more. */
#define LOOP_TAKE_IDLE 8

/* An engine: every member is Required where nothing else is said. */
struct loop_engine_ops {
	const char *name;
	size_t size;			/* of the engine's loop, which starts with struct loop */

	/* 0, or -errno with *error filled and nothing left open. */
	int (*open)(struct loop *loop, struct weft_error *error);
	void (*close)(struct loop *loop);
	/*
	 * Submits what is pending, and waits until something happened, timeout
	 * nanoseconds at the most. Returns whether there is something to
	 * dispatch, or -errno. Calls nothing back.
	 */
	int (*wait)(struct loop *loop, uint64_t timeout);
	/* Calls back what happened. */
	void (*dispatch)(struct loop *loop);
	/* Optional; after the deferred tasks. Calls back what ended as it was started. */
	void (*settle)(struct loop *loop);
	/* Whether it has work of its own that must not wait for an event. */
	bool (*busy)(const struct loop *loop);

	/* Calls loop_watch_ready() and, once after watch_stop(), loop_watch_ended(). */
	int (*watch_start)(struct loop_watch *watch);
	void (*watch_stop)(struct loop_watch *watch);

	int (*listener_start)(struct loop_listener *listener);
	/* Calls loop_listener_ended() at the end. */
	void (*listener_stop)(struct loop_listener *listener);

	int (*socket_open)(struct loop_socket *socket);
	void (*socket_send)(struct loop_socket *socket);
	/*
	 * The owner takes: what comes is announced by loop_socket_step() from now on.
	 * Returns whether the next bytes are in the socket rather than on their way here.
	 */
	bool (*socket_takes)(struct loop_socket *socket);
	/* Calls sent() where a send is under way, and loop_socket_ended() at the end. */
	void (*socket_close)(struct loop_socket *socket);

	/* READ, WRITE, FLUSH and FALLOCATE; calls op->done(). */
	void (*op_start)(struct loop_op *op);
	/*
	 * Optional: of an engine that sets loop_buffers.fixed. Lets go of that slab, of
	 * which no buffer is in use.
	 */
	void (*buffers_forget)(struct loop *loop, unsigned int slab);
};

extern const struct loop_engine_ops loop_engine_uring, loop_engine_epoll;

enum loop_op_kind {
	LOOP_OP_READ,
	LOOP_OP_WRITE,
	LOOP_OP_FLUSH,
	LOOP_OP_FALLOCATE,
	LOOP_OP_WORK,
};

struct loop_timers {
	struct loop_timer **heap;	/* owned; heap[1] is due first */
	unsigned int count, capacity;
};

struct loop_workers;

struct loop {
	const struct loop_engine_ops *ops;
	uint64_t now;
	const struct loop_socket *bulk_sender; /* the last that sent much; only compared */
	uint64_t others_heard;		/* when any other one received something */
	uint64_t poll_ns;
	bool polls;			/* events come so often that looking for them pays */
	struct list tasks;		/* of struct loop_task */
	struct list ended;		/* of struct loop_socket: closed() is due */
	struct loop_timers timers;
	struct loop_buffers buffers;
	struct loop_workers *workers;	/* owned; NULL until first used */
	struct loop_watch wake;		/* of an eventfd; its edges wake, and it is never read */

	/* Written by other threads; the newest comes first in both. */
	_Alignas(64) _Atomic(struct loop_message *) messages;
	_Atomic(struct loop_op *) finished;
	_Atomic unsigned int posters;	/* threads that are within loop_post() */
	atomic_bool sleeping;		/* whoever clears it writes to wake.fd */
	atomic_bool stop;
};

/* Wakes the loop where it sleeps. From any thread, after something was put into its inbox. */
void loop_wake(struct loop *loop);

/* The socket's last operation ended: closes fd and calls closed() later in this turn. */
void loop_socket_ended(struct loop_socket *socket);
/* Calls ready(), unless it is being stopped. */
void loop_watch_ready(struct loop_watch *watch, unsigned int revents);
/* Waiting failed (-errno): it starts again after a while. */
void loop_watch_failed(struct loop_watch *watch);
/* The engine has let go of it: calls stopped() at the end of this turn. */
void loop_watch_ended(struct loop_watch *watch);
/* Whether accepting failed such that the engine must wait until listener->retry fires. */
bool loop_listener_pauses(struct loop_listener *listener, int result);
/* The same for a listener: calls stopped() at the end of this turn. */
void loop_listener_ended(struct loop_listener *listener);

/*
 * O_NONBLOCK as the engine wants it: with it, io_uring fails with EAGAIN where the
 * kernel shall wait. 0 or -errno.
 */
int loop_fd_set_nonblocking(int fd, bool on);

/*
 * Makes socket->message the next part of what is to be sent: short enough that
 * other sockets do not wait for long. Each is followed by loop_socket_advance().
 * Returns the flags to send it with.
 */
int loop_socket_next(struct loop_socket *socket);
/* Calls received(). */
void loop_socket_received(struct loop_socket *socket, const uint8_t *data, ssize_t count);
/*
 * Receives once from a socket whose owner takes: that takes what has come, or gets at
 * most LOOP_TAKE_HEAD bytes in `buffer`. Returns the bytes; 0 or -errno after
 * received() was told so; or -EAGAIN where nothing more is there.
 */
ssize_t loop_socket_step(struct loop_socket *socket, void *buffer);
/*
 * A receive failed with this errno value (positive). Whether a record is next, on a socket
 * that may have such; it has then been told, and the socket goes on unless it is closing.
 */
bool loop_socket_record(struct loop_socket *socket, int error);
/* Takes sent bytes from the front of the message under way; returns whether all are sent. */
bool loop_socket_advance(struct loop_socket *socket, size_t sent);

/* timer.c */
uint64_t loop_timers_next(const struct loop *loop);	/* when, or LOOP_NO_TIMEOUT */
void loop_timers_run(struct loop *loop);

/* file.c: performs READ, WRITE, FLUSH, FALLOCATE or WORK on this thread. Bytes, 0 or -errno. */
int loop_op_perform(struct loop_op *op);
/* From any thread: op->done() is called with the result in the loop's next turn. */
void loop_op_finish(struct loop *loop, struct loop_op *op, int result);

/* worker.c: op runs on a thread and ends with loop_op_finish(). */
void loop_workers_start_op(struct loop *loop, struct loop_op *op);
void loop_workers_free(struct loop_workers *workers);

#endif
