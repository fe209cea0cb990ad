/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads for what may block: lanes, their bounds and turns, and what hangs. */
#include <errno.h>
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

#include "util/list.h"
#include "util/pool.h"

#define JOBS 64

struct job {
	struct pool_job job;
	atomic_bool *gate;	/* it ends when this is true; NULL: at once */
};

static struct pool *pool;
static struct job jobs[JOBS];
static atomic_uint running, most, ended;

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void run(struct pool_job *queued, void *context)
{
	struct job *job = container_of(queued, struct job, job);
	unsigned int now = atomic_fetch_add(&running, 1) + 1, before = atomic_load(&most);

	while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
		;
	while (job->gate && !atomic_load(job->gate))
		nap();
	atomic_fetch_sub(&running, 1);
	atomic_fetch_add(&ended, 1);
}

static int set_up(void **state)
{
	struct pool_options options = { .run = run, .threads = 4, .lane_threads = 2 };

	atomic_store(&running, 0);
	atomic_store(&most, 0);
	atomic_store(&ended, 0);
	pool = pool_new(&options);
	return pool ? 0 : -1;
}

static int tear_down(void **state)
{
	pool_free(pool);
	return 0;
}

static int start(unsigned int index, unsigned int lane, atomic_bool *gate)
{
	jobs[index].gate = gate;
	return pool_start(pool, lane, &jobs[index].job);
}

/* Waits until so many run (or have ended); fails after five seconds. */
static void wait_for(atomic_uint *counter, unsigned int wanted)
{
	for (int i = 0; atomic_load(counter) != wanted; i++) {
		if (i == 5000)
			fail_msg("%u in place of %u", atomic_load(counter), wanted);
		nap();
	}
}

static void test_all_run(void **state)
{
	for (unsigned int i = 0; i < JOBS; i++)
		assert_true(start(i, i % 5, NULL) >= 0);
	wait_for(&ended, JOBS);
	assert_in_range(atomic_load(&most), 1, 4);
}

/* One lane that hangs has its share; what is in another one is not held up, nor late. */
static void test_a_lane_hangs(void **state)
{
	atomic_bool gate = false;

	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(start(i, 7, &gate), 0);
	wait_for(&running, 2);
	for (unsigned int i = 20; i < 40; i++)
		assert_true(start(i, 8, NULL) >= 0);
	wait_for(&ended, 20);
	assert_int_equal(atomic_load(&running), 2);
	assert_false(pool_look(pool));
	atomic_store(&gate, true);
	wait_for(&ended, 40);
}

/* All threads hang: looking makes more, and each lane gets no more than its share. */
static void test_all_threads_hang(void **state)
{
	atomic_bool gate = false;

	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(start(i, 1 + i / 2, &gate), 0);
	wait_for(&running, 4);
	assert_int_equal(start(4, 1, &gate), 0); /* it waits for its own lane only */
	assert_false(pool_look(pool));
	assert_int_equal(start(5, 3, NULL), 1);
	for (int i = 0; i < 1000 && pool_look(pool); i++)
		nap();
	wait_for(&ended, 1);
	assert_int_equal(atomic_load(&running), 4);
	atomic_store(&gate, true);
	wait_for(&ended, 6);
}

/* Jobs without a lane have no bound among themselves. */
static void test_no_lane(void **state)
{
	atomic_bool gate = false;

	for (unsigned int i = 0; i < 10; i++)
		assert_true(start(i, POOL_NO_LANE, &gate) >= 0);
	for (int i = 0; i < 1000 && pool_look(pool); i++)
		nap();
	wait_for(&running, 10);
	atomic_store(&gate, true);
	wait_for(&ended, 10);
}

/* A deep queue of one lane does not come before what another lane has. */
static void test_turns(void **state)
{
	atomic_bool first = false, gate = false, none = true;

	for (unsigned int i = 0; i < 4; i++)
		start(i, 1 + i % 2, &first);
	wait_for(&running, 4);
	for (unsigned int i = 4; i < 30; i++)
		start(i, 3, &gate);
	start(30, 4, &none);
	atomic_store(&first, true);
	wait_for(&ended, 5);
	atomic_store(&gate, true);
	wait_for(&ended, 31);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_all_run),
		TEST(test_a_lane_hangs),
		TEST(test_all_threads_hang),
		TEST(test_no_lane),
		TEST(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
