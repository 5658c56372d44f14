"""Clients that hang up."""
import pytest

from harness.graphs import chain, llm
from harness.model import held, tokens

TWO = chain(first=llm("first"), second=llm("second", "log"))


@pytest.fixture
def client(serve, model):
    model.on("first", held)
    model.on("second", tokens("x"))
    return serve(TWO, ANABRANCH_DRAIN_MS="0")


def test_a_stream_of_invoke_that_is_left_drops_its_call(client, model):
    reply = client.stream()
    call = model.call("first")
    call.token("x")
    assert reply.token()[1] == "x"
    reply.close()
    assert call.wait_gone(1)


def test_it_is_noticed_in_silence_too(client, model):
    reply = client.stream()
    assert reply.event().name == "metadata"
    call = model.call("first")
    reply.close()
    assert call.wait_gone(1)


def test_a_json_invoke_that_is_left_drops_its_call(client, model):
    sock = client.connect()
    body = b'{"graph":"g","input":{"q":"hi"}}'
    sock.sendall(b"POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    call = model.call("first")
    sock.close()
    assert call.wait_gone(1)


@pytest.mark.parametrize("begin", [
    lambda client: client.stream(on_disconnect="continue"),
    lambda client: client.runs("stream"),
    lambda client: client.runs("wait"),
], ids=["invoke with continue", "runs/stream", "runs/wait"])
def test_a_run_that_shall_go_on_does(client, model, begin):
    reply = begin(client)
    call = model.call("first")
    call.token("x")
    reply.close()
    assert not call.wait_gone(0.3)
    call.finish()
    assert model.call("second").model == "second", "the run came to its second node"


def test_on_disconnect_cancel_holds_on_runs_too(client, model):
    reply = client.runs("stream", on_disconnect="cancel")
    call = model.call("first")
    reply.close()
    assert call.wait_gone(1)


def test_others_are_not_touched(client, model):
    left, kept = client.stream(), client.stream()
    calls = [model.call("first", 0), model.call("first", 1)]
    left.close()
    gone = calls[0] if calls[0].wait_gone(1) else calls[1]
    assert gone.wait_gone(1)
    other = calls[1] if gone is calls[0] else calls[0]
    other.token("x")
    assert kept.token()[1] == "x"
    other.finish()
    assert kept.events()[-1].name == "updates"


def test_a_slow_reader_does_not_stop_the_run(client, model):
    reply = client.stream(on_disconnect="continue")
    call = model.call("first")
    for _ in range(300):
        call.token("x" * 4000)  # far more than the socket's buffers hold, and nobody reads
    call.finish()
    assert model.call("second").model == "second"
    reply.close()


def test_a_reader_that_fell_out_of_the_log_counts_as_gone(serve, model):
    model.on("m", held)
    reply = serve(chain(say=llm("m")), ANABRANCH_LOG_BYTES="8192").stream()
    call = model.call("m")
    for _ in range(2000):
        call.token("x" * 4000)
    assert reply.events()[-1].data["error"] == "StreamTruncated"
    assert call.wait_gone(1), "nobody waits for the run any more"
