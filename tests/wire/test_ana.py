# SPDX-License-Identifier: BSD-3-Clause
"""Asymmetric Namespace Access (Base 2.1, section 8.1.1): states of groups, by port."""

import struct

import pytest

import weftconf
from nvmetcp import connect_admin, status
from nvmetcp.decode import u16, u32
from weftconf import nqn

pytestmark = pytest.mark.races

ANA_LOG = 0x0C
ANA_CHANGE = (2, 0x03, 0x0C)
NOTICE = 1 << 11
OPTIMIZED, NON_OPTIMIZED, INACCESSIBLE, LOSS, CHANGE = 1, 2, 3, 4, 0xF

WORDS = {OPTIMIZED: "optimized", NON_OPTIMIZED: "non-optimized", INACCESSIBLE: "inaccessible",
         LOSS: "persistent-loss", CHANGE: "change"}
FAILS = {INACCESSIBLE: 0x302, LOSS: 0x301, CHANGE: 0x303}


def site(state, other=OPTIMIZED):
    """NSIDs 1 and 3 in group 1, NSID 2 in group 2, whose state differs on the two ports."""
    namespaces = [weftconf.namespace(nsid) for nsid in (1, 2, 3)]
    for ns, group in zip(namespaces, (1, 2, 1)):
        ns["ana_grpid"] = group
    ports = [weftconf.port(1, ["one"]), weftconf.port(2, ["one"])]
    for port, value in zip(ports, (state, other)):
        port["ana_groups"] = [{"grpid": 1, "ana": {"state": "optimized"}},
                              {"grpid": 2, "ana": {"state": WORDS[value]}}]
    return weftconf.config([weftconf.subsystem("one", namespaces)], ports)


def groups(ctrl, length=4096, **kw):
    """{group: (state, NSIDs)} of the ANA log."""
    log = ctrl.get_log(ANA_LOG, length, **kw)
    found, at = {}, 16
    for _ in range(u16(log, 8)):
        count = u32(log, at + 4)
        found[u32(log, at)] = (log[at + 16] & 0xF,
                               list(struct.unpack_from(f"<{count}I", log, at + 32)))
        at += 32 + 4 * count
    return found


@pytest.mark.parametrize("state", [OPTIMIZED, NON_OPTIMIZED])
def test_states_that_serve(weftd, state):
    daemon = weftd(site(state))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        assert groups(ctrl) == {1: (OPTIMIZED, [1, 3]), 2: (state, [2])}
        io = ctrl.connect_io()
        io.write(0, bytes(512), nsid=2)
        io.flush(nsid=2)


@pytest.mark.parametrize("state", [INACCESSIBLE, LOSS, CHANGE])
def test_states_that_do_not(weftd, state):
    daemon = weftd(site(state))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        assert groups(ctrl)[2] == (state, [2])
        io = ctrl.connect_io()
        io.write(0, bytes(512), nsid=2, expect=FAILS[state])
        io.read(0, 1, nsid=2, expect=FAILS[state])
        io.flush(nsid=2, expect=FAILS[state])
        io.read(0, 1, nsid=1)
    # the other port serves it
    with connect_admin(daemon.addresses()[1], nqn("one")) as ctrl:
        assert groups(ctrl)[2] == (OPTIMIZED, [2])
        ctrl.connect_io().read(0, 1, nsid=2)


def test_identify_tells_the_group(weftd):
    daemon = weftd(site(OPTIMIZED))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        assert [u32(ctrl.identify(0, nsid=nsid), 92) for nsid in (1, 2, 3)] == [1, 2, 1]
        assert [u32(ctrl.identify(8, nsid=nsid), 4) for nsid in (1, 2, 3)] == [1, 2, 1]
        assert ctrl.identify(1)[76] & 8, "CMIC: ANA"


def test_groups_without_namespaces(weftd):
    """LSP bit 0: return groups only."""
    daemon = weftd(site(NON_OPTIMIZED))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        assert groups(ctrl, lsp=1) == {1: (OPTIMIZED, []), 2: (NON_OPTIMIZED, [])}


def test_linux_reads_the_largest_log_that_may_be(weftd):
    """It asks for 16 + NANAGRPID * 32 + MNAN * 4 bytes, whatever there is."""
    daemon = weftd(site(OPTIMIZED))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        data = ctrl.identify(1)
        size = 16 + u32(data, 348) * 32 + u32(data, 540) * 4
        assert size <= 4096 << data[77], "more than MDTS: Linux would turn ANA off"
        assert set(groups(ctrl, size)) == {1, 2}


def test_change_is_told(weftd):
    config = site(OPTIMIZED)
    daemon = weftd(config)
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        ctrl.set_feature(0x0B, NOTICE)
        event = ctrl.aer()

        def change(changed):
            changed["ports"][0]["ana_groups"][1]["ana"]["state"] = "inaccessible"
        daemon.reload(weftconf.changed(config, change))
        assert ctrl.wait_event(event) == ANA_CHANGE
        assert groups(ctrl)[2] == (INACCESSIBLE, [2])
        event = ctrl.aer()
        daemon.reload(config)
        assert ctrl.wait_event(event) == ANA_CHANGE
        assert groups(ctrl)[2] == (OPTIMIZED, [2])
        ctrl.connect_io().flush(nsid=2)


def test_change_counts(weftd):
    config = site(OPTIMIZED)
    daemon = weftd(config)
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        before = struct.unpack_from("<Q", ctrl.get_log(ANA_LOG, 16))[0]
        ctrl.set_feature(0x0B, NOTICE)
        event = ctrl.aer()

        def change(changed):
            changed["ports"][0]["ana_groups"][1]["ana"]["state"] = "non-optimized"
        daemon.reload(weftconf.changed(config, change))
        ctrl.wait_event(event)
        assert struct.unpack_from("<Q", ctrl.get_log(ANA_LOG, 16))[0] > before


def test_admin_commands_work_in_any_state(weftd):
    daemon = weftd(site(INACCESSIBLE, INACCESSIBLE))
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        ctrl.identify(1)
        ctrl.get_log(2, 512)
        ctrl.identify(3, nsid=2, expect=(status.SUCCESS, FAILS[INACCESSIBLE]))
