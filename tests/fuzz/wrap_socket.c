/* SPDX-License-Identifier: BSD-3-Clause */
/* What tcp_connection.c asks of its socket beside the loop: linked with --wrap. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *size);
int __wrap_shutdown(int fd, int how);

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	return 0;
}

static int fill(struct sockaddr *address, socklen_t *size, uint32_t ip, uint16_t port)
{
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port),
					.sin_addr.s_addr = htonl(ip) };

	memcpy(address, &in, *size < sizeof(in) ? *size : sizeof(in));
	*size = sizeof(in);
	return 0;
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
	return fill(address, size, 0xc0000201, 4420);	/* 192.0.2.1 */
}

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
	return fill(address, size, 0xc6336400 + (uint32_t)fd, 40000); /* 198.51.100.x */
}

int __wrap_shutdown(int fd, int how)
{
	return 0;
}
