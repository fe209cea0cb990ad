# SPDX-License-Identifier: BSD-3-Clause
"""The bystander and the siege of test_hostile_*.py themselves: what is wrong does not get past."""

import contextlib
import os
import signal
import time

import pytest

import weftconf
from bystander import LIMIT, NAME
from conftest import MIB, with_bystander
from nvmetcp import HostId, connect_admin, open_queue, wait_until
from siege import HEAP_SLACK, Siege
from timing import TooSlow
from weftconf import nqn
from weftd import SANITIZED

pytestmark = [pytest.mark.engine, pytest.mark.races]


@pytest.fixture
def daemon(weftd, folder):
    """One of its own, since it is maltreated."""
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])])
    return weftd(with_bystander(config, folder))


@pytest.fixture
def siege(daemon):
    with contextlib.closing(Siege(daemon)) as siege:
        yield siege


@pytest.mark.timed
def test_all_is_well(siege):
    with siege.around():
        time.sleep(0.2)
    report = siege.bystander.report()
    if report["rounds"] <= 2:
        raise TooSlow(f"{report['rounds']} rounds in 0.2 s")
    assert report["answers"] > 2 * report["rounds"]


@pytest.mark.timed
def test_a_stall_is_noticed(siege, daemon):
    with pytest.raises(AssertionError, match="the bystander waited"):
        with siege.around():
            time.sleep(0.02)
            os.kill(daemon.process.pid, signal.SIGSTOP)
            time.sleep(LIMIT + 1.5)
            os.kill(daemon.process.pid, signal.SIGCONT)


@pytest.mark.parametrize("nsid", [1, 2])
def test_changed_data_is_noticed(siege, daemon, nsid):
    with pytest.raises(AssertionError, match="not what was written"):
        with siege.around():
            time.sleep(0.05)
            with connect_admin(daemon.address, nqn(NAME), host=HostId.make(NAME)) as ctrl:
                io = ctrl.connect_io()
                for _ in range(50):
                    io.write(0, bytes(512), nsid=nsid)


def test_a_lost_connection_is_noticed(siege, daemon):
    def drop(changed):
        changed["subsystems"].pop()
        changed["ports"][0]["subsystems"].pop()
    with pytest.raises(AssertionError, match="the bystander: "):
        with siege.around():
            daemon.reload(weftconf.changed(daemon.config, drop))
            wait_until(lambda: siege.daemon.taken()["connections"] == 0)


def test_what_is_not_given_back_is_noticed(siege, daemon):
    with pytest.raises(AssertionError, match="remain"):
        with siege.around(seconds=0.5):
            queue = open_queue(daemon.address)
    queue.close()


def test_heap_that_is_not_given_back_is_noticed(siege, daemon):
    """Counted by nobody else: a larger configuration."""
    def grow(changed):
        changed["subsystems"] += [weftconf.subsystem(f"more{index}") for index in range(500)]
    before = daemon.status()["heap"]
    with pytest.raises(AssertionError, match="bytes of heap remain"):
        with siege.around(seconds=0.5):
            daemon.reload(weftconf.changed(daemon.config, grow))
            wait_until(lambda: daemon.status()["subsystems"] > 500)
            assert daemon.status()["heap"] > before + HEAP_SLACK


def test_a_daemon_that_grows_is_noticed(siege, daemon):
    """Its resident memory: here by what a host writes to a disk. A sanitizer's is not judged."""
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        for index in range(32):
            io.write(index * 2048, b"\x5a" * MIB)
        noticed = contextlib.nullcontext() if SANITIZED else pytest.raises(
            AssertionError, match="resident memory")
        with noticed:
            siege.judge_resident(seconds=0.5)
        io.dsm([(0, 32 * 2048)])
        siege.judge_resident()
