"""What a server with storage is measured by: runs on threads, many at once, and what a long thread costs on the disk."""
import contextlib
import http.client
import json
import os
import re
import select
import shutil
import socket
import sqlite3
import subprocess
import time
import uuid
from pathlib import Path

PLAIN = {"type": "string"}
GRAPHS = {
    "pair": {"state": {"q": PLAIN, "a": PLAIN, "b": PLAIN},
             "nodes": {"one": {"kind": "set", "values": {"a": "one {{q}}"}}, "two": {"kind": "set", "values": {"b": "answer to {{q}}"}}},
             "edges": [["__start__", "one"], ["one", "two"], ["two", "__end__"]]},
    "second": {"state": {"q": PLAIN}, "nodes": {"w": {"kind": "wait", "ms": 1000}}, "edges": [["__start__", "w"], ["w", "__end__"]]},
    "talk": {"state": {"q": PLAIN, "log": {"type": "array", "reducer": "append"}, "messages": {"type": "messages"}},
             "nodes": {"note": {"kind": "set", "values": {"log": "{{q}}"}},
                       "reply": {"kind": "set", "values": {"messages": [{"role": "assistant", "content": "{{q}}"}]}}},
             "edges": [["__start__", "note"], ["note", "reply"], ["reply", "__end__"]]},
}

# Every request begins a thread of its own.
WRK = """
local next, connection = %d, 0
request = function()
  next = next + 1
  local path = string.format("/threads/00000000-0000-4000-8000-%%012d/runs/wait", next)
  return wrk.format("POST", path, {["content-type"] = "application/json"}, '%s')
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %%f %%f %%f %%d\\n", summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
                         latency:percentile(99) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
"""
WAIT_BODY = {"assistant_id": "pair", "input": {"q": "hi"}, "durability": "sync", "if_not_exists": "create"}


def load(port, folder, first, connections=16, seconds=5):
    """(requests per second, p50 ms, p99 ms) of /threads/T/runs/wait."""
    script = folder / "threads.lua"
    script.write_text(WRK % (first, json.dumps(WAIT_BODY)))
    said = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", script, f"http://127.0.0.1:{port}"],
                          text=True, capture_output=True, check=True).stdout
    rate, p50, p99, errors = map(float, re.search(r"RESULT (\S+) (\S+) (\S+) (\S+)", said).groups())
    assert errors == 0, said
    return rate, p50, p99


@contextlib.contextmanager
def langgraph_api(here, folder, running):
    """The port of LangGraph's own server with the same graph, or None."""
    if not (shutil.which("node") and shutil.which("npm")):
        yield None
        return
    place = here / "langgraph_api"
    if not (place / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=place, stdout=subprocess.DEVNULL, check=True)
    (folder / "api").mkdir(exist_ok=True)
    with running(["node", "server.mjs", folder / "api"], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                 env=os.environ | {"LOG_LEVEL": "error"}) as process:
        yield int(process.stdout.readline())


def many_at_once(port, count, is_stateless=False):
    """Seconds from the first of so many runs of 1 s to the last answer, each on a connection and, if it has one, a thread of its own."""
    sockets, poll = {}, select.epoll()
    body = json.dumps(WAIT_BODY | {"assistant_id": "second"})
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", port))
        sockets[s.fileno()] = s
        poll.register(s, select.EPOLLIN)
    requests = {fd: (f"POST {'' if is_stateless else f'/threads/{uuid.uuid4()}'}/runs/wait HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n{body}").encode() for fd in sockets}
    heard = dict.fromkeys(sockets, b"")
    begin, left = time.monotonic(), count
    for fd, s in sockets.items():
        s.sendall(requests[fd])
    while left > 0:
        for fd, _ in poll.poll(20):
            said = sockets[fd].recv(65536)
            heard[fd] += said
            assert said and heard[fd].startswith(b"HTTP/1.1 200"), heard[fd]
            if heard[fd].endswith(b'"}\r\n0\r\n\r\n') or heard[fd].endswith(b'"}') and b"Content-Length" in heard[fd]:
                poll.unregister(fd)
                left -= 1
    wall = time.monotonic() - begin
    for s in sockets.values():
        s.close()
    return wall


def take_turns(port, count, size_bytes):
    thread, client = uuid.uuid4(), http.client.HTTPConnection("127.0.0.1", port)
    for i in range(count):
        body = {"assistant_id": "talk", "input": {"q": "a" * size_bytes, "messages": [{"role": "user", "content": "q" * size_bytes}]},
                "if_not_exists": "create", "durability": "sync"}
        client.request("POST", f"/threads/{thread}/runs", json.dumps(body | {"multitask_strategy": "enqueue"}),
                       {"content-type": "application/json"})
        run = json.loads(client.getresponse().read())
        if i % 20 == 19 or i == count - 1:
            client.request("GET", f"/threads/{thread}/runs/{run['run_id']}/join")
            client.getresponse().read()
    client.close()


def bytes_by_turn(path, count):
    """What the checkpoints of each turn hold, with values and tasks' results."""
    sizes = {}
    with contextlib.closing(sqlite3.connect(path)) as db:
        for select in ("id, length(head) FROM checkpoints", "checkpoint_id, length(bytes) FROM checkpoint_values",
                       "checkpoint_id, length(bytes) FROM checkpoint_writes"):
            for ident, size in db.execute(f"SELECT {select}"):
                sizes[ident] = sizes.get(ident, 0) + size
    ids = sorted(sizes)
    each = len(ids) // count
    assert len(ids) == each * count, (len(ids), count)
    return [sum(sizes[i] for i in ids[k * each:(k + 1) * each]) for k in range(count)]


def middle(values):
    return sorted(values)[len(values) // 2]
