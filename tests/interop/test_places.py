# SPDX-License-Identifier: BSD-3-Clause
"""What disks lie on, as tests/faults/test_places.py, where it takes a kernel that has it: weftd runs
in a guest, on drives and on what is made of them, and its sandbox refuses nothing that they take."""

import pytest

import nvmetcp
import weftconf
from daemon import DaemonGuest, drive
from everycommand import UNIT, check_data, check_reads
from nvmetcp import wait_until
from weftconf import nqn
from weftd import FINDING

pytestmark = pytest.mark.weftd_only("weftd runs in the guest")

MIB = 1 << 20
SIZE = 16 * MIB
LARGER = 20 * MIB           # of what device-mapper has a part of
ZONE = 4 * MIB
CACHED = 100                # what is added to the NSID of the same disk through the page cache

# Commands of the guest that make what lies on its drives.
MODULES = "modprobe -a nvme virtio_scsi sd_mod dm_mod raid1"
DM_TABLE = "0 {} linear /dev/vdc 0"
DM = f'dmsetup create places --table "{DM_TABLE.format(SIZE // 512)}"'
DM_GROW = f'dmsetup load places --table "{DM_TABLE.format(LARGER // 512)}" && dmsetup resume places'
MD = f"""set -e
echo md_places > /sys/module/md_mod/parameters/new_array
cd /sys/block/md_places/md
echo none > metadata_version
echo raid1 > level
echo 2 > raid_disks
echo {SIZE >> 10} > component_size
slot=0
for disk in vdd vde; do
    cat /sys/class/block/$disk/dev > new_dev
    echo {SIZE >> 10} > dev-$disk/size
    echo $((slot++)) > dev-$disk/slot
done
echo none > resync_start
echo active > array_state
"""

# NSID: path and bytes of a block
WRITABLE = {
    1: ("/dev/mapper/places", 512),
    2: ("/dev/md_places", 512),
    3: ("/dev/nvme0n1", 4096),
    4: ("/dev/sda", 512),
}
READ_ONLY = {
    10: ("/dev/vdf", 512, False),       # the drive is write-protected
    11: ("/dev/nvme0n2", 512, True),    # the zoned one, which the configuration has only read
}
ZONED = 20                              # ... and which it has written to


def drives(folder):
    """QEMU's options for them, in the order of the virtio drives' names from vdc on."""
    return [
        *drive(folder / "dm", LARGER, "if=virtio"),
        *drive(folder / "md-one", SIZE, "if=virtio"),
        *drive(folder / "md-two", SIZE, "if=virtio"),
        *drive(folder / "protected", SIZE, "if=virtio,readonly=on"),
        *drive(folder / "nvme", SIZE, "if=none,id=nvme,discard=unmap"),
        *drive(folder / "zoned", SIZE, "if=none,id=zoned"),
        "-device", "nvme,serial=places",
        "-device", "nvme-ns,drive=nvme,nsid=1,logical_block_size=4096,physical_block_size=4096",
        "-device", f"nvme-ns,drive=zoned,nsid=2,zoned=true,zoned.zone_size={ZONE}",
        *drive(folder / "scsi", SIZE, "if=none,id=scsi,discard=unmap"),
        "-device", "virtio-scsi-pci", "-device", "scsi-hd,drive=scsi",
    ]


@pytest.fixture
def machine(images, logs, tmp_path):
    machine = DaemonGuest(images, logs / "places-guest.log", tmp_path, drives(tmp_path),
                          cpus=1)
    try:
        machine.start()
        machine.install()
        machine.run(f"{MODULES} && udevadm settle")
        machine.run(DM)
        machine.run(MD)
        machine.run("for i in $(seq 100); do "
                    "[ -b /dev/nvme0n2 ] && [ -b /dev/nvme0n1 ] && [ -b /dev/sda ] && exit; "
                    "sleep 0.1; done; lsblk >&2; exit 1")
        yield machine
    finally:
        machine.stop()


def namespaces():
    found = []
    for nsid, (path, _) in WRITABLE.items():
        found += [weftconf.namespace(nsid, path=path),
                  weftconf.namespace(nsid + CACHED, path=path, direct=False)]
    for nsid, (path, _, read_only) in READ_ONLY.items():
        found.append(weftconf.namespace(nsid, path=path, read_only=read_only))
    found.append(weftconf.namespace(ZONED, path=READ_ONLY[11][0]))
    return found


def size_of(ctrl, nsid, block):
    data = ctrl.identify(0, nsid=nsid)
    assert data[128 + 2] == block.bit_length() - 1, "LBADS of LBA format 0"
    return int.from_bytes(data[:8], "little") * block


def check_places(ctrl, machine):
    io = ctrl.connect_io()
    for nsid, (path, block) in WRITABLE.items():
        for served in (nsid, nsid + CACHED):
            print(path, served)
            assert size_of(ctrl, served, block) == SIZE
            check_data(io, block, served)
    for nsid, (path, block, _) in READ_ONLY.items():
        print(path, nsid)
        assert size_of(ctrl, nsid, block) == SIZE
        check_reads(io, block, nsid)
    machine.run(DM_GROW)
    wait_until(lambda: size_of(ctrl, 1, 512) == LARGER, 60, what="the larger volume")
    io.read((LARGER - UNIT) // 512, UNIT // 512)


def check_zoned(ctrl, machine):
    """A disk that takes writes only where each zone's last one ended is no NVM namespace."""
    assert not any(ctrl.identify(0, nsid=ZONED)), "an active namespace"
    problems = [problem for problem in machine.status()["problems"] if "zoned" in problem]
    assert len(problems) == 1 and READ_ONLY[11][0] in problems[0], problems


@pytest.mark.core
def test_disks_of_a_whole_kernel(machine):
    """device-mapper, md, NVMe drives and SCSI disks, write-protected and zoned ones: identify, and
    every command that reaches them."""
    daemon = machine.serve(namespaces(), "--sandbox report --loop io_uring")
    assert machine.status()["engine"] == "io_uring"
    with nvmetcp.connect_admin(("127.0.0.1", machine.forwarded), nqn("one")) as ctrl:
        check_places(ctrl, machine)
        check_zoned(ctrl, machine)
    ended = machine.end(daemon)
    assert not FINDING.search(ended.stderr.encode()), ended.stderr
