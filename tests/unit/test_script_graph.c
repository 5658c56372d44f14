/* StateGraph of Lua files: every method, every wrong use, and what becomes of it when it runs. */
#include "run_kit.h"
#include "script/script.h"

static const struct builder_limits limits = { 100, 100, 100, 1000 };

static int load(const struct rig *rig, const char *text, struct problems *problems,
                struct graph **ret)
{
    const struct script_tools tools = { &rig->conf, &rig->worker.services.kinds, &limits, NULL,
                                        NULL };
    problems_init(problems);
    return script_load_graph(&tools, "test.lua", text, strlen(text), problems, ret);
}

/* ---- wrong uses ---- */

#define G "local g = StateGraph{a = 'any'} "

static const struct {
    const char *text;
    const char *problem;
} wrong[] = {
    /* the graph */
    { "StateGraph()", "test.lua:1: StateGraph{field = \"string\", ...}: the fields are missing" },
    { "\nStateGraph('x')", "test.lua:2: StateGraph" },
    { "StateGraph({}, 5)", "test.lua:1: StateGraph(fields, {input" },
    { "StateGraph({a = 'any'}, {inputs = {'a'}})",
      "test.lua:1: StateGraph has no option \"inputs\"" },
    { "StateGraph{'any'}", "test.lua:1: StateGraph: fields need names" },
    { "StateGraph{a = 5}", "field \"a\": a type like \"string\" or a table" },
    { "StateGraph{a = print}", "field \"a\": a type like \"string\" or a table" },
    { G "return g:compile{}", "test.lua: " },
    { "return StateGraph{a = 'strin'}:add_node('x', print):add_edge(START, 'x'):compile{}",
      "/state/a/type: unknown type \"strin\"" },
    { "return StateGraph{a = {type = 'array', reducer = 'appnd'}}:add_node('x', "
      "print):add_edge(START, "
      "'x'):compile{}",
      "/state/a/reducer" },
    { "return StateGraph{a = {typ = 'array'}}:add_node('x', print):add_edge(START, 'x'):compile{}",
      "unknown key \"typ\"" },
    { "return StateGraph({a = 'any'}, {input = {'b'}}):add_node('x', print):add_edge(START, "
      "'x'):compile{}",
      "b" },
    { "return StateGraph({a = 'any'}, {input = 5}):add_node('x', print):add_edge(START, "
      "'x'):compile{}",
      "/input" },

    /* nodes */
    { G "g.add_node('x', print)", "test.lua:1: call it as graph:add_node(...), with a colon" },
    { G "g.add_node()", "with a colon" },
    { G "g.add_node({nodes = {}}, 'x', print)", "with a colon" },
    { G "g:add_node(print)", "test.lua:1: add_node(name, function): the name is missing" },
    { G "\ng:add_node('x')",
      "test.lua:2: node \"x\": a function, node.kind{...} or a compiled graph" },
    { G "g:add_node('x', {})",
      "node \"x\": a function, node.kind{...} or a compiled graph expected, got table" },
    { G "g:add_node('x', g)",
      "node \"x\": a function, node.kind{...} or a compiled graph expected" },
    { G "g:add_node('x', print, 5)", "node \"x\": the options must be a table" },
    { G "g:add_node('x', print, {on_error = 5})", "node \"x\": on_error must be a function" },
    { G "g:add_node('x', print, {retry = print}):add_edge(START, 'x') return g:compile{}",
      "cannot become JSON" },
    { G "g:add_node('x', print, {retry = {max = 1}}):add_edge(START, 'x') return g:compile{}",
      "unknown key \"max\"" },
    { G "g:add_node('x', node.set(5))", "test.lua:1: node.set{...}: a table is missing" },
    { G "g:add_node('x', node.nobody{}):add_edge(START, 'x') return g:compile{}", "\"nobody\"" },
    { G "g:add_node('x', node.set{value = {}}):add_edge(START, 'x') return g:compile{}",
      "\"value\"" },
    { G "g:add_node('x', print):add_node('x', print):add_edge(START, 'x') return g:compile{}",
      "x" },
    { G "g:add_node('__start__', print):add_edge(START, '__start__') return g:compile{}",
      "__start__" },
    { G "g:add_node('x', node.lua{}):add_edge(START, 'x') return g:compile{}",
      "either \"function\" or \"code\"" },
    { G "g:add_node('x', node.lua{code = 'x = = 1'}):add_edge(START, 'x') return g:compile{}",
      "unexpected symbol near '='" },
    { G
      "g:add_node('x', node.lua{['function'] = 'nobody'}):add_edge(START, 'x') return g:compile{}",
      "test.lua has no function \"nobody\"" },
    { G "g:add_node('x', node.lua{['function'] = '#99'}):add_edge(START, 'x') return g:compile{}",
      "has no function \"#99\"" },
    { G "g:add_node('x', node.lua{['function'] = '#-1'}):add_edge(START, 'x') return g:compile{}",
      "has no function" },
    { G "g:add_node('x', node.graph{graph = '#7'}):add_edge(START, 'x') return g:compile{}", "#7" },
    { G "g:add_node('x', node.graph{graph = '#-1'}):add_edge(START, 'x') return g:compile{}",
      "#-1" },
    { G "g:add_node('x', node.graph{graph = 'nobody'}):add_edge(START, 'x') return g:compile{}",
      "nobody" },

    /* edges */
    { G "g:add_edge()", "test.lua:1: add_edge(from, to): from must be a name or a list of names" },
    { G "g:add_edge('x')", "add_edge(from, to): to must be a name or a list of names" },
    { G "g:add_edge({'x'}, {'y'})", "add_edge: write one join for each target" },
    { G "g:add_edge(START, 'x')\ng:add_node('x', print)\ng:add_edge('x', 'z') return g:compile{}",
      "line 3" },
    { G "g:add_node('x', print):add_edge(START, 'x'):add_edge('x', START) return g:compile{}",
      "line 1" },
    { G "g:add_node('x', print):add_edge(START, 'x'):add_edge({'x', 5}, 'x') return g:compile{}",
      "" },
    { G "g:add_node('x', print):add_edge(START, 'x'):add_edge({}, 'x') return g:compile{}", "" },
    { G "g:add_node('x', print):add_node('y', print):add_edge(START, 'x') return g:compile{}",
      "y" },
    { G "g:add_conditional_edges({'x'}, print)", "from must be a name" },
    { G "g:add_conditional_edges('x')",
      "test.lua:1: add_conditional_edges: a function expected, got nil" },
    { G "g:add_conditional_edges('x', print, 5)", "the map must be a table" },
    { G "g:add_conditional_edges('x', print, {yes = 5})", "the map must hold names of nodes" },
    { G "g:add_node('x', print):add_edge(START, 'x')\ng:add_conditional_edges('x', print, {yes = "
        "'y'}) return "
        "g:compile{}",
      "line 2" },
    { G "g:add_conditional_edges('y', print) g:add_node('x', print):add_edge(START, 'x') return "
        "g:compile{}",
      "y" },
    { G "g:set_entry_point()", "set_entry_point(name): the name is missing" },
    { G "g:set_finish_point(5)", "set_finish_point(name): the name is missing" },
    { G "g:set_conditional_entry_point(5)", "a function expected, got number" },
    { G "g:add_sequence()", "the list is empty" },
    { G "g:add_sequence{}", "the list is empty" },
    { G "g:add_sequence{'x'}", "add_sequence: item 1 is not {name, function}" },
    { G "g:add_sequence{{'x'}}", "add_sequence: node \"x\" needs a function" },
    { G "g:add_sequence{{'x', print}, {5}}", "add_sequence: item 2 is not {name, function}" },

    /* compile */
    { G "g:compile(5)", "compile{...}: the options must be a table" },
    { G "g:compile{nodes = {}}", "compile has no option \"nodes\"" },
    { G "g:compile{1}", "compile has no option \"1\"" },
    { G "g:add_node('x', print):add_edge(START, 'x') return g:compile{recursion_limit = 'x'}",
      "recursion_limit" },
    { G "g:add_node('x', print):add_edge(START, 'x') return g:compile{recursion_limit = 0}",
      "recursion_limit" },
    { G "g:add_node('x', print):add_edge(START, 'x') return g:compile{interrupt_before = {'y'}}",
      "y" },
    { G "g:add_node('x', print):add_edge(START, 'x') return g:compile{interrupt_before = 5}",
      "interrupt_before" },
    { G "g:add_node('x', print):add_edge(START, 'x') return g:compile{node_defaults = 5}",
      "node_defaults" },
    { G "g:add_node('x', print):add_edge(START, 'x') g:compile{}",
      "the file makes a graph and does not return it" },
    { G "g:add_node('x', print):add_edge(START, 'x') g:compile{} return g", "does not return it" },
    { G "g:add_node('x', print):add_edge(START, 'x') g:compile{} return 5", "does not return it" },
    { G "g:add_node('x', print):add_edge(START, 'x') local c = g:compile{} return {c}",
      "does not return it" },
    { "local h = StateGraph{a = 'any'} h:compile{} " G
      "g:add_node('x', print):add_edge(START, 'x') return "
      "g:compile{}",
      "test.lua: " },
    { "local h = StateGraph{a = 'any'} local i = h:compile{} " G
      "g:add_node('x', i):add_edge(START, 'x') return "
      "g:compile{}",
      "the graph has mistakes of its own" },

    /* Send, Command */
    { "Send(5)", "test.lua:1: Send(node, input): the node must be a name, not a number" },
    { "Command()", "test.lua:1: Command{update = ..., goto = ...}: a table is missing" },
    { "Command{go = 'x'}", "test.lua:1: Command has no \"go\"" },
    { "Command{resume = 1}", "Command{resume = ...} comes from outside" },
};

START_TEST(a_wrong_use_is_told)
{
    struct rig rig;
    struct problems problems;
    struct graph *graph = NULL;
    rig_settings(&rig);
    int r = load(&rig, wrong[_i].text, &problems, &graph);
    ck_assert_msg(r == SCRIPT_E_WRONG && graph == NULL && problems.count > 0 &&
                      strstr(buf_text(&problems.text), wrong[_i].problem) != NULL,
                  "%s\nfound:  %d %s\nwanted: %s", wrong[_i].text, r, buf_text(&problems.text),
                  wrong[_i].problem);
    problems_deinit(&problems);
    rig_deinit(&rig);
}
END_TEST

/* What a file does to the graph's own tables must not reach C. */
static const char *const meddling[] = {
    "g.edges[#g.edges + 1] = {choose = 5, from = 'x'}",
    "g.edges[#g.edges + 1] = {choose = '#1', from = 5, map = 5}",
    "g.edges[#g.edges + 1] = {choose = '#1', from = 'x', map = {yes = 5}}",
    "g.edges[#g.edges + 1] = {}",
    "g.edges[#g.edges + 1] = {at = 5}",
    "g.edges = 5",
    "g.nodes[#g.nodes + 1] = {}",
    "g.nodes[#g.nodes + 1] = {name = 5, spec = 5}",
    "g.nodes = nil",
    "g.fields[#g.fields + 1] = {name = {}}",
    "g.fields = {}",
    "g.input = 5",
    "g.__index.compile = nil",
    "setmetatable(g, nil)",
    "g.add_edge = nil",
};

START_TEST(nobody_meddles_with_a_graph)
{
    struct rig rig;
    struct problems problems;
    struct graph *graph = NULL;
    rig_settings(&rig);
    char *text = mem_printf(
        G "g:add_node('x', function() end):add_edge(START, 'x') pcall(function() %s end) return "
          "g:compile{}",
        meddling[_i]);
    int r = load(&rig, text, &problems, &graph);
    ck_assert_msg(r == 0, "%s: %d %s", text, r, buf_text(&problems.text));
    mem_free(text);
    graph_unref(graph);
    problems_deinit(&problems);
    rig_deinit(&rig);
}
END_TEST

/* ---- runs ---- */

/* The output, or "Class: message". */
static const char *outcome(const struct run *run)
{
    static char text[4096];
    if (!fail_is_set(run_fail(run)))
        return rig_outcome(run);
    const char *message = fail_message(run_fail(run));
    (void)snprintf(text, sizeof(text), "%s: %.*s", fail_type(run_fail(run)),
                   (int)strcspn(message, "\n"), message);
    return text;
}

static void check_outcome(const char *text, const char *found, const char *wanted)
{
    const char *colon = strstr(wanted, ": ");
    bool is_right = wanted[0] == '{' || colon == NULL
                        ? strcmp(found, wanted) == 0
                        : strncmp(found, wanted, (size_t)(colon - wanted) + 2) == 0 &&
                              strstr(found, colon + 2) != NULL;
    ck_assert_msg(is_right, "%s\nfound:  %s\nwanted: %s", text, found, wanted);
}

#define R(fields) "local g = StateGraph{" fields "} "
#define IT(body)                                                                                   \
    "g:add_node('it', function(state, config, err) " body                                          \
    " end):add_edge(START, 'it') return g:compile{}"
#define LOG R("log = {type = 'array', reducer = append}")
/* Nodes which note their names; the first is a. */
#define NODES(names)                                                                               \
    LOG "for _, n in ipairs{" names "} do g:add_node(n, function() return {log = {n}} end) end "   \
        "g:add_edge(START, 'a') "
#define ABC  NODES("'a', 'b', 'c'")
#define AB   NODES("'a', 'b'")
#define AC   NODES("'a', 'c'")
#define A    NODES("'a'")
#define DONE " return g:compile{}"

static const struct {
    const char *text;
    const char *input;
    const char *wanted;
} runs[] = {
    { R("n = 'integer'") IT("return {n = state.n + 1}"), "{'n':1}", "{'n':2}" },
    { R("n = 'integer'") IT("return {n = 'x'}"), "{'n':1}", "InvalidUpdateError: n" },
    { R("n = 'integer'") IT("return 5"), "{'n':1}",
      "InvalidUpdateError: node \"it\" has to return an object" },
    { R("n = 'integer'") IT("return {{n = 1}}"), "{'n':1}",
      "InvalidUpdateError: node \"it\" has to return" },
    { R("n = 'integer'") IT("return {unknown = 1}"), "{'n':1}", "{'n':1}" },
    { R("n = 'integer'") IT("error('broken')"), "{'n':1}", "LuaError: test.lua:1: broken" },

    /* edges */
    { ABC "g:add_edge('a', 'b'):add_edge('a', 'c')" DONE, "{'log':[]}", "{'log':['a','b','c']}" },
    { ABC "g:add_edge('a', {'b', 'c'}):add_edge({'b', 'c'}, END)" DONE, "{'log':[]}",
      "{'log':['a','b','c']}" },
    { ABC "g:set_finish_point('c'):add_edge('a', 'b'):add_edge('b', 'c')" DONE, "{'log':[]}",
      "{'log':['a','b','c']}" },
    { LOG "g:set_entry_point('a'):add_node('a', function() return {log = 'x'} end)" DONE,
      "{'log':[]}", "{'log':['x']}" },
    { LOG "g:add_sequence{{'a', function() return {log = 'a'} end}, {'b', function() return {log = "
          "'b'} end, {metadata "
          "= {x = 1}}}, {'c', node.set{values = {log = 'c'}}}}:add_edge(START, 'a')" DONE,
      "{'log':[]}", "{'log':['a','b','c']}" },

    /* conditions */
    { ABC "g:add_conditional_edges('a', function() return 'c' end, {'b', 'c'})" DONE, "{'log':[]}",
      "{'log':['a','c']}" },
    { ABC "g:add_conditional_edges('a', function() return {'b', 'c'} end)" DONE, "{'log':[]}",
      "{'log':['a','b','c']}" },
    { ABC "g:add_conditional_edges('a', function() return {} end)" DONE, "{'log':[]}",
      "{'log':['a']}" },
    { ABC "g:add_conditional_edges('a', function() return END end)" DONE, "{'log':[]}",
      "{'log':['a']}" },
    { ABC "g:add_conditional_edges('a', function() return {END, 'b'} end)" DONE, "{'log':[]}",
      "{'log':['a','b']}" },
    { ABC "g:add_conditional_edges('a', function() return true end, {[true] = 'b', [false] = "
          "'c'})" DONE,
      "{'log':[]}", "{'log':['a','b']}" },
    { ABC "g:add_conditional_edges('a', function() return false end, {[true] = 'b', [false] = "
          "'c'})" DONE,
      "{'log':[]}", "{'log':['a','c']}" },
    { ABC
      "g:add_conditional_edges('a', function(s) return #s.log end, {[0] = 'b', ['1'] = 'c'})" DONE,
      "{'log':[]}", "{'log':['a','c']}" },
    { ABC "g:add_conditional_edges('a', function() return 1.5 end, {['1.5'] = 'c', x = 'b'})" DONE,
      "{'log':[]}", "{'log':['a','c']}" },
    { ABC "g:add_conditional_edges('a', function() return 'maybe' end, {yes = 'b', no = 'c'})" DONE,
      "{'log':[]}",
      "InvalidUpdateError: did not return a valid destination: \"maybe\" is not in its map" },
    { ABC "g:add_conditional_edges('a', function() return 'd' end)" DONE, "{'log':[]}",
      "InvalidUpdateError: unknown node \"d\"" },
    { ABC "g:add_conditional_edges('a', function() return START end)" DONE, "{'log':[]}",
      "InvalidUpdateError: a goto cannot go to \"__start__\"" },
    { ABC "g:add_conditional_edges('a', function() end)" DONE, "{'log':[]}",
      "InvalidUpdateError: did not return a valid destination" },
    { ABC "g:add_conditional_edges('a', function() return {x = 'b'} end)" DONE, "{'log':[]}",
      "{'log':['a']}" },
    { ABC "g:add_conditional_edges('a', function() return {{'b'}} end)" DONE, "{'log':[]}",
      "InvalidUpdateError: did not return a valid destination" },
    { ABC "g:add_conditional_edges('a', function() return print end)" DONE, "{'log':[]}",
      "InvalidUpdateError: did not return a valid destination" },
    { ABC "g:add_conditional_edges('a', function() return null end)" DONE, "{'log':[]}",
      "InvalidUpdateError: did not return a valid destination" },
    { ABC "g:add_conditional_edges('a', function() error('lost') end)" DONE, "{'log':[]}",
      "LuaError: lost" },
    { ABC "g:add_conditional_edges('a', function() while true do end end)" DONE, "{'log':[]}",
      "LuaError: instructions" },
    { ABC "g:add_conditional_edges('a', function() sleep(1) end)" DONE, "{'log':[]}",
      "LuaError: not in a condition or reducer" },
    { ABC "g:add_conditional_edges('a', function(s, config) return config.configurable.to or 'c' "
          "end)" DONE,
      "{'log':[]}", "{'log':['a','c']}" },
    { ABC "g:add_conditional_edges('a', function() return Send('b', {log = {}}) end)" DONE,
      "{'log':[]}", "{'log':['a','b']}" },
    { ABC "g:add_conditional_edges('a', function() return {Send('b'), Send('b'), 'c'} end)" DONE,
      "{'log':[]}", "{'log':['a','c','b','b']}" },
    { ABC "g:add_conditional_edges('a', function() return Send(END, {}) end)" DONE, "{'log':[]}",
      "InvalidUpdateError: a Send cannot go to \"__end__\"" },
    { ABC "g:add_conditional_edges('a', function() return Send('b', print) end)" DONE, "{'log':[]}",
      "InvalidUpdateError: Send.arg: a function or coroutine cannot become JSON" },
    { LOG "g:add_node('a', function() return {log = 'a'} "
          "end):set_conditional_entry_point(function(s) return #s.log == 0 "
          "and 'a' or END end)" DONE,
      "{'log':[]}", "{'log':['a']}" },
    { ABC
      "g:add_conditional_edges('a', function() local s = Send('b') s.node = 5 return s end)" DONE,
      "{'log':[]}", "InvalidUpdateError: did not return a valid destination" },
    { ABC
      "g:add_conditional_edges('a', function() local s = Send('b') s.node = nil return s end)" DONE,
      "{'log':[]}", "InvalidUpdateError: did not return a valid destination" },
    { ABC
      "g:add_conditional_edges('a', function() local s = Send('b') s.arg = nil return s end)" DONE,
      "{'log':[]}", "InvalidUpdateError: did not return a valid destination" },
    { ABC "g:add_conditional_edges('a', function(s) return s.to end)" DONE, "{'log':[]}",
      "InvalidUpdateError: did not return a valid destination" },
    { R("to = 'array', log = {type = 'array', reducer = append}") "g:add_node('a', function() "
                                                                  "return {log = 'a'} "
                                                                  "end):add_node('b', function() "
                                                                  "return {log = 'b'} "
                                                                  "end):add_edge(START, "
                                                                  "'a'):add_conditional_edges('a', "
                                                                  "function(s) return s.to "
                                                                  "end)" DONE,
      "{'log':[],'to':['b','__end__']}", "{'log':['a','b'],'to':['b','__end__']}" },
    { R("to = 'array', log = {type = 'array', reducer = append}") "g:add_node('a', function() "
                                                                  "return {log = 'a'} "
                                                                  "end):add_edge(START, "
                                                                  "'a'):add_conditional_edges('a', "
                                                                  "function(s) return s.to "
                                                                  "end)" DONE,
      "{'log':[],'to':[]}", "{'log':['a'],'to':[]}" },

    /* reducers */
    { R("n = {type = 'integer', reducer = function(old, new) return old * 10 + new end}")
          IT("return {n = 2}"),
      "{'n':1}", "{'n':12}" },
    { R("a = {type = 'array', reducer = function(old, new) return {#old, #new} end}")
          IT("return {a = {1, 2, 3}}"),
      "{}", "{'a':[0,3]}" },
    { R("x = 'any', i = {type = 'integer', reducer = function(o, n) return o + n end}, a = {type = "
        "'array', reducer = "
        "function(o, n) return {type(o), #o, #n} end}, o = {type = 'object', reducer = function(o, "
        "n) return {t = "
        "type(o), n = next(o) == nil} end}, s = {type = 'string', reducer = function(o, n) return "
        "o .. n end}, b = {type "
        "= 'boolean', reducer = function(o, n) return o == false end}, f = {type = 'number', "
        "reducer = function(o, n) "
        "return o + n end}, y = {type = 'any', reducer = function(o, n) return o == nil or o == "
        "null end}") IT("return {i = 1, a = {1}, o = {k = 1}, s = 'x', b = true, f = 1.5, y = 1}"),
      "{'x':1}",
      "{'a':['table',0,1],'b':true,'f':1.5,'i':1,'o':{'n':true,'t':'table'},'s':'x','x':1,'y':"
      "true}" },
    { R("a = {type = 'array', reducer = function() return {} end}") IT("return {a = {1}}"),
      "{'a':[1]}", "{'a':[]}" },
    { R("a = {type = 'object', reducer = function() return {} end}") IT("return {a = {x = 1}}"),
      "{'a':{'y':2}}", "{'a':{}}" },
    { R("a = {type = 'any', reducer = function() return print end}") IT("return {a = 1}"),
      "{'a':1}", "NodeError: a function or coroutine cannot become JSON" },
    { R("x = 'any', a = {type = 'any', reducer = function(o, n) error('bad: ' .. tostring(n)) end}")
          IT("return {a = 7}"),
      "{'x':1}", "LuaError: bad: 7" },
    { R("x = 'any', a = {type = 'integer', reducer = function(o, n) return 'x' end}")
          IT("return {a = 7}"),
      "{'x':1}", "InvalidUpdateError: a" },
    { R("x = 'any', a = {type = 'any', reducer = function(o, n) o.x = 1 end}")
          IT("return {a = {}}"),
      "{'x':1}", "LuaError: attempt to index a nil value" },
    { R("x = 'any', a = {type = 'object', reducer = function(o, n) o.x = 1 end}")
          IT("return {a = {}}"),
      "{'x':1}", "LuaError: the state cannot be written" },
    { R("x = 'any', a = {type = 'any', reducer = function(o, n) while true do end end}")
          IT("return {a = {}}"),
      "{'x':1}", "LuaError: instructions" },
    { LOG IT("return {log = Overwrite({'new'})}"), "{'log':['old']}", "{'log':['new']}" },
    { LOG IT("return {log = Overwrite()}"), "{'log':['old']}", "InvalidUpdateError: log" },

    /* Command */
    { AC "g:add_node('x', function() return Command{update = {log = 'x'}, ['goto'] = 'c'} end, "
         "{ends = {'c'}}):add_edge('a', "
         "'x')" DONE,
      "{'log':[]}", "{'log':['a','x','c']}" },
    { ABC "g:add_node('x', function() return {{log = 'x'}, Command{['goto'] = {'c', Send('b', "
          "{})}}} end, {ends = {'b', "
          "'c'}}):add_edge('a', 'x')" DONE,
      "{'log':[]}", "{'log':['a','x','c','b']}" },
    { AB "g:add_node('x', function() return Send('b', {}) end, {ends = {'b'}}):add_edge('a', "
         "'x')" DONE,
      "{'log':[]}", "{'log':['a','b']}" },
    { AB "g:add_node('x', function() return Command{['goto'] = 'nobody'} end, {ends = "
         "{'b'}}):add_edge('a', 'x')" DONE,
      "{'log':[]}", "InvalidUpdateError: nobody" },
    { A "g:add_node('x', function() return Command{graph = 'SIDE'} end):add_edge('a', 'x')" DONE,
      "{'log':[]}", "InvalidUpdateError: " },
    { AB "g:add_node('x', function() return Command{['goto'] = {{node = 'b'}}} end, {ends = "
         "{'b'}}):add_edge('a', 'x')" DONE,
      "{'log':[]}", "InvalidUpdateError: a Command's \"goto\"" },
    { "local inner = StateGraph{log = {type = 'array', reducer = append}}:add_node('i', function() "
      "return Command{update = "
      "{log = {'i'}}, ['goto'] = 'c', graph = Command.PARENT} end):add_edge(START, "
      "'i'):compile{} " AC "g:add_node('s', inner, {ends = {'c'}}):add_edge('a', 's')" DONE,
      "{'log':[]}", "{'log':['a','i','c']}" },

    /* subgraphs */
    { "local inner = StateGraph{log = {type = 'array', reducer = append}}:add_node('i', "
      "function(s) return {log = {'i'}} "
      "end):add_edge(START, 'i'):compile{checkpointer = false} " LOG
      "g:add_node('s', inner):add_node('t', inner):add_edge(START, 's'):add_edge('s', 't')" DONE,
      "{'log':['x']}", "{'log':['x','x','i','x','x','i','i']}" },
    { "local inner = StateGraph{log = {type = 'array', reducer = append}}:add_node('i', function() "
      "error('deep') "
      "end):add_edge(START, 'i'):compile{checkpointer = true} " LOG
      "g:add_node('s', inner):add_edge(START, 's')" DONE,
      "{'log':['x']}", "LuaError: test.lua:1: deep" },

    /* on_error */
    { A "g:add_node('x', function() error('bad') end, {on_error = function(state, config, err) "
        "return {log = {err.type, "
        "err.node, (err.message:gsub('\\n.*', ''))}} end}):add_edge('a', 'x')" DONE,
      "{'log':[]}", "{'log':['a','LuaError','x','test.lua:1: bad']}" },
    { AC "g:add_node('x', function() error{type = 'Mine', message = 'm'} end, {on_error = "
         "{function(s, c, e) return {log = "
         "e.type} end, ['goto'] = 'c'}}):add_edge('a', 'x')" DONE,
      "{'log':[]}", "{'log':['a','Mine','c']}" },
    { A "g:add_node('x', function() error('bad') end, {on_error = function() error('worse') "
        "end}):add_edge('a', 'x')" DONE,
      "{'log':[]}", "LuaError: worse" },
    { A "g:add_node('x', function(s, c, e) return {log = tostring(e)} end):add_edge('a', 'x')" DONE,
      "{'log':[]}", "{'log':['a','nil']}" },
    { A "local tries = {} g:add_node('x', function() tries[#tries + 1] = runtime.attempt if "
        "#tries < 3 then error('again') end "
        "return {log = {#tries}} end, {retry = {max_attempts = 3, initial_ms = 1, jitter = "
        "false}}):add_edge('a', 'x')" DONE,
      "{'log':[]}", "{'log':['a',3]}" },
    { A "g:add_node('x', function() sleep(5) end, {timeout_ms = 2}):add_edge('a', 'x')" DONE,
      "{'log':[]}", "NodeTimeoutError: " },
    { LOG IT("return {log = {runtime.step, runtime.remaining_steps > 0, runtime.is_last_step, "
             "runtime.graph}}"),
      "{'log':[]}", "{'log':[1,true,false,'test']}" },
};

START_TEST(what_a_graph_comes_to)
{
    struct rig rig;
    struct problems problems;
    struct graph *graph = NULL;
    rig_settings(&rig);
    rig.conf.script_max_sync_instructions = 200000;
    int r = load(&rig, runs[_i].text, &problems, &graph);
    ck_assert_msg(r == 0 && graph != NULL, "%s\n%d %s", runs[_i].text, r, buf_text(&problems.text));
    problems_deinit(&problems);
    json_t *input = rig_parse(runs[_i].input);
    struct run *run = NULL;
    struct fail f = { .code = FAIL_NONE };
    const struct run_request req = { .graph = graph, .input = input };
    r = run_start(rig.worker.runs, &req, &run, &f);
    graph_unref(graph); /* the run keeps it, and so its script */
    json_decref(input);
    if (r == 0) {
        rig_finish(&rig, run);
        check_outcome(runs[_i].text, outcome(run), runs[_i].wanted);
    } else {
        ck_assert_int_eq(strncmp(fail_type(&f), runs[_i].wanted, strlen(fail_type(&f))), 0);
    }
    fail_clear(&f);
    run_unref(run);
    rig_deinit(&rig);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    mem_init();
    Suite *suite = suite_create("script_graph");
    TCase *tc = tcase_create("script_graph");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_wrong_use_is_told, 0, ROWS(wrong));
    tcase_add_loop_test(tc, nobody_meddles_with_a_graph, 0, ROWS(meddling));
    tcase_add_loop_test(tc, what_a_graph_comes_to, 0, ROWS(runs));
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
