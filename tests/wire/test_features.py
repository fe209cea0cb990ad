# SPDX-License-Identifier: BSD-3-Clause
"""Get and Set Features (Base 2.1, sections 5.1.11 and 5.1.25)."""

import pytest

from nvmetcp import HOST, status
from nvmetcp.decode import u32

pytestmark = pytest.mark.answers

VOLATILE_CACHE, QUEUES, EVENTS, KATO, HOST_ID = 0x06, 0x07, 0x0B, 0x0F, 0x81
CURRENT, DEFAULT, SAVED, CAPABILITIES = 0, 1, 2, 3
SAVEABLE, PER_NAMESPACE, CHANGEABLE = 1, 2, 4

NS_NOTICE = 1 << 8


@pytest.mark.parametrize("select", [CURRENT, DEFAULT, SAVED])
def test_select(ctrl, select):
    for fid in (VOLATILE_CACHE, QUEUES, EVENTS, KATO):
        ctrl.get_feature(fid, select=select)


@pytest.mark.parametrize("fid", [QUEUES, EVENTS, KATO, HOST_ID])
def test_capabilities(ctrl, fid):
    bits = ctrl.get_feature(fid, select=CAPABILITIES, length=16 if fid == HOST_ID else 0).dw0
    assert bits & ~7 == 0
    assert not bits & PER_NAMESPACE
    if fid != HOST_ID:
        assert bits & CHANGEABLE


def test_reserved_select(ctrl):
    for select in (4, 7):
        ctrl.get_feature(KATO, select=select, expect=status.INVALID_FIELD)


@pytest.mark.parametrize("fid", [0x00, 0x7F, 0x90, 0xC0, 0xFF])
def test_unknown_feature(ctrl, fid):
    ctrl.get_feature(fid, expect=status.INVALID_FIELD)
    ctrl.set_feature(fid, 1, expect=status.INVALID_FIELD)


@pytest.mark.parametrize("fid,value", [(EVENTS, NS_NOTICE), (KATO, 60000)])
def test_save_where_nothing_is_saved(ctrl, fid, value):
    capabilities = ctrl.get_feature(fid, select=CAPABILITIES).dw0
    ctrl.set_feature(fid, value, save=True,
                     expect=status.SUCCESS if capabilities & SAVEABLE
                     else status.FEATURE_NOT_SAVEABLE)


def test_default_does_not_move(ctrl):
    before = ctrl.get_feature(EVENTS, select=DEFAULT).dw0
    ctrl.set_feature(EVENTS, NS_NOTICE)
    assert ctrl.get_feature(EVENTS, select=CURRENT).dw0 == NS_NOTICE
    assert ctrl.get_feature(EVENTS, select=DEFAULT).dw0 == before


# 06h

def test_volatile_write_cache_is_on(ctrl):
    """Writes are durable after Flush or FUA: that is a volatile cache."""
    assert ctrl.get_feature(VOLATILE_CACHE).dw0 & 1


def test_volatile_write_cache_capabilities_are_true(ctrl):
    changeable = ctrl.get_feature(VOLATILE_CACHE, select=CAPABILITIES).dw0 & CHANGEABLE
    done = ctrl.set_feature(VOLATILE_CACHE, 0,
                            expect=(status.SUCCESS, status.FEATURE_NOT_CHANGEABLE))
    assert bool(changeable) == (done.status == status.SUCCESS)
    if changeable:
        assert ctrl.get_feature(VOLATILE_CACHE).dw0 & 1 == 0
        ctrl.set_feature(VOLATILE_CACHE, 1)


# 07h

@pytest.mark.parametrize("wanted", [1, 4, 1024])
def test_number_of_queues(ctrl, wanted):
    # EDK2 asks for 1024
    value = wanted - 1
    granted = ctrl.set_feature(QUEUES, value << 16 | value).dw0
    assert granted & 0xFFFF == granted >> 16
    # a controller may grant more than was asked for, but here it has 128 at most
    assert 1 <= (granted & 0xFFFF) + 1 <= 128
    assert (granted & 0xFFFF) + 1 >= min(wanted, 128)
    assert ctrl.get_feature(QUEUES).dw0 == granted


def test_number_of_queues_obeys_qid_max(daemon, connect):
    ctrl = connect("narrow", address=daemon.addresses()[1])
    assert ctrl.set_feature(QUEUES, 7 << 16 | 7).dw0 == 1 << 16 | 1


@pytest.mark.parametrize("value", [0xFFFF, 0xFFFF0000, 0xFFFFFFFF])
def test_impossible_number_of_queues(ctrl, value):
    ctrl.set_feature(QUEUES, value, expect=status.INVALID_FIELD)


def test_number_of_queues_comes_before_the_queues(ctrl):
    # Base 2.1, section 5.1.25.2.1: once a queue exists, Command Sequence Error
    ctrl.connect_io()
    ctrl.set_feature(QUEUES, 0, expect=status.COMMAND_SEQUENCE)


# 0Bh

def test_event_configuration(ctrl):
    ctrl.set_feature(EVENTS, NS_NOTICE)
    assert ctrl.get_feature(EVENTS).dw0 == NS_NOTICE
    ctrl.set_feature(EVENTS, 0)
    assert ctrl.get_feature(EVENTS).dw0 == 0


def test_events_that_are_not_supported(ctrl):
    unsupported = ~u32(ctrl.identify(1), 92) & 0xFFFFFF00
    done = ctrl.set_feature(EVENTS, unsupported & -unsupported,
                            expect=(status.INVALID_FIELD, status.SUCCESS))
    if done.status == status.SUCCESS:
        assert ctrl.get_feature(EVENTS).dw0 & unsupported == 0, "a notice that never comes"


# 0Fh

def test_kato_of_connect_shows(connect):
    assert connect(kato=30000).get_feature(KATO).dw0 == 30000


def test_kato_changes(ctrl):
    assert ctrl.get_feature(KATO).dw0 == 0
    ctrl.set_feature(KATO, 120000)
    assert ctrl.get_feature(KATO).dw0 == 120000
    ctrl.set_feature(KATO, 0)
    assert ctrl.get_feature(KATO).dw0 == 0


def test_kato_is_rounded_up_to_seconds(ctrl):
    ctrl.set_feature(KATO, 60001)
    assert ctrl.get_feature(KATO).dw0 == 61000


# 81h

def test_host_identifier_is_connects(ctrl):
    assert ctrl.get_feature(HOST_ID, cdw11=1, length=16).data == HOST.id


def test_host_identifier_cannot_change(ctrl):
    # Base 2.1, section 5.1.25.1.30: on fabrics Connect sets it, Set Features is refused
    ctrl.set_feature(HOST_ID, 1, data=bytes(16),
                     expect=(status.COMMAND_SEQUENCE, status.FEATURE_NOT_CHANGEABLE))


def test_host_identifier_of_64_bits(ctrl):
    # fabrics have the extended one only
    ctrl.get_feature(HOST_ID, cdw11=0, length=8,
                     expect=(status.INVALID_FIELD, 0x018))


# namespaces

def test_feature_of_a_namespace_that_has_none(ctrl):
    # Base 2.1, 5.1.25: a feature that is not namespace specific, with an NSID that names one
    ctrl.set_feature(KATO, 60000, nsid=1,
                     expect=(status.FEATURE_NOT_PER_NAMESPACE, status.SUCCESS))
