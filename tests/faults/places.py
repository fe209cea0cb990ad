# SPDX-License-Identifier: BSD-3-Clause
"""What disks lie on: file systems and block devices, made for one test. What takes a kernel of its
own is in tests/interop/test_places.py.

Each place is a context manager that takes a folder and gives a Place. It raises Missing where this
machine's kernel or its programs cannot have it.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import stat
import subprocess
from dataclasses import dataclass
from typing import Callable, Optional

import faultlib
import frozen
import layers

MIB = 1 << 20
SIZE = 16 * MIB             # of a disk
LARGER = 20 * MIB           # what it is made later
_libc = ctypes.CDLL(None, use_errno=True)


class Missing(Exception):
    """What this machine lacks."""


@dataclass
class Place:
    """A disk of SIZE bytes."""

    path: str
    grow: Optional[Callable] = None     # makes it LARGER bytes; None: it cannot be
    read_only: bool = False
    block: int = 512


def run(*words):
    """A program's output; Missing where there is no such program."""
    if not shutil.which(words[0]):
        raise Missing(f"no {words[0]} here")
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{words}: {done.stderr}")
    return done.stdout.strip()


def kernel_has(filesystem):
    if filesystem not in pathlib.Path("/proc/filesystems").read_text().split():
        raise Missing(f"a kernel without {filesystem}")


@contextlib.contextmanager
def mounted(kind, source, folder, options=""):
    """This file system on a folder of that name, which is made."""
    folder.mkdir()
    if _libc.mount(str(source).encode(), str(folder).encode(), kind.encode(), 0,
                   options.encode()) < 0:
        raise OSError(ctypes.get_errno(), f"mount {kind}")
    try:
        yield folder
    finally:
        _libc.umount2(str(folder).encode(), layers.MNT_DETACH)


def file_place(folder):
    path = faultlib.disk(folder, SIZE)
    return Place(str(path), grow=lambda: os.truncate(path, LARGER))


def memory(kind):
    @contextlib.contextmanager
    def place(folder):
        kernel_has(kind)
        with mounted(kind, "none", folder / "mount") as mount:
            yield file_place(mount)
    return place


def made(kind, size, *options):
    """A file system of this kind on a loop device."""
    @contextlib.contextmanager
    def place(folder):
        kernel_has(kind)
        image = faultlib.disk(folder, size, "image")
        run(f"mkfs.{kind}", *options, image)
        with loop(image) as device, mounted(kind, device, folder / "mount") as mount:
            yield file_place(mount)
    return place


@contextlib.contextmanager
def overlay(folder):
    kernel_has("overlay")
    with mounted("tmpfs", "none", folder / "mount") as mount:
        (mount / "lower").mkdir()
        (mount / "upper").mkdir()
        with layers.overlay(mount / "over", mount / "lower", upper=mount / "upper") as disk:
            yield file_place(disk.parent)


@contextlib.contextmanager
def fuse(folder):
    kernel_has("fuse")
    filesystem = frozen.Frozen(folder / "mount", SIZE)
    try:
        yield Place(str(filesystem.path))
    finally:
        filesystem.close()


@contextlib.contextmanager
def loop(image, *options):
    if not os.path.exists("/dev/loop-control"):
        raise Missing("a kernel without loop devices")
    device = run("losetup", "--find", "--show", *options, image)
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


def loop_place(*options, read_only=False, block=512):
    @contextlib.contextmanager
    def place(folder):
        image = faultlib.disk(folder, SIZE, "image")
        with loop(image, *options) as device:
            def grow():
                os.truncate(image, LARGER)
                run("losetup", "--set-capacity", device)
            yield Place(device, grow=grow, read_only=read_only, block=block)
    return place


@contextlib.contextmanager
def partition(folder):
    image = faultlib.disk(folder, SIZE + MIB, "image")
    with loop(image, "--partscan") as device:
        run("addpart", device, 1, MIB // 512, SIZE // 512)
        number = pathlib.Path(f"/sys/class/block/{os.path.basename(device)}p1/dev")
        # of its own: nobody may have made one in /dev
        os.mknod(folder / "part", 0o600 | stat.S_IFBLK,
                 os.makedev(*map(int, number.read_text().split(":"))))
        yield Place(str(folder / "part"))


@contextlib.contextmanager
def zram(folder):
    control = pathlib.Path("/sys/class/zram-control")
    if not control.exists():
        raise Missing("a kernel without zram")
    number = (control / "hot_add").read_text().strip()
    try:
        pathlib.Path(f"/sys/block/zram{number}/disksize").write_text(str(SIZE))
        yield Place(f"/dev/zram{number}", block=4096)
    finally:
        (control / "hot_remove").write_text(number)


PLACES = {
    "tmpfs": memory("tmpfs"),
    "ramfs": memory("ramfs"),
    "ext4": made("ext4", 64 * MIB, "-q"),
    "xfs": made("xfs", 300 * MIB, "-q"),
    "btrfs": made("btrfs", 128 * MIB, "-q"),
    "overlayfs": overlay,
    "FUSE": fuse,
    "loop": loop_place(),
    "loop of 4096-byte blocks": loop_place("--sector-size", "4096", block=4096),
    "read-only loop": loop_place("--read-only", read_only=True),
    "partition": partition,
    "zram": zram,
}
