"""What the stream modes of the engine send: tasks, checkpoints, debug, messages, events; and where subgraphs show."""
import re

import pytest

from harness.graphs import chain, graph, llm, note
from harness.model import tokens

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def with_child(**child):
    """`pre`, then a subgraph `inner` with the nodes given."""
    return graph({"pre": note("pre"), "inner": {"kind": "graph", "graph": chain(**child), "out": {"a": "a"}}},
                 [["__start__", "pre"], ["pre", "inner"], ["inner", "__end__"]])


def pairs(reply):
    return [(e.name, e.data) for e in reply.events()][1:]  # without metadata


def test_tasks_come_at_their_begin_and_end(serve):
    run, (_, begin), (_, end) = [(e.name, e.data) for e in serve(chain(one=note("one"))).stream(stream_mode="tasks").events()]
    about = begin["metadata"]
    assert about.pop("run_id") == run[1]["run_id"] and re.fullmatch(UUID, about.pop("assistant_id"))
    assert re.fullmatch(UUID, about.pop("thread_id"))
    assert begin == {"id": begin["id"], "name": "one", "input": {"q": "hi", "log": []}, "triggers": ["branch:to:one"],
                     "interrupts": [], "metadata": {"created_by": "system", "run_attempt": 1, "graph_id": "g"}}
    assert re.fullmatch(UUID, begin["id"])
    assert end == {"id": begin["id"], "name": "one", "error": None, "result": {"log": "one"}, "interrupts": []}


def test_a_failed_task_tells_its_error(serve):
    client = serve(chain(bad={"kind": "fail", "error": "BoomError", "message": "it broke"}))
    events = client.stream(stream_mode=["tasks"]).events()
    assert [e.name for e in events] == ["metadata", "tasks", "tasks", "error"]
    assert events[2].data["error"] == "BoomError: it broke" and events[2].data["result"] == {}


def test_a_task_that_asks_shows_its_question(serve):
    client = serve(chain(ask={"kind": "interrupt", "value": "well?"}))
    sent = pairs(client.stream(stream_mode=["tasks", "updates", "values"], thread_id="t"))
    (asked,) = sent[-1][1]["interrupts"]
    assert asked["value"] == "well?"
    assert sent[-3:-1] == [("updates", {"__interrupt__": [asked]}), ("values", {"__interrupt__": [asked]})]
    assert sent[-1][1]["result"] == {}


def test_checkpoints_of_a_thread(serve):
    sent = pairs(serve(chain(one=note("one"))).stream(stream_mode="checkpoints", thread_id="t"))
    assert {name for name, _ in sent} == {"checkpoints"}
    found = [data for _, data in sent]
    assert [(c["metadata"]["source"], c["metadata"]["step"], c["next"]) for c in found] == [
        ("input", -1, ["__start__"]), ("loop", 0, ["one"]), ("loop", 1, [])]
    assert [c["values"] for c in found] == [{"log": []}, {"q": "hi", "log": []}, {"q": "hi", "log": ["one"]}]
    assert found[0]["parent_checkpoint"] is None
    for parent, child in zip(found, found[1:]):
        assert child["parent_checkpoint"] == parent["checkpoint"] and child["metadata"]["parents"] == {}
        assert child["checkpoint"]["checkpoint_id"] > parent["checkpoint"]["checkpoint_id"]
    assert found[0]["checkpoint"].keys() >= {"thread_id", "checkpoint_ns", "checkpoint_id"}
    assert [t["name"] for t in found[1]["tasks"]] == ["one"]


def test_a_stateless_run_has_no_checkpoints(serve):
    client = serve(chain(one=note("one")))
    assert pairs(client.stream(stream_mode="checkpoints")) == []
    assert [d["type"] for _, d in pairs(client.stream(stream_mode="debug"))] == ["task", "task_result"]


def test_debug_is_tasks_and_checkpoints_in_an_envelope(serve):
    sent = pairs(serve(chain(one=note("one"))).stream(stream_mode=["debug", "tasks", "checkpoints"], thread_id="t"))
    debug = [data for name, data in sent if name == "debug"]
    assert [(d["step"], d["type"]) for d in debug] == [(-1, "checkpoint"), (0, "checkpoint"), (1, "task"), (1, "task_result"),
                                                       (1, "checkpoint")]
    assert [d["payload"] for d in debug] == [data for name, data in sent if name != "debug"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", d["timestamp"]) for d in debug)


def test_messages_in_the_old_form_grow(serve, model):
    model.on("m", tokens("Good", " day"))
    state = {"messages": {"type": "messages"}}
    g = graph({"say": llm("m", "messages")}, [["__start__", "say"], ["say", "__end__"]], state)
    sent = pairs(serve(g).runs("stream", stream_mode="messages"))
    names = [name for name, _ in sent]
    assert names[0] == "messages/metadata" and names[-1] == "messages/complete"
    texts = [data[0]["content"] for name, data in sent if name == "messages/partial"]
    assert texts[-1] == "Good day" and all(b.startswith(a) for a, b in zip(texts, texts[1:]))
    assert sent[-1][1][-1]["content"] == "Good day"


def test_events_tell_the_life_of_graph_nodes_and_models(serve, model):
    model.on("m", tokens("Hi"))
    sent = [data for name, data in pairs(serve(chain(say=llm("m"))).stream(stream_mode="events")) if name == "events"]
    assert [e["event"] for e in sent if e["event"] != "on_chat_model_stream"] == [
        "on_chain_start", "on_chain_start", "on_chat_model_start", "on_chat_model_end", "on_chain_end", "on_chain_end"]
    assert [e["name"] for e in sent][:2] == ["LangGraph", "say"]
    assert "on_chat_model_stream" in [e["event"] for e in sent]
    assert all({"run_id", "tags", "metadata", "data", "parent_ids"} <= e.keys() for e in sent)


@pytest.mark.parametrize("ask", ["invoke", "wait", "stream"])
def test_the_mode_that_is_not_here_is_refused(serve, ask):
    client = serve(chain(one=note("one")))
    more = {"stream_mode": ["values", "tools"]}
    reply = client.stream(**more) if ask == "invoke" else client.runs(ask, **more)
    assert reply.status == 422 and "tools" in reply.text and "checkpoints" in reply.text


# ---- subgraphs ----

@pytest.mark.parametrize("mode", ["values", "updates", "tasks", "checkpoints", "debug"])
def test_a_subgraph_shows_under_its_namespace_if_asked(serve, mode):
    client = serve(with_child(deep=note("deep", a="done")))
    more = {"stream_mode": mode, "thread_id": "t"}
    names = [e.name for e in client.stream(stream_subgraphs=True, **more).events()]
    inside = {n for n in names if "|" in n}
    assert len(inside) == 1 and re.fullmatch(rf"{mode}\|inner:{UUID}", inside.pop())
    assert set(n for n in names if "|" not in n) == {"metadata", mode}
    assert set(e.name for e in client.stream(**more).events()) == {"metadata", mode}


def test_a_subgraph_in_a_subgraph_has_two_segments(serve):
    inner = {"kind": "graph", "graph": chain(deep=note("deep"))}
    events = serve(with_child(middle=inner)).runs("stream", stream_mode="updates", stream_subgraphs=True).events()
    deepest = max((e.name for e in events), key=len)
    assert re.fullmatch(rf"updates\|inner:{UUID}\|middle:{UUID}", deepest)


def test_an_error_inside_is_the_bare_last_event(serve):
    client = serve(with_child(bad={"kind": "fail", "error": "BoomError", "message": "deep down"}))
    events = client.stream(stream_subgraphs=True).events()
    assert events[0].name == "metadata" and events[-1].name == "error"
    assert events[-1].data["error"] == "BoomError"


def test_tokens_from_inside_always_come(serve, model):
    model.on("m", tokens("deep", "er"))
    client = serve(with_child(say=llm("m")))
    for more in ({}, {"stream_subgraphs": True}):
        sent = [e for e in client.stream(stream_mode="messages-tuple", **more).events() if e.name.startswith("messages")]
        assert "".join(e.data[0]["content"] for e in sent) == "deeper"
        assert all(e.data[1]["langgraph_node"] == "say" for e in sent)
        assert all(("|inner:" in e.name) == bool(more) for e in sent)


def test_a_question_inside_is_asked_outside_under_one_id(serve):
    client = serve(with_child(ask={"kind": "interrupt", "value": "deep?", "output": "a"}, end=note("end")))
    sent = client.stream(stream_mode="updates", stream_subgraphs=True, thread_id="t").events()
    asked = [e.data["__interrupt__"] for e in sent if "__interrupt__" in e.data]
    assert len(asked) == 2 and asked[0] == asked[1] and asked[0][0]["value"] == "deep?"
    again = client.stream(stream_mode="updates", stream_subgraphs=True, thread_id="u").events()
    assert [e.name.split(":")[0] for e in again if "__interrupt__" in e.data] == ["updates|inner", "updates"]
    reply = client.post("/invoke", {"graph": "g", "thread_id": "t", "command": {"resume": {asked[0][0]["id"]: ""}}})
    assert reply.json == {"q": "hi", "a": "", "log": ["pre"]}


# ---- one task for each item ----

def test_each_item_is_a_task_of_its_own(serve):
    state = {"items": {"type": "array"}, "item": {"type": "any"}, "at": {"type": "integer"}}
    g = graph({"plan": {"kind": "set", "values": {"items": ["x", "y"]}}, "work": note("{{at}}{{item}}"), "end": note("end")},
              [["__start__", "plan"], {"from": "plan", "each": "items", "as": "item", "index": "at", "send": "work"},
               ["work", "end"], ["end", "__end__"]], state)
    client = serve(g)
    assert client.invoke().json["log"] == ["0x", "1y", "end"]
    begun = [d for _, d in pairs(client.stream(stream_mode="tasks")) if d.get("input") and d["name"] == "work"]
    assert [d["input"] for d in begun] == [{"item": "x", "at": 0}, {"item": "y", "at": 1}]
    assert all(d["triggers"] == ["__pregel_push"] for d in begun)
