# SPDX-License-Identifier: BSD-3-Clause
"""The wire tests' own peer: what it sends is right, and what is wrong does not get past it."""

import socket
import struct

import pytest

from nvmetcp import Connection, Queue, command, connect_data, connect_entry, crc32c, pdu
from nvmetcp.decode import nsid_list


@pytest.mark.parametrize("data,digest", [
    (b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E), (bytes(reversed(range(32))), 0x113FDB5C),
])
def test_crc32c(data, digest):
    # RFC 3720, appendix B.4
    assert crc32c(data) == digest


def test_layouts():
    assert len(pdu.icreq()) == 128
    assert pdu.build(pdu.CMD, bytes(64))[:8] == struct.pack("<BBBBI", 4, 0, 72, 0, 72)
    whole = pdu.build(pdu.CMD, bytes(64), b"x" * 512, hdgst=True, ddgst=True)
    assert whole[:8] == struct.pack("<BBBBI", 4, 3, 72, 76, 76 + 512 + 4)
    assert len(whole) == 592
    assert pdu.build(pdu.CMD, bytes(64), b"x", align=128)[3] == 128
    assert len(connect_data("nqn")) == 1024
    assert connect_entry(sqsize=5, qid=3)[40:48] == struct.pack("<HHHBx", 0, 3, 5, 0)


def test_forced_fields_change_nothing_else():
    right = pdu.build(pdu.CMD, bytes(64), b"x" * 16)
    wrong = pdu.build(pdu.CMD, bytes(64), b"x" * 16, force_hlen=9)
    assert [at for at in range(len(right)) if right[at] != wrong[at]] == [2]


@pytest.fixture
def pair():
    """A connection of the peer, and the target's end of it to write into."""
    listener = socket.create_server(("127.0.0.1", 0))
    conn = Connection(listener.getsockname(), timeout=5)
    far, _ = listener.accept()
    yield conn, far
    for sock in (far, listener):
        sock.close()
    conn.close()


def c2hdata(cccid, offset, data, **kw):
    return pdu.build(pdu.C2HDATA, struct.pack("<HHIII", cccid, 0, offset, len(data), 0), data, **kw)


def response(cid, sqhd=1, status_field=0):
    return pdu.build(pdu.RSP, struct.pack("<IIHHHH", 0, 0, sqhd, 0, cid, status_field))


def read_command(conn, **kw):
    queue = Queue(conn, **kw)
    queue.check_sqhd = True  # as after Connect
    return queue, queue.submit(Queue.rw(command.READ, 1, 0, 8), length=4096)


def test_a_right_read(pair):
    conn, far = pair
    queue, pending = read_command(conn)
    far.sendall(c2hdata(pending.cid, 0, bytes(1024)) + c2hdata(pending.cid, 1024, b"x" * 3072,
                                                               flags=pdu.F_LAST))
    far.sendall(response(pending.cid))
    assert queue.wait(pending).data == bytes(1024) + b"x" * 3072


@pytest.mark.parametrize("sent,message", [
    (lambda cid: c2hdata(cid, 512, bytes(16)), "C2HData at 512"),
    (lambda cid: c2hdata(cid, 0, bytes(8192)), "beyond what was asked"),
    (lambda cid: c2hdata(cid ^ 1, 0, bytes(16)), "not outstanding"),
    (lambda cid: c2hdata(cid, 0, bytes(16), flags=pdu.F_SUCCESS), "SUCCESS without LAST"),
    (lambda cid: c2hdata(cid, 0, bytes(4096), flags=pdu.F_SUCCESS | pdu.F_LAST),
     "SQ flow control is on"),
    (lambda cid: c2hdata(cid, 0, bytes(16), force_hlen=25), "HLEN 25"),
    (lambda cid: c2hdata(cid, 0, bytes(16), force_pdo=28), "PDO 28"),
    (lambda cid: c2hdata(cid, 0, bytes(16), force_flags=pdu.F_HDGST), "flags 01h"),
    (lambda cid: response(cid, sqhd=9), "SQHD 9"),
    (lambda cid: response(cid ^ 1), "not outstanding"),
    (lambda cid: response(cid, status_field=1), "phase bit"),
    (lambda cid: response(cid, status_field=0x0B << 1), "00bh INVALID_NAMESPACE"),
    (lambda cid: pdu.build(pdu.R2T, struct.pack("<HHIII", cid, 0, 0, 16, 0)), "no data to fetch"),
    (lambda cid: pdu.build(pdu.CMD, bytes(64)), "must not send CapsuleCmd"),
])
def test_a_wrong_controller_is_caught(pair, sent, message):
    conn, far = pair
    queue, pending = read_command(conn)
    far.sendall(sent(pending.cid))
    with pytest.raises(AssertionError, match=message):
        queue.wait(pending)


def test_wrong_digests_are_caught(pair):
    conn, far = pair
    conn.hdgst = conn.ddgst = True
    queue, pending = read_command(conn)
    far.sendall(c2hdata(pending.cid, 0, bytes(16), hdgst=True, ddgst=True, force_hdgst=1))
    with pytest.raises(AssertionError, match="wrong header digest"):
        queue.wait(pending)
    far.sendall(c2hdata(pending.cid, 0, bytes(16), hdgst=True, ddgst=True, force_ddgst=1))
    with pytest.raises(AssertionError, match="wrong data digest"):
        queue.wait(pending)


def test_nsid_lists_must_ascend():
    assert nsid_list(struct.pack("<4I", 1, 5, 0, 0)) == [1, 5]
    for wrong in ((5, 1, 0, 0), (1, 1, 0, 0), (1, 0, 2, 0)):
        with pytest.raises(AssertionError):
            nsid_list(struct.pack("<4I", *wrong))
