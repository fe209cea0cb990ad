# SPDX-License-Identifier: BSD-3-Clause
"""The table, on the terminal and as Markdown, and what machine it is from."""

import os
import platform
import re
import subprocess
from pathlib import Path

HEADINGS = ("workload", "IOPS", "MB/s", "p50", "p99", "p99.9", "CPU/IO", "limit", "limit p50",
            "ratio", "of pairs", "bar", "verdict")
WIDTHS = (28, 9, 7, 8, 8, 8, 6, 9, 9, 5, 11, 28, 14)


def number(value, digits=0):
    return "-" if value is None else f"{value:.{digits}f}"


def cells(row, rows):
    subject, limit = row.subject, row.limit
    ratios = row.ratios(row.metric)
    return (row.workload.name, number(subject.iops), number(subject.mb), number(subject.p50, 1),
            number(subject.p99, 1), number(subject.p999, 1), number(subject.target_cpu, 2),
            number(limit.iops), number(limit.p50, 1), number(row.ratio(row.metric), 2),
            f"{min(ratios):.2f}-{max(ratios):.2f}", str(row.workload.bar or ""),
            row.verdict(rows))


def line(values):
    first, *others = zip(values, WIDTHS)
    return " ".join([f"{first[0]:<{first[1]}}", *(f"{value:>{width}}" for value, width in others)])


def markdown(headings, rows):
    """A table in Markdown; the first column is text, the others are figures."""
    lines = [headings, ["---", *["--:"] * (len(headings) - 1)], *rows]
    return "".join(f"| {' | '.join(map(str, cells))} |\n" for cells in lines)


def _first(path, pattern):
    found = re.search(pattern, Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def _version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout or "none"


def steal_seconds():
    """Time that a hypervisor gave to others."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


def machine():
    virtual = subprocess.run(["systemd-detect-virt"], check=False, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True).stdout.strip() \
        if Path("/usr/bin/systemd-detect-virt").exists() else ""
    if not virtual and "hypervisor" in Path("/proc/cpuinfo").read_text(encoding="ascii"):
        virtual = "yes"
    return {"cpu": _first("/proc/cpuinfo", r"^model name\s*: (.*)$"),
            "cores": os.cpu_count(),
            "memory": _first("/proc/meminfo", r"^MemTotal:\s*(.*)$"),
            "kernel": platform.release(),
            "tcp": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
            "virtual": virtual or "no",
            "liburing": _version("liburing2"), "fio": _version("fio"),
            "load": os.getloadavg()[0]}
