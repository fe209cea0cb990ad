/* SPDX-License-Identifier: BSD-3-Clause */
#include "net.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_loop.h"
#include "peer.h"
#include "sim.h"

static struct wire {
	struct peer *peer;		/* borrowed; NULL: nobody is there */
	bool blocked;
	const struct iovec *iov;	/* of the send under way, or NULL */
	unsigned int iov_count;
	bool copied;			/* it is in `bytes` */
	uint8_t *bytes;			/* owned: on their way to the host */
	size_t count, size;
	uint64_t acked, received;	/* as the kernel counts */
} wires[FAKE_SOCKETS];

void net_reset(void)
{
	for (int fd = 0; fd < FAKE_SOCKETS; fd++)
		free(wires[fd].bytes);
	memset(wires, 0, sizeof(wires));
}

void net_attach(struct peer *peer)
{
	struct wire *wire = &wires[peer->fd];

	wire->peer = peer;
	wire->blocked = false;
	wire->iov = NULL;
	wire->count = 0;
	wire->acked = wire->received = 0;
	peer->cork = true;
}

void net_detach(int fd)
{
	wires[fd].peer = NULL;
	wires[fd].count = 0;
}

void net_block(int fd, bool blocked)
{
	wires[fd].blocked = blocked;
}

static void copy(struct wire *wire)
{
	for (unsigned int i = 0; i < wire->iov_count; i++) {
		size_t length = wire->iov[i].iov_len;

		if (wire->count + length > wire->size) {
			wire->size = (wire->count + length) * 2;
			wire->bytes = realloc(wire->bytes, wire->size);
			fuzz_assert(wire->bytes);
		}
		memcpy(wire->bytes + wire->count, wire->iov[i].iov_base, length);
		wire->count += length;
	}
	wire->copied = true;
}

/* The kernel copies when it likes, from here on until the send ends. */
void fake_on_send(int fd, const struct iovec *iov, unsigned int iov_count)
{
	struct wire *wire = &wires[fd];

	wire->iov = iov;
	wire->iov_count = iov_count;
	wire->copied = false;
	if (sim_chance(2))
		copy(wire);
}

bool net_stuck(int fd)
{
	return wires[fd].iov && wires[fd].count > NET_SOCKET_BYTES;
}

bool net_end_send(int fd)
{
	struct wire *wire = &wires[fd];

	if (!wire->iov || net_stuck(fd))
		return false;
	if (!fake_socket(fd)) {
		wire->iov = NULL;	/* it ended with its socket */
		return false;
	}
	if (!wire->copied)
		copy(wire);
	wire->iov = NULL;
	return fake_socket_sent(fd, 0);
}

static size_t piece(size_t count, bool whole)
{
	if (whole || sim_chance(4))
		return count;
	if (sim_chance(3))
		return 1 + sim_random(count < 80 ? (uint32_t)count : 80);
	return 1 + sim_random((uint32_t)count);
}

bool net_take(int fd, bool whole)
{
	struct wire *wire = &wires[fd];
	size_t count;

	if (!wire->count || wire->blocked || !wire->peer)
		return false;
	count = piece(wire->count, whole);
	wire->acked += count;
	peer_receive(wire->peer, wire->bytes, count);
	wire->count -= count;
	memmove(wire->bytes, wire->bytes + count, wire->count);
	return true;
}

bool net_deliver(int fd, bool whole)
{
	struct wire *wire = &wires[fd];
	size_t count;

	if (!wire->peer || !wire->peer->out_count || !fake_socket(fd))
		return false;
	count = piece(wire->peer->out_count, whole);
	wire->received += count;
	peer_flush_part(wire->peer, count);
	return true;
}

/* ---- what the transport asks of its sockets beside the loop: linked with --wrap ---- */

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

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	struct tcp_info *info = value;

	memset(value, 0, *size);
	if (level == IPPROTO_TCP && option == TCP_INFO && *size >= sizeof(*info)) {
		info->tcpi_bytes_acked = wires[fd].acked;
		info->tcpi_bytes_received = wires[fd].received;
	}
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
	return fill(address, size, 0xc0000201, 4420);			/* 192.0.2.1 */
}

int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
	return fill(address, size, 0xc6336400 + (uint32_t)fd, 40000);	/* 198.51.100.x */
}

int __wrap_shutdown(int fd, int how)
{
	return 0;
}

int __wrap_close(int fd)
{
	return fd < FAKE_SOCKETS ? 0 : __real_close(fd);
}
