# SPDX-License-Identifier: BSD-3-Clause
"""A Linux guest in QEMU that runs commands for a test."""

import ctypes
import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotReady
from dataclasses import dataclass
from pathlib import Path

from weftd import free_port

BUILD = Path(__file__).parents[2] / "scripts/guest/build"
BOOT_TIMEOUT = 180
# An emulated machine with several CPUs trips over the code that a booting kernel patches, rarely.
BOOT_ATTEMPTS = 3
# CMPXCHG16B, with which Linux allocates memory, is emulated wrongly, rarely: an interrupt then
# finds flags that are none (EFLAGS 017a3a42, a panic in kmem_cache_alloc). Linux can do without.
CPU = "max,-cx16"
# What the agent may need beyond a command's own time to kill it and to tell.
AGENT_GRACE = 30
PR_SET_PDEATHSIG = 1
# The port of the guest that the test machine reaches, at a port of its loopback: Guest.forwarded.
FORWARDED = 4420


class GuestError(Exception):
    """The guest itself failed: it didn't boot, it died, or it doesn't answer."""


@dataclass
class Result:
    """How a command ended; status is None if its time ran out."""
    command: str
    status: int | None
    stdout: str
    stderr: str

    def check(self):
        """Returns the result of a command that ended well; fails the test otherwise."""
        if self.status != 0:
            ended = "ran out of time" if self.status is None else f"ended with {self.status}"
            raise AssertionError(f"in the guest, `{self.command}` {ended}\n"
                                 f"stdout: {self.stdout}\nstderr: {self.stderr}")
        return self


class Job:
    """A command that runs in the guest while the test goes on."""

    def __init__(self, command, timeout, future):
        self.command = command
        self._timeout = timeout
        self._future = future

    def running(self):
        return not self._future.done()

    def wait(self):
        """The command's Result; a GuestError if the guest is gone."""
        try:
            answer = self._future.result(self._timeout + AGENT_GRACE)
        except NotReady:
            raise GuestError(f"the guest doesn't answer: `{self.command}`") from None
        return Result(self.command, answer["status"], answer["stdout"], answer["stderr"])


class Guest:
    """One QEMU process, from start() to stop().

    It ends with this process, however that ends. Its console, on which the kernel says what it
    does, is written to the file log.
    """

    def __init__(self, images, log, cpus=4, memory="1G"):
        self.images = Path(images)
        self.log = Path(log)
        self.cpus = cpus
        self.memory = memory
        self.forwarded = free_port()
        self.kernel = None
        self._process = None
        self._channel = None
        self._receiver = None
        self._ids = itertools.count(1)
        self._pending = None
        self._lock = threading.Lock()

    def start(self):
        """Boots and waits until the guest takes commands."""
        for attempt in range(1, BOOT_ATTEMPTS + 1):
            try:
                return self._boot()
            except GuestError:
                self.stop()
                if attempt == BOOT_ATTEMPTS:
                    raise
                self._keep_log()

    def _boot(self):
        self._channel, theirs = socket.socketpair()
        errors = self.log.with_suffix(".qemu")
        ready = Future()
        self._pending = {"ready": ready}
        with theirs, open(errors, "w", encoding="utf-8") as stderr:
            self._process = subprocess.Popen(
                self._command(theirs.fileno()), pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=stderr, preexec_fn=_die_with_parent)
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()
        try:
            self.kernel = ready.result(BOOT_TIMEOUT)["ready"]
        except NotReady:
            raise GuestError(f"the guest didn't boot in {BOOT_TIMEOUT} s{self._tail()}") from None

    def _command(self, channel):
        accelerator = "kvm" if kvm_works() else "tcg,thread=multi"
        return [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none", "-machine", "q35", "-accel", accelerator, "-cpu", CPU,
            "-smp", str(self.cpus), "-m", self.memory,
            "-kernel", str(self.images / "vmlinuz"), "-initrd", str(self.images / "initrd"),
            "-append", "console=ttyS0 quiet panic=-1 net.ifnames=0 mitigations=off "
            "tsc=reliable",
            "-serial", f"file:{self.log}",
            "-drive", f"file={self.images}/root.img,format=raw,if=virtio,snapshot=on",
            "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.forwarded}-:{FORWARDED}",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci",
            "-chardev", f"socket,id=agent,fd={channel}", "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=agent,name=agent",
        ]

    def _receive(self):
        """Hands the agent's answers to those who wait for them, until the guest ends."""
        for line in self._channel.makefile("rb"):
            answer = json.loads(line)
            with self._lock:
                future = self._pending.pop(answer.get("id", "ready"))
            future.set_result(answer)
        with self._lock:
            pending, self._pending = self._pending, None
        for future in pending.values():
            future.set_exception(GuestError(f"the guest ended{self._tail()}"))

    def spawn(self, command, timeout=60, stdin=""):
        """Starts a bash command, which is killed after timeout seconds; returns its Job."""
        future = Future()
        with self._lock:
            if self._pending is None:
                raise GuestError(f"the guest ended{self._tail()}")
            number = next(self._ids)
            self._pending[number] = future
            request = {"id": number, "command": command, "input": stdin, "timeout": timeout}
            self._channel.sendall(json.dumps(request).encode() + b"\n")
        return Job(command, timeout, future)

    def attempt(self, command, timeout=60, stdin=""):
        """Runs a bash command, however it ends; returns its Result."""
        return self.spawn(command, timeout, stdin).wait()

    def run(self, command, timeout=60, stdin=""):
        """Runs a bash command, which must end well; returns its standard output."""
        return self.attempt(command, timeout, stdin).check().stdout

    def json(self, command, timeout=60):
        """Runs a command, which must end well, and returns what it printed as JSON."""
        return json.loads(self.run(command, timeout))

    def write(self, path, text):
        self.run(f"cat > {shlex.quote(str(path))}", stdin=text)

    def stop(self):
        """Ends the guest; nothing in it outlives this."""
        if self._process is None:
            return
        self._channel.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._receiver.join()
        self._channel.close()

    def restart(self):
        """Boots anew, with nothing left of what was; the old console's log gets the suffix .old."""
        self.stop()
        self._keep_log()
        self.start()

    def alive(self):
        return self._process is not None and self._process.poll() is None

    def _keep_log(self):
        self.log.rename(self.log.with_suffix(".old"))

    def _tail(self):
        parts = [p.read_text(errors="replace")[-2000:]
                 for p in (self.log.with_suffix(".qemu"), self.log) if p.exists()]
        return "; its console ended with:\n" + "\n".join(parts)


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def kvm_works():
    """Whether a guest really runs under KVM: some machines have the device, but nothing behind."""
    global _kvm
    if _kvm is None:
        _kvm = os.access("/dev/kvm", os.R_OK | os.W_OK) and _kvm_runs()
    return _kvm


_kvm = None


def _kvm_runs():
    """Starts the firmware alone and looks whether it gets as far as its first message."""
    try:
        done = subprocess.run(
            ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
             "-machine", "q35", "-accel", "kvm", "-cpu", "max", "-m", "64M", "-no-reboot",
             "-device", "isa-debugcon,iobase=0x402,chardev=bios",
             "-chardev", "stdio,id=bios,signal=off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=3)
        output = done.stdout
    except subprocess.TimeoutExpired as running:
        output = running.stdout or b""
    return b"SeaBIOS" in output


def build_images():
    """The folder with the guest's kernel and disks, which are built if need be."""
    return Path(subprocess.run([BUILD], stdout=subprocess.PIPE, text=True,
                               check=True).stdout.strip())
