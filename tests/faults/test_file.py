# SPDX-License-Identifier: BSD-3-Clause
"""What may befall a file that is a disk: no room, a limit, a cut. Cases 46 and 47."""

import os
import subprocess

import pytest

import weftconf
from faultlib import disk, site
from nvmetcp import command, connect_admin, status, wait_until
from weftconf import nqn
from weftd import Weftd

pytestmark = [pytest.mark.engine, pytest.mark.shipped]

ROOM = 4 << 20      # of the small file system
SIZE = 64 << 20     # of the disk on it
WRITE_FAULT = 0x280


# A mount namespace; without root, a user namespace that allows to make one
UNSHARE = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])


def can_mount():
    return subprocess.run([*UNSHARE, "true"], capture_output=True).returncode == 0


@pytest.fixture
def small(folder):
    """small(fs): a daemon whose disk is a thin file on a file system of 4 MiB, in a mount namespace
    of its own; and its controller."""
    daemons = []

    def start(filesystem, **options):
        if not can_mount():
            pytest.skip("no mount namespaces here")
        mount = folder / "small"
        mount.mkdir()
        path = mount / "disk.img"
        if filesystem == "tmpfs":
            prepare = f'mount -t tmpfs -o size={ROOM} none "$0"'
        else:
            if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
                pytest.skip("no loop devices here")
            image = disk(folder, ROOM + (4 << 20), "image")
            subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True,
                           capture_output=True)
            prepare = f'mount -o loop {image} "$0"'
        daemon = Weftd(site(weftconf.namespace(1, path=path, **options), weftconf.namespace(2)),
                       wrapper=[*UNSHARE, "sh", "-c",
                                f'{prepare} && truncate -s {SIZE} "$1" && shift && exec "$@"',
                                str(mount), str(path)])
        daemons.append(daemon)
        try:
            daemon.start()
        except AssertionError:
            daemon.kill()
            if filesystem != "tmpfs" and "mount:" in daemon.stderr:
                pytest.skip("loop devices cannot be mounted here")
            raise
        return daemon

    yield start
    for daemon in daemons:
        try:
            if daemon.process:
                daemon.stop()
        finally:
            daemon.remove()


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "page cache"])
@pytest.mark.parametrize("filesystem", ["tmpfs", "ext4"])
def test_47_no_room(small, filesystem, direct):
    """Writes fail with Capacity Exceeded; what was there stays readable, flushes tell the truth,
    other namespaces go on, and with room made writes go on too."""
    daemon = small(filesystem, direct=direct)
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        io = ctrl.connect_io()
        good = 0
        for index in range(SIZE >> 20):
            done = io.write(index * 2048, bytes([index + 1]) * (1 << 20),
                            expect=(0, status.CAPACITY_EXCEEDED))
            if done.status:
                assert done.dnr
                break
            good += 1
        assert 0 < good < 16, "the small file system took all of it"
        for index in range(good):
            assert io.read(index * 2048, 2048) == bytes([index + 1]) * (1 << 20)
        io.flush()
        io.write(0, b"\xee" * 4096, nsid=2)
        io.write(0, b"\xee" * 4096)         # no new room is needed
        assert media_errors(ctrl) == 0, "a full disk is no damage"
        io.dsm([(2048, (good - 1) * 2048)])
        wait_until(lambda: io.write(2048, b"\xdd" * 65536,
                                    expect=(0, status.CAPACITY_EXCEEDED)).status == 0,
                   what="room")
        io.flush()
        assert io.read(2048, 128) == b"\xdd" * 65536


def media_errors(ctrl):
    return int.from_bytes(ctrl.get_log(2, 512)[160:176], "little")


def test_file_size_limit(folder):
    """RLIMIT_FSIZE: the kernel writes up to it, then says EFBIG, and sends SIGXFSZ as well."""
    path = disk(folder, 1 << 20)
    limited = ["prlimit", f"--fsize={512 << 10}", "--"]
    with Weftd(site(weftconf.namespace(1, path=path)), wrapper=limited) as daemon:
        with connect_admin(daemon.address, nqn("one")) as ctrl:
            io = ctrl.connect_io()
            io.write(0, b"\x01" * 65536)
            io.write(1020, b"\x02" * 4096, expect=status.CAPACITY_EXCEEDED)
            io.write(1024, b"\x02" * 4096, expect=status.CAPACITY_EXCEEDED)
            assert io.read(0, 128) == b"\x01" * 65536
            io.write(8, b"\x03" * 512)
        daemon.check()


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "page cache"])
@pytest.mark.parametrize("size", [0, 4096, 1 << 20])
def test_46_truncated(folder, size, direct):
    """A file cut behind our back: reads beyond its end fail until hosts see the new size; nothing
    is made up, and what is left can be used."""
    path = disk(folder)
    with Weftd(site(weftconf.namespace(1, path=path, direct=direct))) as daemon:
        with connect_admin(daemon.address, nqn("one")) as ctrl:
            io = ctrl.connect_io()
            io.write(0, b"\x51" * 65536)
            os.truncate(path, size)
            allowed = (status.UNRECOVERED_READ, status.LBA_OUT_OF_RANGE, status.INVALID_NAMESPACE)
            io.run(io.rw(command.READ, 1, 8192, 8), length=4096, expect=allowed)
            if size:
                assert io.read(0, 8) == b"\x51" * 4096
                wait_until(lambda: blocks(ctrl) == size // 512, what="the new size")
                io.run(io.rw(command.READ, 1, size // 512, 8), length=4096,
                       expect=status.LBA_OUT_OF_RANGE)
                io.write(0, b"\x52" * 4096)
                io.flush()
            os.truncate(path, 8 << 20)
            wait_until(lambda: blocks(ctrl) == 16384, what="its old size")
            assert io.read(8192, 8) == bytes(4096)


def blocks(ctrl):
    """NSZE; 0 where there is no such namespace."""
    return int.from_bytes(ctrl.identify(0, nsid=1, expect=(0, status.INVALID_NAMESPACE))[:8],
                          "little")
