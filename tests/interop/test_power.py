# SPDX-License-Identifier: BSD-3-Clause
"""Loss of power below weftd: dm-log-writes records what its disk makes durable, and in which order.

weftd runs in a guest, on a disk that is recorded; a host outside writes and flushes, and marks the
log with what was flushed by then. Whatever prefix of the log the disk is left with, what was flushed
before it must be there, and no block may be torn.
"""

import base64
import os
import random
import struct
import sys
from pathlib import Path

import pytest

import logwrites
import nvmetcp
import weftconf
from daemon import DaemonGuest, drive

sys.path.append(str(Path(__file__).resolve().parents[1] / "faults"))

from crashlib import BLOCK, BLOCKS, MAGIC, Ledger, read_stamp  # noqa: E402

pytestmark = pytest.mark.weftd_only("the disk under weftd is recorded")

SEED = int(os.environ.get("WEFT_CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
MARKS = 24
MOUNTED = 12            # marks at which a file system is looked into
SIZE = {"disk": 32 << 20, "log": 512 << 20, "replayed": 32 << 20}
PLACE = BLOCKS * BLOCK  # bytes of the disk that are used


class PowerGuest(DaemonGuest):
    """/dev/vdc is a disk, /dev/vdd the log of it, /dev/vde a disk to replay it to;
    /dev/mapper/recorded is the disk, recorded."""

    def __init__(self, images, log, folder):
        self.drives = {name: folder / name for name in SIZE}
        options = []
        for name, path in self.drives.items():
            options += drive(path, SIZE[name], "if=virtio,cache=none")
        super().__init__(images, log, folder, options)

    def install(self):
        super().install()
        self.run("modprobe dm-log-writes && dmsetup create recorded "
                 '--table "0 $(blockdev --getsz /dev/vdc) log-writes /dev/vdc /dev/vdd"')

    def close(self):
        self.run("dmsetup remove recorded && blockdev --flushbufs /dev/vdd")

    def mark(self, name):
        """Behind all flushes that have begun: a suspended device has no I/O outstanding."""
        self.run("dmsetup suspend --nolockfs recorded && dmsetup resume recorded && "
                 f"dmsetup message recorded 0 mark {name}")

    def read_file(self, image):
        """The start of disk.img in the file system that this image of a disk holds."""
        self.drives["replayed"].write_bytes(image)
        text = self.run("blockdev --flushbufs /dev/vde && mkdir -p /mnt/replayed && "
                        "mount /dev/vde /mnt/replayed && "
                        f"head -c {PLACE} /mnt/replayed/disk.img | base64 -w 0 && "
                        "umount /mnt/replayed && blockdev --flushbufs /dev/vde")
        return base64.b64decode(text)


@pytest.fixture
def machine(images, logs, tmp_path):
    machine = PowerGuest(images, logs / "power-guest.log", tmp_path)
    try:
        machine.start()
        machine.install()
        yield machine
    finally:
        machine.stop()


def work(machine, ledger):
    """Writes and flushes, and marks the log; [what was durable at each mark]"""
    marks, flushes = [], 0

    def mark():
        nonlocal flushes
        if ledger.flushes < flushes + 4:
            return False
        flushes = ledger.flushes
        durable = list(ledger.durable)
        machine.mark(len(marks))
        marks.append(durable)
        return len(marks) == MARKS

    with nvmetcp.connect_admin(("127.0.0.1", machine.forwarded), weftconf.nqn("one")) as ctrl:
        ledger.run(ctrl.connect_io(), until=mark)
    assert len(marks) == MARKS, "the connection ended"
    return marks


def age(raw):
    """The generation of a block that the workload wrote."""
    magic, _, generation = struct.unpack_from("<QQQ", raw)
    return generation if magic == MAGIC else None


def judge(raw, durable):
    """What was flushed is there, and no block is torn."""
    for block in range(BLOCKS):
        found = read_stamp(block, raw[block * BLOCK:(block + 1) * BLOCK])
        assert found >= durable[block], f"block {block}: {found}, but {durable[block]} was flushed"


def test_power_loss_under_a_block_device(machine):
    """At each mark, and at each flush between them."""
    print(f"WEFT_CRASH_SEED={SEED}")
    ledger = Ledger(SEED)
    daemon = machine.serve([weftconf.namespace(1, path="/dev/mapper/recorded")])
    marks = work(machine, ledger)
    machine.end(daemon)
    machine.close()
    replay, durable = logwrites.Replay(SIZE["disk"], age), [0] * BLOCKS
    judged = found = durable_writes = 0
    for entry in logwrites.entries(machine.drives["log"]):
        replay.apply(entry)
        if entry.flags & logwrites.MARK and entry.data[:4] != b"dm-l":
            durable, found = marks[int(entry.data.rstrip(b"\0"))], found + 1
        if entry.flags & (logwrites.MARK | logwrites.FLUSH):
            judge(replay.image, durable)
            judged += 1
        durable_writes += bool(entry.flags & logwrites.FUA)
    assert found == MARKS and judged > 2 * MARKS and durable_writes
    print(f"{judged} states judged, {ledger.writes} writes, {ledger.flushes} flushes")


def test_power_loss_under_a_file(machine):
    """A sparse file, whose blocks are found only by what its file system has made durable."""
    print(f"WEFT_CRASH_SEED={SEED}")
    ledger = Ledger(SEED)
    machine.run("mkfs.ext4 -q /dev/mapper/recorded && mkdir -p /mnt/disk && "
                "mount /dev/mapper/recorded /mnt/disk && "
                "truncate -s 16M /mnt/disk/disk.img && sync")
    daemon = machine.serve([weftconf.namespace(1, path="/mnt/disk/disk.img")])
    marks = work(machine, ledger)
    machine.end(daemon)
    machine.run("umount /mnt/disk")
    machine.close()
    replay, found = logwrites.Replay(SIZE["disk"], age), 0
    for entry in logwrites.entries(machine.drives["log"]):
        replay.apply(entry)
        if entry.flags & logwrites.MARK and entry.data[:4] != b"dm-l":
            number, found = int(entry.data.rstrip(b"\0")), found + 1
            if number % (MARKS // MOUNTED) == 0:
                judge(machine.read_file(replay.image), marks[number])
    assert found == MARKS
    print(f"{ledger.writes} writes, {ledger.flushes} flushes")
