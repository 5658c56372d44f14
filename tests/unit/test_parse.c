#include "base/id.h"
#include "base/mem.h"
#include "fake_kinds.h"
#include "graph/parse.h"
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
    ck_assert_int_eq(5, law->retry.max_attempts);
    ck_assert_int_eq(500, law->retry.initial_ms);
    ck_assert_str_eq("RateLimitError", law->retry.on[0]);
    ck_assert_int_eq(1000, law->timeout_ms);
    ck_assert_str_eq("t", law->tags[0]);
    ck_assert_int_eq(3, g->nodes[graph_find_node(g, "math")].retry.max_attempts);
    ck_assert_int_eq(1, g->nodes[0].retry.max_attempts);
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
    struct graph *g = graph_from("{\"state\":{},\"nodes\":{},\"edges\":[[\"START\",\"END\"]]}");
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
#define WITH_EDGES(edges)                                                                          \
    "{" STATE "," NODES ",\"edges\":[[\"START\",\"x\"],[\"x\",\"y\"]," edges "]}"
#define WITH_TOP(top) "{" STATE "," NODES "," EDGES "," top "}"

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
    { WITH_TOP("\"context\":{}"),
      "/context: this version does not have \"context\" yet; remove it" },
    { WITH_TOP("\"interrupt_before\":[]"), "/interrupt_before: this version does not have" },
    { WITH_TOP("\"interrupt_after\":[]"), "/interrupt_after: this version does not have" },
    { WITH_TOP("\"script\":\"x.lua\""), "/script: this version does not have" },
    { WITH_TOP("\"name\":\"a b\""), "/name: \"a b\" cannot name a graph; use 1 to 100 letters" },
    { WITH_TOP("\"name\":7"), "/name: expected string, found integer" },
    { WITH_TOP("\"description\":[]"), "/description: expected string, found array" },
    { WITH_TOP("\"recursion_limit\":0"), "/recursion_limit: 0 is not between 1 and 1000" },
    { WITH_TOP("\"recursion_limit\":\"x\""), "/recursion_limit: expected integer, found string" },
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
    { WITH_STATE("\"\":{\"type\":\"any\"}"), "/state/: a field needs a name" },
    { WITH_STATE("\"x.y\":{\"type\":\"any\"}"), "/state/x.y: a dot in a name" },
    { WITH_STATE("\"$x\":{\"type\":\"any\"}"), "/state/$x: names with \"$\"" },
    { WITH_STATE("\"__x\":{\"type\":\"any\"}"), "/state/__x: names with \"__\"" },
    { WITH_STATE("\"q/~\":{\"type\":7}"), "/state/q~1~0/type: expected string, found integer" },
    /* nodes */
    { WITH_NODE("7"), "/nodes/x: expected object, found integer" },
    { WITH_NODE("{}"), "/nodes/x: \"kind\" is missing" },
    { WITH_NODE("{\"kind\":\"lm\"}"), "/nodes/x/kind: unknown kind \"lm\"; did you mean \"llm\"?" },
    { WITH_NODE("{\"kind\":\"lua\"}"),
      "/nodes/x/kind: this version does not have the kind \"lua\" yet" },
    { WITH_NODE("{\"kind\":\"interrupt\"}"),
      "this version does not have the kind \"interrupt\" yet" },
    { WITH_NODE("{\"kind\":\"graph\"}"), "this version does not have the kind \"graph\" yet" },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{},\"defer\":1}"), "/nodes/x/defer: " },
    { WITH_NODE("{\"kind\":\"set\",\"values\":{},\"on_error\":{}}"),
      "/nodes/x/on_error: this version" },
    { WITH_NODE("{\"kind\":\"nothing\",\"cache\":{}}"), "/nodes/x/cache: this version" },
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
      "/nodes/x/prompt: unknown field \"user_inptu\"; known are a, n, $context, $config" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"m\"}"), "/nodes/x/output: unknown field \"m\"" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"temperature\":3}"),
      "/nodes/x/temperature: 3 is not between 0 and 2" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"timeout_ms\":0}"),
      "/nodes/x/timeout_ms: 0 is not between 1" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"tags\":[1]}"),
      "/nodes/x/tags: element 0 is not a string" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"retry\":3}"),
      "/nodes/x/retry: expected object, found integer" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"retry\":{\"max_atempts\":3}}"),
      "/nodes/x/retry/max_atempts: unknown key \"max_atempts\"; did you mean \"max_attempts\"?" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"retry\":{\"factor\":\"2\"}}"),
      "/nodes/x/retry/factor: expected number, found string" },
    { WITH_NODE("{\"kind\":\"llm\",\"output\":\"a\",\"retry\":{\"on\":[\"\"]}}"),
      "/nodes/x/retry/on: element 0 is not a string, or empty" },
    { "{" STATE
      ",\"nodes\":{\"__x\":{\"kind\":\"set\",\"values\":{}}},\"edges\":[[\"START\",\"__x\"]]}",
      "/nodes/__x: names with \"__\" in front" },
    { "{" STATE
      ",\"nodes\":{\"a|b\":{\"kind\":\"set\",\"values\":{}}},\"edges\":[[\"START\",\"a|b\"]]}",
      "/nodes/a|b: \"|\" and \":\" cannot be in a name" },
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
    { WITH_EDGES("{\"from\":\"x\",\"when\":[]}"),
      "/edges/2/when: this version does not have \"when\" yet" },
    { WITH_EDGES("{\"from\":\"x\",\"each\":\"a\",\"as\":\"n\",\"send\":\"y\"}"),
      "/edges/2/each: this version does not have \"each\" yet" },
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
      "/nodes/y: no way leads from __start__ to node \"y\"" },
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
        "dir/g.json: /extra: unknown key \"extra\"; known are $schema, name, description, state, "
        "input, output, nodes, edges, recursion_limit, assistant\n"
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
    buf_add_str(&text, "{\"state\":{},\"nodes\":{},\"edges\":[[\"START\",\"END\"]");
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

static const char *const shipped[] = { "panel", "sequential", "chat" };

START_TEST(the_sample_graphs_are_right)
{
    /* Compilers are given the path of this file from where the tests run, or an absolute one. */
    const char *here = __FILE__;
    int len = (int)(strrchr(here, '/') - here);
    char file[1000];
    snprintf(file, sizeof(file), "%.*s/../../config/graphs/%s.json", len, here, shipped[_i]);
    json_t *json = json_load_file(file, 0, NULL);
    ck_assert_msg(json != NULL, "%s", file);
    char *text = json_dumps(json, 0);
    struct graph *g = graph_from(text);
    ck_assert_str_eq(shipped[_i], g->name);
    ck_assert(g->description[0] != '\0');
    graph_unref(g);
    mem_free(text);
    json_decref(json);
}
END_TEST

START_TEST(without_memory_parsing_is_a_fault_and_leaks_nothing)
{
    struct graph *g = NULL;
    unsigned long n = 1;
    for (;; n++) {
        struct problems problems;
        problems_init(&problems);
        mem_fail_at(n);
        int r = parse(panel, &problems, &g);
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
        "\"nodes\":{\"one\":{\"kind\":\"lm\"},\"two\":{\"kind\":\"llm\",\"prompt\":\"{{q}}\"}},"
        "\"edges\":[[\"START\",\"one\"],[\"one\",\"tow\"]]}";
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
    tcase_add_test(tc, every_mistake_is_told_and_no_mistake_twice);
    tcase_add_test(tc, lists_that_do_not_fit_together_are_counted_and_no_fault);
    tcase_add_test(tc, problems_past_the_maximum_are_counted);
    tcase_add_test(tc, nesting_is_bounded);
    tcase_add_loop_test(tc, the_sample_graphs_are_right, 0, ROWS(shipped));
    suite_add_tcase(suite, tc);
    TCase *memory = tcase_create("memory");
    tcase_set_timeout(memory, 60);
    tcase_add_test(memory, without_memory_parsing_is_a_fault_and_leaks_nothing);
    tcase_add_test(memory, without_memory_a_wrong_file_is_a_fault_or_told);
    suite_add_tcase(suite, memory);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
