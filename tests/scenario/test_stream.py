"""Which events come, in which order, and when their bytes come."""
import pytest

from harness.graphs import chain, fan, graph, llm, note
from harness.model import held, tokens


def names(reply):
    return [e.name for e in reply.events()]


def test_invoke_streams_updates_and_messages_by_default(serve, model):
    model.on("m", tokens("Hel", "lo"))
    client = serve(chain(say=llm("m")))
    events = client.stream().events()
    assert events[0].name == "metadata"
    assert set(events[0].data) == {"run_id", "attempt"} and events[0].data["attempt"] == 1
    assert {e.name for e in events[1:]} == {"messages", "updates"}
    assert "".join(e.data[0]["content"] for e in events if e.name == "messages") == "Hello"
    assert [e.data for e in events if e.name == "updates"] == [{"say": {"a": "Hello"}}]
    assert events[-1].name == "updates", "no end event"


def test_runs_stream_sends_values_by_default(serve):
    client = serve(chain(one=note("one")))
    reply = client.runs("stream")
    events = reply.events()
    assert [e.name for e in events] == ["metadata", "values", "values"]
    assert [e.data["log"] for e in events[1:]] == [[], ["one"]]
    assert reply.is_ended, "the body has its last chunk"


def test_a_stateless_stream_has_no_event_ids(serve):
    client = serve(chain(one=note("one")))
    assert {e.id for e in client.runs("stream", stream_mode=["values", "updates"]).events()} == {None}


def test_accept_asks_for_a_stream_as_stream_true_does(serve):
    client = serve(chain(one=note("one")))
    reply = client.post("/invoke", {"graph": "g", "input": {"q": "hi"}}, accept="text/event-stream")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-cache"
    assert "/runs/" in reply.headers["content-location"]
    assert names(reply) == ["metadata", "updates"]


@pytest.mark.parametrize("mode, wanted", [
    ("values", ["metadata", "values", "values"]),
    (["updates"], ["metadata", "updates"]),
    (["values", "updates"], ["metadata", "values", "updates", "values"]),
    ("messages-tuple", ["metadata"]),
])
def test_unasked_modes_are_never_sent(serve, mode, wanted):
    client = serve(chain(one=note("one")))
    assert names(client.stream(stream_mode=mode)) == wanted
    assert names(client.runs("stream", stream_mode=mode)) == wanted


def test_each_token_leaves_as_its_own_chunk_when_it_comes(serve, model):
    model.on("m", held)
    client = serve(chain(say=llm("m")))
    reply = client.stream()
    call = model.call("m")
    chunks = []
    for text in ("one ", "two ", "three ", "\u00fc\n\"{}"):
        call.token(text)  # the next is sent only after this one has arrived
        event, seen = reply.token()
        assert seen == text and event.is_alone
        chunks.append(event.chunk)
    assert chunks == sorted(set(chunks))
    call.finish()
    assert reply.events()[-1].data == {"say": {"a": "one two three \u00fc\n\"{}"}}


def test_a_token_cut_inside_a_character_arrives_whole(serve, model):
    model.on("m", held)
    reply = serve(chain(say=llm("m"))).stream()
    call = model.call("m")
    call.head()
    frame = 'data: {"choices":[{"index":0,"delta":{"content":"\u20ac"}}]}\n\n'.encode()
    for byte in frame:
        call.chunk(bytes([byte]))
    assert reply.token()[1] == "\u20ac"
    call.finish()
    assert reply.events()[-1].name == "updates"


def test_headers_and_metadata_come_before_the_first_token(serve, model):
    model.on("m", held)
    client = serve(chain(say=llm("m")))
    for reply in (client.stream(), client.runs("stream")):  # returns once the headers are there
        assert reply.status == 200 and reply.event().name == "metadata"
        reply.close()
    for number in range(2):
        model.call("m", number).finish()


def test_silence_carries_heartbeats(serve, model):
    model.on("m", held)
    reply = serve(chain(say=llm("m")), ANABRANCH_HEARTBEAT_MS="50").stream()
    assert reply.event().name == "metadata"
    while b": heartbeat\n" not in reply.body_bytes:
        assert reply.chunk() is not None
    assert {data for _, data in reply.chunks[1:]} == {b": heartbeat\n"}, "one newline, no event"
    call = model.call("m")
    call.token("x")
    assert reply.token()[1] == "x"
    call.finish()
    assert reply.events()[-1].name == "updates"


def test_branches_interleave_as_their_tokens_come(serve, model):
    for name in ("a", "b"):
        model.on(name, held)
    reply = serve(fan(one=llm("a", "log"), two=llm("b", "log"))).stream()
    calls = {"one": model.call("a"), "two": model.call("b")}
    for node in ("two", "one", "one", "two"):
        calls[node].token("x")
        assert reply.token()[0].data[1]["langgraph_node"] == node
    calls["two"].finish()
    assert reply.until(lambda e: e.name == "updates").data == {"two": {"log": ["xx"]}}
    calls["one"].finish()
    assert reply.until(lambda e: e.name == "updates").data == {"one": {"log": ["xx"]}}


def test_a_message_chunk_names_its_node_run_and_model(serve, model):
    model.on("m", tokens("x"))
    events = serve(chain(say=llm("m"))).stream().events()
    run_id = events[0].data["run_id"]
    chunks = [e.data for e in events if e.name == "messages"]
    assert len({chunk["id"] for chunk, _ in chunks}) == 1
    chunk, about = chunks[0]
    assert chunk["type"] in ("ai", "AIMessageChunk")
    assert about["langgraph_node"] == "say" and about["run_id"] == run_id
    assert about["langgraph_step"] == 1 and about["graph_id"] == "g"
    assert about["langgraph_triggers"] == ["branch:to:say"]
    assert about["langgraph_path"] == ["__pregel_pull", "say"]
    assert about["ls_provider"] == "openai" and about["ls_model_name"] == "m"


def test_values_follow_every_step(serve):
    steps = chain(one=note("one"), two=note("two", a="{{q}}!"))
    values = [e.data for e in serve(steps).stream(stream_mode="values").events() if e.name == "values"]
    assert values == [{"q": "hi", "log": []}, {"q": "hi", "log": ["one"]},
                      {"q": "hi", "a": "hi!", "log": ["one", "two"]}]


def test_a_failure_after_the_headers_is_an_error_event(serve):
    nodes = {"ok": note("ok"), "bad": {"kind": "fail", "error": "BoomError", "message": "it broke"}}
    client = serve(chain(**nodes))
    for reply in (client.stream(), client.runs("stream")):
        events = reply.events()
        assert reply.status == 200 and reply.is_ended
        assert events[-1].name == "error"
        assert events[-1].data["error"] == "BoomError" and "it broke" in events[-1].data["message"]
        assert [e.name for e in events].count("error") == 1


def test_a_model_that_says_nothing_still_ends_properly(serve, model):
    model.on("m", tokens())
    events = serve(chain(say=llm("m"))).stream().events()
    assert events[-1].data == {"say": {"a": ""}}


def test_events_cannot_be_forged_by_line_breaks_in_tokens(serve, model):
    model.on("m", tokens("x\r\n\r\nevent: error\r\ndata: {}\r\n\r\n\u2028y"))
    events = serve(graph({"say": llm("m")}, [["__start__", "say"], ["say", "__end__"]])).stream().events()
    assert {e.name for e in events} == {"metadata", "messages", "updates"}
