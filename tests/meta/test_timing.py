# SPDX-License-Identifier: BSD-3-Clause
"""A test that is too slow, and wrong in nothing else, is tried again: tests/conftest.py."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import tree

TESTS = """
import pathlib
import time

import pytest
from timing import TooSlow, paced, within

count = pathlib.Path(__file__).with_name("count")


@pytest.fixture
def turn():
    with open(count, "a+") as file:
        file.write("x")
        file.seek(0)
        return len(file.read())


@pytest.fixture
def slow_afterwards(turn):
    yield
    if turn < 3:
        raise TooSlow


def test_slow_at_first(turn):
    with within(0.01 if turn < 3 else 60):
        time.sleep(0.01)


def test_slow_afterwards_at_first(slow_afterwards):
    pass


def test_slow_each_time(turn):
    raise TooSlow


def test_wrong(turn):
    assert False


def test_wrong_beside(turn, slow_afterwards):
    assert False


def test_a_slow_host(turn):
    with paced(0.01) as pace:
        time.sleep(0.02 if turn < 3 else 0)
        pace.step()
        assert turn == 3


def test_a_host_in_time(turn):
    with paced(60) as pace:
        pace.step()
        assert False
"""


@pytest.mark.parametrize("name, tries, good", [
    ("slow_at_first", 3, True), ("slow_afterwards_at_first", 3, True), ("slow_each_time", 4, False),
    ("wrong", 1, False), ("wrong_beside", 1, False), ("a_slow_host", 3, True),
    ("a_host_in_time", 1, False)])
def test_too_slow_is_tried_again(tmp_path, name, tries, good):
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text((tree.TOP / "tests/conftest.py").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml", tmp_path / "it.xml",
         f"{tmp_path}/test_it.py::test_{name}"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(tree.TOP / "tests/lib")})
    assert (done.returncode == 0) == good, done.stdout
    assert len((tmp_path / "count").read_text()) == tries, done.stdout
    retries = [found.get("value") for found in ElementTree.parse(tmp_path / "it.xml").iter("property")
               if found.get("name") == "retries"]
    assert retries == ([str(tries - 1)] if tries > 1 else [])
