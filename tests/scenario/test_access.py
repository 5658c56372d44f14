"""Who may call, and with what."""
import pytest

from harness.graphs import chain, note

GOOD = '{"graph":"g","input":{"q":"hi"}}'
GRAPH = chain(one=note("one"))


@pytest.fixture
def client(serve):
    return serve(GRAPH)


@pytest.fixture
def locked(serve):
    return serve(GRAPH, ANABRANCH_API_KEYS="first-key,second-key")


@pytest.mark.parametrize("headers", [{}, {"x_api_key": "wrong"}, {"x_api_key": "first-ke"}, {"x_api_key": ""},
                                     {"authorization": "Bearer wrong"}, {"authorization": "Basic first-key"}])
def test_without_a_valid_key_nothing_is_served(locked, headers):
    reply = locked.post("/invoke", GOOD, **headers)
    assert reply.status == 401 and reply.json["error"]["type"] == "UnauthorizedError"
    assert locked.post("/runs/wait", '{"assistant_id":"g"}', **headers).status == 401
    assert locked.get("/graphs", **headers).status == 401


@pytest.mark.parametrize("headers", [{"x_api_key": "first-key"}, {"x_api_key": "second-key"},
                                     {"authorization": "Bearer second-key"}])
def test_a_valid_key_opens(locked, headers):
    assert locked.post("/invoke", GOOD, **headers).status == 200
    assert locked.get("/graphs", **headers).status == 200


def test_the_health_route_needs_no_key(locked):
    assert locked.get("/ok").json == {"ok": True}


def test_keys_may_come_from_a_file(start, tmp_path):
    (tmp_path / "keys").write_text("file-key\nother-key\n")
    client = start(GRAPH, arguments=["--api-keys-file", "keys"]).client
    assert client.post("/invoke", GOOD).status == 401
    assert client.post("/invoke", GOOD, x_api_key="other-key").status == 200


def test_headers_reach_the_run_but_not_the_secret_ones(start):
    names = ("x-trace", "x-api-key", "x-auth-token", "x-session-id", "cookie", "authorization")
    graph = chain(one=note(" ".join("{{$config.%s}}" % name for name in names)))
    server = start(graph, ANABRANCH_API_KEYS="first-key")
    reply = server.client.post("/runs/wait", '{"assistant_id":"g","input":{"q":"hi"}}', x_api_key="first-key",
                               x_trace="seen", x_auth_token="hidden", x_session_id="hidden", cookie="hidden")
    assert reply.json["log"][0].strip() == "seen"
    assert "first-key" not in server.log and "hidden" not in server.log


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"host": "evil.example:8123"},
                                     {"origin": "http://evil.example"}, {"origin": "null"},
                                     {"origin": "http://localhost.evil.example"}, {"host": "127.0.0.1.evil.example"}])
def test_a_page_of_another_site_is_refused(client, headers):
    assert client.post("/invoke", GOOD, **headers).status == 403


@pytest.mark.parametrize("headers", [{"host": "localhost"}, {"host": "localhost:8123"}, {"host": "127.0.0.1"},
                                     {"host": "[::1]:8123"}, {"origin": "http://localhost:3000"},
                                     {"origin": "http://127.0.0.1:5173"}])
def test_loopback_pages_are_served(client, headers):
    reply = client.post("/invoke", GOOD, **headers)
    assert reply.status == 200
    if "origin" in headers:
        assert reply.headers["access-control-allow-origin"] == headers["origin"]
        exposed = reply.headers["access-control-expose-headers"].lower().split(",")
        assert {"content-location", "location", "x-pagination-total", "x-pagination-next"} == set(exposed)


def test_an_origin_of_the_settings_is_echoed(serve):
    client = serve(GRAPH, ANABRANCH_CORS_ORIGINS="https://app.example")
    reply = client.post("/invoke", GOOD, origin="https://app.example")
    assert reply.status == 200 and reply.headers["access-control-allow-origin"] == "https://app.example"
    assert client.post("/invoke", GOOD, origin="https://other.example").status == 403


def test_a_star_is_only_by_setting(serve):
    client = serve(GRAPH, ANABRANCH_CORS_ORIGINS="*")
    assert client.post("/invoke", GOOD, origin="https://any.example").status == 200


def test_preflight(serve):
    client = serve(GRAPH, ANABRANCH_CORS_ORIGINS="https://app.example", ANABRANCH_API_KEYS="k")
    reply = client.request("OPTIONS", "/runs/stream", origin="https://app.example",
                           access_control_request_method="POST", access_control_request_headers="content-type,x-api-key")
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert "x-api-key" in reply.headers["access-control-allow-headers"]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/plain",
                                  "application/x-www-form-urlencoded", None])
def test_content_types_that_are_read_as_json(client, kind):
    assert client.post("/invoke", GOOD, content_type=kind).status == 200


@pytest.mark.parametrize("kind", ["text/html", "multipart/form-data; boundary=x", "application/xml", "application/jsonx"])
def test_other_content_types_are_415(client, kind):
    assert client.post("/invoke", GOOD, content_type=kind).status == 415


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", None])
def test_a_form_of_a_page_is_415(client, kind):
    """A page may send these without asking first."""
    reply = client.post("/invoke", GOOD, content_type=kind, origin="http://localhost:3000")
    assert reply.status == (415 if kind == "application/x-www-form-urlencoded" else 200)
