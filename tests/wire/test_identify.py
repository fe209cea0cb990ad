# SPDX-License-Identifier: BSD-3-Clause
"""Identify (Base 2.1, section 5.1.13): what a Linux host, ESXi and EDK2 look at."""

import uuid

import pytest

import weftconf
from nvmetcp import command, connect_admin, status
from nvmetcp.decode import Namespace, descriptors, nqn, nsid_list, text, u8, u16, u32

from conftest import FRIEND

pytestmark = pytest.mark.answers

NS, CTRL, ACTIVE, DESCRIPTORS = 0x00, 0x01, 0x02, 0x03
NS_CSI, CTRL_CSI, ACTIVE_CSI, NS_ANY = 0x05, 0x06, 0x07, 0x08
ENDURANCE_GROUPS = 0x19

ALL = 0xFFFFFFFF


@pytest.fixture
def id_ctrl(ctrl):
    return ctrl.identify(CTRL)


# Identify Controller

def test_names(id_ctrl):
    assert text(id_ctrl, 4, 20) == "WIRE0001"
    assert text(id_ctrl, 24, 40) == "weft wire test"
    assert text(id_ctrl, 64, 8)
    assert nqn(id_ctrl, 768) == weftconf.nqn("main")


def test_strings_are_padded_with_spaces(id_ctrl):
    assert id_ctrl[4:24] == b"WIRE0001".ljust(20)
    assert id_ctrl[24:64] == b"weft wire test".ljust(40)


def test_cntlid_is_connects(ctrl):
    assert u16(ctrl.identify(CTRL), 78) == ctrl.cntlid


@pytest.mark.parametrize("name,check", [
    ("VER", lambda d: u32(d, 80) == 0x00020100),
    ("CMIC: several controllers", lambda d: u8(d, 76) & 2),
    ("MDTS 2 MiB", lambda d: u8(d, 77) == 9),
    ("OAES: namespace attribute notices", lambda d: u32(d, 92) & 1 << 8),
    ("CTRATT: 128-bit host identifiers", lambda d: u32(d, 96) & 1),
    ("CNTRLTYPE: I/O", lambda d: u8(d, 111) == 1),
    ("ACL", lambda d: u8(d, 258) >= 3),
    ("AERL", lambda d: u8(d, 259) >= 3),
    ("LPA: extended data, so offsets work", lambda d: u8(d, 261) & 4),
    ("LPA: effects log", lambda d: u8(d, 261) & 2),
    ("ELPE", lambda d: u8(d, 262) >= 63),
    ("KAS: 1 s granularity", lambda d: u16(d, 320) == 10),
    ("SQES", lambda d: u8(d, 512) == 0x66),
    ("CQES", lambda d: u8(d, 513) == 0x44),
    ("MAXCMD is MQES + 1", lambda d: u16(d, 514) == 128),
    ("NN", lambda d: u32(d, 516) >= 1024),
    ("ONCS: DSM", lambda d: u16(d, 520) & 4),
    ("ONCS: Write Zeroes", lambda d: u16(d, 520) & 8),
    ("ONCS: no Compare", lambda d: not u16(d, 520) & 1),
    ("VWC: Flush means something", lambda d: u8(d, 525) & 1),
    ("SGLS: SGLs supported", lambda d: u32(d, 536) & 3),
    ("SGLS: offset in the capsule", lambda d: u32(d, 536) & 1 << 20),
    ("MNAN within NN", lambda d: u32(d, 540) <= u32(d, 516)),
    ("IOCCSZ: 16 KiB in capsules", lambda d: u32(d, 1792) == (64 + 16384) // 16),
    ("IORCSZ", lambda d: u32(d, 1796) == 1),
    ("ICDOFF", lambda d: u16(d, 1800) == 0),
    ("FCATT: dynamic controllers", lambda d: not u8(d, 1802) & 1),
    ("MSDBD: one descriptor", lambda d: u8(d, 1803) == 1),
])
def test_controller_field(id_ctrl, name, check):
    assert check(id_ctrl), name


def test_port_parameters_show(daemon, connect):
    data = connect(address=daemon.addresses()[1]).identify(CTRL)
    assert u8(data, 77) == 3, "MDTS"
    assert u16(data, 514) == 16, "MAXCMD"


def test_serial_is_stable_and_derived(daemon, connect):
    """"private" has no serial: one follows from the NQN, and differs from others'."""
    first = connect("private", host=FRIEND).identify(CTRL)[4:24]
    assert connect("private", host=FRIEND).identify(CTRL)[4:24] == first
    assert first.strip() and first.strip() != b"WIRE0001"


# Identify Namespace

def test_namespace_of_512(ctrl):
    ns = Namespace.parse(ctrl.identify(NS, nsid=1))
    assert (ns.block, ns.nsze, ns.ncap) == (512, 131072, 131072)
    assert ns.nuse <= ns.ncap
    assert ns.nmic & 1, "shared, or multipath is off"
    assert ns.nsattr == 0


def test_namespace_of_4096(ctrl):
    ns = Namespace.parse(ctrl.identify(NS, nsid=2))
    assert (ns.block, ns.nsze) == (4096, 16384)


def test_read_only_namespace(ctrl):
    assert Namespace.parse(ctrl.identify(NS, nsid=3)).nsattr & 1


def test_no_metadata_and_one_format(ctrl):
    data = ctrl.identify(NS, nsid=1)
    assert u16(data, 128) == 0, "LBAF0.MS"
    assert data[29] == 0, "DPS"


def test_deallocation_is_described(ctrl):
    data = ctrl.identify(NS, nsid=1)
    assert data[33] & 7 == 1, "DLFEAT: deallocated blocks read zeroes"
    assert data[33] & 8, "DLFEAT: Write Zeroes can deallocate"


@pytest.mark.parametrize("nsid", [4, 1000])
def test_inactive_namespace_is_zeroes(ctrl, nsid):
    assert not any(ctrl.identify(NS, nsid=nsid))


@pytest.mark.parametrize("nsid", [0, 0xFFFFFFFE, ALL])
def test_nsid_that_cannot_exist(ctrl, nsid):
    for cns in (NS, DESCRIPTORS, NS_CSI, NS_ANY):
        ctrl.identify(cns, nsid=nsid, expect=status.INVALID_NAMESPACE)


# lists

def test_active_list(ctrl):
    assert nsid_list(ctrl.identify(ACTIVE, nsid=0)) == [1, 2, 3, 7]


@pytest.mark.parametrize("after,left", [(1, [2, 3, 7]), (3, [7]), (6, [7]), (7, []),
                                        (0xFFFFFFFD, [])])
@pytest.mark.parametrize("cns", [ACTIVE, ACTIVE_CSI])
def test_active_list_after(ctrl, cns, after, left):
    assert nsid_list(ctrl.identify(cns, nsid=after)) == left


@pytest.mark.parametrize("cns", [ACTIVE, ACTIVE_CSI])
@pytest.mark.parametrize("nsid", [0xFFFFFFFE, ALL])
def test_active_list_after_the_last_possible(ctrl, cns, nsid):
    ctrl.identify(cns, nsid=nsid, expect=status.INVALID_NAMESPACE)


def test_active_list_of_the_nvm_command_set(ctrl):
    assert nsid_list(ctrl.identify(ACTIVE_CSI, csi=0)) == [1, 2, 3, 7]


# descriptors

def test_descriptors(ctrl):
    found = descriptors(ctrl.identify(DESCRIPTORS, nsid=1))
    assert found[4] == b"\0", "CSI, without which Linux skips the namespace"
    assert found[3] == uuid.uuid5(uuid.NAMESPACE_OID, "main 1").bytes, "UUID"


def test_every_namespace_has_an_identifier(ctrl):
    # EDK2 hangs on a namespace with neither UUID nor NGUID
    for nsid in (1, 2, 3, 7):
        found = descriptors(ctrl.identify(DESCRIPTORS, nsid=nsid))
        assert any(found.get(2, b"")) or any(found.get(3, b""))


def test_descriptors_of_an_inactive_namespace(ctrl):
    # Base 2.1, figure of CNS 03h: an NSID that is not active is Invalid Namespace or Format
    ctrl.identify(DESCRIPTORS, nsid=4, expect=status.INVALID_NAMESPACE)


def test_identifiers_are_equal_on_all_paths(daemon, connect):
    one = connect(address=daemon.addresses()[0]).identify(DESCRIPTORS, nsid=1)
    two = connect(address=daemon.addresses()[1]).identify(DESCRIPTORS, nsid=1)
    assert one == two


def test_identifiers_that_the_configuration_leaves_out(weftd):
    """A namespace without any gets a stable UUID of its own."""
    ns = weftconf.namespace(1)
    del ns["device"]["uuid"]
    config = weftconf.config([weftconf.subsystem("bare", [ns])])
    found = []
    daemon = weftd(config)
    for _ in range(2):
        with connect_admin(daemon.address, weftconf.nqn("bare")) as ctrl:
            found.append(descriptors(ctrl.identify(DESCRIPTORS, nsid=1)))
        daemon.stop()
        daemon.start()
    assert any(found[0].get(3, b"")) or any(found[0].get(2, b""))
    assert found[0] == found[1]


# by command set

def test_controller_of_the_nvm_command_set(ctrl):
    assert len(ctrl.identify(CTRL_CSI, csi=0)) == 4096


def test_namespace_of_the_nvm_command_set(ctrl):
    assert len(ctrl.identify(NS_CSI, nsid=1, csi=0)) == 4096


@pytest.mark.parametrize("cns", [NS_CSI, CTRL_CSI, ACTIVE_CSI])
@pytest.mark.parametrize("csi", [1, 2, 0xFF])
def test_unknown_command_set(ctrl, cns, csi):
    # Invalid I/O Command Set (12Ch) came with 2.0 for commands that name one; Identify's text
    # says Invalid Field in Command
    ctrl.identify(cns, nsid=1, csi=csi, expect=(status.INVALID_FIELD, 0x12C))


def test_any_command_set(ctrl):
    data = ctrl.identify(NS_ANY, nsid=1)
    assert data[14] & 1, "NSTAT: ready, or Linux ignores the namespace"
    assert data[1] & 1, "NMIC: shared"
    assert not any(ctrl.identify(NS_ANY, nsid=4))


def test_any_command_set_of_a_read_only_namespace(ctrl):
    assert ctrl.identify(NS_ANY, nsid=3)[8] & 1, "NSATTR"


def test_endurance_groups(ctrl):
    """Either the list, which begins with its count, or the field is refused."""
    done = ctrl.admin.run(command.sqe(command.IDENTIFY, cdw10=ENDURANCE_GROUPS), length=4096,
                          expect=(status.SUCCESS, status.INVALID_FIELD))
    if done.status == status.SUCCESS:
        assert u16(done.data, 0) <= 2047


@pytest.mark.parametrize("cns", [0x04, 0x0B, 0x1F, 0x7F, 0x80, 0xC0, 0xFF])
def test_unknown_cns(ctrl, cns):
    ctrl.identify(cns, nsid=1, expect=status.INVALID_FIELD)


@pytest.mark.parametrize("length", [4, 4092, 4100, 8192])
def test_identify_with_another_length(ctrl, length):
    """All structures are 4096 bytes: the data pointer must describe just that."""
    done = ctrl.admin.run(command.sqe(command.IDENTIFY, cdw10=CTRL), length=length,
                          expect=(status.SUCCESS, status.SGL_LENGTH_INVALID, status.INVALID_FIELD))
    # longer buffers are allowed where the controller says so (SGLS bit 18); shorter never
    assert done.status != status.SUCCESS or length >= 4096
    ctrl.identify(CTRL)
