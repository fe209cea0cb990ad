# SPDX-License-Identifier: BSD-3-Clause
"""What all tests of Python have: repetition, and another try for what was too slow."""

import pathlib
import sys

import pytest
from _pytest.runner import runtestprotocol

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))

from timing import TooSlow  # noqa: E402

TRIES = 4   # of a test that was too slow: what is slow by itself is slow each time

_slow = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--repeat", type=int, default=1, metavar="N", help="run each test N times")


@pytest.fixture
def repetition():
    """The number of this run of the test; see --repeat."""


def pytest_generate_tests(metafunc):
    count = metafunc.config.getoption("--repeat")
    if count > 1:
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(count))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Notes whether all that is wrong is that it was too slow."""
    yield
    if call.excinfo is not None:
        item.stash[_slow] = item.stash.get(_slow, True) and isinstance(call.excinfo.value, TooSlow)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Runs a test again while it is too slow and nothing else is wrong with it."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for retries in range(TRIES):
        item.stash[_slow] = None
        del item.stash[_slow]
        if retries:
            item.user_properties[:] = [("retries", retries)]
            item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if not item.stash.get(_slow, False):
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
