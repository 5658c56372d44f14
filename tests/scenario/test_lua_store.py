"""The store of items for scripts; in memory and in a file."""
import pytest


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
def test_runs_share_the_items_of_the_store(serve, database):
    client = serve({"g.lua": REMEMBERS}, ANABRANCH_DATABASE=database)
    for times in range(3):
        state = client.invoke(state={"q": "ada"}).json
        assert state["seen"] == times and state["gone"] is True
        assert [(i["namespace"], i["key"], i["value"]) for i in state["all"]] == [(["users", "ada"], "visits", {"count": times + 1})]
    state = client.invoke(state={"q": "bob"}).json
    # Both may have been written in one millisecond: the order of equals is not promised.
    assert state["seen"] == 0 and {i["namespace"][1] for i in state["all"]} == {"ada", "bob"}


def test_what_nobody_waits_for_is_written_all_the_same(start):
    text = """
local g = StateGraph{ q = "string", found = "any" }
g:add_node("n", function(state)
    if state.q == "look" then
        return { found = store.get("a", "spawned") ~= nil }
    end
    local f = spawn(function() store.put("a", "spawned", {}) end)
    with_timeout(0.000001, function() for i = 1, 100 do store.put("a", "k" .. i, {}) end end)
    return f == nil and {} or {}
end)
g:set_entry_point("n")
return g:compile{}
"""
    server = start({"g.lua": text}, ANABRANCH_DATABASE="sqlite:threads.db")
    server.client.invoke(state={"q": "write"})
    server.finish()
    assert start(ANABRANCH_DATABASE="sqlite:threads.db").client.invoke(state={"q": "look"}).json["found"] is True


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
