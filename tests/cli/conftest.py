# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the CLI's tests: a daemon, and weft(1) that talks to it."""

import contextlib
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

import weftconf  # noqa: E402
from weftcli import Weft, serve  # noqa: E402


@pytest.fixture
def start(tmp_path):
    """start(config, **options): a daemon with that configuration; weft for it."""
    with contextlib.ExitStack() as stack:
        yield lambda config, **options: stack.enter_context(serve(config, tmp_path, **options))


@pytest.fixture
def weft(start):
    """weft for a daemon that listens on one loopback port and serves nothing."""
    return start(weftconf.config([], [weftconf.port(1, [])]))


@pytest.fixture
def alone(tmp_path):
    """weft without a daemon."""
    return Weft(tmp_path / "none.sock", tmp_path)


@pytest.fixture
def disk(tmp_path):
    """A file to export."""
    path = tmp_path / "disk.img"
    path.touch()
    os.truncate(path, 16 << 20)
    return path
