# SPDX-License-Identifier: BSD-3-Clause
"""Connect on the admin queue (Base 2.1, section 6.3): every check, its status and its offset.

Connect Invalid Parameters carries the place of the wrong field in DW0: the byte offset, and bit 16
if it counts from the Connect data and not from the command.
"""

import dataclasses

import pytest

import weftconf
from nvmetcp import (DISCOVERY_NQN, HOST, command, connect_data, connect_entry, open_queue,
                     send_connect, status, wait_until)
from weftconf import nqn

from conftest import FRIEND, STRANGER

IN_DATA = 1 << 16
QID, SQSIZE, CATTR = 42, 44, 46
HOSTID, CNTLID, SUBNQN, HOSTNQN = IN_DATA | 0, IN_DATA | 16, IN_DATA | 256, IN_DATA | 512

MAIN = nqn("main")


def test_connect_returns_a_cntlid(opened):
    done = send_connect(opened(), connect_data(MAIN))
    assert 1 <= done.dw0 & 0xFFFF <= 0xFFEF, "CNTLID"
    assert not done.dw0 >> 16 & 6, "authentication demanded"


def test_controllers_of_a_subsystem_have_different_ids(connect):
    ids = [connect().cntlid for _ in range(4)]
    assert len(set(ids)) == 4


def test_one_host_may_connect_many_times(connect):
    """EDK2 leaves its association behind when the system takes over: never refuse the next."""
    controllers = [connect() for _ in range(8)]
    for ctrl in controllers:
        ctrl.keep_alive()


def test_one_host_nqn_with_two_host_ids(connect):
    # EDK2 sends its Host ID byte-swapped against the operating system's
    swapped = dataclasses.replace(HOST, id=HOST.id[::-1])
    connect()
    connect(host=swapped)


def test_connect_data_by_r2t(opened):
    queue = opened()
    send_connect(queue, connect_data(MAIN), inline=False)


def refused(queue, data, expected, dw0=None, **kw):
    done = send_connect(queue, data, expect=expected, **kw)
    if dw0 is not None:
        assert done.dw0 == dw0, f"DW0 {done.dw0:#x}, not {dw0:#x}"
    return done


def test_recfmt(opened):
    refused(opened(), connect_data(MAIN), status.CONNECT_FORMAT, recfmt=1)


def test_sqsize_zero(opened):
    refused(opened(), connect_data(MAIN), status.CONNECT_INVALID_PARAM, SQSIZE, sqsize=0)


def test_cntlid_must_be_ffff(opened):
    """Controllers are dynamic: the host cannot choose one."""
    refused(opened(), connect_data(MAIN, cntlid=1), status.CONNECT_INVALID_PARAM, CNTLID)


def test_cntlid_fffe_asks_for_the_static_model(opened):
    refused(opened(), connect_data(MAIN, cntlid=0xFFFE), status.CONNECT_INVALID_PARAM, CNTLID)


@pytest.mark.parametrize("subnqn", [
    nqn("nobody"), "", "nqn", MAIN.upper(), MAIN + "x", b"a" * 256, b"a" * 224,
], ids=lambda value: f"{len(value)}-{value[-6:]}")
def test_unknown_subsystem(opened, subnqn):
    refused(opened(), connect_data(subnqn), status.CONNECT_INVALID_PARAM, SUBNQN)


@pytest.mark.parametrize("hostnqn", [b"h" * 256, b"h" * 224, b"h\n"], ids=len)
def test_unusable_host_nqn(opened, hostnqn):
    refused(opened(), connect_data(MAIN, hostnqn=hostnqn), status.CONNECT_INVALID_PARAM, HOSTNQN)


def test_host_that_is_not_allowed(opened):
    data = connect_data(nqn("private"), hostnqn=STRANGER.nqn, hostid=STRANGER.id)
    refused(opened(), data, status.CONNECT_INVALID_HOST)


def test_host_that_is_allowed(connect):
    connect("private", host=FRIEND)


def test_subsystem_of_another_port(daemon, opened):
    """"private" is not linked to the second port."""
    queue = opened(address=daemon.addresses()[1])
    data = connect_data(nqn("private"), hostnqn=FRIEND.nqn, hostid=FRIEND.id)
    refused(queue, data, status.CONNECT_INVALID_PARAM, SUBNQN)


def test_data_that_is_too_short(opened):
    queue = opened()
    queue.run(connect_entry(), connect_data(MAIN)[:1023 - 3], inline=True,
              expect=(status.SGL_LENGTH_INVALID, status.INVALID_FIELD))


def test_data_that_is_too_long(opened):
    queue = opened()
    queue.run(connect_entry(), connect_data(MAIN) + bytes(4), inline=True,
              expect=(status.SGL_LENGTH_INVALID, status.INVALID_FIELD))


def test_refused_connect_may_be_tried_again(opened):
    """The specification keeps the connection; a host may send a right Connect."""
    queue = opened()
    refused(queue, connect_data(nqn("nobody")), status.CONNECT_INVALID_PARAM)
    send_connect(queue, connect_data(MAIN))


def test_second_connect_is_out_of_sequence(ctrl):
    ctrl.admin.run(connect_entry(), connect_data(MAIN), expect=status.COMMAND_SEQUENCE)


BEFORE_CONNECT = {
    "identify": command.sqe(command.IDENTIFY, cdw10=1),
    "keep alive": command.sqe(command.KEEP_ALIVE),
    "property get": command.fabrics(command.PROPERTY_GET),
    "disconnect": command.fabrics(command.DISCONNECT),
}


@pytest.mark.parametrize("name", BEFORE_CONNECT)
def test_command_before_connect(opened, name):
    opened().run(BEFORE_CONNECT[name], length=4096 if name == "identify" else 0,
                 expect=status.COMMAND_SEQUENCE)


def test_nobody_else_notices(opened, io):
    refused(opened(), connect_data(nqn("nobody")), status.CONNECT_INVALID_PARAM)
    io.flush()


# CNTLID range: "narrow" has 100..103

def test_cntlid_range(daemon, connect, opened):
    where = daemon.addresses()[1]
    controllers = [connect("narrow", address=where) for _ in range(4)]
    assert sorted(ctrl.cntlid for ctrl in controllers) == [100, 101, 102, 103]
    done = refused(opened(address=where), connect_data(nqn("narrow")), status.CONNECT_BUSY)
    assert not done.dnr, "a busy controller is worth another try"
    controllers[2].close()

    def freed():
        queue = opened(address=where)
        done = send_connect(queue, connect_data(nqn("narrow")),
                            expect=(status.SUCCESS, status.CONNECT_BUSY))
        return done.status == status.SUCCESS and done.dw0 & 0xFFFF
    assert wait_until(freed, what="the CNTLID of a closed association") == 102


# the sizes that a port allows: the second has max_queue_size 16

def test_sqsize_beyond_the_port(daemon, connect, opened):
    where = daemon.addresses()[1]
    ctrl = connect(address=where, sqsize=31)  # MQES is about I/O queues; Linux always sends 31 here
    queue = opened(address=where, sqsize=16)
    refused(queue, connect_data(MAIN, cntlid=ctrl.cntlid), status.CONNECT_INVALID_PARAM, SQSIZE,
            qid=1)


def test_largest_admin_queue(connect):
    """MQES does not limit it: as many commands as fit are held; SQHD wraps at the size."""
    ctrl = connect(sqsize=4095)
    for count in (4095, 10):
        for one in [ctrl.admin.submit(command.sqe(command.KEEP_ALIVE)) for _ in range(count)]:
            ctrl.admin.wait(one)


def test_large_admin_queue_counts_as_memory(weftd):
    """A request takes some hundred bytes: 4096 of them do not fit where 1 MiB is the most."""
    config = weftconf.config([weftconf.subsystem("main", [weftconf.namespace(1)])])
    daemon = weftd(config, args=["--max-memory", "1M"])
    queue = open_queue(daemon.address)
    refused(queue, connect_data(MAIN), status.CONNECT_BUSY, sqsize=4095)
    send_connect(queue, connect_data(MAIN), sqsize=31)
    queue.close()


def test_sqsize_of_a_huge_admin_queue(opened):
    """Base 2.1: an admin queue has 4096 entries at most."""
    refused(opened(), connect_data(MAIN), status.CONNECT_INVALID_PARAM, SQSIZE, sqsize=4096)


def test_discovery_nqn_on_any_port(daemon, opened):
    for where in daemon.addresses():
        send_connect(opened(address=where), connect_data(DISCOVERY_NQN))
