# SPDX-License-Identifier: BSD-3-Clause
"""Do Not Retry on Connect (Base 2.1, section 3.3.3.2.1): a host that is told so gives up for ever.

So only what stays wrong says it: a command that is malformed, and a host that the administrator
does not allow.
"""

import pytest

import weftconf
from nvmetcp import (HostId, connect_admin, connect_data, connect_discovery,
                     open_queue, send_connect, status, wait_until)
from nvmetcp.decode import DiscoveryLog
from weftconf import nqn

from conftest import FRIEND, STRANGER
from test_connect import CNTLID, HOSTNQN, MAIN, QID, SQSIZE, SUBNQN, refused


@pytest.mark.parametrize("data,options,dw0", [
    (connect_data(nqn("nobody")), {}, SUBNQN),
    (connect_data(nqn("narrow")), {}, SUBNQN),                 # linked to the other port
    (connect_data(MAIN, cntlid=0x1234), {"qid": 1}, CNTLID),   # its controller has ended
], ids=["subsystem", "port", "controller"])
def test_what_is_not_there_may_come(opened, data, options, dw0):
    assert not refused(opened(), data, status.CONNECT_INVALID_PARAM, dw0, **options).dnr


def test_what_a_configuration_limits_may_change(connect, opened):
    ctrl = connect()
    ctrl.request_queues(2)
    data = connect_data(MAIN, cntlid=ctrl.cntlid)
    assert not refused(opened(), data, status.CONNECT_INVALID_PARAM, QID, qid=3).dnr
    assert not refused(opened(), data, status.CONNECT_INVALID_PARAM, SQSIZE, qid=1,
                       sqsize=128).dnr


def test_what_comes_out_of_turn_may_be_right_later(connect, opened):
    ctrl = connect(enable=False)
    data = connect_data(MAIN, cntlid=ctrl.cntlid)
    assert not refused(opened(), data, status.COMMAND_SEQUENCE, qid=1).dnr
    ctrl.enable()
    queue = opened()
    send_connect(queue, data, qid=1)
    assert not refused(opened(), data, status.COMMAND_SEQUENCE, qid=1).dnr


@pytest.mark.parametrize("data,options,expected", [
    (connect_data(MAIN, hostnqn=b"h" * 224), {}, status.CONNECT_INVALID_PARAM),
    (connect_data(b"s" * 256), {}, status.CONNECT_INVALID_PARAM),
    (connect_data(MAIN, cntlid=1), {}, status.CONNECT_INVALID_PARAM),
    (connect_data(MAIN), {"sqsize": 0}, status.CONNECT_INVALID_PARAM),
    (connect_data(MAIN), {"recfmt": 1}, status.CONNECT_FORMAT),
], ids=["host NQN", "subsystem NQN", "static controller", "queue of one entry", "format"])
def test_what_is_malformed_stays_so(opened, data, options, expected):
    assert refused(opened(), data, expected, **options).dnr


def test_host_that_is_not_allowed_is_told_for_good(opened):
    data = connect_data(nqn("private"), hostnqn=STRANGER.nqn, hostid=STRANGER.id)
    assert refused(opened(), data, status.CONNECT_INVALID_HOST).dnr


def test_subsystem_that_is_away_for_a_moment(weftd):
    """What a Linux host sees when an administrator replaces a subsystem: it waits, and is back."""
    def remove(config):
        config["subsystems"].clear()
        config["ports"][0]["subsystems"].clear()

    daemon = weftd(SITE)
    ctrl = connect_admin(daemon.address, MAIN)
    daemon.reload(weftconf.changed(SITE, remove))
    ctrl.admin.expect_closed()
    ctrl.close()
    queue = open_queue(daemon.address)
    assert not refused(queue, connect_data(MAIN), status.CONNECT_INVALID_PARAM, SUBNQN).dnr
    daemon.reload(SITE)
    wait_until(lambda: send_connect(
        queue, connect_data(MAIN),
        expect=(status.SUCCESS, status.CONNECT_INVALID_PARAM)).status == status.SUCCESS)
    queue.close()


def test_host_that_is_revoked_is_told_for_good(weftd):
    def revoke(config):
        config["subsystems"][0]["allowed_hosts"].remove(FRIEND.nqn)

    site = weftconf.config([weftconf.subsystem("main", [weftconf.namespace(1)],
                                               hosts=[FRIEND.nqn, STRANGER.nqn])])
    daemon = weftd(site)
    friend = connect_admin(daemon.address, MAIN, host=FRIEND)
    stranger = connect_admin(daemon.address, MAIN, host=STRANGER)
    daemon.reload(weftconf.changed(site, revoke))
    friend.admin.expect_closed()
    stranger.keep_alive()
    queue = open_queue(daemon.address)
    data = connect_data(MAIN, hostnqn=FRIEND.nqn, hostid=FRIEND.id)
    assert refused(queue, data, status.CONNECT_INVALID_HOST).dnr
    for one in (friend, stranger, queue):
        one.close()


# a host without an NQN, as SPDK's perf is

NAMELESS = HostId("", bytes(16))
SITE = weftconf.config([weftconf.subsystem("main", [weftconf.namespace(1)])])


def test_host_without_an_nqn(weftd):
    daemon = weftd(SITE)
    with connect_admin(daemon.address, MAIN, host=NAMELESS) as ctrl:
        ctrl.connect_io().flush()
    assert "host without an NQN (127.0.0.1 port" in daemon.stderr


def test_host_without_an_nqn_is_on_no_list(opened):
    data = connect_data(nqn("private"), hostnqn="", hostid=bytes(16))
    assert refused(opened(), data, status.CONNECT_INVALID_HOST).dnr


def test_host_without_an_nqn_discovers(daemon):
    with connect_discovery(daemon.address, host=NAMELESS) as ctrl:
        names = [entry.subnqn for entry in DiscoveryLog.read(ctrl).entries]
    assert MAIN in names and nqn("private") not in names


def test_queues_of_another_host_without_an_nqn(connect, opened):
    """An association is one host's, with an NQN or without."""
    ctrl = connect(host=NAMELESS)
    refused(opened(), connect_data(MAIN, cntlid=ctrl.cntlid), status.CONNECT_INVALID_PARAM,
            HOSTNQN, qid=1)


def test_hosts_without_an_nqn_have_bounds_of_their_own(weftd):
    """Those at one address are one host, and others are not refused because of them."""
    daemon = weftd(SITE, args=["--max-host-connections", "2"])
    held = [connect_admin(daemon.address, MAIN, host=NAMELESS) for _ in range(2)]
    queue = open_queue(daemon.address)
    refused(queue, connect_data(MAIN, hostnqn="", hostid=bytes(16)), status.CONNECT_BUSY)
    assert daemon.status()["limits"]["host_connections"]["who"] == "127.0.0.1"
    held.append(connect_admin(daemon.address, MAIN))
    for one in held + [queue]:
        one.close()
    wait_until(lambda: not daemon.taken()["connections"], what="the end of all connections")
