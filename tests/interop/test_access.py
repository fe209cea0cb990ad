# SPDX-License-Identifier: BSD-3-Clause
"""Only the hosts on a subsystem's list get in."""

import pytest
import weftconf
from host import HOST_NQN, REFUSED, Host

NQN = weftconf.nqn("private")
STRANGER = "nqn.2014-08.org.nvmexpress:uuid:11f4dd2c-55a0-4b5b-9d5e-0d0c9f5b6b02"
STRANGER_ID = "11f4dd2c-55a0-4b5b-9d5e-0d0c9f5b6b02"


def config(target, hosts, port=None):
    disk = weftconf.namespace(1, path=target.disk("private", 16 << 20))
    return weftconf.config([weftconf.subsystem("private", [disk], hosts=hosts)],
                           [port or weftconf.port(1, ["private"])])


@pytest.mark.kernel_warnings(REFUSED)
@pytest.mark.core
def test_stranger_is_refused(target, host, guest, kernel_log):
    target.serve(config(target, [HOST_NQN]))
    stranger = Host(guest, STRANGER, STRANGER_ID)
    refused = stranger.attempt_connect(target.portal, NQN)
    assert refused.status not in (0, None)
    assert any(f"is not allowed, hostnqn: {STRANGER}" in line for line in kernel_log.lines())
    assert host.paths(NQN) == {}

    # The friend gets in meanwhile.
    host.connect(target.portal, NQN)
    assert host.size(host.block(NQN)) == 16 << 20


@pytest.mark.kernel_warnings(REFUSED)
def test_empty_list_lets_nobody_in(target, host):
    target.serve(config(target, []))
    assert host.attempt_connect(target.portal, NQN).status not in (0, None)


def test_host_allowed_later(target, host):
    target.serve(config(target, []))
    target.serve(config(target, [HOST_NQN], target.config["ports"][0]))
    host.until(f"{host.connect_command(target.portal, NQN)} 2> /dev/null")
    assert host.size(host.block(NQN)) == 16 << 20


@pytest.mark.weftd_only("nvmet is inside one of the guests")
def test_two_machines_share_a_disk(target, host, other_guest):
    target.serve(config(target, [HOST_NQN, STRANGER]))
    host.connect(target.portal, NQN)
    other = Host(other_guest, STRANGER, STRANGER_ID)
    other.connect(target.portal, NQN)
    host.guest.run(f"yes weft | dd of={host.block(NQN)} bs=1M count=4 iflag=fullblock oflag=direct")
    other_guest.run(f"cmp -n {4 << 20} {other.block(NQN)} <(yes weft)")
    other.disconnect_all()
