"""The graphs that run while the server is killed. Each node that counts tells the witness "RUN/NODE" and writes the same into
`log`, so one can be held against the other."""

STATE = {"q": {"type": "string"}, "verdict": {"type": "any"}, "words": {"type": "string"},
         "log": {"type": "array", "reducer": "append"}}
NODES = {  # what a finished run has written into log, in canonical order
    "chain": ["s0", "s1", "s2", "s3", "s4"],
    "fan": ["a", "b0", "b1", "b2", "c"],
    "nest": ["a", "z"],
    "talk": ["s0", "s1"],
    "ask": ["a"],
    "answer": ["b"],
}
INSIDE = {"nest": ["x", "y"]}  # told by graphs inside, whose log is their own


def make(port):
    def tell(name, output="log"):
        return {"kind": "http", "url": f"http://127.0.0.1:{port}/{{{{$config.run_id}}}}/{name}", "parse": "text", "output": output}

    def graph(nodes, edges, state=None):
        return {"state": STATE | (state or {}), "nodes": nodes, "edges": edges}

    def chain(**nodes):
        names = ["__start__", *nodes, "__end__"]
        return graph(nodes, [list(pair) for pair in zip(names, names[1:])])

    inner = chain(x=tell("x", "inside"), y=tell("y", "inside"))
    inner["state"] = {"q": {"type": "string"}, "inside": {"type": "array", "reducer": "append"}}
    branches = ["b0", "b1", "b2"]
    return {
        "chain": chain(**{name: tell(name) for name in NODES["chain"]}),
        "fan": graph({name: tell(name) for name in NODES["fan"]},
                     [["__start__", "a"], ["a", branches], [branches, "c"], ["c", "__end__"]]),
        "inner": inner,
        "nest": chain(a=tell("a"), sub={"kind": "graph", "graph": "inner"}, z=tell("z")),
        "talk": chain(s0=tell("s0"), speak={"kind": "llm", "model": "demo:voice", "prompt": "{{q}}", "output": "words"}, s1=tell("s1")),
        "ask": chain(a=tell("a"), question={"kind": "interrupt", "value": "on?", "output": "verdict"}, b=tell("b")),
    }
