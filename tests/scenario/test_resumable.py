"""Resumable streams: read from the store once the log is gone, after the end, after a restart and after a kill, with the ids and
bytes that an undisturbed reader got; and the numbers of events, of which none is given twice."""
import signal
import uuid

import pytest

from harness.graphs import chain, graph, note, wait
from harness.wait import wait_until

SQLITE = "sqlite:threads.db"


def steps(count, ms=1):
    """`count` nodes that write a line each; the last one waits for so long before."""
    nodes = {f"n{k:03}": note(f"line {k} " + "x" * 200) for k in range(count - 1)}
    return chain(**nodes, zlast=wait(ms, values={"log": "last"}))


class Run:
    def __init__(self, client, thread, run_id):
        self.client, self.thread, self.id = client, thread, run_id
        self.path = f"/threads/{thread}/runs/{run_id}"

    def read(self, query="", last=None):
        reply = self.client.get(f"{self.path}/stream{query}", **({} if last is None else {"last_event_id": str(last)}))
        assert reply.status == 200
        return numbered(reply.events())

    def on(self, client):
        return Run(client, self.thread, self.id)

    def status(self):
        return self.client.get(self.path).json["status"]


def begin(client, modes=("values", "updates"), **more):
    """A run and the stream of whoever made it."""
    thread = str(uuid.uuid4())
    reply = client.post(f"/threads/{thread}/runs/stream", {"assistant_id": "g", "if_not_exists": "create", "input": {"q": "x"},
                        "stream_mode": list(modes), "stream_resumable": True, "config": {"recursion_limit": 1000}} | more)
    assert reply.status == 200, reply.text
    return reply, Run(client, thread, reply.headers["content-location"].split("/")[-1])


def numbered(events):
    """StreamTruncated is a reader's own event and has no number."""
    return [(None if e.id is None else int(e.id), e.name, e.text) for e in events]


@pytest.mark.parametrize("database", ["memory:", SQLITE])
def test_a_run_that_has_ended_is_read_from_the_store(serve, database):
    client = serve(steps(5), ANABRANCH_DATABASE=database, ANABRANCH_LOG_KEEP_MS="0")
    reply, run = begin(client)
    seen = numbered(reply.events())
    assert [k for k, _, _ in seen] == list(range(len(seen))) and len(seen) == 1 + 6 + 5
    assert run.read() == seen and run.read(last=-1) == seen
    for k in range(len(seen)):
        assert run.read(last=k) == seen[k + 1:]
    assert run.read("?stream_mode=updates") == [e for e in seen if e[1] in ("metadata", "updates")]


def test_the_same_after_a_restart(start):
    server = start(steps(5), ANABRANCH_DATABASE=SQLITE)
    reply, run = begin(server.client)
    seen = numbered(reply.events())
    server.signal()
    server.wait()
    run = run.on(start(ANABRANCH_DATABASE=SQLITE).client)
    assert run.read(last=-1) == seen and run.read(last=7) == seen[8:]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_what_falls_out_of_the_log_is_read_from_the_store(serve, durability):
    client = serve(steps(120, 300), ANABRANCH_DATABASE=SQLITE, ANABRANCH_LOG_BYTES="4KiB")
    reply, run = begin(client, durability=durability)
    late = run.read(last=-1)
    assert [k for k, _, _ in late] == list(range(1 + 121 + 120))
    assert numbered(reply.events()) == late, "who has read along, or has fallen behind, got the same"
    assert run.read(last=100) == late[101:]


def test_a_run_that_is_not_resumable_falls_out_and_says_so(serve):
    client = serve(steps(120, 200), ANABRANCH_DATABASE=SQLITE, ANABRANCH_LOG_BYTES="4KiB")
    reply, run = begin(client, stream_resumable=False)
    assert "StreamTruncated" in run.read(last=0)[-1][2]


def test_stored_events_are_bounded_and_the_gap_is_told(serve):
    client = serve(steps(200), ANABRANCH_DATABASE=SQLITE, ANABRANCH_LOG_KEEP_MS="0",
                   ANABRANCH_RESUMABLE_BYTES="64KiB")
    reply, run = begin(client)
    seen = numbered(reply.events())
    wait_until(lambda: len(run.read()) == 1, "the log to go")
    (told,) = run.read(last=10)
    assert told[1] == "error" and "StreamTruncated" in told[2] and "events 11 to" in told[2]
    assert run.read(last=len(seen) - 3) == seen[-2:]


def test_stored_events_go_with_time_or_with_their_run(serve):
    client = serve(steps(3), ANABRANCH_DATABASE=SQLITE, ANABRANCH_LOG_KEEP_MS="0", ANABRANCH_RESUMABLE_KEEP_MS="1")
    reply, run = begin(client)
    reply.events()
    wait_until(lambda: run.read() == [], "the events to go")
    before = client.get(run.path).json
    assert before["status"] == "success"


def test_events_of_graphs_inside_are_stored_too(serve):
    inner = graph({"a": note("inner")}, [["__start__", "a"], ["a", "__end__"]])
    outer = chain(one=note("one"), sub={"kind": "graph", "graph": "inner"})
    client = serve({"g": outer, "inner": inner}, ANABRANCH_DATABASE=SQLITE, ANABRANCH_LOG_KEEP_MS="0")
    reply, run = begin(client, stream_subgraphs=True)
    seen = numbered(reply.events())
    assert any("|" in name for _, name, _ in seen)
    assert run.read(last=-1) == seen


def test_several_readers_get_the_same(serve):
    client = serve(steps(60, 300), ANABRANCH_DATABASE=SQLITE, ANABRANCH_LOG_BYTES="4KiB")
    reply, run = begin(client)
    others = [client.get(f"{run.path}/stream", last_event_id="-1") for _ in range(3)]
    seen = numbered(reply.events())
    assert all(numbered(other.events()) == seen for other in others)


def test_a_stateless_background_run_can_be_read_after_its_end(serve):
    client = serve(steps(3), ANABRANCH_DATABASE=SQLITE, ANABRANCH_LOG_KEEP_MS="0", ANABRANCH_RESUMABLE_KEEP_MS="100000")
    run = client.post("/runs", {"assistant_id": "g", "input": {"q": "x"}, "stream_mode": "values", "stream_resumable": True}).json
    client.get(f"/runs/{run['run_id']}/join").body
    events = numbered(client.get(f"/runs/{run['run_id']}/stream").events())
    assert [name for _, name, _ in events] == ["metadata"] + 4 * ["values"]


# ---- killed ----

def killed(server, start, **settings):
    server.signal(signal.SIGKILL)
    server.wait()
    return start(ANABRANCH_DATABASE=SQLITE, **settings).client


@pytest.mark.parametrize("resumable", [True, False])
def test_after_a_kill_come_stored_events_then_the_second_attempt(start, resumable):
    server = start(steps(4, 1500), ANABRANCH_DATABASE=SQLITE)
    reply, run = begin(server.client, durability="sync", stream_resumable=resumable)
    seen = [reply.event()]
    while len(seen[-1].data.get("log", [])) < 3:
        seen.append(reply.event())
    seen = numbered(seen)
    run = run.on(killed(server, start))
    rest = run.read(last=seen[3][0])
    cut = [name for _, name, _ in rest].index("metadata")
    stored, again = rest[:cut], rest[cut:]
    if resumable:
        assert len(stored) >= 2, "the first steps were committed"
    assert stored == seen[4:4 + len(stored)]
    assert '"attempt":2' in again[0][2] and again[0][0] > seen[-1][0]
    assert [name for _, name, _ in again] == ["metadata", "values", "updates", "values"], "the last step is repeated"
    assert again[1][2] == seen[-1][2], "from where it stood"
    numbers = [k for k, _, _ in rest]
    assert numbers == sorted(set(numbers))
    if resumable:
        assert run.read(last=-1) == seen[:4] + rest


def test_a_server_that_ends_leaves_a_run_whose_stream_goes_on(start):
    server = start(steps(4, 1500), ANABRANCH_DATABASE=SQLITE, ANABRANCH_DRAIN_MS="100")
    reply, run = begin(server.client, durability="sync")
    last = int(reply.until(lambda e: e.name == "values" and len(e.data["log"]) == 3).id)
    server.signal()
    with pytest.raises(ConnectionError):
        reply.events()
    server.wait()
    rest = run.on(start(ANABRANCH_DATABASE=SQLITE).client).read(last=last)
    assert rest[0][1] == "metadata" and '"attempt":2' in rest[0][2] and rest[0][0] > last
    assert rest[-1][1] == "values" and "last" in rest[-1][2]


def test_a_pending_run_keeps_its_numbers_over_a_restart(start):
    server = start(steps(2, 1), ANABRANCH_DATABASE=SQLITE)
    thread = str(uuid.uuid4())
    made = server.client.post(f"/threads/{thread}/runs", {"assistant_id": "g", "if_not_exists": "create", "input": {"q": "x"},
                              "after_seconds": 0.5, "stream_mode": "values"}).json
    first = server.client.get(f"/threads/{thread}/runs/{made['run_id']}/stream").event()
    run = Run(killed(server, start), thread, made["run_id"])
    events = run.read()
    assert events[0] == (int(first.id), first.name, first.text), "the same event has the same number"
    assert [k for k, _, _ in events] == list(range(4))


def test_restarts_in_good_order_do_not_use_attempts_up(start):
    settings = {"ANABRANCH_DATABASE": SQLITE, "ANABRANCH_DRAIN_MS": "1", "ANABRANCH_MAX_RUN_ATTEMPTS": "1"}
    server = start(steps(2, 1500), **settings)
    reply, run = begin(server.client, durability="sync")
    for attempt in 2, 3:
        wait_until(lambda: run.status() == "running", "the run to begin")
        server.signal()
        server.wait()
        server = start(**settings)
        run = run.on(server.client)
    assert [name for _, name, text in run.read() if f'"attempt":{attempt}' in text] == ["metadata"]
    assert run.status() == "success"


def test_a_full_database_ends_the_run_and_its_streams(serve):
    client = serve(steps(200), ANABRANCH_DATABASE="memory:", ANABRANCH_MEMORY_STORE_BYTES="1MiB", ANABRANCH_LOG_KEEP_MS="0")
    reply, run = begin(client)
    last = reply.events()[-1]
    assert last.name == "error" and "database is full" in last.text
    assert run.status() == "error"
    again = run.read(last=-1)
    assert again[-1][1] == "error" and "StreamTruncated" in again[-1][2], "what could not be stored is told"
