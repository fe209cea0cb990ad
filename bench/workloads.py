# SPDX-License-Identifier: BSD-3-Clause
"""What is measured, and what it must reach."""

from dataclasses import dataclass, replace

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
DISK_SIZE = GIB     # of each disk, and of the raw limit's memory


@dataclass(frozen=True)
class Bar:
    """What a row must reach: `iops` (at least) or `p50` (at most), as a ratio to the raw limit's;
    with `of`, the row's ratio to the limit in relation to another row's."""
    metric: str
    value: float
    of: str | None = None

    def met(self, ratio):
        return ratio <= self.value if self.metric == "p50" else ratio >= self.value

    def __str__(self):
        sign = "≤" if self.metric == "p50" else "≥"
        return f"{self.metric} {sign} {self.value:.2f}" + (f" of {self.of}" if self.of else "")


@dataclass(frozen=True)
class Workload:
    name: str
    size: int = 4 * KIB
    depth: int = 32             # of each connection
    read: int = 100             # percent
    random: bool = True
    connections: int = 1
    digests: bool = False       # of headers and data
    data_digest: bool = False   # of data alone
    poll_us: int = 20           # how long a busy target looks for work before it sleeps
    host_polling: bool = True   # the host never sleeps: it is not what shall be measured
    reactors: int = 1
    disk: str = "memory"
    loop: str = "io_uring"
    limit_stores: bool = False  # the raw limit keeps what is written
    subject: str = "weft"       # what is compared with the raw limit
    bar: Bar | None = None


def _small():
    """4 KiB, random."""
    bars = {("rr", 32, 1): Bar("iops", 0.95), ("rr", 128, 1): Bar("iops", 0.95),
            ("rw", 32, 1): Bar("iops", 0.92), ("rw", 128, 1): Bar("iops", 0.92)}
    for kind, read in (("rr", 100), ("rw", 0)):
        for connections in (1, 8):
            for depth in (1, 8, 32, 128):
                yield Workload(f"{kind}4k-qd{depth}" + (f"-c{connections}" * (connections > 1)),
                               read=read, depth=depth, connections=connections,
                               host_polling=depth > 1, bar=bars.get((kind, depth, connections)))
    yield Workload("rr4k-qd1-sleep", depth=1, poll_us=0, host_polling=False,
                   bar=Bar("p50", 1.10))
    yield Workload("rw4k-qd1-sleep", depth=1, poll_us=0, host_polling=False, read=0)
    yield Workload("rr4k-qd1-poll", depth=1, poll_us=1000, bar=Bar("p50", 1.10))
    yield Workload("rw4k-qd1-poll", depth=1, poll_us=1000, read=0)
    yield Workload("mix4k-qd32", read=70)
    yield Workload("mix4k-qd32-c8", read=70, connections=8)
    yield Workload("rr4k-qd4-c64", depth=4, connections=64)
    yield Workload("rw4k-qd4-c64", depth=4, connections=64, read=0)


def _large():
    for kind, read, bar in (("sr", 100, 0.95), ("sw", 0, 0.90)):
        base = Workload(f"{kind}128k-qd32", size=128 * KIB, read=read, random=False,
                        bar=Bar("iops", bar))
        yield base
        yield replace(base, name=f"{kind}128k-qd32-ddgst", data_digest=True,
                      bar=Bar("iops", 0.80, of=base.name))
        yield replace(base, name=f"{kind}1m-qd32", size=MIB, bar=None)


def _variants():
    read, write = Workload("rr4k-qd32"), Workload("rw4k-qd32", read=0)
    for base in (read, write):
        yield replace(base, name=f"{base.name}-digests", digests=True)
        yield replace(base, name=f"{base.name}-2reactors", reactors=2, connections=8,
                      host_polling=False)   # it has no cores of its own
        yield replace(base, name=f"{base.name}-epoll", loop="epoll")
        for disk in ("null", "direct", "cached"):
            yield replace(base, name=f"{base.name}-{disk}", disk=disk)
    # The limit does not store what is written, and neither does null: the protocol alone.
    yield replace(write, name="rw4k-qd128-null", depth=128, disk="null")
    # A limit that stores, as memory does.
    for depth in (32, 128):
        yield replace(write, name=f"rw4k-qd{depth}-stored", depth=depth, limit_stores=True)
    yield Workload("sw128k-qd32-null", size=128 * KIB, read=0, random=False, disk="null")
    for disk in ("direct", "cached"):
        yield Workload(f"sr128k-qd32-{disk}", size=128 * KIB, random=False, disk=disk)


def _peers():
    for subject in ("nbdkit", "qemu-nbd", "tgt"):
        yield Workload(f"{subject}-rr4k-qd1", depth=1, host_polling=False, poll_us=0,
                       subject=subject)
        yield Workload(f"{subject}-rr4k-qd32", subject=subject)
        if subject != "tgt":    # its client, iscsi-perf, only reads
            yield Workload(f"{subject}-rw4k-qd32", read=0, subject=subject)
        yield Workload(f"{subject}-sr128k-qd32", size=128 * KIB, random=False, subject=subject)


WORKLOADS = [*_small(), *_large(), *_variants()]
PEERS = [*_peers()]
