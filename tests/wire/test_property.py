# SPDX-License-Identifier: BSD-3-Clause
"""Property Get, Property Set, enabling, shutdown and Disconnect (Base 2.1, sections 3.1.4, 6)."""

import pytest

import weftconf
from nvmetcp import (CAP, CC, CC_ENABLE, CSTS, VS, command, connect_data, open_queue, send_connect,
                     status)
from nvmetcp.decode import u16

READY = 1


def test_cap(ctrl):
    cap = ctrl.property_get(CAP)
    assert cap & 0xFFFF == 127, "MQES: 128 entries, 0's based"
    assert cap >> 16 & 1, "CQR is set on fabrics"
    assert cap >> 24 & 0xFF, "TO: a host polls CSTS.RDY for so long"
    assert cap >> 37 & 1, "CSS: NVM command set"
    assert cap >> 43 & 1, "CSS: I/O command sets by Identify"
    assert cap >> 48 & 0xF == 0, "MPSMIN: 4 KiB"


def test_halves_of_cap(ctrl):
    """As hosts read it that are made for PCI Express, too."""
    cap = ctrl.property_get(CAP)
    assert ctrl.property_get_raw(0, False).result64 == cap & 0xFFFFFFFF
    assert ctrl.property_get_raw(4, False).result64 == cap >> 32


def test_max_queue_size_of_the_port(daemon, connect):
    assert connect(address=daemon.addresses()[1]).property_get(CAP) & 0xFFFF == 15


def test_version_2_1(ctrl):
    assert ctrl.property_get(VS) == 0x00020100


def test_enable_and_disable(connect):
    ctrl = connect(enable=False)
    assert ctrl.property_get(CC) & 1 == 0
    assert ctrl.property_get(CSTS) & READY == 0
    ctrl.enable()
    assert ctrl.property_get(CC) == CC_ENABLE
    ctrl.identify(1)
    ctrl.disable()
    ctrl.enable()
    ctrl.identify(1)


def test_new_queues_outlive_a_reset(address, connect):
    """A reset ends the I/O queues there are, wherever they live. Those that the host connects after
    it, on sockets that it had ready, are not among them."""
    ctrl = connect()
    for _ in range(100):
        queues = [open_queue(address) for _ in range(4)]
        ctrl.property_set(CC, CC_ENABLE & ~1)
        ctrl.property_set(CC, CC_ENABLE)
        for qid, queue in enumerate(queues, 1):
            send_connect(queue, connect_data(weftconf.nqn("main"), cntlid=ctrl.cntlid), qid=qid)
        for queue in queues:
            queue.flush()
        ctrl.property_set(CC, CC_ENABLE & ~1)
        for queue in queues:
            queue.expect_closed()
            queue.close()


def test_linux_writes_cc_before_it_enables(connect):
    ctrl = connect(enable=False)
    ctrl.property_set(CC, CC_ENABLE & ~1)
    assert ctrl.property_get(CC) == CC_ENABLE & ~1
    ctrl.enable()


def test_admin_commands_need_an_enabled_controller(connect):
    ctrl = connect(enable=False)
    ctrl.identify(1, expect=status.COMMAND_SEQUENCE)


def test_shutdown(connect):
    ctrl = connect()
    ctrl.connect_io().flush()
    ctrl.shutdown()
    assert ctrl.property_get(CSTS) & 0xC == 8


def test_shutdown_and_connect_again(connect):
    connect().shutdown()
    connect().connect_io().flush()


@pytest.mark.parametrize("offset,wide", [
    (0x04, True),   # CAP has 8 bytes from 0 on
    (0x08, True),   # VS is 4
    (0x14, True),
    (0x1C, True),
    (0x24, False),  # AQA: no such thing on fabrics
    (0x28, True),
    (0x1000, False),
    (0xFFFFFFFC, False),
    (0x15, False),
])
def test_property_get_of_nothing(ctrl, offset, wide):
    ctrl.property_get_raw(offset, wide, expect=status.INVALID_FIELD)


def test_property_get_of_a_reserved_size(ctrl):
    ctrl.property_get_raw(0x08, False, attrib=2, expect=status.INVALID_FIELD)


@pytest.mark.parametrize("prop,value", [
    (CAP, 0), (VS, 0x00010000), (CSTS, 0),
    ((CC[0], 8), CC_ENABLE),
    ((0x24, 4), 1), ((0x1000, 4), 1),
])
def test_property_set_of_what_cannot_be_set(ctrl, prop, value):
    before = ctrl.property_get(CC)
    ctrl.property_set(prop, value, expect=status.INVALID_FIELD)
    assert ctrl.property_get(CC) == before


@pytest.mark.parametrize("fctype", [command.PROPERTY_GET, command.PROPERTY_SET])
def test_properties_only_on_the_admin_queue(io, fctype):
    # the command type exists, but not on this queue; Base 2.1 leaves the choice of the two
    io.run(command.fabrics(fctype), expect=(status.INVALID_OPCODE, status.INVALID_FIELD))
    io.flush()


@pytest.mark.parametrize("fctype", [0x02, 0x03, 0x09, 0x7F, 0xC0, 0xFF])
def test_unknown_fabrics_commands(ctrl, fctype):
    ctrl.admin.run(command.fabrics(fctype), expect=(status.INVALID_OPCODE, status.INVALID_FIELD))


# Disconnect

def test_disconnect_is_announced(ctrl):
    assert u16(ctrl.identify(1), 1804) & 1, "OFCS: Disconnect"


def test_disconnect_ends_the_queue_alone(ctrl):
    first, second = ctrl.connect_io(), ctrl.connect_io()
    first.disconnect()
    first.expect_closed()
    second.flush()
    ctrl.connect_io(qid=1).flush()


def test_disconnect_of_the_admin_queue(ctrl):
    ctrl.admin.disconnect(expect=status.INVALID_QUEUE_TYPE)
    ctrl.keep_alive()


def test_disconnect_with_an_unknown_format(io):
    io.disconnect(recfmt=1, expect=status.CONNECT_FORMAT)
    io.flush()
