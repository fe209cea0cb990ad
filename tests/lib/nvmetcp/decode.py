# SPDX-License-Identifier: BSD-3-Clause
"""Fields of the data structures that tests look at, by offset."""

import struct
from dataclasses import dataclass


def u8(data, at):
    return data[at]


def u16(data, at):
    return struct.unpack_from("<H", data, at)[0]


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def u128(data, at):
    return int.from_bytes(data[at:at + 16], "little")


def text(data, at, size):
    """A space-padded ASCII field (SN, MN, FR, TRSVCID, TRADDR)."""
    return data[at:at + size].decode("ascii").rstrip(" \0")


def nqn(data, at):
    """A NUL-terminated NQN in its 256 bytes."""
    raw = data[at:at + 256]
    assert b"\0" in raw, "NQN without a terminator"
    return raw[:raw.index(b"\0")].decode()


def nsid_list(data):
    """An NSID list: ascending, zero-filled to the end."""
    values = [value for (value,) in struct.iter_unpack("<I", data)]
    count = values.index(0) if 0 in values else len(values)
    assert not any(values[count:]), "something follows the end of an NSID list"
    assert values[:count] == sorted(set(values[:count])), "NSID list not ascending"
    return values[:count]


def descriptors(data):
    """Namespace identification descriptors (Identify CNS 03h) as {type: value}."""
    found, at = {}, 0
    while at < len(data) and data[at + 1]:
        kind, size = data[at], data[at + 1]
        assert kind not in found, f"descriptor type {kind} twice"
        found[kind] = data[at + 4:at + 4 + size]
        at += 4 + size
    assert not any(data[at:]), "something follows the last descriptor"
    return found


@dataclass
class Namespace:
    """Identify Namespace (CNS 00h)."""

    nsze: int
    ncap: int
    nuse: int
    block: int
    nmic: int
    nsattr: int
    nguid: bytes
    eui64: bytes

    @classmethod
    def parse(cls, data):
        flbas = data[26] & 0xF | data[26] >> 1 & 0x30
        assert flbas <= data[25], "FLBAS beyond NLBAF"
        lbaf = u32(data, 128 + 4 * flbas)
        return cls(u64(data, 0), u64(data, 8), u64(data, 16), 1 << (lbaf >> 16 & 0xFF),
                   data[30], data[99], data[104:120], data[120:128])


@dataclass
class DiscoveryEntry:
    """An entry of the discovery log page (base 2.1, section 5.2.12.3.1)."""

    trtype: int
    adrfam: int
    subtype: int
    treq: int
    portid: int
    cntlid: int
    asqsz: int
    eflags: int
    trsvcid: str
    subnqn: str
    traddr: str
    sectype: int

    REFERRAL = 1
    SUBSYSTEM = 2
    CURRENT = 3

    @classmethod
    def parse(cls, raw):
        return cls(raw[0], raw[1], raw[2], raw[3], u16(raw, 4), u16(raw, 6), u16(raw, 8),
                   u16(raw, 10), text(raw, 32, 32), nqn(raw, 256), text(raw, 512, 256), raw[768])


@dataclass
class DiscoveryLog:
    """The discovery log page: its generation counter and entries."""

    genctr: int
    entries: list

    @classmethod
    def read(cls, ctrl, rae=False):
        """Read as libnvme does: header, all records, header again, and anew if it has changed."""
        for _ in range(5):
            header = ctrl.get_log(0x70, 1024, nsid=0, rae=True)
            count = u64(header, 8)
            assert u16(header, 16) == 0, "RECFMT"
            raw = ctrl.get_log(0x70, 1024 * count, offset=1024, nsid=0, rae=True) if count else b""
            again = ctrl.get_log(0x70, 1024, nsid=0, rae=rae)
            if again[:8] == header[:8]:
                break
        assert again[:16] == header[:16], "GENCTR moves all the time, or the log without it"
        return cls(u64(header, 0), [DiscoveryEntry.parse(raw[at:at + 1024])
                                    for at in range(0, len(raw), 1024)])

    def named(self, subtype):
        return [entry.subnqn for entry in self.entries if entry.subtype == subtype]
