# SPDX-License-Identifier: BSD-3-Clause
"""A file system that stops answering, as that of a dead server does: FUSE, spoken by hand.

It has one file, disk.img. While it is frozen, whoever asks it anything waits in the kernel. Its fsync
fails to order.
"""

import ctypes
import errno
import os
import pathlib
import select
import stat
import struct
import threading

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE = 1, 2, 3, 4, 14, 15, 16
STATFS, RELEASE, FSYNC, INIT, INTERRUPT, DESTROY, BATCH_FORGET = 17, 18, 20, 26, 36, 38, 42
SILENT = (FORGET, INTERRUPT, BATCH_FORGET)

FOPEN_DIRECT_IO = 1
BIG_WRITES = 1 << 5
MAX_WRITE = 1 << 17
HEADER = struct.Struct("<IIQQIIIHH")
MNT_DETACH = 2
ROOT, DISK = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)


def _mount(folder, fd):
    options = f"fd={fd},rootmode=40000,user_id={os.geteuid()},group_id={os.getegid()}"
    if _libc.mount(b"weft-test", str(folder).encode(), b"fuse", 0, options.encode()) < 0:
        raise OSError(ctypes.get_errno(), "mount")


class Frozen:
    """Mounted on `folder` until close(); OSError where FUSE is not allowed."""

    def __init__(self, folder, size=8 << 20):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.path = self.folder / "disk.img"
        self.disk = bytearray(size)
        self.fail_fsync = 0     # so many of the next ones
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._ended = False
        self._frozen = threading.Event()
        self._idle = threading.Event()
        self._thaw = threading.Event()
        try:
            _mount(self.folder, self.fd)
        except OSError:
            os.close(self.fd)
            raise
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        # The kernel learns that there is no FLUSH: a process that ends would wait for it.
        os.close(os.open(self.path, os.O_RDONLY))

    def freeze(self):
        self._idle.clear()
        self._thaw.clear()
        self._frozen.set()
        assert self._idle.wait(5)

    def thaw(self):
        self._frozen.clear()
        self._thaw.set()

    def close(self):
        """Whoever still waits gets an error."""
        self._ended = True
        self.thaw()
        self._thread.join(5)
        _libc.umount2(str(self.folder).encode(), MNT_DETACH)
        os.close(self.fd)

    def _serve(self):
        while not self._ended:
            if self._frozen.is_set():
                self._idle.set()
                self._thaw.wait(0.1)
            elif select.select([self.fd], [], [], 0.01)[0]:
                try:
                    self._answer(os.read(self.fd, MAX_WRITE + 4096))
                except OSError as error:
                    if error.errno not in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                        return

    def _answer(self, request):
        _, opcode, unique, node, *_ = HEADER.unpack_from(request)
        if opcode in SILENT:
            return
        reply = self._reply(opcode, node, request[HEADER.size:])
        code, data = (-reply, b"") if isinstance(reply, int) else (0, reply)
        os.write(self.fd, struct.pack("<IiQ", 16 + len(data), code, unique) + data)

    def _reply(self, opcode, node, body):
        """What to answer: bytes, or an errno value."""
        if opcode == INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, BIG_WRITES, 512, 384, MAX_WRITE, 1,
                               32, 0, 0)
        if opcode == LOOKUP:
            if body.rstrip(b"\0") != b"disk.img":
                return errno.ENOENT
            return struct.pack("<QQQQII", DISK, 0, 0, 0, 0, 0) + self._attributes(DISK)
        if opcode in (GETATTR, SETATTR):
            return struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        if opcode == STATFS:
            return struct.pack("<QQQQQIII28x", len(self.disk) // 4096, 0, 0, 2, 0, 4096, 255, 4096)
        if opcode == OPEN:
            return struct.pack("<QII", 1, FOPEN_DIRECT_IO, 0)
        if opcode in (READ, WRITE):
            _, offset, size = struct.unpack_from("<QQI", body)
            if opcode == READ:
                return bytes(self.disk[offset:offset + size])
            self.disk[offset:offset + size] = body[40:40 + size]
            return struct.pack("<II", size, 0)
        if opcode == FSYNC and self.fail_fsync:
            self.fail_fsync -= 1
            return errno.EIO
        return b"" if opcode in (FSYNC, RELEASE, DESTROY) else errno.ENOSYS

    def _attributes(self, node):
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o600
        return struct.pack("<QQQQQQIIIIIIIIII", node, len(self.disk), len(self.disk) // 512,
                           0, 0, 0, 0, 0, 0, mode, 1, os.geteuid(), os.getegid(), 0, 4096, 0)
