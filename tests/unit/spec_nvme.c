/* SPDX-License-Identifier: BSD-3-Clause */
/* Little-endian fields, statuses, command helpers, NQNs; sizes are static assertions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "spec/fabrics.h"
#include "spec/feature.h"
#include "spec/identify.h"
#include "spec/log.h"
#include "spec/nvme.h"
#include "spec/property.h"

static void test_le(void **state)
{
	le16 a = le16_of(0x1234);
	le32 b = le32_of(0x12345678);
	le64 c = le64_of(0x0123456789abcdef);
	le128 d = le128_of(7);

	assert_int_equal(a.b[0], 0x34);
	assert_int_equal(b.b[0], 0x78);
	assert_int_equal(c.b[0], 0xef);
	assert_int_equal(le16_get(a), 0x1234);
	assert_int_equal(le32_get(b), 0x12345678);
	assert_true(le64_get(c) == 0x0123456789abcdef);
	assert_true(le128_get(d) == 7);
	d.b[8] = 1;
	assert_true(le128_get(d) == UINT64_MAX);
}

static void test_status(void **state)
{
	struct nvme_status st = nvme_status_dnr(NVME_SC_INVALID_FIELD);
	struct nvme_cqe cqe = { .status = le16_of(0) };

	nvme_cqe_set_status(&cqe, st);
	assert_int_equal(cqe.status.b[0], 0x04);
	assert_int_equal(cqe.status.b[1], 0x80);
	assert_int_equal(nvme_cqe_status(&cqe).v, st.v);
	assert_false(nvme_status_ok(st));
	assert_true(nvme_status_ok(NVME_SUCCESS));
	assert_int_equal(nvme_status_sc(st), NVME_SC_INVALID_FIELD);
}

static void test_status_str(void **state)
{
	struct nvme_status st = nvme_status(0x181);

	assert_string_equal(nvme_status_str(st, NVME_STATUS_KIND_FABRICS), "Controller Busy");
	assert_string_equal(nvme_status_str(st, NVME_STATUS_KIND_NVM),
			    "Invalid Protection Information");
	assert_string_equal(nvme_status_str(nvme_status_dnr(NVME_SC_LBA_RANGE),
					    NVME_STATUS_KIND_NVM), "LBA Out of Range");
	for (unsigned int i = 0; i <= 0xffff; i++)
		for (int kind = 0; kind < 3; kind++)
			assert_non_null(nvme_status_str(nvme_status((uint16_t)i),
							(enum nvme_status_kind)kind));
}

static void test_commands(void **state)
{
	struct nvme_sqe rw = { .opcode = NVME_CMD_READ, .cdw10 = le32_of(0xfffffff0),
			       .cdw11 = le32_of(1), .cdw12 = le32_of(NVME_RW_FUA | 0xffff) };
	struct nvme_sqe log = { .opcode = NVME_ADMIN_GET_LOG_PAGE,
				.cdw10 = le32_of(0xffff0000), .cdw11 = le32_of(0xffff),
				.cdw12 = le32_of(4), .cdw13 = le32_of(1) };
	struct nvme_sqe connect = { .opcode = NVME_CMD_FABRICS, .fctype = NVMF_CONNECT };
	struct nvme_sqe auth = { .opcode = NVME_CMD_FABRICS, .fctype = NVMF_AUTH_RECV };

	assert_true(nvme_rw_slba(&rw) == 0x1fffffff0);
	assert_int_equal(nvme_rw_nlb(&rw), 65536);
	assert_int_equal(nvme_sqe_dir(&rw), NVME_DATA_TO_HOST);
	assert_int_equal(nvme_sqe_dir(&connect), NVME_DATA_TO_CTRL);
	assert_int_equal(nvme_sqe_dir(&auth), NVME_DATA_TO_HOST);
	assert_true(nvme_log_length(&log) == UINT64_C(1) << 34);
	assert_true(nvme_log_offset(&log) == 0x100000004);
	assert_int_equal(((uint8_t *)&rw)[48], 0xff);
	assert_int_equal(nvme_aer_dw0(NVME_AER_NOTICE, NVME_AER_NOTICE_DISC_CHANGED,
				      NVME_LOG_DISCOVERY), 0x70f002);
}

static void test_properties(void **state)
{
	uint64_t cap = 127 | UINT64_C(15) << NVME_CAP_TO_SHIFT | NVME_CAP_CSS_NVM;

	assert_int_equal(nvme_cap_queue_max(cap), 128);
	assert_int_equal(nvme_cap_timeout_ms(cap), 7500);
	assert_int_equal(NVME_VS(2, 1, 0), 0x20100);
	assert_int_equal(NVME_FLBAS_INDEX(0x65), 0x35);
	assert_true(nvme_cc_enabled(0x460001));
	assert_int_equal((0x460001 & NVME_CC_IOSQES_MASK) >> NVME_CC_IOSQES_SHIFT, NVME_SQES);
	assert_int_equal((0x460001 & NVME_CC_IOCQES_MASK) >> NVME_CC_IOCQES_SHIFT, NVME_CQES);
}

static void check_nqn(const char *nqn, enum nvmf_nqn_fault want)
{
	char field[NVMF_NQN_SIZE] = { 0 };

	memcpy(field, nqn, strnlen(nqn, sizeof(field)));
	if (nvmf_nqn_check(field, sizeof(field), NVMF_NQN_WANT_PREFIX) != want)
		fail_msg("'%s' %s", nqn, nvmf_nqn_fault_str(nvmf_nqn_check(field, sizeof(field),
							    NVMF_NQN_WANT_PREFIX)));
}

static void test_nqn(void **state)
{
	char longest[NVMF_NQN_SIZE + 1] = NVMF_NQN_UUID_PREFIX;

	check_nqn(NVMF_DISCOVERY_NQN, NVMF_NQN_OK);
	check_nqn("nqn.2014-08.io.weft:d\xc3\xadsk", NVMF_NQN_OK);
	check_nqn("", NVMF_NQN_EMPTY);
	check_nqn("nqn.2014-08.io.weft:a b", NVMF_NQN_BLANK);
	check_nqn("nqn.2014-08.io.weft:a\xc2\xa0" "b", NVMF_NQN_BLANK);
	check_nqn("nqn.2014-08.io.weft:a\n", NVMF_NQN_CONTROL);
	check_nqn("nqn.2014-08.io.weft:a\x7f", NVMF_NQN_CONTROL);
	check_nqn("nqn.2014-08.io.weft:\xff", NVMF_NQN_NOT_UTF8);
	check_nqn("nqn.2014-08.io.weft:\xc0\xaf", NVMF_NQN_NOT_UTF8);
	check_nqn("nqn.2014-08.io.weft:\xed\xa0\x80", NVMF_NQN_NOT_UTF8);
	check_nqn("nqn.2014-08.io.weft:\xe2\x82", NVMF_NQN_NOT_UTF8);
	check_nqn("disk1", NVMF_NQN_PREFIX);
	check_nqn("nqn.2014-8.io.weft:disk", NVMF_NQN_PREFIX);
	check_nqn("nqn.2014-08.", NVMF_NQN_PREFIX);

	memset(longest + strlen(longest), 'a', sizeof(longest) - 1 - strlen(longest));
	check_nqn(longest, NVMF_NQN_TOO_LONG);
	assert_int_equal(nvmf_nqn_check(longest, NVMF_NQN_MAX + 1, 0), NVMF_NQN_TOO_LONG);
	assert_int_equal(nvmf_nqn_check(longest, NVMF_NQN_MAX, 0), NVMF_NQN_OK);
	assert_int_equal(nvmf_nqn_check("disk1", 6, 0), NVMF_NQN_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_le),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_str),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_nqn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
