# SPDX-License-Identifier: BSD-3-Clause
"""What disks lie on: each kind of file system and block device is served inside the sandbox, which
refuses nothing that it takes (weftd.py looks for that)."""

import contextlib
import os

import pytest

import weftconf
from faultlib import site
from nvmetcp import connect_admin, status, wait_until
from places import LARGER, PLACES, SIZE, Missing
from weftconf import nqn
from weftd import Weftd

pytestmark = [pytest.mark.shipped,     # sanitizers are allowed more system calls
              pytest.mark.skipif(os.geteuid() != 0, reason="makes devices and mounts: root's")]

UNIT = 64 << 10


def config(place, direct):
    return site(weftconf.namespace(1, path=place.path, direct=direct))


def size_of(ctrl, block):
    """Bytes of namespace 1; 0 where hosts see none."""
    done = ctrl.identify(0, nsid=1, expect=(0, status.INVALID_NAMESPACE))
    return int.from_bytes(done[:8], "little") * block


def check_reads(io, place):
    assert io.read(0, UNIT // place.block, block=place.block) == bytes(UNIT)
    io.write(0, bytes(place.block), block=place.block, expect=status.WRITE_PROTECTED)


def check_data(io, place):
    """Every command that reaches a file."""
    blocks, data = UNIT // place.block, os.urandom(UNIT)
    io.write(blocks, data, block=place.block)
    io.write(2 * blocks, data, block=place.block, fua=True)
    io.flush()
    for slba in (blocks, 2 * blocks):
        assert io.read(slba, blocks, block=place.block) == data
    io.write_zeroes(blocks, blocks)
    assert io.read(blocks, blocks, block=place.block) == bytes(UNIT)
    io.dsm([(2 * blocks, blocks)])
    assert io.read(2 * blocks, blocks, block=place.block) in (data, bytes(UNIT))
    io.write(2 * blocks, bytes(UNIT), block=place.block)
    io.flush()


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
        check(io, place)
        daemon.reload(config(place, False))     # through the page cache
        wait_until(lambda: daemon.stderr.count("was loaded again") == 1, what="the change")
        wait_until(lambda: size_of(ctrl, place.block) == SIZE, what="the disk")
        check(io, place)
        if place.grow:
            place.grow()
            wait_until(lambda: size_of(ctrl, place.block) == LARGER, what="its new size")
            io.read((LARGER - UNIT) // place.block, UNIT // place.block, block=place.block)
        daemon.check()
