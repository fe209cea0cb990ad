/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings: see str.h. */
#include "util/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/cleanup.h"

static bool strbuf_reserve(struct strbuf *buf, size_t more)
{
	size_t want = buf->length + more + 1;
	size_t capacity = buf->capacity ? buf->capacity : 64;
	char *data;

	if (buf->failed)
		return false;
	if (want <= buf->capacity)
		return true;
	while (capacity < want)
		capacity *= 2;
	data = realloc(buf->data, capacity);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

void strbuf_add_bytes(struct strbuf *buf, const void *bytes, size_t count)
{
	if (!strbuf_reserve(buf, count))
		return;
	if (count)
		memcpy(buf->data + buf->length, bytes, count);
	buf->length += count;
	buf->data[buf->length] = '\0';
}

void strbuf_add(struct strbuf *buf, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || !strbuf_reserve(buf, (size_t)n))
		return;
	va_start(args, format);
	vsnprintf(buf->data + buf->length, (size_t)n + 1, format, args);
	va_end(args);
	buf->length += (size_t)n;
}

void strbuf_done(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf){ 0 };
}

char *strbuf_take(struct strbuf *buf)
{
	char *data;

	if (!buf->data)
		strbuf_reserve(buf, 0);
	if (buf->failed) {
		strbuf_done(buf);
		return NULL;
	}
	data = buf->data;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): data is set unless growing failed */
	data[buf->length] = '\0';
	*buf = (struct strbuf){ 0 };
	return data;
}

int number_parse(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || value < low || value > high)
		return -ERANGE;
	*ret = value;
	return 0;
}

int size_parse(const char *text, uint64_t *ret)
{
	static const char suffixes[] = "kmgtp";
	unsigned long long value;
	unsigned int shift = 0;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end) {
		const char *suffix = strchr(suffixes, tolower((unsigned char)*end));

		if (suffix) {
			shift = 10 * (unsigned int)(suffix - suffixes + 1);
			end++;
			if (*end == 'i')
				end++;
		}
		if (*end == 'B')
			end++;
		if (*end)
			return -EINVAL;
	}
	if (shift && value >> (64 - shift))
		return -ERANGE;
	*ret = value << shift;
	return 0;
}

const char *size_format(uint64_t bytes, char *buf, size_t buf_size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	unsigned int unit = 0;

	while (value >= 1024 && unit < 6) {
		value /= 1024;
		unit++;
	}
	if (value == (double)(uint64_t)value)
		snprintf(buf, buf_size, "%.0f %s", value, units[unit]);
	else
		snprintf(buf, buf_size, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value,
			 units[unit]);
	return buf;
}

int hex_parse(const char *text, uint8_t *ret_bytes, size_t count)
{
	uint8_t bytes[16];
	size_t n = 0;

	if (count > sizeof(bytes))
		return -EINVAL;
	while (*text) {
		unsigned int value;
		char pair[3];

		if (*text == '-' && n) {
			text++;
			continue;
		}
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    n == count)
			return -EINVAL;
		memcpy(pair, text, 2);
		pair[2] = '\0';
		value = (unsigned int)strtoul(pair, NULL, 16);
		bytes[n++] = (uint8_t)value;
		text += 2;
	}
	if (n != count)
		return -EINVAL;
	memcpy(ret_bytes, bytes, count);
	return 0;
}

void uuid_format(const uint8_t uuid[16], char out[UUID_TEXT])
{
	char *at = out;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		at += sprintf(at, "%02x", uuid[i]);
	}
}

static void uuid_set_version(uint8_t uuid[16], unsigned int version)
{
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | version << 4);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

void uuid_random(uint8_t ret_uuid[16])
{
	while (getrandom(ret_uuid, 16, 0) != 16)
		;
	uuid_set_version(ret_uuid, 4);
}

/* FNV-1a, two lanes with different offsets: not a secret, only stable and well spread. */
void uuid_from_text(const char *text, uint8_t ret_uuid[16])
{
	uint64_t lanes[2] = { 0xcbf29ce484222325, 0x9ae16a3b2f90404f };

	for (const char *c = text; *c; c++) {
		for (int i = 0; i < 2; i++)
			lanes[i] = (lanes[i] ^ (uint8_t)*c) * 0x100000001b3;
		lanes[1] ^= lanes[0] >> 29;
	}
	for (int i = 0; i < 2; i++) {
		lanes[i] ^= lanes[i] >> 33;
		lanes[i] *= 0xff51afd7ed558ccd;
		lanes[i] ^= lanes[i] >> 33;
		for (int b = 0; b < 8; b++)
			ret_uuid[i * 8 + b] = (uint8_t)(lanes[i] >> (56 - 8 * b));
	}
	uuid_set_version(ret_uuid, 8);
}

int strbuf_take_uuid(struct strbuf *buf, char out[UUID_TEXT])
{
	_cleanup_free_ char *text = strbuf_take(buf);
	uint8_t uuid[16];

	if (!text)
		return -ENOMEM;
	uuid_from_text(text, uuid);
	uuid_format(uuid, out);
	return 0;
}

void pad_copy(void *field, size_t field_size, const char *text, char pad)
{
	size_t length = strlen(text);

	memset(field, pad, field_size);
	memcpy(field, text, length < field_size ? length : field_size);
}
