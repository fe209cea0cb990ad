# SPDX-License-Identifier: BSD-3-Clause
"""PDUs of NVMe/TCP (TCP transport 1.1, section 3.6): constants, building and parsing.

Building never refuses: every field of the common header can be forced, because half of what
the tests send is wrong on purpose. Parsing refuses what a controller must not send.
"""

import struct
from dataclasses import dataclass, field

from .crc32c import crc32c

ICREQ, ICRESP = 0x00, 0x01
H2CTERM, C2HTERM = 0x02, 0x03
CMD, RSP = 0x04, 0x05
H2CDATA, C2HDATA = 0x06, 0x07
R2T = 0x09

NAMES = {
    ICREQ: "ICReq", ICRESP: "ICResp", H2CTERM: "H2CTermReq", C2HTERM: "C2HTermReq",
    CMD: "CapsuleCmd", RSP: "CapsuleResp", H2CDATA: "H2CData", C2HDATA: "C2HData", R2T: "R2T",
}

F_HDGST, F_DDGST, F_LAST, F_SUCCESS = 1, 2, 4, 8  # FLAGS of the common header

# HLEN of each type
HLEN = {ICREQ: 128, ICRESP: 128, H2CTERM: 24, C2HTERM: 24, CMD: 72, RSP: 24,
        H2CDATA: 24, C2HDATA: 24, R2T: 24}

# Fatal Error Status of a TermReq; FEI is an offset for the first and the last
FES_INVALID_FIELD = 1
FES_SEQUENCE = 2
FES_HEADER_DIGEST = 3
FES_OUT_OF_RANGE = 4
FES_LIMIT = 5
FES_UNSUPPORTED = 6

# Offsets of fields, which a C2HTermReq names in FEI
OFF_TYPE, OFF_FLAGS, OFF_HLEN, OFF_PDO, OFF_PLEN = 0, 1, 2, 3, 4
OFF_PFV, OFF_HPDA, OFF_DGST, OFF_MAXR2T = 8, 10, 11, 12
OFF_CCCID, OFF_TTAG, OFF_DATAO, OFF_DATAL = 8, 10, 12, 16

TERM_MAX_PLEN = 152


def common_header(type_, plen, *, flags=0, hlen=None, pdo=0):
    """The eight bytes that begin every PDU."""
    hlen = HLEN.get(type_, 24) if hlen is None else hlen
    return struct.pack("<BBBBI", type_, flags, hlen, pdo, plen)


def build(type_, specific, data=b"", *, hdgst=False, ddgst=False, flags=0, align=1,
          force_flags=None, force_hlen=None, force_pdo=None, force_plen=None,
          force_hdgst=None, force_ddgst=None):
    """A whole PDU: common header, `specific` header, digests and `data`.

    `align` is CPDA in bytes. Each force_ argument replaces what would be right and changes
    nothing else, so that one wrong field stays the only one.
    """
    size = 8 + len(specific)
    pdo = 0
    plen = size + (4 if hdgst else 0)
    pad = 0
    if data:
        pdo = -(-plen // align) * align
        pad = pdo - plen
        plen = pdo + len(data) + (4 if ddgst else 0)
    if hdgst:
        flags |= F_HDGST
    if ddgst and data:
        flags |= F_DDGST

    def forced(value, right):
        return right if value is None else value

    header = common_header(type_, forced(force_plen, plen), flags=forced(force_flags, flags),
                           hlen=forced(force_hlen, size), pdo=forced(force_pdo, pdo)) + specific
    out = header
    if hdgst:
        out += struct.pack("<I", forced(force_hdgst, crc32c(header)))
    out += bytes(pad) + data
    if ddgst and data:
        out += struct.pack("<I", forced(force_ddgst, crc32c(data)))
    return out


def icreq(*, pfv=0, hpda=0, dgst=0, maxr2t=0, **force):
    """An ICReq; `maxr2t` is 0's based, as on the wire."""
    specific = struct.pack("<HBBI", pfv, hpda, dgst, maxr2t) + bytes(112)
    return build(ICREQ, specific, **force)


def h2cdata(cccid, ttag, offset, data, *, last=True, length=None, **kw):
    """An H2CData PDU; `length` forces DATAL."""
    specific = struct.pack("<HHIII", cccid, ttag, offset,
                           len(data) if length is None else length, 0)
    return build(H2CDATA, specific, data, flags=F_LAST if last else 0, **kw)


def h2cterm(fes, fei=0, data=b"", **force):
    """An H2CTermReq; it never carries digests."""
    plen = 24 + len(data)
    force.setdefault("force_plen", plen)
    return build(H2CTERM, struct.pack("<HI", fes, fei) + bytes(10), **force) + data


@dataclass
class Pdu:
    """A PDU received from the controller; `header` is all HLEN bytes."""

    type: int
    flags: int
    header: bytes
    data: bytes = field(repr=False, default=b"")

    @property
    def name(self):
        return NAMES.get(self.type, f"type {self.type:02x}h")

    def u16(self, offset):
        return struct.unpack_from("<H", self.header, offset)[0]

    def u32(self, offset):
        return struct.unpack_from("<I", self.header, offset)[0]

    # RSP
    @property
    def cqe(self):
        return self.header[8:24]

    # C2HData and R2T
    @property
    def cccid(self):
        return self.u16(8)

    @property
    def ttag(self):
        return self.u16(10)

    @property
    def offset(self):
        return self.u32(12)

    @property
    def length(self):
        return self.u32(16)

    # C2HTermReq
    @property
    def fes(self):
        return self.u16(8)

    @property
    def fei(self):
        return self.u32(10)
