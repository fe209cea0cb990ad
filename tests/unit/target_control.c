/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to the control thread (control_request.h), which is the test's here: each comes
 * back once, on its reactor, whatever becomes of its queue meanwhile. Their first user: the
 * answer to a flush that failed.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "target/base/control_request.h"
#include "target/base/reactor.h"
#include "target/queue/queue.h"
#include "target_rig.h"

#define REQUESTS 500
#define POSTERS 3

/* What reactors asked for, to be answered by the test. */
static struct {
	struct control_request *asked[REQUESTS * POSTERS];
	unsigned int count;
	bool at_the_end;	/* target_stop() is to answer */
} asked;

static void answer_all(int result)
{
	for (unsigned int i = 0; i < asked.count; i++)
		control_request_answer(asked.asked[i], result);
	asked.count = 0;
}

static void flush_failed(struct control_request *request, struct namespace *ns, void *context)
{
	assert_ptr_equal(context, &asked);
	assert_ptr_equal(ns, rig.ns[0]);
	asked.asked[asked.count++] = request;
}

static void progress(void *context)
{
	if (asked.at_the_end)
		answer_all(0);
}

static const struct control_ops ops = { .flush_failed = flush_failed, .progress = progress };

static int setup(void **state)
{
	int r = rig_setup(state);

	asked.count = 0;
	asked.at_the_end = false;
	rig.target->control_context = &asked;
	rig.target->control = &ops;
	return r;
}

#define control_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

/* Waits until something was posted, and runs it. */
static void run_inbox(void)
{
	struct pollfd pollfd = { .fd = rig.target->inbox.fd, .events = POLLIN };

	assert_int_equal(poll(&pollfd, 1, 10000), 1);
	control_inbox_run(&rig.target->inbox);
}

static void open_both(struct host *admin, struct host *io)
{
	host_open(admin, 0, PORT_BOTH, NQN_A, HOST_ANY);
	host_open_io(io, admin, 1, 1, NQN_A);
}

static struct inprocess_command flush(void)
{
	return command(NVME_CMD_FLUSH, 1, 0, 0);
}

static void send_failing(struct host *io, struct inprocess_command *cmd)
{
	*cmd = flush();
	namespace_flush_failed(rig.ns[0], EIO);
	host_send(io, cmd);
	run_inbox();
	assert_int_equal(asked.count, 1);
	assert_int_equal(inprocess_state(io->conn, cmd), INPROCESS_SENT);
}

/* ---- the answer of a failed flush ---- */

static void host_is_told_when_it_is_stored(void **state)
{
	struct inprocess_command cmd;
	struct host admin, io;

	open_both(&admin, &io);
	send_failing(&io, &cmd);
	answer_all(0);
	assert_int_equal(host_wait(&io, &cmd), NVME_SC_WRITE_FAULT);
	/* from now on it is known: nobody is asked */
	cmd = flush();
	assert_int_equal(host_run(&io, &cmd), NVME_SC_WRITE_FAULT);
	host_close(&io);
	host_close(&admin);
}

static void host_is_told_where_it_cannot_be_stored(void **state)
{
	struct inprocess_command cmd;
	struct host admin, io;

	open_both(&admin, &io);
	send_failing(&io, &cmd);
	answer_all(-ENOSPC);
	assert_int_equal(host_wait(&io, &cmd), NVME_SC_WRITE_FAULT);
	host_close(&io);
	host_close(&admin);
}

static void other_commands_go_on(void **state)
{
	struct inprocess_command cmd, other = command(NVME_CMD_WRITE_ZEROES, 1, 0, 0);
	struct host admin, io;

	open_both(&admin, &io);
	send_failing(&io, &cmd);
	host_ok(&io, &other);
	answer_all(0);
	assert_int_equal(host_wait(&io, &cmd), NVME_SC_WRITE_FAULT);
	host_close(&io);
	host_close(&admin);
}

static void aborted_meanwhile(void **state)
{
	struct inprocess_command cmd, abort;
	struct host admin, io;

	open_both(&admin, &io);
	send_failing(&io, &cmd);
	abort = command(NVME_ADMIN_ABORT, 0, 1 | (uint32_t)le16_get(cmd.sqe.cid) << 16, 0);
	host_ok(&admin, &abort);
	assert_int_equal(host_wait(&io, &cmd), NVME_SC_ABORT_REQ);
	answer_all(0);
	/* the request is the queue's again */
	for (int i = 0; i < 64; i++) {
		cmd = flush();
		assert_int_equal(host_run(&io, &cmd), NVME_SC_WRITE_FAULT);
	}
	host_close(&io);
	host_close(&admin);
}

static void *close_host(void *arg)
{
	host_close(arg);
	return NULL;
}

struct look {
	unsigned int queues, closed;
};

static void look_at(struct reactor *reactor, void *arg)
{
	struct look *look = arg;

	list_for_each(node, &reactor->queues) {
		look->queues++;
		look->closed += list_entry(node, struct queue, node)->phase == QUEUE_CLOSED;
	}
}

static struct look look(unsigned int reactor)
{
	struct look seen = { 0 };

	reactor_call(rig.target->reactors[reactor], look_at, &seen);
	return seen;
}

/* The connection ends: what waits keeps its queue until the answer has come. */
static void connection_ends_meanwhile(void **state)
{
	struct inprocess_command cmd;
	struct host admin, io;
	pthread_t closer;

	open_both(&admin, &io);
	send_failing(&io, &cmd);
	assert_int_equal(pthread_create(&closer, NULL, close_host, &io), 0);
	while (!look(1).closed)
		sched_yield();
	assert_int_equal(look(1).queues, 1);
	answer_all(0);
	assert_int_equal(pthread_join(closer, NULL), 0);
	assert_true(namespace_idle(rig.ns[0]));
	host_close(&admin);
}

static struct host ending;
static pthread_t ending_closer;

static int teardown_ending(void **state)
{
	int r = rig_teardown(state);

	pthread_join(ending_closer, NULL);
	return r;
}

/* target_stop(), of the teardown, runs what is posted and waits for the answer. */
static void daemon_ends_meanwhile(void **state)
{
	static struct inprocess_command cmd;
	struct host admin;

	open_both(&admin, &ending);
	namespace_flush_failed(rig.ns[0], EIO);
	cmd = flush();
	host_send(&ending, &cmd);
	assert_int_equal(pthread_create(&ending_closer, NULL, close_host, &ending), 0);
	while (!look(1).closed)
		sched_yield();
	host_close(&admin);
	assert_int_equal(asked.count, 0);
	asked.at_the_end = true;
}

/* ---- any request ---- */

struct test_request {
	struct control_request control;
	int number;
	_Atomic int done;
};

static _Atomic int ran, came_back;

static void run(struct control_request *control)
{
	asked.asked[asked.count++] = control;
	atomic_fetch_add(&ran, 1);
}

static void done(struct control_request *control, int result)
{
	struct test_request *request = container_of(control, struct test_request, control);

	if (reactor_current() == control->reactor && result == -request->number)
		atomic_fetch_add(&request->done, 1);
	atomic_fetch_add(&came_back, 1);
}

struct poster {
	pthread_t thread;
	struct test_request requests[REQUESTS];
};

static void *post_all(void *arg)
{
	struct poster *poster = arg;

	for (int i = 0; i < REQUESTS; i++)
		control_request_post(rig.target, &poster->requests[i].control);
	return NULL;
}

/* From several threads: each once, those of one thread in their order. */
static void each_comes_back_once(void **state)
{
	static struct poster posters[POSTERS];
	int last[POSTERS] = { 0 };

	atomic_store(&ran, 0);
	atomic_store(&came_back, 0);
	for (int i = 0; i < POSTERS; i++) {
		for (int j = 0; j < REQUESTS; j++)
			posters[i].requests[j] = (struct test_request){
				.control = { .reactor = rig.target->reactors[j % 2], .run = run,
					     .done = done },
				.number = j + 1,
			};
		assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]),
				 0);
	}
	while (atomic_load(&ran) < POSTERS * REQUESTS)
		run_inbox();
	for (int i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
	for (unsigned int i = 0; i < asked.count; i++) {
		struct test_request *request =
			container_of(asked.asked[i], struct test_request, control);
		long poster = ((char *)request - (char *)posters) / (long)sizeof(posters[0]);

		assert_int_equal(request->number, last[poster] + 1);
		last[poster] = request->number;
		control_request_answer(&request->control, -request->number);
	}
	asked.count = 0;
	while (atomic_load(&came_back) < POSTERS * REQUESTS)
		sched_yield();
	for (int i = 0; i < POSTERS; i++)
		for (int j = 0; j < REQUESTS; j++)
			assert_int_equal(atomic_load(&posters[i].requests[j].done), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		control_test(host_is_told_when_it_is_stored),
		control_test(host_is_told_where_it_cannot_be_stored),
		control_test(other_commands_go_on),
		control_test(aborted_meanwhile),
		control_test(connection_ends_meanwhile),
		cmocka_unit_test_setup_teardown(daemon_ends_meanwhile, setup, teardown_ending),
		control_test(each_comes_back_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
