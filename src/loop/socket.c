/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets and listeners: the functions of loop.h, and the part that both engines share. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "loop/engine.h"

#define RETRY_AFTER 100000000ull	/* nanoseconds */
/* Bytes that a socket sends in one turn: while it is alone, and while others receive. */
#define SEND_ALONE ((size_t)2048 * 1024)
#define SEND_SHARED ((size_t)512 * 1024)
/* Bytes of a record that are received at a time: as large as TLS has them. */
#define RECORD_SIZE 4096
#define CONTROL_SIZE 256
/* A socket that sends much is alone if no other one received for this long. Nanoseconds. */
#define ALONE_AFTER 20000000ull

int loop_fd_set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	if (!(flags & O_NONBLOCK) == !on)
		return 0;
	return fcntl(fd, F_SETFL, flags ^ O_NONBLOCK) < 0 ? -errno : 0;
}

/* ---- listeners ---- */

static void listener_stopped(struct loop_task *task)
{
	struct loop_listener *listener = list_entry(task, struct loop_listener, ended);

	listener->stopped(listener);
}

int loop_listener_start(struct loop *loop, struct loop_listener *listener)
{
	listener->loop = loop;
	listener->stopping = false;
	listener->inflight = 0;
	listener->retry = (struct loop_timer){0};
	loop_task_init(&listener->ended, listener_stopped);
	return loop->ops->listener_start(listener);
}

void loop_listener_stop(struct loop_listener *listener)
{
	if (listener->stopping)
		return;
	listener->stopping = true;
	loop_timer_stop(listener->loop, &listener->retry);
	listener->loop->ops->listener_stop(listener);
}

/* True for success, and for errors of one connection rather than of the listener or system. */
static bool listener_goes_on(int result)
{
	return result >= 0 || result == -ECONNABORTED || result == -EINTR || result == -EPROTO;
}

bool loop_listener_pauses(struct loop_listener *listener, int result)
{
	return !listener_goes_on(result) &&
	       loop_timer_start(listener->loop, &listener->retry, RETRY_AFTER) == 0;
}

void loop_listener_ended(struct loop_listener *listener)
{
	loop_defer(listener->loop, &listener->ended);
}

/* ---- connected sockets ---- */

int loop_socket_open(struct loop *loop, struct loop_socket *socket, int fd,
		     const struct loop_socket_ops *ops)
{
	*socket = (struct loop_socket){.fd = fd, .loop = loop, .ops = ops};
	list_init(&socket->node);
	return loop->ops->socket_open(socket);
}

void loop_socket_send(struct loop_socket *socket, struct iovec *iov, unsigned int iov_count)
{
	assert(!socket->sending && !socket->closing);
	assert(iov_count && iov_count <= LOOP_IOV_MAX);

	socket->sending = true;
	socket->message.msg_iov = iov;
	socket->iov_count = iov_count;
	socket->unsent = 0;
	for (unsigned int i = 0; i < iov_count; i++)
		socket->unsent += iov[i].iov_len;
	socket->loop->ops->socket_send(socket);
}

static void note_received(const struct loop_socket *socket)
{
	if (socket != socket->loop->bulk_sender)
		socket->loop->others_heard = socket->loop->now;
}

void loop_socket_received(struct loop_socket *socket, const uint8_t *data, ssize_t count)
{
	socket->took = 0;
	note_received(socket);
	socket->ops->received(socket, data, count);
}

/* How many bytes of the vectors can be filled now, so that the last vector gets whole units. */
static size_t takeable(struct loop_socket *socket, const struct iovec *iov,
		       unsigned int iov_count, size_t unit)
{
	size_t before = iov_count > 1 ? iov[0].iov_len : 0;
	size_t all = before + iov[iov_count - 1].iov_len;
	int ready = 0;

	if (unit == 1)
		return all;
	if (socket->records)
		return 0;
	/* only this thread receives: bytes that are there now stay until recvmsg(2) */
	if (ioctl(socket->fd, FIONREAD, &ready) < 0 || ready < 0)
		return 0;
	if ((size_t)ready < all)
		all = (size_t)ready;
	return all < before ? all : before + ((all - before) & ~(unit - 1));
}

size_t loop_socket_take(struct loop_socket *socket, const struct iovec *iov,
			unsigned int iov_count, size_t unit)
{
	struct iovec parts[LOOP_TAKE_IOVS];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = iov_count};
	size_t size;
	ssize_t n;

	assert(iov_count && iov_count <= LOOP_TAKE_IOVS);
	if (socket->closing || !socket->loop->ops->socket_takes(socket))
		return 0;
	size = takeable(socket, iov, iov_count, unit);
	if (!size)
		return 0;
	for (unsigned int i = 0; i < iov_count; i++) {
		parts[i] = iov[i];
		if (parts[i].iov_len > size)
			parts[i].iov_len = size;
		size -= parts[i].iov_len;
	}
	n = recvmsg(socket->fd, &message, MSG_DONTWAIT);
	if (n > 0)
		socket->took += (size_t)n;
	return n > 0 ? (size_t)n : 0;
}

void loop_socket_set_records(struct loop_socket *socket, const struct loop_records *records)
{
	socket->records = records;
}

bool loop_socket_record(struct loop_socket *socket, int error)
{
	_Alignas(struct cmsghdr) char control[CONTROL_SIZE];
	uint8_t data[RECORD_SIZE];
	struct iovec iov = {data, sizeof(data)};
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	if (!socket->records || error != socket->records->error)
		return false;
	do
		n = recvmsg(socket->fd, &message, socket->records->flags | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	/* without a control message it is no record: the failure is the socket's end */
	if (n < 0 || !CMSG_FIRSTHDR(&message))
		return false;
	socket->ops->record(socket, &message, (size_t)n);
	return true;
}

/* Calls ready(). True if the owner took data. */
static bool owner_took(struct loop_socket *socket)
{
	socket->took = 0;
	if (socket->ops->ready)
		socket->ops->ready(socket);
	if (!socket->took)
		return false;
	note_received(socket);
	return true;
}

ssize_t loop_socket_step(struct loop_socket *socket, void *buffer)
{
	ssize_t n;

	if (owner_took(socket)) {
		socket->idle = 0;
		return (ssize_t)socket->took;
	}
	if (socket->closing)
		return -EAGAIN;
	do
		n = recv(socket->fd, buffer, LOOP_TAKE_HEAD, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	n = n < 0 ? -errno : n;
	if (n == -EAGAIN)
		return -EAGAIN;
	if (n < 0 && loop_socket_record(socket, (int)-n))
		return socket->closing ? -EAGAIN : 1;
	loop_socket_received(socket, n > 0 ? buffer : NULL, n);
	if (n <= 0)
		return n;
	socket->idle = socket->took ? 0 : (uint8_t)(socket->idle + 1);
	if (socket->idle == LOOP_TAKE_IDLE) {
		socket->idle = 0;
		socket->bulk = false;
	}
	return n + (ssize_t)socket->took;
}

/* Large parts keep a lone socket busy; small ones let other sockets have their turn soon. */
static size_t send_at_once(const struct loop *loop)
{
	return loop->now - loop->others_heard > ALONE_AFTER ? SEND_ALONE : SEND_SHARED;
}

int loop_socket_next(struct loop_socket *socket)
{
	struct iovec *iov = socket->message.msg_iov;
	size_t size = 0, at_once = send_at_once(socket->loop);

	if (socket->unsent > SEND_SHARED)
		socket->loop->bulk_sender = socket;
	if (socket->unsent <= at_once) {
		socket->message.msg_iovlen = socket->iov_count;
		return MSG_NOSIGNAL;
	}
	while (size < at_once)
		size += (iov++)->iov_len;
	socket->cut = size - at_once;
	iov[-1].iov_len -= socket->cut;
	socket->message.msg_iovlen = (size_t)(iov - socket->message.msg_iov);
	return MSG_NOSIGNAL | MSG_MORE;
}

bool loop_socket_advance(struct loop_socket *socket, size_t sent)
{
	struct iovec *iov = socket->message.msg_iov;

	iov[socket->message.msg_iovlen - 1].iov_len += socket->cut;
	socket->cut = 0;
	socket->unsent -= sent;
	if (!socket->unsent)
		return true;
	for (; sent >= iov->iov_len; iov++) {
		sent -= iov->iov_len;
		socket->iov_count--;
	}
	iov->iov_base = (char *)iov->iov_base + sent;
	iov->iov_len -= sent;
	socket->message.msg_iov = iov;
	return false;
}

void loop_socket_close(struct loop_socket *socket)
{
	if (socket->closing)
		return;
	socket->closing = true;
	socket->loop->ops->socket_close(socket);
}

void loop_socket_ended(struct loop_socket *socket)
{
	list_del(&socket->node);
	list_add_tail(&socket->loop->ended, &socket->node);
}
