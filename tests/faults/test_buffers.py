# SPDX-License-Identifier: BSD-3-Clause
"""Who gets the I/O buffers that a reactor's hosts share, when there are few: everybody, in turn."""

import contextlib
import random
import select
import time

import pytest

import weftconf
from faultlib import faulty
from nvmetcp import HostId, command, connect_discovery, status, wait_until
from others import Others, prompt
from timing import within

pytestmark = [pytest.mark.engine, pytest.mark.races]

FEW = ["--max-buffers", "16M"]      # of which a host has 4 MiB, and a namespace 8
LARGE = 2 << 20
SMALL = 64 << 10


def read(io, nsid, size):
    return io.submit(io.rw(command.READ, nsid, 0, size // 512), length=size)


def write(io, nsid, size):
    return io.submit(io.rw(command.WRITE, nsid, 0, size // 512), bytes(size), inline=False)


def queue_of(running, stack, name, **options):
    """An I/O queue of a host of that name."""
    return stack.enter_context(running.connect(host=HostId.make(name))).connect_io(**options)


def hosts(running, stack, count):
    return [queue_of(running, stack, f"host {index}", sqsize=127) for index in range(count)]


def long_page():
    """Asks a discovery controller for much more than there is."""
    return command.get_log(0, LARGE // 4 - 1)


def finish(queues, seconds=30.0):
    """Receives for all of them until every command has its answer."""
    deadline = time.monotonic() + seconds
    by_socket = {io.conn.sock: io for io in queues}
    while any(io.pending for io in queues):
        left = {len(io.pending) for io in queues}
        assert time.monotonic() < deadline, f"{left} commands have no answer"
        for sock in select.select(list(by_socket), [], [], 0.1)[0]:
            by_socket[sock].pump()


def empty(running):
    wait_until(lambda: running.daemon.taken()["buffers"] == 0, what="all buffers given back")


def test_a_burst_of_all_sizes(rig, folder):
    """Commands of all sizes, of several hosts, for two disks, many times what there is: all are
    answered, and nothing else happens then that could wake up one which was forgotten."""
    running = rig([faulty(1, folder / "1.sock"), faulty(2, folder / "2.sock")], args=FEW)
    sizes = [4096, 8192, 12288, SMALL, 3 * SMALL, 1 << 20, LARGE]
    chance = random.Random(4)
    for fault in running.faults.values():
        fault("delay read 2")
        fault("delay write 1")
    with contextlib.ExitStack() as stack:
        queues = hosts(running, stack, 5)
        for _ in range(3):
            for _ in range(60):
                for io in queues:
                    chance.choice([read, write])(io, chance.choice([1, 2]), chance.choice(sizes))
            finish(queues)
        empty(running)


class Storm:
    """Small reads, so many at a time, over and over: more than there are buffers for."""

    def __init__(self, queues, nsid=1, depth=120):
        self.queues = {io.conn.sock: io for io in queues}
        self.nsid = nsid
        for io in queues:
            for _ in range(depth):
                read(io, nsid, SMALL)

    def turn(self):
        for sock in select.select(list(self.queues), [], [], 0.01)[0]:
            io = self.queues[sock]
            before = len(io.pending)
            io.pump()
            for _ in range(before - len(io.pending)):
                read(io, self.nsid, SMALL)


@pytest.mark.parametrize("whose, count", [("its host", 1), ("its namespace", 3), ("all", 5)])
@pytest.mark.parametrize("what", [read, write])
def test_a_large_one_among_many_small(rig, folder, whose, count, what):
    """What comes later and is smaller does not overtake a large command for ever: neither of its
    host, nor of its namespace, nor of the others where all that there is is taken."""
    namespaces = [faulty(nsid, folder / f"{nsid}.sock") for nsid in (1, 2)]
    running = rig(namespaces, args=FEW)
    for fault in running.faults.values():
        # not all at a time: buffers come back one by one
        for odds, delay in ((5, 7), (4, 13), (3, 23), (2, 31), (1, 41)):
            fault(f"delay read {delay} odds {odds}")
    with contextlib.ExitStack() as stack:
        queues = hosts(running, stack, count)
        if whose == "its host":
            io = queue_of(running, stack, "host 0")
        else:
            io = queue_of(running, stack, "large")
            # it has something already: it is not one of those that hold little
            for nsid in (1, 2):
                read(io, nsid, 1 << 20)
        storms = [Storm(queues)]
        if whose == "all":
            storms.append(Storm(hosts(running, stack, count)[::-1], nsid=2))
        started = time.monotonic()
        while time.monotonic() - started < 0.5:
            for storm in storms:
                storm.turn()
        large = what(io, 1, LARGE)
        deadline = time.monotonic() + 20
        while large.completion is None:
            assert time.monotonic() < deadline, "the large one never had its turn"
            for storm in storms:
                storm.turn()
            if select.select([io.conn.sock], [], [], 0)[0]:
                io.pump()
        large.completion.expect(0)


@pytest.mark.timed
def test_data_of_admin_commands(rig, folder):
    """A host that asks for all of a long log page, often, and takes nothing, keeps only itself
    waiting: on a discovery controller, which is open to everybody."""
    running = rig([faulty(1, folder / "1.sock"), weftconf.namespace(2)], args=FEW)
    with contextlib.ExitStack() as greedy:
        queues = [greedy.enter_context(connect_discovery(
            running.daemon.address, host=HostId.make(f"greedy {index}"), sqsize=127,
            rcvbuf=4096)).admin for index in range(8)]
        batch = [(queue, queue.submit(long_page(), length=LARGE))
                 for queue in queues for _ in range(4)]
        time.sleep(0.3)
        assert running.daemon.taken()["buffers"] <= LARGE
        with Others(running), contextlib.ExitStack() as stack:
            for io in hosts(running, stack, 2):
                with prompt(running):
                    read(io, 1, LARGE)
                    write(io, 1, LARGE)
                    finish([io])
            time.sleep(0.3)
        finish(queues)
        page, = {bytes(pending.completion.data) for _, pending in batch}
        assert len(page) == LARGE
    empty(running)


def test_a_reset_ends_what_waits(rig, folder):
    """An admin command that waits for a buffer is forgotten with the reset of its controller."""
    running = rig([faulty(1, folder / "1.sock")], args=FEW)
    with connect_discovery(running.daemon.address, sqsize=127, rcvbuf=4096) as ctrl:
        batch = [ctrl.admin.submit(long_page(), length=LARGE) for _ in range(30)]
        ctrl.disable()
        ctrl.enable()
        ctrl.admin.quiet(0.3)
        # some were on their way already
        assert batch[0].completion and not batch[-1].completion
    empty(running)


@pytest.mark.timed
@pytest.mark.parametrize("goes", [True, False])
def test_no_room_for_a_large_one(rig, folder, goes):
    """Disks that hang keep so much that a large command finds no room. A smaller one of another
    host does: at once, if the large one is aborted, or else a moment later."""
    running = rig([faulty(nsid, folder / f"{nsid}.sock") for nsid in (1, 2, 3)], args=FEW)
    with contextlib.ExitStack() as stack:
        for nsid in (1, 2):
            running.faults[nsid]("hang read")
        queues = hosts(running, stack, 4)
        for io, nsid, sizes in zip(queues, (1, 1, 2, 2), ([2, 2], [2, 2], [2, 2], [1])):
            for size in sizes:
                read(io, nsid, size << 20)
        running.faults[1]("wait 4")
        running.faults[2]("wait 3")
        assert running.daemon.taken()["buffers"] == 13 << 20
        ctrl = stack.enter_context(running.connect(host=HostId.make("large")))
        io = ctrl.connect_io()
        large = read(io, 3, LARGE)
        io.quiet(0.1)
        other = queue_of(running, stack, "other")
        if goes:
            ctrl.abort(io.qid, large.cid)
        for _ in range(3):
            with within(2, "a read of 1 MiB"):
                other.read(0, 2048, nsid=3)
        running.let_go()
        finish([*queues, io])
    empty(running)


def test_what_waits_for_a_namespace_that_goes(rig, folder):
    """A host waits with commands for a disk because another, which hangs, has its share of the
    buffers. When the disk is removed they are answered, not left with the one that hangs."""
    running = rig([faulty(1, folder / "1.sock"), faulty(2, folder / "2.sock")], args=FEW)
    ctrl = running.connect()
    io = ctrl.connect_io(sqsize=127)
    for fault in running.faults.values():
        fault("hang read")
    hangs = [read(io, nsid, LARGE) for nsid in (1, 1, 2)]
    running.faults[1]("wait 2")
    running.faults[2]("wait 1")
    waiting = [read(io, 2, LARGE) for _ in range(20)] + [write(io, 2, LARGE) for _ in range(5)]
    io.quiet(0.2)
    running.daemon.reload(weftconf.changed(
        running.daemon.config, lambda c: c["subsystems"][0]["namespaces"].pop(1)))
    for pending in waiting:
        io.wait(pending, status.INVALID_NAMESPACE)
    assert not any(pending.completion for pending in hangs)


def test_who_leaves_makes_room(rig, folder):
    """The first of those that wait are of a connection that ends, or are aborted: the next go on,
    though no buffer has come back."""
    running = rig([faulty(1, folder / "1.sock"), faulty(2, folder / "2.sock")], args=FEW)
    ctrl, other = running.connect(), running.connect()
    first, second, third = ctrl.connect_io(sqsize=127), other.connect_io(), ctrl.connect_io()
    running.fault("hang read")
    # 3 of the host's 4 MiB
    for size in (LARGE, 1 << 20):
        read(second, 1, size)
    running.fault("wait 2")
    waiting = [read(first, 1, LARGE) for _ in range(20)]
    behind = [read(third, 1, SMALL) for _ in range(4)]
    third.quiet(0.2)
    for pending in waiting[:10]:
        ctrl.abort(first.qid, pending.cid)
    running.fault("wait 2")
    first.conn.reset()
    running.fault("wait 6")
    running.fault("clear")
    running.fault("release")
    for pending in behind:
        third.wait(pending)


@pytest.mark.parametrize("cut", [False, True])
def test_data_within_commands(rig, folder, cut):
    """It cannot wait: beyond half of what there is a host is told to try again, whether its
    capsules come whole or in pieces. Another host is not."""
    running = rig([faulty(1, folder / "1.sock"), faulty(2, folder / "2.sock"),
                   faulty(3, folder / "3.sock")], args=FEW)
    with contextlib.ExitStack() as stack:
        for nsid in (1, 2):
            running.faults[nsid]("hang write")
        ctrl = stack.enter_context(running.connect(host=HostId.make("greedy")))
        queues, batch = [], []
        for index in range(8):
            io = ctrl.connect_io(sqsize=127)
            assert io.inline >= 16384
            if cut:
                io.conn.send = in_two(io.conn)
            batch += [io.submit(io.rw(command.WRITE, 1 + index % 2, number * 32, 32), bytes(16384))
                      for number in range(120)]
            io.pump_for(0.02)
            queues.append(io)

        def answered():
            for io in queues:
                io.pump_for(0.02)
            return [pending for pending in batch if pending.completion]

        wait_until(lambda: len(answered()) ==
                   len(batch) - running.daemon.taken()["buffers"] // 16384)
        for pending in answered():
            pending.completion.expect(status.TRANSIENT_TRANSPORT)
        assert 7 << 20 < running.daemon.taken()["buffers"] <= 8 << 20
        other, = hosts(running, stack, 1)
        other.write(0, bytes(16384), nsid=3)
        running.let_go()
    empty(running)


def in_two(conn):
    """conn.send() that lets the first part of each PDU arrive alone."""
    def send(data, whole=conn.send):
        whole(data[:100])
        time.sleep(0.001)
        whole(data[100:])
    return send
