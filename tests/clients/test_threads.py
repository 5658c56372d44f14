"""client.threads of the Python client: every method."""
import uuid

import pytest

from kit import MOMENT, RESULT, UNKNOWN, new_thread, word


def steps(states):
    return [state["metadata"]["step"] for state in states]


def test_create_get_update_delete(client, errors):
    ident = str(uuid.uuid4())
    made = client.threads.create(thread_id=ident, metadata={"a": 1}, graph_id="seq", ttl=5)
    assert MOMENT.fullmatch(made["created_at"])
    assert (made["thread_id"], made["metadata"], made["status"]) == (ident, {"a": 1, "graph_id": "seq"}, "idle")
    assert client.threads.get(ident)["metadata"] == made["metadata"]
    with pytest.raises(errors.ConflictError):
        client.threads.create(thread_id=ident, if_exists="raise")
    assert client.threads.create(thread_id=ident, if_exists="do_nothing")["created_at"] == made["created_at"]
    assert client.threads.update(ident, metadata={"b": 2})["metadata"] == {"a": 1, "b": 2, "graph_id": "seq"}
    assert client.threads.update(ident, metadata={"b": 3}, return_minimal=True) is None
    assert client.threads.get(ident, include=["ttl"])["metadata"]["b"] == 3
    assert client.threads.delete(ident) is None
    with pytest.raises(errors.NotFoundError, match=f"Thread with ID {ident} not found"):
        client.threads.get(ident)
    assert client.threads.create()["metadata"] == {}


def test_search_and_count(client):
    team = word()
    ids = [client.threads.create(metadata={"team": team, "n": n})["thread_id"] for n in range(3)]
    client.runs.wait(ids[0], "seq", input={"topic": team})
    client.runs.wait(ids[1], "ask", input={"request": team})

    def numbers(**query):
        return [t["metadata"]["n"] for t in client.threads.search(metadata={"team": team}, **query)]

    assert numbers() == [2, 1, 0] and numbers(sort_by="created_at", sort_order="asc") == [0, 1, 2]
    assert numbers(limit=1, offset=1) == [1]
    assert numbers(status="interrupted") == [1] and numbers(status="busy") == []
    assert numbers(ids=[ids[2]]) == [2]
    assert numbers(values={"topic": team}) == [0]
    assert client.threads.search(metadata={"team": team}, limit=1, select=["thread_id"]) == [{"thread_id": ids[2]}]
    (found,) = client.threads.search(values={"topic": team}, select=["status"], extract={"last": "values.log[-1]"})
    assert found == {"status": "idle", "extracted": {"last": "polish"}}
    assert client.threads.count(metadata={"team": team}) == 3
    assert client.threads.count(metadata={"team": team}, status="idle") == 2
    assert client.threads.count(values={"topic": team}) == 1


def test_state_and_history(client):
    thread = new_thread(client)
    empty = client.threads.get_state(thread)
    assert (empty["values"], empty["next"], empty["tasks"], empty["checkpoint"]) == ({}, [], [], None)
    client.runs.wait(thread, "seq", input={"topic": "t"})
    state = client.threads.get_state(thread, subgraphs=True)
    assert state["values"] == RESULT and state["next"] == [] and state["metadata"]["source"] == "loop"
    history = client.threads.get_history(thread)
    assert steps(history) == [2, 1, 0, -1]
    middle = history[1]["checkpoint"]
    for at in ({"checkpoint": middle}, {"checkpoint_id": middle["checkpoint_id"]}):
        for subgraphs in (False, True):
            assert client.threads.get_state(thread, **at, subgraphs=subgraphs)["next"] == ["polish"]
    assert steps(client.threads.get_history(thread, limit=1)) == [2]
    assert steps(client.threads.get_history(thread, before=middle["checkpoint_id"])) == [0, -1]
    assert steps(client.threads.get_history(thread, before=middle)) == [0, -1]
    assert steps(client.threads.get_history(thread, metadata={"step": 0})) == [0]
    assert steps(client.threads.get_history(thread, checkpoint=middle))[0] == 1


def test_update_state(client, errors):
    thread = new_thread(client)
    checkpoint = client.threads.update_state(thread, {"topic": "mine"}, as_node="draft")["checkpoint"]
    assert client.threads.get_state(thread)["checkpoint"]["checkpoint_id"] == checkpoint["checkpoint_id"]
    assert client.runs.wait(thread, "seq", input=None)["result"] == "mine!"
    old = client.threads.update_state(thread, {"topic": "again"}, as_node="draft", checkpoint=checkpoint)["checkpoint"]
    assert client.runs.wait(thread, "seq", input=None, checkpoint=old)["result"] == "again!"
    assert client.runs.wait(thread, "seq", input=None, checkpoint_id=checkpoint["checkpoint_id"])["result"] == "mine!"
    client.threads.update_state(thread, None)
    with pytest.raises(errors.NotFoundError):
        client.threads.update_state(UNKNOWN, {})
    run = client.runs.create(new := new_thread(client, "slow"), "slow", input={})
    with pytest.raises(errors.ConflictError, match="Thread is busy"):
        client.threads.update_state(new, {"log": ["x"]})
    client.runs.cancel(new, run["run_id"], wait=True)


def test_supersteps_copy_and_prune(client, errors):
    updates = [{"values": {"topic": "t"}, "as_node": "__input__"}, {"values": {"topic": "t"}, "as_node": "__start__"},
               {"values": {"log": ["by hand"]}, "as_node": "draft"}]
    thread = new_thread(client, supersteps=[{"updates": [update]} for update in updates])
    assert client.threads.get_state(thread)["next"] == ["polish"]
    copy = client.threads.copy(thread)["thread_id"]
    assert client.runs.wait(copy, "seq", input=None)["log"] == ["by hand", "polish"]
    assert client.threads.get_state(thread)["next"] == ["polish"], "the first one stays as it was"
    assert client.threads.prune([copy], strategy="keep_latest") == {"pruned_count": 1}
    assert len(client.threads.get_history(copy)) == 1
    assert client.threads.prune([thread, copy]) == {"pruned_count": 2}
    with pytest.raises(errors.NotFoundError):
        client.threads.get(copy)


def test_a_threads_stream_goes_over_its_runs(client):
    thread = new_thread(client)
    runs = [client.runs.create(thread, "seq", input={"topic": topic}, multitask_strategy="enqueue")["run_id"] for topic in "ab"]
    done, seen = [], []
    for part in client.threads.join_stream(thread, last_event_id="-1"):
        seen.append(part)
        if part.event == "run_done":
            done.append(part.data)
            if len(done) == 2:
                break
    assert done == [{"run_id": run, "status": "success"} for run in runs]
    for part, again in zip(seen[4:], client.threads.join_stream(thread, last_event_id=seen[3].id)):
        assert part == again
    stream = client.threads.join_stream(thread, stream_mode=["lifecycle", "state_update"], last_event_id="-1")
    assert [next(stream).event for _ in range(4)] == ["metadata", "run_done"] * 2
    stream.close()
