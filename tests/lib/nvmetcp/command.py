# SPDX-License-Identifier: BSD-3-Clause
"""Submission queue entries and completions."""

import struct
from dataclasses import dataclass, field

from . import status

# Admin opcodes
GET_LOG_PAGE, IDENTIFY, ABORT = 0x02, 0x06, 0x08
SET_FEATURES, GET_FEATURES, ASYNC_EVENT, KEEP_ALIVE = 0x09, 0x0A, 0x0C, 0x18
FABRICS = 0x7F
# Fabrics command types
PROPERTY_SET, CONNECT, PROPERTY_GET = 0x00, 0x01, 0x04
AUTH_SEND, AUTH_RECEIVE, DISCONNECT = 0x05, 0x06, 0x08
# I/O opcodes
FLUSH, WRITE, READ, COMPARE, WRITE_ZEROES, DSM = 0x00, 0x01, 0x02, 0x05, 0x08, 0x09

# SGL descriptor types with their subtypes
SGL_IN_CAPSULE = 0x01   # data block, offset
SGL_TRANSPORT = 0x5A    # transport data block, transport-specific
SGL_DATA_ADDRESS = 0x00
SGL_BIT_BUCKET = 0x10
SGL_SEGMENT = 0x20
SGL_LAST_SEGMENT = 0x30
SGL_KEYED = 0x40

PSDT_SGL = 0x40  # FLAGS of every Fabrics command: PSDT 01b


def sgl(type_, length, address=0):
    return struct.pack("<QI3xB", address, length, type_)


def sqe(opcode, *, nsid=0, cdw2=0, cdw3=0, cdw10=0, cdw11=0, cdw12=0, cdw13=0, cdw14=0, cdw15=0,
        flags=PSDT_SGL, cid=0):
    """64 bytes with an empty data pointer; the queue fills in CID and SGL."""
    return struct.pack("<BBHIIIQ16x6I", opcode, flags, cid, nsid, cdw2, cdw3, 0,
                       cdw10, cdw11, cdw12, cdw13, cdw14, cdw15)


def get_log(lid, numd, *, offset=0, nsid=0xFFFFFFFF, lsp=0, rae=False, lsi=0, csi=0, ot=0):
    """Get Log Page; `numd` counts dwords from 0."""
    return sqe(GET_LOG_PAGE, nsid=nsid,
               cdw10=lid | lsp << 8 | (1 << 15 if rae else 0) | (numd & 0xFFFF) << 16,
               cdw11=numd >> 16 | lsi << 16, cdw12=offset & 0xFFFFFFFF, cdw13=offset >> 32,
               cdw14=ot << 23 | csi << 24)


def fabrics(fctype, specific=b"", *, flags=PSDT_SGL):
    """A Fabrics command; `specific` is what follows the SGL, from byte 40."""
    assert len(specific) <= 24
    return struct.pack("<BBHB35x", FABRICS, flags, 0, fctype) + specific.ljust(24, b"\0")


def with_cid(entry, cid):
    return entry[:2] + struct.pack("<H", cid) + entry[4:]


def with_sgl(entry, descriptor):
    return entry[:24] + descriptor + entry[40:]


@dataclass
class Completion:
    """A completion queue entry, and the data that came before it."""

    dw0: int
    dw1: int
    sqhd: int
    sqid: int
    cid: int
    status_field: int  # as on the wire: phase bit, then the 15 bits
    data: bytes = field(default=b"", repr=False)
    by_success_flag: bool = False  # C2HData with SUCCESS, no response capsule

    @classmethod
    def parse(cls, raw):
        return cls(*struct.unpack("<IIHHHH", raw))

    @property
    def status(self):
        """SCT << 8 | SC"""
        return self.status_field >> 1 & 0x7FF

    @property
    def dnr(self):
        return bool(self.status_field & 0x8000)

    @property
    def more(self):
        return bool(self.status_field & 0x4000)

    @property
    def result64(self):
        return self.dw1 << 32 | self.dw0

    def expect(self, *codes):
        """Assert that the status is one of `codes` (usually one); returns self."""
        assert self.status in codes, (
            f"status {status.name(self.status)}{' DNR' if self.dnr else ''} (DW0 {self.dw0:#x}), "
            f"expected {' or '.join(status.name(code) for code in codes)}")
        return self
