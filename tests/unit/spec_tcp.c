/* SPDX-License-Identifier: BSD-3-Clause */
/* NVMe/TCP headers: what is let through, what is refused and how, and what the encoders write. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "spec/tcp.h"

#define H NVME_TCP_F_HDGST
#define D NVME_TCP_F_DDGST
#define ICD 8192

struct header_case {
	const char *name;
	struct { uint8_t type, flags, hlen, pdo; uint32_t plen; } ch;
	enum nvme_tcp_dir dir;
	bool hdgst, ddgst;
	uint16_t fes;		/* 0: passes */
	uint32_t fei;
};

#define CTRL NVME_TCP_TO_CTRL
#define HOST NVME_TCP_TO_HOST
#define FIELD NVME_TCP_FES_HEADER_FIELD

static const struct header_case cases[] = {
	{ "ICReq", { 0, 0, 128, 0, 128 }, .dir = CTRL },
	{ "ICReq, reserved flags", { 0, 0xff, 128, 7, 128 }, .dir = CTRL },
	{ "ICReq with digests on", { 0, 0, 128, 0, 128 }, .dir = CTRL, true, true },
	{ "ICReq, PLEN 127", { 0, 0, 128, 0, 127 }, CTRL, .fes = FIELD, .fei = 4 },
	{ "ICReq, PLEN 129", { 0, 0, 128, 0, 129 }, CTRL, .fes = FIELD, .fei = 4 },
	{ "ICReq, HLEN 0", { 0, 0, 0, 0, 128 }, CTRL, .fes = FIELD, .fei = 2 },
	{ "ICReq to a host", { 0, 0, 128, 0, 128 }, HOST, .fes = FIELD, .fei = 0 },
	{ "ICResp to a controller", { 1, 0, 128, 0, 128 }, CTRL, .fes = FIELD, .fei = 0 },
	{ "ICResp", { 1, 0, 128, 0, 128 }, .dir = HOST },
	{ "type 08h", { 8, 0, 24, 0, 24 }, CTRL, .fes = FIELD, .fei = 0 },
	{ "type FFh", { 255, 0, 24, 0, 24 }, CTRL, .fes = FIELD, .fei = 0 },
	{ "H2CTermReq", { 2, 0, 24, 0, 24 }, .dir = CTRL, true, true },
	{ "H2CTermReq, 152", { 2, 0, 24, 0, 152 }, .dir = CTRL },
	{ "H2CTermReq, 23", { 2, 0, 24, 0, 23 }, CTRL, .fes = FIELD, .fei = 4 },
	{ "H2CTermReq, 153", { 2, 0, 24, 0, 153 }, CTRL, .fes = FIELD, .fei = 4 },
	{ "C2HTermReq", { 3, 0, 24, 0, 28 }, .dir = HOST, true, false },
	{ "command", { 4, 0, 72, 0, 72 }, .dir = CTRL },
	{ "command, PDO without data", { 4, 0, 72, 99, 72 }, .dir = CTRL },
	{ "command, digest", { 4, H, 72, 0, 76 }, .dir = CTRL, true, false },
	{ "command, DDGSTF alone", { 4, D, 72, 0, 72 }, .dir = CTRL, .ddgst = true },
	{ "command, DDGSTF not negotiated", { 4, D, 72, 0, 72 }, CTRL, .fes = FIELD, .fei = 1 },
	{ "command, HDGSTF not negotiated", { 4, H, 72, 0, 76 }, CTRL, .fes = FIELD, .fei = 1 },
	{ "command, HDGSTF missing", { 4, 0, 72, 0, 76 }, CTRL, true, .fes = FIELD, .fei = 1 },
	{ "command, HLEN 24", { 4, 0, 24, 0, 72 }, CTRL, .fes = FIELD, .fei = 2 },
	{ "command, HLEN 255", { 4, 0, 255, 0, 255 }, CTRL, .fes = FIELD, .fei = 2 },
	{ "command, PLEN < HLEN", { 4, 0, 72, 0, 71 }, CTRL, .fes = FIELD, .fei = 4 },
	{ "command, PLEN without digest", { 4, H, 72, 0, 72 }, CTRL, true, .fes = FIELD, .fei = 4 },
	{ "command, PLEN FFFFFFFFh", { 4, 0, 72, 72, 0xffffffff }, CTRL, .fes = FIELD, .fei = 4 },
	{ "command with data", { 4, 0, 72, 72, 72 + ICD }, .dir = CTRL },
	{ "command with both digests", { 4, H | D, 72, 76, 76 + 512 + 4 },
	  .dir = CTRL, true, true },
	{ "command with padding", { 4, 0, 72, 128, 128 + 512 }, .dir = CTRL },
	{ "command, too much data", { 4, 0, 72, 72, 73 + ICD }, CTRL, .fes = FIELD, .fei = 4 },
	{ "command, PDO in the header", { 4, 0, 72, 68, 72 + 512 }, CTRL, .fes = FIELD, .fei = 3 },
	{ "command, PDO on the digest", { 4, H, 72, 72, 76 + 512 }, .dir = CTRL, true,
	  .fes = FIELD, .fei = 3 },
	{ "command, PDO odd", { 4, 0, 72, 73, 73 + 512 }, CTRL, .fes = FIELD, .fei = 3 },
	{ "command, PDO beyond", { 4, 0, 72, 76, 76 }, CTRL, .fes = FIELD, .fei = 3 },
	{ "command, PDO 255", { 4, 0, 72, 255, 100 }, CTRL, .fes = FIELD, .fei = 3 },
	{ "command, DDGSTF missing", { 4, 0, 72, 72, 72 + 516 }, CTRL, false, true,
	  .fes = FIELD, .fei = 1 },
	{ "command, only a data digest", { 4, D, 72, 72, 76 }, CTRL, false, true,
	  .fes = FIELD, .fei = 4 },
	{ "response", { 5, H, 24, 0, 28 }, .dir = HOST, true, true },
	{ "response, long", { 5, 0, 24, 0, 28 }, HOST, .fes = FIELD, .fei = 4 },
	{ "response to a controller", { 5, 0, 24, 0, 24 }, CTRL, .fes = FIELD, .fei = 0 },
	{ "H2CData", { 6, 0, 24, 24, 24 + 4096 }, .dir = CTRL },
	{ "H2CData of no bytes", { 6, 0, 24, 24, 24 }, CTRL, .fes = FIELD, .fei = 4 },
	{ "H2CData over MAXH2CDATA", { 6, 0, 24, 24, 24 + ICD + 4 }, CTRL,
	  .fes = NVME_TCP_FES_LIMIT },
	{ "C2HData", { 7, H | D | NVME_TCP_F_LAST, 24, 28, 28 + 4096 + 4 },
	  .dir = HOST, true, true },
	{ "C2HData, too long", { 7, 0, 24, 24, 24 + ICD + 4 }, HOST,
	  .fes = NVME_TCP_FES_OUT_OF_RANGE },
	{ "R2T", { 9, 0, 24, 0, 24 }, .dir = HOST },
	{ "R2T to a controller", { 9, 0, 24, 0, 24 }, CTRL, .fes = FIELD, .fei = 0 },
};

static uint8_t right_hlen(uint8_t type)
{
	return type < NVME_TCP_H2C_TERM ? 128 : type == NVME_TCP_CMD ? 72 : 24;
}

static void test_header_check(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct header_case *c = &cases[i];
		struct nvme_tcp_ch ch = { c->ch.type, c->ch.flags, c->ch.hlen, c->ch.pdo,
					  le32_of(c->ch.plen) };
		struct nvme_tcp_fault fault = { .fes = 0 };
		int r = nvme_tcp_header_check(&ch, c->dir, c->hdgst, c->ddgst, ICD, &fault);

		if (r != (c->fes ? -EPROTO : 0) || fault.fes != c->fes || fault.fei != c->fei)
			fail_msg("%s: returned %d, FES %u, FEI %u (%s)", c->name, r, fault.fes,
				 fault.fei, fault.what ? fault.what : "no fault");
	}
}

/* What one side encodes, the other lets through, with the same payload. */
static void check_passes(const struct nvme_tcp_ch *ch, enum nvme_tcp_dir dir,
			 const struct nvme_tcp_format *fmt, uint32_t datal)
{
	struct nvme_tcp_fault fault = { .what = "no fault" };

	if (nvme_tcp_header_check(ch, dir, fmt->hdgst, fmt->ddgst, ICD, &fault))
		fail_msg("%s: %s", nvme_tcp_type_str(ch->type), fault.what);
	assert_int_equal(nvme_tcp_data_len(ch, fmt->hdgst, fmt->ddgst), datal);
	if (datal)
		assert_int_equal(ch->pdo % ((fmt->pda + 1) * 4), 0);
}

static void test_encoders_pass_check(void **state)
{
	for (unsigned int bits = 0; bits < 8; bits++) {
		struct nvme_tcp_format fmt = { bits & 1, bits & 2, bits & 4 ? 31 : 0 };
		struct nvme_tcp_h2c_data h2c;
		struct nvme_tcp_c2h_data c2h;
		struct nvme_tcp_r2t r2t;
		struct nvme_tcp_cmd cmd;
		struct nvme_tcp_rsp rsp;

		nvme_tcp_put_cmd(&cmd, &fmt, 0);
		check_passes(&cmd.ch, NVME_TCP_TO_CTRL, &fmt, 0);
		nvme_tcp_put_cmd(&cmd, &fmt, 4096);
		check_passes(&cmd.ch, NVME_TCP_TO_CTRL, &fmt, 4096);
		nvme_tcp_put_rsp(&rsp, &fmt);
		check_passes(&rsp.ch, NVME_TCP_TO_HOST, &fmt, 0);
		nvme_tcp_put_h2c_data(&h2c, &fmt, 1, 2, 3, 512, true);
		check_passes(&h2c.ch, NVME_TCP_TO_CTRL, &fmt, 512);
		nvme_tcp_put_c2h_data(&c2h, &fmt, 1, 2, 512, NVME_TCP_F_LAST);
		check_passes(&c2h.ch, NVME_TCP_TO_HOST, &fmt, 512);
		nvme_tcp_put_r2t(&r2t, &fmt, 1, 2, 3, 4);
		check_passes(&r2t.ch, NVME_TCP_TO_HOST, &fmt, 0);
	}
}

/* Of whatever passes, the promises hold that callers build on. */
static void test_random_headers(void **state)
{
	uint64_t x = 88172645463325252;
	unsigned int passed = 0;

	for (unsigned int i = 0; i < 2000000; i++) {
		bool hdgst = i & 1, ddgst = i & 2;
		enum nvme_tcp_dir dir = i & 4 ? CTRL : HOST;
		struct nvme_tcp_fault fault = { .what = NULL };
		struct nvme_tcp_ch ch;
		uint32_t datal;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		memcpy(&ch, &x, sizeof(ch));
		ch.type &= 0xf;
		ch.hlen = x >> 60 ? right_hlen(ch.type) : ch.hlen;
		ch.flags &= x >> 61 ? (hdgst ? H : 0) | (ddgst ? D : 0) : 0xff;
		ch.pdo &= 0x7f;
		ch.plen.b[3] &= ch.plen.b[2] &= x >> 59 & 1 ? 0xff : 0;
		if (nvme_tcp_header_check(&ch, dir, hdgst, ddgst, ICD, &fault)) {
			assert_non_null(fault.what);
			continue;
		}
		passed++;
		assert_true(nvme_tcp_header_len(&ch, hdgst) <= le32_get(ch.plen));
		assert_true(ch.hlen <= NVME_TCP_HEADER_MAX);
		if (ch.type < NVME_TCP_CMD)
			continue;
		datal = nvme_tcp_data_len(&ch, hdgst, ddgst);
		assert_true(datal <= ICD);
		if (datal)
			assert_true(ch.pdo >= nvme_tcp_header_len(&ch, hdgst));
	}
	assert_true(passed > 1000);
}

static void test_encoded_bytes(void **state)
{
	static const uint8_t want_h2c[24] = {
		0x06, 0x07, 0x18, 0x1c, 0x20, 0x02, 0, 0,
		0x34, 0x12, 0x78, 0x56, 0x00, 0x00, 0x01, 0x00, 0x00, 0x02, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t want_term[24] = {
		0x03, 0x00, 0x18, 0x00, 0x60, 0, 0, 0, 0x01, 0x00, 0x04, 0, 0, 0,
	};
	struct nvme_tcp_format fmt = { .hdgst = true, .ddgst = true };
	struct nvme_tcp_fault fault = { .fes = NVME_TCP_FES_HEADER_FIELD, .fei = 4 };
	struct nvme_tcp_h2c_data h2c;
	struct nvme_tcp_term term;
	struct nvme_tcp_icreq icreq;

	nvme_tcp_put_h2c_data(&h2c, &fmt, 0x1234, 0x5678, 0x10000, 512, true);
	assert_memory_equal(&h2c, want_h2c, sizeof(want_h2c));
	nvme_tcp_put_term(&term, NVME_TCP_C2H_TERM, &fault, 72);
	assert_memory_equal(&term, want_term, sizeof(want_term));
	nvme_tcp_put_icreq(&icreq, 0, NVME_TCP_DGST_HDR, 3);
	assert_int_equal(((uint8_t *)&icreq)[11], 1);
	assert_int_equal(((uint8_t *)&icreq)[12], 3);
	assert_int_equal(((uint8_t *)&icreq)[4], 128);
}

static void test_names(void **state)
{
	for (unsigned int i = 0; i < 256; i++) {
		assert_non_null(nvme_tcp_type_str((uint8_t)i));
		assert_non_null(nvme_tcp_fes_str((uint16_t)i));
	}
	assert_string_equal(nvme_tcp_type_str(NVME_TCP_R2T), "R2T");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_check),
		cmocka_unit_test(test_encoders_pass_check),
		cmocka_unit_test(test_random_headers),
		cmocka_unit_test(test_encoded_bytes),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
