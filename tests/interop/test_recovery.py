# SPDX-License-Identifier: BSD-3-Clause
"""The target dies in the middle of I/O, and comes back."""

import time

import pytest
import weftconf
from host import PATH_LOSS

NQN = weftconf.nqn("disk")
# fast_io_fail_tmo stays off: I/O waits for as long as the host tries.
RECONNECT = ("--reconnect-delay=1", "--ctrl-loss-tmo=300")

pytestmark = [pytest.mark.engine, pytest.mark.kernel_warnings(PATH_LOSS)]


@pytest.fixture
def controller(target, host):
    disk = target.disk("disk", 256 << 20)
    target.serve(weftconf.config([weftconf.subsystem("disk", [weftconf.namespace(1, path=disk)])]))
    return host.connect(target.portal, NQN, *RECONNECT)


@pytest.fixture
def device(controller, host):
    return host.block(NQN)


def lose_target_twice(controller, target, job):
    """Kills the target two times while a fio job runs, and sees it end well all the same."""
    for _ in range(2):
        time.sleep(2)
        assert job.running(), "fio ended before the target was killed"
        target.kill()
        controller.wait_not_live()
        time.sleep(1)
        target.revive()
        controller.wait_state("live")
    job.wait().check()


@pytest.mark.core
def test_killed_during_writes(controller, device, target, host, guest):
    """SIGKILL while fio writes; what it wrote verifies, whichever daemon took it."""
    job = guest.spawn(host.fio(device, "randwrite", "64k", "64m", "--rate=,8m"), 300)
    lose_target_twice(controller, target, job)


def test_killed_during_verify(controller, device, target, host, guest):
    """SIGKILL while fio reads and verifies what it had written before."""
    guest.run(host.fio(device, "write", "64k", "64m", "--do_verify=0"))
    job = guest.spawn(host.fio(device, "read", "64k", "64m", "--rate=8m"), 300)
    lose_target_twice(controller, target, job)


@pytest.mark.weftd_only("nvmet doesn't end")
def test_stopped_during_writes(controller, device, target, host, guest):
    """SIGTERM while fio writes: the daemon ends in good order, in time; I/O goes on later."""
    job = guest.spawn(host.fio(device, "randwrite", "64k", "64m", "--rate=,8m"), 300)
    time.sleep(2)
    assert job.running(), "fio ended before the daemon was stopped"
    target.daemon.stop()
    controller.wait_not_live()
    target.revive()
    controller.wait_state("live")
    job.wait().check()


def test_files_survive_a_kill(device, target, guest, mounted):
    """What was synced is there after SIGKILL, and the file system goes on without a remount."""
    guest.run(f"""
        set -e
        mkfs.ext4 -q {device}
        mount {device} {mounted}
        dd if=/dev/urandom of={mounted}/before bs=1M count=8 conv=fsync status=none
        sha256sum {mounted}/before > /tmp/sums""", timeout=120)
    target.kill()
    target.revive()
    guest.run(f"""
        set -e
        echo 3 > /proc/sys/vm/drop_caches
        sha256sum --quiet -c /tmp/sums
        dd if=/dev/urandom of={mounted}/after bs=1M count=8 conv=fsync status=none
        umount {mounted}""", timeout=120)
    guest.run(f"e2fsck -fn {device}")


@pytest.mark.kernel_warnings("Connect Invalid Data Parameter")
@pytest.mark.weftd_only("nvmet tells hosts that a subsystem which is away will not come back")
def test_subsystem_is_away_while_its_port_stays(controller, device, target, host, guest):
    """An administrator takes it away for longer than a few tries to connect take: the host goes on
    by itself, with the I/O that waited."""
    config = target.config
    job = guest.spawn(host.fio(device, "randwrite", "64k", "64m", "--rate=,8m"), 300)
    time.sleep(2)
    assert job.running(), "fio ended before the subsystem was removed"
    port = dict(config["ports"][0], subsystems=[])
    target.serve(weftconf.config([], [port]))
    controller.wait_not_live()
    # reconnect-delay is one second
    host.until("[ $(dmesg | grep -c 'Failed reconnect attempt') -ge 3 ]")
    target.serve(config)
    controller.wait_state("live")
    job.wait().check()


@pytest.mark.kernel_warnings("resetting controller")
@pytest.mark.core
def test_reset_during_writes(controller, device, host, guest):
    """The host resets the controller while fio writes."""
    job = guest.spawn(host.fio(device, "randwrite", "64k", "64m", "--rate=,8m"), 300)
    for _ in range(2):
        time.sleep(2)
        assert job.running(), "fio ended before the reset"
        guest.run(f"nvme reset {controller.path}")
        controller.wait_state("live")
    job.wait().check()
