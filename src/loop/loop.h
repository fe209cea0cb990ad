/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop of one reactor: one thread, sockets, files, timers and
 * messages. Everything here is called on the loop's own thread, but for
 * loop_post() and loop_stop(). The engine behind it (io_uring or epoll) does
 * not show.
 *
 * Lifetimes. Objects (sockets, timers, operations, messages) are embedded in
 * the caller's and owned by the caller, who must not free them before the
 * callback that ends them has run. Callbacks never run inside the call that
 * starts the operation.
 */
#ifndef WEFT_LOOP_LOOP_H
#define WEFT_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "util/list.h"
#include "util/pool.h"

struct loop;
struct weft_error;

enum loop_engine {
	LOOP_ENGINE_AUTO,	/* io_uring where it is allowed, else epoll */
	LOOP_ENGINE_IO_URING,
	LOOP_ENGINE_EPOLL,
};

struct loop_options {
	enum loop_engine engine;
	/* Look for work so long before sleeping, while no longer pauses are seen; 0: never. */
	unsigned int poll_us;
	size_t buffer_limit;	/* bytes of I/O buffers in use (buffer.h); 0: the default */
};

/* Made on the thread that will run it. 0, or -errno with *error filled. */
int loop_new(struct loop **ret_loop, const struct loop_options *options, struct weft_error *error);
/* Nothing may be in progress. */
void loop_free(struct loop *loop);
/* Runs until loop_stop(). 0 or -errno. */
int loop_run(struct loop *loop);
/* From any thread: the loop ends after its current turn. */
void loop_stop(struct loop *loop);
/* The name of the engine in use: "io_uring" or "epoll". */
const char *loop_engine_name(const struct loop *loop);
/* The time at the start of this turn, CLOCK_MONOTONIC, nanoseconds. */
uint64_t loop_now(const struct loop *loop);
uint64_t loop_clock(void);

/* ---- messages: the only way across reactors ---- */

struct loop_message {
	struct loop_message *next;		/* the loop's */
	void (*run)(struct loop_message *message);
};

/* From any thread: run() is called on the loop's thread; messages of one sender stay in order. */
void loop_post(struct loop *loop, struct loop_message *message);

/* ---- work at the end of this turn, before I/O is submitted ---- */

struct loop_task {
	struct list node;			/* unlinked: not pending */
	void (*run)(struct loop_task *task);
};

static inline void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *))
{
	list_init(&task->node);
	task->run = run;
}

/* Does nothing where it is pending already. Cancel with list_del(&task->node). */
void loop_defer(struct loop *loop, struct loop_task *task);

/* ---- timers ---- */

struct loop_timer {
	uint64_t when;				/* as loop_now() */
	unsigned int slot;			/* the loop's; 0: not running */
	void (*fire)(struct loop_timer *timer);
};

/* Starts or moves. after: nanoseconds from loop_now(). */
int loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t after);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* ---- any descriptor that poll(2) knows ---- */

struct loop_watch {
	int fd;					/* the caller's, open until stopped() */
	unsigned int events;			/* POLLIN, POLLOUT, POLLPRI */
	/*
	 * Edge-triggered: called at the start where the descriptor is ready, and after each
	 * time it becomes ready again; so use it until it says EAGAIN (one read(2) of an
	 * eventfd or timerfd is enough). It may be called when nothing is ready. revents:
	 * as poll(2), with POLLERR and POLLHUP.
	 */
	void (*ready)(struct loop_watch *watch, unsigned int revents);
	/* After loop_watch_stop(): the last callback. The loop has let go of watch and fd. */
	void (*stopped)(struct loop_watch *watch);
	/* The loop's own: */
	struct loop *loop;
	bool stopping;
	bool armed;				/* the engine calls back at least once more */
	struct loop_timer retry;		/* after an error that lasts */
	struct loop_task ended;
};

/* 0, or -errno: EPERM where the descriptor cannot be waited for (a regular file). */
int loop_watch_start(struct loop *loop, struct loop_watch *watch);
/* ready() is not called any more, not even for what has happened already. */
void loop_watch_stop(struct loop_watch *watch);

/* ---- listening sockets ---- */

struct loop_listener {
	int fd;					/* owned by the caller; listening */
	struct loop *loop;
	/* The loop's own: */
	bool stopping;
	uint8_t inflight;			/* operations that will call back */
	struct loop_timer retry;		/* after an error that lasts */
	struct loop_task ended;
	/*
	 * result: a connected socket, now the callee's, or -errno. Accepting goes
	 * on, after a tenth of a second where the error may last (EMFILE ...).
	 */
	void (*accepted)(struct loop_listener *listener, int result);
	/* Required. After loop_listener_stop(): nothing follows, the caller may close fd. */
	void (*stopped)(struct loop_listener *listener);
};

int loop_listener_start(struct loop *loop, struct loop_listener *listener);
void loop_listener_stop(struct loop_listener *listener);

/* ---- connected sockets ---- */

struct loop_socket;

/*
 * What kind of socket it is, as far as receiving goes. On most all that comes is data. Some
 * have records in between that are no data: TLS of the kernel (its alerts, tickets, changes
 * of keys). There,
 *
 *	a receive without a control message fails where such a record is next; the loop then
 *	gets it by recvmsg(2), tells record(), and goes on as before;
 *	what lies in the socket (FIONREAD) is not what will be read, so nothing is taken that
 *	depends on it (loop_socket_take() by units);
 *	a receive that had less than it could does not say that nothing is left.
 *
 * All that depends on it is in socket.c and the engines' receiving.
 */
struct loop_records {
	int error;	/* the errno value of that failure: EIO for TLS */
	int flags;	/* for the recvmsg(2) that gets the record: 0 for TLS */
};

struct loop_socket_ops {
	/*
	 * Bytes arrived; they are the callee's only during the call. count 0: the
	 * peer closed its side; count < 0: -errno. Nothing follows either of those.
	 */
	void (*received)(struct loop_socket *socket, const uint8_t *data, ssize_t count);
	/*
	 * Optional. Bytes have come for one that takes: it may call loop_socket_take() as
	 * inside received(), before they come through received().
	 */
	void (*ready)(struct loop_socket *socket);
	/*
	 * Required with loop_socket_set_records(): a record that is no data, or a part of
	 * one, with its control messages; the callee's only during the call. count: bytes.
	 */
	void (*record)(struct loop_socket *socket, const struct msghdr *message, size_t count);
	/* The send ended: all bytes are with the kernel (0), or -errno. */
	void (*sent)(struct loop_socket *socket, int result);
	/* After loop_socket_close(): the last callback. fd is closed. */
	void (*closed)(struct loop_socket *socket);
};

struct loop_socket {
	int fd;					/* the loop's, until closed() */
	struct loop *loop;
	const struct loop_socket_ops *ops;
	/* The loop's own: */
	bool sending, receiving, closing;
	bool bulk;				/* the owner takes */
	const struct loop_records *records;	/* borrowed; NULL: all that comes is data */
	uint8_t idle;				/* how often in a row it did not */
	size_t took;				/* bytes, in the callback under way */
	uint8_t inflight;			/* operations that will call back */
	uint8_t engine_flags;
	int result;				/* of a send that ended, until sent() is called */
	unsigned int iov_count;			/* of the send under way, what is left of it */
	size_t unsent;				/* its bytes */
	struct msghdr message;			/* the part of it that the kernel has */
	size_t cut;				/* bytes kept back of that part's last vector */
	struct list node;			/* in one of the loop's or the engine's lists */
};

/* Takes over fd and starts to receive. 0, or -errno: fd remains the caller's. */
int loop_socket_open(struct loop *loop, struct loop_socket *socket, int fd,
		     const struct loop_socket_ops *ops);
/* From the next receive on. Outlives the socket; NULL: all that comes is data. */
void loop_socket_set_records(struct loop_socket *socket, const struct loop_records *records);
/*
 * Inside received(), when all its bytes are used, and inside ready(): moves what
 * comes next in the stream straight to where it belongs, as far as it is here
 * already. Of the last vector, only whole units of so many bytes, a power of two,
 * are filled. Returns the bytes moved; what is not moved, and the end, comes
 * through received() as ever. Worth its while from about LOOP_TAKE_MIN bytes.
 */
size_t loop_socket_take(struct loop_socket *socket, const struct iovec *iov,
			unsigned int iov_count, size_t unit);

#define LOOP_TAKE_IOVS 2
#define LOOP_TAKE_MIN 65536
#define LOOP_IOV_MAX 1024

/*
 * Sends all bytes of the vector: at least one byte in LOOP_IOV_MAX parts at the
 * most. Vector and bytes stay where they are until sent(), and the loop may
 * change the vector as it gets on. One send at a time.
 */
void loop_socket_send(struct loop_socket *socket, struct iovec *iov, unsigned int iov_count);
/* Ends everything under way (sent() is still called for a send) and then calls closed(). */
void loop_socket_close(struct loop_socket *socket);

/* ---- files ---- */

/* One operation on a file. Fits a backend's scratch (WEFT_IO_SCRATCH). */
struct loop_op {
	/* result: bytes transferred, 0, or -errno. */
	void (*done)(struct loop_op *op, int result);
	int (*work)(struct loop_op *op);	/* of loop_op_work() */
	struct loop *loop;
	struct loop_op *next;
	struct pool_job job;
	int result;
	int fd;
	uint64_t offset, length;
	const struct iovec *iov;
	unsigned int iov_count;
	int flags;
	int kind;
	/*
	 * The caller's, before it is started: not even starting it may be left to the
	 * kernel, which would block: see loop_file_blocks().
	 */
	bool blocks;
	/* The caller's, too: the file is open for direct I/O, so that registered memory pays. */
	bool direct;
};

/*
 * Whether operations on a regular file have to be done by threads. io_uring takes
 * what can be polled, as the files of FUSE can, for what need not be waited for,
 * and the reactor would wait inside its system call. What cannot be asked not to
 * wait at all, as files of overlayfs or NFS, it gives to threads of the kernel's one
 * by one: the more of them hang, the longer others wait for theirs. May block itself.
 */
bool loop_file_blocks(int fd);

/*
 * May transfer less than asked, as preadv(2). iov_count: LOOP_IOV_MAX at the most;
 * the vector stays the caller's and unchanged until done(). flags: RWF_*.
 */
void loop_read(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov,
	       unsigned int iov_count, uint64_t offset);
void loop_write(struct loop *loop, struct loop_op *op, int fd, const struct iovec *iov,
		unsigned int iov_count, uint64_t offset, int flags);
/* fdatasync(2). */
void loop_flush(struct loop *loop, struct loop_op *op, int fd);
/* fallocate(2) with mode flags, e.g. to punch a hole. */
void loop_fallocate(struct loop *loop, struct loop_op *op, int fd, int mode, uint64_t offset,
		    uint64_t length);
/*
 * Runs op->work on a thread of its own pool, where it may block; its result goes
 * to done(). fd: the file that it works on, so that one that hangs does not take
 * all threads; -1: none.
 */
void loop_op_work(struct loop *loop, struct loop_op *op, int fd, int (*work)(struct loop_op *op));

/* The loop that runs on this thread, or NULL. */
struct loop *loop_current(void);

#endif
