# SPDX-License-Identifier: BSD-3-Clause
"""Backends that do not even open, refresh or close their device; files of a server that is gone.

The API and all other namespaces go on.
"""

import contextlib
import os
import pathlib
import subprocess
import time

import pytest

import faultlib
import weftconf
from faultlib import WEFT, disk, faulty
from frozen import Frozen
from layers import loop_device, overlay
from nvmetcp import command, wait_until
from others import Others
from timing import within
from weftd import Weftd

pytestmark = pytest.mark.races

# A daemon that ends beside what hangs leaves threads behind, and should.
LEAVES = {"TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + " report_thread_leaks=0"}
ANSWER = 5.0    # of a request that a hanging device is part of: weftd waits for it, for a second


both_engines = pytest.mark.parametrize("engine", ["io_uring", "epoll"])


@pytest.fixture
def frozen(folder):
    """frozen(name): a mounted Frozen."""
    with contextlib.ExitStack() as stack:
        def make(name="a"):
            try:
                mounted = Frozen(folder / name)
            except OSError as error:
                pytest.skip(f"no FUSE here: {error}")
            stack.callback(mounted.close)
            return mounted
        yield make


def log_of(running):
    return running.daemon.stderr


@pytest.fixture
def waiting(folder, quick):
    """(rig, configuration) of a daemon that has just started; its NSID 1 hangs while it is opened
    for the first time, NSID 2 is sound, and NSID 3 is not there."""
    config = faultlib.site(faulty(1, folder / "1.sock", rules="hang open times 1"),
                           weftconf.namespace(2, path=disk(quick)),
                           weftconf.namespace(3, path=quick / "missing"))
    daemon = Weftd(config, args=["--open-timeout-ms", "3600000"])
    daemon.spawn()
    try:
        wait_until(lambda: "ports will listen when" in daemon.stderr, what="the start")
        running = faultlib.Rig(daemon, {1: folder / "1.sock"})
        yield running, config
        running.fault("release")
        daemon.stop()
    finally:
        daemon.remove()


def test_ports_listen_when_all_is_open(waiting):
    """A host that came back earlier would miss a namespace, and give it up."""
    running, config = waiting
    daemon = running.daemon
    wait_until(lambda: running.state(3)["status"] == "failed", what="the one that is not there")
    assert running.state(2)["status"] == "ready" and running.state(1)["status"] == "opening"
    assert not daemon.accepts(daemon.address)
    assert "waits until namespaces are open" in str(running.weft("status")["problems"])
    # a change that has nothing to do with it opens no port, either
    daemon.reload(config)
    wait_until(lambda: "was loaded again" in daemon.stderr)
    assert not daemon.accepts(daemon.address)
    assert running.fault("release") == "1"
    wait_until(lambda: daemon.accepts(daemon.address), what="a port that listens")
    with running.connect() as ctrl:
        io = ctrl.connect_io()
        for nsid in (1, 2):
            io.read(0, 8, nsid=nsid)


def test_ports_do_not_wait_for_what_is_not_wanted(waiting):
    running, config = waiting
    running.daemon.reload(weftconf.changed(
        config, lambda c: c["subsystems"][0]["namespaces"].pop(0)))
    wait_until(lambda: running.daemon.accepts(running.daemon.address), what="a port that listens")


def test_starts_beside_one_that_does_not_open(rig, frozen, quick):
    """After a while it listens, says what is missing, and serves it when it comes."""
    dead = frozen()
    dead.freeze()
    running = rig([weftconf.namespace(1, path=dead.path),
                   weftconf.namespace(2, path=disk(quick))],
                  args=["--open-timeout-ms", "1500"])
    assert "although some namespaces are still being opened" in log_of(running)
    with Others(running):
        state = running.state()
        assert state["status"] == "opening" and "size" not in state
        assert running.state(2)["status"] == "ready"
        wait_until(lambda: "has been opening" in running.weft("status")["problems"][0])
        assert running.weft("status")["namespaces"]["opening"] == 1
        assert "has been opening the device for" in log_of(running)
        dead.thaw()
        wait_until(lambda: running.state()["status"] == "ready", what="its return")
    with running.connect() as ctrl:
        io = ctrl.connect_io()
        io.write(0, b"\x77" * 4096)
        io.flush()
        assert bytes(dead.disk[:4096]) == b"\x77" * 4096
    assert log_of(running).count("has been opening") == 1


@pytest.mark.timed
def test_export_from_a_dead_server(rig, frozen, quick):
    dead = frozen()
    running = rig([weftconf.namespace(2, path=disk(quick))])
    dead.freeze()
    with Others(running):
        with within(ANSWER, "weft export"):
            done = subprocess.run([WEFT, "--socket", str(running.daemon.socket_path), "export",
                                   str(dead.path)], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and "has not answered" in done.stderr
    assert len(running.weft("ls")["subsystems"][0]["namespaces"]) == 1


def test_refresh_hangs(rig, frozen, quick):
    """Nobody reads or writes it, and it is reported all the same; the others' sizes are seen."""
    dead, path = frozen(), disk(quick)
    running = rig([weftconf.namespace(1, path=dead.path), weftconf.namespace(2, path=path)])
    dead.freeze()
    with Others(running):
        wait_until(lambda: "has not answered" in running.state().get("trouble", ""))
        with open(path, "r+b") as file:
            file.truncate(16 << 20)
        wait_until(lambda: running.state(2)["size"] == 16 << 20, what="the new size")
        dead.thaw()
        wait_until(lambda: "trouble" not in running.state(), what="its end")
    assert "answers again, after about" in log_of(running)


@both_engines
def test_files_that_hang_leave_threads_for_others(rig, frozen, engine):
    """Three of four disks that need a thread for each command hang, with all that hosts can have
    under way; the fourth goes on."""
    mounts = [frozen(name) for name in "abcd"]
    running = rig([weftconf.namespace(nsid, path=mount.path)
                   for nsid, mount in zip((1, 2, 3, 4), mounts)], args=["--loop", engine])
    dead = [mount for nsid, mount in zip((1, 2, 3, 4), mounts) if nsid != 2]
    with running.connect() as ctrl:
        queues = [ctrl.connect_io(sqsize=127) for _ in range(5)]
        for mount in dead:
            mount.freeze()
        held = []
        for io in queues:
            for nsid in (1, 3, 4):
                for index in range(12):
                    held += [(io, pending) for pending in (
                        io.submit(io.rw(command.READ, nsid, index, 1), length=512),
                        io.submit(io.rw(command.WRITE, nsid, index, 1), bytes(512)),
                        io.submit(command.sqe(command.FLUSH, nsid=nsid)))]
        for io in queues:
            io.pump_for(0.1)
        assert all(pending.completion is None for _, pending in held)
        with Others(running):
            time.sleep(1)
        for mount in dead:
            mount.thaw()
        for io, pending in held:
            if pending.completion is None:
                io.wait(pending)


@pytest.fixture
def layered(frozen, folder, quick):
    """layered(name): a mounted Frozen, and the path of its file on an overlayfs; layered(None):
    None, and the path of a file without a disk, on one as well."""
    with contextlib.ExitStack() as stack:
        def make(name):
            below = folder / f"{name}.below"
            below.mkdir()
            if name:
                mounted, options = frozen(name), {}
                folders = mounted.folder, below
            else:
                mounted, options = None, {"upper": quick / "upper"}
                options["upper"].mkdir()
                disk(options["upper"])
                folders = [below]
            try:
                return mounted, stack.enter_context(
                    overlay(folder / f"{name}.overlay", *folders, **options))
            except OSError as error:
                pytest.skip(f"no overlayfs here: {error}")
        yield make


def kernel_threads(running):
    """How many threads of io-wq serve the daemon."""
    return sum((task / "comm").read_text().startswith("iou-wrk")
               for task in pathlib.Path(f"/proc/{running.daemon.process.pid}/task").iterdir())


@both_engines
def test_files_that_cannot_be_asked_not_to_wait(rig, layered, engine):
    """The same for files that io_uring would serve from threads of the kernel's (io-wq) alone, which
    it makes one by one: two that hang, with hundreds of reads; a third goes on, from weftd's."""
    (first, path), (second, other), (_, sound) = layered("a"), layered("b"), layered(None)
    running = rig([weftconf.namespace(1, path=path, read_only=True),
                   weftconf.namespace(2, path=sound),
                   weftconf.namespace(3, path=other, read_only=True)], args=["--loop", engine])
    with running.connect() as ctrl:
        queues = [ctrl.connect_io(sqsize=127) for _ in range(5)]
        for mount in (first, second):
            mount.freeze()
        with Others(running):
            held = [(io, io.submit(io.rw(command.READ, nsid, index, 1), length=512))
                    for io in queues for nsid in (1, 3) for index in range(60)]
            time.sleep(1)
            if "reactors on io_uring" in log_of(running):
                assert kernel_threads(running) < 10
        for io in queues:
            io.pump_for(0.1)
        assert all(pending.completion is None for _, pending in held)
        for mount in (first, second):
            mount.thaw()
        for io, pending in held:
            if pending.completion is None:
                io.wait(pending)


@both_engines
def test_block_device_that_hangs(rig, frozen, quick, engine):
    """With more reads, writes and flushes than it takes at a time."""
    dead = frozen()
    with contextlib.ExitStack() as stack:
        try:
            device = stack.enter_context(loop_device(dead.path))
        except OSError as error:
            pytest.skip(f"no loop devices here: {error}")
        with faultlib.rig([weftconf.namespace(1, path=device),
                           weftconf.namespace(2, path=disk(quick))],
                          args=["--loop", engine]) as running, running.connect() as ctrl:
            queues = [ctrl.connect_io(sqsize=127) for _ in range(4)]
            dead.freeze()
            with Others(running):
                held = []
                for io in queues:
                    for index in range(40):
                        held += [(io, pending) for pending in (
                            io.submit(io.rw(command.READ, 1, index * 8, 8), length=4096),
                            io.submit(io.rw(command.WRITE, 1, index * 8, 8), bytes(4096)),
                            io.submit(command.sqe(command.FLUSH, nsid=1)))]
                time.sleep(1)
            for io in queues:
                io.pump_for(0.1)
            assert any(pending.completion is None for _, pending in held)
            dead.thaw()
            for io, pending in held:
                if pending.completion is None:
                    io.wait(pending)


def test_close_hangs(rig, folder):
    """What was removed is shown until its backend lets it go; its number can be used at once."""
    running = rig([faulty(1, folder / "1.sock"), weftconf.namespace(2)])
    both = running.daemon.config
    other = weftconf.changed(both, lambda c: c["subsystems"][0]["namespaces"].pop(0))
    running.fault("hang close times 1")
    with Others(running):
        running.daemon.reload(other)
        running.fault("wait 1")
        wait_until(lambda: running.weft("status")["problems"], what="a report")
        problem, = running.weft("status")["problems"]
        assert "namespace 1 of" in problem and "has not closed the device" in problem
        assert "opening" not in problem
        running.daemon.reload(both)
        wait_until(lambda: [ns["state"]["status"] for ns in
                            running.weft("ls")["subsystems"][0]["namespaces"]] == ["ready"] * 2)
        running.fault("release")
        wait_until(lambda: not running.weft("status")["problems"], what="its end")
    assert log_of(running).count("which was removed: its backend answers again") == 1


@pytest.mark.parametrize("end", ["opens", "fails"])
def test_new_options_that_do_not_open(rig, folder, end):
    """Hosts keep the device that they have until the new one is open, or is known to fail."""
    running = rig([faulty(1, folder / "1.sock"), weftconf.namespace(2)])
    changed = weftconf.changed(running.daemon.config,
                               lambda c: c["subsystems"][0]["namespaces"][0]["weft"].update(
                                   seed=2))
    with running.connect() as ctrl, Others(running):
        io = ctrl.connect_io()
        io.write(0, b"\x31" * 512)
        running.fault("hang open times 1")
        running.daemon.reload(changed)
        running.fault("wait 1")
        assert io.read(0, 1) == b"\x31" * 512
        wait_until(lambda: "old options" in running.state().get("trouble", ""), what="a report")
        assert io.read(0, 1) == b"\x31" * 512
        if end == "opens":
            running.fault("release")
        else:
            running.fault("fail open EIO times 1")
            running.fault("release EIO")
            wait_until(lambda: running.state()["status"] == "failed", what="its failure")
        wait_until(lambda: running.state()["status"] == "ready" and "trouble" not in running.state())
        assert io.read(0, 1) == bytes(512), "it is another disk"


def test_dropped_while_it_opens(rig, folder):
    """It is closed as soon as it is open; and wanted again meanwhile, it is opened once more."""
    one = faulty(1, folder / "1.sock", rules="hang open times 1")
    running = rig([one, weftconf.namespace(2)], args=["--open-timeout-ms", "0"])
    both = running.daemon.config
    other = weftconf.changed(both, lambda c: c["subsystems"][0]["namespaces"].pop(0))
    assert running.state()["status"] == "opening"
    running.daemon.reload(other)
    wait_until(lambda: len(running.weft("ls")["subsystems"][0]["namespaces"]) == 1)
    running.daemon.reload(both)
    wait_until(lambda: len(running.weft("ls")["subsystems"][0]["namespaces"]) == 2)
    wait_until(lambda: running.state()["status"] == "ready", what="the second one")
    assert running.fault("release") == "1"
    with running.connect() as ctrl:
        ctrl.connect_io().write(0, bytes(512))


@pytest.mark.parametrize("what", ["open", "refresh", "close"])
def test_sigterm(rig, folder, what):
    """It ends in the promised 5 s, with 0, and names the one that hangs."""
    rules = "hang open" if what == "open" else "delay open 0"
    running = rig([faulty(1, folder / "1.sock", rules=rules), weftconf.namespace(2)], env=LEAVES,
                  args=["--open-timeout-ms", "0"])
    if what != "open":
        running.fault(f"hang {what}")
    if what == "refresh":
        running.fault("wait 1")
    running.fault.close()
    del running.faults[1]
    running.daemon.process.terminate()
    assert running.daemon.process.wait(5) == 0
    assert f"namespace 1 of {weftconf.nqn('one')}: its backend does not answer" in log_of(running)


@both_engines
def test_sigterm_on_a_dead_server(rig, frozen, engine):
    """The same, where it is the kernel that waits: for an open file, and for commands."""
    dead = frozen()
    running = rig([weftconf.namespace(1, path=dead.path), weftconf.namespace(2)],
                  args=["--loop", engine], env=LEAVES)
    with running.connect() as ctrl:
        io = ctrl.connect_io()
        dead.freeze()
        for index in range(8):
            io.submit(io.rw(command.READ, 1, index, 1), length=512)
        io.pump_for(0.1)
        running.daemon.process.terminate()
        assert running.daemon.process.wait(6) == 0
    assert f"namespace 1 of {weftconf.nqn('one')}: its backend keeps commands" in log_of(running)


def test_export_that_takes_long(rig, folder):
    """The answer says so; it comes up by itself."""
    running = rig([weftconf.namespace(2)])
    reply = running.weft("export", "--backend", "fault", "--option", "child.backend=memory",
                         "--option", "child.size=1M", "--option", "rules=delay open 2500")
    assert reply["status"] == "opening" and reply["size"] == 0
    assert "is being opened" in reply["problems"][0]
    wait_until(lambda: all(ns["state"]["status"] == "ready" for subsystem in
                           running.weft("ls")["subsystems"] for ns in subsystem["namespaces"]))
