# SPDX-License-Identifier: BSD-3-Clause
"""Who may use the API, who may read what weftd writes, and what it may do itself."""

import grp
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

import weftconf
from weftcli import FAILED, OK, UNREACHABLE, WEFT
from weftd import Weftd

pytestmark = pytest.mark.shipped

NQN = weftconf.nqn("one")
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ=="
KEY = f"DHHC-1:00:{SECRET}:"
STRANGER = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


def mode(path):
    return stat.filemode(path.lstat().st_mode)


@pytest.fixture
def group():
    """A group that this user may give files to, and which is not the one that new files have."""
    groups = [1] if os.geteuid() == 0 else sorted(set(os.getgroups()) - {os.getegid()})
    if not groups:
        pytest.skip("this user has one group only")
    return grp.getgrgid(groups[0])


@pytest.fixture
def shared(start, group):
    """weft for a daemon that another user reaches, with a copy of weft that it may run."""
    weft = start(weftconf.config([], [weftconf.port(1, [])]), args=["--api-group", group.gr_name])
    weft.daemon.dir.chmod(0o755)
    shutil.copy(WEFT, weft.daemon.dir / "weft")
    return weft


def as_stranger(weft, groups, code):
    done = subprocess.run(["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}",
                           f"--groups={groups}" if groups else "--clear-groups",
                           weft.daemon.dir / "weft", "--socket", weft.socket_path, "status"],
                          cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done
    return done.stderr


def test_the_socket_is_for_its_group(shared, group):
    assert mode(shared.socket_path) == "srw-rw----"
    assert shared.socket_path.lstat().st_gid == group.gr_gid


@as_root
def test_members_of_the_group_may_use_it(shared, group):
    as_stranger(shared, group.gr_gid, OK)


@as_root
def test_others_are_told_what_to_do(shared, group):
    says = as_stranger(shared, None, UNREACHABLE)
    assert "you may not connect" in says and f"usermod -aG {group.gr_name}" in says


def test_a_group_that_is_not_there_is_refused(tmp_path):
    daemon = Weftd({"ports": []}, args=["--api-group", "no-such-group"])
    try:
        assert daemon.spawn().wait_exit() == 1
        assert "groupadd --system no-such-group" in daemon.stderr
        assert not daemon.socket_path.exists()
    finally:
        daemon.remove()


def test_what_it_writes_is_for_nobody_else(weft):
    weft.daemon.config_path.chmod(0o644)
    weft("export", "--backend", "memory", "--size", "16M", "--nqn", NQN, "--save")
    assert mode(weft.daemon.config_path) == "-rw-------"
    assert mode(weft.daemon.state_dir / "state.json") == "-rw-------"


@pytest.mark.parametrize("text, code", [
    (f'{{"hosts": [{{"nqn": "{NQN}", "dhchap_key": "{KEY}"}}]}}', FAILED),
    (f'{{"hosts": [{{"nqn": "{NQN}", "dhchap_ctrl_key": "{KEY}"}}]}}', FAILED),
    (f'{{"hosts": [{{"dhchap_key": "{KEY}" "nqn": ""}}]}}', FAILED),
    (f'{{"hosts": [{{"dhchap_key" "{KEY}"}}]}}', FAILED),
    (f'{{"hosts": [{{"dhchap_key": {SECRET}}}]}}', FAILED),
    (f'{{"hosts": [{{"dhchap_key": "{KEY}', FAILED),
    (f'{{"hosts": [{{"dhchap_key": "{KEY}", "dhchap_key": "{KEY}"}}]}}', FAILED),
    # passed over with a warning, as all that weft does not know
    (f'{{"subsystems": [{{"nqn": "{NQN}", "dhchap_key": "{KEY}"}}]}}', OK),
    (f'{{"tls_psk": "{SECRET}"}}', OK),
])
def test_secrets_are_shown_nowhere(start, tmp_path, text, code):
    weft = start(weftconf.config([], [weftconf.port(1, [])]), args=["--log-level", "debug"])
    path = tmp_path / "config.json"
    path.write_text(text)
    weft.daemon.write_config(text)
    said = [weft("restore", path, code=code), weft("restore", code=code), weft("ls"),
            weft("status", "--json"), weft("ls", "--json")]
    shown = "".join(result.out + result.err for result in said) + weft.daemon.stderr
    assert SECRET not in shown


def proc_status(path):
    return dict(re.findall(r"^(\w+):\s*(.*)$", pathlib.Path(path).read_text(), re.MULTILINE))


def tasks(daemon):
    """What /proc says of each thread."""
    folder = f"/proc/{daemon.process.pid}/task"
    return [proc_status(f"{folder}/{name}/status") for name in os.listdir(folder)]


@pytest.mark.parametrize("switch", ["on", "off"])
def test_every_thread_is_in_the_sandbox(start, switch):
    weft = start(weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])],
                                 [weftconf.port(1, ["one"])]), cores=2, args=["--sandbox", switch])
    outside = proc_status("/proc/self/status")
    threads = tasks(weft.daemon)
    assert len(threads) >= 3
    for thread in threads:
        if switch == "on":
            assert (thread["NoNewPrivs"], thread["Seccomp"]) == ("1", "2")
        else:
            assert thread["NoNewPrivs"] == outside["NoNewPrivs"]
            assert thread["Seccomp"] == outside["Seccomp"]
