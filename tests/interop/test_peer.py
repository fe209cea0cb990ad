# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's own target runs in the guest, so that weft can be held against it."""

import pytest
import weftconf
from host import Host
from targets import NvmetTarget

NQN = weftconf.nqn("peer")


@pytest.fixture
def nvmet(guest, kernel_log):
    peer = NvmetTarget(guest)
    disk = weftconf.namespace(1, path=peer.disk("peer", 64 << 20))
    peer.serve(weftconf.config([weftconf.subsystem("peer", [disk])]))
    yield peer
    peer.stop()


def test_nvmet_serves_in_the_guest(nvmet, guest):
    host = Host(guest)
    host.connect(nvmet.portal, NQN)
    guest.run(host.fio(host.block(NQN), "randwrite", "16k", "8m"))
    host.disconnect_all()
