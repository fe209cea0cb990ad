/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The epoll engine. Sockets are edge-triggered and registered once. Sends are tried at
 * once. All sockets receive into one buffer, one after the other. Worker threads do file
 * I/O.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loop/engine.h"
#include "util/log.h"

#define EVENTS 256
#define RECEIVE_SIZE ((size_t)256 * 1024)
#define ACCEPT_AT_ONCE 16

struct epoll {
	struct loop loop;
	int fd;
	int count;			/* of events to dispatch */
	struct list pending;		/* of struct loop_socket, with engine_flags set */
	uint8_t *buffer;		/* owned; received data, during received() */
	struct epoll_event events[EVENTS];
};

/* Why a socket is pending. */
enum socket_flags {
	SOCKET_READABLE = 1 << 0,	/* there may be more to read */
	SOCKET_HANGUP = 1 << 1,		/* the peer closed: read until the end */
	SOCKET_WRITABLE = 1 << 2,
	SOCKET_SENT = 1 << 3,		/* sent() is due, with socket->result */
};

/* The kind of an event: the low bits of its data. The other bits point to the object. */
enum event_tag {
	EVENT_SOCKET,
	EVENT_LISTENER,
	EVENT_WATCH,
	EVENT_TAGS = 3,			/* the mask */
};

static struct epoll *epoll_of(struct loop *loop)
{
	return container_of(loop, struct epoll, loop);
}

static int add(struct epoll *e, int fd, uint32_t events, void *object, enum event_tag tag)
{
	struct epoll_event event = {.events = events, .data.u64 = (uintptr_t)object | tag};

	return epoll_ctl(e->fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static void forget(struct epoll *e, int fd)
{
	epoll_ctl(e->fd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- sockets ---- */

static void pend(struct loop_socket *socket, enum socket_flags flags)
{
	socket->engine_flags |= flags;
	if (list_empty(&socket->node))
		list_add_tail(&epoll_of(socket->loop)->pending, &socket->node);
}

static int epoll_socket_open(struct loop_socket *socket)
{
	int r = add(epoll_of(socket->loop), socket->fd,
		    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, socket, EVENT_SOCKET);

	socket->receiving = !r;
	return r;
}

/*
 * If the kernel takes less than a part, an edge for "writable" will follow. If it takes the whole
 * part, the next part is sent in the next turn.
 */
static void epoll_socket_send(struct loop_socket *socket)
{
	int flags = loop_socket_next(socket) | MSG_DONTWAIT;
	ssize_t n;

	do
		n = sendmsg(socket->fd, &socket->message, flags);
	while (n < 0 && errno == EINTR);
	socket->result = n < 0 ? -errno : 0;
	if (loop_socket_advance(socket, n > 0 ? (size_t)n : 0) ||
	    (n < 0 && socket->result != -EAGAIN))
		pend(socket, SOCKET_SENT);
	else if (n > 0 && (flags & MSG_MORE))
		pend(socket, SOCKET_WRITABLE);
}

static void epoll_socket_close(struct loop_socket *socket)
{
	forget(epoll_of(socket->loop), socket->fd);
	if (socket->sending && !(socket->engine_flags & SOCKET_SENT)) {
		socket->result = -ECANCELED;
		socket->engine_flags |= SOCKET_SENT;
	}
	pend(socket, 0);
}

/* No more data is known to be in the socket. */
static void mark_drained(struct loop_socket *socket)
{
	socket->engine_flags &= (uint8_t)~SOCKET_READABLE;
}

static bool epoll_socket_takes(struct loop_socket *socket)
{
	socket->bulk = true;
	/* the next step finds out if more data is left */
	socket->engine_flags |= SOCKET_READABLE;
	return true;
}

static void step(struct loop_socket *socket)
{
	ssize_t n = loop_socket_step(socket, epoll_of(socket->loop)->buffer);

	if (n == -EAGAIN) {
		mark_drained(socket);
		socket->engine_flags &= (uint8_t)~SOCKET_HANGUP;
	} else if (n <= 0) {
		socket->receiving = false;
	}
}

static void receive(struct loop_socket *socket)
{
	struct epoll *e = epoll_of(socket->loop);
	ssize_t n;

	if (socket->bulk) {
		step(socket);
		return;
	}
	n = recv(socket->fd, e->buffer, RECEIVE_SIZE, MSG_DONTWAIT);
	if (n < 0)
		n = -errno;
	if (n == -EINTR)
		return;
	if (n == -EAGAIN) {
		mark_drained(socket);
		socket->engine_flags &= (uint8_t)~SOCKET_HANGUP;
		return;
	}
	if (n < 0 && loop_socket_record(socket, (int)-n))
		return;
	if (n <= 0)
		socket->receiving = false;
	else if ((size_t)n < RECEIVE_SIZE && !(socket->engine_flags & SOCKET_HANGUP) &&
		 !socket->records)
		mark_drained(socket);
	loop_socket_received(socket, n > 0 ? e->buffer : NULL, n);
}

static void sent(struct loop_socket *socket)
{
	socket->engine_flags &= (uint8_t)~SOCKET_SENT;
	socket->sending = false;
	socket->ops->sent(socket, socket->result);
}

/* Each step may close the socket. Operations that it starts make the socket pending again. */
static void socket_progress(struct loop_socket *socket)
{
	if ((socket->engine_flags & SOCKET_WRITABLE) && !socket->closing) {
		socket->engine_flags &= (uint8_t)~SOCKET_WRITABLE;
		if (socket->sending && !(socket->engine_flags & SOCKET_SENT))
			epoll_socket_send(socket);
	}
	if (socket->engine_flags & SOCKET_SENT)
		sent(socket);
	if ((socket->engine_flags & SOCKET_READABLE) && socket->receiving && !socket->closing)
		receive(socket);

	if (socket->closing && !(socket->engine_flags & SOCKET_SENT))
		loop_socket_ended(socket);
	else if ((socket->engine_flags & SOCKET_READABLE) && socket->receiving)
		pend(socket, 0);
}

static void pending_run(struct loop *loop)
{
	struct list sockets, *node;

	list_init(&sockets);
	list_splice_tail(&sockets, &epoll_of(loop)->pending);
	while ((node = list_pop(&sockets)))
		socket_progress(list_entry(node, struct loop_socket, node));
}

static void socket_event(struct loop_socket *socket, uint32_t events)
{
	enum socket_flags flags = 0;

	if (socket->closing)
		return;
	if (events & (EPOLLHUP | EPOLLERR))
		flags = SOCKET_READABLE | SOCKET_HANGUP | SOCKET_WRITABLE;
	if (events & EPOLLRDHUP)
		flags |= SOCKET_READABLE | SOCKET_HANGUP;
	if (events & EPOLLIN)
		flags |= SOCKET_READABLE;
	if (events & EPOLLOUT)
		flags |= SOCKET_WRITABLE;
	pend(socket, flags);
}

/* ---- listeners ---- */

static int listener_watch(struct loop_listener *listener)
{
	return add(epoll_of(listener->loop), listener->fd, EPOLLIN, listener, EVENT_LISTENER);
}

static void listener_retry(struct loop_timer *timer)
{
	struct loop_listener *listener = container_of(timer, struct loop_listener, retry);

	if (listener_watch(listener))
		loop_listener_pauses(listener, -ENOMEM);
}

static int epoll_listener_start(struct loop_listener *listener)
{
	int r = loop_fd_set_nonblocking(listener->fd, true);

	listener->retry.fire = listener_retry;
	return r ? r : listener_watch(listener);
}

static void epoll_listener_stop(struct loop_listener *listener)
{
	forget(epoll_of(listener->loop), listener->fd);
	loop_listener_ended(listener);
}

static void listener_event(struct loop_listener *listener)
{
	for (int i = 0; i < ACCEPT_AT_ONCE && !listener->stopping; i++) {
		int result = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (result < 0)
			result = -errno;
		if (result == -EAGAIN)
			return;
		if (loop_listener_pauses(listener, result)) {
			forget(epoll_of(listener->loop), listener->fd);
			listener->accepted(listener, result);
			return;
		}
		listener->accepted(listener, result);
	}
}

/* ---- watched descriptors ---- */

/* EPOLLIN and the other events have the values of POLLIN and the others. */
static int epoll_watch_start(struct loop_watch *watch)
{
	int r = add(epoll_of(watch->loop), watch->fd, watch->events | EPOLLET, watch,
		    EVENT_WATCH);

	watch->armed = !r;
	return r;
}

/* Events of this turn may still point to the watch: it ends after them. */
static void epoll_watch_stop(struct loop_watch *watch)
{
	forget(epoll_of(watch->loop), watch->fd);
	loop_watch_ended(watch);
}

/* ---- turns ---- */

static int epoll_open(struct loop *loop, struct weft_error *error)
{
	struct epoll *e = epoll_of(loop);

	list_init(&e->pending);
	e->fd = epoll_create1(EPOLL_CLOEXEC);
	if (e->fd < 0)
		return weft_error_set(error, errno, "epoll_create1: %s", strerror(errno));
	e->buffer = mmap(NULL, RECEIVE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (e->buffer == MAP_FAILED) {
		close(e->fd);
		return weft_error_set(error, ENOMEM, "no memory for a receive buffer");
	}
	return 0;
}

static void epoll_close(struct loop *loop)
{
	struct epoll *e = epoll_of(loop);

	close(e->fd);
	munmap(e->buffer, RECEIVE_SIZE);
}

/* For epoll_wait(2): rounded up, so that a timer is due afterwards. */
static int milliseconds(uint64_t timeout)
{
	if (timeout == LOOP_NO_TIMEOUT)
		return -1;
	timeout = (timeout + 999999) / 1000000;
	return timeout < INT_MAX ? (int)timeout : INT_MAX;
}

static int epoll_engine_wait(struct loop *loop, uint64_t timeout)
{
	struct epoll *e = epoll_of(loop);

	e->count = epoll_wait(e->fd, e->events, EVENTS, milliseconds(timeout));
	if (e->count < 0) {
		int r = -errno;

		e->count = 0;
		if (r != -EINTR) {
			log_err("epoll_wait: %s", strerror(-r));
			return r;
		}
	}
	return e->count || !list_empty(&e->pending);
}

static void epoll_dispatch(struct loop *loop)
{
	struct epoll *e = epoll_of(loop);

	for (int i = 0; i < e->count; i++) {
		const struct epoll_event *event = &e->events[i];
		void *object = (void *)(uintptr_t)(event->data.u64 & ~(uint64_t)EVENT_TAGS);

		switch ((enum event_tag)(event->data.u64 & EVENT_TAGS)) {
		case EVENT_SOCKET:
			socket_event(object, event->events);
			break;
		case EVENT_LISTENER:
			listener_event(object);
			break;
		case EVENT_WATCH:
			loop_watch_ready(object, event->events);
			break;
		case EVENT_TAGS:
			break;
		}
	}
	e->count = 0;
	pending_run(loop);
}

static bool epoll_busy(const struct loop *loop)
{
	return !list_empty(&container_of(loop, const struct epoll, loop)->pending);
}

static void epoll_op_start(struct loop_op *op)
{
	loop_workers_start_op(op->loop, op);
}

const struct loop_engine_ops loop_engine_epoll = {
	.name = "epoll",
	.size = sizeof(struct epoll),
	.open = epoll_open,
	.close = epoll_close,
	.wait = epoll_engine_wait,
	.dispatch = epoll_dispatch,
	.settle = pending_run,
	.busy = epoll_busy,
	.watch_start = epoll_watch_start,
	.watch_stop = epoll_watch_stop,
	.listener_start = epoll_listener_start,
	.listener_stop = epoll_listener_stop,
	.socket_open = epoll_socket_open,
	.socket_send = epoll_socket_send,
	.socket_takes = epoll_socket_takes,
	.socket_close = epoll_socket_close,
	.op_start = epoll_op_start,
};
