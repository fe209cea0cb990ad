# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the interop tests: a Linux guest connects to weftd.

All tests share one guest; each has a daemon of its own. `--target nvmet` runs the tests against the
kernel's target inside the guest: that shows what Linux itself does, and that a test is right.

A run of the whole folder also fails if any test listed in `expected` didn't pass, and if the
folder has a test that isn't listed.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import guest as guests  # noqa: E402
from host import Host, KernelLog  # noqa: E402
from targets import NvmetTarget, WeftTarget  # noqa: E402

WEFT = Path(os.environ.get("WEFT", HERE.parents[1] / "build/src/cli/weft"))
EXPECTED = HERE / "expected"

_log_key = pytest.StashKey()


def pytest_addoption(parser):
    parser.addoption("--target", choices=("weftd", "nvmet"), default="weftd",
                     help="what the guest connects to")


def pytest_configure(config):
    config.addinivalue_line("markers", "kernel_warnings(pattern): warnings that the test provokes")
    config.addinivalue_line("markers", "weftd_only(reason): nvmet can't do it")
    config.stash[_log_key] = Path(os.environ.get("WEFT_GUEST_LOGS") or
                                  tempfile.mkdtemp(prefix="weft-guest-"))
    config.stash[_log_key].mkdir(parents=True, exist_ok=True)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--target") == "nvmet":
        items[:] = [item for item in items if not item.get_closest_marker("weftd_only")]


@pytest.fixture(scope="session")
def images(pytestconfig):
    """The folder of the guest's images; what building them says goes to the terminal."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        return guests.build_images()


@pytest.fixture(scope="session")
def logs(pytestconfig):
    """The folder of the guests' consoles."""
    return pytestconfig.stash[_log_key]


@contextlib.contextmanager
def _booted(images, config, name):
    guest = guests.Guest(images, config.stash[_log_key] / f"{name}.log")
    try:
        guest.start()
        yield guest
    finally:
        guest.stop()


@pytest.fixture(scope="session")
def guest(images, pytestconfig):
    """The guest that all tests share."""
    with _booted(images, pytestconfig, "guest") as guest:
        yield guest


@pytest.fixture
def other_guest(images, pytestconfig):
    """A second one, for the test alone."""
    with _booted(images, pytestconfig, "other-guest") as guest:
        yield guest


@pytest.fixture
def target(guest, request, tmp_path):
    if request.config.getoption("--target") == "weftd":
        target = WeftTarget(tmp_path)
    else:
        target = NvmetTarget(guest)
    yield target
    target.stop()


@pytest.fixture
def kernel_log(guest, request):
    """The guest's kernel log of this test, which must have no warning that isn't announced."""
    if not guest.alive():
        guest.restart()
    log = KernelLog(guest, request.node.nodeid)
    yield log
    allowed = [re.compile(mark.args[0]) for mark in request.node.iter_markers("kernel_warnings")]
    warnings = [line for line in log.warnings()
                if not any(pattern.search(line) for pattern in allowed)]
    assert not warnings, "the guest's kernel warns:\n" + "\n".join(warnings)


@pytest.fixture
def host(guest, target, kernel_log):
    """The guest as a host; it leaves all controllers before the target ends."""
    host = Host(guest)
    yield host
    try:
        host.disconnect_all()
    except (AssertionError, guests.GuestError):
        # Whatever holds on to the target would spoil the tests to come.
        guest.restart()
        raise


@pytest.fixture
def weft_cli():
    """weft_cli(word, ..., socket=None): runs the command line, which must end well; its output."""
    def run(*words, socket=None):
        environment = dict(os.environ, **({"WEFT_SOCKET": str(socket)} if socket else {}))
        done = subprocess.run([str(WEFT), *map(str, words)], env=environment, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, f"weft {shlex.join(map(str, words))}: {done.stderr}"
        return done.stdout
    return run


@pytest.fixture
def mounted(host, guest):
    """A folder of the guest to mount a disk on; whatever a failed test left there is unmounted."""
    folder = "/mnt/disk"
    guest.run(f"mkdir -p {folder}")
    yield folder
    guest.run(f"! mountpoint -q {folder} || umount -l {folder}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Shows what the guest's kernel said beside the test that failed."""
    report = (yield).get_result()
    log = item.funcargs.get("kernel_log") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and log is not None:
        try:
            report.sections.append(("guest's kernel", "\n".join(log.lines())))
        except guests.GuestError as error:
            report.sections.append(("guest", str(error)))


def pytest_sessionfinish(session):
    """Holds a run of the whole folder to the list of tests that must pass."""
    if not _is_whole(session.config):
        return
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    passed = {_name(report.nodeid) for report in reporter.stats.get("passed", ())
              if _is_here(report.nodeid)}
    expected = set(EXPECTED.read_text().split())
    session.config.stash[_verdict_key] = verdict = (
        [f"expected, but didn't pass: {name}" for name in sorted(expected - passed)] +
        [f"passed, but not listed in {EXPECTED.name}: {name}"
         for name in sorted(passed - expected)])
    if verdict:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(_verdict_key, ()):
        terminalreporter.write_line(f"interop: {line}", red=True)
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(f"interop: the guests' consoles: {config.stash[_log_key]}")


_verdict_key = pytest.StashKey()


def _is_whole(config):
    """Whether nobody asked for a part of the folder."""
    chosen = any(Path(arg.partition("::")[0]).resolve() != HERE for arg in config.args)
    option = config.option
    last_failed = getattr(option, "lf", False)     # of a plugin that may be off
    return not (chosen or option.keyword or option.markexpr or last_failed
                or option.collectonly or config.getoption("--target") != "weftd")


def _is_here(nodeid):
    return "test_" in nodeid


def _name(nodeid):
    return nodeid.rpartition("/")[2]
