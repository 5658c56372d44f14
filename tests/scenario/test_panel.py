"""The shipped graphs on the demo model: what a user sees first."""
from pathlib import Path

import pytest

SHIPPED = str(Path(__file__).parents[2] / "config" / "graphs")


@pytest.fixture
def client(serve):
    return serve(ANABRANCH_GRAPHS=SHIPPED, ANABRANCH_DEMO_DELAY_MS="2", OPENAI_API_KEY=None)


def test_panel_answers_with_the_final_state_in_canonical_order(client):
    reply = client.invoke("panel", {"user_input": "hi"})
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/json")
    assert "/runs/" in reply.headers["content-location"]
    state = reply.json
    assert state["user_input"] == "hi" and state["answer"]
    events = client.stream("panel", {"user_input": "hi"}, stream_mode="updates").events()
    said = {node: update["agent_responses"][0] for e in events if e.name == "updates"
            for node, update in e.data.items() if node != "editor"}
    assert state["agent_responses"] == [said["general"], said["law"], said["math"]]


def test_panel_streams_three_agents_at_once(client):
    reply = client.stream("panel", {"user_input": "hi"})
    assert reply.headers["content-type"].startswith("text/event-stream")
    speakers = [e.data[1]["langgraph_node"] for e in reply.events() if e.name == "messages" and e.data[0]["content"]]
    assert all(speakers.count(name) >= 8 for name in ("general", "law", "math", "editor"))
    first_end = min(len(speakers) - speakers[::-1].index(name) for name in ("general", "law", "math"))
    assert set(speakers[:first_end]) == {"general", "law", "math"}, "the tokens interleave"


def test_the_demo_model_says_the_same_for_the_same_prompt(client):
    answers = [client.invoke("panel", {"user_input": "hi"}).json for _ in range(2)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name, state", [("sequential", None), ("chat", {"messages": [{"role": "user", "content": "hi"}]})])
def test_the_other_shipped_graphs_run(client, name, state):
    inputs = {g["name"]: g["input_schema"]["properties"] for g in client.get("/graphs").json}
    state = state or {next(iter(inputs[name])): "hi"}
    reply = client.invoke(name, state)
    assert reply.status == 200, reply.text
    events = client.stream(name, state).events()
    assert events[0].name == "metadata" and events[-1].name == "updates"


def test_chat_appends_the_answer_to_the_messages(client):
    state = client.invoke("chat", {"messages": [{"role": "user", "content": "hi"}]}).json
    assert [m["type"] for m in state["messages"]] == ["human", "ai"]
    assert all(m["id"] for m in state["messages"])


def test_panel_waits_for_a_look_before_its_editor_on_a_thread(client):
    there = client.invoke("panel", {"user_input": "hi"}, thread_id="t1", interrupt_before=["editor"]).json
    assert there.pop("__interrupt__") == [] and "answer" not in there and len(there["agent_responses"]) == 3
    done = client.post("/invoke", {"graph": "panel", "thread_id": "t1"}).json
    assert done == there | {"answer": done["answer"]} and done["answer"]


def test_approve_writes_again_until_a_person_says_yes(client):
    def ask(**body):
        return client.post("/invoke", {"graph": "approve", "thread_id": "t2"} | body).json

    first = ask(input={"task": "A haiku about rivers"})
    assert first["__interrupt__"][0]["value"]["draft"] == first["draft"] != ""
    second = ask(command={"resume": "shorter"})
    assert second["__interrupt__"][0]["value"]["draft"] == second["draft"] != first["draft"]
    assert ask(command={"resume": "yes"}) == {"task": "A haiku about rivers", "draft": second["draft"], "feedback": "yes"}


def test_topics_starts_a_task_for_each_item_and_keeps_their_order(client):
    topics = ["tea", "rain", "cats"]
    state = client.invoke("topics", {"topics": topics}).json
    assert [topic for topic, text in zip(topics, state["paragraphs"], strict=True) if topic in text] == topics
    assert state["summary"]
