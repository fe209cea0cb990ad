# SPDX-License-Identifier: BSD-3-Clause
"""Every command that reaches what a disk lies on, and what must come of it."""

import os

from nvmetcp import status

UNIT = 64 << 10     # of one command, bytes


def check_reads(io, block, nsid=1):
    """A disk of zeroes that hosts can only read."""
    assert io.read(0, UNIT // block, block=block, nsid=nsid) == bytes(UNIT)
    io.write(0, bytes(block), block=block, nsid=nsid, expect=status.WRITE_PROTECTED)


def check_data(io, block, nsid=1):
    """A disk that takes all of them: read, write, FUA, flush, write zeroes, deallocate."""
    blocks, data = UNIT // block, os.urandom(UNIT)
    io.write(blocks, data, block=block, nsid=nsid)
    io.write(2 * blocks, data, block=block, nsid=nsid, fua=True)
    io.flush(nsid=nsid)
    for slba in (blocks, 2 * blocks):
        assert io.read(slba, blocks, block=block, nsid=nsid) == data
    io.write_zeroes(blocks, blocks, nsid=nsid)
    assert io.read(blocks, blocks, block=block, nsid=nsid) == bytes(UNIT)
    for start in (0, 1):     # what is zeroed or deallocated has just been written, and not flushed
        io.write(blocks, data, block=block, nsid=nsid)
        io.write_zeroes(blocks + start, blocks - start, nsid=nsid, deallocate=bool(start))
        assert io.read(blocks + start, blocks - start, block=block, nsid=nsid) == bytes(
            UNIT - start * block)
    io.write(2 * blocks, data, block=block, nsid=nsid)
    io.dsm([(2 * blocks, blocks)], nsid=nsid)
    assert io.read(2 * blocks, blocks, block=block, nsid=nsid) in (data, bytes(UNIT))
    io.write(2 * blocks, bytes(UNIT), block=block, nsid=nsid)
    io.flush(nsid=nsid)
