# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, framing: cases 7 to 14.

Where several fields are wrong, the lowest is named; each case here has just one.
"""

import struct

import pytest

from nvmetcp import command, pdu, status

FLUSH = command.with_sgl(command.sqe(command.FLUSH, nsid=1),
                         command.sgl(command.SGL_TRANSPORT, 0))
H2C = struct.pack("<HHIII", 0, 0, 0, 16, 0)
TERM = struct.pack("<HI", 1, 0) + bytes(10)

# type: (what follows the common header, data)
SENT = {
    "command": (pdu.CMD, FLUSH, b""),
    "H2CData": (pdu.H2CDATA, H2C, bytes(16)),
}


@pytest.fixture(params=[False, True], ids=["plain", "digests"])
def conn(request, connect):
    return connect().connect_io(hdgst=request.param, ddgst=request.param).conn


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("hlen", [0, 1, 8, 23, 71, 73, 128, 255])
def test_07_header_length(conn, name, hlen):
    type_, specific, data = SENT[name]
    conn.send_pdu(type_, specific, data, force_hlen=hlen)
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_HLEN)


@pytest.mark.parametrize("hlen", [0, 8, 255])
def test_07_header_length_of_termreq(conn, hlen):
    # a TermReq is never answered
    conn.send(pdu.h2cterm(pdu.FES_SEQUENCE, force_hlen=hlen))
    conn.expect_end()


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("plen", [0, 1, 8, 23])
def test_08_shorter_than_its_header(conn, name, plen):
    type_, specific, data = SENT[name]
    conn.send_pdu(type_, specific, data, force_plen=plen)
    # PDO lies below PLEN, and is beyond it now
    conn.expect_term(pdu.FES_INVALID_FIELD, (pdu.OFF_PDO, pdu.OFF_PLEN))


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("plen", [0xFFFFFFFF, 0x80000000, 1 << 24])
def test_08_absurdly_long(conn, name, plen):
    """Refused by its header, not awaited."""
    type_, specific, data = SENT[name]
    conn.send_pdu(type_, specific, data, force_plen=plen, force_pdo=28 if data else None)
    conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_LIMIT))


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("missing", [1, 4])
def test_08_no_room_for_the_header_digest(connect, name, missing):
    io = connect().connect_io(hdgst=True)
    type_, specific, _ = SENT[name]
    io.conn.send_pdu(type_, specific, force_plen=8 + len(specific) + 4 - missing)
    io.conn.expect_term(pdu.FES_INVALID_FIELD, (pdu.OFF_PDO, pdu.OFF_PLEN))


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("left", [1, 3, 4])
def test_08_no_room_for_data_beside_its_digest(connect, name, left):
    io = connect().connect_io(ddgst=True)
    type_, specific, _ = SENT[name]
    io.conn.send_pdu(type_, specific, bytes(16), force_plen=8 + len(specific) + left)
    io.conn.expect_term(pdu.FES_INVALID_FIELD, (pdu.OFF_PDO, pdu.OFF_PLEN))


@pytest.mark.parametrize("pdo", [1, 8, 24, 71, 255])
def test_09_data_offset_of_a_command(conn, pdo):
    entry = command.with_sgl(command.with_cid(command.sqe(command.WRITE, nsid=1), 7),
                             command.sgl(command.SGL_IN_CAPSULE, 512))
    conn.send_pdu(pdu.CMD, entry, bytes(512), force_pdo=pdo)
    # 255 is not a multiple of the alignment that ICResp gave, whatever else
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_PDO)


@pytest.mark.parametrize("pdo", [0, 1, 8, 23, 255])
def test_09_data_offset_of_h2cdata(conn, pdo):
    conn.send_pdu(pdu.H2CDATA, H2C, bytes(16), force_pdo=pdo)
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_PDO)


@pytest.mark.parametrize("name,pdo", [("command", 72), ("H2CData", 24)])
def test_09_data_in_the_header_digest(connect, name, pdo):
    io = connect().connect_io(hdgst=True)
    type_, specific, _ = SENT[name]
    io.conn.send_pdu(type_, specific, bytes(16), force_pdo=pdo)
    io.conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_PDO)


@pytest.mark.parametrize("plen", [96, 100])
def test_09_data_offset_at_and_beyond_the_end(conn, plen):
    """PDO 100: the PDU has ended there."""
    conn.send_pdu(pdu.H2CDATA, H2C, bytes(76), force_pdo=100, force_plen=plen)
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_PDO)


def test_09_padding_before_data_is_skipped(connect):
    """A larger PDO is legal where it stays aligned: hosts may pad more than CPDA demands."""
    io = connect().connect_io()
    data = b"\x3c" * 512
    pending, _ = io.prepare(io.rw(command.WRITE, 1, 40, 1), data)
    entry = command.with_sgl(command.with_cid(io.rw(command.WRITE, 1, 40, 1), pending.cid),
                             command.sgl(command.SGL_IN_CAPSULE, 512))
    # the pad and the data, under a PDO of 96 and a PLEN that counts both
    io.conn.send(pdu.common_header(pdu.CMD, 96 + 512, pdo=96) + entry + bytes(24) + data)
    io.wait(pending)
    assert io.read(40, 1) == data


@pytest.mark.parametrize("type_", [pdu.ICRESP, pdu.C2HTERM, pdu.RSP, pdu.C2HDATA, pdu.R2T])
def test_10_types_that_only_controllers_send(conn, type_):
    conn.send_pdu(type_, bytes(pdu.HLEN[type_] - 8))
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_TYPE)


@pytest.mark.parametrize("type_", [0x08, 0x0A, 0x0B, 0x0C, 0x7F, 0x80, 0xFF])
def test_10_unknown_types(conn, type_):
    conn.send_pdu(type_, bytes(16))
    conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_TYPE)


@pytest.mark.parametrize("hdgst,ddgst,flags", [
    (False, False, pdu.F_HDGST), (False, False, pdu.F_DDGST), (True, False, 0),
    (True, False, pdu.F_HDGST | pdu.F_DDGST), (False, True, 0), (True, True, pdu.F_HDGST),
])
def test_11_flags_that_disagree(connect, hdgst, ddgst, flags):
    io = connect().connect_io(hdgst=hdgst, ddgst=ddgst)
    io.submit(io.rw(command.WRITE, 1, 0, 1), bytes(512), force_flags=flags)
    io.conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_FLAGS)


@pytest.mark.parametrize("hdgst,ddgst,flags", [
    (False, False, pdu.F_HDGST), (False, False, pdu.F_DDGST), (True, True, 0),
    (True, True, pdu.F_HDGST), (True, True, pdu.F_DDGST),
])
def test_11_flags_of_h2cdata_that_disagree(connect, hdgst, ddgst, flags):
    io = connect().connect_io(hdgst=hdgst, ddgst=ddgst)
    pending = io.submit(io.rw(command.WRITE, 1, 0, 8), bytes(4096), inline=False, manual=True)
    r2t = io.wait_r2t(pending)
    io.conn.send_h2cdata(pending.cid, r2t.ttag, 0, bytes(4096), force_flags=flags | pdu.F_LAST)
    io.conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_FLAGS)


# digests: 12 to 14

@pytest.mark.parametrize("ddgst", [False, True])
def test_12_header_digest(connect, ddgst):
    io = connect().connect_io(hdgst=True, ddgst=ddgst)
    io.submit(io.rw(command.WRITE, 1, 0, 1), bytes(512), force_hdgst=0x01020304)
    io.conn.expect_term(pdu.FES_HEADER_DIGEST, 0x01020304)


def test_12_header_digest_of_h2cdata(connect):
    io = connect().connect_io(hdgst=True)
    pending = io.submit(io.rw(command.WRITE, 1, 0, 8), bytes(4096), inline=False, manual=True)
    r2t = io.wait_r2t(pending)
    io.conn.send_h2cdata(pending.cid, r2t.ttag, 0, bytes(4096), force_hdgst=5)
    io.conn.expect_term(pdu.FES_HEADER_DIGEST, 5)


@pytest.mark.parametrize("size", [512, 16384, 65536])
def test_13_data_digest(connect, size):
    io = connect().connect_io(ddgst=True)
    before = io.read(200, size // 512)
    entry = io.rw(command.WRITE, 1, 200, size // 512)
    data = b"\x99" * size
    if size <= 16384:
        io.run(entry, data, force_ddgst=9, expect=status.TRANSIENT_TRANSPORT)
    else:
        pending = io.submit(entry, data, manual=True)
        while pending.completion is None:
            if not pending.unserved:
                io.pump()
                continue
            r2t = pending.unserved.pop(0)
            io.conn.send_h2cdata(pending.cid, r2t.ttag, r2t.offset,
                                 data[r2t.offset:r2t.offset + r2t.length], force_ddgst=9)
        pending.completion.expect(status.TRANSIENT_TRANSPORT)
    assert io.read(200, size // 512) == before
    io.write(200, data)
    assert io.read(200, size // 512) == data


def test_13_only_the_first_of_two_h2cdata_is_bad(connect):
    io = connect().connect_io(ddgst=True)
    pending = io.submit(io.rw(command.WRITE, 1, 0, 16), bytes(8192), inline=False, manual=True)
    r2t = io.wait_r2t(pending)
    assert r2t.length == 8192
    io.conn.send_h2cdata(pending.cid, r2t.ttag, 0, bytes(4096), last=False, force_ddgst=1)
    io.conn.send_h2cdata(pending.cid, r2t.ttag, 4096, bytes(4096))
    io.wait(pending, status.TRANSIENT_TRANSPORT)
    io.flush()


@pytest.mark.parametrize("entry", [
    lambda io: io.rw(command.WRITE, 99, 0, 1),          # no such namespace
    lambda io: io.rw(command.WRITE, 1, 1 << 40, 1),     # out of range
    lambda io: io.rw(command.WRITE, 1, 0, 9),           # length mismatch
    lambda io: command.sqe(0x7D, nsid=1),               # no such command
])
def test_14_data_digest_of_a_command_that_fails_anyway(connect, entry):
    io = connect().connect_io(ddgst=True)
    done = io.wait(io.submit(entry(io), bytes(512), force_ddgst=3),
                   status.TRANSIENT_TRANSPORT, status.INVALID_NAMESPACE, status.LBA_OUT_OF_RANGE,
                   status.SGL_LENGTH_INVALID, status.INVALID_OPCODE)
    assert done.status != status.SUCCESS
    io.flush()
