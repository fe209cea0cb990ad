# SPDX-License-Identifier: BSD-3-Clause
"""Storms of connections, and many at a time. WEFT_STORM is how many associations come and go."""

import os
import time

import pytest

import weftconf
from loadlib import Before, Load
from weftd import Weftd

COUNT = int(os.environ.get("WEFT_STORM", "10000"))


@pytest.fixture
def daemon(tmp_path):
    """Its disk is a file, because one in memory grows as it is written."""
    path = tmp_path / "disk.img"
    with open(path, "wb") as file:
        file.truncate(256 << 20)
    site = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1, path=path)])])
    with Weftd(site, cores=2, args=["--log-level", "notice"]) as running:
        yield running


def warm(daemon):
    """What it holds after the first hosts: buffers that were used once stay."""
    Load("storm", daemon, "-n", 1000, "-t", 64).wait()
    time.sleep(2)
    return Before(daemon)


def test_associations_come_and_go(daemon):
    """64 at a time, each with I/O that is verified, leaving in all the ways that hosts leave."""
    before = warm(daemon)
    seen = Load("storm", daemon, "-n", COUNT, "-t", 64).wait()
    more = before.again()
    print(f"{seen}; {more} KiB more than before")
    assert seen["associations"] == COUNT and not seen["refused"]
    refused = [limit.get("refused", 0) for limit in daemon.status()["limits"].values()]
    assert not any(refused)


def test_idle_and_busy_connections(daemon):
    """1,000 connections do nothing while 200 hosts work; idle ones cost next to nothing."""
    before = warm(daemon)
    busy = Load("hold", daemon, "-i", 1000, "-t", 200, "-s", 8)
    time.sleep(5)
    taken = daemon.taken()
    assert taken["connections"] == 1400
    grown = daemon.memory_kib() - before.memory
    seen = busy.wait()
    more = before.again()
    print(f"{seen}; {grown} KiB for {taken['connections']} connections, {more} KiB afterwards")
    assert seen["associations"] == 700 and seen["verified"] > 1000
