# SPDX-License-Identifier: BSD-3-Clause
"""Deadlines for ICReq and Connect: a silent peer does not keep its connection."""

import time

import pytest

import weftconf
from nvmetcp import Connection, connect_admin, open_queue, pdu, wait_until

LIMIT = 0.5


@pytest.fixture
def impatient(weftd):
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])])
    return weftd(config, args=["--connect-timeout-ms", str(int(LIMIT * 1000))])


def ends_in_time(conn):
    started = time.monotonic()
    conn.sock.settimeout(10)
    # a C2HTermReq may come first; what counts is the end
    try:
        conn.recv_pdu()
        conn.expect_closed()
    except Exception as error:
        assert type(error).__name__ == "Closed", error
    return LIMIT * 0.5 < time.monotonic() - started < LIMIT + 4


def test_no_icreq(impatient):
    with Connection(impatient.address) as conn:
        assert ends_in_time(conn)


def test_half_an_icreq(impatient):
    with Connection(impatient.address) as conn:
        conn.send(pdu.icreq()[:64])
        assert ends_in_time(conn)


def test_no_connect(impatient):
    queue = open_queue(impatient.address)
    assert ends_in_time(queue.conn)
    queue.close()


def test_trickle(impatient):
    """One byte at a time resets nothing."""
    with Connection(impatient.address) as conn:
        started = time.monotonic()
        try:
            for byte in pdu.icreq():
                conn.send(bytes([byte]))
                time.sleep(LIMIT / 10)
                assert time.monotonic() - started < LIMIT + 4, "a trickle kept it open"
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_host_that_ignores_c2htermreq(impatient):
    """The host should close; where it does not, the target does after a while."""
    queue = open_queue(impatient.address)
    before = impatient.sockets()
    queue.conn.send_icreq()     # the second: a sequence error
    assert queue.conn.recv_pdu().type == pdu.C2HTERM
    wait_until(lambda: impatient.sockets() < before, what="the end of the socket")
    queue.close()


def test_connected_queues_have_no_such_deadline(impatient):
    with connect_admin(impatient.address, weftconf.nqn("one")) as ctrl:
        io = ctrl.connect_io()
        ctrl.admin.quiet(LIMIT + 1)
        io.flush()
