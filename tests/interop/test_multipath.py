# SPDX-License-Identifier: BSD-3-Clause
"""Two ports to one subsystem are two paths to one disk."""

import pytest
import weftconf
from host import PATH_LOSS

NQN = weftconf.nqn("disk")


@pytest.fixture
def controllers(target, host):
    """Connections through both ports; each is tried for a minute after its loss."""
    disk = target.disk("disk", 256 << 20)
    target.serve(weftconf.config(
        [weftconf.subsystem("disk", [weftconf.namespace(1, path=disk)])],
        [weftconf.port(1, ["disk"]), weftconf.port(2, ["disk"])]))
    return [host.connect(portal, NQN, "--reconnect-delay=1", "--ctrl-loss-tmo=120")
            for portal in target.portals()]


@pytest.mark.core
def test_two_paths_one_disk(controllers, host, guest):
    device = host.block(NQN)
    disks = [line.split()[0] for line in guest.run("lsblk -dn").splitlines()]
    assert [disk for disk in disks if disk.startswith("nvme")] == [device[5:]]
    assert set(host.paths(NQN)) == {controller.name for controller in controllers}
    cntlids = {controller.sysfs("cntlid") for controller in controllers}
    assert len(cntlids) == 2
    guest.run(f"echo round-robin > /sys/class/nvme-subsystem/nvme-subsys*/iopolicy")
    guest.run(host.fio(device, "randwrite", "16k", "16m"), timeout=120)


@pytest.mark.kernel_warnings(PATH_LOSS)
@pytest.mark.core
def test_io_survives_a_port_s_removal(controllers, target, host, guest):
    device = host.block(NQN)
    guest.run("echo round-robin > /sys/class/nvme-subsystem/nvme-subsys*/iopolicy")
    both = target.config
    job = guest.spawn(host.fio(device, "randwrite", "64k", "64m", "--rate=8m,8m"), 240)
    guest.run("sleep 2")
    assert job.running(), "fio ended before the port was removed"
    target.serve(both | {"ports": both["ports"][1:]})
    controllers[0].wait_not_live()
    assert controllers[1].sysfs("state") == "live"
    job.wait().check()

    target.serve(both)
    controllers[0].wait_state("live")


@pytest.mark.kernel_warnings(PATH_LOSS)
def test_io_survives_a_silent_path(controllers, target, host, guest):
    """Packets of one path are dropped, so that only the keep alive can find its loss."""
    device = host.block(NQN)
    guest.run("echo round-robin > /sys/class/nvme-subsystem/nvme-subsys*/iopolicy")
    job = guest.spawn(host.fio(device, "randwrite", "64k", "64m", "--rate=8m,8m"), 240)
    guest.run("sleep 2")
    assert job.running(), "fio ended before the path was cut"
    port = target.portal.port
    guest.run(f"""
        nft add table inet cut
        nft add chain inet cut in '{{ type filter hook input priority 0; }}'
        nft add rule inet cut in tcp dport {port} drop
        nft add rule inet cut in tcp sport {port} drop""")
    try:
        controllers[0].wait_not_live()
        job.wait().check()
        assert controllers[1].sysfs("state") == "live"
    finally:
        guest.run("nft delete table inet cut")
    controllers[0].wait_state("live")


def with_ana(config, *states):
    """The configuration with an ANA state for each port's group 1."""
    ports = [port | {"ana_groups": [{"grpid": 1, "ana": {"state": state}}]}
             for port, state in zip(config["ports"], states)]
    return config | {"ports": ports}


@pytest.mark.kernel_warnings("no usable path|nvmet_tcp: failed cmd")
@pytest.mark.core
def test_ana_states_reach_the_host(controllers, target, host, guest):
    """The host follows each change of a path's state, and I/O takes the path that is left."""
    device = host.block(NQN)
    job = guest.spawn(host.fio(device, "randwrite", "64k", "64m", "--rate=,8m"), 240)
    for states in (("optimized", "inaccessible"), ("inaccessible", "optimized"),
                   ("non-optimized", "optimized")):
        target.serve(with_ana(target.config, *states))
        for controller, state in zip(controllers, states):
            host.until(f'[ "$(cat /sys/class/nvme/{controller.name}/nvme*c*n1/ana_state)" = '
                       f"{state} ]")
    job.wait().check()
