/* JSON graphs with a script beside them: functions by name, `code`, `when`. */
#include "graph/parse.h"
#include "run_kit.h"
#include "script/script.h"
#include "script_kit.h"

#define STATE "'state':{'n':{'type':'integer'},'log':{'type':'array','reducer':'append'}}"
/* A graph of one node. */
#define IT(more, node)                                                                             \
    "{" more STATE ",'nodes':{'it':" node "},'edges':[['START','it'],['it','END']]}"
#define SCRIPT "'script':'helpers.lua',"
/* A graph that goes from a to b or c. */
#define WHEN(more, list)                                                                           \
    "{" more STATE                                                                                 \
    ",'nodes':{'a':{'kind':'set','values':{'log':'a'}},'b':{'kind':'set','values':{'log':'b'}},"   \
    "'c':{'kind':'set','values':{'log':'c'}}},'edges':[['START','a'],{'from':'a','when':" list     \
    "}]}"
#define REDUCE(name)                                                                               \
    "{" SCRIPT "'state':{'n':{'type':'integer','reducer':'" name                                   \
    "'}},'nodes':{'it':{'kind':'set','values':{'n':2}}},"                                          \
    "'edges':[['START','it']]}"

static const struct {
    const char *script; /* helpers.lua, or NULL */
    const char *graph;
    const char *input;
    const char *wanted; /* the outcome, or a part of the problem */
} cases[] = {
    /* kind lua */
    { "return {f = function(state) return {n = state.n + 1} end}",
      IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{'n':1}", "{'n':2,'log':[]}" },
    { "function f(state) sleep(0) return {n = state.n + 1} end",
      IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{'n':1}", "{'n':2,'log':[]}" },
    { "f = 1 return {f = function() return {n = 5} end}",
      IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{'n':1}", "{'n':5,'log':[]}" },
    { "f = 1", IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{}",
      "helpers.lua has no function \"f\"" },
    { "return setmetatable({}, {__index = function() error('asked') end})",
      IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{}", "asked" },
    { "return {f = print}", IT(SCRIPT, "{'kind':'lua','function':'print'}"), "{}",
      "has no function \"print\"" },
    { "", IT(SCRIPT, "{'kind':'lua','function':'#1'}"), "{}", "has no function \"#1\"" },
    { "", IT(SCRIPT, "{'kind':'lua'}"), "{}", "a lua node has either \"function\" or \"code\"" },
    { "", IT(SCRIPT, "{'kind':'lua','function':'f','code':'return'}"), "{}",
      "either \"function\" or \"code\"" },
    { NULL, IT("", "{'kind':'lua','function':'f'}"), "{}", "has no function \"f\"" },
    { NULL,
      IT("",
         "{'kind':'lua','code':'return {n = state.n * 2, log = {config.configurable.x == nil}}'}"),
      "{'n':4}", "{'n':8,'log':[true]}" },
    { NULL, IT("", "{'kind':'lua','code':'return {n = 1 + nil}'}"), "{'n':4}",
      "LuaError: it:1: attempt to perform" },
    { NULL, IT("", "{'kind':'lua','code':'local x = 1\\nreturn {n = x + nil}'}"), "{'n':4}",
      "LuaError: it:2: attempt" },
    { NULL, IT("", "{'kind':'lua','code':'return = 1'}"), "{}",
      "it:1: unexpected symbol near '='" },
    { NULL, IT("", "{'kind':'lua','code':'x = 1'}"), "{'n':1}",
      "LuaError: assignment to the global \"x\"" },
    { "function twice(n) return n * 2 end",
      IT(SCRIPT, "{'kind':'lua','code':'return {n = twice(state.n)}'}"), "{'n':4}",
      "{'n':8,'log':[]}" },

    /* the script's file */
    { NULL, IT("'script':'none.lua',", "{'kind':'lua','function':'f'}"), "{}",
      "none.lua cannot be read" },
    { NULL, IT("'script':'../x.lua',", "{'kind':'lua','function':'f'}"), "{}",
      "\"../x.lua\" does not" },
    { NULL, IT("'script':'/etc/passwd',", "{'kind':'lua','function':'f'}"), "{}",
      "\"/etc/passwd\" does not" },
    { NULL, IT("'script':'',", "{'kind':'lua','function':'f'}"), "{}", "does not" },
    { NULL, IT("'script':5,", "{'kind':'lua','function':'f'}"), "{}", "/script" },
    { "\nx = = 1", IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{}",
      "helpers.lua:2: unexpected symbol" },
    { "error('told')", IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{}", "helpers.lua:1: told" },
    { "local function f() return qqqq end return {f = f}",
      IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{}",
      "helpers.lua:1: nothing is called \"qqqq\"" },
    { "while true do end", IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{}", "instructions" },
    { "StateGraph{a = 'any'}:compile{}", IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{}",
      "graphs are built while their file is loaded" },
    { "\x1bLua", IT(SCRIPT, "{'kind':'lua','function':'f'}"), "{}",
      "attempt to load a binary chunk" },

    /* when */
    { NULL, WHEN("", "[{'if':'state.n > 3','to':'b'},{'to':'c'}]"), "{'n':4}",
      "{'n':4,'log':['a','b']}" },
    { NULL, WHEN("", "[{'if':'state.n > 3','to':'b'},{'to':'c'}]"), "{'n':3}",
      "{'n':3,'log':['a','c']}" },
    { NULL, WHEN("", "[{'if':'state.n > 3','to':'b'},{'if':'state.n > 2','to':'c'}]"), "{'n':1}",
      "{'n':1,'log':['a']}" },
    { NULL, WHEN("", "[{'if':'state.n -- a comment','to':'b'},{'to':'c'}]"), "{'n':0}",
      "{'n':0,'log':['a','b']}" },
    { NULL,
      WHEN("", "[{'if':'null','to':'b'},{'if':'nil','to':'b'},{'if':'false','to':'b'},{'to':'c'}]"),
      "{'n':0}", "{'n':0,'log':['a','c']}" },
    { NULL, WHEN("", "[{'if':'state.n.x','to':'b'},{'to':'c'}]"), "{'n':0}",
      "LuaError: attempt to index a number" },
    { NULL, WHEN("", "[{'if':'sleep(1)','to':'b'},{'to':'c'}]"), "{'n':0}",
      "LuaError: not in a condition or reducer" },
    { NULL, WHEN("", "[{'if':'state.n = 1','to':'b'},{'to':'c'}]"), "{}", "/edges/1/when/0" },
    { NULL, WHEN("", "[{'if':'','to':'b'},{'to':'c'}]"), "{}", "/edges/1/when/0" },
    { NULL, WHEN("", "[{'if':'state.n','to':'b'},{'if':'x y','to':'c'}]"), "{}",
      "/edges/1/when/1" },
    { NULL, WHEN("", "[{'if':'nobody','to':'b'},{'to':'c'}]"), "{'n':0}",
      "nothing is called \"nobody\"" }, /* told when it is loaded */
    { NULL, WHEN("", "[{'if':'(function() while true do end end)()','to':'b'},{'to':'c'}]"),
      "{'n':0}", "LuaError: instructions" },
    { "function big(state, config) return state.n > 3 end",
      WHEN(SCRIPT, "[{'if':'big','to':'b'},{'to':'c'}]"), "{'n':4}", "{'n':4,'log':['a','b']}" },
    { "function big(n) return n > 3 end",
      WHEN(SCRIPT, "[{'if':'big(state.n)','to':'b'},{'to':'c'}]"), "{'n':2}",
      "{'n':2,'log':['a','c']}" },

    /* reducers */
    { "function join2(old, new) return old * 10 + new end", REDUCE("join2"), "{'n':1}",
      "{'n':12}" },
    { "return {join2 = function(old, new) return old * 10 + new end}", REDUCE("join2"), "{'n':1}",
      "{'n':12}" },
    { "function join2() return 'x' end", REDUCE("join2"), "{'n':1}", "InvalidInputError: n" },
    { "function join2() return print end", REDUCE("join2"), "{'n':1}",
      "NodeError: join2: a function or coroutine" },
    { "function join2() error({type = 'Mine', message = 'm'}) end", REDUCE("join2"), "{'n':1}",
      "Mine: m" },
    { "function other() end", REDUCE("join2"), "{}", "join2" },
};

/* The input's update may be what fails, before the run begins. */
static const char *play(struct rig *rig, struct graph *graph, const char *input)
{
    static char text[65536];
    struct run *run = NULL;
    struct fail f = { .code = FAIL_NONE };
    json_t *json = rig_parse(input);
    const struct run_request req = { .graph = graph, .input = json };
    int r = run_start(rig->worker.runs, &req, &run, &f);
    json_decref(json);
    graph_unref(graph);
    if (r == 0)
        rig_finish(rig, run);
    const struct fail *end = r == 0 ? run_fail(run) : &f;
    if (fail_is_set(end))
        (void)snprintf(text, sizeof(text), "%s: %.*s", fail_type(end),
                       (int)strcspn(fail_message(end), "\n"), fail_message(end));
    else
        (void)snprintf(text, sizeof(text), "%s", rig_outcome(run));
    fail_clear(&f);
    run_unref(run);
    return text;
}

static int parse(struct rig *rig, const struct kit_folder *folder, const char *text,
                 struct problems *problems, struct graph **ret)
{
    const struct script_tools scripts = { .conf = &rig->conf };
    const struct code_source language = script_language(&scripts);
    const struct parse_tools tools = { &rig->worker.services.kinds, &kit_limits, NULL, &language };
    char *json = rig_json(text);
    problems_init(problems);
    int r =
        graph_parse_with(&tools, kit_path(folder, "test.json"), json, strlen(json), problems, ret);
    free(json);
    return r;
}

static bool is_as_wanted(const char *found, const char *wanted)
{
    const char *colon = strstr(wanted, ": ");
    if (wanted[0] == '{')
        return strcmp(found, wanted) == 0;
    if (colon != NULL && strncmp(found, wanted, (size_t)(colon - wanted) + 2) == 0)
        return strstr(found, colon + 2) != NULL;
    return strstr(found, wanted) != NULL;
}

START_TEST(a_script_lies_beside_its_graph)
{
    struct rig rig;
    struct kit_folder folder;
    struct problems problems;
    struct graph *graph = NULL;
    rig_settings(&rig);
    rig.conf.script_max_sync_instructions = 100000;
    kit_folder_init(&folder);
    if (cases[_i].script != NULL)
        kit_write(&folder, "helpers.lua", cases[_i].script, strlen(cases[_i].script));
    int r = parse(&rig, &folder, cases[_i].graph, &problems, &graph);
    const char *found = r == 0 ? play(&rig, graph, cases[_i].input) : buf_text(&problems.text);
    ck_assert_msg(is_as_wanted(found, cases[_i].wanted), "%s\n%s\nfound:  %s\nwanted: %s",
                  cases[_i].script, cases[_i].graph, found, cases[_i].wanted);
    problems_deinit(&problems);
    kit_folder_deinit(&folder);
    rig_deinit(&rig);
}
END_TEST

START_TEST(without_memory_it_is_a_fault_or_told)
{
    struct rig rig;
    struct kit_folder folder;
    const char *text = "{" SCRIPT "'state':{'n':{'type':'integer','reducer':'add2'}},'nodes':{'a':{"
                                  "'kind':'lua','function':'f'},"
                       "'b':{'kind':'lua','code':'return {n = "
                       "1}'}},'edges':[['START','a'],{'from':'a','when':[{'if':"
                       "'state.n > 1','to':'b'},{'if':'big','to':'a'},{'to':'END'}]}]}";
    const char *script = "local t = require('m') function add2(a, b) return a + b end function "
                         "big() return false end return {f = "
                         "function() return t end}";
    bool is_pending = false;
    unsigned long n = 1;
    rig_settings(&rig);
    kit_folder_init(&folder);
    kit_write(&folder, "helpers.lua", script, strlen(script));
    kit_write(&folder, "m.lua", "return {}", 9);
    for (; !is_pending; n++) {
        struct problems problems;
        struct graph *graph = NULL;
        mem_fail_at(n);
        int r = parse(&rig, &folder, text, &problems, &graph);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(!is_pending || r == 0, "%s", buf_text(&problems.text));
        ck_assert_int_eq(r == 0, graph != NULL);
        ck_assert(r <= 0 || problems.count > 0);
        graph_unref(graph);
        problems_deinit(&problems);
    }
    ck_assert_uint_gt(n, 500);
    kit_folder_deinit(&folder);
    rig_deinit(&rig);
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, a_script_lies_beside_its_graph, 0, KIT_ROWS(cases));
    tcase_add_test(tc, without_memory_it_is_a_fault_or_told);
}

int main(void)
{
    return kit_main("script_beside", add);
}
