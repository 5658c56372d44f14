"""The graphs of the engine's cases: both programs beside this file build them from the same JSON.

A case is a graph file whose nodes are of two kinds, "put" (writes constants) and "hold" (does so when it is told), the input of its runs
and what the field n must be in the end; "held" is how many runs are to wait at the same time,
"must" and "aim" the budget in microseconds per run. A case with "lua" has the text of a Lua graph file in place of a graph; its runs
wait by themselves, and "wait_ms" after their start all of them are where they wait.
"""
STEPS = 1000
SENDS = 1000
FIELDS = 100
KB = "x" * 1024
COUNT = {"n": {"type": "integer", "reducer": "add", "default": 0}}


def put(**more):
    return {"kind": "put", "values": {"n": 1} | more}


def chain(*names):
    return [list(pair) for pair in zip(["__start__", *names], [*names, "__end__"])]


WORKERS = [f"w{i}" for i in range(5)]
WIDE = {f"f{i}": {"type": "string"} for i in range(FIELDS)}

CASES = {
    "3-node chain": {
        "graph": {"state": COUNT, "nodes": {name: put() for name in "abc"}, "edges": chain(*"abc")},
        "input": {"n": 0}, "expect": 3, "must": 10, "aim": 4,
    },
    "fan-out of 5 with join": {
        "graph": {"state": COUNT, "nodes": {name: put() for name in [*WORKERS, "join"]},
                  "edges": [["__start__", WORKERS], [WORKERS, "join"], ["join", "__end__"]]},
        "input": {"n": 0}, "expect": 6, "must": 20, "aim": 9,
    },
    f"Send to {SENDS:,} tasks": {
        "graph": {"state": COUNT | {"items": {"type": "array"}, "item": {"type": "integer"}}, "nodes": {"work": put()},
                  "edges": [{"from": "__start__", "each": "items", "as": "item", "send": "work"}, ["work", "__end__"]]},
        "input": {"items": list(range(SENDS))}, "expect": SENDS,
    },
    f"wide state: {FIELDS} channels of 1 KB, 3 nodes": {
        "graph": {"state": COUNT | WIDE, "nodes": {name: put(**{f"f{i}": KB}) for i, name in enumerate("abc")}, "edges": chain(*"abc")},
        "input": {name: KB for name in WIDE}, "expect": 3,
    },
    f"loop of {STEPS:,} steps": {
        "graph": {"state": COUNT, "nodes": {"a": put()}, "recursion_limit": STEPS + 1,
                  "edges": [["__start__", "a"], {"from": "a", "switch": "n", "cases": {str(STEPS): "__end__"}, "default": "a"}]},
        "input": {"n": 0}, "expect": STEPS,
    },
}
IN_FLIGHT = {
    "graph": {"state": COUNT, "nodes": {"a": put(), "b": put() | {"kind": "hold"}, "c": put()}, "edges": chain(*"abc")},
    "input": {"n": 0}, "expect": 3, "held": 10_000,
}

LUA_CHAIN = """
local function put() return { n = 1 } end
local g = StateGraph { n = { type = "integer", reducer = add, default = 0 } }
g:add_sequence { { "a", put }, { "b", put }, { "c", put } }
g:set_entry_point("a")
g:set_finish_point("c")
return g:compile {}
"""
LUA_WAIT = """
local g = StateGraph { n = { type = "integer", reducer = add, default = 0 } }
g:add_sequence {
    { "a", node.put { values = { n = 1 } } },
    { "b", function() sleep(10) return { n = 1 } end },
    { "c", node.put { values = { n = 1 } } },
}
g:set_entry_point("a")
g:set_finish_point("c")
return g:compile {}
"""
IN_LUA = {"lua": LUA_CHAIN, "input": {"n": 0}, "expect": 3}
IN_FLIGHT_IN_LUA = {"lua": LUA_WAIT, "input": {"n": 0}, "expect": 3, "held": 10_000, "wait_ms": 4000}
