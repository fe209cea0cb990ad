# SPDX-License-Identifier: BSD-3-Clause
"""Subsystems with as many namespaces as there may be, and with NSIDs that lie far apart.

Lists of 1,024 entries have several pages (Base 2.1, 5.1.13.2.2), log pages are longer or overflow,
and a change of one namespace must not cost as much as all of them once more for each.
"""

import struct

import pytest

import weftconf
from nvmetcp import command, connect_admin, status, wait_until
from nvmetcp.decode import u16, u32, u64
from weftconf import nqn
from weftd import Weftd

MAIN = nqn("main")
MOST = 16384
ACTIVE, CSI_ACTIVE, ALLOCATED = 0x02, 0x07, 0x10
CHANGED, ANA = 0x04, 0x0C
GROUPS_ONLY = 1
NS_CHANGED = (2, 0, CHANGED)


def null(nsid, **options):
    return dict(weftconf.namespace(nsid, backend="null", size="1M"), **options)


def site(nsids):
    """Three ANA groups take turns."""
    namespaces = [null(nsid, ana_grpid=1 + nsid % 3) for nsid in nsids]
    port = weftconf.port(1, ["main"])
    port["ana_groups"] = [{"grpid": grpid, "ana": {"state": "optimized"}} for grpid in (2, 3)]
    return weftconf.config([weftconf.subsystem("main", namespaces)], [port])


def listed(ctrl, cns=ACTIVE, start=0):
    """All pages of a namespace list, each from where the one before ended."""
    found = []
    while True:
        page = struct.unpack("<1024I", ctrl.identify(cns, nsid=start))
        count = page.index(0) if 0 in page else len(page)
        assert not any(page[count:]), "entries after the end"
        found += page[:count]
        if count < len(page):
            return found
        start = page[-1]


def sizes(ctrl):
    """NN and MNAN."""
    data = ctrl.identify(1)
    return u32(data, 516), u32(data, 540)


def ana_groups(log):
    """{group: (state, [NSID])} and the change count of an ANA log."""
    groups, at = {}, 16
    for _ in range(u16(log, 8)):
        grpid, count = u32(log, at), u32(log, at + 4)
        nsids = struct.unpack_from(f"<{count}I", log, at + 32)
        groups[grpid] = log[at + 16], list(nsids)
        at += 32 + 4 * count
    return groups, u64(log, 0)


@pytest.fixture(scope="module")
def full():
    """A daemon with the most namespaces that a subsystem may have."""
    with Weftd(site(range(1, MOST + 1))) as daemon:
        yield daemon


@pytest.fixture
def ctrl(full):
    full.check()
    with connect_admin(full.address, MAIN) as ctrl:
        yield ctrl


@pytest.mark.parametrize("cns", [ACTIVE, CSI_ACTIVE, ALLOCATED])
def test_every_page_of_a_list(ctrl, cns):
    assert listed(ctrl, cns) == list(range(1, MOST + 1))
    assert listed(ctrl, cns, start=MOST - 3) == [MOST - 2, MOST - 1, MOST]
    assert listed(ctrl, cns, start=0xFFFFFFFD) == []


def test_what_the_host_is_told(ctrl):
    assert sizes(ctrl) == (MOST, MOST)


@pytest.mark.parametrize("nsid,expected", [
    (1, status.SUCCESS), (1024, status.SUCCESS), (1025, status.SUCCESS), (MOST, status.SUCCESS),
    (0, status.INVALID_NAMESPACE), (MOST + 1, status.INVALID_NAMESPACE),
    (0xFFFFFFFE, status.INVALID_NAMESPACE)])
def test_io(ctrl, nsid, expected):
    ctrl.connect_io().run(command.sqe(command.WRITE_ZEROES, nsid=nsid), expect=expected)


def test_ana_log_in_one_command(ctrl):
    """As Linux reads it: room for NANAGRPID groups and MNAN namespaces."""
    groups, _ = ana_groups(ctrl.get_log(ANA, 16 + 128 * 32 + 4 * MOST))
    assert sorted(groups) == [1, 2, 3]
    for grpid, (_, nsids) in groups.items():
        assert nsids == [nsid for nsid in range(1, MOST + 1) if 1 + nsid % 3 == grpid]


def test_ana_log_in_pieces(ctrl):
    whole = ctrl.get_log(ANA, 16 + 128 * 32 + 4 * MOST)
    pieces = b"".join(ctrl.get_log(ANA, 4096, offset=at) for at in range(0, 4 * MOST, 4096))
    assert pieces == whole[:len(pieces)]
    end = 16 + 3 * 32 + 4 * MOST
    assert ctrl.get_log(ANA, 64, offset=end - 32) == whole[end - 32:end] + bytes(32)


def test_ana_log_of_groups_alone(ctrl):
    log = ctrl.get_log(ANA, 4096, lsp=GROUPS_ONLY)
    groups, _ = ana_groups(log)
    assert {grpid: nsids for grpid, (_, nsids) in groups.items()} == {1: [], 2: [], 3: []}
    assert not any(log[16 + 3 * 32:])


def remove(config, *nsids):
    def change(copy):
        namespaces = copy["subsystems"][0]["namespaces"]
        namespaces[:] = [ns for ns in namespaces if ns["nsid"] not in nsids]
    return weftconf.changed(config, change)


def changed(ctrl, **kw):
    return [nsid for nsid in struct.unpack("<1024I", ctrl.get_log(CHANGED, 4096, **kw)) if nsid]


def test_changes_that_fill_the_log(weftd):
    """1,024 fit. One more, and the host has to look at all of them (Base 2.1, 5.1.12.1.5)."""
    config = site(range(1, 1201))
    daemon = weftd(config)
    with connect_admin(daemon.address, MAIN) as ctrl:
        ctrl.set_feature(0x0B, 1 << 8)
        for gone, expected in ((range(101, 1125), list(range(101, 1125))),
                               (range(101, 101), None), (range(101, 1126), [0xFFFFFFFF])):
            event = ctrl.aer()
            daemon.reload(remove(config, *gone))
            assert ctrl.wait_event(event) == NS_CHANGED
            if expected:
                assert changed(ctrl, rae=True) == expected
            assert changed(ctrl) == (expected or list(range(101, 1125)))
            assert changed(ctrl) == []


def test_changes_that_fill_the_log_one_by_one(weftd):
    config = site(range(1, 1201))
    daemon = weftd(config)
    with connect_admin(daemon.address, MAIN) as ctrl:
        ctrl.set_feature(0x0B, 1 << 8)
        event = ctrl.aer()
        daemon.reload(remove(config, *range(1, 1024)))
        ctrl.wait_event(event)
        daemon.reload(remove(config, *range(1, 1024), 1100))
        wait_until(lambda: len(listed(ctrl)) == 1200 - 1024)
        assert changed(ctrl, rae=True) == [*range(1, 1024), 1100]
        daemon.reload(remove(config, *range(1, 1024), 1050, 1100))
        wait_until(lambda: len(listed(ctrl)) == 1200 - 1025)
        assert changed(ctrl) == [0xFFFFFFFF]
        assert changed(ctrl) == []


def test_change_count_of_the_ana_log(weftd):
    """A host that reads the log in pieces compares it: it counts namespaces that come and go."""
    config = site(range(1, 9))
    daemon = weftd(config)
    with connect_admin(daemon.address, MAIN) as ctrl:
        before = ana_groups(ctrl.get_log(ANA, 4096))[1]
        daemon.reload(remove(config, 5))
        wait_until(lambda: 5 not in listed(ctrl))
        groups, after = ana_groups(ctrl.get_log(ANA, 4096))
        assert after > before and groups[3][1] == [2, 8]


def test_nsids_that_lie_far_apart(weftd):
    nsids = [1, 2, 70, 1000, 30000, 65535, 65536]
    daemon = weftd(site(nsids))
    with connect_admin(daemon.address, MAIN) as ctrl:
        assert sizes(ctrl) == (65536, 1024)
        assert listed(ctrl) == nsids
        assert listed(ctrl, start=1000) == [30000, 65535, 65536]
        io = ctrl.connect_io()
        for nsid in nsids:
            io.run(command.sqe(command.WRITE_ZEROES, nsid=nsid))
            assert u64(ctrl.identify(0, nsid=nsid), 0) == 2048
        for nsid in (3, 69, 71, 999, 29999, 65534):
            io.run(command.sqe(command.WRITE_ZEROES, nsid=nsid), expect=status.INVALID_NAMESPACE)
            assert not any(ctrl.identify(0, nsid=nsid)), "a valid NSID that is not active"
        ctrl.identify(0, nsid=65537, expect=status.INVALID_NAMESPACE)


def test_hosts_learn_of_more_namespaces_than_they_were_told(weftd):
    """MNAN is 1,024 until there are more: then those that were told so connect anew, once."""
    config = site(range(1, 1026))
    daemon = weftd(remove(config, 1025))
    with connect_admin(daemon.address, MAIN) as told, \
         connect_admin(daemon.address, MAIN) as ignorant:
        assert sizes(told) == (1024, 1024)
        daemon.reload(config)
        told.admin.expect_closed()
        ignorant.keep_alive()
        with connect_admin(daemon.address, MAIN) as ctrl:
            assert sizes(ctrl) == (MOST, MOST)
            daemon.reload(remove(config, 7))
            wait_until(lambda: len(listed(ctrl)) == 1024)
            daemon.reload(config)
            wait_until(lambda: len(listed(ctrl)) == 1025)
            ctrl.keep_alive()


def cost_of_a_change(daemon, config):
    """CPU seconds of the daemon for four changes of one namespace, hosts looking on."""
    with connect_admin(daemon.address, MAIN) as ctrl, \
         connect_admin(daemon.address, MAIN) as other:
        for one in (ctrl, other):
            one.set_feature(0x0B, 1 << 8)
        before = daemon.cpu_seconds()
        for wanted in (remove(config, 9), config) * 2:
            event = ctrl.aer()
            daemon.reload(wanted)
            ctrl.wait_event(event)
            assert changed(ctrl) == [9]
        return daemon.cpu_seconds() - before


def test_cost_of_a_change_grows_with_the_count(weftd):
    """Eight times the namespaces: eight times the work, and not its square."""
    costs = []
    for count in (MOST // 8, MOST):
        config = site(range(1, count + 1))
        daemon = weftd(config)
        costs.append(cost_of_a_change(daemon, config))
        daemon.stop()
    assert costs[1] < 24 * max(costs[0], 0.02), costs


def test_no_thread_and_no_descriptor_for_each(full, ctrl):
    assert full.descriptors() < 100
    with open(f"/proc/{full.process.pid}/status", encoding="ascii") as text:
        threads = next(int(line.split()[1]) for line in text if line.startswith("Threads:"))
    assert threads < 32
