# SPDX-License-Identifier: BSD-3-Clause
"""What disks lie on: each kind of file system and block device is served inside the sandbox, which
refuses nothing that it takes (weftd.py looks for that)."""

import contextlib
import os

import pytest

import weftconf
from everycommand import UNIT, check_data, check_reads
from faultlib import site
from nvmetcp import connect_admin, status, wait_until
from places import LARGER, PLACES, SIZE, Missing
from weftconf import nqn
from weftd import Weftd

pytestmark = [pytest.mark.shipped,     # sanitizers are allowed more system calls
              pytest.mark.skipif(os.geteuid() != 0, reason="makes devices and mounts: root's")]


def config(place, direct):
    return site(weftconf.namespace(1, path=place.path, direct=direct))


def size_of(ctrl, block):
    """Bytes of namespace 1; 0 where hosts see none."""
    done = ctrl.identify(0, nsid=1, expect=(0, status.INVALID_NAMESPACE))
    return int.from_bytes(done[:8], "little") * block


@pytest.mark.parametrize("engine", ["io_uring", "epoll"])
@pytest.mark.parametrize("kind", PLACES)
def test_disk(kind, engine, folder):
    with contextlib.ExitStack() as stack:
        try:
            place = stack.enter_context(PLACES[kind](folder))
        except Missing as missing:
            pytest.skip(str(missing))
        daemon = stack.enter_context(Weftd(config(place, True), args=["--loop", engine]))
        ctrl = stack.enter_context(connect_admin(daemon.address, nqn("one")))
        check = check_reads if place.read_only else check_data
        io = ctrl.connect_io()
        assert size_of(ctrl, place.block) == SIZE, daemon.stderr
        check(io, place.block)
        daemon.reload(config(place, False))     # through the page cache
        wait_until(lambda: daemon.stderr.count("was loaded again") == 1, what="the change")
        wait_until(lambda: size_of(ctrl, place.block) == SIZE, what="the disk")
        check(io, place.block)
        if place.grow:
            place.grow()
            wait_until(lambda: size_of(ctrl, place.block) == LARGER, what="its new size")
            io.read((LARGER - UNIT) // place.block, UNIT // place.block, block=place.block)
        daemon.check()
