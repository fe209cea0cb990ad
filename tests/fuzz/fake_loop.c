/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "loop/engine.h"

#define PAGE 4096

static struct loop *current;
static uint64_t now = 1000000000;
static bool in_turn;

static struct {
	struct loop_socket *socket;
	bool ended;			/* received() had its last call */
	const uint8_t *rest;		/* what loop_socket_take() may have */
	size_t rest_count;
} sockets[FAKE_SOCKETS];

/* Whose thread this is now. */
static void enter(struct loop *loop)
{
	current = loop;
	fake_on_enter(loop);
}

struct loop *loop_current(void)
{
	return current;
}

uint64_t loop_clock(void)
{
	return now;
}

uint64_t loop_now(const struct loop *loop)
{
	return loop->now;
}

void fake_clock_advance(uint64_t nanoseconds)
{
	now += nanoseconds;
}

struct loop *fake_loop_new(size_t buffer_limit)
{
	struct loop *loop = aligned_alloc(64, (sizeof(*loop) + 63) & ~(size_t)63);
	struct weft_error error;

	fuzz_assert(loop);
	memset(loop, 0, sizeof(*loop));
	loop->now = now;
	list_init(&loop->tasks);
	list_init(&loop->ended);
	fuzz_assert(loop_buffers_init(loop, buffer_limit, &error) == 0);
	/* it rounds up to its largest buffer; here it is to run out */
	fuzz_assert(buffer_limit <= LOOP_BUFFER_MAX);
	loop->buffers.pages = (uint32_t)(buffer_limit / PAGE);
	return loop;
}

void fake_loop_free(struct loop *loop)
{
	fuzz_assert(!loop->messages && !loop->finished);
	fuzz_assert(list_empty(&loop->tasks) && list_empty(&loop->ended));
	fuzz_assert(loop_buffer_in_use(loop) == 0);
	loop_timer_stop(loop, &loop->buffers.trim);
	fuzz_assert(loop->timers.count == 0);
	loop->buffers.pages = LOOP_BUFFER_MAX / PAGE;
	loop_buffers_done(loop);
	free(loop->timers.heap);
	free(loop);
}

void fake_loop_call(struct loop *loop, void (*fn)(void *), void *arg)
{
	enter(loop);
	in_turn = true;
	fn(arg);
	in_turn = false;
	enter(NULL);
}

/* ---- messages, tasks, work ---- */

static bool messages_run(struct loop *loop)
{
	struct loop_message *newest = loop->messages, *oldest = NULL;
	bool any = newest;

	loop->messages = NULL;
	while (newest) {
		struct loop_message *message = newest;

		newest = message->next;
		message->next = oldest;
		oldest = message;
	}
	while (oldest) {
		struct loop_message *message = oldest;

		oldest = message->next;
		message->run(message);
	}
	return any;
}

__attribute__((weak)) void fake_on_post(struct loop *loop)
{
}

void loop_post(struct loop *loop, struct loop_message *message)
{
	struct loop *before = current;

	message->next = loop->messages;
	loop->messages = message;
	if (in_turn)
		return;
	fake_on_post(loop);
	in_turn = true;
	enter(loop);
	messages_run(loop);
	enter(before);
	in_turn = false;
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (list_empty(&task->node))
		list_add_tail(&loop->tasks, &task->node);
}

void loop_op_work(struct loop *loop, struct loop_op *op, int fd, int (*work)(struct loop_op *op))
{
	op->work = work;
	op->next = loop->finished;
	loop->finished = op;
}

static bool work_run(struct loop *loop)
{
	struct loop_op *op = loop->finished;
	bool any = op;

	loop->finished = NULL;
	while (op) {
		struct loop_op *next = op->next;

		op->done(op, op->work(op));
		op = next;
	}
	return any;
}

static bool tasks_run(struct loop *loop)
{
	struct list tasks, *node;
	bool any = !list_empty(&loop->tasks);

	list_init(&tasks);
	list_splice_tail(&tasks, &loop->tasks);
	while ((node = list_pop(&tasks))) {
		struct loop_task *task = list_entry(node, struct loop_task, node);

		task->run(task);
	}
	return any;
}

static bool ended_run(struct loop *loop)
{
	struct list *node;
	bool any = false;

	while ((node = list_pop(&loop->ended))) {
		struct loop_socket *socket = list_entry(node, struct loop_socket, node);

		any = true;
		if (socket->sending) {
			socket->sending = false;
			socket->ops->sent(socket, -ECANCELED);
		}
		sockets[socket->fd].socket = NULL;
		socket->fd = -1;
		socket->ops->closed(socket);
	}
	return any;
}

bool fake_loop_turn(struct loop *loop)
{
	struct loop *before = current;
	bool was_in_turn = in_turn, any;

	enter(loop);
	in_turn = true;
	loop->now = now;
	any = messages_run(loop);
	any |= work_run(loop);
	any |= loop_timers_next(loop) <= now;
	loop_timers_run(loop);
	any |= tasks_run(loop);
	any |= ended_run(loop);
	in_turn = was_in_turn;
	enter(before);
	return any;
}

/* ---- sockets ---- */

struct loop_socket *fake_socket(int fd)
{
	return sockets[fd].socket;
}

int loop_socket_open(struct loop *loop, struct loop_socket *socket, int fd,
		     const struct loop_socket_ops *ops)
{
	fuzz_assert(fd >= 0 && fd < FAKE_SOCKETS && !sockets[fd].socket);
	memset(socket, 0, sizeof(*socket));
	socket->fd = fd;
	socket->loop = loop;
	socket->ops = ops;
	list_init(&socket->node);
	memset(&sockets[fd], 0, sizeof(sockets[fd]));
	sockets[fd].socket = socket;
	return 0;
}

size_t loop_socket_take(struct loop_socket *socket, const struct iovec *iov,
			unsigned int iov_count, size_t unit)
{
	int fd = socket->fd;
	size_t before = iov_count > 1 ? iov[0].iov_len : 0, rest = sockets[fd].rest_count;
	size_t n = before + iov[iov_count - 1].iov_len, at = 0;

	if (rest < n)
		n = rest;
	if (n > before)
		n = before + ((n - before) & ~(unit - 1));
	for (unsigned int i = 0; i < iov_count; i++) {
		size_t part = iov[i].iov_len < n - at ? iov[i].iov_len : n - at;

		if (part)
			memcpy(iov[i].iov_base, sockets[fd].rest + at, part);
		at += part;
	}
	sockets[fd].rest += n;
	sockets[fd].rest_count -= n;
	return n;
}

static bool receives(int fd)
{
	return sockets[fd].socket && !sockets[fd].socket->closing && !sockets[fd].ended;
}

/* A buffer of exactly that size, so that reading beyond it is seen. */
static void receive(struct loop_socket *socket, const uint8_t *data, size_t count)
{
	uint8_t *copy = malloc(count);

	fuzz_assert(copy);
	memcpy(copy, data, count);
	socket->ops->received(socket, copy, (ssize_t)count);
	free(copy);
}

void fake_socket_feed(int fd, const uint8_t *data, size_t count)
{
	size_t head = count > LOOP_TAKE_HEAD ? LOOP_TAKE_HEAD : count, rest;

	if (!receives(fd) || !count)
		return;
	enter(sockets[fd].socket->loop);
	in_turn = true;
	sockets[fd].rest = data + head;
	sockets[fd].rest_count = count - head;
	receive(sockets[fd].socket, data, head);
	if (receives(fd) && sockets[fd].rest_count && sockets[fd].socket->ops->ready)
		sockets[fd].socket->ops->ready(sockets[fd].socket);
	/* nothing is behind these: received() is not to take them once more */
	rest = sockets[fd].rest_count;
	sockets[fd].rest_count = 0;
	if (receives(fd) && rest)
		receive(sockets[fd].socket, sockets[fd].rest, rest);
	in_turn = false;
	enter(NULL);
}

void fake_socket_end(int fd, int result)
{
	if (!receives(fd))
		return;
	sockets[fd].ended = true;
	enter(sockets[fd].socket->loop);
	in_turn = true;
	sockets[fd].socket->ops->received(sockets[fd].socket, NULL, result);
	in_turn = false;
	enter(NULL);
}

void loop_socket_send(struct loop_socket *socket, struct iovec *iov, unsigned int iov_count)
{
	size_t total = 0;

	fuzz_assert(!socket->sending && !socket->closing);
	fuzz_assert(iov_count > 0 && iov_count <= LOOP_IOV_MAX);
	for (unsigned int i = 0; i < iov_count; i++)
		total += iov[i].iov_len;
	fuzz_assert(total);
	socket->sending = true;
	socket->iov_count = iov_count;
	fake_on_send(socket->fd, iov, iov_count);
}

bool fake_socket_sent(int fd, int result)
{
	struct loop_socket *socket = sockets[fd].socket;

	if (!socket || !socket->sending)
		return false;
	socket->sending = false;
	enter(socket->loop);
	in_turn = true;
	socket->ops->sent(socket, result);
	in_turn = false;
	enter(NULL);
	return true;
}

void loop_socket_close(struct loop_socket *socket)
{
	if (socket->closing)
		return;
	socket->closing = true;
	list_add_tail(&socket->loop->ended, &socket->node);
}

/* No backend of the fuzzers has descriptors. */
int loop_watch_start(struct loop *loop, struct loop_watch *watch)
{
	return -EPERM;
}

void loop_watch_stop(struct loop_watch *watch)
{
	fuzz_assert(false);
}
