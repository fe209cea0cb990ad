/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of NVMe Qualified Names (NVMe Base 2.1, 4.7). */
#include "spec/fabrics.h"

#include <stdbool.h>
#include <string.h>

/*
 * The length of the UTF-8 sequence at p, of at most n bytes, and its code point; 0 if it is
 * malformed, overlong, a surrogate or beyond U+10FFFF.
 */
static size_t utf8_decode(const unsigned char *p, size_t n, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
		     p[0] < 0xf8 ? 4 : 0;
	uint32_t code;

	if (len == 0 || len > n)
		return 0;
	code = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return len;
}

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static bool is_blank(uint32_t code)
{
	return code == 0x20 || code == 0xa0 || code == 0x1680 ||
	       (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
	       code == 0x202f || code == 0x205f || code == 0x3000;
}

/* "nqn.yyyy-mm." and something after it. */
static bool has_prefix(const char *nqn, size_t len)
{
	static const char shape[] = "nqn.dddd-dd.";
	const size_t n = sizeof(shape) - 1;

	if (len <= n)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool digit = nqn[i] >= '0' && nqn[i] <= '9';

		if (shape[i] == 'd' ? !digit : nqn[i] != shape[i])
			return false;
	}
	return true;
}

enum nvmf_nqn_fault nvmf_nqn_check(const char *nqn, size_t size, unsigned int flags)
{
	size_t len = strnlen(nqn, size);
	uint32_t code = 0;

	if (len == 0)
		return NVMF_NQN_EMPTY;
	if (len > NVMF_NQN_MAX)
		return NVMF_NQN_TOO_LONG;
	for (size_t i = 0, step; i < len; i += step) {
		step = utf8_decode((const unsigned char *)nqn + i, len - i, &code);
		if (step == 0)
			return NVMF_NQN_NOT_UTF8;
		if (is_control(code))
			return NVMF_NQN_CONTROL;
		if (is_blank(code))
			return NVMF_NQN_BLANK;
	}
	if ((flags & NVMF_NQN_WANT_PREFIX) && !has_prefix(nqn, len))
		return NVMF_NQN_PREFIX;
	return NVMF_NQN_OK;
}

const char *nvmf_nqn_fault_str(enum nvmf_nqn_fault fault)
{
	switch (fault) {
	case NVMF_NQN_OK: return "is valid";
	case NVMF_NQN_EMPTY: return "is empty; it must have 1 to 223 bytes";
	case NVMF_NQN_TOO_LONG: return "is too long; it may have at most 223 bytes";
	case NVMF_NQN_NOT_UTF8: return "is not valid UTF-8";
	case NVMF_NQN_CONTROL: return "has a control character; use printable ones only";
	case NVMF_NQN_BLANK: return "has white space; use none";
	case NVMF_NQN_PREFIX: return "does not start as nqn.yyyy-mm.domain, "
				     "for example nqn.2014-08.io.weft:disk1";
	}
	return "has an unknown fault";
}
