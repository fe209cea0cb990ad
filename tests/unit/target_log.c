/* SPDX-License-Identifier: BSD-3-Clause */
/* Get Log Page: each page, reads by offset, and the first wrong values. */
#include <string.h>

#include "target_rig.h"

#define AT(field) offsetof(struct nvme_sqe, field)

static const struct {
	uint8_t lid;
	uint32_t size;
} pages[] = {
	{ NVME_LOG_SUPPORTED, 1024 }, { NVME_LOG_ERROR, 8192 }, { NVME_LOG_SMART, 512 },
	{ NVME_LOG_FIRMWARE, 512 }, { NVME_LOG_CHANGED_NS, 4096 }, { NVME_LOG_EFFECTS, 4096 },
	{ NVME_LOG_ANA, 92 }, { NVME_LOG_FEATURES, 1024 },
};
#define PAGES (sizeof(pages) / sizeof(pages[0]))

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

#define log_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static bool has_page(uint8_t lid)
{
	for (size_t i = 0; i < PAGES; i++)
		if (pages[i].lid == lid)
			return true;
	return false;
}

static void test_supported(void **state)
{
	struct nvme_log_supported page;

	host_peek_log(&host, NVME_LOG_SUPPORTED, &page, sizeof(page));
	for (unsigned int lid = 0; lid < 256; lid++) {
		uint8_t bytes[64];
		struct inprocess_command cmd = log_command((uint8_t)lid, bytes, sizeof(bytes));

		assert_int_equal(le32_get(page.lid[lid]), has_page((uint8_t)lid) ? 1 : 0);
		if (has_page((uint8_t)lid))
			host_ok(&host, &cmd);
		else
			host_refused(&host, &cmd, NVME_SC_INVALID_LOG_PAGE, AT(cdw10));
	}
}

static struct inprocess_command log_at(uint8_t lid, uint64_t offset, void *buffer, uint32_t size)
{
	struct inprocess_command cmd = log_command(lid, buffer, size);

	cmd.sqe.cdw12 = le32_of((uint32_t)offset);
	cmd.sqe.cdw13 = le32_of((uint32_t)(offset >> 32));
	return cmd;
}

static void test_offsets(void **state)
{
	uint8_t whole[8192], part[8192];
	static const uint64_t beyond[] = { 4, 1 << 20, UINT64_C(1) << 32, UINT64_C(1) << 63 };

	for (size_t i = 0; i < PAGES; i++) {
		uint8_t lid = pages[i].lid;
		uint32_t size = pages[i].size;
		struct inprocess_command cmd;

		host_peek_log(&host, lid, whole, size);
		for (uint32_t at = 0; at < size; at += 4) {
			if (at > 64 && at < size - 64)
				continue;
			cmd = log_at(lid, at, part, size - at);
			host_ok(&host, &cmd);
			assert_memory_equal(part, whole + at, size - at);
		}
		/* where the page ends there is nothing, and nothing wrong */
		cmd = log_at(lid, size, part, 8);
		host_ok(&host, &cmd);
		assert_memory_equal(part, "\0\0\0\0\0\0\0\0", 8);
		for (size_t j = 0; j < sizeof(beyond) / sizeof(beyond[0]); j++) {
			cmd = log_at(lid, size + beyond[j], part, 64);
			host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw12));
		}
		for (uint32_t at = 1; at < 4; at++) {
			cmd = log_at(lid, at, part, 64);
			host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw12));
		}
	}
}

static void test_longer_than_the_page(void **state)
{
	uint8_t bytes[4096];

	memset(bytes, 0xa5, sizeof(bytes));
	host_peek_log(&host, NVME_LOG_SMART, bytes, sizeof(bytes));
	for (size_t i = 512; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 0);
}

static void test_wrong_lengths(void **state)
{
	uint8_t bytes[1024];
	struct inprocess_command cmd = log_command(NVME_LOG_SMART, bytes, 512);

	cmd.sqe.sgl.length = le32_of(1024);
	host_refused(&host, &cmd, NVME_SC_SGL_INVALID_DATA, AT(sgl.length));
	cmd.sqe.sgl.length = le32_of(256);
	host_refused(&host, &cmd, NVME_SC_SGL_INVALID_DATA, AT(sgl.length));
	/* over MDTS: 128 KiB here; and NUMD as large as it goes, 16 GiB */
	cmd = log_command(NVME_LOG_SMART, bytes, (4096 << RIG_MDTS) + 4);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw10) + 2);
	cmd = log_command(NVME_LOG_SMART, bytes, 0);
	cmd.sqe.cdw11 = le32_of(0xffff);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw10) + 2);
}

static void test_unsupported_fields(void **state)
{
	uint8_t bytes[512];
	struct inprocess_command cmd;

	/* LSP, a UUID index, a command set: not of this page */
	cmd = log_command(NVME_LOG_SMART, bytes, 512);
	cmd.sqe.cdw10 = le32_of(le32_get(cmd.sqe.cdw10) | NVME_LOG_LSP_MASK << NVME_LOG_LSP_SHIFT);
	cmd.sqe.cdw14 = le32_of((uint32_t)NVME_CSI_KV << 24 | 0x7f);
	host_ok(&host, &cmd);
	cmd.sqe.cdw14 = le32_of(NVME_LOG_OT);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw14) + 2);
	cmd = log_command(NVME_LOG_EFFECTS, bytes, 512);
	cmd.sqe.cdw14 = le32_of((uint32_t)NVME_CSI_KV << 24);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw14) + 3);
}

/* ---- 01h ---- */

static void test_errors(void **state)
{
	struct nvme_log_error page[CONTROLLER_ERROR_LOG];
	uint16_t cids[CONTROLLER_ERROR_LOG + 10];

	host_peek_log(&host, NVME_LOG_ERROR, page, sizeof(page));
	assert_int_equal(le64_get(page[0].ecount), 0);
	for (size_t i = 0; i < CONTROLLER_ERROR_LOG + 10; i++) {
		struct inprocess_command cmd = command(0x7d, 0x11223344, 0, 0);

		assert_int_equal(host_run(&host, &cmd), NVME_SC_INVALID_OPCODE);
		cids[i] = le16_get(cmd.sqe.cid);
	}
	host_peek_log(&host, NVME_LOG_ERROR, page, sizeof(page));
	for (size_t i = 0; i < CONTROLLER_ERROR_LOG; i++) {
		size_t number = CONTROLLER_ERROR_LOG + 10 - i;

		assert_int_equal(le64_get(page[i].ecount), number);
		assert_int_equal(le16_get(page[i].cid), cids[number - 1]);
		assert_int_equal(le16_get(page[i].sqid), 0);
		assert_int_equal(le16_get(page[i].status),
				 (NVME_SC_INVALID_OPCODE | NVME_STATUS_DNR) << 1);
		assert_int_equal(le16_get(page[i].peloc), 0);
		assert_int_equal(le32_get(page[i].nsid), 0x11223344);
		assert_int_equal(page[i].opc, 0x7d);
		assert_int_equal(page[i].trtype, NVMF_TRTYPE_TCP);
	}
}

static void test_error_of_io(void **state)
{
	struct nvme_log_error entry;
	struct inprocess_command cmd;
	uint8_t bytes[512];
	struct host io;

	host_open_io(&io, &host, 1, 2, NQN_A);
	cmd = command(NVME_CMD_READ, 1, 0, 1);	/* SLBA 2^32 */
	command_reads(&cmd, bytes, sizeof(bytes));
	assert_int_equal(host_run(&io, &cmd), NVME_SC_LBA_RANGE);
	host_peek_log(&host, NVME_LOG_ERROR, &entry, sizeof(entry));
	assert_int_equal(le16_get(entry.sqid), 2);
	assert_int_equal(le16_get(entry.cid), le16_get(cmd.sqe.cid));
	assert_true(le64_get(entry.lba) == UINT64_C(1) << 32);
	assert_int_equal(le32_get(entry.nsid), 1);
	assert_int_equal(le16_get(entry.peloc), AT(cdw10));
	host_close(&io);
}

/* ---- 02h ---- */

static void read_smart(uint32_t nsid, struct nvme_log_smart *page)
{
	struct inprocess_command cmd = log_command(NVME_LOG_SMART, page, sizeof(*page));

	cmd.sqe.nsid = le32_of(nsid);
	host_ok(&host, &cmd);
}

static void test_smart(void **state)
{
	static uint8_t bytes[1 << 16];
	struct nvme_log_smart page;
	struct inprocess_command cmd;
	struct host io;

	host_open_io(&io, &host, 1, 1, NQN_A);
	for (unsigned int i = 0; i < 8; i++) {	/* 512 KiB: 1024 units of 512, 2 when rounded up */
		cmd = command(NVME_CMD_READ, 1, 0, 0);
		cmd.sqe.cdw12 = le32_of(127);
		command_reads(&cmd, bytes, sizeof(bytes));
		host_ok(&io, &cmd);
	}
	cmd = command(NVME_CMD_WRITE, 7, 0, 0);
	command_sends(&cmd, bytes, 512, true);
	host_ok(&io, &cmd);
	read_smart(NVME_NSID_ALL, &page);
	assert_int_equal(page.critical_warning, 0);
	assert_int_equal(page.available_spare, 100);
	assert_int_equal(page.percentage_used, 0);
	assert_int_equal(le128_get(page.data_units_read), 2);
	assert_int_equal(le128_get(page.data_units_written), 1);
	assert_int_equal(le128_get(page.host_read_commands), 8);
	assert_int_equal(le128_get(page.host_write_commands), 1);
	assert_int_equal(le128_get(page.media_errors), 0);
	assert_int_equal(le128_get(page.error_log_entries), 0);
	read_smart(0, &page);
	assert_int_equal(le128_get(page.host_read_commands), 8);
	read_smart(7, &page);
	assert_int_equal(le128_get(page.host_read_commands), 0);
	assert_int_equal(le128_get(page.host_write_commands), 1);
	host_close(&io);
}

static void test_smart_of_no_namespace(void **state)
{
	struct nvme_log_smart page;
	struct inprocess_command cmd = log_command(NVME_LOG_SMART, &page, sizeof(page));

	cmd.sqe.nsid = le32_of(3);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(nsid));
	cmd.sqe.nsid = le32_of(1025);
	host_refused(&host, &cmd, NVME_SC_INVALID_NS, AT(nsid));
	read_smart(NVME_NSID_ALL, &page);
	assert_int_equal(le128_get(page.error_log_entries), 2);
}

/* ---- 03h, 05h, 12h ---- */

static void test_firmware(void **state)
{
	struct nvme_log_firmware page;

	host_peek_log(&host, NVME_LOG_FIRMWARE, &page, sizeof(page));
	assert_int_equal(page.afi, 1);
	assert_memory_equal(page.frs[0], "0.1     ", 8);
	assert_memory_equal(page.frs[1], "\0\0\0\0\0\0\0\0", 8);
}

static void test_effects(void **state)
{
	static const uint8_t admin[] = { 0x02, 0x06, 0x08, 0x09, 0x0a, 0x0c, 0x18, 0x7f };
	struct nvme_log_effects page;
	unsigned int count = 0;

	host_peek_log(&host, NVME_LOG_EFFECTS, &page, sizeof(page));
	for (size_t i = 0; i < sizeof(admin); i++)
		assert_int_equal(le32_get(page.acs[admin[i]]), NVME_EFFECTS_CSUPP);
	for (unsigned int i = 0; i < 256; i++)
		count += le32_get(page.acs[i]) != 0;
	assert_int_equal(count, sizeof(admin));
	assert_int_equal(le32_get(page.iocs[NVME_CMD_READ]), NVME_EFFECTS_CSUPP);
	assert_int_equal(le32_get(page.iocs[NVME_CMD_WRITE]),
			 NVME_EFFECTS_CSUPP | NVME_EFFECTS_LBCC);
	assert_int_equal(le32_get(page.iocs[NVME_CMD_COMPARE]), 0);
}

static void test_features(void **state)
{
	struct nvme_log_features page;

	host_peek_log(&host, NVME_LOG_FEATURES, &page, sizeof(page));
	for (unsigned int fid = 0; fid < 256; fid++) {
		struct inprocess_command cmd = command(NVME_ADMIN_GET_FEATURES, 0,
						       fid | NVME_FEAT_SEL_CAPS << 8, 0);

		assert_int_equal(host_run(&host, &cmd), le32_get(page.fid[fid]) ?
				 NVME_SC_SUCCESS : NVME_SC_INVALID_FIELD);
	}
	assert_int_equal(le32_get(page.fid[NVME_FEAT_KATO]),
			 NVME_FID_FSUPP | NVME_FID_SCOPE_CTRL);
	assert_int_equal(le32_get(page.fid[NVME_FEAT_WRITE_PROTECT]),
			 NVME_FID_FSUPP | NVME_FID_SCOPE_NS);
}

/* ---- 0Ch ---- */

static void assert_group(const uint8_t *at, uint32_t grpid, uint32_t nnsids, uint8_t ana_state)
{
	struct nvme_ana_desc desc;

	memcpy(&desc, at, sizeof(desc));
	assert_int_equal(le32_get(desc.grpid), grpid);
	assert_int_equal(le32_get(desc.nnsids), nnsids);
	/* the states of this port are others than in the view before */
	assert_int_equal(le64_get(desc.chgcnt), 2);
	assert_int_equal(desc.state, ana_state);
}

static void test_ana(void **state)
{
	struct view *view = rig_view();
	struct inprocess_command cmd;
	struct nvme_log_ana head;
	uint8_t page[8208];

	view_find_port(view, PORT_BOTH)->ana_states[9] = NVME_ANA_PERSISTENT_LOSS;
	view_find_port(view, PORT_BOTH)->ana_states[1] = NVME_ANA_NONOPTIMIZED;
	rig_publish(view);
	/* group 1 has NSID 1 and 2; 5 has NSID 7 and no state of its own; 9 has none */
	host_peek_log(&host, NVME_LOG_ANA, page, sizeof(page));
	memcpy(&head, page, sizeof(head));
	assert_int_equal(le64_get(head.chgcnt), 2);
	assert_int_equal(le16_get(head.ngrps), 3);
	assert_group(page + 16, 1, 2, NVME_ANA_NONOPTIMIZED);
	assert_memory_equal(page + 48, "\1\0\0\0\2\0\0\0", 8);
	assert_group(page + 56, 5, 1, NVME_ANA_OPTIMIZED);
	assert_memory_equal(page + 88, "\7\0\0\0", 4);
	assert_group(page + 92, 9, 0, NVME_ANA_PERSISTENT_LOSS);
	cmd = log_command(NVME_LOG_ANA, page, 112);
	cmd.sqe.cdw10 = le32_of(le32_get(cmd.sqe.cdw10) | NVME_LOG_ANA_RGO << NVME_LOG_LSP_SHIFT);
	host_ok(&host, &cmd);
	assert_group(page + 16, 1, 0, NVME_ANA_NONOPTIMIZED);
	assert_group(page + 48, 5, 0, NVME_ANA_OPTIMIZED);
	assert_group(page + 80, 9, 0, NVME_ANA_PERSISTENT_LOSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		log_test(test_supported),
		log_test(test_offsets),
		log_test(test_longer_than_the_page),
		log_test(test_wrong_lengths),
		log_test(test_unsupported_fields),
		log_test(test_errors),
		log_test(test_error_of_io),
		log_test(test_smart),
		log_test(test_smart_of_no_namespace),
		log_test(test_firmware),
		log_test(test_effects),
		log_test(test_features),
		log_test(test_ana),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
