# SPDX-License-Identifier: BSD-3-Clause
"""The example plugins are built against an installed weft and serve disks.

WEFT_BUILD names the build folder that is installed; without it, build/ of this checkout.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests/lib"))

import nvmetcp  # noqa: E402
import weftconf  # noqa: E402
import weftd as daemons  # noqa: E402
from nvmetcp import status  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", TOP / "build"))
SOURCES = ("slow.c", "timer.c", "Makefile")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where weft was installed to: the root of a file system of its own."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root],
                   check=True, stdin=subprocess.DEVNULL)
    return root


def only(root, name):
    """The one file of that name below root."""
    found = list(root.rglob(name))
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


@pytest.fixture(scope="module")
def plugin(installed, tmp_path_factory):
    """slow.so, built from a copy of its source: nothing else of the checkout is in reach."""
    folder = tmp_path_factory.mktemp("plugin")
    for name in SOURCES:
        shutil.copy(HERE / name, folder)
    env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=str(installed),
               PKG_CONFIG_PATH=str(only(installed, "weft.pc").parent))
    made = subprocess.run(["make", "-C", folder], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert made.returncode == 0, made.stdout
    assert "warning" not in made.stdout, made.stdout
    return folder / "slow.so"


@pytest.fixture
def serve(installed, plugin, monkeypatch):
    """serve(**options): the installed daemon with a namespace of a plugin's."""
    monkeypatch.setattr(daemons, "WEFTD", only(installed, "weftd"))

    def start(*args, backend="slow", **options):
        namespace = weftconf.namespace(1, backend=backend, size="8M", **options)
        config = weftconf.config([weftconf.subsystem("slow", [namespace])])
        return daemons.Weftd(config, args=["--plugin", str(plugin.with_name(f"{backend}.so")),
                                           *args])
    return start


def connect(daemon):
    return nvmetcp.connect_admin(daemon.address, weftconf.nqn("slow"))


def run(installed, *args):
    return subprocess.run([only(installed, "weftd"), *args], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)


def test_only_the_header_is_installed(installed):
    assert [path.name for path in installed.rglob("*.h")] == ["backend.h"]


def test_help_of_the_plugin(installed, plugin):
    done = run(installed, "--plugin", plugin, "--help-backend", "slow")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("slow: a disk in memory that is late")
    for option in ("size=SIZE", "delay=NUMBER", "fail_every=NUMBER"):
        assert option in done.stdout


def test_keeps_data_and_is_late(serve):
    with serve(delay="150") as daemon, connect(daemon) as host:
        io = host.connect_io()
        started = time.monotonic()
        io.write(8, b"late" * 2048, nsid=1)
        assert io.read(8, 16, nsid=1) == b"late" * 2048
        assert time.monotonic() - started > 0.29
        assert io.read(0, 8, nsid=1) == bytes(4096)


def test_ends_with_commands_under_way(serve):
    with serve(delay="300") as daemon, connect(daemon) as host:
        io = host.connect_io()
        for slba in range(8):
            io.submit(io.rw(nvmetcp.command.READ, 1, slba, 1), length=512)
        time.sleep(0.1)


def test_fails_on_demand(serve):
    with serve(delay="1", fail_every="3") as daemon, connect(daemon) as host:
        io = host.connect_io()
        results = [io.read(0, 1, nsid=1, expect=(status.SUCCESS, status.UNRECOVERED_READ))
                   for _ in range(6)]
        assert [len(data) for data in results] == [512, 512, 0, 512, 512, 0]


@pytest.fixture(params=["io_uring", "epoll"])
def serve_timer(serve, request):
    """The same for the plugin whose completions come by a descriptor, on both engines."""
    return lambda **options: serve("--loop", request.param, backend="timer", **options)


def test_descriptor_keeps_data(serve_timer):
    with serve_timer(delay="200") as daemon, connect(daemon) as host:
        queues = [host.connect_io(qid) for qid in (1, 2, 3, 4)]     # of several reactors
        for number, io in enumerate(queues):
            io.write(8 * number, bytes([number]) * 4096, nsid=1)
        for number in range(4):
            assert queues[3 - number].read(8 * number, 8, nsid=1) == bytes([number]) * 4096
        for io in queues:
            many = [io.submit(io.rw(nvmetcp.command.READ, 1, slba, 1), length=512)
                    for slba in range(16)]
            for one in reversed(many):
                io.wait(one)


def test_descriptor_of_a_device_that_goes(serve_timer):
    """Its watches end while the reactors go on, and others begin on the same ones."""
    with serve_timer(delay="50") as daemon, connect(daemon) as host:
        queues = [host.connect_io(qid) for qid in (1, 2)]
        config = daemon.config
        for turn in range(6):
            for io in queues:
                io.write(turn, bytes([turn]) * 512, nsid=1)
            count = daemon.stderr.count("was loaded again")
            daemon.reload(weftconf.changed(config, lambda changed: changed["subsystems"][0][
                "namespaces"][0]["weft"].update(delay=str(51 + turn))))
            nvmetcp.wait_until(lambda: daemon.stderr.count("was loaded again") > count)
            for io in queues:
                assert io.read(turn, 1, nsid=1) == bytes(512)


def test_descriptor_ends_with_commands_under_way(serve_timer):
    with serve_timer(delay="300000") as daemon, connect(daemon) as host:
        io = host.connect_io()
        for slba in range(8):
            io.submit(io.rw(nvmetcp.command.READ, 1, slba, 1), length=512)


def test_what_fails_is_told(serve):
    with serve(delay="1", fail_every="2") as daemon, connect(daemon) as host:
        io = host.connect_io()
        assert not daemon.status()["problems"]
        io.read(0, 1, nsid=1)
        io.read(0, 1, nsid=1, expect=status.UNRECOVERED_READ)
        nvmetcp.wait_until(lambda: daemon.status()["problems"])
        assert "1 commands have failed" in daemon.status()["problems"][0]
        assert "1 commands have failed" in daemon.stderr


def test_wrong_options_are_refused(installed, plugin, tmp_path):
    config = weftconf.config([weftconf.subsystem("slow", [
        weftconf.namespace(1, backend="slow", size="8M", delay="soon")])])
    path = tmp_path / "config.json"
    path.write_text(daemons.json.dumps(config))
    done = run(installed, "--plugin", plugin, "--check", "--config", path)
    assert done.returncode != 0
    assert "delay" in done.stderr and "soon" in done.stderr and "whole number" in done.stderr


def test_a_plugin_twice_is_refused(installed, plugin):
    done = run(installed, "--plugin", plugin, "--plugin", plugin, "--help-backend", "slow")
    assert done.returncode != 0
    assert "there is a backend 'slow' already" in done.stderr
