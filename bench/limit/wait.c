/* SPDX-License-Identifier: BSD-3-Clause */
/* The plain engine: one stream sleeps in recv(2), several in epoll_wait(2). */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limit/stream.h"

#define EVENTS 64

/* Sends until the socket is full; or half, and then it is time to look what has come. */
static int flush(struct stream *stream)
{
	while (stream_pending(stream)) {
		struct msghdr message = {
			.msg_iov = stream->iov + stream->first,
			.msg_iovlen = stream_next(stream),
		};
		ssize_t n = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			stream_sent(stream, (size_t)n);
		if (n > 0 && stream->halves)
			return 0;
	}
	return 0;
}

static int receive(const struct role *role, struct stream *stream, uint8_t *buffer, int flags,
		   struct patience *patience)
{
	ssize_t n = recv(stream->fd, buffer, STREAM_BUFFER, flags);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0) {
		stream->ended = true;
		return 0;
	}
	patience_renew(patience);
	role->woken(stream);
	stream_take(stream, role, buffer, (size_t)n);
	return 0;
}

static int run_one(const struct role *role, void *owner, struct stream *stream, uint8_t *buffer,
		   struct patience *patience)
{
	int r = flush(stream);

	while (r == 0 && !stream->ended && !role->over(owner)) {
		bool pending = stream_pending(stream), looks = patience_looks(patience);

		if (pending && !looks) {
			struct pollfd wanted = { .fd = stream->fd, .events = POLLIN | POLLOUT };

			if (poll(&wanted, 1, -1) < 0 && errno != EINTR)
				return -errno;
		}
		r = receive(role, stream, buffer, pending || looks ? MSG_DONTWAIT : 0,
			    patience);
		if (r == 0)
			r = flush(stream);
	}
	return r;
}

static int watch(int epfd, int verb, struct stream *stream, bool writable)
{
	struct epoll_event event = {
		.events = EPOLLIN | (writable ? (uint32_t)EPOLLOUT : 0),
		.data.ptr = stream,
	};

	stream->watched = writable;
	return epoll_ctl(epfd, verb, stream->fd, &event) < 0 ? -errno : 0;
}

static int turn(const struct role *role, int epfd, struct stream *stream, uint32_t events,
		uint8_t *buffer, struct patience *patience)
{
	int r = events & ~(uint32_t)EPOLLOUT ?
			receive(role, stream, buffer, MSG_DONTWAIT, patience) : 0;

	if (r == 0)
		r = flush(stream);
	if (r == 0 && stream->ended)
		return epoll_ctl(epfd, EPOLL_CTL_DEL, stream->fd, NULL) < 0 ? -errno : 0;
	if (r == 0 && stream_pending(stream) != stream->watched)
		r = watch(epfd, EPOLL_CTL_MOD, stream, !stream->watched);
	return r;
}

static int run_many(const struct role *role, void *owner, struct stream *streams,
		    unsigned int count, uint8_t *buffer, struct patience *patience, int epfd)
{
	unsigned int live = count;
	int r = 0;

	for (unsigned int i = 0; i < count && r == 0; i++) {
		r = flush(&streams[i]);
		if (r == 0)
			r = watch(epfd, EPOLL_CTL_ADD, &streams[i], stream_pending(&streams[i]));
	}
	while (r == 0 && live && !role->over(owner)) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epfd, events, EVENTS, patience_looks(patience) ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n && r == 0; i++) {
			struct stream *stream = events[i].data.ptr;

			r = turn(role, epfd, stream, events[i].events, buffer, patience);
			live -= stream->ended;
		}
	}
	return r;
}

int engine_wait(const struct role *role, void *owner, struct stream *streams, unsigned int count,
		uint32_t look_us)
{
	struct patience patience = { .us = look_us };
	uint8_t *buffer = malloc(STREAM_BUFFER);
	int epfd, r;

	if (!buffer)
		return -ENOMEM;
	if (count == 1) {
		r = run_one(role, owner, streams, buffer, &patience);
	} else {
		epfd = epoll_create1(EPOLL_CLOEXEC);
		r = epfd < 0 ? -errno :
			       run_many(role, owner, streams, count, buffer, &patience,
					  epfd);
		if (epfd >= 0)
			close(epfd);
	}
	free(buffer);
	return r;
}
