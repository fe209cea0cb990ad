# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive, life and death: cases 42 to 47."""

import contextlib
import os
import socket
import struct
import time

import pytest

import weftconf
from bystander import QUEUES
from fault import Fault, faulty
from nvmetcp import (CC, CC_ENABLE, CSTS, Closed, command, connect_admin, connect_data,
                     connect_entry, pdu, status, wait_until)
from nvmetcp.command import with_cid, with_sgl
from weftconf import nqn

pytestmark = pytest.mark.engine


BYSTANDERS = QUEUES + 1     # the bystander's connections
INTERRUPTED, WRITE_FAULT, INTERNAL_PATH = 0x021, 0x280, 0x300

# 42: a disconnect in every state

def idle(io):
    pass


def half_a_header(io):
    io.conn.send(pdu.build(pdu.CMD, bytes(64))[:5])


def half_a_capsule(io):
    entry = with_sgl(with_cid(io.rw(command.WRITE, 1, 0, 32), 1),
                     command.sgl(command.SGL_IN_CAPSULE, 16384))
    whole = io.conn.build_pdu(pdu.CMD, entry, bytes(16384))
    io.conn.send(whole[:10000])


def reads_in_flight(io):
    for index in range(30):
        io.submit(io.rw(command.READ, 1, index * 256, 256), length=131072)


def writes_in_flight(io):
    for index in range(30):
        io.submit(io.rw(command.WRITE, 1, index * 32, 32), bytes(16384))


def r2t_outstanding(io):
    pending = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    io.wait_r2t(pending)


def r2t_unread(io):
    for _ in range(20):
        io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)


def half_an_h2cdata(io):
    pending = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    r2t = io.wait_r2t(pending)
    whole = pdu.h2cdata(pending.cid, r2t.ttag, 0, bytes(32768), **io.conn.agreed())
    io.conn.send(whole[:20000])


def digest_outstanding(io):
    pending = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    r2t = io.wait_r2t(pending)
    whole = pdu.h2cdata(pending.cid, r2t.ttag, 0, bytes(32768), **io.conn.agreed())
    io.conn.send(whole[:-2])


def everything_at_once(io):
    reads_in_flight(io)
    writes_in_flight(io)
    io.conn.send(b"\x04")


STATES = [idle, half_a_header, half_a_capsule, reads_in_flight, writes_in_flight, r2t_outstanding,
          r2t_unread, half_an_h2cdata, digest_outstanding, everything_at_once]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("rst", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("first", ["io", "admin"])
def test_42_disconnect(connect, state, rst, first):
    ctrl = connect(hdgst=True, ddgst=True)
    io = ctrl.connect_io(sqsize=127)
    ctrl.aer()
    state(io)
    for queue in (io, ctrl.admin) if first == "io" else (ctrl.admin, io):
        queue.conn.reset() if rst else queue.close()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_42_half_close(connect, state):
    """The host says that it sends no more; the target ends the connection."""
    io = connect(hdgst=True, ddgst=True).connect_io(sqsize=127)
    state(io)
    io.conn.sock.shutdown(socket.SHUT_WR)
    io.conn.expect_end()


@pytest.mark.parametrize("sent", [1, 50, 500])
def test_42_disconnect_within_connect(opened, sent):
    conn = opened().conn
    capsule = conn.build_pdu(pdu.CMD, with_sgl(connect_entry(),
                                               command.sgl(command.SGL_IN_CAPSULE, 1024)),
                             connect_data(nqn("main")))
    conn.send(capsule[:sent])
    conn.reset()


def test_42_connect_response_unread(opened):
    conn = opened().conn
    conn.send_pdu(pdu.CMD, with_sgl(connect_entry(), command.sgl(command.SGL_IN_CAPSULE, 1024)),
                  connect_data(nqn("main")))
    conn.reset()


def test_42_disconnect_command_with_commands_outstanding(ctrl):
    io = ctrl.connect_io(sqsize=63)
    r2t_outstanding(io)
    io.submit(io.rw(command.READ, 1, 0, 256), length=131072)
    io.submit(command.fabrics(command.DISCONNECT, struct.pack("<H", 0)))
    with pytest.raises(Closed):
        while True:
            io.pump()
    ctrl.keep_alive()


# what a backend has when the connection ends

OUTSTANDING = {
    "read": lambda io: io.submit(io.rw(command.READ, 1, 0, 256), length=131072),
    "write": lambda io: io.submit(io.rw(command.WRITE, 1, 0, 32), bytes(16384)),
    "zeroes": lambda io: io.submit(io.rw(command.WRITE_ZEROES, 1, 0, 8)),
    "discard": lambda io: io.submit(command.sqe(command.DSM, nsid=1, cdw11=4),
                                    (64 << 32).to_bytes(16, "little")),
}


@pytest.mark.parametrize("op", OUTSTANDING)
@pytest.mark.parametrize("how", ["FIN", "RST", "reset", "Abort"])
def test_42_with_the_disk(besieged, folder, op, how):
    """The connection is gone, and then the backend completes: into nothing, and once."""
    daemon = besieged(site(faulty(1, folder / "1.sock")))
    with contextlib.closing(Fault(folder / "1.sock")) as fault:
        with connect_admin(daemon.address, nqn("one")) as ctrl:
            io = ctrl.connect_io()
            fault(f"hang {op} times 2")
            pending = [OUTSTANDING[op](io) for _ in range(2)]
            fault("wait 2")
            if how == "FIN":
                io.close()
            elif how == "RST":
                io.conn.reset()
            elif how == "reset":
                ctrl.property_set(CC, CC_ENABLE & ~1)
                io.conn.expect_end()
                io.close()
            else:
                for one in pending:
                    ctrl.abort(1, one.cid)
                    io.wait(one, status.ABORT_REQUESTED)
                io.flush()
                io.conn.reset()
            wait_until(lambda: daemon.taken()["connections"] == BYSTANDERS + 1)
            assert fault("release") == "2"
            ctrl.property_get(CSTS)


# 43: a host that stops reading

def test_43_slow_reader_gets_everything(connect):
    """EDK2 sends over a hundred 128 KiB reads at once and then reads slowly: all must arrive."""
    io = connect().connect_io(sqsize=127, rcvbuf=65536)
    batch = [io.submit(io.rw(command.READ, 1, index * 256, 256), length=131072)
             for index in range(120)]
    time.sleep(0.5)
    for pending in batch:
        assert len(io.wait(pending).data) == 131072


def test_43_nobody_waits_for_a_host_that_does_not_read(connect):
    stuck = connect().connect_io(sqsize=127, rcvbuf=4096)
    for index in range(120):
        stuck.submit(stuck.rw(command.READ, 1, index * 256, 256), length=131072)
    time.sleep(0.5)     # for the bystander


def test_43_memory_is_bounded(daemon, connect):
    """What waits to be sent is bounded by what the queue size and MDTS allow, and given back."""
    before = daemon.memory_kib()
    stuck = connect().connect_io(sqsize=127, rcvbuf=4096)
    for index in range(127):
        stuck.submit(stuck.rw(command.READ, 1, index * 64, 2048), length=1 << 20)
    time.sleep(0.5)
    grown = daemon.memory_kib() - before
    stuck.conn.reset()
    assert grown < 127 * 1024 + 65536, f"{grown} KiB"


# 44: TLS is a later feature; until then its first bytes are just not an ICReq

def test_44_tls_to_a_plain_listener(raw):
    conn = raw()
    hello = bytes.fromhex("1603010200010001fc0303") + bytes(512)
    conn.send(hello)
    conn.expect_end()


# 45: namespaces change under I/O

ANY = (status.SUCCESS, status.INVALID_FIELD, status.INVALID_NAMESPACE, status.LBA_OUT_OF_RANGE,
       status.WRITE_PROTECTED, status.SGL_LENGTH_INVALID, status.NAMESPACE_NOT_READY, INTERRUPTED)


def site(*namespaces):
    return weftconf.config([weftconf.subsystem("one", namespaces)])


@pytest.mark.parametrize("other", [
    [], [weftconf.namespace(1, enable=0)], [weftconf.namespace(1, size="32M")],
    [weftconf.namespace(1, backend="null", size="64M")],
    [weftconf.namespace(1, read_only=True)], [weftconf.namespace(1, block_size=4096)],
], ids=["removed", "disabled", "resized", "replaced", "read-only", "reformatted"])
def test_45_namespace_changes_under_io(besieged, other):
    """Every command completes, one way or the other, and the connection lives."""
    daemon = besieged(site(weftconf.namespace(1)))
    config = daemon.config
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io(sqsize=127)
        for turn in range(6):
            def replace(changed):
                changed["subsystems"][0]["namespaces"] = other if turn % 2 == 0 else \
                    config["subsystems"][0]["namespaces"]
            batch = [io.submit(io.rw(command.WRITE, 1, index * 64, 64), bytes(32768))
                     for index in range(30)]
            daemon.reload(weftconf.changed(config, replace))
            batch += [io.submit(io.rw(command.READ, 1, index * 64, 64), length=32768)
                      for index in range(30)]
            for pending in batch:
                while pending.completion is None:
                    io.pump()
        ctrl.keep_alive()


def change_namespaces(daemon, namespaces):
    def change(changed):
        changed["subsystems"][0]["namespaces"] = namespaces
    daemon.reload(weftconf.changed(daemon.config, change))


@pytest.mark.parametrize("early", [0, 20000], ids=["", "some-came"])
@pytest.mark.parametrize("what,namespaces", [
    ("removed", []), ("read-only", [weftconf.namespace(1, read_only=True)]),
    ("smaller", [weftconf.namespace(1, size="64K")]),
    ("another", [weftconf.namespace(1, backend="null", size="64M")]),
    ("reformatted", [weftconf.namespace(1, block_size=4096)]),
])
def test_45_namespace_changes_before_the_data_comes(besieged, what, namespaces, early):
    """A host was asked for the data of two writes, one into a buffer, one into memory that the
    backend lends. It comes late: the command fails, or is done on what is there now."""
    daemon = besieged(site(weftconf.namespace(1)))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        other, rest = ctrl.connect_io(), []
        for slba, size in ((1024, 32768), (1536, 131072)):
            io = ctrl.connect_io()
            pending = io.submit(io.rw(command.WRITE, 1, slba, size // 512), b"\xa5" * size,
                                inline=False, manual=True)
            r2t = io.wait_r2t(pending)
            whole = pdu.h2cdata(pending.cid, r2t.ttag, 0, b"\xa5" * size, **io.conn.agreed())
            io.conn.send(whole[:early])
            rest.append((io, pending, whole[early:]))
        wait_until(lambda: daemon.taken()["buffers"])
        change_namespaces(daemon, namespaces)

        def changed():
            done = other.run(other.rw(command.WRITE, 1, 8192, 8), b"\x5a" * 4096, expect=ANY)
            return done.status != status.SUCCESS or \
                not any(other.read(8192, 8, expect=ANY))
        wait_until(changed)
        before = other.read(1024, 1024, expect=ANY)
        for io, pending, data in rest:
            io.conn.send(data)
            done = io.wait(pending, *ANY)
            assert what == "another" or done.status != status.SUCCESS
            io.run(command.sqe(command.FLUSH, nsid=1), expect=ANY)
        assert other.read(1024, 1024, expect=ANY) == before
        ctrl.keep_alive()


# 46: a backend that errors, stalls or disappears

@pytest.fixture
def faulted(besieged, folder):
    """(daemon, controller, I/O queue, strings): NSID 1 fails to order, NSID 2 is sound."""
    daemon = besieged(site(faulty(1, folder / "1.sock"), weftconf.namespace(2)))
    with contextlib.closing(Fault(folder / "1.sock")) as fault, \
            connect_admin(daemon.address, nqn("one")) as ctrl:
        yield daemon, ctrl, ctrl.connect_io(sqsize=127), fault
        fault("clear")
        fault("release")


def test_46_backend_errors(faulted):
    _, ctrl, io, fault = faulted
    fault("fail all EIO")
    for _ in range(50):
        io.read(0, 8, expect=status.UNRECOVERED_READ)
        io.write(0, bytes(4096), expect=WRITE_FAULT)
        io.write(0, bytes(131072), expect=WRITE_FAULT)
        io.dsm([(0, 8)], expect=WRITE_FAULT)
    io.write(0, b"\x11" * 4096, nsid=2)
    assert io.read(0, 8, nsid=2) == b"\x11" * 4096
    ctrl.keep_alive()
    fault("clear")
    io.write(0, b"\x12" * 4096)
    assert io.read(0, 8) == b"\x12" * 4096


def test_46_backend_stalls(faulted):
    """What it has takes its time; the same queue's other namespace and the bystander do not."""
    _, ctrl, io, fault = faulted
    fault("delay all 400")
    batch = [io.submit(io.rw(command.READ, 1, index * 256, 256), length=131072)
             for index in range(60)]
    io.write(0, b"\x13" * 4096, nsid=2)
    assert io.read(0, 8, nsid=2) == b"\x13" * 4096
    assert not any(pending.completion for pending in batch)
    assert complete_all(io, batch) == {status.SUCCESS}
    ctrl.keep_alive()


def test_46_backend_hangs_and_disappears(faulted):
    _, ctrl, io, fault = faulted
    fault("hang all times 20")
    batch = [io.submit(io.rw(command.READ, 1, index * 8, 8), length=4096) for index in range(20)]
    fault("wait 20")
    fault("vanish")
    for _ in range(20):
        io.read(0, 8, expect=INTERNAL_PATH)
    assert io.read(0, 8, nsid=2) == bytes(4096)
    fault("release EIO")
    assert complete_all(io, batch) == {INTERNAL_PATH}
    fault("return")
    io.write(0, b"\x14" * 4096)
    ctrl.keep_alive()



def disk(tmp_path, size=8 << 20, **kw):
    path = tmp_path / "disk.img"
    path.touch()
    os.truncate(path, size)
    return path, weftconf.namespace(1, path=path, **kw)


def complete_all(io, batch):
    """Receive until every command of `batch` has completed; their statuses."""
    for pending in batch:
        while pending.completion is None:
            io.pump()
    return {pending.completion.status for pending in batch}


@pytest.mark.parametrize("size", [0, 512, 4 << 20])
def test_46_file_shrinks_under_io(besieged, tmp_path, size):
    path, ns = disk(tmp_path)
    daemon = besieged(site(ns))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io(sqsize=127)
        os.truncate(path, size)
        complete_all(io, [io.submit(io.rw(command.READ, 1, index * 256, 256), length=131072)
                          for index in range(60)])
        ctrl.keep_alive()


def test_46_file_is_unlinked(besieged, tmp_path):
    """It stays open: nothing is lost until the daemon ends."""
    path, ns = disk(tmp_path)
    daemon = besieged(site(ns))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        path.unlink()
        io.write(0, b"\x21" * 4096)
        assert io.read(0, 8) == b"\x21" * 4096


# 47: the disk full under a thin file

def test_47_disk_full(besieged, tmp_path):
    """Writes fail with a status, reads go on, and once there is room writes do too."""
    # the daemon gets a mount namespace with a file system of 8 MiB for the file of 64
    mount = tmp_path / "small"
    mount.mkdir()
    path = mount / "disk.img"
    filler = mount / "filler"
    script = ('mount -t tmpfs -o size=8m none "$0" && truncate -s 64M "$1" && '
              'head -c 4M /dev/zero > "$2" && shift 2 && exec "$@"')
    daemon = besieged(site(weftconf.namespace(1, path=path)),
                      wrapper=["unshare", "--mount", "--map-root-user", "sh", "-c", script,
                               str(mount), str(path), str(filler)])
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io(sqsize=127)
        batch = [io.submit(io.rw(command.WRITE, 1, index * 256, 256), bytes([index + 1]) * 131072)
                 for index in range(60)]
        assert complete_all(io, batch) == {status.SUCCESS, status.CAPACITY_EXCEEDED}
        for index, pending in enumerate(batch):
            if pending.completion.status == status.SUCCESS:
                assert io.read(index * 256, 256) == bytes([index + 1]) * 131072
        io.write(65536, bytes(1 << 20), expect=status.CAPACITY_EXCEEDED)
        io.flush()
        io.dsm([(0, 65536 + 16384)])
        wait_until(lambda: io.write(0, b"\x31" * 131072, expect=(
            status.SUCCESS, status.CAPACITY_EXCEEDED)).status == status.SUCCESS)
        assert io.read(0, 256) == b"\x31" * 131072
        ctrl.keep_alive()
