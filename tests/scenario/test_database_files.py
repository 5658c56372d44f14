"""The setting `database` names a file that cannot be used, and a disk that becomes full: what the program itself says and does.
The store's own tests look closer (tests/unit/test_sqlite.c)."""
import os
import random
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from harness.graphs import chain, note
from harness.small_disk import SmallDisk

FILE = "sqlite:threads.db"
GRAPH = chain(one=note("one"), two=note("two"))
SMALL_DISK = [sys.executable, str(Path(__file__).parent / "harness/small_disk.py")]
# Root may read and write everything, unless it has given that up.
AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.fixture
def used(start, tmp_path):
    """A database that a server has used and left."""
    server = start(GRAPH, ANABRANCH_DATABASE=FILE)
    for number in range(30):
        thread = server.client.post("/threads", {"metadata": {"graph_id": "g", "number": number}}).json["thread_id"]
        assert server.client.post(f"/threads/{thread}/runs/wait", {"assistant_id": "g", "input": {"q": "x" * 500}}).json["log"]
    server.signal()
    assert server.wait() == 0
    return tmp_path / "threads.db"


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.glob("threads.db*") if p.is_file() and os.access(p, os.R_OK)}


def refused(start, *words, wrapper=()):
    """The server ends with 2 and one line, which names the file."""
    server = start(GRAPH, ANABRANCH_DATABASE=FILE, listening=False, wrapper=wrapper)
    assert server.wait(30) == 2, server.log
    assert server.log.startswith("anabranch: database ") and "threads.db" in server.log and server.log.count("\n") == 1, server.log
    assert all(word in server.log for word in words), server.log


def newer(path):
    db = sqlite3.connect(path)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute(f"PRAGMA user_version = {version + 1}")
    db.close()


def overwrite(path, at, data):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


NOISE = random.Random(1).randbytes(8192)
DAMAGE = {
    "written by a newer version": (newer, ["version"]),
    "noise in place of the file": (lambda path: path.write_bytes(NOISE), ["no SQLite database"]),
    "cut to a half": (lambda path: os.truncate(path, path.stat().st_size // 2), ["damaged"]),
    "cut to its first page": (lambda path: os.truncate(path, 4096), ["damaged"]),
    "cut inside its head": (lambda path: os.truncate(path, 50), ["no SQLite database"]),
    "noise in its head": (lambda path: overwrite(path, 0, NOISE[:100]), ["no SQLite database"]),
    "noise in its list of tables": (lambda path: overwrite(path, 100, NOISE[:3996]), ["damaged"]),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_file_is_refused_and_left_as_it_is(start, used, what):
    damage, words = DAMAGE[what]
    damage(used)
    before = contents(used.parent)
    refused(start, *words)
    assert contents(used.parent) == before


@pytest.mark.parametrize("eighth", range(1, 8))
def test_rows_that_are_damaged_do_not_take_the_others_along(start, used, eighth):
    """Noise in the middle: the server starts or refuses, and answers what it can; it does not end, and nothing is made up."""
    size = used.stat().st_size
    overwrite(used, size * eighth // 8 // 4096 * 4096, NOISE)
    server = start(GRAPH, ANABRANCH_DATABASE=FILE, listening=False)
    try:
        client = server.wait_listening().client
    except AssertionError:
        assert server.wait() == 2, server.log
        assert "threads.db" in server.log and "malformed" in server.log and "Put a copy of it in its place" in server.log
        return
    for number in range(30):
        reply = client.post("/threads/search", {"metadata": {"number": number}})
        assert reply.status in (200, 500), reply.text
        for thread in reply.json if reply.status == 200 else []:
            state = client.get(f"/threads/{thread['thread_id']}/state")
            assert state.status == 500 or state.json["values"]["log"] == ["one", "two"], state.text
    assert client.post("/runs/wait", {"assistant_id": "g", "input": {"q": "x"}}).json["log"] == ["one", "two"]


PLACES = {
    "a folder": (lambda path: path.mkdir(), ["is no file"]),
    "a pipe": (os.mkfifo, ["is no file"]),
    "a link to nowhere": (lambda path: path.symlink_to("/nowhere/at/all"), ["cannot be"]),
    "a link to itself": (lambda path: path.symlink_to(path), ["cannot be"]),
    "a device": (lambda path: path.symlink_to("/dev/full"), ["is no file"]),
}


@pytest.mark.parametrize("what", PLACES)
def test_a_place_that_is_no_file(start, tmp_path, what):
    make, words = PLACES[what]
    make(tmp_path / "threads.db")
    refused(start, *words)


@pytest.mark.skipif(bool(AS_OTHERS) and shutil.which("setpriv") is None, reason="root without setpriv may write everything")
@pytest.mark.parametrize("file, folder, words", [
    (0o400, 0o700, ["cannot be read and written", "Let the server's user write"]), (0o000, 0o700, ["cannot be read and written"]),
    (0o600, 0o500, ["folder cannot be written"])], ids=["a file to read only", "a file of others", "a folder to read only"])
def test_what_may_not_be_written(start, used, file, folder, words):
    before = contents(used.parent)
    used.chmod(file)
    used.parent.chmod(folder)
    try:
        refused(start, *words, wrapper=AS_OTHERS)
    finally:
        used.parent.chmod(0o700)
        used.chmod(0o600)
    assert contents(used.parent) == before


def test_a_file_that_another_program_writes(start, used):
    other = sqlite3.connect(used)
    other.execute("BEGIN EXCLUSIVE")
    refused(start, "another process has it open")
    other.rollback()
    other.close()
    assert start(GRAPH, ANABRANCH_DATABASE=FILE).client.post("/threads/count", {}).json == 30


def test_an_empty_file_and_a_log_that_is_none_are_no_harm(start, used, tmp_path):
    (tmp_path / "threads.db-wal").write_bytes(NOISE)
    assert start(GRAPH, ANABRANCH_DATABASE=FILE).client.post("/threads/count", {}).json == 30
    (tmp_path / "empty.db").touch()
    assert start(GRAPH, ANABRANCH_DATABASE="sqlite:empty.db").client.post("/threads/count", {}).json == 0


# ---- a disk without room ----

@pytest.fixture
def on_small_disk(start, tmp_path):
    """on_small_disk(bytes): a server whose database lies on a disk of that size."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def begin(size, listening=True):
        server = start(GRAPH, wrapper=[*SMALL_DISK, str(folder), str(size)], listening=False,
                       ANABRANCH_DATABASE=f"sqlite:{folder}/threads.db")
        try:
            return (server.wait_listening() if listening else server), SmallDisk(server.process.pid, folder)
        except AssertionError:
            if server.process.poll() == 77:
                server.is_judged = True
                pytest.skip("this user may not mount a disk")
            raise
    return begin


def test_a_disk_that_is_full_at_the_start(on_small_disk):
    server, _ = on_small_disk(8192, listening=False)
    code = server.wait()
    if code == 77:
        pytest.skip("this user may not mount a disk")
    assert code == 2 and "disk is full" in server.log and server.log.count("\n") == 1


def test_a_disk_that_becomes_full_while_the_server_serves(on_small_disk):
    """What would write is refused with a sentence, the rest goes on; with room again all works, and nothing was lost."""
    server, disk = on_small_disk(4 << 20)
    client = server.client
    thread = client.post("/threads", {"metadata": {"graph_id": "g"}}).json["thread_id"]

    def run_on(thread):
        return client.post(f"/threads/{thread}/runs/wait", {"assistant_id": "g", "input": {"q": "x" * 30000}})

    assert run_on(thread).json["log"] == ["one", "two"]
    others = [client.post("/threads", {}).json["thread_id"] for _ in range(20)]
    for other in others[:5]:
        run_on(other)
    disk.fill()
    seen = set()
    for number in range(40):  # the log has some room of its own for a while
        reply = client.request("PUT", "/store/items", {"namespace": ["a"], "key": str(number), "value": {"x": "y" * 60000}})
        seen.add(reply.status)
        if reply.status != 204:
            break
    assert seen <= {204, 422} and 422 in seen
    assert "no room" in reply.text
    kept = len(client.post("/store/items/search", {"namespace_prefix": ["a"], "limit": 1000}).json["items"])
    assert kept == number, "those that were told are there, and no other"
    big = {"metadata": {"graph_id": "g", "x": "y" * 60000}}
    refusals = [client.post("/threads", big), client.request("PATCH", f"/threads/{thread}", big),
                client.post(f"/threads/{thread}/state", {"values": {"q": "y" * 60000}})]
    for reply in refusals:
        assert reply.status == 422 and "room" in reply.text, (reply.status, reply.text)
    for other in others:  # needs a little room, too
        reply = client.request("DELETE", f"/threads/{other}")
        assert reply.status == 204 or (reply.status == 422 and "room" in reply.text), (reply.status, reply.text)
    assert client.post("/threads", big, user_agent="langgraph-sdk-py/0.4.3").json["detail"] == refusals[0].text
    failed = run_on(thread)
    assert failed.status in (200, 422) and "full" in failed.text + server.log
    assert client.post("/invoke", {"graph": "g", "thread_id": "t", "input": {"q": "x" * 60000}}).status == 503
    assert client.get(f"/threads/{thread}/state").json["values"]["log"][:2] == ["one", "two"]
    assert client.post("/threads/search", {}).status == 200 and client.get("/ok").status == 200
    assert client.runs("wait").json["log"] == ["one", "two"], "a run without a thread needs no disk"
    assert server.says("database_failed")
    disk.clear()
    assert client.post("/threads", big).status == 200
    assert run_on(thread).json["log"][-2:] == ["one", "two"]
    assert client.get(f"/threads/{thread}").json["status"] == "idle"
    assert server.says("database_works_again")
