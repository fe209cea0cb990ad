/* SPDX-License-Identifier: BSD-3-Clause */
/* The NVM command set over the in-process transport, and the view changing under it. */
#include <stdlib.h>
#include <string.h>

#include "target_rig.h"

#define AT(field) offsetof(struct nvme_sqe, field)

static struct host host, io;

static int setup(void **state)
{
	int r = rig_setup(state);

	if (r == 0) {
		host_open(&host, 0, PORT_BOTH, NQN_A, HOST_ANY);
		host_open_io(&io, &host, 1, 1, NQN_A);
	}
	return r;
}

static int teardown(void **state)
{
	host_close(&io);
	host_close(&host);
	return rig_teardown(state);
}

#define io_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static struct inprocess_command rw(uint8_t opcode, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	struct inprocess_command cmd = command(opcode, nsid, (uint32_t)slba,
					       (uint32_t)(slba >> 32));

	cmd.sqe.cdw12 = le32_of(nlb - 1);
	return cmd;
}

static struct inprocess_command read_cmd(uint32_t nsid, uint64_t slba, void *buffer, uint32_t size)
{
	struct inprocess_command cmd = rw(NVME_CMD_READ, nsid, slba, size / 512);

	command_reads(&cmd, buffer, size);
	return cmd;
}

static struct inprocess_command write_cmd(uint32_t nsid, uint64_t slba, const void *data,
					  uint32_t length, bool in_capsule)
{
	struct inprocess_command cmd = rw(NVME_CMD_WRITE, nsid, slba, length / 512);

	command_sends(&cmd, data, length, in_capsule);
	return cmd;
}

/* Runs it, which must fail so; the error log knows by which byte. */
static void refused(struct inprocess_command *cmd, uint16_t sc, uint16_t location)
{
	struct nvme_log_error entry;

	assert_int_equal(host_run(&io, cmd), sc);
	host_peek_log(&host, NVME_LOG_ERROR, &entry, sizeof(entry));
	assert_int_equal(le16_get(entry.sqid), 1);
	assert_int_equal(le16_get(entry.cid), le16_get(cmd->sqe.cid));
	assert_int_equal(le16_get(entry.peloc), location);
}

static void assert_filled(uint32_t nsid, uint64_t slba, uint8_t byte)
{
	uint8_t found[512];
	struct inprocess_command cmd = read_cmd(nsid, slba, found, sizeof(found));

	host_ok(&io, &cmd);
	for (size_t i = 0; i < sizeof(found); i++)
		assert_int_equal(found[i], byte);
}

static void fill(uint32_t nsid, uint64_t slba, uint32_t blocks, uint8_t byte)
{
	static uint8_t bytes[1 << 16];
	struct inprocess_command cmd;

	memset(bytes, byte, sizeof(bytes));
	cmd = write_cmd(nsid, slba, bytes, blocks * 512, false);
	host_ok(&io, &cmd);
}

static void test_write_and_read(void **state)
{
	static uint8_t bytes[65536], found[65536];
	struct inprocess_command cmd;

	for (unsigned int in_capsule = 0; in_capsule < 2; in_capsule++) {
		uint32_t length = in_capsule ? RIG_INLINE : sizeof(bytes);

		for (size_t i = 0; i < length; i++)
			bytes[i] = (uint8_t)(i * 7 + in_capsule);
		cmd = write_cmd(1, 100, bytes, length, in_capsule);
		host_ok(&io, &cmd);
		memset(found, 0, sizeof(found));
		cmd = read_cmd(1, 100, found, length);
		host_ok(&io, &cmd);
		assert_int_equal(cmd.received, length);
		assert_memory_equal(found, bytes, length);
	}
	/* the last block, and a flush */
	fill(1, 16383, 1, 0x77);
	assert_filled(1, 16383, 0x77);
	cmd = command(NVME_CMD_FLUSH, 1, 0, 0);
	host_ok(&io, &cmd);
}

static void test_ranges(void **state)
{
	uint8_t bytes[4096] = { 0 };
	struct inprocess_command cmd;

	cmd = read_cmd(1, 16384, bytes, 512);
	refused(&cmd, NVME_SC_LBA_RANGE, AT(cdw10));
	cmd = read_cmd(1, 16383, bytes, 1024);
	refused(&cmd, NVME_SC_LBA_RANGE, AT(cdw10));
	cmd = read_cmd(1, UINT64_MAX, bytes, 1024);
	refused(&cmd, NVME_SC_LBA_RANGE, AT(cdw10));
	cmd = write_cmd(1, UINT64_MAX - 1, bytes, 1024, true);
	refused(&cmd, NVME_SC_LBA_RANGE, AT(cdw10));
	cmd = rw(NVME_CMD_WRITE_ZEROES, 1, 16384 - 65535, 65536);
	refused(&cmd, NVME_SC_LBA_RANGE, AT(cdw10));
	/* over MDTS */
	cmd = read_cmd(1, 0, bytes, (4096 << RIG_MDTS) + 512);
	refused(&cmd, NVME_SC_INVALID_FIELD, AT(cdw12));
	/* NLB and the data pointer disagree */
	cmd = read_cmd(1, 0, bytes, 1024);
	cmd.sqe.sgl.length = le32_of(512);
	refused(&cmd, NVME_SC_SGL_INVALID_DATA, AT(sgl.length));
}

static void test_namespaces(void **state)
{
	static const uint32_t nsids[] = { 0, 3, 1024, 1025, NVME_NSID_ALL };
	uint8_t bytes[4096] = { 0 };
	struct inprocess_command cmd;

	for (size_t i = 0; i < sizeof(nsids) / sizeof(nsids[0]); i++) {
		cmd = read_cmd(nsids[i], 0, bytes, 512);
		refused(&cmd, NVME_SC_INVALID_NS, AT(nsid));
		cmd = command(NVME_CMD_FLUSH, nsids[i], 0, 0);
		refused(&cmd, NVME_SC_INVALID_NS, AT(nsid));
	}
	cmd = rw(NVME_CMD_WRITE, 2, 0, 1);
	command_sends(&cmd, bytes, 4096, true);
	assert_int_equal(host_run(&io, &cmd), NVME_SC_NS_WRITE_PROTECTED);
	cmd = rw(NVME_CMD_READ, 2, 1023, 1);
	command_reads(&cmd, bytes, 4096);
	host_ok(&io, &cmd);
}

static void test_unknown_opcodes(void **state)
{
	for (unsigned int opcode = 0; opcode < 256; opcode++) {
		struct inprocess_command cmd = command((uint8_t)opcode, 1, 0, 0);

		switch (opcode) {
		case NVME_CMD_FLUSH:
		case NVME_CMD_WRITE:
		case NVME_CMD_READ:
		case NVME_CMD_WRITE_ZEROES:
		case NVME_CMD_DSM:
		case NVME_CMD_FABRICS:
			continue;
		}
		refused(&cmd, NVME_SC_INVALID_OPCODE, AT(opcode));
	}
}

static void test_fused(void **state)
{
	uint8_t bytes[512];

	for (uint8_t fuse = 1; fuse < 4; fuse++) {
		struct inprocess_command cmd = read_cmd(1, 0, bytes, 512);

		cmd.sqe.flags |= fuse;
		refused(&cmd, NVME_SC_INVALID_FIELD, AT(flags));
	}
}

static void test_write_zeroes(void **state)
{
	struct inprocess_command cmd = rw(NVME_CMD_WRITE_ZEROES, 1, 11, 100);

	for (unsigned int deallocate = 0; deallocate < 2; deallocate++) {
		fill(1, 0, 128, 0x5a);
		cmd.sqe.cdw12 = le32_of(99 | (deallocate ? NVME_RW_DEAC : 0));
		host_ok(&io, &cmd);
		assert_filled(1, 10, 0x5a);
		assert_filled(1, 11, 0);
		assert_filled(1, 110, 0);
		assert_filled(1, 111, 0x5a);
	}
}

static struct inprocess_command dsm(const struct nvme_dsm_range *ranges, unsigned int count)
{
	struct inprocess_command cmd = command(NVME_CMD_DSM, 1, count - 1, NVME_DSM_AD);

	command_sends(&cmd, ranges, count * (uint32_t)sizeof(*ranges), true);
	return cmd;
}

static void test_deallocate(void **state)
{
	struct nvme_dsm_range ranges[NVME_DSM_RANGES_MAX] = { 0 };
	struct inprocess_command cmd;

	fill(1, 0, 128, 0x5a);
	ranges[0].slba = le64_of(4);
	ranges[0].nlb = le32_of(2);
	/* ranges of no blocks are allowed */
	ranges[255].slba = le64_of(8);
	ranges[255].nlb = le32_of(1);
	cmd = dsm(ranges, 256);
	host_ok(&io, &cmd);
	assert_filled(1, 3, 0x5a);
	assert_filled(1, 4, 0);
	assert_filled(1, 5, 0);
	assert_filled(1, 6, 0x5a);
	assert_filled(1, 8, 0);
	ranges[0].slba = le64_of(16384);
	cmd = dsm(ranges, 1);
	refused(&cmd, NVME_SC_LBA_RANGE, AT(cdw10));
	/* hints without AD change nothing */
	ranges[0].slba = le64_of(6);
	cmd = dsm(ranges, 1);
	cmd.sqe.cdw11 = le32_of(NVME_DSM_IDR | NVME_DSM_IDW);
	host_ok(&io, &cmd);
	assert_filled(1, 6, 0x5a);
}

static void test_ana(void **state)
{
	static const struct {
		enum nvme_ana_state ana_state;
		uint16_t sc;
	} cases[] = {
		{ NVME_ANA_OPTIMIZED, NVME_SC_SUCCESS },
		{ NVME_ANA_NONOPTIMIZED, NVME_SC_SUCCESS },
		{ NVME_ANA_INACCESSIBLE, NVME_SC_ANA_INACCESSIBLE },
		{ NVME_ANA_PERSISTENT_LOSS, NVME_SC_ANA_PERSISTENT_LOSS },
		{ NVME_ANA_CHANGE, NVME_SC_ANA_TRANSITION },
	};
	uint8_t bytes[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inprocess_command cmd = read_cmd(1, 0, bytes, sizeof(bytes));
		struct view *view = rig_view();

		view_find_port(view, PORT_BOTH)->ana_states[1] = (uint8_t)cases[i].ana_state;
		rig_publish(view);
		assert_int_equal(host_run(&io, &cmd), cases[i].sc);
		/* another path may do: no Do Not Retry */
		assert_false(nvme_cqe_status(&cmd.cqe).v & NVME_STATUS_DNR);
	}
}

/* ---- the view changes while a command is under way ---- */

static struct inprocess_command start_withheld(const void *data, uint32_t length)
{
	struct inprocess_command cmd = write_cmd(1, 0, data, length, false);

	cmd.withhold = true;
	return cmd;
}

static void test_removed_before_the_data(void **state)
{
	static uint8_t bytes[65536];
	struct inprocess_command cmd = start_withheld(bytes, sizeof(bytes));
	struct view *view = rig_view();

	host_send(&io, &cmd);
	rig_remove_namespace(view, 1);
	rig_publish(view);
	inprocess_send_data(io.conn, &cmd);
	assert_int_equal(host_wait(&io, &cmd), NVME_SC_INVALID_NS);
}

static void test_shrunk_before_the_data(void **state)
{
	static uint8_t bytes[65536];
	struct inprocess_command cmd = start_withheld(bytes, sizeof(bytes));
	struct view *view = rig_view();

	host_send(&io, &cmd);
	view_find_namespace(view_find_subsystem(view, NQN_A), 1)->block_count = 64;
	rig_publish(view);
	inprocess_send_data(io.conn, &cmd);
	assert_int_equal(host_wait(&io, &cmd), NVME_SC_LBA_RANGE);
}

/* The data that was asked for is blocks of the size that was: it must not be taken for others. */
static void test_other_blocks_before_the_data(void **state)
{
	static uint8_t bytes[65536];
	struct inprocess_command cmd = start_withheld(bytes, sizeof(bytes));
	struct view *view = rig_view();
	struct view_namespace *ns = view_find_namespace(view_find_subsystem(view, NQN_A), 1);

	host_send(&io, &cmd);
	ns->block_shift = 12;
	ns->block_count >>= 3;
	rig_publish(view);
	inprocess_send_data(io.conn, &cmd);
	assert_int_equal(host_wait(&io, &cmd), NVME_SC_INVALID_NS);
}

static void test_executing_keeps_the_device(void **state)
{
	uint8_t bytes[512];
	struct inprocess_command cmd = read_cmd(1, 0, bytes, sizeof(bytes));
	struct view *view = rig_view();

	rig_stall(true);
	host_send(&io, &cmd);
	rig_wait_stalled(1);
	rig_remove_namespace(view, 1);
	rig_publish(view);
	assert_false(namespace_idle(rig.ns[0]));
	assert_true(namespace_idle(rig.ns[1]));
	rig_stall(false);
	assert_int_equal(host_wait(&io, &cmd), NVME_SC_SUCCESS);
	assert_true(namespace_idle(rig.ns[0]));
}

static void test_connection_ends_while_executing(void **state)
{
	static uint8_t bytes[512];
	struct inprocess_command cmd = read_cmd(1, 0, bytes, sizeof(bytes));

	rig_stall(true);
	host_send(&io, &cmd);
	rig_wait_stalled(1);
	host_close(&host); /* takes the I/O queue along */
	assert_true(inprocess_wait_closed(io.conn, 5000));
	assert_int_equal(inprocess_state(io.conn, &cmd), INPROCESS_LOST);
	assert_false(namespace_idle(rig.ns[0]));
	rig_stall(false);
	host_close(&io);
	assert_true(namespace_idle(rig.ns[0]));
	host_open(&host, 0, PORT_BOTH, NQN_A, HOST_ANY);
	host_open_io(&io, &host, 1, 1, NQN_A);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(test_write_and_read),
		io_test(test_ranges),
		io_test(test_namespaces),
		io_test(test_unknown_opcodes),
		io_test(test_fused),
		io_test(test_write_zeroes),
		io_test(test_deallocate),
		io_test(test_ana),
		io_test(test_removed_before_the_data),
		io_test(test_shrunk_before_the_data),
		io_test(test_other_blocks_before_the_data),
		io_test(test_executing_keeps_the_device),
		io_test(test_connection_ends_while_executing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
