# SPDX-License-Identifier: BSD-3-Clause
"""Data comes back as it was written: fio's verify, discard, file systems."""

import pytest
import weftconf

pytestmark = pytest.mark.engine

NQN = weftconf.nqn("disk")
SIZE = 512 << 20
# What fits into a few seconds of an emulated machine.
FIO_SIZES = {("randwrite", "4k"): "12m", ("write", "4k"): "16m",
             ("randwrite", "64k"): "48m", ("write", "64k"): "64m",
             ("randwrite", "1m"): "96m", ("write", "1m"): "96m"}


@pytest.fixture
def served(target):
    """A disk of zeroes behind one port."""
    disk = target.disk("disk", SIZE)
    target.serve(weftconf.config([weftconf.subsystem("disk", [weftconf.namespace(1, path=disk)])]))
    return disk


@pytest.fixture
def device(served, target, host):
    host.connect(target.portal, NQN)
    return host.block(NQN)


@pytest.mark.parametrize("rw, block_size", [
    pytest.param(*size, marks=pytest.mark.core if size == ("randwrite", "4k") else ())
    for size in FIO_SIZES])
def test_fio_verify(device, host, guest, rw, block_size):
    guest.run(host.fio(device, rw, block_size, FIO_SIZES[rw, block_size]), timeout=180)


@pytest.mark.core
def test_fio_verify_with_digests(served, target, host, guest):
    host.connect(target.portal, NQN, "-g", "-G")
    device = host.block(NQN)
    guest.run(host.fio(device, "randwrite", "4k-256k", "48m"), timeout=180)


@pytest.mark.core
def test_one_mebibyte_is_one_command(device, controller_reads, guest):
    """The host doesn't have to split requests of 1 MiB."""
    before = controller_reads()
    guest.run(f"dd if={device} of=/dev/null bs=1M count=8 iflag=direct")
    assert controller_reads() - before == 8


@pytest.fixture
def controller_reads(device, guest):
    """Read requests that the block layer has sent to the device."""
    return lambda: int(guest.run(f"cat /sys/block/{device[5:]}/stat").split()[0])


@pytest.mark.parametrize("block_size", (512, 4096))
@pytest.mark.weftd_only("nvmet takes the block size of the file system below")
def test_block_size(target, host, guest, block_size):
    disk = target.disk("disk", SIZE)
    target.serve(weftconf.config([weftconf.subsystem("disk", [
        weftconf.namespace(1, path=disk, block_size=block_size)])]))
    host.connect(target.portal, NQN)
    device = host.block(NQN)
    assert int(guest.run(f"blockdev --getss {device}")) == block_size
    assert host.size(device) == SIZE
    guest.run(host.fio(device, "randwrite", f"{block_size}", "2m"), timeout=180)


@pytest.mark.core
def test_discard_reads_back_zeroes(device, guest):
    guest.run(f"yes weft | dd of={device} bs=1M count=16 iflag=fullblock oflag=direct")
    guest.run(f"blkdiscard -o {4 << 20} -l {8 << 20} {device}")
    guest.run(f"blockdev --flushbufs {device}")
    guest.run(f"cmp -n {8 << 20} -i {4 << 20}:0 {device} /dev/zero")
    # Nothing else was touched.
    for at in (0, 12 << 20):
        guest.run(f"cmp -n {4 << 20} -i {at}:{at % 5} {device} <(yes weft)")


@pytest.mark.weftd_only("nvmet's configuration has no such thing")
def test_read_only_namespace(target, host, guest):
    disk = target.disk("disk", SIZE)
    target.serve(weftconf.config([weftconf.subsystem("disk", [
        weftconf.namespace(1, path=disk, read_only=True)])]))
    host.connect(target.portal, NQN)
    device = host.block(NQN)
    assert guest.run(f"blockdev --getro {device}").strip() == "1"
    guest.run(f"dd if={device} of=/dev/null bs=1M count=1 iflag=direct")
    assert guest.attempt(f"dd if=/dev/zero of={device} bs=1M count=1 oflag=direct").status != 0


@pytest.mark.weftd_only("nvmet has no memory backend")
def test_memory_namespace(target, host, guest):
    target.serve(weftconf.config([weftconf.subsystem("disk", [
        weftconf.namespace(1, backend="memory", size="64M")])]))
    host.connect(target.portal, NQN)
    device = host.block(NQN)
    assert host.size(device) == 64 << 20
    guest.run(host.fio(device, "randwrite", "4k-64k", "24m"), timeout=180)


@pytest.mark.weftd_only("looks at the file below")
def test_discard_frees_the_file_s_space(device, served, guest):
    guest.run(f"yes weft | dd of={device} bs=1M count=32 iflag=fullblock oflag=direct")
    assert served.stat().st_blocks * 512 >= 32 << 20
    guest.run(f"blkdiscard {device}")
    assert served.stat().st_blocks * 512 <= 1 << 20


@pytest.mark.core
def test_write_zeroes(device, guest):
    guest.run(f"yes weft | dd of={device} bs=1M count=4 iflag=fullblock oflag=direct")
    guest.run(f"blkdiscard -z -o {1 << 20} -l {2 << 20} {device}")
    guest.run(f"cmp -n {2 << 20} -i {1 << 20}:0 {device} /dev/zero")
    guest.run(f"cmp -n {1 << 20} {device} <(yes weft)")
    assert int(guest.run(f"cat /sys/block/{device[5:]}/queue/write_zeroes_max_bytes")) > 0


@pytest.mark.parametrize("kind", (pytest.param("ext4", marks=pytest.mark.core), "xfs"))
def test_files_survive_reconnect(device, target, host, guest, mounted, kind):
    guest.run(f"mkfs.{kind} -q {device}", timeout=120)
    guest.run(f"""
        set -e
        mount {device} {mounted}
        cp -r /usr/lib/python3 /usr/sbin/nvme {mounted}/
        dd if=/dev/urandom of={mounted}/random bs=1M count=16 status=none
        (cd {mounted} && find . -type f | xargs -d '\\n' sha256sum) > /tmp/sums
        umount {mounted}""", timeout=180)
    host.disconnect(NQN)
    host.no_block(device)

    host.connect(target.portal, NQN)
    device = host.block(NQN)
    guest.run(f"""
        set -e
        mount {device} {mounted}
        (cd {mounted} && sha256sum --quiet -c /tmp/sums)
        umount {mounted}
        [ -s /tmp/sums ]""", timeout=180)
    check = {"ext4": "e2fsck -fn", "xfs": "xfs_repair -n"}[kind]
    guest.run(f"{check} {device}", timeout=120)


@pytest.mark.weftd_only("nvmet's disks are files of the guest")
@pytest.mark.core
def test_files_survive_a_restart_of_the_daemon(device, target, host, guest, mounted):
    """Between umount and mount weftd ends and starts again; the host reconnects by itself."""
    guest.run(f"""
        set -e
        mkfs.ext4 -q {device}
        mount {device} {mounted}
        cp /usr/sbin/nvme {mounted}/ && umount {mounted}""", timeout=120)
    host.disconnect(NQN)
    target.daemon.stop()
    target.revive()
    host.connect(target.portal, NQN)
    device = host.block(NQN)
    guest.run(f"""
        set -e
        mount -o ro {device} {mounted}
        cmp /usr/sbin/nvme {mounted}/nvme
        umount {mounted}""", timeout=120)
