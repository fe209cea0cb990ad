/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop's sockets and listeners. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop_rig.h"

/* One end of a connection: sends a known sequence of bytes, checks the one that arrives. */
struct end {
	struct loop_socket socket;
	uint64_t to_send, sent_bytes, received_bytes;
	size_t largest;				/* of one send */
	uint8_t *buffer;
	struct iovec iov[64];
	size_t under_way;
	int sent_result, sent_count;
	uint64_t taken_bytes;
	ssize_t end_result;			/* what ended the receiving */
	bool ended, closed, bad, takes, close_in_received, close_in_sent;
};

#define BUFFER ((size_t)4 << 20)

/* Where bytes have come: the loop's receive buffers. */
static uintptr_t lowest, highest;

/* The sequence of bytes, again and again; a prime, so that no size of a buffer hides in it. */
static uint8_t sequence[65521];

static void make_sequence(void)
{
	for (size_t i = 0; i < sizeof(sequence); i++)
		sequence[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
}

/* Of the `count` bytes at an offset of what is sent, so many as lie together in the sequence. */
static size_t part_at(uint64_t offset, size_t count, const uint8_t **ret_part)
{
	size_t at = offset % sizeof(sequence), left = sizeof(sequence) - at;

	*ret_part = sequence + at;
	return count < left ? count : left;
}

static void send_more(struct end *end)
{
	uint64_t left = end->to_send - end->sent_bytes;
	size_t size = 1 + (size_t)random() % end->largest, at = 0;
	unsigned int count = 0;
	const uint8_t *source;

	if (size > left)
		size = left;
	for (size_t i = 0, part; i < size; i += part) {
		part = part_at(end->sent_bytes + i, size - i, &source);
		memcpy(end->buffer + i, source, part);
	}
	while (at < size && count < 63) {
		size_t part = (size_t)random() % (size - at + 1);

		end->iov[count++] = (struct iovec){end->buffer + at, part};
		at += part;
	}
	end->iov[count++] = (struct iovec){end->buffer + at, size - at};
	end->under_way = size;
	loop_socket_send(&end->socket, end->iov, count);
}

static void check(struct end *end, const uint8_t *data, size_t count)
{
	const uint8_t *right;

	for (size_t i = 0, part; i < count; i += part) {
		part = part_at(end->received_bytes + i, count - i, &right);
		if (memcmp(data + i, right, part))
			end->bad = true;
	}
	end->received_bytes += count;
}

/* Now and then takes what follows, as for a large write: some bytes, then bytes or blocks. */
static void take(struct end *end)
{
	static uint8_t buffer[200000];
	size_t unit = random() % 2 ? 512 : 1, before = (size_t)random() % 512, count;
	size_t size = 1 + (size_t)random() % (sizeof(buffer) - before);
	struct iovec iov[] = {{buffer, before}, {buffer + before, size}};
	unsigned int parts = random() % 2 ? 2 : 1;

	if (random() % 8 == 0)
		return;
	count = loop_socket_take(&end->socket, iov + 2 - parts, parts, unit);
	if (parts == 1)
		before = 0;
	assert_true(count <= before + size);
	if (end->socket.records && unit > 1)
		assert_int_equal(count, 0);
	if (count > before)
		assert_int_equal((count - before) % unit, count == before + size ? size % unit : 0);
	check(end, iov[2 - parts].iov_base, count);
	end->taken_bytes += count;
}

static void ready(struct loop_socket *socket)
{
	struct end *end = container_of(socket, struct end, socket);

	assert_false(end->ended || socket->closing);
	if (end->takes)
		take(end);
}

static void received(struct loop_socket *socket, const uint8_t *data, ssize_t count)
{
	struct end *end = container_of(socket, struct end, socket);

	assert_false(end->ended);
	assert_false(socket->closing);
	if (count <= 0) {
		end->ended = true;
		end->end_result = count;
		return;
	}
	check(end, data, (size_t)count);
	if ((uintptr_t)data < lowest)
		lowest = (uintptr_t)data;
	if ((uintptr_t)data + (size_t)count > highest)
		highest = (uintptr_t)data + (size_t)count;
	if (end->takes)
		take(end);
	if (end->close_in_received)
		loop_socket_close(socket);
}

static void sent(struct loop_socket *socket, int result)
{
	struct end *end = container_of(socket, struct end, socket);

	assert_false(end->closed);
	end->sent_result = result;
	end->sent_count++;
	if (result)
		return;
	end->sent_bytes += end->under_way;
	if (end->close_in_sent)
		loop_socket_close(socket);
	else if (end->sent_bytes < end->to_send && !socket->closing)
		send_more(end);
}

static void closed(struct loop_socket *socket)
{
	struct end *end = container_of(socket, struct end, socket);

	assert_false(end->closed);
	end->closed = true;
}

static const struct loop_socket_ops ops = {
	.received = received,
	.ready = ready,
	.sent = sent,
	.closed = closed,
};

static struct end *end_open(int fd)
{
	struct end *end = calloc(1, sizeof(*end));

	assert_non_null(end);
	end->largest = BUFFER;
	end->buffer = calloc(1, BUFFER);
	assert_non_null(end->buffer);
	assert_int_equal(loop_socket_open(loop, &end->socket, fd, &ops), 0);
	return end;
}

static void end_free(struct end *end)
{
	if (!end->socket.closing) {
		loop_socket_close(&end->socket);
		assert_false(end->closed);
	}
	rig_loop_until(&end->closed);
	assert_int_equal(end->socket.fd, -1);
	assert_false(end->bad);
	free(end->buffer);
	free(end);
}

static void exchange(int fds[2], uint64_t a_bytes, uint64_t b_bytes, size_t largest, bool takes)
{
	struct end *a = end_open(fds[0]), *b = end_open(fds[1]);

	srandom(1);
	a->to_send = a_bytes;
	b->to_send = b_bytes;
	a->largest = b->largest = largest;
	a->takes = b->takes = takes;
	if (a_bytes)
		send_more(a);
	if (b_bytes)
		send_more(b);
	assert_int_equal(a->sent_count + b->sent_count, 0);
	for (int i = 0; i < 20000; i++) {
		if (a->received_bytes == b_bytes && b->received_bytes == a_bytes &&
		    a->sent_bytes == a_bytes && b->sent_bytes == b_bytes)
			break;
		rig_loop_for(MS);
	}
	assert_int_equal(a->received_bytes, b_bytes);
	assert_int_equal(b->received_bytes, a_bytes);
	if (takes)
		assert_true(a->taken_bytes + b->taken_bytes > (a_bytes + b_bytes) / 8);
	end_free(a);
	rig_loop_until(&b->ended);
	assert_int_equal(b->end_result, 0);
	end_free(b);
}

static void test_exchange_tcp(void **state)
{
	int fds[2];

	rig_tcp_pair(fds);
	exchange(fds, 12 << 20, 7456789, BUFFER, false);
}

static void test_exchange_unix(void **state)
{
	int fds[2];

	rig_unix_pair(fds);
	exchange(fds, 5 << 20, 3456789, 700000, false);
}

static void test_exchange_small(void **state)
{
	int fds[2];

	rig_tcp_pair(fds);
	exchange(fds, 300000, 200000, 100, false);
}

static void test_take_tcp(void **state)
{
	int fds[2];

	rig_tcp_pair(fds);
	exchange(fds, 16 << 20, 9456789, BUFFER, true);
}

static void test_take_unix(void **state)
{
	int fds[2];

	rig_unix_pair(fds);
	exchange(fds, 5 << 20, 3456789, 300000, true);
}

/* ---- records that are no data ---- */

/* As of TLS; this kernel need not have it: nothing of the kind comes here. */
static const struct loop_records tls = {.error = EIO};

/* By bytes what follows may be taken, by units not. */
static void test_take_with_records(void **state)
{
	struct end *a, *b;
	int fds[2];

	rig_tcp_pair(fds);
	a = end_open(fds[0]);
	b = end_open(fds[1]);
	loop_socket_set_records(&b->socket, &tls);
	a->to_send = 16 << 20;
	b->takes = true;
	send_more(a);
	for (int i = 0; i < 20000 && b->received_bytes < a->to_send; i++)
		rig_loop_for(MS);
	assert_int_equal(b->received_bytes, a->to_send);
	assert_true(b->taken_bytes > 0);
	end_free(a);
	rig_loop_until(&b->ended);
	assert_int_equal(b->end_result, 0);
	end_free(b);
}

/* ---- ends ---- */

/* The peer does not read: a send of more than the kernel holds is under way until the close. */
static void test_close_while_sending(void **state)
{
	const int few = 65536;
	struct end *end;
	int fds[2];

	rig_tcp_pair(fds);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof(few)), 0);
	assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &few, sizeof(few)), 0);
	end = end_open(fds[0]);
	end->iov[0] = (struct iovec){end->buffer, BUFFER};
	loop_socket_send(&end->socket, end->iov, 1);
	rig_loop_for(50 * MS);
	assert_true(end->socket.sending);
	loop_socket_close(&end->socket);
	rig_loop_until(&end->closed);
	assert_int_equal(end->sent_result, -ECANCELED);
	end_free(end);
	close(fds[1]);
}

static void test_close_at_once(void **state)
{
	struct end *end;
	int fds[2];

	rig_tcp_pair(fds);
	end = end_open(fds[0]);
	end_free(end);
	close(fds[1]);
}

static void test_close_in_received(void **state)
{
	struct end *a, *b;
	int fds[2];

	rig_tcp_pair(fds);
	a = end_open(fds[0]);
	b = end_open(fds[1]);
	a->to_send = 100 << 20;
	b->close_in_received = true;
	send_more(a);
	rig_loop_until(&b->closed);
	rig_loop_until(&a->ended);
	assert_true(b->received_bytes > 0);
	end_free(b);
	end_free(a);
}

static void test_close_in_sent(void **state)
{
	struct end *a, *b;
	int fds[2];

	rig_tcp_pair(fds);
	a = end_open(fds[0]);
	b = end_open(fds[1]);
	a->to_send = a->largest = 5000;
	a->close_in_sent = true;
	send_more(a);
	rig_loop_until(&a->closed);
	rig_loop_until(&b->ended);
	assert_int_equal(b->end_result, 0);
	assert_int_equal(b->received_bytes, a->under_way);
	end_free(a);
	end_free(b);
}

/* A socket whose peer sends without end is closed all the same. */
static void test_close_under_flood(void **state)
{
	for (int i = 0; i < 8; i++) {
		struct end *a, *b;
		int fds[2];

		rig_tcp_pair(fds);
		a = end_open(fds[0]);
		b = end_open(fds[1]);
		a->to_send = 1 << 30;
		send_more(a);
		rig_loop_for((1 + (uint64_t)i % 4) * MS);
		end_free(b);
		end_free(a);
	}
}

static void test_reset(void **state)
{
	struct linger linger = {.l_onoff = 1};
	struct end *end;
	int fds[2];

	rig_tcp_pair(fds);
	end = end_open(fds[0]);
	assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	close(fds[1]);
	rig_loop_until(&end->ended);
	assert_int_equal(end->end_result, -ECONNRESET);

	end->to_send = 100;
	send_more(end);
	assert_int_equal(end->sent_count, 0);
	rig_loop_for(10 * MS);
	assert_int_equal(end->sent_count, 1);
	assert_int_equal(end->sent_result, -EPIPE);
	end_free(end);
}

/* The peer ends its side and still reads what it is sent. */
static void test_half_closed(void **state)
{
	struct end *a, *b;
	int fds[2];

	rig_tcp_pair(fds);
	a = end_open(fds[0]);
	b = end_open(fds[1]);
	assert_int_equal(shutdown(fds[0], SHUT_WR), 0);
	rig_loop_until(&b->ended);
	b->to_send = 3 << 20;
	send_more(b);
	for (int i = 0; i < 5000 && a->received_bytes < b->to_send; i++)
		rig_loop_for(MS);
	assert_int_equal(a->received_bytes, b->to_send);
	end_free(a);
	end_free(b);
}

/* More sockets with more data than there are receive buffers, whose memory is given back. */
static void test_pressure(void **state)
{
	enum { PAIRS = 200 };
	struct end *ends[PAIRS][2];
	bool done = false;
	int fds[2];

	for (int i = 0; i < PAIRS; i++) {
		rig_unix_pair(fds);
		ends[i][0] = end_open(fds[0]);
		ends[i][1] = end_open(fds[1]);
		ends[i][0]->to_send = 150000;
		ends[i][0]->largest = 150000;
		send_more(ends[i][0]);
	}
	lowest = UINTPTR_MAX, highest = 0;
	for (int i = 0; i < 20000 && !done; i++) {
		rig_loop_for(MS);
		done = true;
		for (int j = 0; j < PAIRS; j++)
			done = done && ends[j][1]->received_bytes == 150000;
	}
	assert_true(done);
	for (int i = 0; i < 200 && rig_resident(lowest, highest) > 1 << 20; i++)
		rig_loop_for(100 * MS);
	assert_true(rig_resident(lowest, highest) <= 1 << 20);
	for (int i = 0; i < PAIRS; i++) {
		end_free(ends[i][0]);
		end_free(ends[i][1]);
	}
}

/* Opening, sending and closing in any order, at any moment. */
static void test_churn(void **state)
{
	enum { ENDS = 64 };
	struct end *ends[ENDS] = {0};
	int fds[2];

	srandom(5);
	for (int i = 0; i < 2000; i++) {
		unsigned int s = (unsigned int)random() % ENDS / 2 * 2;
		struct end *end = ends[s + (unsigned int)random() % 2];

		if (!ends[s] && !ends[s + 1]) {
			if (random() % 4)
				rig_unix_pair(fds);
			else
				rig_tcp_pair(fds);
			for (unsigned int j = 0; j < 2; j++) {
				ends[s + j] = end_open(fds[j]);
				ends[s + j]->to_send = 1 << 30;
				ends[s + j]->largest = 20000;
				ends[s + j]->takes = random() % 3 == 0;
			}
		} else if (end && !end->socket.closing && random() % 3) {
			if (!end->sent_count && !end->socket.sending)
				send_more(end);
		} else if (end && !end->socket.closing) {
			loop_socket_close(&end->socket);
		}
		if (i % 4 == 0)
			rig_loop_for(MS / 20);
		for (unsigned int j = 0; j < ENDS; j++) {
			if (ends[j] && ends[j]->closed) {
				end_free(ends[j]);
				ends[j] = NULL;
			}
		}
	}
	for (unsigned int j = 0; j < ENDS; j++)
		if (ends[j])
			end_free(ends[j]);
}

/* ---- listeners ---- */

struct acceptor {
	struct loop_listener listener;
	int fds[64];
	int count, errors, last_error;
	bool stopped, some;
};

static void accepted(struct loop_listener *listener, int result)
{
	struct acceptor *acceptor = container_of(listener, struct acceptor, listener);

	acceptor->some = true;
	if (result < 0) {
		acceptor->errors++;
		acceptor->last_error = result;
	} else {
		acceptor->fds[acceptor->count++] = result;
	}
}

static void stopped(struct loop_listener *listener)
{
	container_of(listener, struct acceptor, listener)->stopped = true;
}

static void acceptor_start(struct acceptor *acceptor)
{
	*acceptor = (struct acceptor){
		.listener = {.fd = rig_listen(), .accepted = accepted, .stopped = stopped}};
	assert_int_equal(loop_listener_start(loop, &acceptor->listener), 0);
}

static void acceptor_stop(struct acceptor *acceptor)
{
	loop_listener_stop(&acceptor->listener);
	assert_false(acceptor->stopped);
	rig_loop_until(&acceptor->stopped);
	close(acceptor->listener.fd);
	while (acceptor->count)
		close(acceptor->fds[--acceptor->count]);
}

static void test_accept(void **state)
{
	struct acceptor acceptor;
	int fds[50];

	acceptor_start(&acceptor);
	for (int i = 0; i < 50; i++)
		fds[i] = rig_connect(acceptor.listener.fd);
	for (int i = 0; i < 1000 && acceptor.count < 50; i++)
		rig_loop_for(MS);
	assert_int_equal(acceptor.count, 50);
	assert_int_equal(acceptor.errors, 0);
	for (int i = 0; i < 50; i++)
		close(fds[i]);
	acceptor_stop(&acceptor);
}

/* Out of descriptors: accepting says so, not too often, and goes on when there are some again. */
static void test_accept_without_descriptors(void **state)
{
	struct acceptor acceptor;
	struct rlimit before, few;
	int fd;

	acceptor_start(&acceptor);
	fd = rig_connect(acceptor.listener.fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	rig_loop_for(250 * MS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(acceptor.last_error, -EMFILE);
	assert_in_range(acceptor.errors, 2, 3);
	assert_int_equal(acceptor.count, 0);
	for (int i = 0; i < 1000 && !acceptor.count; i++)
		rig_loop_for(MS);
	assert_int_equal(acceptor.count, 1);
	close(fd);
	acceptor_stop(&acceptor);
}

static void test_listener_stop_while_pausing(void **state)
{
	struct acceptor acceptor;
	struct rlimit before, few;
	int fd;

	acceptor_start(&acceptor);
	fd = rig_connect(acceptor.listener.fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){.rlim_cur = (rlim_t)fd + 1, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	rig_loop_for(20 * MS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(acceptor.errors, 1);
	acceptor_stop(&acceptor);
	rig_loop_for(150 * MS);
	assert_int_equal(acceptor.errors, 1);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		rig_test(test_exchange_tcp),
		rig_test(test_exchange_unix),
		rig_test(test_exchange_small),
		rig_test(test_take_tcp),
		rig_test(test_take_unix),
		rig_test(test_take_with_records),
		rig_test(test_close_while_sending),
		rig_test(test_close_at_once),
		rig_test(test_close_in_received),
		rig_test(test_close_in_sent),
		rig_test(test_close_under_flood),
		rig_test(test_reset),
		rig_test(test_half_closed),
		rig_test(test_pressure),
		rig_test(test_churn),
		rig_test(test_accept),
		rig_test(test_accept_without_descriptors),
		rig_test(test_listener_stop_while_pausing),
	};

	make_sequence();
	return rig_run("sockets", tests);
}
