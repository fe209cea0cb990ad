# SPDX-License-Identifier: BSD-3-Clause
"""Who has nothing to do with what hangs, and is to notice nothing of it."""

import contextlib
import threading
import time

from bystander import LIMIT, Machine
from timing import TooSlow

API_LIMIT = 0.5     # seconds: half of what a change waits for a device, and nobody else does


@contextlib.contextmanager
def watched(running):
    """What the machine does to the daemon meanwhile, and to this thread."""
    machine = Machine(running.daemon.process.pid)
    try:
        yield machine
    finally:
        machine.stop()


class Others:
    """A host that reads, writes and flushes namespace 2 all the while, and a client of the API:
    how long the longest of each took. What the machine held up is taken off: see bystander.py."""

    def __init__(self, running):
        self.running, self.ended, self.errors = running, threading.Event(), []
        self.worst = {"io": 0.0, "api": 0.0}
        self.threads = [threading.Thread(target=self._run, args=[work])
                        for work in (self._io, self._api)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_exc):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)
        if kind is None:
            assert not self.errors, self.errors
            self.judge()

    def judge(self):
        if self.worst["io"] >= LIMIT or self.worst["api"] >= API_LIMIT:
            raise TooSlow(f"others waited: {self.worst}")

    def _run(self, work):
        try:
            for _ in work():
                if self.ended.wait(0.01):
                    return
        except Exception as error:  # told by the test's own thread
            self.errors.append(error)

    @contextlib.contextmanager
    def _note(self, name, machine):
        machine.start()
        started = time.monotonic()
        yield
        took = time.monotonic() - started
        if took > LIMIT / 2:
            took -= machine.held_up()
        self.worst[name] = max(self.worst[name], took)

    def _io(self):
        with self.running.connect() as ctrl, watched(self.running) as machine:
            io = ctrl.connect_io()
            while True:
                for call in (lambda: io.write(0, b"\x66" * 4096, nsid=2),
                             lambda: io.read(0, 8, nsid=2),
                             lambda: io.flush(nsid=2)):
                    with self._note("io", machine):
                        call()
                yield

    def _api(self):
        with watched(self.running) as machine:
            while True:
                with self._note("api", machine):
                    self.running.get("/v1/status")
                yield


@contextlib.contextmanager
def prompt(running, besides=0.0):
    """What is done takes no longer than others may wait; `besides`, what it took before anything
    hung, if that is much."""
    with watched(running) as machine:
        started = time.monotonic()
        yield
        took = time.monotonic() - started
        limit = LIMIT + 2 * besides
        if took >= limit and took - machine.held_up() >= limit:
            raise TooSlow(f"it took {took * 1000:.0f} ms, not less than {limit * 1000:.0f}")
