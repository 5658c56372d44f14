#include "base/id.h"
#include "base/mem.h"
#include "fake_kinds.h"
#include "graph/parse.h"
#include "graph/path.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char panel[] =
    "{\"name\":\"panel\",\"description\":\"Experts.\","
    "\"state\":{\"user_input\":{\"type\":\"string\"},"
    "\"agent_responses\":{\"type\":\"array\",\"reducer\":\"append\"},\"answer\":{\"type\":"
    "\"string\"},"
    "\"notes\":{\"type\":\"object\",\"reducer\":\"merge\",\"default\":{\"a\":1},\"private\":true}},"
    "\"input\":[\"user_input\"],\"recursion_limit\":30,"
    "\"assistant\":{\"config\":{\"tags\":[\"x\"]},\"metadata\":{}},"
    "\"nodes\":{"
    "\"law\":{\"kind\":\"llm\",\"prompt\":\"{{user_input}}\",\"output\":\"agent_responses\","
    "\"retry\":{\"max_attempts\":5,\"on\":[\"RateLimitError\"]},\"timeout_ms\":1000,\"tags\":["
    "\"t\"]},"
    "\"math\":{\"kind\":\"llm\",\"prompt\":\"{{user_input}}\",\"output\":\"agent_responses\","
    "\"retry\":{},\"params\":{\"seed\":\"{{$context.seed}}\"}},"
    "\"editor\":{\"kind\":\"llm\",\"prompt\":\"{{#agent_responses}}{{.}}{{/agent_responses}}\","
    "\"output\":\"answer\"},"
    "\"tidy\":{\"kind\":\"set\",\"values\":{\"answer\":\"{{answer}}.\",\"notes\":{\"b\":2}}}},"
    "\"edges\":[[\"__start__\",[\"law\",\"math\"]],[[\"math\",\"law\",\"law\"],\"editor\"],"
    "{\"from\":\"editor\",\"switch\":\"notes.kind\",\"cases\":{\"fine\":\"END\",\"rough\":\"tidy\"}"
    ","
    "\"default\":\"__end__\"},[\"tidy\",\"END\"],[\"tidy\",\"__end__\"]]}";

static int parse(const char *text, struct problems *problems, struct graph **ret)
{
    return graph_parse(&fake_kinds, &fake_limits, "dir/g.json", text, strlen(text), problems, ret);
}

static struct graph *graph_from(const char *text)
{
    struct problems problems;
    struct graph *g = NULL;
    problems_init(&problems);
    int r = parse(text, &problems, &g);
    ck_assert_msg(r == 0, "%d: %s", r, buf_text(&problems.text));
    ck_assert_int_eq(0, problems.count);
    problems_deinit(&problems);
    return g;
}

START_TEST(a_file_becomes_a_graph)
{
    struct graph *g = graph_from(panel);
    ck_assert_str_eq("panel", g->name);
    ck_assert_str_eq("Experts.", g->description);
    char id[ID_BYTES];
    id_v5(ID_NS_ASSISTANT, "panel", 5, id);
    ck_assert_str_eq(id, g->assistant_id);
    ck_assert_int_eq(30, g->recursion_limit);
    ck_assert_uint_eq(
        1, json_array_size(json_object_get(json_object_get(g->assistant, "config"), "tags")));
    graph_unref(g);
}
END_TEST

START_TEST(fields_keep_their_order_and_know_how_they_begin)
{
    struct graph *g = graph_from(panel);
    ck_assert_uint_eq(4, g->field_count);
    const struct field *f = g->fields;
    ck_assert_str_eq("user_input", f[0].name);
    ck_assert(f[0].is_input && f[0].is_output && f[0].initial == NULL);
    ck_assert_int_eq(REDUCE_APPEND, f[1].reducer);
    ck_assert(!f[1].is_input && f[1].is_output);
    ck_assert(json_is_array(value_json(f[1].initial)));
    ck_assert(f[3].is_private && !f[3].is_input && !f[3].is_output);
    ck_assert_int_eq(1, json_integer_value(json_object_get(value_json(f[3].initial), "a")));
    graph_unref(g);
}
END_TEST

START_TEST(nodes_are_sorted_and_carry_their_common_keys)
{
    struct graph *g = graph_from(panel);
    ck_assert_uint_eq(4, g->node_count);
    ck_assert_str_eq("editor", g->nodes[0].name);
    ck_assert_str_eq("tidy", g->nodes[3].name);
    const struct node *law = &g->nodes[graph_find_node(g, "law")];
    ck_assert_str_eq("branch:to:law", law->trigger);
    ck_assert_int_eq(5, law->retries[0].max_attempts);
    ck_assert_int_eq(500, law->retries[0].initial_ms);
    ck_assert_str_eq("RateLimitError", law->retries[0].on[0]);
    ck_assert_int_eq(1000, law->timeout_ms);
    ck_assert_str_eq("t", law->tags[0]);
    ck_assert_int_eq(3, g->nodes[graph_find_node(g, "math")].retries[0].max_attempts);
    ck_assert_uint_eq(0, g->nodes[0].retry_count);
    ck_assert_int_eq(NODE_NONE, graph_find_node(g, "nobody"));
    graph_unref(g);
}
END_TEST

START_TEST(edges_become_outlets)
{
    struct graph *g = graph_from(panel);
    int editor = graph_find_node(g, "editor");
    int law = graph_find_node(g, "law");
    int math = graph_find_node(g, "math");
    int tidy = graph_find_node(g, "tidy");
    ck_assert_uint_eq(2, g->start.target_count);
    ck_assert_int_eq(law, g->start.targets[0]);
    ck_assert_int_eq(math, g->start.targets[1]);
    ck_assert_uint_eq(1, g->join_count);
    ck_assert_str_eq("join:math+law:editor", g->joins[0].trigger);
    ck_assert_uint_eq(2, g->joins[0].source_count);
    ck_assert_int_eq(law, g->joins[0].sources[0]);
    ck_assert_int_eq(editor, g->joins[0].target);
    ck_assert_uint_eq(1, g->nodes[law].out.join_count);
    const struct route *route = &g->nodes[editor].out.routes[0];
    ck_assert_str_eq("notes.kind", path_text(route->path));
    ck_assert_str_eq("rough", route->values[1]);
    ck_assert_int_eq(NODE_END, route->targets[0]);
    ck_assert_int_eq(tidy, route->targets[1]);
    ck_assert_int_eq(NODE_END, route->fallback);
    ck_assert_uint_eq(0, g->nodes[tidy].out.target_count);
    graph_unref(g);
}
END_TEST

START_TEST(a_file_without_a_name_is_called_after_itself)
{
    struct graph *g = graph_from(
        "{\"state\":{},\"nodes\":{\"n\":{\"kind\":\"set\",\"values\":{}}},\"edges\":[[\"START\",\"n\"]]}");
    ck_assert_str_eq("g", g->name);
    ck_assert_str_eq("", g->description);
    graph_unref(g);
}
END_TEST

/* %s stands for a part that is put into an otherwise right file; the line must be among the
 * problems. */
#define STATE "\"state\":{\"a\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"}}"
#define NODES                                                                                      \
    "\"nodes\":{\"x\":{\"kind\":\"set\",\"values\":{\"a\":\"v\"}},\"y\":{\"kind\":\"set\","        \
    "\"values\":{}}}"
#define EDGES             "\"edges\":[[\"START\",\"x\"],[\"x\",\"y\"]]"
#define WITH_STATE(state) "{\"state\":{\"a\":{\"type\":\"string\"}," state "}," NODES "," EDGES "}"
#define WITH_NODE(node)   "{" STATE ",\"nodes\":{\"x\":" node "},\"edges\":[[\"START\",\"x\"]]}"
#define WITH_SET(keys)    WITH_NODE("{\"kind\":\"set\",\"values\":{}," keys "}")
#define WITH_EDGES(edges)                                                                          \
    "{" STATE "," NODES ",\"edges\":[[\"START\",\"x\"],[\"x\",\"y\"]," edges "]}"
#define EACH                "{\"from\":\"x\",\"each\":\"$context.list\","
#define WITH_TOP(top)       "{" STATE "," NODES "," EDGES "," top "}"
#define WITH_DEFAULTS(keys) WITH_TOP("\"node_defaults\":{" keys "}")

static const struct {
    const char *text;
    const char *problem;
} mistakes[] = {
    { "{\"state\":\n  {]}", "dir/g.json:2:4: " },
    { "[]", "dir/g.json: expected object, found array" },
    { "{}", "dir/g.json: \"state\" is missing" },
    { "{}", "dir/g.json: \"nodes\" is missing" },
    { "{}", "dir/g.json: \"edges\" is missing" },
    /* top level */
    { WITH_TOP("\"nmae\":\"x\""),
      "dir/g.json: /nmae: unknown key \"nmae\"; did you mean \"name\"?" },
    { WITH_TOP("\"context\":1"), "/context: expected object, found integer" },
    { WITH_TOP("\"context\":{\"type\":\"array\"}"),
      "/context: a context is an object, so its schema cannot have another \"type\"; write {\"type\": \"object\", \"properties\": {...}}" },
    { WITH_TOP("\"interrupt_before\":[\"x\",\"yy\"]"),
      "/interrupt_before/1: unknown node \"yy\"; known are x, y" },
    { WITH_TOP("\"interrupt_after\":[\"__end__\"]"),
      "/interrupt_after/0: unknown node \"__end__\"; known are x, y" },
    { WITH_TOP("\"interrupt_after\":\"x\""),
      "/interrupt_after: expected \"*\" or array; write a list of nodes, or \"*\" for all" },
    { WITH_TOP("\"interrupt_before\":[1]"), "/interrupt_before: element 0 is not a string" },
    { WITH_TOP("\"interrupt_before\":true"), "/interrupt_before: expected array of strings" },
    { WITH_TOP("\"script\":\"x.lua\""), "/script: there is nothing here that could run a script" },
    { WITH_TOP("\"name\":\"a b\""), "/name: \"a b\" cannot name a graph; use 1 to 100 letters" },
    { WITH_TOP("\"name\":7"), "/name: expected string, found integer" },
    { WITH_TOP("\"description\":[]"), "/description: expected string, found array" },
    { WITH_TOP("\"recursion_limit\":0"), "/recursion_limit: 0 is not between 1 and 1000" },
    { WITH_TOP("\"recursion_limit\":-3"), "/recursion_limit: -3 is not between 1 and 1000" },
    { WITH_TOP("\"recursion_limit\":\"x\""), "/recursion_limit: expected integer, found string" },
    { WITH_TOP("\"step_timeout_ms\":0"), "/step_timeout_ms: 0 is not between 1 and 86400000" },
    { WITH_TOP("\"step_timeout_ms\":86400001"), "/step_timeout_ms: 86400001 is not between" },
    { WITH_TOP("\"step_timeout_ms\":1.5"), "/step_timeout_ms: expected integer, found number" },
    { WITH_TOP("\"node_defaults\":[]"), "/node_defaults: expected object, found array" },
    { WITH_DEFAULTS("\"retyr\":{}"), "unknown key \"retyr\"; did you mean \"retry\"?" },
    { WITH_DEFAULTS("\"tags\":[]"), "/node_defaults/tags: unknown key \"tags\"" },
    { WITH_DEFAULTS("\"retry\":[{},{\"one\":1}]"), "/node_defaults/retry/1/one: unknown key" },
    { WITH_DEFAULTS("\"timeout_ms\":0"), "/node_defaults/timeout_ms: 0 is not between" },
    { WITH_DEFAULTS("\"idle_timeout_ms\":\"1\""), "/node_defaults/idle_timeout_ms: expected" },
    { WITH_DEFAULTS("\"cache\":{\"key\":\"{{b}}\"}"),
      "/node_defaults/cache/key: unknown field \"b\"; known are a, n" },
    { WITH_DEFAULTS("\"on_error\":{\"kind\":\"sett\"}"),
      "/node_defaults/on_error/kind: unknown kind \"sett\"; did you mean \"set\"?" },
    { WITH_DEFAULTS("\"on_error\":{\"kind\":\"set\",\"values\":{},\"cache\":{}}"),
      "/node_defaults/on_error/cache: an error handler has no \"cache\"; remove it" },
    { WITH_DEFAULTS("\"on_error\":{\"kind\":\"set\",\"values\":{\"a\":\"{{eror}}\"}}"),
      "/node_defaults/on_error/values/a: unknown field \"eror\"" },
    { WITH_DEFAULTS("\"on_error\":{\"kind\":\"set\",\"values\":{},\"goto\":\"z\"}"),
      "/node_defaults/on_error/goto: unknown node \"z\"" },
    { WITH_DEFAULTS("\"on_error\":{\"kind\":\"set\",\"values\":{},\"ends\":[\"z\"]}"),
      "/node_defaults/on_error/ends/0: unknown node \"z\"" },
    { WITH_TOP("\"assistant\":{\"confg\":{}}"),
      "/assistant/confg: unknown key \"confg\"; did you mean \"config\"?" },
    { WITH_TOP("\"assistant\":{\"context\":1}"),
      "/assistant/context: expected object, found integer" },
    { WITH_TOP("\"input\":[\"b\"]"), "/input/0: unknown field \"b\"; known are a, n" },
    { WITH_TOP("\"output\":[\"a\",\"missing\"]"),
      "/output/1: unknown field \"missing\"; known are a, n" },
    { WITH_TOP("\"input\":\"a\""), "/input: expected array of strings, found string" },
    { WITH_TOP("\"input\":[1]"), "/input: element 0 is not a string" },
    /* fields */
    { WITH_STATE("\"b\":\"string\""), "/state/b: expected object, found string" },
    { WITH_STATE("\"b\":{}"), "/state/b: \"type\" is missing" },
    { WITH_STATE("\"b\":{\"type\":\"sting\"}"),
      "/state/b/type: unknown type \"sting\"; did you mean \"string\"?" },
    { WITH_STATE("\"b\":{\"type\":\"list\"}"),
      "/state/b/type: unknown type \"list\"; known are string, number" },
    { WITH_STATE("\"b\":{\"type\":\"array\",\"reducer\":\"apend\"}"),
      "/state/b/reducer: unknown reducer \"apend\"; did you mean \"append\"?" },
    { WITH_STATE("\"b\":{\"type\":\"string\",\"reducer\":\"append\"}"),
      "/state/b/reducer: the reducer append does not fit the type string; use the type array" },
    { WITH_STATE("\"b\":{\"type\":\"string\",\"reducer\":\"add\"}"),
      "the reducer add does not fit" },
    { WITH_STATE("\"b\":{\"type\":\"array\",\"reducer\":\"merge\"}"),
      "the reducer merge does not fit" },
    { WITH_STATE("\"b\":{\"type\":\"boolean\",\"reducer\":\"max\"}"),
      "the reducer max does not fit" },
    { WITH_STATE("\"b\":{\"type\":\"array\",\"reducer\":\"messages\"}"),
      "the reducer messages does not fit" },
    { WITH_STATE("\"b\":{\"type\":\"messages\",\"reducer\":\"append\"}"),
      "/state/b/reducer: the type messages has the reducer messages; leave it out" },
    { WITH_STATE("\"b\":{\"type\":\"integer\",\"default\":1.5}"),
      "/state/b/default: expected integer, found number" },
    { WITH_STATE("\"b\":{\"type\":\"any\",\"reducer\":\"append\",\"default\":1}"),
      "/state/b/default: expected array, found integer" },
    { WITH_STATE("\"b\":{\"type\":\"messages\",\"default\":[{}]}"), "/state/b/default: " },
    { WITH_STATE("\"b\":{\"type\":\"integer\",\"defualt\":1}"),
      "/state/b/defualt: unknown key \"defualt\"; did you mean \"default\"?" },
    { WITH_STATE("\"b\":{\"type\":\"any\",\"private\":1}"),
      "/state/b/private: expected boolean, found integer" },
    { WITH_STATE("\"b\":{\"type\":\"any\",\"lifetime\":\"ste\"}"),
      "/state/b/lifetime: unknown lifetime \"ste\"; did you mean \"step\"?" },
    { WITH_STATE("\"b\":{\"type\":\"any\",\"lifetime\":1}"),
      "/state/b/lifetime: expected string, found integer" },
    { WITH_STATE("\"b\":{\"type\":\"any\",\"reducer\":\"function\"}"),
      "/state/b/reducer: unknown reducer \"function\"" },
    { WITH_STATE("\"branch:to:x\":{\"type\":\"any\"}"),
      "/state/branch:to:x: names with \"branch:to:\" or \"join:\" in front are kept" },
    { WITH_STATE("\"a\":{\"type\":\"any\"}"), "dir/g.json:1:" },
    { WITH_STATE("\"\":{\"type\":\"any\"}"), "/state/: a field needs a name" },
    { WITH_STATE("\"x.y\":{\"type\":\"any\"}"), "/state/x.y: a dot in a name" },
    { WITH_STATE("\"$x\":{\"type\":\"any\"}"), "/state/$x: names with \"$\"" },
    { WITH_STATE("\"__x\":{\"type\":\"any\"}"), "/state/__x: names with \"__\"" },
    { WITH_STATE("\"q/~\":{\"type\":7}"), "/state/q~1~0/type: expected string, found integer" },
    /* nodes */
    { WITH_NODE("7"), "/nodes/x: expected object, found integer" },
    { WITH_NODE("{}"), "/nodes/x: \"kind\" is missing" },
    { WITH_NODE("{\"kind\":\"lm\"}"), "/nodes/x/kind: unknown kind \"lm\"; did you mean \"llm\"?" },
    { WITH_NODE("{\"kind\":\"tools\"}"),
      "/nodes/x/kind: this version does not have the kind \"tools\" yet" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{},\"defer\":1}"), "/nodes/x/defer: " },
    { WITH_SET("\"on_error\":{}"), "/nodes/x/on_error: \"kind\" is missing" },
    { WITH_SET("\"on_error\":\"y\""), "/nodes/x/on_error: expected object, found string" },
    { WITH_SET("\"on_error\":{\"kind\":\"sett\"}"),
      "/nodes/x/on_error/kind: unknown kind \"sett\"; did you mean \"set\"?" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"valeus\":{}}"),
      "/nodes/x/on_error/valeus: unknown key \"valeus\"; did you mean \"values\"?" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{\"a\":\"{{eror.type}}\"}}"),
      "/nodes/x/on_error/values/a: unknown field \"eror\"" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"on_error\":{}}"),
      "/nodes/x/on_error/on_error: an error handler has no \"on_error\"; remove it" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"defer\":true}"),
      "/nodes/x/on_error/defer: an error handler has no \"defer\"; remove it" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"cache\":{}}"),
      "/nodes/x/on_error/cache: an error handler has no \"cache\"; remove it" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"each\":\"a\"}"),
      "/nodes/x/on_error/each: unknown key \"each\"" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"goto\":\"xx\"}"),
      "/nodes/x/on_error/goto: unknown node \"xx\"; known are x, __start__, __end__" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"goto\":\"START\"}"),
      "/nodes/x/on_error/goto: nothing can lead to __start__" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"goto\":7}"),
      "/nodes/x/on_error/goto: expected string, found integer" },
    { WITH_SET("\"on_error\":{\"kind\":\"set\",\"values\":{},\"ends\":[\"q\"]}"),
      "/nodes/x/on_error/ends/0: unknown node \"q\"" },
    { WITH_SET("\"goto\":\"x\""), "/nodes/x/goto: unknown key \"goto\"" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"a\":\"{{error.type}}\"}}"),
      "/nodes/x/values/a: unknown field \"error\"" },
    { WITH_SET("\"cache\":true"), "/nodes/x/cache: expected object, found boolean" },
    { WITH_SET("\"cache\":{\"ttl_ms\":0}"), "/nodes/x/cache/ttl_ms: 0 is not between 1" },
    { WITH_SET("\"cache\":{\"ttl_ms\":-5}"), "/nodes/x/cache/ttl_ms: -5 is not between 1" },
    { WITH_SET("\"cache\":{\"ttl\":5}"), "/nodes/x/cache/ttl: unknown key \"ttl\"" },
    { WITH_SET("\"cache\":{\"key\":\"{{q}}\"}"), "/nodes/x/cache/key: unknown field \"q\"" },
    { WITH_SET("\"timeout_ms\":-1"), "/nodes/x/timeout_ms: -1 is not between 1" },
    { WITH_SET("\"idle_timeout_ms\":0"), "/nodes/x/idle_timeout_ms: 0 is not between 1" },
    { WITH_SET("\"ends\":\"x\""), "/nodes/x/ends: expected array of strings, found string" },
    { WITH_SET("\"ends\":[\"x\",\"yy\"]"), "/nodes/x/ends/1: unknown node \"yy\"" },
    { WITH_SET("\"ends\":[\"__start__\"]"), "/nodes/x/ends/0: nothing can lead to __start__" },
    { WITH_NODE("{\"kind\":\"set\",\"vlaues\":{}}"),
      "/nodes/x/vlaues: unknown key \"vlaues\"; did you mean \"values\"?" },
    { WITH_NODE("{\"kind\":\"set\",\"vlaues\":{}}"), "/nodes/x: \"values\" is missing" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"aa\":1}}"),
      "/nodes/x/values/aa: unknown field \"aa\"; known are a, n" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"n\":true}}"),
      "/nodes/x/values/n: expected integer, found boolean" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"n\":[\"{{n}}\"]}}"),
      "/nodes/x/values/n: expected integer, found array" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"n\":\"1\"}}"),
      "/nodes/x/values/n: expected integer, found string" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"a\":\"{{#b}}\"}}"),
      "/nodes/x/values/a: unclosed section {{#b}} at byte 0" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"a\":\"{{$contxt.x}}\"}}"),
      "/nodes/x/values/a: unknown field \"$contxt\"; did you mean \"$context\"?" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"prompt\":\"{{user_inptu}}\"}"),
      "/nodes/x/prompt: unknown field \"user_inptu\"; known are a, n, $context, $config, $run" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"m\"}"), "/nodes/x/output: unknown field \"m\"" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"temperature\":3}"),
      "/nodes/x/temperature: 3 is not between 0 and 2" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"timeout_ms\":0}"),
      "/nodes/x/timeout_ms: 0 is not between 1" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"tags\":[1]}"),
      "/nodes/x/tags: element 0 is not a string" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"retry\":3}"),
      "/nodes/x/retry: expected object, found integer" },
    { WITH_SET("\"retry\":[{},7]"), "/nodes/x/retry/1: expected object, found integer" },
    { WITH_SET("\"retry\":[{},{\"max_ms\":-1}]"), "/nodes/x/retry/1/max_ms: -1 is not between" },
    { WITH_SET("\"retry\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]"),
      "/nodes/x/retry: a list of more than 16" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"retry\":{\"max_atempts\":3}}"),
      "/nodes/x/retry/max_atempts: unknown key \"max_atempts\"; did you mean \"max_attempts\"?" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"retry\":{\"factor\":\"2\"}}"),
      "/nodes/x/retry/factor: expected number, found string" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"retry\":{\"on\":[\"\"]}}"),
      "/nodes/x/retry/on: element 0 is not a string, or empty" },
    { "{" STATE ",\"nodes\":{\"x\":{},\"x\":{}},\"edges\":[]}", "dir/g.json:1:" },
    { "{" STATE
      ",\"nodes\":{\"END\":{\"kind\":\"set\",\"values\":{}}},\"edges\":[[\"START\",\"END\"]]}",
      "/nodes/END: START and END are the ends" },
    { "{" STATE
      ",\"nodes\":{\"a\\nb\":{\"kind\":\"set\",\"values\":{}}},\"edges\":[[\"START\",\"a\\nb\"]]}",
      "/nodes/a?b: control characters" },
    /* edges */
    { WITH_EDGES("7"), "/edges/2: expected array or object, found integer; write [from, to]" },
    { WITH_EDGES("[\"x\"]"), "/edges/2: an edge of 1 parts; write" },
    { WITH_EDGES("[\"x\",7]"), "/edges/2: expected names, found string and integer" },
    { WITH_EDGES("[\"x\",[]]"), "/edges/2: an empty list" },
    { WITH_EDGES("[[],\"x\"]"), "/edges/2: an empty list" },
    { WITH_EDGES("[\"x\",[7]]"), "/edges/2: element 0 is not a string" },
    { WITH_EDGES("[[\"x\",\"y\"],[\"x\"]]"),
      "/edges/2: lists on both sides of an edge; write one join for each target" },
    { WITH_EDGES("[\"x\",\"yy\"]"),
      "/edges/2: unknown node \"yy\"; known are x, y, __start__, __end__" },
    { WITH_EDGES("[\"nobody\",\"y\"]"),
      "/edges/2: unknown node \"nobody\"; known are x, y, __start__, __end__" },
    { WITH_EDGES("[\"__end__\",\"y\"]"), "/edges/2: nothing can follow __end__" },
    { WITH_EDGES("[\"x\",\"START\"]"), "/edges/2: nothing can lead to __start__" },
    { WITH_EDGES("[[\"x\",\"__start__\"],\"y\"]"), "/edges/2: a join cannot wait for __start__" },
    { WITH_EDGES("[[\"x\",\"END\"],\"y\"]"), "/edges/2: nothing can follow __end__" },
    { WITH_EDGES("[[\"x\",\"q\"],\"y\"]"), "/edges/2: unknown node \"q\"" },
    { WITH_EDGES("{\"from\":\"x\",\"when\":[{\"if\":\"true\",\"to\":\"y\"}]}"),
      "/edges/2/when: there is nothing here that could run code" },
    { WITH_EDGES("{\"from\":\"x\",\"when\":[]}"),
      "/edges/2/when: expected a list of conditions, found an empty one" },
    { WITH_EDGES("{\"from\":\"x\",\"when\":{}}"),
      "/edges/2/when: expected a list of conditions, found object" },
    { WITH_EDGES("{\"from\":\"x\",\"when\":[7]}"), "/edges/2/when/0: expected object, found integer" },
    { WITH_EDGES("{\"from\":\"x\",\"when\":[{\"to\":\"y\"},{\"to\":\"y\"}]}"),
      "/edges/2/when/0: \"if\" is missing" },
    { WITH_EDGES("{\"from\":\"x\",\"each\":\"a\",\"as\":\"n\",\"send\":\"y\"}"),
      "/edges/2/each: expected a list, but field \"a\" is of the type string" },
    { WITH_EDGES("{\"from\":\"x\",\"each\":\"q.r\",\"as\":\"n\",\"send\":\"y\"}"),
      "/edges/2/each: unknown field \"q\"" },
    { WITH_EDGES("{\"from\":\"x\",\"each\":\"q..r\",\"as\":\"n\",\"send\":\"y\"}"),
      "/edges/2/each: \"q..r\" is no path" },
    { WITH_EDGES("{\"from\":\"x\",\"each\":[],\"as\":\"n\",\"send\":\"y\"}"),
      "/edges/2/each: expected string, found array" },
    { WITH_EDGES(EACH "\"as\":\"n\"}"), "/edges/2: \"send\" is missing" },
    { WITH_EDGES(EACH "\"send\":\"y\"}"), "/edges/2: \"as\" is missing" },
    { WITH_EDGES(EACH "\"as\":\"n\",\"send\":\"yy\"}"), "/edges/2/send: unknown node \"yy\"" },
    { WITH_EDGES(EACH "\"as\":\"n\",\"send\":\"END\"}"),
      "/edges/2/send: nothing can be sent to __end__; name a node" },
    { WITH_EDGES(EACH "\"as\":\"n\",\"send\":\"START\"}"),
      "/edges/2/send: nothing can lead to __start__" },
    { WITH_EDGES(EACH "\"as\":\"\",\"send\":\"y\"}"), "/edges/2/as: the name is empty" },
    { WITH_EDGES(EACH "\"as\":\"a.b\",\"send\":\"y\"}"),
      "/edges/2/as: no template could say \"a.b\"" },
    { WITH_EDGES(EACH "\"as\":\"n\",\"send\":\"y\",\"index\":\"$x\"}"),
      "/edges/2/index: no template could say \"$x\"" },
    { WITH_EDGES(EACH "\"as\":\"n\",\"send\":\"y\",\"index\":\"\"}"),
      "/edges/2/index: the name is empty" },
    { WITH_EDGES(EACH "\"as\":\"n\",\"send\":\"y\",\"index\":\"n\"}"),
      "/edges/2: \"as\" and \"index\" are the same; use two names" },
    { WITH_EDGES(EACH "\"as\":\"n\",\"send\":\"y\",\"switch\":\"a\"}"),
      "/edges/2/switch: unknown key \"switch\"" },
    { WITH_EDGES("{\"from\":\"q\",\"each\":\"$context.l\",\"as\":\"n\",\"send\":\"y\"}"),
      "/edges/2: unknown node \"q\"" },
    { WITH_EDGES("{\"from\":\"END\",\"each\":\"$context.l\",\"as\":\"n\",\"send\":\"y\"}"),
      "/edges/2: nothing can follow __end__" },
    { WITH_EDGES("{\"from\":\"x\"}"), "/edges/2: \"switch\" is missing" },
    { WITH_EDGES("{\"from\":\"x\",\"switch\":\"a\"}"), "/edges/2: \"cases\" is missing" },
    { WITH_EDGES("{\"from\":\"x\",\"switch\":\"a\",\"cases\":{}}"),
      "/edges/2: a switch without cases; use a plain edge" },
    { WITH_EDGES("{\"from\":\"x\",\"switch\":\"a\",\"cases\":{\"v\":[\"y\"]}}"),
      "/edges/2/cases/v: expected string, found array" },
    { WITH_EDGES("{\"from\":\"x\",\"switch\":\"a\",\"cases\":{\"v/w\":\"nobody\"}}"),
      "/edges/2/cases/v~1w: unknown node \"nobody\"" },
    { WITH_EDGES(
          "{\"from\":\"x\",\"switch\":\"a\",\"cases\":{\"v\":\"y\"},\"default\":\"nobody\"}"),
      "/edges/2/default: unknown node \"nobody\"" },
    { WITH_EDGES("{\"from\":\"x\",\"switch\":\"a\",\"cases\":{\"v\":\"START\"}}"),
      "/edges/2/cases/v: nothing can lead to __start__" },
    { WITH_EDGES("{\"from\":\"x\",\"switch\":\"a..b\",\"cases\":{\"v\":\"y\"}}"),
      "/edges/2/switch: \"a..b\" is no path" },
    { WITH_EDGES("{\"from\":\"x\",\"switch\":\"q.b\",\"cases\":{\"v\":\"y\"}}"),
      "/edges/2/switch: unknown field \"q\"" },
    { WITH_EDGES("{\"from\":\"x\",\"switch\":\"a\",\"case\":{}}"),
      "/edges/2/case: unknown key \"case\"; did you mean \"cases\"?" },
    { "{" STATE "," NODES ",\"edges\":[[\"x\",\"y\"]]}",
      "/edges: no edge begins at __start__; add" },
    { "{" STATE "," NODES ",\"edges\":[[\"START\",\"x\"]]}",
      "/nodes/y: no way leads from __start__ to node \"y\"; add an edge to it, or remove it "
      "(UNREACHABLE_NODE)" },
    { "{" STATE "," NODES ",\"edges\":{}}", "/edges: expected array, found object" },
};

START_TEST(a_mistake_is_told_with_place_and_remedy)
{
    struct problems problems;
    struct graph *g = NULL;
    problems_init(&problems);
    int r = parse(mistakes[_i].text, &problems, &g);
    ck_assert_int_eq(PARSE_E_WRONG, r);
    ck_assert_msg(strstr(buf_text(&problems.text), mistakes[_i].problem) != NULL,
                  "wanted %s\nin %s", mistakes[_i].problem, buf_text(&problems.text));
    ck_assert_ptr_null(g);
    problems_deinit(&problems);
}
END_TEST

/* A file with everything that the panel lacks. */
static const char ways[] =
    "{\"state\":{\"list\":{\"type\":\"array\"},\"item\":{\"type\":\"any\",\"lifetime\":\"step\"},"
    "\"at\":{\"type\":\"integer\",\"lifetime\":\"run\"},"
    "\"out\":{\"type\":\"array\",\"reducer\":\"append\",\"lifetime\":\"thread\"}},"
    "\"interrupt_before\":[\"work\"],\"interrupt_after\":\"*\","
    "\"nodes\":{"
    "\"work\":{\"kind\":\"set\",\"values\":{\"out\":\"{{item}}\"},"
    "\"cache\":{\"ttl_ms\":1000,\"key\":\"{{item}}\"},\"idle_timeout_ms\":50},"
    "\"plan\":{\"kind\":\"set\",\"values\":{},\"ends\":[\"aside\",\"__end__\"],\"cache\":{},"
    "\"on_error\":{\"kind\":\"set\",\"values\":{\"out\":\"{{error.type}} {{error.message}} "
    "{{error.node}}\"},\"goto\":\"rescue\",\"timeout_ms\":9,\"retry\":{},\"tags\":[\"t\"],"
    "\"ends\":[\"last\"]}},"
    "\"aside\":{\"kind\":\"set\",\"values\":{}},\"rescue\":{\"kind\":\"set\",\"values\":{}},"
    "\"last\":{\"kind\":\"set\",\"values\":{}}},"
    "\"edges\":[[\"START\",\"plan\"],"
    "{\"from\":\"plan\",\"each\":\"list\",\"as\":\"item\",\"send\":\"work\",\"index\":\"at\"},"
    "{\"from\":\"__start__\",\"each\":\"$config.list\",\"as\":\"item\",\"send\":\"work\"}]}";

/* One node with words of its own for everything, one that leaves all to node_defaults. */
static const char defaults[] =
    "{\"state\":{\"list\":{\"type\":\"array\"},\"a\":{\"type\":\"any\"}},"
    "\"step_timeout_ms\":5000,"
    "\"node_defaults\":{\"retry\":[{\"on\":[\"E\"]},{\"max_attempts\":7}],"
    "\"timeout_ms\":20,\"idle_timeout_ms\":10,\"cache\":{\"ttl_ms\":9,\"key\":\"{{item}}\"},"
    "\"on_error\":{\"kind\":\"set\",\"values\":{\"a\":\"{{error.node}} {{item}}\"},"
    "\"goto\":\"end\",\"ends\":[\"own\"]}},"
    "\"nodes\":{\"bare\":{\"kind\":\"set\",\"values\":{}},"
    "\"own\":{\"kind\":\"set\",\"values\":{},\"retry\":{\"max_attempts\":2},\"timeout_ms\":21,"
    "\"idle_timeout_ms\":11,\"cache\":{},\"on_error\":{\"kind\":\"set\",\"values\":{},"
    "\"timeout_ms\":22}},"
    "\"end\":{\"kind\":\"set\",\"values\":{},\"retry\":[]}},"
    "\"edges\":[[\"START\",\"bare\"],"
    "{\"from\":\"bare\",\"each\":\"list\",\"as\":\"item\",\"send\":\"end\"}]}";

static const struct node *node_of(const struct graph *g, const char *name)
{
    int index = graph_find_node(g, name);
    ck_assert_int_ge(index, 0);
    return &g->nodes[index];
}

START_TEST(fields_live_as_long_as_they_say)
{
    struct graph *g = graph_from(ways);
    static const enum field_life lives[] = { LIFE_THREAD, LIFE_STEP, LIFE_RUN, LIFE_THREAD };
    for (size_t i = 0; i < g->field_count; i++)
        ck_assert_int_eq(lives[i], g->fields[i].life);
    graph_unref(g);
}
END_TEST

START_TEST(an_each_edge_becomes_a_route)
{
    struct graph *g = graph_from(ways);
    const struct outlets *out = &node_of(g, "plan")->out;
    ck_assert_uint_eq(1, out->route_count);
    const struct route *route = &out->routes[0];
    ck_assert_int_eq(ROUTE_EACH, route->kind);
    ck_assert_str_eq("list", path_text(route->path));
    ck_assert_uint_eq(1, route->case_count);
    ck_assert_int_eq(graph_find_node(g, "work"), route->targets[0]);
    ck_assert_int_eq(NODE_NONE, route->fallback);
    ck_assert_str_eq("item", route->as);
    ck_assert_str_eq("at", route->index);
    ck_assert_int_eq(ROUTE_EACH, g->start.routes[0].kind);
    ck_assert_ptr_null(g->start.routes[0].index);
    graph_unref(g);
}
END_TEST

START_TEST(breakpoints_stand_at_their_nodes)
{
    struct graph *g = graph_from(ways);
    for (size_t i = 0; i < g->node_count; i++) {
        ck_assert_int_eq(strcmp(g->nodes[i].name, "work") == 0, g->nodes[i].interrupt_before);
        ck_assert(g->nodes[i].interrupt_after);
    }
    graph_unref(g);
}
END_TEST

START_TEST(nodes_know_where_they_stood_in_the_file)
{
    struct graph *g = graph_from(ways);
    static const char *const names[] = { "work", "plan", "aside", "rescue", "last" };
    for (size_t i = 0; i < g->node_count; i++)
        ck_assert_uint_eq(i, node_of(g, names[i])->declared);
    graph_unref(g);
}
END_TEST

START_TEST(a_cache_has_a_time_and_a_key_or_neither)
{
    struct graph *g = graph_from(ways);
    const struct node *work = node_of(g, "work");
    const struct node *plan = node_of(g, "plan");
    ck_assert(work->cache.is_on && work->cache.ttl_ms == 1000 && work->cache.key != NULL);
    ck_assert(plan->cache.is_on && plan->cache.ttl_ms == 0 && plan->cache.key == NULL);
    ck_assert(!node_of(g, "last")->cache.is_on);
    ck_assert_int_eq(50, work->idle_timeout_ms);
    graph_unref(g);
}
END_TEST

START_TEST(an_error_handler_is_a_node_beside_the_others)
{
    struct graph *g = graph_from(ways);
    const struct node *plan = node_of(g, "plan");
    const struct node *h = plan->on_error;
    ck_assert_ptr_nonnull(h);
    ck_assert_str_eq("__error_handler__plan", h->name);
    ck_assert_ptr_eq(&fake_set, h->kind);
    ck_assert_ptr_nonnull(h->config);
    ck_assert_int_eq(3, h->retries[0].max_attempts);
    ck_assert_int_eq(9, h->timeout_ms);
    ck_assert_str_eq("t", h->tags[0]);
    ck_assert_int_eq(graph_find_node(g, "last"), h->ends[0]);
    ck_assert_int_eq(graph_find_node(g, "rescue"), plan->on_error_goto);
    ck_assert_ptr_null(h->on_error);
    ck_assert_int_eq(NODE_NONE, graph_find_node(g, h->name));
    ck_assert_ptr_null(node_of(g, "work")->on_error);
    ck_assert_int_eq(NODE_NONE, node_of(g, "work")->on_error_goto);
    graph_unref(g);
}
END_TEST

START_TEST(what_a_node_does_not_say_the_defaults_say)
{
    struct graph *g = graph_from(defaults);
    const struct node *n = node_of(g, "bare");
    ck_assert_int_eq(5000, g->step_timeout_ms);
    ck_assert_uint_eq(2, n->retry_count);
    ck_assert_str_eq("E", n->retries[0].on[0]);
    ck_assert_int_eq(7, n->retries[1].max_attempts);
    ck_assert_int_eq(20, n->timeout_ms);
    ck_assert_int_eq(10, n->idle_timeout_ms);
    ck_assert(n->cache.is_on && n->cache.ttl_ms == 9 && n->cache.key != NULL);
    ck_assert_str_eq("__error_handler__bare", n->on_error->name);
    ck_assert_int_eq(graph_find_node(g, "end"), n->on_error_goto);
    ck_assert_int_eq(graph_find_node(g, "own"), n->on_error->ends[0]);
    graph_unref(g);
}
END_TEST

START_TEST(a_nodes_own_word_stands_before_the_defaults)
{
    struct graph *g = graph_from(defaults);
    const struct node *n = node_of(g, "own");
    ck_assert_uint_eq(1, n->retry_count);
    ck_assert_int_eq(2, n->retries[0].max_attempts);
    ck_assert_int_eq(21, n->timeout_ms);
    ck_assert_int_eq(11, n->idle_timeout_ms);
    ck_assert(n->cache.is_on && n->cache.ttl_ms == 0 && n->cache.key == NULL);
    ck_assert_int_eq(NODE_NONE, n->on_error_goto);
    ck_assert_uint_eq(0, node_of(g, "end")->retry_count);
    graph_unref(g);
}
END_TEST

START_TEST(handlers_take_retry_and_time_from_the_defaults_and_nothing_else)
{
    struct graph *g = graph_from(defaults);
    const struct node *h = node_of(g, "own")->on_error;
    ck_assert_uint_eq(2, h->retry_count);
    ck_assert_int_eq(22, h->timeout_ms);
    ck_assert_int_eq(10, h->idle_timeout_ms);
    ck_assert(!h->cache.is_on && h->on_error == NULL);
    h = node_of(g, "bare")->on_error;
    ck_assert_uint_eq(2, h->retry_count);
    ck_assert_int_eq(20, h->timeout_ms);
    ck_assert(!h->cache.is_on && h->on_error == NULL);
    graph_unref(g);
}
END_TEST

START_TEST(a_mistake_in_the_defaults_is_told_once)
{
    struct problems problems;
    struct graph *g = NULL;
    problems_init(&problems);
    const char *text =
        WITH_DEFAULTS("\"retry\":{\"on\":1},\"timeout_ms\":0,\"cache\":{\"key\":\"{{b}}\"},"
                      "\"on_error\":{\"kind\":\"set\",\"valeus\":{},\"goto\":\"z\"},\"q\":1");
    ck_assert_int_eq(PARSE_E_WRONG, parse(text, &problems, &g));
    ck_assert_msg(problems.count == 7, "%s", buf_text(&problems.text));
    ck_assert_ptr_null(strstr(buf_text(&problems.text), "/nodes"));
    problems_deinit(&problems);
}
END_TEST

static const struct {
    const char *text;
    bool uses_facts;
} facts[] = {
    { WITH_TOP("\"name\":\"g\""), false },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"a\":\"{{$run.step}}\"}}"), true },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"a\":\"{{#n}}{{#a}}{{$run.step}}{{/a}}{{/n}}\"}}"),
      true },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{\"a\":\"{{#n}}{{$runs.step}}{{/n}}\"}}"), false },
    { WITH_SET("\"cache\":{\"key\":\"{{$run.step}}\"}"), true },
    { WITH_EDGES("{\"from\":\"y\",\"switch\":\"$run.is_last_step\",\"cases\":{\"true\":\"x\"}}"),
      true },
    { WITH_DEFAULTS("\"on_error\":{\"kind\":\"set\",\"values\":{\"a\":\"{{$run.step}}\"}}"), true },
};

START_TEST(a_graph_knows_whether_it_looks_at_its_run)
{
    struct graph *g = graph_from(facts[_i].text);
    ck_assert(g->uses_facts == facts[_i].uses_facts);
    graph_unref(g);
}
END_TEST

START_TEST(the_ends_of_commands_are_known)
{
    struct graph *g = graph_from(ways);
    const struct node *plan = node_of(g, "plan");
    ck_assert_uint_eq(2, plan->end_count);
    ck_assert_int_eq(graph_find_node(g, "aside"), plan->ends[0]);
    ck_assert_int_eq(NODE_END, plan->ends[1]);
    graph_unref(g);
}
END_TEST

START_TEST(every_mistake_is_told_and_no_mistake_twice)
{
    struct problems problems;
    struct graph *g = NULL;
    problems_init(&problems);
    const char *text =
        "{\"state\":{\"a\":{\"type\":\"strin\"}},\"extra\":1,"
        "\"nodes\":{\"one\":{\"kind\":\"llm\",\"output\":\"b\",\"prompt\":\"{{a}}\"},"
        "\"two\":{\"kind\":\"set\",\"values\":{\"a\":1}}},"
        "\"edges\":[[\"START\",\"one\"],[\"one\",\"tow\"]]}";
    ck_assert_int_eq(PARSE_E_WRONG, parse(text, &problems, &g));
    ck_assert_str_eq(
        "dir/g.json: /extra: unknown key \"extra\"; known are $schema, name, description, script, "
        "state, input, output, node_defaults, nodes, edges, interrupt_before, interrupt_after, "
        "recursion_limit, step_timeout_ms, context, assistant\n"
        "dir/g.json: /state/a/type: unknown type \"strin\"; did you mean \"string\"?\n"
        "dir/g.json: /nodes/one/output: unknown field \"b\"; known are a\n"
        "dir/g.json: /edges/1: unknown node \"tow\"; did you mean \"two\"?\n",
        buf_text(&problems.text));
    ck_assert_int_eq(4, problems.count);
    problems_deinit(&problems);
}
END_TEST

START_TEST(lists_that_do_not_fit_together_are_counted_and_no_fault)
{
    struct problems all;
    problems_init(&all);
    for (int file = 0; file < 3; file++) {
        struct problems one;
        problems_init(&one);
        for (int i = 0; i < PROBLEMS_MAX; i++)
            problems_add(&one, "g.json", "", NULL, "%2500d", i);
        problems_close(&one);
        problems_join(&all, &one);
        problems_deinit(&one);
    }
    all.count = 0; /* as if there were lines left */
    problems_add(&all, "g.json", "", NULL, "one more");
    ck_assert_int_eq(0, all.fault);
    ck_assert_int_eq(1, all.count);
    problems_deinit(&all);
}
END_TEST

START_TEST(problems_past_the_maximum_are_counted)
{
    struct problems problems;
    struct graph *g = NULL;
    struct buf text;
    buf_init(&text, 100000);
    buf_add_str(&text,
                "{\"state\":{},\"nodes\":{\"n\":{\"kind\":\"set\",\"values\":{}}},\"edges\":[[\"START\",\"n\"]");
    for (int i = 0; i < PROBLEMS_MAX + 7; i++)
        buf_add_str(&text, ",7");
    buf_add_str(&text, "]}");
    problems_init(&problems);
    ck_assert_int_eq(PARSE_E_WRONG, parse(buf_text(&text), &problems, &g));
    ck_assert_int_eq(PROBLEMS_MAX + 7, problems.count);
    const char *last = strstr(buf_text(&problems.text), "and ");
    ck_assert_ptr_nonnull(last);
    ck_assert_str_eq("and 7 more\n", last);
    problems_deinit(&problems);
    buf_deinit(&text);
}
END_TEST

START_TEST(nesting_is_bounded)
{
    char text[400] = "{\"state\":{\"a\":{\"type\":\"any\",\"default\":";
    for (int i = 0; i < 65; i++)
        strcat(text, "[");
    struct problems problems;
    struct graph *g = NULL;
    problems_init(&problems);
    ck_assert_int_eq(PARSE_E_WRONG, parse(text, &problems, &g));
    ck_assert_int_eq(1, problems.count);
    problems_deinit(&problems);
}
END_TEST

/* The schema for editors and the builder must know the same keys. The builder tells which it knows
 * when it meets one that it does not: "zzz" in each of these. */
static const struct {
    const char *pointer; /* in the schema, parts divided by blanks: the object with the keys */
    const char *text;
    const char *where; /* the beginning of the problem */
} known_keys[] = {
    { "properties", WITH_TOP("\"zzz\":0"), "/zzz: " },
    { "properties assistant properties", WITH_TOP("\"assistant\":{\"zzz\":0}"),
      "/assistant/zzz: " },
    { "properties assistant properties config properties",
      WITH_TOP("\"assistant\":{\"config\":{\"zzz\":0}}"), "/assistant/config/zzz: " },
    { "definitions field properties", WITH_STATE("\"b\":{\"type\":\"any\",\"zzz\":0}"),
      "/state/b/zzz: " },
    { "properties node_defaults properties", WITH_DEFAULTS("\"zzz\":0"), "/node_defaults/zzz: " },
    { "definitions retry_policy properties", WITH_SET("\"retry\":{\"zzz\":0}"),
      "/nodes/x/retry/zzz: " },
    { "definitions retry_policy properties", WITH_SET("\"retry\":[{\"zzz\":0}]"),
      "/nodes/x/retry/0/zzz: " },
    { "definitions cache properties", WITH_SET("\"cache\":{\"zzz\":0}"), "/nodes/x/cache/zzz: " },
    /* An error handler knows them all, if only to refuse some. */
    { "definitions set properties", WITH_SET("\"on_error\":{\"kind\":\"set\",\"zzz\":0}"),
      "/nodes/x/on_error/zzz: " },
    { "definitions edge anyOf 3 properties", WITH_EDGES("{\"switch\":\"a\",\"zzz\":0}"),
      "/edges/2/zzz: " },
    { "definitions edge anyOf 4 properties", WITH_EDGES("{\"each\":\"a\",\"zzz\":0}"),
      "/edges/2/zzz: " },
    { "definitions edge anyOf 5 properties", WITH_EDGES("{\"when\":[],\"zzz\":0}"),
      "/edges/2/zzz: " },
};

/* The parsed file of a folder beside tests/, whose path is known from this file's. */
static json_t *load_beside(const char *folder, const char *name)
{
    /* Compilers are given the path of this file from where the tests run, or an absolute one. */
    const char *here = __FILE__;
    int len = (int)(strrchr(here, '/') - here);
    char file[1000];
    snprintf(file, sizeof(file), "%.*s/../../%s/%s.json", len, here, folder, name);
    json_t *json = json_load_file(file, 0, NULL);
    ck_assert_msg(json != NULL, "%s", file);
    return json;
}

static const json_t *part_of(const json_t *json, const char *pointer)
{
    char parts[100];
    snprintf(parts, sizeof(parts), "%s", pointer);
    for (char *part = strtok(parts, " "); part != NULL; part = strtok(NULL, " "))
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
                                   : json_object_get(json, part);
    ck_assert_msg(json_is_object(json), "%s", pointer);
    return json;
}

START_TEST(the_schema_and_the_builder_know_the_same_keys)
{
    json_t *schema = load_beside("config", "graph.schema");
    const json_t *keys = part_of(schema, known_keys[_i].pointer);
    struct problems problems;
    struct graph *g = NULL;
    problems_init(&problems);
    ck_assert_int_eq(PARSE_E_WRONG, parse(known_keys[_i].text, &problems, &g));
    char *line = strstr(buf_text(&problems.text), known_keys[_i].where);
    char *list = line == NULL ? NULL : strstr(line, "known are ");
    ck_assert_msg(list != NULL, "%s", buf_text(&problems.text));
    list += strlen("known are ");
    list[strcspn(list, "\n")] = '\0';
    size_t count = 0;
    for (char *key = strtok(list, ", "); key != NULL; key = strtok(NULL, ", "), count++)
        ck_assert_msg(json_object_get(keys, key) != NULL, "the schema lacks %s", key);
    ck_assert_uint_eq(json_object_size(keys), count);
    problems_deinit(&problems);
    json_decref(schema);
}
END_TEST

static const char *const shipped[] = { "panel", "sequential", "chat" };

START_TEST(the_sample_graphs_are_right)
{
    json_t *json = load_beside("config/graphs", shipped[_i]);
    char *text = json_dumps(json, 0);
    struct graph *g = graph_from(text);
    ck_assert_str_eq(shipped[_i], g->name);
    ck_assert(g->description[0] != '\0');
    graph_unref(g);
    mem_free(text);
    json_decref(json);
}
END_TEST

static const char *const rights[] = { panel, ways, defaults };

START_TEST(without_memory_parsing_is_a_fault_and_leaks_nothing)
{
    struct graph *g = NULL;
    unsigned long n = 1;
    for (;; n++) {
        struct problems problems;
        problems_init(&problems);
        mem_fail_at(n);
        int r = parse(rights[_i], &problems, &g);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        problems_deinit(&problems);
        if (is_pending) {
            ck_assert_int_eq(0, r);
            break;
        }
        ck_assert_msg(r < 0, "allocation %lu failed, and the result was %d", n, r);
        ck_assert_ptr_null(g);
    }
    ck_assert_uint_gt(n, 100);
    graph_unref(g);
}
END_TEST

START_TEST(without_memory_a_wrong_file_is_a_fault_or_told)
{
    const char *text =
        "{\"state\":{\"a\":{\"type\":\"strin\"}},\"extra\":1,"
        "\"nodes\":{\"one\":{\"kind\":\"lm\"},\"two\":{\"kind\":\"llm\",\"prompt\":\"{{q}}\","
        "\"ends\":[\"q\"],"
        "\"on_error\":{\"kind\":\"set\",\"defer\":true,\"goto\":\"q\"}}},"
        "\"interrupt_before\":[\"q\"],"
        "\"edges\":[[\"START\",\"one\"],[\"one\",\"tow\"],"
        "{\"from\":\"q\",\"each\":\"a\",\"as\":\"q\",\"send\":\"END\",\"index\":\"a\"}]}";
    for (unsigned long n = 1;; n++) {
        struct problems problems;
        struct graph *g = NULL;
        problems_init(&problems);
        mem_fail_at(n);
        int r = parse(text, &problems, &g);
        int is_pending = mem_fail_pending();
        mem_fail_at(0);
        problems_deinit(&problems);
        if (is_pending) {
            ck_assert_int_eq(PARSE_E_WRONG, r);
            break;
        }
        ck_assert_int_lt(r, 0);
    }
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof(table)[0])

int main(void)
{
    mem_init();
    Suite *suite = suite_create("parse");
    TCase *tc = tcase_create("parse");
    tcase_add_test(tc, a_file_becomes_a_graph);
    tcase_add_test(tc, fields_keep_their_order_and_know_how_they_begin);
    tcase_add_test(tc, nodes_are_sorted_and_carry_their_common_keys);
    tcase_add_test(tc, edges_become_outlets);
    tcase_add_test(tc, a_file_without_a_name_is_called_after_itself);
    tcase_add_loop_test(tc, a_mistake_is_told_with_place_and_remedy, 0, ROWS(mistakes));
    tcase_add_test(tc, fields_live_as_long_as_they_say);
    tcase_add_test(tc, an_each_edge_becomes_a_route);
    tcase_add_test(tc, breakpoints_stand_at_their_nodes);
    tcase_add_test(tc, nodes_know_where_they_stood_in_the_file);
    tcase_add_test(tc, a_cache_has_a_time_and_a_key_or_neither);
    tcase_add_test(tc, an_error_handler_is_a_node_beside_the_others);
    tcase_add_test(tc, what_a_node_does_not_say_the_defaults_say);
    tcase_add_test(tc, a_nodes_own_word_stands_before_the_defaults);
    tcase_add_test(tc, handlers_take_retry_and_time_from_the_defaults_and_nothing_else);
    tcase_add_test(tc, a_mistake_in_the_defaults_is_told_once);
    tcase_add_loop_test(tc, a_graph_knows_whether_it_looks_at_its_run, 0, ROWS(facts));
    tcase_add_test(tc, the_ends_of_commands_are_known);
    tcase_add_test(tc, every_mistake_is_told_and_no_mistake_twice);
    tcase_add_test(tc, lists_that_do_not_fit_together_are_counted_and_no_fault);
    tcase_add_test(tc, problems_past_the_maximum_are_counted);
    tcase_add_test(tc, nesting_is_bounded);
    tcase_add_loop_test(tc, the_schema_and_the_builder_know_the_same_keys, 0, ROWS(known_keys));
    tcase_add_loop_test(tc, the_sample_graphs_are_right, 0, ROWS(shipped));
    suite_add_tcase(suite, tc);
    TCase *memory = tcase_create("memory");
    tcase_set_timeout(memory, 60);
    tcase_add_loop_test(memory, without_memory_parsing_is_a_fault_and_leaks_nothing, 0,
                        ROWS(rights));
    tcase_add_test(memory, without_memory_a_wrong_file_is_a_fault_or_told);
    suite_add_tcase(suite, memory);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
