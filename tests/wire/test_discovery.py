# SPDX-License-Identifier: BSD-3-Clause
"""The discovery service (Base 2.1, sections 3.1.3.3 and 5.2.12.3.1)."""

import pytest

import weftconf
from nvmetcp import (DISCOVERY_NQN, HOST, command, connect_admin, connect_data, connect_discovery,
                     open_queue, send_connect, status, wait_until)
from nvmetcp.decode import DiscoveryEntry, DiscoveryLog, nqn as nqn_at, u8, u32, u64
from weftconf import nqn
from weftd import Weftd

from conftest import FRIEND, STRANGER

pytestmark = [pytest.mark.races, pytest.mark.answers]

ADRFAM_IPV4, ADRFAM_IPV6 = 1, 2
TRTYPE_TCP = 3
DISCOVERY_CHANGE = (2, 0xF0, 0x70)  # type, information, log page
NOTICE = 1 << 31                    # Feature 0Bh: discovery log page change


def read(address, host=HOST, **kw):
    with connect_discovery(address, host=host, **kw) as ctrl:
        return DiscoveryLog.read(ctrl)


def with_referral():
    subs = [weftconf.subsystem("open", [weftconf.namespace(1)]),
            weftconf.subsystem("friends", [weftconf.namespace(1, identity="x")],
                               hosts=[FRIEND.nqn])]
    ports = [
        weftconf.port(3, ["open", "friends"], referrals=[
            weftconf.referral("elsewhere", "192.0.2.7", 8009, portid=9),
            weftconf.referral("off", "192.0.2.8", 8009, enable=0)]),
        weftconf.port(4, ["open"], traddr="127.0.0.2"),
    ]
    return weftconf.config(subs, ports)


@pytest.fixture(scope="module")
def site():
    """A daemon with two ports and a referral; tests must not change it."""
    with Weftd(with_referral()) as running:
        yield running
        running.check()


def test_order_current_subsystems_referrals(site):
    entries = read(site.address).entries
    assert [entry.subtype for entry in entries] == [
        DiscoveryEntry.CURRENT, DiscoveryEntry.SUBSYSTEM, DiscoveryEntry.REFERRAL]


def test_only_what_this_host_may_see(site):
    assert read(site.address, STRANGER).named(DiscoveryEntry.SUBSYSTEM) == [nqn("open")]
    assert sorted(read(site.address, FRIEND).named(DiscoveryEntry.SUBSYSTEM)) == [
        nqn("friends"), nqn("open")]


def test_only_the_port_that_is_asked(site):
    log = read(site.addresses()[1], FRIEND)
    assert log.named(DiscoveryEntry.SUBSYSTEM) == [nqn("open")]
    assert not log.named(DiscoveryEntry.REFERRAL)
    assert {entry.portid for entry in log.entries} == {4}


def test_entry_of_the_current_subsystem(site):
    entry = read(site.address).entries[0]
    assert entry.subnqn == DISCOVERY_NQN
    assert entry.portid == 3
    assert entry.traddr == "127.0.0.1"
    assert entry.eflags & 2, "persistent connections are supported"


def test_entry_of_a_subsystem(site):
    entry = read(site.address).entries[1]
    address, port = site.address
    assert (entry.trtype, entry.adrfam, entry.sectype) == (TRTYPE_TCP, ADRFAM_IPV4, 0)
    assert (entry.traddr, entry.trsvcid) == (address, str(port))
    assert entry.portid == 3
    assert entry.cntlid == 0xFFFF, "dynamic controllers"
    assert entry.asqsz >= 32
    assert entry.treq & 3 == 0, "TLS: not specified"


def test_entry_of_a_referral(site):
    entry = read(site.address).entries[2]
    assert (entry.trtype, entry.adrfam) == (TRTYPE_TCP, ADRFAM_IPV4)
    assert (entry.traddr, entry.trsvcid, entry.portid) == ("192.0.2.7", "8009", 9)
    assert entry.subnqn == DISCOVERY_NQN


def test_entries_lead_to_the_subsystem(site):
    entry = read(site.address).entries[1]
    with connect_admin((entry.traddr, int(entry.trsvcid)), entry.subnqn) as ctrl:
        ctrl.connect_io().flush()


def test_identify_of_a_discovery_controller(site):
    with connect_discovery(site.address) as ctrl:
        data = ctrl.identify(1)
    assert u8(data, 111) == 2, "CNTRLTYPE"
    assert nqn_at(data, 768) == DISCOVERY_NQN
    assert u32(data, 92) & NOTICE, "OAES"
    assert u32(data, 516) == 0, "NN: no namespaces"


@pytest.mark.parametrize("cns", [0x00, 0x02, 0x03])
def test_no_namespaces_to_identify(site, cns):
    with connect_discovery(site.address) as ctrl:
        ctrl.identify(cns, nsid=1, expect=(status.INVALID_FIELD, status.INVALID_NAMESPACE,
                                           status.INVALID_OPCODE))


def test_log_reads_by_offset_are_the_whole(site):
    with connect_discovery(site.address) as ctrl:
        whole = ctrl.get_log(0x70, 4096, nsid=0)
        for step in (4, 256, 1024, 2048):
            at, pieces = 512, []
            while at < 2560:
                pieces.append(ctrl.get_log(0x70, step, offset=at, nsid=0))
                at += step
            assert b"".join(pieces)[:2048] == whole[512:2560], f"in steps of {step}"


def test_read_beyond_the_last_entry_is_zeroes(site):
    with connect_discovery(site.address) as ctrl:
        count = u64(ctrl.get_log(0x70, 1024, nsid=0), 8)
        assert not any(ctrl.get_log(0x70, 1024 * (count + 5), nsid=0)[1024 * (count + 1):])


@pytest.mark.parametrize("offset", [1, 2, 1 << 20, 1 << 40, (1 << 64) - 4])
def test_wrong_offsets(site, offset):
    """Base 2.1, figure of Get Log Page's LPO: dword aligned, not beyond the log page."""
    with connect_discovery(site.address) as ctrl:
        ctrl.get_log(0x70, 1024, offset=offset, nsid=0, expect=status.INVALID_FIELD)


def test_no_discovery_log_on_io_controllers(ctrl):
    ctrl.get_log(0x70, 1024, nsid=0, expect=status.INVALID_LOG_PAGE)


def test_keep_alive_and_features(site):
    with connect_discovery(site.address, kato=5000) as ctrl:
        ctrl.keep_alive()
        assert ctrl.get_feature(0x0F).dw0 == 5000
        ctrl.set_feature(0x0B, NOTICE)
        assert ctrl.get_feature(0x0B).dw0 & NOTICE


def test_io_commands_are_unknown(site):
    with connect_discovery(site.address) as ctrl:
        ctrl.admin.run(command.sqe(0x7C), expect=status.INVALID_OPCODE)


# changes

def small(*names, trsvcid=None):
    return weftconf.config([weftconf.subsystem(name, [weftconf.namespace(1, identity=name)])
                            for name in names], [weftconf.port(1, names, trsvcid=trsvcid)])


def test_notice_on_change(weftd):
    daemon = weftd(small("one"))
    port = daemon.address[1]
    with connect_discovery(daemon.address, kato=120000) as ctrl:
        before = DiscoveryLog.read(ctrl)
        ctrl.set_feature(0x0B, NOTICE)
        event = ctrl.aer()
        daemon.reload(small("one", "two", trsvcid=port))
        assert ctrl.wait_event(event) == DISCOVERY_CHANGE
        after = DiscoveryLog.read(ctrl)
        assert after.genctr > before.genctr
        assert sorted(after.named(DiscoveryEntry.SUBSYSTEM)) == [nqn("one"), nqn("two")]
        # one-shot, until the log was read with RAE 0 (just now): the next change is told again
        event = ctrl.aer()
        daemon.reload(small("two", trsvcid=port))
        assert ctrl.wait_event(event) == DISCOVERY_CHANGE
        assert DiscoveryLog.read(ctrl).named(DiscoveryEntry.SUBSYSTEM) == [nqn("two")]


def test_notice_waits_for_its_request(weftd):
    daemon = weftd(small("one"))
    with connect_discovery(daemon.address) as ctrl:
        ctrl.set_feature(0x0B, NOTICE)
        genctr = DiscoveryLog.read(ctrl).genctr
        daemon.reload(small("one", "two", trsvcid=daemon.address[1]))
        wait_until(lambda: u64(ctrl.get_log(0x70, 16, nsid=0, rae=True), 0) > genctr)
        assert ctrl.wait_event(ctrl.aer()) == DISCOVERY_CHANGE


def test_no_notice_unless_asked_for(weftd):
    daemon = weftd(small("one"))
    with connect_discovery(daemon.address) as ctrl:
        ctrl.aer()
        genctr = DiscoveryLog.read(ctrl).genctr
        daemon.reload(small("one", "two", trsvcid=daemon.address[1]))
        wait_until(lambda: DiscoveryLog.read(ctrl).genctr > genctr)
        ctrl.admin.quiet(0.2)


def test_no_notice_when_nothing_changed(weftd):
    config = small("one")
    daemon = weftd(config)
    with connect_discovery(daemon.address) as ctrl:
        ctrl.set_feature(0x0B, NOTICE)
        ctrl.aer()
        genctr = DiscoveryLog.read(ctrl).genctr
        daemon.reload(config)
        ctrl.admin.quiet(0.5)
        assert DiscoveryLog.read(ctrl).genctr == genctr


def test_allowed_hosts_are_a_change(weftd):
    config = small("one")
    daemon = weftd(config)
    genctr = read(daemon.address).genctr

    def close(changed):
        changed["subsystems"][0]["attr"]["allow_any_host"] = "0"
    with connect_discovery(daemon.address, host=STRANGER) as ctrl:
        ctrl.set_feature(0x0B, NOTICE)
        event = ctrl.aer()
        daemon.reload(weftconf.changed(config, close))
        assert ctrl.wait_event(event) == DISCOVERY_CHANGE
        log = DiscoveryLog.read(ctrl)
    assert log.genctr > genctr
    assert not log.named(DiscoveryEntry.SUBSYSTEM)


def test_genctr_survives_a_restart(weftd):
    config = small("one")
    daemon = weftd(config)
    daemon.reload(small("one", "two", trsvcid=daemon.address[1]))
    wait_until(lambda: len(read(daemon.address).entries) == 3)
    before = read(daemon.address).genctr
    daemon.stop()
    daemon.start()
    assert read(daemon.address).genctr >= before
    daemon.stop()
    daemon.write_config(config)
    daemon.start()
    # a host that remembers `before` must notice that the log is another
    assert read(daemon.address).genctr > before


# names and addresses

def test_unique_discovery_nqn(weftd):
    unique = nqn("discovery")
    config = small("one")
    config["weft"] = {"discovery_nqn": unique}
    daemon = weftd(config)
    for name in (DISCOVERY_NQN, unique):
        with connect_discovery(daemon.address, subnqn=name) as ctrl:
            assert DiscoveryLog.read(ctrl).entries[0].subnqn == unique
            # the controller says by which name it wants to be known (section 3.1.3.3.1)
            assert nqn_at(ctrl.identify(1), 768) == unique


def test_wildcard_address_is_replaced(weftd):
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])],
                             [weftconf.port(1, ["one"], traddr="0.0.0.0")])
    daemon = weftd(config)
    for local in ("127.0.0.1", "127.0.0.9"):
        entries = read((local, daemon.address[1])).entries
        assert {entry.traddr for entry in entries} == {local}


def test_ipv6(weftd):
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])],
                             [weftconf.port(1, ["one"], traddr="::1")])
    daemon = weftd(config)
    entry = read(daemon.address).entries[1]
    assert (entry.adrfam, entry.traddr) == (ADRFAM_IPV6, "::1")
    with connect_admin(daemon.address, entry.subnqn) as ctrl:
        ctrl.connect_io().flush()


def test_discovery_port_lists_the_others(weftd):
    """The usual port 8009: it serves no subsystem, and lists the ports that do."""
    config = weftconf.config(
        [weftconf.subsystem("one", [weftconf.namespace(1)])],
        [weftconf.port(1, ["one"]), weftconf.port(2, [], weft={"discovery": True})])
    daemon = weftd(config)
    data_port, discovery_port = daemon.addresses()
    entry = read(discovery_port).entries[1]
    assert (entry.subnqn, entry.portid) == (nqn("one"), 1)
    assert (entry.traddr, entry.trsvcid) == (data_port[0], str(data_port[1]))
    queue = open_queue(discovery_port)
    send_connect(queue, connect_data(nqn("one")), expect=status.CONNECT_INVALID_PARAM)
    queue.close()
