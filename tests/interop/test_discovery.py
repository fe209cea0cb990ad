# SPDX-License-Identifier: BSD-3-Clause
"""nvme discover, and discovery controllers that stay."""

import pytest
import weftconf
from host import DISCOVERY_NQN


def served(target, *names):
    """A configuration with a subsystem of one namespace for each name, all on one port."""
    subsystems = [
        weftconf.subsystem(name, [weftconf.namespace(1, path=target.disk(name, 16 << 20),
                                                     identity=name)])
        for name in names]
    port = target.config and target.config["ports"][0]["addr"]["trsvcid"]
    return weftconf.config(subsystems, [weftconf.port(1, names, trsvcid=port)])


def names(records):
    return sorted(record["subnqn"] for record in records)


@pytest.mark.core
def test_discover_lists_every_subsystem(target, host):
    target.serve(served(target, "one", "two"))
    records = host.discover(target.portal)
    assert names(records) == [weftconf.nqn("one"), weftconf.nqn("two")]
    for record in records:
        assert record["trtype"] == "tcp"
        assert record["adrfam"] == "ipv4"
        assert record["traddr"] == "127.0.0.1"
        assert record["trsvcid"] == str(target.portal.port)
        assert record["subtype"] == "nvme subsystem"


def test_discovery_lists_itself(target, host):
    target.serve(served(target, "one"))
    current = [record for record in host.discover_all(target.portal)
               if record["subtype"] == "current discovery subsystem"]
    assert names(current) == [DISCOVERY_NQN]


def test_discovery_hides_what_the_host_may_not_use(target, host):
    config = served(target, "open", "closed")
    config["subsystems"][1]["attr"]["allow_any_host"] = "0"
    target.serve(config)
    assert names(host.discover(target.portal)) == [weftconf.nqn("open")]


@pytest.mark.core
def test_persistent_discovery_hears_of_changes(target, host, guest):
    target.serve(served(target, "one"))
    assert names(host.discover(target.portal, "--persistent")) == [weftconf.nqn("one")]
    name = guest.run("ls /sys/class/nvme").strip()

    # The kernel tells user space with a uevent, as nvme-cli's autoconnect service expects it.
    monitor = guest.spawn("udevadm monitor --kernel --property --subsystem-match=nvme > "
                          "/tmp/events 2>&1", timeout=60)
    host.until("grep -q KERNEL /tmp/events")
    target.serve(served(target, "one", "two"))
    host.until("grep -q NVME_AEN=0x70f002 /tmp/events")
    guest.run("pkill udevadm; rm /tmp/events")
    monitor.wait()

    assert names(host.discover(target.portal, "-d", name)) == [
        weftconf.nqn("one"), weftconf.nqn("two")]


@pytest.fixture
def same_loopback(target, host, guest):
    """Makes the target's loopback the guest's own, so that the log's addresses are good there."""
    if target.address != "127.0.0.1":
        guest.run(f"""
            sysctl -q net.ipv4.conf.all.route_localnet=1
            nft add table ip loop
            nft add chain ip loop out '{{ type nat hook output priority -100; }}'
            nft add chain ip loop post '{{ type nat hook postrouting priority 100; }}'
            nft add rule ip loop out ip daddr 127.0.0.1 meta l4proto tcp dnat to {target.address}
            nft add rule ip loop post ip saddr 127.0.0.1 ip daddr {target.address} masquerade""")
    yield
    host.disconnect_all()
    guest.run("! nft list table ip loop > /dev/null 2>&1 || nft delete table ip loop")


def test_connect_all(target, host, guest, same_loopback):
    """nvme connect-all attaches what the log lists, at the addresses that the log gives."""
    target.serve(served(target, "one", "two"))
    guest.run(host.connect_all_command(target.portal))
    for name in ("one", "two"):
        assert host.size(host.block(weftconf.nqn(name))) == 16 << 20


@pytest.mark.weftd_only("nvmet has no port for discovery alone")
def test_discovery_port(target, host):
    """A port for discovery alone lists what the other ports serve."""
    config = served(target, "one")
    config["ports"].insert(0, weftconf.port(9, [], weft={"discovery": True}))
    target.serve(config)
    (record,) = host.discover(target.portal)
    assert record["subnqn"] == weftconf.nqn("one")
    assert record["trsvcid"] == str(target.portals()[1].port)
