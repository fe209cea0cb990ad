# SPDX-License-Identifier: BSD-3-Clause
"""A host that sets what a command does not use is served (Base 2.1, 1.4.2).

Each free bit of each command of tests/lib/commands.py is set, one at a time, and the data pointer
of those that transfer nothing is anything at all.
"""

import struct

import pytest

import commands
from nvmetcp import command, connect_data, connect_discovery, open_queue, pdu, status
from weftconf import nqn

DEPTH = 24      # commands under way


@pytest.fixture
def queue_of(connect, address):
    """queue_of(row): a queue that serves it, of a controller of its own."""
    opened = []

    def opener(row):
        if row.where == commands.DISCOVERY:
            ctrl = connect_discovery(address)
            opened.append(ctrl)
            return ctrl.admin
        ctrl = connect()
        return ctrl.admin if row.where == commands.ADMIN else ctrl.connect_io()
    yield opener
    for ctrl in opened:
        ctrl.close()


def submit(queue, row, entry, descriptor=None):
    return queue.submit(entry, row.data, length=row.length, descriptor=descriptor,
                        inline=True if row.data else None)


def served(queue, row, variants):
    """Runs all of them, (what it is, entry, SGL), several at a time; names those that fail."""
    refused, under_way = [], []

    def finish(what, pending):
        while pending.completion is None:
            queue.pump()
        if pending.completion.status != status.SUCCESS:
            refused.append(f"{what}: {status.name(pending.completion.status)}")
    for what, entry, descriptor in variants:
        if len(under_way) == DEPTH:
            finish(*under_way.pop(0))
        under_way.append((what, submit(queue, row, entry, descriptor)))
    for what, pending in under_way:
        finish(what, pending)
    assert not refused, f"{row.name}: {len(refused)} refused, as {', '.join(refused[:5])}"


def bit_name(position):
    return f"byte {position // 8}, bit {position % 8}"


ROWS = pytest.mark.parametrize("row", commands.ROWS,
                               ids=lambda row: f"{row.where} {row.name}".replace(" ", "-"))


@ROWS
def test_each_bit_that_a_command_does_not_use(queue_of, row):
    # where there is a data pointer, the queue fills it in: its reserved bytes are set with it
    kind = command.SGL_IN_CAPSULE if row.data else command.SGL_TRANSPORT
    plain = command.sgl(kind, len(row.data) or row.length)

    def variants():
        for position in row.free_bits():
            entry = row.with_bit(position)
            pointer = bytearray(plain if row.transfers else bytes(16))
            if 24 * 8 <= position < 40 * 8:
                pointer[position // 8 - 24] |= 1 << position % 8
            yield bit_name(position), entry, bytes(pointer)
    served(queue_of(row), row, variants())


@pytest.mark.parametrize("row", [row for row in commands.ROWS if not row.transfers],
                         ids=lambda row: f"{row.where} {row.name}".replace(" ", "-"))
def test_data_pointer_of_a_command_without_data(queue_of, row):
    def flags_of(entry, flags):
        return entry[:1] + bytes([flags]) + entry[2:]

    pointers = [bytes(16), b"\xff" * 16,
                *(struct.pack("<QI3xB", 1 << 40, 4096, kind) for kind in range(256))]
    variants = [(pointer, 0x40) for pointer in pointers] + [
        (pointer, psdt) for pointer in pointers[:2] for psdt in (0x00, 0x80, 0xC0)]
    served(queue_of(row), row, (
        (f"data pointer {pointer.hex()}, flags {flags:#x}", flags_of(row.entry, flags), pointer)
        for pointer, flags in variants))


def test_property_set_of_a_host_that_sends_no_sgl(connect, address):
    """So a client in Python does it: its controller is to become ready."""
    ctrl = connect(enable=False)
    specific = struct.pack("<B3xIQ", 0, 0x14, 0x00460001)
    ctrl.admin.run(command.fabrics(command.PROPERTY_SET, specific, flags=0), descriptor=bytes(16))
    ctrl.wait_csts(1)


def test_each_bit_of_an_asynchronous_event_request(connect):
    """Held, until it is aborted."""
    row = commands.ASYNC_EVENT
    ctrl = connect()
    for position in row.free_bits():
        pointer = bytearray(16)
        if 24 * 8 <= position < 40 * 8:
            pointer[position // 8 - 24] |= 1 << position % 8
        pending = submit(ctrl.admin, row, row.with_bit(position), bytes(pointer))
        assert not ctrl.abort(0, pending.cid).dw0 & 1, bit_name(position)
        ctrl.admin.wait(pending, status.ABORT_REQUESTED)


def connect_with(address, entry, data):
    """One Connect on a connection of its own; its status."""
    queue = open_queue(address)
    try:
        pending = queue.submit(entry, data, inline=True)
        while pending.completion is None:
            queue.pump()
        return pending.completion.status
    finally:
        queue.close()


def test_each_bit_of_connect(address):
    refused = [bit_name(position) for position in commands.CONNECT.free_bits()
               # the queue fills in the data pointer; it is the same as of other commands
               if not 24 * 8 <= position < 40 * 8 and
               connect_with(address, commands.CONNECT.with_bit(position),
                            connect_data(nqn("main"))) != status.SUCCESS]
    assert not refused


def test_each_reserved_byte_of_connect_data(address):
    refused = []
    for at in commands.CONNECT_DATA_RESERVED:
        data = bytearray(connect_data(nqn("main")))
        data[at] = 0xFF
        if connect_with(address, commands.CONNECT.entry, bytes(data)) != status.SUCCESS:
            refused.append(at)
    assert not refused


def test_each_bit_of_disconnect(connect):
    """By groups of 32 bits, each in a queue of its own, which ends."""
    ctrl = connect()
    row = commands.DISCONNECT
    for dword in range(16):
        mask = sum(1 << position for position in row.free_bits() if position // 32 == dword)
        entry = bytearray((int.from_bytes(row.entry, "little") | mask).to_bytes(64, "little"))
        io = ctrl.connect_io(qid=1)
        io.run(bytes(entry), descriptor=bytes(entry[24:40]))
        io.expect_closed()


@pytest.mark.parametrize("flags", [1 << bit for bit in range(2, 8)])
def test_flags_of_a_command_capsule(io, flags):
    """All but those of the digests; ICReq's reserved bytes are test_icreq.py's."""
    io.run(io.rw(command.READ, 1, 0, 1), length=512, force_flags=flags)


@pytest.mark.parametrize("flags", [1 << bit for bit in range(3, 8)])
def test_flags_and_reserved_bytes_of_h2cdata(io, flags):
    pending = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    r2t = io.wait_r2t(pending)
    plain = bytearray(pdu.h2cdata(pending.cid, r2t.ttag, 0, bytes(32768),
                                  force_flags=flags | pdu.F_LAST))
    plain[20:24] = b"\xff" * 4
    io.conn.send(bytes(plain))
    io.wait(pending)
