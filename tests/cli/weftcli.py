# SPDX-License-Identifier: BSD-3-Clause
"""weft(1), run and judged.

WEFT names the binary; without it the one in build/ of this checkout is taken.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import time

from weftd import START_SECONDS, TOP, Weftd

WEFT = pathlib.Path(os.environ.get("WEFT", TOP / "build/src/cli/weft"))

OK, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3

# A network of the daemon's own, where the ports 4420 and 8009 are free and only loopback exists.
OWN_NETWORK = ["unshare", "-n" if os.geteuid() == 0 else "-rn", "sh", "-c",
               'ip link set lo up && exec "$@"', "sh"]


class Result:
    """What a command did."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Weft:
    """weft, for one socket."""

    def __init__(self, socket_path, folder):
        self.socket_path, self.folder = socket_path, folder

    def __call__(self, *args, code=OK, stdin=None, env=None):
        """Run it and judge its exit code."""
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("COLUMNS", "NO_COLOR", "WEFT_SOCKET")}
        environment.update({"WEFT_SOCKET": str(self.socket_path), "TZ": "UTC", **(env or {})})
        done = subprocess.run([str(WEFT), *map(str, args)], cwd=self.folder, env=environment,
                              input=stdin, capture_output=True, text=True, timeout=60)
        result = Result(done)
        assert "Sanitizer" not in done.stderr and "runtime error:" not in done.stderr, result
        assert done.returncode == code, f"expected {code}: {result}"
        return result

    def json(self, *args, code=OK, **kw):
        return self(*args, "--json", code=code, **kw).json

    def wait(self):
        """Until the daemon answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self("status")
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


@contextlib.contextmanager
def serve(config, folder, **options):
    with Weftd(config, **options) as daemon:
        weft = Weft(daemon.socket_path, folder)
        weft.wait()
        weft.daemon = daemon
        yield weft
        daemon.check()
