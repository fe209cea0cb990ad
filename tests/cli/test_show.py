# SPDX-License-Identifier: BSD-3-Clause
"""weft ls, status and sessions."""

import calendar
import json
import os
import pty
import subprocess
import time
import uuid

import pytest

import nvmetcp
import weftconf
from nvmetcp import wait_until
from weftcli import USAGE, WEFT
from weftd import free_port

NQN = weftconf.nqn("one")
HOST = nvmetcp.HostId.make("friend")


def utc(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


@pytest.fixture
def busy(start, tmp_path):
    """A daemon with something in each place: ready, failed and disabled, hosts, a referral."""
    return start(weftconf.config([
        weftconf.subsystem("one", [
            weftconf.namespace(1),
            weftconf.namespace(2, path=tmp_path / "missing.img"),
            weftconf.namespace(10, enable=0),
        ], hosts=[HOST.nqn], serial="S1"),
    ], [
        weftconf.port(1, ["one"], referrals=[weftconf.referral("other", "192.0.2.1", 8009)]),
        weftconf.port(2, [], weft={"discovery": True}),
    ]))


def test_port_of_an_interface(start, tmp_path):
    """Its name is what is configured and saved; where it listens is shown, and told to hosts."""
    weft = start(weftconf.config([], [weftconf.port(1, [], adrfam="ipv4"),
                                      weftconf.port(2, [], traddr="lo", adrfam="ipv4",
                                                    trsvcid=free_port())]))
    wait_until(lambda: "traddr=lo, " in weft("ls").out and "on 127.0.0.1, listening" in
               weft("ls").out, what="the port")
    assert weft.json("ls")["ports"][1]["state"]["addresses"] == ["127.0.0.1"]
    reply = weft.json("export", "--backend", "memory", "--size", "1M", "--save")
    assert {way["traddr"] for way in reply["connect"]} == {"127.0.0.1"}
    saved = json.loads(weft.daemon.config_path.read_text())
    assert saved["ports"][1]["addr"]["traddr"] == "lo"


def test_ls(busy):
    lines = busy("ls").out.splitlines()
    assert lines[0].startswith("o- / ..") and lines[0].endswith(" [...]")
    assert all(len(line) == 80 for line in lines if " .. " not in line and "..." in line[:-5])
    text = "\n".join(lines)
    port = busy.daemon.address[1]
    for expected in [
            "  o- hosts ", f"  | o- {HOST.nqn} ", "  o- ports ",
            "  | o- 1 . [trtype=tcp, traddr=127.0.0.1, "
            f"trsvcid={port}, inline_data_size=16384, listening]",
            ", discovery only, listening]",
            "  | | | o- other ", f"  | |   o- {NQN} ",
            f"    o- {NQN} ", "[version=2.1, allow_any=0, serial=S1]",
            f"      | o- {HOST.nqn} ",
            "        o- 1 . [memory, uuid=", "grpid=1, 64 MiB, enabled]",
            "missing.img: No such file", ", disabled]"]:
        assert expected in text, f"{expected!r} is not in\n{text}"
    # by number, not by letter
    assert text.index("o- 1 . [memory") < text.index("o- 2 . [path=") < text.index("        o- 10 ")


def test_ls_names_what_failed(busy):
    line = next(line for line in busy("ls").out.splitlines() if "missing.img" in line)
    assert ", failed: " in line


def test_ls_of_nothing(weft):
    out = weft("ls").out
    assert [line.split(" .")[0] for line in out.splitlines()] == [
        "o- /", "  o- hosts", "  o- ports", "  | o- 1", "  |   o- ana_groups",
        "  |   o- referrals", "  |   o- subsystems", "  o- subsystems"]


def test_ls_width(busy):
    assert len(busy("ls", env={"COLUMNS": "100"}).out.splitlines()[0]) == 100


def test_ls_on_a_terminal_has_colours(busy):
    def run(**env):
        master, slave = pty.openpty()
        with subprocess.Popen([str(WEFT), "ls"], stdout=slave, stdin=slave, env={
                **os.environ, "WEFT_SOCKET": str(busy.socket_path), "TERM": "xterm", **env}) as it:
            os.close(slave)
            out = b""
            try:
                while chunk := os.read(master, 4096):
                    out += chunk
            except OSError:
                pass
            os.close(master)
            assert it.wait() == 0
        return out

    out = run()
    assert b"\033[32m" in out and b"\033[31m" in out
    assert b"\033[" not in run(NO_COLOR="1")
    assert b"\033[" not in run(TERM="dumb")


def test_ls_json(busy):
    tree = busy.json("ls")
    namespaces = tree["subsystems"][0]["namespaces"]
    states = {n["nsid"]: n["state"] for n in namespaces}
    assert states[1]["status"] == "ready" and states[1]["size"] == 64 << 20
    assert states[1]["counters"] == {"reads": 0, "writes": 0, "read_bytes": 0,
                                     "written_bytes": 0, "media_errors": 0}
    assert states[2]["status"] == "failed" and "missing.img" in states[2]["reason"]
    assert states[10] == {"status": "disabled"}
    assert tree["subsystems"][0]["state"] == {"sessions": 0, "version": "2.1"}
    assert [p["state"] for p in tree["ports"]] == [
        {"status": "ready", "addresses": ["127.0.0.1"]}] * 2


def test_a_port_that_cannot_listen_says_why(start):
    port = weftconf.port(1, [])
    port["addr"]["traddr"] = "192.0.2.77"  # TEST-NET-1: not this machine's
    weft = start({"subsystems": [], "ports": []})
    weft.daemon.write_config({"subsystems": [], "ports": [port]})
    weft("restore")
    state = weft.json("ls")["ports"][0]["state"]
    assert state["status"] == "failed" and "192.0.2.77" in state["reason"]
    assert "failed: " in weft("ls").out
    assert any("port 1" in problem for problem in weft.json("status")["problems"])


def test_failed_comes_up_by_itself(busy, tmp_path):
    path = tmp_path / "missing.img"
    path.touch()
    os.truncate(path, 1 << 20)
    nvmetcp.wait_until(
        lambda: busy.json("ls")["subsystems"][0]["namespaces"][1]["state"]["status"] == "ready",
        what="the namespace whose file appeared")


def test_status(busy):
    out = busy("status").out
    rows = dict(line.split("  ", 1) for line in out.splitlines() if not line.startswith(" "))
    assert rows["weftd"].strip().startswith("0.")
    assert rows["namespaces"].strip() == "3 (1 failed, 1 disabled)"
    assert rows["ports"].strip() == "2"
    assert rows["sessions"].strip() == "0"
    assert rows["changes"].strip() == "all saved"
    assert rows["file"].strip() == str(busy.daemon.config_path)
    assert "missing.img" in rows["problems"]
    assert len({len(line) - len(line.split("  ", 1)[1].lstrip()) for line in out.splitlines()
                if not line.startswith(" ")}) == 1, "one column"


def test_status_json(busy):
    status = busy.json("status")
    assert status["pid"] == busy.daemon.process.pid
    assert status["engine"] in ("io_uring", "epoll") and status["reactors"] == 1
    assert status["namespaces"] == {"ready": 1, "opening": 0, "failed": 1, "disabled": 1}
    assert status["ports"] == {"ready": 2, "failed": 0, "disabled": 0}
    assert abs(time.time() - utc(status["started"])) < 60
    assert status["uptime_seconds"] < 60 and status["unsaved"] is False
    assert len(status["problems"]) == 1


def test_status_knows_unsaved_changes(busy):
    busy("export", "x.img", "--size", "1M")
    assert "not saved yet" in busy("status").out
    busy("save")
    assert "all saved" in busy("status").out
    busy("unexport", "x.img")
    assert busy.json("status")["unsaved"]
    busy("restore")
    assert not busy.json("status")["unsaved"]


def test_no_sessions(busy):
    assert busy("sessions").out == "nobody is connected\n"
    assert busy.json("sessions") == {"sessions": []}


def test_sessions(busy):
    with nvmetcp.connect_admin(busy.daemon.address, NQN, host=HOST, kato=15000,
                               hdgst=True) as ctrl:
        queue = ctrl.connect_io()
        ctrl.connect_io()
        queue.write(0, bytes(4096), nsid=1)
        queue.read(0, 16, nsid=1)
        session, = busy.json("sessions")["sessions"]
        out = busy("sessions").out
        assert busy.json("ls")["subsystems"][0]["state"]["sessions"] == 1
        assert ", serial=S1, 1 session]" in busy("ls").out
        assert busy.json("status")["sessions"] == 1
        local = ctrl.admin.conn.sock.getsockname()
    hostid = str(uuid.UUID(bytes=HOST.id))
    assert session["hostnqn"] == HOST.nqn and session["hostid"] == hostid
    assert session["subsystem"] == NQN and session["cntlid"] == ctrl.cntlid
    assert session["address"] == {"traddr": local[0], "trsvcid": local[1]}
    assert session["local"] == {"traddr": "127.0.0.1", "trsvcid": busy.daemon.address[1]}
    assert session["io_queues"] == 2 and session["kato_ms"] == 15000
    assert session["digests"] == {"header": True, "data": False}
    assert session["read_bytes"] >= 8192 and session["written_bytes"] >= 4096
    assert session["commands"] > 5 and session["portid"] == 1 and not session["discovery"]
    assert abs(time.time() - utc(session["since"])) < 60
    lines = out.splitlines()
    assert lines[0] == HOST.nqn
    for expected in [f"  host ID     {hostid}", f"  subsystem   {NQN}",
                     f"  address     {local[0]} port {local[1]}, to 127.0.0.1 port ",
                     "  queues      admin and 2 for I/O", "  keep alive  15 s",
                     "  digests     header", "  data        "]:
        assert any(line.startswith(expected) for line in lines), f"{expected!r}: {out}"
    nvmetcp.wait_until(lambda: not busy.json("sessions")["sessions"], what="no session")


def test_discovery_sessions(busy):
    with nvmetcp.connect_discovery(busy.daemon.address, host=HOST):
        session, = busy.json("sessions")["sessions"]
        assert session["discovery"] and session["io_queues"] == 0
        assert ", discovery" in busy("sessions").out


@pytest.mark.parametrize("command", ["ls", "status", "sessions"])
def test_usage(alone, command):
    assert "it takes no argument such as x" in alone(command, "x", code=USAGE).err
    assert f"try: weft {command} --help" in alone(command, "--x", code=USAGE).err
