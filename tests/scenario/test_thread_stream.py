"""GET /threads/THREAD/stream: a thread's events over all its runs."""
import pytest

from harness.graphs import chain, note, wait
from harness.wait import wait_until

QUICK = chain(one=note("one {{q}}"), two=note("two"))
SLOW = chain(one=note("one {{q}}"), two=wait("{{$context.ms}}", values={"log": "two"}))


class Thread:
    def __init__(self, client, metadata=None):
        self.client = client
        self.path = "/threads/" + client.post("/threads", {"metadata": metadata or {"graph_id": "g"}}).json["thread_id"]

    def run(self, door="/wait", q="x", **more):
        reply = self.client.post(f"{self.path}/runs{door}", {"assistant_id": "g", "input": {"q": q}} | more)
        assert reply.status == 200
        return reply.json

    def follow(self, query="", **headers):
        reply = self.client.get(f"{self.path}/stream{query}", **headers)
        assert reply.status == 200 and reply.headers["content-type"] == "text/event-stream"
        return reply


def read_run(stream):
    """Up to the end of a run."""
    events = []
    while not events or events[-1].name != "run_done":
        events.append(stream.event())
    return events


@pytest.fixture(params=["memory:", "sqlite:threads.db"])
def thread(serve, request):
    return lambda graphs=QUICK, **settings: Thread(serve(graphs, ANABRANCH_DATABASE=request.param, **settings))


def test_one_run_after_the_other_comes_on_one_stream(thread):
    t = thread()
    stream = t.follow()
    for q in "ab":
        t.run(q=q)
        events = read_run(stream)
        run_id = events[0].data["run_id"]
        assert [e.name for e in events] == ["metadata", "values", "values", "values", "run_done"]
        assert events[3].data["log"][-2:] == [f"one {q}", "two"]
        assert [e.id for e in events] == [f"{run_id}:{n}" for n in (0, 1, 2, 3, "done")]
        assert events[-1].data == {"run_id": run_id, "status": "success"}


def test_a_stream_says_where_to_come_back_to(thread):
    t = thread()
    assert t.follow().headers["location"] == f"{t.path}/stream?stream_mode=run_modes"
    both = t.follow("?stream_mode=state_update&stream_mode=lifecycle")
    assert both.headers["location"] == f"{t.path}/stream?stream_mode=lifecycle&stream_mode=state_update"


def test_lifecycle_tells_beginning_and_end_only(thread):
    t = thread(chain(one=note("one"), two={"kind": "fail", "message": "no"}))
    stream = t.follow("?stream_mode=lifecycle")
    t.run()
    events = read_run(stream)
    assert [e.name for e in events] == ["metadata", "error", "run_done"] and events[-1].data["status"] == "error"


def test_state_updates_are_told_to_those_who_ask_for_them(thread):
    t = thread()
    t.run()
    streams = [t.follow("?stream_mode=state_update"), t.follow('?stream_mode=["run_modes","state_update"]')]
    checkpoint = t.client.post(f"{t.path}/state", {"values": {"log": "from outside"}, "as_node": "one"}).json["checkpoint"]
    for stream in streams:
        event = stream.event()
        assert event.name == "state_update" and event.data["checkpoint"] == checkpoint
        assert event.data["values"]["log"][-1] == "from outside"
    t.run(q="b")
    assert streams[1].event().name == "metadata"


def test_who_comes_back_goes_on_behind_what_they_have_seen(thread):
    t = thread()
    first = t.follow()
    t.run(q="a")
    t.run(q="b")
    seen = read_run(first) + read_run(first)
    for i in (0, 2, 4, 6):
        stream = t.follow(last_event_id=seen[i].id)
        rest = [stream.event() for _ in seen[i + 1:]]
        assert [(e.id, e.name, e.text) for e in rest] == [(e.id, e.name, e.text) for e in seen[i + 1:]]
    everything = t.follow(last_event_id="-1")
    assert [everything.event().id for _ in seen] == [e.id for e in seen]


def test_who_comes_in_the_middle_of_a_run_gets_it_from_its_beginning(thread):
    t = thread(SLOW)
    t.run(q="before", context={"ms": 1})
    run = t.run("", q="a", context={"ms": 300})
    wait_until(lambda: t.client.get(f"{t.path}/runs/{run['run_id']}").json["status"] == "running", "the run to begin")
    events = read_run(t.follow())
    assert events[0].data["run_id"] == run["run_id"] and events[-1].data["status"] == "success"


def test_the_stream_ends_with_its_thread(thread):
    t = thread(SLOW)
    stream = t.follow()
    t.run("", context={"ms": 60000})
    stream.until(lambda e: e.name == "values")
    assert t.client.request("DELETE", t.path).status == 204
    assert stream.events()[-1].data["status"] == "interrupted"


def test_the_stream_ends_when_the_thread_is_pruned(thread):
    t = thread()
    stream = t.follow()
    ids = [t.path.split("/")[-1]]
    assert t.client.post("/threads/prune", {"thread_ids": ids, "strategy": "delete"}).json == {"pruned_count": 1}
    assert stream.events() == []


def test_the_stream_ends_with_the_threads_time_to_live(thread):
    t = thread()
    stream = t.follow()
    t.client.request("PATCH", t.path, {"ttl": 0.001})
    assert stream.events() == []


def test_a_server_that_goes_down_does_not_wait_for_followers(start):
    server = start(QUICK)
    stream = Thread(server.client).follow()
    server.signal()
    assert server.wait() == 0 and stream.events() == []


def test_unknown_threads_and_modes_are_refused(thread):
    t = thread()
    assert t.client.get("/threads/00000000-0000-4000-8000-000000000000/stream").status == 404
    reply = t.client.get(t.path + "/stream?stream_mode=values")
    assert reply.status == 400 and "run_modes, lifecycle or state_update" in reply.text


def test_patching_the_state_is_patching_the_metadata(thread):
    t = thread()
    assert t.client.request("PATCH", f"{t.path}/state", {"metadata": {"a": 1}}).status == 204
    assert t.client.get(t.path).json["metadata"]["a"] == 1
    assert t.client.request("PATCH", f"{t.path}/state", {}).status == 400
