"""How graphs run: order, joins, switches, reducers, limits, retries."""
import time

import pytest

from harness.graphs import chain, fan, graph, llm, note, wait
from harness.model import body, cut_after, held, status, tokens


def test_branches_wait_together(serve):
    client = serve(fan(a=wait(1000), b=wait(1000), c=wait(1000)))
    begin = time.monotonic()
    assert client.invoke().status == 200
    assert 1.0 <= time.monotonic() - begin < 3.0


def test_updates_come_as_nodes_finish(serve, model):
    names = ("general", "law", "math")
    for name in names:
        model.on(name, held)
    reply = serve(fan(math=llm("math", "log"), law=llm("law", "log"), general=llm("general", "log"))).stream()
    for name in reversed(names):
        call = model.call(name)
        call.token(name)
        call.finish()
        assert reply.until(lambda e: e.name == "updates").data == {name: {"log": [name]}}
    assert reply.event() is None


def test_writes_are_applied_by_node_name_whatever_ends_first(serve, model):
    for name in ("general", "law", "math"):
        model.on(name, held)
    client = serve(fan(math=llm("math", "log"), law=llm("law", "log"), general=llm("general", "log")))
    reply = client.runs("stream", stream_mode="values")
    for name in ("math", "law", "general"):
        call = model.call(name)
        call.token(name)
        call.finish()
    assert reply.events()[-1].data["log"] == ["general", "law", "math"]


def test_a_join_waits_for_all_its_sources(serve):
    nodes = {"a": note("a"), "b1": note("b1"), "b2": note("b2"), "end": note("end")}
    edges = [["__start__", ["a", "b1"]], ["b1", "b2"], [["a", "b2"], "end"], ["end", "__end__"]]
    assert serve(graph(nodes, edges)).invoke().json["log"] == ["a", "b1", "b2", "end"]


def test_without_a_join_a_node_runs_for_each_step_that_reaches_it(serve):
    nodes = {"a": note("a"), "b1": note("b1"), "b2": note("b2"), "end": note("end")}
    edges = [["START", ["a", "b1"]], ["b1", "b2"], ["a", "end"], ["b2", "end"], ["end", "END"]]
    assert serve(graph(nodes, edges)).invoke().json["log"] == ["a", "b1", "b2", "end", "end"]


@pytest.mark.parametrize("q, wanted", [("weather", ["w"]), ("news", ["n"]), ("other", ["d"]), ("stop", [])])
def test_switch_routes_by_a_value(serve, q, wanted):
    nodes = {"first": {"kind": "set", "values": {}}, "w": note("w"), "n": note("n"), "d": note("d")}
    edges = [["__start__", "first"],
             {"from": "first", "switch": "q", "cases": {"weather": "w", "news": "n", "stop": "__end__"}, "default": "d"}]
    edges += [[name, "__end__"] for name in "wnd"]
    assert serve(graph(nodes, edges)).invoke(state={"q": q}).json["log"] == wanted


def test_a_switch_without_a_match_fails_with_the_value(serve):
    edges = [["__start__", "a"], {"from": "a", "switch": "q", "cases": {"x": "b"}}, ["b", "__end__"]]
    reply = serve(graph({"a": note("a"), "b": note("b")}, edges)).invoke()
    assert reply.status == 422 and reply.json["error"]["node"] == "a"
    assert "switch" in reply.json["error"]["message"] and "q" in reply.json["error"]["message"]


def test_reducers(serve):
    state = {"sum": {"type": "number", "reducer": "add"}, "most": {"type": "number", "reducer": "max"},
             "least": {"type": "number", "reducer": "min"}, "map": {"type": "object", "reducer": "merge"}}
    node = {n: {"kind": "set", "values": {"sum": v, "most": v, "least": v, "map": {n: v}, "log": [n, v]}}
            for n, v in (("a", 1), ("b", 0.5), ("c", 3))}
    edges = [["__start__", list(node)]] + [[n, "__end__"] for n in node]
    got = serve(graph(node, edges, state)).invoke(state={"least": 2}).json
    assert got["sum"] == 4.5 and got["most"] == 3
    assert got["map"] == {"a": 1, "b": 0.5, "c": 3}
    assert got["log"] == ["a", 1, "b", 0.5, "c", 3]


def test_numbers_survive(serve):
    sent = '{"graph":"g","input":{"x":[0.1,0.30000000000000004,9007199254740993,-0.0,1e300,9223372036854775807]}}'
    client = serve(graph({"a": note("a")}, [["__start__", "a"], ["a", "__end__"]], {"x": {"type": "array"}}))
    assert '"x":[0.1,0.30000000000000004,9007199254740993,-0.0,1e+300,9223372036854775807]' in \
        client.post("/invoke", sent).text.replace(" ", "").replace("1e300", "1e+300")


def test_two_writers_of_one_field_are_refused(serve):
    reply = serve(fan(x=note("x", a="1"), y=note("y", a="2"))).invoke()
    assert reply.status == 422 and reply.json["error"]["type"] == "InvalidUpdateError"
    assert "a" in reply.json["error"]["message"]


def test_a_wrong_type_written_names_node_field_expected_and_found(serve):
    step = graph({"one": note("x", a="{{n}}")}, [["__start__", "one"], ["one", "__end__"]], {"n": {"type": "integer"}})
    reply = serve(step).invoke(state={"n": 5})
    error = reply.json["error"]
    assert reply.status == 422 and error["node"] == "one"
    assert all(word in error["message"] for word in ("a", "string", "integer"))


@pytest.mark.parametrize("limit, is_enough", [(2, False), (3, False), (4, True)])
def test_the_recursion_limit_counts_as_the_reference_does(serve, limit, is_enough):
    """Three steps need a limit of four."""
    client = serve(chain(a=note("a"), b=note("b"), c=note("c")))
    reply = client.invoke(config={"recursion_limit": limit})
    assert reply.status == (200 if is_enough else 422)
    if not is_enough:
        assert reply.json["error"]["type"] == "GraphRecursionError" and str(limit) in reply.json["error"]["message"]
        updates = [e for e in client.stream(config={"recursion_limit": limit}).events() if e.name == "updates"]
        assert len(updates) == limit


def test_an_endless_loop_ends_at_the_graphs_own_limit(serve):
    loop = graph({"a": note("a")}, [["__start__", "a"], ["a", "a"]], recursion_limit=7)
    assert serve(loop).runs("wait").json["__error__"]["error"] == "GraphRecursionError"


def test_a_failing_branch_cancels_its_siblings_calls(serve, model):
    model.on("slow", held)
    model.on("bad", held)
    client = serve(fan(bad=llm("bad"), slow=llm("slow", "log")))
    reply = client.stream()
    slow = model.call("slow")
    slow.token("x")
    assert reply.token()[1] == "x"
    model.call("bad").answer(500, '{"error":{"message":"the model melted"}}')
    assert slow.wait_gone(1), "the sibling's call is dropped"
    error = reply.events()[-1]
    assert error.name == "error" and error.data["error"] == "APIStatusError"
    assert "bad" in error.text and "500" in error.text


def test_a_failed_node_is_named_in_the_answer(serve, model):
    model.on("bad", status(500))
    reply = serve(chain(ok=note("ok"), culprit=llm("bad"))).invoke()
    error = reply.json["error"]
    assert reply.status == 502 and error["node"] == "culprit" and error["type"] == "APIStatusError"
    assert error["run_id"] in reply.headers["content-location"]


def test_retry_waits_as_long_as_the_provider_asks(serve, model):
    model.on("m", status(429, retry_after="1"), tokens("fine"))
    node = llm("m", retry={"max_attempts": 2, "initial_ms": 1, "jitter": False})
    assert serve(chain(say=node)).invoke().json["a"] == "fine"
    first, second = model.calls_of("m")
    assert 0.9 <= second.at - first.at < 3


def test_each_attempt_of_a_streamed_call_is_a_message_of_its_own(serve, model):
    model.on("m", cut_after("half"), tokens("whole"))
    node = llm("m", retry={"max_attempts": 2, "initial_ms": 1, "jitter": False})
    events = serve(chain(say=node)).stream().events()
    text = {}
    for chunk, _ in (e.data for e in events if e.name == "messages"):
        text[chunk["id"]] = text.get(chunk["id"], "") + chunk["content"]
    assert list(text.values()) == ["half", "whole"]
    assert [e.data for e in events if e.name == "updates"] == [{"say": {"a": "whole"}}]


def test_attempts_are_counted(serve, model):
    model.on("m", status(500))
    node = llm("m", retry={"max_attempts": 3, "initial_ms": 1, "jitter": False})
    assert serve(chain(say=node)).invoke().status == 502
    assert len(model.calls_of("m")) == 3


def test_what_is_not_listed_is_not_repeated(serve, model):
    model.on("m", status(500))
    node = llm("m", retry={"max_attempts": 3, "initial_ms": 1, "jitter": False, "on": ["RateLimitError"]})
    assert serve(chain(say=node)).invoke().status == 502
    assert len(model.calls_of("m")) == 1


def test_without_retry_a_node_runs_once(serve, model):
    model.on("m", status(500))
    assert serve(chain(say=llm("m"))).invoke().status == 502
    assert len(model.calls_of("m")) == 1


def test_a_nodes_time_limit(serve, model):
    model.on("m", held)
    reply = serve(chain(say=llm("m", timeout_ms=100))).invoke()
    assert reply.status == 504
    assert reply.json["error"]["type"] == "NodeTimeoutError" and reply.json["error"]["node"] == "say"
    assert model.call("m").wait_gone(1)


def test_the_requests_time_limit(serve, model):
    model.on("m", held)
    client = serve(chain(say=llm("m")))
    reply = client.invoke(timeout_ms=100)
    assert reply.status == 504 and reply.json["error"]["type"] == "RunTimeoutError"
    assert model.call("m").wait_gone(1)
    assert client.stream(timeout_ms=100).events()[-1].data["error"] == "RunTimeoutError"


def test_an_http_node_reads_an_answer(serve, model):
    model.on("/weather", body('{"now":{"celsius":[20.5]}}'))
    node = {"kind": "http", "url": f"http://127.0.0.1:{model.port}/weather", "query": {"city": "{{q}}"},
            "headers": {"x-who": "{{q}}"}, "select": "now.celsius.0", "output": "log"}
    assert serve(chain(ask=node)).invoke(state={"q": "K&ln \u00fc"}).json["log"] == [20.5]
    call = model.call("/weather")
    assert call.method == "GET" and call.target == "/weather?city=K%26ln%20%C3%BC"


def test_an_http_node_tells_a_bad_status(serve, model):
    model.on("/x", body("no", 404, content_type="text/plain"))
    node = {"kind": "http", "url": f"http://127.0.0.1:{model.port}/x", "output": "log"}
    reply = serve(chain(ask=node)).invoke()
    assert reply.status == 502 and "404" in reply.json["error"]["message"]


def test_a_wait_may_be_templated(serve):
    begin = time.monotonic()
    client = serve(graph({"w": wait("{{ms}}", values={"a": "{{q}}"})}, [["__start__", "w"], ["w", "__end__"]],
                         {"ms": {"type": "integer"}}))
    assert client.invoke(state={"ms": 300, "q": "x"}).json["a"] == "x"
    assert time.monotonic() - begin >= 0.3


def test_fields_kept_private_or_out_of_the_output_are_not_answered(serve):
    g = chain(a=note("x", secret="s", a="done")) | {"output": ["a"]}
    g["state"] |= {"secret": {"type": "string", "private": True}}
    assert serve(g).invoke().json == {"a": "done"}


def test_thousands_of_steps_do_not_hold_up_others(serve):
    loop = graph({"a": {"kind": "set", "values": {"a": "x"}}}, [["__start__", "a"], ["a", "a"]])
    client = serve(loop)
    long_one = client.stream(config={"recursion_limit": 20000}, stream_mode="messages-tuple")
    assert long_one.event().name == "metadata"
    begin = time.monotonic()
    assert client.get("/ok").status == 200
    assert time.monotonic() - begin < 0.5
    assert long_one.events()[-1].data["error"] == "GraphRecursionError"
