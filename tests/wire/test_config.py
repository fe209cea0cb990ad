# SPDX-License-Identifier: BSD-3-Clause
"""Configuration files: wrong ones are refused with file and line, missing devices are not fatal."""

import json
import os
import re

import pytest

import weftconf
from nvmetcp import connect_admin, status, wait_until
from nvmetcp.decode import nsid_list
from weftconf import nqn
from weftd import Weftd


def good():
    return weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])])


def broken(change):
    """Text with one entry per line, and the line that `change` made wrong (it returns a string
    that stands on that line alone)."""
    config = good()
    marker = change(config)
    text = json.dumps(config, indent=2)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if marker in line]
    return text, lines


def set_attr(name, value):
    def change(config):
        config["subsystems"][0]["attr"][name] = value
        return f'"{name}"'
    return change


def set_addr(name, value):
    def change(config):
        config["ports"][0]["addr"][name] = value
        return f'"{name}"'
    return change


def link_nobody(config):
    config["ports"][0]["subsystems"].append(nqn("nobody"))
    return "nobody"


def same_nsid(config):
    config["subsystems"][0]["namespaces"].append(weftconf.namespace(1, identity="again"))
    return '"nsid"'


def wrong_nsid(config):
    config["subsystems"][0]["namespaces"][0]["nsid"] = 0
    return '"nsid"'


def unknown_backend(config):
    config["subsystems"][0]["namespaces"][0]["weft"]["backend"] = "floppy"
    return '"backend"'


def unknown_option(config):
    config["subsystems"][0]["namespaces"][0]["weft"]["colour"] = "red"
    return '"colour"'


WRONG = {
    "version": (set_attr("version", "two"), "version"),
    "serial": (set_attr("serial", "x" * 21), "serial"),
    "cntlid": (set_attr("cntlid_min", "65530"), "cntlid"),
    "trsvcid": (set_addr("trsvcid", "70000"), "70000"),
    "traddr": (set_addr("traddr", "300.0.0.1"), "300.0.0.1"),
    "trtype": (set_addr("trtype", "rdma"), "rdma"),
    "link": (link_nobody, "nobody"),
    "nsid twice": (same_nsid, "nsid"),
    "nsid 0": (wrong_nsid, "nsid"),
    "backend": (unknown_backend, "floppy"),
    "option": (unknown_option, "colour"),
}


def assert_says(stderr, daemon, lines, word):
    """One message names the file, the line (or one of those it may mean) and what is wrong."""
    place = re.escape(str(daemon.config_path)) + r":(\d+)"
    hits = [line for line in stderr.splitlines() if re.search(place, line)]
    assert hits, f"no message names {daemon.config_path} and a line:\n{stderr}"
    assert any(word in line for line in hits), f"no message says {word!r}:\n{stderr}"
    numbers = {int(re.search(place, line).group(1)) for line in hits}
    # the object that holds the value, or the value itself
    assert any(min(lines) - 12 <= number <= max(lines) for number in numbers), \
        f"lines {numbers}, not {lines}"


@pytest.mark.parametrize("name", WRONG)
def test_wrong_file_at_start(name):
    change, word = WRONG[name]
    text, lines = broken(change)
    daemon = Weftd(text)
    try:
        daemon.spawn()
        assert daemon.wait_exit() != 0, "it runs with a wrong configuration"
        daemon.check_findings()
        assert_says(daemon.stderr, daemon, lines, word)
    finally:
        daemon.remove()


@pytest.mark.parametrize("name", WRONG)
def test_wrong_file_upon_sighup(running, name):
    """It is refused, and what runs stays."""
    daemon, ctrl, io = running
    change, word = WRONG[name]
    text, lines = broken(change)
    seen = len(daemon.stderr)
    good_config = daemon.config
    daemon.reload(text)
    wait_until(lambda: str(daemon.config_path) in daemon.stderr[seen:], what="a message")
    assert_says(daemon.stderr[seen:], daemon, lines, word)
    daemon.config = good_config
    io.flush()
    ctrl.keep_alive()
    with connect_admin(daemon.address, nqn("one")) as another:
        another.identify(1)


@pytest.fixture(scope="module")
def running():
    with Weftd(good()) as daemon:
        with connect_admin(daemon.address, nqn("one")) as ctrl:
            yield daemon, ctrl, ctrl.connect_io()


@pytest.mark.parametrize("text,line", [
    ("{", 1), ("", 1), ("[]", 1), ('{\n "ports": [\n  {,}\n ]\n}', 3),
    ('{\n "subsystems": "none"\n}', 2),
])
def test_syntax_errors_name_the_line(text, line):
    daemon = Weftd(text)
    try:
        daemon.spawn()
        assert daemon.wait_exit() != 0
        assert f"{daemon.config_path}:{line}" in daemon.stderr
    finally:
        daemon.remove()


def test_file_that_is_not_there():
    daemon = Weftd(good())
    try:
        daemon.config_path.unlink()
        daemon.spawn()
        assert daemon.wait_exit() != 0
        assert str(daemon.config_path) in daemon.stderr
    finally:
        daemon.remove()


# devices that are not there

def test_missing_device_is_reported_and_the_rest_served(weftd, tmp_path):
    path = tmp_path / "later.img"
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1),
                                                         weftconf.namespace(2, path=path)])])
    daemon = weftd(config)
    wait_until(lambda: str(path) in daemon.stderr, what="a message about the device")
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        assert nsid_list(ctrl.identify(2)) == [1]
        io = ctrl.connect_io()
        io.flush(nsid=1)
        io.flush(nsid=2, expect=(status.INVALID_NAMESPACE, status.NAMESPACE_NOT_READY))


def test_device_comes_up_by_itself(weftd, tmp_path):
    path = tmp_path / "later.img"
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1),
                                                         weftconf.namespace(2, path=path)])])
    daemon = weftd(config)
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        ctrl.set_feature(0x0B, 1 << 8)
        event = ctrl.aer()
        staged = tmp_path / "staged.img"
        staged.write_bytes(b"\x33" * (1 << 20))
        os.rename(staged, path)
        assert ctrl.wait_event(event) == (2, 0x00, 0x04)
        assert nsid_list(ctrl.identify(2)) == [1, 2]
        io = ctrl.connect_io()
        assert io.read(0, 8, nsid=2) == b"\x33" * 4096


def test_nvmetcli_sample_shape_with_missing_device(weftd):
    """A file as nvmetcli saves it, all strings, and nothing of weft's own in it."""
    config = good()
    sub = config["subsystems"][0]
    sub["attr"] = {"allow_any_host": "1", "cntlid_max": "65519", "cntlid_min": "1",
                   "model": "Linux", "pi_enable": "0", "serial": "123456789abcdef",
                   "version": "1.3"}
    sub["namespaces"] = [{"ana_grpid": 1, "enable": 1, "nsid": 1, "device": {
        "nguid": "00000000-0000-0000-0000-000000000000", "path": "/nonexistent/loop0",
        "uuid": "93ae5077-1696-4602-8b55-4c8e43a29826"}}]
    config["ports"][0]["ana_groups"] = [{"ana": {"state": "optimized"}, "grpid": 1}]
    config["ports"][0]["param"] = {"inline_data_size": "16384", "pi_enable": "0"}
    daemon = weftd(config)
    with connect_admin(daemon.address, nqn("one")) as ctrl:
        data = ctrl.identify(1)
        assert data[4:24] == b"123456789abcdef".ljust(20)
        assert data[24:64] == b"Linux".ljust(40)
        assert nsid_list(ctrl.identify(2)) == []
