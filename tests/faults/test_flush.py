# SPDX-License-Identifier: BSD-3-Clause
"""A flush that failed is never forgotten: whatever comes later, it made nothing durable."""

import pytest

from faultlib import faulty
from nvmetcp import command, status, wait_until

pytestmark = pytest.mark.engine

WRITE_FAULT = 0x280


@pytest.fixture
def cached(rig, folder):
    return rig([faulty(1, folder / "1.sock", cache=True)])


@pytest.mark.parametrize("error,first", [("EIO", WRITE_FAULT), ("ENOSPC", 0x081),
                                         ("ENODEV", 0x300), ("ENOMEM", 0x021)])
def test_stays_failed(cached, error, first):
    with cached.connect() as ctrl:
        io = ctrl.connect_io()
        io.write(0, b"\x01" * 512)
        io.flush()
        io.write(0, b"\x02" * 512)
        cached.fault(f"fail flush {error} times 1")
        io.flush(expect=first)
        before = cached.fault.numbers("count")
        for _ in range(3):
            done = io.flush(expect=WRITE_FAULT)
            assert done.dnr
            io.write(8, bytes(512), fua=True, expect=WRITE_FAULT)
            io.write_zeroes(8, 1, fua=True, expect=WRITE_FAULT)
        assert cached.fault.numbers("count") == before, "the disk was asked again"
        # reading and writing go on
        io.write(8, b"\x03" * 512)
        assert io.read(8, 1) == b"\x03" * 512
    # nor does another host make it good
    with cached.connect() as ctrl:
        ctrl.connect_io().flush(expect=WRITE_FAULT)


def test_a_durable_write_that_failed_counts_as_well(cached):
    with cached.connect() as ctrl:
        io = ctrl.connect_io()
        cached.fault("fail fua EIO times 1")
        io.write(0, bytes(512), fua=True, expect=WRITE_FAULT)
        io.flush(expect=WRITE_FAULT)


@pytest.mark.parametrize("error", ["EAGAIN", "EBUSY", "EINTR"])
def test_what_was_not_tried_is_not_lost(cached, error):
    with cached.connect() as ctrl:
        io = ctrl.connect_io()
        cached.fault(f"fail flush {error} times 1")
        io.flush(expect=0x021)
        io.flush()


def test_a_write_that_failed_does_not_count(cached):
    with cached.connect() as ctrl:
        io = ctrl.connect_io()
        cached.fault("fail write EIO times 1")
        io.write(0, bytes(512), expect=WRITE_FAULT)
        io.flush()


def test_without_a_cache_a_failed_durable_write_is_just_that(rig, folder):
    plain = rig([faulty(1, folder / "1.sock")])
    with plain.connect() as ctrl:
        io = ctrl.connect_io()
        plain.fault("fail fua EIO times 1")
        io.write(0, bytes(512), fua=True, expect=WRITE_FAULT)
        io.flush()
        io.write(0, bytes(512), fua=True)


def test_is_shown_until_the_administrator_opens_it_anew(cached):
    with cached.connect() as ctrl:
        io = ctrl.connect_io()
        cached.fault("fail flush EIO times 1")
        io.flush(expect=WRITE_FAULT)
        wait_until(lambda: "trouble" in cached.state(), what="a report")
        assert "a flush failed" in cached.state()["trouble"]
        assert "a flush failed" in cached.weft("status")["problems"][0]
        cached.reopen()
        assert "trouble" not in cached.state()
        io.write(0, b"\x04" * 512, fua=True)
        io.flush()
    assert cached.daemon.stderr.count("a flush failed (") == 1


def test_coming_back_by_itself_is_not_enough(cached):
    with cached.connect() as ctrl:
        io = ctrl.connect_io()
        cached.fault("fail flush EIO times 1")
        io.flush(expect=WRITE_FAULT)
        cached.fault("vanish")
        wait_until(lambda: cached.state()["status"] == "failed", what="its loss")
        cached.fault("return")
        wait_until(lambda: cached.state()["status"] == "ready", what="its return")
        io.flush(expect=WRITE_FAULT)
        cached.reopen()
        io.flush()


def test_aborted_flush_that_fails_later(cached):
    """The host no longer waits for it, and must learn of it all the same."""
    with cached.connect() as ctrl:
        io = ctrl.connect_io()
        io.write(0, bytes(512))
        cached.fault("hang flush times 1")
        held = io.submit(command.sqe(command.FLUSH, nsid=1))
        cached.fault("wait 1")
        ctrl.abort(io.qid, held.cid)
        io.wait(held, status.ABORT_REQUESTED)
        cached.fault("release EIO")
        io.read(0, 1)
        wait_until(lambda: io.flush(expect=(0, WRITE_FAULT)).status == WRITE_FAULT)
