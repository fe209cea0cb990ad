/* SPDX-License-Identifier: BSD-3-Clause */
/* Identify, each CNS value: what a host checks, and the first wrong values. */
#include <string.h>

#include "spec/property.h"
#include "target_rig.h"

#define AT(field) offsetof(struct nvme_sqe, field)

static struct inprocess_command identify(uint8_t cns, uint32_t nsid, void *buffer)
{
	struct inprocess_command cmd = command(NVME_ADMIN_IDENTIFY, nsid, cns, 0);

	memset(buffer, 0xa5, NVME_IDENTIFY_SIZE);
	command_reads(&cmd, buffer, NVME_IDENTIFY_SIZE);
	return cmd;
}

static void identify_ok(struct host *host, uint8_t cns, uint32_t nsid, void *buffer)
{
	struct inprocess_command cmd = identify(cns, nsid, buffer);

	host_ok(host, &cmd);
	assert_int_equal(cmd.received, NVME_IDENTIFY_SIZE);
}

static void assert_zeroes(const void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(((const uint8_t *)bytes)[i], 0);
}

static void open_a(struct host *host)
{
	host_open(host, 0, PORT_BOTH, NQN_A, HOST_ANY);
}

/* ---- controllers ---- */

/* Each of these is looked at by a host that refuses the controller where it is wrong. */
static void test_controller(void **state)
{
	struct nvme_id_ctrl id;
	struct host host;

	open_a(&host);
	identify_ok(&host, NVME_CNS_CTRL, 0, &id);
	assert_memory_equal(id.sn, "SERIAL1             ", 20);
	assert_memory_equal(id.mn, "weft test                               ", 40);
	assert_memory_equal(id.fr, "0.1     ", 8);
	assert_memory_equal(id.ieee, "\x56\x34\x12", 3);
	assert_int_equal(id.cmic, 0x0b);
	assert_int_equal(id.mdts, RIG_MDTS);
	assert_int_equal(le16_get(id.cntlid), host.cntlid);
	assert_int_equal(le32_get(id.ver), 0x20100);
	assert_int_equal(le32_get(id.oaes), 0x900);
	assert_int_equal(le32_get(id.ctratt), 0x41);
	assert_int_equal(id.cntrltype, NVME_CNTRLTYPE_IO);
	assert_int_equal(id.acl, 3);
	assert_int_equal(id.aerl, 3);
	assert_int_equal(id.elpe, 127);
	assert_int_equal(le16_get(id.kas), 10);
	assert_int_equal(id.anatt, 10);
	assert_int_equal(id.anacap, 0x1f);
	assert_int_equal(le32_get(id.anagrpmax), 128);
	assert_int_equal(le32_get(id.nanagrpid), 128);
	assert_int_equal(id.sqes, 0x66);
	assert_int_equal(id.cqes, 0x44);
	assert_int_equal(le16_get(id.maxcmd), RIG_QUEUE_SIZE);
	assert_int_equal(le32_get(id.nn), 1024);
	assert_int_equal(le32_get(id.mnan), 1024);
	assert_int_equal(le16_get(id.oncs), 0x1c);
	assert_int_equal(le16_get(id.fuses), 0);
	assert_int_equal(id.vwc, 0x05);
	assert_int_equal(le32_get(id.sgls) & 3, 1);
	assert_true(le32_get(id.sgls) & NVME_SGLS_OFFSET);
	assert_string_equal(id.subnqn, NQN_A);
	assert_int_equal(le32_get(id.ioccsz), (64 + RIG_INLINE) / 16);
	assert_int_equal(le32_get(id.iorcsz), 1);
	assert_int_equal(le16_get(id.icdoff), 0);
	assert_int_equal(id.fcatt, 0);
	assert_int_equal(id.msdbd, 1);
	assert_int_equal(le16_get(id.ofcs), 1);
	host_close(&host);
}

static void test_discovery_controller(void **state)
{
	struct nvme_id_ctrl id;
	struct host host;
	struct inprocess_command cmd;

	host_open(&host, 0, PORT_DISCOVERY, NVMF_DISCOVERY_NQN, HOST_ANY);
	identify_ok(&host, NVME_CNS_CTRL, 0, &id);
	assert_int_equal(id.cntrltype, NVME_CNTRLTYPE_DISC);
	assert_int_equal(le32_get(id.oaes), NVME_OAES_DISC_LOG);
	assert_string_equal(id.subnqn, NVMF_DISCOVERY_NQN);
	assert_int_equal(le32_get(id.nn), 0);
	cmd = identify(NVME_CNS_NS_LIST, 0, &id);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw10));
	host_close(&host);
}

static void test_controller_of_nvm(void **state)
{
	struct nvme_id_ctrl_nvm id;
	struct host host;

	open_a(&host);
	identify_ok(&host, NVME_CNS_CSI_CTRL, 0, &id);
	assert_int_equal(le32_get(id.ver), NVME_VS(1, 1, 0));
	assert_int_equal(id.wzsl, 0);
	host_close(&host);
}

static void test_controller_list(void **state)
{
	struct host host[3];
	struct nvme_ctrl_list list;
	struct inprocess_command cmd;

	for (unsigned int i = 0; i < 3; i++)
		host_open(&host[i], i % 2, PORT_BOTH, NQN_A, HOST_ANY);
	host_close(&host[1]);
	identify_ok(&host[0], NVME_CNS_CTRL_LIST, 0, &list);
	assert_int_equal(le16_get(list.num), 2);
	assert_int_equal(le16_get(list.cntlid[0]), host[0].cntlid);
	assert_int_equal(le16_get(list.cntlid[1]), host[2].cntlid);
	assert_int_equal(le16_get(list.cntlid[2]), 0);
	/* from CNTID on */
	cmd = identify(NVME_CNS_NS_CTRL_LIST, 1, &list);
	cmd.sqe.cdw10 = le32_of(NVME_CNS_NS_CTRL_LIST | (host[0].cntlid + 1u) << 16);
	host_ok(&host[0], &cmd);
	assert_int_equal(le16_get(list.num), 1);
	assert_int_equal(le16_get(list.cntlid[0]), host[2].cntlid);
	host_close(&host[0]);
	host_close(&host[2]);
}

static void test_small_lists(void **state)
{
	struct nvme_cs_combinations sets;
	struct nvme_endgrp_list groups;
	struct host host;

	open_a(&host);
	identify_ok(&host, NVME_CNS_CS_COMBINATIONS, 0, &sets);
	assert_int_equal(le64_get(sets.iocsv[0]), 1);
	assert_int_equal(le64_get(sets.iocsv[1]), 0);
	identify_ok(&host, NVME_CNS_ENDURANCE_GROUP_LIST, 0, &groups);
	assert_int_equal(le16_get(groups.num), 0);
	host_close(&host);
}

/* ---- namespaces ---- */

static void test_namespace(void **state)
{
	struct nvme_id_ns id;
	struct host host;

	open_a(&host);
	identify_ok(&host, NVME_CNS_NS, 1, &id);
	assert_int_equal(le64_get(id.nsze), 16384);
	assert_int_equal(le64_get(id.ncap), 16384);
	assert_int_equal(le64_get(id.nuse), 16384);
	assert_int_equal(le128_get(id.nvmcap), 8 << 20);
	assert_int_equal(id.nsfeat, NVME_NSFEAT_OPTPERF | NVME_NSFEAT_ATOMICS);
	assert_int_equal(id.nlbaf, 0);
	assert_int_equal(id.lbaf[0].lbads, 9);
	assert_int_equal(le16_get(id.lbaf[0].ms), 0);
	assert_int_equal(id.nmic, 1);
	assert_int_equal(id.dlfeat, 0x09);
	assert_int_equal(le16_get(id.npwg), 7);
	assert_int_equal(le16_get(id.npwa), 7);
	assert_int_equal(le16_get(id.nows), 7);
	assert_int_equal(le16_get(id.npdg), 127);
	assert_int_equal(le16_get(id.nawupf), 7);
	assert_int_equal(le32_get(id.anagrpid), 1);
	assert_int_equal(id.nsattr, 0);
	identify_ok(&host, NVME_CNS_ALLOC_NS, 2, &id);
	assert_int_equal(le64_get(id.nsze), 1024);
	assert_int_equal(id.lbaf[0].lbads, 12);
	assert_int_equal(id.nsattr, NVME_NSATTR_WRITE_PROTECTED);
	assert_int_equal(id.dlfeat, 0);
	host_close(&host);
}

static void test_inaccessible_namespace(void **state)
{
	struct view *view = rig_view();
	struct nvme_id_ns id;
	struct host host;

	view_find_port(view, PORT_BOTH)->ana_states[1] = NVME_ANA_INACCESSIBLE;
	rig_publish(view);
	open_a(&host);
	identify_ok(&host, NVME_CNS_NS, 1, &id);
	assert_int_equal(le64_get(id.nsze), 16384);
	assert_int_equal(le64_get(id.nuse), 0);
	host_close(&host);
}

static void test_independent(void **state)
{
	struct nvme_id_ns_ind id;
	struct host host;

	open_a(&host);
	identify_ok(&host, NVME_CNS_NS_IND, 1, &id);
	assert_int_equal(id.nstat & NVME_NSTAT_NRDY, 1);
	assert_int_equal(id.nmic, 1);
	assert_int_equal(id.nsfeat, 0);
	assert_int_equal(le32_get(id.anagrpid), 1);
	identify_ok(&host, NVME_CNS_NS_IND, 2, &id);
	assert_int_equal(id.nsfeat, NVME_NS_IND_NSFEAT_VWCNP);
	assert_int_equal(id.nsattr, NVME_NSATTR_WRITE_PROTECTED);
	host_close(&host);
}

static void test_inactive_is_zeroes(void **state)
{
	static const uint8_t cns[] = { NVME_CNS_NS, NVME_CNS_CSI_NS, NVME_CNS_NS_IND,
				       NVME_CNS_ALLOC_NS };
	uint8_t bytes[NVME_IDENTIFY_SIZE];
	struct host host;

	open_a(&host);
	for (size_t i = 0; i < sizeof(cns); i++) {
		identify_ok(&host, cns[i], 3, bytes);
		assert_zeroes(bytes, sizeof(bytes));
		identify_ok(&host, cns[i], 1024, bytes);
		assert_zeroes(bytes, sizeof(bytes));
	}
	host_close(&host);
}

static void test_invalid_nsid(void **state)
{
	static const uint8_t cns[] = { NVME_CNS_NS, NVME_CNS_NS_DESC, NVME_CNS_CSI_NS,
				       NVME_CNS_NS_IND, NVME_CNS_ALLOC_NS, NVME_CNS_NS_CTRL_LIST };
	static const uint32_t nsids[] = { 0, 1025, 0xfffffffe, NVME_NSID_ALL };
	uint8_t bytes[NVME_IDENTIFY_SIZE];
	struct inprocess_command cmd;
	struct host host;

	open_a(&host);
	for (size_t i = 0; i < sizeof(cns); i++) {
		for (size_t j = 0; j < sizeof(nsids) / sizeof(nsids[0]); j++) {
			cmd = identify(cns[i], nsids[j], bytes);
			host_refused(&host, &cmd, NVME_SC_INVALID_NS, AT(nsid));
		}
	}
	cmd = identify(NVME_CNS_NS_DESC, 3, bytes);
	host_refused(&host, &cmd, NVME_SC_INVALID_NS, AT(nsid));
	host_close(&host);
}

static void test_namespace_lists(void **state)
{
	static const uint8_t cns[] = { NVME_CNS_NS_LIST, NVME_CNS_CSI_NS_LIST,
				       NVME_CNS_ALLOC_NS_LIST };
	struct nvme_ns_list list;
	struct inprocess_command cmd;
	struct host host;

	open_a(&host);
	for (size_t i = 0; i < sizeof(cns); i++) {
		identify_ok(&host, cns[i], 0, &list);
		assert_int_equal(le32_get(list.nsid[0]), 1);
		assert_int_equal(le32_get(list.nsid[1]), 2);
		assert_int_equal(le32_get(list.nsid[2]), 7);
		assert_zeroes(&list.nsid[3], sizeof(list) - 3 * sizeof(le32));
		identify_ok(&host, cns[i], 2, &list);
		assert_int_equal(le32_get(list.nsid[0]), 7);
		assert_int_equal(le32_get(list.nsid[1]), 0);
		identify_ok(&host, cns[i], 0xfffffffd, &list);
		assert_zeroes(&list, sizeof(list));
		cmd = identify(cns[i], 0xfffffffe, &list);
		host_refused(&host, &cmd, NVME_SC_INVALID_NS, AT(nsid));
	}
	host_close(&host);
}

static void test_descriptors(void **state)
{
	struct view *view = rig_view();
	struct view_namespace *ns = view_find_namespace(view_find_subsystem(view, NQN_A), 1);
	uint8_t list[NVME_IDENTIFY_SIZE];
	struct host host;

	memset(ns->nguid, 0x22, sizeof(ns->nguid));
	memset(ns->eui64, 0x33, sizeof(ns->eui64));
	rig_publish(view);
	open_a(&host);
	identify_ok(&host, NVME_CNS_NS_DESC, 1, list);
	assert_memory_equal(list, "\1\x08\0\0\x33\x33\x33\x33\x33\x33\x33\x33", 12);
	assert_memory_equal(list + 12, "\2\x10\0\0\x22\x22", 6);
	assert_memory_equal(list + 32, "\3\x10\0\0\1\1", 6);
	assert_memory_equal(list + 52, "\4\1\0\0\0", 5);
	assert_zeroes(list + 57, sizeof(list) - 57);
	host_close(&host);
}

/* ---- what is refused ---- */

static void test_unknown_cns(void **state)
{
	static const uint8_t cns[] = { 0x04, 0x09, 0x0a, 0x0b, 0x14, 0x15, 0x16, 0x17, 0x18,
				       0x1a, 0x1b, 0x1d, 0x1f, 0x20, 0xc0, 0xff };
	uint8_t bytes[NVME_IDENTIFY_SIZE];
	struct inprocess_command cmd;
	struct host host;

	open_a(&host);
	for (size_t i = 0; i < sizeof(cns); i++) {
		cmd = identify(cns[i], 1, bytes);
		host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw10));
	}
	host_close(&host);
}

static void test_unknown_command_set(void **state)
{
	static const uint8_t cns[] = { NVME_CNS_CSI_NS, NVME_CNS_CSI_CTRL, NVME_CNS_CSI_NS_LIST };
	uint8_t bytes[NVME_IDENTIFY_SIZE];
	struct inprocess_command cmd;
	struct host host;

	open_a(&host);
	for (size_t i = 0; i < sizeof(cns); i++) {
		cmd = identify(cns[i], 1, bytes);
		cmd.sqe.cdw11 = le32_of((uint32_t)NVME_CSI_ZNS << 24);
		host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw11) + 3);
	}
	cmd = identify(NVME_CNS_CTRL, 0, bytes);
	/* a UUID index, where there is no UUID list */
	cmd.sqe.cdw14 = le32_of(1);
	host_ok(&host, &cmd);
	host_close(&host);
}

static void test_wrong_length(void **state)
{
	static const uint32_t sizes[] = { 0, 4, 4092, 4100, 8192 };
	uint8_t bytes[8192];
	struct inprocess_command cmd;
	struct host host;

	open_a(&host);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cmd = identify(NVME_CNS_CTRL, 0, bytes);
		command_reads(&cmd, bytes, sizes[i]);
		host_refused(&host, &cmd, NVME_SC_SGL_INVALID_DATA, AT(sgl.length));
		assert_int_equal(cmd.received, 0);
	}
	host_close(&host);
}

/* ---- the admin command set as such ---- */

static void test_unknown_opcodes(void **state)
{
	struct inprocess_command cmd;
	struct host host;

	open_a(&host);
	for (unsigned int opcode = 0; opcode < 256; opcode++) {
		switch (opcode) {
		case NVME_ADMIN_GET_LOG_PAGE:
		case NVME_ADMIN_IDENTIFY:
		case NVME_ADMIN_ABORT:
		case NVME_ADMIN_SET_FEATURES:
		case NVME_ADMIN_GET_FEATURES:
		case NVME_ADMIN_ASYNC_EVENT:
		case NVME_ADMIN_KEEP_ALIVE:
		case NVME_ADMIN_FABRICS:
			continue;
		}
		cmd = command((uint8_t)opcode, 0, 0, 0);
		host_refused(&host, &cmd, NVME_SC_INVALID_OPCODE, AT(opcode));
	}
	host_close(&host);
}

static void test_not_ready(void **state)
{
	uint8_t bytes[NVME_IDENTIFY_SIZE];
	struct inprocess_command cmd = identify(NVME_CNS_CTRL, 0, bytes);
	struct host host;

	host_open_disabled(&host, 0, PORT_BOTH, NQN_A, HOST_ANY);
	assert_int_equal(host_run(&host, &cmd), NVME_SC_CMD_SEQ_ERROR);
	cmd = command(NVME_ADMIN_KEEP_ALIVE, 0, 0, 0);
	assert_int_equal(host_run(&host, &cmd), NVME_SC_CMD_SEQ_ERROR);
	host_set_cc(&host, NVME_CC_EN);
	host_ok(&host, &cmd);
	host_set_cc(&host, 0);
	assert_int_equal(host_run(&host, &cmd), NVME_SC_CMD_SEQ_ERROR);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_controller),
		rig_test(test_discovery_controller),
		rig_test(test_controller_of_nvm),
		rig_test(test_controller_list),
		rig_test(test_small_lists),
		rig_test(test_namespace),
		rig_test(test_inaccessible_namespace),
		rig_test(test_independent),
		rig_test(test_inactive_is_zeroes),
		rig_test(test_invalid_nsid),
		rig_test(test_namespace_lists),
		rig_test(test_descriptors),
		rig_test(test_unknown_cns),
		rig_test(test_unknown_command_set),
		rig_test(test_wrong_length),
		rig_test(test_unknown_opcodes),
		rig_test(test_not_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
