"""Threads in a file: what outlives the server, and what a file that cannot be used says."""
import json
import resource
import signal
import sqlite3
from pathlib import Path

import pytest

from harness.graphs import chain, graph, llm, note
from harness.model import held, tokens

APPROVE = json.loads((Path(__file__).parents[2] / "config/graphs/approve.json").read_text()) | {"name": "g"}
FILE = "sqlite:threads.db"


def ask(client, **more):
    return client.post("/invoke", {"graph": "g", "thread_id": "t"} | more)


class Restart:
    """restart(graph, how): ends the server that runs, if one does, and starts one on the same file."""

    def __init__(self, start):
        self.start, self.server = start, None

    def __call__(self, own, how=signal.SIGTERM, **settings):
        if self.server is not None:
            self.server.signal(how)
            self.server.wait()
        self.server = self.start(own, ANABRANCH_DATABASE=FILE, ANABRANCH_DEFAULT_MODEL="demo", ANABRANCH_DEMO_DELAY_MS="0",
                                 **settings)
        return self.server.client


@pytest.fixture
def restart(start):
    return Restart(start)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_question_outlives_the_server(restart, how):
    asked = ask(restart(APPROVE), input={"task": "a haiku"}).json
    assert len(asked["__interrupt__"]) == 1 and asked["draft"]
    client = restart(APPROVE, how)
    assert ask(client).json["__interrupt__"] == asked["__interrupt__"], "the same question with the same id"
    again = ask(client, command={"resume": "shorter"}).json
    assert len(again["__interrupt__"]) == 1
    client = restart(APPROVE, how)
    done = ask(client, command={"resume": "yes"}).json
    assert "__interrupt__" not in done and done["draft"] == again["draft"]
    assert ask(restart(APPROVE, how), command={"resume": "yes"}).status == 422, "it has been answered"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_what_a_run_has_written_is_there_and_grows_on(restart, how, durability):
    own = chain(one=note("one"), two=note("two"))
    for times in range(1, 4):
        reply = ask(restart(own, how), input={"q": "x"}, durability=durability)
        assert reply.json["log"] == ["one", "two"] * times


def test_a_step_that_was_killed_is_done_again_and_what_was_finished_is_not(restart, model):
    model.on("slow", held, tokens("done"))
    own = graph({"fast": note("fast"), "slow": llm("slow"), "end": note("end")},
                [["__start__", ["fast", "slow"]], [["fast", "slow"], "end"], ["end", "__end__"]])
    client = restart(own)
    reply = client.post("/invoke", {"graph": "g", "thread_id": "t", "input": {"q": "x"}, "stream": True, "durability": "sync",
                                    "stream_mode": "updates"})
    assert reply.until(lambda e: e.name == "updates").data == {"fast": {"log": "fast"}}
    model.call("slow")
    client = restart(own, signal.SIGKILL)
    got = ask(client).json
    assert got["a"] == "done" and got["log"] == ["fast", "end"]


def test_a_run_that_leaves_with_the_server_has_kept_its_steps(restart, model):
    model.on("slow", held, tokens("done"))
    own = chain(one=note("one"), slow=llm("slow"), two=note("two"))
    reply = restart(own, ANABRANCH_DRAIN_MS="200").post(
        "/invoke", {"graph": "g", "thread_id": "t", "input": {"q": "x"}, "stream": True})
    model.call("slow")
    assert reply.event().name == "metadata"
    got = ask(restart(own)).json
    assert got["a"] == "done" and got["log"] == ["one", "two"]


def test_the_file_is_the_servers_own(restart, tmp_path):
    path = tmp_path / "threads.db"
    ask(restart(chain(one=note("one"))), input={"q": "x"})
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(path, timeout=0).execute("SELECT count(*) FROM checkpoints")
    restart.server.signal()
    assert restart.server.wait() == 0
    assert [p.name for p in tmp_path.glob("threads.db*")] == ["threads.db"], "the log has been moved into it"
    assert sqlite3.connect(path).execute("SELECT count(*) FROM checkpoints").fetchone()[0] >= 2


def test_a_second_server_is_refused_and_the_first_goes_on(restart, start):
    client = restart(chain(one=note("one")))
    second = start(chain(one=note("one")), ANABRANCH_DATABASE=FILE, listening=False)
    assert second.wait() == 2
    assert "threads.db: another process has it open" in second.log
    assert ask(client, input={"q": "x"}).status == 200


def make_foreign(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE x (y)")


@pytest.mark.parametrize("make, words", [
    (lambda path: path.write_text("not a database, but something that somebody needs"), "no SQLite database"),
    (make_foreign, "another program"), (lambda path: path.mkdir(), "is no file")], ids=["text", "foreign", "folder"])
def test_a_file_that_is_not_ours_is_refused_and_left_alone(start, tmp_path, make, words):
    path = tmp_path / "threads.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    server = start(chain(one=note("one")), ANABRANCH_DATABASE=FILE, listening=False)
    assert server.wait() == 2 and words in server.log and "threads.db" in server.log
    assert server.log.startswith("anabranch: database ") and server.log.count("\n") == 1
    assert before is None or path.read_bytes() == before


def test_a_folder_that_is_missing_is_named(start):
    server = start(chain(one=note("one")), ANABRANCH_DATABASE="sqlite:///nowhere/at/all/x.db", listening=False)
    assert server.wait() == 2 and "/nowhere/at/all/x.db: its folder does not exist" in server.log


def test_the_default_database_is_a_file_beside_the_server(start, tmp_path):
    client = start(chain(one=note("one")), ANABRANCH_DATABASE=None).client
    assert ask(client, input={"q": "x"}).status == 200
    assert (tmp_path / "anabranch.db").is_file()


@pytest.mark.parametrize("arguments", [["run", "g", "--input", '{"q":"x"}'], ["check"]], ids=["run", "check"])
def test_other_commands_leave_the_file_alone(run_tool, tmp_path, arguments):
    done = run_tool(*arguments, graphs=chain(one=note("one")), ANABRANCH_DATABASE=FILE)
    assert done.returncode == 0 and not (tmp_path / "threads.db").exists()


def test_a_full_disk_fails_runs_with_a_sentence_until_there_is_room(restart):
    client = restart(chain(one=note("one")))
    assert ask(client, input={"q": "x"}).status == 200
    pid = restart.server.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))  # stands for the disk
    reply = ask(client, input={"q": "x" * 200000})
    assert reply.status == 503 and reply.json["error"]["type"] == "ServiceUnavailableError" and "full" in reply.json["error"]["message"]
    assert restart.server.logged(r" error database_failed database=\S*threads.db message=.*full")
    assert client.invoke().status == 200, "runs without a thread need no disk"
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert ask(client, input={"q": "y"}).json["log"] == ["one", "one"]
    assert restart.server.logged("database_works_again")
