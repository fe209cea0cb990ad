# SPDX-License-Identifier: BSD-3-Clause
"""What dm-log-writes has recorded of a disk: in which order writes became durable.

The kernel's Documentation/admin-guide/device-mapper/log-writes.rst: a write is recorded once a
flush that came after its end has ended, or at its own end with FUA; so each prefix of the log is
what a loss of power can leave behind, but for what Replay says.
"""

import struct
from dataclasses import dataclass

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
BLOCK = 512


@dataclass
class Entry:
    flags: int
    offset: int         # bytes
    length: int         # bytes
    data: bytes         # of a write; the text of a mark


def entries(path):
    """The log, in its order."""
    with open(path, "rb") as log:
        magic, version, count, size = struct.unpack("<QQQI", log.read(28))
        assert (magic, version) == (MAGIC, 1), "there is no log"
        log.seek(size)
        for _ in range(count):
            head = log.read(size)
            sector, sectors, flags, length = struct.unpack_from("<QQQQ", head)
            data = head[32:32 + length]
            if not flags & (DISCARD | MARK):
                data = log.read(sectors * size)
            yield Entry(flags, sector * size, sectors * size, data)


class Replay:
    """A disk as the log's entries leave it, one after the other.

    The log's order is not the disk's: a write with FUA is recorded at once, and one that ended before
    it only with the next flush; and of two flushes at a time, the one that began later, with the
    newer writes, may end first. So `age` tells the age of a block (bytes), or None, and no older one
    takes the place of a newer one. That holds for writes that never overlap while they are
    outstanding.
    """

    def __init__(self, size, age):
        self.image, self.age = bytearray(size), age
        self.newest = {}        # offset: age of what is there

    def apply(self, entry):
        if entry.flags & DISCARD:
            self.image[entry.offset:entry.offset + entry.length] = bytes(entry.length)
        elif not entry.flags & MARK:
            for at in range(0, entry.length, BLOCK):
                self._write(entry.offset + at, entry.data[at:at + BLOCK])

    def _write(self, offset, data):
        age = self.age(data)
        if age is not None:
            if age < self.newest.get(offset, 0):
                return
            self.newest[offset] = age
        self.image[offset:offset + BLOCK] = data
