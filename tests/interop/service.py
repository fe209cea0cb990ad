# SPDX-License-Identifier: BSD-3-Clause
"""A guest in which systemd runs, and in it weft as `make install` leaves it."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

from guest import Guest

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEFT_BUILD", TOP / "build"))

# The guest's Debian is another one: these are its own, all else comes along.
C_LIBRARY = ("libc.so", "libm.so", "ld-linux", "libdl.so", "libpthread.so", "librt.so",
             "libresolv.so")
LIBRARIES = "/opt/weft/lib"
DISK = "/dev/vdc"
DISK_SIZE = 64 << 20
DROP_IN = "/etc/systemd/system/weftd.service.d/{}.conf"


def pack(path, folder):
    """A tar archive of what is installed, of the script that follows, and of the libraries."""
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder],
                   check=True, stdin=subprocess.DEVNULL)
    with tarfile.open(path, "w") as archive:
        archive.add(folder, "/")
        archive.add(TOP / "packaging/after-install", "/opt/weft/after-install")
        for library in libraries(folder):
            archive.add(library.resolve(), f"{LIBRARIES}/{library.name}")
    os.truncate(path, (path.stat().st_size + 511) & ~511)


def libraries(folder):
    found = set()
    for name in ("sbin/weftd", "bin/weft"):
        linked = subprocess.run(["ldd", folder / "usr/local" / name], stdout=subprocess.PIPE,
                                text=True, check=True).stdout
        found |= {Path(word) for word in linked.split() if word.startswith("/")}
    return [path for path in sorted(found) if not path.name.startswith(C_LIBRARY)]


class ServiceGuest(Guest):
    """Its first program is systemd; DISK is an empty disk that weftd may have."""

    def __init__(self, images, log, archive, disk):
        super().__init__(images, log, cpus=2)
        self.drives = [f"file={archive},format=raw,if=virtio,readonly=on",
                       f"file={disk},format=raw,if=virtio,cache=none"]

    def _command(self, channel):
        command = super()._command(channel)
        at = command.index("-append") + 1
        command[at] += (" guest_init=/usr/lib/systemd/systemd systemd.unit=guest-agent.service"
                        # as on a machine that was booted before
                        " systemd.condition-first-boot=no systemd.condition-needs-update=no")
        for drive in self.drives:
            command += ["-drive", drive]
        return command

    def install(self):
        self.run(f"tar -x -C / -f /dev/vdb && chown -R root:root /usr/local /opt && "
                 f"chmod -R go+rX-w /usr/local /opt")
        self.drop_in("libraries", f"[Service]\nEnvironment=LD_LIBRARY_PATH={LIBRARIES}\n")
        self.run("/opt/weft/after-install")

    def drop_in(self, name, text):
        """Changes the unit as `systemctl edit` does, for the next start; "" takes it back."""
        path = DROP_IN.format(name)
        self.run(f"mkdir -p {Path(path).parent}")
        self.write(path, text)
        self.run("systemctl daemon-reload")

    def restart_service(self):
        self.attempt("systemctl reset-failed weftd")
        done = self.attempt("systemctl restart weftd", timeout=60)
        assert done.status == 0, self.run("journalctl -u weftd -o cat -n 50; true")

    def weft(self, *words, user="root"):
        """weft(1) as that user; how it ended."""
        return self.attempt(f"LD_LIBRARY_PATH={LIBRARIES} setpriv --reuid={user} --init-groups "
                            f"--regid=$(id -g {user}) /usr/local/bin/weft {' '.join(words)}")

    def status(self):
        return json.loads(self.weft("status", "--json").check().stdout)
