# SPDX-License-Identifier: BSD-3-Clause
"""./check chooses tests that there are: its plan, and the table of --changed."""

import re
import sys

import pytest

import tree

sys.path.insert(0, str(tree.TOP / "scripts/check"))

import changed  # noqa: E402
import plan  # noqa: E402
from steps import Pytest  # noqa: E402

FOLDERS = sorted(path.name for path in (tree.TOP / "src").iterdir() if path.is_dir())


def test_every_folder_of_sources_has_a_row():
    assert {f"src/{name}" for name in FOLDERS} <= set(changed.TABLE)


@pytest.mark.parametrize("folder", changed.TABLE)
def test_each_pattern_of_a_row_names_tests(folder):
    row = changed.TABLE[folder]
    assert (tree.TOP / folder).is_dir()
    for field, names in [("unit", changed.unit_programs()),
                         *((suite, changed.files(suite)) for suite in changed.SUITES)]:
        for pattern in getattr(row, field).split():
            assert changed.matching(pattern, names), f"{field}: {pattern}"


@pytest.mark.parametrize("everything", [False, True])
def test_the_plan_is_sound(everything):
    """No two steps share a name, and what they are told to run is there."""
    steps = plan.steps(plan.PARTS, everything)
    assert len({step.name for step in steps}) == len(steps)
    for step in steps:
        assert step.budget < step.limit
        if isinstance(step, Pytest):
            assert all((tree.TOP / path).exists() for path in step.where)


def test_marks_that_the_plan_names_are_registered():
    """A word that pytest does not know chooses nothing, and says nothing."""
    known = set(re.findall(r"^\t(\w+):", (tree.TOP / "tests/pytest.ini").read_text(), re.M))
    named = {word for everything in (False, True) for step in plan.steps(plan.PARTS, everything)
             if isinstance(step, Pytest) for word in re.findall(r"\w+", step.marks)}
    assert named - {"and", "not", "or"} <= known


def test_what_a_test_concerns():
    assert changed.concerns_of("tests/wire/test_io.py").wire == "io"
    assert changed.concerns_of("tests/wire/conftest.py").wire == "*"
    assert changed.concerns_of("tests/unit/loop_socket.c").unit == "loop_socket"
    assert changed.concerns_of("tests/unit/loop_rig.c").unit == "loop_*"
    assert changed.concerns_of("README.md") is None
