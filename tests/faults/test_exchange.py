# SPDX-License-Identifier: BSD-3-Clause
"""Requests that are answered later, beside a device that takes its time to open.

Nothing here is timed: while one request waits, others are counted, or their order is looked at.
A change waits for a device for a second, and a request that only looks has that long.
"""

import contextlib
import select
import signal

import pytest

import weftconf
from api import Connection
from fault import Fault, faulty
from frozen import Frozen
from nvmetcp import wait_until
from weftconf import nqn

pytestmark = pytest.mark.races

A, B = nqn("a"), nqn("b")


@pytest.fixture
def running(rig):
    return rig([weftconf.namespace(2)])


@pytest.fixture
def client(running):
    """client(): one more connection to the API."""
    with contextlib.ExitStack() as stack:
        def connect():
            connection = Connection(running.daemon.socket_path)
            stack.callback(connection.close)
            connection.connect()
            return connection
        yield connect


def export(name, **more):
    return {"backend": "memory", "size": "1M", "nqn": name, **more}


def slow_export(folder, name=A):
    """One whose device hangs in opening until it is let go."""
    return {"backend": "fault", "nqn": name,
            "options": {"child.backend": "memory", "child.size": "1M",
                        "rules": "hang open times 1", "control": str(folder / "slow.sock")}}


def ready(*connections):
    """Those of which the answer has begun to arrive."""
    return select.select(connections, [], [], 0)[0]


def looks_while_waiting(client, *waiting):
    """How often the status can be read until one of those is answered."""
    other, looks = client(), 0
    while not ready(*waiting):
        assert other.ask("GET", "/v1/status")[0] == 200
        looks += 1
    return looks


@contextlib.contextmanager
def opening(folder, client, name=A):
    """A client whose export waits for its device, and the strings of that device."""
    slow = client()
    slow.send_request("POST", "/v1/exports", slow_export(folder, name))
    wait_until((folder / "slow.sock").exists, what="its control socket")
    fault = Fault(folder / "slow.sock")
    try:
        fault("wait 1")
        yield slow, fault
        with contextlib.suppress(OSError):
            fault.ask("clear")
            fault.ask("release")
    finally:
        fault.close()


def test_a_slow_open_delays_no_one_who_looks(folder, client):
    with opening(folder, client) as (slow, _fault):
        assert looks_while_waiting(client, slow) > 0
        status, reply, _ = slow.answer()
        assert (status, reply["status"]) == (201, "opening")


def test_a_dead_server_delays_no_one(folder, client):
    """Not even whoever changes something: the file is looked at before the change has its turn."""
    try:
        dead = Frozen(folder / "a")
    except OSError as error:
        pytest.skip(f"no FUSE here: {error}")
    with contextlib.closing(dead):
        dead.freeze()
        slow, other = client(), client()
        slow.send_request("POST", "/v1/exports", {"path": str(dead.path), "nqn": A})
        looks = 0
        while not ready(slow):
            assert other.ask("POST", "/v1/exports", export(B))[0] == 201
            looks += 1
        assert looks > 0
        status, reply, _ = slow.answer()
        assert status == 500 and "has not answered" in reply["error"]["text"]
        dead.thaw()


def test_changes_are_made_in_their_order(folder, client):
    with opening(folder, client) as (first, fault):
        second, third, fourth = client(), client(), client()
        second.send_request("POST", "/v1/exports", export(A))
        select.select([], [], [], 0.05)     # so that it comes before the next
        third.send_request("DELETE", f"/v1/exports?nqn={A}&nsid=2")
        select.select([], [], [], 0.05)
        fourth.send_request("POST", "/v1/config/save")
        fault("clear")
        fault("release")
        answers = [connection.answer() for connection in (first, second, third, fourth)]
        assert [status for status, _, _ in answers] == [201, 201, 200, 200]
        assert [reply["nsid"] for _, reply, _ in answers[:2]] == [1, 2]
        assert answers[2][1]["removed"][0]["nsid"] == 2
        assert answers[3][1]["unsaved"] is False
    subsystems = client().ask("GET", "/v1/config")[1]["subsystems"]
    assert [[ns["nsid"] for ns in subsystem["namespaces"]] for subsystem in subsystems
            if subsystem["nqn"] == A] == [[1]]


def test_one_that_waits_for_its_turn_is_not_answered_before(folder, client):
    with opening(folder, client) as (first, _fault):
        second = client()
        second.send_request("POST", "/v1/exports", export(B))
        while not ready(first, second):
            select.select([first, second], [], [])
        assert first in ready(first, second)
        assert first.answer()[0] == second.answer()[0] == 201


@pytest.mark.parametrize("who", ["first", "second", "both"])
def test_a_client_that_goes_away(running, folder, client, who):
    """What it asked for is done."""
    with opening(folder, client) as (first, fault):
        second = client()
        second.send_request("POST", "/v1/exports", export(B))
        # it has been read: the log does not say so while it waits, but others are served after it
        assert client().ask("GET", "/v1/status")[0] == 200
        for connection in {"first": [first], "second": [second], "both": [first, second]}[who]:
            connection.close()
        fault("clear")
        fault("release")
        if who == "first":
            assert second.answer()[0] == 201
        if who == "second":
            assert first.answer()[0] == 201
        wait_until(lambda: {A, B} <= {subsystem["nqn"] for subsystem in
                                      client().ask("GET", "/v1/config")[1]["subsystems"]})
    running.daemon.check()


def test_an_export_that_fails_is_taken_back_in_its_turn(folder, client):
    """The file was made for it, and goes; what comes after it finds nothing of it."""
    path = folder / "new.img"
    with opening(folder, client, B) as (first, fault):
        second, third = client(), client()
        second.send_request("POST", "/v1/exports", {"path": str(path), "size": "1M", "nqn": A,
                                                    "options": {"colour": "red"}})
        third.send_request("POST", "/v1/exports", export(B))
        fault("clear")
        fault("release")
        assert first.answer()[0] == 201
        status, reply, _ = second.answer()
        assert status == 400 and "colour" in reply["error"]["text"]
        assert third.answer()[0] == 201
    assert not path.exists()
    assert A not in {subsystem["nqn"] for subsystem in
                     client().ask("GET", "/v1/config")[1]["subsystems"]}


def test_an_export_whose_device_fails_late(folder, client):
    with opening(folder, client) as (first, fault):
        fault("clear")
        fault("fail open EIO")
        fault("release EIO")
        status, reply, _ = first.answer()
        if status == 409:   # else it took more than a second to fail
            assert "cannot export it" in reply["error"]["text"]
            assert A not in {subsystem["nqn"] for subsystem in
                             client().ask("GET", "/v1/config")[1]["subsystems"]}
        else:
            assert reply["status"] == "opening"


def test_only_so_many_wait(folder, client):
    """Who looks finds a connection free, however many wait."""
    with opening(folder, client) as (_first, fault):
        more = []
        for _ in range(52):
            more.append(client())
            more[-1].send_request("POST", "/v1/exports", export(B))
        other = client()
        assert other.ask("GET", "/v1/status")[0] == 200
        fault("clear")
        fault("release")
        statuses = [connection.answer()[0] for connection in more]
        assert set(statuses) <= {201, 503} and statuses.count(201) >= 47


def test_sigterm_answers_who_waits(running, folder, client):
    with opening(folder, client) as (first, fault):
        second = client()
        second.send_request("POST", "/v1/exports", export(B))
        assert client().ask("GET", "/v1/status")[0] == 200
        running.daemon.process.send_signal(signal.SIGTERM)
        for connection in (first, second):
            status, reply, _ = connection.answer()
            assert status == 201 or (status, reply["error"]["code"]) == (503, "stopping")
        with contextlib.suppress(OSError):
            fault.ask("release")
        assert running.daemon.process.wait(30) == 0


def test_sighup_takes_its_turn(running, folder, client):
    """The file's configuration runs after the change that was asked for before."""
    with opening(folder, client) as (first, fault):
        running.daemon.reload(running.daemon.config)
        fault("clear")
        fault("release")
        assert first.answer()[0] == 201
        wait_until(lambda: "was loaded again" in running.daemon.stderr)
    assert {subsystem["nqn"] for subsystem in
            client().ask("GET", "/v1/config")[1]["subsystems"]} == {nqn("one")}


def test_the_start_answers_while_devices_open(rig, folder):
    """Hosts cannot connect before, and the API says why."""
    from weftd import Weftd
    config = weftconf.config([weftconf.subsystem("one", [
        faulty(1, folder / "1.sock", rules="hang open times 1"), weftconf.namespace(2)])])
    daemon = Weftd(config)
    try:
        daemon.spawn()
        wait_until((folder / "1.sock").exists, what="its control socket")
        with contextlib.closing(Fault(folder / "1.sock")) as fault:
            fault("wait 1")
            status, reply, _ = Connection(daemon.socket_path).ask("GET", "/v1/status")
            assert status == 200 and reply["namespaces"]["opening"] >= 1
            fault("clear")
            fault("release")
        wait_until(lambda: daemon.accepts(daemon.address), what="its listener")
        states = [subsystem["namespaces"][0]["state"]["status"] for subsystem in
                  Connection(daemon.socket_path).ask("GET", "/v1/tree")[1]["subsystems"]]
        assert states == ["ready"]
        daemon.stop()
    finally:
        daemon.remove()


def test_sigterm_during_the_start(folder):
    from weftd import Weftd
    config = weftconf.config([weftconf.subsystem("one", [
        faulty(1, folder / "1.sock", rules="delay open 500")])])
    daemon = Weftd(config)
    try:
        daemon.spawn()
        wait_until((folder / "1.sock").exists, what="its control socket")
        daemon.process.terminate()
        assert daemon.process.wait(30) == 0
        assert "serves with" not in daemon.stderr
    finally:
        daemon.remove()
