# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, H2CData: cases 15 to 23."""

import pytest

from nvmetcp import command, pdu, status

pytestmark = pytest.mark.engine

SIZE = 32768
# From 64 KiB on, data goes straight to memory that the backend lends: another path
LENT = 131072


class Write:
    """A write of A5h whose R2T has arrived and was not served."""

    def __init__(self, io, size=SIZE):
        self.io, self.conn, self.size = io, io.conn, size
        self.data = b"\xa5" * size
        self.pending = io.submit(io.rw(command.WRITE, 1, 512, size // 512), self.data,
                                 inline=False, manual=True)
        self.r2t = io.wait_r2t(self.pending)
        self.cid, self.ttag = self.pending.cid, self.r2t.ttag

    def send(self, offset=0, size=4096, *, cid=None, ttag=None, last=False, **kw):
        self.conn.send_h2cdata(self.cid if cid is None else cid,
                               self.ttag if ttag is None else ttag,
                               offset, b"\xa5" * size, last=last, **kw)

    def nothing_was_written(self, connect):
        """Judged from another association: this one is gone. A write that did not complete may
        have reached whole blocks of its own, and no others."""
        found = connect().connect_io().read(0, 2048)
        own = found[512 * 512:512 * 512 + self.size]
        assert found.count(0) + own.count(0xA5) == len(found), "beyond the write's blocks"
        blocks = {own[at:at + 512] for at in range(0, len(own), 512)}
        assert blocks <= ({bytes(512)} if self.size < LENT // 2 else
                          {bytes(512), b"\xa5" * 512}), "a block was written, or a part of one"


@pytest.fixture(params=[SIZE, LENT], ids=["buffered", "lent"])
def write(io, request):
    io.write_zeroes(0, 2048)
    return Write(io, request.param)


def test_15_ttag_beyond_all(write, connect):
    write.send(ttag=0xFFFF)
    write.conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_TTAG)
    write.nothing_was_written(connect)


@pytest.mark.parametrize("delta", [1, 2, 0x100, 0x8000])
def test_15_ttag_of_nobody(write, connect, delta):
    write.send(ttag=(write.ttag + delta) & 0xFFFF)
    write.conn.expect_term(pdu.FES_INVALID_FIELD, (pdu.OFF_TTAG, pdu.OFF_CCCID))
    write.nothing_was_written(connect)


def test_15_no_r2t_at_all(io):
    io.conn.send_h2cdata(0, 0, 0, bytes(512))
    io.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE))


@pytest.mark.parametrize("ttag", [0, 1, 127, 128, 0xFFFF])
def test_15_h2cdata_on_an_admin_queue(ctrl, ttag):
    ctrl.admin.conn.send_h2cdata(0, ttag, 0, bytes(512))
    ctrl.admin.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE))


def test_15_h2cdata_before_connect(opened):
    conn = opened().conn
    conn.send_h2cdata(0, 0, 0, bytes(512))
    conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE))


def test_16_ttag_of_a_finished_request(write):
    write.io.serve_all(write.pending)
    write.send(last=True)
    write.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE))


def test_16_ttag_of_a_request_without_r2t(io):
    """A write in its capsule, and reads, hold no transfer tag."""
    pending = [io.submit(io.rw(command.READ, 1, 0, 8), length=4096) for _ in range(4)]
    io.conn.send_h2cdata(pending[0].cid, 0, 0, bytes(4096))
    io.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE))


def test_17_cccid_of_another_command(write, connect):
    other = write.io.submit(write.io.rw(command.WRITE, 1, 0, 64), bytes(SIZE), inline=False,
                            manual=True)
    write.io.wait_r2t(other)
    write.send(cid=other.cid)
    write.conn.expect_term(pdu.FES_INVALID_FIELD, (pdu.OFF_CCCID, pdu.OFF_TTAG))
    write.nothing_was_written(connect)


@pytest.mark.parametrize("delta", [1, 0x100, 0x8000])
def test_17_cccid_of_nobody(write, delta):
    write.send(cid=write.cid ^ delta)
    write.conn.expect_term(pdu.FES_INVALID_FIELD, (pdu.OFF_CCCID, pdu.OFF_TTAG))


@pytest.mark.parametrize("first,then", [
    (None, 4),              # a gap at the start
    (None, 4096),
    ((0, 4096), 8192),      # a gap
    ((0, 4096), 2048),      # an overlap
    ((0, 4096), 0),         # a replay
])
def test_18_data_out_of_order(write, connect, first, then):
    """Data must come in order (TCP transport 1.1, section 3.4.2). The specification names no FES for
    it: DATAO is an invalid field, or the PDU is out of sequence, or its data out of range."""
    if first:
        write.send(*first)
    write.send(then)
    term = write.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE, pdu.FES_OUT_OF_RANGE))
    assert term.fes != pdu.FES_INVALID_FIELD or term.fei == pdu.OFF_DATAO
    write.nothing_was_written(connect)


def beyond(conn):
    term = conn.expect_term((pdu.FES_OUT_OF_RANGE, pdu.FES_SEQUENCE, pdu.FES_LIMIT,
                             pdu.FES_INVALID_FIELD))
    assert term.fes != pdu.FES_INVALID_FIELD or term.fei in (pdu.OFF_DATAO, pdu.OFF_DATAL)


@pytest.mark.parametrize("more", [4, 512, SIZE])
def test_19_longer_than_the_r2t(write, connect, more):
    write.send(0, write.size + more, last=True)
    beyond(write.conn)
    write.nothing_was_written(connect)


@pytest.mark.parametrize("after", [0, 4, SIZE])
def test_19_behind_the_r2t(write, connect, after):
    write.send(write.size + after, 4, last=True)
    beyond(write.conn)
    write.nothing_was_written(connect)


@pytest.mark.parametrize("offset,size", [
    (0xFFFFFFFC, 4), (0xFFFFFFFC, 8), (0xFFFFF000, 8192), (0x80000000, 4),
])
def test_19_offsets_that_wrap(write, connect, offset, size):
    """In 32 bits the end lies within the R2T again."""
    write.send(offset, size, last=True)
    beyond(write.conn)
    write.nothing_was_written(connect)


def test_19_the_last_part_is_too_long(write, connect):
    """All but 4 bytes come as they should; then 8."""
    write.send(0, write.size - 4)
    write.send(write.size - 4, 8, last=True)
    beyond(write.conn)
    write.nothing_was_written(connect)


@pytest.mark.parametrize("last", [False, True])
def test_20_no_data(write, last):
    write.send(0, 0, last=last)
    write.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE))


@pytest.mark.parametrize("length", [0, 1, 4092, 4100, 8192, 0x7FFFFFFF, 0xFFFFFFFF])
def test_21_datal_that_is_not_what_follows(write, connect, length):
    write.send(0, 4096, length=length)
    write.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_OUT_OF_RANGE, pdu.FES_LIMIT))
    write.nothing_was_written(connect)


@pytest.mark.parametrize("ddgst", [False, True])
def test_21_with_digests(connect, ddgst):
    io = connect().connect_io(hdgst=True, ddgst=ddgst)
    write = Write(io)
    write.send(0, 4096, length=4100)
    write.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_OUT_OF_RANGE))


def test_22_longer_than_maxh2cdata(io):
    """The header is enough to refuse it; where MAXH2CDATA exceeds MDTS, the R2T is the limit."""
    write = Write(io)
    size = io.conn.maxh2cdata + 4
    header = pdu.h2cdata(write.cid, write.ttag, 0, b"", length=size, force_plen=24 + size,
                         force_pdo=24)
    io.conn.send(header)
    io.conn.expect_term((pdu.FES_LIMIT, pdu.FES_OUT_OF_RANGE))


def test_22_last_early(write, connect):
    write.send(0, 4096, last=True)
    write.conn.expect_term((pdu.FES_SEQUENCE, pdu.FES_INVALID_FIELD))
    write.nothing_was_written(connect)


def test_22_last_missing(write):
    """All that the R2T asked for is there: nothing else is missing (nvmet, SPDK: the same)."""
    write.send(0, write.r2t.length, last=False)
    write.io.wait(write.pending)
    assert write.io.read(512, write.size // 512) == write.data


def test_23_more_after_the_end(write):
    write.io.serve_all(write.pending)
    write.send(write.size, 4096, last=True)
    write.conn.expect_term((pdu.FES_INVALID_FIELD, pdu.FES_SEQUENCE, pdu.FES_OUT_OF_RANGE))


def test_23_data_after_abort(ctrl, io):
    """The host aborts and its data is already on the way: that is no violation, and the bytes
    stay in step with what follows."""
    io.write_zeroes(512, SIZE // 512)
    write = Write(io)
    write.send(0, 4096)
    abort = ctrl.submit_abort(1, write.cid)
    write.send(4096, SIZE - 4096, last=True)
    io.wait(write.pending, status.ABORT_REQUESTED, status.SUCCESS)
    ctrl.admin.wait(abort)
    io.flush()
