# SPDX-License-Identifier: BSD-3-Clause
"""weftd as the unit of systemd that is installed: what it may do, and what it may not."""

import contextlib
import json
import re

import pytest

import service
import weftconf

NQN = weftconf.nqn("service")


@pytest.fixture(scope="module")
def machine(images, logs, tmp_path_factory):
    """A machine with weft installed and its service running."""
    folder = tmp_path_factory.mktemp("service")
    service.pack(folder / "weft.tar", folder / "root")
    with open(folder / "disk", "wb") as disk:
        disk.truncate(service.DISK_SIZE)
    guest = service.ServiceGuest(images, logs / "service-guest.log", folder / "weft.tar",
                                 folder / "disk")
    try:
        guest.start()
        guest.install()
        guest.restart_service()
        yield guest
    finally:
        guest.stop()


@pytest.fixture
def served(machine):
    """The machine, which shares nothing before and after."""
    machine.weft("clear").check()
    yield machine
    machine.weft("clear")


@contextlib.contextmanager
def changed(machine, text):
    """The service with a line of the administrator's."""
    machine.drop_in("test", f"[Service]\n{text}\n")
    machine.restart_service()
    try:
        yield
    finally:
        machine.drop_in("test", "")
        machine.restart_service()


def proc_status(machine):
    text = machine.run("cat /proc/$(systemctl show -P MainPID weftd)/status")
    return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))


def refused(machine, *words):
    done = machine.weft("export", *words)
    assert done.status == 1, done
    return done.stderr


def write_and_read(machine, nsid=1):
    """Through the network, over loopback, what was written comes back."""
    disk = f"127.0.0.1 {NQN} --quiet --namespace-id {nsid}"
    machine.run("head -c 1M /dev/urandom > /tmp/data")
    machine.weft("write", disk, "--data /tmp/data").check()
    machine.weft("read", disk, "--length 1M --data /tmp/back").check()
    machine.run("cmp /tmp/data /tmp/back")


@pytest.mark.core
def test_it_runs_with_few_rights(machine):
    status = proc_status(machine)
    user = machine.run("id -u weft").strip()
    assert set(status["Uid"].split()) == {user}
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    groups = machine.run("stat -c %g /dev/vdc; getent group weft | cut -d: -f3").split()
    assert set(status["Groups"].split()) <= set(groups)
    assert machine.status()["engine"] == "io_uring"


def test_its_files_are_nobody_elses(machine):
    machine.weft("save").check()
    modes = machine.run("stat -c '%A %U:%G %n' /etc/weft /etc/weft/config.json /var/lib/weft "
                        "/var/lib/weft/state.json /run/weft/weft.sock")
    assert modes.splitlines() == [
        "drwxr-x--- weft:weft /etc/weft", "-rw------- weft:weft /etc/weft/config.json",
        "drwxr-x--- weft:weft /var/lib/weft", "-rw------- weft:weft /var/lib/weft/state.json",
        "srw-rw---- weft:weft /run/weft/weft.sock"]


@pytest.mark.parametrize("engine", [
    pytest.param("io_uring", marks=pytest.mark.core), "epoll"])
def test_a_block_device_is_shared(served, engine):
    with changed(served, f"ExecStart=\nExecStart=weftd --loop {engine}"):
        assert served.status()["engine"] == engine
        served.weft("export", service.DISK, "--nqn", NQN).check()
        write_and_read(served)


@pytest.mark.core
def test_images_are_shared(served):
    served.weft("export", "/var/lib/weft/disk.img", "--size 16M", "--nqn", NQN).check()
    served.run("truncate -s 16M /srv/disk.img && setfacl -m u:weft:rw /srv/disk.img")
    served.weft("export", "/srv/disk.img", "--nqn", NQN).check()
    served.run("truncate -s 16M /tmp/disk.img && chown weft /tmp/disk.img")
    served.weft("export", "/tmp/disk.img", "--nqn", NQN).check()
    for nsid in (1, 2, 3):
        write_and_read(served, nsid)


@pytest.mark.core
def test_what_was_saved_is_shared_again(served):
    served.weft("export", service.DISK, "--nqn", NQN, "--save").check()
    served.restart_service()
    write_and_read(served)
    served.weft("clear").check()
    served.weft("save").check()


def test_a_file_of_roots_needs_leave(served):
    served.run("truncate -s 16M /srv/roots.img && chmod 600 /srv/roots.img")
    says = refused(served, "/srv/roots.img")
    assert "weftd runs as the user weft" in says
    served.run(re.search(r"'(setfacl .*)'", says).group(1))
    served.weft("export", "/srv/roots.img", "--nqn", NQN).check()


def test_a_folder_that_the_unit_does_not_name_needs_leave(served):
    served.run("mkdir -p /data && truncate -s 16M /data/disk.img && chown weft /data/disk.img")
    assert "ReadWritePaths=" in refused(served, "/data/disk.img")
    with changed(served, "ReadWritePaths=/data"):
        served.weft("export", "/data/disk.img", "--nqn", NQN).check()
        write_and_read(served)


def test_devices_can_be_listed(served):
    with changed(served, "DeviceAllow=\nDeviceAllow=/dev/vda r"):
        assert "DeviceAllow=" in refused(served, service.DISK)
    with changed(served, f"DeviceAllow=\nDeviceAllow={service.DISK} rw"):
        served.weft("export", service.DISK, "--nqn", NQN).check()
        write_and_read(served)


def test_a_device_without_its_group_needs_leave(served):
    with changed(served, "SupplementaryGroups="):
        assert "who must be in the group disk" in refused(served, service.DISK)


def test_low_ports_need_leave(served):
    config = weftconf.config([], [weftconf.port(1, [], trsvcid=420)])
    served.write("/tmp/low.json", json.dumps(config))
    served.weft("restore", "/tmp/low.json").check()
    assert any("CAP_NET_BIND_SERVICE" in problem for problem in served.status()["problems"])
    with changed(served, "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"
                         "AmbientCapabilities=CAP_NET_BIND_SERVICE"):
        served.weft("restore", "/tmp/low.json").check()
        assert served.status()["ports"]["ready"] == 1


def test_the_group_weft_may_use_it(served):
    served.run("id joe || useradd joe; id jane || useradd -G weft jane")
    served.weft("status", user="jane").check()
    done = served.weft("status", user="joe")
    assert done.status == 3 and "usermod -aG weft" in done.stderr


def test_how_exposed_it_is(machine):
    """On systemd's scale from 0 to 10; the rest is the network, which is what it is for."""
    said = machine.run("systemd-analyze security weftd.service | tail -n 1")
    assert float(re.search(r"([\d.]+) OK", said).group(1)) <= 2.1, said
