"""The store of the protocol: items by namespace and key; in memory and in a file."""
from urllib.parse import quote

import pytest

from harness.graphs import chain, note


@pytest.fixture(params=["memory:", "sqlite:threads.db"])
def store(request, serve):
    return Store(serve(chain(one=note("one")), ANABRANCH_DATABASE=request.param))


class Store:
    def __init__(self, client):
        self.client = client

    def ask(self, method, path, data=None, **headers):
        return self.client.request(method, f"/store{path}", data, **headers)

    def put(self, namespace, key, value, **more):
        reply = self.ask("PUT", "/items", {"namespace": namespace.split("."), "key": key, "value": value} | more)
        assert reply.status == 204, reply.text

    def get(self, namespace, key, more=""):
        reply = self.ask("GET", f"/items?namespace={namespace}&key={quote(key)}{more}")
        assert reply.status == 200, reply.text
        return reply.json

    def search(self, *prefix, **more):
        reply = self.ask("POST", "/items/search", {"namespace_prefix": prefix} | more)
        assert reply.status == 200, reply.text
        return [(".".join(i["namespace"]), i["key"]) for i in reply.json["items"]]

    def namespaces(self, **more):
        reply = self.ask("POST", "/namespaces", more)
        assert reply.status == 200, reply.text
        return [".".join(n) for n in reply.json["namespaces"]]


def test_an_item_is_put_got_and_deleted(store):
    store.put("users.u1", "prefs", {"theme": "dark", "n": 0.1})
    item = store.get("users.u1", "prefs")
    assert item == {"namespace": ["users", "u1"], "key": "prefs", "value": {"theme": "dark", "n": 0.1},
                    "created_at": item["created_at"], "updated_at": item["created_at"]}
    store.put("users.u1", "prefs", {"theme": "light"}, index=["theme"], ttl=10)
    again = store.get("users.u1", "prefs", "&refresh_ttl=false")
    assert again["value"] == {"theme": "light"} and again["created_at"] == item["created_at"] <= again["updated_at"]
    for _ in range(2):
        assert store.ask("DELETE", "/items", {"namespace": ["users", "u1"], "key": "prefs"}).status == 204
    assert store.get("users.u1", "prefs") is None and store.ask("GET", "/items?key=prefs").json is None


def test_items_are_searched_by_namespace_and_value(store):
    store.put("users.u1", "a", {"theme": "dark", "n": 1})
    store.put("users.u2", "b", {"theme": "light", "n": 2}, ttl=5)
    store.put("usersx", "c", {"theme": "dark"})
    assert sorted(store.search("users")) == [("users.u1", "a"), ("users.u2", "b")]
    assert len(store.search()) == 3 and len(store.search(limit=1, offset=1)) == 1 and store.search(offset=3) == []
    assert store.search("users", filter={"theme": "dark"}) == [("users.u1", "a")]
    assert store.search("users", filter={"n": {"$gt": 1}}) == [("users.u2", "b")]
    assert store.search("users", filter={"n": {"$in": [1]}}, refresh_ttl=True) == [("users.u1", "a")]
    assert len(store.search("users", query="dark")) == 2, "without an index of vectors a query changes nothing"
    wrong = store.ask("POST", "/items/search", {"namespace_prefix": [], "filter": {"n": {"$near": 1}}})
    assert wrong.status == 400 and "$near" in wrong.text


def test_namespaces_are_listed(store):
    for namespace in ("users.u1", "users.u2", "users.u2.x", "docs"):
        store.put(namespace, "k", {})
    assert store.namespaces() == ["docs", "users.u1", "users.u2", "users.u2.x"]
    assert store.namespaces(prefix=["users"], max_depth=1) == ["users"]
    assert store.namespaces(suffix=["u2"]) == ["users.u2"] and store.namespaces(prefix=["*", "u2"]) == ["users.u2", "users.u2.x"]
    assert store.namespaces(limit=1, offset=1) == ["users.u1"]


@pytest.mark.parametrize("method, path, body, status, says", [
    ("PUT", "/items", {"namespace": [], "key": "k", "value": {}}, 400, "Namespace is required"),
    ("PUT", "/items", {"key": "k", "value": {}}, 400, "Namespace is required"),
    ("PUT", "/items", {"namespace": ["a.b"], "key": "k", "value": {}}, 422,
     "Namespace labels cannot be empty or contain periods. Received: a.b"),
    ("PUT", "/items", {"namespace": ["a", ""], "key": "k", "value": {}}, 422, "cannot be empty"),
    ("PUT", "/items", {"namespace": ["a"], "key": "k", "value": "text"}, 400, "value"),
    ("PUT", "/items", {"namespace": ["a"], "value": {}}, 400, "key"),
    ("PUT", "/items", {"namespace": ["a"], "key": "k", "value": {}, "ttl": 0}, 400, "ttl"),
    ("PUT", "/items", {"namespace": ["a" * 5000], "key": "k", "value": {}}, 422, "longer than"),
    ("DELETE", "/items", {"namespace": ["a"]}, 400, "key"),
    ("POST", "/items/search", {}, 400, "namespace_prefix"),
    ("POST", "/namespaces", {"max_depth": 0}, 400, "max_depth"),
    ("GET", "/items?namespace=a..b&key=k", None, 422, "cannot be empty")])
def test_what_is_wrong_is_told(store, method, path, body, status, says):
    reply = store.ask(method, path, body)
    assert (reply.status, says in reply.text) == (status, True), reply.text


REMEMBERS = """
local g = StateGraph{ q = "string", seen = "any", all = "any", gone = "any" }
g:add_node("remember", function(state)
    local before = store.get({"users", state.q}, "visits")
    local count = before and before.value.count or 0
    store.put({"users", state.q}, "visits", { count = count + 1 })
    store.put("users." .. state.q, "empty", {}, { ttl = 5 })
    store.put("users." .. state.q, "short", { n = 1 })
    store.delete("users." .. state.q, "short")
    local found = store.search("users", { filter = { count = { ["$gte"] = 1 } }, limit = 5 })
    return { seen = count, all = found, gone = store.get("users." .. state.q, "short") == nil }
end)
g:set_entry_point("remember")
return g:compile{}
"""


@pytest.mark.parametrize("database", ["memory:", "sqlite:threads.db"])
def test_scripts_share_the_store_with_clients(serve, database):
    client = serve({"g.lua": REMEMBERS}, ANABRANCH_DATABASE=database)
    for times in range(3):
        state = client.invoke(state={"q": "ada"}).json
        assert state["seen"] == times and state["gone"] is True
        assert [(i["namespace"], i["key"], i["value"]) for i in state["all"]] == [(["users", "ada"], "visits", {"count": times + 1})]
    store = Store(client)
    assert store.get("users.ada", "visits")["value"] == {"count": 3} and store.get("users.ada", "empty")["value"] == {}
    store.put("users.bob", "visits", {"count": 7})
    assert client.invoke(state={"q": "bob"}).json["seen"] == 7


@pytest.mark.parametrize("database", ["memory:", "sqlite:threads.db"])
def test_what_nobody_waits_for_is_written_all_the_same(start, database):
    text = """
local g = StateGraph{ q = "string" }
g:add_node("n", function(state)
    local f = spawn(function() store.put("a", "spawned", {}) end)
    with_timeout(0.000001, function() for i = 1, 100 do store.put("a", "k" .. i, {}) end end)
    return f == nil and {} or {}
end)
g:set_entry_point("n")
return g:compile{}
"""
    server = start({"g.lua": text}, ANABRANCH_DATABASE=database)
    assert server.client.invoke(state={"q": "x"}).status != 500
    store = Store(server.client)
    assert store.search("a", limit=1000)
    server.client.invoke(state={"q": "x"})
    server.finish()


@pytest.mark.parametrize("line, says", [
    ('store.get(5, "k")', "store.get: a namespace is a list of texts"),
    ('store.get({}, "k")', "the namespace is empty"),
    ('store.get({"a.b"}, "k")', "labels of a namespace cannot be empty or contain periods"),
    ('store.get({1}, "k")', "a namespace is a list of texts"),
    ('store.get("a..b", "k")', "labels of a namespace"),
    ('store.put("a", "k", "text")', "store.put: a value is a table with names, not string"),
    ('store.put("a", "k", {1, 2})', "a value is a table with names"),
    ('store.put("a", "k", {}, {ttl = 0})', "minutes above 0"),
    ('store.put("a", "k", {}, {tll = 1})', 'there is no option "tll"'),
    ('store.put("a", nil, {})', "the key must be a text, not nil"),
    ('store.search("a", {filter = {n = {["$near"] = 1}}})', "$near"),
    ('store.search("a", {limit = 0})', "a whole number of at least 1"),
    ('store.find("a")', "find")])
def test_what_a_script_does_wrong_is_told_with_its_line(serve, line, says):
    text = f'local g = StateGraph{{ q = "string" }}\ng:add_node("n", function()\n    {line}\nend)\ng:set_entry_point("n")\nreturn g:compile{{}}\n'
    error = serve({"g.lua": text}).invoke(state={"q": "x"}).json["error"]
    assert says in error["message"] and "g.lua:3" in error["message"], error
