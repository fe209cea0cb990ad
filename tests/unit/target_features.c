/* SPDX-License-Identifier: BSD-3-Clause */
/* Get and Set Features: selectors, each feature's values, and the first wrong ones. */
#include <string.h>

#include "spec/property.h"
#include "target_rig.h"

#define AT(field) offsetof(struct nvme_sqe, field)

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

#define feature_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static struct inprocess_command get(uint8_t fid, enum nvme_feat_sel sel, uint32_t cdw11)
{
	return command(NVME_ADMIN_GET_FEATURES, 0, fid | (uint32_t)sel << NVME_FEAT_SEL_SHIFT,
		       cdw11);
}

static struct inprocess_command set(uint8_t fid, uint32_t value)
{
	return command(NVME_ADMIN_SET_FEATURES, 0, fid, value);
}

static uint32_t value_of(uint8_t fid, enum nvme_feat_sel sel, uint32_t cdw11)
{
	struct inprocess_command cmd = get(fid, sel, cdw11);

	host_ok(&host, &cmd);
	return le32_get(cmd.cqe.dw0);
}

static uint32_t current(uint8_t fid)
{
	return value_of(fid, NVME_FEAT_SEL_CURRENT, 0);
}

static void set_ok(uint8_t fid, uint32_t value)
{
	struct inprocess_command cmd = set(fid, value);

	host_ok(&host, &cmd);
}

static void set_refused(uint8_t fid, uint32_t value, uint16_t sc, uint16_t location)
{
	struct inprocess_command cmd = set(fid, value);

	host_refused(&host, &cmd, sc, location);
}

static void test_selectors(void **state)
{
	static const uint8_t changeable[] = { NVME_FEAT_ARBITRATION, NVME_FEAT_POWER_MGMT,
					      NVME_FEAT_TEMP_THRESHOLD, NVME_FEAT_NUM_QUEUES,
					      NVME_FEAT_WRITE_ATOMIC, NVME_FEAT_ASYNC_EVENT,
					      NVME_FEAT_KATO, NVME_FEAT_HOST_BEHAVIOR };
	static const uint8_t fixed[] = { NVME_FEAT_ERROR_RECOVERY, NVME_FEAT_VOLATILE_WC,
					 NVME_FEAT_HOST_ID };
	struct inprocess_command cmd;

	for (size_t i = 0; i < sizeof(changeable); i++)
		assert_int_equal(value_of(changeable[i], NVME_FEAT_SEL_CAPS, 0),
				 NVME_FEAT_CAP_CHANGEABLE);
	for (size_t i = 0; i < sizeof(fixed); i++)
		assert_int_equal(value_of(fixed[i], NVME_FEAT_SEL_CAPS, 0), 0);
	assert_int_equal(value_of(NVME_FEAT_WRITE_PROTECT, NVME_FEAT_SEL_CAPS, 0),
			 NVME_FEAT_CAP_NS);
	set_ok(NVME_FEAT_ASYNC_EVENT, NVME_AEC_NS_ATTR);
	assert_int_equal(current(NVME_FEAT_ASYNC_EVENT), NVME_AEC_NS_ATTR);
	assert_int_equal(value_of(NVME_FEAT_ASYNC_EVENT, NVME_FEAT_SEL_DEFAULT, 0), 0);
	assert_int_equal(value_of(NVME_FEAT_ASYNC_EVENT, NVME_FEAT_SEL_SAVED, 0), 0);
	for (unsigned int sel = 4; sel < 8; sel++) {
		cmd = get(NVME_FEAT_ASYNC_EVENT, (enum nvme_feat_sel)sel, 0);
		host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw10) + 1);
	}
}

static void test_refusals_of_all(void **state)
{
	static const uint8_t unknown[] = { 0x00, 0x03, 0x08, 0x09, 0x0c, 0x0d, 0x0e, 0x10, 0x17,
					   0x19, 0x80, 0x82, 0x83, 0x85, 0xc0, 0xff };
	struct inprocess_command cmd;

	for (size_t i = 0; i < sizeof(unknown); i++) {
		cmd = get(unknown[i], NVME_FEAT_SEL_CURRENT, 0);
		host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw10));
		set_refused(unknown[i], 0, NVME_SC_INVALID_FIELD, AT(cdw10));
	}
	cmd = set(NVME_FEAT_KATO, 1000);
	cmd.sqe.cdw10 = le32_of(NVME_FEAT_KATO | NVME_FEAT_SV);
	host_refused(&host, &cmd, NVME_SC_FEATURE_NOT_SAVEABLE, AT(cdw10) + 3);
	cmd = set(NVME_FEAT_KATO, 1000);
	cmd.sqe.nsid = le32_of(1);
	host_refused(&host, &cmd, NVME_SC_FEATURE_NOT_PER_NS, AT(nsid));
	cmd.sqe.nsid = le32_of(NVME_NSID_ALL);
	host_ok(&host, &cmd);
	/* a UUID index, where there is no UUID list */
	cmd.sqe.cdw14 = le32_of(5);
	host_ok(&host, &cmd);
}

static void test_kept_values(void **state)
{
	set_ok(NVME_FEAT_ARBITRATION, 0x03020107);
	assert_int_equal(current(NVME_FEAT_ARBITRATION), 0x03020107);
	set_ok(NVME_FEAT_ARBITRATION, 0xffffffff);
	assert_int_equal(current(NVME_FEAT_ARBITRATION), 0xffffff07);
	set_ok(NVME_FEAT_POWER_MGMT, 1 << 5);
	assert_int_equal(current(NVME_FEAT_POWER_MGMT), 1 << 5);
	set_refused(NVME_FEAT_POWER_MGMT, 1, NVME_SC_INVALID_FIELD, AT(cdw11));
	set_ok(NVME_FEAT_WRITE_ATOMIC, 1);
	assert_int_equal(current(NVME_FEAT_WRITE_ATOMIC), 1);
	set_ok(NVME_FEAT_WRITE_ATOMIC, 2);
	assert_int_equal(current(NVME_FEAT_WRITE_ATOMIC), 0);
	set_ok(NVME_FEAT_WRITE_ATOMIC, 0xffffffff);
	assert_int_equal(current(NVME_FEAT_WRITE_ATOMIC), 1);
	/* a reset forgets them */
	host_set_cc(&host, 0);
	host_set_cc(&host, NVME_CC_EN);
	assert_int_equal(current(NVME_FEAT_ARBITRATION), 0);
	assert_int_equal(current(NVME_FEAT_WRITE_ATOMIC), 0);
}

static void test_temperature(void **state)
{
	uint32_t under = 1 << 20;

	assert_int_equal(current(NVME_FEAT_TEMP_THRESHOLD), 0xffff);
	assert_int_equal(value_of(NVME_FEAT_TEMP_THRESHOLD, NVME_FEAT_SEL_CURRENT, under), 0);
	set_ok(NVME_FEAT_TEMP_THRESHOLD, 350);
	set_ok(NVME_FEAT_TEMP_THRESHOLD, 260 | under | 0xf << 16);
	assert_int_equal(current(NVME_FEAT_TEMP_THRESHOLD), 350);
	assert_int_equal(value_of(NVME_FEAT_TEMP_THRESHOLD, NVME_FEAT_SEL_CURRENT, under), 260);
	assert_int_equal(value_of(NVME_FEAT_TEMP_THRESHOLD, NVME_FEAT_SEL_DEFAULT, 0), 0xffff);
	set_refused(NVME_FEAT_TEMP_THRESHOLD, 300 | 1 << 16, NVME_SC_INVALID_FIELD, AT(cdw11) + 2);
	set_refused(NVME_FEAT_TEMP_THRESHOLD, 300 | 2 << 20, NVME_SC_INVALID_FIELD, AT(cdw11) + 2);
}

static void test_fixed_values(void **state)
{
	assert_int_equal(current(NVME_FEAT_VOLATILE_WC), 1);
	set_ok(NVME_FEAT_VOLATILE_WC, 1);
	set_ok(NVME_FEAT_VOLATILE_WC, 0xffffffff);
	set_ok(NVME_FEAT_ERROR_RECOVERY, 0xfffe0000);
	set_refused(NVME_FEAT_VOLATILE_WC, 0, NVME_SC_FEATURE_NOT_CHANGEABLE, AT(cdw10));
	assert_int_equal(current(NVME_FEAT_ERROR_RECOVERY), 0);
	set_refused(NVME_FEAT_ERROR_RECOVERY, 100, NVME_SC_FEATURE_NOT_CHANGEABLE, AT(cdw10));
}

static void test_number_of_queues(void **state)
{
	struct inprocess_command cmd = set(NVME_FEAT_NUM_QUEUES, 1 | 5 << 16);
	struct host io;

	assert_int_equal(current(NVME_FEAT_NUM_QUEUES), 2 | 2 << 16);
	host_ok(&host, &cmd);
	assert_int_equal(le32_get(cmd.cqe.dw0), 1 | 1 << 16);
	assert_int_equal(current(NVME_FEAT_NUM_QUEUES), 1 | 1 << 16);
	cmd = set(NVME_FEAT_NUM_QUEUES, 1023 | 1023 << 16);
	host_ok(&host, &cmd);
	assert_int_equal(le32_get(cmd.cqe.dw0), (RIG_QID_MAX - 1) | (RIG_QID_MAX - 1) << 16);
	set_refused(NVME_FEAT_NUM_QUEUES, 0xffff, NVME_SC_INVALID_FIELD, AT(cdw11));
	set_refused(NVME_FEAT_NUM_QUEUES, 0xffff0000, NVME_SC_INVALID_FIELD, AT(cdw11) + 2);
	host_open_io(&io, &host, 1, 1, NQN_A);
	cmd = set(NVME_FEAT_NUM_QUEUES, 0);
	assert_int_equal(host_run(&host, &cmd), NVME_SC_CMD_SEQ_ERROR);
	host_close(&io);
}

static void test_async_config(void **state)
{
	set_ok(NVME_FEAT_ASYNC_EVENT, NVME_AEC_NS_ATTR | NVME_AEC_ANA | 0x1f);
	assert_int_equal(current(NVME_FEAT_ASYNC_EVENT), NVME_AEC_NS_ATTR | NVME_AEC_ANA | 0x1f);
	set_ok(NVME_FEAT_ASYNC_EVENT, NVME_AEC_FW_ACT | NVME_AEC_DISC_LOG | NVME_AEC_ANA);
	assert_int_equal(current(NVME_FEAT_ASYNC_EVENT), NVME_AEC_ANA);
}

static void test_kato(void **state)
{
	assert_int_equal(current(NVME_FEAT_KATO), 0);
	set_ok(NVME_FEAT_KATO, 10001);
	assert_int_equal(current(NVME_FEAT_KATO), 11000);
	set_ok(NVME_FEAT_KATO, 0);
	assert_int_equal(current(NVME_FEAT_KATO), 0);
}

static void test_host_behavior(void **state)
{
	struct nvme_host_behavior behavior = { .acre = 1 };
	struct inprocess_command cmd;

	for (unsigned int in_capsule = 0; in_capsule < 2; in_capsule++) {
		cmd = set(NVME_FEAT_HOST_BEHAVIOR, 0);
		behavior.acre = in_capsule == 0;
		command_sends(&cmd, &behavior, sizeof(behavior), in_capsule);
		host_ok(&host, &cmd);
		memset(&behavior, 0xa5, sizeof(behavior));
		cmd = get(NVME_FEAT_HOST_BEHAVIOR, NVME_FEAT_SEL_CURRENT, 0);
		command_reads(&cmd, &behavior, sizeof(behavior));
		host_ok(&host, &cmd);
		assert_int_equal(behavior.acre, in_capsule == 0);
		assert_int_equal(behavior.lbafee, 0);
	}
	behavior = (struct nvme_host_behavior){ .etdas = 1, .lbafee = 1, .hdisns = 1,
						.cdfe = le16_of(0xffff), .rsvd6 = { 1 } };
	cmd = set(NVME_FEAT_HOST_BEHAVIOR, 0);
	command_sends(&cmd, &behavior, sizeof(behavior), true);
	host_ok(&host, &cmd);
	behavior.lbafee = 2;
	cmd = set(NVME_FEAT_HOST_BEHAVIOR, 0);
	command_sends(&cmd, &behavior, sizeof(behavior), true);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(sgl));
	command_sends(&cmd, &behavior, 256, true);
	host_refused(&host, &cmd, NVME_SC_SGL_INVALID_DATA, AT(sgl.length));
}

static void test_host_id(void **state)
{
	uint8_t id[16] = { 0 }, want[16];
	struct inprocess_command cmd = get(NVME_FEAT_HOST_ID, NVME_FEAT_SEL_CURRENT, 1);

	memset(want, 0x5a, sizeof(want));
	command_reads(&cmd, id, sizeof(id));
	host_ok(&host, &cmd);
	assert_memory_equal(id, want, sizeof(id));
	cmd = get(NVME_FEAT_HOST_ID, NVME_FEAT_SEL_CURRENT, 0);
	command_reads(&cmd, id, 8);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(cdw11));
	cmd = set(NVME_FEAT_HOST_ID, 1);
	command_sends(&cmd, id, sizeof(id), true);
	assert_int_equal(host_run(&host, &cmd), NVME_SC_CMD_SEQ_ERROR);
	/* capabilities come without data; a buffer for it does no harm */
	cmd = get(NVME_FEAT_HOST_ID, NVME_FEAT_SEL_CAPS, 1);
	command_reads(&cmd, id, sizeof(id));
	host_ok(&host, &cmd);
}

static void test_write_protect(void **state)
{
	struct inprocess_command cmd = get(NVME_FEAT_WRITE_PROTECT, NVME_FEAT_SEL_CURRENT, 0);

	cmd.sqe.nsid = le32_of(1);
	host_ok(&host, &cmd);
	assert_int_equal(le32_get(cmd.cqe.dw0), NVME_WP_NONE);
	cmd.sqe.nsid = le32_of(2);
	host_ok(&host, &cmd);
	assert_int_equal(le32_get(cmd.cqe.dw0), NVME_WP_ON);
	cmd.sqe.nsid = le32_of(3);
	host_refused(&host, &cmd, NVME_SC_INVALID_FIELD, AT(nsid));
	cmd.sqe.nsid = le32_of(0);
	host_refused(&host, &cmd, NVME_SC_INVALID_NS, AT(nsid));
	cmd = set(NVME_FEAT_WRITE_PROTECT, NVME_WP_ON);
	cmd.sqe.nsid = le32_of(1);
	host_refused(&host, &cmd, NVME_SC_FEATURE_NOT_CHANGEABLE, AT(cdw10));
	cmd.sqe.nsid = le32_of(2);
	host_ok(&host, &cmd);
}

static void test_discovery_features(void **state)
{
	static const uint8_t none[] = { NVME_FEAT_NUM_QUEUES, NVME_FEAT_VOLATILE_WC,
					NVME_FEAT_WRITE_PROTECT, NVME_FEAT_ARBITRATION };
	struct inprocess_command cmd;
	struct host discovery;

	host_open(&discovery, 1, PORT_BOTH, NVMF_DISCOVERY_NQN, HOST_ANY);
	cmd = get(NVME_FEAT_KATO, NVME_FEAT_SEL_CURRENT, 0);
	host_ok(&discovery, &cmd);
	assert_int_equal(le32_get(cmd.cqe.dw0), DISCOVERY_KATO_MS);
	cmd = set(NVME_FEAT_ASYNC_EVENT, NVME_AEC_DISC_LOG);
	host_ok(&discovery, &cmd);
	cmd = set(NVME_FEAT_ASYNC_EVENT, NVME_AEC_NS_ATTR);
	host_ok(&discovery, &cmd);
	cmd = get(NVME_FEAT_ASYNC_EVENT, NVME_FEAT_SEL_CURRENT, 0);
	host_ok(&discovery, &cmd);
	assert_int_equal(le32_get(cmd.cqe.dw0), 0);
	for (size_t i = 0; i < sizeof(none); i++) {
		cmd = get(none[i], NVME_FEAT_SEL_CURRENT, 0);
		host_refused(&discovery, &cmd, NVME_SC_INVALID_FIELD, AT(cdw10));
	}
	host_close(&discovery);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		feature_test(test_selectors),
		feature_test(test_refusals_of_all),
		feature_test(test_kept_values),
		feature_test(test_temperature),
		feature_test(test_fixed_values),
		feature_test(test_number_of_queues),
		feature_test(test_async_config),
		feature_test(test_kato),
		feature_test(test_host_behavior),
		feature_test(test_host_id),
		feature_test(test_write_protect),
		feature_test(test_discovery_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
