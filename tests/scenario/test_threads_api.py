"""Threads as resources of the protocol: their records, their states, their histories; in memory and in a file."""
import re
import uuid

import pytest

from harness.graphs import chain, graph, note, wait

PY = {"user_agent": "langgraph-sdk-py/0.4.3"}
NOBODY = "00000000-0000-4000-8000-000000000000"
STEPS = chain(draft=note("draft"), polish=note("polish", a="{{q}} (polished)"))
ASKS = chain(draft=note("draft"), ask={"kind": "interrupt", "value": "sure?", "output": "a"})
NESTED = {"g": graph({"before": note("before"), "child": {"kind": "graph", "graph": "kid"}},
                     [["__start__", "before"], ["before", "child"], ["child", "__end__"]]),
          "kid": chain(one=note("one"), ask={"kind": "interrupt", "value": "sure?", "output": "a"})}


@pytest.fixture(params=["memory:", "sqlite:threads.db"])
def threads(request, serve):
    """threads(graphs): what a client of the threads' addresses does."""
    return lambda graphs=STEPS, **settings: Threads(serve(graphs, ANABRANCH_DATABASE=request.param, **settings))


class Threads:
    def __init__(self, client):
        self.client = client

    def ask(self, method, path, data=None, **headers):
        if method == "POST" and data is None:
            headers |= {"content_length": "0"}
        return self.client.request(method, f"/threads{path}", data, **headers)

    def ok(self, method, path, data=None):
        reply = self.ask(method, path, data)
        assert reply.status == 200, reply.text
        return reply.json

    def create(self, metadata=None, **more):
        return self.ok("POST", "", {"metadata": metadata or {"graph_id": "g"}} | more)

    def new_id(self, **more):
        return self.create(**more)["thread_id"]

    def run(self, thread_id, **more):
        reply = self.client.post("/invoke", {"graph": "g", "thread_id": thread_id, "input": {"q": "tea"}} | more)
        assert reply.status == 200, reply.text

    def state(self, thread_id, query=""):
        return self.ok("GET", f"/{thread_id}/state{query}")

    def history(self, thread_id, **more):
        return self.ok("POST", f"/{thread_id}/history", more)

    def search(self, **more):
        return self.ok("POST", "/search", more)


def test_a_thread_is_made_shown_and_deleted(threads):
    t = threads()
    made = t.create({"name": "one"})
    assert uuid.UUID(made["thread_id"]).version == 7
    assert made == {"thread_id": made["thread_id"], "created_at": made["created_at"], "updated_at": made["created_at"],
                    "metadata": {"name": "one"}, "status": "idle", "config": {}}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made["created_at"])
    assert t.ok("GET", f"/{made['thread_id']}") == made
    assert t.ask("DELETE", f"/{made['thread_id']}").status == 204
    gone = t.ask("GET", f"/{made['thread_id']}")
    assert gone.status == 404 and gone.text == f"Thread with ID {made['thread_id']} not found"
    assert t.ok("POST", "", {})["metadata"] == {}


def test_an_id_that_is_there_is_a_conflict_unless_one_says_otherwise(threads):
    t = threads()
    own = str(uuid.uuid4())
    made = t.create(thread_id=own)
    assert made["thread_id"] == own
    again = t.ask("POST", "", {"thread_id": own})
    assert again.status == 409 and again.text == "Thread already exists"
    assert t.ok("POST", "", {"thread_id": own, "if_exists": "do_nothing", "metadata": {"x": 1}}) == made


@pytest.mark.parametrize("method, path, body", [
    ("GET", "", None), ("DELETE", "", None), ("PATCH", "", {"metadata": {}}), ("POST", "/copy", None), ("GET", "/state", None),
    ("POST", "/state", {"values": {}}), ("POST", "/history", {}), ("GET", "/history", None),
    ("POST", "/state/checkpoint", {"checkpoint": {}})])
def test_an_unknown_thread_is_a_404(threads, method, path, body):
    t = threads()
    unknown = t.ask(method, f"/{NOBODY}{path}", body)
    assert (unknown.status, unknown.text) == (404, f"Thread with ID {NOBODY} not found")
    python = t.ask(method, f"/{NOBODY}{path}", body, **PY)
    assert (python.status, python.json) == (404, {"detail": f"Thread with ID {NOBODY} not found"})
    wrong = t.ask(method, f"/abc{path}", body)
    assert (wrong.status, wrong.text) == (404, "Thread with ID abc not found")


@pytest.mark.parametrize("path, body, says", [
    ("", {"thread_id": "abc"}, "thread_id"), ("", {"metadata": 1}, "metadata"), ("", {"if_exists": "perhaps"}, "do_nothing"),
    ("", {"ttl": -1}, "ttl"), ("", {"supersteps": [1]}, "supersteps"), ("/search", {"limit": 0}, "from 1 to 1000"),
    ("/search", {"status": "tired"}, "interrupted"), ("/search", {"sort_by": "x"}, "updated_at"), ("/prune", {}, "thread_ids"),
    ("/search", {"ids": [5]}, "ids of threads"), ("/count", {"values": []}, "values"), ("", [], "object"),
    ("/prune", {"thread_ids": [], "strategy": "burn"}, "keep_latest")])
def test_a_wrong_body_is_a_400_that_names_the_key(threads, path, body, says):
    reply = threads().ask("POST", path, body)
    assert reply.status == 400 and says in reply.text, reply.text


def test_metadata_is_merged(threads):
    t = threads()
    one = t.new_id(metadata={"name": "one", "graph_id": "g"})
    changed = t.ok("PATCH", f"/{one}", {"metadata": {"name": "two", "z": 1}})
    assert changed["metadata"] == {"name": "two", "graph_id": "g", "z": 1}
    assert changed["updated_at"] >= changed["created_at"]
    assert t.ask("PATCH", f"/{one}", {"metadata": {"y": 2}}, prefer="return=minimal").status == 204
    assert t.ok("GET", f"/{one}")["metadata"] == {"name": "two", "graph_id": "g", "z": 1, "y": 2}


def test_a_time_to_live_is_shown_to_who_asks(threads):
    t = threads()
    one = t.new_id(ttl={"ttl": 5, "strategy": "delete"})
    assert "ttl" not in t.ok("GET", f"/{one}")
    assert t.ok("GET", f"/{one}?include=ttl,values")["ttl"]["ttl_minutes"] == 5
    t.ok("PATCH", f"/{one}", {"ttl": 7})
    assert t.ok("GET", f"/{one}?include=%5B%22ttl%22%5D")["ttl"]["ttl_minutes"] == 7


def test_search_finds_by_what_threads_are(threads):
    t = threads()
    ids = [t.new_id(metadata={"graph_id": "g", "n": n}) for n in range(5)]
    t.ok("POST", f"/{ids[1]}/state", {"values": {"q": "x"}})
    page = t.ask("POST", "/search", {"limit": 2, "offset": 1})
    assert [x["metadata"]["n"] for x in page.json] == [3, 2], "newest first"
    assert (page.headers["x-pagination-total"], page.headers["x-pagination-next"]) == ("5", "3")
    last = t.ask("POST", "/search", {"limit": 2, "offset": 3})
    assert len(last.json) == 2 and "x-pagination-next" not in last.headers
    assert [x["thread_id"] for x in t.search(metadata={"n": 3})] == [ids[3]]
    assert [x["thread_id"] for x in t.search(values={"q": "x"})] == [ids[1]]
    assert t.search(ids=ids[:2], sort_by="thread_id", sort_order="asc", select=["thread_id", "status"]) == [
        {"thread_id": i, "status": "idle"} for i in ids[:2]]
    assert t.search(status="busy") == []
    assert t.search(sort_by="updated_at", select=["values"], limit=1) == [{"values": {"q": "x", "log": []}}]
    assert t.ok("POST", "/count", {}) == 5 and t.ok("POST", "/count", {"metadata": {"n": 0}}) == 1


def test_search_takes_parts_out_of_threads(threads):
    t = threads()
    ident = t.new_id(metadata={"graph_id": "g", "tags": ["a", {"b": 1}]})
    t.ok("POST", f"/{ident}/state", {"values": {"q": "x", "log": ["one", "two"]}, "as_node": "draft"})
    paths = {"last": "values.log[-1]", "first": "values.log[0]", "tag": "metadata.tags[1].b", "none": "values.log[7]", "all": "values"}
    (found,) = t.search(select=["thread_id"], extract=paths)
    assert found == {"thread_id": ident, "extracted": {"last": "two", "first": "one", "tag": 1, "none": None,
                                                       "all": {"q": "x", "log": ["one", "two"]}}}
    assert t.search(extract={})[0]["extracted"] == {}
    for wrong in ({"a": ""}, {"a": "x..y"}, {"a": "x[y]"}, {"a": 7}, {str(n): "values" for n in range(11)}, ["values"]):
        reply = t.ask("POST", "/search", {"extract": wrong})
        assert reply.status == 400 and '"extract" must be an object of up to 10 paths' in reply.text


def test_a_thread_without_runs_has_an_empty_state(threads):
    t = threads()
    for one in (t.new_id(), t.new_id(metadata={"name": "no graph"})):
        assert t.state(one) == {"values": {}, "next": [], "tasks": [], "created_at": None, "checkpoint": None,
                                "parent_checkpoint": None, "interrupts": []}
        assert t.history(one) == [] and t.ok("GET", f"/{one}/history?limit=5") == []


def test_state_and_history_show_what_a_run_has_done(threads):
    t = threads()
    one = t.new_id()
    t.run(one)
    state = t.state(one)
    assert state["values"] == {"q": "tea", "log": ["draft", "polish"], "a": "tea (polished)"}
    assert state["next"] == state["tasks"] == [] and state["metadata"]["step"] == 2
    assert state["checkpoint"] == {"thread_id": one, "checkpoint_ns": "", "checkpoint_map": None,
                                   "checkpoint_id": state["checkpoint"]["checkpoint_id"]}
    assert not {"config", "parent_config"} & set(state)
    all_states = t.history(one)
    assert [s["metadata"]["step"] for s in all_states] == [2, 1, 0, -1] and all_states[0] == state
    assert all_states[1]["tasks"][0]["result"] == {"log": "polish", "a": "tea (polished)"}
    assert all_states[1]["checkpoint"] == state["parent_checkpoint"]
    assert t.history(one, limit=1) == all_states[:1] == t.ok("GET", f"/{one}/history?limit=1")
    assert t.history(one, metadata={"source": "input"}) == all_states[3:]
    middle = all_states[1]["checkpoint"]["checkpoint_id"]
    for before in (middle, {"configurable": {"checkpoint_id": middle}}, all_states[1]["checkpoint"]):
        assert t.history(one, before=before) == all_states[2:]
    assert t.ok("GET", f"/{one}/history?before={middle}") == all_states[2:]
    assert t.ask("POST", f"/{one}/history", {"before": {}}).status == 400
    for at in (t.state(one, f"/{middle}"), t.ok("POST", f"/{one}/state/checkpoint", {"checkpoint": {"checkpoint_id": middle}}),
               t.ok("POST", f"/{one}/state/checkpoint", {"checkpoint": all_states[1]["checkpoint"], "subgraphs": True})):
        assert at["values"] == {"q": "tea", "log": ["draft"]} and at["next"] == ["polish"]
    assert t.ask("GET", f"/{one}/state/{NOBODY}").status == 404
    assert t.ask("GET", f"/{one}/state?subgraphs=perhaps").status == 400


def test_a_run_of_another_graph_fails_and_leaves_the_values_of_the_thread(threads):
    foreign = {"state": {"x": {"type": "string"}}, "nodes": {"one": {"kind": "set", "values": {"x": "1"}}},
               "edges": [["__start__", "one"]]}
    t = threads({"g": STEPS, "foreign": foreign})
    thread = t.new_id()
    t.run(thread)
    before, state = t.ok("GET", f"/{thread}"), t.state(thread)
    failed = t.ok("POST", f"/{thread}/runs/wait", {"assistant_id": "foreign", "input": {"x": "0"}})
    assert failed["__error__"]["error"] == "InvalidUpdateError" and "another graph" in failed["__error__"]["message"]
    after = t.ok("GET", f"/{thread}")
    assert (after["status"], after["error"]["error"]) == ("error", "InvalidUpdateError")
    assert after["values"] == before["values"] != {} and after["metadata"] == before["metadata"]
    assert t.state(thread) == state


def test_the_state_is_written_from_outside(threads):
    t = threads()
    one = t.new_id()
    t.run(one)
    last = t.state(one)["checkpoint"]
    done = t.ok("POST", f"/{one}/state", {"values": {"log": "manual", "q": "coffee"}, "as_node": "draft"})
    state = t.state(one)
    assert done == {"checkpoint": {k: v for k, v in state["checkpoint"].items() if k != "checkpoint_map"}}
    assert state["values"]["log"] == ["draft", "polish", "manual"] and state["next"] == ["polish"]
    assert state["metadata"]["source"] == "update" and state["parent_checkpoint"] == last
    assert t.ok("GET", f"/{one}")["values"] == state["values"] and t.ok("GET", f"/{one}")["status"] == "idle"
    t.ok("POST", f"/{one}/state", {"values": None})
    assert t.state(one)["values"] == state["values"]
    t.ok("POST", f"/{one}/state", {"values": {"q": "fork"}, "as_node": "draft", "checkpoint": last})
    assert t.state(one)["parent_checkpoint"] == last
    wrong = t.ask("POST", f"/{one}/state", {"values": {"q": "x"}, "as_node": "nobody"})
    assert wrong.status == 422 and "nobody" in wrong.text
    assert t.ask("POST", f"/{one}/state", {"values": 5}).status == 400


def test_a_thread_needs_a_graph_to_be_written_to(threads):
    t = threads()
    one = t.new_id(metadata={"name": "x"})
    reply = t.ask("POST", f"/{one}/state", {"values": {"q": "x"}})
    assert (reply.status, reply.text) == (400, f"Thread {one} has no graph ID")
    two = t.new_id(metadata={"graph_id": "ghost"})
    for method, path, body in (("GET", "/state", None), ("POST", "/history", {}), ("POST", "/state", {"values": {}})):
        reply = t.ask(method, f"/{two}{path}", body)
        assert (reply.status, reply.text) == (404, 'Graph "ghost" not found')


def test_a_thread_is_made_with_a_past(threads):
    t = threads()
    steps = [{"updates": [{"values": {"q": "bulk"}, "as_node": name}]} for name in ("__input__", "__start__")]
    made = t.create(supersteps=[*steps, {"updates": [{"values": {"log": "drafted"}, "as_node": "draft"}]}])
    assert made["values"] == {"q": "bulk", "log": ["drafted"]}
    assert t.state(made["thread_id"])["next"] == ["polish"] and len(t.history(made["thread_id"])) == 3
    own = str(uuid.uuid4())
    wrong = [{"updates": [{"values": {}, "as_node": "nobody"}]}]
    assert t.ask("POST", "", {"thread_id": own, "metadata": {"graph_id": "g"}, "supersteps": wrong}).status == 422
    assert t.ask("GET", f"/{own}").status == 404, "it was not kept"
    assert t.ask("POST", "", {"supersteps": steps}).status == 400


def test_states_of_graphs_inside_are_named_or_read_along(threads):
    t = threads(NESTED)
    one = t.new_id()
    t.run(one)
    (task,) = t.state(one)["tasks"]
    assert task["checkpoint"] == {"thread_id": one, "checkpoint_ns": f"child:{task['id']}"} and task["state"] is None
    state = t.state(one, "?subgraphs=true")
    (task,) = state["tasks"]
    inner = task["state"]
    assert task["checkpoint"] is None and inner["values"]["log"] == ["before", "one"] and inner["next"] == ["ask"]
    assert inner["checkpoint"]["checkpoint_map"] == {"": state["checkpoint"]["checkpoint_id"]}
    assert "interrupts" not in inner and [i["value"] for i in state["interrupts"]] == ["sure?"]
    at = t.ok("POST", f"/{one}/state/checkpoint", {"checkpoint": {"checkpoint_ns": inner["checkpoint"]["checkpoint_ns"]}})
    assert at["values"] == inner["values"]
    assert [s["metadata"]["step"] for s in t.history(one, checkpoint={"checkpoint_ns": f"child:{task['id']}"})] == [1, 0, -1]


def test_a_copy_has_the_whole_history_and_goes_its_own_way(threads):
    t = threads(ASKS)
    one = t.new_id(metadata={"graph_id": "g", "name": "one"})
    t.run(one)
    copy = t.ok("POST", f"/{one}/copy")
    two = copy["thread_id"]
    assert two != one and copy["metadata"] == t.ok("GET", f"/{one}")["metadata"] | {"thread_id": two}
    assert copy["metadata"]["name"] == "one"
    assert t.history(two)[-1]["checkpoint"]["thread_id"] == two
    assert [s["values"] for s in t.history(two)] == [s["values"] for s in t.history(one)]
    t.run(two, input=None, command={"resume": "yes"})
    assert t.state(two)["values"]["a"] == "yes" and t.state(one)["next"] == ["ask"]


def test_many_threads_are_pruned(threads):
    t = threads()
    ids = [t.new_id() for _ in range(3)]
    for one in ids:
        t.run(one)
    assert t.ok("POST", "/prune", {"thread_ids": [ids[0], NOBODY], "strategy": "keep_latest"}) == {"pruned_count": 1}
    assert len(t.history(ids[0])) == 1 and t.state(ids[0])["values"]["log"] == ["draft", "polish"]
    assert t.ok("POST", "/prune", {"thread_ids": ids[1:], "strategy": "delete"}) == {"pruned_count": 2}
    assert [x["thread_id"] for x in t.search()] == [ids[0]]


def test_a_thread_in_use_is_a_conflict(threads, model):
    from harness.graphs import llm
    from harness.model import held
    model.on("m", held)
    t = threads(chain(say=llm("m")))
    one = t.new_id()
    stream = t.client.post("/invoke", {"graph": "g", "thread_id": one, "input": {"q": "x"}, "stream": True})
    call = model.call("m")
    busy = t.ask("POST", f"/{one}/state", {"values": {"q": "y"}})
    assert (busy.status, busy.text) == (409, "Thread is busy")
    call.token("x")
    call.finish()
    stream.events()
    t.ok("POST", f"/{one}/state", {"values": {"q": "y"}})


def test_a_thread_ends_with_its_time_to_live(threads):
    from harness.wait import wait_until
    t = threads()
    stays, other, goes = t.new_id(ttl=60), t.new_id(), t.new_id(ttl=0.002)
    t.run(goes)
    wait_until(lambda: t.ask("GET", f"/{goes}").status == 404, "the thread to be gone")
    assert {x["thread_id"] for x in t.search()} == {stays, other}
    t.ok("PATCH", f"/{other}", {"ttl": {"ttl": 0.001, "strategy": "delete"}})
    wait_until(lambda: t.ok("POST", "/count", {}) == 1, "the other to be gone")


def test_threads_whose_times_come_closely_one_after_the_other_all_go(threads):
    from harness.wait import wait_until
    t = threads()
    for _ in range(200):
        t.new_id(ttl=0.01)
    wait_until(lambda: t.ok("POST", "/count", {}) == 0, "all to be gone")


def test_a_thread_whose_run_outlives_its_time_holds_no_other_up(start):
    from harness.wait import wait_until
    t = Threads(start(chain(one=note("one"), two=wait(60000))).client)
    goes, stays = t.new_id(ttl=0.02), t.new_id()
    run = t.client.post(f"/threads/{stays}/runs", {"assistant_id": "g", "input": {"q": "x"}})
    assert run.status == 200
    t.ok("PATCH", f"/{stays}", {"ttl": 0.001})
    wait_until(lambda: t.ask("GET", f"/{goes}").status == 404, "the other to be gone")
    assert t.ok("GET", f"/{stays}")["status"] == "busy"


def test_a_thread_that_has_expired_meanwhile_goes_at_the_next_start(start):
    import time
    from harness.wait import wait_until
    first = start(STEPS, ANABRANCH_DATABASE="sqlite:threads.db")
    one = Threads(first.client).new_id(ttl=0.005)
    first.finish()
    time.sleep(0.4)
    t = Threads(start(STEPS, ANABRANCH_DATABASE="sqlite:threads.db").client)
    wait_until(lambda: t.ask("GET", f"/{one}").status == 404, "the thread to be gone")


def test_a_history_that_is_too_large_for_one_answer_is_refused(threads):
    t = threads(ANABRANCH_MAX_STATE_BYTES="10000")
    one = t.new_id()
    for _ in range(3):
        t.run(one, input={"q": "x" * 4000})
    reply = t.ask("POST", f"/{one}/history", {"limit": 100})
    assert reply.status == 422 and "40000 bytes" in reply.text and "limit" in reply.text
    first = t.history(one, limit=2)
    assert len(first) == 2 and first[0]["values"]["q"] == "x" * 4000
    assert len(t.history(one, limit=2, before=first[-1]["checkpoint"])) == 2
