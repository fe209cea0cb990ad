# SPDX-License-Identifier: BSD-3-Clause
"""Bounds in seconds, for tests marked `timed`: see tests/conftest.py.

A machine that has other work makes anything slow now and then, so nothing is judged by one time
alone: a test that is TooSlow is tried again, and what is slow by itself is slow each time.
"""

import contextlib
import time


class TooSlow(AssertionError):
    """It took longer than it may."""


@contextlib.contextmanager
def within(seconds, what="it"):
    """What is done takes less than that."""
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    if took >= seconds:
        raise TooSlow(f"{what} took {took * 1000:.0f} ms, not less than {seconds * 1000:.0f}")
