"""The JSON samples of the docs are right: whole graphs as they stand, parts inside of a graph that has what they name."""
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "graphs.md").read_text()


def samples(text):
    return re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)


SAMPLES = samples(TEXT) + samples((ROOT / "README.md").read_text())
INNER = {"name": "research", "state": {"topic": {"type": "any"}, "report": {"type": "any"}},
         "nodes": {"look": {"kind": "set", "values": {"report": "{{topic}}"}}}, "edges": [["__start__", "look"]]}
NAMES = ("answer", "city", "decision", "done", "draft", "language", "notes", "profile", "question", "report", "tags", "temperature",
         "user", "waited")


def whole(sample):
    """A graph around a part, which is a key of the top level or nodes."""
    part = json.loads(sample if sample.startswith("{") else "{" + sample + "}")
    if "nodes" in part:
        return part
    nodes = {name: node for name, node in part.items() if "kind" in node} | {"tidy": {"kind": "set", "values": {}}}
    top = {name: value for name, value in part.items() if name not in nodes}
    return {"state": {name: {"type": "any"} for name in NAMES}, "nodes": nodes, "edges": [["__start__", list(nodes)]]} | top


def test_there_are_samples():
    assert len(samples(TEXT)) == TEXT.count("```json\n") > 10 and len(SAMPLES) > len(samples(TEXT))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: " ".join(s.split())[:40])
def test_a_sample_is_right(run_tool, sample):
    done = run_tool("check", "graphs", graphs={"sample": whole(sample), "research": INNER})
    assert done.returncode == 0, done.stderr


def test_the_sample_of_the_mistakes_tells_them_in_those_words(run_tool):
    """The first graph with the three mistakes in it that the chapter shows."""
    told = re.search(r"^```\n(config/graphs/review\.json: .*?)^```$", TEXT, re.M | re.S)[1]
    wrong = json.loads(SAMPLES[0])
    wrong["nodes"]["editor"]["output"] = "sumary"
    wrong["nodes"]["style"]["prompt"] = "{{#text}}"
    wrong["edges"][2][0] = "editr"
    done = run_tool("check", "graphs/review.json", graphs={"review": wrong})
    assert done.returncode == 2
    assert sorted(line for line in done.stderr.splitlines() if ": /" in line) == sorted(
        told.replace("config/", "").splitlines()), done.stderr


def test_the_sample_of_the_settings_is_right(run_tool, tmp_path):
    (settings,) = samples((ROOT / "docs" / "models.md").read_text())
    (tmp_path / "settings.json").write_text(settings)
    done = run_tool("serve", "--print-config", "--config", "settings.json", BETA_KEY="k")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^default_model = local:qwen ", done.stdout, re.M), done.stdout


def test_the_lua_graph_of_the_readme_runs(run_tool, tmp_path):
    (text,) = re.findall(r"^```lua\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    (tmp_path / "slogan.lua").write_text(text)
    done = run_tool("check", "slogan.lua", OPENAI_API_KEY=None)
    assert (done.returncode, done.stderr) == (0, "")
    done = run_tool("run", "slogan.lua", "--input", '{"product":"umbrellas"}', ANABRANCH_DEFAULT_MODEL="demo", ANABRANCH_DEMO_DELAY_MS="1")
    state = json.loads(done.stdout)
    assert "umbrellas" in state["slogan"] and (len(state["slogan"].encode()) <= 80 or state["tries"] == 3), state
