# SPDX-License-Identifier: BSD-3-Clause
"""nvme connect with each number of queues and each combination of digests."""

import pytest
import weftconf
from targets import Portal

NQN = weftconf.nqn("disk")
DIGESTS = {"none": [], "header": ["-g"], "data": ["-G"], "both": ["-g", "-G"]}


@pytest.mark.parametrize("digests", DIGESTS)
@pytest.mark.parametrize("queues", (1, 2, 4))
def test_connect(target, host, guest, queues, digests):
    disk = target.disk("disk", 16 << 20)
    target.serve(weftconf.config([weftconf.subsystem("disk", [weftconf.namespace(1, path=disk)])]))
    controller = host.connect(target.portal, NQN, "-i", str(queues), *DIGESTS[digests])
    assert controller.sysfs("queue_count") == str(queues + 1)
    device = host.block(NQN)
    assert host.size(device) == 16 << 20

    # Every queue has work: the jobs run on different CPUs.
    guest.run(host.fio(device, "randwrite", "16k", "1m", "--numjobs=4", "--cpus_allowed=0-3",
                       "--cpus_allowed_policy=split", "--offset_increment=1m"), timeout=180)


@pytest.mark.core
def test_connect_twice(target, host):
    """One host may have any number of associations with a subsystem."""
    disk = target.disk("disk", 16 << 20)
    target.serve(weftconf.config([weftconf.subsystem("disk", [weftconf.namespace(1, path=disk)])]))
    first = host.connect(target.portal, NQN)
    second = host.connect(target.portal, NQN, "--duplicate-connect")
    assert first.sysfs("cntlid") != second.sysfs("cntlid")
    first.disconnect()
    host.size(host.block(NQN))


@pytest.mark.weftd_only("the guest's nvmet listens on its loopback alone")
def test_connect_over_ipv6(target, host, guest):
    disk = target.disk("disk", 16 << 20)
    target.serve(weftconf.config([weftconf.subsystem("disk", [weftconf.namespace(1, path=disk)])],
                                 [weftconf.port(1, ["disk"], traddr="::1")]))
    host.connect(Portal("fec0::2", target.portal.port), NQN)
    guest.run(host.fio(host.block(NQN), "randwrite", "64k", "8m"))
