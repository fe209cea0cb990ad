# SPDX-License-Identifier: BSD-3-Clause
"""What the guest's host connects to: weftd outside the guest, or the kernel's nvmet inside.

Both take configurations in nvmetcli's form, as weftconf makes them, and have the same verbs:

  disk(name, size)    makes a file of zeroes for a namespace; returns its path
  resize(name, size)  makes it larger or smaller
  serve(config)       serves that, or changes over to it
  kill()              ends the target without a word to anybody
  revive()            starts it again, as it was
  stop()              ends it in good order
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from weftd import Weftd


@dataclass(frozen=True)
class Portal:
    """Where the guest reaches a port."""
    address: str
    port: int


class Target:
    # The test machine's loopback, as the guest sees it or as it is.
    address = None

    def __init__(self, folder):
        self.folder = Path(folder)
        self.config = None

    def portals(self):
        """A Portal for each port of the configuration that is served, in its order."""
        return [Portal(self.address, int(port["addr"]["trsvcid"]))
                for port in self.config["ports"]]

    @property
    def portal(self):
        return self.portals()[0]


class WeftTarget(Target):
    """weftd on the test machine, whose loopback is 10.0.2.2 for a guest."""

    name = "weftd"
    address = "10.0.2.2"

    def __init__(self, folder):
        super().__init__(folder)
        self.daemon = None

    def disk(self, name, size):
        path = self.folder / name
        path.touch()
        os.truncate(path, size)
        return path

    def resize(self, name, size):
        os.truncate(self.folder / name, size)

    def serve(self, config):
        self.config = config
        if self.daemon is None:
            self.daemon = Weftd(config, cores=2)
            self.daemon.start()
        else:
            self.daemon.reload(config)

    def kill(self):
        self.daemon.kill()

    def revive(self):
        self.daemon.start()

    def stop(self):
        if self.daemon is not None:
            try:
                self.daemon.stop()
            finally:
                print(self.daemon.stderr)
                self.daemon.remove()


class NvmetTarget(Target):
    """The kernel's target inside the guest."""

    name = "nvmet"
    address = "127.0.0.1"

    def __init__(self, guest):
        super().__init__("/var/tmp/disks")
        self.guest = guest

    def disk(self, name, size):
        path = self.folder / name
        self.guest.run(f"mkdir -p {self.folder} && truncate -s {size} {path}")
        return path

    def resize(self, name, size):
        self.disk(name, size)
        self.serve(self.config)

    def serve(self, config):
        self.config = config
        self._apply(config)

    def _apply(self, config):
        self.guest.run("/usr/lib/guest/nvmet", stdin=json.dumps(config, default=str))

    def kill(self):
        """The nearest thing that nvmet has: it drops all connections and refuses new ones."""
        self._apply(self.config | {"ports": []})

    def revive(self):
        self._apply(self.config)

    def stop(self):
        self._apply({})
        self.guest.run(f"rm -rf {self.folder}")
