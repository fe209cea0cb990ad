# SPDX-License-Identifier: BSD-3-Clause
"""Get Log Page (Base 2.1, section 5.1.12): every page that is announced, and their contents."""

import struct

import pytest

from nvmetcp import command, status
from nvmetcp.decode import nsid_list, text, u8, u16, u32, u64, u128

pytestmark = pytest.mark.answers

SUPPORTED, ERROR, SMART, FIRMWARE, CHANGED, EFFECTS = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05
FEATURES = 0x12

CSUPP = 1   # of an entry in the effects log
LBCC = 2    # ... it changes what blocks hold


def dwords(data):
    return [value for (value,) in struct.iter_unpack("<I", data)]


def test_supported_pages_are_the_ones_that_answer(ctrl):
    supported = [entry & 1 for entry in dwords(ctrl.get_log(SUPPORTED, 1024))]
    for lid in (SUPPORTED, ERROR, SMART, FIRMWARE, CHANGED, EFFECTS, FEATURES):
        assert supported[lid], f"log page {lid:02x}h is not announced"
    for lid in range(256):
        expected = status.SUCCESS if supported[lid] else status.INVALID_LOG_PAGE
        ctrl.get_log(lid, 512, rae=True, expect=expected)


@pytest.mark.parametrize("lid,size", [(SUPPORTED, 1024), (ERROR, 64 * 64), (SMART, 512),
                                      (FIRMWARE, 512), (CHANGED, 4096), (EFFECTS, 4096),
                                      (FEATURES, 1024)])
def test_reads_by_offset_are_the_whole(ctrl, lid, size):
    whole = ctrl.get_log(lid, size, rae=True)
    half = size // 2
    assert ctrl.get_log(lid, size - half, offset=half, rae=True) == whole[half:]
    assert ctrl.get_log(lid, 4, offset=size - 4, rae=True) == whole[-4:]


@pytest.mark.parametrize("lid", [SUPPORTED, ERROR, SMART, FIRMWARE, CHANGED, EFFECTS, FEATURES])
def test_wrong_offsets(ctrl, lid):
    for offset in (1, 1 << 20, 1 << 32, (1 << 64) - 4):
        ctrl.get_log(lid, 64, offset=offset, expect=status.INVALID_FIELD)


@pytest.mark.parametrize("lid", [SMART, EFFECTS])
def test_numd_that_disagrees_with_the_buffer(ctrl, lid):
    for buffer in (256, 1024):
        ctrl.get_log(lid, 512, buffer=buffer,
                     expect=(status.SGL_LENGTH_INVALID, status.INVALID_FIELD)
                     if buffer < 512 else (status.SUCCESS, status.SGL_LENGTH_INVALID,
                                           status.INVALID_FIELD))
    assert len(ctrl.get_log(lid, 512)) == 512


def test_more_than_the_page_is_zeroes(ctrl):
    assert not any(ctrl.get_log(FIRMWARE, 4096)[512:])


# 01h

def newest_error(ctrl):
    return ctrl.get_log(ERROR, 64, rae=True)


@pytest.mark.parametrize("fail,location", [
    (lambda c: c.get_log(0x3F, 64, expect=status.INVALID_LOG_PAGE), 40),
    (lambda c: c.get_feature(0x7F, expect=status.INVALID_FIELD), 40),
    (lambda c: c.identify(0x7F, expect=status.INVALID_FIELD), 40),
    (lambda c: c.identify(0, nsid=0xFFFFFFFE, expect=status.INVALID_NAMESPACE), 4),
    (lambda c: c.get_log(SMART, 64, offset=1, expect=status.INVALID_FIELD), 48),
], ids=["log page", "feature", "CNS", "NSID", "offset"])
def test_error_location(ctrl, fail, location):
    """The byte of the command that is wrong: the field, not merely the dword before it."""
    fail(ctrl)
    entry = newest_error(ctrl)
    assert u64(entry, 0), "error count"
    assert u16(entry, 8) == 0, "SQID"
    assert u16(entry, 14) & 0xFF == location, f"location {u16(entry, 14):#x}, not {location}"


def test_error_entry_of_an_io_command(ctrl):
    io = ctrl.connect_io()
    before = u64(newest_error(ctrl), 0)
    slba = 1 << 33
    pending = io.submit(io.rw(command.READ, 1, slba, 8), length=4096)
    done = io.wait(pending, status.LBA_OUT_OF_RANGE)
    entry = newest_error(ctrl)
    assert u64(entry, 0) == before + 1
    assert u16(entry, 8) == 1, "SQID"
    assert u16(entry, 10) == pending.cid, "CID"
    assert u16(entry, 12) >> 1 == done.status_field >> 1, "status as completed"
    assert u16(entry, 14) & 0xFF in (40, 48), "SLBA or NLB"
    assert u64(entry, 16) == slba, "LBA"
    assert u32(entry, 24) == 1, "NSID"


def test_errors_newest_first(ctrl):
    for fid in (0x7D, 0x7E, 0x7F):
        ctrl.get_feature(fid, expect=status.INVALID_FIELD)
    log = ctrl.get_log(ERROR, 64 * 3)
    counts = [u64(log, at) for at in (0, 64, 128)]
    assert counts == [counts[0], counts[0] - 1, counts[0] - 2]


def test_error_log_may_be_larger_than_it_is(ctrl):
    entries = u8(ctrl.identify(1), 262) + 1  # ELPE
    assert len(ctrl.get_log(ERROR, 64 * entries)) == 64 * entries


# 02h

def smart(ctrl):
    log = ctrl.get_log(SMART, 512)
    return {"warning": log[0], "kelvin": u16(log, 1), "spare": log[3], "used": log[5],
            "units_read": u128(log, 32), "units_written": u128(log, 48),
            "reads": u128(log, 64), "writes": u128(log, 80), "errors": u128(log, 176)}


def test_smart_is_healthy(ctrl):
    log = smart(ctrl)
    assert log["warning"] == 0
    assert 273 <= log["kelvin"] <= 343, "a composite temperature, in kelvin"
    assert log["spare"] == 100 and log["used"] == 0


def test_smart_counts(ctrl):
    io = ctrl.connect_io()
    before = smart(ctrl)
    for _ in range(5):
        io.read(0, 2048)            # 1 MiB
    for _ in range(3):
        io.write(0, bytes(1 << 20))
    ctrl.get_feature(0x7F, expect=status.INVALID_FIELD)
    after = smart(ctrl)
    assert after["reads"] - before["reads"] == 5
    assert after["writes"] - before["writes"] == 3
    # data units are thousands of 512 bytes, rounded up
    assert after["units_read"] - before["units_read"] in (10, 11)
    assert after["units_written"] - before["units_written"] in (6, 7)
    assert after["errors"] - before["errors"] == 1


def test_smart_of_one_namespace(ctrl):
    """LPA bit 0 says whether it is kept per namespace; NSID 0 and FFFFFFFFh always work."""
    per_namespace = ctrl.identify(1)[261] & 1
    ctrl.get_log(SMART, 512, nsid=0)
    ctrl.get_log(SMART, 512, nsid=0xFFFFFFFF)
    ctrl.get_log(SMART, 512, nsid=1, expect=status.SUCCESS if per_namespace else
                 (status.INVALID_FIELD, status.INVALID_NAMESPACE))


# 03h, 04h

def test_firmware(ctrl):
    log = ctrl.get_log(FIRMWARE, 512)
    slot = log[0] & 7
    assert 1 <= slot <= 7
    assert text(log, 8 * slot, 8) == text(ctrl.identify(1), 64, 8)


def test_no_changed_namespaces_yet(ctrl):
    assert nsid_list(ctrl.get_log(CHANGED, 4096)) == []


# 05h

def effects(ctrl):
    log = dwords(ctrl.get_log(EFFECTS, 2048))
    return log[:256], log[256:]


def test_effects_name_what_there_is(ctrl):
    admin, nvm = effects(ctrl)
    for opcode in (command.GET_LOG_PAGE, command.IDENTIFY, command.ABORT, command.SET_FEATURES,
                   command.GET_FEATURES, command.ASYNC_EVENT, command.KEEP_ALIVE):
        assert admin[opcode] & CSUPP, f"admin {opcode:02x}h"
    for opcode in (command.FLUSH, command.READ):
        assert nvm[opcode] & CSUPP and not nvm[opcode] & LBCC, f"I/O {opcode:02x}h"
    for opcode in (command.WRITE, command.WRITE_ZEROES, command.DSM):
        assert nvm[opcode] & CSUPP and nvm[opcode] & LBCC, f"I/O {opcode:02x}h"


def test_effects_of_the_zoned_command_set(ctrl):
    """nvme-cli asks for them wherever CAP.CSS says that there may be several command sets."""
    log = dwords(ctrl.get_log(EFFECTS, 2048, csi=2))
    assert log[:256] == effects(ctrl)[0]
    assert not any(log[256:])
    ctrl.get_log(EFFECTS, 2048, csi=1, expect=status.INVALID_FIELD)


def test_admin_commands_that_the_log_denies(ctrl):
    admin, _ = effects(ctrl)
    for opcode in range(256):
        if not admin[opcode] & CSUPP and opcode != command.FABRICS:
            ctrl.admin.run(command.sqe(opcode), expect=status.INVALID_OPCODE)


def test_io_commands_that_the_log_denies(ctrl):
    _, nvm = effects(ctrl)
    io = ctrl.connect_io()
    for opcode in range(256):
        if not nvm[opcode] & CSUPP and opcode != command.FABRICS:
            io.run(command.sqe(opcode, nsid=1), expect=status.INVALID_OPCODE)


# 12h

def test_features_that_the_log_names(ctrl):
    supported = [entry & 1 for entry in dwords(ctrl.get_log(FEATURES, 1024))]
    for fid in (0x06, 0x07, 0x0B, 0x0F, 0x81):
        assert supported[fid], f"feature {fid:02x}h"
    for fid in range(1, 256):
        if not supported[fid]:
            ctrl.get_feature(fid, expect=status.INVALID_FIELD)
