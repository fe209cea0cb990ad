# SPDX-License-Identifier: BSD-3-Clause
"""How data moves: in capsules, by R2T and H2CData, by C2HData (TCP transport 1.1, section 3.4)."""

import os
import time

import pytest

from nvmetcp import command, pdu, status

pytestmark = pytest.mark.engine


def test_ioccsz_offers_16_kib_in_capsules(ctrl):
    assert ctrl.inline == 16384


@pytest.mark.parametrize("size", [512, 4096, 8192, 16384])
def test_write_in_the_capsule(io, size):
    data = os.urandom(size)
    done = io.submit(io.rw(command.WRITE, 1, 0, size // 512), data, inline=True)
    io.wait(done)
    assert not done.r2ts
    assert io.read(0, size // 512) == data


@pytest.mark.parametrize("size", [512, 16384, 16896, 131072, 1 << 20])
def test_write_by_r2t(io, size):
    data = os.urandom(size)
    pending = io.submit(io.rw(command.WRITE, 1, 0, size // 512), data, inline=False)
    io.wait(pending)
    assert pending.granted == size
    assert io.read(0, size // 512) == data


def test_more_than_ioccsz_in_a_capsule_is_refused(io):
    """A capsule larger than IOCCSZ allows: the controller has no room for it."""
    size = 16384 + 512
    io.submit(io.rw(command.WRITE, 1, 0, size // 512), bytes(size), inline=True)
    io.conn.expect_term(pdu.FES_INVALID_FIELD, pdu.OFF_PLEN)


def test_8_kib_in_an_admin_capsule(ctrl):
    # whatever IOCCSZ says (TCP transport 1.1, section 3.3.2); an unknown opcode that sends data
    # shows that the bytes are taken in step
    done = ctrl.admin.submit(command.sqe(0xC1), bytes(8192), inline=True)
    ctrl.admin.wait(done, status.INVALID_OPCODE)
    ctrl.identify(1)


@pytest.mark.parametrize("size", [32768, 262144])
@pytest.mark.parametrize("chunk", [1000, 1328, 4096, 65536, 100004])
def test_r2t_is_served_in_h2cdata_of_any_size(io, chunk, size):
    data = os.urandom(size)
    pending = io.submit(io.rw(command.WRITE, 1, 8, size // 512), data, inline=False, manual=True)
    io.serve_all(pending, chunk=chunk)
    assert io.read(8, size // 512) == data


@pytest.mark.parametrize("nsid, block", [(1, 512), (2, 4096)])
@pytest.mark.parametrize("sent", [1000, 65536, 100004, 131000])
def test_a_host_that_dies_leaves_no_block_half_written(connect, nsid, block, sent):
    """Large writes may go straight to the disk's memory: by whole blocks."""
    blocks = 131072 // block
    io = connect().connect_io()
    io.write(0, b"\x0d" * 131072, nsid=nsid, block=block)
    pending = io.submit(io.rw(command.WRITE, nsid, 0, blocks), b"\xe0" * 131072, inline=False,
                        manual=True)
    r2t = io.wait_r2t(pending)
    for at in range(0, sent, 30000):
        part = b"\xe0" * min(30000, sent - at)
        io.conn.send_h2cdata(pending.cid, r2t.ttag, at, part, last=False)
        time.sleep(0.01)
    io.close()
    left = connect().connect_io().read(0, blocks, nsid=nsid, block=block)
    for at in range(0, len(left), block):
        assert left[at:at + block] in (b"\x0d" * block, b"\xe0" * block), f"block {at // block}"


@pytest.mark.parametrize("maxr2t", [0, 3])
def test_r2ts_stay_within_maxr2t(connect, maxr2t):
    """Nothing is sent until the target is silent: that is all it may have outstanding."""
    io = connect().connect_io(maxr2t=maxr2t)
    data = os.urandom(2 << 20)
    pending = io.submit(io.rw(command.WRITE, 1, 0, len(data) // 512), data, inline=False,
                        manual=True)
    io.wait_r2t(pending)
    io.pump_for(0.2)
    io.serve_all(pending)
    assert io.read(0, 4096) == data


WINDOW = 2 << 20        # what is asked for at a time of data that goes to I/O buffers


@pytest.mark.parametrize("maxr2t", [0, 3])
def test_a_deep_queue_is_asked_for_its_data_little_by_little(connect, maxr2t):
    """With a data digest all data goes to I/O buffers first."""
    io = connect().connect_io(ddgst=True, maxr2t=maxr2t)
    size, count = 256 << 10, 14
    data = os.urandom(size * count)
    writes = [io.submit(io.rw(command.WRITE, 1, i * size // 512, size // 512),
                        data[i * size:(i + 1) * size], inline=False, manual=True)
              for i in range(count)]
    asked = WINDOW // size
    io.pump_for(0.2)
    assert [bool(write.r2ts) for write in writes] == [i < asked for i in range(count)]
    for write in writes[1:asked // 2]:  # in any order
        io.serve_all(write)
    io.pump_for(0.1)
    assert not writes[asked].r2ts, "asked for before half of it has come"
    io.serve_all(writes[0])
    io.pump_for(0.1)
    assert [bool(write.r2ts) for write in writes] == [i < asked * 3 // 2 for i in range(count)]
    for write in writes:
        if not write.completion:
            io.serve_all(write)
    assert b"".join(io.read(i * size // 512, size // 512) for i in range(count)) == data


def test_abort_of_a_write_that_was_not_asked_for_its_data(connect):
    """It ends at once, and those behind it have their turn without it."""
    ctrl = connect()
    io = ctrl.connect_io(ddgst=True)
    first, aborted, last = [
        io.submit(io.rw(command.WRITE, 1, at, WINDOW // 512), bytes(WINDOW), inline=False,
                  manual=True) for at in (0, 4096, 8192)]
    io.pump_for(0.1)
    assert first.r2ts and not aborted.r2ts and not last.r2ts
    assert ctrl.abort(io.qid, aborted.cid).dw0 & 1 == 0, "not aborted"
    io.wait(aborted, status.ABORT_REQUESTED)
    io.serve_all(first)
    io.serve_all(last)
    assert not aborted.r2ts


def test_a_write_of_all_that_is_asked_for_at_a_time_comes_alone(connect):
    io = connect().connect_io(ddgst=True)
    data = os.urandom(WINDOW)
    small = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    large = io.submit(io.rw(command.WRITE, 1, 64, len(data) // 512), data, inline=False,
                      manual=True)
    io.pump_for(0.2)
    assert small.r2ts and not large.r2ts
    io.serve_all(small)
    io.serve_all(large)
    assert io.read(64, len(data) // 512) == data


def test_two_writes_are_served_in_either_order(io):
    first, second = os.urandom(32768), os.urandom(32768)
    one = io.submit(io.rw(command.WRITE, 1, 0, 64), first, inline=False, manual=True)
    two = io.submit(io.rw(command.WRITE, 1, 64, 64), second, inline=False, manual=True)
    while not (one.r2ts and two.r2ts):
        io.pump()
    assert one.r2ts[0].ttag != two.r2ts[0].ttag, "one TTAG for two transfers"
    io.serve_all(two)
    io.serve_all(one)
    assert io.read(0, 128) == first + second


def test_no_success_flag_with_sq_flow_control(io):
    # the peer refuses SUCCESS itself; a response capsule must have come
    io.write(0, bytes(4096))
    done = io.run(io.rw(command.READ, 1, 0, 8), length=4096)
    assert not done.by_success_flag


def test_success_flag_without_sq_flow_control(connect):
    io = connect().connect_io(sq_flow_control=False)
    data = os.urandom(4096)
    assert not io.write(0, data).by_success_flag
    done = io.run(io.rw(command.READ, 1, 0, 8), length=4096)
    assert done.by_success_flag and done.data == data


def test_failed_read_has_a_response_without_sq_flow_control(connect):
    io = connect().connect_io(sq_flow_control=False)
    done = io.run(io.rw(command.READ, 1, 1 << 40, 8), length=4096,
                  expect=status.LBA_OUT_OF_RANGE)
    assert not done.by_success_flag and not done.data


def test_admin_queue_with_and_without_sq_flow_control(connect):
    for flow in (True, False):
        assert len(connect(sq_flow_control=flow).identify(1)) == 4096


@pytest.mark.parametrize("sqsize", [1, 2, 7, 31])
def test_sqhd_advances_and_wraps(connect, sqsize):
    io = connect().connect_io(sqsize=sqsize)
    for _ in range(3 * (sqsize + 1)):
        io.flush()
        # one at a time, so that the head is exactly what was sent, Connect included
        assert io.last_sqhd == io.submitted % (sqsize + 1)


def test_sqhd_with_many_outstanding(connect):
    io = connect().connect_io(sqsize=63)
    for _ in range(4):
        batch = [io.submit(io.rw(command.READ, 1, at * 8, 8), length=4096) for at in range(60)]
        for pending in batch:
            io.wait(pending)


@pytest.mark.parametrize("piece", [1, 37, 100000])
def test_framing_does_not_depend_on_segments(io, piece):
    prepared = [io.prepare(command.sqe(command.FLUSH, nsid=1)) for _ in range(8)]
    stream = b"".join(capsule for _, capsule in prepared)
    for at in range(0, len(stream), piece):
        io.conn.send(stream[at:at + piece])
    for pending, _ in prepared:
        io.wait(pending)


def test_cids_use_all_16_bits(io):
    for cid in (0, 1, 0x7FFF, 0x8000, 0xFFFE):
        io.wait(io.submit(command.sqe(command.FLUSH, nsid=1), cid=cid))


def test_two_mib_both_ways(io):
    """MDTS is 2 MiB by default."""
    data = os.urandom(2 << 20)
    io.write(0, data)
    assert io.read(0, 4096) == data
