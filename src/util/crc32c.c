/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC32C by isa-l, which picks the processor's best way at run time. */
#include "util/crc32c.h"

#include <isa-l/crc.h>

uint32_t crc32c(uint32_t crc, const void *bytes, size_t count)
{
	const unsigned char *at = bytes;

	crc = ~crc;
	/* isa-l counts in int */
	while (count > (1U << 30)) {
		crc = crc32_iscsi((unsigned char *)(uintptr_t)at, 1 << 30, crc);
		at += 1U << 30;
		count -= 1U << 30;
	}
	return ~crc32_iscsi((unsigned char *)(uintptr_t)at, (int)count, crc);
}
