# SPDX-License-Identifier: BSD-3-Clause
"""weft discover, identify, read, write and perf: our own host against our own target."""

import random
import socket
import uuid

import pytest

import nvmetcp
import weftconf
from weftcli import FAILED, USAGE

NQN = weftconf.nqn("disk")
PRIVATE = weftconf.nqn("private")
HOST = nvmetcp.HostId.make("friend").nqn
MIB = 1 << 20
DIGESTS = [(), ("-g",), ("-G",), ("-g", "-G")]


@pytest.fixture
def host(start, tmp_path):
    """weft for a daemon with memory, 4096-byte blocks, a read-only disk, and a private one."""
    weft = start(weftconf.config([
        weftconf.subsystem("disk", [
            weftconf.namespace(1, size="32M"),
            weftconf.namespace(2, size="32M", block_size=4096),
            weftconf.namespace(7, backend="null", size="1G", read_only=True),
        ], serial="S1", model="a disk"),
        weftconf.subsystem("private", [weftconf.namespace(1, identity="private")],
                           hosts=[HOST]),
    ]))
    address, port = weft.daemon.address
    weft.target = ("-a", address, "-s", str(port))
    return weft


def random_file(path, size):
    path.write_bytes(random.Random(size).randbytes(size))
    return path


def test_discover(host):
    records = host.json("discover", *host.target)["records"]
    assert [record["subnqn"] for record in records] == [
        "nqn.2014-08.org.nvmexpress.discovery", NQN]
    assert records[0]["subtype"] == "current discovery subsystem"
    assert records[1]["subtype"] == "nvme subsystem" and records[1]["trtype"] == "tcp"
    assert (records[1]["traddr"], records[1]["trsvcid"]) == (host.target[1], host.target[3])
    text = host("discover", *host.target).out
    assert text.startswith("2 records, generation ") and f"\n1  {NQN}\n" in text


@pytest.mark.parametrize("form", ["{}:{}", "[{}]:{}"])
def test_port_beside_the_address(host, form, tmp_path):
    """Wherever a target is named, as an argument and as an option."""
    where = form.format(host.target[1], host.target[3])
    for target in ([where], ["-a", where], [where, "-s", host.target[3]]):
        assert len(host.json("discover", *target)["records"]) == 2
    assert host.json("identify", where, NQN)["controller"]["subnqn"] == NQN
    host("write", where, NQN, "--data", random_file(tmp_path / "in", 4096))
    host("read", where, NQN, "--length", 4096, "--data", tmp_path / "out")
    host("perf", where, NQN, "--time", "0.1")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


@pytest.mark.parametrize("target, said", [
    (["127.0.0.1:"], "must be a TCP port in 1..65535, or have no colon"),
    (["127.0.0.1:70000"], "must be a TCP port in 1..65535"),
    (["[::1"], "it must be ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT"),
    (["-a", ":8009"], "it must be ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT"),
    (["127.0.0.1:8009", "-s", "8010"], "the address has port 8009 and --trsvcid is 8010"),
])
def test_wrong_address(alone, target, said):
    assert said in alone("discover", *target, code=USAGE).err


def test_discover_as_another_host(host):
    records = host.json("discover", *host.target, "--hostnqn", HOST)["records"]
    assert [record["subnqn"] for record in records][1:] == [NQN, PRIVATE]


def test_identify(host):
    reply = host.json("identify", *host.target, NQN)
    controller, namespaces = reply["controller"], reply["namespaces"]
    assert controller["subnqn"] == NQN and controller["version"] == "2.1.0"
    assert (controller["serial"], controller["model"]) == ("S1", "a disk")
    assert [ns["nsid"] for ns in namespaces] == [1, 2, 7]
    assert [ns["block_size"] for ns in namespaces] == [512, 4096, 512]
    assert [ns["bytes"] for ns in namespaces] == [32 * MIB, 32 * MIB, 1024 * MIB]
    assert [ns["read_only"] for ns in namespaces] == [False, False, True]
    assert len({uuid.UUID(ns["uuid"]) for ns in namespaces}) == 3
    text = host("identify", *host.target, NQN, "-i", 2).out
    assert "namespace 2\n" in text and "namespace 1\n" not in text and "(32 MiB)" in text


@pytest.mark.parametrize("digests", DIGESTS, ids="".join)
@pytest.mark.parametrize("nsid, io_size", [(1, "512"), (1, "20K"), (2, "4K"), (2, "1M")])
def test_write_and_read(host, tmp_path, nsid, io_size, digests):
    data = random_file(tmp_path / "in", 2 * MIB if io_size == "512" else 9 * MIB)
    where = [*host.target, NQN, "-i", nsid, "--offset", "1M", "--io-size", io_size, *digests]
    reply = host.json("write", *where, "--data", data)
    assert reply["bytes"] == data.stat().st_size and reply["nsid"] == nsid
    host("read", *where, "--length", data.stat().st_size, "--data", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == data.read_bytes()


def test_one_command_at_a_time(host, tmp_path):
    data = random_file(tmp_path / "in", MIB)
    host("write", *host.target, NQN, "-d", data, "--queue-depth", 1, "--fua")
    host("read", *host.target, NQN, "-d", "out", "-l", "1M", "--queue-depth", 1)
    assert (tmp_path / "out").read_bytes() == data.read_bytes()


def test_standard_input_and_output(host):
    text = "weft\n" * 1024
    host("write", *host.target, NQN, stdin=text)
    assert host("read", *host.target, NQN, "--length", "5K").out == text


def test_whole_namespace(host, tmp_path):
    host("read", *host.target, NQN, "-d", "out")
    assert (tmp_path / "out").stat().st_size == 32 * MIB
    host("write", *host.target, NQN, "-d", "out", "--offset", 0)
    assert "limit it with --length" in \
        host("write", *host.target, NQN, "-d", "out", "--offset", "1M", code=FAILED).err


@pytest.mark.parametrize("options", [
    (), ("--read", "0"), ("-p", "seq", "-r", "30", "-b", "128K"), ("--no-sq-flow", "-G"),
    ("-c", "3", "--threads", "2", "-r", "50", "--verify"), ("-Q", "1", "--poll"),
    ("-b", "1M", "-r", "50", "--verify", "-g", "-G", "-Q", "2", "--length", "2M"),
], ids=" ".join)
def test_perf(host, options):
    for seconds in (0.4, 4, 20):    # a loaded machine may do nothing at all for a while
        reply = host.json("perf", *host.target, NQN, "-i", 2, "-t", seconds, "--ramp", 0.1,
                          *options)
        if reply["verified_reads"] or (reply["total"]["ios"] and "--verify" not in options):
            break
    total, latency = reply["total"], reply["total"]["latency_us"]
    assert total["ios"] == reply["read"]["ios"] + reply["write"]["ios"] > 0
    assert total["bytes"] == total["ios"] * reply["settings"]["block_size"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p99.9"] <= latency["max"]
    assert (reply["verified_reads"] > 0) == ("--verify" in options)
    assert reply["host_cpu"]["us_per_io"] >= 0


def test_perf_in_words(host):
    text = host("perf", *host.target, NQN, "-t", 0.2, "--ramp", 0).out
    assert text.startswith("4 KiB, random, 100 % reads, 1 connection of depth 32, 0.2 s\nread ")


@pytest.mark.parametrize("words, message", [
    (["identify", weftconf.nqn("none")], "no such subsystem here"),
    (["identify", PRIVATE], "may not connect"),
    (["identify", NQN, "-i", "3"], "namespace 3 is not in"),
    (["read", NQN, "--offset", "33M", "-d", "out"], "do not fit"),
    (["read", NQN, "--length", "1000", "-d", "out"], "block size, 512"),
    (["read", NQN, "-d", "/nowhere/out"], "cannot open /nowhere/out"),
    (["write", NQN, "-d", "missing"], "cannot open missing: No such file"),
    (["perf", NQN, "-b", "1000"], "block size 512"),
    (["perf", NQN, "-b", "64M"], "more than the controller takes"),
    (["perf", NQN, "-i", "7", "-r", "0"], "Namespace is Write Protected"),
])
def test_refused(host, words, message):
    result = host(*words, *host.target, code=FAILED)
    assert message in result.err and result.err.startswith(f"weft {words[0]}: ")
    assert message in host.json(*words, *host.target, code=FAILED)["error"]["text"]


@pytest.mark.parametrize("words, message", [
    (["identify"], "which subsystem?"),
    (["discover", "192.0.2.1", NQN, "more"], "no more such as more"),
    (["discover", "--trsvcid", "70000"], "from 1 to 65535"),
    (["identify", NQN, "--hostnqn", "a b"], "white space"),
    (["identify", NQN, "--hostid", "12"], "must be a UUID"),
    (["perf", NQN, "--pattern", "zigzag"], "rand or seq"),
    (["perf", NQN, "--read", "101"], "from 0 to 100"),
    (["perf", NQN, "--time", "0"], "more than 0"),
    (["perf", NQN, "--queue-depth"], "needs a value"),
    (["read", NQN, "--fua", "-d", "out"], "wrong option --fua"),
    (["read", NQN, "--json"], "cannot both go to standard output"),
])
def test_usage(alone, words, message):
    result = alone(*words, code=USAGE)
    assert message in result.err and f"try: weft {words[0]} --help" in result.err


def test_input_that_ends_within_a_block(host):
    assert "which is not a multiple" in \
        host("write", *host.target, NQN, stdin="x" * 700, code=FAILED).err


def test_nobody_listens(alone):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert "connection refused" in alone("discover", "-s", port, code=FAILED).err


def test_not_an_nvme_target(alone):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        error = alone("discover", "127.0.0.1", "-s", port, "--timeout", 1, code=FAILED).err
    assert "no ICResp" in error


def test_help_names_no_option_twice(alone):
    for command in ("discover", "identify", "read", "write", "perf"):
        names = [line.split()[0] for line in alone(command, "--help").out.splitlines()
                 if line.startswith("  -") or line.startswith("      --")]
        assert len(names) == len(set(names)) > 5
