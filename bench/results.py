# SPDX-License-Identifier: BSD-3-Clause
"""RESULTS.md: each program writes the part between its two marks, and leaves the rest alone."""

import time
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")


def put(part, text):
    begin, end = f"<!-- begin {part} -->\n", f"<!-- end {part} -->\n"
    before, rest = RESULTS.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    RESULTS.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def about(machine):
    """The machine in a sentence."""
    return (f"{time.strftime('%Y-%m-%d', time.gmtime())}: {machine['cores']} cores of "
            f"{machine['cpu']}, {machine['memory']}, Linux {machine['kernel']}, virtual machine: "
            f"{machine['virtual']}, TCP {machine['tcp']}, liburing {machine['liburing']}; load "
            f"before the run {machine['load']:.1f}")
