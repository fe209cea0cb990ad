# SPDX-License-Identifier: BSD-3-Clause
"""A network namespace of the test's own: interfaces and addresses that hurt nobody.

Within `with Network() as net:` this thread, and each process that it starts, has only a loopback
interface, which is up, and what the test adds.
"""

import contextlib
import ctypes
import os
import subprocess

import pytest

_CLONE_NEWNET, _CLONE_NEWNS, _CLONE_FS = 0x40000000, 0x00020000, 0x00000200
_MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 1 << 12, 1 << 14, 1 << 18, 2
_libc = ctypes.CDLL(None, use_errno=True)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace: root's")


def ip(*words):
    """Runs ip(8) with these words."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


class Network:
    """The namespace; see above."""

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._stack.callback(os.close, before)
        _check(_libc.unshare(_CLONE_NEWNET), "unshare")
        self._stack.callback(lambda: _check(_libc.setns(before, _CLONE_NEWNET), "setns"))
        ip("link", "set", "lo", "up")
        return self

    def __exit__(self, *_exc):
        self._stack.close()

    def interface(self, name, *addresses):
        """Adds an interface that is up and has these addresses, such as "192.0.2.1/24"."""
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
        for end in (name, f"{name}-peer"):
            ip("link", "set", end, "addrgenmode", "none")
            ip("link", "set", end, "up")
        for address in addresses:
            self.add(name, address)

    @staticmethod
    def add(name, address):
        """Gives an interface one more address, usable at once."""
        ip("address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))

    @staticmethod
    def remove(name, address):
        ip("address", "del", address, "dev", name)


@contextlib.contextmanager
def mounted_over(target, source):
    """One file lies over another, for what the body starts by this thread: for nobody else."""
    before = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    folder = os.getcwd()
    try:
        _check(_libc.unshare(_CLONE_NEWNS | _CLONE_FS), "unshare")
        _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "mount")
        _check(_libc.mount(str(source).encode(), str(target).encode(), None, _MS_BIND, None),
               "mount")
        yield
    finally:
        # threads that the body made may share our place in the tree, which setns() does not allow
        _check(_libc.unshare(_CLONE_FS), "unshare")
        _check(_libc.setns(before, _CLONE_NEWNS), "setns")
        os.chdir(folder)
        os.close(before)
