/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of the loop that its engines share: turns, messages, deferred tasks. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "loop/engine.h"
#include "util/log.h"

#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define cpu_relax() __asm__ volatile("yield")
#else
#define cpu_relax() ((void)0)
#endif

static _Thread_local struct loop *current;

struct loop *loop_current(void)
{
	return current;
}

uint64_t loop_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t loop_now(const struct loop *loop)
{
	return loop->now;
}

const char *loop_engine_name(const struct loop *loop)
{
	return loop->ops->name;
}

static void messages_run(struct loop *loop);

/* ---- life ---- */

/* Does nothing: each turn looks into the inbox. */
static void woken(struct loop_watch *watch, unsigned int revents)
{
}

static int loop_open(struct loop **ret_loop, const struct loop_engine_ops *ops,
		     const struct loop_options *options, struct weft_error *error)
{
	struct loop *loop = aligned_alloc(64, (ops->size + 63) & ~(size_t)63);
	int r;

	if (!loop)
		return weft_error_set(error, ENOMEM, "no memory for an event loop");
	memset(loop, 0, ops->size);
	loop->ops = ops;
	loop->poll_ns = (uint64_t)options->poll_us * 1000;
	loop->now = loop_clock();
	list_init(&loop->tasks);
	list_init(&loop->ended);

	loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake.fd < 0) {
		r = weft_error_set(error, errno, "eventfd: %s", strerror(errno));
		goto fail;
	}
	r = loop_buffers_init(loop, options->buffer_limit, error);
	if (r)
		goto fail_wake;
	r = ops->open(loop, error);
	if (r)
		goto fail_buffers;
	loop->wake.events = POLLIN;
	loop->wake.ready = woken;
	r = loop_watch_start(loop, &loop->wake);
	if (r) {
		weft_error_set(error, -r, "waiting for an eventfd: %s", strerror(-r));
		goto fail_engine;
	}
	*ret_loop = loop;
	return 0;

fail_engine:
	ops->close(loop);
fail_buffers:
	loop_buffers_done(loop);
fail_wake:
	close(loop->wake.fd);
fail:
	free(loop);
	return r;
}

int loop_new(struct loop **ret_loop, const struct loop_options *options, struct weft_error *error)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;
	struct weft_error uring_error = {0};
	int r;

	if (options->engine == LOOP_ENGINE_EPOLL) {
		r = loop_open(ret_loop, &loop_engine_epoll, options, error);
	} else if (options->engine == LOOP_ENGINE_IO_URING) {
		r = loop_open(ret_loop, &loop_engine_uring, options, error);
	} else {
		r = loop_open(ret_loop, &loop_engine_uring, options, &uring_error);
		if (r) {
			r = loop_open(ret_loop, &loop_engine_epoll, options, error);
			if (!r && !atomic_flag_test_and_set(&said))
				log_notice("using epoll: %s", uring_error.text);
		}
	}
	if (!r)
		current = *ret_loop;
	return r;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (atomic_load(&loop->posters))
		sched_yield();
	loop_workers_free(loop->workers);
	messages_run(loop); /* their senders may wait for them */
	loop->ops->close(loop);
	loop_buffers_done(loop);
	close(loop->wake.fd);
	free(loop->timers.heap);
	if (current == loop)
		current = NULL;
	free(loop);
}

/* ---- from other threads ---- */

void loop_wake(struct loop *loop)
{
	static const uint64_t one = 1;

	if (!atomic_load(&loop->sleeping) || !atomic_exchange(&loop->sleeping, false))
		return;
	/* EAGAIN: the counter is full, so the loop is awake. */
	if (write(loop->wake.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_err("waking an event loop: %s", strerror(errno));
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stop, true);
	loop_wake(loop);
}

void loop_post(struct loop *loop, struct loop_message *message)
{
	struct loop_message *head = atomic_load_explicit(&loop->messages, memory_order_relaxed);

	/* loop_free() waits for posters: the message may run and end the loop before it is woken */
	atomic_fetch_add(&loop->posters, 1);
	do
		message->next = head;
	while (!atomic_compare_exchange_weak(&loop->messages, &head, message));
	loop_wake(loop);
	atomic_fetch_sub(&loop->posters, 1);
}

static void messages_run(struct loop *loop)
{
	struct loop_message *newest, *oldest = NULL, *message;

	if (!atomic_load_explicit(&loop->messages, memory_order_relaxed))
		return;
	newest = atomic_exchange(&loop->messages, NULL);
	while (newest) {
		message = newest;
		newest = message->next;
		message->next = oldest;
		oldest = message;
	}
	while (oldest) {
		message = oldest;
		oldest = message->next;
		message->run(message);
	}
}

static void finished_run(struct loop *loop)
{
	struct loop_op *newest, *oldest = NULL, *op;

	if (!atomic_load_explicit(&loop->finished, memory_order_relaxed))
		return;
	newest = atomic_exchange(&loop->finished, NULL);
	while (newest) {
		op = newest;
		newest = op->next;
		op->next = oldest;
		oldest = op;
	}
	while (oldest) {
		op = oldest;
		oldest = op->next;
		op->done(op, op->result);
	}
}

/* ---- deferred work ---- */

void loop_defer(struct loop *loop, struct loop_task *task)
{
	if (list_empty(&task->node))
		list_add_tail(&loop->tasks, &task->node);
}

/* Tasks that are deferred by tasks run in the next turn, which then does not wait. */
static void tasks_run(struct loop *loop)
{
	struct list tasks, *node;

	list_init(&tasks);
	list_splice_tail(&tasks, &loop->tasks);
	while ((node = list_pop(&tasks))) {
		struct loop_task *task = list_entry(node, struct loop_task, node);

		task->run(task);
	}
}

/* ---- turns ---- */

static bool inbox_empty(struct loop *loop)
{
	return !atomic_load(&loop->messages) && !atomic_load(&loop->finished) &&
	       !atomic_load(&loop->stop);
}

/* How long the loop may wait, in nanoseconds. */
static uint64_t loop_timeout(struct loop *loop)
{
	uint64_t next, now;

	if (!list_empty(&loop->tasks) || !list_empty(&loop->ended) || loop->ops->busy(loop) ||
	    !inbox_empty(loop))
		return 0;
	next = loop_timers_next(loop);
	if (next == LOOP_NO_TIMEOUT)
		return LOOP_NO_TIMEOUT;
	now = loop_clock();
	return next > now ? next - now : 0;
}

/* Polls for events for poll_ns. Returns as the engine's wait(). */
static int loop_poll(struct loop *loop, uint64_t timeout)
{
	uint64_t now = loop_clock();
	uint64_t end = now + (timeout < loop->poll_ns ? timeout : loop->poll_ns);
	int r;

	for (; now < end; now = loop_clock()) {
		r = loop->ops->wait(loop, 0);
		if (r || !inbox_empty(loop))
			return r;
		cpu_relax();
	}
	return 0;
}

/* Sleeps. Polling is worth while next time if this sleep was short. */
static int loop_sleep(struct loop *loop, uint64_t timeout)
{
	uint64_t since = loop->poll_ns ? loop_clock() : 0;
	int r;

	atomic_store(&loop->sleeping, true);
	r = loop->ops->wait(loop, inbox_empty(loop) ? timeout : 0);
	atomic_store_explicit(&loop->sleeping, false, memory_order_relaxed);
	loop->polls = loop->poll_ns && loop_clock() - since < loop->poll_ns;
	return r;
}

static int loop_wait(struct loop *loop)
{
	uint64_t timeout = loop_timeout(loop);
	int r = 0;

	if (timeout && loop->polls) {
		r = loop_poll(loop, timeout);
		if (r)
			return r;
		timeout = loop_timeout(loop);
	}
	return timeout ? loop_sleep(loop, timeout) : loop->ops->wait(loop, 0);
}

static int loop_turn(struct loop *loop)
{
	struct list *node;
	int r;

	r = loop_wait(loop);
	if (r < 0)
		return r;
	loop->now = loop_clock();
	if (r)
		loop->ops->dispatch(loop);
	messages_run(loop);
	finished_run(loop);
	loop_timers_run(loop);
	tasks_run(loop);
	if (loop->ops->settle)
		loop->ops->settle(loop);
	while ((node = list_pop(&loop->ended))) {
		struct loop_socket *socket = list_entry(node, struct loop_socket, node);

		close(socket->fd);
		socket->fd = -1;
		socket->ops->closed(socket);
	}
	return 0;
}

int loop_run(struct loop *loop)
{
	int r = 0;

	while (!r && !atomic_load_explicit(&loop->stop, memory_order_relaxed))
		r = loop_turn(loop);
	atomic_store(&loop->stop, false);
	return r;
}
