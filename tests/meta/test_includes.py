# SPDX-License-Identifier: BSD-3-Clause
"""Dependencies in src/ point one way: who may include what.

The table is the rule; ARCHITECTURE.md says why. A folder may always include its own headers, and
whatever else stands behind its name here: another folder, or only some of its headers.
"""

import os
import pathlib
import re
import subprocess

import pytest

import tree

# The verbs of the reactor. How they are done (io_uring, epoll) is loop's own business.
LOOP = ["loop/loop.h", "loop/buffer.h"]
# The seams that target owns: what a transport needs of it, and nothing of how it works.
TARGET_SEAMS = ["target/queue/", "target/base/"]
# Installed, for plugins
PUBLIC = ["weft/backend.h"]

ALLOWED = {
    "util": PUBLIC,         # it defines weft_error_set() and weft_log()
    "spec": ["util/"],
    "settings": ["spec/", "util/", *PUBLIC],
    "loop": ["util/", *PUBLIC],  # it fills struct weft_error
    "target": ["settings/", "spec/", "util/", *LOOP, *PUBLIC],
    "transport": ["spec/", "util/", *LOOP, *TARGET_SEAMS, *PUBLIC],
    "backend": ["spec/", "util/", *LOOP, *PUBLIC],
    "config": ["settings/", "spec/", "util/", *PUBLIC],
    "apply": ["settings/", "config/", "target/", "spec/", "util/", *LOOP, *PUBLIC],
    "control": ["settings/", "apply/", "config/", "target/", "spec/", "util/", *LOOP, *PUBLIC],
    "host": ["spec/", "util/", *PUBLIC],
    "cli": ["settings/", "host/", "util/", *PUBLIC],
    "daemon": ["control/", "apply/", "config/", "settings/", "backend/", "transport/", "target/",
               "loop/", "spec/", "util/", *PUBLIC],
}

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", tree.TOP / "build"))
SOURCES = tree.files(".c", ".h", under="src")
INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')


def includes(path):
    for number, line in tree.lines(path):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def test_every_folder_stands_in_the_table():
    assert {path.parts[1] for path in SOURCES if len(path.parts) > 2} <= set(ALLOWED)


@pytest.mark.parametrize("folder", ALLOWED)
def test_edges(folder):
    wrong = []
    for path in SOURCES:
        if path.parts[1] != folder:
            continue
        for number, _, name in includes(path):
            ours = name.startswith("weft/") or name.split("/")[0] in ALLOWED
            if not ours or name.startswith(folder + "/"):
                continue
            if not any(name == rule or rule.endswith("/") and name.startswith(rule)
                       for rule in ALLOWED[folder]):
                wrong.append(f"{path}:{number}: {name}")
    assert not wrong, "\n".join(wrong)


# ARCHITECTURE.md's table of folders

def words(rules):
    """What a row says of them: the folders, in the order of the rules."""
    found = dict.fromkeys("`include/weft`" if rule.startswith("weft/") else rule.split("/")[0]
                          for rule in rules)
    return ", ".join(found)


def test_architecture_says_the_same():
    text = (tree.TOP / "ARCHITECTURE.md").read_text()
    said = dict(re.findall(r"^\| `src/([a-z]+)/` \|.*\| (.*?) ?\|$", text, re.MULTILINE))
    assert said == {folder: words(rules) for folder, rules in ALLOWED.items()}


# src/target/ has floors: each stands on those before it.
FLOORS = ["base", "model", "queue", "commands", "top"]
# What a lower floor calls by name on a higher one: its headers declare these for that.
UPCALLS = {"features_reset", "abort_finished", "command_parse", "controller_log_error"}


def test_floors_of_target_include_downwards():
    wrong = []
    for path in SOURCES:
        if path.parts[1] != "target":
            continue
        floor = path.parts[2]
        assert floor in FLOORS, f"{path} is on no floor"
        for number, _, name in includes(path):
            parts = name.split("/")
            if parts[0] == "target" and FLOORS.index(parts[1]) > FLOORS.index(floor):
                wrong.append(f"{path}:{number}: {name}")
    assert not wrong, "\n".join(wrong)


def test_floors_of_target_are_in_architecture():
    text = (tree.TOP / "ARCHITECTURE.md").read_text()
    assert re.findall(r"^\| `target/([a-z]+)/` \|", text, re.MULTILINE) == FLOORS


def test_floors_of_target_call_upwards_by_few_names():
    """Of the objects in the build folder: what is undefined below and defined above."""
    objects = sorted((BUILD / "src/target/libtarget.a.p").glob("*.c.o"))
    assert objects
    defined, undefined = {}, []
    for path in objects:
        floor = FLOORS.index(path.name.split("_")[0])
        listing = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        for kind, symbol in re.findall(r"([A-Z]) (\w+)$", listing, re.MULTILINE):
            if kind == "U":
                undefined.append((floor, symbol, path.name))
            else:
                defined[symbol] = floor
    up = {symbol: name for floor, symbol, name in undefined if defined.get(symbol, 0) > floor}
    assert set(up) == UPCALLS, up


def test_includes_are_written_from_src():
    wrong = []
    for path in SOURCES:
        for number, quote, name in includes(path):
            if quote == '"' and not (tree.TOP / "src" / name).is_file():
                wrong.append(f'{path}:{number}: "{name}" is not below src/')
            if quote == "<" and name.startswith("weft/") \
                    and not (tree.TOP / "include" / name).is_file():
                wrong.append(f"{path}:{number}: <{name}> is not below include/")
    assert not wrong, "\n".join(wrong)


def test_installed_headers_stand_alone():
    for path in tree.files(".h", under="include"):
        for number, quote, name in includes(path):
            assert quote == "<", f'{path}:{number}: "{name}" is not installed'


def test_no_circles_between_folders():
    """Follows from the table; here for the day that somebody edits it."""
    edges = {folder: {rule.split("/")[0] for rule in rules if not rule.startswith("weft/")}
             for folder, rules in ALLOWED.items()}
    left = dict(edges)
    while left:
        leaves = [folder for folder, needs in left.items() if not needs & set(left)]
        assert leaves, f"a circle among {sorted(left)}"
        for folder in leaves:
            del left[folder]


@pytest.mark.parametrize("folder", ["apply", "config", "settings"])
def test_no_circles_between_files(folder):
    """Which file of a folder calls which: by what their objects define and want."""
    defined, wanted = {}, {}
    for path in (BUILD / f"src/{folder}/lib{folder}.a.p").glob("*.o"):
        listing = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
        symbols = [line.split()[-2:] for line in listing.splitlines()]
        wanted[path.stem] = {name for kind, name in symbols if kind == "U"}
        defined |= {name: path.stem for kind, name in symbols if kind in "TDRB"}
    assert len(wanted) > 3, "not built"
    left = {file: {defined[name] for name in names & set(defined)} - {file}
            for file, names in wanted.items()}
    while left:
        leaves = [file for file, needs in left.items() if not needs & set(left)]
        assert leaves, f"a circle among {sorted(left)}"
        for file in leaves:
            del left[file]


def test_include_guards_are_named_after_the_path():
    wrong = []
    for path in SOURCES:
        if path.suffix != ".h":
            continue
        guard = "WEFT_" + re.sub(r"[^A-Z0-9]", "_", "/".join(path.parts[1:]).upper())
        text = (tree.TOP / path).read_text()
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            wrong.append(f"{path}: not guarded by {guard}")
    assert not wrong, "\n".join(wrong)
