# SPDX-License-Identifier: BSD-3-Clause
"""weft save, restore and clear."""

import json
import pathlib
import stat
import subprocess
import time

import pytest

import nvmetcp
import weftconf
from weftcli import FAILED, TOP, USAGE, WEFT
from weftd import WEFTD

NQN = weftconf.nqn("one")


@pytest.fixture
def one(start):
    return start(weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])]))


def test_save(one):
    one("export", "--backend", "memory", "--size", "1M", "--nqn", NQN)
    result = one("save")
    assert result.out == f"saved to {one.daemon.config_path}\n"
    text = one.daemon.config_path.read_text()
    saved = json.loads(text)
    assert [n["nsid"] for n in saved["subsystems"][0]["namespaces"]] == [1, 2]
    assert text == json.dumps(saved, indent=2, sort_keys=True) + "\n"
    assert stat.S_IMODE(one.daemon.config_path.stat().st_mode) == 0o600
    assert one.json("save") == {"file": str(one.daemon.config_path), "unsaved": False}


def test_save_makes_the_folder(one):
    folder = one.daemon.dir / "etc"
    one.daemon.stop()
    text = one.daemon.config_path.read_text()
    one.daemon.config_path = folder / "config.json"
    folder.mkdir()
    one.daemon.config_path.write_text(text)
    one.daemon.start()
    one.wait()
    one.daemon.config_path.unlink()
    folder.rmdir()
    one("save")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert json.loads(one.daemon.config_path.read_text())["subsystems"]


def test_what_is_saved_is_served_after_a_restart(one):
    one("export", "--backend", "memory", "--size", "1M", "--nqn", weftconf.nqn("two"), "--save")
    one("export", "--backend", "memory", "--size", "1M", "--nqn", weftconf.nqn("three"))
    before = one.json("ls")["subsystems"]
    one.daemon.stop()
    one.daemon.start()
    one.wait()
    assert one.json("ls")["subsystems"] == [s for s in before
                                            if s["nqn"] != weftconf.nqn("three")]


def test_save_to_a_file(one, tmp_path):
    assert one("save", "copy.json").out == "saved to copy.json\n"
    copy = tmp_path / "copy.json"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    one("save")
    assert copy.read_text() == one.daemon.config_path.read_text() == one("save", "-").out
    assert one.json("save", "copy.json") == {"file": "copy.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["copy.json"]


def test_save_that_is_killed(one, tmp_path):
    """Whenever that is: the file is whole, and at most one other is left, until the next time."""
    copy = tmp_path / "copy.json"
    one("save", "copy.json")
    text = copy.read_text()
    for turn in range(20):
        with subprocess.Popen([WEFT, "--socket", one.socket_path, "save", copy],
                              stdout=subprocess.DEVNULL) as process:
            time.sleep(turn / 2000)
            process.kill()
        assert copy.read_text() == text
        assert {path.name for path in tmp_path.iterdir()} <= {"copy.json", "copy.json.new"}
    one("save", "copy.json")
    assert [path.name for path in tmp_path.iterdir()] == ["copy.json"]


def test_save_beside_what_was_left(one, tmp_path):
    copy, left, other = (tmp_path / name for name in ("copy.json", "copy.json.new", "other"))
    other.write_text("another's")
    left.symlink_to(other)
    copy.symlink_to(other)
    one("save", "copy.json")
    assert json.loads(copy.read_text())["subsystems"] and not copy.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.json", "other"]
    assert other.read_text() == "another's"


def test_save_of_the_daemon_follows_a_link(one, tmp_path):
    """The administrator put it there."""
    elsewhere = tmp_path / "elsewhere.json"
    one.daemon.config_path.rename(elsewhere)
    one.daemon.config_path.symlink_to(elsewhere)
    elsewhere.with_name("elsewhere.json.new").write_text("half of")
    one("save")
    assert one.daemon.config_path.is_symlink()
    assert json.loads(elsewhere.read_text())["subsystems"]
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.json"]


def test_save_where_that_cannot_be(one):
    result = one("save", "no/such/folder.json", code=FAILED)
    assert "cannot write no/such/folder.json: No such file or directory" in result.err
    reply = one.json("save", "no/such/folder.json", code=FAILED)
    assert "no/such/folder.json" in reply["error"]["text"]


def test_save_of_the_daemon_where_that_cannot_be(one):
    one.daemon.config_path.unlink()
    one.daemon.config_path.mkdir()
    result = one("save", code=FAILED)
    assert str(one.daemon.config_path) in result.err
    result = one("export", "x.img", "--size", "1M", "--save", code=FAILED)
    assert "the change is made, but it is not saved" in result.err
    one.daemon.config_path.rmdir()


def test_restore_undoes_what_was_not_saved(one):
    one("export", "--backend", "memory", "--size", "1M", "--nqn", NQN)
    assert one("restore").out == "restored 1 subsystem, 1 namespace, 1 port\n"
    assert len(one.json("ls")["subsystems"][0]["namespaces"]) == 1
    assert not one.json("status")["unsaved"]


def test_restore_of_a_file_keeps_who_is_attached(one, tmp_path):
    config = json.loads(one("save", "-").out)
    config["subsystems"].append(weftconf.subsystem("two"))
    (tmp_path / "new.json").write_text(json.dumps(config))
    with nvmetcp.connect_admin(one.daemon.address, NQN) as ctrl:
        queue = ctrl.connect_io()
        result = one("restore", "new.json")
        assert result.out.startswith("restored 2 subsystems, 1 namespace, 1 port\n")
        assert "'weft save'" in result.out
        queue.write(0, bytes(512), nsid=1)
        ctrl.keep_alive()
    assert one.json("status")["unsaved"]


def test_restore_from_standard_input(one):
    text = one("save", "-").out
    one("clear")
    assert one.json("restore", "-", stdin=text) == {
        "subsystems": 1, "namespaces": 1, "ports": 1, "hosts": 0, "warnings": [],
        "unsaved": True}
    assert one("save", "-").out == text


@pytest.mark.parametrize("name", ["omv-config.json", "nvmetcli-boot.json"])
def test_restore_of_the_samples(weft, name):
    path, = (TOP / "tests" / "data").rglob(name)
    weft("restore", path)
    tree = weft.json("ls")
    assert len(tree["subsystems"]) == len(tree["ports"]) == 1
    state = tree["subsystems"][0]["namespaces"][0]["state"]
    assert state["status"] in ("failed", "ready")


def test_restore_of_a_mistake_changes_nothing(one, tmp_path):
    before = one.json("ls")
    (tmp_path / "bad.json").write_text('{\n  "ports": [\n    {"portid": 99999}\n  ]\n}\n')
    result = one("restore", "bad.json", code=FAILED)
    assert "bad.json:3: " in result.err and "99999" in result.err
    assert one.json("restore", "bad.json", code=FAILED)["error"]["code"] == "invalid"
    (tmp_path / "bad.json").write_text('{\n  "ports": [,]\n}\n')
    assert "bad.json:2" in one("restore", "bad.json", code=FAILED).err
    (tmp_path / "empty.json").write_text("")
    one("restore", "empty.json", code=FAILED)
    one.daemon.config_path.write_text("{")
    assert f"{one.daemon.config_path}:1" in one("restore", code=FAILED).err
    assert one.json("ls") == before


def test_restore_warns_of_what_it_passes_over(one, tmp_path):
    (tmp_path / "odd.json").write_text('{"subsystems": [], "colour": "red"}')
    result = one("restore", "odd.json")
    assert "warning: " in result.err and "colour" in result.err
    assert "colour" in one.json("restore", "odd.json")["warnings"][0]


def test_referrals_in_a_circle_are_warned_of(one, tmp_path):
    """By `weft restore`, in the API's answer, in weftd's log and by weftd --check."""
    port = weftconf.port(1, [])
    address = port["addr"]["traddr"], port["addr"]["trsvcid"]
    port["referrals"] = [weftconf.referral("self", *address)]
    (tmp_path / "loop.json").write_text(json.dumps(weftconf.config([], [port]), indent=2))
    warned = (f"port 1, referral self: {address[0]}, TCP port {address[1]}, is this port itself")
    assert "warning: loop.json:" in one("restore", "loop.json").err
    assert warned in one("restore", "loop.json").err
    assert warned in one.json("restore", "loop.json")["warnings"][0]
    assert warned in one.daemon.stderr
    checked = subprocess.run([str(WEFTD), "--check", "--config", str(tmp_path / "loop.json")],
                             capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0 and warned in checked.stderr


def test_restore_of_a_missing_file(one):
    assert "cannot read no.json: No such file" in one("restore", "no.json", code=FAILED).err
    one.daemon.config_path.unlink()
    result = one("restore", code=FAILED)
    assert str(one.daemon.config_path) in result.err
    assert one.json("restore", code=FAILED)["error"]["code"] == "not-found"


def test_restore_of_too_much(one, tmp_path):
    (tmp_path / "big.json").write_text("[" + " " * (8 << 20) + "]")
    assert "cannot read big.json: File too large" in one("restore", "big.json", code=FAILED).err


def test_clear(one):
    with nvmetcp.connect_admin(one.daemon.address, NQN) as ctrl:
        result = one("clear")
        assert result.out.startswith("cleared 1 subsystem, 1 namespace, 1 port\n")
        with pytest.raises((nvmetcp.Closed, OSError)):
            for _ in range(100):
                ctrl.keep_alive()
    tree = one.json("ls")
    assert tree["subsystems"] == tree["ports"] == tree["hosts"] == []
    assert json.loads(one.daemon.config_path.read_text())["subsystems"]
    one("restore")
    assert len(one.json("ls")["subsystems"]) == 1


def test_clear_and_save(one):
    reply = one.json("clear", "--save")
    assert (reply["subsystems"], reply["unsaved"]) == (1, False)
    saved = json.loads(pathlib.Path(reply["file"]).read_text())
    assert saved == {"hosts": [], "ports": [], "subsystems": []}


@pytest.mark.parametrize("args, says", [
    (["save", "a", "b"], "one FILE only, not b too"),
    (["restore", "a", "b"], "one FILE only, not b too"),
    (["clear", "a"], "it takes no argument such as a"),
    (["save", "--file"], "wrong option --file"),
])
def test_usage(alone, args, says):
    assert says in alone(*args, code=USAGE).err
