# SPDX-License-Identifier: BSD-3-Clause
"""Connect on I/O queues: it must match the association that the admin queue made."""

import pytest

from nvmetcp import (DISCOVERY_NQN, HOST, HostId, command, connect_data, connect_discovery,
                     open_queue, send_connect, status, wait_until)
from weftconf import nqn

from test_connect import CNTLID, HOSTNQN, MAIN, QID, SQSIZE, refused

pytestmark = pytest.mark.races


@pytest.fixture
def queue(opened):
    return opened()


def test_queues_in_any_order(ctrl):
    for qid in (3, 1, 2):
        ctrl.connect_io(qid=qid).flush()


def test_response_names_the_controller(ctrl, queue):
    ctrl.request_queues()
    done = send_connect(queue, connect_data(MAIN, cntlid=ctrl.cntlid), qid=1)
    assert done.dw0 & 0xFFFF == ctrl.cntlid


def test_idle_sockets_wait_for_their_connect(ctrl, opened):
    """Linux finishes ICReq on all sockets before the first Connect."""
    ctrl.request_queues()
    queues = [opened() for _ in range(4)]
    for index, queue in enumerate(queues, 1):
        send_connect(queue, connect_data(MAIN, cntlid=ctrl.cntlid), qid=index)
    for queue in queues:
        queue.flush()


@pytest.mark.parametrize("wrong", [lambda cntlid: 0, lambda cntlid: cntlid + 1000,
                                   lambda cntlid: 0xFFF0])
def test_cntlid_of_nobody(ctrl, queue, wrong):
    refused(queue, connect_data(MAIN, cntlid=wrong(ctrl.cntlid)), status.CONNECT_INVALID_PARAM,
            CNTLID, qid=1)


def test_cntlid_ffff(ctrl, queue):
    refused(queue, connect_data(MAIN), status.CONNECT_INVALID_PARAM, CNTLID, qid=1)


def test_cntlid_of_another_subsystem(daemon, connect, opened):
    where = daemon.addresses()[1]
    other = connect("narrow", address=where)
    queue = opened(address=where, sqsize=15)
    refused(queue, connect_data(MAIN, cntlid=other.cntlid), status.CONNECT_INVALID_PARAM, CNTLID,
            qid=1)


def test_another_hosts_cntlid(ctrl, queue):
    thief = HostId.make("thief")
    done = refused(queue, connect_data(MAIN, cntlid=ctrl.cntlid, hostnqn=thief.nqn,
                                       hostid=thief.id), status.CONNECT_INVALID_PARAM, qid=1)
    # which of the two is wrong is a matter of view
    assert done.dw0 in (CNTLID, HOSTNQN)


def test_another_host_id(daemon, ctrl, opened):
    """Some hosts send a random one each time: the association keeps its own, and one line says so."""
    ctrl.request_queues()
    said = daemon.stderr.count("another Host Identifier")
    for qid in (1, 2):
        queue = opened()
        send_connect(queue, connect_data(MAIN, cntlid=ctrl.cntlid, hostid=bytes([qid] * 16)),
                     qid=qid)
        queue.flush()
    assert daemon.stderr.count("another Host Identifier") == said + 1
    # feature 81h, with EXHID: 16 bytes
    assert ctrl.get_feature(0x81, cdw11=1, length=16).data == HOST.id


def test_stale_cntlid(connect, opened):
    ctrl = connect()
    ctrl.close()

    def gone():
        queue = opened()
        done = send_connect(queue, connect_data(MAIN, cntlid=ctrl.cntlid), qid=1,
                            expect=(status.SUCCESS, status.CONNECT_INVALID_PARAM))
        return done.status == status.CONNECT_INVALID_PARAM and done.dw0 == CNTLID
    wait_until(gone, what="the end of a controller whose admin queue is gone")


def test_qid_in_use(ctrl, queue):
    ctrl.connect_io(qid=1)
    refused(queue, connect_data(MAIN, cntlid=ctrl.cntlid), status.COMMAND_SEQUENCE, qid=1)
    ctrl.io[0].flush()


@pytest.mark.parametrize("qid", [3, 128, 0xFFFF])
def test_qid_too_high(daemon, connect, opened, qid):
    """"narrow" has two I/O queues at most."""
    where = daemon.addresses()[1]
    ctrl = connect("narrow", address=where)
    refused(opened(address=where, sqsize=15), connect_data(nqn("narrow"), cntlid=ctrl.cntlid),
            status.CONNECT_INVALID_PARAM, QID, qid=qid)


def test_queues_that_nobody_asked_for(ctrl, queue):
    """Without Set Features 07h a host may use as many as Get Features 07h says."""
    granted = (ctrl.get_feature(0x07).dw0 & 0xFFFF) + 1
    send_connect(queue, connect_data(MAIN, cntlid=ctrl.cntlid), qid=granted)
    queue.flush()


def test_more_queues_than_granted(ctrl, queue):
    ctrl.request_queues(2)
    refused(queue, connect_data(MAIN, cntlid=ctrl.cntlid), status.CONNECT_INVALID_PARAM, QID,
            qid=3)


@pytest.mark.parametrize("sqsize", [0, 128, 0xFFFF])
def test_sqsize(ctrl, queue, sqsize):
    """0 is a queue of one entry, which is none; CAP.MQES says 128 entries."""
    refused(queue, connect_data(MAIN, cntlid=ctrl.cntlid), status.CONNECT_INVALID_PARAM, SQSIZE,
            qid=1, sqsize=sqsize)


def test_largest_queue(ctrl):
    io = ctrl.connect_io(sqsize=127)
    for pending in [io.submit(command.sqe(command.FLUSH, nsid=1)) for _ in range(127)]:
        io.wait(pending)


def test_recfmt(ctrl, queue):
    refused(queue, connect_data(MAIN, cntlid=ctrl.cntlid), status.CONNECT_FORMAT, qid=1, recfmt=1)


def test_before_the_controller_is_enabled(connect, queue):
    # Base 2.1, section 3.5.2: I/O queues are created once CSTS.RDY is 1
    ctrl = connect(enable=False)
    refused(queue, connect_data(MAIN, cntlid=ctrl.cntlid),
            (status.COMMAND_SEQUENCE, status.CONNECT_INVALID_PARAM), qid=1)


def test_discovery_controller_has_no_io_queues(daemon, queue):
    with connect_discovery(daemon.address) as ctrl:
        refused(queue, connect_data(DISCOVERY_NQN, cntlid=ctrl.cntlid),
                status.CONNECT_INVALID_PARAM, qid=1)


def test_through_another_port(daemon, ctrl):
    # Base 2.1, section 2.4: a controller belongs to one port for as long as it lives
    other = open_queue(daemon.addresses()[1], sqsize=15)
    refused(other, connect_data(MAIN, cntlid=ctrl.cntlid), status.CONNECT_INVALID_PARAM, qid=1)
    other.close()


def test_closing_the_admin_queue_ends_the_io_queues(connect):
    ctrl = connect()
    io = ctrl.connect_io()
    ctrl.admin.close()
    io.expect_closed()


def test_closing_an_io_queue_leaves_the_rest(ctrl):
    first, second = ctrl.connect_io(), ctrl.connect_io()
    first.close()
    second.flush()
    ctrl.keep_alive()
