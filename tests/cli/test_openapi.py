# SPDX-License-Identifier: BSD-3-Clause
"""GET /v1/openapi.json: it is well-formed, and it is what the daemon does."""

import os
import pathlib
import re

import pytest

import weftconf
from api import Connection, conforms, fits
from weftcli import TOP

BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", TOP / "build"))
METHODS = {"get", "put", "post", "delete"}


@pytest.fixture
def api(weft):
    connection = Connection(weft.socket_path)
    yield connection
    connection.close()


@pytest.fixture
def document(api):
    status, body, _ = api.ask("GET", "/v1/openapi.json")
    assert status == 200
    return body


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def refs(value):
    """Every $ref below a value."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from refs(item)


def test_it_is_well_formed(document):
    """OpenAPI 3.1.0, as far as we use it."""
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] and document["info"]["version"]
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name) and isinstance(schema, dict), name
    for ref in refs(document):
        assert ref.removeprefix("#/components/schemas/") in schemas, ref
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids)) and len(ids) >= 12
    for path, method, operation in operations(document):
        assert method in METHODS and path.startswith("/v1/")
        assert operation["summary"].endswith(".")
        assert operation["x-weft-scope"] in ("look", "operate", "administer")
        assert (operation["x-weft-scope"] == "look") == (method == "get")
        assert {"default"} < set(operation["responses"])
        for response in operation["responses"].values():
            assert response["description"]
            assert isinstance(response["content"]["application/json"]["schema"], dict)
        of_path = [argument["name"] for argument in operation["parameters"]
                   if argument["in"] == "path"]
        assert of_path == re.findall(r"\{(\w+)\}", path)
        for argument in operation["parameters"]:
            assert argument["in"] in ("path", "query") and argument["description"]
            assert argument["required"] == (argument["in"] == "path")
            assert argument["schema"]["type"] in ("string", "integer", "boolean")


def test_every_example_does_what_it_says(api, document):
    """Each is made, in the document's order, and its reply is what the schema says."""
    schemas, made = document["components"]["schemas"], 0
    for path, method, operation in operations(document):
        success, = set(operation["responses"]) - {"default"}
        for example in operation["x-weft-examples"]:
            body = example.get("body")
            if body is not None:
                conforms(body, operation["requestBody"]["content"]["application/json"]["schema"],
                         schemas, f"body of {method} {path}")
            status, reply, headers = api.ask(method.upper(), example["path"], body)
            assert status == int(success), (method, example, reply)
            assert headers["Content-Type"] == "application/json"
            conforms(reply, operation["responses"][success]["content"]["application/json"]["schema"],
                     schemas, f"{method} {example['path']}")
            made += 1
    assert made >= 14


def test_what_a_session_looks_like(api, document, weft):
    """No example can make one."""
    import nvmetcp
    api.ask("POST", "/v1/exports", {"backend": "memory", "size": "1M", "nqn": weftconf.nqn("one")})
    with nvmetcp.connect_admin(weft.daemon.address, weftconf.nqn("one")):
        status, reply, _ = api.ask("GET", "/v1/sessions")
        assert status == 200 and len(reply["sessions"]) == 1
        schemas = document["components"]["schemas"]
        conforms(reply["sessions"][0], schemas["Session"], schemas)


EVERYTHING = {
    "hosts": [{"nqn": weftconf.nqn("h")}],
    "subsystems": [{"nqn": weftconf.nqn("one"), "allowed_hosts": [weftconf.nqn("h")],
                    "attr": {"serial": "S", "model": "M", "firmware": "F", "version": "1.4",
                             "qid_max": 4, "ieee_oui": "0x1b21"},
                    "namespaces": [{"nsid": 3, "enable": 1, "ana_grpid": 2,
                                    "device": {"nguid": "0123456789abcdef0123456789abcdef"},
                                    "weft": {"backend": "null", "size": "1M", "block_size": 4096,
                                             "read_only": True, "eui64": "0123456789abcdef"}}]}],
    "ports": [{"portid": 1, "addr": {"traddr": "127.0.0.1", "trsvcid": 4420},
               "param": {"inline_data_size": 8192, "mdts": 3}, "ana_groups": [{"grpid": 2}],
               "subsystems": [weftconf.nqn("one")],
               "referrals": [{"name": "r", "addr": {"traddr": "192.0.2.1", "portid": 2}}]}],
    "weft": {"discovery_nqn": weftconf.nqn("d")},
}


def test_a_configuration_is_what_its_schema_says(api, document):
    """As it is sent and as it is told, with every attribute there is."""
    schemas = document["components"]["schemas"]
    conforms(EVERYTHING, schemas["Configuration"], schemas)
    status, reply, _ = api.ask("PUT", "/v1/config", EVERYTHING)
    assert status == 200 and reply["warnings"] == []
    for path in ("/v1/config", "/v1/tree"):
        conforms(api.ask("GET", path)[1], schemas["Configuration"], schemas)
    reply = api.ask("GET", "/v1/config")[1]
    for given, want in ((reply["subsystems"][0]["namespaces"][0], "Namespace"),
                        (reply["subsystems"][0], "Subsystem"), (reply["ports"][0], "Port")):
        for group, members in schemas[want]["properties"].items():
            for name in members.get("properties", {}):
                # off by default, or of the device
                if (group, name) not in (("device", "eui64"), ("weft", "discovery")):
                    assert name in given[group], (want, group, name)


def test_refusals_are_errors(api, document):
    """Every operation refuses an argument that it does not have; none does anything then."""
    before = api.ask("GET", "/v1/config")[1]
    error = document["components"]["schemas"]["Error"]
    for path, method, operation in operations(document):
        target = path.replace("{nqn}", "x") + "?colour=red"
        status, reply, _ = api.ask(method.upper(), target, {} if "requestBody" in operation else None)
        assert status == 400 and 'unknown argument "colour"' in reply["error"]["text"], target
        conforms(reply, error, {})
    assert api.ask("GET", "/v1/config")[1] == before


def test_the_judge_judges():
    """conforms() finds what is wrong."""
    schema = {"type": "object", "required": ["a"], "additionalProperties": False,
              "properties": {"a": {"type": "integer"}, "b": {"anyOf": [{"const": "x"},
                                                                       {"type": "null"}]}}}
    assert fits({"a": 1}, schema, {}) and fits({"a": 1, "b": None}, schema, {})
    for wrong in ({}, {"a": "1"}, {"a": True}, {"a": 1, "c": 2}, {"a": 1, "b": "y"}, [], None):
        assert not fits(wrong, schema, {}), wrong


def test_the_manual_has_every_request(document):
    text = (BUILD / "man/weft-api.7").read_text().replace("\\-", "-").replace("\\&", "")
    for path, method, operation in operations(document):
        assert f"\\fB{method.upper()} {path}\\fR" in text, (method, path)
        for argument in operation["parameters"]:
            assert f"\\fI{argument['name']}\\fR" in text, argument
    for name in document["components"]["schemas"]:
        assert f"\\fB{name}\\fR" in text, name
