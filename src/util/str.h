/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings: a growing buffer, sizes with suffixes, UUIDs. */
#ifndef WEFT_UTIL_STR_H
#define WEFT_UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing string. Starts as {0}; `data` is owned, NUL-terminated after the first append. */
struct strbuf {
	char *data;
	size_t length, capacity;
	bool failed;	/* out of memory: appends do nothing more */
};

void strbuf_add(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_add_bytes(struct strbuf *buf, const void *bytes, size_t count);
void strbuf_done(struct strbuf *buf);
/* The string, now the caller's (free()); NULL where memory ran out. */
char *strbuf_take(struct strbuf *buf);

/* "64M" -> 67108864. K, M, G, T, P (and KiB, MiB ...) are powers of 1024. 0, -EINVAL or -ERANGE. */
int size_parse(const char *text, uint64_t *ret);
/* "64 MiB", "1.5 GiB": at most three digits. Returns buf. */
const char *size_format(uint64_t bytes, char *buf, size_t buf_size);
/* A whole decimal number in [low, high]. 0, -EINVAL or -ERANGE. */
int number_parse(const char *text, uint64_t low, uint64_t high, uint64_t *ret);

#define UUID_TEXT 37
/* Any 32 hex digits, dashes anywhere between bytes; 0 or -EINVAL. count: bytes wanted (8 or 16). */
int hex_parse(const char *text, uint8_t *ret_bytes, size_t count);
/* 8-4-4-4-12. */
void uuid_format(const uint8_t uuid[16], char out[UUID_TEXT]);
/* A random version 4 UUID. */
void uuid_random(uint8_t ret_uuid[16]);
/* A stable UUID (version 8) that is a digest of the text. */
void uuid_from_text(const char *text, uint8_t ret_uuid[16]);

/* Writes the uuid_from_text() of the buffer's text, and frees the buffer. 0 or -ENOMEM. */
int strbuf_take_uuid(struct strbuf *buf, char out[UUID_TEXT]);

/* Copies text into a fixed-size field, padded with `pad` and not terminated; longer text is cut. */
void pad_copy(void *field, size_t field_size, const char *text, char pad);

#endif
