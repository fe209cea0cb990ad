# SPDX-License-Identifier: BSD-3-Clause
"""An association with a controller: Connect, properties, admin commands, I/O queues."""

import struct
import uuid
from dataclasses import dataclass

from . import command
from .connection import Connection
from .queue import Queue, wait_until
from .status import SUCCESS

DISCOVERY_NQN = "nqn.2014-08.org.nvmexpress.discovery"

# Properties: offset and size in bytes
CAP, VS, CC, CSTS, NSSR, CRTO = (0x00, 8), (0x08, 4), (0x14, 4), (0x1C, 4), (0x20, 4), (0x68, 4)
CC_ENABLE = 0x00460001  # IOCQES 4, IOSQES 6, EN
CC_SHUTDOWN = 1 << 14

CATTR_NO_SQ_FLOW_CONTROL = 1 << 2


@dataclass(frozen=True)
class HostId:
    """Who connects: a host NQN and a Host Identifier."""

    nqn: str
    id: bytes

    @classmethod
    def make(cls, name):
        """A stable identity from a short name."""
        value = uuid.uuid5(uuid.NAMESPACE_DNS, name)
        return cls(f"nqn.2014-08.org.nvmexpress:uuid:{value}", value.bytes)


HOST = HostId.make("weft-tests")


def connect_entry(*, recfmt=0, qid=0, sqsize=31, cattr=0, kato=0):
    """The Connect command; `sqsize` is 0's based, `kato` in milliseconds."""
    return command.fabrics(command.CONNECT,
                           struct.pack("<HHHBxI", recfmt, qid, sqsize, cattr, kato))


def connect_data(subnqn, *, hostnqn=HOST.nqn, hostid=HOST.id, cntlid=0xFFFF):
    """Connect data. NQNs may be str (terminated and padded) or bytes (as they are)."""
    def field(nqn):
        raw = nqn.encode() if isinstance(nqn, str) else nqn
        assert len(raw) <= 256
        return raw.ljust(256, b"\0")

    return hostid + struct.pack("<H", cntlid) + bytes(238) + field(subnqn) + field(hostnqn) \
        + bytes(256)


def open_queue(address, *, sqsize=31, sq_flow_control=True, inline=8192, timeout=None, rcvbuf=None,
               **ic):
    """A connection with ICReq and ICResp behind it, ready for Connect."""
    options = {} if timeout is None else {"timeout": timeout}
    conn = Connection(address, rcvbuf=rcvbuf, **options)
    try:
        conn.initialize(**ic)
    except BaseException:
        conn.close()
        raise
    return Queue(conn, size=sqsize + 1, sq_flow_control=sq_flow_control, inline=inline)


def send_connect(queue, data, *, qid=0, sqsize=None, cattr=None, kato=0, recfmt=0,
                 expect=SUCCESS, **kw):
    """Connect on `queue`; any field can be forced. Returns the completion."""
    if cattr is None:
        cattr = 0 if queue.flow_control else CATTR_NO_SQ_FLOW_CONTROL
    entry = connect_entry(recfmt=recfmt, qid=qid, cattr=cattr, kato=kato,
                          sqsize=queue.size - 1 if sqsize is None else sqsize)
    kw.setdefault("inline", True)
    queue.qid, qid_before = qid, queue.qid
    done = queue.run(entry, data, expect=expect, **kw)
    if done.status != SUCCESS:
        queue.qid = qid_before
    else:
        queue.submitted = queue.completed = 1  # whatever was refused before was in no queue
        # Base 2.1, Connect response: SQHD FFFFh says that SQ flow control is off
        if cattr & CATTR_NO_SQ_FLOW_CONTROL:
            assert done.sqhd == 0xFFFF, f"SQHD {done.sqhd:#x} with SQ flow control off"
        else:
            assert done.sqhd != 0xFFFF, "SQHD FFFFh with SQ flow control on"
            queue.check_sqhd = True
    return done


class Controller:
    """A controller with its admin queue, and the I/O queues that were connected to it."""

    def __init__(self, address, subnqn, admin, cntlid, host, options):
        self.address, self.subnqn, self.admin = address, subnqn, admin
        self.cntlid, self.host = cntlid, host
        self.options = options      # what open_queue() got, reused for I/O queues
        self.io = []
        self._inline = None
        self._queues_set = False

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        """Close all sockets without a word."""
        for queue in self.io + [self.admin]:
            queue.close()

    # Fabrics

    def property_get(self, prop, **kw):
        offset, size = prop
        return self.property_get_raw(offset, size == 8, **kw).result64

    def property_get_raw(self, offset, wide, *, attrib=None, **kw):
        specific = struct.pack("<B3xI", (1 if wide else 0) if attrib is None else attrib, offset)
        return self.admin.run(command.fabrics(command.PROPERTY_GET, specific), **kw)

    def property_set(self, prop, value, *, attrib=None, **kw):
        offset, size = prop
        specific = struct.pack("<B3xIQ", (size == 8) if attrib is None else attrib, offset, value)
        return self.admin.run(command.fabrics(command.PROPERTY_SET, specific), **kw)

    def enable(self):
        """CC.EN from 0 to 1 as Linux does it; CSTS.RDY must follow within CAP.TO."""
        self.property_set(CC, CC_ENABLE)
        self.wait_csts(1)
        return self

    def disable(self):
        self.property_set(CC, self.property_get(CC) & ~1)
        self.wait_csts(0)

    def shutdown(self):
        """CC.SHN 01b; waits for CSTS.SHST 10b."""
        self.property_set(CC, self.property_get(CC) | CC_SHUTDOWN)
        self.wait_csts(8, 0xC)

    def wait_csts(self, value, mask=1):
        wait_until(lambda: self.property_get(CSTS) & mask == value, what="CSTS")

    # Admin commands

    def identify(self, cns, *, nsid=0, cntid=0, csi=0, cnssid=0, length=4096, **kw):
        entry = command.sqe(command.IDENTIFY, nsid=nsid, cdw10=cns | cntid << 16,
                            cdw11=cnssid | csi << 24)
        return self.admin.run(entry, length=length, **kw).data

    def get_log(self, lid, length, *, offset=0, nsid=0xFFFFFFFF, lsp=0, rae=False, lsi=0, csi=0,
                numd=None, ot=0, buffer=None, **kw):
        """Get Log Page. `numd` forces the 0's based dwords, `buffer` the SGL's length."""
        numd = length // 4 - 1 if numd is None else numd
        entry = command.get_log(lid, numd, offset=offset, nsid=nsid, lsp=lsp, rae=rae, lsi=lsi,
                                csi=csi, ot=ot)
        return self.admin.run(entry, length=length if buffer is None else buffer, **kw).data

    def get_feature(self, fid, *, select=0, nsid=0, cdw11=0, length=0, **kw):
        entry = command.sqe(command.GET_FEATURES, nsid=nsid, cdw10=fid | select << 8, cdw11=cdw11)
        return self.admin.run(entry, length=length, **kw)

    def set_feature(self, fid, value=0, *, save=False, nsid=0, data=b"", cdw12=0, **kw):
        entry = command.sqe(command.SET_FEATURES, nsid=nsid, cdw10=fid | (1 << 31 if save else 0),
                            cdw11=value, cdw12=cdw12)
        return self.admin.run(entry, data, **kw)

    def aer(self, **kw):
        """Submit an Asynchronous Event Request; returns its Pending."""
        return self.admin.submit(command.sqe(command.ASYNC_EVENT), **kw)

    def wait_event(self, pending):
        """The event that completes `pending`: (type, information, log page)."""
        dw0 = self.admin.wait(pending).dw0
        return dw0 & 7, dw0 >> 8 & 0xFF, dw0 >> 16 & 0xFF

    def keep_alive(self, **kw):
        return self.admin.run(command.sqe(command.KEEP_ALIVE), **kw)

    def submit_abort(self, sqid, cid, **kw):
        """Abort; DW0 bit 0 of its completion will be 0 if the command was aborted."""
        return self.admin.submit(command.sqe(command.ABORT, cdw10=sqid | cid << 16), **kw)

    def abort(self, sqid, cid, expect=SUCCESS, **kw):
        """Abort, and wait for its completion."""
        expected = expect if isinstance(expect, tuple) else (expect,)
        return self.admin.wait(self.submit_abort(sqid, cid, **kw), *expected)

    # I/O queues

    @property
    def inline(self):
        """In-capsule data bytes of I/O queues: IOCCSZ * 16 - 64."""
        if self._inline is None:
            ioccsz = struct.unpack_from("<I", self.identify(1), 1792)[0]
            self._inline = ioccsz * 16 - 64
        return self._inline

    def request_queues(self, count=128):
        """Set Features 07h, as every host does once, before its first I/O queue."""
        self._queues_set = True
        self.set_feature(0x07, (count - 1) << 16 | (count - 1))

    def connect_io(self, qid=None, **kw):
        """Connect an I/O queue (the next free qid); returns the Queue."""
        if not self._queues_set:
            self.request_queues()
        options = {**self.options, **kw}
        connect = {key: options.pop(key) for key in ("cattr", "expect") if key in options}
        options.setdefault("inline", self.inline)
        queue = open_queue(self.address, **options)
        try:
            send_connect(queue, connect_data(self.subnqn, hostnqn=self.host.nqn,
                                             hostid=self.host.id, cntlid=self.cntlid),
                         qid=len(self.io) + 1 if qid is None else qid, **connect)
        except BaseException:
            queue.close()
            raise
        self.io.append(queue)
        return queue


def connect_admin(address, subnqn, *, host=HOST, kato=0, enable=True, cattr=None, **options):
    """An admin queue and its controller, enabled. `options` are open_queue()'s."""
    queue = open_queue(address, **options)
    try:
        done = send_connect(queue, connect_data(subnqn, hostnqn=host.nqn, hostid=host.id),
                            kato=kato, cattr=cattr)
    except BaseException:
        queue.close()
        raise
    ctrl = Controller(address, subnqn, queue, done.dw0 & 0xFFFF, host, options)
    if enable:
        ctrl.enable()
    return ctrl


def connect_discovery(address, *, subnqn=DISCOVERY_NQN, **kw):
    """A discovery controller, enabled."""
    return connect_admin(address, subnqn, **kw)
