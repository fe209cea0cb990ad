# SPDX-License-Identifier: BSD-3-Clause
"""The commands that a target serves, a row each, and which of their bits mean something.

A row's `used` names what must stay as it is for the command to do what the test expects; every
other bit of its 64 bytes is one that a host may set without being refused: reserved fields, those
of features that are not there, hints. `sgl` says whether the data pointer is one of the used.
"""

import struct
from dataclasses import dataclass, field

import nvmetcp
from nvmetcp import command

# Where a row is served
ADMIN, IO, DISCOVERY = "admin", "io", "discovery"

EVERY = 0xFFFFFFFF
SMART, ANA, EFFECTS, FEATURES_LOG, DISCOVERY_LOG = 0x02, 0x0C, 0x05, 0x12, 0x70
LOG = {10: 0xFFFF80FF, 11: 0xFFFF, 12: EVERY, 13: EVERY, 14: 1 << 23}


@dataclass(frozen=True)
class Row:
    name: str
    where: str
    entry: bytes
    used: dict = field(default_factory=dict)    # {dword: its bits}; opcode, FUSE and CID always
    data: bytes = b""           # to the controller
    length: int = 0             # from the controller

    @property
    def transfers(self):
        return bool(self.data or self.length)

    @property
    def fabrics(self):
        return self.entry[0] == command.FABRICS

    def free_bits(self):
        """The positions (0 to 511) of the bits that a host may set; their value is 0 in `entry`."""
        used = [0] * 16
        used[0] = 0xFFFF00FF | (0 if self.fabrics else 0x0300)
        if self.fabrics:
            used[1] = 0xFF      # FCTYPE
        if self.transfers:
            # PSDT; the SGL's length and type, and its address where it is an offset
            used[0] |= 0xC000
            used[8], used[9] = EVERY, 0xFF000000
            if self.data:
                used[6] = used[7] = EVERY
        for dword, bits in self.used.items():
            used[dword] |= bits
        words = struct.unpack("<16I", self.entry)
        return [32 * dword + bit for dword in range(16) for bit in range(32)
                if not (used[dword] | words[dword]) >> bit & 1]

    def with_bit(self, position):
        changed = bytearray(self.entry)
        changed[position // 8] |= 1 << position % 8
        return bytes(changed)


def _admin(name, opcode, used=None, *, where=ADMIN, data=b"", length=0, **kw):
    return Row(name, where, command.sqe(opcode, **kw), used or {}, data, length)


def _identify(name, cns, used=None, **kw):
    return _admin(f"identify {name}", command.IDENTIFY, {10: 0xFF, **(used or {})}, length=4096,
                  cdw10=cns, **kw)


def _log(name, lid, length, used=None, **kw):
    return Row(f"log {name}", kw.pop("where", ADMIN),
               command.get_log(lid, length // 4 - 1, nsid=0, **kw), {**LOG, **(used or {})},
               b"", length)


def _feature(name, fid, value=0, bits=0, **kw):
    """Get and Set of one: `bits` are those of its value that may not be set to anything."""
    setting = _admin(f"set {name}", command.SET_FEATURES,
                     {1: EVERY, 10: 0x800000FF, 11: bits}, cdw10=fid, cdw11=value, **kw)
    kw.pop("data", None)
    return [setting, _admin(f"get {name}", command.GET_FEATURES, {10: 0x7FF}, cdw10=fid, **kw)]


def _fabrics(name, fctype, specific=b"", used=None):
    return Row(name, ADMIN, command.fabrics(fctype, specific), used or {})


def _io(name, opcode, used=None, **kw):
    data, length = kw.pop("data", b""), kw.pop("length", 0)
    return Row(name, IO, command.sqe(opcode, nsid=1, **kw), {1: EVERY, **(used or {})}, data, length)


RANGE = {10: EVERY, 11: EVERY, 12: 0xFFFF}
PROPERTY = {10: 0x07, 11: EVERY}

# Those that can be sent over and over on one queue
ROWS = [
    _identify("controller", 0x01),
    _identify("namespace", 0x00, {1: EVERY}, nsid=1),
    _identify("active namespaces", 0x02, {1: EVERY}),
    _identify("descriptors", 0x03, {1: EVERY}, nsid=1),
    _identify("namespace of a command set", 0x05, {1: EVERY, 11: 0xFF000000}, nsid=1),
    _identify("controller of a command set", 0x06, {11: 0xFF000000}),
    _identify("controllers", 0x13, {10: 0xFFFF00FF}),
    _identify("controller", 0x01, where=DISCOVERY),
    _log("supported pages", 0x00, 1024),
    _log("errors", 0x01, 64),
    _log("SMART", SMART, 512, {1: EVERY}),
    _log("effects", EFFECTS, 4096, {14: 0xFF800000}),
    _log("ANA", ANA, 16),
    _log("features", FEATURES_LOG, 1024),
    _log("discovery", DISCOVERY_LOG, 1024, where=DISCOVERY),
    *_feature("arbitration", 0x01),
    *_feature("power management", 0x02, bits=0x1F),
    *_feature("temperature", 0x04, bits=0x003F0000, value=400)[:1],
    *_feature("volatile write cache", 0x06, 1, bits=1),
    *_feature("asynchronous events", 0x0B),
    *_feature("keep alive", 0x0F, bits=EVERY),
    *_feature("asynchronous events", 0x0B, where=DISCOVERY),
    _admin("set host behavior", command.SET_FEATURES, {1: EVERY, 10: 0x800000FF}, cdw10=0x16,
           data=bytes(512)),
    _admin("get host behavior", command.GET_FEATURES, {10: 0x7FF}, cdw10=0x16, length=512),
    _admin("get the capabilities of host behavior", command.GET_FEATURES, {10: 0x7FF},
           cdw10=0x316),
    _admin("get host identifier", command.GET_FEATURES, {10: 0x7FF, 11: 1}, cdw10=0x81, cdw11=1,
           length=16),
    _admin("abort", command.ABORT, {10: EVERY}, cdw10=0xFFFF0001),
    _admin("keep alive", command.KEEP_ALIVE),
    _admin("keep alive", command.KEEP_ALIVE, where=DISCOVERY),
    _fabrics("property get", command.PROPERTY_GET, struct.pack("<B3xI", 0, 0x1C), PROPERTY),
    # CC stays what it is; the upper half of the value is no part of a property of 4 bytes
    _fabrics("property set", command.PROPERTY_SET,
             struct.pack("<B3xIQ", 0, 0x14, nvmetcp.CC_ENABLE), {**PROPERTY, 12: EVERY}),
    _io("read", command.READ, RANGE, length=512),
    _io("write", command.WRITE, RANGE, data=bytes(512)),
    _io("write zeroes", command.WRITE_ZEROES, RANGE),
    _io("flush", command.FLUSH),
    _io("dataset management", command.DSM, {10: 0xFF}, data=bytes(16)),
]

ASYNC_EVENT = _admin("asynchronous event request", command.ASYNC_EVENT)
# CATTR's SQ flow control is the host's business; its other bits are hints
CONNECT = Row("connect", ADMIN, nvmetcp.connect_entry(),
              {10: EVERY, 11: 0x0004FFFF, 12: EVERY}, bytes(1024))
DISCONNECT = Row("disconnect", IO, command.fabrics(command.DISCONNECT), {10: 0xFFFF})

# Bytes of Connect's data that are reserved
CONNECT_DATA_RESERVED = [*range(18, 256), *range(768, 1024)]
