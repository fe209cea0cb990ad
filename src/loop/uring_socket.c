/* SPDX-License-Identifier: BSD-3-Clause */
/* io_uring: accepting, sending, and the end of sockets. */
#include <errno.h>
#include <unistd.h>

#include "loop/uring.h"

/* ---- sending ---- */

static void send_submit(struct loop_socket *socket)
{
	struct io_uring_sqe *sqe = uring_sqe(uring_of(socket->loop));
	const struct msghdr *message = &socket->message;
	int flags = loop_socket_next(socket) | MSG_WAITALL;

	if (message->msg_iovlen == 1)
		io_uring_prep_send(sqe, socket->fd, message->msg_iov->iov_base,
				   message->msg_iov->iov_len, flags);
	else
		io_uring_prep_sendmsg(sqe, socket->fd, message, (unsigned int)flags);
	uring_tag(sqe, socket, URING_SEND);
	socket->inflight++;
}

void uring_socket_send(struct loop_socket *socket)
{
	send_submit(socket);
}

void uring_sent(struct loop_socket *socket, int result)
{
	bool all;

	if (result == -EINTR || result == -EAGAIN)
		result = 0;
	all = loop_socket_advance(socket, result > 0 ? (size_t)result : 0);
	if (result >= 0 && !all) {
		if (!socket->closing) {
			send_submit(socket);
			socket->inflight--;
			return;
		}
		result = -ECANCELED;
	}
	socket->sending = false;
	socket->ops->sent(socket, result < 0 ? result : 0);
	uring_socket_ended(socket);
}

/* ---- closing ---- */

static void cancel(struct loop_socket *socket)
{
	struct io_uring_sqe *sqe = uring_sqe(uring_of(socket->loop));

	io_uring_prep_cancel_fd(sqe, socket->fd, IORING_ASYNC_CANCEL_ALL);
	uring_tag(sqe, socket, URING_CANCEL);
	socket->inflight++;
}

void uring_socket_close(struct loop_socket *socket)
{
	list_del(&socket->node);
	if (socket->inflight)
		cancel(socket);
	else
		loop_socket_ended(socket);
}

void uring_socket_ended(struct loop_socket *socket)
{
	if (--socket->inflight == 0 && socket->closing)
		loop_socket_ended(socket);
}

/* A cancel can miss an operation that moves between kernel queues: cancels again. */
void uring_cancelled(struct loop_socket *socket)
{
	if (socket->inflight > 1)
		cancel(socket);
	uring_socket_ended(socket);
}

/* ---- listeners ---- */

static void accept_arm(struct loop_listener *listener)
{
	struct io_uring_sqe *sqe = uring_sqe(uring_of(listener->loop));

	io_uring_prep_multishot_accept(sqe, listener->fd, NULL, NULL, SOCK_CLOEXEC);
	uring_tag(sqe, listener, URING_ACCEPT);
	listener->inflight++;
}

static void accept_retry(struct loop_timer *timer)
{
	accept_arm(container_of(timer, struct loop_listener, retry));
}

int uring_listener_start(struct loop_listener *listener)
{
	int r = loop_fd_set_nonblocking(listener->fd, false);

	if (r)
		return r;
	listener->retry.fire = accept_retry;
	accept_arm(listener);
	return 0;
}

static void accept_cancel(struct loop_listener *listener)
{
	struct io_uring_sqe *sqe = uring_sqe(uring_of(listener->loop));

	io_uring_prep_cancel_fd(sqe, listener->fd, IORING_ASYNC_CANCEL_ALL);
	uring_tag(sqe, listener, URING_ACCEPT_CANCEL);
	listener->inflight++;
}

void uring_listener_stop(struct loop_listener *listener)
{
	if (listener->inflight)
		accept_cancel(listener);
	else
		loop_listener_ended(listener);
}

static void accept_ended(struct loop_listener *listener)
{
	if (--listener->inflight == 0 && listener->stopping)
		loop_listener_ended(listener);
}

void uring_accepted(struct loop_listener *listener, int result, unsigned int flags)
{
	if (!listener->stopping)
		listener->accepted(listener, result);
	else if (result >= 0)
		close(result);
	if (flags & IORING_CQE_F_MORE)
		return;
	if (!listener->stopping && !loop_listener_pauses(listener, result))
		accept_arm(listener);
	accept_ended(listener);
}

void uring_accept_cancelled(struct loop_listener *listener)
{
	if (listener->inflight > 1)
		accept_cancel(listener);
	accept_ended(listener);
}
