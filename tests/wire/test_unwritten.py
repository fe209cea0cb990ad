# SPDX-License-Identifier: BSD-3-Clause
"""A disk in memory that is sparse: what was never written reads as zeroes and takes no memory."""

import pathlib
import random
import re

import pytest

import nvmetcp
import weftconf
from nvmetcp import command

pytestmark = [pytest.mark.engine, pytest.mark.races]

MIB = 1 << 20
BLOCK = 4096
CHUNK = 2 * MIB // BLOCK    # in which weftd keeps in mind what was written


def namespace(size, **options):
    return weftconf.namespace(1, size=size, block_size=BLOCK, **options)


@pytest.fixture(params=["false", "true"], ids=["pages", "huge"])
def disk(weftd, request):
    """disk(size): a daemon with a disk of that size, served with huge pages or without."""
    def start(size):
        return weftd(weftconf.config([weftconf.subsystem(
            "sparse", [namespace(size, huge_pages=request.param)])]))
    return start


def connect(daemon, **options):
    return nvmetcp.connect_admin(daemon.address, weftconf.nqn("sparse"), **options)


def page_tables(daemon):
    """KiB."""
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(re.search(r"VmPTE:\s+(\d+)", text).group(1))


def test_reading_all_of_it_at_random_takes_no_memory(disk):
    daemon = disk("1G")
    order = list(range(0, 1 << 30, MIB))    # in each huge page twice
    random.Random(1).shuffle(order)
    with connect(daemon) as ctrl:
        io = ctrl.connect_io()
        io.read(0, MIB // BLOCK, block=BLOCK)
        before, tables = daemon.memory_kib(), page_tables(daemon)
        for at in order:
            assert io.read(at // BLOCK, 4, block=BLOCK) == bytes(4 * BLOCK)
        assert daemon.memory_kib() - before < 16 * 1024
        assert page_tables(daemon) - tables < 1024, "it is mapped, if to the kernel's zeroes"


@pytest.mark.parametrize("digests", [False, True])
def test_data_among_what_was_never_written(disk, digests):
    """Reads of up to 2 MiB across the borders of what is written, zeroed and discarded."""
    blocks = 8 * CHUNK
    kept = bytearray(blocks * BLOCK)
    rng = random.Random(7)
    with connect(disk(str(len(kept))), hdgst=digests, ddgst=digests) as ctrl:
        io = ctrl.connect_io()
        for step in range(150):
            border = rng.randrange(1, 8) * CHUNK
            count = rng.choice((1, 8, 64, 64 if digests else CHUNK))    # the peer's CRC is slow
            at = min(max(0, border - rng.randrange(count + 1)), blocks - count)
            where = slice(at * BLOCK, (at + count) * BLOCK)
            what = rng.choice(("read", "read", "write", "zero", "discard"))
            if what == "write":
                count = min(count, 64)
                where = slice(at * BLOCK, (at + count) * BLOCK)
                kept[where] = bytes([1 + step % 255]) * (count * BLOCK)
                io.write(at, bytes(kept[where]), block=BLOCK)
            elif what == "zero":
                io.write_zeroes(at, count, deallocate=True)
                kept[where] = bytes(count * BLOCK)
            elif what == "discard":
                io.dsm([(at, count)])
                kept[where] = bytes(count * BLOCK)
            else:
                assert io.read(at, count, block=BLOCK) == kept[where], f"step {step}"
        for at in range(0, 0 if digests else blocks - CHUNK + 1, CHUNK // 2):
            assert io.read(at, CHUNK, block=BLOCK) == kept[at * BLOCK:(at + CHUNK) * BLOCK]


def test_a_host_that_dies_while_it_writes_leaves_what_came(disk):
    """Blocks of a large write that had come are there, although the write never ended."""
    daemon = disk("8M")
    ctrl = connect(daemon)
    io = ctrl.connect_io()
    pending = io.submit(io.rw(command.WRITE, 1, CHUNK, 32), b"\xe0" * 131072, inline=False,
                        manual=True)
    r2t = io.wait_r2t(pending)
    io.conn.send_h2cdata(pending.cid, r2t.ttag, 0, b"\xe0" * 65536, last=False)
    io.close()
    ctrl.close()
    with connect(daemon) as other:
        reader = other.connect_io()
        reader.write(CHUNK + 100, b"\x01" * BLOCK, block=BLOCK)    # the chunk is written now
        data = reader.read(CHUNK, 32, block=BLOCK)
        for at in range(0, len(data), BLOCK):
            assert data[at:at + BLOCK] in (bytes(BLOCK), b"\xe0" * BLOCK)
