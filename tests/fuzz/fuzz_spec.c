/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The codecs of src/spec and the texts that src/util reads. The first byte says
 * which; what was found good must hold what its header promises, and what is
 * encoded must be found good.
 */
#include <string.h>

#include "fuzz.h"
#include "record.h"
#include "spec/fabrics.h"
#include "spec/status.h"
#include "spec/tcp.h"
#include "util/crc32c.h"
#include "util/str.h"

/* A copy that ends where the input does, with a NUL behind it. */
static char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	fuzz_assert(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* A received header: after 0, its lengths are such that nobody reads outside of the PDU. */
static void check_header(const uint8_t *data, size_t size)
{
	struct nvme_tcp_fault fault = { 0 };
	struct nvme_tcp_ch ch;
	uint32_t maxdata, plen, head, length;
	bool hdgst, ddgst;
	enum nvme_tcp_dir dir;

	if (size < 5 + sizeof(ch))
		return;
	hdgst = data[0] & 1;
	ddgst = data[0] & 2;
	dir = data[0] & 4 ? NVME_TCP_TO_HOST : NVME_TCP_TO_CTRL;
	maxdata = record_u32(data + 1);
	memcpy(&ch, data + 5, sizeof(ch));
	fuzz_assert(*nvme_tcp_type_str(ch.type));
	if (nvme_tcp_header_check(&ch, dir, hdgst, ddgst, maxdata, &fault) < 0) {
		fuzz_assert(fault.what && fault.fes && *nvme_tcp_fes_str(fault.fes));
		fuzz_assert(fault.fei < sizeof(ch));
		return;
	}
	plen = le32_get(ch.plen);
	head = nvme_tcp_header_len(&ch, hdgst);
	fuzz_assert(ch.hlen <= NVME_TCP_HEADER_MAX && head <= plen);
	if (ch.type < NVME_TCP_CMD)
		return;
	length = nvme_tcp_data_len(&ch, hdgst, ddgst);
	fuzz_assert(length <= maxdata);
	if (length)
		fuzz_assert(ch.pdo >= head &&
			    (uint64_t)ch.pdo + length + (ddgst ? NVME_TCP_DIGEST_LEN : 0) == plen);
}

static void expect_good(const struct nvme_tcp_ch *ch, enum nvme_tcp_dir dir,
			const struct nvme_tcp_format *fmt, uint32_t length)
{
	struct nvme_tcp_fault fault;

	fuzz_assert(nvme_tcp_header_check(ch, dir, fmt->hdgst, fmt->ddgst, length, &fault) == 0);
	if (ch->type < NVME_TCP_CMD)
		return;
	fuzz_assert(nvme_tcp_data_len(ch, fmt->hdgst, fmt->ddgst) == length);
	if (length)
		fuzz_assert(ch->pdo % ((fmt->pda + 1u) * 4) == 0);
}

static void encode_capsules(const struct nvme_tcp_format *fmt, const uint8_t *r)
{
	uint32_t length = record_u32(r) & 0xffffff;
	struct nvme_tcp_cmd cmd;
	struct nvme_tcp_rsp rsp;

	nvme_tcp_put_cmd(&cmd, fmt, length);
	expect_good(&cmd.ch, NVME_TCP_TO_CTRL, fmt, length);
	nvme_tcp_put_rsp(&rsp, fmt);
	expect_good(&rsp.ch, NVME_TCP_TO_HOST, fmt, 0);
}

static void encode_data(const struct nvme_tcp_format *fmt, const uint8_t *r)
{
	uint32_t offset = record_u32(r), length = (record_u32(r + 4) & 0xffffff) + 1;
	uint16_t cid = record_u16(r + 8), ttag = record_u16(r + 10);
	struct nvme_tcp_h2c_data h2c;
	struct nvme_tcp_c2h_data c2h;
	struct nvme_tcp_r2t r2t;

	nvme_tcp_put_h2c_data(&h2c, fmt, cid, ttag, offset, length, r[12] & 1);
	expect_good(&h2c.ch, NVME_TCP_TO_CTRL, fmt, length);
	fuzz_assert(le32_get(h2c.datao) == offset && le32_get(h2c.datal) == length);
	fuzz_assert(le16_get(h2c.ttag) == ttag && le16_get(h2c.cccid) == cid);
	nvme_tcp_put_c2h_data(&c2h, fmt, cid, offset, length,
			      r[12] & (NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS));
	expect_good(&c2h.ch, NVME_TCP_TO_HOST, fmt, length);
	fuzz_assert(le32_get(c2h.datao) == offset && le32_get(c2h.datal) == length);
	nvme_tcp_put_r2t(&r2t, fmt, cid, ttag, offset, length);
	expect_good(&r2t.ch, NVME_TCP_TO_HOST, fmt, 0);
	fuzz_assert(le32_get(r2t.r2to) == offset && le32_get(r2t.r2tl) == length);
}

static void encode_plain(const struct nvme_tcp_format *fmt, const uint8_t *r)
{
	const struct nvme_tcp_fault fault = { .fes = record_u16(r), .fei = record_u32(r + 2) };
	struct nvme_tcp_icresp resp;
	struct nvme_tcp_icreq req;
	struct nvme_tcp_term term;

	nvme_tcp_put_icreq(&req, r[6], r[7], record_u32(r + 8));
	expect_good(&req.ch, NVME_TCP_TO_CTRL, fmt, 0);
	nvme_tcp_put_icresp(&resp, r[6], r[7], record_u32(r + 8));
	expect_good(&resp.ch, NVME_TCP_TO_HOST, fmt, 0);
	nvme_tcp_put_term(&term, r[12] & 1 ? NVME_TCP_H2C_TERM : NVME_TCP_C2H_TERM, &fault,
			  r[13] % (NVME_TCP_TERM_DATA_MAX + 1));
	expect_good(&term.ch, r[12] & 1 ? NVME_TCP_TO_CTRL : NVME_TCP_TO_HOST, fmt, 0);
	fuzz_assert(le16_get(term.fes) == fault.fes && le32_get(term.fei) == fault.fei);
}

static void encode(const uint8_t *data, size_t size)
{
	struct nvme_tcp_format fmt;

	if (size < 16)
		return;
	fmt = (struct nvme_tcp_format){ .hdgst = data[0] & 1, .ddgst = data[0] & 2,
					.pda = data[1] % (NVME_TCP_HPDA_MAX + 1) };
	encode_capsules(&fmt, data + 2);
	encode_data(&fmt, data + 2);
	encode_plain(&fmt, data + 2);
}

static void nqn(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);
	enum nvmf_nqn_fault free_form = nvmf_nqn_check((const char *)data, size, 0);
	enum nvmf_nqn_fault strict = nvmf_nqn_check((const char *)data, size, NVMF_NQN_WANT_PREFIX);

	fuzz_assert(*nvmf_nqn_fault_str(strict));
	/* it ends at the first NUL or at the end of the field, to the same effect */
	fuzz_assert(nvmf_nqn_check(text, size + 1, 0) == free_form);
	fuzz_assert(strict == free_form ||
		    (free_form == NVMF_NQN_OK && strict == NVMF_NQN_PREFIX));
	if (free_form == NVMF_NQN_OK)
		fuzz_assert(strlen(text) <= NVMF_NQN_MAX && !strpbrk(text, " \t\r\n"));
	free(text);
}

static void status(const uint8_t *data, size_t size)
{
	if (size < 3)
		return;
	fuzz_assert(*nvme_status_str((struct nvme_status){ record_u16(data) }, data[2] % 3));
}

static void texts(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), out[64], word[8];
	uint64_t value = 0;
	uint8_t bytes[16];
	char uuid[UUID_TEXT], again[UUID_TEXT];
	uint8_t copy[16];

	if (size_parse(text, &value) == 0)
		fuzz_assert(*size_format(value, out, sizeof(out)));
	if (number_parse(text, 3, 1000, &value) == 0)
		fuzz_assert(value >= 3 && value <= 1000);
	if (hex_parse(text, bytes, 16) == 0) {
		uuid_format(bytes, uuid);
		fuzz_assert(hex_parse(uuid, copy, 16) == 0);
		fuzz_assert(memcmp(bytes, copy, 16) == 0);
	}
	hex_parse(text, bytes, 8);
	uuid_from_text(text, bytes);
	uuid_format(bytes, uuid);
	uuid_from_text(text, bytes);
	uuid_format(bytes, again);
	fuzz_assert(strcmp(uuid, again) == 0 && uuid[14] == '8');
	pad_copy(word, sizeof(word), text, ' ');
	free(text);
}

/* What is appended comes out again. */
static void growing(const uint8_t *data, size_t size)
{
	struct strbuf buf = { 0 };
	char *text = text_of(data, size), *all;
	size_t length = strlen(text);

	strbuf_add_bytes(&buf, data, size);
	strbuf_add(&buf, "%s%zu", text, size);
	all = strbuf_take(&buf);
	fuzz_assert(all && (!size || memcmp(all, data, size) == 0));
	fuzz_assert(memcmp(all + size, text, length) == 0 && !buf.data);
	free(all);
	free(text);
}

/* In pieces it is the same as at once. */
static void crc(const uint8_t *data, size_t size)
{
	size_t head;

	if (!size)
		return;
	head = data[0] % size;
	fuzz_assert(crc32c(crc32c(0, data, head), data + head, size - head) ==
		    crc32c(0, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const codecs[])(const uint8_t *, size_t) = {
		check_header, encode, nqn, status, texts, crc, growing,
	};

	if (size)
		codecs[data[0] % (sizeof(codecs) / sizeof(codecs[0]))](data + 1, size - 1);
	return 0;
}
