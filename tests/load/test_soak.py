# SPDX-License-Identifier: BSD-3-Clause
"""Everything at once, for WEFT_SOAK_SECONDS (60): storms of hosts that come and go in all ways,
hosts that stand still, peers that send nonsense or nothing, and a configuration that changes all
the time. Bystanders do verified I/O meanwhile and see no error and no stall; at the end, all that
the daemon held is given back.
"""

import contextlib
import os
import random
import socket
import struct
import threading
import time

import weftconf
from loadlib import Before, Load
from nvmetcp import (Closed, Connection, HostId, Terminated, connect_admin, connect_discovery, status,
                     wait_until)
from weftconf import nqn
from weftd import SANITIZED, Weftd

SECONDS = float(os.environ.get("WEFT_SOAK_SECONDS", "60"))
SEED = int(os.environ.get("WEFT_SOAK_SEED", str(random.randrange(1 << 32))))

# Of a command of a bystander: the machine has more to do than it can, and other tests beside it
STALL_MS = 5000 if SANITIZED else 2000

OPTIONS = ["--log-level", "warning", "--connect-timeout-ms", "2000", "--stall-timeout-ms", "2000",
           "--max-connections", "100", "--max-pending-connections", "40",
           "--max-host-connections", "8", "--max-memory", "8M", "--max-buffers", "64M"]

BYSTANDERS = 3  # on each of two namespaces
FRIEND = HostId.make("friend")
LOST = (OSError, Closed, Terminated, TimeoutError)
GONE = (status.SUCCESS, status.INVALID_NAMESPACE, status.NAMESPACE_NOT_READY,
        status.LBA_OUT_OF_RANGE, status.WRITE_PROTECTED, status.TRANSIENT_TRANSPORT,
        status.ABORT_REQUESTED)


class Site:
    """The configuration. "still" is the bystanders' and stays; "moving" is never the same."""

    def __init__(self, folder):
        self.folder = folder
        self.disks = [self.disk(name) for name in ("still", "moving-1", "moving-2")]
        self.still = weftconf.subsystem("still", [
            weftconf.namespace(1, size="16M", identity="still 1"),
            weftconf.namespace(2, path=self.disks[0], identity="still 2")])
        self.ports = [weftconf.port(number, ["still", "moving"]) for number in (1, 2)]
        self.ports.append(weftconf.port(3, ["moving"]))

    def disk(self, name):
        path = self.folder / f"{name}.img"
        with open(path, "wb") as file:
            file.truncate(96 << 20)
        return path

    def config(self, rng=None):
        """As it is at first, or another one by chance."""
        namespaces = [weftconf.namespace(1, size="96M", identity="moving 1"),
                      weftconf.namespace(2, path=self.disks[1], identity="moving 2"),
                      weftconf.namespace(3, path=self.disks[2], identity="moving 3")]
        hosts, ports = None, self.ports
        if rng:
            namespaces = [ns for ns in namespaces if rng.random() < 0.9]
            for ns in namespaces:
                ns["enable"] = int(rng.random() < 0.95)
            if rng.random() < 0.3:
                os.truncate(self.disks[2], rng.choice([48, 96, 128]) << 20)
            hosts = [FRIEND.nqn] if rng.random() < 0.2 else None
            ports = ports[:2] if rng.random() < 0.2 else ports
        moving = weftconf.subsystem("moving", namespaces, hosts=hosts)
        return weftconf.config([self.still, moving], ports)


class Trouble(threading.Thread):
    """Does one thing over and over until it is told to stop; LOST connections are its lot."""

    def __init__(self, daemon, stop, number, do, pause=0.02):
        super().__init__(name=do.__name__)
        self.daemon_, self.stop, self.do, self.pause = daemon, stop, do, pause
        self.rng = random.Random(SEED + number)
        self.rounds, self.error = 0, None

    def run(self):
        while not self.stop.is_set():
            try:
                self.do(self.daemon_, self.rng)
            except LOST:
                pass
            except AssertionError as error:
                # a host may be refused, as the configuration changes; the daemon's health is
                # checked apart from this
                if "status" not in str(error) and "PDU" not in str(error):
                    self.error = error
                    return
            except BaseException as error:  # judged by the test, not by the thread
                self.error = error
                return
            self.rounds += 1
            self.stop.wait(self.pause)


def silent(daemon, rng):
    """Connections that say nothing, or half of something, and then go or stay for a while."""
    with contextlib.ExitStack() as stack:
        for _ in range(rng.randrange(1, 40)):
            conn = stack.enter_context(Connection(rng.choice(daemon.addresses()), timeout=5))
            conn.send(rng.randbytes(rng.choice([0, 0, 1, 7])))
        time.sleep(rng.choice([0, 0.1, 3]))


def nonsense(daemon, rng):
    """Bytes by chance, before and after ICReq."""
    with Connection(rng.choice(daemon.addresses()), timeout=5) as conn:
        if rng.random() < 0.7:
            conn.initialize(hdgst=rng.random() < 0.5)
        conn.send(rng.choice([rng.randbytes(200), struct.pack("<BBBBI", 4, 0, 72, 0, 72 + 99999),
                              struct.pack("<BBBBI", 6, 0, 24, 24, 24 + 512) + bytes(528)]))
        if rng.random() < 0.5:
            conn.reset()
        else:
            conn.sock.shutdown(socket.SHUT_WR)
            while conn.sock.recv(65536):
                pass


def stuck(daemon, rng):
    """A host that takes nothing of what it asks for, or sends nothing of what it was asked for."""
    host = HostId.make(f"stuck {rng.randrange(3)}")
    with connect_admin(rng.choice(daemon.addresses()), nqn("moving"), host=host, timeout=10) as ctrl:
        io = ctrl.connect_io(sqsize=63, rcvbuf=4096)
        reads = rng.random() < 0.5
        for index in range(60):
            entry = io.rw(2 if reads else 1, rng.choice([1, 2, 3]), 70000 + index * 8, 256)
            if reads:
                io.submit(entry, length=131072)
            else:
                io.submit(entry, bytes(131072), inline=False, manual=True)
        time.sleep(rng.choice([0.1, 4]))
        if rng.random() < 0.5:
            io.conn.reset()


def curious(daemon, rng):
    """Reads logs, waits for events, aborts, resets its controller, discovers."""
    with connect_discovery(daemon.address, timeout=10) as ctrl:
        ctrl.get_log(0x70, 1024)
    with connect_admin(daemon.address, nqn("moving"), kato=2000, timeout=10) as ctrl:
        ctrl.set_feature(0x0B, 0x900)
        for _ in range(4):
            ctrl.aer()
        queues = [ctrl.connect_io() for _ in range(rng.randrange(1, 6))]
        for io in queues:
            io.write(70000 + rng.randrange(1000), bytes(4096), nsid=rng.choice([1, 2, 3]), expect=GONE)
        for lid in (1, 2, 4, 5, 12):
            ctrl.get_log(lid, 512, expect=(0, status.INVALID_LOG_PAGE, status.INVALID_FIELD))
        if rng.random() < 0.3:
            ctrl.disable()
            ctrl.enable()


def change(site, rng, daemon):
    """Another configuration, by SIGHUP; every few times, the first one."""
    daemon.reload(site.config(rng if rng.random() < 0.8 else None))


def bystanders(daemon):
    """Verified I/O on the namespaces that stay, in memory and in a file."""
    options = ["-t", BYSTANDERS, "-s", SECONDS + 3600, "-p", 2000, "-m", STALL_MS]
    return [Load("hold", daemon, *options, "-N", nsid, subsystem="still") for nsid in (1, 2)]


def storm(daemon, seconds):
    """On a disk that keeps its data while it is away."""
    return Load("storm", daemon, "-t", 32, "-s", seconds, "-N", 2, "-l", subsystem="moving")


def run_all(daemon, site, seconds):
    """Everything, for so long; what the troubles did."""
    stop, rng = threading.Event(), random.Random(SEED)
    troubles = [Trouble(daemon, stop, number, do, pause) for number, (do, pause) in enumerate(
        [(silent, 0.5), (nonsense, 0.02), (nonsense, 0.02), (stuck, 0.1), (stuck, 0.1),
         (curious, 0.05)])]
    visitors = storm(daemon, seconds)
    for trouble in troubles:
        trouble.start()
    ends, changes = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < ends:
            change(site, rng, daemon)
            changes += 1
            daemon.check()
            time.sleep(rng.uniform(0.05, 0.5))
    finally:
        stop.set()
        for trouble in troubles:
            trouble.join()
        daemon.reload(site.config())
        seen = visitors.wait()
    for trouble in troubles:
        if trouble.error:
            raise trouble.error
        assert trouble.rounds, f"{trouble.name} did nothing"
    rounds = {trouble.name: trouble.rounds for trouble in troubles}
    return {"changes": changes, "storm": seen, **rounds}


def watched(daemon, site, seconds):
    """What the troubles did, and what the bystanders saw."""
    watchers = bystanders(daemon)
    try:
        # before the limits are reached: an association and a queue of each
        wait_until(lambda: daemon.taken()["connections"] == 2 * 2 * BYSTANDERS)
        did = run_all(daemon, site, seconds)
        return did, [watcher.stop() for watcher in watchers]
    finally:
        for watcher in watchers:
            watcher.kill()


def test_soak(tmp_path):
    print(f"WEFT_SOAK_SEED={SEED}")
    site = Site(tmp_path)
    with Weftd(site.config(), cores=2, args=OPTIONS) as daemon:
        watched(daemon, site, min(5, SECONDS / 4))  # buffers that were used once stay
        time.sleep(2)
        before = Before(daemon)
        did, saw = watched(daemon, site, SECONDS)
        limits = daemon.status()["limits"]
        more = before.again()
    refused = {name: limit["refused"] for name, limit in limits.items() if limit.get("refused")}
    print(f"{did}\nrefused: {refused}\nbystanders: {saw}\n{more} KiB more than before")
    for watcher in saw:
        assert watcher["verified"] > 10 * SECONDS / (4 if SANITIZED else 1)
        assert not watcher["failed"] and not watcher["stalls"], watcher
