"""What clients get wrong, and what they are told: whose mistake it is, and what to change."""
import json
import time

import pytest

from harness.graphs import graph, note

STATE = {"n": {"type": "any"}, "topics": {"type": "array"}, "topic": {"type": "any", "private": True},
         "messages": {"type": "messages"}}


def one(node, **more):
    return graph({"it": node}, [["__start__", "it"], ["it", "__end__"]], STATE, **more)


def error(reply):
    return reply.status, reply.json["error"]


def refused(client, body, name="g"):
    return error(client.post("/invoke", {"graph": name} | body))


def test_a_fan_out_that_is_too_wide_costs_no_more_than_its_request(start):
    each = {"from": "__start__", "each": "topics", "as": "topic", "send": "it"}
    server = start(graph({"it": note("{{topic}}")}, [each], STATE), ANABRANCH_MAX_BODY_BYTES="8000000")
    body = {"graph": "g", "thread_id": "t", "input": {"topics": [1] * 500000}}
    status, told = error(server.client.post("/invoke", body))
    assert (status, told["type"]) == (422, "LimitError") and "500000 items" in told["message"]
    before = time.monotonic()
    assert refused(server.client, {"thread_id": "t", "command": {}})[0] == 422
    assert time.monotonic() - before < 0.5, "the refused input is not read again"
    assert server.client.post("/invoke", body | {"input": {"topics": [7]}}).json["log"] == [7]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_full_store_is_no_fault_of_the_client_and_waiting_does_not_help(serve, durability):
    client = serve(one(note("x")), ANABRANCH_MEMORY_STORE_BYTES="1MiB")
    for k in range(20):
        reply = client.invoke(state={"n": "x" * 200000}, thread_id=f"t{k}", durability=durability)
        if reply.status != 200:
            break
    status, told = error(reply)
    assert (status, told["type"]) == (503, "ServiceUnavailableError")
    assert "memory_store_bytes" in told["message"] and "retry-after" not in reply.headers
    assert client.invoke(state={"n": "x" * 200000}).status == 200, "without a thread"


@pytest.mark.parametrize("node, state, name", [
    ({"kind": "llm", "output": "messages"}, {"messages": []}, "InvalidInputError"),
    ({"kind": "wait", "ms": "{{n}}"}, {"n": -1}, "TemplateError"),
    ({"kind": "wait", "ms": "{{n}}"}, {"n": 90000000}, "TemplateError"),
], ids=["no messages", "less than nothing", "too long"])
def test_what_the_input_brings_into_a_node_is_the_clients_mistake(serve, node, state, name):
    client = serve(one(node))
    status, told = error(client.invoke(state=state))
    assert (status, told["type"], told["node"]) == (422, name, "it")
    waited = client.runs("wait", state=state)
    assert waited.status == 200 and waited.json["__error__"]["error"] == name


@pytest.mark.parametrize("body, words", [
    ({"command": {"update": {"q": 5}}}, 'command.update: field "q": expected string, found integer'),
    ({"command": {"goto": "its"}}, 'a goto names the unknown node "its"; did you mean "it"?'),
    ({"command": {"goto": "nowhere"}}, 'a goto names the unknown node "nowhere"; known are it, last'),
    ({"command": {"update": {"messages": [{"role": "user", "content": "a"}, {"role": "bad", "id": "m2"}]}}},
     'command.update: field "messages": message 1 (id "m2"): '),
    ({"input": {"messages": [{"role": "user", "content": "a"}, 5]}}, 'input field "messages": message 1: '),
], ids=["type", "near", "far", "message", "input"])
def test_a_mistake_says_where_it_is_and_blames_no_node(serve, body, words):
    client = serve(graph({"it": note("x"), "last": note("y")}, [["__start__", "it"], ["it", "last"]], STATE))
    assert client.invoke(thread_id="t", interrupt_before=["it"]).status == 200
    status, told = refused(client, {"thread_id": "t"} | body)
    assert status == 422 and told["message"].startswith(words) and "node" not in told, told


def test_an_answer_that_does_not_fit_can_be_given_again(serve):
    ask = {"kind": "interrupt", "value": "?", "output": "a"}
    client = serve(one(ask))
    (asked,) = client.invoke(thread_id="t").json["__interrupt__"]
    for answer in (5, {asked["id"]: 5}):
        status, told = refused(client, {"thread_id": "t", "command": {"resume": answer}})
        assert (status, told["type"], told["node"]) == (422, "InvalidUpdateError", "it")
        assert client.post("/invoke", {"graph": "g", "thread_id": "t"}).json["__interrupt__"] == [asked]
    assert client.post("/invoke", {"graph": "g", "thread_id": "t", "command": {"resume": "yes"}}).json["a"] == "yes"


def test_null_in_a_map_is_no_answer_and_a_mistyped_id_is_none(serve):
    client = serve(one({"kind": "interrupt", "value": "?", "output": "n"}))
    (asked,) = client.invoke(thread_id="t").json["__interrupt__"]
    for resume, name in (({asked["id"]: None}, "EmptyInputError"), ({asked["id"].upper(): "x"}, "UnknownInterruptError"),
                         ({"f" * 32: "x"}, "UnknownInterruptError")):
        status, told = refused(client, {"thread_id": "t", "command": {"resume": resume}})
        assert (status, told["type"]) == (422, name), resume


def test_what_a_command_writes_for_a_run_counts_in_that_run(serve):
    key = {"key": {"type": "string", "lifetime": "run"}}
    client = serve(graph({"it": note("{{key}}")}, [["__start__", "it"]], key))
    client.invoke(thread_id="t", interrupt_before=["it"])
    assert refused(client, {"thread_id": "t", "command": {"update": {"key": 5}}})[0] == 422
    got = client.post("/invoke", {"graph": "g", "thread_id": "t", "command": {"update": {"key": "K"}}}).json
    assert got["log"] == ["K"], json.dumps(got)
