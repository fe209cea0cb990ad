# SPDX-License-Identifier: BSD-3-Clause
"""A guest in which weftd runs, on drives of the test's own; a host outside reaches it."""

import json
import os

import service
import weftconf
from guest import FORWARDED, Guest

RUN = f"LD_LIBRARY_PATH={service.LIBRARIES}"
STATUS = f"{RUN} /usr/local/bin/weft --socket /run/weft.sock status --json"


def drive(path, size, options):
    """QEMU's words for a drive of so many bytes, zeroes, on a file, which is made."""
    path.touch()
    os.truncate(path, size)
    return ["-drive", f"file={path},format=raw,{options}"]


class DaemonGuest(Guest):
    """/dev/vdb is weft, as `make install` leaves it. `options` are QEMU's, for further drives."""

    def __init__(self, images, log, folder, options, cpus=2):
        super().__init__(images, log, cpus)
        self.archive = folder / "weft.tar"
        self.options = options
        service.pack(self.archive, folder / "root")

    def _command(self, channel):
        return [*super()._command(channel),
                "-drive", f"file={self.archive},format=raw,if=virtio,readonly=on", *self.options]

    def install(self):
        self.run("tar -x -C / -f /dev/vdb")

    def serve(self, namespaces, options=""):
        """Starts weftd with these namespaces in subsystem "one"; its Job, once it listens."""
        config = weftconf.config([weftconf.subsystem("one", namespaces)],
                                 [weftconf.port(1, ["one"], traddr="10.0.2.15", trsvcid=FORWARDED)])
        self.write("/run/weft.json", json.dumps(config))
        daemon = self.spawn(f"{RUN} /usr/local/sbin/weftd --config /run/weft.json --socket "
                            f"/run/weft.sock --state-dir /run/state --cores 1 {options}",
                            timeout=900)
        self.run(f"for i in $(seq 300); do {STATUS} | jq -e '.ports.ready == 1' && exit; "
                 "sleep 0.1; done; exit 1", timeout=900)
        return daemon

    def status(self):
        """What weftd says of itself."""
        return self.json(STATUS)

    def end(self, daemon):
        """weftd ends, and well; its Result."""
        self.run("kill $(pidof weftd)")
        return daemon.wait().check()
