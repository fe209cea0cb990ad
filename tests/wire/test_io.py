# SPDX-License-Identifier: BSD-3-Clause
"""Read, Write and Flush (NVM command set 1.1, section 3.3).

Wrong lengths and ranges are case 28 of hostile input, in test_hostile_capsule.py.
"""

import os

import pytest

from nvmetcp import command, status

pytestmark = pytest.mark.engine

BLOCKS = {1: (512, 131072), 2: (4096, 16384)}  # NSID: block size, blocks


@pytest.fixture(params=[1, 2], ids=["512", "4096"])
def ns(request):
    """(nsid, block size, blocks)"""
    return request.param, *BLOCKS[request.param]


@pytest.mark.parametrize("blocks", [1, 2, 7, 8, 33, 256])
def test_what_is_written_is_read(io, ns, blocks):
    nsid, block, _ = ns
    data = os.urandom(blocks * block)
    io.write(3, data, nsid=nsid, block=block)
    assert io.read(3, blocks, nsid=nsid, block=block) == data


def test_neighbours_are_untouched(io, ns):
    nsid, block, _ = ns
    io.write(10, b"\x11" * 3 * block, nsid=nsid, block=block)
    io.write(11, b"\x22" * block, nsid=nsid, block=block)
    assert io.read(10, 3, nsid=nsid, block=block) == \
        b"\x11" * block + b"\x22" * block + b"\x11" * block


def test_last_block(io, ns):
    nsid, block, blocks = ns
    data = os.urandom(block)
    io.write(blocks - 1, data, nsid=nsid, block=block)
    assert io.read(blocks - 1, 1, nsid=nsid, block=block) == data


@pytest.mark.parametrize("nsid", [0, 4, 6, 1025, 0xFFFFFFFE, 0xFFFFFFFF])
def test_namespace_that_is_not_there(io, nsid):
    io.read(0, 1, nsid=nsid, expect=status.INVALID_NAMESPACE)
    io.write(0, bytes(512), nsid=nsid, expect=status.INVALID_NAMESPACE)


def test_mdts(io):
    """2 MiB at once, and not a block more (Base 2.1, MDTS: Invalid Field in Command)."""
    assert len(io.read(0, 4096)) == 2 << 20
    io.read(0, 4097, expect=status.INVALID_FIELD)
    io.run(io.rw(command.WRITE, 1, 0, 4097), bytes(4097 * 512), expect=status.INVALID_FIELD)


def test_mdts_of_the_port(daemon, connect):
    io = connect(address=daemon.addresses()[1], sqsize=15).connect_io()
    assert len(io.read(0, 64)) == 32768
    io.read(0, 65, expect=status.INVALID_FIELD)


@pytest.mark.parametrize("fua", [False, True])
def test_fua(io, fua):
    data = os.urandom(4096)
    io.write(8, data, fua=fua)
    assert io.read(8, 8, fua=fua) == data


def test_flush(io, ns):
    io.flush(nsid=ns[0])


@pytest.mark.parametrize("nsid", [0, 4, 1025])
def test_flush_of_nothing(io, nsid):
    io.flush(nsid=nsid, expect=status.INVALID_NAMESPACE)


def test_flush_of_all_as_vwc_says(ctrl, io):
    """Identify Controller, VWC bits 2:1: 11b says NSID FFFFFFFFh flushes all, 10b that it fails."""
    broadcast = ctrl.identify(1)[525] >> 1 & 3
    assert broadcast in (2, 3), "since 1.4 a controller says which"
    io.flush(nsid=0xFFFFFFFF,
             expect=status.SUCCESS if broadcast == 3 else status.INVALID_NAMESPACE)


def test_overlapping_commands_all_complete(connect):
    io = connect().connect_io(sqsize=63)
    for turn in range(4):
        batch = []
        for index in range(20):
            batch.append(io.submit(io.rw(command.WRITE, 1, index * 8, 8), bytes([turn]) * 4096))
            batch.append(io.submit(io.rw(command.READ, 1, index * 8, 8), length=4096))
        for pending in batch:
            io.wait(pending)
    assert set(io.read(0, 160)) == {3}


def test_two_queues_see_one_namespace(ctrl):
    one, two = ctrl.connect_io(), ctrl.connect_io()
    data = os.urandom(8192)
    one.write(100, data)
    assert two.read(100, 16) == data


def test_two_ports_see_one_namespace(daemon, connect):
    one = connect().connect_io()
    two = connect(address=daemon.addresses()[1], sqsize=15).connect_io()
    data = os.urandom(8192)
    one.write(100, data)
    assert two.read(100, 16) == data


# a read-only namespace

@pytest.mark.parametrize("entry,data", [
    (lambda io: io.rw(command.WRITE, 3, 0, 1), bytes(512)),
    (lambda io: io.rw(command.WRITE_ZEROES, 3, 0, 1), b""),
    (lambda io: command.sqe(command.DSM, nsid=3, cdw10=0, cdw11=4), bytes(16)),
])
def test_read_only(io, entry, data):
    """Base 2.1, section 8.1.16: a write protected namespace fails them with 20h."""
    io.run(entry(io), data, expect=status.WRITE_PROTECTED)


def test_read_only_by_r2t(io):
    io.run(io.rw(command.WRITE, 3, 0, 8), bytes(4096), inline=False,
           expect=status.WRITE_PROTECTED)


def test_read_only_reads_and_flushes(io):
    assert io.read(0, 8, nsid=3) == bytes(4096)
    io.flush(nsid=3)


# the null backend

def test_null_reads_zeroes(io):
    io.write(0, b"\xff" * 4096, nsid=7)
    assert io.read(0, 8, nsid=7) == bytes(4096)
