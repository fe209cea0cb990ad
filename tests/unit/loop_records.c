/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets with records that are no data. What stands for TLS, which this kernel need not
 * have, is datagrams to where nobody listens: receiving fails with ECONNREFUSED, and
 * recvmsg(2) gets the datagram with a control message that says why.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop_rig.h"
#include "util/list.h"

static const struct loop_records refusals = {.error = ECONNREFUSED, .flags = MSG_ERRQUEUE};
static const struct loop_records tls = {.error = EIO};

/* A socket of the loop, and its peer, which comes and goes. */
struct udp {
	struct loop_socket socket;
	uint16_t port, peer_port;
	int peer;
	uint64_t sent, received;	/* bytes of data */
	unsigned int records;
	ssize_t end_result;
	bool ended, closed, close_in_record;
};

static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset * 31 + (offset >> 8) * 7);
}

static struct udp *udp_of(struct loop_socket *socket)
{
	return container_of(socket, struct udp, socket);
}

static void received(struct loop_socket *socket, const uint8_t *data, ssize_t count)
{
	struct udp *udp = udp_of(socket);

	assert_false(udp->ended || socket->closing);
	if (count <= 0) {
		udp->ended = true;
		udp->end_result = count;
		return;
	}
	for (ssize_t i = 0; i < count; i++)
		assert_int_equal(data[i], byte_at(udp->received++));
}

/* The error that a datagram of ours came back with. */
static void record(struct loop_socket *socket, const struct msghdr *message, size_t count)
{
	struct udp *udp = udp_of(socket);
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(message);

	assert_false(udp->ended || socket->closing);
	assert_int_equal(cmsg->cmsg_level, IPPROTO_IP);
	assert_int_equal(cmsg->cmsg_type, IP_RECVERR);
	assert_int_equal(count, 1);
	assert_int_equal(*(uint8_t *)message->msg_iov->iov_base, 'x');
	udp->records++;
	if (udp->close_in_record)
		loop_socket_close(socket);
}

static void closed(struct loop_socket *socket)
{
	udp_of(socket)->closed = true;
}

static const struct loop_socket_ops ops = {
	.received = received,
	.record = record,
	.closed = closed,
};

/* A socket that is bound to the port (0: any), and the port. */
static int udp_bind(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = *port,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*port = address.sin_port;
	return fd;
}

static void udp_connect(int fd, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void udp_open(struct udp *udp, const struct loop_records *records)
{
	const int on = 1;
	int fd;

	*udp = (struct udp){0};
	fd = udp_bind(&udp->port);
	udp->peer = udp_bind(&udp->peer_port);
	udp_connect(fd, udp->peer_port);
	udp_connect(udp->peer, udp->port);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)), 0);
	assert_int_equal(loop_socket_open(loop, &udp->socket, fd, &ops), 0);
	loop_socket_set_records(&udp->socket, records);
}

static void udp_close(struct udp *udp)
{
	loop_socket_close(&udp->socket);
	rig_loop_until(&udp->closed);
	close(udp->peer);
}

/* The peer sends data, in datagrams; waits until it has come. */
static void udp_data(struct udp *udp, unsigned int datagrams)
{
	for (unsigned int i = 0; i < datagrams; i++) {
		uint8_t data[100];

		for (size_t j = 0; j < sizeof(data); j++)
			data[j] = byte_at(udp->sent++);
		assert_int_equal(send(udp->peer, data, sizeof(data), 0), sizeof(data));
	}
	for (int i = 0; i < 20000 && udp->received < udp->sent; i++)
		rig_loop_for(MS);
	assert_int_equal(udp->received, udp->sent);
}

/* Makes a record: the peer goes, a datagram is refused, the peer is there again. */
static void udp_refuse(struct udp *udp)
{
	close(udp->peer);
	assert_int_equal(send(udp->socket.fd, "x", 1, 0), 1);
	udp->peer = udp_bind(&udp->peer_port);
	udp_connect(udp->peer, udp->port);
}

static void udp_wait_records(struct udp *udp, unsigned int count)
{
	for (int i = 0; i < 20000 && udp->records < count; i++)
		rig_loop_for(MS);
	assert_int_equal(udp->records, count);
}

/* Over to recvmsg(2) and back, many times, with data before and after. */
static void test_records(void **state)
{
	struct udp udp;

	udp_open(&udp, &refusals);
	for (unsigned int i = 1; i <= 50; i++) {
		udp_data(&udp, i % 7);
		udp_refuse(&udp);
		udp_wait_records(&udp, i);
	}
	udp_data(&udp, 5);
	assert_false(udp.ended);
	udp_close(&udp);
}

/* The record, and data that came after it, are there together: nothing is left lying. */
static void test_records_with_data_behind(void **state)
{
	struct udp udp;

	udp_open(&udp, &refusals);
	for (unsigned int i = 1; i <= 50; i++) {
		udp_refuse(&udp);
		udp_data(&udp, 3);
		udp_wait_records(&udp, i);
	}
	assert_false(udp.ended);
	udp_close(&udp);
}

static void test_close_in_record(void **state)
{
	struct udp udp;

	udp_open(&udp, &refusals);
	udp.close_in_record = true;
	udp_data(&udp, 1);
	udp_refuse(&udp);
	rig_loop_until(&udp.closed);
	assert_int_equal(udp.records, 1);
	close(udp.peer);
}

/* Another error, or no such mode: it is the end, as ever. */
static void test_error_that_is_no_record(void **state)
{
	const struct loop_records *const modes[] = {NULL, &tls};

	for (size_t i = 0; i < 2; i++) {
		struct udp udp;

		udp_open(&udp, modes[i]);
		udp_data(&udp, 1);
		udp_refuse(&udp);
		rig_loop_until(&udp.ended);
		assert_int_equal(udp.end_result, -ECONNREFUSED);
		assert_int_equal(udp.records, 0);
		udp_close(&udp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_records),
		rig_test(test_records_with_data_behind),
		rig_test(test_close_in_record),
		rig_test(test_error_that_is_no_record),
	};

	return rig_run("records", tests);
}
