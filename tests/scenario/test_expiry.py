"""What has a time to live is deleted when it has passed, not only hidden, and nothing wakes the server where nothing has."""
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from harness.graphs import chain, note
from harness.wait import wait_until

STEPS = chain(one=note("one"))
SECOND = 1 / 60  # in minutes


def put(client, key, ttl=None, value="x"):
    data = {"namespace": ["a"], "key": key, "value": {"v": value}} | ({} if ttl is None else {"ttl": ttl})
    return client.request("PUT", "/store/items", data).status


def stored(folder):
    """The keys in the file of a server that has ended."""
    with closing(sqlite3.connect(folder / "threads.db")) as database:
        return {key for (key,) in database.execute("SELECT key FROM items")}


def wake_ups(server):
    text = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/status").read_text()
    return int(text.split("voluntary_ctxt_switches:")[1].split()[0])


def wait_asleep(server):
    """Until the server has slept for longer than a look would let it."""
    def slept():
        before = wake_ups(server)
        time.sleep(1.5)
        return wake_ups(server) == before
    wait_until(slept, "the server to sleep")


def test_expired_items_give_their_room_back(serve):
    client = serve(STEPS, ANABRANCH_MEMORY_STORE_BYTES="1MiB")
    assert put(client, "old", 0.1 * SECOND, 900_000 * "x") == 204
    assert put(client, "stays", 60) == 204
    wait_until(lambda: put(client, "new", value=900_000 * "y") == 204, "room for the next one")


def test_expired_items_leave_the_file(start, tmp_path):
    server = start(STEPS, ANABRANCH_DATABASE="sqlite:threads.db")
    for number in range(600):  # more than one sweep takes
        put(server.client, f"k{number}", 0.01 * SECOND)
    put(server.client, "ever")
    put(server.client, "later", 60)
    wait_asleep(server)
    server.signal()
    server.wait()
    assert stored(tmp_path) == {"ever", "later"}


def test_what_expired_while_no_server_ran_goes_at_the_next_start(start, tmp_path):
    server = start(STEPS, ANABRANCH_DATABASE="sqlite:threads.db")
    put(server.client, "old", SECOND)
    put(server.client, "ever")
    server.signal()
    server.wait()
    assert stored(tmp_path) == {"old", "ever"}
    time.sleep(1.1)
    server = start(STEPS, ANABRANCH_DATABASE="sqlite:threads.db")
    wait_asleep(server)
    server.signal()
    server.wait()
    assert stored(tmp_path) == {"ever"}


def test_an_item_that_is_looked_at_stays(start, tmp_path):
    server = start(STEPS, ANABRANCH_DATABASE="sqlite:threads.db")
    put(server.client, "read", 2.5 * SECOND)
    put(server.client, "other", 2.5 * SECOND)
    for _ in range(45):
        time.sleep(0.1)
        assert server.client.get("/store/items?namespace=a&key=read").json is not None
    server.signal()
    server.wait()
    assert stored(tmp_path) == {"read"}


def test_nothing_wakes_a_server_without_anything_to_expire(start):
    server = start(STEPS)
    put(server.client, "ever")
    put(server.client, "later", 600)
    server.client.post("/threads", {"ttl": 600}).body
    wait_asleep(server)
