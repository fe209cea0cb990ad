# SPDX-License-Identifier: BSD-3-Clause
"""What all commands share: help, exit codes, the socket; and the bash completion."""

import os
import re
import shutil
import socket
import subprocess

import pytest

from weftcli import FAILED, OK, TOP, UNREACHABLE, USAGE, WEFT, Weft

COMMANDS = {
    "export": ["x.img"], "unexport": ["x.img"], "ls": [], "status": [], "sessions": [],
    "save": [], "restore": [], "clear": [],
}


def test_help(alone):
    out = alone("--help").out
    assert out == alone("-h").out
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", out, re.MULTILINE)
    assert "exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 weftd does not answer" in out
    assert re.fullmatch(r"weft \d+\.\d+\.\d+\n", alone("--version").out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_commands(alone, command):
    out = alone(command, "--help").out
    assert out.startswith(f"usage: weft {command} ") and f"example: weft {command}" in out
    assert out == alone(command, "-h").out
    assert max(map(len, out.splitlines())) <= 88


def test_help_explains_commands(alone):
    assert alone("help").out == alone("--help").out
    for command in re.findall(r"^  ([a-z]+) ", alone("--help").out, re.MULTILINE):
        out = alone("help", command).out
        assert out == alone(command, "--help").out and out.startswith(f"usage: weft {command}")
    assert "there is no command frob" in alone("help", "frob", code=USAGE).err
    assert "one COMMAND only" in alone("help", "ls", "save", code=USAGE).err


@pytest.mark.parametrize("args, says", [
    ([], "weft: which command?"),
    (["frob"], "weft: there is no command frob"),
    (["--frob", "ls"], "weft: wrong option --frob"),
    (["--socket"], "weft: which command?"),
    (["ls", "--socket"], "weft ls: option --socket needs a value"),
    (["status", "--socket", "/" + "x" * 200], "is too long"),
])
def test_usage(alone, args, says):
    result = alone(*args, code=USAGE)
    assert says in result.err and "--help" in result.err and not result.out


@pytest.mark.parametrize("command, args", COMMANDS.items())
def test_without_a_daemon(alone, command, args):
    result = alone(command, *args, code=UNREACHABLE)
    assert f"weft {command}: weftd is not running: cannot connect to {alone.socket_path}" \
        in result.err
    assert "start it with" in result.err and not result.out
    reply = alone.json(command, *args, code=UNREACHABLE)
    assert reply["error"]["code"] == "not-reachable"


def test_a_socket_that_nobody_serves(alone):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(alone.socket_path))
    assert "Connection refused" in alone("ls", code=UNREACHABLE).err


def test_a_socket_that_others_serve(alone):
    """Something that is not weftd: no HTTP at all."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(alone.socket_path))
        sock.listen()
        it = subprocess.Popen([str(WEFT), "--socket", str(alone.socket_path), "ls"],
                              stderr=subprocess.PIPE, text=True)
        peer, _ = sock.accept()
        peer.recv(4096)
        peer.sendall(b"what?\r\n")
        peer.close()
        _, err = it.communicate(timeout=30)
        assert it.returncode == UNREACHABLE and str(alone.socket_path) in err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_socket_that_one_may_not_use(weft):
    folder = weft.daemon.dir
    folder.chmod(0o711)
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", str(WEFT),
         "--socket", str(weft.socket_path), "status"], capture_output=True, text=True, timeout=60)
    assert done.returncode == UNREACHABLE and "run weft as root" in done.stderr, done


def test_options_may_stand_anywhere(weft):
    other = Weft("/nonexistent", weft.folder)
    path = weft.socket_path
    for args in (["--socket", path, "--json", "status"], [f"--socket={path}", "status", "--json"],
                 ["status", "--json", "--socket", path], ["--json", "status", f"--socket={path}"]):
        assert other(*args).json["pid"] == weft.daemon.process.pid


def test_the_socket_is_for_the_group(weft):
    assert weft.socket_path.stat().st_mode & 0o777 == 0o660
    weft.daemon.stop()
    assert not weft.socket_path.exists()


def test_a_full_disk_is_noticed(weft):
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(WEFT), "--socket", str(weft.socket_path), "ls"], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == FAILED and "cannot write to standard output" in done.stderr


def test_errors_are_json_too(weft):
    reply = weft.json("unexport", "/nowhere", code=FAILED)
    assert reply["error"] == {"code": "not-found",
                              "text": "/nowhere is not exported; 'weft ls' shows what is"}


COMPLETE = r"""
_init_completion() { cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
                     words=("${COMP_WORDS[@]}") cword=$COMP_CWORD; }
_filedir() { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
__ltrim_colon_completions() { :; }
PATH=$1:$PATH
source "$2"
shift 2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_weft
printf '%s\n' "${COMPREPLY[@]}"
"""


def complete(*words, env=None, cwd=None):
    script = TOP / "packaging" / "completion" / "weft"
    done = subprocess.run([shutil.which("bash"), "-c", COMPLETE, "bash", str(WEFT.parent),
                           str(script), "weft", *words], capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, cwd=cwd, timeout=60)
    assert done.returncode == OK, done.stderr
    return set(done.stdout.split())


def test_completion_of_commands_and_options():
    assert complete("s") == {"save", "sessions", "status"}
    assert set(COMMANDS) <= complete("")
    assert complete("--") == {"--json", "--socket", "--version", "--help"}
    assert complete("export", "--b") == {"--block-size", "--backend"}
    assert complete("export", "--backend", "m") == {"memory"}
    assert complete("export", "x", "--block-size", "") == {"512", "4096"}
    assert complete("unexport", "--") == {"--save", "--json", "--socket", "--help"}


def test_completion_knows_every_command_and_option(alone):
    """As help does; and it offers nothing else."""
    commands = complete("")
    assert commands == set(re.findall(r"^  ([a-z]+) ", alone("--help").out, re.MULTILINE))
    for command in commands:
        offered = set(re.findall(r"^ {2,6}(?:-\w, )?(--[a-z0-9-]+)", alone(command, "--help").out,
                                 re.MULTILINE))
        assert complete(command, "-") == offered, command


def test_completion_of_values():
    assert complete("help", "") == complete("")
    assert complete("perf", "--pattern", "") == complete("perf", "-p", "r") | {"seq"}
    assert complete("perf", "--time", "") == set()
    assert complete("nonsense", "") == complete("")


def test_completion_of_what_is_exported(weft, disk):
    weft("export", disk, "--nqn", "nqn.2020-01.org.x:disk")
    env = {"WEFT_SOCKET": str(weft.socket_path)}
    assert complete("unexport", "nqn.", env=env) == {"nqn.2020-01.org.x:disk"}
    assert complete("unexport", str(disk)[:-3], env=env) == {str(disk)}
    assert complete("--socket", str(weft.socket_path), "unexport", "nqn.") == \
        {"nqn.2020-01.org.x:disk"}
    assert complete("export", "di", cwd=disk.parent) == {"disk.img"}
