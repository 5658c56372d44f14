"""The samples of docs/graphs.md are right: whole graphs as they stand, parts inside of a graph that has what they name."""
import json
import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "graphs.md").read_text()
SAMPLES = re.findall(r"^```json\n(.*?)^```$", TEXT, re.M | re.S)
INNER = {"name": "research", "state": {"topic": {"type": "any"}, "report": {"type": "any"}},
         "nodes": {"look": {"kind": "set", "values": {"report": "{{topic}}"}}}, "edges": [["__start__", "look"]]}
NAMES = ("answer", "city", "decision", "done", "draft", "language", "notes", "profile", "question", "report", "tags", "temperature",
         "user", "waited")


def whole(sample):
    """A graph around a part, which is `"state": {...}` or a node."""
    part = json.loads(sample if sample.startswith("{") else "{" + sample + "}")
    if "nodes" in part:
        return part
    if "state" in part:
        return part | {"nodes": {"n": {"kind": "set", "values": {}}}, "edges": [["__start__", "n"]]}
    nodes = part | {"tidy": {"kind": "set", "values": {}}}
    return {"state": {name: {"type": "any"} for name in NAMES}, "nodes": nodes, "edges": [["__start__", list(nodes)]]}


def test_there_are_samples():
    assert len(SAMPLES) == TEXT.count("```json\n") > 10


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
