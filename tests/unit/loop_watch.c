/* SPDX-License-Identifier: BSD-3-Clause */
/* Watched descriptors: edges, and what follows the end of a watch. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "loop_rig.h"
#include "util/list.h"

struct watched {
	struct loop_watch watch;
	unsigned int calls, revents;
	uint64_t sum;			/* of what was read */
	bool stops;			/* itself, or `other`, when it is ready */
	struct watched *other;
	bool stopped;
	bool stop_loop;			/* once it has got something */
};

static void ready(struct loop_watch *watch, unsigned int revents)
{
	struct watched *w = container_of(watch, struct watched, watch);
	uint64_t count = 0;

	assert_false(w->stopped);
	w->calls++;
	w->revents |= revents;
	if (revents & POLLIN && read(watch->fd, &count, sizeof(count)) == sizeof(count))
		w->sum += count;
	if (w->stops)
		loop_watch_stop(w->other ? &w->other->watch : watch);
	if (w->stop_loop && w->sum)
		loop_stop(loop);
}

static void stopped(struct loop_watch *watch)
{
	struct watched *w = container_of(watch, struct watched, watch);

	assert_false(w->stopped);
	w->stopped = true;
}

static void start(struct watched *w, int fd, unsigned int events)
{
	w->watch = (struct loop_watch){
		.fd = fd, .events = events, .ready = ready, .stopped = stopped,
	};
	assert_int_equal(loop_watch_start(loop, &w->watch), 0);
}

static int new_eventfd(unsigned int count)
{
	int fd = eventfd(count, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* Nothing is called from within, and stopped() once. */
static void end(struct watched *w)
{
	loop_watch_stop(&w->watch);
	assert_false(w->stopped);
	rig_loop_until(&w->stopped);
	close(w->watch.fd);
}

static void ready_at_the_start(void **state)
{
	struct watched w = { .stop_loop = true };

	start(&w, new_eventfd(7), POLLIN);
	assert_int_equal(w.calls, 0);
	rig_loop();
	assert_int_equal(w.sum, 7);
	end(&w);
}

#define WRITES 2000

static void *write_all(void *arg)
{
	int fd = *(int *)arg;

	for (int i = 0; i < WRITES; i++)
		eventfd_write(fd, 1);
	return NULL;
}

/* From another thread, as fast as can be: the last one is not missed. */
static void each_edge(void **state)
{
	struct watched w = { 0 };
	pthread_t thread;

	start(&w, new_eventfd(0), POLLIN);
	assert_int_equal(pthread_create(&thread, NULL, write_all, &w.watch.fd), 0);
	while (w.sum < WRITES)
		rig_loop_for(1 * MS);
	pthread_join(thread, NULL);
	assert_int_equal(w.sum, WRITES);
	assert_true(w.calls <= 2 * WRITES + 1);
	end(&w);
}

static void timerfd_is_ready_each_time(void **state)
{
	struct itimerspec each = { { 0, 1000000 }, { 0, 1000000 } };
	struct watched w = { 0 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	assert_int_equal(timerfd_settime(fd, 0, &each, NULL), 0);
	start(&w, fd, POLLIN);
	while (w.sum < 20)
		rig_loop_for(1 * MS);
	assert_true(w.calls <= w.sum + 1);
	end(&w);
}

/* What has happened is not told after the stop. */
static void stopped_with_an_event_under_way(void **state)
{
	for (int i = 0; i < 50; i++) {
		struct watched w = { 0 };

		start(&w, new_eventfd(0), POLLIN);
		rig_loop_for(1000);
		eventfd_write(w.watch.fd, 1);
		end(&w);
		rig_loop_for(1000);
		assert_int_equal(w.calls, 0);
	}
}

static void stopped_at_once(void **state)
{
	struct watched w = { 0 };

	start(&w, new_eventfd(1), POLLIN);
	end(&w);
	assert_int_equal(w.calls, 0);
}

static void stops_itself(void **state)
{
	struct watched w = { .stops = true };

	start(&w, new_eventfd(1), POLLIN);
	rig_loop_until(&w.stopped);
	assert_int_equal(w.calls, 1);
	close(w.watch.fd);
}

/* Both are ready in the same turn; whichever is called first stops the other. */
static void stops_the_other(void **state)
{
	struct watched a = { .stops = true }, b = { .stops = true };

	a.other = &b;
	b.other = &a;
	start(&a, new_eventfd(1), POLLIN);
	start(&b, new_eventfd(1), POLLIN);
	while (!a.stopped && !b.stopped)
		rig_loop_for(1 * MS);
	rig_loop_for(1 * MS);
	assert_int_equal(a.calls + b.calls, 1);
	close(b.watch.fd);
	if (!a.stopped)
		end(&a);
	else
		end(&b);
}

static void again_after_the_stop(void **state)
{
	struct watched w = { 0 };
	int fd = new_eventfd(1);

	for (unsigned int i = 1; i <= 20; i++) {
		w.stopped = false;
		start(&w, fd, POLLIN);
		while (w.sum < i)
			rig_loop_for(1000);
		loop_watch_stop(&w.watch);
		rig_loop_until(&w.stopped);
		eventfd_write(fd, 1);
	}
	close(fd);
}

static void the_other_end_closes(void **state)
{
	struct watched w = { 0 };
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	start(&w, fds[0], POLLIN);
	rig_loop_for(1 * MS);
	assert_int_equal(w.calls, 0);
	close(fds[1]);
	while (!w.calls)
		rig_loop_for(1 * MS);
	assert_true(w.revents & POLLHUP);
	end(&w);
}

/* Writable is an edge, too: once at the start, not in each turn. */
static void writable(void **state)
{
	struct watched w = { 0 };
	static char block[65536];
	int fds[2];
	unsigned int calls;

	rig_unix_pair(fds);
	start(&w, fds[0], POLLOUT);
	rig_loop_for(2 * MS);
	assert_true(w.calls >= 1 && w.calls < 5 && w.revents == POLLOUT);
	while (send(fds[0], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	rig_loop_for(1 * MS);
	calls = w.calls;
	while (recv(fds[1], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	while (w.calls == calls)
		rig_loop_for(1 * MS);
	end(&w);
	close(fds[1]);
}

static void files_are_refused(void **state)
{
	char path[] = "/tmp/weft-watch-XXXXXX";
	int fd = mkstemp(path);
	struct loop_watch watch = {
		.fd = fd, .events = POLLIN, .ready = ready, .stopped = stopped,
	};

	assert_true(fd >= 0);
	assert_int_equal(loop_watch_start(loop, &watch), -EPERM);
	rig_loop_for(1 * MS);
	close(fd);
	unlink(path);
}

#define MANY 200

/* Of many at once, each has its own events. */
static void many(void **state)
{
	static struct watched all[MANY];

	for (size_t i = 0; i < MANY; i++) {
		all[i] = (struct watched){ 0 };
		start(&all[i], new_eventfd(0), POLLIN);
	}
	rig_loop_for(1 * MS);
	for (size_t i = 0; i < MANY; i += 2)
		eventfd_write(all[i].watch.fd, i + 1);
	for (size_t i = 0; i < MANY; i += 2)
		while (!all[i].sum)
			rig_loop_for(1 * MS);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(all[i].sum, i % 2 ? 0 : i + 1);
		loop_watch_stop(&all[i].watch);
	}
	for (size_t i = 0; i < MANY; i++) {
		rig_loop_until(&all[i].stopped);
		close(all[i].watch.fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(ready_at_the_start),
		rig_test(each_edge),
		rig_test(timerfd_is_ready_each_time),
		rig_test(stopped_with_an_event_under_way),
		rig_test(stopped_at_once),
		rig_test(stops_itself),
		rig_test(stops_the_other),
		rig_test(again_after_the_stop),
		rig_test(the_other_end_closes),
		rig_test(writable),
		rig_test(files_are_refused),
		rig_test(many),
	};

	return rig_run("watched descriptors", tests);
}
