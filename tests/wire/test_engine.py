# SPDX-License-Identifier: BSD-3-Clause
"""The loop's engines: which one runs, what the daemon says of it, and that both carry the same."""

import os

import pytest

import weftconf
from nvmetcp import connect_admin
from weftconf import nqn
from weftd import WEFTD, Weftd

pytestmark = [pytest.mark.engine, pytest.mark.races, pytest.mark.shipped]

WITHOUT_IO_URING = WEFTD.parents[2] / "tests" / "without-io-uring"


@pytest.fixture(autouse=True)
def engine_of_our_own(monkeypatch):
    monkeypatch.delenv("WEFTD_ARGS", raising=False)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "disk.img"
    path.touch()
    os.truncate(path, 8 << 20)
    return weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1),
                                                       weftconf.namespace(2, path=path)])])


def carries(daemon):
    """Reads and writes of memory and of a file, on each of two reactors."""
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        for io in [ctrl.connect_io() for _ in range(3)]:
            for nsid in (1, 2):
                data = os.urandom(65536)
                io.write(8, data, nsid=nsid)
                io.flush(nsid=nsid)
                assert io.read(8, 128, nsid=nsid) == data


@pytest.mark.parametrize("engine", ["io_uring", "epoll"])
def test_engine_that_is_asked_for(weftd, config, engine):
    daemon = weftd(config, cores=2, args=["--loop", engine])
    carries(daemon)
    assert f"with 2 reactors on {engine}" in daemon.stderr
    assert "using epoll" not in daemon.stderr


def test_io_uring_is_forbidden(weftd, config):
    """It says so in one line, however many reactors there are, and runs on epoll."""
    daemon = weftd(config, cores=2, wrapper=[WITHOUT_IO_URING])
    carries(daemon)
    said, = [line for line in daemon.stderr.splitlines() if "io_uring" in line]
    assert said.endswith("using epoll: io_uring is forbidden, probably by the container's seccomp "
                         "profile")
    assert "with 2 reactors on epoll" in daemon.stderr


def test_io_uring_is_forbidden_and_asked_for(config):
    daemon = Weftd(config, args=["--loop", "io_uring"], wrapper=[WITHOUT_IO_URING])
    try:
        daemon.spawn()
        assert daemon.wait_exit() == 1
        assert "io_uring is forbidden" in daemon.stderr
        daemon.check_findings()
    finally:
        daemon.remove()
