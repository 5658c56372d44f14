"""Runs that a killed server leaves behind and that cannot go on: each ends as an error that says why, and nothing says running."""
import signal
import sqlite3

import pytest

from harness.graphs import chain, note, wait
from harness.wait import wait_until
from test_thread_runs import Thread

SQLITE = "sqlite:threads.db"


def slow(**more):
    return chain(one=note("one {{q}}"), two=wait(60000, values={"log": "two"}), **more)


def kill(server):
    server.signal(signal.SIGKILL)
    server.wait()


@pytest.fixture
def left(start):
    """A server that was killed in the middle of a run, with another one that waits behind it."""
    server = start(slow(), ANABRANCH_DATABASE=SQLITE)
    t = Thread(server.client)
    run, later = t.start("a", durability="sync"), t.start("b")
    t.wait_for(run, "one a")
    kill(server)
    return t, run, later


def serve_again(start, t, graphs=None):
    server = start(graphs, ANABRANCH_DATABASE=SQLITE)
    return server, Thread(server.client, ident=t.id)


def assert_error(t, run, says):
    wait_until(lambda: t.status(run) == "error", "the run to end")
    assert says in t.run(run).json["error"]["message"]
    assert says in t.join(run)["__error__"]["message"]
    assert says in t.client.get(f"/threads/{t.id}").json["error"]["message"]


def test_a_graph_that_is_gone_ends_its_runs(start, left, tmp_path):
    t, run, later = left
    (tmp_path / "graphs" / "g.json").unlink()
    server, t = serve_again(start, t, {"other": chain(a=note("a"))})
    for each in run, later:
        assert_error(t, each, "does not have the run's graph")
    thread = t.client.get(f"/threads/{t.id}").json
    assert thread["status"] == "error"
    assert Thread(t.client, "other").wait()["log"] == ["a"]


def test_a_node_that_is_gone_ends_its_run_and_the_next_one_begins(start, left):
    t, run, later = left
    server, t = serve_again(start, t, chain(one=note("one {{q}}"), other=note("other")))
    assert_error(t, run, '"two"')
    wait_until(lambda: t.status(later) in ("success", "error"), "the next one to end")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"assistant_id":"x"}'])
def test_a_damaged_row_ends_its_run(start, left, tmp_path, body):
    t, run, later = left
    with sqlite3.connect(tmp_path / "threads.db") as db:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        (row,) = db.execute("SELECT rowid FROM records WHERE kind = 1 AND id = ?", (run["run_id"],)).fetchone()
        assert db.execute("UPDATE record_bodies SET bytes = ? WHERE record = ?", (body, row)).rowcount == 1
    db.close()
    server, t = serve_again(start, t)
    assert_error(t, run, "cannot be read")
    t.wait_for(later, "one b")
    assert t.client.get(f"/threads/{t.id}").json["status"] == "busy", "the next one is at work"
    assert t.cancel(later, "?wait=1") == 204


def test_a_run_whose_client_has_left_with_the_server_is_interrupted(start):
    server = start(slow(), ANABRANCH_DATABASE=SQLITE)
    t = Thread(server.client)
    reply = t.post("/stream", on_disconnect="cancel")
    run = reply.event().data
    reply.until(lambda e: e.data.get("log") == ["one x"])
    kill(server)
    server, t = serve_again(start, t)
    assert t.status(run) == "interrupted" and t.client.get(f"/threads/{t.id}").json["status"] == "idle"
