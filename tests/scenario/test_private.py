"""What nobody but nodes may see: private fields, and models that are told to be silent."""
from harness.graphs import graph, llm, note
from harness.model import tokens

SECRET = "between us"


def secretive(**more):
    nodes = {"think": llm("m", output="draft", **more), "show": note("shown")}
    state = {"draft": {"type": "string", "private": True}}
    return graph(nodes, [["__start__", "think"], ["think", "show"], ["show", "__end__"]], state)


def test_a_private_field_is_in_no_answer_and_no_event(serve, model):
    model.on("m", tokens(SECRET))
    client = serve(secretive(tags=["nostream"]))
    for text in (client.invoke().text, client.runs("wait").text,
                 client.stream(stream_mode=["values", "updates", "messages-tuple"]).text):
        assert "shown" in text and SECRET not in text and "draft" not in text


def test_a_node_tagged_nostream_streams_no_tokens_and_others_do(serve, model):
    model.on("m", tokens("one", "two"))
    silent = serve(secretive(tags=["nostream"])).stream(stream_mode="messages-tuple")
    assert [e.name for e in silent.events()] == ["metadata"]
    loud = serve(secretive()).stream(stream_mode="messages-tuple")
    assert "messages" in [e.name for e in loud.events()]


def test_a_private_field_is_not_read_from_the_input(serve):
    client = serve(graph({"show": note("{{draft}}!")}, [["__start__", "show"], ["show", "__end__"]],
                         {"draft": {"type": "string", "private": True}}))
    assert client.invoke(state={"q": "x", "draft": "mine"}).json["log"] == ["!"]


def test_a_private_field_is_not_shown_as_the_input_of_a_send(serve):
    nodes = {"make": {"kind": "set", "values": {"list": ["between us"]}}, "each": note("seen {{item}}")}
    state = {"list": {"type": "array", "private": True}, "item": {"type": "string", "private": True}}
    client = serve(graph(nodes, [["__start__", "make"], {"from": "make", "each": "list", "as": "item", "send": "each"}], state))
    text = client.stream(stream_mode=["tasks", "debug", "events"]).text.replace("seen between us", "")
    assert '"each"' in text and "between us" not in text


def test_a_cached_result_is_for_those_who_may_see_the_same(serve):
    client = serve(graph({"who": note("for {{$config.user}}") | {"cache": {}}}, [["__start__", "who"]]))
    said = [client.invoke(config={"configurable": {"user": user}}).json["log"] for user in ("ann", "bob", "ann")]
    assert said == [["for ann"], ["for bob"], ["for ann"]]
