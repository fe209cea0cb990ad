# SPDX-License-Identifier: BSD-3-Clause
"""I/O errors: their NVMe status, SMART's count and the error log. Case 46 of hostile input."""

import struct

import pytest

from faultlib import disk, faulty
from nvmetcp import command, status, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.races]

WRITE_FAULT = 0x280
INTERNAL_PATH = 0x300
CTRL_PATH = 0x360
INTERRUPTED = 0x021
ACCESS_DENIED = 0x286
RESERVATION_CONFLICT = 0x083

# errno, status of a Read, of a Write, Do Not Retry
TABLE = [
    ("EIO", status.UNRECOVERED_READ, WRITE_FAULT, True),
    ("ENODATA", status.UNRECOVERED_READ, WRITE_FAULT, True),
    ("EUCLEAN", status.UNRECOVERED_READ, WRITE_FAULT, True),
    ("EILSEQ", status.UNRECOVERED_READ, WRITE_FAULT, True),
    ("ENOSPC", status.CAPACITY_EXCEEDED, status.CAPACITY_EXCEEDED, True),
    ("EDQUOT", status.CAPACITY_EXCEEDED, status.CAPACITY_EXCEEDED, True),
    ("EROFS", ACCESS_DENIED, status.WRITE_PROTECTED, True),
    ("EPERM", ACCESS_DENIED, status.WRITE_PROTECTED, True),
    ("EACCES", ACCESS_DENIED, ACCESS_DENIED, True),
    ("EBADE", RESERVATION_CONFLICT, RESERVATION_CONFLICT, True),
    ("ENODEV", INTERNAL_PATH, INTERNAL_PATH, False),
    ("ENXIO", INTERNAL_PATH, INTERNAL_PATH, False),
    ("ESTALE", INTERNAL_PATH, INTERNAL_PATH, False),
    ("ENOLINK", CTRL_PATH, CTRL_PATH, False),
    ("ETIMEDOUT", CTRL_PATH, CTRL_PATH, False),
    ("ENOMEM", INTERRUPTED, INTERRUPTED, False),
    ("EBUSY", INTERRUPTED, INTERRUPTED, False),
    ("EINVAL", status.INTERNAL_ERROR, status.INTERNAL_ERROR, True),
]


def media_errors(ctrl):
    return int.from_bytes(ctrl.get_log(2, 512)[160:176], "little")


@pytest.fixture(scope="module")
def one(request):
    """One daemon for all of the table."""
    import pathlib
    import faultlib
    with faultlib.short_folder() as name, \
            faultlib.rig([faulty(1, pathlib.Path(name) / "1.sock")]) as rig:
        yield rig


@pytest.mark.parametrize("name,read,write,dnr", TABLE, ids=[row[0] for row in TABLE])
def test_status(one, name, read, write, dnr):
    with one.connect() as ctrl:
        io = ctrl.connect_io()
        before = media_errors(ctrl)
        one.fault(f"fail read,write {name} times 2")
        done = io.run(io.rw(command.READ, 1, 3, 1), length=512, expect=read)
        assert done.dnr == dnr and not done.data
        done = io.write(3, bytes(512), expect=write)
        assert done.dnr == dnr
        counted = sum(code in (status.UNRECOVERED_READ, WRITE_FAULT) for code in (read, write))
        assert media_errors(ctrl) - before == counted
        io.read(3, 1)


def test_error_log_tells_where(one):
    with one.connect() as ctrl:
        io = ctrl.connect_io()
        one.fault("fail write EIO times 1")
        io.write(77, bytes(512), expect=WRITE_FAULT)
        entry = ctrl.get_log(1, 64)
        _, sqid, _, field, _, lba, nsid = struct.unpack_from("<QHHHHQI", entry)
        assert (sqid, field >> 1 & 0x7FF, lba, nsid) == (io.qid, WRITE_FAULT, 77, 1)


def test_write_zeroes_unsupported(one):
    with one.connect() as ctrl:
        io = ctrl.connect_io()
        one.fault("fail zeroes EOPNOTSUPP times 1")
        io.write_zeroes(0, 8, fua=True, expect=status.INVALID_OPCODE)
        io.flush()  # nothing was tried, so nothing is lost


def test_a_range_of_dsm_fails(one):
    with one.connect() as ctrl:
        io = ctrl.connect_io()
        one.fault("fail discard EIO at 4096+4096 times 1")
        io.dsm([(0, 8), (8, 8), (16, 8)], expect=WRITE_FAULT)


def test_46_disappears_and_comes_back(rig, folder):
    path = disk(folder)
    faulted = rig([faulty(1, folder / "1.sock", path=path)])
    with faulted.connect() as ctrl:
        io = ctrl.connect_io()
        io.write(0, b"\x42" * 4096)
        faulted.fault("hang read times 1")
        held = io.submit(io.rw(command.READ, 1, 0, 8), length=4096)
        faulted.fault("wait 1")
        faulted.fault("vanish")
        io.wait(held, INTERNAL_PATH)
        wait_until(lambda: faulted.state()["status"] == "failed", what="its loss")
        io.read(0, 8, expect=status.INVALID_NAMESPACE)
        faulted.fault("return")
        wait_until(lambda: faulted.state()["status"] == "ready", what="its return")
        assert io.read(0, 8) == b"\x42" * 4096
        ctrl.keep_alive()


def test_errors_at_random_under_load(one):
    """Each command ends, with success or the error that was ordered, and what is read is right."""
    with one.connect() as ctrl:
        io = ctrl.connect_io(sqsize=63)
        for index in range(0, 512, 8):
            io.write(index, bytes([index // 8]) * 4096)
        one.fault("fail read,write EIO odds 5")
        one.fault("delay all 3 odds 7")
        batch = []
        for turn in range(400):
            slba = turn * 8 % 512
            batch.append((slba, io.submit(io.rw(command.READ, 1, slba, 8), length=4096)))
            if len(batch) == 40:
                for slba, pending in batch:
                    done = io.wait(pending, status.SUCCESS, status.UNRECOVERED_READ)
                    if done.status == status.SUCCESS:
                        assert done.data == bytes([slba // 8]) * 4096
                batch.clear()
        one.fault("clear")
