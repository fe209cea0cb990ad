# SPDX-License-Identifier: BSD-3-Clause
"""A queue pair over one connection: commands out, completions in, R2Ts served on the way.

It polices the target as it goes: data in order and never more than was asked for, R2Ts in range
and within MAXR2T, SUCCESS only without SQ flow control, and a plausible SQHD in every response.
"""

import select
import struct
import time

from . import command, pdu
from .command import Completion
from .connection import Terminated
from .status import SUCCESS


class Pending:
    """A command that was sent and has not completed."""

    def __init__(self, cid, data, length, manual):
        self.cid = cid
        self.data_out = data        # what R2Ts will fetch
        self.length = length        # bytes that the SGL allows, either way
        self.manual = manual        # collect R2Ts instead of serving them
        self.data_in = bytearray()
        self.r2ts = []              # every R2T received
        self.granted = 0            # bytes asked for by R2Ts so far
        self.unserved = []          # those whose data was not sent yet
        self.completion = None


class Queue:
    """What a host keeps for a queue. Call connect() (of Controller) before other commands."""

    def __init__(self, conn, *, size=32, sq_flow_control=True, inline=8192):
        self.conn = conn
        self.size = size            # entries
        self.flow_control = sq_flow_control
        self.inline = inline        # bytes of data a capsule may hold
        self.qid = 0
        self.pending = {}
        self.submitted = 0
        self.completed = 0
        self.check_sqhd = False     # nothing is said before Connect, nor without flow control
        self.last_sqhd = None
        self._next_cid = 0x100      # not an index: CIDs use all 16 bits

    def close(self):
        self.conn.close()

    # sending

    def next_cid(self):
        while True:
            self._next_cid = (self._next_cid + 0x1001) & 0xFFFF
            if self._next_cid not in self.pending and self._next_cid != 0xFFFF:
                return self._next_cid

    def prepare(self, entry, data=b"", *, length=0, inline=None, descriptor=None, cid=None,
                manual=False, **force):
        """Register a command and return (its Pending, the capsule's bytes) without sending.

        `data` goes to the controller, in the capsule where it fits (`inline` forces either);
        `length` is what may come back. `descriptor` forces the SGL, `force` any PDU field.
        """
        cid = self.next_cid() if cid is None else cid
        if inline is None:
            inline = bool(data) and len(data) <= self.inline
        size = len(data) or length
        if descriptor is None:
            kind = command.SGL_IN_CAPSULE if data and inline else command.SGL_TRANSPORT
            descriptor = command.sgl(kind, size)
        entry = command.with_sgl(command.with_cid(entry, cid), descriptor)
        pending = Pending(cid, b"" if inline else data, size, manual)
        self.pending[cid] = pending
        self.submitted += 1
        return pending, self.conn.build_pdu(pdu.CMD, entry, data if inline else b"", **force)

    def submit(self, entry, data=b"", **kw):
        """Send a command and return its Pending; the arguments are prepare()'s."""
        pending, capsule = self.prepare(entry, data, **kw)
        self.conn.send(capsule)
        return pending

    def serve(self, pending, r2t, chunk=None):
        """Send the data that `r2t` asks for, in H2CData PDUs of at most `chunk` bytes."""
        chunk = min(chunk or self.conn.maxh2cdata, self.conn.maxh2cdata)
        at, end = r2t.offset, r2t.offset + r2t.length
        pending.unserved.remove(r2t)  # first, because the next R2T may follow the last byte at once
        while at < end:
            part = pending.data_out[at:min(at + chunk, end)]
            self.conn.send_h2cdata(pending.cid, r2t.ttag, at, part, last=at + len(part) == end)
            at += len(part)

    def serve_all(self, pending, chunk=None):
        """Serve a manual command's R2Ts until it completes; its status must be SUCCESS."""
        while pending.completion is None:
            if pending.unserved:
                self.serve(pending, pending.unserved[0], chunk)
            else:
                self.pump()
        return pending.completion.expect(SUCCESS)

    # receiving

    def pump(self):
        """Receive one PDU and act upon it; returns it."""
        received = self.conn.recv_pdu()
        if received.type == pdu.C2HTERM:
            raise Terminated(received)
        handler = {pdu.RSP: self._response, pdu.C2HDATA: self._data, pdu.R2T: self._r2t}
        assert received.type in handler, f"{received.name} on a running queue"
        handler[received.type](received)
        return received

    def _find(self, cid, name):
        assert cid in self.pending, f"{name} for CID {cid:#06x}, which is not outstanding"
        return self.pending[cid]

    def _response(self, received):
        done = Completion.parse(received.cqe)
        pending = self._find(done.cid, "response")
        assert done.sqid in (0, self.qid), f"SQID {done.sqid} on queue {self.qid}"
        assert not done.status_field & 1, "the phase bit is reserved in Fabrics responses"
        self._complete(pending, done)
        self._check_sqhd(done)

    def _check_sqhd(self, done):
        """SQHD counts commands taken from the queue: all that completed, at most all sent."""
        if not self.check_sqhd:
            return
        assert done.sqhd < self.size, f"SQHD {done.sqhd} in a queue of {self.size}"
        lowest, highest = self.completed, self.submitted
        allowed = {count % self.size for count in range(lowest, highest + 1)}
        assert done.sqhd in allowed, f"SQHD {done.sqhd}, not in {sorted(allowed)}"
        self.last_sqhd = done.sqhd

    def _complete(self, pending, done):
        done.data = bytes(pending.data_in)
        pending.completion = done
        self.completed += 1
        del self.pending[pending.cid]

    def _data(self, received):
        pending = self._find(received.cccid, "C2HData")
        assert not pending.data_out, "C2HData for a command that sends data"
        assert received.offset == len(pending.data_in), (
            f"C2HData at {received.offset} after {len(pending.data_in)} bytes")
        pending.data_in += received.data
        assert len(pending.data_in) <= pending.length, "C2HData beyond what was asked for"
        if received.flags & pdu.F_SUCCESS:
            assert not self.flow_control, "SUCCESS although SQ flow control is on"
            # Linux completes silently here, whatever is missing
            assert len(pending.data_in) == pending.length, "SUCCESS before all data"
            self._complete(pending, Completion(0, 0, 0, 0, pending.cid, 0, by_success_flag=True))

    def _r2t(self, received):
        pending = self._find(received.cccid, "R2T")
        assert pending.data_out, "R2T for a command that has no data to fetch"
        assert received.length, "R2T with R2TL 0"
        assert received.offset == pending.granted, f"R2TO {received.offset}, not {pending.granted}"
        pending.granted += received.length
        assert pending.granted <= len(pending.data_out), "R2T beyond the data"
        pending.r2ts.append(received)
        pending.unserved.append(received)
        assert len(pending.unserved) <= self.conn.maxr2t + 1, "more R2Ts than MAXR2T allows"
        if not pending.manual:
            self.serve(pending, received)

    def wait(self, pending, *expected):
        """Receive until `pending` completes; its status must be one of `expected` (SUCCESS)."""
        while pending.completion is None:
            self.pump()
        return pending.completion.expect(*(expected or (SUCCESS,)))

    def wait_r2t(self, pending):
        """The oldest R2T of `pending` that was not served; receives until there is one."""
        while not pending.unserved:
            self.pump()
            assert pending.completion is None, f"completed instead of R2T: {pending.completion}"
        return pending.unserved[0]

    def run(self, entry, data=b"", *, expect=SUCCESS, **kw):
        """Submit one command and wait for it. `expect` is a status or a tuple of them."""
        expected = expect if isinstance(expect, tuple) else (expect,)
        return self.wait(self.submit(entry, data, **kw), *expected)

    def pump_for(self, seconds):
        """Receive until the target has sent nothing for so long."""
        while select.select([self.conn.sock], [], [], seconds)[0]:
            self.pump()     # what has begun is taken to its end, and what it asks for is sent

    def quiet(self, seconds):
        """Assert that the target sends nothing for so long."""
        before = self.completed
        self.pump_for(seconds)
        assert self.completed == before, "a completion where none was due"

    def expect_closed(self):
        self.conn.expect_closed()

    # I/O commands

    @staticmethod
    def rw(opcode, nsid, slba, blocks, *, fua=False, cdw12=0, **kw):
        """Read, Write or Write Zeroes; `blocks` is 1's based here."""
        return command.sqe(opcode, nsid=nsid, cdw10=slba & 0xFFFFFFFF, cdw11=slba >> 32,
                           cdw12=(blocks - 1 & 0xFFFF) | (1 << 30 if fua else 0) | cdw12, **kw)

    def read(self, slba, blocks, *, nsid=1, block=512, fua=False, length=None, **kw):
        """Read; returns the bytes (b"" where a failure is expected)."""
        size = blocks * block if length is None else length
        done = self.run(self.rw(command.READ, nsid, slba, blocks, fua=fua), length=size, **kw)
        if done.status == SUCCESS:
            assert len(done.data) == size, f"{len(done.data)} of {size} bytes read"
        return done.data

    def write(self, slba, data, *, nsid=1, block=512, blocks=None, fua=False, **kw):
        blocks = len(data) // block if blocks is None else blocks
        return self.run(self.rw(command.WRITE, nsid, slba, blocks, fua=fua), data, **kw)

    def flush(self, *, nsid=1, **kw):
        return self.run(command.sqe(command.FLUSH, nsid=nsid), **kw)

    def write_zeroes(self, slba, blocks, *, nsid=1, deallocate=False, fua=False, **kw):
        entry = self.rw(command.WRITE_ZEROES, nsid, slba, blocks, fua=fua,
                        cdw12=1 << 25 if deallocate else 0)
        return self.run(entry, **kw)

    def dsm(self, ranges, *, nsid=1, deallocate=True, count=None, **kw):
        """Dataset Management over (slba, blocks) pairs; `count` forces NR (1's based)."""
        data = b"".join(struct.pack("<IIQ", 0, blocks, slba) for slba, blocks in ranges)
        count = len(ranges) if count is None else count
        entry = command.sqe(command.DSM, nsid=nsid, cdw10=count - 1 & 0xFF,
                            cdw11=4 if deallocate else 0)
        return self.run(entry, data, **kw)

    def disconnect(self, *, recfmt=0, **kw):
        return self.run(command.fabrics(command.DISCONNECT, struct.pack("<H", recfmt)), **kw)


def wait_until(condition, seconds=20.0, what="condition", pause=0.02):
    """Poll `condition` until it is true; its value is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(pause)
