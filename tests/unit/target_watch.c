/* SPDX-License-Identifier: BSD-3-Clause */
/* Watches of backends: their end, which comes from any thread, at any time. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "target/base/reactor.h"
#include "target_rig.h"

struct device {
	int fd;
	struct weft_watch *watch;
	struct reactor *reactor;
	_Atomic unsigned int calls;
	_Atomic bool closed;		/* fd may be any other one now */
	int result;
};

static void ready(void *context, unsigned int revents)
{
	struct device *device = context;
	eventfd_t count;

	assert_false(atomic_load(&device->closed));
	assert_ptr_equal(reactor_current(), device->reactor);
	eventfd_read(device->fd, &count);
	atomic_fetch_add(&device->calls, 1);
}

static void start_on(struct reactor *reactor, void *arg)
{
	struct device *device = arg;

	device->reactor = reactor;
	device->result = weft_watch_start(&device->watch, reactor, device->fd, POLLIN, ready,
					  device);
}

static void start(struct device *device, unsigned int reactor)
{
	*device = (struct device){ .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	assert_true(device->fd >= 0);
	reactor_call(rig.target->reactors[reactor], start_on, device);
	assert_int_equal(device->result, 0);
}

static void stop(struct device *device)
{
	weft_watch_stop(device->watch);
	atomic_store(&device->closed, true);
}

static void stop_on(struct reactor *reactor, void *arg)
{
	stop(arg);
}

static _Atomic bool hammering;

static void *hammer(void *arg)
{
	struct device *device = arg;

	while (atomic_load(&hammering))
		eventfd_write(device->fd, 1);
	return NULL;
}

/* It is never called after the stop, however many events are under way. */
static void stopped_while_events_come(void **state)
{
	for (int i = 0; i < 40; i++) {
		struct device device;
		pthread_t thread;

		start(&device, i % 2);
		atomic_store(&hammering, true);
		assert_int_equal(pthread_create(&thread, NULL, hammer, &device), 0);
		while (!atomic_load(&device.calls))
			sched_yield();
		if (i % 4 < 2)
			stop(&device);
		else
			reactor_call(rig.target->reactors[i % 2], stop_on, &device);
		atomic_store(&hammering, false);
		pthread_join(thread, NULL);
		close(device.fd);
	}
}

/* The target ends first, as at the daemon's end: devices are closed after it. */
static void reactors_end_before(void **state)
{
	struct device devices[4];

	assert_int_equal(rig_setup(NULL), 0);
	for (unsigned int i = 0; i < 4; i++) {
		start(&devices[i], i % 2);
		eventfd_write(devices[i].fd, 1);
	}
	stop(&devices[3]);
	assert_int_equal(rig_teardown(NULL), 0);
	for (unsigned int i = 0; i < 4; i++) {
		if (i < 3)
			stop(&devices[i]);
		close(devices[i].fd);
	}
}

static void *stop_thread(void *arg)
{
	stop(arg);
	return NULL;
}

/* Devices that are being closed just then. */
static void reactors_end_meanwhile(void **state)
{
	for (int turn = 0; turn < 30; turn++) {
		struct device devices[4];
		pthread_t threads[4];

		assert_int_equal(rig_setup(NULL), 0);
		for (unsigned int i = 0; i < 4; i++)
			start(&devices[i], i % 2);
		for (unsigned int i = 0; i < 4; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, stop_thread,
							&devices[i]), 0);
		if (turn % 2)
			sched_yield();
		assert_int_equal(rig_teardown(NULL), 0);
		for (unsigned int i = 0; i < 4; i++) {
			pthread_join(threads[i], NULL);
			close(devices[i].fd);
		}
	}
}

static void stops_nothing(void **state)
{
	weft_watch_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(stopped_while_events_come),
		cmocka_unit_test(reactors_end_before),
		cmocka_unit_test(reactors_end_meanwhile),
		cmocka_unit_test(stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
