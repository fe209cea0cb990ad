# SPDX-License-Identifier: BSD-3-Clause
"""The addresses that ports listen on: link-local ones, names, interfaces, all of them."""

import socket
import struct
import threading
import time

import pytest

import netns
import weftconf
from nvmetcp import connect_discovery, wait_until
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


def read_log(address, port=PORT):
    with connect_discovery((address, port)) as ctrl:
        return DiscoveryLog.read(ctrl)


def traddrs(address, port=PORT):
    """Where the subsystem is to be found, for a host that asks at this address."""
    return [entry.traddr for entry in read_log(address, port).entries
            if entry.subtype == DiscoveryEntry.SUBSYSTEM and entry.subnqn == nqn("one")]


def listens(*addresses):
    return all(Weftd.accepts((address, PORT)) for address in addresses)


def is_refused(*addresses):
    return not any(Weftd.accepts((address, PORT)) for address in addresses)


class Named(Weftd):
    """A daemon whose first port has a name that other programs cannot connect to."""

    def __init__(self, *args, at, **options):
        self.at = at
        super().__init__(*args, **options)

    def addresses(self):
        return [(address, PORT) for address in self.at]


def test_link_local(net):
    net.interface("weft0", "fe80::1/64")
    with Weftd(config("fe80::1%weft0")) as daemon:
        assert traddrs("fe80::1%weft0") == ["fe80::1"]
        daemon.check()


def test_every_address(net):
    """"*": both families, through one port."""
    net.interface("weft0", "192.0.2.1/24", "2001:db8::1/64")
    with Named(config("*", adrfam=None), at=["127.0.0.1", "::1"]) as daemon:
        assert listens("192.0.2.1", "2001:db8::1")
        for address in ("127.0.0.1", "192.0.2.1", "::1", "2001:db8::1"):
            assert traddrs(address) == [address]
        daemon.check()


@pytest.mark.parametrize("adrfam, here, not_here", [
    ("ipv4", "192.0.2.1", "2001:db8::1"), ("ipv6", "2001:db8::1", "192.0.2.1")])
@pytest.mark.parametrize("traddr", ["*", "weft0"])
def test_one_family(net, traddr, adrfam, here, not_here):
    net.interface("weft0", "192.0.2.1/24", "2001:db8::1/64")
    with Named(config(traddr, adrfam=adrfam), at=[here]) as daemon:
        assert traddrs(here) == [here]
        assert is_refused(not_here)
        daemon.check()


def test_interface_is_followed(net):
    """Its addresses come and go; connections to those that stay notice nothing."""
    net.interface("weft0", "192.0.2.1/24", "fe80::1/64")
    with Named(config("weft0", adrfam=None), at=["192.0.2.1", "fe80::1%weft0"]) as daemon:
        with connect_discovery(("192.0.2.1", PORT)) as ctrl:
            before = DiscoveryLog.read(ctrl)
            net.add("weft0", "192.0.2.2/24")
            wait_until(lambda: listens("192.0.2.2"), what="the new address")
            assert traddrs("192.0.2.2") == ["192.0.2.2"]
            net.remove("weft0", "192.0.2.2/24")
            wait_until(lambda: "no longer listens on 192.0.2.2" in daemon.stderr, what="its end")
            assert DiscoveryLog.read(ctrl).genctr > before.genctr
            assert DiscoveryLog.read(ctrl).entries == before.entries
        assert traddrs("fe80::1%weft0") == ["fe80::1"]
        daemon.check()


def test_interface_that_comes_later(net):
    with Named(config("weft0", adrfam=None), at=[]) as daemon:
        wait_until(lambda: "weft0 is neither an interface" in daemon.stderr, what="the reason")
        net.interface("weft0", "192.0.2.1/24")
        wait_until(lambda: listens("192.0.2.1"), what="the interface")
        daemon.check()


def test_hosts_are_told(net):
    """A discovery log that changes with an interface is an event."""
    net.interface("weft0", "192.0.2.1/24")
    ports = config("weft0", adrfam=None)
    ports["ports"].append(weftconf.port(2, [], traddr="127.0.0.1", trsvcid=8009,
                                        weft={"discovery": True}))
    with Named(ports, at=["192.0.2.1"]) as daemon:
        wait_until(lambda: Weftd.accepts(("127.0.0.1", 8009)), what="the discovery port")
        assert traddrs("127.0.0.1", 8009) == ["192.0.2.1"]
        net.add("weft0", "192.0.2.2/24")
        wait_until(lambda: traddrs("127.0.0.1", 8009) == ["192.0.2.1", "192.0.2.2"],
                   what="both addresses")
        daemon.check()


@pytest.fixture
def hosts_file(net, tmp_path):
    """What is written to it is this test's /etc/hosts."""
    path = tmp_path / "hosts"
    path.write_text("")
    with netns.mounted_over("/etc/hosts", path):
        yield path


def test_host_name_is_followed(net, hosts_file):
    """Within the seconds after which the resolver is asked again; it is never asked on the control
    thread, and listeners at addresses that stay are not touched."""
    net.interface("weft0", "192.0.2.1/24", "192.0.2.2/24")
    hosts_file.write_text("192.0.2.1 box.test\n")
    with Named(config("box.test", adrfam=None), at=["192.0.2.1"]) as daemon:
        assert "does not listen" not in daemon.stderr, "it only takes a moment"
        with connect_discovery(("192.0.2.1", PORT)) as ctrl:
            assert is_refused("192.0.2.2")
            hosts_file.write_text("192.0.2.1 box.test\n192.0.2.2 box.test\n")
            wait_until(lambda: listens("192.0.2.2"), seconds=60, what="the new address")
            DiscoveryLog.read(ctrl)
        assert traddrs("192.0.2.2") == ["192.0.2.2"]
        daemon.check()


class NameServer:
    """Answers each question for an IPv4 address with one, and others with none; or not at all."""

    def __init__(self, address, answer):
        self.answer = answer
        self.asked = threading.Event()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((address, 53))
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exc):
        self.sock.sendto(b"", self.sock.getsockname())     # ends _serve()
        self.thread.join()
        self.sock.close()

    def _serve(self):
        while True:
            question, peer = self.sock.recvfrom(512)
            if not question:
                return
            self.asked.set()
            if self.answer:
                self.sock.sendto(self._reply(question), peer)

    def _reply(self, question):
        end = question.index(b"\0", 12) + 5
        is_a = question[end - 4:end - 2] == b"\0\1"
        record = struct.pack(">HHHIH4s", 0xC00C, 1, 1, 1, 4, socket.inet_aton(self.answer))
        return (question[:2] + b"\x85\x80" + struct.pack(">HHHH", 1, is_a, 0, 0)
                + question[12:end] + (record if is_a else b""))


@pytest.fixture
def resolv_conf(hosts_file, tmp_path):
    """The resolver asks 192.0.2.53, which is an address of weft0."""
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.53\noptions timeout:30 attempts:1\n")
    with netns.mounted_over("/etc/resolv.conf", path):
        yield


def test_host_name_by_a_name_server(net, resolv_conf):
    """The resolver's sockets and calls are allowed inside the sandbox."""
    net.interface("weft0", "192.0.2.1/24", "192.0.2.53/24")
    with NameServer("192.0.2.53", "192.0.2.1"), \
            Named(config("box.test", adrfam=None), at=["192.0.2.1"]) as daemon:
        assert traddrs("192.0.2.1") == ["192.0.2.1"]
        daemon.check()


def test_name_server_that_does_not_answer(net, resolv_conf):
    """It holds up neither the API, nor other ports, nor the end."""
    net.interface("weft0", "192.0.2.1/24", "192.0.2.53/24")
    site = config("box.test", adrfam=None)
    site["ports"].append(weftconf.port(2, ["one"], trsvcid=PORT))
    with NameServer("192.0.2.53", None) as server, Weftd(site) as daemon:
        assert server.asked.wait(60)
        assert traddrs("127.0.0.1") == ["127.0.0.1"]
        assert daemon.status()["ports"] == {"ready": 1, "failed": 1, "disabled": 0}
        assert "port 1: box.test is being looked up" in daemon.status()["problems"]
        daemon.stop()
        assert "the resolver has not answered for box.test; leaving it" in daemon.stderr


def referrals(log):
    return [entry.traddr for entry in log.entries if entry.subtype == DiscoveryEntry.REFERRAL]


def test_referral_to_a_host_name(net, hosts_file):
    """In the log with its address, or not at all: a host's kernel resolves no names."""
    hosts_file.write_text("192.0.2.7 elsewhere.test\n")
    before = config("127.0.0.1", referrals=[weftconf.referral("a", "elsewhere.test", 8009),
                                            weftconf.referral("b", "nowhere.test", 8009)])
    with Weftd(before) as daemon:
        wait_until(lambda: referrals(read_log("127.0.0.1")) == ["192.0.2.7"], what="the referral")
        # what is known is kept, over some of the daemon's seconds and over a change
        time.sleep(3)
        genctr = read_log("127.0.0.1").genctr
        daemon.reload(weftconf.changed(before, lambda it: it["subsystems"][0]["attr"].update(
            allow_any_host="0")))

        def has_changed():
            log = read_log("127.0.0.1")
            assert referrals(log) == ["192.0.2.7"]
            return log.genctr > genctr
        wait_until(has_changed, what="the change")
        daemon.check()
