# SPDX-License-Identifier: BSD-3-Clause
"""A disk from the command line to the host, and back."""

import json

import pytest
import weftconf
from host import HOST_ID, HOST_NQN

pytestmark = pytest.mark.weftd_only("uses weft's command line")


@pytest.fixture
def weft(target, weft_cli):
    """Runs a weft command against the daemon, which has a port and nothing else; its answer."""
    target.serve(weftconf.config([], [weftconf.port(1, [])]))

    def run(*arguments):
        return json.loads(weft_cli(*arguments, "--json", socket=target.daemon.socket_path))
    return run


@pytest.mark.core
def test_export_and_attach(weft, target, host, guest):
    first = weft("export", target.folder / "first.img", "--size", "64M")
    host.connect(target.portal, first["nqn"])
    device = host.block(first["nqn"], first["nsid"])
    assert host.size(device) == 64 << 20
    guest.run(host.fio(device, "randwrite", "64k", "16m"))

    # A second disk joins while the host is connected, and leaves.
    second = weft("export", target.folder / "second.img", "--size", "32M", "--nqn", first["nqn"])
    device = host.block(first["nqn"], second["nsid"])
    assert host.size(device) == 32 << 20
    weft("unexport", target.folder / "second.img")
    host.no_block(device)
    assert host.namespaces(first["nqn"]) == [first["nsid"]]


def test_sessions(weft, target, host, guest):
    exported = weft("export", target.folder / "disk.img", "--size", "64M")
    assert weft("sessions")["sessions"] == []
    host.connect(target.portal, exported["nqn"], "-i", "2", "-k", "10", "-g")
    guest.run(f"dd if=/dev/zero of={host.block(exported['nqn'])} bs=1M count=8 oflag=direct")
    (session,) = weft("sessions")["sessions"]
    assert session["hostnqn"] == HOST_NQN
    assert session["hostid"] == HOST_ID
    assert session["subsystem"] == exported["nqn"]
    assert session["io_queues"] == 2
    assert session["written_bytes"] >= 8 << 20
    host.disconnect(exported["nqn"])
    assert weft("sessions")["sessions"] == []


def test_only_the_named_host(weft, target, host):
    exported = weft("export", target.folder / "disk.img", "--size", "16M", "--host", HOST_NQN)
    host.connect(target.portal, exported["nqn"])
    assert host.size(host.block(exported["nqn"])) == 16 << 20
