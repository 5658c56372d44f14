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
