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


def faulty(nsid, control, *, depth=1, **options):
    """A namespace of backend fault; without a path its child is 64 MiB of memory. `depth`: how many
    faults stand on each other, of which the first one has the control socket."""
    ns = weftconf.namespace(nsid, **options)
    child = ns["weft"]
    ns["weft"] = {name: child.pop(name) for name in ("block_size", "read_only") if name in child}
    for name in ("cache", "rules", "seed"):
        if name in child:
            ns["weft"][name] = child.pop(name)
    if "path" in ns["device"]:
        child["path"] = ns["device"].pop("path")
    for _ in range(depth - 1):
        child = {"backend": "fault", "child": child}
    ns["weft"] |= {"backend": "fault", "child": child, "control": str(control)}
    return ns
