/* Mistakes in graph files that would only show when a graph runs, or never: each is told with its
 * place and what would be right. ' stands for ". */
#include "run_kit.h"

static struct rig rig;

static void set_up(void)
{
    rig_settings(&rig);
}

static void tear_down(void)
{
    rig_deinit(&rig);
}

/* What is told of a file; valid until the next call. */
static const char *told(const char *text)
{
    static char all[8192];
    struct builder_limits limits = worker_builder_limits(&rig.conf);
    struct problems problems;
    struct graph *graph = NULL;
    char *json = rig_json(text);

    problems_init(&problems);
    (void)graph_parse(&rig.worker.services.kinds, &limits, "g.json", json, strlen(json), &problems,
                      &graph);
    snprintf(all, sizeof(all), "%s", buf_text(&problems.text));
    problems_deinit(&problems);
    graph_unref(graph);
    free(json);
    for (char *c = all; *c != '\0'; c++)
        if (*c == '"')
            *c = '\'';
    return all;
}

#define STATE                                                                                      \
    "'state':{'n':{'type':'integer','reducer':'add'},'o':{'type':'object','reducer':'merge'},"     \
    "'x':{'type':'number','reducer':'max'},'l':{'type':'array','reducer':'append'},'m':{'type':"   \
    "'messages'},'s':{'type':'string'}}"
#define TOP(rest)                                                                                  \
    "{" STATE ",'nodes':{'a':{'kind':'set','values':{}}},'edges':[['START','a']]" rest "}"
#define NODE(node)        "{" STATE ",'nodes':{'a':" node "},'edges':[['START','a']]}"
#define SET(values, rest) NODE("{'kind':'set','values':{" values "}" rest "}")
#define ASK(rest)         "{'kind':'interrupt','value':'?','output':'s'" rest "}"
#define INNER(rest)       "{'kind':'graph','graph':" NODE(ASK("")) rest "}"

static const struct {
    const char *text;
    const char *told; /* the whole, or "" */
} files[] = {
    /* constants for reducers */
    { SET("'n':'x'", ""), "g.json: /nodes/a/values/n: expected integer, found string\n" },
    { SET("'o':[]", ""), "g.json: /nodes/a/values/o: expected object, found array\n" },
    { SET("'x':'1'", ""), "g.json: /nodes/a/values/x: expected number, found string\n" },
    { SET("'m':5", ""), "g.json: /nodes/a/values/m: expected messages, found integer\n" },
    { SET("'n':1,'o':{},'x':0.5,'l':'one','m':'hello'", ""), "" },
    { SET("'n':'{{s}}','o':'{{s}}','m':{'role':'ai','content':'x'}", ""), "" },
    { SET("'n':{'__overwrite__':1},'x':{'type':'__overwrite__','value':1}", ""), "" },
    /* what there is nothing of */
    { SET("'s':'{{$run.zz}}'", ""),
      "g.json: /nodes/a/values/s: unknown part of $run 'zz'; known are step, remaining_steps, "
      "is_last_step\n" },
    { SET("'s':'{{#l}}{{$run.stp}}{{/l}}'", ""),
      "g.json: /nodes/a/values/s: unknown part of $run 'stp'; did you mean 'step'?\n" },
    { SET("'s':'{{$run}}{{$run.step}}{{$config.zz}}{{$context.zz}}'", ""), "" },
    { SET("", ",'on_error':{'kind':'set','values':{'s':'{{error.foo}}'}}"),
      "g.json: /nodes/a/on_error/values/s: unknown part of the error 'foo'; known are type, "
      "message, "
      "node\n" },
    { SET("", ",'on_error':{'kind':'set','values':{'s':'{{error.type}}{{error.node}}{{error}}'}}"),
      "" },
    /* retry */
    { SET("", ",'retry':{'on':[]}"), "g.json: /nodes/a/retry/on: a policy for no class of errors; "
                                     "leave it out for errors that pass by "
                                     "themselves\n" },
    { SET("", ",'retry':[{'on':['not a class']}]"),
      "g.json: /nodes/a/retry/0/on: 'not a class' cannot be a class of errors; write one such as "
      "'RateLimitError'\n" },
    { SET("", ",'retry':{'on':['My_Error2','a.b.Error']}"), "" },
    /* no nodes */
    { "{'state':{},'nodes':{},'edges':[['START','END']]}",
      "g.json: /nodes: there are no nodes; add one\n" },
    /* the assistant */
    { TOP(",'assistant':{'config':{'recursion_limit':-5}}"),
      "g.json: /assistant/config/recursion_limit: -5 is not between 1 and 100000\n" },
    { TOP(",'assistant':{'config':{'max_concurrency':0}}"),
      "g.json: /assistant/config/max_concurrency: 0 is not between 1 and 9223372036854775807\n" },
    { TOP(",'assistant':{'config':{'recursion_limits':5}}"),
      "g.json: /assistant/config/recursion_limits: unknown key 'recursion_limits'; did you mean "
      "'recursion_limit'?\n" },
    { TOP(",'assistant':{'config':{'configurable':5}}"),
      "g.json: /assistant/config/configurable: expected object, found integer\n" },
    { TOP(",'assistant':{'config':{'tags':'x'}}"),
      "g.json: /assistant/config/tags: expected array of strings, found string\n" },
    { TOP(",'assistant':{'config':{'recursion_limit':5,'max_concurrency':2,'configurable':{'a':1},"
          "'tags':['t']}}"),
      "" },
    /* answers in a cache */
    { NODE(ASK(",'cache':{}")), "g.json: /nodes/a/cache: it would give one person's answer to the "
                                "next: the node asks; remove it, "
                                "or cache the nodes around the question\n" },
    { NODE(INNER(",'cache':{}")), "g.json: /nodes/a/cache: it would give one person's answer to "
                                  "the next: the node asks inside its "
                                  "graph; remove it, or cache the nodes around the question\n" },
    { SET("", ",'cache':{},'ends':[]"), "" },
};

START_TEST(a_mistake_is_told_and_what_is_right_is_not)
{
    const char *got = told(files[_i].text);

    ck_assert_str_eq(got, files[_i].told);
}
END_TEST

/* A default is for all nodes: those that ask go without. */
START_TEST(a_default_cache_does_not_count_for_nodes_that_ask)
{
    struct graph *graph = rig_graph(
        &rig, "{" STATE ",'node_defaults':{'cache':{}},'nodes':{'a':" ASK("") ",'b':" INNER(
                  "") ",'c':{'kind':'set','values':{}}},'edges':[['START',['a','b','c']]]}");

    ck_assert(!graph->nodes[0].cache.is_on);
    ck_assert(!graph->nodes[1].cache.is_on);
    ck_assert(graph->nodes[2].cache.is_on);
    graph_unref(graph);
}
END_TEST

START_TEST(what_the_assistant_says_of_its_runs_counts)
{
    struct graph *graph =
        rig_graph(&rig, TOP(",'assistant':{'config':{'max_concurrency':2,'tags':['t']}}"));
    struct run *run = rig_start_with(&rig, graph, "{}", (struct run_request){ .modes = 0 });

    ck_assert_int_eq(run->max_concurrency, 2);
    ck_assert_str_eq(json_string_value(json_array_get(run->tags, 0)), "t");
    rig_finish(&rig, run);
    run_unref(run);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("mistakes");
    TCase *t = tcase_create("mistakes");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_mistake_is_told_and_what_is_right_is_not, 0,
                        sizeof(files) / sizeof(files[0]));
    tcase_add_test(t, a_default_cache_does_not_count_for_nodes_that_ask);
    tcase_add_test(t, what_the_assistant_says_of_its_runs_counts);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
