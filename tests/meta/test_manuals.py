# SPDX-License-Identifier: BSD-3-Clause
"""`--help` and the manuals name the same options.

WEFTD and WEFT name the binaries; without them those in build/ of this checkout are taken.
"""

import os
import pathlib
import re
import subprocess

import pytest

import tree

PROGRAMS = {
    "weftd": os.environ.get("WEFTD", str(tree.TOP / "build/src/daemon/weftd")),
    "weft": os.environ.get("WEFT", str(tree.TOP / "build/src/cli/weft")),
}
# Where pages stand that are made from tables
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", tree.TOP / "build"))
BACKENDS = [path.name[len("weft-backend-"):-len(".7.scd")]
            for path in tree.files(".scd", under="man") if path.name.startswith("weft-backend-")]

GENERATED = {"weft-commands"}
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", tree.TOP / "build"))
# Where the rows of weft-commands(7) are, and how each begins
COMMAND_ROW, CATALOG_ROW = r"\n\t\t\.name = ", r"\{ \{ NVME_"
ROWS = {"src/target/commands/fabrics.c": COMMAND_ROW, "src/target/commands/admin.c": COMMAND_ROW,
        "src/target/commands/nvm.c": COMMAND_ROW, "src/target/commands/log.c": CATALOG_ROW,
        "src/target/commands/features.c": CATALOG_ROW, "src/target/commands/identify.c": CATALOG_ROW}

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def run(program, *args):
    done = subprocess.run([PROGRAMS[program], *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{program} {' '.join(args)}: {done.returncode} {done.stderr}"
    return done.stdout


def manual(name):
    """Source of a manual page, as scdoc reads it, without its escapes."""
    made = BUILD / "man" / f"{name}.scd"
    source = made if made.is_file() else tree.TOP / "man" / f"{name}.scd"
    return source.read_text().replace("\\", "")


def described(text):
    """Options that head a definition: the line begins with one in bold."""
    heads = [line for line in text.splitlines() if re.match(r"\*-", line)]
    return set(OPTION.findall("\n".join(heads)))


def test_weftd():
    offered = set(OPTION.findall(run("weftd", "--help")))
    assert offered == described(manual("weftd.8"))


def test_weftd_names_no_option_that_it_has_not():
    offered = set(OPTION.findall(run("weftd", "--help")))
    elsewhere = set(OPTION.findall(run("weft", "--help")))
    for command in commands():
        elsewhere |= set(OPTION.findall(run("weft", command, "--help")))
    assert set(OPTION.findall(manual("weftd.8"))) <= offered | elsewhere


def commands():
    """Commands that `weft --help` lists, one a line, indented."""
    found = re.findall(r"^ {2,4}([a-z][a-z-]*)(?:\s|$)", run("weft", "--help"), re.MULTILINE)
    assert "export" in found, "weft --help lists no commands"
    return [name for name in found if name != "help"]


def weft_manuals():
    """weft.1, and a page of its own for whichever command has one."""
    return "\n".join(manual(path.name[:-len(".scd")]) for path in tree.files(".scd", under="man")
                     if re.match(r"weft(-[a-z]+)?\.1\.scd", path.name))


def test_weft():
    offered = set(OPTION.findall(run("weft", "--help")))
    for command in commands():
        offered |= set(OPTION.findall(run("weft", command, "--help")))
    assert offered == described(weft_manuals())


def test_weft_commands_have_a_place_in_the_manual():
    text = weft_manuals()
    for command in commands():
        assert re.search(rf"\*(weft )?{command}\*", text), f"weft {command}"


@pytest.mark.parametrize("name", BACKENDS)
def test_backend(name):
    offered = re.findall(r"^  ([a-z_]+)=", run("weftd", "--help-backend", name), re.MULTILINE)
    text = manual(f"weft-backend-{name}.7")
    documented = re.findall(r"^\*([a-z_]+)\*=", text, re.MULTILINE)
    assert sorted(offered) == sorted(documented)


def test_every_backend_has_a_manual():
    names = re.findall(r'\.name = "([a-z0-9-]+)",\s*\n?\s*\.summary',
                       "".join((tree.TOP / path).read_text()
                               for path in tree.files(".c", under="src/backend")))
    assert names and set(names) == set(BACKENDS)
    for name in names:
        run("weftd", "--help-backend", name)


def test_unknown_backend():
    done = subprocess.run([PROGRAMS["weftd"], "--help-backend", "floppy"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode != 0 and "floppy" in done.stderr


@pytest.mark.parametrize("path", tree.files(".scd", under="man"), ids=lambda path: path.name)
def test_manuals_are_well_formed(path, tmp_path):
    with open(tree.TOP / path, "rb") as source:
        done = subprocess.run(["scdoc"], stdin=source, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    text = (tree.TOP / path).read_text()
    name, section = re.match(r"([a-z0-9.-]+)\.(\d)\.scd", path.name).groups()
    assert text.startswith(f"{name}({section})"), "the first line names another page"
    # every page that it points to exists, where it is one of ours
    for other, number in re.findall(r"\*(weft[a-z0-9-]*)\*\((\d)\)", text):
        assert (tree.TOP / "man" / f"{other}.{number}.scd").is_file() or other in GENERATED, \
            f"{other}({number})"


def test_generated_manual_of_commands(tmp_path):
    """man/commands.c prints it from the target's tables: each row, and well formed."""
    page = BUILD / "man/weft-commands.7.scd"
    text = page.read_text()
    done = subprocess.run(["scdoc"], input=text.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    listed = re.findall(r"^\*(.+)\* \(([0-9A-F]{2})h\)$", text, re.MULTILINE)
    assert {"Connect", "Identify", "Read", "Dataset Management", "Discovery",
            "Number of Queues"} <= {name for name, _ in listed}
    rows = sum(len(re.findall(pattern, (tree.TOP / path).read_text()))
               for path, pattern in ROWS.items())
    assert len(listed) == rows
