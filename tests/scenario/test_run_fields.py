"""What a run's body may say besides its input: whether a stateless run stays, when it begins, how often it is kept, and what is
accepted because clients send it."""
import time
import uuid

import pytest

from harness.graphs import chain, graph, note
from harness.wait import wait_until

DATABASES = ["memory:", "sqlite:threads.db"]
DOORS = ["/runs/wait", "/runs/stream", "/runs", "/invoke"]


def steps():
    return chain(one=note("one {{q}}"), two=note("two"))


def letter():
    nodes = {"ask": {"kind": "interrupt", "value": "send?", "output": "verdict"}, "send": note("sent")}
    names = ["__start__", *nodes, "__end__"]
    return graph(nodes, [[a, b] for a, b in zip(names, names[1:])], {"verdict": {"type": "any"}})


@pytest.fixture(params=DATABASES)
def client(serve, request):
    return serve({"g": steps(), "letter": letter()}, ANABRANCH_DATABASE=request.param)


def body(**more):
    return {"assistant_id": "g", "input": {"q": "x"}} | more


def threads(client):
    return client.post("/threads/search", {}).json


def history(client, path):
    return client.post(f"{path}/history", {"limit": 100}).json


# ---- on_completion ----

@pytest.mark.parametrize("door", DOORS)
def test_a_stateless_run_that_is_kept_leaves_its_thread(client, door):
    reply = client.post(door, body(on_completion="keep", metadata={"who": "me"}))
    assert reply.status == 200, reply.text
    reply.body
    place = reply.headers["content-location"]
    thread, run_id = place.split("/runs/")
    client.get(f"{place}/join").body
    kept = client.get(thread).json
    assert kept["status"] == "idle" and kept["values"] == {"q": "x", "log": ["one x", "two"]}
    assert kept["metadata"]["graph_id"] == "g" and uuid.UUID(kept["thread_id"])
    run = client.get(place).json
    assert run["run_id"] == run_id and run["status"] == "success" and run["metadata"]["who"] == "me"
    assert run["thread_id"] == kept["thread_id"] and run["kwargs"]["temporary"] is False
    assert len(history(client, thread)) == 4
    assert client.post(f"{thread}/runs/wait", body(input={"q": "y"})).json["log"] == ["one x", "two", "one y", "two"]


@pytest.mark.parametrize("more", [{}, {"on_completion": "delete"}, {"on_completion": "complete"}, {"on_completion": "continue"},
                                  {"on_completion": None}])
@pytest.mark.parametrize("door", DOORS)
def test_a_stateless_run_leaves_nothing_else(client, door, more):
    reply = client.post(door, body(**more))
    assert reply.status == 200, reply.text
    reply.body
    place = reply.headers["content-location"]
    assert place.startswith("/runs/")
    wait_until(lambda: client.get(f"{place}/join").status in (200, 404), "the run to end")
    assert threads(client) == []


def test_a_batch_may_keep_some(client):
    runs = client.post("/runs/batch", [body(on_completion="keep"), body(), body(on_completion="keep")]).json
    assert [client.get(f"/threads/{run['thread_id']}").status for run in runs] == [200, 404, 200]
    for run in runs[0], runs[2]:
        client.get(f"/threads/{run['thread_id']}/runs/{run['run_id']}/join").body
    assert {t["thread_id"] for t in threads(client)} == {runs[0]["thread_id"], runs[2]["thread_id"]}


def test_a_kept_stream_can_be_read_again(client):
    reply = client.post("/runs/stream", body(on_completion="keep"))
    events = reply.events()
    assert [e.id for e in events] == ["0", "1", "2", "3"]
    again = client.get(reply.headers["location"], last_event_id="1").events()
    assert [(e.id, e.text) for e in again] == [(e.id, e.text) for e in events[2:]]


def test_a_kept_run_may_ask_and_is_answered_on_its_thread(client):
    reply = client.post("/runs/wait", body(assistant_id="letter", on_completion="keep"))
    assert reply.json["__interrupt__"][0]["value"] == "send?"
    thread = reply.headers["content-location"].split("/runs/")[0]
    assert client.get(thread).json["status"] == "interrupted"
    done = client.post(f"{thread}/runs/wait", {"assistant_id": "letter", "command": {"resume": "yes"}}).json
    assert done == {"q": "x", "verdict": "yes", "log": ["sent"]}


def test_a_run_on_a_thread_may_say_it_too(client):
    path = f"/threads/{uuid.uuid4()}"
    for word in ("keep", "delete"):
        reply = client.post(f"{path}/runs/wait", body(on_completion=word, if_not_exists="create"))
        assert reply.status == 200 and reply.headers["content-location"].startswith(path)
        reply.body
    assert client.get(path).status == 200


# ---- when ----

@pytest.mark.parametrize("seconds, wanted", [
    (0.2, 200), (0, 200), (-1, 400), (-0.001, 400), (315360000, 200), (315360001, 400), (1e300, 400), (9223372036854775807, 400),
    ("1", 400), (True, 400)])
def test_a_run_begins_so_much_later(client, seconds, wanted):
    path = f"/threads/{uuid.uuid4()}"
    reply = client.post(f"{path}/runs", body(after_seconds=seconds, if_not_exists="create"))
    assert reply.status == wanted, reply.text
    if wanted != 200:
        assert "after_seconds" in reply.text
        return
    place = reply.headers["content-location"]
    assert reply.json["status"] == "pending"
    if seconds > 1000:
        assert client.get(path).json["status"] == "busy" and reply.json["created_at"] > "2036"
        assert client.post(f"{place}/cancel?wait=1", "").status == 204
        return
    began = time.monotonic()
    assert client.get(f"{place}/join").json["log"] == ["one x", "two"]
    assert seconds == 0 or time.monotonic() - began > 0.1


# ---- how much is kept ----

@pytest.mark.parametrize("more, durability, count", [
    ({}, None, 4), ({"checkpoint_during": False}, "exit", 1), ({"checkpoint_during": True}, "async", 4),
    ({"checkpoint_during": None}, None, 4), ({"checkpoint_during": False, "durability": "sync"}, "sync", 4),
    ({"checkpoint_during": True, "durability": "exit"}, "exit", 1)])
def test_checkpoint_during_is_a_durability(client, more, durability, count):
    path = f"/threads/{uuid.uuid4()}"
    reply = client.post(f"{path}/runs/wait", body(if_not_exists="create", **more))
    assert reply.json["log"] == ["one x", "two"]
    assert client.get(reply.headers["content-location"]).json["kwargs"].get("durability") == durability
    assert len(history(client, path)) == count


# ---- what clients send ----

EXTRAS = [{"feedback_keys": []}, {"feedback_keys": ["user_score"]}, {"feedback_keys": None},
          {"langsmith_tracer": {"project_name": "p", "example_id": "e"}}, {"langsmith_tracer": None},
          {"multitask_strategy": "reject"}, {"multitask_strategy": "enqueue"}, {"multitask_strategy": "rollback"},
          {"if_not_exists": "create"}, {"if_not_exists": "reject"}, {"webhook": None}, {"webhook": ""},
          {"interrupt_before": ["nobody"]}, {"interrupt_after": ["nobody"]}, {"interrupt_before": []}, {"something": "new"}]


@pytest.mark.parametrize("is_on_thread", [False, True])
def test_what_clients_send_is_accepted(client, is_on_thread):
    for extra in EXTRAS:
        path = f"/threads/{uuid.uuid4()}/runs" if is_on_thread else "/runs"
        reply = client.post(f"{path}/wait", body(**({"if_not_exists": "create"} | extra)))
        if is_on_thread and extra == {"if_not_exists": "reject"}:
            assert reply.status == 404
        else:
            assert reply.status == 200 and reply.json["log"] == ["one x", "two"], (extra, reply.text)


def test_metadata_and_tags_are_the_runs(client):
    path = f"/threads/{uuid.uuid4()}"
    client.post("/threads", {"thread_id": path.split("/")[2], "metadata": {"a": "thread", "b": "thread"}}).body
    reply = client.post(f"{path}/runs", body(metadata={"b": "request", "c": 1}, config={"tags": ["t"], "metadata": {"c": 0, "d": 4}}))
    run = reply.json
    assert run["metadata"] == {"created_by": "system", "a": "thread", "b": "request", "c": 1, "d": 4, "graph_id": "g",
                               "assistant_id": run["assistant_id"]}
    assert run["kwargs"]["config"]["tags"] == ["t"]
    client.get(f"{reply.headers['content-location']}/join").body
    state = history(client, path)[0]["metadata"]
    assert (state["a"], state["b"], state["c"], state["d"]) == ("thread", "request", 1, 4)


def test_a_wrong_type_names_its_key(client):
    for key, value in (("checkpoint_during", "no"), ("on_completion", "burn"), ("if_not_exists", True), ("multitask_strategy", "x"),
                       ("metadata", []), ("webhook", 1)):
        reply = client.post("/runs/wait", body(**{key: value}))
        assert reply.status == 400 and f'"{key}"' in reply.text, reply.text
