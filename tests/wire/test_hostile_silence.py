# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, case 5: deadlines for ICReq and Connect.

A silent peer does not keep its connection, and one that trickles neither.
"""

import time

import pytest

import weftconf
from nvmetcp import (Closed, Connection, command, connect_admin, connect_data, connect_entry,
                     open_queue, pdu, send_connect, status, wait_until)
from nvmetcp.command import with_sgl
from weftconf import nqn

LIMIT = 0.5


@pytest.fixture
def impatient(besieged):
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])])
    return besieged(config, args=["--connect-timeout-ms", str(int(LIMIT * 1000))])


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


def test_05_no_icreq(impatient):
    with Connection(impatient.address) as conn:
        assert ends_in_time(conn)


def test_05_half_an_icreq(impatient):
    with Connection(impatient.address) as conn:
        conn.send(pdu.icreq()[:64])
        assert ends_in_time(conn)


def test_05_no_connect(impatient):
    queue = open_queue(impatient.address)
    assert ends_in_time(queue.conn)
    queue.close()


def test_05_trickle(impatient):
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


def test_05_trickle_of_a_connect(impatient):
    queue = open_queue(impatient.address)
    capsule = queue.conn.build_pdu(pdu.CMD, with_sgl(
        connect_entry(), command.sgl(command.SGL_IN_CAPSULE, 1024)), connect_data(nqn("one")))
    started = time.monotonic()
    try:
        for byte in capsule:
            queue.conn.send(bytes([byte]))
            time.sleep(LIMIT / 10)
            assert time.monotonic() - started < LIMIT + 4, "a trickle kept it open"
    except (BrokenPipeError, ConnectionResetError):
        pass
    queue.close()


def test_05_connect_that_never_gets_its_data(impatient):
    queue = open_queue(impatient.address)
    pending = queue.submit(connect_entry(), connect_data(nqn("one")), inline=False, manual=True)
    queue.wait_r2t(pending)
    assert ends_in_time(queue.conn)
    queue.close()


def test_05_refused_connects_buy_no_time(impatient):
    """Each wrong Connect is answered, and none moves the deadline."""
    queue = open_queue(impatient.address)
    started = time.monotonic()
    try:
        while True:
            send_connect(queue, connect_data(nqn("nobody")), expect=status.CONNECT_INVALID_PARAM)
            time.sleep(LIMIT / 20)
            assert time.monotonic() - started < LIMIT + 4, "wrong Connects kept it open"
    except (Closed, ConnectionError):
        pass
    queue.close()


def test_05_host_that_ignores_c2htermreq(impatient):
    """The host should close; where it does not, the target does after a while."""
    queue = open_queue(impatient.address)
    before = impatient.sockets()
    queue.conn.send_icreq()     # the second: a sequence error
    assert queue.conn.recv_pdu().type == pdu.C2HTERM
    wait_until(lambda: impatient.sockets() < before, what="the end of the socket")
    queue.close()


def test_05_connected_queues_have_no_such_deadline(impatient):
    with connect_admin(impatient.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        ctrl.admin.quiet(LIMIT + 1)
        io.flush()
