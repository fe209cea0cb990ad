# SPDX-License-Identifier: BSD-3-Clause
"""CRC32C (Castagnoli), as both digests of NVMe/TCP use it: initial value ~0, final invert."""

import struct

_POLYNOMIAL = 0x82F63B78  # reflected


def _make_tables():
    """Eight tables of 256, so that crc32c() advances eight bytes a step."""
    first = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        first.append(crc)
    tables = [first]
    for _ in range(7):
        last = tables[-1]
        tables.append([(crc >> 8) ^ first[crc & 0xFF] for crc in last])
    return tables


_T0, _T1, _T2, _T3, _T4, _T5, _T6, _T7 = _make_tables()


def crc32c(data):
    """The digest of `data` as an integer; on the wire it is little-endian."""
    crc = 0xFFFFFFFF
    whole = len(data) & ~7
    for low, high in struct.iter_unpack("<II", memoryview(data)[:whole]):
        low ^= crc
        crc = (
            _T7[low & 0xFF] ^ _T6[low >> 8 & 0xFF] ^ _T5[low >> 16 & 0xFF] ^ _T4[low >> 24]
            ^ _T3[high & 0xFF] ^ _T2[high >> 8 & 0xFF] ^ _T1[high >> 16 & 0xFF] ^ _T0[high >> 24]
        )
    for byte in data[whole:]:
        crc = (crc >> 8) ^ _T0[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
