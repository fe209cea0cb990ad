/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop's turns: timers, deferred tasks, messages, worker threads, sleep. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <weft/backend.h>

#include "loop_rig.h"
#include "util/list.h"

static void test_current(void **state)
{
	assert_ptr_equal(loop_current(), loop);
	assert_true(!strcmp(loop_engine_name(loop), "io_uring") ||
		    !strcmp(loop_engine_name(loop), "epoll"));
}

/* From now on io_uring_setup(2) fails with this error, as under a container's seccomp profile. */
static bool forbid_io_uring(unsigned int code)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Without io_uring: asked for, it is refused in words; not asked for, it is epoll. */
static bool falls_back(unsigned int code)
{
	struct loop_options options = {.engine = LOOP_ENGINE_IO_URING};
	struct weft_error error = {0};
	struct loop *other;

	if (!forbid_io_uring(code) || loop_new(&other, &options, &error) != -(int)code ||
	    error.code != (int)code || !strstr(error.text, "io_uring"))
		return false;
	options.engine = LOOP_ENGINE_AUTO;
	if (loop_new(&other, &options, &error) || strcmp(loop_engine_name(other), "epoll") != 0)
		return false;
	loop_free(other);
	return true;
}

static void test_fall_back(void **state)
{
	static const unsigned int codes[] = {EPERM, ENOSYS};
	int status;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(!falls_back(codes[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* ---- timers ---- */

enum { TIMERS = 500 };

struct tick {
	struct loop_timer timer;
	unsigned int due;	/* ms */
};

static unsigned int fired, last_due;
static uint64_t begin;

static void fire(struct loop_timer *timer)
{
	struct tick *tick = container_of(timer, struct tick, timer);

	assert_true(tick->due >= last_due);
	assert_true(loop_now(loop) >= begin + tick->due * MS);
	last_due = tick->due;
	fired++;
}

/* They fire in order and not early; those that were stopped do not fire. */
static void test_timers(void **state)
{
	static struct tick ticks[TIMERS];

	fired = last_due = 0;
	begin = loop_now(loop);
	srandom(1);
	for (int i = 0; i < TIMERS; i++) {
		ticks[i].timer = (struct loop_timer){.fire = fire};
		ticks[i].due = (unsigned int)random() % 50;
		assert_int_equal(loop_timer_start(loop, &ticks[i].timer, 1000 * MS), 0);
	}
	for (int i = 0; i < TIMERS; i++)
		assert_int_equal(loop_timer_start(loop, &ticks[i].timer, ticks[i].due * MS), 0);
	for (int i = 0; i < TIMERS; i += 2)
		loop_timer_stop(loop, &ticks[i].timer);
	for (int i = 0; i < TIMERS; i += 4)
		loop_timer_stop(loop, &ticks[i].timer);
	assert_int_equal(fired, 0);
	rig_loop_for(60 * MS);
	assert_int_equal(fired, TIMERS / 2);
}

static void fire_again(struct loop_timer *timer)
{
	if (++fired < 10)
		assert_int_equal(loop_timer_start(loop, timer, 0), 0);
	else
		loop_stop(loop);
}

static void test_timer_again(void **state)
{
	struct loop_timer timer = {.fire = fire_again};

	fired = 0;
	assert_int_equal(loop_timer_start(loop, &timer, 0), 0);
	rig_loop();
	assert_int_equal(fired, 10);
	assert_int_equal(timer.slot, 0);
}

/* A loop with nothing to do sleeps. */
static void test_idle(void **state)
{
	struct rusage before, after;

	rig_loop_for(10 * MS);
	getrusage(RUSAGE_THREAD, &before);
	rig_loop_for(300 * MS);
	getrusage(RUSAGE_THREAD, &after);
	assert_true(after.ru_nvcsw - before.ru_nvcsw <= 3);
}

/* ---- tasks ---- */

static char order[64];

static void task_a(struct loop_task *task)
{
	strcat(order, "a");
}

static struct loop_task second;

static void task_b(struct loop_task *task)
{
	strcat(order, "b");
	if (strlen(order) < 6)
		loop_defer(loop, task);
	else
		loop_stop(loop);
}

static void task_c(struct loop_task *task)
{
	strcat(order, "c");
	list_del(&second.node);
}

static void test_tasks(void **state)
{
	struct loop_task a, b, c;

	order[0] = 0;
	loop_task_init(&a, task_a);
	loop_task_init(&b, task_b);
	loop_task_init(&c, task_c);
	loop_task_init(&second, task_a);
	loop_defer(loop, &b);
	loop_defer(loop, &a);
	loop_defer(loop, &b);
	loop_defer(loop, &c);
	loop_defer(loop, &second);
	assert_string_equal(order, "");
	rig_loop();
	assert_string_equal(order, "bacbbb");
}

/* ---- messages ---- */

enum { SENDERS = 4, MESSAGES = 20000 };

struct note {
	struct loop_message message;
	unsigned int sender, number;
};

static unsigned int next_number[SENDERS], notes_seen;
static bool in_order;
static struct note notes[SENDERS][MESSAGES];

static void note_run(struct loop_message *message)
{
	struct note *note = container_of(message, struct note, message);

	in_order = in_order && note->number == next_number[note->sender]++;
	if (++notes_seen == SENDERS * MESSAGES)
		loop_stop(loop);
}

static void *post_all(void *arg)
{
	struct note *own = arg;

	for (unsigned int i = 0; i < MESSAGES; i++) {
		own[i].number = i;
		own[i].message.run = note_run;
		loop_post(loop, &own[i].message);
		if (i % 1000 == 0)
			usleep(500);
	}
	return NULL;
}

static void test_messages(void **state)
{
	pthread_t threads[SENDERS];

	memset(next_number, 0, sizeof(next_number));
	notes_seen = 0;
	in_order = true;
	for (unsigned int i = 0; i < SENDERS; i++) {
		for (unsigned int j = 0; j < MESSAGES; j++)
			notes[i][j].sender = i;
		assert_int_equal(pthread_create(&threads[i], NULL, post_all, notes[i]), 0);
	}
	rig_loop();
	for (unsigned int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	assert_true(in_order);
	assert_int_equal(notes_seen, SENDERS * MESSAGES);
}

/* Two loops on two threads pass one message to and fro, so that each sleeps in between. */
struct ball {
	struct loop_message message;
	struct loop *loops[2];
	unsigned int passes;
};

static void ball_run(struct loop_message *message)
{
	struct ball *ball = container_of(message, struct ball, message);

	if (++ball->passes > 2000) {
		loop_stop(ball->loops[0]);
		loop_stop(ball->loops[1]);
	} else {
		loop_post(ball->loops[loop_current() == ball->loops[0]], message);
	}
}

static enum loop_engine engine_here(void)
{
	return loop_engine_name(loop)[0] == 'e' ? LOOP_ENGINE_EPOLL : LOOP_ENGINE_IO_URING;
}

static void *other_run(void *arg)
{
	struct ball *ball = arg;
	struct loop_options options = {.engine = engine_here()};

	if (loop_new(&ball->loops[1], &options, NULL))
		abort();
	loop_post(loop, &ball->message);
	if (loop_run(ball->loops[1]))
		abort();
	return NULL;
}

static void test_two_loops(void **state)
{
	struct ball ball = {.loops = {loop}, .message.run = ball_run};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, other_run, &ball), 0);
	rig_loop();
	pthread_join(thread, NULL);
	loop_free(ball.loops[1]);
	assert_int_equal(ball.passes, 2001);
}

static void *stop_soon(void *arg)
{
	usleep(20000);
	loop_stop(loop);
	return NULL;
}

static void test_stop_from_thread(void **state)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
	rig_loop();
	pthread_join(thread, NULL);
}

/* Polling finds messages, timers and the end as sleeping does. */
static void test_polling(void **state)
{
	rig_again((struct loop_options){.poll_us = 2000});
	test_messages(state);
	test_timers(state);
	test_two_loops(state);
	test_stop_from_thread(state);
}

/* ---- workers ---- */

static atomic_uint busy, most_busy;
static unsigned int works_done;

static int work(struct loop_op *op)
{
	unsigned int now = atomic_fetch_add(&busy, 1) + 1;

	if (now > atomic_load(&most_busy))
		atomic_store(&most_busy, now);
	usleep(2000);
	atomic_fetch_sub(&busy, 1);
	return loop_current() ? -1 : 42;
}

static void work_done(struct loop_op *op, int result)
{
	assert_ptr_equal(loop_current(), loop);
	assert_int_equal(result, 42);
	if (++works_done == 40)
		loop_stop(loop);
}

static void test_workers(void **state)
{
	static struct loop_op ops[40];

	works_done = 0;
	atomic_store(&most_busy, 0);
	for (int i = 0; i < 40; i++) {
		ops[i].done = work_done;
		loop_op_work(loop, &ops[i], -1, work);
	}
	assert_int_equal(works_done, 0);
	rig_loop();
	assert_int_equal(works_done, 40);
	assert_in_range(atomic_load(&most_busy), 2, 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		rig_test(test_current),
		rig_test(test_fall_back),
		rig_test(test_timers),
		rig_test(test_timer_again),
		rig_test(test_idle),
		rig_test(test_tasks),
		rig_test(test_messages),
		rig_test(test_two_loops),
		rig_test(test_stop_from_thread),
		rig_test(test_polling),
		rig_test(test_workers),
	};

	return rig_run("the loop", tests);
}
