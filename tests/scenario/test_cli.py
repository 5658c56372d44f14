"""The subcommands besides serve."""
import json
import os
import re
import resource
import socket
import subprocess

import pytest

from harness.graphs import chain, fan, graph, llm, note
from harness.model import tokens
from harness.server import BINARY, KEY, environment, write_graphs


def test_version(run_tool):
    done = run_tool("--version")
    assert done.returncode == 0 and re.fullmatch(r"anabranch \d+\.\d+\.\d+\S*\n", done.stdout)


def test_help_names_every_setting_and_subcommand(run_tool):
    settings = re.findall(r"^(\w+) *=", run_tool("serve", "--print-config").stdout, re.M)
    done = run_tool("--help")
    assert done.returncode == 0 and len(settings) > 30
    for name in settings:
        assert "ANABRANCH_" + name.upper() in done.stdout
        assert "--" + name.replace("_", "-") in done.stdout
    for word in ("serve", "check", "run", "draw", "health"):
        assert re.search(rf"\b{word}\b", done.stdout)


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--nonsense"], ["run"], ["check"], ["draw"], []])
def test_a_wrong_command_line_exits_with_2(run_tool, arguments):
    done = run_tool(*arguments)
    assert done.returncode == 2 and len(done.stderr) > 10


@pytest.mark.parametrize("word", ["serve", "check", "run", "draw", "health"])
def test_help_of_a_command_begins_with_its_usage(run_tool, word):
    done = run_tool(word, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: anabranch {word} ")
    assert "--listen" in done.stdout, "the settings follow"
    if word == "run":
        own = done.stdout.partition("\n\n")[0]
        assert all(part in own for part in ("--input", "@FILE", "--stream", "GRAPH"))


MISTYPED = [(["serve", "--drain-msec", "5"], "--drain-ms"), (["run", "g", "--inptu", "{}"], "did you mean --input?"),
            (["run", "g", "--steam"], "did you mean --stream?"), (["chekc"], "did you mean check?"),
            (["run", "g", '{"q":"hi"}'], "give the input with --input"),
            (["run", "g", "{", '"q":', '"hi"', "}"], "give the input with --input")]


@pytest.mark.parametrize("arguments, hint", MISTYPED)
def test_what_is_mistyped_is_told_what_was_meant(run_tool, arguments, hint):
    done = run_tool(*arguments, graphs=chain(one=note("one")))
    assert done.returncode == 2 and hint in done.stderr
    assert len(done.stderr.splitlines()) == 1, "one mistake, one line"


def test_a_variable_that_is_no_setting_is_a_warning(run_tool):
    done = run_tool("check", graphs=chain(one=note("one")), ANABRANCH_LISTN="x", ANABRANCH_BIN="/bin/x")
    assert done.returncode == 0 and done.stderr.count("\n") == 1
    assert "warn unknown_variable name=ANABRANCH_LISTN nearest=ANABRANCH_LISTEN" in done.stderr


def test_print_config_tells_origins_and_masks_secrets(run_tool, tmp_path):
    (tmp_path / "settings.json").write_text('{"heartbeat_ms": 77}')
    done = run_tool("serve", "--print-config", "--config", "settings.json", "--log-level", "debug",
                    ANABRANCH_API_KEYS="top-secret-key", ANABRANCH_MAX_RUNS="12")
    lines = {m[1]: m[0] for m in re.finditer(r"^(\w+) *=.*", done.stdout, re.M)}
    assert done.returncode == 0
    assert "debug" in lines["log_level"] and "flag" in lines["log_level"]
    assert "12" in lines["max_runs"] and "environment" in lines["max_runs"]
    assert "77" in lines["heartbeat_ms"] and "file" in lines["heartbeat_ms"]
    assert "default" in lines["max_tasks"] and lines["max_body_bytes"] == "max_body_bytes = 4MiB  (default)"
    assert "top-secret-key" not in done.stdout and KEY not in done.stdout
    assert "*" in lines["api_keys"] and "*" in lines["openai_api_key"]


WRONG = {
    "state": {"q": {"type": "strng"}, "a": {"type": "string", "reducer": "append"}, "n": {"type": "number", "default": "x"}},
    "nodes": {"one": {"kind": "lmm"}, "two": {"kind": "set", "values": {"b": 1}, "extra": 1},
              "three": {"kind": "llm", "prompt": "{{#q}}", "output": "a"}, "lost": {"kind": "set", "values": {}}},
    "edges": [["__start__", "one"], ["one", "tow"], [["one", "nil"], "two"], {"from": "two", "switch": "zz", "cases": {"x": "y"}}],
    "colour": "blue",
}


def test_check_reports_every_mistake_with_its_place(run_tool, tmp_path):
    done = run_tool("check", "graphs/g.json", graphs=WRONG)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    for pointer in ("/state/q", "/state/a", "/state/n", "/nodes/one/kind", "/nodes/two/values", "/nodes/two/extra",
                    "/nodes/three/prompt", "/edges/1", "/edges/2", "/edges/3", "/colour", "lost"):
        assert pointer in said, f"{pointer} in {said}"
    assert all(line.startswith("graphs/g.json") for line in said.splitlines() if "/nodes/" in line)
    assert "llm" in said and "two" in said, "the nearest name is offered"


@pytest.mark.parametrize("text", ["", "{", '{"a":1,"a":2}', "[]", '{"state":{},"nodes":{},"edges":[]}', '{"nodes":5}',
                                  "{\"state\":{\"q\":\"\x01\"}}", "[" * 3000])
def test_check_survives_files_that_are_no_graphs(run_tool, text):
    done = run_tool("check", "graphs/g.json", graphs={"g": text})
    assert done.returncode == 2 and "g.json" in done.stdout + done.stderr


def test_check_tells_where_json_is_broken(run_tool):
    done = run_tool("check", "graphs/g.json", graphs={"g": '{"state": {},\n  "nodes": {,}\n}'})
    assert re.search(r"line 2|:2\b", done.stdout + done.stderr)


def test_check_of_good_files(run_tool):
    done = run_tool("check", "graphs/a.json", "graphs/b.json",
                    graphs={"a": chain(one=note("x")), "b": fan(x=note("x"), y=note("y"))})
    assert done.returncode == 0 and "a: ok" in done.stdout and "b: ok" in done.stdout


def test_check_counts_one_thing_as_one(run_tool):
    state = {"q": {"type": "string"}}
    one = graph({"a": {"kind": "set", "values": {"q": "x"}}}, [["__start__", "a"], ["a", "__end__"]]) | {"state": state}
    assert run_tool("check", graphs=one).stdout == "g: ok (1 node, 1 field)\n"


def test_check_takes_the_name_of_a_graph(run_tool):
    graphs = {"a": chain(one=note("x")), "b": WRONG}
    done = run_tool("check", "a", graphs=graphs)
    assert done.returncode == 0 and done.stdout.startswith("a: ok") and done.stderr == ""
    done = run_tool("check", "graphs/a.json", "a")
    assert done.returncode == 0 and done.stdout.count("a: ok") == 1
    assert run_tool("check", "b").returncode == 2


def test_check_of_a_missing_file(run_tool):
    done = run_tool("check", "nowhere.json")
    assert done.returncode == 2 and done.stderr.startswith("nowhere.json: cannot be read: ")
    assert "relative to the working directory" in done.stderr and "--graphs" not in done.stderr
    done = run_tool("check", ANABRANCH_GRAPHS="nowhere")
    assert done.returncode == 2 and "--graphs" in done.stderr and "working directory" in done.stderr
    assert "working directory" not in run_tool("check", "/nowhere/x.json").stderr
    done = run_tool("check", "nowhere", graphs=chain(one=note("x")))
    assert done.returncode == 2 and 'no graph and no file "nowhere"' in done.stderr


def test_check_names_both_files_of_two_graphs_of_one_name(run_tool):
    done = run_tool("check", graphs={"a": chain(one=note("x")) | {"name": "n"}, "b": chain(one=note("x")) | {"name": "n"}})
    assert done.returncode == 2 and re.search(r"b\.json: /name: .*graphs/a\.json", done.stderr)


def test_models_that_cannot_be_called_are_warned_of_once(run_tool, start):
    say = {"kind": "llm", "prompt": "{{q}}", "output": "a"}
    graphs = {"g": chain(a=say | {"model": "claude:opus"}, b=say | {"model": "claude:opus"}, c=say | {"model": "gpt-4o-mini"})}
    done = run_tool("check", graphs=graphs)
    warnings = done.stderr.splitlines()
    assert done.returncode == 0 and done.stdout.startswith("g: ok") and len(warnings) == 2
    assert warnings[0].startswith('warning: graph g: node a: model "claude:opus" names no known provider')
    assert warnings[1].startswith("warning: graph g: node c: ") and '"openai:gpt-4o-mini"' in warnings[1]
    assert start(graphs["g"]).log.count("model_not_ready") == 2


def test_a_default_start_warns_of_nothing(start):
    assert " warn " not in start(chain(one=note("one"))).log
    assert " warn " not in start(chain(one=note("one")), ANABRANCH_DATABASE=None).log


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 2000000, reason="nothing to lower")
def test_connections_that_were_asked_for_and_cannot_be_are_a_warning(start):
    assert start(chain(one=note("one")), ANABRANCH_MAX_CONNECTIONS="1000000").logged(" warn max_connections_lowered ")


def test_one_mistake_that_keeps_a_server_from_starting_is_one(start):
    server = start(chain(bad={"kind": "nonsense"}), listening=False)
    assert server.wait() == 2 and re.search(r"\b(1 mistake|[2-9] mistakes) in graph files", server.log)


def test_run_prints_the_final_state(run_tool):
    done = run_tool("run", "g", "--input", '{"q":"hi"}', graphs=chain(one=note("one")))
    assert done.returncode == 0 and json.loads(done.stdout) == {"q": "hi", "log": ["one"]}


def test_run_logs_only_what_was_asked_for(run_tool):
    arguments = ["run", "g", "--input", '{"q":"hi"}']
    (quiet, by_flag, by_variable) = (run_tool(*arguments, graphs=chain(one=note("one"))),
                                     run_tool(*arguments, "--log-level", "info"),
                                     run_tool(*arguments, ANABRANCH_LOG_LEVEL="info"))
    assert quiet.returncode == 0 and quiet.stderr == ""
    assert "run_end" in by_flag.stderr and "run_end" in by_variable.stderr


def test_run_streams_the_events(run_tool, model):
    model.on("m", tokens("Hel", "lo"))
    done = run_tool("run", "g", "--input", '{"q":"hi"}', "--stream", graphs=chain(say=llm("m")))
    assert done.returncode == 0
    events = re.findall(r"^event: (\w+)$", done.stdout, re.M)
    assert events[0] == "metadata" and events.count("messages") >= 2 and events[-1] == "updates"


def test_run_tells_a_failure(run_tool):
    done = run_tool("run", "g", "--input", '{"q":"hi"}',
                    graphs=chain(bad={"kind": "fail", "error": "BoomError", "message": "it broke"}))
    assert done.returncode == 1 and "BoomError" in done.stdout + done.stderr


def test_an_input_without_end_is_not_read_for_ever(run_tool):
    done = run_tool("run", "g", "--input", "@/dev/zero", graphs=chain(one=note("one")))
    assert done.returncode == 2 and "larger than" in done.stderr


@pytest.mark.parametrize("arguments", [["run", "g", "--input", "{}"], ["run", "g", "--input", "{}", "--stream"], ["draw", "g"],
                                       ["check"], ["--help"], ["serve", "--print-config"]])
def test_output_that_cannot_be_written_is_a_failure(tmp_path, arguments):
    write_graphs(tmp_path, {"g": chain(one=note("one"))})
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, *arguments], cwd=tmp_path, env=environment(tmp_path, {}), stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1 and "standard output" in done.stderr


@pytest.mark.parametrize("arguments", [["run", "nope", "--input", "{}"], ["run", "g", "--input", "{"],
                                       ["run", "g", "--input", "[]"], ["draw", "nope"]])
def test_run_and_draw_of_what_is_not_there(run_tool, arguments):
    done = run_tool(*arguments, graphs=chain(one=note("one")))
    assert done.returncode != 0 and len(done.stderr) > 10


def test_draw_prints_mermaid(run_tool):
    edges = [["__start__", "a"], {"from": "a", "switch": "q", "cases": {"x": "b"}, "default": "__end__"}, ["b", "__end__"]]
    done = run_tool("draw", "g", graphs=graph({"a": note("a"), "b": note("b")}, edges))
    assert done.returncode == 0 and done.stdout.startswith("graph TD")
    assert "__start__" in done.stdout and "b" in done.stdout


def test_health_tells_whether_a_server_answers(start, run_tool):
    server = start(chain(one=note("one")))
    assert run_tool("health", ANABRANCH_LISTEN=f"127.0.0.1:{server.client.port}").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = run_tool("health", ANABRANCH_LISTEN=f"127.0.0.1:{port}")
    assert done.returncode == 1 and str(port) in done.stderr


def test_health_asks_the_server_itself_and_no_proxy(start, run_tool):
    server = start(chain(one=note("one")))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        proxy = "http://127.0.0.1:%d" % closed.getsockname()[1]
    assert run_tool("health", ANABRANCH_LISTEN=f"127.0.0.1:{server.client.port}", http_proxy=proxy).returncode == 0


def test_health_of_a_server_that_listens_everywhere(start, run_tool):
    server = start(chain(one=note("one")), ANABRANCH_LISTEN="0.0.0.0:0", ANABRANCH_AUTH="off")
    assert run_tool("health", ANABRANCH_LISTEN=f"0.0.0.0:{server.client.port}").returncode == 0


def test_health_gives_up_on_silence(run_tool):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert run_tool("health", ANABRANCH_LISTEN="127.0.0.1:%d" % silent.getsockname()[1]).returncode == 1


def test_a_graph_place_that_is_no_file_is_refused_without_waiting_for_it(run_tool, tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for place in (tmp_path / "pipe.json", "/dev/zero"):
        said = run_tool("check", str(place))
        assert said.returncode == 2 and "neither a file nor a folder" in said.stderr
