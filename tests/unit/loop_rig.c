/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop_rig.h"

#include <weft/backend.h>

struct loop *loop;

static enum loop_engine engine;
static bool late;

int rig_run_group(const char *name, const struct CMUnitTest *tests, size_t count)
{
	static const struct {
		enum loop_engine engine;
		const char *name;
	} engines[] = {{LOOP_ENGINE_IO_URING, "io_uring"}, {LOOP_ENGINE_EPOLL, "epoll"}};
	int failed = 0;

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		struct loop_options options = {.engine = engines[i].engine};
		struct weft_error error;
		char group[64];

		if (loop_new(&loop, &options, &error)) {
			print_message("%s is not tested: %s\n", engines[i].name, error.text);
			continue;
		}
		loop_free(loop);
		engine = engines[i].engine;
		snprintf(group, sizeof(group), "%s on %s", name, engines[i].name);
		failed += _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	}
	return failed;
}

int rig_setup(void **state)
{
	struct loop_options options = {.engine = engine};
	struct weft_error error;

	late = false;
	return loop_new(&loop, &options, &error);
}

int rig_teardown(void **state)
{
	loop_free(loop);
	return 0;
}

void rig_again(struct loop_options options)
{
	struct weft_error error;

	loop_free(loop);
	options.engine = engine;
	assert_int_equal(loop_new(&loop, &options, &error), 0);
}

static void too_late(struct loop_timer *timer)
{
	late = true;
	loop_stop(loop);
}

void rig_loop(void)
{
	struct loop_timer guard = {.fire = too_late};

	assert_int_equal(loop_timer_start(loop, &guard, 20000 * MS), 0);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_stop(loop, &guard);
	assert_false(late);
}

static void stop(struct loop_timer *timer)
{
	loop_stop(loop);
}

void rig_loop_for(uint64_t duration)
{
	struct loop_timer timer = {.fire = stop};

	assert_int_equal(loop_timer_start(loop, &timer, duration), 0);
	rig_loop();
	loop_timer_stop(loop, &timer);
}

void rig_loop_until(const bool *condition)
{
	for (int i = 0; i < 20000 && !*condition; i++)
		rig_loop_for(1 * MS);
	assert_true(*condition);
}

int rig_listen(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 256), 0);
	return fd;
}

int rig_connect(int listener)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
	return fd;
}

size_t rig_resident(uintptr_t lowest, uintptr_t highest)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), count, resident = 0;
	uintptr_t start = lowest & ~(page - 1);
	unsigned char *pages;

	assert_true(lowest < highest);
	count = (highest - start + page - 1) / page;
	pages = malloc(count);
	assert_non_null(pages);
	assert_int_equal(mincore((void *)start, count * page, pages), 0);
	for (size_t i = 0; i < count; i++)
		resident += pages[i] & 1;
	free(pages);
	return resident * page;
}

void rig_tcp_pair(int fds[2])
{
	int listener = rig_listen();

	fds[0] = rig_connect(listener);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fds[1] >= 0);
	close(listener);
}

void rig_unix_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}
