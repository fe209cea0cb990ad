# SPDX-License-Identifier: BSD-3-Clause
"""The backend `fault` itself: what it is told is what happens."""

import os
import subprocess
import time

import pytest

import weftconf
from faultlib import WEFT, Fault, disk, faulty
from nvmetcp import command, status, wait_until
from timing import within

pytestmark = pytest.mark.engine


def test_hands_on(faulted, io):
    data = os.urandom(8192)
    io.write(8, data)
    assert io.read(8, 16) == data
    io.flush()
    io.write_zeroes(8, 8)
    assert io.read(8, 16) == bytes(4096) + data[4096:]


def test_child_gets_its_options(rig, folder):
    path = disk(folder)
    faulted = rig([faulty(1, folder / "1.sock", path=path, block_size=4096)])
    assert faulted.state()["block_size"] == 4096
    with faulted.connect() as ctrl:
        ctrl.connect_io().write(1, b"\x5a" * 4096, block=4096)
    assert path.read_bytes()[4096:8192] == b"\x5a" * 4096


def test_stacked(rig, folder):
    ns = faulty(1, folder / "1.sock", depth=2)
    with rig([ns]).connect() as ctrl:
        io = ctrl.connect_io()
        io.write(0, b"\x11" * 512)
        assert io.read(0, 1) == b"\x11" * 512


@pytest.mark.parametrize("child,said", [
    ({"backend": "floppy"}, "child: there is no backend 'floppy'"),
    ({"backend": "fault"}, "child: backend 'fault' needs the option 'child'"),
    ({"backend": "fault", "child": {"backend": "memory", "size": "much"}},
     "child.child: backend 'memory', option 'size': 'much' is wrong"),
    ({"backend": "memory", "size": "1M", "colour": "red"},
     "child: backend 'memory' has no option 'colour'"),
    ({}, "backend 'fault' needs the option 'child'"),
    ("memory", "option 'child': 'memory' is wrong; it must be an object such as"),
])
def test_wrong_child(weftd_check, child, said):
    assert said in weftd_check({"backend": "fault", "child": child})


def test_child_that_does_not_open(rig, folder):
    """Its reason begins with the child's name; so does what is wrong while it is served."""
    faulted = rig([faulty(1, folder / "1.sock", path=folder / "missing.img", depth=2)])
    wait_until(lambda: faulted.state()["status"] == "failed")
    assert faulted.state()["reason"] == f"child.child: {folder}/missing.img: No such file or " \
        "directory"
    path = disk(folder, name="missing.img")
    wait_until(lambda: faulted.state()["status"] == "ready")
    path.unlink()
    wait_until(lambda: faulted.state().get("trouble"))
    assert faulted.state()["trouble"].startswith(f"child.child: {path} was deleted")


def test_children_are_saved(rig, folder):
    """Nested as they were read; and what is saved is the same when it is read again."""
    path = disk(folder)
    faulted = rig([faulty(1, folder / "1.sock", path=path, direct="true", depth=2)])
    saved = faulted.get("/v1/config")
    child = saved["subsystems"][0]["namespaces"][0]["weft"]["child"]
    assert child == {"backend": "fault",
                     "child": {"backend": "file", "path": str(path), "direct": "true"}}
    opened = faulted.daemon.stderr.count("is served: ")
    faulted.daemon.reload(saved)
    wait_until(lambda: "was loaded again" in faulted.daemon.stderr)
    assert faulted.daemon.stderr.count("is served: ") == opened, "it stays as it is"
    assert faulted.get("/v1/config") == saved


def test_what_it_stands_on_is_shown(rig, folder):
    path = disk(folder)
    faulted = rig([faulty(1, folder / "1.sock", path=path)])
    shown = subprocess.run([WEFT, "--socket", str(faulted.daemon.socket_path), "ls"],
                           capture_output=True, text=True)
    assert f"fault, child.path={path}" in shown.stdout


def test_found_by_the_path_that_it_stands_on(rig, folder):
    path = disk(folder)
    faulted = rig([faulty(1, folder / "1.sock", path=path), weftconf.namespace(2)])
    again = subprocess.run([WEFT, "--socket", str(faulted.daemon.socket_path), "export", path],
                           capture_output=True, text=True)
    assert again.returncode != 0
    assert f"{path} is exported already, as namespace 1 of" in again.stderr
    removed = faulted.weft("unexport", str(path))["removed"]
    assert [ns["nsid"] for ns in removed] == [1]


@pytest.mark.parametrize("rule", [
    "explode all", "fail", "fail read", "fail read EMUCH", "fail wish EIO",
    "delay read", "delay read x", "hang", "short write", "fail read EIO at", "fail read EIO at 5",
    "fail read EIO at 0+0", "fail read EIO odds 0", "fail read EIO times x", "fail read EIO now",
    "release EMUCH", "wait", "wait 0", "cut",
])
def test_nonsense(faulted, io, rule):
    assert faulted.fault.ask(rule).startswith("error: ")
    io.read(0, 8)


def test_where_and_how_often(faulted, io):
    faulted.fault("fail read EIO at 4096+512 times 2")
    io.read(0, 8)
    io.read(9, 8)
    io.write(8, bytes(512))
    io.read(8, 1, expect=status.UNRECOVERED_READ)
    io.read(0, 9, expect=status.UNRECOVERED_READ)
    io.read(8, 1)


def test_odds(faulted, io):
    faulted.fault("fail write EIO odds 4")
    failed = sum(io.write(0, bytes(512), expect=(0, 0x280)).status != 0 for _ in range(200))
    assert 20 < failed < 90
    faulted.fault("clear")
    io.write(0, bytes(512))


def test_fua_alone(faulted, io):
    faulted.fault("fail fua EIO times 1")
    io.write(0, bytes(512))
    io.write(0, bytes(512), fua=True, expect=0x280)


@pytest.mark.timed
def test_delay(faulted, io):
    faulted.fault("delay read 300 times 1")
    started = time.monotonic()
    slow = io.submit(io.rw(command.READ, 1, 0, 8), length=4096)
    with within(0.3, "a read of the other disk"):
        io.read(0, 8, nsid=2)
    assert slow.completion is None
    io.wait(slow)
    assert time.monotonic() - started >= 0.3


def test_short(faulted, io):
    """A part of a write reaches the disk, and the host is told that it failed."""
    io.write(0, b"\x01" * 4096)
    faulted.fault("short write 1024 times 1")
    io.write(0, b"\x02" * 4096, expect=0x280)
    assert io.read(0, 8) == b"\x02" * 1024 + b"\x01" * 3072


def test_hang_and_release(faulted, io):
    faulted.fault("hang write times 2")
    held = [io.submit(io.rw(command.WRITE, 1, index, 1), bytes(512)) for index in range(2)]
    faulted.fault("wait 2")
    io.read(0, 8)
    assert faulted.fault.numbers("count")["held"] == 2
    assert faulted.fault("release") == "2"
    for pending in held:
        io.wait(pending)


def test_release_with_an_error(faulted, io):
    faulted.fault("hang read times 1")
    held = io.submit(io.rw(command.READ, 1, 0, 8), length=4096)
    faulted.fault("wait 1")
    faulted.fault("release EIO")
    io.wait(held, status.UNRECOVERED_READ)


def test_says_that_it_changed(rig, folder):
    path = disk(folder, 1 << 20)
    faulted = rig([faulty(1, folder / "1.sock", path=path)])
    os.truncate(path, 2 << 20)
    faulted.fault("change")
    wait_until(lambda: faulted.state()["size"] == 2 << 20)


def test_rules_from_the_start(rig, folder):
    ns = faulty(1, folder / "1.sock")
    ns["weft"]["rules"] = "fail read EIO times 1; fail write ENOSPC times 1"
    with rig([ns]).connect() as ctrl:
        io = ctrl.connect_io()
        io.read(0, 8, expect=status.UNRECOVERED_READ)
        io.write(0, bytes(512), expect=status.CAPACITY_EXCEEDED)
        io.read(0, 8)


def test_a_second_client(faulted, folder):
    faulted.fault.close()
    again = Fault(folder / "1.sock")
    again("count")
    faulted.faults[1] = again
