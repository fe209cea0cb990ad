# SPDX-License-Identifier: BSD-3-Clause
"""The checkout as the tests of the tree see it: what git would track."""

import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]


def files(*suffixes, under=""):
    """Paths (relative to the top) of all files that are tracked or about to be."""
    listed = subprocess.run(
        ["git", "-C", str(TOP), "ls-files", "-z", "--cached", "--others", "--exclude-standard",
         "--", under or "."], check=True, capture_output=True, text=True).stdout
    return sorted(pathlib.Path(name) for name in listed.split("\0")
                  if name and name.endswith(suffixes or "")
                  and ((TOP / name).is_file() or (TOP / name).is_symlink()))


def lines(path):
    """Numbered lines of a text file; nothing of a binary one."""
    raw = (TOP / path).read_bytes()
    if b"\0" in raw:
        return []
    return list(enumerate(raw.decode(errors="replace").splitlines(), 1))
