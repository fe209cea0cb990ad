# SPDX-License-Identifier: BSD-3-Clause
"""Asynchronous Event Request, Keep Alive and Abort (Base 2.1, sections 5.1.1 and 5.1.2)."""

import time

import pytest

from nvmetcp import command, status
from timing import paced, within

pytestmark = pytest.mark.races

EVENTS = 0x0B


def aer_limit(ctrl):
    return ctrl.identify(1)[259] + 1  # AERL is 0's based


def test_requests_are_held(ctrl):
    for _ in range(aer_limit(ctrl)):
        ctrl.aer()
    ctrl.admin.quiet(0.1)


def test_one_request_too_many(ctrl):
    held = [ctrl.aer() for _ in range(aer_limit(ctrl))]
    ctrl.admin.wait(ctrl.aer(), status.AER_LIMIT)
    assert all(pending.completion is None for pending in held)


def test_requests_do_not_block_others(ctrl):
    for _ in range(aer_limit(ctrl)):
        ctrl.aer()
    ctrl.keep_alive()
    ctrl.identify(1)


def test_keep_alive_without_a_timer(ctrl):
    ctrl.keep_alive()


def test_keep_alive_on_an_io_queue(io):
    io.run(command.sqe(command.KEEP_ALIVE), expect=status.INVALID_OPCODE)


# Abort

def aborted(done):
    """DW0 bit 0, "immediate abort not performed", is 0 where the command was aborted."""
    return not done.dw0 & 1


def test_abort_of_an_event_request(ctrl):
    held = [ctrl.aer() for _ in range(2)]
    assert aborted(ctrl.abort(0, held[0].cid))
    ctrl.admin.wait(held[0], status.ABORT_REQUESTED)
    assert held[1].completion is None
    # its place is free again
    for _ in range(aer_limit(ctrl) - 1):
        ctrl.aer()
    ctrl.admin.quiet(0.1)


def test_abort_completes_the_command_first(ctrl):
    # Base 2.1, section 5.1.1: where the bit is 0, the aborted command was completed before
    held = ctrl.aer()
    assert aborted(ctrl.abort(0, held.cid))
    assert held.completion is not None
    held.completion.expect(status.ABORT_REQUESTED)


def test_abort_of_nothing(ctrl):
    assert not aborted(ctrl.abort(0, 0x4242))


@pytest.mark.parametrize("sqid", [1, 77, 0xFFFF])
def test_abort_on_a_queue_that_is_not_there(ctrl, sqid):
    # section 5.1.1 lets a controller say "not performed" or refuse the SQID
    done = ctrl.abort(sqid, 1, expect=(status.SUCCESS, status.INVALID_FIELD))
    assert done.status != status.SUCCESS or not aborted(done)


def test_abort_of_what_has_completed(ctrl):
    io = ctrl.connect_io()
    pending = io.submit(command.sqe(command.FLUSH, nsid=1))
    io.wait(pending)
    assert not aborted(ctrl.abort(1, pending.cid))


def serve_aborted(ctrl, io, abort, pending):
    """An abort of a write whose R2T is out may take effect at once, or when the data has come: the
    host has been asked for it and sends it either way."""
    io.pump_for(0.1)
    for r2t in list(pending.unserved):
        io.serve(pending, r2t)
    io.wait(pending, status.ABORT_REQUESTED)
    assert aborted(ctrl.admin.wait(abort))


def test_abort_of_a_write_that_waits_for_data(ctrl):
    io = ctrl.connect_io()
    before = io.read(0, 64)
    pending = io.submit(io.rw(command.WRITE, 1, 0, 64), b"\xa5" * 32768, inline=False, manual=True)
    io.wait_r2t(pending)
    serve_aborted(ctrl, io, ctrl.submit_abort(1, pending.cid), pending)
    assert io.read(0, 64) == before


def test_aborted_write_leaves_others_alone(ctrl):
    io = ctrl.connect_io()
    data = [bytes([index]) * 32768 for index in range(1, 4)]
    writes = [io.submit(io.rw(command.WRITE, 1, 64 * index, 64), data[index], inline=False,
                        manual=True) for index in range(3)]
    for pending in writes:
        io.wait_r2t(pending)
    serve_aborted(ctrl, io, ctrl.submit_abort(1, writes[1].cid), writes[1])
    for index in (0, 2):
        io.serve_all(writes[index])
        assert io.read(64 * index, 64) == data[index]


def test_aborts_in_a_row(ctrl):
    """ACL limits outstanding aborts only."""
    for cid in range(20):
        assert not aborted(ctrl.abort(0, cid))


# Keep alive timer

@pytest.mark.timed
def test_expiry_ends_the_association(connect):
    started = time.monotonic()
    with within(4, "KATO of 1 s"):
        ctrl = connect(kato=1000)
        with paced(1):
            io = ctrl.connect_io()
        io.expect_closed()
        ctrl.admin.expect_closed()
    assert time.monotonic() - started > 0.8


@pytest.mark.timed
def test_traffic_keeps_it_alive(connect):
    """CTRATT says traffic based keep alive (TBKAS): any command defers the expiry. Three hosts, each
    with one kind of traffic."""
    with paced(1) as pace:
        first, second, third = connect(kato=1000), connect(kato=1000), connect(kato=1000)
        assert first.identify(1)[96] & 0x40, "CTRATT.TBKAS"
        io = third.connect_io()
        for _ in range(13):
            first.keep_alive()
            second.get_feature(EVENTS)
            io.flush()
            pace.step()
            time.sleep(0.2)
        for ctrl in (first, second, third):
            ctrl.keep_alive()


def test_no_timer_no_expiry(connect):
    ctrl = connect(kato=0)
    ctrl.admin.quiet(2.2)
    ctrl.keep_alive()


def test_timer_set_by_feature(connect):
    ctrl = connect(kato=0)
    ctrl.set_feature(0x0F, 1000)
    ctrl.admin.expect_closed()
