# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, beyond the list: what a peer may do to keep it from others."""

import contextlib
import os
import struct
import time

import pytest

import weftconf
from nvmetcp import HostId, command, connect_admin, pdu, status, wait_until
from nvmetcp.command import with_cid, with_sgl
from weftconf import nqn

MIB = 1 << 20


# work that is large for its size on the wire

@pytest.mark.parametrize("blocks", [32767, 32768, 65536])
def test_many_large_zeroes(connect, blocks):
    """Up to 32 MiB each, of memory that was written; 120 at once."""
    io = connect().connect_io(sqsize=127)
    io.write(0, b"\x77" * MIB)
    stream = b"".join(io.prepare(io.rw(command.WRITE_ZEROES, 1, index % 2, blocks))[1]
                      for index in range(120))
    batch = list(io.pending.values())
    io.conn.send(stream)
    for pending in batch:
        io.wait(pending)
    assert not any(io.read(1, 2047))


def test_many_discards_of_many_ranges(connect):
    """256 ranges, each the whole namespace; 120 at once."""
    io = connect().connect_io(sqsize=127)
    ranges = struct.pack("<IIQ", 0, 131072, 0) * 256
    stream = b"".join(io.prepare(command.sqe(command.DSM, nsid=1, cdw10=255, cdw11=4), ranges)[1]
                      for _ in range(120))
    batch = list(io.pending.values())
    io.conn.send(stream)
    for pending in batch:
        io.wait(pending)


def test_many_errors(connect):
    """Each goes into the log of errors, under a lock that others take at Connect."""
    io = connect().connect_io(sqsize=127)
    for _ in range(20):
        stream = b"".join(io.prepare(io.rw(0x7D, 1, 0, 1))[1] for _ in range(120))
        batch = list(io.pending.values())
        io.conn.send(stream)
        for pending in batch:
            io.wait(pending, status.INVALID_OPCODE)


def test_many_aborts_from_many_hosts(connect):
    """Of commands on another reactor, which complete at the same time."""
    with contextlib.ExitStack() as stack:
        ctrls = [connect() for _ in range(4)]
        for ctrl in ctrls:
            ctrl.admin.check_sqhd = False
            io = ctrl.connect_io(sqsize=63)
            stack.callback(io.close)
        for _ in range(20):
            for ctrl in ctrls:
                io = ctrl.io[0]
                batch = [io.submit(io.rw(command.READ, 1, index, 8), length=4096)
                         for index in range(16)]
                aborts = [ctrl.submit_abort(1, pending.cid) for pending in batch[:4]]
                for pending in batch:
                    io.wait(pending, status.SUCCESS, status.ABORT_REQUESTED)
                for abort in aborts:
                    ctrl.admin.wait(abort, status.SUCCESS, status.ABORT_LIMIT)


def test_the_shortest_keep_alive(daemon, connect):
    """One millisecond is rounded to what KAS says, and costs no processor."""
    for _ in range(8):
        connect(kato=1)
    before = daemon.cpu_seconds()
    time.sleep(0.3)
    assert daemon.cpu_seconds() - before < 0.2


# what is begun and not gone on with

def half_a_write(io):
    entry = with_sgl(with_cid(io.rw(command.WRITE, 1, 0, 32), 1),
                     command.sgl(command.SGL_IN_CAPSULE, 16384))
    return io.conn.build_pdu(pdu.CMD, entry, bytes(16384))[:5000]


def test_half_a_capsule_on_each_of_many_queues(connect):
    ctrl = connect()
    for qid in range(1, 61):
        io = ctrl.connect_io(qid=qid)
        io.conn.send(half_a_write(io))
    time.sleep(0.1)


def hold_all_buffers(daemon, stack):
    """Hosts by many names let writes wait for their data until no buffer is left."""
    for number in range(8):
        ctrl = stack.enter_context(connect_admin(daemon.address, nqn("one"),
                                                 host=HostId.make(f"holder {number}")))
        for nsid in (1, 2, 3, 4):
            # a queue is asked for so much at a time: each has one of its own
            io = ctrl.connect_io(qid=nsid, sqsize=127)
            for size in (MIB, 131072, 8192):
                for _ in range(9):
                    io.submit(io.rw(command.WRITE, nsid, 0, size // 512), bytes(size),
                              inline=False, manual=True)


@pytest.mark.timed
def test_all_buffers_are_taken(besieged, folder):
    """Neither small I/O nor admin commands fail or wait for it."""
    namespaces = []
    for nsid in (1, 2, 3, 4):
        path = folder / f"{nsid}.img"
        path.touch()
        os.truncate(path, 2 * MIB)
        namespaces.append(weftconf.namespace(nsid, path=path))
    config = weftconf.config([weftconf.subsystem("one", namespaces)])
    daemon = besieged(config, args=["--max-buffers", "64M"])
    with contextlib.ExitStack() as stack:
        hold_all_buffers(daemon, stack)
        wait_until(lambda: daemon.taken()["buffers"] > 55 * MIB)
        with connect_admin(daemon.address, nqn("one")) as ctrl:
            ctrl.connect_io().write(0, bytes(4096))
