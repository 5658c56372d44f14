"""Requests that are wrong, each answered with what to change."""
import time

import pytest

from harness.graphs import chain, graph, note

GOOD = '{"graph":"g","input":{"q":"hi"}}'


@pytest.fixture
def client(serve):
    return serve(chain(one=note("one")), ANABRANCH_MAX_BODY_BYTES="4096", ANABRANCH_MAX_DEPTH="20",
                 ANABRANCH_REQUEST_TIMEOUT_MS="400")


BODIES = {
    "nothing": ("", 400),
    "not JSON": ("hello", 400),
    "truncated": (GOOD[:-5], 400),
    "something behind it": (GOOD + "x", 400),
    "an array": ("[]", 400),
    "a number": ("5", 400),
    "a duplicate key": ('{"graph":"g","graph":"g","input":{}}', 400),
    "a duplicate key inside": ('{"graph":"g","input":{"q":"a","q":"b"}}', 400),
    "a raw NUL": ('{"graph":"g\0","input":{}}', 400),
    "an escaped NUL": ('{"graph":"g","input":{"q":"a\\u0000b"}}', 400),
    "a number that cannot be kept": ('{"graph":"g","input":{"q":"a","x":1e999}}', 400),
    "an integer that cannot be kept": ('{"graph":"g","input":{"q":"a","x":123456789012345678901}}', 400),
    "too deep": ('{"graph":"g","input":{"x":' + "[" * 50 + "]" * 50 + "}}", 400),
    "no graph": ('{"input":{}}', 400),
    "a graph of a wrong type": ('{"graph":5,"input":{}}', 400),
    "an unknown graph": ('{"graph":"nope","input":{}}', 404),
    "an input of a wrong type": ('{"graph":"g","input":5}', 422),
    "no input": ('{"graph":"g"}', 422),
    "a field of a wrong type": ('{"graph":"g","input":{"q":5}}', 422),
    "stream of a wrong type": ('{"graph":"g","input":{"q":"a"},"stream":"yes"}', 400),
    "stream_mode of a wrong type": ('{"graph":"g","input":{"q":"a"},"stream_mode":5}', 400),
    "an unknown stream_mode": ('{"graph":"g","input":{"q":"a"},"stream":true,"stream_mode":"all"}', 400),
    "config of a wrong type": ('{"graph":"g","input":{"q":"a"},"config":[]}', 400),
    "a recursion limit of a wrong type": ('{"graph":"g","input":{"q":"a"},"config":{"recursion_limit":"5"}}', 400),
    "a recursion limit of zero": ('{"graph":"g","input":{"q":"a"},"config":{"recursion_limit":0}}', 422),
    "a time limit of a wrong type": ('{"graph":"g","input":{"q":"a"},"timeout_ms":"1"}', 400),
    "an unknown word for on_disconnect": ('{"graph":"g","input":{"q":"a"},"on_disconnect":"maybe"}', 400),
    "too large": ('{"graph":"g","input":{"q":"%s"}}' % ("x" * 5000), 413),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_wrong_body(client, what):
    text, code = BODIES[what]
    reply = client.post("/invoke", text)
    assert reply.status == code, reply.text
    error = reply.json["error"]
    assert error["type"].endswith("Error") and len(error["message"]) > 8
    for kind in ("wait", "stream"):
        other = client.post(f"/runs/{kind}", text.replace('"graph":', '"assistant_id":'))
        assert other.status < 500
    assert client.post("/invoke", GOOD).status == 200, "the server is well"


def test_invalid_utf8(client):
    assert client.post("/invoke", b'{"graph":"g","input":{"q":"\xff\xfe"}}').status == 400
    assert client.post("/invoke", b'{"graph":"g","input":{"q":"\xed\xa0\x80"}}').status == 400


def test_more_messages_than_the_limit(serve):
    """Before a message is made of each of them."""
    listing = graph({"one": note("one")}, [["__start__", "one"], ["one", "__end__"]], {"m": {"type": "messages"}})
    reply = serve(listing, ANABRANCH_MAX_MESSAGES="5").invoke(state={"m": ["x"] * 6})
    assert reply.status == 422 and "max_messages" in reply.json["error"]["message"]


def test_an_unknown_graph_names_the_known_ones(serve):
    client = serve({"alpha": chain(one=note("one")), "beta": chain(one=note("one"))})
    message = client.invoke("gamma").json["error"]["message"]
    assert all(name in message for name in ("gamma", "alpha", "beta"))


def test_unknown_input_keys_are_ignored(client):
    assert client.invoke(state={"q": "a", "other": 1}).json == {"q": "a", "log": ["one"]}


def test_a_wrong_input_names_field_expected_and_found(client):
    message = client.invoke(state={"q": 5}).json["error"]["message"]
    assert all(word in message for word in ("q", "string", "integer"))


@pytest.mark.parametrize("method, path, allowed", [
    ("GET", "/invoke", "POST"), ("PUT", "/invoke", "POST"), ("DELETE", "/ok", "GET"), ("POST", "/graphs", "GET"),
    ("GET", "/runs/wait", "POST"), ("PATCH", "/runs/stream", "POST"),
])
def test_a_wrong_method_is_told_the_right_ones(client, method, path, allowed):
    reply = client.request(method, path)
    assert reply.status == 405 and allowed in reply.headers["allow"]


@pytest.mark.parametrize("path", ["/", "/nope", "/invoke/x", "/../etc/passwd", "/%00", "/ok%00",
                                  pytest.param("/" + "x" * 3000, id="long")])
def test_an_unknown_path(client, path):
    assert client.get(path).status in (400, 404)


def test_head_is_answered_without_a_body(client):
    sock = client.connect()
    sock.sendall(b"HEAD /ok HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    answer = b""
    while (data := sock.recv(4096)):
        answer += data
    assert answer.split(b"\r\n")[0].split()[1] in (b"200", b"405") and answer.endswith(b"\r\n\r\n")


def raw(client, head, body=b""):
    """The status of a request as written."""
    reply = client.send(head.replace("\n", "\r\n").encode() + b"\r\n" + body)
    return reply.status


RAW = {
    "Content-Length and Transfer-Encoding":
        ("POST /invoke HTTP/1.1\nhost: localhost\ncontent-length: 5\ntransfer-encoding: chunked\n", b"0\r\n\r\n", {400}),
    "two Content-Lengths": ("POST /invoke HTTP/1.1\nhost: localhost\ncontent-length: 2\ncontent-length: 32\n",
                            GOOD.encode(), {400}),
    "a Content-Length that is no number": ("POST /invoke HTTP/1.1\nhost: localhost\ncontent-length: x\n", b"", {400}),
    "a negative Content-Length": ("POST /invoke HTTP/1.1\nhost: localhost\ncontent-length: -5\n", b"", {400}),
    "a huge Content-Length": ("POST /invoke HTTP/1.1\nhost: localhost\ncontent-length: 99999999999\n", b"", {413}),
    "a header too large": ("GET /ok HTTP/1.1\nhost: localhost\nx-long: " + "x" * 40000 + "\n", b"", {431}),
    "a line too large": ("GET /" + "x" * 40000 + " HTTP/1.1\nhost: localhost\n", b"", {400, 414, 431}),
    "no Host": ("GET /ok HTTP/1.1\n", b"", {400}),
    "a header name with a blank": ("GET /ok HTTP/1.1\nhost: localhost\na b: x\n", b"", {400}),
}


@pytest.mark.parametrize("what", RAW)
def test_a_wrong_request(client, what):
    head, body, codes = RAW[what]
    assert raw(client, head, body) in codes
    assert client.post("/invoke", GOOD).status == 200


def test_what_follows_a_doubtful_length_is_not_a_request(client):
    """The rest of the connection could be another's request: it is closed."""
    head = b"POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    sock = client.connect()
    sock.sendall(head + b"GET /ok HTTP/1.1\r\nhost: localhost\r\n\r\n")
    answer = b""
    try:
        while (data := sock.recv(4096)):
            answer += data
    except ConnectionError:
        pass
    assert b'"ok":true' not in answer.replace(b" ", b"")


def test_a_chunked_body_is_read(client):
    sock_head = "POST /invoke HTTP/1.1\nhost: localhost\ncontent-type: application/json\ntransfer-encoding: chunked\n"
    body = b"".join(b"%x\r\n%s\r\n" % (1, bytes([b])) for b in GOOD.encode()) + b"0\r\n\r\n"
    assert raw(client, sock_head, body) == 200
    too_large = b"1000\r\n" + b"x" * 4096 + b"\r\n" + b"10\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n"
    assert raw(client, sock_head, too_large) == 413


def test_not_http_at_all(client):
    sock = client.connect()
    sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    answer = sock.recv(4096)
    assert answer == b"" or b" 400 " in answer.split(b"\r\n")[0] or b" 505 " in answer.split(b"\r\n")[0]
    assert client.post("/invoke", GOOD).status == 200


@pytest.mark.parametrize("part", [b"POST /inv", b"POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: 30\r\n\r\n{"],
                         ids=["inside the head", "inside the body"])
def test_a_slow_sender_is_not_waited_for(client, part):
    sock = client.connect()
    begin = time.monotonic()
    sock.sendall(part)
    answer = sock.recv(4096)  # to the end of the connection, or 408
    assert time.monotonic() - begin < 4
    assert answer == b"" or b" 408 " in answer.split(b"\r\n")[0]


def test_expect_continue_is_answered(client):
    sock = client.connect()
    sock.sendall(b"POST /invoke HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(GOOD))
    assert b" 100 " in sock.recv(4096)
    sock.sendall(GOOD.encode())
    assert b" 200 " in sock.recv(4096)


def test_requests_follow_each_other_on_one_connection(client):
    sock = client.connect()
    for _ in range(3):
        sock.sendall(b"POST /invoke HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%s" % (len(GOOD), GOOD.encode()))
        answer = b""
        while b'"one"' not in answer:
            data = sock.recv(4096)
            assert data
            answer += data
        assert b" 200 " in answer.split(b"\r\n")[0]


def test_state_that_grows_past_its_limit_ends_the_run(serve):
    grow = graph({"a": {"kind": "set", "values": {"a": "{{a}}{{a}}"}}}, [["__start__", "a"], ["a", "a"]])
    reply = serve(grow, ANABRANCH_MAX_STATE_BYTES="65536").invoke(state={"a": "x" * 100})
    assert reply.status in (422, 500) and "65536" in reply.json["error"]["message"]
