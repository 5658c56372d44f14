"""client.store of the Python client: every method."""
import pytest

from kit import MOMENT, word


def test_put_get_delete(client, errors):
    place = [word(), "notes"]
    assert client.store.put_item(place, "k", {"text": "hello"}, index=False, ttl=60) is None
    item = client.store.get_item(place, "k", refresh_ttl=True)
    assert (item["namespace"], item["key"], item["value"]) == (place, "k", {"text": "hello"})
    assert MOMENT.fullmatch(item["created_at"]) and MOMENT.fullmatch(item["updated_at"])
    assert client.store.delete_item(place, "k") is None
    assert client.store.get_item(place, "k") is None
    with pytest.raises(errors.BadRequestError):
        client.store.put_item([], "k", {})


def test_search_and_namespaces(client):
    root = word()
    for n, sub in enumerate("aab"):
        client.store.put_item([root, sub], f"k{n}", {"n": n})

    def keys(prefix, **query):
        return sorted(item["key"] for item in client.store.search_items(prefix, **query)["items"])

    assert keys([root]) == ["k0", "k1", "k2"] and keys([root, "a"]) == ["k0", "k1"]
    assert keys([root], filter={"n": 1}) == ["k1"] and keys([root], filter={"n": {"$gt": 0}}) == ["k1", "k2"]
    assert len(keys([root], limit=2)) == 2 and len(keys([root], limit=2, offset=2)) == 1
    assert keys([root], query="x", refresh_ttl=False) == ["k0", "k1", "k2"]

    def spaces(**query):
        return sorted(".".join(n[1:]) for n in client.store.list_namespaces(prefix=[root], **query)["namespaces"])

    assert spaces() == ["a", "b"] and spaces(max_depth=1) == [""]
    assert spaces(suffix=["b"]) == ["b"] and len(spaces(limit=1, offset=1)) == 1
