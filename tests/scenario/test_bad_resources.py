"""Wrong requests about what is kept: threads, runs, assistants, items. Each gets a sentence and a 4xx, in memory and in a file,
and the server is well behind it. What a type alone forbids is in test_openapi.py."""
import json
import threading
from urllib.parse import quote

import pytest

from harness.graphs import chain, llm, note
from harness.model import held

NOBODY = "00000000-0000-4000-8000-000000000000"
GRAPH = chain(one=note("one"), two=note("two"))


@pytest.fixture(params=["memory:", "sqlite:threads.db"])
def client(request, serve):
    return serve(GRAPH, ANABRANCH_DATABASE=request.param, ANABRANCH_MAX_STATE_BYTES="65536", ANABRANCH_MAX_BODY_BYTES="1MiB")


def new_thread(client, **more):
    reply = client.post("/threads", {"metadata": {"graph_id": "g"}} | more)
    assert reply.status == 200, reply.text
    return reply.json["thread_id"]


def run(client, thread):
    assert client.post(f"/threads/{thread}/runs/wait", {"assistant_id": "g", "input": {"q": "x"}}).json["q"] == "x"


def is_well(client):
    assert client.post("/runs/wait", {"assistant_id": "g", "input": {"q": "x"}}).json["log"] == ["one", "two"]


def said(reply, status, *words):
    assert reply.status == status, (reply.status, reply.text)
    assert all(word in reply.text for word in words), reply.text


# ---- ids ----

@pytest.mark.parametrize("name", ["ada", "a b/c?d#e%", "\u00e4\u4e2d", "...", "x" * 255])
def test_a_thread_that_invoke_has_named_is_reachable_everywhere(client, name):
    assert client.post("/invoke", {"graph": "g", "thread_id": name, "input": {"q": "x"}}).status == 200
    at = "/threads/" + quote(name, safe="").replace(".", "%2E")
    assert client.get(at).json["thread_id"] == name
    assert client.get(f"{at}/state").json["values"]["log"] == ["one", "two"]
    assert len(client.post(f"{at}/history", {}).json) == 4
    assert client.post(f"{at}/state", {"values": {"q": "y"}}).status == 200
    assert client.request("PATCH", at, {"metadata": {"x": 1}}).json["metadata"]["x"] == 1
    run_id = client.get(f"{at}/runs").json[0]["run_id"]
    assert client.get(f"{at}/runs/{run_id}").json["thread_id"] == name
    copy = client.request("POST", f"{at}/copy", content_length="0").json
    assert copy["thread_id"] != name and copy["values"]["log"] == ["one", "two"]
    assert [t["thread_id"] for t in client.post("/threads/search", {"ids": [name]}).json] == [name]
    assert client.post("/threads/prune", {"thread_ids": [name], "strategy": "keep_latest"}).json == {"pruned_count": 1}
    assert client.request("DELETE", at).status == 204
    said(client.get(at), 404, "not found")


@pytest.mark.parametrize("path, status", [
    ("/threads/" + "x" * 256, 400), ("/threads/a%00b", 400), ("/threads/%ff", 400), ("/threads/a%2", 400), ("/threads/%20", 404),
    ("/threads/x/runs/y", 400), (f"/threads/x/runs/{NOBODY}", 404), (f"/threads/x/runs/{NOBODY}/join", 404),
    (f"/threads/x/runs/{NOBODY}/stream", 404), (f"/runs/{NOBODY}/join", 404), ("/runs/y/join", 400), ("/assistants/nobody", 404),
    ("/assistants/" + "x" * 256, 400), (f"/assistants/{NOBODY}/graph", 404), ("/threads/search", 405), ("/threads//state", 404)])
def test_ids_in_addresses(client, path, status):
    said(client.get(path), status)
    is_well(client)


def test_a_run_is_found_on_its_own_thread_only(client):
    one, other = new_thread(client), new_thread(client)
    run(client, one)
    run_id = client.get(f"/threads/{one}/runs").json[0]["run_id"]
    for method, rest in (("GET", ""), ("GET", "/join"), ("GET", "/stream"), ("POST", "/cancel"), ("DELETE", "")):
        for at in (f"/threads/{other}/runs/{run_id}", *([f"/runs/{run_id}"] if rest not in ("",) else [])):
            said(client.request(method, at + rest, content_length="0"), 404, "Run not found")
    assert client.get(f"/threads/{one}/runs/{run_id}").status == 200


def test_ids_that_are_taken(client):
    thread = new_thread(client)
    said(client.post("/threads", {"thread_id": thread}), 409, "already exists")
    assert client.post("/threads", {"thread_id": thread, "if_exists": "do_nothing"}).json["thread_id"] == thread
    made = client.post("/assistants", {"graph_id": "g"}).json["assistant_id"]
    said(client.post("/assistants", {"graph_id": "g", "assistant_id": made}), 409, "already exists")
    system = client.get("/assistants/g").json["assistant_id"]
    said(client.post("/assistants", {"graph_id": "g", "assistant_id": system}), 409, "already exists")


def test_a_thread_is_made_once_by_many_at_a_time(client):
    ident, found = "00000000-0000-4000-8000-0000000000aa", []
    makers = [threading.Thread(target=lambda: found.append(client.post("/threads", {"thread_id": ident}).status)) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert sorted(found) == [200] + 7 * [409]


# ---- state ----

def test_a_thread_at_work_is_not_written_from_outside(serve, model):
    model.on("slow", held)
    client = serve(chain(slow=llm("slow")))
    thread = client.post("/threads", {"metadata": {"graph_id": "g"}}).json["thread_id"]
    run_id = client.post(f"/threads/{thread}/runs", {"assistant_id": "g", "input": {"q": "x"}}).json["run_id"]
    call = model.call("slow")
    for python in (False, True):
        reply = client.post(f"/threads/{thread}/state", {"values": {"a": "y"}},
                            user_agent="langgraph-sdk-py/0.4.3" if python else "curl")
        assert (reply.status, reply.json if python else reply.text) == (409, {"detail": "Thread is busy"} if python else "Thread is busy")
    said(client.post(f"/threads/{thread}/runs", {"assistant_id": "g", "input": {"q": "x"}}), 422, "already running")
    said(client.post("/invoke", {"graph": "g", "thread_id": thread, "input": {"q": "x"}}), 409)
    assert client.post("/threads/prune", {"thread_ids": [thread]}).json == {"pruned_count": 0}
    call.token("done")
    call.finish()
    assert client.get(f"/threads/{thread}/runs/{run_id}/join").json["a"] == "done"
    assert client.post(f"/threads/{thread}/state", {"values": {"a": "y"}}).status == 200


STATES = {
    "a value of a wrong type": ({"values": {"q": 5}}, 422, "q"),
    "an unknown node": ({"values": {"q": "x"}, "as_node": "nobody"}, 422, "nobody"),
    "a checkpoint that is none": ({"values": {"q": "x"}, "checkpoint_id": "nope"}, 404, "nope"),
    "a subgraph that is none": ({"values": {"q": "x"}, "checkpoint": {"checkpoint_ns": "nope:1"}}, 404, "no subgraph"),
    "a value that is too large": ({"values": {"q": "x" * 70000}}, 422, "65536"),
    "a list of pairs that are none": ({"values": [1, 2]}, 422, ""),
}


@pytest.mark.parametrize("what", STATES)
def test_a_wrong_update_changes_nothing(client, what):
    thread = new_thread(client)
    run(client, thread)
    before = client.get(f"/threads/{thread}/state").json
    body, status, word = STATES[what]
    said(client.post(f"/threads/{thread}/state", body), status, word)
    assert client.get(f"/threads/{thread}/state").json == before
    is_well(client)


@pytest.mark.parametrize("steps, status", [
    ([{"updates": [{"values": {"q": 5}, "as_node": "one"}]}], 422), ([{"updates": [{"values": {"q": "x"}, "as_node": "nobody"}]}], 422),
    ([{"updates": [5]}], 400), ([{}], 400), ([{"updates": {}}], 400)])
def test_a_thread_with_a_wrong_past_is_not_made(client, steps, status):
    reply = client.post("/threads", {"thread_id": NOBODY, "metadata": {"graph_id": "g"}, "supersteps": steps})
    said(reply, status)
    said(client.get(f"/threads/{NOBODY}"), 404)


def test_a_past_needs_a_graph(client):
    said(client.post("/threads", {"supersteps": [{"updates": []}]}), 400, "has no graph ID")
    said(client.post("/threads", {"metadata": {"graph_id": "nope"}, "supersteps": [{"updates": []}]}), 404, "nope")
    bare = client.post("/threads", {}).json["thread_id"]
    said(client.post(f"/threads/{bare}/state", {"values": {"q": "x"}}), 400, "has no graph ID")


@pytest.mark.parametrize("path", ["/state/nope", f"/state/{NOBODY}"])
def test_a_checkpoint_that_is_none(client, path):
    thread = new_thread(client)
    run(client, thread)
    said(client.get(f"/threads/{thread}{path}"), 404, path.rpartition("/")[2])


# ---- numbers and sizes ----

NUMBERS = [
    ("/threads/search", {"limit": 1000, "offset": 2147483647}, 200), ("/threads/search", {"offset": 2147483648}, 400),
    ("/threads/search", {"offset": 2**63 - 1}, 400), ("/threads/search", {"offset": 2**64}, 400), ("/threads/search", {"limit": 1001}, 400),
    ("/threads/search", {"limit": -1}, 400), ("/threads/search", {"limit": 5.0}, 200), ("/threads/search", {"limit": 5.5}, 400),
    ("/threads/search", {"limit": True}, 400), ("/threads/search", {"limit": "5"}, 400), ("/threads/search", {"limit": None}, 200),
    ("/assistants/search", {"limit": 1000, "offset": 2147483647}, 200), ("/assistants/search", {"offset": -1}, 400),
    ("/assistants/g/latest", {"version": 2**63 - 1}, 404), ("/assistants/g/latest", {"version": -2**63}, 404),
    ("/assistants/g/versions", {"offset": 2147483647}, 200), ("/store/items/search", {"namespace_prefix": [], "offset": 2147483647}, 200),
    ("/store/namespaces", {"max_depth": 2147483647}, 200), ("/store/namespaces", {"max_depth": 0}, 400),
    ("/threads", {"ttl": 1e300}, 400), ("/threads", {"ttl": 0}, 400), ("/threads", {"ttl": 5e-324}, 200),
    ("/runs", {"assistant_id": "g", "after_seconds": 1e300}, 400), ("/runs", {"assistant_id": "g", "after_seconds": -1}, 400),
    ("/runs", {"assistant_id": "g", "timeout_ms": 2**63 - 1}, 400), ("/runs/wait", {"assistant_id": "g", "timeout_ms": 10**12}, 200),
    ("/runs/wait", {"assistant_id": "g", "config": {"recursion_limit": 2**63 - 1}}, 422),
    ("/runs/wait", {"assistant_id": "g", "config": {"recursion_limit": -2**63}}, 422),
    ("/runs/wait", {"assistant_id": "g", "config": {"recursion_limit": 25.0}}, 200),
    ("/runs/wait", {"assistant_id": "g", "config": {"max_concurrency": 2**63 - 1}}, 200),
]


@pytest.mark.parametrize("path, body, status", NUMBERS, ids=[f"{p} {json.dumps(b)}" for p, b, _ in NUMBERS])
def test_numbers(client, path, body, status):
    said(client.post(path, body), status)
    is_well(client)


@pytest.mark.parametrize("query, status", [
    ("limit=0", 400), ("limit=1001", 400), ("limit=-1", 400), ("limit=%2B5", 400), ("limit=0x10", 400), ("limit=5%00", 400),
    ("limit=5&limit=x", 400), ("offset=2147483647", 200), ("offset=99999999999999999999", 400), ("status=tired", 400),
    ("status=", 400), ("select=[1]", 400), ("select=[\"run_id\"", 400), ("select=nothing", 200), ("unknown=1", 200), ("limit", 400)])
def test_queries(client, query, status):
    thread = new_thread(client)
    said(client.get(f"/threads/{thread}/runs?{query}"), status)


SIZES = {
    "metadata": ("POST", "/threads", {"metadata": {"x": "y" * 2**20}}, 413),
    "many ids": ("POST", "/threads/search", {"ids": [NOBODY] * 20000}, 200),
    "many ids to prune": ("POST", "/threads/prune", {"thread_ids": [NOBODY] * 20000}, 200),
    "a name": ("POST", "/assistants", {"graph_id": "g", "name": "x" * 4097}, 400),
    "a graph's name": ("POST", "/assistants", {"graph_id": "x" * 256}, 400),
    "a graph's name to look for": ("POST", "/assistants/search", {"graph_id": "x" * 5000}, 200),
    "a key": ("PUT", "/store/items", {"namespace": ["a"], "key": "k" * 4097, "value": {}}, 400),
    "a namespace": ("PUT", "/store/items", {"namespace": ["a" * 5000], "key": "k", "value": {}}, 422),
    "labels": ("PUT", "/store/items", {"namespace": ["a"] * 5000, "key": "k", "value": {}}, 422),
    "a prefix": ("POST", "/store/items/search", {"namespace_prefix": ["a"] * 5000}, 422),
    "a checkpoint's id": ("POST", f"/threads/{NOBODY}/state/checkpoint", {"checkpoint": {"checkpoint_id": "x" * 300}}, 400),
    "a thread's id": ("POST", "/invoke", {"graph": "g", "input": {"q": "x"}, "thread_id": "x" * 256}, 422),
    "an empty thread's id": ("POST", "/invoke", {"graph": "g", "input": {"q": "x"}, "thread_id": ""}, 422),
    "runs at a time": ("POST", "/runs/batch", [], 400),
    "runs to end": ("POST", "/runs/cancel", {"run_ids": ["x" * 5000] * 100}, 204),
}


@pytest.mark.parametrize("what", SIZES)
def test_sizes(client, what):
    method, path, body, status = SIZES[what]
    said(client.request(method, path, body), status)
    is_well(client)


def test_metadata_that_grows_by_merging_has_a_limit(client):
    thread = new_thread(client)
    for number in range(4):
        reply = client.request("PATCH", f"/threads/{thread}", {"metadata": {f"x{number}": "y" * 400000}})
    said(reply, 422, "metadata", "1048576")
    assert set(client.get(f"/threads/{thread}").json["metadata"]) == {"graph_id", "x0", "x1"}


@pytest.mark.parametrize("filter", [{"a": {"$what": 1}}, {"a": {"$in": 5}}, {"a": {"$gt": {}, "b": 1}}])
def test_a_filter_that_is_none(client, filter):
    reply = client.post("/store/items/search", {"namespace_prefix": [], "filter": filter})
    assert reply.status in (200, 400), reply.text
    is_well(client)


@pytest.mark.parametrize("labels, status", [([""], 422), (["a.b"], 422), ([], 400), (["a", 5], 400), (["\u0001"], 422), (["*"], 204)])
def test_labels(client, labels, status):
    said(client.request("PUT", "/store/items", {"namespace": labels, "key": "k", "value": {}}), status)
    is_well(client)


def test_an_unknown_word_is_told_the_known_ones(client):
    """Every key of every route that takes words."""
    asked = 0
    for path, methods in client.get("/openapi.json").json["paths"].items():
        for method, it in methods.items():
            schema = it.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for key, member in schema.get("properties", {}).items():
                if "enum" not in member:
                    continue
                address = path.format(thread_id=NOBODY, run_id=NOBODY, assistant_id="g", checkpoint_id="x", namespace="x")
                reply = client.request(method.upper(), address, {key: "nonsense"})
                said(reply, 400)
                if f'"{key}"' in reply.text:
                    assert member["enum"][0] in reply.text and "nonsense" in reply.text
                    asked += 1
    assert asked > 20
