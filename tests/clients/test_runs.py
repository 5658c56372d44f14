"""client.runs of the Python client: every method."""
import uuid

import pytest

from harness.wait import wait_until
from kit import RESULT, UNKNOWN, data_of, new_thread


def paused(client, thread):
    wait_until(lambda: client.threads.get_state(thread)["next"] == ["pause"], "the pause")


def test_wait_create_join_get_list_delete(client, errors):
    thread = new_thread(client)
    assert client.runs.wait(thread, "seq", input={"topic": "t"}) == RESULT
    assert client.runs.wait(None, "seq", input={"topic": "t"}) == RESULT
    told = []
    run = client.runs.create(thread, "seq", input={"topic": "u"}, metadata={"m": 1}, config={"tags": ["x"]}, on_run_created=told.append)
    assert (run["status"], run["thread_id"], run["metadata"]["m"]) == ("pending", thread, 1)
    assert [(t["run_id"], t["thread_id"]) for t in told] == [(run["run_id"], thread)]
    assert client.runs.join(thread, run["run_id"])["result"] == "u!"
    assert client.runs.get(thread, run["run_id"])["status"] == "success"
    assert [r["run_id"] for r in client.runs.list(thread)][0] == run["run_id"]
    assert [r["status"] for r in client.runs.list(thread, limit=1, offset=1, status="success")] == ["success"]
    assert client.runs.list(thread, limit=1, select=["run_id"]) == [{"run_id": run["run_id"]}]
    assert client.runs.delete(thread, run["run_id"]) is None
    with pytest.raises(errors.NotFoundError, match="Run not found"):
        client.runs.get(thread, run["run_id"])
    with pytest.raises(errors.NotFoundError, match="No assistant found"):
        client.runs.create(thread, "nobody", input={})
    with pytest.raises(Exception, match="404"):  # one of httpx's
        client.runs.wait(thread, "nobody", input={})
    with pytest.raises(errors.NotFoundError):
        client.runs.list(UNKNOWN)


def test_stream_tells_what_was_asked_for(client):
    thread, told = new_thread(client, "chat"), []
    modes = ["values", "updates", "messages-tuple"]
    parts = list(client.runs.stream(thread, "chat", input={"messages": "hello"}, stream_mode=modes, on_run_created=told.append))
    assert parts[0].event == "metadata" and parts[0].data == {"run_id": told[0]["run_id"], "attempt": 1}
    assert [int(part.id) for part in parts] == list(range(len(parts)))
    assert {part.event for part in parts} == {"metadata", "values", "updates", "messages"}
    chunks = [chunk for chunk, _ in data_of(parts, "messages")]
    final = data_of(parts, "values")[-1]["messages"][-1]
    assert len(chunks) > 8 and "".join(chunk["content"] for chunk in chunks) == final["content"]
    assert {chunk["id"] for chunk in chunks} == {final["id"]}


@pytest.mark.parametrize("mode", ["values", "messages", "messages-tuple", "updates", "custom", "tasks", "checkpoints", "debug", "events"])
def test_every_mode_comes_alone(client, mode):
    parts = list(client.runs.stream(new_thread(client, "custom"), "custom", input={}, stream_mode=mode))
    names = {part.event.split("/")[0] for part in parts[1:]}
    assert names == {{"messages-tuple": "messages"}.get(mode, mode)}


def test_parts_of_version_2(client):
    parts = list(client.runs.stream(new_thread(client), "seq", input={"topic": "t"}, stream_mode=["values", "updates"], version="v2"))
    assert [part["type"] for part in parts if part["type"] != "metadata"] == ["values", "updates", "values", "updates", "values"]
    assert parts[-1]["data"] == RESULT


def test_a_stateless_stream(client):
    parts = list(client.runs.stream(None, "seq", input={"topic": "t"}, stream_subgraphs=True, on_completion="delete"))
    assert data_of(parts, "values")[-1] == RESULT


def test_subgraphs(client):
    parts = list(client.runs.stream(new_thread(client, "parent"), "parent", input={"messages": "hi"}, stream_mode="updates", stream_subgraphs=True))
    inner = [part for part in parts if part.event.startswith("updates|child:")]
    assert [list(part.data) for part in inner] == [["speak"], ["tail"]]


def test_texts_and_numbers_arrive_as_they_are(client):
    topic = 'a\u2028b\u2029c \U0001f410\r\n\tdata: x\n\nid: 7\u0001"\\'
    parts = list(client.runs.stream(new_thread(client), "seq", input={"topic": topic}))
    assert parts[-1].data["result"] == topic + "!"
    for answer in (0.1, 2**63 - 1, -(2**63), 1e300, 5e-324, [1.5, {"deep": [[]]}], 0, "", False):
        thread = new_thread(client, "ask")
        client.runs.wait(thread, "ask", input={"request": "n"})
        assert client.runs.wait(thread, "ask", command={"resume": answer})["answer"] == answer


def test_batch(client):
    runs = client.runs.create_batch([{"assistant_id": "seq", "input": {"topic": topic}} for topic in "ab"])
    assert len({run["run_id"] for run in runs}) == 2 and [run["kwargs"]["input"] for run in runs] == [{"topic": "a"}, {"topic": "b"}]


def test_interrupt_and_resume(client):
    thread = new_thread(client, "ask")
    parts = list(client.runs.stream(thread, "ask", input={"request": "pay 5"}))
    (question,) = parts[-1].data["__interrupt__"]
    assert question["value"] == {"question": "Approve?", "request": "pay 5"}
    assert client.threads.get(thread)["status"] == "interrupted"
    state = client.threads.get_state(thread)
    assert state["interrupts"] == state["tasks"][0]["interrupts"] == [question]
    values = client.runs.wait(thread, "ask", command={"resume": {"ok": True}})
    assert values["answer"] == {"ok": True} and client.threads.get(thread)["status"] == "idle"


def test_breakpoints(client):
    thread = new_thread(client)
    assert client.runs.wait(thread, "seq", input={"topic": "t"}, interrupt_before=["polish"]) == {"__interrupt__": []}
    assert client.threads.get_state(thread)["next"] == ["polish"]
    assert client.runs.wait(thread, "seq") == RESULT, "None is stripped, and goes on"


def test_failures(client):
    thread = new_thread(client, "boom")
    with pytest.raises(Exception, match="BoomError: node exploded"):
        client.runs.wait(thread, "boom", input={"n": 1})
    error = client.runs.wait(thread, "boom", input={"n": 1}, raise_error=False)["__error__"]
    assert (error["error"], error["message"]) == ("BoomError", "node exploded")
    last = list(client.runs.stream(thread, "boom", input={"n": 1}))[-1]
    assert last.event == "error" and last.data["message"] == "node exploded"
    assert client.threads.get(thread)["status"] == "error"
    assert [run["status"] for run in client.runs.list(thread)] == ["error"] * 3


def test_multitask(client, errors):
    thread = new_thread(client, "slow")
    first = client.runs.create(thread, "slow", input={})
    paused(client, thread)
    with pytest.raises(errors.UnprocessableEntityError, match="Thread is already running a task"):
        client.runs.create(thread, "slow", input={})
    queued = client.runs.create(thread, "slow", input={"ms": 1}, multitask_strategy="enqueue")
    assert client.runs.get(thread, queued["run_id"])["status"] == "pending"
    last = client.runs.create(thread, "slow", input={"ms": 1}, multitask_strategy="rollback")
    assert client.runs.join(thread, last["run_id"])["log"] == ["before", "paused", "after"]
    for run in (first, queued):
        with pytest.raises(errors.NotFoundError):
            client.runs.get(thread, run["run_id"])


def test_cancel(client, errors):
    thread = new_thread(client, "slow")
    for wait in (True, False):
        run = client.runs.create(thread, "slow", input={})
        paused(client, thread)
        assert client.runs.cancel(thread, run["run_id"], wait=wait) is None
        client.runs.join(thread, run["run_id"])
        assert client.runs.get(thread, run["run_id"])["status"] == "interrupted"
    run = client.runs.create(thread, "slow", input={})
    client.runs.cancel(thread, run["run_id"], wait=True, action="rollback")
    with pytest.raises(errors.NotFoundError):
        client.runs.get(thread, run["run_id"])
    run = client.runs.create(thread, "slow", input={})
    client.runs.cancel_many(thread_id=thread, run_ids=[run["run_id"]])
    wait_until(lambda: client.runs.get(thread, run["run_id"])["status"] == "interrupted", "the end")
    run = client.runs.create(thread, "slow", input={})
    client.runs.cancel_many(thread_id=thread, status="all")
    wait_until(lambda: client.runs.get(thread, run["run_id"])["status"] == "interrupted", "the end")


def test_a_delayed_run_and_a_thread_that_is_made(client):
    thread = str(uuid.uuid4())
    run = client.runs.create(thread, "seq", input={"topic": "t"}, if_not_exists="create", after_seconds=1)
    assert client.runs.get(thread, run["run_id"])["status"] == "pending" and client.threads.get(thread)["status"] == "busy"
    assert client.runs.join(thread, run["run_id"]) == RESULT
    assert client.threads.get(thread)["metadata"]["graph_id"] == "seq"


def test_join_stream_from_the_start_and_from_an_id(client):
    thread = new_thread(client, "chat")
    run = client.runs.create(thread, "chat", input={"messages": "hi"}, stream_mode=["values", "messages-tuple"], stream_resumable=True)
    parts = list(client.runs.join_stream(thread, run["run_id"]))
    assert [int(part.id) for part in parts] == list(range(len(parts))) and len(parts) > 10
    assert list(client.runs.join_stream(thread, run["run_id"], last_event_id="4")) == parts[5:]
    assert list(client.runs.join_stream(thread, run["run_id"], last_event_id="-1")) == parts
    some = list(client.runs.join_stream(thread, run["run_id"], stream_mode=["values"], cancel_on_disconnect=False))
    assert {part.event for part in some} == {"metadata", "values"}
