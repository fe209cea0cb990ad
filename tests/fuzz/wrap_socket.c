/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tcp_connection.c asks of its socket beside the loop: linked with --wrap.
 * Descriptor 2 is an IPv6 connection, and of 3 the addresses are not known any more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_loop.h"

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size);
int __wrap_shutdown(int fd, int how);
int __wrap_close(int fd);
int __real_close(int fd);

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	return 0;
}

/* TCP_INFO: on descriptor 1 there is traffic as time passes, elsewhere there is none. */
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	struct tcp_info *info = value;

	memset(value, 0, *size);
	if (fd != 1 || level != IPPROTO_TCP || option != TCP_INFO || *size < sizeof(*info))
		return 0;
	info->tcpi_bytes_acked = info->tcpi_bytes_received = loop_clock();
	return 0;
}

static int fill_ipv6(struct sockaddr *address, socklen_t *size, uint16_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
				    .sin6_scope_id = 1 };

	inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
	memcpy(address, &in6, *size < sizeof(in6) ? *size : sizeof(in6));
	*size = sizeof(in6);
	return 0;
}

static int fill(int fd, struct sockaddr *address, socklen_t *size, uint32_t ip, uint16_t port)
{
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port),
					.sin_addr.s_addr = htonl(ip) };

	if (fd == 2)
		return fill_ipv6(address, size, port);
	if (fd == 3) {
		errno = ENOTCONN;
		return -1;
	}
	memcpy(address, &in, *size < sizeof(in) ? *size : sizeof(in));
	*size = sizeof(in);
	return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
	return fill(fd, address, size, 0xc0000201, 4420);	/* 192.0.2.1 */
}

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
	return fill(fd, address, size, 0xc6336400 + (uint32_t)fd, 40000); /* 198.51.100.x */
}

int __wrap_shutdown(int fd, int how)
{
	return 0;
}

/* The descriptors of a fake loop are none. */
int __wrap_close(int fd)
{
	return fd < FAKE_SOCKETS ? 0 : __real_close(fd);
}
