# SPDX-License-Identifier: BSD-3-Clause
"""A flush that failed stays failed over a restart of weftd, until the administrator acknowledges it."""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import time

import pytest

import weftconf
from fault import Fault
from faultlib import Rig, disk, faulty, site
from frozen import Frozen
from nvmetcp import command, wait_until
from test_crash import stopped_by_hand

WRITE_FAULT = 0x280
REMINDER = "before weftd was started"
NOT_STORED = "its flushes may succeed again"
MARK = f"{weftconf.nqn('one')} 1"


class Fated(Rig):
    """A daemon that is started and killed by hand, with a disk that fails to order as NSID 1."""

    def __init__(self, daemon, control):
        super().__init__(daemon, {})
        self.control = control

    @property
    def fault(self):
        if 1 not in self.faults:
            self.faults[1] = Fault(self.control)
        return self.faults[1]

    def end(self, how):
        if 1 in self.faults:
            self.faults.pop(1).close()
        self.daemon.crash() if how == "kill" else self.daemon.stop()

    def restart(self, how="kill"):
        self.end(how)
        self.daemon.start()

    def stored(self):
        """What state.json says of flushes that failed: {"NQN NSID": errno}"""
        state = json.loads((self.daemon.state_dir / "state.json").read_text())
        return {key: flush["error"] for key, flush in state["records"].get("flush", {}).items()}

    def fail(self, after=lambda: None, fua=False):
        """A flush (or a write with FUA) fails: that is stored when the host has its answer. `after`
        comes right then."""
        with self.connect() as ctrl:
            io = ctrl.connect_io()
            io.write(0, b"\x01" * 512)
            self.fault(f"fail {'write' if fua else 'flush'} EIO times 1")
            if fua:
                io.write(0, b"\x01" * 512, fua=True, expect=WRITE_FAULT)
            else:
                io.flush(expect=WRITE_FAULT)
            after()
            assert self.stored() == {MARK: errno.EIO}

    def fails(self, nsid=1):
        """Do flushes still fail, and nothing else?"""
        with self.connect() as ctrl:
            io = ctrl.connect_io()
            assert io.read(0, 1, nsid=nsid) is not None
            io.write(8, bytes(512), nsid=nsid)
            done = io.flush(nsid=nsid, expect=(0, WRITE_FAULT))
            fua = io.write(8, bytes(512), nsid=nsid, fua=True, expect=(0, WRITE_FAULT))
            assert done.status == fua.status
            return done.status != 0

    def configure(self, change):
        """Reload with a change; returns when it has been loaded."""
        count = self.daemon.stderr.count("was loaded again")
        self.daemon.reload(weftconf.changed(self.daemon.config, change))
        wait_until(lambda: self.daemon.stderr.count("was loaded again") > count, what="the reload")

    def count(self, text):
        return self.daemon.stderr.count(text)


@pytest.fixture
def fated(folder):
    control = folder / "1.sock"
    path = disk(folder)
    with stopped_by_hand(site(faulty(1, control, path=path, cache=True),
                              weftconf.namespace(2))) as daemon:
        running = Fated(daemon, control)
        daemon.start()
        yield running
        if daemon.process is not None:
            running.end("stop")


def namespaces(config):
    return config["subsystems"][0]["namespaces"]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_stays_failed(fated, how):
    fated.fail()
    for turn in range(2):
        fated.restart(how)
        assert fated.fails()
        assert fated.count(REMINDER) == turn + 1
        assert not fated.fails(2)
        wait_until(lambda: "trouble" in fated.state(), what="a report")
        assert "a flush failed" in fated.state()["trouble"]
        assert "a flush failed" in fated.weft("status")["problems"][0]
    fated.reopen()
    assert not fated.fails() and fated.stored() == {}
    assert fated.count("was disabled: that a flush failed counts as acknowledged") == 1
    fated.restart(how)
    assert not fated.fails()
    assert fated.count(REMINDER) == 2


def test_killed_at_once(fated):
    """No gap: once the host has the error, no weftd tells it that a flush is good."""
    for turn in range(25):
        fated.fail(after=fated.daemon.process.kill, fua=turn % 2)
        fated.restart()
        assert fated.fails(), turn
        fated.reopen()
    assert fated.count("state.json") == 0


def test_killed_meanwhile(fated):
    """Another flush that is refused tells no more than the first: the same at any moment."""
    for turn in range(10):
        with fated.connect() as ctrl:
            io = ctrl.connect_io()
            fated.fault("fail flush EIO times 1")
            flushes = [io.submit(command.sqe(command.FLUSH, nsid=1)) for _ in range(8)]
            io.wait(flushes[turn % 8], WRITE_FAULT)
            fated.daemon.process.kill()
        fated.restart()
        assert fated.fails(), turn
        fated.reopen()


def test_acknowledged_for_good(fated):
    """Once the change is made, no weftd has the failure."""
    for _ in range(10):
        fated.fail()
        fated.configure(lambda config: namespaces(config)[0].update(enable=0))
        assert fated.stored() == {}
        fated.configure(lambda config: namespaces(config)[0].update(enable=1))
        wait_until(lambda: fated.state()["status"] == "ready")


@pytest.mark.parametrize("how", ["removed", "other options"])
def test_what_else_acknowledges(fated, how):
    fated.fail()
    before = fated.daemon.config

    def change(config):
        if how == "removed":
            namespaces(config).pop(0)
        else:
            namespaces(config)[0]["weft"]["seed"] = 7
    fated.configure(change)
    wait_until(lambda: fated.stored() == {}, what="its end")
    fated.configure(lambda config: config.update(before))
    wait_until(lambda: fated.state()["status"] == "ready")
    assert not fated.fails()


@pytest.mark.parametrize("how", ["disabled", "other device", "renamed"])
def test_while_it_was_down(fated, folder, how):
    """Disabling it counts, or another device; where it is missing it has not been acknowledged."""
    fated.fail()
    fated.end("kill")
    before = fated.daemon.config

    def change(config):
        if how == "disabled":
            namespaces(config)[0]["enable"] = 0
        elif how == "other device":
            namespaces(config)[0]["weft"]["child"]["path"] = str(disk(folder, name="other.img"))
        else:
            namespaces(config)[0]["nsid"] = 3
    fated.daemon.write_config(weftconf.changed(before, change))
    fated.daemon.start()
    assert (fated.stored() == {}) == (how != "renamed")
    if how == "other device":
        assert not fated.fails()
    fated.end("kill")
    fated.daemon.write_config(before)
    fated.daemon.start()
    assert fated.fails() == (how == "renamed")


def test_device_that_comes_later(fated):
    """It is missing when weftd starts: the mark waits for it."""
    fated.fail()
    fated.end("kill")
    path = fated.daemon.dir / "away"
    where = namespaces(fated.daemon.config)[0]["weft"]["child"]["path"]
    os.rename(where, path)
    fated.daemon.start()
    wait_until(lambda: fated.state()["status"] == "failed", what="its absence")
    os.rename(path, where)
    wait_until(lambda: fated.state()["status"] == "ready", what="its return")
    assert fated.fails()


def test_device_lost_while_it_flushes(fated):
    """The flush fails once the device is known to be lost, and counts for the next one."""
    with fated.connect() as ctrl:
        io = ctrl.connect_io()
        io.write(0, bytes(512))
        fated.fault("hang flush times 1")
        held = io.submit(command.sqe(command.FLUSH, nsid=1))
        fated.fault("wait 1")
        fated.fault("fail refresh EIO times 1")
        wait_until(lambda: fated.count("the device is lost"), what="its loss")
        fated.fault("release EIO")
        io.wait(held, WRITE_FAULT)
    wait_until(lambda: fated.state()["status"] == "ready", what="its return")
    assert fated.stored() == {MARK: errno.EIO}
    assert fated.fails()
    fated.restart()
    assert fated.fails()


_libc = ctypes.CDLL(None, use_errno=True)


class SmallDisk:
    """A tmpfs over a folder, which can be full or read-only."""

    def __init__(self, folder):
        self.folder = folder
        if _libc.mount(b"weft-test", bytes(folder), b"tmpfs", 0, b"size=64k") < 0:
            pytest.skip(f"no mounts here: {os.strerror(ctypes.get_errno())}")

    def fail(self, how):
        if how == "full":
            with contextlib.suppress(OSError), open(self.folder / "fill", "wb", 0) as file:
                while True:
                    file.write(bytes(4096))
        else:
            self._remount(1)

    def mend(self, how):
        if how == "full":
            (self.folder / "fill").unlink()
        else:
            self._remount(0)

    def _remount(self, read_only):
        assert _libc.mount(b"none", bytes(self.folder), b"tmpfs", 32 | read_only, b"size=64k") == 0

    def close(self):
        _libc.umount2(bytes(self.folder), 2)


@pytest.mark.parametrize("how", ["full", "read-only", "gone"])
def test_state_that_cannot_be_stored(fated, how):
    """The host is answered all the same; it is said, and done as soon as it can be."""
    folder = fated.daemon.state_dir
    if how == "gone":
        (folder / "state.json").unlink()
        folder.rmdir()
    with contextlib.ExitStack() as stack:
        if how != "gone":
            small = stack.enter_context(contextlib.closing(SmallDisk(folder)))
            stack.callback(fated.daemon.crash)
            small.fail(how)
        with fated.connect() as ctrl:
            io = ctrl.connect_io()
            fated.fault("fail flush EIO times 1")
            io.flush(expect=WRITE_FAULT)
        wait_until(lambda: fated.count(NOT_STORED), what="a warning")
        assert fated.fails()
        time.sleep(1.2)
        assert fated.count(NOT_STORED) == 1
        folder.mkdir() if how == "gone" else small.mend(how)
        wait_until(lambda: fated.count("is stored again"), what="another try")
        assert fated.stored() == {MARK: errno.EIO}
        fated.restart()
        assert fated.fails()
        stack.pop_all().close()


@contextlib.contextmanager
def hanging(folder):
    """A disk of state.json that hangs: whoever writes waits for this lock."""
    with open(folder / "state.json.new", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_state_that_hangs(fated):
    """The host waits for a bounded time, and nobody else waits at all."""
    with hanging(fated.daemon.state_dir):
        with fated.connect() as ctrl:
            io = ctrl.connect_io()
            fated.fault("fail flush EIO times 1")
            flush = io.submit(command.sqe(command.FLUSH, nsid=1))
            for _ in range(20):     # the disk hangs all the time: this would for ever
                io.write(8, bytes(512))
                assert fated.get("/v1/status")
            io.wait(flush, WRITE_FAULT)
            assert "Connection timed out" in fated.daemon.stderr
            assert fated.fails()
    wait_until(lambda: MARK in fated.stored(), what="the mark")
    fated.restart()
    assert fated.fails()


def test_stops_while_the_state_hangs(fated):
    with hanging(fated.daemon.state_dir), fated.connect() as ctrl:
        io = ctrl.connect_io()
        fated.fault("fail flush EIO times 1")
        io.submit(command.sqe(command.FLUSH, nsid=1))
        wait_until(lambda: fated.count("a flush failed"), what="the failure")
        fated.end("stop")
    fated.daemon.start()


def test_state_that_is_damaged(fated):
    """It serves all the same, and says what it forgot."""
    fated.fail()
    fated.end("kill")
    (fated.daemon.state_dir / "state.json").write_text("{")
    fated.daemon.start()
    assert not fated.fails()
    assert "it is damaged" in fated.daemon.stderr
    assert (fated.daemon.state_dir / "state.json.damaged").read_text() == "{"


def test_page_cache(folder):
    """What the kernel forgets: it reports a failed flush once, and to a new weftd the next is good."""
    try:
        failing = Frozen(folder / "a")
    except OSError as error:
        pytest.skip(f"no FUSE here: {error}")
    with contextlib.closing(failing), stopped_by_hand(
            site(weftconf.namespace(1, path=failing.path, direct=False))) as daemon:
        running = Fated(daemon, folder)
        daemon.start()
        with running.connect() as ctrl:
            io = ctrl.connect_io()
            io.write(0, bytes(512))
            failing.fail_fsync = 1
            io.flush(expect=WRITE_FAULT)
            assert failing.fail_fsync == 0
        assert running.stored() == {MARK: errno.EIO}
        daemon.crash()
        daemon.start()
        assert running.fails()
        running.reopen()
        assert not running.fails()
        daemon.stop()
