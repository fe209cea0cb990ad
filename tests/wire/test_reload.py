# SPDX-License-Identifier: BSD-3-Clause
"""SIGHUP: namespaces come, go and grow while hosts are connected; nobody is dropped."""

import os
import time

import pytest

import weftconf
from nvmetcp import Closed, command, connect_admin, connect_discovery, status, wait_until
from nvmetcp.decode import DiscoveryLog, Namespace, nsid_list
from weftconf import nqn

from conftest import FRIEND, STRANGER

pytestmark = pytest.mark.races

NAMESPACE_CHANGE = (2, 0x00, 0x04)  # type, information, log page
NOTICE = 1 << 8                     # Feature 0Bh: namespace attribute changes
CHANGED = 0x04


def site(*namespaces):
    return weftconf.config([weftconf.subsystem("one", namespaces)])


class Attached:
    """A host with an I/O queue that waits for notices."""

    def __init__(self, daemon, name="one"):
        self.daemon, self.config = daemon, daemon.config
        self.ctrl = connect_admin(daemon.address, nqn(name))
        self.io = self.ctrl.connect_io()
        self.ctrl.set_feature(0x0B, NOTICE)
        self.event = self.ctrl.aer()

    def change(self, *namespaces):
        """Reload with other namespaces; returns the changed-namespaces log after the notice."""
        def replace(config):
            config["subsystems"][0]["namespaces"] = list(namespaces)
        self.config = weftconf.changed(self.config, replace)
        self.daemon.reload(self.config)
        return self.notice()

    def notice(self):
        assert self.ctrl.wait_event(self.event) == NAMESPACE_CHANGE
        changed = nsid_list(self.ctrl.get_log(CHANGED, 4096))
        self.event = self.ctrl.aer()
        return changed

    def active(self):
        return nsid_list(self.ctrl.identify(2, nsid=0))

    def size(self, nsid):
        return Namespace.parse(self.ctrl.identify(0, nsid=nsid)).nsze


@pytest.fixture
def attached(weftd):
    """attached(*namespaces): a daemon with them, and a host on it."""
    made = []

    def attach(*namespaces):
        made.append(Attached(weftd(site(*namespaces))))
        return made[-1]
    yield attach
    for host in made:
        host.ctrl.close()


def ns(nsid, **kw):
    return weftconf.namespace(nsid, **kw)


def test_namespace_is_added(attached):
    host = attached(ns(1))
    assert host.change(ns(1), ns(2)) == [2]
    assert host.active() == [1, 2]
    data = os.urandom(4096)
    host.io.write(0, data, nsid=2)
    assert host.io.read(0, 8, nsid=2) == data


def test_namespace_is_removed(attached):
    host = attached(ns(1), ns(2))
    assert host.change(ns(1)) == [2]
    assert host.active() == [1]
    host.io.read(0, 1, nsid=2, expect=status.INVALID_NAMESPACE)
    host.io.flush(nsid=1)


def test_namespace_is_disabled_and_enabled(attached):
    host = attached(ns(1), ns(2))
    host.io.write(0, b"\x42" * 512, nsid=1)
    assert host.change(ns(1), ns(2, enable=0)) == [2]
    assert host.active() == [1]
    assert host.change(ns(1), ns(2)) == [2]
    assert host.active() == [1, 2]
    assert host.io.read(0, 1, nsid=1) == b"\x42" * 512, "an unrelated namespace was reopened"


def test_size_uses_part_of_a_file(attached, tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(8 << 20))
    host = attached(ns(1, path=path, size="4M"))
    assert host.size(1) == 8192
    assert host.change(ns(1, path=path, size="6M")) == [1]
    assert host.size(1) == 12288


def test_changed_options_leave_no_gap(attached, tmp_path):
    """A namespace whose device is opened anew is there all the time: a host that looked in between
    would take its disk away from under a mounted file system."""
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(8 << 20))
    host = attached(ns(1, path=path, size="4M"))
    for turn in range(5):
        def resize(config):
            config["subsystems"][0]["namespaces"] = [ns(1, path=path, size=f"{5 + turn % 2}M")]
        host.daemon.reload(weftconf.changed(host.config, resize))
        deadline = time.monotonic() + 10
        while host.size(1) != (5 + turn % 2) * 2048:
            assert host.active() == [1], "the namespace was gone for a moment"
            assert time.monotonic() < deadline


def test_namespace_is_resized(attached, tmp_path):
    """A larger file is noticed; nobody reopens anything, and what was written stays."""
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(4 << 20))
    host = attached(ns(1, path=path))
    assert host.size(1) == 8192
    host.io.write(0, b"\x17" * 4096)
    os.truncate(path, 8 << 20)
    host.daemon.reload(host.config)
    assert host.notice() == [1]
    assert host.size(1) == 16384
    assert host.io.read(0, 8) == b"\x17" * 4096
    host.io.write(16383, b"\x18" * 512)


def test_resize_is_noticed_without_a_reload(attached, tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(4 << 20))
    host = attached(ns(1, path=path))
    os.truncate(path, 6 << 20)
    assert host.notice() == [1]
    assert host.size(1) == 12288


def test_several_changes_at_once(attached):
    host = attached(ns(1), ns(2))
    seen = host.change(ns(1), ns(3), ns(4))
    while seen != [2, 3, 4]:        # read between two of the changes: the rest is told again
        seen = sorted(set(seen) | set(host.notice()))
    host.ctrl.admin.quiet(0.2)


def test_notice_is_one_shot_until_the_log_is_read(attached):
    host = attached(ns(1))
    config = host.config

    def reload_with(*namespaces):
        def replace(changed):
            changed["subsystems"][0]["namespaces"] = list(namespaces)
        host.daemon.reload(weftconf.changed(config, replace))
        wait_until(lambda: host.active() == [entry["nsid"] for entry in namespaces])
    reload_with(ns(1), ns(2))
    assert host.ctrl.wait_event(host.event) == NAMESPACE_CHANGE
    held = host.ctrl.aer()
    reload_with(ns(1), ns(2), ns(3))
    host.ctrl.admin.quiet(0.2)          # not read yet: no second notice
    # with RAE the event stays
    assert nsid_list(host.ctrl.get_log(CHANGED, 4096, rae=True)) == [2, 3]
    reload_with(ns(1), ns(2), ns(3), ns(4))
    host.ctrl.admin.quiet(0.2)
    assert nsid_list(host.ctrl.get_log(CHANGED, 4096)) == [2, 3, 4]
    reload_with(ns(1))
    assert host.ctrl.wait_event(held) == NAMESPACE_CHANGE
    assert nsid_list(host.ctrl.get_log(CHANGED, 4096)) == [2, 3, 4]
    assert nsid_list(host.ctrl.get_log(CHANGED, 4096)) == []


def test_no_notice_unless_asked_for(attached):
    host = attached(ns(1))
    host.ctrl.set_feature(0x0B, 0)

    def add(config):
        config["subsystems"][0]["namespaces"].append(ns(2))
    host.daemon.reload(weftconf.changed(host.config, add))
    wait_until(lambda: host.active() == [1, 2])
    host.ctrl.admin.quiet(0.2)


def test_memory_survives_an_unrelated_change(attached):
    host = attached(ns(1))
    host.io.write(0, b"\x77" * 4096)
    host.change(ns(1), ns(2))
    assert host.io.read(0, 8) == b"\x77" * 4096


def test_same_configuration_changes_nothing(attached):
    host = attached(ns(1))
    host.daemon.reload(host.config)
    host.ctrl.admin.quiet(0.5)
    host.io.flush()


def test_becomes_read_only(attached):
    host = attached(ns(1))
    host.io.write(0, bytes(512))
    host.change(ns(1, read_only=True))
    host.io.write(0, bytes(512), expect=status.WRITE_PROTECTED)


def test_subsystem_is_removed(weftd):
    """Its hosts are disconnected, other subsystems' are not."""
    config = weftconf.config([weftconf.subsystem("one", [ns(1)]),
                              weftconf.subsystem("two", [ns(1, identity="two")])])
    daemon = weftd(config)
    gone, stays = Attached(daemon, "one"), Attached(daemon, "two")

    def remove(changed):
        del changed["subsystems"][0]
        changed["ports"][0]["subsystems"].remove(nqn("one"))
    daemon.reload(weftconf.changed(config, remove))
    with pytest.raises(Closed):
        while True:
            gone.ctrl.admin.pump()
    gone.ctrl.close()
    stays.io.flush()
    stays.ctrl.close()


def test_host_is_no_longer_allowed(weftd):
    """A host that is connected and taken off the list loses its connection."""
    config = weftconf.config([weftconf.subsystem("one", [ns(1)],
                                                 hosts=[FRIEND.nqn, STRANGER.nqn])])
    daemon = weftd(config)
    friend = connect_admin(daemon.address, nqn("one"), host=FRIEND)
    stranger = connect_admin(daemon.address, nqn("one"), host=STRANGER)

    def remove(changed):
        changed["subsystems"][0]["allowed_hosts"] = [FRIEND.nqn]
    daemon.reload(weftconf.changed(config, remove))
    stranger.admin.expect_closed()
    friend.keep_alive()
    friend.close()
    stranger.close()


def test_removing_the_last_host_does_not_open_the_subsystem(weftd):
    config = weftconf.config([weftconf.subsystem("one", [ns(1)], hosts=[FRIEND.nqn])])
    daemon = weftd(config)
    friend = connect_admin(daemon.address, nqn("one"), host=FRIEND)

    def remove(changed):
        changed["subsystems"][0]["allowed_hosts"] = []
    daemon.reload(weftconf.changed(config, remove))
    friend.admin.expect_closed()
    friend.close()
    with pytest.raises(AssertionError, match="184h"):
        connect_admin(daemon.address, nqn("one"), host=STRANGER)


def test_port_is_added_and_removed(weftd):
    config = weftconf.config([weftconf.subsystem("one", [ns(1)])])
    daemon = weftd(config)
    host = Attached(daemon)
    second = weftconf.port(2, ["one"])

    def add(changed):
        changed["ports"].append(second)
    daemon.reload(weftconf.changed(config, add))
    address = ("127.0.0.1", int(second["addr"]["trsvcid"]))

    def listens():
        try:
            return connect_admin(address, nqn("one"))
        except ConnectionRefusedError:
            return None
    other = wait_until(listens, what="the new port")
    daemon.reload(config)
    other.admin.expect_closed()
    other.close()
    host.io.flush()
    host.ctrl.close()
    with pytest.raises(ConnectionRefusedError):
        connect_admin(address, nqn("one"))


def test_reload_under_io(attached):
    """Namespaces come and go while commands run on another; none is lost."""
    host = attached(ns(1))
    for turn in range(6):
        def replace(config):
            config["subsystems"][0]["namespaces"] = [ns(1)] + [ns(2)] * (turn % 2)
        host.daemon.reload(weftconf.changed(host.config, replace))
        batch = [host.io.submit(host.io.rw(command.READ, 1, at * 8, 8), length=4096)
                 for at in range(24)]
        for pending in batch:
            host.io.wait(pending)


def test_discovery_sees_no_namespace_changes(weftd):
    # GENCTR moves on links and hosts only
    config = site(ns(1))
    daemon = weftd(config)
    host = Attached(daemon)
    with connect_discovery(daemon.address) as discovery:
        before = DiscoveryLog.read(discovery).genctr
        host.change(ns(1), ns(2))
        assert DiscoveryLog.read(discovery).genctr == before
    host.ctrl.close()
