"""GET /openapi.json, and that the server is as it says: by its form, and by what is refused."""
import json
import subprocess
from pathlib import Path

import pytest

from harness.graphs import chain, note

PYTHON = Path(__file__).parents[2] / ".cache/api-venv/bin/python"
GRAPH = chain(one=note("one"))
IDS = {"thread_id": "00000000-0000-4000-8000-000000000001", "run_id": "00000000-0000-4000-8000-000000000002",
       "assistant_id": "g", "checkpoint_id": "x", "namespace": "x"}
# What is none of a type, of each JSON type.
WRONG = {"string": 5, "integer": "five", "number": "five", "boolean": "yes", "object": [1], "array": {"a": 1}}


@pytest.fixture
def client(serve):
    return serve(GRAPH)


def operations(document):
    return [(method.upper(), path, it) for path, methods in document["paths"].items() for method, it in methods.items()]


def address(path):
    return path.format(**IDS)


def send(client, method, path, body, **headers):
    return client.request(method, address(path), body, **headers)


def test_the_document_is_valid(client, tmp_path):
    if not PYTHON.exists():
        pytest.skip("tests/setup has not installed api-venv")
    (tmp_path / "openapi.json").write_text(client.get("/openapi.json").text)
    code = "import json, openapi_spec_validator as v; v.validate(json.load(open('openapi.json')))"
    done = subprocess.run([PYTHON, "-c", code], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_it_needs_a_key_where_others_do(serve):
    locked = serve(GRAPH, ANABRANCH_API_KEYS="a-key")
    assert locked.get("/openapi.json").status == 401
    assert locked.get("/openapi.json", x_api_key="a-key").status == 200


def body_schema(operation):
    return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")


def kinds(schema):
    """The JSON types that a schema takes."""
    if "anyOf" in schema and "type" not in schema:
        return set().union(*[kinds(s) for s in schema["anyOf"]])
    found = schema.get("type", [])
    return {found} if isinstance(found, str) else set(found)


def test_a_value_of_a_wrong_type_is_told_at_every_key_of_every_route(client):
    """What the document says of types the server means: 400 and the key's name, in the shape of the route."""
    asked = 0
    for method, path, it in operations(client.get("/openapi.json").json):
        schema = body_schema(it)
        if schema is None:
            continue
        is_list = schema["type"] == "array"
        members = (schema["items"] if is_list else schema)["properties"]
        for key, member in members.items():
            for kind, value in WRONG.items():
                takes = kinds(member)
                if not takes or kind in takes and kind != "string" or kinds_of(value) & takes:
                    continue
                body = {key: value}
                reply = send(client, method, path, [body] if is_list else body)
                assert reply.status == 400, (method, path, body, reply.text)
                assert key in reply.text or "is missing" in reply.text or "Namespace is required" in reply.text, reply.text
                asked += 1
    assert asked > 500


def kinds_of(value):
    for kind, types in {"string": str, "object": dict, "array": list}.items():
        if isinstance(value, types):
            return {kind}
    return {"integer", "number"}


@pytest.mark.parametrize("body", ["", "{", "[]", "5", "null", '"x"', '{"a":1,"a":2}', '{"a":"\\u0000"}', '{"a":"\0"}',
                                  '{"a":1e999}', '{"a":' + "[" * 200 + "]" * 200 + "}", b'{"a":"\xff"}'])
def test_what_is_no_object_is_told_at_every_route(client, body):
    for method, path, it in operations(client.get("/openapi.json").json):
        if body_schema(it) is None:
            continue
        reply = client.request(method, address(path), body)
        assert reply.status == 400, (method, path, body, reply.status, reply.text)
        python = client.request(method, address(path), body, user_agent="langgraph-sdk-py/0.4.3")
        if path.startswith(("/runs", "/threads", "/assistants", "/store")):
            assert reply.headers["content-type"].startswith("text/plain") and len(reply.text) > 8
            assert python.json == {"detail": reply.text}
        else:
            assert reply.json["error"]["message"] and python.json == reply.json


def test_a_wrong_query_is_told_at_every_route(client):
    for method, path, it in operations(client.get("/openapi.json").json):
        for parameter in it["parameters"]:
            wrong = {"integer": ["x", "-1", "", "1.5", "99999999999999999999", "1 "], "boolean": ["maybe", "2", ""],
                     "string": ["nonsense"] if "enum" in parameter["schema"] else []}
            for value in wrong.get(parameter["schema"].get("type"), []) if parameter["in"] == "query" else []:
                reply = client.request(method, f"{address(path)}?{parameter['name']}={value.replace(' ', '%20')}",
                                       "{}" if body_schema(it) else None)
                assert reply.status == 400 and parameter["name"] in reply.text, (method, path, parameter["name"], value)


def test_a_method_that_is_not_in_the_document_is_a_405(client):
    paths = client.get("/openapi.json").json["paths"]
    for path, methods in paths.items():
        for method in {"get", "post", "put", "patch", "delete"} - set(methods):
            reply = client.request(method.upper(), address(path), "{}")
            assert reply.status == 405, (method, path)
            allowed = {m.strip().lower() for m in reply.headers["allow"].split(",")} - {"head"}
            assert allowed == set(methods), (method, path)


def test_a_body_of_a_foreign_type_is_a_415_at_every_route(client):
    for method, path, it in operations(client.get("/openapi.json").json):
        if body_schema(it) is not None:
            assert send(client, method, path, "{}", content_type="image/png").status == 415, path


def test_a_body_that_is_too_large_is_a_413_at_every_route(serve):
    client = serve(GRAPH, ANABRANCH_MAX_BODY_BYTES="2048")
    for method, path, it in operations(client.get("/openapi.json").json):
        if body_schema(it) is not None:
            assert send(client, method, path, json.dumps({"metadata": {"x": "y" * 3000}})).status == 413, path


def test_unknown_ids_are_404_at_every_route(client):
    """Bodies that are right, about what is not there."""
    bodies = {"/threads/{thread_id}/state/checkpoint": {"checkpoint": {}}, "/assistants/{assistant_id}/latest": {"version": 1}}
    for method, path, it in operations(client.get("/openapi.json").json):
        if "{" not in path:
            continue
        ids = IDS | {"assistant_id": "nobody"}
        body = bodies.get(path, {"assistant_id": "g", "metadata": {}}) if body_schema(it) else None
        reply = client.request(method, path.format(**ids), body)
        assert reply.status == 404 and "not found" in reply.text, (method, path, reply.status, reply.text)
