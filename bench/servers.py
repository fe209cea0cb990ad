# SPDX-License-Identifier: BSD-3-Clause
"""The raw limit and weft: each is started once, and serves one load after the other."""

import json
import os
import subprocess
from dataclasses import dataclass

import weftconf
from weftd import Weftd
from workloads import DISK_SIZE

NQN = weftconf.nqn("bench")
# of the raw limit's server and client; and whether they send all that is ready, or half
ENGINES = tuple((engines, *halves) for engines in ("wait,wait", "uring,wait", "wait,uring",
                                                   "uring,uring") for halves in ((), ("-H",)))
ATTEMPTS = 3    # with --realtime, a client that polls can keep the kernel's own threads waiting
DISKS = {"memory": 1, "null": 2, "direct": 3, "cached": 4}


@dataclass
class Run:
    """How a load is run."""
    seconds: float
    ramp: float
    prefix: tuple = ()      # before every command, as chrt

    def on(self, cores, *command):
        """A command pinned to cores."""
        return [*self.prefix, "taskset", "-c", cores, *map(str, command)]


@dataclass
class Sample:
    """What one run measured; times in µs."""
    iops: float
    mb: float
    p50: float
    p99: float
    p999: float
    target_cpu: float | None    # of each I/O
    host_cpu: float | None


class LoadError(Exception):
    """A load couldn't be run; says what its command said."""


def cpu_seconds(pid):
    """User and system time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cores_of(workload):
    """Where the server and the client run: a core each, unless the server has two."""
    return ("0-1", "0-1") if workload.reactors > 1 else ("0", "1")


def output_of(command, timeout):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise LoadError(f"{' '.join(command)}: not done after {timeout:.0f} s") from None
    if done.returncode:
        raise LoadError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def measure(command, pid, run):
    """Runs a client that prints JSON as weft perf does; pid is the server's."""
    for _ in range(ATTEMPTS):
        cpu = cpu_seconds(pid)
        result = json.loads(output_of(command, run.seconds + run.ramp + 30))
        cpu = cpu_seconds(pid) - cpu
        total = result["total"]
        if total["ios"]:
            break
    else:
        raise LoadError(f"{' '.join(command)}: nothing was done")
    latency = total["latency_us"]
    measured = run.seconds / (run.seconds + run.ramp)   # the ramp had its share of the CPU
    return Sample(total["iops"], total["bytes_per_second"] / 1e6, latency["p50"], latency["p99"],
                  latency["p99.9"], cpu * measured * 1e6 / total["ios"],
                  result["host_cpu"]["us_per_io"])


class Limit:
    """The raw limit's server, for one set of cores."""

    def __init__(self, binary, cores, run):
        self.binary = binary
        self._process = subprocess.Popen(run.on(cores, binary, "server", "-m", DISK_SIZE),
                                         stdout=subprocess.PIPE, text=True)
        self.port = self._process.stdout.readline().strip()
        self._engines = {}

    def _measure(self, workload, run, engines):
        kind = "rand" if workload.random else "seq"
        client = [self.binary, "client", "-s", self.port, "-b", workload.size, "-Q",
                  workload.depth, "-r", workload.read, "-p", kind, "-c", workload.connections,
                  "-T", workload.reactors, "-m", DISK_SIZE, "-t", run.seconds, "-R", run.ramp,
                  "-e", *engines, "-P", "client" if workload.host_polling else "none", "-l",
                  workload.poll_us, *["-k"] * workload.limit_stores]
        return measure(run.on(cores_of(workload)[1], *client), self._process.pid, run)

    def engines(self, workload, run):
        """The fastest way to move this load's bytes, found by a short run of each."""
        if workload not in self._engines:
            short = Run(min(run.seconds, 0.5), 0.2, run.prefix)
            found = {engines: self._measure(workload, short, engines) for engines in ENGINES}
            self._engines[workload] = max(found, key=lambda engines: found[engines].iops)
        return self._engines[workload]

    def measure(self, workload, run):
        return self._measure(workload, run, self.engines(workload, run))

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def configuration(folder):
    # huge pages, as the limit's memory
    disks = [weftconf.namespace(DISKS["memory"], size=DISK_SIZE, huge_pages=True),
             weftconf.namespace(DISKS["null"], backend="null", size=DISK_SIZE)]
    for name, direct in (("direct", True), ("cached", False)):
        disks.append(weftconf.namespace(DISKS[name], path=folder / f"{name}.img", size=DISK_SIZE,
                                        direct=direct))
    return weftconf.config([weftconf.subsystem("bench", disks)])


class Weft:
    """weftd as a workload wants it; its disks hold data, not holes."""

    def __init__(self, binary, folder, workload, run):
        self.binary = binary
        cores = cores_of(workload)[0]
        args = ["--loop", workload.loop, "--poll-us", str(workload.poll_us)]
        self.daemon = Weftd(configuration(folder), cores=workload.reactors, args=args,
                            wrapper=run.on(cores))
        self.daemon.start()
        self._filled = set()

    @staticmethod
    def key(workload):
        """Workloads with the same key can share a daemon."""
        return workload.loop, workload.poll_us, workload.reactors

    def _perf(self, disk, *options):
        address, port = self.daemon.address
        return [self.binary, "perf", "-a", address, "-s", port, "-n", NQN, "-i", DISKS[disk],
                "--json", *options]

    def _fill(self, workload):
        disk = workload.disk
        if disk in self._filled or disk == "null":
            return
        address, port = self.daemon.address
        with open("/dev/zero", "rb") as zeroes:
            subprocess.run([self.binary, "write", address, NQN, "-s", str(port), "-i",
                            str(DISKS[disk]), "-l", str(DISK_SIZE)], stdin=zeroes, check=True,
                           stdout=subprocess.DEVNULL)
        self._filled.add(disk)

    def measure(self, workload, run):
        self._fill(workload)
        options = ["-b", workload.size, "-Q", workload.depth, "-r", workload.read, "-p",
                   "rand" if workload.random else "seq", "-c", workload.connections,
                   "--threads", workload.reactors, "-t", run.seconds, "--ramp", run.ramp]
        options += ["--poll"] * workload.host_polling
        options += ["-g"] * workload.digests
        options += ["-G"] * (workload.digests or workload.data_digest)
        command = run.on(cores_of(workload)[1], *self._perf(workload.disk, *options))
        return measure(command, self.daemon.process.pid, run)

    def stop(self):
        self.daemon.stop()
        self.daemon.remove()
