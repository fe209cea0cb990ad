# SPDX-License-Identifier: BSD-3-Clause
"""Input that a target must survive: each case has its tests, and each test its bystander."""

import ast

import tree

CASES = range(1, 48)


def hostile_tests():
    """(function, its arguments) in tests/wire/test_hostile_*.py"""
    for path in tree.files(".py", under="tests/wire"):
        if path.name.startswith("test_hostile_"):
            for node in ast.parse((tree.TOP / path).read_text()).body:
                if isinstance(node, ast.FunctionDef):
                    yield node.name, [argument.arg for argument in node.args.args]


def test_each_case_has_a_test_that_is_named_for_it():
    found = {name[5:7] for name, _ in hostile_tests() if name.startswith("test_")}
    missing = [case for case in CASES if f"{case:02}" not in found]
    assert not missing, f"no test in tests/wire/test_hostile_*.py is named for {missing}"


def test_nobody_attacks_unobserved():
    """A daemon of the test's own comes from `besieged`, which puts the bystander there, too."""
    alone = [name for name, arguments in hostile_tests() if "weftd" in arguments]
    assert not alone, f"{alone} take weftd: besieged is the same with the bystander"
