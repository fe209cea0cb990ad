# SPDX-License-Identifier: BSD-3-Clause
"""Bounds in seconds: see HACKING.md, "Two tiers".

A machine that has other work makes anything slow now and then, the test itself included, so nothing
is judged by one time alone: a test that is TooSlow, and wrong in nothing else, is tried again
(tests/conftest.py). What is slow by itself is slow each time.
"""

import contextlib
import time


class TooSlow(AssertionError):
    """The daemon took longer than it may, or the test was too slow to say anything."""


@contextlib.contextmanager
def within(seconds, what="it"):
    """What is done takes less than that."""
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    if took >= seconds:
        raise TooSlow(f"{what} took {took * 1000:.0f} ms, not less than {seconds * 1000:.0f}")


class Pace:
    """The longest pause between two steps of a host."""

    def __init__(self):
        self.last, self.slowest = time.monotonic(), 0.0

    def step(self):
        now = time.monotonic()
        self.last, self.slowest = now, max(self.slowest, now - self.last)


@contextlib.contextmanager
def paced(seconds):
    """The daemon may end a host that pauses for so long. If a test fails with that, and its host
    did pause so long, from one step() of the Pace to the next, it was the test that was slow."""
    pace = Pace()
    try:
        yield pace
    except Exception as error:
        pace.step()
        if pace.slowest >= seconds:
            raise TooSlow(f"the test's host paused for {pace.slowest * 1000:.0f} ms") from error
        raise
