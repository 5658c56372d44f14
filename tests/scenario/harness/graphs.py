"""Graph files for scenarios. Every graph here has the input `q`, the list `log` and the text `a`."""

STATE = {"q": {"type": "string"}, "a": {"type": "string"}, "log": {"type": "array", "reducer": "append"}}


def graph(nodes, edges, state=None, **more):
    return {"state": STATE | (state or {}), "nodes": nodes, "edges": edges} | more


def llm(model, output="a", **more):
    return {"kind": "llm", "model": f"openai:{model}", "prompt": "{{q}}", "output": output} | more


def note(text, **values):
    return {"kind": "set", "values": {"log": text} | values}


def wait(ms, **more):
    return {"kind": "wait", "ms": ms} | more


def chain(**nodes):
    """One node after the other, in the order given."""
    names = ["__start__", *nodes, "__end__"]
    return graph(nodes, [[a, b] for a, b in zip(names, names[1:])])


def fan(**nodes):
    """All nodes at once."""
    return graph(nodes, [["__start__", list(nodes)]] + [[name, "__end__"] for name in nodes])
