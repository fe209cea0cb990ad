# SPDX-License-Identifier: BSD-3-Clause
"""What nvme-cli shows of a controller and a namespace."""

import pytest
import weftconf

NQN = weftconf.nqn("disk")
SIZE = 32 << 20


@pytest.fixture
def controller(target, host):
    config = weftconf.config([weftconf.subsystem(
        "disk", [weftconf.namespace(1, path=target.disk("disk", SIZE), identity="disk")],
        serial="INTEROP01", model="weft interop")])
    target.serve(config)
    return host.connect(target.portal, NQN)


@pytest.mark.core
def test_nvme_list(controller, host, guest):
    device = host.block(NQN)
    (subsystem,) = (subsystem for each in guest.json("nvme list -v -o json")["Devices"]
                    for subsystem in each["Subsystems"])
    (shown,) = subsystem["Controllers"]
    (namespace,) = subsystem["Namespaces"]
    assert subsystem["SubsystemNQN"] == NQN
    assert shown["Controller"] == controller.name
    assert shown["SerialNumber"] == "INTEROP01"
    assert shown["ModelNumber"] == "weft interop"
    assert f"/dev/{namespace['NameSpace']}" == device
    assert namespace["PhysicalSize"] == SIZE
    assert guest.run("nvme list").count(device) == 1


@pytest.mark.core
def test_id_ctrl(controller, guest):
    identify = guest.json(f"nvme id-ctrl {controller.path} -o json")
    assert identify["sn"].strip() == "INTEROP01"
    assert identify["mn"].strip() == "weft interop"
    assert identify["subnqn"] == NQN
    assert identify["cntrltype"] == 1
    assert identify["cntlid"] == int(controller.sysfs("cntlid"))
    assert identify["kas"] > 0
    assert identify["sgls"] & 3
    assert identify["mdts"] == 0 or identify["mdts"] >= 8


@pytest.mark.core
def test_id_ns(controller, host, guest):
    device = host.block(NQN)
    identify = guest.json(f"nvme id-ns {device} -o json")
    block_size = 1 << identify["lbafs"][identify["flbas"] & 15]["ds"]
    assert block_size == int(guest.run(f"blockdev --getss {device}"))
    assert identify["nsze"] * block_size == SIZE
    assert identify["nmic"] & 1
    uuid = guest.run(f"cat /sys/block/{device[5:]}/uuid").strip()
    descriptors = guest.run(f"nvme ns-descs {controller.path} -n 1")
    assert uuid in descriptors


def test_list_ns(controller, guest):
    listed = guest.json(f"nvme list-ns {controller.path} -o json")
    assert [each["nsid"] for each in listed["nsid_list"]] == [1]


@pytest.mark.weftd_only("nvmet doesn't count what goes to files")
@pytest.mark.core
def test_smart_log_counts(controller, host, guest):
    device = host.block(NQN)
    before = guest.json(f"nvme smart-log {controller.path} -o json")
    guest.run(f"dd if=/dev/zero of={device} bs=1M count=8 oflag=direct && "
              f"dd if={device} of=/dev/null bs=1M count=4 iflag=direct")
    after = guest.json(f"nvme smart-log {controller.path} -o json")
    # Units are 1000 blocks of 512 bytes, rounded up.
    assert after["data_units_written"] - before["data_units_written"] in range(15, 19)
    assert after["data_units_read"] - before["data_units_read"] in range(7, 12)
    assert after["host_write_commands"] - before["host_write_commands"] >= 8
    assert after["critical_warning"] == 0


def test_get_feature(controller, guest):
    # Number of Queues, counted from 0: at least as many as the kernel asked for.
    shown = guest.run(f"nvme get-feature {controller.path} -f 7")
    value = int(shown.rpartition(":")[2], 16)
    assert value >> 16 == value & 0xffff >= guest.cpus - 1
    # Keep Alive Timer, in milliseconds.
    shown = guest.run(f"nvme get-feature {controller.path} -f 0xf")
    value = int(shown.rpartition(":")[2], 16)
    assert value in range(1000, 60001)
    # Asynchronous Event Configuration: the kernel asks for namespace changes.
    shown = guest.run(f"nvme get-feature {controller.path} -f 0xb")
    assert int(shown.rpartition(":")[2], 16) & 1 << 8


def test_keep_alive_timeout_is_the_host_s(target, host, guest, controller):
    controller.disconnect()
    controller = host.connect(target.portal, NQN, "-k", "15")
    shown = guest.run(f"nvme get-feature {controller.path} -f 0xf")
    assert int(shown.rpartition(":")[2], 16) == 15000


@pytest.mark.core
def test_error_log_and_effects(controller, guest):
    guest.json(f"nvme error-log {controller.path} -o json")
    # Without -c nvme-cli also asks for the zoned command set, and fails where there is none.
    guest.json(f"nvme effects-log {controller.path} -c 0 -o json")
    guest.run(f"nvme fw-log {controller.path}")


def test_idle_controller_stays_alive(target, host, guest, controller):
    """Longer than the keep alive timeout, with nothing else to do."""
    controller.disconnect()
    controller = host.connect(target.portal, NQN, "-k", "2")
    guest.run("sleep 6")
    assert controller.sysfs("state") == "live"
    assert controller.sysfs("cntlid") != "0"
