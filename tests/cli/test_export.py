# SPDX-License-Identifier: BSD-3-Clause
"""weft export and unexport."""

import json
import os
import stat
import uuid

import pytest

import nvmetcp
import weftconf
from weftcli import FAILED, OWN_NETWORK, USAGE

pytestmark = pytest.mark.races

NQN = weftconf.nqn("one")
HOST = nvmetcp.HostId.make("friend")
STRANGER = nvmetcp.HostId.make("stranger")


def test_first_export_makes_everything(start, disk):
    weft = start({"ports": []}, wrapper=OWN_NETWORK)
    result = weft("export", disk)
    name = weft.json("ls")["subsystems"][0]["nqn"]
    assert name.startswith("nqn.2024-07.internal.weft:") and name.endswith(":disk.img")
    assert f"exported {disk} (16 MiB) as namespace 1 of\n  {name}\n" in result.out
    assert "any host that reaches this machine may attach it" in result.out
    assert "  nvme discover -t tcp -a 127.0.0.1 -s 8009\n" in result.out
    assert f"  nvme connect -t tcp -a 127.0.0.1 -s 4420 -n {name}\n" in result.out
    assert "'weft save'" in result.out
    ports = weft.json("ls")["ports"]
    assert [(p["addr"]["traddr"], p["addr"]["trsvcid"], p.get("weft")) for p in ports] == \
        [("0.0.0.0", "4420", None), ("0.0.0.0", "8009", {"discovery": True})]
    assert [p["state"]["status"] for p in ports] == ["ready", "ready"]
    assert ports[0]["subsystems"] == [name] and ports[1]["subsystems"] == []


def test_a_host_attaches_what_was_exported(weft, disk):
    disk.write_bytes(b"weft" * (4 << 20))
    reply = weft.json("export", disk, "--nqn", NQN)
    where = reply["connect"][0]
    assert (where["traddr"], where["trsvcid"]) == weft.daemon.address
    with nvmetcp.connect_admin(weft.daemon.address, NQN) as ctrl:
        assert ctrl.connect_io().read(0, 1, nsid=1) == b"weft" * 128


def test_json_says_what_was_made(weft, disk):
    reply = weft.json("export", disk, "--nqn", NQN, "--read-only", "--block-size", "4K")
    assert uuid.UUID(reply.pop("uuid")).int
    connect = reply.pop("connect")
    assert connect == reply.pop("discover")
    assert connect[0]["portid"] == 1 and connect[0]["trtype"] == "tcp"
    assert reply == {"nqn": NQN, "nsid": 1, "status": "ready", "backend": "file", "path": str(disk),
                     "size": 16 << 20, "block_size": 4096, "read_only": True,
                     "new_subsystem": True, "new_ports": False, "allow_any_host": True,
                     "hosts": [], "problems": [], "unsaved": True}


def test_relative_paths_are_this_folder_s(weft, disk):
    assert weft.json("export", "./x/../disk.img", "--nqn", NQN)["path"] == str(disk)
    weft("unexport", "disk.img")


def test_links_stay(weft, disk, tmp_path):
    (tmp_path / "by-id").symlink_to(disk)
    assert weft.json("export", "by-id", "--nqn", NQN)["path"] == str(tmp_path / "by-id")


def test_size_makes_a_missing_file(weft, tmp_path):
    path = tmp_path / "new.img"
    reply = weft.json("export", path, "--nqn", NQN, "--size", "1G")
    info = path.stat()
    assert reply["size"] == info.st_size == 1 << 30
    assert info.st_blocks == 0 and stat.S_IMODE(info.st_mode) == 0o600
    # it may grow: the size is the file's own, and not part of the configuration
    assert "weft" not in weft.json("ls")["subsystems"][0]["namespaces"][0]


def test_size_limits_an_existing_file(weft, disk):
    assert weft.json("export", disk, "--nqn", NQN, "--size", "1M")["size"] == 1 << 20
    assert disk.stat().st_size == 16 << 20


def test_memory(weft):
    result = weft("export", "--backend", "memory", "--size", "64M", "--nqn", NQN)
    assert "exported memory (64 MiB) as namespace 1 of" in result.out
    one = weft.json("ls")["subsystems"][0]["namespaces"][0]
    assert one["weft"]["backend"] == "memory" and one["state"]["size"] == 64 << 20


def test_options_of_the_backend(weft, disk):
    weft("export", disk, "--nqn", NQN, "--option", "direct=false")
    assert weft.json("ls")["subsystems"][0]["namespaces"][0]["weft"] == {"direct": "false"}


def test_more_namespaces_of_one_subsystem(weft, disk, tmp_path):
    assert weft.json("export", disk, "--nqn", NQN)["nsid"] == 1
    second = weft.json("export", tmp_path / "b", "--size", "1M", "--nqn", NQN)
    assert (second["nsid"], second["new_subsystem"]) == (2, False)
    weft("unexport", disk)
    third = weft.json("export", tmp_path / "c", "--size", "1M", "--nqn", NQN)
    assert third["nsid"] == 1
    with nvmetcp.connect_admin(weft.daemon.address, NQN) as ctrl:
        assert len(ctrl.connect_io().read(0, 1, nsid=2)) == 512


def test_a_disk_keeps_its_uuid(weft, disk):
    first = weft.json("export", disk, "--nqn", NQN)["uuid"]
    weft("unexport", disk)
    assert weft.json("export", disk, "--nqn", NQN)["uuid"] == first
    weft("unexport", disk)
    other = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
    assert weft.json("export", disk, "--nqn", NQN, "--uuid", other)["uuid"] == other


def test_hosts_on_the_list_may_attach_and_others_not(weft, disk):
    result = weft("export", disk, "--nqn", NQN, "--host", HOST.nqn)
    assert f"only these hosts may attach it:\n  {HOST.nqn}\n" in result.out
    with nvmetcp.connect_admin(weft.daemon.address, NQN, host=HOST):
        pass
    with pytest.raises(AssertionError):
        nvmetcp.connect_admin(weft.daemon.address, NQN, host=STRANGER)


def test_the_list_grows_but_never_opens(weft, tmp_path):
    weft("export", "a", "--size", "1M", "--nqn", NQN, "--host", HOST.nqn)
    reply = weft.json("export", "b", "--size", "1M", "--nqn", NQN, "--host", STRANGER.nqn)
    assert reply["hosts"] == [HOST.nqn, STRANGER.nqn] and not reply["allow_any_host"]
    reply = weft.json("export", "c", "--size", "1M", "--nqn", NQN)
    assert reply["hosts"] == [HOST.nqn, STRANGER.nqn] and not reply["allow_any_host"]


def test_a_list_cannot_guard_an_open_subsystem(weft):
    weft("export", "a", "--size", "1M", "--nqn", NQN)
    result = weft("export", "b", "--size", "1M", "--nqn", NQN, "--host", HOST.nqn, code=FAILED)
    assert "lets any host attach" in result.err


def test_save(weft, disk):
    result = weft("export", disk, "--nqn", NQN, "--save")
    assert f"saved to {weft.daemon.config_path}" in result.out
    assert "not saved" not in result.out
    saved = json.loads(weft.daemon.config_path.read_text())
    assert saved["subsystems"][0]["nqn"] == NQN
    assert weft.json("unexport", disk, "--save") == {
        "removed": [{"nqn": NQN, "nsid": 1, "path": str(disk), "subsystem": True}],
        "unsaved": False, "file": str(weft.daemon.config_path)}
    assert json.loads(weft.daemon.config_path.read_text())["subsystems"] == []


@pytest.mark.parametrize("args, says", [
    (["missing.img"], "missing.img; give a size to have it made"),
    (["no/such/folder/x.img", "--size", "1M"], "cannot make"),
    (["/"], "is a folder; only files and block devices"),
    (["/dev/null"], "is a character device"),
    (["--backend", "floppy", "x"], "floppy"),
    (["--backend", "memory"], "size"),
    (["disk.img", "--nqn", "n" * 224], "n" * 80),
    (["disk.img", "--host", "a\tb"], "NQN"),
    (["disk.img", "--option", "colour=red"], "colour"),
    (["disk.img", "--option", "direct=perhaps"], "perhaps"),
    (["disk.img", "--nqn", "nqn.2014-08.org.nvmexpress.discovery"], "discovery"),
])
def test_what_is_refused(weft, disk, args, says):
    before = weft.json("ls")
    result = weft("export", *args, code=FAILED)
    assert result.err.startswith("weft export: ") and says in result.err, result
    assert weft.json("ls") == before and not weft.json("status")["unsaved"]


def test_a_refused_export_leaves_no_file(weft, tmp_path):
    weft("export", "new.img", "--size", "1M", "--nqn", "n" * 224, code=FAILED)
    weft("export", "new.img", "--size", "1M", "--option", "colour=red", code=FAILED)
    assert not (tmp_path / "new.img").exists()


def test_a_disk_that_does_not_open_is_not_exported(weft, disk):
    """It passes every check but opening: too small for a block."""
    os.truncate(disk, 100)
    result = weft("export", disk, "--nqn", NQN, code=FAILED)
    assert "cannot export it" in result.err
    tree = weft.json("ls")
    assert tree["subsystems"] == [] and not weft.json("status")["unsaved"]


def test_twice(weft, disk):
    weft("export", disk, "--nqn", NQN)
    result = weft("export", disk, "--nqn", weftconf.nqn("two"), code=FAILED)
    assert f"{disk} is exported already, as namespace 1 of {NQN}" in result.err
    assert weft.json("export", disk, code=FAILED)["error"]["code"] == "exists"


@pytest.mark.parametrize("args, says", [
    ([], "which PATH?"),
    (["a", "b"], "one PATH only"),
    (["a", "--size"], "--size needs a value"),
    (["a", "--size", "big"], "--size big"),
    (["a", "--size", "0"], "--size 0"),
    (["a", "--block-size", "1024"], "--block-size 1024: it must be 512 or 4096"),
    (["a", "--uuid", "xyz"], "--uuid xyz: it must be 32 hexadecimal digits"),
    (["a", "--uuid", "0" * 32], "it must be 32 hexadecimal digits"),
    (["a", "--ana-grpid", "0"], "--ana-grpid 0: it must be an ANA group in 1..128"),
    (["a", "--option", "direct"], "NAME=VALUE"),
    (["a", "--colour"], "wrong option --colour"),
    (["--backend", "file"], "which PATH?"),
])
def test_usage(alone, args, says):
    result = alone("export", *args, code=USAGE)
    assert says in result.err and "try: weft export --help" in result.err


def test_unexport_by_path(weft, disk):
    weft("export", disk, "--nqn", NQN)
    result = weft("unexport", disk)
    assert f"unexported namespace 1 of {NQN} ({disk})\n" in result.out
    assert "'weft save'" in result.out
    tree = weft.json("ls")
    assert tree["subsystems"] == [] and tree["ports"][0]["subsystems"] == []
    assert disk.exists()


def test_unexport_by_name(weft):
    for name in "abc":
        weft("export", name, "--size", "1M", "--nqn", NQN)
    weft("unexport", f"{NQN}/2")
    assert [n["nsid"] for n in weft.json("ls")["subsystems"][0]["namespaces"]] == [1, 3]
    removed = weft.json("unexport", NQN)["removed"]
    assert [(r["nsid"], r["subsystem"]) for r in removed] == [(1, True), (3, True)]


def test_unexport_by_a_name_that_does_not_look_like_one(weft):
    """nvmetcli takes any name, and so do we."""
    for name in "ab":
        weft("export", name, "--size", "1M", "--nqn", "testnqn")
    weft("unexport", "testnqn/1")
    assert weft.json("unexport", "testnqn")["removed"] == [
        {"nqn": "testnqn", "nsid": 2, "path": str(weft.folder / "b"), "subsystem": True}]


def test_unexport_ends_the_sessions_of_the_subsystem(weft, disk):
    weft("export", disk, "--nqn", NQN)
    with nvmetcp.connect_admin(weft.daemon.address, NQN) as ctrl:
        weft("unexport", NQN)
        with pytest.raises((nvmetcp.Closed, OSError)):
            for _ in range(100):
                ctrl.keep_alive()
    nvmetcp.wait_until(lambda: not weft.json("sessions")["sessions"], what="no session")


@pytest.mark.parametrize("target, says", [
    ("disk.img", "disk.img is not exported"),
    (NQN, f"there is no subsystem {NQN}"),
    (f"{NQN}/7", f"there is no subsystem {NQN}"),
])
def test_unexport_of_nothing(weft, disk, target, says):
    result = weft("unexport", target, code=FAILED)
    assert says in result.err and "weft ls" in result.err
    assert weft.json("unexport", target, code=FAILED)["error"]["code"] == "not-found"


def test_unexport_of_a_missing_namespace(weft, disk):
    weft("export", disk, "--nqn", NQN)
    assert f"{NQN} has no namespace 7" in weft("unexport", f"{NQN}/7", code=FAILED).err


def test_unexport_of_a_path_that_is_there_twice(start, disk):
    weft = start(weftconf.config([
        weftconf.subsystem("one", [weftconf.namespace(1, path=disk, read_only=True)]),
        weftconf.subsystem("two", [weftconf.namespace(1, path=disk, read_only=True,
                                                      identity="other")]),
    ]))
    result = weft("unexport", disk, code=FAILED)
    assert f"{NQN}/1" in result.err and weftconf.nqn("two") + "/1" in result.err


@pytest.mark.parametrize("args, says", [
    ([], "which PATH or NQN?"),
    (["a", "b"], "one PATH or NQN only"),
    (["a", "--nqn"], "wrong option --nqn"),
])
def test_unexport_usage(alone, args, says):
    assert says in alone("unexport", *args, code=USAGE).err
