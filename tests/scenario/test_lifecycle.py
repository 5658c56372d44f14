"""Start and end of the server."""
import signal
import socket
import time

import pytest

from harness.graphs import chain, llm, note
from harness.model import held
from harness.wait import wait_until


def refused(client):
    """New work is refused, by the port or by the answer."""
    try:
        return client.invoke().status == 503
    except ConnectionError:
        return True


def test_sigterm_lets_streams_end(start, model):
    model.on("m", held)
    server = start(chain(say=llm("m")), ANABRANCH_DRAIN_MS="8000")
    reply = server.client.stream()
    call = model.call("m")
    call.token("one ")
    assert reply.token()[1] == "one "
    server.signal()
    wait_until(lambda: refused(server.client), "new work to be refused")
    call.token("two")
    assert reply.token()[1] == "two"
    call.finish()
    assert reply.events()[-1].data == {"say": {"a": "one two"}} and reply.is_ended
    assert server.wait() == 0


def test_an_open_connection_gets_no_new_work_either(start, model):
    model.on("m", held)
    server = start(chain(say=llm("m")), ANABRANCH_DRAIN_MS="8000")
    reply = server.client.stream()
    call = model.call("m")
    kept = server.client.get("/ok")
    assert kept.json == {"ok": True}
    server.signal()
    wait_until(lambda: refused(server.client), "new work to be refused")
    body = b'{"graph":"g","input":{"q":"hi"}}'
    try:
        kept.sock.sendall(b"POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        first = kept.sock.recv(4096)
    except ConnectionError:
        first = b""
    assert first == b"" or first.startswith(b"HTTP/1.1 503")
    call.finish()
    assert reply.events()[-1].name == "updates"
    assert server.wait() == 0 and len(model.calls) == 1


def test_the_drain_has_an_end(start, model):
    model.on("m", held)
    server = start(chain(say=llm("m")), ANABRANCH_DRAIN_MS="300")
    reply = server.client.stream()
    call = model.call("m")
    call.token("x")
    assert reply.token()[1] == "x"
    server.signal()
    begin = time.monotonic()
    last = reply.events()[-1]
    assert last.name == "error", "never a silent end"
    assert server.wait() == 0 and 0.25 <= time.monotonic() - begin < 5
    assert call.wait_gone(1)


def test_a_second_signal_ends_at_once(start, model):
    model.on("m", held)
    server = start(chain(say=llm("m")), ANABRANCH_DRAIN_MS="60000")
    assert server.client.stream().event().name == "metadata"
    server.signal()
    wait_until(lambda: refused(server.client), "the drain to begin")
    server.signal()
    begin = time.monotonic()
    server.wait()
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once(start, number):
    server = start(chain(one=note("one")), ANABRANCH_DRAIN_MS="60000")
    assert server.client.invoke().status == 200
    server.signal(number)
    begin = time.monotonic()
    assert server.wait() == 0 and time.monotonic() - begin < 3


def test_a_port_in_use_is_told(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        server = start(chain(one=note("one")), listening=False, ANABRANCH_LISTEN=address)
        assert server.wait() not in (0, -signal.SIGABRT)
    assert address in server.log and "in use" in server.log


def test_a_wrong_graph_ends_the_start_before_the_port_opens(start):
    server = start({"good": chain(one=note("one")), "bad": {"nodes": {}, "edges": []}}, listening=False)
    assert server.wait() == 2
    assert "bad.json" in server.log and "listening" not in server.log


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_an_open_address_needs_keys_or_a_word(start, address):
    server = start(chain(one=note("one")), listening=False, ANABRANCH_LISTEN=address)
    assert server.wait() == 2
    assert "ANABRANCH_API_KEYS" in server.log and "ANABRANCH_AUTH=off" in server.log
    assert "listening" not in server.log


@pytest.mark.parametrize("settings", [{"ANABRANCH_AUTH": "off"}, {"ANABRANCH_API_KEYS": "k"}])
def test_with_either_it_listens(start, settings):
    server = start(chain(one=note("one")), ANABRANCH_LISTEN="0.0.0.0:0", **settings)
    assert server.client.get("/ok").status == 200


def test_graphs_come_from_several_places(start, tmp_path):
    (tmp_path / "more.json").write_text('{"state":{},"nodes":{"a":{"kind":"set","values":{}}},'
                                        '"edges":[["__start__","a"],["a","__end__"]]}')
    server = start(chain(one=note("one")), ANABRANCH_GRAPHS=f"{tmp_path}/graphs:{tmp_path}/more.json")
    assert [g["name"] for g in server.client.get("/graphs").json] == ["g", "more"]


def test_two_graphs_of_one_name_are_refused(start):
    server = start({"a": chain(one=note("x")) | {"name": "same"}, "b": chain(one=note("x")) | {"name": "same"}},
                   listening=False)
    assert server.wait() == 2 and "same" in server.log


def test_a_wrong_setting_ends_the_start(start):
    server = start(chain(one=note("one")), listening=False, ANABRANCH_MAX_RUNS="many", ANABRANCH_DRAIN_MS="-1")
    assert server.wait() == 2
    assert "ANABRANCH_MAX_RUNS" in server.log and "ANABRANCH_DRAIN_MS" in server.log, "every mistake is told"


def test_more_runs_than_allowed_are_refused_with_a_time(start, model):
    model.on("m", held)
    server = start(chain(say=llm("m")), ANABRANCH_MAX_RUNS="1")
    first = server.client.stream()
    call = model.call("m")
    reply = server.client.invoke()
    assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1
    call.finish()
    assert first.events()[-1].name == "updates"


def test_a_run_is_logged_with_its_id(start):
    server = start(chain(one=note("one")))
    run_id = server.client.invoke().headers["content-location"].rsplit("/", 1)[1]
    wait_until(lambda: server.logged(f"run={run_id}"), "the run's log line")
