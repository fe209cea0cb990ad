# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, case 5: deadlines for ICReq and Connect.

A silent peer does not keep its connection, and one that trickles neither.
"""

import contextlib
import time

import pytest

import weftconf
from nvmetcp import (Closed, Connection, command, connect_admin, connect_data, connect_entry,
                     open_queue, pdu, send_connect, status, wait_until)
from nvmetcp.command import with_sgl
from timing import TooSlow, paced, within
from weftconf import nqn

LIMIT = 0.5


@pytest.fixture
def impatient(besieged):
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])])
    return besieged(config, args=["--connect-timeout-ms", str(int(LIMIT * 1000))])


def in_time(connect, *args):
    """Connects before the deadline."""
    with paced(LIMIT):
        return connect(*args)


def begun(address):
    """A queue that has its ICResp, closed at the end."""
    return contextlib.closing(in_time(open_queue, address))


def trickle(conn, data):
    """Sends a byte at a time, until the connection is at its end."""
    started = time.monotonic()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for byte in data:
            conn.send(bytes([byte]))
            time.sleep(LIMIT / 10)
            if time.monotonic() - started > LIMIT + 4:
                raise TooSlow("a trickle kept it open")


@contextlib.contextmanager
def deadline(what="it"):
    """The daemon ends a connection that is opened in here: not at once, and not much later."""
    started = time.monotonic()
    with within(LIMIT + 4, what):
        yield
    assert time.monotonic() - started > LIMIT * 0.5


def expect_end(conn):
    """A C2HTermReq may come first; what counts is the end."""
    try:
        conn.recv_pdu()
    except Closed:
        return
    conn.expect_closed()


@pytest.mark.timed
def test_05_no_icreq(impatient):
    with deadline(), Connection(impatient.address) as conn:
        expect_end(conn)


def test_05_half_an_icreq(impatient):
    with deadline(), Connection(impatient.address) as conn:
        conn.send(pdu.icreq()[:64])
        expect_end(conn)


def test_05_no_connect(impatient):
    with deadline(), begun(impatient.address) as queue:
        expect_end(queue.conn)


@pytest.mark.timed
def test_05_trickle(impatient):
    """One byte at a time resets nothing."""
    with deadline(), Connection(impatient.address) as conn:
        trickle(conn, pdu.icreq())


def test_05_trickle_of_a_connect(impatient):
    with deadline(), begun(impatient.address) as queue:
        trickle(queue.conn, queue.conn.build_pdu(pdu.CMD, with_sgl(
            connect_entry(), command.sgl(command.SGL_IN_CAPSULE, 1024)), connect_data(nqn("one"))))


@pytest.mark.timed
def test_05_connect_that_never_gets_its_data(impatient):
    with deadline(), begun(impatient.address) as queue:
        with paced(LIMIT):
            queue.wait_r2t(queue.submit(connect_entry(), connect_data(nqn("one")), inline=False,
                                        manual=True))
        expect_end(queue.conn)


@pytest.mark.timed
def test_05_refused_connects_buy_no_time(impatient):
    """Each wrong Connect is answered, and none moves the deadline."""
    started = time.monotonic()
    with deadline("the end"), begun(impatient.address) as queue:
        with pytest.raises((Closed, ConnectionError)):
            while time.monotonic() - started < LIMIT + 4:
                send_connect(queue, connect_data(nqn("nobody")),
                             expect=status.CONNECT_INVALID_PARAM)
                time.sleep(LIMIT / 20)
            raise TooSlow("wrong Connects kept it open")


def test_05_host_that_ignores_c2htermreq(impatient):
    """The host should close; where it does not, the target does after a while."""
    with begun(impatient.address) as queue:
        before = impatient.sockets()
        with paced(LIMIT):
            queue.conn.send_icreq()     # the second: a sequence error
            assert queue.conn.recv_pdu().type == pdu.C2HTERM
        wait_until(lambda: impatient.sockets() < before, what="the end of the socket")


@pytest.mark.timed
def test_05_connected_queues_have_no_such_deadline(impatient):
    with in_time(connect_admin, impatient.address, nqn("one")) as ctrl:
        io = in_time(ctrl.connect_io)
        ctrl.admin.quiet(LIMIT + 1)
        io.flush()
