/* SPDX-License-Identifier: BSD-3-Clause */
/* The network and the clock that fuzz_host sees: linked with --wrap. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "controller.h"
#include "fuzz.h"

#define FD_BASE 100000		/* above all that are real */

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret);
void __wrap_freeaddrinfo(struct addrinfo *list);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_close(int fd);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *buffer, size_t size, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __real_close(int fd);

static int64_t now_ns;

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		       struct addrinfo **ret)
{
	static struct sockaddr_in address = { .sin_family = AF_INET };
	static struct addrinfo info = {
		.ai_family = AF_INET, .ai_socktype = SOCK_STREAM,
		.ai_addr = (struct sockaddr *)&address, .ai_addrlen = sizeof(address),
	};

	*ret = &info;
	return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *list)
{
}

int __wrap_socket(int domain, int type, int protocol)
{
	int connection = controller_connect();

	if (connection >= 0)
		return FD_BASE + connection;
	errno = EMFILE;
	return -1;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	return 0;
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	return 0;
}

int __wrap_fcntl(int fd, int command, ...)
{
	return 0;
}

/* The name it has with large files. */
int __wrap_fcntl64(int fd, int command, ...)
{
	return 0;
}

int __wrap_close(int fd)
{
	if (fd < FD_BASE)
		return __real_close(fd);
	controller_close(fd - FD_BASE);
	return 0;
}

/* Time passes only where there is nothing else to do. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	fuzz_assert(count == 1);
	fds->revents = fds->events & POLLOUT;
	if ((fds->events & POLLIN) && controller_readable(fds->fd - FD_BASE))
		fds->revents |= POLLIN;
	if (fds->revents)
		return 1;
	now_ns += (int64_t)timeout * 1000000;
	return 0;
}

ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags)
{
	ssize_t n = controller_send(fd - FD_BASE, buffer, size);

	if (n < 0)
		errno = EAGAIN;
	return n;
}

ssize_t __wrap_send(int fd, const void *buffer, size_t size, int flags)
{
	controller_receive(fd - FD_BASE, buffer, size);
	return (ssize_t)size;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	ssize_t total = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++) {
		controller_receive(fd - FD_BASE, message->msg_iov[i].iov_base,
				   message->msg_iov[i].iov_len);
		total += (ssize_t)message->msg_iov[i].iov_len;
	}
	return total;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	now_ns += 10000;
	ret->tv_sec = now_ns / 1000000000;
	ret->tv_nsec = now_ns % 1000000000;
	return 0;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	now_ns += time->tv_sec * 1000000000 + time->tv_nsec;
	return 0;
}
