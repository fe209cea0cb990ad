# SPDX-License-Identifier: BSD-3-Clause
"""The API without weft(1): HTTP over the daemon's UNIX socket."""

import http.client
import json
import socket


class Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket. One request at a time, of which the answer may come later."""

    def __init__(self, path, timeout=30):
        super().__init__("weftd", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def fileno(self):
        """For select(): readable when the answer begins."""
        return self.sock.fileno()

    def send_request(self, method, path, body=None):
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        self.request(method, path, body)

    def answer(self):
        """(status, JSON, headers)"""
        reply = self.getresponse()
        return reply.status, json.loads(reply.read()), reply.headers

    def ask(self, method, path, body=None):
        self.send_request(method, path, body)
        return self.answer()


def conforms(value, schema, schemas, where="reply"):
    """Asserts that a JSON value is what a schema of the OpenAPI document says. Of JSON Schema it
    knows what weftd writes; all else fails."""
    known = {"$ref", "anyOf", "const", "type", "properties", "required", "additionalProperties",
             "items", "description", "enum", "minimum", "maximum", "default", "pattern",
             "minLength", "maxLength", "multipleOf", "readOnly", "title", "format", "examples", "oneOf"}
    assert set(schema) <= known, f"{where}: {set(schema) - known}"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return conforms(value, schemas[name], schemas, where)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            assert any(fits(value, one, schemas) for one in schema[keyword]), f"{where}: {value!r}"
    if "const" in schema:
        assert value == schema["const"], f"{where}: {value!r}"
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool,
             "object": dict, "array": list, "null": type(None)}
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(isinstance(value, kinds[one]) for one in types), f"{where}: {value!r}"
        assert "boolean" in types or not isinstance(value, bool), f"{where}: {value!r}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    if isinstance(value, int):
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value), where
        assert value % schema.get("multipleOf", 1) == 0, f"{where}: {value!r}"
    if isinstance(value, str):
        assert len(value) <= schema.get("maxLength", len(value)), f"{where}: {value!r}"
    for index, item in enumerate(value if "items" in schema else []):
        conforms(item, schema["items"], schemas, f"{where}[{index}]")
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        missing = set(schema.get("required", [])) - set(value)
        assert not missing, f"{where}: without {missing}"
        for name, item in value.items():
            if name in properties:
                conforms(item, properties[name], schemas, f"{where}.{name}")
            elif isinstance(others, dict):
                conforms(item, others, schemas, f"{where}.{name}")
            else:
                assert others, f"{where}: has {name}"
    return None


def fits(value, schema, schemas):
    try:
        conforms(value, schema, schemas)
        return True
    except AssertionError:
        return False
