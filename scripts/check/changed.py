# SPDX-License-Identifier: BSD-3-Clause
"""./check --changed: the tests that a change concerns, by the folders of the files that changed.

All of them run with AddressSanitizer. tests/meta/test_check.py holds the table to the tree.
"""

import dataclasses
import fnmatch
import pathlib
import re
import subprocess

from steps import ASAN, LOOPS, PLAIN, TOP, Plugin, Pytest, Unit

SUITES = ("wire", "cli", "faults")
SPLIT = 20      # files of tests; so many run as two steps, beside each other


@dataclasses.dataclass
class Concerns:
    """The tests that a folder concerns: names of unit tests, and of files of Python tests without
    their test_, all of them patterns. `engine` is for those that are marked so, on epoll."""

    unit: str = ""
    wire: str = ""
    cli: str = ""
    faults: str = ""
    engine: bool = False
    plugin: bool = False


TABLE = {
    "include/weft": Concerns("backend_*", wire="io", faults="backend file", plugin=True),
    "src/util": Concerns("util_* config_* fuzz_*", wire="connect io life limits reload"),
    "src/spec": Concerns("spec_* target_* host_* fuzz_*", cli="host",
                         wire="[!h]* hostile_capsule hostile_fabrics hostile_framing"),
    "src/loop": Concerns("loop_* backend_file* fuzz_stream", engine=True,
                         wire="engine hostile_life io limits storm transfer", faults="file hang"),
    "src/target": Concerns("target_* fuzz_connect fuzz_stream sim", wire="*",
                           faults="buffers errors hang"),
    "src/transport": Concerns("target_* fuzz_connect fuzz_stream sim", wire="*", faults="buffers"),
    "src/backend": Concerns("backend_* fuzz_options", wire="deallocate io", faults="[!fc]* file"),
    "src/settings": Concerns("settings_* config_* control_* apply_*", wire="config reload",
                             cli="api config export show"),
    "src/config": Concerns("config_* apply_* fuzz_config", wire="config reload",
                           cli="config export"),
    "src/apply": Concerns("apply_* fuzz_state", wire="ana config discovery life reload",
                          cli="config export show", faults="exchange f*"),
    "src/control": Concerns("control_* fuzz_control", wire="life", cli="*", faults="exchange"),
    "src/host": Concerns("host_* fuzz_host", cli="host"),
    "src/cli": Concerns("cli_*", cli="*"),
    "src/daemon": Concerns("daemon_*", wire="address engine io life", cli="command rights",
                           faults="frozen"),
    "tests/lib": Concerns(wire="bystander connect io limits", cli="show", faults="hang"),
    "tests/data": Concerns("config_*"),
    "tests/fuzz": Concerns("fuzz_* sim"),
    "tests/sim": Concerns("sim"),
    "examples": Concerns(plugin=True),
}


def git(*words):
    """The words that git prints; none if it fails."""
    done = subprocess.run(["git", *words], cwd=TOP, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def changed_files(base):
    """Files that differ from `base`, by default from where this branch left main."""
    if base and not git("rev-parse", "--verify", base):
        raise SystemExit(f"no commit {base}")
    bases = [base] if base else [*git("merge-base", "HEAD", "main"),
                                 *git("merge-base", "HEAD", "origin/main"), "HEAD"]
    return sorted({*git("diff", "--name-only", bases[0], "--"),
                   *git("ls-files", "--others", "--exclude-standard")})


def unit_programs():
    """The names of all unit tests, as the tests' meson.build list them."""
    def names(folder):
        return re.findall(r"^  \['(\w+)', \[", (TOP / folder / "meson.build").read_text(), re.M)
    return [*names("tests/unit"), *(f"fuzz_{name}" for name in names("tests/fuzz")), "sim"]


def files(suite):
    """The files of tests of a folder of tests."""
    return [path.stem.removeprefix("test_") for path in sorted(TOP.glob(f"tests/{suite}/test_*.py"))]


def matching(patterns, names):
    return [name for name in names
            if any(fnmatch.fnmatch(name, pattern) for pattern in patterns.split())]


def concerns_of(name):
    """What a file concerns; None if only the tests of the tree itself do."""
    path = pathlib.PurePath(name)
    if path.match("tests/unit/*.c") or path.match("tests/fuzz/fuzz_*.c"):
        # or, of a file that several share, all that its name begins with
        return Concerns(path.stem if path.stem in unit_programs() else
                        f"{path.stem.partition('_')[0]}_*")
    if len(path.parts) == 3 and path.parts[0] == "tests" and path.parts[1] in SUITES:
        test = path.stem.startswith("test_") and path.suffix == ".py"
        return Concerns(**{path.parts[1]: path.stem.removeprefix("test_") if test else "*"})
    return next((row for folder, row in TABLE.items() if name.startswith(f"{folder}/")), None)


def steps(base, say):
    """The steps of ./check --changed."""
    changed = changed_files(base)
    rows = [row for row in map(concerns_of, changed) if row]
    say(f"changed: {len(changed)} files")

    def all_of(field):
        return " ".join(getattr(row, field) for row in rows)
    yield Pytest("meta", PLAIN, 15, where=("tests/meta",))
    programs = matching(all_of("unit"), unit_programs())
    if programs:
        yield Unit("unit", ASAN, 40, programs=tuple(programs))
    for suite in SUITES:
        names = matching(all_of(suite), files(suite))
        halves = [names[0::2], names[1::2]] if len(names) >= SPLIT else [names] if names else []
        for number, half in enumerate(halves):
            yield Pytest(f"{suite}-{number}" if number else suite, ASAN, 90, marks="not long",
                         where=tuple(f"tests/{suite}/test_{name}.py" for name in half))
    if any(row.engine for row in rows):
        yield Pytest("wire-epoll", ASAN, 90, where=("tests/wire",), marks="engine and not long",
                     args=LOOPS["epoll"])
    if any(row.plugin for row in rows):
        yield Plugin("plugin", ASAN, 25)
