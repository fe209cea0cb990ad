# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the tests of load: see loadlib.py. WEFTD and WEFT name the binaries, WEFT_BUILD the
build with `load`."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

pytest.register_assert_rewrite("nvmetcp", "weftd", "loadlib")

import loadlib  # noqa: E402
from weftd import WEFTD  # noqa: E402


def pytest_sessionstart():
    for path in (WEFTD, loadlib.LOAD):
        if not path.exists():
            pytest.exit(f"no {path}: build it, or set WEFTD and WEFT_BUILD", returncode=2)
