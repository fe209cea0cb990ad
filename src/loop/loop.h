/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop of one reactor: one thread with sockets, files, timers and messages.
 * All functions are called on the loop's own thread, except loop_post() and
 * loop_stop(). Callers do not see which engine (io_uring or epoll) is in use.
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
	/* Polls this long before sleeping, unless the last pause was longer; 0: never. */
	unsigned int poll_us;
	size_t buffer_limit;	/* bytes of I/O buffers in use (buffer.h); 0: the default */
};

/* Makes a loop, on the thread that will run it. 0, or -errno with *error filled. */
int loop_new(struct loop **ret_loop, const struct loop_options *options, struct weft_error *error);
/* Frees the loop. No operation may be in progress. */
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

/* Does nothing if the task is pending already. Cancel with list_del(&task->node). */
void loop_defer(struct loop *loop, struct loop_task *task);

/* ---- timers ---- */

struct loop_timer {
	uint64_t when;				/* as loop_now() */
	unsigned int slot;			/* the loop's; 0: not running */
	void (*fire)(struct loop_timer *timer);
};

/* Starts or restarts the timer. after: nanoseconds from loop_now(). 0 or -ENOMEM. */
int loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t after);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* ---- watches of any descriptor that poll(2) supports ---- */

struct loop_watch {
	int fd;					/* the caller's, open until stopped() */
	unsigned int events;			/* POLLIN, POLLOUT, POLLPRI */
	/*
	 * Edge-triggered: called if the descriptor is ready at the start, and each time it
	 * becomes ready again. So use the descriptor until EAGAIN (one read(2) of an eventfd
	 * or timerfd is enough). May be called when nothing is ready. revents: as poll(2),
	 * with POLLERR and POLLHUP.
	 */
	void (*ready)(struct loop_watch *watch, unsigned int revents);
	/* After loop_watch_stop(): the last callback. The loop no longer uses watch and fd. */
	void (*stopped)(struct loop_watch *watch);
	/* The loop's own: */
	struct loop *loop;
	bool stopping;
	bool armed;				/* the engine calls back at least once more */
	struct loop_timer retry;		/* after an error that lasts */
	struct loop_task ended;
};

/* 0, or -errno: -EPERM if the descriptor cannot be polled (a regular file). */
int loop_watch_start(struct loop *loop, struct loop_watch *watch);
/* After this ready() is not called again, not even for events that have happened already. */
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
	 * result: a connected socket, which the callee owns, or -errno. Accepting continues,
	 * after a tenth of a second if the error may last (EMFILE ...).
	 */
	void (*accepted)(struct loop_listener *listener, int result);
	/* Required. After loop_listener_stop(): the last callback; the caller may close fd. */
	void (*stopped)(struct loop_listener *listener);
};

int loop_listener_start(struct loop *loop, struct loop_listener *listener);
void loop_listener_stop(struct loop_listener *listener);

/* ---- connected sockets ---- */

struct loop_socket;

/*
 * Sockets with records. On most sockets all received bytes are data. With TLS of the kernel,
 * records that are no data (alerts, tickets, key updates) may come between the data. On such a
 * socket,
 *
 *	a receive without a control message fails if such a record is next; the loop then
 *	receives the record by recvmsg(2), calls record(), and continues as before;
 *	the bytes in the socket (FIONREAD) are not the bytes that will be read, so
 *	loop_socket_take() by units, which depends on their number, takes nothing;
 *	a short receive does not mean that no data is left.
 *
 * Only socket.c and the engines' receive functions depend on this.
 */
struct loop_records {
	int error;	/* the errno value of the failed receive: EIO for TLS */
	int flags;	/* for the recvmsg(2) of the record: 0 for TLS */
};

struct loop_socket_ops {
	/*
	 * Bytes arrived; they are valid only during the call. count 0: the peer closed its
	 * side; count < 0: -errno. Either of these is the last call.
	 */
	void (*received)(struct loop_socket *socket, const uint8_t *data, ssize_t count);
	/*
	 * Optional. In take mode, bytes have arrived: the callee may call loop_socket_take(),
	 * as inside received(). The bytes that it leaves come through received().
	 */
	void (*ready)(struct loop_socket *socket);
	/*
	 * Required with loop_socket_set_records(). A record that is no data, or a part of one,
	 * with its control messages; valid only during the call. count: bytes.
	 */
	void (*record)(struct loop_socket *socket, const struct msghdr *message, size_t count);
	/* The send ended: the kernel has all bytes (0), or -errno. */
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
	bool bulk;				/* take mode: see loop_socket_take() */
	const struct loop_records *records;	/* borrowed; NULL: no records */
	uint8_t idle;				/* calls of received() in a row without a take */
	size_t took;				/* bytes taken in the callback under way */
	uint8_t inflight;			/* operations that will call back */
	uint8_t engine_flags;
	int result;				/* of a send that ended, until sent() is called */
	unsigned int iov_count;			/* of the send under way: vectors that are left */
	size_t unsent;				/* of the send: bytes that are left */
	struct msghdr message;			/* the part of the send that the kernel has */
	size_t cut;				/* bytes of that part's last vector held back */
	struct list node;			/* in one of the loop's or the engine's lists */
};

/* Takes over fd and starts to receive. 0, or -errno: fd remains the caller's. */
int loop_socket_open(struct loop *loop, struct loop_socket *socket, int fd,
		     const struct loop_socket_ops *ops);
/* Applies from the next receive on. records must outlive the socket; NULL: no records. */
void loop_socket_set_records(struct loop_socket *socket, const struct loop_records *records);
/*
 * Receives the next bytes of the stream that have already arrived directly into the vectors.
 * Called inside received(), after all its bytes are used, and inside ready(). It starts take
 * mode, in which the loop waits for data and leaves receiving it to the owner. The last vector
 * is filled in whole units of `unit` bytes, a power of two. Returns the bytes received. Other
 * bytes, and the end, come through received(). Pays from about LOOP_TAKE_MIN bytes.
 */
size_t loop_socket_take(struct loop_socket *socket, const struct iovec *iov,
			unsigned int iov_count, size_t unit);

#define LOOP_TAKE_IOVS 2
#define LOOP_TAKE_MIN 65536
#define LOOP_IOV_MAX 1024

/*
 * Sends all bytes of the vector, which has at least one byte and at most LOOP_IOV_MAX parts.
 * Vector and bytes must stay valid until sent(); the loop may change the vector. One send at
 * a time.
 */
void loop_socket_send(struct loop_socket *socket, struct iovec *iov, unsigned int iov_count);
/* Ends all operations (sent() is still called for a send under way) and then calls closed(). */
void loop_socket_close(struct loop_socket *socket);

/* ---- files ---- */

/* One operation on a file. Fits a backend's scratch (WEFT_IO_SCRATCH). */
struct loop_op {
	/* result: bytes transferred, 0, or -errno. */
	void (*done)(struct loop_op *op, int result);
	int (*work)(struct loop_op *op);	/* for loop_op_work() */
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
	 * Set by the caller before the start: a thread must start the operation, because
	 * io_uring would block in doing so: see loop_file_blocks().
	 */
	bool blocks;
	/* Set by the caller too: the file is open for direct I/O, so registered memory pays. */
	bool direct;
};

/*
 * True if operations on this regular file must be done by the loop's threads. io_uring starts
 * I/O on files that can be polled (FUSE) without a thread, and the reactor would block inside
 * its system call. I/O on files without non-blocking operations (overlayfs, NFS) goes to
 * kernel threads one by one: the more of them hang, the longer other I/O waits for a thread.
 * May block itself.
 */
bool loop_file_blocks(int fd);

/*
 * May transfer less than requested, as preadv(2). iov_count: at most LOOP_IOV_MAX. The vector
 * must stay valid and unchanged until done(). flags: RWF_*.
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
 * Runs op->work on a thread of the loop's pool, where it may block, and passes its result to
 * done(). fd: the file that it works on (a file that hangs does not take all threads), or -1.
 */
void loop_op_work(struct loop *loop, struct loop_op *op, int fd, int (*work)(struct loop_op *op));

/* The loop that runs on this thread, or NULL. */
struct loop *loop_current(void);

#endif
