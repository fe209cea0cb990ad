# SPDX-License-Identifier: BSD-3-Clause
"""A workload whose traces tell, after a crash, what was lost and what was torn.

Each logical block that is written says which block it is and which write made it, over all its
length. A block that is found torn, in the wrong place, older than the last flush that was answered,
or newer than anything that was sent, is a fault.
"""

import random
import struct

from nvmetcp import Closed, command, status

BLOCK = 512
MAGIC = 0x7765667463726173
BLOCKS = 2048           # of the disk that are used
SPAN = 24               # blocks of one write, at most
DEPTH = 16              # commands outstanding


def stamp(block, generation):
    return struct.pack("<QQQ8x", MAGIC, block, generation) * (BLOCK // 32)


def read_stamp(block, raw):
    """The generation of a block: 0 where it was never written. Asserts that it is whole."""
    if raw == bytes(BLOCK):
        return 0
    magic, number, generation = struct.unpack_from("<QQQ", raw)
    assert magic == MAGIC and number == block, f"block {block} holds something else"
    assert raw == stamp(block, generation), f"block {block} is torn"
    return generation


class Ledger:
    """What was sent, answered, and made durable."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.generation = 0
        self.durable = [0] * BLOCKS         # generation that must survive power loss
        self.answered = [0] * BLOCKS        # generation that must survive a crash of the daemon
        self.sent = [set() for _ in range(BLOCKS)]  # generations since the durable one
        self.busy = set()                   # blocks of writes that are outstanding
        self.flushes = self.writes = self.checked = 0

    # the workload

    def next_write(self):
        """(first block, generation, data) of a write that overlaps none that is outstanding."""
        while True:
            count = self.random.randint(1, SPAN)
            first = self.random.randrange(BLOCKS - count)
            blocks = range(first, first + count)
            if self.busy.isdisjoint(blocks):
                break
        self.generation += 1
        self.busy.update(blocks)
        for block in blocks:
            self.sent[block].add(self.generation)
        return first, self.generation, b"".join(stamp(block, self.generation) for block in blocks)

    def write_answered(self, first, count, generation, ok, fua):
        for block in range(first, first + count):
            self.busy.discard(block)
            if ok:
                self.answered[block] = generation
                if fua:
                    self.make_durable(block, generation)
        self.writes += ok

    def make_durable(self, block, generation):
        if generation > self.durable[block]:
            self.durable[block] = generation
            self.sent[block] = {sent for sent in self.sent[block] if sent > generation}

    def flush_answered(self, snapshot):
        """`snapshot`: self.answered as it was when the flush was sent."""
        for block, generation in enumerate(snapshot):
            self.make_durable(block, generation)
        self.flushes += 1

    def run(self, io, *, until=None):
        """Write and flush until the connection ends or until() says so; then what is outstanding
        stays unanswered. Statuses other than success end it as well."""
        outstanding = []
        try:
            while not (until and until()):
                while len(outstanding) < DEPTH:
                    outstanding.append(self._submit(io))
                if self._collect(io, outstanding):
                    return
        except (Closed, ConnectionError, OSError):
            pass
        finally:
            for ended in outstanding:
                if ended[0].completion and ended[0].completion.status == status.SUCCESS:
                    ended[1](True)
            self.busy.clear()

    def _submit(self, io):
        """(Pending, what to do when it was answered)."""
        if self.random.random() < 0.08:
            snapshot = list(self.answered)
            return (io.submit(command.sqe(command.FLUSH, nsid=1)),
                    lambda ok: ok and self.flush_answered(snapshot))
        first, generation, data = self.next_write()
        count = len(data) // BLOCK
        fua = self.random.random() < 0.05
        return (io.submit(io.rw(command.WRITE, 1, first, count, fua=fua), data),
                lambda ok: self.write_answered(first, count, generation, ok, fua))

    @staticmethod
    def _collect(io, outstanding):
        """Receive one answer at least; whether one of them was an error."""
        failed = False
        io.pump()
        for ended in [entry for entry in outstanding if entry[0].completion]:
            outstanding.remove(ended)
            ok = ended[0].completion.status == status.SUCCESS
            ended[1](ok)
            failed |= not ok
        return failed

    # the judgement

    def check(self, io, *, power_loss=False):
        """Read all of it, and go on from what is there."""
        for first in range(0, BLOCKS, 256):
            raw = io.read(first, 256)
            for block in range(first, first + 256):
                at = (block - first) * BLOCK
                self._check_block(block, read_stamp(block, raw[at:at + BLOCK]), power_loss)
        self.checked += 1

    def _check_block(self, block, found, power_loss):
        least = self.durable[block] if power_loss else self.answered[block]
        assert found >= least, (
            f"block {block} is at {found}: {'a flushed' if power_loss else 'an answered'} write, "
            f"{least}, is lost")
        assert found == self.durable[block] or found in self.sent[block] \
            or found == self.answered[block], f"block {block} is at {found}, which nobody sent"
        self.answered[block] = found
        # what did not survive is not to come back
        self.sent[block] = {found} if found > self.durable[block] else set()
