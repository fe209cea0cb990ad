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
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

pytest.register_assert_rewrite("nvmetcp", "siege", "weftd")

import bystander  # noqa: E402
import nvmetcp  # noqa: E402
import weftconf  # noqa: E402
from siege import Siege  # noqa: E402
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


@contextlib.contextmanager
def quick_folder():
    """A folder on a file system without a disk, where there is one."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="weft-wire-", dir=place) as name:
        yield pathlib.Path(name)


@pytest.fixture
def folder():
    with quick_folder() as path:
        yield path


@pytest.fixture(scope="session")
def shared():
    """Holds the daemon that tests share; empty until the first, and after one that broke it."""
    with quick_folder() as folder, contextlib.ExitStack() as stack:
        yield {"folder": folder, "stack": stack, "daemon": None}


@pytest.fixture
def daemon(shared, request):
    if shared["daemon"] is None:
        running = Weftd(with_bystander(shared_config(), shared["folder"]),
                        cores=min(2, os.cpu_count()))
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


# the bystander: see bystander.py

def with_bystander(config, folder):
    """The configuration, and on its first port the bystander's own subsystem."""
    path = folder / "bystander.img"
    path.touch()
    os.truncate(path, 2 * MIB)
    own = weftconf.subsystem(bystander.NAME, [
        weftconf.namespace(1, size="2M", identity="bystander 1"),
        weftconf.namespace(2, path=path, identity="bystander 2"),
    ], hosts=[nvmetcp.HostId.make(bystander.NAME).nqn])

    def add(changed):
        changed["subsystems"].append(own)
        changed["hosts"] += [{"nqn": host} for host in own["allowed_hosts"]]
        changed["ports"][0]["subsystems"].append(own["nqn"])
    return weftconf.changed(config, add)


@pytest.fixture(scope="session")
def sieges():
    """The shared daemon's siege; of each daemon in its turn, where one was broken."""
    kept = {}
    yield kept
    for siege in kept.values():
        siege.close()


@pytest.fixture(autouse=True)
def siege(request):
    """In test_hostile_*.py, where the test has no daemon of its own: the bystander is at the shared
    one and notices nothing, and whatever the test took is given back afterwards."""
    if not request.module.__name__.startswith("test_hostile") or \
            "weftd" in request.fixturenames:
        yield
        return
    daemon, sieges = request.getfixturevalue("daemon"), request.getfixturevalue("sieges")
    if daemon.process.pid not in sieges:
        sieges[daemon.process.pid] = Siege(daemon)
    with sieges[daemon.process.pid].around():
        yield


def forget(daemon):
    """Deallocates the shared daemon's disks in memory: hosts may leave what they wrote there."""
    for name, host, disks in (("main", nvmetcp.HOST, [(1, 512), (2, 4096)]),
                              ("private", FRIEND, [(1, 512)]), ("narrow", nvmetcp.HOST, [(5, 512)])):
        port = 1 if name == "narrow" else 0
        with nvmetcp.connect_admin(daemon.addresses()[port], weftconf.nqn(name), host=host) as ctrl:
            io = ctrl.connect_io(sqsize=7)
            for nsid, block in disks:
                io.dsm([(0, 64 * MIB // block)], nsid=nsid)


@pytest.fixture(scope="module", autouse=True)
def resident(request, shared, sieges):
    """After test_hostile_*.py, the shared daemon's memory is about what it was."""
    yield
    daemon = shared["daemon"]
    siege = sieges.get(daemon.process.pid) if daemon else None
    if siege and request.module.__name__.startswith("test_hostile"):
        forget(daemon)
        siege.judge_resident()


@pytest.fixture
def besieged(weftd, folder):
    """besieged(config, **options): a daemon as of weftd(), with the bystander at it."""
    with contextlib.ExitStack() as stack:
        def start(config, **options):
            running = weftd(with_bystander(config, folder), **options)
            siege = Siege(running)
            stack.callback(siege.close)
            stack.enter_context(siege.around())
            return running
        yield start
