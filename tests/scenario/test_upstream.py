"""Providers that misbehave, and what the caller is told: which node, why, and nothing secret."""
import socket
import time

import pytest

from harness.graphs import chain, llm
from harness.model import body, cut_after, held, status, tokens
from harness.server import KEY


def garbage(call):
    call.head()
    call.data("{this is not JSON")
    call.chunk(b"")


def not_http(call):
    call.raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    call.cut()


def nothing(call):
    call.cut()


def error_in_the_stream(call):
    call.token("x")
    call.data({"error": {"message": "overloaded", "type": "server_error"}})
    call.chunk(b"")


def no_end(call):
    call.token("x")
    call.chunk(b"")


def huge_header(call):
    call.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000 + b"\r\n\r\n")
    call.cut()


FAULTS = {
    "401": (status(401, f"Incorrect API key provided: {KEY}"), 502, "AuthenticationError"),
    "403": (status(403, "no access"), 502, "AuthenticationError"),
    "400": (status(400, "no such model"), 502, "APIStatusError"),
    "429": (status(429, "slow down", retry_after="1"), 502, "RateLimitError"),
    "500": (status(500, "oops"), 502, "APIStatusError"),
    "500 with a page": (body("<html>oops</html>", 500, content_type="text/html"), 502, "APIStatusError"),
    "garbage": (garbage, 502, "APIResponseError"),
    "a page instead of a stream": (body("<html>hello</html>", 200, content_type="text/html"), 502, "APIResponseError"),
    "not HTTP": (not_http, 502, None),
    "a header without an end": (huge_header, 502, None),
    "a cut stream": (cut_after("one"), 502, "APIConnectionError"),
    "a stream without its end": (no_end, 502, "APIConnectionError"),
    "nothing": (nothing, 502, "APIConnectionError"),
    "an error inside the stream": (error_in_the_stream, 502, None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_provider(serve, model, fault):
    reply, code, kind = FAULTS[fault]
    model.on("m", reply)
    client = serve(chain(say=llm("m")), ANABRANCH_LOG_LEVEL="debug")  # even then no secret may show
    answer = client.invoke()
    error = answer.json["error"]
    assert answer.status == code and error["node"] == "say" and len(error["message"]) > 10
    assert kind is None or error["type"] == kind
    assert str(model.port) not in error.get("type", "")
    last = client.stream().events()[-1]
    assert last.name == "error" and last.data["error"] == error["type"]
    assert client.runs("wait").json["__error__"]["error"] == error["type"]


def test_a_status_is_told_with_the_providers_sentence(serve, model):
    model.on("m", status(400, "the model `m` does not exist"))
    message = serve(chain(say=llm("m"))).invoke().json["error"]["message"]
    assert "400" in message and "does not exist" in message


def test_connection_refused(serve):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    reply = serve(chain(say=llm("m")), OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1").invoke()
    assert reply.status == 502 and reply.json["error"]["type"] == "APIConnectionError"
    assert reply.json["error"]["node"] == "say"


def test_an_unknown_name(serve):
    reply = serve(chain(say=llm("m")), OPENAI_BASE_URL="http://no-such-host.invalid/v1").invoke()
    assert reply.status == 502 and "no-such-host.invalid" in reply.json["error"]["message"]


def test_a_provider_that_never_begins(serve, model):
    model.on("m", held)
    reply = serve(chain(say=llm("m")), ANABRANCH_MODEL_FIRST_BYTE_MS="100").invoke()
    assert reply.status == 504 and reply.json["error"]["type"] == "APITimeoutError"
    assert model.call("m").wait_gone(1)


def test_a_provider_that_falls_silent(serve, model):
    model.on("m", held)
    reply = serve(chain(say=llm("m")), ANABRANCH_MODEL_IDLE_MS="150").stream()
    call = model.call("m")
    call.token("x")
    assert reply.token()[1] == "x"
    assert reply.events()[-1].data["error"] == "APITimeoutError"
    assert call.wait_gone(1)


def test_an_answer_over_the_limit_is_given_up(serve, model):
    model.on("m", tokens(*["x" * 1000] * 20))
    reply = serve(chain(say=llm("m")), ANABRANCH_MODEL_MAX_BYTES="10000").invoke()
    assert reply.status == 502 and "10000" in reply.json["error"]["message"]


def test_a_provider_without_a_key_is_told_at_start_and_in_the_run(start):
    server = start(chain(say=llm("m")), OPENAI_API_KEY=None, OPENAI_BASE_URL=None)
    assert server.says(r" warn .*OPENAI_API_KEY")
    reply = server.client.invoke()
    assert reply.status == 502 and reply.json["error"]["type"] == "ProviderNotConfiguredError"


def test_the_request_is_what_the_provider_expects(serve, model):
    model.on("m", tokens("x"))
    node = llm("m", system="Be {{q}}.", temperature=0.5, max_tokens=7, params={"seed": 3})
    assert serve(chain(say=node)).invoke(state={"q": "brief"}).status == 200
    call = model.call("m")
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert call.json["stream"] is True
    assert [(m["role"], m["content"]) for m in call.json["messages"]] == [("system", "Be brief."), ("user", "brief")]
    assert (call.json["temperature"], call.json["max_tokens"], call.json["seed"]) == (0.5, 7, 3)


def test_a_provider_of_the_settings_file(start, model, tmp_path):
    model.on("small", tokens("x"))
    (tmp_path / "settings.json").write_text(
        '{"providers":{"here":{"kind":"openai","base_url":"%s","api_key_env":"HERE_KEY"}}}' % model.url)
    node = llm("m") | {"model": "here:small"}
    server = start(chain(say=node), arguments=["--config", "settings.json"], HERE_KEY="here-key", OPENAI_API_KEY=None)
    assert server.client.invoke().json["a"] == "x"
    assert model.call("small").headers["authorization"] == "Bearer here-key"


def test_one_slow_provider_does_not_hold_up_others(serve, model):
    model.on("slow", held)
    client = serve({"slow": chain(say=llm("slow")), "quick": chain(say=llm("quick"))})
    model.on("quick", tokens("x"))
    waiting = client.stream("slow")
    begin = time.monotonic()
    assert client.invoke("quick").json["a"] == "x"
    assert time.monotonic() - begin < 2
    model.call("slow").finish()
    assert waiting.events()[-1].name == "updates"
