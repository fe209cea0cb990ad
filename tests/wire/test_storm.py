# SPDX-License-Identifier: BSD-3-Clause
"""Many hosts at once, on two reactors, while the configuration changes under them.

Each host checks what it reads against what it wrote: regions are the host's own. What a reload
takes away may fail; what it does not touch must not.
"""

import os
import random
import threading
import time

import pytest

import weftconf
from nvmetcp import Closed, HostId, connect_admin, status, wait_until
from weftconf import nqn

pytestmark = [pytest.mark.engine, pytest.mark.races, pytest.mark.shipped]

HOSTS = 6
SECONDS = float(os.environ.get("WEFT_STORM_SECONDS", "4"))
REGION = 2048  # blocks


class Visitor(threading.Thread):
    """A host that comes, works and goes in one of the ways that hosts go."""

    def __init__(self, number, address, stop):
        super().__init__()
        self.number, self.address, self.stop = number, address, stop
        self.rng = random.Random(number)
        self.rounds = 0
        self.error = None

    def run(self):
        try:
            while not self.stop.is_set():
                self.visit()
                self.rounds += 1
        except BaseException as error:  # judged by the test, not by the thread
            self.error = error

    def visit(self):
        rng = self.rng
        digests = {"hdgst": rng.random() < 0.5, "ddgst": rng.random() < 0.5}
        ctrl = connect_admin(self.address, nqn("one"), host=HostId.make(f"storm {self.number}"),
                             kato=5000, sq_flow_control=rng.random() < 0.5, **digests)
        try:
            ctrl.set_feature(0x0B, 1 << 8)
            ctrl.aer()
            queues = [ctrl.connect_io() for _ in range(rng.choice([1, 1, 2, 4]))]
            for _ in range(rng.randrange(12)):
                self.work(rng.choice(queues))
            self.leave(ctrl, queues)
        finally:
            ctrl.close()

    def work(self, io):
        rng = self.rng
        blocks = rng.choice([1, 8, 32, 33, 256])
        at = self.number * REGION + rng.randrange(REGION - blocks)
        data = bytes([rng.randrange(256)]) * (blocks * 512)
        io.write(at, data)
        assert io.read(at, blocks) == data
        # the second namespace comes and goes
        gone = (status.SUCCESS, status.INVALID_NAMESPACE, status.NAMESPACE_NOT_READY)
        io.write(at, data, nsid=2, expect=gone)
        io.read(at, blocks, nsid=2, expect=gone)

    def leave(self, ctrl, queues):
        how = self.rng.randrange(5)
        if how == 0:
            ctrl.shutdown()
        elif how == 1:
            for queue in queues:
                queue.disconnect()
        elif how == 2:
            for index in range(8):
                queues[0].submit(queues[0].rw(2, 1, index, 256), length=131072)
            queues[0].conn.reset()
        elif how == 3:
            queues[0].submit(queues[0].rw(1, 2, 0, 256), bytes(131072), inline=False, manual=True)
            ctrl.admin.conn.reset()


def test_storm(weftd):
    one, two = weftconf.namespace(1), weftconf.namespace(2)
    config = weftconf.config([weftconf.subsystem("one", [one, two]),
                              weftconf.subsystem("other", [weftconf.namespace(1, identity="o")])])

    def variant(number):
        def change(changed):
            namespaces = [one] + ([two] if number % 2 else [])
            changed["subsystems"][0]["namespaces"] = namespaces
            if number % 3 == 0:
                del changed["subsystems"][1]
                del changed["ports"][0]["subsystems"][1]
        return weftconf.changed(config, change)
    daemon = weftd(config, cores=2)
    quiet = daemon.sockets()
    stop = threading.Event()
    visitors = [Visitor(number, daemon.address, stop) for number in range(HOSTS)]
    for visitor in visitors:
        visitor.start()
    deadline = time.monotonic() + SECONDS
    turn = 0
    try:
        while time.monotonic() < deadline:
            turn += 1
            daemon.reload(variant(turn))
            time.sleep(0.05)
            daemon.check()
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
    for visitor in visitors:
        if visitor.error is not None:
            assert not isinstance(visitor.error, Closed), "a host was dropped"
            raise visitor.error
        assert visitor.rounds
    wait_until(lambda: daemon.sockets() <= quiet, what="the end of all connections")
