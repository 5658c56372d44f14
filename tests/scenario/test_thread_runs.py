"""The protocol's runs: on a thread and stateless, streamed, waited for, in the background, one after the other, cancelled,
and taken up by the next server when one is killed."""
import signal
import uuid

import pytest

from harness.graphs import chain, graph, note, wait
from harness.wait import wait_until

DATABASES = ["memory:", "sqlite:threads.db"]


LONG = {"context": {"ms": 60000}}
SHORT = {"context": {"ms": 1}}


def slow(ms=400):
    return chain(one=note("one {{q}}"), two=wait(ms, values={"log": "two"}), three=note("three"))


def letter():
    nodes = {"write": note("written"), "ask": {"kind": "interrupt", "value": "send?", "output": "verdict"}, "send": note("sent")}
    names = ["__start__", *nodes, "__end__"]
    return graph(nodes, [[a, b] for a, b in zip(names, names[1:])], {"verdict": {"type": "any"}})


class Thread:
    def __init__(self, client, graph="g", ident=None):
        self.client, self.graph, self.id = client, graph, ident or str(uuid.uuid4())
        self.path = f"/threads/{self.id}/runs"

    def post(self, door, q="x", **more):
        body = {"assistant_id": self.graph, "if_not_exists": "create"} | ({} if q is None else {"input": {"q": q}}) | more
        return self.client.post(self.path + door, body)

    def wait(self, q="x", **more):
        return self.post("/wait", q, **more).json

    def start(self, q="x", multitask_strategy="enqueue", **more):
        reply = self.post("", q, multitask_strategy=multitask_strategy, **more)
        assert reply.status == 200, reply.text
        return reply.json

    def run(self, run):
        return self.client.get(f"{self.path}/{run['run_id']}")

    def status(self, run):
        reply = self.run(run)
        return reply.json["status"] if reply.status == 200 else reply.status

    def join(self, run):
        return self.client.get(f"{self.path}/{run['run_id']}/join").json

    def stream(self, run, query="", **headers):
        return self.client.get(f"{self.path}/{run['run_id']}/stream{query}", **headers)

    def wait_for(self, run, line):
        """Until the run has written it."""
        self.stream(run, "?stream_mode=values").until(lambda e: line in e.data.get("log", []))

    def cancel(self, run, query=""):
        return self.client.post(f"{self.path}/{run['run_id']}/cancel{query}", "").status

    def list(self, query=""):
        return [(r["run_id"], r["status"]) for r in self.client.get(self.path + query).json]


@pytest.fixture(params=DATABASES)
def thread(serve, request):
    def make(graphs, **settings):
        return Thread(serve(graphs, ANABRANCH_DATABASE=request.param, **settings))
    return make


# ---- one run ----

def test_a_stream_has_ids_and_says_where_the_run_is(thread):
    t = thread(slow(1))
    reply = t.post("/stream")
    events = reply.events()
    assert [e.name for e in events] == ["metadata"] + 4 * ["values"]
    assert [e.id for e in events] == [str(k) for k in range(5)]
    run_id = events[0].data["run_id"]
    assert events[0].data == {"run_id": run_id, "attempt": 1}
    assert reply.headers["content-location"] == f"{t.path}/{run_id}"
    assert reply.headers["location"] == f"{t.path}/{run_id}/stream"
    assert t.list() == [(run_id, "success")], "the books are closed before the stream ends"


def test_who_reads_or_waits_again_is_told_where_to_come_back_to(thread):
    t = thread(slow())
    run = t.start()
    path = f"{t.path}/{run['run_id']}"
    joined = t.client.get(path + "/join")
    assert joined.headers["location"] == path + "/join"
    assert t.stream(run).headers["location"] == path + "/stream"
    some = t.stream(run, '?stream_mode=["values","updates"]&cancel_on_disconnect=0')
    assert some.headers["location"] == path + "/stream?stream_mode=values&stream_mode=updates"
    assert t.client.get(some.headers["location"]).events()[-1].id == some.events()[-1].id
    stateless = t.client.post("/runs", {"assistant_id": "g", "input": {"q": "x"}}).json["run_id"]
    assert t.client.get(f"/runs/{stateless}/stream").headers["location"] == f"/runs/{stateless}/stream"


def test_runs_go_on_from_each_other(thread):
    t = thread(slow(1))
    assert t.wait("a")["log"] == ["one a", "two", "three"]
    assert t.wait("b")["log"] == ["one a", "two", "three", "one b", "two", "three"]


def test_a_background_run_is_pending_then_joined(thread):
    t = thread(slow())
    run = t.start("z", metadata={"who": "me"}, config={"tags": ["t"], "configurable": {"k": 1}})
    assert run["status"] == "pending" and run["thread_id"] == t.id
    assert run["metadata"]["who"] == "me" and run["metadata"]["graph_id"] == "g"
    assert run["kwargs"]["config"]["configurable"]["k"] == 1 and run["kwargs"]["input"] == {"q": "z"}
    assert t.status(run) == "running"
    assert t.join(run)["log"][0] == "one z"
    assert t.status(run) == "success"
    assert t.join(run)["log"][0] == "one z", "one that has ended gives what its thread has"


def test_unknown_threads_runs_and_assistants_are_404(thread):
    t = thread(slow(1))
    assert t.post("/wait", if_not_exists="reject").text == f"Thread with ID {t.id} not found"
    assert t.client.get(t.path).status == 404
    assert t.post("/stream", assistant_id="nope").status == 404
    t.wait()
    nobody = {"run_id": str(uuid.uuid4())}
    assert t.run(nobody).text == "Run not found" and t.cancel(nobody) == 404
    assert t.stream(nobody).status == 404 and t.client.get(f"{t.path}/{nobody['run_id']}/join").status == 404
    other = Thread(t.client)
    other.wait()
    run = {"run_id": t.list()[0][0]}
    assert other.run(run).status == 404, "a run is found on its own thread only"


def test_lists_are_newest_first_and_can_be_narrowed(thread):
    t = thread(slow(1))
    runs = [t.start()["run_id"] for _ in range(3)]
    t.join({"run_id": runs[2]})
    assert [r for r, _ in t.list()] == runs[::-1]
    assert [r for r, _ in t.list("?limit=1&offset=1")] == [runs[1]]
    assert t.client.get(t.path + "?select=run_id").json[0] == {"run_id": runs[2]}
    assert t.list("?status=error") == []


def test_a_run_that_asks_is_a_success_and_goes_on_with_an_answer(thread):
    t = thread(letter())
    (asked,) = t.wait()["__interrupt__"]
    assert asked["value"] == "send?"
    assert t.list()[0][1] == "success"
    assert t.wait(None, command={"resume": "yes"})["log"] == ["written", "sent"]


def test_a_failed_run_is_an_error_and_its_thread_takes_another(thread):
    t = thread(slow(1))
    assert t.wait(config={"recursion_limit": 1})["__error__"]["error"] == "GraphRecursionError"
    assert t.list()[0][1] == "error"
    assert t.wait()["log"][-1] == "three"


# ---- one after the other ----

def test_runs_of_a_thread_wait_for_each_other(thread):
    t = thread(slow())
    first, second = t.start("a"), t.start("b")
    assert [t.status(first), t.status(second)] == ["running", "pending"]
    assert [line for line in t.join(second)["log"] if line.startswith("one")] == ["one a", "one b"]


def test_a_busy_thread_refuses_another_run(thread):
    t = thread(slow())
    run = t.start("a")
    for words in {"multitask_strategy": "reject"}, {}:
        reply = t.post("/wait", **words)
        assert reply.status == 422 and "already running" in reply.text
    reply = t.client.post("/invoke", {"graph": "g", "thread_id": t.id, "input": {"q": "b"}})
    assert reply.status == 409 and reply.json["error"]["type"] == "ConflictError"
    assert [r for r, _ in t.list()] == [run["run_id"]]


def test_interrupt_stops_what_runs_and_keeps_what_it_has_done(thread):
    t = thread(slow("{{$context.ms}}"))
    first = t.start("a", **LONG)
    t.wait_for(first, "one a")
    second = t.start("b", multitask_strategy="interrupt", **LONG)
    wait_until(lambda: t.status(first) == "interrupted", "the first to end")
    t.wait_for(second, "one b")
    assert t.cancel(second, "?wait=1") == 204
    third = t.stream(t.start(None, assistant_id="g", command={"goto": "three"}, **SHORT), "?stream_mode=values").events()
    assert [line for line in third[-1].data["log"] if line.startswith("one")] == ["one a", "one b"]


def test_rollback_leaves_nothing_of_what_ran(thread):
    t = thread(slow("{{$context.ms}}"))
    first = t.start("a", **LONG)
    t.wait_for(first, "one a")
    second = t.start("b", multitask_strategy="rollback", **LONG)
    wait_until(lambda: t.status(first) == 404, "the first to be gone")
    t.wait_for(second, "one b")
    assert t.cancel(second, "?wait=true") == 204
    seen = t.wait(None, command={"goto": "three"}, **SHORT)
    assert [line for line in seen["log"] if line.startswith("one")] == ["one b"]


def test_a_delayed_run_waits_for_its_time_and_can_be_cancelled(thread):
    t = thread(slow(1))
    run = t.start("a", after_seconds=30)
    assert t.status(run) == "pending" and run["created_at"] > t.start("b")["created_at"]
    assert t.cancel(run, "?wait=1") == 204 and t.status(run) == "interrupted"
    soon = t.start("c", after_seconds=0.3)
    assert t.status(soon) == "pending" and "one c" in t.join(soon)["log"]


# ---- cancelling, deleting ----

def test_a_thread_that_is_deleted_takes_its_runs_along(thread):
    t = thread(slow(20000))
    first, second = t.start("a"), t.start("b")
    t.wait_for(first, "one a")
    assert t.client.request("DELETE", f"/threads/{t.id}").status == 204
    assert [t.status(first), t.status(second)] == [404, 404]
    assert t.client.get(f"/threads/{t.id}").status == 404 and t.client.get(f"/threads/{t.id}/state").status == 404


def test_a_cancelled_run_just_ends(thread):
    t = thread(slow(5000))
    reply = t.post("/stream")
    run = reply.event().data
    reply.until(lambda e: e.data.get("log") == ["one x"])
    assert t.cancel(run) == 202
    assert reply.events() == [] and reply.is_ended
    assert t.status(run) == "interrupted"
    assert t.cancel(run, "?wait=1") == 204, "one that has ended is cancelled, too"


def test_who_waits_for_a_run_that_is_cancelled_gets_the_values_that_it_had(thread):
    t = thread(slow(5000))
    reply = t.post("/wait", on_disconnect="cancel")
    run = wait_until(lambda: t.client.get(t.path).json, "the run to be there")[0]
    joined = t.client.get(f"{t.path}/{run['run_id']}/join")
    held = t.start()
    waits = t.client.get(f"{t.path}/{held['run_id']}/join")
    wait_until(lambda: t.client.get(f"/threads/{t.id}/state").json["next"] == ["two"], "the second node to be at work")
    assert t.cancel(held) == 202 and waits.json == {}, "it has not begun"
    assert t.cancel(run) == 202
    assert reply.json == joined.json == {"q": "x", "log": ["one x"]}
    assert t.status(run) == "interrupted"


def test_rolling_back_deletes_the_run_and_its_checkpoints(thread):
    t = thread(slow(1))
    before = t.wait("a")
    u = Thread(t.client, ident=t.id)
    run = u.start("b", interrupt_before=None, after_seconds=20)
    assert u.cancel(run, "?wait=1&action=rollback") == 204 and u.status(run) == 404
    assert u.wait(None, command={"goto": "three"})["log"] == before["log"] + ["three"]


def test_many_runs_are_cancelled_at_once(thread):
    t = thread(slow(5000))
    runs = [t.start() for _ in range(3)]
    wait_until(lambda: t.status(runs[0]) == "running", "the first to begin")
    body = {"thread_id": t.id, "run_ids": [runs[1]["run_id"]]}
    assert t.client.post("/runs/cancel", body).status == 204
    wait_until(lambda: t.status(runs[1]) == "interrupted", "the second to end")
    assert t.client.post("/runs/cancel?action=rollback", {"status": "all"}).status == 204
    wait_until(lambda: [t.status(run) for run in runs] == [404, "interrupted", 404], "all to end")
    assert t.client.post("/runs/cancel", {}).status == 400


@pytest.mark.parametrize("action, left", [("interrupt", "interrupted"), ("rollback", 404)])
def test_a_long_queue_that_is_cancelled_at_once_leaves_nothing_open(thread, action, left):
    t = thread(slow(60000))
    runs = [t.start() for _ in range(60)]
    wait_until(lambda: t.status(runs[0]) == "running", "the first to begin")
    assert t.client.post(f"/runs/cancel?action={action}", {"status": "all"}).status == 204
    assert t.client.post(f"{t.path}/{runs[-1]['run_id']}/cancel?wait=1", {}).status in (204, 404)
    wait_until(lambda: t.client.get(f"/threads/{t.id}").json["status"] == "idle", "the thread to be idle")
    assert [t.status(run) for run in runs] == [left] * 60


def test_deleting_a_run_ends_it_first(thread):
    t = thread(slow(5000))
    run = t.start()
    assert t.client.request("DELETE", f"{t.path}/{run['run_id']}").status == 204
    assert t.status(run) == 404 and t.list() == []
    assert t.client.request("DELETE", f"{t.path}/{run['run_id']}").status == 404


def test_a_client_that_leaves_takes_its_run_along_if_it_said_so(thread):
    t = thread(slow(5000))
    reply = t.post("/stream", on_disconnect="cancel")
    run = reply.event().data
    reply.sock.close()
    wait_until(lambda: t.status(run) == "interrupted", "the run to end")


def test_a_reader_that_joins_may_take_the_run_along(thread):
    t = thread(slow(5000))
    run = t.start()
    reply = t.stream(run, "?cancel_on_disconnect=1")
    reply.event()
    reply.sock.close()
    wait_until(lambda: t.status(run) == "interrupted", "the run to end")


# ---- reading again ----

def test_a_reader_that_comes_back_misses_nothing_and_sees_nothing_twice(thread):
    t = thread(slow())
    reply = t.post("/stream", stream_mode=["values", "updates"])
    run = reply.event().data
    seen = [reply.event() for _ in range(2)]
    reply.sock.close()
    rest = t.stream(run, last_event_id=seen[-1].id).events()
    assert [int(e.id) for e in rest] == list(range(3, 8))
    whole = t.stream(run, last_event_id="-1").events()
    assert [(e.id, e.text) for e in whole][3:] == [(e.id, e.text) for e in rest]
    assert [e.name for e in t.stream(run, "?stream_mode=updates").events()] == ["metadata"] + 3 * ["updates"]


def test_a_log_is_forgotten_in_time(thread):
    t = thread(slow(1), ANABRANCH_LOG_KEEP_MS="0")
    run = t.start()
    t.join(run)
    wait_until(lambda: t.stream(run).events() == [], "the log to go")
    assert t.status(run) == "success"


# ---- stateless ----

def test_a_stateless_background_run_can_be_joined_and_read(serve):
    client = serve(slow(100))
    run = client.post("/runs", {"assistant_id": "g", "input": {"q": "x"}}).json
    assert run["status"] == "pending" and run["kwargs"]["temporary"] is True
    assert client.get(f"/runs/{run['run_id']}/join").json["log"] == ["one x", "two", "three"]
    events = client.get(f"/runs/{run['run_id']}/stream?stream_mode=values").events()
    assert events[0].name == "metadata" and {e.name for e in events[1:]} == {"values"}
    assert client.get(f"/runs/{uuid.uuid4()}/join").status == 404


def test_a_batch_begins_all_of_its_runs_or_none(serve):
    client = serve(slow(1))
    runs = client.post("/runs/batch", [{"assistant_id": "g", "input": {"q": q}} for q in "ab"]).json
    assert [client.get(f"/runs/{run['run_id']}/join").json["log"][0] for run in runs] == ["one a", "one b"]
    wrong = client.post("/runs/batch", [{"assistant_id": "g", "input": {}}, {"assistant_id": 5}])
    assert wrong.status == 400 and "assistant_id" in wrong.text
    assert client.post("/runs/batch", [{"assistant_id": "g", "input": {}}, {"assistant_id": "nope"}]).status == 404
    assert client.post("/runs/batch", []).status == 400


# ---- invoke goes the same way ----

def test_invoke_has_one_run_at_a_time_unless_it_says_otherwise(thread):
    t = thread(slow())
    run = t.start("a")
    body = {"graph": "g", "thread_id": t.id, "input": {"q": "b"}}
    assert t.client.post("/invoke", body).status == 409
    assert t.client.post("/invoke", body | {"multitask_strategy": "enqueue"}).json["log"][3] == "one b"
    assert t.status(run) == "success" and len(t.list()) == 2


# ---- killed ----

def killed(start, graphs, **settings):
    server = start(graphs, ANABRANCH_DATABASE="sqlite:threads.db", **settings)
    return server, Thread(server.client)


def again(start, server, t, **settings):
    server.signal(signal.SIGKILL)
    server.wait()
    return Thread(start(ANABRANCH_DATABASE="sqlite:threads.db", **settings).client, ident=t.id)


def test_a_killed_run_goes_on_without_repeating_what_it_had_done(start):
    server, t = killed(start, slow(700))
    run, later = t.start("a", durability="sync"), t.start("b")
    t.wait_for(run, "one a")
    t = again(start, server, t)
    events = t.stream(run).events()
    assert events[0].data == {"run_id": run["run_id"], "attempt": 2} and int(events[0].id) > 1000
    assert t.join(run)["log"][:3] == ["one a", "two", "three"]
    assert t.join(later)["log"] == ["one a", "two", "three", "one b", "two", "three"]
    assert [status for _, status in t.list()] == ["success", "success"]


def test_a_run_that_kills_its_server_is_given_up(start):
    server, t = killed(start, slow("{{$context.ms}}"), ANABRANCH_MAX_RUN_ATTEMPTS="2")
    run = t.start("a", **LONG)
    for _ in range(2):
        wait_until(lambda: t.status(run) == "running", "the run to begin")
        server.signal(signal.SIGKILL)
        server.wait()
        server = start(ANABRANCH_DATABASE="sqlite:threads.db", ANABRANCH_MAX_RUN_ATTEMPTS="2")
        t = Thread(server.client, ident=t.id)
    assert t.status(run) == "error" and server.says("run_not_resumed")
    assert t.wait(None, command={"goto": "three"}, **SHORT)["log"][-1] == "three", "the thread takes another"


def test_a_server_that_ends_leaves_its_runs_to_the_next(start):
    server, t = killed(start, slow(1500), ANABRANCH_DRAIN_MS="100")
    run, delayed = t.start("a", durability="sync"), t.start("b", after_seconds=1)
    wait_until(lambda: t.status(run) == "running", "the run to begin")
    server.signal()
    assert server.wait() == 0
    t = Thread(start(ANABRANCH_DATABASE="sqlite:threads.db").client, ident=t.id)
    assert t.join(run)["log"] == ["one a", "two", "three"]
    assert "one b" in t.join(delayed)["log"]


def test_clients_of_a_run_that_the_next_server_goes_on_with_are_cut_off_and_come_back(start):
    server, t = killed(start, slow("{{$context.ms}}"), ANABRANCH_DRAIN_MS="100")
    stream = t.post("/stream", "a", context={"ms": 1500}, stream_mode="values", durability="sync")
    seen = [stream.until(lambda e: e.name == "values" and "one a" in e.data["log"])]
    place = stream.headers["location"]
    wait = t.client.get(place.replace("/stream", "/join"))
    follower = t.client.get(f"/threads/{t.id}/stream")
    server.signal()
    assert server.wait() == 0
    for reply in stream, wait, follower:
        with pytest.raises(ConnectionError):
            while reply.chunk() is not None:
                assert b"ServiceUnavailable" not in reply.body_bytes and b"run_done" not in reply.body_bytes
    t = Thread(start(ANABRANCH_DATABASE="sqlite:threads.db").client, ident=t.id)
    rest = t.client.get(place, last_event_id=seen[0].id).events()
    assert rest[0].name == "metadata" and rest[0].data["attempt"] == 2
    assert rest[-1].data["log"] == ["one a", "two", "three"]


def test_a_refused_answer_leaves_the_question_to_others(thread):
    t = thread(letter())
    t.wait()
    before = t.client.get(f"/threads/{t.id}").json
    assert before["status"] == "interrupted" and before["interrupts"]
    reply = t.client.post("/invoke", {"graph": "g", "thread_id": t.id, "command": {"resume": {"0" * 32: "yes"}}})
    assert reply.status == 422 and reply.json["error"]["type"] == "UnknownInterruptError"
    after = t.client.get(f"/threads/{t.id}").json
    assert [after[key] for key in ("status", "interrupts", "values")] == [before[key] for key in ("status", "interrupts", "values")]
    assert after["error"]["error"] == "UnknownInterruptError"
    assert [x["thread_id"] for x in t.client.post("/threads/search", {"status": "interrupted"}).json] == [t.id]
    assert t.wait(None, command={"resume": "yes"})["verdict"] == "yes"
    assert t.client.get(f"/threads/{t.id}").json["status"] == "idle"
