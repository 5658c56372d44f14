"""The routes besides /invoke, in the shapes of the protocol's clients."""
import re

import pytest

from harness.graphs import chain, fan, llm, note
from harness.model import held

BROKEN = chain(bad={"kind": "fail", "error": "BoomError", "message": "it broke"})


def test_ok_and_info(serve):
    client = serve(chain(one=note("one")))
    assert client.get("/ok").json == {"ok": True}
    info = client.get("/info").json
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", info["version"]) and info["flags"]["assistants"] is True


def test_graphs_lists_every_graph_with_a_drawing(serve):
    client = serve({"b": chain(one=note("one")) | {"description": "B here"}, "a": fan(x=note("x"))})
    listed = {g["name"]: g for g in client.get("/graphs").json}
    assert list(listed) == ["a", "b"]
    assert listed["b"]["description"] == "B here"
    assert "graph TD" in listed["b"]["mermaid"] and "one" in listed["b"]["mermaid"]
    assert listed["b"]["input_schema"]["properties"]["q"]["type"] == "string"
    assert "log" in listed["b"]["output_schema"]["properties"]


def test_the_graph_schema_is_served(serve):
    reply = serve(chain(one=note("one"))).get("/schemas/graph")
    assert reply.status == 200
    assert {"state", "nodes", "edges"} <= set(reply.json["required"])


def test_runs_wait_answers_with_the_last_values(serve):
    reply = serve(chain(one=note("one"))).runs("wait")
    assert reply.status == 200
    assert re.fullmatch(r"/runs/[0-9a-f-]{36}", reply.headers["content-location"])
    assert reply.headers["content-type"].startswith("application/json")
    assert reply.json == {"q": "hi", "log": ["one"]}


def test_runs_wait_tells_a_failure_with_200(serve):
    reply = serve(BROKEN).runs("wait")
    assert reply.status == 200
    assert reply.json["__error__"]["error"] == "BoomError"
    assert "it broke" in reply.json["__error__"]["message"]


def test_runs_wait_sends_headers_at_once_and_keeps_the_line_alive(serve, model):
    model.on("m", held)
    reply = serve(chain(say=llm("m")), ANABRANCH_HEARTBEAT_MS="50").runs("wait")
    assert reply.chunk().strip() == b"", "blanks until the answer is there"
    call = model.call("m")
    call.token("x")
    call.finish()
    assert reply.json["a"] == "x"


def test_runs_stream_names_the_run(serve):
    reply = serve(chain(one=note("one"))).runs("stream")
    run_id = reply.headers["content-location"].removeprefix("/runs/")
    assert reply.event().data == {"run_id": run_id, "attempt": 1}
    assert "location" not in reply.headers, "no route to reconnect to exists"


def test_a_graph_is_found_by_its_system_assistant_too(serve):
    import uuid
    ident = uuid.uuid5(uuid.UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8"), "g")
    client = serve(chain(one=note("one")))
    assert client.runs("wait", str(ident)).json["log"] == ["one"]
    assert client.post("/invoke", {"assistant_id": "g", "input": {"q": "x"}}).json["log"] == ["one"]
    assert client.post("/runs/wait", {"graph": "g", "input": {"q": "x"}}).json["log"] == ["one"]


@pytest.mark.parametrize("kind", ["wait", "stream"])
def test_an_unknown_assistant_is_a_plain_404(serve, kind):
    reply = serve(chain(one=note("one"))).runs(kind, "nope")
    assert reply.status == 404
    assert reply.headers["content-type"].startswith("text/plain")
    assert "nope" in reply.text


def test_the_python_client_gets_its_error_as_detail(serve):
    client = serve(chain(one=note("one")))
    reply = client.post("/runs/wait", {"assistant_id": "nope"}, user_agent="langgraph-sdk-py/0.4.3")
    assert reply.status == 404 and "nope" in reply.json["detail"]


@pytest.mark.parametrize("path", ["/threads/1/runs/stream/x", "/assistants/1/2", "/store/x", "/runs/crons/search"])
def test_what_this_version_does_not_have_is_a_404_that_says_so(serve, path):
    client = serve(chain(one=note("one")))
    reply = client.post(path, {})
    assert reply.status == 404 and reply.headers["content-type"].startswith("text/plain")
    said = "this version has no crons" if path.startswith("/runs") else "docs/http.md lists those"
    assert reply.text.startswith("404 Not Found: ") and said in reply.text
    python = client.post(path, {}, user_agent="langgraph-sdk-py/0.4.3")
    assert python.status == 404 and said in python.json["detail"]


def test_other_unknown_addresses_are_just_unknown(serve):
    client = serve(chain(one=note("one")))
    assert "no such address" in client.get("/threadsafe").text and "no such address" in client.get("/x/threads").text


@pytest.mark.parametrize("field", [{"input": None}, {}])
def test_absent_and_null_input_are_alike(serve, field):
    reply = serve(chain(one=note("one"))).post("/runs/wait", {"assistant_id": "g"} | field)
    assert reply.status == 200 and reply.json["__error__"]["error"] == "EmptyInputError"


def test_unknown_body_fields_are_ignored(serve):
    reply = serve(chain(one=note("one"))).runs("wait", feedback_keys=[], langsmith_tracer={}, durability="async",
                                               on_completion="delete", if_not_exists="reject", multitask_strategy=None)
    assert reply.json["log"] == ["one"]


def test_config_and_context_reach_the_templates(serve):
    client = serve(chain(one=note("{{$config.who}} {{$context.place}}")))
    more = {"config": {"configurable": {"who": "Ada"}}, "context": {"place": "here"}}
    assert client.runs("wait", **more).json["log"] == ["Ada here"]
    assert client.invoke(**more).json["log"] == ["Ada here"]
