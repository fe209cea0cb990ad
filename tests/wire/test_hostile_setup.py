# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, connection set-up: cases 1 to 6."""

import time

import pytest

import weftconf
from nvmetcp import (Closed, Connection, command, connect_admin, connect_data, pdu, send_connect,
                     wait_until)
from weftconf import nqn

pytestmark = pytest.mark.engine

BEFORE_ICREQ = {
    "command": (pdu.CMD, bytes(64), b""),
    "H2CData": (pdu.H2CDATA, bytes(16), bytes(16)),
}


@pytest.mark.parametrize("name", BEFORE_ICREQ)
def test_01_pdu_before_icreq(raw, name):
    conn = raw()
    type_, specific, data = BEFORE_ICREQ[name]
    conn.send_pdu(type_, specific, data)
    conn.expect_term(pdu.FES_SEQUENCE)


@pytest.mark.parametrize("type_", sorted(set(range(12)) - {pdu.ICREQ, pdu.H2CTERM, pdu.CMD,
                                                         pdu.H2CDATA}) + [0x7F, 0x80, 0xFF])
def test_01_any_other_type_before_icreq(raw, type_):
    conn = raw()
    conn.send_pdu(type_, bytes(120))
    conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE))


def test_01_h2ctermreq_before_icreq(raw):
    # never answered with another TermReq
    conn = raw()
    conn.send(pdu.h2cterm(pdu.FES_UNSUPPORTED))
    conn.expect_closed()


def test_01_not_nvme_at_all(raw):
    conn = raw()
    conn.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".ljust(128, b" "))
    conn.expect_end()


def test_02_second_icreq_at_once(raw):
    """Both in one segment: ICResp may still come before the end."""
    conn = raw()
    conn.send(pdu.icreq() * 2)
    conn.expect_term(pdu.FES_SEQUENCE)


@pytest.mark.parametrize("digests", [False, True])
def test_02_second_icreq_after_icresp(opened, digests):
    conn = opened(hdgst=digests, ddgst=digests).conn
    conn.send_icreq()
    conn.expect_term(pdu.FES_SEQUENCE)


def test_02_second_icreq_in_mid_stream(io):
    io.submit(command.sqe(command.FLUSH, nsid=1))
    io.conn.send_icreq()
    io.conn.expect_term(pdu.FES_SEQUENCE)


@pytest.mark.parametrize("sent", [0, 1, 8, 127, 128, 200])
@pytest.mark.parametrize("rst", [False, True], ids=["FIN", "RST"])
def test_03_icreq_and_gone(raw, sent, rst):
    conn = raw()
    conn.send(pdu.icreq().ljust(200, b"\x04")[:sent])
    conn.reset() if rst else conn.close()


def test_03_many_come_and_go(daemon):
    for turn in range(200):
        with Connection(daemon.address) as conn:
            conn.send(pdu.icreq())
            if turn % 2:
                conn.reset()


@pytest.mark.parametrize("pfv", [1, 0x8000, 0xFFFF])
def test_04_unknown_version(raw, pfv):
    conn = raw()
    conn.send_icreq(pfv=pfv)
    conn.expect_term(pdu.FES_UNSUPPORTED, pdu.OFF_PFV)


@pytest.mark.parametrize("hpda", [32, 128, 255])
def test_04_alignment_beyond_31(raw, hpda):
    conn = raw()
    conn.send_icreq(hpda=hpda)
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_HPDA)


@pytest.mark.parametrize("plen", [0, 7, 8, 24, 127, 129, 136, 0xFFFF, 0xFFFFFFFF])
def test_04_icreq_of_another_length(raw, plen):
    conn = raw()
    conn.send_icreq(force_plen=plen)
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_PLEN)


@pytest.mark.parametrize("hlen", [0, 1, 8, 127, 129, 255])
def test_04_icreq_of_another_header_length(raw, hlen):
    conn = raw()
    conn.send_icreq(force_hlen=hlen)
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_HLEN)


# 5, a silent connection: test_hostile_silence.py


def test_06_flood_of_connections(daemon):
    """Memory before Connect is small and bounded. A limit may refuse some; none is left over."""
    program = open(f"/proc/{daemon.process.pid}/exe", "rb").read()
    sanitized = b"__asan_init" in program or b"__tsan_init" in program
    before = daemon.memory_kib()
    flood = []
    try:
        for _ in range(500):
            conn = Connection(daemon.address)
            flood.append(conn)
            conn.send(pdu.icreq())
        for conn in flood:
            try:
                conn.recv_icresp()
            except Exception as error:
                assert type(error).__name__ == "Closed", error
        grown = daemon.memory_kib() - before
        assert grown < len(flood) * (256 if sanitized else 16), f"{grown} KiB for {len(flood)}"
    finally:
        for conn in flood:
            conn.close()


def test_06_out_of_descriptors(besieged):
    """The process's limit is reached: those who are connected go on, nobody spins, and when the
    flood is over others get in again."""
    daemon = besieged(weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])]),
                   wrapper=["sh", "-c", 'ulimit -n 64 && exec "$0" "$@"'])
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        flood = [Connection(daemon.address) for _ in range(200)]
        try:
            io.flush()
            before = daemon.cpu_seconds()
            time.sleep(0.5)
            assert daemon.cpu_seconds() - before < 0.25, "accepting in vain costs a core"
            io.flush()
        finally:
            for conn in flood:
                conn.close()

        def served():
            try:
                with connect_admin(daemon.address, nqn("one")) as another:
                    return another.identify(1)
            except (Closed, ConnectionError):
                return None
        wait_until(served, what="service after the flood")


def test_06_a_named_limit_refuses_the_rest(besieged):
    """--max-connections: one more is closed, the others notice nothing; who goes makes room."""
    daemon = besieged(weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])]),
                   args=["--max-connections", "8"])
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        kept = [Connection(daemon.address).initialize() for _ in range(2)]
        for _ in range(20):
            with pytest.raises((Closed, ConnectionError)):
                Connection(daemon.address).initialize()
        io.flush()
        kept.pop().close()

        def served():
            try:
                return Connection(daemon.address).initialize()
            except (Closed, ConnectionError):
                return None
        wait_until(served, what="a place").close()
        io.flush()
        kept.pop().close()
    assert "--max-connections" in daemon.stderr


def test_06_idle_connections_lock_nobody_out(daemon, opened):
    """Connections that never send Connect do not lock out those that do."""
    idle = [Connection(daemon.address).initialize() for _ in range(100)]
    try:
        send_connect(opened(), connect_data(nqn("main")))
    finally:
        for conn in idle:
            conn.close()
