# SPDX-License-Identifier: BSD-3-Clause
"""Random damage to streams that are right: the sanitizers are the judge.

Each case sends a whole session with some bytes changed, dropped or doubled, says that it sends no
more, and reads until the target ends the connection. The seed is the case, so that a failure can
be had again.
"""

import os
import random
import socket

import pytest

from nvmetcp import (CC, CC_ENABLE, Connection, command, connect_data, connect_entry, pdu, sgl)
from nvmetcp.command import with_cid, with_sgl
from weftconf import nqn

CASES = int(os.environ.get("WEFT_FUZZ_CASES", "100"))
TRANSPORT, IN_CAPSULE = command.SGL_TRANSPORT, command.SGL_IN_CAPSULE


def capsule(cid, entry, data=b"", length=0, **kw):
    kind = IN_CAPSULE if data else TRANSPORT
    entry = with_sgl(with_cid(entry, cid), sgl(kind, len(data) or length))
    return pdu.build(pdu.CMD, entry, data, **kw)


def admin_session(**kw):
    """PDUs of an admin queue's life, and of some that arrive there by mistake."""
    enable = command.fabrics(command.PROPERTY_SET,
                             bytes(4) + CC[0].to_bytes(4, "little")
                             + CC_ENABLE.to_bytes(8, "little"))
    return [
        capsule(1, connect_entry(), connect_data(nqn("main")), **kw),
        capsule(2, enable, **kw),
        capsule(3, command.sqe(command.IDENTIFY, cdw10=1), length=4096, **kw),
        capsule(4, command.sqe(command.GET_LOG_PAGE, nsid=0xFFFFFFFF, cdw10=2 | 127 << 16),
                length=512, **kw),
        capsule(5, command.sqe(command.SET_FEATURES, cdw10=0x0B, cdw11=0x100), **kw),
        capsule(6, command.sqe(command.ASYNC_EVENT), **kw),
        capsule(7, command.sqe(command.SET_FEATURES, cdw10=0x16), bytes(512), **kw),
        capsule(8, command.sqe(command.ABORT, cdw10=6 << 16), **kw),
        capsule(9, command.sqe(command.SET_FEATURES, cdw10=0x16), length=512, **kw),
        pdu.h2cdata(9, 9, 0, bytes(512), **kw),
        capsule(10, command.sqe(command.KEEP_ALIVE), **kw),
    ]


def io_session(**kw):
    """PDUs of an I/O queue after Connect."""
    def rw(opcode, slba, blocks):
        return command.sqe(opcode, nsid=1, cdw10=slba, cdw12=blocks - 1)
    ranges = b"".join(value.to_bytes(8, "little") for value in (8 << 32, 64, 16 << 32, 128))
    return [
        capsule(1, rw(command.READ, 0, 8), length=4096, **kw),
        capsule(2, rw(command.WRITE, 8, 8), bytes(4096), **kw),
        capsule(3, rw(command.WRITE, 16, 64), length=32768, **kw),
        pdu.h2cdata(3, 3, 0, bytes(16384), last=False, **kw),
        pdu.h2cdata(3, 3, 16384, bytes(16384), **kw),
        capsule(4, command.sqe(command.FLUSH, nsid=1), **kw),
        capsule(5, rw(command.WRITE_ZEROES, 100, 50), **kw),
        capsule(6, command.sqe(command.DSM, nsid=1, cdw10=1, cdw11=4), ranges, **kw),
        capsule(7, rw(command.READ, 0, 256), length=131072, **kw),
    ]


def damage(rng, stream):
    """Some bytes changed, a piece dropped, or a piece doubled."""
    stream = bytearray(stream)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        if not stream:
            break
        at = rng.randrange(len(stream))
        how = rng.randrange(10)
        if how < 5:
            stream[at] ^= 1 << rng.randrange(8)
        elif how < 8:
            stream[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif how == 8:
            del stream[at:at + rng.choice([1, 4, 16, 100])]
        else:
            stream[at:at] = stream[at:at + rng.choice([1, 4, 72, 200])]
    return bytes(stream)


def damage_pdus(rng, pdus):
    """Also in the order of whole PDUs. Headers get most of the damage: data is just data."""
    pdus = list(pdus)
    if rng.randrange(4) == 0:
        rng.shuffle(pdus)
    victim = rng.randrange(len(pdus))
    head, rest = pdus[victim][:80], pdus[victim][80:]
    pdus[victim] = damage(rng, head) + rest
    if rng.randrange(3) == 0:
        return damage(rng, b"".join(pdus))
    return b"".join(pdus)


def send_and_drain(conn, rng, stream):
    try:
        cut = rng.randrange(len(stream) + 1)
        conn.send(stream[:cut])
        conn.send(stream[cut:])
        conn.sock.shutdown(socket.SHUT_WR)
    except ConnectionError:
        return
    try:
        while conn.sock.recv(1 << 18):
            pass
    except ConnectionError:
        pass


@pytest.mark.parametrize("digests", [False, True])
def test_admin_queues(daemon, digests):
    for seed in range(CASES):
        rng = random.Random(f"admin {seed}")
        with Connection(daemon.address) as conn:
            icreq = pdu.icreq(dgst=3 if digests else 0)
            if rng.randrange(10) == 0:
                icreq = damage(rng, icreq)
            stream = damage_pdus(rng, admin_session(hdgst=digests, ddgst=digests))
            send_and_drain(conn, rng, icreq + stream)
    daemon.check()


@pytest.mark.parametrize("digests", [False, True])
def test_io_queues(daemon, connect, digests):
    ctrl = connect(hdgst=digests, ddgst=digests)
    for seed in range(CASES):
        rng = random.Random(f"io {seed}")
        io = ctrl.connect_io(qid=1 + seed % 100)
        send_and_drain(io.conn, rng,
                       damage_pdus(rng, io_session(hdgst=digests, ddgst=digests)))
        io.close()
    daemon.check()


@pytest.mark.parametrize("digests", [False, True])
@pytest.mark.parametrize("size", [8192, 524288])
def test_answers_to_r2ts(daemon, connect, digests, size):
    """The same for H2CData that was asked for, so that most of it gets as far as the buffer."""
    ctrl = connect(hdgst=digests, ddgst=digests)
    for seed in range(CASES // 2):
        rng = random.Random(f"r2t {seed}")
        io = ctrl.connect_io(qid=1 + seed % 100, maxr2t=rng.choice([0, 3]))
        pending = io.submit(io.rw(command.WRITE, 1, 4096, size // 512), bytes(size), inline=False,
                            manual=True)
        r2t = io.wait_r2t(pending)
        chunk = rng.choice([4096, 65536, r2t.length])
        pdus = [pdu.h2cdata(pending.cid, r2t.ttag, at, bytes(min(chunk, r2t.length - at)),
                            last=at + chunk >= r2t.length, **io.conn.agreed())
                for at in range(0, r2t.length, chunk)]
        stream = damage_pdus(rng, pdus) if rng.randrange(4) else b"".join(pdus)
        send_and_drain(io.conn, rng, stream[:rng.randrange(len(stream)) + 1])
        io.close()
    daemon.check()
