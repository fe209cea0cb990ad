# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces come, grow and go while the host is connected, and it never has to rescan."""

import pytest
import weftconf

NQN = weftconf.nqn("disks")
MIB = 1 << 20


@pytest.fixture
def serve(target):
    """serve(nsid, ...): serves the subsystem with these namespaces, each of 16 MiB."""
    port = weftconf.port(1, ["disks"])

    def serve(*nsids):
        namespaces = [
            weftconf.namespace(nsid, path=target.disk(f"disk{nsid}", 16 * MIB)) for nsid in nsids]
        target.serve(weftconf.config([weftconf.subsystem("disks", namespaces)], [port]))
    return serve


@pytest.mark.core
def test_namespace_added(serve, target, host, guest):
    serve(1)
    host.connect(target.portal, NQN)
    host.block(NQN, 1)
    serve(1, 2)
    device = host.block(NQN, 2)
    assert host.size(device) == 16 * MIB
    guest.run(f"dd if=/dev/urandom of={device} bs=1M count=1 oflag=direct")


def test_namespace_added_to_an_empty_subsystem(serve, target, host):
    serve()
    host.connect(target.portal, NQN)
    serve(3)
    assert host.size(host.block(NQN, 3)) == 16 * MIB


@pytest.mark.parametrize("size", (
    pytest.param(64 * MIB, id="larger", marks=pytest.mark.core),
    pytest.param(8 * MIB, id="smaller")))
def test_namespace_resized(serve, target, host, size):
    serve(1)
    host.connect(target.portal, NQN)
    device = host.block(NQN, 1)
    target.resize("disk1", size)
    host.wait_size(device, size)


@pytest.mark.core
def test_namespace_removed(serve, target, host, guest):
    serve(1, 2)
    host.connect(target.portal, NQN)
    kept, gone = host.block(NQN, 1), host.block(NQN, 2)
    serve(1)
    host.no_block(gone)
    guest.run(f"dd if={kept} of=/dev/null bs=1M count=1 iflag=direct")


@pytest.mark.weftd_only("nvmet doesn't wait for a disk")
def test_missing_disk_appears(serve, target, host):
    """A namespace whose file isn't there is not served, all else is, and it comes up by itself."""
    serve(1, 2)
    (target.folder / "disk2").rename(target.folder / "hidden")
    target.daemon.stop()
    target.revive()
    host.connect(target.portal, NQN)
    host.block(NQN, 1)
    assert host.namespaces(NQN) == [1]
    (target.folder / "hidden").rename(target.folder / "disk2")
    assert host.size(host.block(NQN, 2)) == 16 * MIB


@pytest.mark.weftd_only("nvmet has no memory backend")
def test_many_namespaces(target, host):
    nsids = [1, 2, 3, 5, 8, 100, 500, 1000]
    namespaces = [weftconf.namespace(nsid, size="16M") for nsid in nsids]
    target.serve(weftconf.config([weftconf.subsystem("disks", namespaces)]))
    host.connect(target.portal, NQN)
    host.block(NQN, nsids[-1])
    assert host.namespaces(NQN) == nsids


@pytest.mark.core
def test_reload_disturbs_nobody(serve, target, host, guest):
    """Applying a configuration again, or with another namespace, keeps connections and I/O."""
    serve(1)
    host.connect(target.portal, NQN)
    job = guest.spawn(host.fio(host.block(NQN, 1), "randwrite", "16k", "16m", "--rate=,4m"), 120)
    serve(1)
    serve(1, 2)
    host.block(NQN, 2)
    serve(1)
    assert job.running(), "fio ended before the reloads"
    job.wait().check()


def test_namespace_replaced(serve, target, host, guest):
    """Another disk under the same number is another disk to the host."""
    serve(1)
    host.connect(target.portal, NQN)
    host.block(NQN, 1)
    other = weftconf.namespace(1, path=target.disk("other", 32 * MIB), identity="other")
    target.serve(weftconf.config([weftconf.subsystem("disks", [other])], target.config["ports"]))
    device = host.block(NQN, 1)
    host.wait_size(device, 32 * MIB)
    assert guest.run(f"cat /sys/block/{device[5:]}/uuid").strip() == other["device"]["uuid"]
