# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of faults share: a daemon whose disk fails to order, and the strings to pull."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile

import nvmetcp
import weftconf
from fault import Fault, faulty  # noqa: F401: also for the tests
from weftconf import nqn
from weftd import TOP, Weftd

WEFT = os.environ.get("WEFT", str(TOP / "build/src/cli/weft"))


def disk(folder, size=8 << 20, name="disk.img"):
    """A sparse file."""
    path = folder / name
    path.touch()
    os.truncate(path, size)
    return path


def site(*namespaces):
    return weftconf.config([weftconf.subsystem("one", namespaces)])


class Rig:
    """A daemon with one subsystem "one" and the fault controls of its namespaces."""

    def __init__(self, daemon, controls):
        self.daemon = daemon
        self.faults = {nsid: Fault(path) for nsid, path in controls.items()}

    @property
    def fault(self):
        return self.faults[1]

    def connect(self, **options):
        return nvmetcp.connect_admin(self.daemon.address, nqn("one"), **options)

    def weft(self, *args):
        """weft(1) with --json."""
        done = subprocess.run([WEFT, "--socket", str(self.daemon.socket_path), *args, "--json"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def get(self, path):
        """A GET of the API, without the time that a process takes to start."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(60)
            sock.connect(str(self.daemon.socket_path))
            sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = sock.makefile("rb").read()
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], head
        return json.loads(body)

    def let_go(self):
        """No disk fails any more, and what hangs goes on."""
        for fault in self.faults.values():
            fault("clear")
            fault("release")

    def state(self, nsid=1):
        """What `weft ls` says of a namespace."""
        return next(ns["state"] for ns in self.weft("ls")["subsystems"][0]["namespaces"]
                    if ns["nsid"] == nsid)

    def reopen(self, nsid=1):
        """Disable and enable a namespace; returns when it is served again."""
        config = self.daemon.config
        for enable in (0, 1):
            def change(changed, enable=enable):
                for ns in changed["subsystems"][0]["namespaces"]:
                    if ns["nsid"] == nsid:
                        ns["enable"] = enable
            self.daemon.reload(weftconf.changed(config, change))
            wanted = "ready" if enable else "disabled"
            nvmetcp.wait_until(lambda: self.state(nsid)["status"] == wanted, what=wanted)


@contextlib.contextmanager
def rig(namespaces, **options):
    """A daemon that serves these namespaces; whatever hangs at the end is let go first."""
    with Weftd(site(*namespaces), **options) as daemon:
        running = Rig(daemon, {ns["nsid"]: ns["weft"]["control"] for ns in namespaces
                               if "control" in ns["weft"]})
        try:
            yield running
        finally:
            for fault in running.faults.values():
                with contextlib.suppress(OSError, IndexError):
                    fault.ask("clear")
                    fault.ask("release")
                fault.close()


def short_folder(place=None):
    """Paths of UNIX sockets have at most 107 characters."""
    return tempfile.TemporaryDirectory(prefix="weft-fault-", dir=place)
