"""client.assistants of the Python client: every method."""
import uuid

import pytest

from kit import MOMENT, UNKNOWN, new_thread, word


def test_every_graph_has_an_assistant(client):
    found = client.assistants.get("seq")
    assert MOMENT.fullmatch(found.pop("created_at")) and MOMENT.fullmatch(found.pop("updated_at"))
    ident = found.pop("assistant_id")
    assert found == {"graph_id": "seq", "name": "seq", "version": 1, "config": {}, "context": {}, "description": found["description"],
                     "metadata": {"created_by": "system"}}
    assert client.assistants.get(ident)["name"] == "seq"


def test_an_unknown_one_raises_not_found_with_the_message(client, errors):
    with pytest.raises(errors.NotFoundError) as caught:
        client.assistants.get(UNKNOWN)
    assert caught.value.status_code == 404 and "Assistant not found" in str(caught.value)


def test_create_search_and_count(client, errors):
    team = word()
    ident = str(uuid.uuid4())
    given = {"config": {"configurable": {"a": 1}}, "context": {"c": 1}, "metadata": {"team": team}, "name": "mine", "description": "d"}
    made = client.assistants.create("seq", assistant_id=ident, **given)
    assert {key: made[key] for key in given} == given and made["assistant_id"] == ident
    with pytest.raises(errors.ConflictError):
        client.assistants.create("seq", assistant_id=ident, if_exists="raise")
    assert client.assistants.create("chat", assistant_id=ident, if_exists="do_nothing") == made
    client.assistants.create("chat", metadata={"team": team}, name="other")
    found = client.assistants.search(metadata={"team": team}, sort_by="name", sort_order="asc", select=["name"])
    assert found == [{"name": "mine"}, {"name": "other"}]
    assert [a["name"] for a in client.assistants.search(metadata={"team": team}, graph_id="chat", limit=5)] == ["other"]
    assert [a["name"] for a in client.assistants.search(metadata={"team": team}, offset=1)] == ["mine"]
    page = client.assistants.search(metadata={"team": team}, limit=1, response_format="object")
    assert ([a["name"] for a in page["assistants"]], page["next"]) == (["other"], "1")
    assert client.assistants.count(metadata={"team": team}) == 2
    assert client.assistants.count(metadata={"team": team}, graph_id="seq", name="MIN") == 1


def test_versions(client):
    ident = client.assistants.create("seq", name="one")["assistant_id"]
    assert client.assistants.update(ident, name="two", metadata={"b": 2})["version"] == 2
    assert [(v["version"], v["name"]) for v in client.assistants.get_versions(ident)] == [(2, "two"), (1, "one")]
    assert [v["version"] for v in client.assistants.get_versions(ident, {"b": 2}, limit=1)] == [2]
    assert client.assistants.set_latest(ident, 1)["name"] == "one"
    assert client.assistants.get(ident)["version"] == 1


def test_delete_takes_threads_along_if_told(client, errors):
    for takes in (True, False):
        ident = client.assistants.create("seq")["assistant_id"]
        thread = new_thread(client)
        client.runs.wait(thread, ident, input={"topic": "t"})
        assert client.assistants.delete(ident, delete_threads=takes) is None
        with pytest.raises(errors.NotFoundError):
            client.assistants.get(ident)
        if takes:
            with pytest.raises(errors.NotFoundError):
                client.threads.get(thread)
        else:
            assert client.threads.get(thread)["status"] == "idle"


def test_graph_schemas_and_subgraphs(client):
    drawn = client.assistants.get_graph("seq")
    assert [n["id"] for n in drawn["nodes"]] == ["__start__", "draft", "polish", "__end__"]
    assert [(e["source"], e["target"]) for e in drawn["edges"]] == [("__start__", "draft"), ("draft", "polish"), ("polish", "__end__")]
    assert "child:speak" in [n["id"] for n in client.assistants.get_graph("parent", xray=1)["nodes"]]
    schemas = client.assistants.get_schemas("seq")
    assert schemas["graph_id"] == "seq" and schemas["input_schema"]["properties"]["topic"]["type"] == "string"
    assert list(client.assistants.get_subgraphs("parent")) == ["child"]
    assert "child_note" in client.assistants.get_subgraphs("parent", "child", recurse=True)["child"]["state"]["properties"]
