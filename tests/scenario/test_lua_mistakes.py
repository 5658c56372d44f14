"""What a Lua graph does wrong is told with its own file and line, in words that help."""
import pytest

FILE = """local g = StateGraph{{a = "any", b = {{type = "array", reducer = append}}}}
g:add_node("n", function(state, config) {node} end)
g:add_node("m", function(state) return {{b = "m"}} end)
g:add_edge(START, "n")
g:add_conditional_edges("n", function(state, config) {choose} end, {map})
{top}
return g:compile{{}}
"""


@pytest.fixture
def lua(run_tool, tmp_path):
    def run(command, node="", choose="return END", map="nil", top="", **settings):
        (tmp_path / "x.lua").write_text(FILE.format(node=node, choose=choose, map=map, top=top))
        arguments = ["--input", "{}"] if command == "run" else []
        return run_tool(command, "x.lua", *arguments, **settings)
    return run


@pytest.mark.parametrize("node, told", [
    ('http.get("http://127.0.0.1:1", {headres = {}})', 'x.lua:2: http.get: there is no option "headres"'),
    ('http.get("http://127.0.0.1:1", {headers = "a"})', "x.lua:2: http.get: headers: table expected, got string"),
    ('http.get("http://127.0.0.1:1", {headers = {a = 1}})', "x.lua:2: http.get: the header a: a string expected, got number"),
    ('http.get("http://127.0.0.1:1", {timeout = 0})', "x.lua:2: http.get: timeout: seconds between 0 and 86400 expected"),
    ('http.get("http://127.0.0.1:1", {max_bytes = 0})', "x.lua:2: http.get: max_bytes: at least 1 expected"),
    ('http.post("http://127.0.0.1:1", {body = "a", json = {}})', "x.lua:2: http.post: either body or json"),
    ('http.request{url = "http://127.0.0.1:1", method = 1}', "x.lua:2: http.request: method: string expected, got number"),
    ('llm.chat("a", {model = {"demo"}})', "x.lua:2: llm.chat: model: string expected, got table"),
    ('llm.chat("a", {temperature = "hot"})', "x.lua:2: llm.chat: temperature: number expected, got string"),
    ('llm.chat("a", {temperature = null})', "x.lua:2: llm.chat: temperature: number expected, got null"),
    ('llm.stream("a", {on_token = print})', 'x.lua:2: llm.stream: there is no option "on_token"'),
    ("llm.chat{}", "x.lua:2: llm.chat: a text or a list of messages expected"),
    ("gather_settled{1}", "x.lua:2: bad argument #1 to 'gather_settled' (function expected"),
])
def test_what_a_node_calls_wrongly_is_told_at_its_line(lua, node, told):
    done = lua("run", node=node)
    assert done.returncode == 1 and f"node n: LuaError: {told}" in done.stderr, done.stderr


def test_an_address_that_is_none_is_a_value_error(lua):
    done = lua("run", node='http.get("nonsense")')
    assert "node n: ValueError: not a request that can be sent" in done.stderr, done.stderr


@pytest.mark.parametrize("top, told", [
    ('http.get("http://127.0.0.1:1")', "x.lua:6: http.get() only works inside of a node: here the file is being loaded"),
    ('llm.chat("a")', "x.lua:6: llm.chat() only works inside of a node: here the file is being loaded"),
    ("sleep(1)", "x.lua:6: sleep() only works inside of a node: here the file is being loaded"),
    ("local step = runtime.step", "x.lua:6: runtime only works inside of a node: here the file is being loaded"),
    ("g:add_edge(START, {})", "x.lua:6: add_edge: a list must hold names of nodes"),
    ("g:add_edge(START, {1})", "x.lua:6: add_edge: a list must hold names of nodes"),
    ("StateGraph{a = 5}", 'x.lua:6: field "a": a type like "string" or a table {type = ...} expected, got number'),
])
def test_what_a_file_does_wrong_is_told_at_its_line(lua, top, told):
    done = lua("check", top=top)
    assert done.returncode == 2 and done.stderr.startswith(told), done.stderr


def test_a_file_that_does_not_end_is_told_where_it_was_and_by_which_setting(lua):
    done = lua("check", top="while true do end", ANABRANCH_SCRIPT_MAX_SYNC_INSTRUCTIONS="10000")
    assert done.stderr == "x.lua:6: more than 100000 instructions (ten times script_max_sync_instructions)\n"


def test_a_file_that_takes_all_memory_is_named_once(lua):
    done = lua("check", top="local t = {} for i = 1, 1e9 do t[i] = i end", ANABRANCH_SCRIPT_MEMORY_BYTES="1MiB")
    assert done.stderr == "x.lua: the script needs more memory than script_memory_bytes, 1048576\n"


@pytest.mark.parametrize("choose, told", [
    ("return nil", "the condition of n did not return a valid destination: it is nil"),
    ('return "x"', 'the condition of n did not return a valid destination: "x" is not in its map'),
    ("while true do end", "x.lua:5: more than 5000000 instructions (script_max_sync_instructions)"),
])
def test_a_condition_is_called_what_it_is(lua, choose, told):
    done = lua("run", choose=choose, map='{yes = "m", [END] = END}')
    assert done.returncode == 1 and told in done.stderr, done.stderr


@pytest.mark.parametrize("choose", ["return true", "return 0", "return 0.0", 'return "yes"', "return {true, 0}"])
def test_a_map_takes_booleans_and_numbers(lua, choose):
    done = lua("run", choose=choose, map='{[true] = "m", [0] = "m", yes = "m"}')
    assert done.stdout == '{"b":["m"]}\n', done.stderr


@pytest.mark.parametrize("node, choose, result", [
    ('return {a = {"m", "__end__"}}', "return state.a", '{"a":["m","__end__"],"b":["m"]}'),
    ('return {a = {{"m"}}}', "return state.a[1]", '{"a":[["m"]],"b":["m"]}'),
    ('return {b = "m"}', "return state.b", '{"b":["m","m"]}'),
])
def test_a_condition_may_return_a_list_of_the_state(lua, node, choose, result):
    done = lua("run", node=node, choose=choose)
    assert done.stdout == result + "\n", done.stderr


@pytest.mark.parametrize("result", ["{b = Overwrite{}}", "Command{update = {b = Overwrite{}}}", "{Command{update = {b = Overwrite{}}}}"])
def test_an_empty_table_in_an_overwrite_is_what_the_field_is(lua, result):
    done = lua("run", node=f"return {result}")
    assert done.stdout == '{"b":[]}\n', done.stderr


def test_a_map_with_a_key_1_among_others_is_no_list(lua):
    done = lua("run", choose="return 1", map='{[0] = END, [1] = "m"}')
    assert done.stdout == '{"b":["m"]}\n', done.stderr


@pytest.mark.parametrize("node, result", [
    ('return Command{goto = "m", update = {a = "goto = 1"}}', '{"a":"goto = 1","b":["m"]}'),
    ('return Command{["goto"] = "m"}', '{"b":["m"]}'),
    ("return Command{goto\n=\n'm'}", '{"b":["m"]}'),
    ('local c = Command{goto = "m"} return {a = c.goto}', '{"a":"m","b":[]}'),
    ('goto over do return {a = 1} end ::over:: return {a = 2}', '{"a":2,"b":[]}'),
    ('--[==[ goto = ]] ]==] return {a = [[goto = "x"]]}', '{"a":"goto = \\"x\\"","b":[]}'),
    ("return {a = 'it\\'s goto = 1'} -- goto = 2\n", '{"a":"it\'s goto = 1","b":[]}'),
])
def test_goto_may_be_a_key(lua, node, result):
    done = lua("run", node=node)
    assert done.stdout == result + "\n", done.stderr


def test_lines_behind_a_goto_are_those_of_the_file(lua):
    done = lua("run", node="local c = Command{goto\n=\n'm'}\nerror('here')")
    assert "x.lua:5: here" in done.stderr, done.stderr


def test_settled_results_come_as_a_list_for_a_list(lua):
    done = lua("run", node='return {a = gather_settled{function() error{type = "A", message = "b"} end, function() return 4 end}}')
    assert done.stdout == '{"a":[{"error":{"message":"b","type":"A"},"ok":false},{"ok":true,"value":4}],"b":[]}\n', done.stderr


def json_graph(node="return {n = 1}", condition="true", **more):
    return {"state": {"n": {"type": "integer"}},
            "nodes": {"a": {"kind": "lua", "code": node}, "b": {"kind": "set", "values": {"n": 2}}},
            "edges": [["__start__", "a"], {"from": "a", "when": [{"if": condition, "to": "b"}]}, ["a", "b"]]} | more


@pytest.mark.parametrize("graph, told", [
    (json_graph(node="return slep(1)"), '/nodes/a/code: a:1: nothing is called "slep"; did you mean "sleep"?'),
    (json_graph(node="spawn(sleep, 1)"), "/nodes/a/code: a:1: the future of spawn() is thrown away"),
    (json_graph(node="return {"), "/nodes/a/code: a:1: "),
    (json_graph(condition="nope"), '/edges/1/when/0/if: if:2: nothing is called "nope"'),
    (json_graph(condition="state.n >"), "/edges/1/when/0/if: if:2: unexpected symbol"),
])
def test_mistakes_in_the_lua_of_a_json_graph_are_found(run_tool, graph, told):
    done = run_tool("check", "graphs", graphs=graph)
    assert done.returncode == 2 and f"graphs/g.json: {told}" in done.stderr and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("condition, n", [("big", 2), ("small", 1), ("huge", 1), ("big(state) and true", 2), ("state.n", 2)])
def test_a_condition_may_be_a_function_of_the_script(run_tool, tmp_path, condition, n):
    """A global of the script, or what it returns."""
    graph = json_graph(condition=condition, script="s.lua", edges=[
        ["__start__", "a"], {"from": "a", "when": [{"if": condition, "to": "b"}]}])
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "s.lua").write_text(
        "function big(state) return state.n > 0 end\n"
        "return {small = function(state) return state.n < 0 end, huge = function(state) return null end}\n")
    done = run_tool("run", "graphs/g.json", "--input", "{}", graphs=graph)
    assert done.stdout == f'{{"n":{n}}}\n', done.stderr
