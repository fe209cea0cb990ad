# SPDX-License-Identifier: BSD-3-Clause
"""The other way round: weft's own host against the kernel's target, which runs in the guest."""

import hashlib
import os

import pytest
import weftconf
from guest import FORWARDED
from host import Host
from targets import NvmetTarget

NQN = weftconf.nqn("peer")
SIZE = 64 << 20
DIGESTS = pytest.mark.parametrize("digests", ([], ["-g", "-G"]), ids=("plain", "digests"))


@pytest.fixture
def nvmet(guest, kernel_log):
    peer = NvmetTarget(guest)
    disk = weftconf.namespace(1, path=peer.disk("peer", SIZE))
    peer.serve(weftconf.config([weftconf.subsystem("peer", [disk])],
                               [weftconf.port(1, ["peer"], traddr="0.0.0.0", trsvcid=FORWARDED)]))
    yield peer
    peer.stop()


@pytest.fixture
def weft(nvmet, guest, weft_cli):
    """Runs a command of weft's host against the kernel's target."""
    def run(command, *arguments, **options):
        return weft_cli(command, "127.0.0.1", *arguments, "-s", str(guest.forwarded), **options)
    return run


def test_linux_attaches_linux(nvmet, guest):
    """The guest's own host and target work together, or nothing else here says anything."""
    host = Host(guest)
    host.connect(nvmet.portal, NQN)
    guest.run(host.fio(host.block(NQN), "randwrite", "16k", "8m"))
    host.disconnect_all()


def test_discover(weft):
    assert NQN in weft("discover")


def test_identify(weft):
    assert NQN in weft("identify", NQN)


@DIGESTS
def test_read(weft, nvmet, guest, tmp_path, digests):
    guest.run(f"dd if=/dev/urandom of={nvmet.folder}/peer bs=1M count=8 conv=notrunc status=none")
    weft("read", NQN, "-l", "8M", "-d", str(tmp_path / "data"), *digests)
    wanted = guest.run(f"head -c 8M {nvmet.folder}/peer | sha256sum").split()[0]
    assert hashlib.sha256((tmp_path / "data").read_bytes()).hexdigest() == wanted


@DIGESTS
def test_write(weft, nvmet, guest, tmp_path, digests):
    data = os.urandom(8 << 20)
    (tmp_path / "data").write_bytes(data)
    weft("write", NQN, "-o", "4M", "-d", str(tmp_path / "data"), *digests)
    written = guest.run(f"tail -c +{(4 << 20) + 1} {nvmet.folder}/peer | head -c 8M | sha256sum")
    assert written.split()[0] == hashlib.sha256(data).hexdigest()
