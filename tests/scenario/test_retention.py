"""What is kept, and what goes by itself: by age, by being pruned, and because nobody can reach it any more."""
import re
import sqlite3
import uuid

import pytest

from harness.graphs import graph, note, wait
from harness.wait import wait_until

# What a run does is what q says.
WAYS = graph({"draft": note("draft {{q}}"), "polish": note("polish", a="{{q}}"), "pause": wait(300),
              "bad": {"kind": "fail", "error": "ValueError", "message": "no"}, "long": wait(60000)},
             [{"from": "__start__", "switch": "q", "cases": {"fail": "pause", "slow": "long"}, "default": "draft"},
              ["draft", "polish"], ["polish", "__end__"], ["pause", "bad"], ["bad", "__end__"], ["long", "__end__"]])
NESTED = graph({"child": {"kind": "graph", "graph": "g"}, "after": wait(60000)},
               [["__start__", "child"], ["child", "after"], ["after", "__end__"]])
GRAPHS = {"g": WAYS, "nested": NESTED}


@pytest.fixture(params=["memory:", "sqlite:keep.db"])
def keeper(request, serve):
    return lambda **settings: Keeper(serve(GRAPHS, ANABRANCH_DATABASE=request.param, **settings))


class Keeper:
    def __init__(self, client):
        self.client = client

    def ok(self, path, body):
        reply = self.client.post(path, body)
        assert reply.status == 200, reply.text
        return reply.json

    def new(self, **more):
        return self.ok("/threads", {"metadata": {"graph_id": "g"}} | more)["thread_id"]

    def start(self, thread_id, q="x", **more):
        return self.ok(f"/threads/{thread_id}/runs", {"assistant_id": "g", "input": {"q": q},
                                                      "multitask_strategy": "enqueue"} | more)

    def turn(self, thread_id, graph_name="g"):
        return self.ok(f"/threads/{thread_id}/runs/wait", {"assistant_id": graph_name, "input": {"q": "x"}})

    def thread(self, thread_id):
        reply = self.client.get(f"/threads/{thread_id}")
        return reply.json if reply.status == 200 else None

    def history(self, thread_id):
        return self.ok(f"/threads/{thread_id}/history", {"limit": 1000})

    def runs(self, thread_id):
        return [(r["run_id"], r["status"]) for r in self.client.get(f"/threads/{thread_id}/runs").json]

    def prune(self, ids, strategy="delete"):
        return self.ok("/threads/prune", {"thread_ids": ids, "strategy": strategy})["pruned_count"]


# ---- prune ----

@pytest.mark.parametrize("strategy", ["delete", "keep_latest"])
def test_prune_leaves_a_thread_alone_while_a_run_is_at_work(keeper, strategy):
    k = keeper()
    busy, idle = k.new(), k.new()
    run = k.start(busy, "slow")
    assert k.prune([busy, idle], strategy) == 1
    assert dict(k.runs(busy))[run["run_id"]] in ("pending", "running")
    assert (k.thread(idle) is None) == (strategy == "delete")
    assert k.client.post(f"/threads/{busy}/runs/{run['run_id']}/cancel?wait=true", "").status < 300
    assert k.prune([busy], strategy) == 1


def test_a_thread_is_busy_while_the_run_behind_a_failed_one_is_at_work(keeper):
    k = keeper()
    one = k.new()
    bad, good = k.start(one, "fail"), k.start(one, "slow")
    wait_until(lambda: dict(k.runs(one)) == {bad["run_id"]: "error", good["run_id"]: "running"}, "the second run to begin")
    assert k.thread(one)["status"] == "busy"
    assert k.prune([one]) == 0
    assert dict(k.runs(one))[good["run_id"]] == "running"


def test_prune_leaves_a_thread_alone_whose_next_run_begins_later(keeper):
    k = keeper()
    one = k.new()
    bad, later = k.start(one, "fail"), k.start(one, after_seconds=3600)
    wait_until(lambda: dict(k.runs(one))[bad["run_id"]] == "error", "the first run to fail")
    assert k.prune([one]) == 0
    assert dict(k.runs(one))[later["run_id"]] == "pending"


def test_many_are_pruned_with_one_request(keeper):
    k = keeper()
    ids = [k.new() for _ in range(120)]
    assert k.prune([]) == 0
    assert k.prune(ids + [str(uuid.uuid4())]) == 120
    assert k.ok("/threads/count", {}) == 0


# ---- by age ----

def test_a_thread_to_which_nothing_happens_is_deleted_and_others_stay(keeper):
    k = keeper(ANABRANCH_THREAD_KEEP_MS="400")
    busy, idle, failed = k.new(), k.new(), k.new()
    run = k.start(busy, "slow")
    k.turn(idle)
    k.start(failed, "fail")
    wait_until(lambda: k.thread(idle) is None and k.thread(failed) is None, "idle threads to go")
    assert k.runs(busy) == [(run["run_id"], "running")]
    assert k.client.get(f"/threads/{idle}/state").status == 404
    assert k.client.post(f"/threads/{busy}/runs/{run['run_id']}/cancel?wait=true", "").status < 300
    wait_until(lambda: k.thread(busy) is None, "the thread to go when its run has ended")


def test_the_past_of_a_thread_at_rest_goes_and_its_latest_state_stays(keeper):
    k = keeper(ANABRANCH_HISTORY_KEEP_MS="300")
    one = k.new()
    for _ in range(3):
        k.turn(one)
    before = k.client.get(f"/threads/{one}/state").json
    wait_until(lambda: len(k.history(one)) == 1, "the past to go")
    after = k.client.get(f"/threads/{one}/state").json
    assert after == before | {"parent_checkpoint": None}
    assert k.thread(one)["values"] == before["values"]
    assert k.turn(one)["log"] == before["values"]["log"] + ["draft x", "polish"], "and it goes on from there"
    wait_until(lambda: len(k.history(one)) == 1, "the past to go once more")
    assert len(k.runs(one)) == 4


def test_what_has_lost_its_past_is_not_pruned_again_by_the_next_server(start):
    def turned(server):
        return Keeper(server.client)
    settings = {"ANABRANCH_DATABASE": "sqlite:keep.db", "ANABRANCH_HISTORY_KEEP_MS": "300"}
    server = start(GRAPHS, **settings)
    k = turned(server)
    old = [k.new() for _ in range(50)]
    for one in old[:3]:
        k.turn(one)
    wait_until(lambda: all(len(k.history(one)) == 1 for one in old[:3]), "the past to go")
    wait_until(lambda: sum(map(int, re.findall(r"histories=pruned count=(\d+)", server.log))) == 50, "all to be pruned")
    server.finish()
    again = start(GRAPHS, **settings)
    k = turned(again)
    new = k.new()
    k.turn(new)
    wait_until(lambda: len(k.history(new)) == 1, "the past of the new one to go")
    wait_until(lambda: re.findall(r"histories=pruned count=(\d+)", again.log), "it to be told")
    assert re.findall(r"histories=pruned count=(\d+)", again.log) == ["1"]


def test_the_record_of_a_run_goes_and_its_thread_stays(keeper):
    k = keeper(ANABRANCH_RUN_KEEP_MS="300")
    one, busy = k.new(), k.new()
    k.turn(one)
    slow = k.start(busy, "slow")
    k.start(one, "fail")
    wait_until(lambda: k.runs(one) == [], "the records to go")
    assert k.client.get(f"/threads/{one}/state").json["values"]["log"] == ["draft x", "polish"]
    assert k.runs(busy) == [(slow["run_id"], "running")]


# ---- by its own time to live ----

def test_a_thread_that_keeps_its_latest_state_loses_its_past_when_its_time_has_come(keeper):
    k = keeper()
    one = k.new(ttl={"ttl": 0.01, "strategy": "keep_latest"})
    ttl = k.client.get(f"/threads/{one}?include=ttl").json["ttl"]
    assert (ttl["strategy"], ttl["ttl_minutes"]) == ("keep_latest", 0.01)
    log = []
    for _ in range(3):
        k.turn(one)
        log += ["draft x", "polish"]
        wait_until(lambda: len(k.history(one)) == 1, "the past to go")
        assert k.history(one)[0]["values"]["log"] == log
    k.client.request("PATCH", f"/threads/{one}", {"ttl": 0.01})
    wait_until(lambda: k.thread(one) is None, "the thread to go, as its new ttl says")


# ---- what nobody can reach ----

def rows(path):
    """Of each table that has any. No server has the file open."""
    with sqlite3.connect(path) as db:
        tables = [name for name, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        counts = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables if name != "record_counts"}
        assert db.execute("SELECT count(*) FROM record_counts WHERE count < 0").fetchone() == (0,)
    db.close()
    return {name: count for name, count in counts.items() if count}


def test_what_was_deleted_or_never_kept_leaves_no_row(start, tmp_path):
    server = start(GRAPHS, ANABRANCH_DATABASE="sqlite:keep.db")
    k = Keeper(server.client)
    nested = {"assistant_id": "nested", "input": {"q": "x"}}
    for _ in range(5):
        one, other = k.new(ttl=60), k.new()
        k.turn(one)
        copy = k.ok(f"/threads/{one}/copy", {})["thread_id"]
        run = k.ok(f"/threads/{other}/runs", nested)
        k.ok("/runs/wait", {"assistant_id": "g", "input": {"q": "x"}})
        background = k.ok("/runs", {"assistant_id": "g", "input": {"q": "x"}})
        assert k.client.get(f"/runs/{background['run_id']}/join").status == 200
        made = k.ok("/assistants", {"graph_id": "g", "metadata": {"a": 1}})["assistant_id"]
        assert k.client.request("PATCH", f"/assistants/{made}", {"metadata": {"a": 2}}).status == 200
        assert k.client.request("DELETE", f"/assistants/{made}").status < 300
        assert k.client.request("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}}).status == 204
        assert k.client.request("DELETE", "/store/items", {"namespace": ["a"], "key": "k"}).status == 204
        assert k.client.request("DELETE", f"/threads/{other}").status == 204, run
        assert k.prune([one, copy]) == 2
    server.finish()
    assert rows(tmp_path / "keep.db") == {}


def test_what_was_rolled_back_leaves_no_row(start, tmp_path):
    server = start(GRAPHS, ANABRANCH_DATABASE="sqlite:keep.db")
    k = Keeper(server.client)
    one = k.new()
    k.turn(one)
    server.finish()
    before = rows(tmp_path / "keep.db")
    server = start(GRAPHS, ANABRANCH_DATABASE="sqlite:keep.db")
    k = Keeper(server.client)
    for _ in range(3):
        run = k.ok(f"/threads/{one}/runs", {"assistant_id": "nested", "input": {"q": "x"}})
        wait_until(lambda: k.client.get(f"/threads/{one}/state").json["next"] == ["after"], "the subgraph to end")
        k.client.post(f"/threads/{one}/runs/{run['run_id']}/cancel?action=rollback&wait=true", "")
        wait_until(lambda: len(k.runs(one)) == 1, "the run to be taken back")
    server.finish()
    assert rows(tmp_path / "keep.db") == before
