/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Little-endian integers as they stand on the wire: byte arrays, so that a structure of them has
 * no padding, may lie at any address and cannot be read by mistake in the host's byte order.
 */
#ifndef WEFT_SPEC_LE_H
#define WEFT_SPEC_LE_H

#include <stdint.h>
#include <string.h>

typedef struct { uint8_t b[2]; } le16;
typedef struct { uint8_t b[4]; } le32;
typedef struct { uint8_t b[8]; } le64;
typedef struct { uint8_t b[16]; } le128;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LE_SWAP16(v) (v)
#define LE_SWAP32(v) (v)
#define LE_SWAP64(v) (v)
#else
#define LE_SWAP16(v) __builtin_bswap16(v)
#define LE_SWAP32(v) __builtin_bswap32(v)
#define LE_SWAP64(v) __builtin_bswap64(v)
#endif

static inline uint16_t le16_get(le16 w)
{
	uint16_t v;

	memcpy(&v, w.b, sizeof(v));
	return LE_SWAP16(v);
}

static inline uint32_t le32_get(le32 w)
{
	uint32_t v;

	memcpy(&v, w.b, sizeof(v));
	return LE_SWAP32(v);
}

static inline uint64_t le64_get(le64 w)
{
	uint64_t v;

	memcpy(&v, w.b, sizeof(v));
	return LE_SWAP64(v);
}

static inline le16 le16_of(uint16_t v)
{
	le16 w;

	v = LE_SWAP16(v);
	memcpy(w.b, &v, sizeof(v));
	return w;
}

static inline le32 le32_of(uint32_t v)
{
	le32 w;

	v = LE_SWAP32(v);
	memcpy(w.b, &v, sizeof(v));
	return w;
}

static inline le64 le64_of(uint64_t v)
{
	le64 w;

	v = LE_SWAP64(v);
	memcpy(w.b, &v, sizeof(v));
	return w;
}

/* A 128-bit counter from 64 bits: none of ours outgrows them. */
static inline le128 le128_of(uint64_t v)
{
	le128 w = { { 0 } };

	v = LE_SWAP64(v);
	memcpy(w.b, &v, sizeof(v));
	return w;
}

/* The value of a 128-bit counter, UINT64_MAX where it does not fit. */
static inline uint64_t le128_get(le128 w)
{
	uint64_t v, high;

	memcpy(&v, w.b, sizeof(v));
	memcpy(&high, w.b + sizeof(v), sizeof(high));
	return high ? UINT64_MAX : LE_SWAP64(v);
}

#endif
