# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the wire tests.

`daemon` is one daemon for the whole run, with the configuration below; tests must leave it as they
found it, but for the data. After each test it must be alive and without a sanitizer's finding, so
that the test that broke it is the one that fails. Tests that change configurations or kill things
start daemons of their own with `weftd`.

The environment: WEFTD, the daemon; WEFTD_ARGS, options for it (`--loop epoll`); WEFT_TEST_TIMEOUT,
seconds that an answer may take; WEFT_FUZZ_CASES and WEFT_STORM_SECONDS, for longer runs of
test_hostile_fuzz.py and test_storm.py. Under ThreadSanitizer suppress `race:memory_submit`: hosts
that read a block while others write it race by right.
"""

import contextlib
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

pytest.register_assert_rewrite("nvmetcp", "weftd")

import nvmetcp  # noqa: E402
import weftconf  # noqa: E402
from weftd import WEFTD, DaemonError, Weftd  # noqa: E402

FRIEND = nvmetcp.HostId.make("friend")      # on the list of "private"
STRANGER = nvmetcp.HostId.make("stranger")  # on no list

MIB = 1 << 20


def pytest_sessionstart():
    if not WEFTD.exists():
        pytest.exit(f"no daemon at {WEFTD}: build it, or set WEFTD", returncode=2)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Keeps the outcome where fixtures find it."""
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed


def show_stderr(request, daemon):
    """What the daemon said, beside the failure."""
    if getattr(request.node, "failed", False):
        print("\n".join(daemon.stderr.splitlines()[-60:]))


def shared_config():
    """"main": 512, 4096 and read-only; "private": FRIEND alone; "narrow": small limits."""
    main = weftconf.subsystem("main", [
        weftconf.namespace(1, identity="main 1"),
        weftconf.namespace(2, block_size=4096, identity="main 2"),
        weftconf.namespace(3, read_only=True, size="1M", identity="main 3"),
        weftconf.namespace(7, backend="null", size="1G", identity="main 7"),
    ], serial="WIRE0001", model="weft wire test")
    private = weftconf.subsystem("private", [weftconf.namespace(1, identity="private 1")],
                                 hosts=[FRIEND.nqn])
    narrow = weftconf.subsystem("narrow", [weftconf.namespace(5, identity="narrow 5")],
                                cntlid_min=100, cntlid_max=103, qid_max=2)
    return weftconf.config([main, private, narrow], [
        weftconf.port(1, ["main", "private"]),
        weftconf.port(2, ["main", "narrow"], param={"max_queue_size": 16, "mdts": 3}),
    ])


@pytest.fixture(scope="session")
def shared():
    """Holds the daemon that tests share; empty until the first, and after one that broke it."""
    with contextlib.ExitStack() as stack:
        yield {"stack": stack, "daemon": None}


@pytest.fixture
def daemon(shared, request):
    if shared["daemon"] is None:
        running = Weftd(shared_config(), cores=min(2, os.cpu_count()))
        shared["daemon"] = shared["stack"].enter_context(running)
    running = shared["daemon"]
    running.check()
    yield running
    show_stderr(request, running)
    try:
        running.check()
    except DaemonError:
        shared["daemon"] = None
        shared["stack"].pop_all()
        running.remove()
        raise


@pytest.fixture
def weftd(request):
    """Starts daemons with configurations of the test's own: weftd(config, **options)."""
    with contextlib.ExitStack() as stack:
        def start(config, **options):
            running = stack.enter_context(Weftd(config, **options))
            stack.callback(show_stderr, request, running)
            return running
        yield start


@pytest.fixture
def address(daemon):
    return daemon.address


@pytest.fixture
def connect(daemon):
    """connect(name="main", **options): an enabled controller that is closed after the test."""
    with contextlib.ExitStack() as stack:
        def opener(name="main", **options):
            where = options.pop("address", daemon.address)
            return stack.enter_context(
                nvmetcp.connect_admin(where, weftconf.nqn(name), **options))
        yield opener


@pytest.fixture
def opened(daemon):
    """opened(**ic): a Connection or Queue after ICResp, closed after the test."""
    with contextlib.ExitStack() as stack:
        def opener(**options):
            queue = nvmetcp.open_queue(options.pop("address", daemon.address), **options)
            stack.callback(queue.close)
            return queue
        yield opener


@pytest.fixture
def raw(daemon):
    """raw(): a TCP connection on which nothing was sent, closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(nvmetcp.Connection(daemon.address))


@pytest.fixture
def ctrl(connect):
    return connect()


@pytest.fixture
def io(ctrl):
    return ctrl.connect_io()


@pytest.fixture(scope="module")
def witness():
    """The bystander's association: it lives as long as the daemon it is on."""
    kept = {"daemon": None, "ctrl": None}
    yield kept
    if kept["ctrl"]:
        kept["ctrl"].close()


@pytest.fixture
def bystander(daemon, witness):
    """A host that has nothing to do with the test: it must notice nothing, and whatever the test
    connected must be gone afterwards. Use it before `connect`, so that it is judged last."""
    if witness["daemon"] is not daemon:
        witness["daemon"] = daemon
        witness["ctrl"] = nvmetcp.connect_admin(daemon.address, weftconf.nqn("main"),
                                                host=nvmetcp.HostId.make("bystander"))
        witness["ctrl"].connect_io()
    ctrl = witness["ctrl"]
    io = ctrl.io[0]
    data = os.urandom(512)
    io.write(100000, data)
    before = daemon.sockets()
    yield io
    daemon.check()
    assert io.read(100000, 1) == data
    ctrl.keep_alive()
    nvmetcp.wait_until(lambda: daemon.sockets() <= before,
                       what="the end of every connection that the test made")
