"""POST /internal/truncate, which suites of the protocol call between their tests."""
import pytest

from harness.graphs import chain, note, wait

QUICK, SLOW = chain(one=note("one")), chain(one=note("one"), long=wait(60000))
ALL = {"runs": True, "threads": True, "assistants": True, "checkpointer": True, "store": True}


@pytest.fixture(params=["memory:", "sqlite:threads.db"])
def client(request, serve):
    return serve({"quick": QUICK, "slow": SLOW}, ANABRANCH_DATABASE=request.param, ANABRANCH_TEST_ROUTES="1")


def counts(client):
    """What is there: threads, assistants that were made, items."""
    assistants = client.post("/assistants/count", {}).json - 2
    items = len(client.post("/store/items/search", {"namespace_prefix": []}).json["items"])
    return client.post("/threads/count", {}).json, assistants, items


def fill(client, count=1):
    """count threads with one run each; one assistant, one item."""
    threads = [client.post("/threads", {"metadata": {"graph_id": "quick"}}).json["thread_id"] for _ in range(count)]
    for thread in threads:
        assert client.post(f"/threads/{thread}/runs/wait", {"assistant_id": "quick", "input": {"q": "x"}}).json
    assert client.post("/assistants", {"graph_id": "quick"}).status == 200
    assert client.request("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}}).status == 204
    return threads


def truncate(client, **which):
    reply = client.post("/internal/truncate", which)
    assert (reply.status, reply.json) == (200, {"ok": True})


def test_everything_goes(client):
    fill(client, 120)
    assert counts(client) == (120, 1, 1)
    truncate(client, **ALL)
    assert counts(client) == (0, 0, 0)
    fill(client)
    assert counts(client) == (1, 1, 1)


def test_only_what_is_named_goes(client):
    thread = fill(client)[0]
    runs = f"/threads/{thread}/runs"
    truncate(client, assistants=True, store=False)
    assert counts(client) == (1, 0, 1)
    truncate(client, store=True)
    assert counts(client) == (1, 0, 0)
    assert len(client.post(f"/threads/{thread}/history", {}).json) == 3
    truncate(client, checkpointer=True)
    assert client.post(f"/threads/{thread}/history", {}).json == [] and len(client.get(runs).json) == 1
    truncate(client, runs=True)
    assert client.get(runs).json == [] and counts(client) == (1, 0, 0)
    truncate(client, threads=True)
    assert counts(client) == (0, 0, 0)


@pytest.mark.parametrize("which", [{"runs": True}, {"threads": True}, ALL])
def test_runs_at_work_are_ended_first(client, which):
    thread = client.post("/threads", {}).json["thread_id"]
    for path in (f"/threads/{thread}/runs", "/runs"):
        assert client.post(path, {"assistant_id": "slow", "input": {"q": "x"}}).status == 200
    truncate(client, **which)
    if "threads" in which:
        assert counts(client)[0] == 0
    else:
        assert client.get(f"/threads/{thread}").json["status"] == "idle"
        assert client.get(f"/threads/{thread}/runs").json == []


def test_nothing_is_asked_for_and_nothing_goes(client):
    fill(client)
    truncate(client)
    assert counts(client) == (1, 1, 1)
    assert client.post("/internal/truncate", {"runs": "yes"}).status == 400
    assert client.get("/internal/truncate").status == 405


def test_it_is_not_there_without_its_setting(serve):
    client = serve(QUICK)
    for method in ("POST", "GET"):
        assert client.request(method, "/internal/truncate", "{}" if method == "POST" else None).status == 404
    assert "/internal/truncate" not in client.get("/openapi.json").json["paths"]


def test_it_is_for_those_who_run_the_server(serve):
    client = serve(QUICK, ANABRANCH_TEST_ROUTES="1")
    for header in ({"x_forwarded_for": "10.0.0.1"}, {"via": "1.1 proxy"}):
        assert client.post("/internal/truncate", ALL, **header).status == 403
    locked = serve(QUICK, ANABRANCH_TEST_ROUTES="1", ANABRANCH_API_KEYS="a-key")
    assert locked.post("/internal/truncate", ALL).status == 401
    assert locked.post("/internal/truncate", ALL, x_api_key="a-key", x_forwarded_for="10.0.0.1").status == 200
