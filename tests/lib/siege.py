# SPDX-License-Identifier: BSD-3-Clause
"""A daemon under attack: a bystander beside the test, and what is to be given back after it.

Three measures of what is held, from sharp to blunt:

- What the daemon counts - connections, the memory of queues, buffers - and its descriptors are the
  same after each test as before the first, to the byte.
- Its heap is, too, but for HEAP_SLACK. With a sanitizer it is the same to the byte, once what grows
  with the most that there was at a time (timers, threads for files) has grown. glibc counts what a
  thread keeps for its next malloc() as used: up to seven pieces of each size, some ten KiB in all.
  As each test is held against the first, 100 bytes lost by each of 600 tests are found as well.
- Its resident memory, less what hosts have written to disks in memory, after each module, but for
  RESIDENT_SLACK: two reactors keep a MiB of receive buffers each, of which more and more were used
  once, and of what is freed up to 8 MiB (LIMITS_TRIM) need not be given back. Not with a sanitizer,
  which keeps freed memory from being used again.
"""

import contextlib
import time

import bystander
import nvmetcp
from weftd import SANITIZED

HEAP_SLACK = (16 if SANITIZED else 64) << 10    # bytes
RESIDENT_SLACK = 16 << 10                       # KiB


class Siege:
    """A daemon that is under attack, the bystander at it, and what they hold while it rests."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.bystander = bystander.Bystander(daemon.address, daemon.process.pid)
        # what its first round takes is taken; it is not timed, since the daemon has just started
        error = self.bystander.report()["error"]
        assert error is None, f"the bystander: {error}"
        self.nothing = nvmetcp.wait_until(self.settled, what="rest")
        self.resident = daemon.memory_kib()

    def held(self):
        """(what is to be the same after each test, to the byte and the descriptor; the heap)"""
        status = self.daemon.status()
        taken = {name: limit["now"] for name, limit in status["limits"].items()}
        return {**taken, "descriptors": self.daemon.descriptors()}, status["heap"]

    def settled(self):
        before = self.held()
        time.sleep(0.02)
        return before if self.held()[0] == before[0] and not before[0]["buffers"] else None

    def close(self):
        self.bystander.close()

    @contextlib.contextmanager
    def around(self, seconds=20.0):
        """Around a test that attacks. What it took may come back within so many seconds."""
        self.bystander.watch()
        yield
        self.daemon.check()
        self.bystander.judge()
        nothing, heap = self.nothing
        found = {}

        def rests():
            found["counts"], found["heap"] = self.held()
            return found["counts"] == nothing and found["heap"] <= heap + HEAP_SLACK
        try:
            nvmetcp.wait_until(rests, seconds, pause=0.002)
        except AssertionError:
            raise AssertionError(f"{found['counts']} and {found['heap']} bytes of heap remain, "
                                 f"not {nothing} and {heap}") from None

    def judge_resident(self, seconds=5.0):
        """Resident memory is about what it was. The disks must be empty again."""
        if not SANITIZED:
            nvmetcp.wait_until(
                lambda: self.daemon.memory_kib() <= self.resident + RESIDENT_SLACK, seconds,
                what=f"{self.resident} KiB and {RESIDENT_SLACK} more at most, not "
                     f"{self.daemon.memory_kib()}, of resident memory")
