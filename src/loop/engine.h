/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop's internal interface: the loop, and the operations that its two engines
 * implement. No file outside of this folder includes this.
 *
 * A turn: the engine waits and dispatches events by callbacks. Then messages, timers and
 * deferred tasks run. The next wait submits all new I/O.
 */
#ifndef WEFT_LOOP_ENGINE_H
#define WEFT_LOOP_ENGINE_H

#include <stdatomic.h>

#include <weft/backend.h>

#include "loop/buffer.h"
#include "loop/loop.h"

#define LOOP_NO_TIMEOUT UINT64_MAX
/* The most bytes that a socket in take mode (`bulk`) receives before its owner may take more. */
#define LOOP_TAKE_HEAD 4096
/* After this many calls of received() in a row without a take, take mode ends. */
#define LOOP_TAKE_IDLE 8

/* An engine. Every member is required unless it is marked Optional. */
struct loop_engine_ops {
	const char *name;
	size_t size;			/* of the engine's loop, which starts with struct loop */

	/* 0, or -errno with *error filled and nothing left open. */
	int (*open)(struct loop *loop, struct weft_error *error);
	void (*close)(struct loop *loop);
	/*
	 * Submits pending I/O, and waits for an event, at most `timeout` nanoseconds.
	 * Returns a positive number if there are events to dispatch, 0 if not, or -errno.
	 * Makes no callbacks.
	 */
	int (*wait)(struct loop *loop, uint64_t timeout);
	/* Makes the callbacks of all events. */
	void (*dispatch)(struct loop *loop);
	/* Optional. After the deferred tasks: makes callbacks of operations that ended at once. */
	void (*settle)(struct loop *loop);
	/* True if the engine has work that must not wait for an event. */
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
	 * Starts take mode: from now on the socket receives by loop_socket_step(). True if the
	 * next bytes are in the socket; false if a receive under way may have them.
	 */
	bool (*socket_takes)(struct loop_socket *socket);
	/* Calls sent() if a send is under way, and loop_socket_ended() at the end. */
	void (*socket_close)(struct loop_socket *socket);

	/* READ, WRITE, FLUSH and FALLOCATE; calls op->done(). */
	void (*op_start)(struct loop_op *op);
	/*
	 * Optional; for an engine that sets loop_buffers.fixed. Unregisters the slab, of
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
	const struct loop_socket *bulk_sender; /* the last one that sent much; only compared */
	uint64_t others_heard;		/* loop_now() when another socket last received */
	uint64_t poll_ns;
	bool polls;			/* events are so frequent that polling pays */
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

/* Wakes the loop if it sleeps. Any thread calls it after it put something into the inbox. */
void loop_wake(struct loop *loop);

/* The socket's last operation ended: closes fd and calls closed() later in this turn. */
void loop_socket_ended(struct loop_socket *socket);
/* Calls ready(), unless the watch is being stopped. */
void loop_watch_ready(struct loop_watch *watch, unsigned int revents);
/* The engine's wait for the descriptor failed: the watch starts again after a while. */
void loop_watch_failed(struct loop_watch *watch);
/* The engine no longer uses the watch: calls stopped() at the end of this turn. */
void loop_watch_ended(struct loop_watch *watch);
/* True if accepting failed so that the engine must wait until listener->retry fires. */
bool loop_listener_pauses(struct loop_listener *listener, int result);
/* The same for a listener: calls stopped() at the end of this turn. */
void loop_listener_ended(struct loop_listener *listener);

/*
 * Sets O_NONBLOCK as the engine needs it: with O_NONBLOCK, io_uring fails with EAGAIN
 * instead of waiting. 0 or -errno.
 */
int loop_fd_set_nonblocking(int fd, bool on);

/*
 * Sets socket->message to the next part of the data to send. The part is short enough that
 * other sockets do not wait for long. After each part follows loop_socket_advance().
 * Returns the flags for sendmsg(2).
 */
int loop_socket_next(struct loop_socket *socket);
/* Calls received() with data that the engine received. */
void loop_socket_received(struct loop_socket *socket, const uint8_t *data, ssize_t count);
/*
 * Receives once from a socket in take mode: the owner takes data, or received() gets at
 * most LOOP_TAKE_HEAD bytes in `buffer`. Returns the bytes; 0 or -errno after received()
 * was called with it; or -EAGAIN if no data is there.
 */
ssize_t loop_socket_step(struct loop_socket *socket, void *buffer);
/*
 * Handles a receive that failed with this errno value (positive). True if the cause was a
 * record (loop.h): record() was called, and the socket continues unless it is closing.
 */
bool loop_socket_record(struct loop_socket *socket, int error);
/* Removes sent bytes from the front of the message. True if all are sent. */
bool loop_socket_advance(struct loop_socket *socket, size_t sent);

/* timer.c */
uint64_t loop_timers_next(const struct loop *loop);	/* when due, or LOOP_NO_TIMEOUT */
void loop_timers_run(struct loop *loop);

/* file.c: performs READ, WRITE, FLUSH, FALLOCATE or WORK on this thread. Bytes, 0 or -errno. */
int loop_op_perform(struct loop_op *op);
/* From any thread: op->done() is called with the result in the loop's next turn. */
void loop_op_finish(struct loop *loop, struct loop_op *op, int result);

/* worker.c: op runs on a thread and ends with loop_op_finish(). */
void loop_workers_start_op(struct loop *loop, struct loop_op *op);
void loop_workers_free(struct loop_workers *workers);

#endif
