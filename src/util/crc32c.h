/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC32C (Castagnoli), as NVMe/TCP's digests use it. */
#ifndef WEFT_UTIL_CRC32C_H
#define WEFT_UTIL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of the bytes, continuing from `crc`, the CRC of what came before (0 at the start). */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
