# SPDX-License-Identifier: BSD-3-Clause
"""Crashes: kill -9 of the daemon, and loss of power under it.

WEFT_CRASH_ROUNDS says how often (20); `make crash` does it some hundred times.
"""

import contextlib
import http.client
import json
import os
import random
import socket
import subprocess
import threading
import time

import pytest

import nvmetcp
import weftconf
from crashlib import Ledger, stamp
from faultlib import disk, faulty, site
from nvmetcp import wait_until
from weftconf import nqn
from weftd import WEFTD, Weftd

pytestmark = pytest.mark.shipped

ROUNDS = int(os.environ.get("WEFT_CRASH_ROUNDS", "20"))
SEED = int(os.environ.get("WEFT_CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))


@contextlib.contextmanager
def stopped_by_hand(config, **options):
    """A daemon that the test starts and kills."""
    daemon = Weftd(config, **options)
    try:
        yield daemon
    finally:
        daemon.remove()


def kill_later(daemon, seconds):
    timer = threading.Timer(seconds, daemon.process.kill)
    timer.start()
    return timer


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "page cache"])
def test_kill(folder, direct):
    """After kill -9 every answered write is there, and no block is torn."""
    print(f"WEFT_CRASH_SEED={SEED}")
    ledger = Ledger(SEED)
    path = disk(folder)
    with stopped_by_hand(site(weftconf.namespace(1, path=path, direct=direct))) as daemon:
        for _ in range((ROUNDS + 1) // 2):
            daemon.start()
            with nvmetcp.connect_admin(daemon.address, nqn("one")) as ctrl:
                io = ctrl.connect_io()
                ledger.check(io)
                timer = kill_later(daemon, ledger.random.uniform(0.005, 0.12))
                ledger.run(io)
                timer.join()
            daemon.check_findings()
            daemon.crash()
        daemon.start()
        with nvmetcp.connect_admin(daemon.address, nqn("one")) as ctrl:
            ledger.check(ctrl.connect_io())
        daemon.stop()
    assert ledger.writes > ROUNDS and ledger.flushes
    print(f"{ledger.checked} crashes survived, {ledger.writes} writes, {ledger.flushes} flushes")


def test_power_loss(rig, folder):
    """What a flush made durable survives the loss of power, whatever the disk did between flushes:
    of the writes since then any subset, in any order, is there."""
    print(f"WEFT_CRASH_SEED={SEED}")
    ledger = Ledger(SEED)
    power = rig([faulty(1, folder / "1.sock", path=disk(folder), cache=True, seed=SEED or 1)])
    dirty = kept = 0
    with power.connect() as ctrl:
        io = ctrl.connect_io()
        for _ in range(ROUNDS):
            ledger.check(io, power_loss=True)
            answer = []
            timer = threading.Timer(ledger.random.uniform(0.005, 0.12),
                                    lambda: answer.append(power.fault.numbers("cut")))
            timer.start()
            ledger.run(io)
            timer.join()
            for pending in list(io.pending.values()):
                io.wait(pending, 0, 0x300, 0x280)
            dirty += answer[0]["dirty"]
            kept += answer[0]["kept"]
            power.reopen()
        ledger.check(io, power_loss=True)
    assert ledger.flushes and dirty > kept > 0
    print(f"{ROUNDS} losses of power, {ledger.writes} writes, {ledger.flushes} flushes, "
          f"{dirty} unflushed blocks of which {kept} were kept")


class Api(http.client.HTTPConnection):
    """The daemon's socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def change_and_save(socket_path, base, state, stop):
    """Change the configuration and save it, over and over. `state` holds the serial numbers of the
    subsystem: of the last save that was answered, and of the last change that was sent."""
    try:
        api = Api(socket_path)
        while not stop.is_set():
            state["sent"] += 1
            changed = weftconf.changed(base, lambda c: c["subsystems"][0]["attr"].update(
                serial=f"S{state['sent']:08}"))
            for method, path, body in (("PUT", "/v1/config", json.dumps(changed)),
                                       ("POST", "/v1/config/save", "")):
                api.request(method, path, body)
                reply = api.getresponse()
                reply.read()
                assert reply.status < 300
            state["saved"] = state["sent"]
    except (OSError, http.client.HTTPException):
        pass


def left_of(path):
    """The names of all that a daemon that replaces a file has left of it."""
    return {entry.name for entry in path.parent.iterdir() if entry.name.startswith(path.name)}


def save(socket_path):
    api = Api(socket_path)
    api.request("POST", "/v1/config/save", "")
    assert api.getresponse().status < 300


@pytest.mark.parametrize("left", ["part of a file", "link"])
def test_what_a_killed_save_left(folder, left):
    """It is replaced, whatever it is, and gone after the next save."""
    victim = folder / "victim"
    victim.write_text("untouched")
    with stopped_by_hand(site(weftconf.namespace(1, size="1M"))) as daemon:
        temporary = daemon.config_path.with_name("config.json.new")
        if left == "link":
            temporary.symlink_to(victim)
        else:
            temporary.write_text('{"subsys')
        daemon.start()
        save(daemon.socket_path)
        assert not temporary.is_symlink() and not temporary.exists()
        assert json.loads(daemon.config_path.read_text())["subsystems"]
        daemon.stop()
    assert victim.read_text() == "untouched"


def test_kill_while_it_saves(folder):
    """The configuration and the state are whole: as they were before a save, or after it."""
    base = site(*(weftconf.namespace(nsid, size="1M") for nsid in range(1, 40)))
    base["subsystems"][0]["attr"] = {"allow_any_host": "1", "serial": "S00000000"}
    chance = random.Random(SEED)
    state = {"sent": 0, "saved": 0}
    genctr = 0
    with stopped_by_hand(base) as daemon:
        for _ in range(ROUNDS):
            daemon.start()
            wait_until(daemon.socket_path.exists)
            with nvmetcp.connect_discovery(daemon.address) as ctrl:
                found = int.from_bytes(ctrl.get_log(0x70, 16)[:8], "little")
            assert found >= genctr, "the generation counter went back"
            genctr = found
            stop = threading.Event()
            writer = threading.Thread(target=change_and_save,
                                      args=(daemon.socket_path, base, state, stop))
            writer.start()
            time.sleep(chance.uniform(0.002, 0.05))
            daemon.process.kill()
            stop.set()
            writer.join()
            daemon.crash()
            done = subprocess.run([str(WEFTD), "--check", "--config", str(daemon.config_path)],
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            serial = json.loads(daemon.config_path.read_text())["subsystems"][0]["attr"]["serial"]
            assert state["saved"] <= int(serial[1:]) <= state["sent"], (serial, state)
            state["saved"] = int(serial[1:])
            for path in (daemon.config_path, daemon.state_dir / "state.json"):
                assert left_of(path) <= {path.name, f"{path.name}.new"}
        daemon.start()
        save(daemon.socket_path)
        assert left_of(daemon.config_path) == {"config.json"}
        daemon.stop()
    assert state["sent"] > ROUNDS


# the ledger itself: it notices what it is there for

def written(power, ledger):
    """Some answered writes, none of them flushed."""
    with power.connect() as ctrl:
        io = ctrl.connect_io()
        for _ in range(200):
            first, generation, data = ledger.next_write()
            io.write(first, data)
            ledger.write_answered(first, len(data) // 512, generation, True, False)


def test_ledger_notices_a_flush_that_was_none(rig, folder):
    power = rig([faulty(1, folder / "1.sock", path=disk(folder), cache=True)])
    ledger = Ledger(1)
    written(power, ledger)
    ledger.flush_answered(list(ledger.answered))    # which it was not
    power.fault("cut")
    power.reopen()
    with power.connect() as ctrl, pytest.raises(AssertionError, match="is lost"):
        ledger.check(ctrl.connect_io(), power_loss=True)


@pytest.mark.parametrize("data,word", [
    (stamp(7, 5)[:256] + stamp(7, 4)[256:], "torn"), (stamp(6, 5), "something else"),
    (stamp(7, 99), "nobody sent"), (bytes(512), "is lost"),
])
def test_ledger_notices_damage(rig, folder, data, word):
    power = rig([faulty(1, folder / "1.sock")])
    ledger = Ledger(1)
    ledger.durable[7] = ledger.answered[7] = 3
    ledger.sent[7] = {4, 5}
    with power.connect() as ctrl:
        io = ctrl.connect_io()
        io.write(7, data)
        with pytest.raises(AssertionError, match=word):
            ledger.check(io, power_loss=True)
