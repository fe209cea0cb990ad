# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the tests of faults: see faultlib.py."""

import contextlib
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

pytest.register_assert_rewrite("nvmetcp", "weftd", "faultlib")

import faultlib  # noqa: E402
from weftd import WEFTD  # noqa: E402


def pytest_sessionstart():
    if not WEFTD.exists():
        pytest.exit(f"no daemon at {WEFTD}: build it, or set WEFTD", returncode=2)


@pytest.fixture
def folder():
    """A folder whose path is short enough for sockets."""
    with faultlib.short_folder() as name:
        yield pathlib.Path(name)


@pytest.fixture
def quick():
    """The same on a file system without a disk, whose flushes take no time."""
    with faultlib.short_folder("/dev/shm") as name:
        yield pathlib.Path(name)


@pytest.fixture
def rig():
    """rig(namespaces, **options): see faultlib.rig()."""
    with contextlib.ExitStack() as stack:
        yield lambda namespaces, **options: stack.enter_context(
            faultlib.rig(namespaces, **options))


@pytest.fixture
def faulted(rig, folder):
    """A daemon with a faulty disk of memory (NSID 1) and a sound one (NSID 2)."""
    import weftconf
    return rig([faultlib.faulty(1, folder / "1.sock"), weftconf.namespace(2)])


@pytest.fixture
def io(faulted):
    with faulted.connect() as ctrl:
        yield ctrl.connect_io()


@pytest.fixture
def weftd_check(tmp_path):
    """weftd_check(weft): what `weftd --check` says against a namespace with that "weft" part."""
    import json
    import subprocess

    def check(weft):
        config = faultlib.site({"nsid": 1, "enable": 1, "weft": weft})
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        done = subprocess.run([str(WEFTD), "--check", "--config", str(path)], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode != 0
        return done.stderr
    return check
