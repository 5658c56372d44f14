"""The samples of the docs are right. JSON: whole graphs as they stand, parts inside of a graph that has what they name. Lua:
every example is run, and says what the page says."""
import json
import re
import shlex
from pathlib import Path

import pytest

from harness.model import body
from harness.server import tool

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


# docs/lua.md. A block of code may begin with its file's name, `-- work.lua`; JSON is named by its "name". The indented lines below
# a block are commands with what they print; without a command it is `anabranch run work.lua`. A block that is no file is
# the body of the node in work.lua. In what is printed `...` stands for anything.

PAGE = (ROOT / "docs" / "lua.md").read_text()
BLOCK = re.compile(r"^```(lua|json)\n(.*?)^```$|^(    [^\n]*\n(?:    [^\n]*\n|\n(?=    ))*)", re.M | re.S)
NODE_BODY = "    -- the example stands here\n"
SERVER = "127.0.0.1:9000"  # what the page calls the scripted server


def name_of(language, code):
    if language == "json":
        return json.loads(code)["name"] + ".json"
    first = re.match(r"-- (\S+\.lua)\n", code)
    return first and first[1]


def examples(page):
    """Files with names; [(code or None, [(command, what it prints)])]; code without a name that nothing runs."""
    files, found, code = {}, [], None
    lost = []
    for language, text, indented in (match.groups() for match in BLOCK.finditer(page)):
        if language:
            lost += [code] if code else []
            name = name_of(language, text)
            if name:
                files[name] = text
            code = None if name else text
        else:
            found.append((code, commands(re.sub(r"^    ", "", indented, flags=re.M))))
            code = None
    return files, found, lost + ([code] if code else [])


def commands(text):
    parts = re.split(r"^((?:anabranch|curl) .*)\n", text, flags=re.M)
    if parts[0]:
        return [("anabranch run work.lua", parts[0])]
    return list(zip(parts[1::2], parts[2::2]))


FILES, EXAMPLES, LOST = examples(PAGE)


def write_code(folder, code, command):
    """A whole file, or the body of work.lua's node."""
    words = shlex.split(command)
    file = next(word for word in words if word.endswith((".lua", ".json")))
    is_body = file == "work.lua" and words[1] == "run"
    (folder / file).write_text(FILES["work.lua"].replace(NODE_BODY, code) if is_body else code)


def pattern(printed, server):
    """What the page says is printed, as a regular expression."""
    text = re.escape(printed.replace(SERVER, server).rstrip("\n"))
    return text.replace(re.escape("..."), ".*").replace("\\\n.*", "(?:\\\n.*)?") + "\\s*"


@pytest.fixture
def folder(tmp_path, model):
    """Where the files of the page are, and the small server of its examples."""
    place = tmp_path / "graphs"
    place.mkdir()
    for name, text in FILES.items():
        (place / name).write_text(text)
    for name, stars in (("lua", 8000), ("curl", 35000)):
        model.on(f"/repos/{name}", body(json.dumps({"name": name, "stargazers_count": stars})))
    model.on("/missing", body("nothing", 404))
    model.on("/echo", lambda call: call.answer(200, json.dumps(
        {"method": call.method, "target": call.target, "body": call.body.decode()}, separators=(",", ":"))))
    return place


def run(command, folder, **settings):
    done = tool(folder, *shlex.split(command)[1:], **settings)
    return done.stdout + done.stderr


def ask(command, client):
    words = shlex.split(command)
    assert words[:2] == ["curl", "-s"] and words[2] == "localhost:8123/invoke" and words[3] == "-d", command
    return client.post("/invoke", json.loads(words[4])).text


def test_no_example_of_the_lua_page_is_left_out():
    assert not LOST and len(EXAMPLES) > 30 and PAGE.count("```lua") + PAGE.count("```json") == \
        len(FILES) + sum(code is not None for code, _ in EXAMPLES)


@pytest.mark.parametrize("code, commands", EXAMPLES, ids=lambda x: " ".join((x or "").split())[:40] if not isinstance(x, list) else "")
def test_an_example_of_the_lua_page_prints_what_it_says(code, commands, folder, model, start):
    server = f"127.0.0.1:{model.port}"
    if code is not None:
        write_code(folder, code.replace(SERVER, server), commands[0][0])
    settings = {"ANABRANCH_DEFAULT_MODEL": "demo", "ANABRANCH_DEMO_DELAY_MS": "0"}
    client = start(**settings).client if any(command.startswith("curl") for command, _ in commands) else None
    for command, printed in commands:
        said = ask(command, client) if client else run(command, folder, **settings)
        assert re.fullmatch(pattern(printed, server), said, re.S), f"{command}\n{said}"
