# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: a release build of this tree. To be imported before weftd.py of the tests."""

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("WEFT_BENCH_BUILD", TOP / "build-bench"))
os.environ["WEFTD"] = str(BUILD / "src/daemon/weftd")
sys.path.append(str(TOP / "tests/lib"))


def build(targets, packages=()):
    """Installs what is missing and compiles; ends the program where that fails."""
    built = subprocess.run(["bash", "-euc", f"""
        . scripts/lib.sh
        need_packages "${{build_packages[@]}}" {' '.join(packages)}
        build {BUILD} "{' '.join(targets)}" --buildtype=release -Db_ndebug=true
        """], cwd=TOP, check=False, stdout=sys.stderr)
    if built.returncode:
        sys.exit(1)     # it has said why
