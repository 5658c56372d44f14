"""Webhooks: every run that has one tells its end, once it is written down, to addresses that may be reached, more than once if
it has to be, and over restarts."""
import signal
import uuid

import pytest

from harness.graphs import chain, graph, note, wait
from harness.model import body, status
from harness.receiver import OK, Gate, Receiver
from harness.wait import wait_until

QUICK = chain(one=note("one {{q}}"), two=note("two"))
SLOW = chain(one=note("one {{q}}"), two=wait(60000))
BAD = chain(one=note("one {{q}}"), two={"kind": "fail", "error": "BoomError", "message": "node exploded"})


def letter():
    nodes = {"write": note("written"), "ask": {"kind": "interrupt", "value": "send?", "output": "verdict"}, "send": note("sent")}
    names = ["__start__", *nodes, "__end__"]
    return graph(nodes, [[a, b] for a, b in zip(names, names[1:])], {"verdict": {"type": "any"}})


GRAPHS = {"quick": QUICK, "slow": SLOW, "bad": BAD, "letter": letter()}


@pytest.fixture
def receiver(model):
    return Receiver(model)


@pytest.fixture
def open_server(start, receiver):
    """A server that may reach the receiver."""
    def make(graphs=GRAPHS, **settings):
        return start(graphs, **({"ANABRANCH_WEBHOOK_HOSTS": receiver.host} | settings))
    return make


def ask(receiver, graph="quick", **more):
    return {"assistant_id": graph, "input": {"q": "x"}, "webhook": receiver.url} | more


def thread_path():
    return f"/threads/{uuid.uuid4()}/runs"


# ---- what is told ----

DOORS = ["/runs/wait", "/runs/stream", "/runs", "/runs/batch", "/invoke", "T/wait", "T/stream", "T"]


@pytest.mark.parametrize("door", DOORS)
def test_the_end_of_a_run_is_told_whichever_door_it_came_through(open_server, receiver, door):
    client = open_server().client
    data = ask(receiver, if_not_exists="create", metadata={"who": "me"})
    reply = client.post(door.replace("T", thread_path()), [data] if "batch" in door else data)
    assert reply.status == 200, reply.text
    reply.body
    news, call = receiver.news(), receiver.model.call("/done")
    assert call.method == "POST" and call.headers["content-type"] == "application/json"
    assert news["status"] == "success" and news["values"] == {"q": "x", "log": ["one x", "two"]}
    assert news["metadata"]["who"] == "me" and news["kwargs"]["input"] == {"q": "x"}
    assert ("thread_id" in news) == ("T" in door) and "error" not in news
    times = [news[k] for k in ("created_at", "run_started_at", "run_ended_at", "webhook_sent_at")]
    assert times == sorted(times) and all(t.endswith("Z") for t in times)
    if "content-location" in reply.headers:
        assert news["run_id"] == reply.headers["content-location"].split("/")[-1]


def test_the_books_are_closed_when_the_receiver_hears_of_it(open_server, receiver, model):
    seen = []
    client = open_server().client
    path = thread_path()

    def reply(call):
        seen.append(client.get(path).json[0]["status"])
        OK(call)

    model.on("/done", reply)
    client.post(path, ask(receiver, if_not_exists="create")).body
    wait_until(lambda: seen, "the receiver to look")
    assert seen == ["success"]


def test_a_failed_run_tells_its_error_and_what_it_had(open_server, receiver):
    client = open_server().client
    client.post("/runs", ask(receiver, "bad")).body
    news = receiver.news()
    assert news["status"] == "error" and news["error"] == "node exploded"
    assert news["values"]["log"] == ["one x"]


def test_a_run_that_asks_tells_what_and_the_one_that_answers_tells_the_end(open_server, receiver):
    client, path = open_server().client, thread_path()
    client.post(path + "/wait", ask(receiver, "letter", if_not_exists="create")).body
    asked = receiver.news()
    assert asked["status"] == "success" and asked["values"]["log"] == ["written"]
    assert [i["value"] for i in asked["values"]["__interrupt__"]] == ["send?"]
    client.post(path + "/wait", ask(receiver, "letter", input=None, command={"resume": "yes"})).body
    assert receiver.news(1)["values"] == {"q": "x", "log": ["written", "sent"], "verdict": "yes"}


@pytest.mark.parametrize("is_pending", [False, True])
def test_a_cancelled_run_is_told_as_interrupted(open_server, receiver, is_pending):
    client, path = open_server().client, thread_path()
    run = client.post(path, ask(receiver, "slow", if_not_exists="create", after_seconds=60 if is_pending else 0)).json
    if not is_pending:
        client.get(f"{path}/{run['run_id']}/stream?stream_mode=values").until(lambda e: e.data.get("log") == ["one x"])
    assert client.post(f"{path}/{run['run_id']}/cancel", "").status == 202
    news = receiver.news()
    assert news["status"] == "interrupted" and "error" not in news
    assert (news["run_started_at"] is None) == is_pending
    assert news["values"] == (None if is_pending else {"q": "x", "log": ["one x"]})


def test_what_was_rolled_back_is_told_without_values(open_server, receiver):
    client, path = open_server().client, thread_path()
    run = client.post(path, ask(receiver, "slow", if_not_exists="create")).json
    client.get(f"{path}/{run['run_id']}/stream?stream_mode=values").until(lambda e: e.data.get("log") == ["one x"])
    client.post(f"{path}/{run['run_id']}/cancel?action=rollback", "").body
    news = receiver.news()
    assert news["run_id"] == run["run_id"] and news["status"] == "interrupted" and news["values"] is None


def test_a_kept_run_and_each_of_a_batch_tell_their_own(open_server, receiver):
    client = open_server().client
    other = Receiver(receiver.model, "/other")
    runs = client.post("/runs/batch", [ask(receiver, on_completion="keep"), ask(other)]).json
    assert receiver.news()["run_id"] == runs[0]["run_id"] and receiver.news()["thread_id"] == runs[0]["thread_id"]
    assert other.news()["run_id"] == runs[1]["run_id"]


def test_a_run_that_is_deleted_is_told_and_so_is_one_whose_thread_is(open_server, receiver, model):
    gate = Gate(status(503))
    model.on("/done", gate, OK)
    server = open_server()
    client, path = server.client, thread_path()
    run = client.post(path, ask(receiver, "slow", if_not_exists="create")).json
    client.get(f"{path}/{run['run_id']}/stream?stream_mode=values").until(lambda e: e.data.get("log") == ["one x"])
    assert client.request("DELETE", f"{path}/{run['run_id']}").status == 204
    assert receiver.news()["status"] == "interrupted"
    assert client.request("DELETE", path.removesuffix("/runs")).status == 204
    gate.open()
    assert receiver.news(1)["run_id"] == run["run_id"]


def test_a_database_without_room_makes_it_brief(open_server, receiver):
    """The values alone would fit, but not twice."""
    server = open_server(ANABRANCH_MEMORY_STORE_BYTES="1MiB")
    client, path = server.client, thread_path()
    data = ask(receiver, if_not_exists="create", input={"q": 140_000 * "x"})
    assert client.post(path + "/wait", data).status == 200
    news = receiver.news()
    assert news["status"] == "success" and news["values"] is None and news["kwargs"] == {}
    assert client.get(path).json[0]["status"] == "success"


# ---- deliveries ----

def test_a_receiver_that_fails_is_tried_again_and_the_run_does_not_wait(open_server, receiver, model):
    model.on("/done", status(503), OK)
    server = open_server()
    assert server.client.post("/runs/wait", ask(receiver)).json["log"] == ["one x", "two"]
    first, second = receiver.news(), receiver.news(1)
    assert second.pop("webhook_sent_at") > first.pop("webhook_sent_at") and first == second
    wait_until(lambda: server.logged("webhook_sent .*tries=2"), "the line of the delivery")
    assert server.says(r"webhook_delayed .*status=503 tries=1 again_in_ms=1000")


def test_nobody_at_the_address_is_tried_again(open_server, receiver):
    server = open_server(ANABRANCH_WEBHOOK_HOSTS="127.0.0.1")
    server.client.post("/runs", ask(receiver, webhook="http://127.0.0.1:1/x")).body
    wait_until(lambda: server.logged("webhook_delayed .*refused"), "the first try")


@pytest.mark.parametrize("tries, reply", [(1, status(400)), (1, status(404)), (2, status(500)), (2, status(429))])
def test_a_webhook_is_given_up_with_a_line_that_tells_why(open_server, receiver, model, tries, reply):
    model.on("/done", reply)
    server = open_server(ANABRANCH_WEBHOOK_TRIES="2")
    run = server.client.post("/runs", ask(receiver)).json
    wait_until(lambda: server.logged(f"webhook_failed run={run['run_id']} host={receiver.host} .*tries={tries} "), "the line")
    assert receiver.count == tries
    assert server.client.get(f"/runs/{run['run_id']}/join").status == 200


def test_a_receiver_that_hangs_is_left_after_the_time_limit(open_server, receiver, model):
    gate = Gate()
    model.on("/done", gate)
    server = open_server(ANABRANCH_WEBHOOK_TIMEOUT_MS="200", ANABRANCH_WEBHOOK_TRIES="1")
    server.client.post("/runs", ask(receiver)).body
    wait_until(lambda: server.logged("webhook_failed .*not complete in time"), "the line")
    gate.open()


def test_no_more_than_the_setting_says_are_under_way_at_once(open_server, receiver, model):
    gate = Gate()
    model.on("/done", gate, OK)
    server = open_server(ANABRANCH_WEBHOOK_AT_ONCE="1")
    runs = [server.client.post("/runs", ask(receiver)).json["run_id"] for _ in range(3)]
    for run in runs:
        wait_until(lambda run=run: server.logged(f"run_end run={run}"), "the run to end")
    receiver.wait_count(1)
    assert receiver.count == 1
    gate.open()
    wait_until(lambda: server.log.count("webhook_sent") == 3, "all of them")
    assert sorted(receiver.news(k)["run_id"] for k in range(3)) == sorted(runs)


def test_more_than_the_setting_says_do_not_wait(open_server, receiver, model):
    gate = Gate()
    model.on("/done", gate, OK)
    server = open_server(ANABRANCH_MAX_WEBHOOKS="1")
    server.client.post("/runs/wait", ask(receiver)).body
    receiver.wait_count(1)
    server.client.post("/runs/wait", ask(receiver)).body
    wait_until(lambda: server.logged("webhook_dropped"), "the line in the log")
    gate.open()
    wait_until(lambda: server.logged("webhook_sent"), "the first one")
    assert receiver.count == 1


def test_the_log_has_neither_path_nor_query(open_server, receiver, model):
    model.on("/done", status(503), OK)
    server = open_server()
    server.client.post("/runs", ask(receiver)).body
    wait_until(lambda: server.logged("webhook_sent"), "the delivery")
    assert "hook-secret" not in server.log and "/done" not in server.log


# ---- who may be called ----

BAD_ADDRESSES = ["http://127.0.0.1/x", "http://[::1]/x", "http://10.1.2.3/x", "http://169.254.169.254/latest/meta-data",
                 "https://192.168.0.1/", "http://[fd00::1]/", "http://[::ffff:10.0.0.1]/", "http://0.0.0.0/", "ftp://example.com/",
                 "file:///etc/passwd", "http://user:pass@example.com/", "example.com/x", "http://", "http://a b/",
                 "http://example.com\\@127.0.0.1/", "/done", "//example.com/x", "http://example.com/" + 2048 * "x"]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_may_not_be_called_is_refused_at_once(serve, address):
    reply = serve(QUICK).post("/runs", {"assistant_id": "g", "input": {"q": "x"}, "webhook": address})
    assert reply.status == 422 and "webhook" in reply.text, reply.text


HIDDEN = ["http://localhost:{port}/done", "http://2130706433:{port}/done", "http://0x7f.1:{port}/done", "http://127.1:{port}/done"]


@pytest.mark.parametrize("address", HIDDEN)
def test_a_name_that_leads_inside_is_found_out_when_it_is_called(start, receiver, address):
    server = start(QUICK)
    reply = server.client.runs("wait", webhook=address.format(port=receiver.model.port))
    assert reply.json["log"] == ["one hi", "two"]
    wait_until(lambda: server.logged("webhook_failed .*no public address"), "the line")
    assert receiver.count == 0


def test_a_redirect_is_not_followed(open_server, receiver, model):
    inside = Receiver(model, "/inside")
    model.on("/done", body("", 302, location=inside.url))
    server = open_server()
    server.client.post("/runs", ask(receiver)).body
    wait_until(lambda: server.logged("webhook_failed .*status=302"), "the line")
    assert inside.count == 0


def test_a_path_is_put_behind_the_setting(start, receiver):
    server = start(QUICK, ANABRANCH_WEBHOOK_BASE_URL=f"http://{receiver.host}/hooks/")
    other = Receiver(receiver.model, "/hooks/done")
    for path in ("/../x", "/a/%2E%2e/b", "/a/./b", "//a", "/a b"):
        assert server.client.runs("wait", webhook=path).status == 422
    server.client.runs("wait", webhook="/done?x=1").body
    assert other.news()["status"] == "success" and receiver.model.call("/hooks/done").target == "/hooks/done?x=1"
    assert server.client.runs("wait", webhook=receiver.url).status == 422, "an address is not more than it was"


# ---- servers that go down ----

@pytest.mark.parametrize("door", ["/runs", "/runs/wait", "T"])
def test_what_a_killed_server_has_not_delivered_the_next_one_does(open_server, receiver, model, door):
    gate = Gate()
    model.on("/done", gate, OK)
    server = open_server(ANABRANCH_DATABASE="sqlite:threads.db")
    server.client.post(door.replace("T", thread_path()), ask(receiver, if_not_exists="create")).body
    first = receiver.news()
    server.signal(signal.SIGKILL)
    server.wait()
    server = open_server(ANABRANCH_DATABASE="sqlite:threads.db")
    second = receiver.news(1)
    assert second.pop("webhook_sent_at") > first.pop("webhook_sent_at") and first == second
    wait_until(lambda: server.logged("webhook_sent .*tries=1"), "the line")
    server.signal()
    assert server.wait() == 0
    gate.open()
    server = open_server(ANABRANCH_DATABASE="sqlite:threads.db")
    server.client.post("/runs/wait", ask(receiver)).body
    assert receiver.news(2)["run_id"] != first["run_id"], "what was delivered is not told again"


def test_the_run_of_a_killed_server_tells_its_end_from_the_next(open_server, receiver):
    server = open_server({"slow": chain(one=note("one {{q}}"), two=wait(500))}, ANABRANCH_DATABASE="sqlite:threads.db")
    run = server.client.post(thread_path(), ask(receiver, "slow", if_not_exists="create")).json
    wait_until(lambda: server.logged("run_start"), "the run to begin")
    server.signal(signal.SIGKILL)
    server.wait()
    open_server(None, ANABRANCH_DATABASE="sqlite:threads.db")
    news = receiver.news()
    assert news["run_id"] == run["run_id"] and news["status"] == "success"


def test_a_run_that_is_given_up_tells_that(open_server, receiver):
    server = open_server(ANABRANCH_DATABASE="sqlite:threads.db", ANABRANCH_MAX_RUN_ATTEMPTS="1")
    run = server.client.post("/runs", ask(receiver, "slow")).json["run_id"]
    # No event is shown before it is on the disk that the run has begun.
    assert server.client.get(f"/runs/{run}/stream").event().name == "metadata"
    server.signal(signal.SIGKILL)
    server.wait()
    open_server(None, ANABRANCH_DATABASE="sqlite:threads.db", ANABRANCH_MAX_RUN_ATTEMPTS="1")
    news = receiver.news()
    assert news["status"] == "error" and "max_run_attempts" in news["error"] and news["values"] is None


def test_a_server_that_is_stopped_waits_for_what_is_under_way(open_server, receiver, model):
    gate = Gate()
    model.on("/done", gate, OK)
    server = open_server(ANABRANCH_DRAIN_MS="10000")
    server.client.post("/runs", ask(receiver)).body
    receiver.wait_count(1)
    server.signal()
    wait_until(lambda: server.logged("draining"), "the server to hear of it")
    gate.open()
    assert server.wait() == 0
    assert server.says("webhook_sent") and not server.logged("drain_passed")


def test_a_server_that_is_stopped_waits_no_longer_than_it_says(open_server, receiver, model):
    gate = Gate()
    model.on("/done", gate, OK)
    server = open_server(ANABRANCH_DRAIN_MS="100", ANABRANCH_DATABASE="sqlite:threads.db")
    server.client.post("/runs", ask(receiver)).body
    receiver.wait_count(1)
    server.signal()
    assert server.wait() == 0
    gate.open()
    open_server(ANABRANCH_DATABASE="sqlite:threads.db")
    receiver.wait_count(2)


def test_the_next_try_of_a_stopped_server_is_the_next_ones(open_server, receiver, model):
    model.on("/done", status(503), OK)
    server = open_server(ANABRANCH_DATABASE="sqlite:threads.db", ANABRANCH_DRAIN_MS="30000")
    server.client.post("/runs", ask(receiver)).body
    wait_until(lambda: server.logged("webhook_delayed"), "the first try")
    server.signal()
    assert server.wait() == 0
    server = open_server(ANABRANCH_DATABASE="sqlite:threads.db")
    wait_until(lambda: server.logged("webhook_sent .*tries=2"), "the second try")
