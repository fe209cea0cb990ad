# SPDX-License-Identifier: BSD-3-Clause
"""The addresses that ports listen on: link-local ones, names, interfaces, all of them."""

import pytest

import netns
import weftconf
from nvmetcp import connect_discovery
from nvmetcp.decode import DiscoveryEntry, DiscoveryLog
from weftconf import nqn
from weftd import Weftd

pytestmark = [pytest.mark.engine, pytest.mark.races, pytest.mark.shipped, netns.needs_root]

PORT = 4420     # free in a network of the test's own


@pytest.fixture
def net():
    with netns.Network() as own:
        yield own


def config(traddr, **options):
    return weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])],
                           [weftconf.port(1, ["one"], traddr=traddr, trsvcid=PORT, **options)])


def read_log(address):
    with connect_discovery((address, PORT)) as ctrl:
        return DiscoveryLog.read(ctrl)


def traddrs(address):
    """Where the subsystem is to be found, for a host that asks at this address."""
    return [entry.traddr for entry in read_log(address).entries
            if entry.subtype == DiscoveryEntry.SUBSYSTEM and entry.subnqn == nqn("one")]


def test_link_local(net):
    net.interface("weft0", "fe80::1/64")
    with Weftd(config("fe80::1%weft0")) as daemon:
        assert traddrs("fe80::1%weft0") == ["fe80::1"]
        daemon.check()
