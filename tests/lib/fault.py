# SPDX-License-Identifier: BSD-3-Clause
"""The backend `fault`, a disk that fails to order, and its strings."""

import socket

import weftconf


class Fault:
    """The control socket of a fault backend."""

    def __init__(self, path, timeout=60):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.lines = self.sock.makefile("r")

    def close(self):
        self.lines.close()
        self.sock.close()

    def ask(self, command):
        """Send one line; the answer's whole line."""
        self.sock.sendall(command.encode() + b"\n")
        return self.lines.readline().strip()

    def __call__(self, command):
        """Send one line, which must succeed; what follows "ok"."""
        answer = self.ask(command)
        assert answer.split()[0] == "ok", f"{command}: {answer}"
        return answer[3:]

    def numbers(self, command):
        """The same for answers such as "a=1 b=2"."""
        return {key: int(value) for key, value in
                (word.split("=") for word in self(command).split())}


def faulty(nsid, control, *, child="memory", **options):
    """A namespace of backend fault; without a path it is 64 MiB of memory."""
    ns = weftconf.namespace(nsid, **options)
    ns["weft"] |= {"backend": "fault", "child": child if "path" not in options else "file",
                   "control": str(control)}
    return ns
