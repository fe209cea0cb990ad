# SPDX-License-Identifier: BSD-3-Clause
"""Who has nothing to do with what hangs, and is to notice nothing of it."""

import contextlib
import threading
import time

from bystander import LIMIT, Machine

API_LIMIT = 1.5     # seconds: the control thread waits for a device for one, processes start beside


class Others:
    """A host that reads, writes and flushes namespace 2 all the while, and a client of the API:
    how long the longest of each took. What the machine held up is taken off: see bystander.py."""

    def __init__(self, running):
        self.running, self.ended, self.errors = running, threading.Event(), []
        self.worst = {"io": 0.0, "api": 0.0}
        self.machine = Machine(running.daemon.process.pid)
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
        self.machine.stop()
        if kind is None:
            assert not self.errors, self.errors
            self.judge()

    def judge(self):
        assert self.worst["io"] < LIMIT, self.worst
        assert self.worst["api"] < API_LIMIT, self.worst

    def _run(self, work):
        try:
            for _ in work():
                if self.ended.wait(0.01):
                    return
        except Exception as error:  # told by the test's own thread
            self.errors.append(error)

    @contextlib.contextmanager
    def _note(self, name):
        self.machine.start()
        started = time.monotonic()
        yield
        took = time.monotonic() - started
        if took > LIMIT / 2:
            took -= self.machine.held_up()
        self.worst[name] = max(self.worst[name], took)

    def _io(self):
        with self.running.connect() as ctrl:
            io = ctrl.connect_io()
            while True:
                for call in (lambda: io.write(0, b"\x66" * 4096, nsid=2),
                             lambda: io.read(0, 8, nsid=2),
                             lambda: io.flush(nsid=2)):
                    with self._note("io"):
                        call()
                yield

    def _api(self):
        while True:
            started = time.monotonic()
            self.running.get("/v1/status")
            self.worst["api"] = max(self.worst["api"], time.monotonic() - started)
            yield


@contextlib.contextmanager
def prompt(running):
    """What is done takes no longer than others may wait."""
    machine = Machine(running.daemon.process.pid)
    started = time.monotonic()
    try:
        yield
        took = time.monotonic() - started
        assert took < LIMIT or took - machine.held_up() < LIMIT, f"it took {took * 1000:.0f} ms"
    finally:
        machine.stop()
