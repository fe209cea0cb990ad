# SPDX-License-Identifier: BSD-3-Clause
"""One TCP connection to the target, in PDUs: sends anything, accepts only what is right."""

import os
import socket
import struct

from . import pdu
from .crc32c import crc32c

# Generous, because sanitizers and a loaded machine slow the daemon; no test waits it out
TIMEOUT = float(os.environ.get("WEFT_TEST_TIMEOUT", "20"))

ALLOWED_FLAGS = {
    pdu.ICRESP: 0,
    pdu.C2HTERM: 0,
    pdu.RSP: pdu.F_HDGST,
    pdu.R2T: pdu.F_HDGST,
    pdu.C2HDATA: pdu.F_HDGST | pdu.F_DDGST | pdu.F_LAST | pdu.F_SUCCESS,
}


class Closed(Exception):
    """The target closed the connection where a PDU was expected."""


class Terminated(Exception):
    """The target sent C2HTermReq."""

    def __init__(self, term):
        self.fes, self.fei, self.data = term.fes, term.fei, term.data
        super().__init__(f"C2HTermReq FES {self.fes} FEI {self.fei}")


class Connection:
    """A socket, what ICReq and ICResp agreed on, and PDU framing both ways."""

    def __init__(self, address, timeout=TIMEOUT, rcvbuf=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        # a scope, as of fe80::1%eth0, is only looked for here
        self.sock.connect(socket.getaddrinfo(*address, family, socket.SOCK_STREAM)[0][4])
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.hdgst = self.ddgst = False
        self.hpda = 0       # what this host asked for, 0's based dwords
        self.align = 4      # CPDA of the controller, in bytes
        self.maxh2cdata = 0
        self.maxr2t = 0

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Close with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # bytes

    def send(self, data):
        self.sock.sendall(data)

    def recv_exactly(self, size):
        chunks = []
        while size:
            try:
                chunk = self.sock.recv(min(size, 1 << 20))
            except ConnectionError as error:
                raise Closed(str(error)) from None
            if not chunk:
                raise Closed("end of stream")
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    # PDUs

    def build_pdu(self, type_, specific, data=b"", **kw):
        """The bytes of a PDU with the negotiated digests and alignment, unless told otherwise."""
        return pdu.build(type_, specific, data, **{**self.agreed(), **kw})

    def send_pdu(self, type_, specific, data=b"", **kw):
        self.send(self.build_pdu(type_, specific, data, **kw))

    def send_h2cdata(self, cccid, ttag, offset, data, **kw):
        """H2CData; LAST is set unless last=False, and `length` forces DATAL."""
        self.send(pdu.h2cdata(cccid, ttag, offset, data, **{**self.agreed(), **kw}))

    def agreed(self):
        """What ICReq and ICResp settled, as arguments of pdu.build()."""
        return {"hdgst": self.hdgst, "ddgst": self.ddgst, "align": self.align}

    def recv_pdu(self):
        """The next PDU, its framing and digests checked. Raises Closed at the stream's end."""
        head = self.recv_exactly(8)
        type_, flags, hlen, pdo, plen = struct.unpack("<BBBBI", head)
        name = pdu.NAMES.get(type_, f"type {type_:02x}h")
        assert type_ in ALLOWED_FLAGS, f"a controller must not send {name}"
        assert flags & ~ALLOWED_FLAGS[type_] == 0, f"{name} with flags {flags:02x}h"
        assert hlen == pdu.HLEN[type_], f"{name} with HLEN {hlen}"
        assert plen >= hlen, f"{name} with PLEN {plen}"
        body = self.recv_exactly(plen - 8)
        header, rest = head + body[:hlen - 8], body[hlen - 8:]
        if type_ == pdu.C2HTERM:
            assert plen <= pdu.TERM_MAX_PLEN, f"C2HTermReq with PLEN {plen}"
            return pdu.Pdu(type_, flags, header, rest)
        if type_ != pdu.ICRESP:
            assert bool(flags & pdu.F_HDGST) == self.hdgst, f"{name} with flags {flags:02x}h"
        if flags & pdu.F_HDGST:
            digest, rest = struct.unpack("<I", rest[:4])[0], rest[4:]
            assert digest == crc32c(header), f"{name}: wrong header digest"
        data = self._check_data(type_, flags, header, pdo, rest)
        return pdu.Pdu(type_, flags, header, data)

    def _check_data(self, type_, flags, header, pdo, rest):
        """The payload in `rest`, which is all that follows the header and its digest."""
        if type_ != pdu.C2HDATA:
            assert pdo == 0 and not rest, f"{pdu.NAMES[type_]} with PDO {pdo} and {len(rest)} bytes"
            return b""
        length = struct.unpack_from("<I", header, 16)[0]
        assert length, "C2HData with DATAL 0"
        assert bool(flags & pdu.F_DDGST) == self.ddgst, f"C2HData with flags {flags:02x}h"
        align = (self.hpda + 1) * 4
        start = len(header) + (4 if self.hdgst else 0)
        right = -(-start // align) * align
        # Linux ignores PDO: whatever follows the header is data (facts on Linux hosts)
        assert pdo == right, f"C2HData with PDO {pdo}, not {right}"
        rest = rest[right - start:]
        data, tail = rest[:length], rest[length:]
        assert len(data) == length, f"C2HData: PLEN leaves {len(data)} bytes for DATAL {length}"
        if self.ddgst:
            assert tail == struct.pack("<I", crc32c(data)), "C2HData: wrong data digest"
        else:
            assert not tail, f"C2HData: {len(tail)} bytes follow the data"
        assert not flags & pdu.F_SUCCESS or flags & pdu.F_LAST, "C2HData: SUCCESS without LAST"
        return data

    # connection set-up

    def send_icreq(self, *, hdgst=False, ddgst=False, hpda=0, maxr2t=0, **force):
        dgst = force.pop("dgst", (1 if hdgst else 0) | (2 if ddgst else 0))
        self.hpda, self.maxr2t = hpda, maxr2t
        self.send(pdu.icreq(hpda=hpda, dgst=dgst, maxr2t=maxr2t, **force))

    def recv_icresp(self):
        """ICResp, checked as a Linux host checks it; its values take effect."""
        resp = self.recv_pdu()
        if resp.type == pdu.C2HTERM:
            raise Terminated(resp)
        assert resp.type == pdu.ICRESP, f"{resp.name} instead of ICResp"
        pfv, cpda, dgst, maxh2cdata = struct.unpack_from("<HBBI", resp.header, 8)
        assert pfv == 0 and cpda <= 31 and dgst & ~3 == 0
        assert maxh2cdata >= 4096 and maxh2cdata % 4 == 0, f"MAXH2CDATA {maxh2cdata}"
        assert resp.header[16:] == bytes(112), "reserved bytes of ICResp are not zero"
        self.hdgst, self.ddgst = bool(dgst & 1), bool(dgst & 2)
        self.align = (cpda + 1) * 4
        self.maxh2cdata = maxh2cdata
        return resp

    def initialize(self, *, hdgst=False, ddgst=False, hpda=0, maxr2t=0):
        """ICReq and ICResp; the target must agree to the digests that were asked for."""
        self.send_icreq(hdgst=hdgst, ddgst=ddgst, hpda=hpda, maxr2t=maxr2t)
        self.recv_icresp()
        assert (self.hdgst, self.ddgst) == (hdgst, ddgst), "ICResp changed the digests"
        return self

    # expectations

    def expect_closed(self):
        """The target closes without another PDU."""
        try:
            extra = self.recv_pdu()
        except Closed:
            return
        raise AssertionError(f"{extra} where the connection should have been closed")

    def expect_term(self, fes, fei=None):
        """C2HTermReq with this FES (and FEI, where the specification gives it a meaning), then
        the end of the connection. Either may be a tuple of what is right. Responses to what was
        sent before are passed over."""
        term = self.recv_pdu()
        while term.type != pdu.C2HTERM:
            term = self.recv_pdu()
        said = f"C2HTermReq with FES {term.fes} FEI {term.fei}"
        assert term.fes in _several(fes), f"{said}, not FES {fes}"
        assert fei is None or term.fei in _several(fei), f"{said}, not FEI {fei}"
        # A Linux host with header digests on reads 28 bytes of it at least
        if self.hdgst:
            assert len(term.data) >= 4, "C2HTermReq too short for a host with header digests"
        self.expect_closed()
        return term

    def expect_end(self):
        """The connection ends, with or without C2HTermReq; nothing is judged on the way."""
        try:
            while True:
                self.recv_pdu()
        except Closed:
            pass


def _several(value):
    return value if isinstance(value, tuple) else (value,)
