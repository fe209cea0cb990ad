# SPDX-License-Identifier: BSD-3-Clause
"""Other targets in user space, from Debian's packages, over the same loopback.

nbdkit and qemu-nbd are asked by fio's nbd engine. tgt (iSCSI) is asked by libiscsi's iscsi-perf,
since Debian's fio comes without its libiscsi engine; that reads only, and knows no percentiles.
All of them serve a gigabyte of memory: nbdkit its own, the others a file in tmpfs.
"""

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from servers import LoadError, Sample, cores_of, cpu_seconds, output_of
from weftd import free_port
from workloads import DISK_SIZE

PACKAGES = ("fio", "nbdkit", "qemu-utils", "tgt", "libiscsi-bin")
MEMORY = Path("/dev/shm")
START_SECONDS = 10


class Peer:
    """A server from start to stop(); serves one load at a time."""

    def __init__(self, workload, run):
        self.port = free_port()
        self.file = None
        self._process = subprocess.Popen(run.on(cores_of(workload)[0], *self.command()),
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         env=self.environment())
        self._wait()
        self.prepare()

    def command(self):
        raise NotImplementedError

    def client(self, workload, run):
        raise NotImplementedError

    def sample(self, workload, output, cpu, run):
        raise NotImplementedError

    def prepare(self):
        """After the start: what the server must be told."""

    def environment(self):
        return None

    def disk(self):
        """A file in memory, with no holes."""
        self.file = MEMORY / f"weft-bench-{os.getpid()}-{self.port}"
        with open(self.file, "wb") as file:
            for _ in range(DISK_SIZE >> 20):
                file.write(b"\xa5" * (1 << 20))
        return self.file

    def _wait(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    raise LoadError(f"{self.command()[0]} doesn't listen") from None
                time.sleep(0.05)

    def measure(self, workload, run):
        cpu = cpu_seconds(self._process.pid)
        output = output_of(run.on(cores_of(workload)[1], *self.client(workload, run)),
                           run.seconds + run.ramp + 60)
        return self.sample(workload, output, cpu_seconds(self._process.pid) - cpu, run)

    def stop(self):
        self._process.kill()
        self._process.wait()
        if self.file:
            self.file.unlink(missing_ok=True)


class Nbd(Peer):
    """What fio's nbd engine reaches."""

    def client(self, workload, run):
        mix = {100: "read", 0: "write"}[workload.read]
        return ["fio", "--name=bench", "--ioengine=nbd", f"--uri=nbd://127.0.0.1:{self.port}",
                f"--rw={'rand' * workload.random}{mix}", f"--bs={workload.size}",
                f"--iodepth={workload.depth}", f"--size={DISK_SIZE}", "--time_based", "--thread",
                f"--runtime={run.seconds}", f"--ramp_time={run.ramp}", "--randrepeat=0",
                "--norandommap", "--lat_percentiles=1", "--percentile_list=50:99:99.9",
                "--output-format=json"]

    def sample(self, workload, output, cpu, run):
        job = json.loads(output[output.index("{"):])["jobs"][0]
        side = max(job["read"], job["write"], key=lambda side: side["total_ios"])
        percentile = {key: value / 1e3 for key, value in side["lat_ns"]["percentile"].items()}
        measured = run.seconds / (run.seconds + run.ramp)
        busy = (job["usr_cpu"] + job["sys_cpu"]) / 100
        return Sample(side["iops"], side["bw_bytes"] / 1e6, percentile["50.000000"],
                      percentile["99.000000"], percentile["99.900000"],
                      cpu * measured * 1e6 / side["total_ios"], busy * 1e6 / side["iops"])


class Nbdkit(Nbd):
    def command(self):
        return ["nbdkit", "-f", "-i", "127.0.0.1", "-p", str(self.port), "memory",
                str(DISK_SIZE)]

    def prepare(self):
        output_of(["fio", "--name=fill", "--ioengine=nbd", "--thread", "--rw=write", "--bs=1M",
                   f"--uri=nbd://127.0.0.1:{self.port}", f"--size={DISK_SIZE}"], 60)


class QemuNbd(Nbd):
    def command(self):
        return ["qemu-nbd", "-f", "raw", "-t", "-e", "4", "-b", "127.0.0.1", "-p",
                str(self.port), "--cache=writeback", str(self.file or self.disk())]


class Tgt(Peer):
    target = "iqn.2026-01.io.weft.test:bench"

    def environment(self):
        return dict(os.environ, TGT_IPC_SOCKET=f"{MEMORY}/weft-bench-tgt-{os.getpid()}")

    def command(self):
        return ["tgtd", "-f", "--iscsi", f"portal=127.0.0.1:{self.port}"]

    def prepare(self):
        tell = ["tgtadm", "--lld", "iscsi", "--tid", "1"]
        for words in (["--op", "new", "--mode", "target", "-T", self.target],
                      ["--op", "new", "--mode", "logicalunit", "--lun", "1", "-b",
                       str(self.disk())],
                      ["--op", "bind", "--mode", "target", "-I", "ALL"]):
            subprocess.run([*tell, *words], env=self.environment(), check=True)

    def client(self, workload, run):
        return ["iscsi-perf", "-m", str(workload.depth), "-b", str(workload.size // 512),
                *(["-r"] if workload.random else []), "-t", str(max(1, round(run.seconds))),
                f"iscsi://127.0.0.1:{self.port}/{self.target}/1"]

    def sample(self, workload, output, cpu, run):
        # "... iops average 12345 (48 MB/s) ..."; the last line is the whole run's
        found = re.findall(r"iops average\s+(\d+)", output)
        if not found:
            raise LoadError(f"iscsi-perf said: {output.strip()[-300:]}")
        iops = float(found[-1])
        ios = iops * max(1, round(run.seconds))
        return Sample(iops, iops * workload.size / 1e6, None, None, None, cpu * 1e6 / ios, None)

    def stop(self):
        super().stop()
        for suffix in (".0", ".0.lock"):
            Path(self.environment()["TGT_IPC_SOCKET"] + suffix).unlink(missing_ok=True)


PEERS = {"nbdkit": Nbdkit, "qemu-nbd": QemuNbd, "tgt": Tgt}
