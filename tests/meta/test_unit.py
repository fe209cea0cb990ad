# SPDX-License-Identifier: BSD-3-Clause
"""The systemd unit allows what weftd allows itself."""

import re

import tree

UNIT = tree.TOP / "packaging/systemd/weftd.service"

# What it takes to get as far as the sandbox.
START = {"chown", "clone3", "execve", "fchownat", "getgroups", "getrlimit", "io_uring_setup",
         "prlimit64", "seccomp", "setrlimit", "time"}


def calls(text):
    return set(re.findall(r"SCMP_SYS\((\w+)\)", text))


def test_the_filter_is_the_daemons_own():
    lists = re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text(), re.MULTILINE)
    allowed = {name for line in lists for name in line.split()}
    table = (tree.TOP / "src/daemon/syscalls.h").read_text().partition("syscalls_allowed[]")[2]
    inside = calls(table.partition("};")[0]) | calls(
        (tree.TOP / "src/daemon/sandbox.c").read_text())
    assert len(inside) > 50
    assert allowed == inside | START
