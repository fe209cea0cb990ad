# SPDX-License-Identifier: BSD-3-Clause
"""Layers of the kernel's over a file system of FUSE, which hangs when it is told to."""

import contextlib
import ctypes
import fcntl
import os
import pathlib

MNT_DETACH = 2
LOOP_CTL_GET_FREE, LOOP_SET_FD, LOOP_CLR_FD = 0x4C82, 0x4C00, 0x4C01
DISK = "disk.img"

_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def overlay(folder, *below, upper=None):
    """The path of disk.img on an overlayfs over the folders `below`, writable where `upper` names
    one. OSError where it cannot be mounted."""
    place = pathlib.Path(folder)
    place.mkdir()
    options = "lowerdir=" + ":".join(str(path) for path in below)
    if upper:
        work = pathlib.Path(f"{upper}.work")
        work.mkdir()
        options += f",upperdir={upper},workdir={work}"
    if _libc.mount(b"overlay", str(place).encode(), b"overlay", 0, options.encode()) < 0:
        raise OSError(ctypes.get_errno(), "overlay")
    try:
        yield place / DISK
    finally:
        _libc.umount2(str(place).encode(), MNT_DETACH)


@contextlib.contextmanager
def loop_device(path):
    """A block device that is this file. OSError where there is none to be had."""
    with contextlib.ExitStack() as stack:
        def opened(name):
            fd = os.open(name, os.O_RDWR | os.O_CLOEXEC)
            stack.callback(os.close, fd)
            return fd
        name = f"/dev/loop{fcntl.ioctl(opened('/dev/loop-control'), LOOP_CTL_GET_FREE)}"
        device = opened(name)
        fcntl.ioctl(device, LOOP_SET_FD, opened(path))
        stack.callback(fcntl.ioctl, device, LOOP_CLR_FD)
        yield name
