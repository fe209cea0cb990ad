# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, command capsules: cases 24 to 30."""

import socket

import pytest

from nvmetcp import Closed, Terminated, command, pdu, status

BLOCKS = {1: (512, 131072), 2: (4096, 16384)}   # NSID: block size, blocks
TRANSPORT, IN_CAPSULE = command.SGL_TRANSPORT, command.SGL_IN_CAPSULE


def outcome(io, pending):
    """How a doubtful command ends: its completion, or None where the connection was ended."""
    try:
        while pending.completion is None:
            io.pump()
    except (Closed, Terminated):
        return None
    return pending.completion


def still_in_step(io, done):
    """What follows on a connection that lives is understood."""
    if done is not None:
        for _ in range(3):
            io.flush()


@pytest.mark.parametrize("size", [512, 4096, 16384])
def test_24_transport_sgl_with_data_in_the_capsule(io, connect, size):
    """Never executed twice: either refused, or one of the two ways of fetching counts."""
    io.write_zeroes(0, 64)
    done = outcome(io, io.submit(io.rw(command.WRITE, 1, 0, size // 512), b"\x66" * size,
                                 inline=True, descriptor=command.sgl(TRANSPORT, size)))
    still_in_step(io, done)
    if done is None or done.status != status.SUCCESS:
        assert connect().connect_io().read(0, 64) == bytes(32768), "refused, yet executed"


@pytest.mark.parametrize("payload", [4, 512, 4096])
@pytest.mark.parametrize("descriptor", [command.sgl(TRANSPORT, 0), command.sgl(IN_CAPSULE, 0)],
                         ids=["transport", "in-capsule"])
@pytest.mark.parametrize("opcode", [command.FLUSH, command.READ, command.WRITE_ZEROES, 0x7D])
def test_25_payload_that_no_command_asked_for(io, payload, descriptor, opcode):
    entry = io.rw(opcode, 1, 0, 1)
    if opcode == command.READ:
        descriptor = command.sgl(TRANSPORT, 512)
    pending = io.submit(entry, bytes(payload), inline=True, descriptor=descriptor)
    pending.length = 512 if opcode == command.READ else 0
    still_in_step(io, outcome(io, pending))


@pytest.mark.parametrize("size", [512, 4096])
def test_26_in_capsule_sgl_without_data(io, size):
    done = outcome(io, io.submit(io.rw(command.WRITE, 1, 0, size // 512),
                                 descriptor=command.sgl(IN_CAPSULE, size)))
    assert done is None or done.status in (status.SGL_LENGTH_INVALID, status.INVALID_FIELD,
                                           status.SGL_OFFSET_INVALID)
    still_in_step(io, done)


@pytest.mark.parametrize("offset", [1, 4, 512, 0xFFFFFFFF, (1 << 64) - 512])
def test_26_in_capsule_sgl_with_an_offset(io, offset):
    """ICDOFF is 0, and data begins there (Base 2.1, SGL Offset Invalid)."""
    io.write_zeroes(0, 8)
    done = io.run(io.rw(command.WRITE, 1, 0, 1), b"\x55" * 1024, inline=True,
                  descriptor=command.sgl(IN_CAPSULE, 512, offset),
                  expect=(status.SGL_OFFSET_INVALID, status.SGL_LENGTH_INVALID))
    still_in_step(io, done)
    assert io.read(0, 8) == bytes(4096)


@pytest.mark.parametrize("said,sent", [(512, 1024), (1024, 512), (4096, 4092), (4, 512), (0, 512)])
def test_26_in_capsule_sgl_of_another_length(io, said, sent):
    io.write_zeroes(0, 8)
    done = outcome(io, io.submit(io.rw(command.WRITE, 1, 0, max(said, 512) // 512),
                                 b"\x55" * sent, inline=True,
                                 descriptor=command.sgl(IN_CAPSULE, said)))
    assert done is None or done.status in (status.SGL_LENGTH_INVALID, status.INVALID_FIELD)
    still_in_step(io, done)


@pytest.mark.parametrize("opcode", [command.READ, command.WRITE, command.DSM])
def test_27_sgl_of_gigabytes(io, opcode):
    for length in (0xFFFFFFFF, 0xFFFFFE00, 0x80000000, 1 << 30):
        pending = io.submit(io.rw(opcode, 1, 0, 8), descriptor=command.sgl(TRANSPORT, length))
        io.wait(pending, status.SGL_LENGTH_INVALID, status.INVALID_FIELD)
    io.flush()


@pytest.mark.parametrize("opcode", [command.READ, command.WRITE])
def test_27_sgl_types_that_tcp_has_not(io, opcode):
    for kind in set(range(256)) - {IN_CAPSULE, TRANSPORT}:
        pending = io.submit(io.rw(opcode, 1, 0, 8), descriptor=command.sgl(kind, 4096))
        io.wait(pending, status.SGL_TYPE_INVALID, status.INVALID_FIELD)
    io.flush()


@pytest.mark.parametrize("flags", [0x00, 0x80, 0xC0])
def test_27_prps_and_reserved_psdt(io, flags):
    # fabrics use SGLs only: PSDT 00b is an invalid field (Base 2.1, section 4.1.1). 10b puts
    # metadata into an SGL segment, and there is no metadata; both readings are tolerated for it
    entry = io.rw(command.READ, 1, 0, 8, flags=flags)
    expected = (status.INVALID_FIELD,) if flags != 0x80 else (status.INVALID_FIELD,
                                                               status.SUCCESS)
    io.wait(io.submit(entry, length=4096), *expected)
    io.flush()


def test_27_in_capsule_sgl_on_a_read(io):
    pending = io.submit(io.rw(command.READ, 1, 0, 8), descriptor=command.sgl(IN_CAPSULE, 4096))
    io.wait(pending, status.SGL_TYPE_INVALID, status.INVALID_FIELD, status.SGL_LENGTH_INVALID)
    io.flush()


# 28, lengths and ranges

RANGES = [(0, 1), (-1, 2), (1 << 63, 1), ((1 << 64) - 1, 1), ((1 << 64) - 1, 2),
          ((1 << 64) - 8, 16), ((1 << 64) >> 9, 8), ((1 << 64) >> 12, 8), (1 << 55, 8)]


@pytest.mark.parametrize("nsid", BLOCKS)
@pytest.mark.parametrize("opcode", [command.READ, command.WRITE, command.WRITE_ZEROES])
def test_28_beyond_the_end(io, nsid, opcode):
    """Also where SLBA + NLB wraps, and where their bytes do. A negative SLBA counts from the end."""
    block, blocks = BLOCKS[nsid]
    for slba, count in RANGES:
        slba = slba if slba > 0 else blocks + slba
        data = bytes(count * block) if opcode == command.WRITE else b""
        length = count * block if opcode == command.READ else 0
        io.run(io.rw(opcode, nsid, slba, count), data, length=length,
               expect=status.LBA_OUT_OF_RANGE)
    io.flush(nsid=nsid)


@pytest.mark.parametrize("nsid", BLOCKS)
def test_28_deallocated_beyond_the_end(io, nsid):
    _, blocks = BLOCKS[nsid]
    for slba, count in RANGES + [(0, 0xFFFFFFFF), ((1 << 64) - 0xFFFFFFFF, 0xFFFFFFFF)]:
        slba = slba if slba > 0 else blocks + slba
        io.dsm([(slba, count)], nsid=nsid, expect=status.LBA_OUT_OF_RANGE)
        io.dsm([(0, 1), (slba, count)], nsid=nsid, expect=status.LBA_OUT_OF_RANGE)
    io.flush(nsid=nsid)


@pytest.mark.parametrize("said,sent", [(1, 16), (256, 16), (256, 4080), (2, 16), (1, 4112)])
def test_28_ranges_that_are_not_there(io, said, sent):
    """NR says how many; the buffer has fewer, or more than there can be."""
    io.dsm([(0, 0)] * (sent // 16), count=said,
           expect=status.SUCCESS if said * 16 == sent else status.SGL_LENGTH_INVALID)


@pytest.mark.parametrize("size", [512, 3584, 4608, 8192])
def test_28_read_length_that_is_not_nlb(io, size):
    """8 blocks of 512: only 4096 describes them. SGLS announces no longer buffers."""
    io.read(0, 8, length=size, expect=status.SGL_LENGTH_INVALID)


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("size", [512, 3584, 4608, 8192])
def test_28_write_length_that_is_not_nlb(io, size, inline):
    before = io.read(0, 16)
    io.write(0, b"\x99" * size, blocks=8, inline=inline, expect=status.SGL_LENGTH_INVALID)
    assert io.read(0, 16) == before


@pytest.mark.parametrize("opcode", [command.READ, command.WRITE])
def test_28_more_than_mdts(io, opcode):
    for blocks in (4097, 65536):
        io.wait(io.submit(io.rw(opcode, 1, 0, blocks),
                          descriptor=command.sgl(TRANSPORT, blocks * 512)), status.INVALID_FIELD)


# 29, more than was agreed


def test_29_more_than_sqsize(connect):
    """The host breaks its promise. All may complete, or the connection may end; nothing else."""
    io = connect().connect_io(sqsize=3)
    io.check_sqhd = False
    stream, batch = b"", []
    for _ in range(64):
        pending, capsule = io.prepare(io.rw(command.READ, 1, 0, 8), length=4096)
        batch.append(pending)
        stream += capsule
    try:
        io.conn.send(stream)
        for pending in batch:
            outcome(io, pending)
    except ConnectionError:
        pass


def test_29_more_than_sqsize_of_what_waits(connect):
    """Writes that wait for their R2T hold resources, which must be bounded by SQSIZE."""
    io = connect().connect_io(sqsize=3)
    io.check_sqhd = False
    stream = b""
    for _ in range(64):
        _, capsule = io.prepare(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False,
                                manual=True)
        stream += capsule
    try:
        io.conn.send(stream)
        io.pump_for(0.3)
    except (Closed, Terminated, ConnectionError):
        pass


def test_29_duplicate_cid(io):
    """Base 2.1, Command ID Conflict; a target that cannot tell may complete both."""
    first = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    io.wait_r2t(first)
    io.conn.send_pdu(pdu.CMD, command.with_cid(
        command.with_sgl(command.sqe(command.FLUSH, nsid=1), command.sgl(TRANSPORT, 0)),
        first.cid))
    io.check_sqhd = False
    try:
        done = io.conn.recv_pdu()
    except Closed:
        return
    if done.type == pdu.RSP:
        assert command.Completion.parse(done.cqe).status in (status.SUCCESS, status.CID_CONFLICT)


def test_29_one_cid_for_all(connect):
    """Nobody but the host can tell them apart; all complete."""
    io = connect().connect_io(sqsize=31)
    io.conn.send(b"".join(
        io.conn.build_pdu(pdu.CMD, command.with_cid(
            command.with_sgl(command.sqe(command.FLUSH, nsid=1), command.sgl(TRANSPORT, 0)), 7))
        for _ in range(30)))
    for _ in range(30):
        done = command.Completion.parse(io.conn.recv_pdu().cqe)
        assert done.cid == 7 and done.status in (status.SUCCESS, status.CID_CONFLICT)


def test_29_abort_of_a_cid_that_two_have(connect):
    ctrl = connect()
    io = ctrl.connect_io()
    io.check_sqhd = False
    entry = command.with_sgl(command.with_cid(io.rw(command.WRITE, 1, 0, 64), 9),
                             command.sgl(TRANSPORT, 32768))
    io.conn.send(io.conn.build_pdu(pdu.CMD, entry) * 2)
    r2ts = [io.conn.recv_pdu() for _ in range(2)]
    assert [r2t.type for r2t in r2ts] == [pdu.R2T] * 2
    assert r2ts[0].ttag != r2ts[1].ttag
    aborts = [ctrl.submit_abort(1, 9) for _ in range(2)]
    for r2t in r2ts:
        io.conn.send_h2cdata(9, r2t.ttag, 0, bytes(32768))
    found = [command.Completion.parse(io.conn.recv_pdu().cqe).status for _ in range(2)]
    aborted = [abort for abort in aborts if not ctrl.admin.wait(abort).dw0 & 1]
    assert found.count(status.ABORT_REQUESTED) == len(aborted)
    assert set(found) <= {status.ABORT_REQUESTED, status.SUCCESS}


@pytest.mark.parametrize("plen", [24, 28, 152])
@pytest.mark.parametrize("fes", [0, 1, 2, 6, 7, 0xFFFF])
def test_30_h2ctermreq_ends_the_connection(io, plen, fes):
    io.conn.send(pdu.h2cterm(fes, 4, bytes(plen - 24)))
    io.conn.expect_closed()


@pytest.mark.parametrize("plen", [0, 8, 23, 153, 4096, 0xFFFFFFFF])
def test_30_h2ctermreq_of_a_wrong_length(io, plen):
    # section 3.5: the connection ends at once, and nothing is reported back
    io.conn.send(pdu.h2cterm(1, 4, force_plen=plen))
    io.conn.expect_end()


def test_30_half_an_h2ctermreq(io):
    io.conn.send(pdu.h2cterm(1, 4, bytes(128))[:30])
    io.conn.sock.shutdown(socket.SHUT_WR)
    io.conn.expect_end()


def test_every_byte_of_a_capsule_flipped(ctrl):
    """A small fuzzer: whatever one wrong bit does, the target answers or ends the connection, and
    does not wait for more once the host has said that there is none."""
    clean = pdu.build(pdu.CMD, command.with_cid(command.with_sgl(
        command.sqe(command.READ, nsid=1, cdw12=7), command.sgl(TRANSPORT, 4096)), 9))
    for turn in range(2 * len(clean)):
        wrong = bytearray(clean)
        wrong[turn // 2] ^= (0x01, 0x80)[turn % 2]
        io = ctrl.connect_io(qid=1 + turn % 100)
        io.conn.send(bytes(wrong))
        io.conn.sock.shutdown(socket.SHUT_WR)
        io.conn.expect_end()
        io.close()
