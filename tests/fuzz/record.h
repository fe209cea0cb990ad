/* SPDX-License-Identifier: BSD-3-Clause */
/* Inputs of fixed-size records: what the fuzzers that read them share with their mutator. */
#ifndef TESTS_FUZZ_RECORD_H
#define TESTS_FUZZ_RECORD_H

#include <stdint.h>

#define RECORD_SIZE 16

static inline uint16_t record_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t record_u32(const uint8_t *at)
{
	return record_u16(at) | (uint32_t)record_u16(at + 2) << 16;
}

#endif
