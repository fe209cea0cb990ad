# SPDX-License-Identifier: BSD-3-Clause
"""A backend that hangs hurts only its own namespace. Cases 42, 45 and 46 of hostile input.

`faulted` has a disk that fails to order as NSID 1, and a sound one as NSID 2.
"""

import contextlib
import time

import pytest

import weftconf
from faultlib import disk, faulty
from nvmetcp import Closed, HostId, command, status, wait_until
from others import Others, prompt
from timing import within

pytestmark = [pytest.mark.engine, pytest.mark.races]

QUICK = 2.0     # no timer of ours is as short


@pytest.fixture
def faulted(rig, folder, quick):
    """The sound one is a file: like the other, it needs buffers, and threads now and then."""
    return rig([faulty(1, folder / "1.sock"), weftconf.namespace(2, path=disk(quick))])


def hang(faulted, io, count, *, what="write", before=0):
    """Submit `count` commands that hang, beside those that do `before`; their Pendings."""
    faulted.fault(f"hang {what}")
    if what == "read":
        held = [io.submit(io.rw(command.READ, 1, index, 1), length=512) for index in range(count)]
    else:
        held = [io.submit(io.rw(command.WRITE, 1, index, 1), bytes(512)) for index in range(count)]
    faulted.fault(f"wait {before + count}")
    return held


def sound(faulted, ctrl=None, io=None):
    """The other namespace answers at once, on a new association and on this one."""
    with prompt(faulted):
        other = faulted.connect()
    with other:
        with prompt(faulted):
            fresh = other.connect_io()
        with prompt(faulted):
            fresh.write(0, bytes(4096), nsid=2)
    if io:
        with prompt(faulted):
            io.write(8, bytes(4096), nsid=2)
    if ctrl:
        with prompt(faulted):
            ctrl.keep_alive()


@pytest.mark.parametrize("what", ["read", "write"])
def test_abort(faulted, what):
    """The host is answered; the backend keeps what it has until it lets go."""
    with faulted.connect() as ctrl, Others(faulted):
        io = ctrl.connect_io()
        held, = hang(faulted, io, 1, what=what)
        faulted.fault("clear")
        assert ctrl.abort(io.qid, held.cid).dw0 & 1 == 0
        io.wait(held, status.ABORT_REQUESTED)
        # the CID may be used again while the backend has the old command
        again = io.submit(io.rw(command.READ, 1, 9, 1), length=512, cid=held.cid)
        io.wait(again)
        assert ctrl.abort(io.qid, held.cid).dw0 & 1 == 1
        assert faulted.fault("release") == "1"
        io.read(0, 8)
        io.quiet(0.1)


def test_aborted_commands_leave_the_queue_as_deep_as_it_was(faulted):
    with faulted.connect(sqsize=15) as ctrl, Others(faulted):
        io = ctrl.connect_io(sqsize=15)
        aborted = 0
        held = hang(faulted, io, 15)
        for pending in held:
            if ctrl.abort(io.qid, pending.cid).dw0 & 1 == 0:
                io.wait(pending, status.ABORT_REQUESTED)
                aborted += 1
        assert aborted == 4, "QUEUE_SPARES"
        faulted.fault("clear")
        batch = [io.submit(io.rw(command.WRITE, 2, index * 64, 64), bytes(32768), inline=False)
                 for index in range(aborted)]
        for pending in batch:
            io.wait(pending)
        faulted.fault("release")
        for pending in held:
            if pending.completion is None:
                io.wait(pending)
        io.quiet(0.1)
        for pending in hang(faulted, io, 4):
            assert ctrl.abort(io.qid, pending.cid).dw0 & 1 == 0
            io.wait(pending, status.ABORT_REQUESTED)


@pytest.mark.timed
@pytest.mark.parametrize("how", ["disable", "shutdown", "disconnect", "FIN", "RST"])
def test_host_leaves_while_it_hangs(faulted, how):
    """Reset, shutdown and disconnect do not wait for the backend; nor does anybody else."""
    ctrl = faulted.connect()
    io = ctrl.connect_io()
    hang(faulted, io, 8)
    with within(QUICK, how):
        if how == "disable":
            ctrl.disable()
            io.expect_closed()
        elif how == "shutdown":
            ctrl.shutdown()
        elif how == "disconnect":
            io.submit(command.fabrics(command.DISCONNECT, bytes(2)))
            with pytest.raises(Closed):
                while True:
                    io.pump()
        elif how == "RST":
            io.conn.reset()
            ctrl.admin.conn.reset()
    ctrl.close()
    sound(faulted)
    faulted.fault("clear")
    faulted.fault("release")
    with faulted.connect() as again:
        again.connect_io().read(0, 8)


@pytest.mark.timed
def test_reconnects_again_and_again(faulted):
    """What a Linux host does all the while: each time it leaves a few commands behind."""
    with Others(faulted):
        for turn in range(20):
            with faulted.connect() as ctrl:
                hang(faulted, ctrl.connect_io(), 1, before=turn)
                faulted.fault("clear")
    sound(faulted)
    assert faulted.fault("release") == "20"
    wait_until(lambda: faulted.weft("status")["sessions"] == 0, what="the end of all sessions")


def test_is_reported(faulted):
    """Once in the log, and in `weft ls` and `weft status` as long as it lasts."""
    with faulted.connect() as ctrl, Others(faulted):
        io = ctrl.connect_io()
        held = hang(faulted, io, 3)
        wait_until(lambda: "trouble" in faulted.state(), what="a report")
        assert "3 commands wait" in faulted.state()["trouble"]
        assert "trouble" not in faulted.state(2)
        assert "has not answered" in faulted.weft("status")["problems"][0]
        assert faulted.state()["status"] == "ready"
        sound(faulted, ctrl, io)
        faulted.fault("clear")
        faulted.fault("release")
        for pending in held:
            io.wait(pending)
        wait_until(lambda: "trouble" not in faulted.state(), what="the end of it")
        log = faulted.daemon.stderr
        assert log.count("has not answered") == 1 and log.count("answers again") == 1


@pytest.mark.timed
def test_45_removal_while_it_hangs(faulted):
    """A namespace that hangs can be removed, and others too, without waiting for it."""
    with faulted.connect() as ctrl:
        io = ctrl.connect_io()
        held, = hang(faulted, io, 1)
        both = faulted.daemon.config
        none = weftconf.changed(both, lambda c: c["subsystems"][0].update(namespaces=[]))
        other = weftconf.changed(both, lambda c: c["subsystems"][0]["namespaces"].pop(0))
        for config in (other, none, other, none, other):
            wanted = len(config["subsystems"][0]["namespaces"])
            with within(QUICK, "the change"):
                faulted.daemon.reload(config)
                wait_until(lambda: wanted == len(
                    faulted.weft("ls")["subsystems"][0]["namespaces"]))
        # it is listed as soon as it is configured, and may still be opened
        wait_until(lambda: faulted.state(2)["status"] == "ready", what="its return")
        io.write(0, bytes(512), nsid=2)
        faulted.fault("clear")
        faulted.fault("release")
        io.wait(held)


@pytest.mark.timed
def test_sigterm_while_it_hangs(faulted):
    """It ends in the promised 5 s; what the backend has is left to it."""
    with faulted.connect() as ctrl:
        hang(faulted, ctrl.connect_io(), 4)
        faulted.fault.close()
        del faulted.faults[1]
        faulted.daemon.stop()


def several(io):
    """Ten MiB of the sound disk at once."""
    batch = [io.submit(io.rw(command.READ, 2, 0, 4096), length=2 << 20) for _ in range(4)]
    batch += [io.submit(io.rw(command.WRITE, 2, 0, 1024), bytes(1 << 19)) for _ in range(4)]
    for pending in batch:
        io.wait(pending)


@pytest.mark.timed
@pytest.mark.parametrize("what", ["read", "write"])
def test_buffers_are_left_for_others(faulted, what):
    """Large commands on a disk that hangs do not use up the buffers that all share (256 MiB, of
    which a host has 64): on the same queue, on the same host, on another one."""
    with faulted.connect() as ctrl:
        queues = [ctrl.connect_io(sqsize=127) for _ in range(2)]
        started = time.monotonic()
        several(queues[0])
        usual = time.monotonic() - started
        faulted.fault(f"hang {what}")
        for io in queues:
            for _ in range(100):
                if what == "read":
                    io.submit(io.rw(command.READ, 1, 0, 4096), length=2 << 20)
                else:
                    io.submit(io.rw(command.WRITE, 1, 0, 4096), bytes(2 << 20))
        for io in queues:
            io.pump_for(0.5)
        faulted.fault("wait 32")
        with Others(faulted):
            for io in queues:
                with prompt(faulted):
                    io.read(0, 8, nsid=2)
                with prompt(faulted):
                    io.write(0, bytes(4096), nsid=2)
                with prompt(faulted):
                    io.read(0, 4096, nsid=2)
                with prompt(faulted):
                    io.write(0, bytes(1 << 20), nsid=2)
                # several at once: each of them may have to wait for the one before
                with prompt(faulted, besides=usual):
                    several(io)
            sound(faulted, ctrl)
            time.sleep(0.5)
        faulted.fault("clear")
        faulted.fault("release")
        left = [(io, pending) for io in queues for pending in io.pending.values()]
        # whichever is asked: each waits for buffers that the host's other queue has, and is to fill
        while any(pending.completion is None for _, pending in left):
            for io in queues:
                io.pump_for(0.02)
        for io, pending in left:
            io.wait(pending)


@pytest.mark.timed
def test_first_command_on_a_disk_that_others_use(rig, folder):
    """A host that has its share of the buffers on a disk that hangs may have a command, of any
    size, on another one all the same, although another host has a large one there."""
    running = rig([faulty(1, folder / "1.sock"), faulty(2, folder / "2.sock")])
    with running.connect(host=HostId.make("full")) as full, \
            running.connect(host=HostId.make("other")) as other:
        mine, theirs = full.connect_io(sqsize=127), other.connect_io()
        for fault in running.faults.values():
            fault("hang read")
        held = [mine.submit(mine.rw(command.READ, 1, 0, 4096), length=2 << 20) for _ in range(40)]
        kept = theirs.submit(theirs.rw(command.READ, 2, 0, 4096), length=2 << 20)
        running.faults[1]("wait 32")
        running.faults[2]("wait 1")
        with prompt(running):
            mine.write(0, bytes(1 << 20), nsid=2)
        running.let_go()
        theirs.wait(kept)
        for pending in held:
            mine.wait(pending)


@pytest.mark.timed
def test_hosts_that_all_have_what_they_may(rig, folder, quick):
    """Four hosts have all of their share on two disks that hang, and so all that there is, but for
    what is kept back: their sound disk goes on, and that of a fifth host."""
    running = rig([faulty(1, folder / "1.sock"), weftconf.namespace(2, path=disk(quick)),
                   faulty(3, folder / "3.sock")])
    with contextlib.ExitStack() as stack:
        queues = [stack.enter_context(running.connect(host=HostId.make(f"host {index}")))
                  .connect_io(sqsize=127) for index in range(4)]
        for nsid in (1, 3):
            running.faults[nsid]("hang read")
        for io in queues:
            for nsid in (1, 3):
                for _ in range(40):
                    io.submit(io.rw(command.READ, nsid, 0, 4096), length=2 << 20)
        for io in queues:
            io.pump_for(0.1)
        with Others(running):
            for io in queues:
                for call in (lambda: io.read(0, 8, nsid=2), lambda: io.read(0, 4096, nsid=2),
                             lambda: io.write(0, bytes(4096), nsid=2),
                             lambda: io.write(0, bytes(1 << 20), nsid=2)):
                    with prompt(running):
                        call()
            time.sleep(0.3)
        running.let_go()
