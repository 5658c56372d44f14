/* graph/subgraph_build.h and graph/subgraph.h: graphs as nodes, what they say and what goes in and
 * out. Texts are written with ' for ". */
#include "base/mem.h"
#include "graph/parse.h"
#include "graph/subgraph.h"
#include "node/models.h"
#include "node/node.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct builder_limits limits = {
    .max_nodes = 5, .max_fields = 6, .max_depth = 100, .max_recursion_limit = 100
};

/* A graph with one node "n" of the given kind's text. */
#define GRAPH(state, more, node)                                                                   \
    "{'state':" state "," more "'nodes':{'n':" node "},'edges':[['__start__','n']]}"
#define SET(field)    "{'kind':'set','values':{'" field "':'x'}}"
#define T(name, type) "'" name "':{'type':'" type "'}"

#define CHILD_STATE                                                                                \
    "{" T("topic", "string") "," T("draft", "object") "," T("log", "array") ",'own':{'type':"      \
                                                                            "'string','private':"  \
                                                                            "true}}"
#define CHILD_LISTS "'name':'child','input':['topic','log'],'output':['draft','log'],"
#define CHILD       GRAPH(CHILD_STATE, CHILD_LISTS, SET("topic"))
#define PARENT_STATE                                                                               \
    "{" T("topic", "string") "," T("log", "array") "," T("notes", "any") "," T("q", "object") "}"
#define PARENT(node) GRAPH(PARENT_STATE, "", node)
#define NODE(more)   "{'kind':'graph','graph':'child'" more "}"

/* ---- rig ---- */

static char *quoted(const char *text)
{
    char *copy = mem_strdup(text);
    for (char *c = copy; c != NULL && *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

/* Knows "child", and refuses "broken". */
struct known {
    struct graph *child;
};

static int find(void *arg, const char *name, struct graph **ret, struct buf *why)
{
    struct known *known = arg;
    if (strcmp(name, "broken") == 0) {
        buf_add_str(why, "it is broken");
        return SOURCE_E_REFUSED;
    }
    if (known->child == NULL || strcmp(name, "child") != 0)
        return SOURCE_E_UNKNOWN;
    *ret = known->child;
    return 0;
}

static int parse(const char *text, struct known *known, struct problems *problems,
                 struct graph **ret)
{
    static const char *const names[] = { "child", "broken" };
    struct kind_table kinds = node_kinds();
    const struct graph_source source = { find, known, names, 2 };
    const struct parse_tools tools = { &kinds, &limits, known == NULL ? NULL : &source, NULL };
    return graph_parse_with(&tools, "dir/g.json", text, strlen(text), problems, ret);
}

static struct graph *must_parse(const char *text, struct known *known)
{
    struct problems problems;
    struct graph *graph = NULL;
    char *json = quoted(text);
    problems_init(&problems);
    int r = parse(json, known, &problems, &graph);
    ck_assert_msg(r == 0, "%d: %s", r, buf_text(&problems.text));
    problems_deinit(&problems);
    mem_free(json);
    return graph;
}

/* There must be `count` problems, with `part` among them. */
static void check_wrong(const char *text, struct known *known, int count, const char *part)
{
    struct problems problems;
    struct graph *graph = NULL;
    char *json = quoted(text);
    char *expected = quoted(part);
    problems_init(&problems);
    ck_assert_int_eq(parse(json, known, &problems, &graph), PARSE_E_WRONG);
    ck_assert_ptr_null(graph);
    ck_assert_msg(problems.count == count, "%s", buf_text(&problems.text));
    ck_assert_msg(strstr(buf_text(&problems.text), expected) != NULL, "%s",
                  buf_text(&problems.text));
    problems_deinit(&problems);
    mem_free(json);
    mem_free(expected);
}

static void know(struct known *known)
{
    known->child = must_parse(CHILD, NULL);
}

/* ---- what is wrong ---- */

static const struct {
    const char *node;
    const char *problem;
} wrong[] = {
    { "{'kind':'graph'}", "/nodes/n: 'graph' is missing" },
    { "{'kind':'graph','graph':7}", "/nodes/n/graph: expected the name of a graph or an object" },
    { "{'kind':'graph','graph':'chlid'}",
      "/nodes/n/graph: unknown graph 'chlid'; did you mean 'child'?" },
    { "{'kind':'graph','graph':'something'}",
      "unknown graph 'something'; known are child, broken" },
    { "{'kind':'graph','graph':'broken'}", "/nodes/n/graph: it is broken" },
    { NODE(",'persistence':'forever'"), "/nodes/n/persistence: unknown persistence 'forever'" },
    { NODE(",'in':['topic']"), "/nodes/n/in: expected object" },
    { NODE(",'in':{'tpic':'topic'}"),
      "/nodes/n/in/tpic: unknown field 'tpic'; did you mean 'topic'?" },
    { NODE(",'in':{'topic':'q.text.'}"), "/nodes/n/in/topic: expected a path" },
    { NODE(",'in':{'topic':3}"), "/nodes/n/in/topic: expected a path" },
    { NODE(",'in':{'topic':'draft.text'}"), "/nodes/n/in/topic: unknown field 'draft'" },
    { NODE(",'in':{'draft':'q'}"),
      "/nodes/n/in/draft: field 'draft' of graph 'child' is not in its input" },
    { NODE(",'in':{'own':'topic'}"), "'own' of graph 'child' is not in its input" },
    { NODE(",'out':{'ntes':'draft'}"), "/nodes/n/out/ntes: unknown field 'ntes'" },
    { NODE(",'out':{'notes':'darft.x'}"),
      "/nodes/n/out/notes: unknown field 'darft'; did you mean 'draft'?" },
    { NODE(",'out':{'notes':'topic'}"), "'topic' of graph 'child' is not in its output" },
    { NODE(",'out':{'notes':'$context.x'}"), "/nodes/n/out/notes: unknown field '$context'" },
    { NODE(",'out':{'notes':'$run.step'}"), "/nodes/n/out/notes: unknown field '$run'" },
    { NODE(",'into':{}"), "/nodes/n/into: unknown key 'into'; known are" },
};

START_TEST(a_mistake_is_told_at_its_place)
{
    struct known known;
    char text[2000];
    snprintf(text, sizeof(text), PARENT("%s"), wrong[_i].node);
    know(&known);
    check_wrong(text, &known, 1, wrong[_i].problem);
    graph_unref(known.child);
}
END_TEST

START_TEST(without_other_graphs_every_name_is_unknown)
{
    check_wrong(PARENT(NODE("")), NULL, 1, "unknown graph 'child'; there is none");
}
END_TEST

START_TEST(all_mistakes_of_a_node_are_told_at_once)
{
    struct known known;
    know(&known);
    check_wrong(PARENT(NODE(",'persistence':1,'in':{'a':'topic','topic':'b'},'out':{'c':'log'}")),
                &known, 4, "/nodes/n/persistence: expected string, found integer");
    graph_unref(known.child);
}
END_TEST

static const struct {
    const char *state; /* of the parent */
    const char *more;
    const char *problem; /* NULL = right */
} shared[] = {
    { "{" T("topic", "any") "}", "",
      "/nodes/n/graph: field 'topic' is of type any here and of type string in graph 'child'" },
    { "{" T("log", "messages") "}", "", "field 'log' is of type messages here and of type array" },
    { "{" T("draft", "string") "}", "", "field 'draft' is of type string here" },
    { "{" T("topic", "integer") "}", ",'in':{}", NULL }, /* it is no output */
    { "{" T("draft", "integer") "}", ",'out':{}", NULL },
    { "{" T("log", "any") "}", ",'in':{}", "field 'log' is of type any here" },
    { "{" T("log", "any") "}", ",'in':{},'out':{}", NULL },
    { "{" T("own", "integer") "}", "", NULL },
    { "{" T("other", "string") "}", "", NULL }, /* nothing at all is shared */
};

START_TEST(fields_that_are_shared_by_name_have_one_type)
{
    struct known known;
    char text[2000];
    snprintf(text, sizeof(text), GRAPH("%s", "", NODE("%s")), shared[_i].state, shared[_i].more);
    know(&known);
    if (shared[_i].problem != NULL)
        check_wrong(text, &known, 1, shared[_i].problem);
    else
        graph_unref(must_parse(text, &known));
    graph_unref(known.child);
}
END_TEST

/* ---- inline ---- */

#define INLINE(graph) "{'kind':'graph','graph':" graph "}"

static const struct {
    const char *graph;
    const char *problem;
} inside[] = {
    { "{}", "/nodes/n/graph: 'state' is missing" },
    { GRAPH("{" T("topic", "strin") "}", "", SET("topic")),
      "g.json: /nodes/n/graph/state/topic/type: unknown type 'strin'; did you mean 'string'?" },
    { GRAPH("{" T("a", "string") "}", "", SET("b")),
      "/nodes/n/graph/nodes/n/values/b: unknown field 'b'" },
    { GRAPH("{" T("a", "string") "}", "'nmae':1,", SET("a")), "/nodes/n/graph/nmae: unknown key" },
    { GRAPH("{" T("a", "string") "}", "", INLINE("{}")),
      "/nodes/n/graph/nodes/n/graph: 'state' is missing" },
    { "{'state':{},'nodes':{'m':{'kind':'set','values':{}}},'edges':[['__start__','k']]}",
      "/nodes/n/graph/edges/0: unknown node 'k'" },
    { "{'state':{" T("a", "any") "," T("b", "any") "," T("c", "any") "," T("d", "any") "," T(
          "e", "any") "," T("f",
                            "any") "," T("g",
                                         "any") "},'nodes':{'m':" SET("a") "},'edges':"
                                                                           "[['__start__','m']]"
                                                                           "}",
      "/nodes/n/graph/state: more than 6" },
};

START_TEST(a_mistake_inside_is_told_at_its_place_in_the_file)
{
    struct known known = { NULL };
    struct problems problems;
    struct graph *graph = NULL;
    char text[2000];
    snprintf(text, sizeof(text), PARENT("{'kind':'graph','graph':%s}"), inside[_i].graph);
    char *json = quoted(text);
    char *expected = quoted(inside[_i].problem);
    problems_init(&problems);
    ck_assert_int_eq(parse(json, &known, &problems, &graph), PARSE_E_WRONG);
    ck_assert_msg(strstr(buf_text(&problems.text), expected) != NULL, "%s",
                  buf_text(&problems.text));
    problems_deinit(&problems);
    mem_free(json);
    mem_free(expected);
}
END_TEST

/* Else a file of a few lines could ask for more graphs than there is memory. */
START_TEST(a_default_handler_names_its_graph)
{
    struct known known;
    know(&known);
    struct graph *g = must_parse(
        GRAPH(PARENT_STATE, "'node_defaults':{'on_error':" NODE("") "},", SET("topic")), &known);
    ck_assert_ptr_eq(known.child, g->nodes[0].on_error->subgraph->graph);
    graph_unref(g);
    check_wrong(GRAPH(PARENT_STATE, "'node_defaults':{'on_error':" INLINE("{}") "},", SET("topic")),
                &known, 1,
                "/node_defaults/on_error/graph: a graph cannot be written out for all nodes; give "
                "it a file of its own, and its name here");
    graph_unref(known.child);
}
END_TEST

START_TEST(a_graph_inside_may_name_other_graphs)
{
    struct known known;
    know(&known);
    struct graph *g = must_parse(PARENT(INLINE(PARENT(NODE("")))), &known);
    ck_assert_int_eq(g->depth, 3);
    ck_assert_ptr_eq(g->nodes[0].subgraph->graph->nodes[0].subgraph->graph, known.child);
    ck_assert_int_eq(known.child->depth, 1);
    graph_unref(known.child);
    graph_unref(g);
}
END_TEST

START_TEST(a_graph_inside_is_called_like_its_node_or_as_it_says)
{
    static const char inner[] = "{'state':{},'nodes':{'m':{'kind':'set','values':{}}},"
                                "'edges':[['__start__','m']]%s}";
    static const struct {
        const char *more, *name;
    } rows[] = { { "", "look_up_this" }, { ",'name':'given'", "given" } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char graph[500];
        char text[1000];
        snprintf(graph, sizeof(graph), inner, rows[i].more);
        snprintf(text, sizeof(text),
                 "{'state':{},'nodes':{'look up/this':{'kind':'graph','graph':%s}},"
                 "'edges':[['__start__','look up/this']]}",
                 graph);
        struct graph *g = must_parse(text, NULL);
        ck_assert_str_eq(g->nodes[0].subgraph->graph->name, rows[i].name);
        graph_unref(g);
    }
}
END_TEST

/* `levels` graphs inside each other, the innermost with the node given. */
static char *nest(int levels, const char *node)
{
    char *text = mem_printf(GRAPH("{}", "", "%s"), node);
    for (int i = 1; i < levels; i++) {
        char *outer = mem_printf(GRAPH("{}", "", "{'kind':'graph','graph':%s}"), text);
        mem_free(text);
        text = outer;
    }
    return text;
}

START_TEST(eight_graphs_may_be_inside_each_other_and_no_more)
{
    struct known known;
    know(&known);
    static const struct {
        int levels;
        const char *node;
        bool is_right;
    } rows[] = {
        { 8, "{'kind':'set','values':{}}", true },
        { 9, "{'kind':'set','values':{}}", false },
        { 30, "{'kind':'set','values':{}}", false },
        { 7, NODE(""), true },
        { 8, NODE(""), false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *text = nest(rows[i].levels, rows[i].node);
        if (!rows[i].is_right) {
            check_wrong(text, &known, 1, "/graph: more than 8 graphs are inside each other");
        } else {
            struct graph *g = must_parse(text, &known);
            ck_assert_int_eq(g->depth, 8);
            graph_unref(g);
        }
        mem_free(text);
    }
    graph_unref(known.child);
}
END_TEST

START_TEST(mistakes_inside_are_counted_once)
{
    struct buf text;
    struct problems problems;
    struct graph *graph = NULL;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, "{'state':{},'edges':[['__start__','n']],'nodes':{'n':{'kind':'graph',"
                       "'graph':{'state':{},'edges':[['__start__','m']],"
                       "'nodes':{'m':{'kind':'set','values':{");
    for (int i = 0; i < 150; i++)
        buf_addf(&text, "%s'f%d':1", i == 0 ? "" : ",", i);
    buf_add_str(&text, "}}}}}}}");
    char *json = quoted(buf_text(&text));
    problems_init(&problems);
    ck_assert_int_eq(parse(json, NULL, &problems, &graph), PARSE_E_WRONG);
    ck_assert_int_eq(problems.count, 150);
    const char *more = strstr(buf_text(&problems.text), "and 50 more\n");
    ck_assert_ptr_nonnull(more);
    ck_assert_str_eq(more, "and 50 more\n");
    problems_deinit(&problems);
    mem_free(json);
    buf_deinit(&text);
}
END_TEST

START_TEST(an_error_handler_may_be_a_graph)
{
    struct known known;
    know(&known);
    struct graph *g =
        must_parse(PARENT("{'kind':'fail','on_error':{'kind':'graph','graph':'child','in':{'topic':"
                          "'error.message'}}}"),
                   &known);
    ck_assert_ptr_null(g->nodes[0].subgraph);
    ck_assert_ptr_eq(g->nodes[0].on_error->subgraph->graph, known.child);
    ck_assert_int_eq(g->depth, 2);
    graph_unref(g);
    graph_unref(known.child);
}
END_TEST

static void count_model(void *arg, const char *node, const char *model)
{
    struct buf *out = arg;
    buf_addf(out, "%s=%s;", node, model);
}

START_TEST(models_of_graphs_inside_are_seen_once)
{
    struct known known = { must_parse(
        "{'name':'child','state':{" T(
            "a", "string") "},'nodes':{'c':"
                           "{'kind':'llm','model':'m:1','prompt':'x','output':'a'}},"
                           "'edges':[['__start__','c']]}",
        NULL) };
    struct graph *g =
        must_parse("{'state':{},'nodes':{'l':" NODE(
                       ",'on_error':{'kind':'graph',"
                       "'graph':'child'}") ",'m':" NODE("") "},'edges':[['__start__',['l','m']]]}",
                   &known);
    struct conf conf;
    struct buf seen;
    ck_assert_int_eq(conf_default(&conf), 0);
    buf_init(&seen, 1000);
    graph_each_model(g, &conf, count_model, &seen);
    ck_assert_str_eq(buf_text(&seen), "c=m:1;");
    buf_deinit(&seen);
    conf_deinit(&conf);
    graph_unref(g);
    graph_unref(known.child);
}
END_TEST

/* ---- persistence ---- */

START_TEST(a_graph_keeps_its_state_for_an_invocation_unless_it_says_otherwise)
{
    static const struct {
        const char *more;
        enum persistence persistence;
    } rows[] = {
        { "", PERSIST_INVOCATION },
        { ",'persistence':'invocation'", PERSIST_INVOCATION },
        { ",'persistence':'thread'", PERSIST_THREAD },
        { ",'persistence':'none'", PERSIST_NONE },
    };
    struct known known;
    know(&known);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[1000];
        snprintf(text, sizeof(text), PARENT(NODE("%s")), rows[i].more);
        struct graph *g = must_parse(text, &known);
        ck_assert_int_eq(g->nodes[0].subgraph->persistence, rows[i].persistence);
        graph_unref(g);
    }
    graph_unref(known.child);
}
END_TEST

/* ---- in and out ---- */

static struct state *state_of(struct graph *g, const char *text)
{
    struct update values;
    struct state *initial = NULL;
    struct state *state = NULL;
    struct fail f = { .code = FAIL_NONE };
    const struct state_limits most = { .max_bytes = 1 << 20, .max_depth = 50 };
    char *quotes = quoted(text);
    json_t *json = json_loads(quotes, 0, NULL);
    ck_assert_ptr_nonnull(json);
    update_init(&values);
    ck_assert_int_eq(state_new(g, &initial), 0);
    ck_assert_int_eq(update_add_object(&values, g, json), 0);
    const struct task_writes writes = { "__start__", &values };
    int r = state_apply(initial, &writes, 1, &most, &state, NULL, &f);
    ck_assert_msg(r == 0, "%s", fail_message(&f));
    state_unref(initial);
    update_clear(&values);
    json_decref(json);
    mem_free(quotes);
    return state;
}

static const struct {
    const char *more;
    const char *state;
    const char *send; /* or NULL */
    const char *input;
} ins[] = {
    { "", "{'topic':'t','notes':1,'log':[1]}", NULL, "{'topic':'t','log':[1]}" },
    { "", "{}", NULL, "{}" },
    { "", "{'topic':'t'}", "{'log':[2],'draft':{},'x':3}", "{'log':[2]}" },
    { "", "{'topic':'t'}", "'text'", "{}" },
    { ",'in':{'topic':'q.text'}", "{'topic':'t','q':{'text':'u'},'log':[1]}", NULL,
      "{'topic':'u'}" },
    { ",'in':{'topic':'q.text','log':'log'}", "{'log':[1]}", NULL, "{'log':[1]}" },
    { ",'in':{'topic':'$config.who','log':'$context.items'}", "{}", NULL,
      "{'topic':'me','log':[7]}" },
    { ",'in':{'topic':'q.text'}", "{'q':{'text':'u'}}", "{'q':{'text':'sent'}}",
      "{'topic':'sent'}" },
    { ",'in':{}", "{'topic':'t'}", NULL, "{}" },
};

static void check_json(const json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    char *quotes = quoted(expected);
    ck_assert_str_eq(text, quotes);
    mem_free(text);
    mem_free(quotes);
}

struct pair {
    struct known known;
    struct graph *parent;
    const struct subgraph *sub;
    struct state *state;
    json_t *context, *configurable, *send;
    struct scope scope;
};

static void pair_init(struct pair *p, const char *more, const char *state, const char *send)
{
    char text[2000];
    char *quotes = quoted(send == NULL ? "null" : send);
    snprintf(text, sizeof(text), PARENT(NODE("%s")), more);
    know(&p->known);
    p->parent = must_parse(text, &p->known);
    p->sub = p->parent->nodes[0].subgraph;
    p->state = state_of(p->parent, state);
    p->context = json_pack("{s:[i]}", "items", 7);
    p->configurable = json_pack("{s:s}", "who", "me");
    p->send = send == NULL ? NULL : json_loads(quotes, JSON_DECODE_ANY, NULL);
    p->scope = (struct scope){ .graph = p->parent,
                               .state = p->state,
                               .context = p->context,
                               .configurable = p->configurable,
                               .input = p->send };
    mem_free(quotes);
}

static void pair_deinit(struct pair *p)
{
    json_decref(p->context);
    json_decref(p->configurable);
    json_decref(p->send);
    state_unref(p->state);
    graph_unref(p->parent);
    graph_unref(p->known.child);
}

START_TEST(the_child_gets_the_fields_it_shares_or_what_in_says)
{
    struct pair p;
    json_t *input = NULL;
    pair_init(&p, ins[_i].more, ins[_i].state, ins[_i].send);
    ck_assert_int_eq(subgraph_input(p.sub, p.parent, &p.scope, &input), 0);
    check_json(input, ins[_i].input);
    json_decref(input);
    pair_deinit(&p);
}
END_TEST

START_TEST(names_that_only_the_node_sees_are_not_shared)
{
    struct pair p;
    json_t *input = NULL;
    pair_init(&p, "", "{'topic':'t'}", NULL);
    json_t *extra = json_pack("{s:i,s:[i]}", "topic", 1, "log", 1);
    p.scope.extra = extra;
    ck_assert_int_eq(subgraph_input(p.sub, p.parent, &p.scope, &input), 0);
    check_json(input, "{'topic':'t'}");
    json_decref(input);
    json_decref(extra);
    pair_deinit(&p);
}
END_TEST

static const struct {
    const char *more;
    const char *final; /* the child's state */
    const char *update;
} outs[] = {
    { "", "{'topic':'t','draft':{'a':1},'log':[1]}", "{'log':[1]}" },
    { "", "{'topic':'t'}", "{}" },
    { ",'out':{'notes':'draft.a','q':'draft'}", "{'draft':{'a':[1]},'log':[1]}",
      "{'notes':[1],'q':{'a':[1]}}" },
    { ",'out':{'notes':'log.0','q':'draft.b'}", "{'log':['x']}", "{'notes':'x'}" },
    { ",'out':{}", "{'log':[1]}", "{}" },
};

START_TEST(the_parent_gets_the_fields_it_shares_or_what_out_says)
{
    struct pair p;
    struct update update;
    struct buf text;
    pair_init(&p, outs[_i].more, "{}", NULL);
    /* Any state of the child will do, not only one that an input could make. */
    for (size_t i = 0; i < p.known.child->field_count; i++)
        p.known.child->fields[i].is_input = true;
    struct state *final = state_of(p.known.child, outs[_i].final);
    update_init(&update);
    buf_init(&text, 10000);
    ck_assert_int_eq(subgraph_output(p.sub, p.parent, final, &update), 0);
    update_encode(&update, p.parent, VIEW_SHOWN, &text);
    char *expected = quoted(outs[_i].update);
    ck_assert_str_eq(buf_text(&text), expected);
    mem_free(expected);
    buf_deinit(&text);
    update_clear(&update);
    state_unref(final);
    pair_deinit(&p);
}
END_TEST

START_TEST(values_are_shared_and_not_copied)
{
    struct pair p;
    struct update update;
    json_t *input = NULL;
    pair_init(&p, ",'out':{'notes':'log','q':'draft.part'}", "{'log':[1]}", NULL);
    ck_assert_int_eq(subgraph_input(p.sub, p.parent, &p.scope, &input), 0);
    ck_assert_ptr_eq(json_object_get(input, "log"),
                     value_json(state_get(p.state, graph_find_field(p.parent, "log"))));
    struct state *final = state_of(p.known.child, "{'log':[1],'draft':{'part':{}}}");
    update_init(&update);
    ck_assert_int_eq(subgraph_output(p.sub, p.parent, final, &update), 0);
    ck_assert_uint_eq(update.count, 2);
    ck_assert_ptr_eq(update.writes[0].value,
                     state_get(final, graph_find_field(p.known.child, "log")));
    json_t *draft = value_json(state_get(final, graph_find_field(p.known.child, "draft")));
    ck_assert_ptr_eq(value_json(update.writes[1].value), json_object_get(draft, "part"));
    update_clear(&update);
    state_unref(final);
    json_decref(input);
    pair_deinit(&p);
}
END_TEST

/* ---- no memory ---- */

START_TEST(no_memory_while_it_is_read_is_a_fault)
{
    struct known known;
    know(&known);
    static const char *const texts[] = {
        PARENT(NODE(",'persistence':'none','in':{'topic':'q.text'},'out':{'notes':'draft.a'}")),
        PARENT(INLINE(PARENT(NODE("")))),
        PARENT(NODE(",'in':{'topi':'q.'},'out':{'notes':'topic'}")),
        PARENT("{'kind':'graph','graph':'nobody'}"),
        PARENT("{'kind':'graph','graph':'broken'}"),
        PARENT(INLINE("{'state':{},'nodes':{},'edges':7}")),
    };
    char *json = quoted(texts[_i]);
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        struct problems problems;
        struct graph *graph = NULL;
        problems_init(&problems);
        mem_fail_at(n);
        int r = parse(json, &known, &problems, &graph);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        bool is_told = r < 0 || problems.fault != 0;
        ck_assert_msg(is_pending ? r == (_i < 2 ? 0 : PARSE_E_WRONG) : is_told,
                      "allocation %lu: %d %s", n, r, buf_text(&problems.text));
        problems_deinit(&problems);
        graph_unref(graph);
        ck_assert(n < 10000);
    }
    mem_free(json);
    graph_unref(known.child);
}
END_TEST

START_TEST(no_memory_for_what_goes_in_and_out_is_a_fault)
{
    static const char *const mores[] = {
        "", ",'in':{'topic':'q.text','log':'log'},'out':{'notes':'draft.part','log':'log'}"
    };
    struct pair p;
    pair_init(&p, mores[_i], "{'topic':'t','q':{'text':'u'},'log':[1]}", NULL);
    struct state *final = state_of(p.known.child, "{'log':[1],'draft':{'part':{}}}");
    int pending_count = 0;
    for (unsigned long n = 1; pending_count < 2; n++) {
        struct update update;
        json_t *input = NULL;
        update_init(&update);
        mem_fail_at(n);
        int r = subgraph_input(p.sub, p.parent, &p.scope, &input);
        pending_count = mem_fail_pending();
        ck_assert((r == 0) == (input != NULL) && (r == 0) == mem_fail_pending());
        mem_fail_at(n);
        r = subgraph_output(p.sub, p.parent, final, &update);
        pending_count += mem_fail_pending();
        ck_assert_int_eq(r == 0, mem_fail_pending());
        mem_fail_at(0);
        json_decref(input);
        update_clear(&update);
        ck_assert(n < 1000);
    }
    state_unref(final);
    pair_deinit(&p);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("subgraph_build");
    TCase *tc = tcase_create("subgraph");
    tcase_add_loop_test(tc, a_mistake_is_told_at_its_place, 0, COUNT(wrong));
    tcase_add_test(tc, without_other_graphs_every_name_is_unknown);
    tcase_add_test(tc, all_mistakes_of_a_node_are_told_at_once);
    tcase_add_loop_test(tc, fields_that_are_shared_by_name_have_one_type, 0, COUNT(shared));
    tcase_add_loop_test(tc, a_mistake_inside_is_told_at_its_place_in_the_file, 0, COUNT(inside));
    tcase_add_test(tc, a_default_handler_names_its_graph);
    tcase_add_test(tc, a_graph_inside_may_name_other_graphs);
    tcase_add_test(tc, a_graph_inside_is_called_like_its_node_or_as_it_says);
    tcase_add_test(tc, eight_graphs_may_be_inside_each_other_and_no_more);
    tcase_add_test(tc, mistakes_inside_are_counted_once);
    tcase_add_test(tc, an_error_handler_may_be_a_graph);
    tcase_add_test(tc, models_of_graphs_inside_are_seen_once);
    tcase_add_test(tc, a_graph_keeps_its_state_for_an_invocation_unless_it_says_otherwise);
    tcase_add_loop_test(tc, the_child_gets_the_fields_it_shares_or_what_in_says, 0, COUNT(ins));
    tcase_add_test(tc, names_that_only_the_node_sees_are_not_shared);
    tcase_add_loop_test(tc, the_parent_gets_the_fields_it_shares_or_what_out_says, 0, COUNT(outs));
    tcase_add_test(tc, values_are_shared_and_not_copied);
    tcase_add_loop_test(tc, no_memory_while_it_is_read_is_a_fault, 0, 6);
    tcase_add_loop_test(tc, no_memory_for_what_goes_in_and_out_is_a_fault, 0, 2);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
