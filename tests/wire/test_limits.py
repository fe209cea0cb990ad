# SPDX-License-Identifier: BSD-3-Clause
"""Named bounds: what is beyond them is refused with a reason, and what is there goes on."""

import contextlib
import os
import subprocess
import sys
import time

import pytest

import weftconf
from nvmetcp import (Closed, Connection, HostId, connect_admin, connect_data, open_queue,
                     send_connect, status, wait_until)
from timing import paced, within
from weftconf import nqn
from weftd import Weftd

pytestmark = [pytest.mark.engine, pytest.mark.races, pytest.mark.shipped]

ONE, TWO = HostId.make("one"), HostId.make("two")
MIB = 1 << 20


def site(tmp_path=None, size=64 * MIB, **port):
    """One namespace in memory; with a folder also one, NSID 2, in a file."""
    namespaces = [weftconf.namespace(1)]
    if tmp_path:
        path = tmp_path / "disk.img"
        with open(path, "wb") as file:
            file.truncate(size)
        namespaces.append(weftconf.namespace(2, path=path, identity="two"))
    return weftconf.config([weftconf.subsystem("one", namespaces)],
                           [weftconf.port(1, ["one"], **port)])


@pytest.fixture
def hosts():
    """hosts(daemon, host): an enabled controller, closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda daemon, host=ONE, **options: stack.enter_context(
            connect_admin(daemon.address, nqn("one"), host=host, **options))


def limit(daemon, name):
    return daemon.status()["limits"][name]


def works(queue):
    data = b"\x5a" * 4096
    queue.write(64, data)
    assert queue.read(64, 8) == data


def refused(daemon, text):
    """How often the log says so."""
    return sum(text in line for line in daemon.stderr.splitlines())


def ends_at_once(daemon):
    with Connection(daemon.address) as conn:
        conn.expect_end()


def try_connect(ctrl, qid, sqsize=31):
    """An I/O queue, or None where Connect fails with Controller Busy: then without Do Not Retry."""
    queue = open_queue(ctrl.address, sqsize=sqsize)
    done = send_connect(queue, connect_data(ctrl.subnqn, hostnqn=ctrl.host.nqn,
                                            hostid=ctrl.host.id, cntlid=ctrl.cntlid),
                        qid=qid, expect=(status.SUCCESS, status.CONNECT_BUSY))
    ctrl.io.append(queue)
    if done.status == status.SUCCESS:
        return queue
    assert not done.dnr
    return None


def test_connections(weftd, hosts):
    daemon = weftd(site(), args=["--max-connections", "3"])
    ctrl = hosts(daemon)
    io = ctrl.connect_io()
    with Connection(daemon.address):
        wait_until(lambda: limit(daemon, "connections")["now"] == 3)
        for _ in range(5):
            ends_at_once(daemon)
        works(io)
        assert limit(daemon, "connections") == {"now": 3, "max": 3, "refused": 5}
    wait_until(lambda: limit(daemon, "connections")["now"] == 2)
    works(ctrl.connect_io())
    assert refused(daemon, "as many as --max-connections allows") == 5


def test_pending_connections_of_an_address(weftd, hosts):
    """Who has not sent Connect yet counts for its address; who has does not."""
    daemon = weftd(site(), args=["--max-pending-connections", "4"])
    io = hosts(daemon).connect_io()
    with contextlib.ExitStack() as stack:
        for index in range(4):
            stack.enter_context(Connection(daemon.address)) if index % 2 else \
                stack.callback(open_queue(daemon.address).close)
        wait_until(lambda: limit(daemon, "pending_connections")["now"] == 4)
        ends_at_once(daemon)
        works(io)
        pending = limit(daemon, "pending_connections")
        assert pending == {"now": 4, "max": 4, "refused": 1, "who": "127.0.0.1"}
    wait_until(lambda: limit(daemon, "pending_connections")["now"] == 0)
    works(hosts(daemon).connect_io())
    assert refused(daemon, "as many as --max-pending-connections allows") == 1


def test_pending_connections_end_and_make_room(weftd):
    daemon = weftd(site(), args=["--max-pending-connections", "2", "--connect-timeout-ms", "300"])
    with Connection(daemon.address), Connection(daemon.address):
        ends_at_once(daemon)
        wait_until(lambda: limit(daemon, "pending_connections")["now"] == 0)
        with connect_admin(daemon.address, nqn("one")) as ctrl:
            ctrl.keep_alive()


def test_ipv6_networks_count_as_one(weftd):
    """A host has 2^64 addresses there; they do not give it as many places."""
    daemon = weftd(site(traddr="::1"), args=["--max-pending-connections", "1"])
    # the connection that saw it listen ends first
    wait_until(lambda: limit(daemon, "pending_connections")["now"] == 0)
    with Connection(daemon.address):
        wait_until(lambda: limit(daemon, "pending_connections")["now"] == 1)
        assert limit(daemon, "pending_connections")["who"] == "::"


def test_connections_of_a_host(weftd, hosts):
    daemon = weftd(site(), args=["--max-host-connections", "3"])
    first = hosts(daemon)
    queues = [first.connect_io(), first.connect_io()]
    assert try_connect(first, 3) is None
    with contextlib.closing(open_queue(daemon.address)) as queue:
        send_connect(queue, connect_data(nqn("one"), hostnqn=ONE.nqn, hostid=ONE.id),
                     expect=status.CONNECT_BUSY)
    works(hosts(daemon, TWO).connect_io())
    for queue in queues:
        works(queue)
    usage = limit(daemon, "host_connections")
    assert usage == {"now": 3, "max": 3, "refused": 2, "who": ONE.nqn}
    queues.pop().disconnect()
    wait_until(lambda: limit(daemon, "host_connections")["now"] == 2)
    works(try_connect(first, 2))
    assert refused(daemon, "as many as --max-host-connections allows") == 2


def test_memory_of_a_host(weftd, hosts):
    """A host has half of it, and the others the rest. A queue of 128 takes 62 KiB and more."""
    daemon = weftd(site(), args=["--max-memory", "1M"])
    first = hosts(daemon)
    queues = []
    while queue := try_connect(first, len(queues) + 1, sqsize=127):
        queues.append(queue)
    assert 4 <= len(queues) <= 7
    usage = limit(daemon, "host_memory")
    assert usage["max"] == MIB / 2 >= usage["now"] > MIB / 4 and usage["who"] == ONE.nqn
    works(hosts(daemon, TWO).connect_io(sqsize=127))
    for queue in queues:
        works(queue)


def test_memory_in_all(weftd, hosts):
    """New connections are closed where even they have no place."""
    daemon = weftd(site(), args=["--max-memory", "1M"])
    queues = [hosts(daemon, host).connect_io() for host in (ONE, TWO)]
    with contextlib.ExitStack() as stack:
        with pytest.raises(Closed):
            for _ in range(100):
                stack.callback(open_queue(daemon.address).close)
        usage = limit(daemon, "memory")
        assert usage["now"] <= usage["max"] == MIB and usage["refused"]
        for queue in queues:
            works(queue)
    wait_until(lambda: limit(daemon, "pending_connections")["now"] == 0)
    works(hosts(daemon, ONE).connect_io())


def test_counts_are_exact(weftd, hosts):
    """Each end of a connection gives back what it took."""
    daemon = weftd(site(), cores=2)
    wait_until(lambda: not limit(daemon, "connections")["now"], what="nobody there")
    nothing = daemon.taken()
    for how in range(6):
        with contextlib.ExitStack() as stack:
            ctrl = stack.enter_context(connect_admin(daemon.address, nqn("one"), host=ONE))
            io = ctrl.connect_io(sqsize=127)
            assert limit(daemon, "connections")["now"] == 2
            if how == 0:
                io.disconnect()
            elif how == 1:
                io.conn.reset()
            elif how == 2:
                ctrl.admin.conn.reset()
            elif how == 3:
                queue = stack.enter_context(contextlib.closing(open_queue(daemon.address)))
                send_connect(queue, connect_data(nqn("one"), hostnqn=ONE.nqn, hostid=ONE.id,
                                                 cntlid=4711),
                             qid=9, expect=status.CONNECT_INVALID_PARAM)
            elif how == 4:
                io.conn.send(b"\xff" * 100)
            else:
                works(ctrl.connect_io(qid=3))
        wait_until(lambda: daemon.taken() == nothing, what="all counts as before")


# a reader and a writer that stand still

def stuck_readers(io, count, nsid=2):
    for index in range(count):
        io.submit(io.rw(2, nsid, index * 256, 2048), length=MIB)


@pytest.mark.timed
def test_a_host_has_its_share_of_buffers(weftd, hosts, tmp_path):
    """A host that lets its writes wait for data takes no more than a quarter of the buffers."""
    daemon = weftd(site(tmp_path), args=["--max-buffers", "16M"])
    stuck = hosts(daemon)
    for _ in range(4):
        io = stuck.connect_io(sqsize=63)
        for index in range(60):
            io.submit(io.rw(1, 2, index * 256, 256), bytes(131072), inline=False, manual=True)
    wait_until(lambda: limit(daemon, "buffers")["now"] > 3 * MIB)
    time.sleep(0.2)     # for more
    usage = limit(daemon, "buffers")
    assert usage["now"] <= usage["max"] / 4 and usage["max"] == 16 * MIB
    other = hosts(daemon, TWO).connect_io()
    with within(5, "I/O of another host"):
        for index in range(50):
            data = bytes([index]) * 131072
            other.write(8192 + index * 256, data, nsid=2)
            assert other.read(8192 + index * 256, 256, nsid=2) == data
    stuck.close()
    wait_until(lambda: limit(daemon, "buffers")["now"] == 0)


def test_a_host_waits_for_its_own_share(weftd, hosts, tmp_path):
    """More than its share is asked for at a time, and all of it comes."""
    daemon = weftd(site(tmp_path), args=["--max-buffers", "16M"])
    io = hosts(daemon).connect_io(sqsize=127)
    batch = [io.submit(io.rw(2, 2, index * 256, 2048), length=MIB) for index in range(40)]
    batch += [io.submit(io.rw(1, 2, 65536 + index * 256, 256), bytes(131072), inline=False)
              for index in range(40)]
    for pending in batch:
        assert io.wait(pending).status == 0
    wait_until(lambda: limit(daemon, "buffers")["now"] == 0)


STALL = ["--stall-timeout-ms", "1000"]


def test_43_a_host_that_takes_nothing_is_ended(weftd, hosts, tmp_path):
    daemon = weftd(site(tmp_path), args=STALL)
    ctrl = hosts(daemon)
    io = ctrl.connect_io(sqsize=127, rcvbuf=4096)
    stuck_readers(io, 40)
    wait_until(lambda: refused(daemon, "does not take what it asked for"), seconds=10)
    wait_until(lambda: limit(daemon, "buffers")["now"] == 0)
    ctrl.keep_alive()
    works(ctrl.connect_io(qid=2))


@pytest.mark.timed
def test_43_a_slow_reader_is_not(weftd, hosts, tmp_path):
    """It takes half a MiB a second, for longer than the timeout."""
    daemon = weftd(site(tmp_path), args=["--stall-timeout-ms", "2000"])
    io = hosts(daemon).connect_io(sqsize=127, rcvbuf=1 << 18)
    batch = [io.submit(io.rw(2, 2, index * 256, 256), length=131072) for index in range(120)]
    with paced(1) as pace:
        for _ in range(18):
            io.pump()
            pace.step()
            time.sleep(0.25)
        for pending in batch:
            assert len(io.wait(pending).data) == 131072
            pace.step()


def test_a_host_that_does_not_send_what_it_was_asked_for_is_ended(weftd, hosts, tmp_path):
    daemon = weftd(site(tmp_path), args=STALL)
    ctrl = hosts(daemon)
    io = ctrl.connect_io()
    io.wait_r2t(io.submit(io.rw(1, 2, 0, 256), bytes(131072), inline=False, manual=True))
    idle = ctrl.connect_io()
    wait_until(lambda: refused(daemon, "does not send the data"), seconds=10)
    io.conn.expect_end()
    wait_until(lambda: limit(daemon, "buffers")["now"] == 0)
    works(idle)


def test_who_has_nothing_to_do_has_not_stalled(weftd, hosts, tmp_path):
    daemon = weftd(site(tmp_path), args=STALL)
    io = hosts(daemon).connect_io()
    works(io)
    hosts(daemon, TWO).admin.quiet(3)
    works(io)
    assert not refused(daemon, "connection of queue")


# descriptors

def test_descriptors_exhausted(weftd, hosts):
    """Accepting pauses and goes on; it is said once, and costs nothing meanwhile."""
    daemon = weftd(site(), wrapper=["prlimit", "--nofile=32"])
    io = hosts(daemon).connect_io()
    with contextlib.ExitStack() as stack:
        conns = [stack.enter_context(Connection(daemon.address)) for _ in range(40)]
        wait_until(lambda: refused(daemon, "cannot take connections"))
        busy = daemon.cpu_seconds()
        time.sleep(1.5)
        assert daemon.cpu_seconds() - busy < 0.15, "it spins"
        works(io)
        for conn in conns[:30]:
            conn.close()
        # who waited is served
        for conn in conns[30:]:
            conn.send_icreq()
            conn.recv_icresp()
        works(io)
    assert refused(daemon, "cannot take connections") == 1
    assert refused(daemon, "takes connections again") == 1


def test_connections_leave_descriptors_for_disks(weftd):
    """The limit on connections is lowered to what the process may have, less an eighth."""
    daemon = weftd(site(), wrapper=["prlimit", "--nofile=64"])
    assert limit(daemon, "connections")["max"] == 56
    assert "56 connections are the most" in daemon.stderr


# half-open peers

OWN_NETWORK = ["unshare", "-n" if os.geteuid() == 0 else "-rn", "sh", "-c",
               'ip link set lo up && exec "$@"', "sh"]

# A host that is in the middle of everything, and then hears and says no more.
PEER = """
import contextlib, sys
from nvmetcp import Connection, HostId, connect_admin
address, subnqn = (sys.argv[1], int(sys.argv[2])), sys.argv[3]
silent = Connection(address)
idle = connect_admin(address, subnqn, kato=1000)
busy = connect_admin(address, subnqn, host=HostId.make("half-open"), kato=1000, rcvbuf=4096)
io = busy.connect_io(sqsize=127)
for index in range(40):
    io.submit(io.rw(2, 1, 0, 256), length=131072)
asked = busy.connect_io(rcvbuf=None)
asked.wait_r2t(asked.submit(asked.rw(1, 1, 0, 256), bytes(131072), inline=False, manual=True))
print("connected", flush=True)
sys.stdin.read()
"""


class Apart(Weftd):
    """A daemon with a network of its own."""

    def start(self):
        self.wrapper = OWN_NETWORK
        self.spawn()
        wait_until(self.serves, what="the daemon's start")
        return self

    def serves(self):
        self.check()
        try:
            return self.status()["ports"]["ready"] == 1
        except OSError:
            return False

    def run_there(self, *command, **options):
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return subprocess.Popen(["nsenter", *user, "--net", "--target", str(self.process.pid),
                                 *command], **options)


def test_half_open_peers():
    """The network goes away under a host that is in all states: nothing of it stays."""
    args = ["--connect-timeout-ms", "1000", "--stall-timeout-ms", "1000"]
    with Apart(site(), args=args) as daemon:
        nothing, descriptors = daemon.taken(), daemon.descriptors()
        address, port = daemon.address
        peer = daemon.run_there(sys.executable, "-c", PEER, address, str(port), nqn("one"),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        try:
            assert peer.stdout.readline() == b"connected\n"
            assert daemon.taken()["connections"] >= 5
            daemon.run_there("ip", "link", "set", "lo", "down").wait()
            wait_until(lambda: daemon.taken() == nothing, what="the end of all connections")
            wait_until(lambda: daemon.descriptors() <= descriptors)
        finally:
            peer.kill()
            peer.communicate()
