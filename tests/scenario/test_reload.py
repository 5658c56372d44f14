"""Graph files that change while the server runs: SIGHUP and POST /admin/reload."""
import os
import re
import signal
import sys
import threading
from pathlib import Path

import pytest

from harness import namespace
from harness.graphs import chain, fan, llm, note
from harness.model import held, tokens
from harness.server import write_graphs
from harness.wait import PATIENCE, wait_until

FORWARDED = ["x_forwarded_for", "x_forwarded_proto", "forwarded", "x_real_ip", "via"]

# Says what its version says, after a model has spoken; counts its runs in a local of the file.
LUA = """
local count = 0
local g = StateGraph{{q = "string", a = "string", log = {{type = "array", reducer = append}}}}
g:add_node("say", node.llm{{model = "openai:m", prompt = "{{{{q}}}}", output = "a"}})
g:add_node("end", function(state)
    count = count + 1
    return {{log = {{"{text} " .. count}}}}
end)
g:add_edge(START, "say")
g:add_edge("say", "end")
return g:compile{{}}
"""


def put(tmp_path, name, text):
    """Writes a file of the graphs' folder; None removes it."""
    path = tmp_path / "graphs" / name
    if text is None:
        path.unlink()
    else:
        path.write_text(text)


def change(tmp_path, **graphs):
    write_graphs(tmp_path, graphs)


def reload(client, status=200, **headers):
    reply = client.request("POST", "/admin/reload", **headers)
    assert reply.status == status, reply.text
    return reply.json


def report(loaded=(), unchanged=(), removed=()):
    return {"loaded": list(loaded), "unchanged": list(unchanged), "removed": list(removed), "failed": []}


def hang_up(server):
    """SIGHUP, until it was worked off."""
    before = server.log.count(" reloaded ")
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.log.count(" reloaded ") > before, "the reload")


def by_post(server):
    reload(server.client)


def log_of(client, graph="g"):
    return client.invoke(graph).json["log"]


# ---- what becomes of each graph ----


def test_each_graph_is_told(start, tmp_path):
    server = start({"a": chain(one=note("a1")), "b": chain(one=note("b1")), "c": chain(one=note("c1"))})
    client = server.client
    assert reload(client) == report(unchanged="abc")
    change(tmp_path, a=chain(one=note("a2")), d=chain(one=note("d1")))
    put(tmp_path, "b.json", None)
    assert reload(client) == report(loaded="ad", unchanged="c", removed="b")
    assert [log_of(client, name) for name in "acd"] == [["a2"], ["c1"], ["d1"]]
    assert client.invoke("b").status == 404
    assert [g["name"] for g in client.get("/graphs").json] == ["a", "c", "d"]
    for line in ("graph_loaded graph=a", "graph_loaded graph=d", "graph_removed graph=b",
                 "reloaded loaded=2 unchanged=1 removed=1 failed=0"):
        assert line in server.log
    assert "graph=c" not in re.sub(r".* run_.*", "", server.log), "nothing is said of what stays"


def test_a_signal_does_the_same(start, tmp_path):
    server = start(chain(one=note("old")))
    change(tmp_path, g=chain(one=note("new")))
    assert log_of(server.client) == ["old"], "not before it is asked for"
    hang_up(server)
    assert log_of(server.client) == ["new"]


def test_the_body_of_the_request_does_not_matter(serve):
    client = serve(chain(one=note("one")))
    assert client.post("/admin/reload", "{}").status == 200
    assert client.post("/admin/reload", "x", content_type="text/html").status == 200
    reply = client.get("/admin/reload")
    assert reply.status == 405 and reply.headers["allow"] == "POST"


def test_a_graph_in_a_graph_takes_the_outer_one_along(start, tmp_path):
    client = start({"outer": chain(inner={"kind": "graph", "graph": "inner"}), "inner": chain(one=note("old"))}).client
    assert log_of(client, "outer") == ["old"]
    change(tmp_path, inner=chain(one=note("new")))
    assert reload(client) == report(loaded=["inner", "outer"])
    assert log_of(client, "outer") == ["new"]


def test_locals_of_a_lua_file_live_until_it_changes(start, tmp_path, model):
    model.on("m", tokens("x"))
    client = start({"other": chain(one=note("one"))}).client
    put(tmp_path, "g.lua", LUA.format(text="old"))
    assert reload(client) == report(loaded="g", unchanged=["other"])
    assert log_of(client) == ["old 1"]
    change(tmp_path, other=chain(one=note("two")))
    assert reload(client) == report(loaded=["other"], unchanged="g")
    assert log_of(client) == ["old 2"]
    put(tmp_path, "g.lua", LUA.format(text="new"))
    assert reload(client) == report(loaded="g", unchanged=["other"])
    assert log_of(client) == ["new 1"]


def test_modules_and_scripts_are_parts_of_their_graphs(start, tmp_path):
    graph = chain(one=note("x")) | {"script": "lib/fold.lua", "state": {
        "q": {"type": "string"}, "log": {"type": "string", "reducer": "fold"}}}
    fold = 'local m = require("m") return {fold = function() return m end}'
    (tmp_path / "graphs" / "lib").mkdir(parents=True)
    put(tmp_path, "lib/fold.lua", fold)
    put(tmp_path, "lib/m.lua", "return 'old'")
    client = start({"g": graph, "other": chain(one=note("one"))}).client
    assert log_of(client) == "old"
    put(tmp_path, "lib/m.lua", "return 'new'")
    assert reload(client) == report(loaded="g", unchanged=["other"])
    assert log_of(client) == "new"
    put(tmp_path, "lib/fold.lua", fold.replace("return m ", "return 'newest' "))
    assert reload(client) == report(loaded="g", unchanged=["other"])
    assert log_of(client) == "newest"


# ---- what is wrong ----


@pytest.mark.parametrize("name,bad,where", [("g.json", '{"state":\n]', r"g\.json:2:1: "),
                                            ("g.json", '{"nodes":{}}', r'g\.json: "state" is missing'),
                                            ("h.lua", "local x = 1\nlocal y = = 2", r"h\.lua:2: ")])
def test_a_broken_file_keeps_the_old_graph(start, tmp_path, name, bad, where):
    (tmp_path / "graphs").mkdir()
    put(tmp_path, "h.lua", 'local g = StateGraph{q = "string", log = "string"}\n'
        'g:add_node("one", function() return {log = "h"} end) g:add_edge(START, "one") return g:compile{}')
    server = start(chain(one=note("g")))
    client, graph = server.client, name[0]
    good = (tmp_path / "graphs" / name).read_text()
    before = log_of(client, graph)
    put(tmp_path, name, bad)
    told = reload(client, 422)
    assert told["loaded"] == told["removed"] == [] and told["unchanged"] == [n for n in "gh" if n != graph]
    [failed] = told["failed"]
    assert failed["graph"] == graph and failed["kept"] is True
    assert any(re.search(where, line) for line in failed["problems"]), failed
    assert log_of(client, graph) == before
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.log.count("failed=1") == 2, "the second reload")
    assert server.log.count(f" warn graph_failed graph={graph} kept=yes") == 2
    assert server.says("graph_failed .*" + where.replace('"', r'\\"'))
    put(tmp_path, name, good)
    assert reload(client) == report(unchanged="gh"), "as it was: nothing to load"


def test_every_mistake_is_told_and_the_good_files_are_loaded(start, tmp_path):
    client = start({"a": chain(one=note("old")), "b": chain(one=note("old"))}).client
    change(tmp_path, a={"nodes": {}, "edges": [], "oops": 1}, b=chain(one=note("new")), c={})
    told = reload(client, 422)
    assert told["loaded"] == ["b"]
    assert [(f["graph"], f["kept"]) for f in told["failed"]] == [("a", True), ("c", False)]
    assert len(told["failed"][0]["problems"]) >= 2
    assert log_of(client, "a") == ["old"] and log_of(client, "b") == ["new"] and client.invoke("c").status == 404


def test_graphs_of_a_folder_that_cannot_be_read_stay(start, tmp_path):
    client = start(chain(one=note("one"))).client
    (tmp_path / "graphs").rename(tmp_path / "away")
    told = reload(client, 422)
    assert told["unchanged"] == ["g"]
    assert told["failed"][0]["graph"] is None and "ANABRANCH_GRAPHS" in told["failed"][0]["problems"][0]
    assert log_of(client) == ["one"]


def test_a_model_without_a_key_is_warned_of(start, tmp_path):
    server = start(chain(one=note("one")))
    change(tmp_path, g=chain(one={"kind": "llm", "model": "nowhere:m", "prompt": "x", "output": "a"}))
    reload(server.client)
    assert server.says("model_not_ready graph=g node=one")


# ---- runs in flight ----


@pytest.mark.parametrize("again", [hang_up, by_post])
@pytest.mark.parametrize("kind", ["json", "lua"])
@pytest.mark.parametrize("becomes", ["new", None])
def test_a_run_keeps_the_version_that_it_began_with(start, tmp_path, model, again, kind, becomes):
    def write(text):
        if text is None:
            put(tmp_path, f"g.{kind}", None)
        elif kind == "lua":
            put(tmp_path, "g.lua", LUA.format(text=text))
        else:
            change(tmp_path, g=chain(say=llm("m"), end=note(f"{text} 1")))

    model.on("m", held)
    (tmp_path / "graphs").mkdir()
    write("old")
    server = start({"other": chain(one=note("one"))})
    stream = server.client.stream()
    call = model.call("m")
    call.token("one ")
    assert stream.token()[1] == "one "
    write(becomes)
    again(server)
    call.token("two")
    assert stream.token()[1] == "two"
    if becomes is not None:
        second = server.client.stream()
        model.call("m", 1).finish()
        assert second.events()[-1].data["end"]["log"] == (["new 1"] if kind == "lua" else "new 1")
    else:
        assert server.client.invoke().status == 404
    call.finish()
    last = stream.events()[-1]
    assert last.data["end"]["log"] == (["old 1"] if kind == "lua" else "old 1") and stream.is_ended


def test_a_run_of_a_removed_graph_may_be_cancelled(start, tmp_path, model):
    model.on("m", held)
    (tmp_path / "graphs").mkdir()
    put(tmp_path, "g.lua", LUA.format(text="old"))
    server = start({"other": chain(one=note("one"))})
    stream = server.client.stream()
    call = model.call("m")
    put(tmp_path, "g.lua", None)
    assert reload(server.client) == report(removed="g", unchanged=["other"])
    stream.close()
    assert call.wait_gone(5)


def test_a_thread_that_waits_goes_on_with_the_new_version(start, tmp_path):
    def graph(text):
        return chain(ask={"kind": "interrupt", "value": "?", "output": "a"}, end=note(text))

    client = start(graph("old")).client
    assert "__interrupt__" in client.invoke(thread_id="t").json
    change(tmp_path, g=graph("new"))
    reload(client)
    done = client.post("/invoke", {"graph": "g", "thread_id": "t", "command": {"resume": "yes"}}).json
    assert done["a"] == "yes" and done["log"] == ["new"]


def test_results_that_were_kept_are_not_those_of_the_new_version(start, tmp_path):
    def graph(text):
        return chain(one=note(text) | {"cache": {}})

    client = start(graph("old")).client
    assert log_of(client) == log_of(client) == ["old"]
    change(tmp_path, g=graph("new"))
    reload(client)
    assert log_of(client) == log_of(client) == ["new"]


# ---- who may ----


@pytest.mark.parametrize("header", FORWARDED)
def test_without_keys_a_proxy_may_not(start, tmp_path, header):
    server = start(chain(one=note("old")))
    change(tmp_path, g=chain(one=note("new")))
    told = reload(server.client, 403, **{header: "10.0.0.1"})
    assert told["error"]["type"] == "ForbiddenError" and "proxy" in told["error"]["message"]
    assert log_of(server.client) == ["old"]


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}])
def test_without_keys_a_page_of_another_site_may_not(serve, headers):
    reload(serve(chain(one=note("one"))), 403, **headers)


@pytest.mark.parametrize("headers", [{}, {"x_api_key": "wrong"}, {"authorization": "Bearer wrong"}])
def test_with_keys_one_is_needed(serve, headers):
    reload(serve(chain(one=note("one")), ANABRANCH_API_KEYS="right"), 401, **headers)


@pytest.mark.parametrize("headers", [{}, {"x_forwarded_for": "10.0.0.1"}])
def test_with_a_key_anybody_may(serve, headers):
    client = serve(chain(one=note("one")), ANABRANCH_API_KEYS="right")
    assert reload(client, x_api_key="right", **headers) == report(unchanged="g")


@pytest.mark.parametrize("settings,headers,status", [({"ANABRANCH_AUTH": "off"}, {}, 403),
                                                     ({"ANABRANCH_API_KEYS": "k"}, {}, 401),
                                                     ({"ANABRANCH_API_KEYS": "k"}, {"x_api_key": "k"}, 200)])
def test_another_machine_needs_a_key(start, settings, headers, status):
    address = "10.9.8.7"
    wrapper = [sys.executable, str(Path(namespace.__file__)), address]
    server = start(chain(one=note("one")), listening=False, wrapper=wrapper, ANABRANCH_LISTEN="0.0.0.0:0", **settings)
    try:
        client = server.wait_listening().client
    except AssertionError:
        if server.wait() == 77:
            pytest.skip("network namespaces are not permitted here")
        raise
    client.connect = lambda: namespace.connect(server.process.pid, (address, client.port), PATIENCE)
    assert client.get("/ok").status == 200
    reload(client, status, **headers)
    client.connect = lambda: namespace.connect(server.process.pid, ("127.0.0.1", client.port), PATIENCE)
    reload(client, 200 if status == 403 else status, **headers)


# ---- the end, and much of it ----


def test_a_server_that_stops_loads_nothing_more(start, tmp_path, model):
    model.on("m", held)
    server = start(chain(say=llm("m")), ANABRANCH_DRAIN_MS="8000")
    kept = server.client.get("/ok")
    assert kept.json == {"ok": True}
    stream = server.client.stream()
    call = model.call("m")
    server.signal()
    wait_until(lambda: server.logged(" draining "), "the drain")
    server.signal(signal.SIGHUP)
    wait_until(lambda: server.logged("reload_refused"), "the refusal")
    try:
        kept.sock.sendall(b"POST /admin/reload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        first = kept.sock.recv(4096)
    except ConnectionError:
        first = b""
    assert first == b"" or first.startswith(b"HTTP/1.1 503")
    call.finish()
    assert stream.events()[-1].name == "updates"
    assert server.wait() == 0 and not server.logged(" reloaded ")


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


class Load:
    """Clients that ask for one stream after the other."""

    def __init__(self, client, graphs):
        self.client, self.stop, self.wrong, self.done = client, threading.Event(), [], 0
        self.threads = [threading.Thread(target=self._ask, args=(graph,)) for graph in graphs]
        for thread in self.threads:
            thread.start()

    def _ask(self, graph):
        while not self.stop.is_set() and not self.wrong:
            try:
                stream = self.client.stream(graph)
                last = stream.events()[-1]
                if last.name == "error" or not stream.is_ended:
                    self.wrong.append(last)
                stream.close()
                self.done += 1
            except (AssertionError, OSError) as error:
                self.wrong.append(error)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(3 * PATIENCE)
        assert not self.wrong, self.wrong


def test_fifty_reloads_under_load(start, tmp_path, model):
    """All streams end well, and no descriptor is left behind; memory is the sanitizer's matter."""
    model.on("m", tokens(*"abcdefgh"))
    (tmp_path / "graphs").mkdir()

    def write(number):
        put(tmp_path, "g.lua", LUA.format(text=f"v{number}"))
        change(tmp_path, j=chain(say=llm("m"), end=note(f"v{number}")), outer=chain(
            inner={"kind": "graph", "graph": "j"}), broken="{" if number % 2 else chain(one=note("one")))

    write(0)
    server = start({"fan": fan(**{f"say{i}": llm("m", output="log") for i in range(4)})})
    client, graphs = server.client, ("g", "j", "outer", "fan") * 2
    load = Load(client, graphs)
    wait_until(lambda: load.done >= 50, "the first streams")
    load.end()
    before = descriptors(server)
    load = Load(client, graphs)
    for number in range(1, 51):
        write(number)
        if number % 5 == 0:
            hang_up(server)
            continue
        told = reload(client, 422 if number % 2 else 200)
        assert set(told["loaded"]) >= {"g", "j", "outer"} and "fan" in told["unchanged"], told
    load.end()
    assert load.done >= len(graphs)
    assert log_of(client, "g")[0].startswith("v50 ") and log_of(client, "outer") == ["v50"]
    # connections to the model are kept, as many as there were at once
    wait_until(lambda: descriptors(server) <= before + len(graphs), f"about {before} descriptors")
