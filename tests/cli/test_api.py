# SPDX-License-Identifier: BSD-3-Clause
"""The API itself: its statuses, and what weft(1) never sends."""

import contextlib
import os
import select
import socket
import time

import pytest

import nvmetcp
import weftconf
from api import Connection
from nvmetcp import wait_until
from weftd import SANITIZED

pytestmark = pytest.mark.races

NQN = weftconf.nqn("one")
@pytest.fixture
def api(weft):
    connection = Connection(weft.socket_path)
    yield connection
    connection.close()


def refused(answer, status, code, says=""):
    assert answer[0] == status, answer
    assert set(answer[1]) == {"error"} and set(answer[1]["error"]) == {"code", "text"}
    assert answer[1]["error"]["code"] == code and says in answer[1]["error"]["text"], answer


def test_one_connection_carries_many_requests(api):
    for _ in range(20):
        status, body, headers = api.ask("GET", "/v1/status")
        assert status == 200 and body["version"] and headers["Content-Type"] == "application/json"


def test_wrong_methods(api):
    paths = api.ask("GET", "/v1/openapi.json")[1]["paths"]
    assert "PUT" in (method.upper() for method in paths["/v1/config"])
    for path, operations in paths.items():
        methods = [method.upper() for method in operations]
        for method in {"GET", "PUT", "POST", "DELETE", "PATCH"} - set(methods):
            answer = api.ask(method, path)
            refused(answer, 405, "no-such-method", path)
            assert answer[2]["Allow"].split(", ") == methods


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v2/status", "/v1/statuses", "//v1/status"])
def test_wrong_paths(api, path):
    refused(api.ask("GET", path), 404, "not-found")


@pytest.mark.parametrize("body, says", [
    ("", 'field "path" is missing'),
    ("{", "not JSON: line 1"),
    ("[]", "must be a JSON object"),
    ({"path": 5}, 'field "path" is a number; it must be a string'),
    ({"path": ""}, 'field "path" is empty'),
    ({"path": "relative"}, "must be an absolute path"),
    ({"path": "/a", "hosts": "nqn"}, 'field "hosts" is a string'),
    ({"path": "/a", "hosts": [1]}, 'field "hosts": element 0 is a number'),
    ({"path": "/a", "read_only": 1}, 'field "read_only" is a number; it must be true or false'),
    ({"path": "/a", "size": -1}, 'field "size"'),
    ({"path": "/a", "size": "1X"}, 'field "size" is "1X"'),
    ({"path": "/a", "size": 1.5}, 'field "size"'),
    ({"path": "/a", "block_size": "512"}, 'field "block_size" is a string'),
    ({"path": "/a", "block_size": 1 << 40}, 'field "block_size" is "1099511627776"'),
    ({"path": "/a", "uuid": "0" * 32}, 'field "uuid"'),
    ({"path": "/a", "options": []}, 'field "options" is an array'),
    ({"path": "/a", "options": {"x": None}}, 'field "options.x" is null'),
    ({"path": "/a", "colour": "red"}, 'unknown field "colour"; known are: path'),
    ('{"path": "/a", "path": "/b"}', "not JSON"),
    (b'{"path": "/\xff"}', "not JSON"),
    ('{"path": "/a\\u0000b"}', "not JSON"),
])
def test_wrong_exports(api, body, says):
    refused(api.ask("POST", "/v1/exports", body), 400, "invalid", says)


def test_export_is_created_and_deleted(api, disk):
    status, body, _ = api.ask("POST", "/v1/exports", {"path": str(disk), "nqn": NQN})
    assert status == 201 and body["nsid"] == 1
    status, body, _ = api.ask("DELETE", f"/v1/exports?nqn={NQN.replace(':', '%3A')}&nsid=1")
    assert status == 200 and body["removed"][0]["path"] == str(disk)


def test_a_missing_file_is_not_found(api):
    refused(api.ask("POST", "/v1/exports", {"path": "/no/such"}), 404, "not-found", "/no/such")


@pytest.mark.parametrize("query, says", [
    ("", "either ?nqn="), ("?nqn=a&path=/b", "either ?nqn="), ("?nsid=1&path=/b", '"nsid" needs'),
    ("?nqn=a&nsid=0", "1..65536"), ("?nqn=a&nsid=x", '"nsid" is "x"'),
    ("?nqn=a&nsid=65537", "1..65536"),
    ("?nqm=a", 'unknown argument "nqm"'),
])
def test_wrong_unexports(api, query, says):
    refused(api.ask("DELETE", "/v1/exports" + query), 400, "invalid", says)


def test_config_comes_back_as_it_was_put(api):
    config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1)])])
    status, body, _ = api.ask("PUT", "/v1/config", config)
    assert (status, body["subsystems"], body["unsaved"]) == (200, 1, True)
    _, first, _ = api.ask("GET", "/v1/config")
    assert api.ask("PUT", "/v1/config", first)[0] == 200
    assert api.ask("GET", "/v1/config")[1] == first
    assert first["subsystems"][0]["namespaces"][0]["weft"]["size"] == "64M"


@pytest.mark.parametrize("body", [
    "", "x", "[]", "5", {"subsystems": 5}, {"subsystems": [{}]},
    {"subsystems": [{"nqn": NQN}, {"nqn": NQN}]},
    {"ports": [{"portid": 1, "addr": {"traddr": "127.0.0.1"}, "subsystems": [NQN]}]},
    {"subsystems": [{"nqn": NQN, "namespaces": [{"nsid": 1, "weft": {"backend": "floppy"}}]}]},
])
def test_wrong_configs(api, body):
    before = api.ask("GET", "/v1/tree")
    answer = api.ask("PUT", "/v1/config?name=mine", body)
    assert answer[0] in (400, 404), answer
    assert answer[1]["error"]["text"]
    assert api.ask("GET", "/v1/tree")[1] == before[1]


def test_bodies_are_limited(api):
    refused(api.ask("PUT", "/v1/config", " " * ((8 << 20) + 1)), 413, "too-large")


def test_what_is_not_http_costs_one_connection(weft, api):
    for junk in (b"\0" * 64, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000,
                 b"PUT /v1/config HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                 b"GET /v1/status HTTP/1.1\r\n" + b"x: y\r\n" * 20000):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(weft.socket_path))
            sock.settimeout(1)  # what is incomplete is only ended by the daemon's own deadline
            try:
                sock.sendall(junk)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                pass
    assert api.ask("GET", "/v1/status")[0] == 200
    weft.daemon.check()


def test_slow_and_broken_clients_hold_nobody_up(weft, api):
    idle = []
    for _ in range(10):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(weft.socket_path))
        sock.sendall(b"PUT /v1/config HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        idle.append(sock)
    assert api.ask("GET", "/v1/status")[0] == 200
    for sock in idle:
        sock.close()
    assert api.ask("GET", "/v1/status")[0] == 200


def test_more_clients_than_are_served_at_once_wait_their_turn(weft, api):
    idle = []
    for _ in range(67):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(weft.socket_path))
        idle.append(sock)
    before = weft.daemon.cpu_seconds()
    with pytest.raises(TimeoutError):
        api.timeout = 1
        api.ask("GET", "/v1/status")
    assert weft.daemon.cpu_seconds() - before < 0.2
    api.close()
    for sock in idle[:10]:
        sock.close()
    api.timeout = 10  # less than idle connections are kept
    assert api.ask("GET", "/v1/status")[0] == 200
    for sock in idle:
        sock.close()


@pytest.mark.timed
def test_the_daemon_sleeps_while_nobody_asks(weft, api):
    api.ask("GET", "/v1/status")  # leaves an idle connection
    started, before = time.monotonic(), weft.daemon.wakeups()
    with pytest.raises(TimeoutError):
        api.sock.settimeout(2)
        api.sock.recv(1)
    a_second = 30 if SANITIZED else 10  # ThreadSanitizer has a thread of its own
    assert weft.daemon.wakeups() - before < a_second * (time.monotonic() - started)


def test_a_second_daemon_is_refused_the_socket(weft, start):
    from weftd import Weftd
    other = Weftd({"ports": []}, args=["--socket", str(weft.socket_path)])
    try:
        other.spawn()
        assert other.wait_exit() == 1
        assert f"another weftd serves {weft.socket_path}" in other.stderr
    finally:
        other.remove()
    weft("status")


def test_a_socket_left_by_a_crash_is_replaced(weft):
    weft.daemon.kill()
    assert weft.socket_path.exists()
    weft.daemon.start()
    weft.wait()


def test_hosts_are_served_while_the_api_is_busy(weft, api):
    weft("export", "--backend", "memory", "--size", "16M", "--nqn", NQN)
    with nvmetcp.connect_admin(weft.daemon.address, NQN) as ctrl:
        queue = ctrl.connect_io()
        for _ in range(50):
            assert api.ask("GET", "/v1/tree")[0] == 200
            assert queue.read(0, 8, nsid=1) == bytes(4096)


def test_sentences_that_are_cut_stay_json(api, tmp_path):
    """A path of many characters that take several bytes each: sentences end within one of them."""
    for filler in ("", "x", "xx"):
        euros = "\u20ac" * 80
        path = f"{tmp_path}/{filler}{euros}/{euros}"
        refused(api.ask("POST", "/v1/exports", {"path": path}), 404, "not-found")
        config = weftconf.config([weftconf.subsystem("one", [weftconf.namespace(1, path=path)])])
        assert api.ask("PUT", "/v1/config", config)[0] == 200
        state = api.ask("GET", "/v1/tree")[1]["subsystems"][0]["namespaces"][0]["state"]
        assert state["status"] == "failed" and state["reason"]
        assert len(api.ask("GET", "/v1/status")[1]["problems"]) == 1


def test_one_subsystem(api):
    for name in ("one", "two"):
        api.ask("POST", "/v1/exports", {"backend": "memory", "size": "1M",
                                        "nqn": weftconf.nqn(name)})
    tree = api.ask("GET", "/v1/tree")[1]["subsystems"]
    for subsystem in tree:
        nqn = subsystem["nqn"]
        for path in (nqn, nqn.replace(":", "%3A"), nqn.replace("q", "%71")):
            status, body, _ = api.ask("GET", "/v1/subsystems/" + path)
            assert status == 200 and body == subsystem
    refused(api.ask("GET", "/v1/subsystems/nqn.x"), 404, "not-found", "there is no subsystem nqn.x")
    for path in ("", "/", "/a/b", "/a%00b"):
        refused(api.ask("GET", "/v1/subsystems" + path), 404, "not-found", "there is nothing at")
    # a slash within a parameter is not one of the path
    refused(api.ask("GET", "/v1/subsystems/a%2Fb"), 404, "not-found", "there is no subsystem a/b")


@pytest.mark.parametrize("query, says", [
    ("?name=a&name=b", '"name" is given twice'), ("?name=%00", '"name" holds %00'),
    ("?n%61me=%", None), ("?name", None), ("?name=a%2", None),
])
def test_arguments(api, query, says):
    answer = api.ask("PUT", "/v1/config" + query, "{}")
    if says:
        refused(answer, 400, "invalid", says)
    else:
        assert answer[0] == 200, answer


def test_the_log_says_who_asked(weft, api):
    api.ask("GET", "/v1/status")
    api.ask("DELETE", "/v1/config")
    line, = [line for line in weft.daemon.stderr.splitlines() if "asked by" in line]
    assert "API: DELETE /v1/config, asked by " in line
    assert f"uid {os.getuid()}, process {os.getpid()}" in line


SESSIONS = 700      # more than a socket's buffer has room for


def test_a_slow_reader_holds_nobody_up(weft, api):
    """The sessions come in pieces, each made when it is asked for."""
    weft("export", "--backend", "memory", "--size", "1M", "--nqn", NQN)
    with contextlib.ExitStack() as hosts:
        controllers = [hosts.enter_context(nvmetcp.connect_admin(weft.daemon.address, NQN))
                       for _ in range(SESSIONS)]
        slow, leaves = Connection(weft.socket_path), Connection(weft.socket_path)
        for connection in (slow, leaves):
            connection.send_request("GET", "/v1/sessions")
        select.select([slow], [], [])
        assert api.ask("GET", "/v1/status")[1]["sessions"] == SESSIONS
        leaves.close()
        controllers[-1].close()     # before its piece is made
        wait_until(lambda: api.ask("GET", "/v1/status")[1]["sessions"] == SESSIONS - 1)
        status, body, headers = slow.answer()
        assert status == 200 and headers["Transfer-Encoding"] == "chunked"
        ids = {session["cntlid"] for session in body["sessions"]}
        assert len(ids) == len(body["sessions"]) == SESSIONS - 1
        slow.close()
    assert api.ask("GET", "/v1/status")[0] == 200


def test_an_export_sets_every_attribute_of_its_namespace(api, document_of_exports):
    """Each member that the schema takes from the rows ends where the configuration has it."""
    wanted = {"ana_grpid": 7, "uuid": "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
              "nguid": "0123456789abcdef0123456789abcdef", "eui64": "0123456789abcdef",
              "backend": "memory", "block_size": 4096, "read_only": True}
    own = {"path", "nqn", "hosts", "size", "options"}
    assert set(document_of_exports) - own == set(wanted)
    status, reply, _ = api.ask("POST", "/v1/exports", {"size": "1M", **wanted})
    assert status == 201, reply
    ns, = api.ask("GET", "/v1/config")[1]["subsystems"][0]["namespaces"]
    found = {**ns, **ns["device"], **ns["weft"]}
    assert all(str(found[name]).replace("-", "") == str(value).replace("-", "")
               for name, value in wanted.items()), found


@pytest.fixture
def document_of_exports(api):
    return api.ask("GET", "/v1/openapi.json")[1]["components"]["schemas"]["Export"]["properties"]
