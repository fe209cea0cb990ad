# SPDX-License-Identifier: BSD-3-Clause
"""The project stands alone and says what it is: paths, licences, promises, sizes."""

import os
import re

import pytest

import tree

CODE = (".c", ".h", ".py", ".sh", ".build", ".scd", ".js", ".ts", ".css", ".html")

# Places that exist on no reader's machine. Written so that this file does not contain them.
OUTSIDE = re.compile("|".join([r"\.\./" + "shared", "/wo" + "rk/", "/fa" + "rm/", "/tmp/" + "weft/(brief|build|wire)",
                               "/tmp/" + "bash_jobs"]))

# Words that promise more than the code does.
PROMISES = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|place" + r"holder|not yet imple" +
                      r"mented)\b", re.IGNORECASE)


def found(pattern, paths):
    return [f"{path}:{number}: {line.strip()[:120]}" for path in paths
            for number, line in tree.lines(path) if pattern.search(line)]


def test_no_paths_outside_the_project():
    wrong = found(OUTSIDE, tree.files())
    assert not wrong, "\n".join(wrong)


def test_links_stay_inside():
    for path in tree.files():
        real = os.path.realpath(tree.TOP / path)
        assert real.startswith(f"{tree.TOP}{os.sep}"), f"{path} leads to {real}"


def test_no_promises_in_the_code():
    wrong = found(PROMISES, tree.files(*CODE))
    assert not wrong, "\n".join(wrong)


def test_every_source_names_its_licence():
    wrong = []
    for path in tree.files(".c", ".h", ".py", ".sh", "meson.build"):
        head = "\n".join(line for _, line in tree.lines(path)[:3])
        if "SPDX-License-Identifier: BSD-3-Clause" not in head:
            wrong.append(str(path))
    assert not wrong, "no SPDX line: " + ", ".join(wrong)


def test_c_files_say_what_they_are():
    """The licence, then a comment."""
    wrong = [str(path) for path in tree.files(".c", ".h", under="src")
             if not re.match(r"/\* SPDX[^\n]*\*/\n/\*", (tree.TOP / path).read_text())]
    assert not wrong, "no comment at the top: " + ", ".join(wrong)


@pytest.mark.parametrize("folder", ["src", "include", "tests"])
def test_c_style_that_a_machine_can_judge(folder):
    wrong = []
    for path in tree.files(".c", ".h", under=folder):
        for number, line in tree.lines(path):
            columns = len(line.expandtabs(8))
            if columns > 100:
                wrong.append(f"{path}:{number}: {columns} columns")
            if line != line.rstrip():
                wrong.append(f"{path}:{number}: white space at the end")
    assert not wrong, "\n".join(wrong)


def test_files_stay_small():
    """About 300 lines, seldom over 600."""
    large = {str(path): len(tree.lines(path)) for path in tree.files(".c", ".h", ".py")}
    assert not {path: size for path, size in large.items() if size > 700}


def test_no_private_headers_of_another_folder_without_a_user():
    """A header that nobody includes is dead."""
    everything = "".join((tree.TOP / path).read_text(errors="replace")
                         for path in tree.files(".c", ".h"))
    dead = [str(path) for path in tree.files(".h", under="src")
            if f'"{"/".join(path.parts[1:])}"' not in everything]
    assert not dead, ", ".join(dead)
