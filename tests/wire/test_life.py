# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's life: it drains upon SIGTERM, forgets nothing it acknowledged, sleeps when idle."""

import os
import pathlib
import re
import signal
import time

import pytest

import weftconf
from nvmetcp import Closed, Connection, command, connect_admin, status, wait_until
from nvmetcp.decode import nsid_list
from weftconf import nqn
from timing import within
from weftd import STOP_SECONDS, Weftd, free_port

pytestmark = pytest.mark.engine


def site(*namespaces):
    return weftconf.config([weftconf.subsystem("one", namespaces)])


def disk(path, size=16 << 20, **kw):
    path.touch()
    os.truncate(path, size)
    return weftconf.namespace(1, path=path, **kw)


def test_sigterm_with_hosts_connected(weftd):
    daemon = weftd(site(weftconf.namespace(1)))
    ctrl = connect_admin(daemon.address, nqn("one"))
    io = ctrl.connect_io()
    ctrl.aer()
    daemon.stop()
    with pytest.raises((Closed, OSError)):
        while True:
            io.pump()
    ctrl.close()


@pytest.mark.timed
def test_sigterm_drains(weftd, tmp_path):
    """What the target has begun is completed before it closes; what it has not, is not half done."""
    path = tmp_path / "disk.img"
    daemon = weftd(site(disk(path)))
    ctrl = connect_admin(daemon.address, nqn("one"))
    io = ctrl.connect_io(sqsize=63)
    batch = [io.submit(io.rw(command.WRITE, 1, index * 256, 256), bytes([index + 1]) * 131072,
                       manual=True, inline=False) for index in range(16)]
    for pending in batch:
        io.serve(pending, io.wait_r2t(pending))
    daemon.process.send_signal(signal.SIGTERM)
    with within(STOP_SECONDS, "the end"):
        try:
            while any(pending.completion is None for pending in batch):
                io.pump()
        except (Closed, ConnectionError):
            pass
        daemon.stop()
    written = path.read_bytes()
    for index, pending in enumerate(batch):
        if pending.completion is not None and pending.completion.status == status.SUCCESS:
            assert written[index * 131072:(index + 1) * 131072] == bytes([index + 1]) * 131072
    ctrl.close()


def test_sigterm_does_not_wait_for_silent_hosts(weftd):
    """A host that owes H2CData does not hold up the end."""
    daemon = weftd(site(weftconf.namespace(1)))
    ctrl = connect_admin(daemon.address, nqn("one"))
    io = ctrl.connect_io()
    pending = io.submit(io.rw(command.WRITE, 1, 0, 64), bytes(32768), inline=False, manual=True)
    io.wait_r2t(pending)
    daemon.stop()
    ctrl.close()


def test_no_new_connections_while_it_ends(weftd):
    daemon = weftd(site(weftconf.namespace(1)))
    address = daemon.address
    daemon.stop()
    with pytest.raises(ConnectionRefusedError):
        connect_admin(address, nqn("one"))


def test_what_was_written_survives_sigkill(weftd, tmp_path):
    path = tmp_path / "disk.img"
    daemon = weftd(site(disk(path)))
    data = os.urandom(65536)
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        io.write(0, data)
        io.flush()
    daemon.crash()
    daemon.start()
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        assert ctrl.connect_io().read(0, 128) == data


def test_restart_at_once_on_the_same_port(weftd):
    daemon = weftd(site(weftconf.namespace(1)))
    for _ in range(2):
        with connect_admin(daemon.address, nqn("one")) as ctrl:
            ctrl.connect_io().flush()
            daemon.stop()  # it closes first, so its side lingers in TIME_WAIT
        daemon.start()


@pytest.mark.timed
def test_idle_costs_nothing(weftd):
    daemon = weftd(site(weftconf.namespace(1)))
    with connect_admin(daemon.address, nqn("one"), kato=60000) as ctrl:
        ctrl.connect_io().flush()
        started, before, woken = time.monotonic(), daemon.cpu_seconds(), daemon.wakeups()
        ctrl.admin.quiet(1.5)
        seconds = time.monotonic() - started
        assert daemon.cpu_seconds() - before < seconds / 10
        # a reactor, the control thread and who waits for it look around once a second or so
        assert daemon.wakeups() - woken < 10 * seconds


def test_tcp_keepalive_is_on(weftd):
    """EDK2 leaves its connections behind without a FIN: the kernel must find out."""
    daemon = weftd(site(weftconf.namespace(1)))
    with connect_admin(daemon.address, nqn("one"), kato=0) as ctrl:
        peer = f":{ctrl.admin.conn.sock.getsockname()[1]:04X}"
        local = f":{daemon.address[1]:04X}"

        def keepalive():
            table = pathlib.Path(f"/proc/{daemon.process.pid}/net/tcp").read_text()
            rows = [line.split() for line in table.splitlines()]
            return any(row[1].endswith(local) and row[2].endswith(peer)
                       and row[5].startswith("02:") for row in rows)
        wait_until(keepalive, what="a keepalive timer")


def test_nothing_is_logged_per_io(weftd):
    daemon = weftd(site(weftconf.namespace(1)))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        io.flush()
        before = daemon.stderr
        for index in range(200):
            io.write(index, bytes(512))
            io.read(1 << 40, 1, expect=status.LBA_OUT_OF_RANGE)
            ctrl.get_feature(0x7F, expect=status.INVALID_FIELD)
        assert daemon.stderr == before


def test_what_the_log_left_out_is_counted_at_the_end(weftd):
    daemon = weftd(site(weftconf.namespace(1)))
    for _ in range(100):
        with Connection(daemon.address) as conn:
            conn.send(bytes(8))
            conn.expect_end()
    daemon.stop()
    lines = [line for line in daemon.stderr.splitlines() if "broke the protocol" in line]
    counts = [re.search(r"(\d+) more like this", line) for line in lines]
    assert len(lines) < 50
    assert sum(int(count[1]) if count else 1 for count in counts) == 100


def test_many_addresses(weftd):
    """Any number of listeners: addresses that share a port number, and both families."""
    number = free_port()
    ports = [weftconf.port(index, ["one"], traddr=address, trsvcid=number)
             for index, address in enumerate(["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"], 1)]
    daemon = weftd(weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])], ports))
    for address in daemon.addresses():
        with connect_admin(address, nqn("one")) as ctrl:
            ctrl.connect_io().flush()


def test_address_that_is_not_ours_is_no_obstacle(weftd):
    """A port that cannot listen is reported; all else is served."""
    daemon = Weftd(weftconf.config(
        [weftconf.subsystem("one", [weftconf.namespace(1)])],
        [weftconf.port(1, ["one"]), weftconf.port(2, ["one"], traddr="192.0.2.1", trsvcid=4420)]))
    try:
        daemon.spawn()
        wait_until(lambda: daemon.accepts(daemon.address), what="the other port")
        with connect_admin(daemon.address, nqn("one")) as ctrl:
            ctrl.connect_io().flush()
        wait_until(lambda: "192.0.2.1" in daemon.stderr, what="a message about the address")
        daemon.stop()
    finally:
        daemon.remove()


def test_file_backend(weftd, tmp_path):
    """All I/O commands end up in the file."""
    path = tmp_path / "disk.img"
    daemon = weftd(site(disk(path)))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        data = os.urandom(1 << 20)
        io.write(2048, data)
        io.write(0, b"\x01" * 512, fua=True)
        io.write_zeroes(2048, 8)
        io.dsm([(2056, 8)])
        io.flush()
        assert path.read_bytes()[1 << 20:2 << 20] == bytes(8192) + data[8192:]
        assert io.read(2048, 2048) == bytes(8192) + data[8192:]
        assert path.read_bytes()[:512] == b"\x01" * 512


def test_file_backend_creates_a_file_of_a_size(weftd, tmp_path):
    path = tmp_path / "new.img"
    daemon = weftd(site(weftconf.namespace(1, path=path, size="32M")))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        assert ctrl.connect_io().read(65535, 1) == bytes(512)
    made = path.stat()
    assert made.st_size == 32 << 20 and made.st_mode & 0o777 == 0o600
    assert made.st_blocks == 0, "not sparse"


def test_file_backend_with_4096(weftd, tmp_path):
    path = tmp_path / "disk.img"
    daemon = weftd(site(disk(path, block_size=4096)))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        data = os.urandom(16384)
        io.write(4, data, block=4096)
        io.flush()
        assert path.read_bytes()[16384:32768] == data


def test_file_that_another_daemon_serves(weftd, tmp_path):
    """Two writers of one file destroy it: the second is refused."""
    path = tmp_path / "disk.img"
    first, second = weftd(site(disk(path))), weftd(site(disk(path)))
    with connect_admin(second.address, nqn("one")) as ctrl:
        assert nsid_list(ctrl.identify(2)) == []
        assert str(path) in second.stderr
    with connect_admin(first.address, nqn("one")) as ctrl:
        ctrl.connect_io().flush()


def test_file_backend_deallocates(weftd, tmp_path):
    path = tmp_path / "disk.img"
    daemon = weftd(site(disk(path)))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        io.write(0, b"\xff" * (2 << 20))
        io.flush()
        used = os.stat(path).st_blocks
        io.dsm([(0, 4096)])
        io.flush()
        assert os.stat(path).st_blocks < used
        assert io.read(0, 4096) == bytes(2 << 20)


def test_file_backend_read_only(weftd, tmp_path):
    path = tmp_path / "disk.img"
    config = site(disk(path, read_only=True))
    os.chmod(path, 0o444)
    daemon = weftd(config)
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        io.write(0, bytes(512), expect=status.WRITE_PROTECTED)
        assert io.read(0, 1) == bytes(512)
