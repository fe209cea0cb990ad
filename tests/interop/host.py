# SPDX-License-Identifier: BSD-3-Clause
"""The guest as an NVMe host: nvme-cli's commands and what the kernel shows of them."""

import json
import re
import shlex
from dataclasses import dataclass

HOST_NQN = "nqn.2014-08.org.nvmexpress:uuid:8b0d5d0c-7b06-4b1a-9d33-7a5a1f3c6a01"
HOST_ID = "8b0d5d0c-7b06-4b1a-9d33-7a5a1f3c6a01"

# What the kernel says, rightly, when a target that it is connected to goes away.
PATH_LOSS = (r"starting error recovery|no usable path|failed to connect|Connect command failed|"
             r"failed nvme_keep_alive|keep.alive|I/O tag|timeout|ctrl . fatal error|"
             r"callbacks suppressed|failed to send request -(32|104)\b|"
             # reads ahead are not tried again
             r"I/O Cmd\(0x2\).*sct 0x3 / sc 0x71|op 0x0:\(READ\) flags 0x2080700")
# ... when it is refused ...
REFUSED = r"is not allowed|failed to connect|nvmet: connect by host"
# ... and what it says about the machine that it runs on, which is emulated and may be busy.
MACHINE = r"clocksource: |hrtimer: interrupt took|hogged CPU|interrupt took too long|" \
          r"long keepalive RTT"

DISCOVERY_NQN = "nqn.2014-08.org.nvmexpress.discovery"


@dataclass
class Controller:
    """A connected controller: its name ("nvme0") and the subsystem it belongs to."""
    host: "Host"
    name: str
    nqn: str

    @property
    def path(self):
        return f"/dev/{self.name}"

    def sysfs(self, attribute):
        return self.host.guest.run(f"cat /sys/class/nvme/{self.name}/{attribute}").strip()

    def wait_state(self, state, timeout=60):
        self.host.until(f'[ "$(cat /sys/class/nvme/{self.name}/state)" = {state} ]', timeout)

    def wait_not_live(self, timeout=60):
        self.host.until(f'[ "$(cat /sys/class/nvme/{self.name}/state)" != live ]', timeout)

    def disconnect(self):
        self.host.settle()
        self.host.guest.run(f"nvme disconnect -d {self.name}")


class Host:
    def __init__(self, guest, nqn=HOST_NQN, hostid=HOST_ID):
        self.guest = guest
        self.nqn = nqn
        self.hostid = hostid

    def _fabrics(self, verb, portal, options):
        words = ["nvme", verb, "-t", "tcp", "-a", portal.address, "-s", str(portal.port),
                 "--hostnqn", self.nqn, "--hostid", self.hostid, *options]
        return shlex.join(words)

    def connect_command(self, portal, nqn, *options):
        return self._fabrics("connect", portal, ["-n", nqn, "-o", "json", *options])

    def connect_all_command(self, portal):
        return self._fabrics("connect-all", portal, [])

    def attempt_connect(self, portal, nqn, *options):
        """Runs nvme connect, however it ends; returns the guest's Result."""
        return self.guest.attempt(self.connect_command(portal, nqn, *options), 90)

    def connect(self, portal, nqn, *options):
        """Connects to a subsystem; returns its Controller, live."""
        done = self.attempt_connect(portal, nqn, *options).check()
        controller = Controller(self, json.loads(done.stdout)["device"], nqn)
        controller.wait_state("live")
        return controller

    def discover(self, portal, *options):
        """The records of the discovery log, without the discovery subsystem's own."""
        return [record for record in self.discover_all(portal, *options)
                if record["subnqn"] != DISCOVERY_NQN]

    def discover_all(self, portal, *options):
        log = self.guest.json(self._fabrics("discover", portal, ["-o", "json", *options]), 90)
        return log["records"]

    def settle(self):
        """Waits for udev, which looks into every new or written disk, to close them."""
        self.guest.run("udevadm settle")

    def disconnect(self, nqn):
        self.settle()
        self.guest.run(f"nvme disconnect -n {nqn}")

    def disconnect_all(self):
        self.settle()
        self.guest.run("nvme disconnect-all")
        self.until("! ls /sys/class/nvme/ | grep -q .")

    def until(self, condition, timeout=60):
        """Waits until a bash condition holds in the guest."""
        done = self.guest.attempt(f"until {condition}; do sleep 0.1; done", timeout)
        assert done.status == 0, f"not so within {timeout} s in the guest: {condition}"

    def block(self, nqn, nsid=1, timeout=60):
        """Waits for the block device of a namespace, over whatever paths; returns its path."""
        done = self.guest.attempt(f"""
            find_device() {{
                for d in /sys/class/nvme-subsystem/*/nvme*n*; do
                    name=${{d##*/}}
                    [[ $name =~ ^nvme[0-9]+n[0-9]+$ ]] || continue
                    [ "$(cat $d/../subsysnqn)" = {nqn} ] || continue
                    [ "$(cat $d/nsid)" = {nsid} ] && [ -b /dev/$name ] && return
                done 2> /dev/null
                return 1
            }}
            until find_device; do sleep 0.1; done
            udevadm settle
            echo /dev/$name""", timeout)
        assert done.status == 0, f"no block device of {nqn} namespace {nsid} within {timeout} s"
        return done.stdout.strip()

    def namespaces(self, nqn):
        """NSIDs of a subsystem's disks, in ascending order."""
        lines = self.guest.run(f"""
            for d in /sys/class/nvme-subsystem/*/nvme*n*; do
                [[ ${{d##*/}} =~ ^nvme[0-9]+n[0-9]+$ ]] || continue
                [ "$(cat $d/../subsysnqn)" = {nqn} ] && cat $d/nsid
            done; true""").splitlines()
        return sorted(map(int, lines))

    def no_block(self, device, timeout=60):
        """Waits until a block device is gone."""
        self.until(f"[ ! -e /sys/block/{device.removeprefix('/dev/')} ]", timeout)

    def size(self, device):
        """A block device's size in bytes."""
        return int(self.guest.run(f"blockdev --getsize64 {device}"))

    def wait_size(self, device, size, timeout=60):
        self.until(f'[ "$(blockdev --getsize64 {device})" = {size} ]', timeout)

    def paths(self, nqn):
        """Names of the subsystem's controllers, and their states."""
        lines = self.guest.run(f"""
            for c in /sys/class/nvme/*; do
                [ "$(cat $c/subsysnqn)" = {nqn} ] && echo "${{c##*/}} $(cat $c/state)"
            done; true""").splitlines()
        return dict(line.split() for line in lines)

    def fio(self, device, rw, block_size, size, *options):
        """The fio command that writes to a device with rw's pattern and verifies what it wrote."""
        return shlex.join([
            "fio", "--name=verify", f"--filename={device}", f"--rw={rw}", f"--bs={block_size}",
            f"--size={size}", "--direct=1", "--ioengine=libaio", "--iodepth=16",
            "--verify=crc32c", "--do_verify=1", "--verify_fatal=1", "--output-format=terse",
            *options])


class KernelLog:
    """What the guest's kernel says from now on."""

    def __init__(self, guest, title):
        self.guest = guest
        self._mark = f"test: {title}"
        guest.run(f"echo '<6>{self._mark}' > /dev/kmsg")

    def lines(self, levels=None):
        """Lines since the mark; only those of some levels ("warn,err"), if given."""
        text = self.guest.run("dmesg -r")
        text = text[text.rindex(self._mark):]
        lines = []
        for line in text.splitlines()[1:]:
            priority, _, message = line.removeprefix("<").partition(">")
            if priority.isdigit() and (levels is None or int(priority) & 7 in levels):
                lines.append(message)
        return lines

    def warnings(self):
        """Warnings and errors that somebody has to answer for."""
        # A keep alive that meets its controller's removal fails, with no harm.
        removed = re.findall(r"nvme (nvme\d+): Removing ctrl", "\n".join(self.lines()))
        excused = re.compile("|".join([MACHINE] + [
            f"nvme {name}: failed nvme_keep_alive_end_io" for name in removed]))
        return [line for line in self.lines(levels=range(5)) if not excused.search(line)]
