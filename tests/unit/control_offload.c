/* SPDX-License-Identifier: BSD-3-Clause */
/* Work on threads: what ends in time, what is late, what is left when weftd ends. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/offload.h"

#define LONG_MS 60000u

struct job {
	atomic_bool gate;		/* the work ends when this is true */
	atomic_uint began, late;
	atomic_int thread;
	unsigned int done;
	int result;
};

static struct offload *offload;

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void wait_for(atomic_uint *count)
{
	while (!atomic_load(count))
		nap();
}

static void work(void *arg)
{
	struct job *job = arg;

	atomic_store(&job->thread, gettid());
	atomic_store(&job->began, 1);
	while (!atomic_load(&job->gate))
		nap();
}

static void done(void *arg, int result)
{
	struct job *job = arg;

	job->done++;
	job->result = result;
}

static void late(void *arg)
{
	atomic_fetch_add(&((struct job *)arg)->late, 1);
}

static int start(struct job *job, unsigned int timeout_ms)
{
	const struct offload_work w = { .work = work, .done = done, .late = late, .arg = job,
					.timeout_ms = timeout_ms };

	return offload_start(offload, &w);
}

static void run_until_done(struct job *job)
{
	struct pollfd pollfd = { .fd = offload_fd(offload), .events = POLLIN };

	while (!job->done) {
		assert_int_equal(poll(&pollfd, 1, 30000), 1);
		offload_run(offload);
	}
}

/* Nobody joins what was late: at the program's end it would be a leak to memcheck. */
static void wait_for_end(struct job *job)
{
	char path[64];

	wait_for(&job->late);
	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)atomic_load(&job->thread));
	while (access(path, F_OK) == 0)
		nap();
}

static int set_up(void **state)
{
	offload = offload_new();
	return offload ? 0 : -1;
}

static int tear_down(void **state)
{
	offload_free(offload);
	return 0;
}

static void ends_in_time(void **state)
{
	struct job job = { .gate = false };

	assert_int_equal(start(&job, LONG_MS), 0);
	wait_for(&job.began);
	offload_run(offload);
	assert_int_equal(job.done, 0);
	atomic_store(&job.gate, true);
	run_until_done(&job);
	assert_int_equal(job.result, 0);
	assert_int_equal(atomic_load(&job.late), 0);
}

static void one_that_hangs_delays_no_other(void **state)
{
	struct job hangs = { .gate = false }, quick = { .gate = true };

	assert_int_equal(start(&hangs, LONG_MS), 0);
	wait_for(&hangs.began);
	assert_int_equal(start(&quick, LONG_MS), 0);
	run_until_done(&quick);
	assert_int_equal(hangs.done, 0);
	atomic_store(&hangs.gate, true);
	run_until_done(&hangs);
}

static void is_late(void **state)
{
	struct job job = { .gate = false };

	assert_int_equal(start(&job, 20), 0);
	run_until_done(&job);
	assert_int_equal(job.result, -ETIMEDOUT);
	assert_int_equal(atomic_load(&job.late), 0);
	atomic_store(&job.gate, true);
	wait_for_end(&job);
	assert_int_equal(job.done, 1);
	assert_int_equal(atomic_load(&job.late), 1);
}

static void the_end_leaves_it(void **state)
{
	struct job job = { .gate = false };

	assert_int_equal(start(&job, LONG_MS), 0);
	wait_for(&job.began);
	offload_free(offload);
	offload = NULL;
	assert_int_equal(job.done, 1);
	assert_int_equal(job.result, -ECANCELED);
	atomic_store(&job.gate, true);
	wait_for_end(&job);
}

static void only_so_many(void **state)
{
	static struct job jobs[OFFLOAD_MAX], more;

	for (unsigned int i = 0; i < OFFLOAD_MAX; i++)
		assert_int_equal(start(&jobs[i], 1), 0);
	for (unsigned int i = 0; i < OFFLOAD_MAX; i++)
		run_until_done(&jobs[i]);
	/* they are late, and hang on */
	assert_int_equal(start(&more, LONG_MS), -EAGAIN);
	for (unsigned int i = 0; i < OFFLOAD_MAX; i++)
		atomic_store(&jobs[i].gate, true);
	for (unsigned int i = 0; i < OFFLOAD_MAX; i++)
		wait_for_end(&jobs[i]);
	atomic_store(&more.gate, true);
	while (start(&more, LONG_MS) < 0)
		nap();
	run_until_done(&more);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ends_in_time),
		TEST(one_that_hangs_delays_no_other),
		TEST(is_late),
		TEST(the_end_leaves_it),
		TEST(only_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
