# SPDX-License-Identifier: BSD-3-Clause
"""Many hosts against one daemon: the program `load`, and what must be as it was afterwards."""

import json
import os
import pathlib
import subprocess
import time

import weftconf
from nvmetcp import wait_until
from weftd import SANITIZED, TOP

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", TOP / "build"))
LOAD = BUILD / "tests/load/load"

# What malloc and the kernel may keep of what was given back: see siege.py. Sanitizers keep more.
MEMORY_SLACK_KIB = 400 * 1024 if SANITIZED else 16 * 1024


class Load:
    """`load`, running: it ends by itself, or with stop(), and says what its hosts saw."""

    def __init__(self, mode, daemon, *options, subsystem="one"):
        address, port = daemon.address
        self.process = subprocess.Popen(
            [str(LOAD), *map(str, options), mode, address, str(port), weftconf.nqn(subsystem)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait(self, timeout=600):
        """What its hosts saw; it must have been no error."""
        out, err = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0, f"{err}{out}"
        return json.loads(out)

    def stop(self):
        self.process.terminate()
        return self.wait(60)

    def kill(self):
        self.process.kill()
        self.process.communicate()


class Before:
    """What a daemon holds, to be compared with later."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.taken = daemon.taken()
        time.sleep(0.2)     # until the API has closed the connection of that
        self.descriptors, self.memory = daemon.descriptors(), daemon.memory_kib()

    def again(self, slack_kib=MEMORY_SLACK_KIB):
        """All counts are exactly as they were, and memory nearly. Returns how much more of it."""
        daemon = self.daemon
        wait_until(lambda: daemon.taken() == self.taken, what=f"{self.taken}")
        wait_until(lambda: daemon.descriptors() <= self.descriptors,
                   what=f"{self.descriptors} descriptors")
        wait_until(lambda: daemon.memory_kib() - self.memory < slack_kib,
                   what=f"at most {slack_kib} KiB more than {self.memory}")
        daemon.check()
        return daemon.memory_kib() - self.memory
