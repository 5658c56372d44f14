"""Assistants: one of each graph from the start, others that clients make; in memory and in a file."""
import uuid

import pytest

from harness.graphs import chain, fan, graph, note

NOBODY = "00000000-0000-4000-8000-000000000000"
SPACE = uuid.UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
GRAPHS = {"seq": chain(one=note("one")) | {"description": "S here"}, "wide": fan(a=note("a"), b=note("b")),
          "nest": graph({"child": {"kind": "graph", "graph": "seq"}}, [["__start__", "child"], ["child", "__end__"]])}


@pytest.fixture(params=["memory:", "sqlite:threads.db"])
def assistants(request, serve):
    return Assistants(serve(GRAPHS, ANABRANCH_DATABASE=request.param))


class Assistants:
    def __init__(self, client):
        self.client = client

    def ask(self, method, path, data=None, **headers):
        return self.client.request(method, f"/assistants{path}", data, **headers)

    def ok(self, method, path, data=None):
        reply = self.ask(method, path, data)
        assert reply.status == 200, reply.text
        return reply.json

    def create(self, **more):
        return self.ok("POST", "", {"graph_id": "seq"} | more)

    def names(self, **more):
        return [a["name"] for a in self.ok("POST", "/search", more)]


def test_each_graph_has_one(assistants):
    one = assistants.ok("GET", "/seq")
    assert one == {"assistant_id": str(uuid.uuid5(SPACE, "seq")), "version": 1, "config": {}, "context": {},
                   "created_at": one["created_at"], "updated_at": one["created_at"], "graph_id": "seq",
                   "metadata": {"created_by": "system"}, "name": "seq", "description": "S here"}
    assert assistants.ok("GET", f"/{one['assistant_id']}") == one
    assert assistants.ok("GET", "/wide")["description"] is None
    for unknown in ("nope", NOBODY):
        reply = assistants.ask("GET", f"/{unknown}")
        assert (reply.status, reply.text) == (404, "Assistant not found")
    python = assistants.ask("GET", "/nope", user_agent="langgraph-sdk-py/0.4.3")
    assert (python.status, python.json) == (404, {"detail": "Assistant not found"})


def test_search_and_count_know_both_kinds(assistants):
    assistants.create(name="mine", metadata={"m": 1})
    assert assistants.names()[0] == "mine" and sorted(assistants.names()) == ["mine", "nest", "seq", "wide"]
    assert assistants.names(sort_by="name", sort_order="asc") == ["mine", "nest", "seq", "wide"]
    assert sorted(assistants.names(graph_id="seq")) == ["mine", "seq"]
    assert assistants.names(name="ID") == ["wide"] and assistants.names(metadata={"m": 1}) == ["mine"]
    assert len(assistants.names(metadata={"created_by": "system"})) == 3
    page = assistants.ask("POST", "/search", {"limit": 2, "offset": 1, "sort_by": "name", "sort_order": "asc", "select": ["name"]})
    assert page.json == [{"name": "nest"}, {"name": "seq"}]
    assert (page.headers["x-pagination-total"], page.headers["x-pagination-next"]) == ("4", "3")
    assert assistants.ok("POST", "/count", {}) == 4 and assistants.ok("POST", "/count", {"graph_id": "seq"}) == 2


def test_one_is_made_changed_and_deleted(assistants):
    made = assistants.create(name="my seq", description="d", config={"recursion_limit": 9}, context={"c": 2}, metadata={"m": 3})
    path = f"/{made['assistant_id']}"
    assert made["version"] == 1 and made["config"] == {"recursion_limit": 9} and made["context"] == {"c": 2}
    assert assistants.ok("GET", path) == made
    changed = assistants.ok("PATCH", path, {"metadata": {"n": 4}, "config": {"tags": ["x"]}})
    assert changed["version"] == 2 and changed["metadata"] == {"m": 3, "n": 4} and changed["config"] == {"tags": ["x"]}
    assert changed["name"] == "my seq" and changed["context"] == {"c": 2} and changed["created_at"] == made["created_at"]
    assert assistants.ok("DELETE", f"{path}?delete_threads=false") == [made["assistant_id"]]
    assert assistants.ask("GET", path).status == assistants.ask("DELETE", path).status == 404
    assert assistants.ask("POST", f"{path}/versions", {}).status == 404
    assert assistants.create()["name"] == "Untitled"


def test_an_id_that_is_there_is_a_conflict_unless_one_says_otherwise(assistants):
    made = assistants.create(name="x")
    own = {"graph_id": "seq", "assistant_id": made["assistant_id"]}
    again = assistants.ask("POST", "", own)
    assert (again.status, again.text) == (409, "Assistant already exists")
    assert assistants.ok("POST", "", own | {"if_exists": "do_nothing"}) == made
    system = {"graph_id": "seq", "assistant_id": str(uuid.uuid5(SPACE, "seq"))}
    assert assistants.ask("POST", "", system).status == 409
    assert assistants.ok("POST", "", system | {"if_exists": "do_nothing"})["name"] == "seq"


def test_versions_are_kept_and_one_goes_back_to_them(assistants):
    path = f"/{assistants.create(name='a')['assistant_id']}"
    for name in ("b", "c"):
        assistants.ok("PATCH", path, {"name": name})
    listed = assistants.ok("POST", f"{path}/versions", {})
    assert [(v["version"], v["name"]) for v in listed] == [(3, "c"), (2, "b"), (1, "a")]
    assert "updated_at" not in listed[0] and listed[0]["graph_id"] == "seq"
    assert [v["version"] for v in assistants.ok("POST", f"{path}/versions", {"limit": 1, "offset": 1})] == [2]
    back = assistants.ok("POST", f"{path}/latest", {"version": 1})
    assert (back["version"], back["name"]) == (1, "a") and assistants.ok("GET", path) == back
    unknown = assistants.ask("POST", f"{path}/latest", {"version": 7})
    assert (unknown.status, unknown.text) == (404, "Assistant version not found")
    assert assistants.ok("PATCH", path, {"name": "d"})["version"] == 4, "a number is not given twice"


def test_a_graphs_own_one_can_be_changed_and_brought_back(assistants):
    first = assistants.ok("GET", "/seq")
    assert [v["version"] for v in assistants.ok("POST", "/seq/versions", {})] == [1]
    assert assistants.ok("POST", "/seq/latest", {"version": 1}) == first
    changed = assistants.ok("PATCH", "/seq", {"name": "renamed"})
    assert changed["version"] == 2 and changed["metadata"] == {"created_by": "system"}
    assert changed["created_at"] == first["created_at"]
    assert sorted(assistants.names()) == ["nest", "renamed", "wide"] and assistants.ok("POST", "/count", {}) == 3
    assert [v["version"] for v in assistants.ok("POST", "/seq/versions", {})] == [2, 1]
    assert assistants.ok("DELETE", "/seq") == [first["assistant_id"]]
    assert assistants.ok("GET", "/seq") == first
    assert assistants.ask("DELETE", "/seq").status == 422


def test_threads_go_along_if_asked(assistants):
    ident = assistants.create()["assistant_id"]
    ids = [assistants.client.post("/threads", {"metadata": {"assistant_id": i}}).json["thread_id"] for i in (ident, NOBODY)]
    assistants.ok("DELETE", f"/{ident}?delete_threads=true")
    assert [assistants.client.get(f"/threads/{i}").status for i in ids] == [404, 200]


@pytest.mark.parametrize("path, body, says", [
    ("", {}, "graph_id"), ("", {"graph_id": "seq", "assistant_id": "x"}, "UUID"), ("", {"graph_id": 1}, "graph_id"),
    ("", {"graph_id": "seq", "config": []}, "config"), ("/search", {"limit": 1001}, "1000"), ("/search", {"sort_by": "x"}, "name"),
    ("/seq/latest", {}, "version"), ("/search", {"select": "name"}, "select")])
def test_a_wrong_body_is_a_400_that_names_the_key(assistants, path, body, says):
    reply = assistants.ask("POST", path, body)
    assert reply.status == 400 and says in reply.text, reply.text


def test_the_graph_of_one_is_drawn(assistants):
    drawn = assistants.ok("GET", "/wide/graph")
    assert [n["id"] for n in drawn["nodes"]] == ["__start__", "a", "b", "__end__"]
    assert {"source": "__start__", "target": "a", "conditional": False} in drawn["edges"] and len(drawn["edges"]) == 4
    for query, shown in (("", "child"), ("?xray=false", "child"), ("?xray=true", "child:one"), ("?xray=1", "child:one"),
                         ("?xray=0", "child")):
        assert [n["id"] for n in assistants.ok("GET", f"/nest/graph{query}")["nodes"]] == ["__start__", shown, "__end__"]
    assert assistants.ask("GET", "/nest/graph?xray=perhaps").status == 400
    ghost = f"/{assistants.create(graph_id='ghost')['assistant_id']}"
    reply = assistants.ask("GET", f"{ghost}/graph")
    assert (reply.status, reply.text) == (404, 'Graph "ghost" not found')
    run = assistants.client.runs("wait", ghost[1:])
    assert (run.status, run.text) == (404, 'Graph "ghost" not found')


def test_the_schemas_of_one_are_told(assistants):
    schemas = assistants.ok("GET", "/seq/schemas")
    assert set(schemas) == {"graph_id", "input_schema", "output_schema", "state_schema", "config_schema", "context_schema"}
    assert schemas["context_schema"]["type"] == "object"
    assert schemas["graph_id"] == "seq" and schemas["input_schema"]["properties"]["q"] == {"type": "string"}
    assert assistants.ok("GET", "/seq/subgraphs") == {}
    inner = assistants.ok("GET", "/nest/subgraphs")
    assert set(inner) == {"child"} and set(inner["child"]) == {"state", "input", "output", "config"}
    assert assistants.ok("GET", "/nest/subgraphs/child?recurse=true") == inner
    assert assistants.ok("GET", "/nest/subgraphs/other") == {}


@pytest.mark.parametrize("name", ["told.json", "told.lua"])
def test_what_a_graph_wants_as_its_context_is_told(serve, name):
    schema = {"type": "object", "properties": {"language": {"type": "string"}}, "required": ["language"]}
    text = """
local g = StateGraph{ q = "string", log = { type = "array", reducer = append } }
g:add_node("one", function(state) return { log = {"one"} } end)
g:add_edge(START, "one")
return g:compile{ context = { type = "object", properties = { language = { type = "string" } }, required = { "language" } } }
"""
    client = serve({name: text} if name.endswith("lua") else {"told": chain(one=note("one")) | {"context": schema}})
    assert client.get("/assistants/told/schemas").json["context_schema"] == schema
    assert client.invoke(graph="told", state={"q": "x"}, context={"language": 5}).json["log"] == ["one"]
