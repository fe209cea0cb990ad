/* SPDX-License-Identifier: BSD-3-Clause */
/* Abort: of what waits, of what executes, of what is not there; on this reactor and another. */
#include <string.h>

#include "loop/buffer.h"
#include "target/queue/queue.h"
#include "target_rig.h"

static struct host host;

static int setup(void **state)
{
	int r = rig_setup(state);

	if (r == 0)
		host_open(&host, 0, PORT_BOTH, NQN_A, HOST_ANY);
	return r;
}

static int teardown(void **state)
{
	host_close(&host);
	return rig_teardown(state);
}

#define abort_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static struct inprocess_command abort_of(uint16_t sqid, uint16_t cid)
{
	return command(NVME_ADMIN_ABORT, 0, sqid | (uint32_t)cid << 16, 0);
}

static uint16_t cid_of(const struct inprocess_command *cmd)
{
	return le16_get(cmd->sqe.cid);
}

/* Runs an Abort, which must succeed; was the command aborted? */
static bool aborted(uint16_t sqid, uint16_t cid)
{
	struct inprocess_command cmd = abort_of(sqid, cid);

	host_ok(&host, &cmd);
	return !(le32_get(cmd.cqe.dw0) & NVME_ABORT_NOT_ABORTED);
}

/* A write whose data is asked for, and does not come until the test sends it. */
static struct inprocess_command withheld_write(const void *data, uint32_t length)
{
	struct inprocess_command cmd = command(NVME_CMD_WRITE, 1, 0, 0);

	cmd.sqe.cdw12 = le32_of(length / 512 - 1);
	command_sends(&cmd, data, length, false);
	cmd.withhold = true;
	return cmd;
}

static void test_event_request(void **state)
{
	struct inprocess_command held[2], more[CONTROLLER_AER_MAX - 1];

	for (unsigned int i = 0; i < 2; i++) {
		held[i] = command(NVME_ADMIN_ASYNC_EVENT, 0, 0, 0);
		host_send(&host, &held[i]);
	}
	assert_true(aborted(0, cid_of(&held[0])));
	assert_int_equal(host_wait(&host, &held[0]), NVME_SC_ABORT_REQ);
	assert_int_equal(inprocess_state(host.conn, &held[1]), INPROCESS_SENT);
	for (unsigned int i = 0; i < CONTROLLER_AER_MAX - 1; i++) {
		more[i] = command(NVME_ADMIN_ASYNC_EVENT, 0, 0, 0);
		host_send(&host, &more[i]);
		assert_int_equal(inprocess_state(host.conn, &more[i]), INPROCESS_SENT);
	}
	assert_false(aborted(0, cid_of(&held[0])));
	host_close(&host);
	host_open(&host, 0, PORT_BOTH, NQN_A, HOST_ANY);
}

static void test_nothing_there(void **state)
{
	struct inprocess_command cmd = abort_of(0, 0);

	/* itself: the next CID of this host */
	cmd.sqe.cdw10 = le32_of((uint32_t)(host.cid + 1) << 16);
	host_ok(&host, &cmd);
	assert_int_equal(le32_get(cmd.cqe.dw0), NVME_ABORT_NOT_ABORTED);
	assert_false(aborted(0, 0x4242));
	assert_false(aborted(1, 1));
	assert_false(aborted(CONTROLLER_QUEUES_MAX, 1));
	assert_false(aborted(CONTROLLER_QUEUES_MAX + 1, 1));
	assert_false(aborted(0xffff, 1));
}

static void test_executing(unsigned int reactor)
{
	struct inprocess_command read = command(NVME_CMD_READ, 1, 0, 0);
	uint8_t bytes[512];
	struct host io;

	host_open_io(&io, &host, reactor, 1, NQN_A);
	rig_stall(true);
	command_reads(&read, bytes, sizeof(bytes));
	host_send(&io, &read);
	rig_wait_stalled(1);
	assert_true(aborted(1, cid_of(&read)));
	assert_int_equal(host_wait(&io, &read), NVME_SC_ABORT_REQ);
	/* it is over, although the backend has it */
	assert_false(aborted(1, cid_of(&read)));
	rig_stall(false);
	host_ok(&io, &read);
	host_close(&io);
}

/*
 * The queue holds as many commands as ever while aborted ones are with the
 * backend; when there are no more spares, an Abort has no effect.
 */
static void test_abandoned(void **state)
{
	struct inprocess_command reads[31 + QUEUE_SPARES];
	static uint8_t bytes[31 + QUEUE_SPARES][512];
	unsigned int total = 31 + QUEUE_SPARES;
	struct host io;

	host_open_io(&io, &host, 1, 1, NQN_A);
	rig_stall(true);
	for (unsigned int i = 0; i < total; i++) {
		reads[i] = command(NVME_CMD_READ, 1, 0, 0);
		command_reads(&reads[i], bytes[i], sizeof(bytes[i]));
		host_send(&io, &reads[i]);
		rig_wait_stalled(i + 1);
		if (i < QUEUE_SPARES) {
			assert_true(aborted(1, cid_of(&reads[i])));
			assert_int_equal(host_wait(&io, &reads[i]), NVME_SC_ABORT_REQ);
		}
	}
	assert_false(aborted(1, cid_of(&reads[total - 1])));
	rig_stall(false);
	for (unsigned int i = QUEUE_SPARES; i < total; i++)
		assert_int_equal(host_wait(&io, &reads[i]), NVME_SC_SUCCESS);
	/* the spares are back */
	rig_stall(true);
	host_send(&io, &reads[0]);
	rig_wait_stalled(1);
	assert_true(aborted(1, cid_of(&reads[0])));
	rig_stall(false);
	host_close(&io);
}

static void test_executing_here(void **state)
{
	test_executing(0);
}

static void test_executing_elsewhere(void **state)
{
	test_executing(1);
}

/* It ends when the data that is on its way has come, and the Abort after it. */
static void test_waiting_for_data(unsigned int reactor)
{
	static uint8_t bytes[1 << 16], found[512];
	struct inprocess_command write, abort, read = command(NVME_CMD_READ, 1, 0, 0);
	struct host io;

	memset(bytes, 0xa5, sizeof(bytes));
	host_open_io(&io, &host, reactor, 1, NQN_A);
	write = withheld_write(bytes, sizeof(bytes));
	host_send(&io, &write);
	assert_int_equal(inprocess_state(io.conn, &write), INPROCESS_ASKED);
	abort = abort_of(1, cid_of(&write));
	host_send(&host, &abort);
	/* a second one for the same command has nothing left to do */
	assert_false(aborted(1, cid_of(&write)));
	assert_int_equal(inprocess_state(host.conn, &abort), INPROCESS_SENT);
	assert_int_equal(inprocess_state(io.conn, &write), INPROCESS_ASKED);
	inprocess_send_data(io.conn, &write);
	assert_int_equal(host_wait(&io, &write), NVME_SC_ABORT_REQ);
	assert_int_equal(host_wait(&host, &abort), NVME_SC_SUCCESS);
	assert_int_equal(le32_get(abort.cqe.dw0), 0);
	command_reads(&read, found, sizeof(found));
	host_ok(&io, &read);
	assert_int_equal(found[0], 0);
	host_close(&io);
}

static void test_waiting_for_data_here(void **state)
{
	test_waiting_for_data(0);
}

static void test_waiting_for_data_elsewhere(void **state)
{
	test_waiting_for_data(1);
}

/* The connection of the command ends: so does the Abort. */
static void test_queue_ends(unsigned int reactor)
{
	static uint8_t bytes[1 << 16];
	struct inprocess_command write, abort;
	struct host io;

	host_open_io(&io, &host, reactor, 1, NQN_A);
	write = withheld_write(bytes, sizeof(bytes));
	host_send(&io, &write);
	abort = abort_of(1, cid_of(&write));
	host_send(&host, &abort);
	host_close(&io);
	assert_int_equal(host_wait(&host, &abort), NVME_SC_SUCCESS);
	assert_int_equal(write.state, INPROCESS_LOST);
}

static void test_queue_ends_here(void **state)
{
	test_queue_ends(0);
}

static void test_queue_ends_elsewhere(void **state)
{
	test_queue_ends(1);
}

/* The connection of the Abort ends while it waits: nothing is completed twice or too late. */
static void test_admin_queue_ends(void **state)
{
	static uint8_t bytes[1 << 16];
	struct inprocess_command write[2], abort[2];
	struct host io;

	host_open_io(&io, &host, 1, 1, NQN_A);
	for (unsigned int i = 0; i < 2; i++) {
		write[i] = withheld_write(bytes, sizeof(bytes));
		host_send(&io, &write[i]);
		abort[i] = abort_of(1, cid_of(&write[i]));
		host_send(&host, &abort[i]);
	}
	host_close(&host);
	assert_int_equal(abort[0].state, INPROCESS_LOST);
	assert_true(inprocess_wait_closed(io.conn, 5000));
	host_close(&io);
	host_open(&host, 0, PORT_BOTH, NQN_A, HOST_ANY);
}

#define BIG (2u << 20)		/* bytes of a read, as much as MDTS 9 allows */
#define QUEUES 4		/* of 32 entries: all their reads take 256 MiB, a host has 64 */
#define READS 31		/* of one queue */

/* Buffers are limited: what waits for one has not begun, and is aborted at once. */
static void test_waiting_for_buffer(void **state)
{
	static struct inprocess_command read[QUEUES + 1][READS];
	struct host io[QUEUES + 1];
	struct view *view = rig_view();
	unsigned int kept = LOOP_BUFFER_LIMIT_DEFAULT / LIMITS_HOST_BUFFERS_SHARE / BIG;

	view_find_port(view, PORT_BOTH)->mdts = 9;
	view_find_subsystem(view, NQN_A)->qid_max = QUEUES + 1;
	rig_publish(view);
	rig_stall(true);
	for (unsigned int q = 0; q <= QUEUES; q++) {
		host_open_io(&io[q], &host, 1, (uint16_t)(q + 1), NQN_A);
		for (unsigned int i = 0; i < READS; i++) {
			read[q][i] = command(NVME_CMD_READ, 1, 0, 0);
			read[q][i].sqe.cdw12 = le32_of(BIG / 512 - 1);
			command_reads(&read[q][i], NULL, 0);
			read[q][i].sqe.sgl.length = le32_of(BIG);
			host_send(&io[q], &read[q][i]);
		}
	}
	rig_wait_stalled(kept);
	/* 5 * 31 = 155 reads, of which 32 execute and 123 wait: those */
	for (unsigned int i = 10; i < READS; i++) {
		assert_true(aborted(QUEUES + 1, cid_of(&read[QUEUES][i])));
		assert_int_equal(host_wait(&io[QUEUES], &read[QUEUES][i]), NVME_SC_ABORT_REQ);
	}
	rig_stall(false);
	for (unsigned int q = 0; q <= QUEUES; q++) {
		for (unsigned int i = 0; i < (q < QUEUES ? READS : 10); i++)
			assert_int_equal(host_wait(&io[q], &read[q][i]), NVME_SC_SUCCESS);
		host_close(&io[q]);
	}
}

static void test_limit(void **state)
{
	static uint8_t bytes[1 << 16];
	struct inprocess_command write[CONTROLLER_ABORT_MAX + 1], abort[CONTROLLER_ABORT_MAX + 1];
	struct host io;

	host_open_io(&io, &host, 1, 1, NQN_A);
	for (unsigned int i = 0; i < CONTROLLER_ABORT_MAX + 1; i++) {
		write[i] = withheld_write(bytes, sizeof(bytes));
		host_send(&io, &write[i]);
		abort[i] = abort_of(1, cid_of(&write[i]));
	}
	for (unsigned int i = 0; i < CONTROLLER_ABORT_MAX; i++)
		host_send(&host, &abort[i]);
	assert_int_equal(host_run(&host, &abort[CONTROLLER_ABORT_MAX]), NVME_SC_ABORT_LIMIT);
	for (unsigned int i = 0; i < CONTROLLER_ABORT_MAX + 1; i++)
		inprocess_send_data(io.conn, &write[i]);
	for (unsigned int i = 0; i < CONTROLLER_ABORT_MAX; i++) {
		assert_int_equal(host_wait(&host, &abort[i]), NVME_SC_SUCCESS);
		assert_int_equal(host_wait(&io, &write[i]), NVME_SC_ABORT_REQ);
	}
	assert_int_equal(host_wait(&io, &write[CONTROLLER_ABORT_MAX]), NVME_SC_SUCCESS);
	for (unsigned int i = 0; i < 2 * CONTROLLER_ABORT_MAX; i++)
		assert_false(aborted(1, 0x4242));
	host_close(&io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		abort_test(test_event_request),
		abort_test(test_nothing_there),
		abort_test(test_executing_here),
		abort_test(test_executing_elsewhere),
		abort_test(test_abandoned),
		abort_test(test_waiting_for_data_here),
		abort_test(test_waiting_for_data_elsewhere),
		abort_test(test_queue_ends_here),
		abort_test(test_queue_ends_elsewhere),
		abort_test(test_admin_queue_ends),
		abort_test(test_waiting_for_buffer),
		abort_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
