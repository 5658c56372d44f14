/* What C kinds and conditions see besides the state: $context, $config and $run, as JSON texts. */
#include "program.h"
#include <string.h>

/* Each text once more, to show that it stays the same one. */
static const char *text_of(const char *(*get)(struct anabranch_task *, size_t *),
                           struct anabranch_task *task)
{
    size_t len = 0;
    const char *text = get(task, &len);

    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(strlen(text), len);
    ck_assert_ptr_eq(get(task, NULL), text);
    return text;
}

static void finish_with(struct anabranch_task *task, const char *text)
{
    char result[2048];

    snprintf(result, sizeof(result), "{\"log\":[%s]}", text);
    anabranch_task_finish(task, result, strlen(result));
}

static void tell_context(struct program *p, struct anabranch_task *task)
{
    (void)p;
    finish_with(task, text_of(anabranch_task_context, task));
}

static void tell_config(struct program *p, struct anabranch_task *task)
{
    (void)p;
    finish_with(task, text_of(anabranch_task_config, task));
}

static void tell_facts(struct program *p, struct anabranch_task *task)
{
    (void)p;
    finish_with(task, text_of(anabranch_task_facts, task));
}

static void tell_later(void *arg)
{
    struct program *p = arg;
    tell_facts(p, p->held);
}

static void hold(struct program *p, struct anabranch_task *task)
{
    p->held = task;
    ck_assert_int_eq(anabranch_post(p->engine, tell_later, p), 0);
}

static void break_down(struct program *p, struct anabranch_task *task)
{
    (void)p;
    anabranch_task_fail(task, NULL, NULL);
}

static const struct program_act acts[] = {
    { "context", tell_context }, { "config", tell_config },
    { "facts", tell_facts },     { "hold", hold },
    { "fail", break_down },      { NULL, NULL },
};

#define ONE(act) "'nodes':{'it':{'kind':'act','do':'" act "'}},'edges':[['START','it']]"
#define LOG      "'state':{'log':{'type':'array','reducer':'append'}}"
#define INSIDE(act)                                                                                \
    "'nodes':{'it':{'kind':'graph','graph':{" LOG "," ONE(act) "}}},'edges':[['START','it']]"

static struct program p;

static void set_up(void)
{
    program_init(&p, acts, NULL);
    p.run.context = "{\"lang\":\"de\"}";
    p.run.config = "{\"configurable\":{\"user\":\"u\",\"deep\":[{}]}}";
}

static void tear_down(void)
{
    program_deinit(&p);
}

/* ---- tasks ---- */

static const struct {
    const char *graph, *part;
} sights[] = {
    { ONE("context"), "'log':[{'lang':'de'}]" },
    { ONE("config"), "'log':[{'user':'u','deep':[{}],'run_id':'" },
    { ONE("config"), "'thread_id':'t','graph_id':'g'" },
    { ONE("facts"), "'log':[{'step':1,'remaining_steps':24,'is_last_step':false}]" },
    { ONE("hold"), "'log':[{'step':1,'remaining_steps':24,'is_last_step':false}]" },
    { INSIDE("context"), "'log':[{'lang':'de'}]" },
    { INSIDE("config"), "'log':[{'user':'u','deep':[{}],'run_id':'" },
    { INSIDE("facts"), "'log':[{'step':1,'remaining_steps':24,'is_last_step':false}]" },
    /* an error handler is a task like another */
    { "'nodes':{'it':{'kind':'act','do':'fail','on_error':{'kind':'act','do':'facts'}}},"
      "'edges':[['START','it']]",
      "'log':[{'step':1," },
    { "'node_defaults':{'on_error':{'kind':'act','do':'facts'}},'nodes':{'it':{'kind':'fail'}},"
      "'edges':[['START','it']]",
      "'log':[{'step':1," },
    /* each step has its own */
    { "'nodes':{'a':{'kind':'act','do':'facts'},'b':{'kind':'act','do':'facts'}},"
      "'edges':[['START','a'],['a','b']]",
      "'log':[{'step':1,'remaining_steps':24,'is_last_step':false},"
      "{'step':2,'remaining_steps':23,'is_last_step':false}]" },
};
enum { SIGHT_COUNT = sizeof(sights) / sizeof(sights[0]) };

START_TEST(a_task_sees_what_its_run_was_given_and_where_it_stands)
{
    program_use(&p, sights[_i].graph);
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    program_expect(&p, sights[_i].part);
}
END_TEST

START_TEST(what_was_not_given_is_empty)
{
    p.run.context = NULL;
    p.run.config = "{\"recursion_limit\":2}";
    p.run.thread_id = NULL;
    program_use(&p, ONE("context"));
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    program_expect(&p, "'log':[{}]");
    program_use(&p, ONE("facts"));
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    program_expect(&p, "'log':[{'step':1,'remaining_steps':1,'is_last_step':true}]");
}
END_TEST

/* ---- graphs inside ---- */

#define TOLD "{'kind':'set','values':{'log':'{{$context.lang}} {{$config.user}} {{$run.step}}'}}"
#define CHILD(inner)                                                                               \
    "'nodes':{'it':{'kind':'graph','graph':{" LOG "," inner "}}},'edges':[['START','it']]"

static const struct {
    const char *graph, *part;
} insides[] = {
    { CHILD("'nodes':{'x':" TOLD "},'edges':[['START','x']]"), "'log':['de u 1']" },
    /* two graphs deep */
    { CHILD("'nodes':{'y':{'kind':'graph','graph':{" LOG ",'nodes':{'x':" TOLD
            "},'edges':[['START','x']]}}},'edges':[['START','y']]"),
      "'log':['de u 1']" },
    /* edges */
    { CHILD("'nodes':{'x':" TOLD ",'z':" TOLD "},'edges':[{'from':'START','switch':'$context.lang',"
            "'cases':{'de':'x','en':'z'}},{'from':'x','switch':'$config.user','cases':{'u':'z'},"
            "'default':'__end__'}]"),
      "'log':['de u 1','de u 2']" },
    /* what is handed in */
    { "'nodes':{'it':{'kind':'graph','in':{'log':'$context.lang'},'graph':{" LOG
      ",'nodes':{'x':" TOLD "},'edges':[['START','x']]}}},'edges':[['START','it']]",
      "'log':['de','de u 1']" },
};
enum { INSIDE_COUNT = sizeof(insides) / sizeof(insides[0]) };

START_TEST(a_graph_inside_sees_what_the_run_was_given)
{
    program_use(&p, insides[_i].graph);
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    program_expect(&p, insides[_i].part);
}
END_TEST

/* ---- conditions ---- */

static char seen[2][512];

static void choose(void *arg, const char *state, struct anabranch_targets *targets)
{
    size_t len = 0;
    const char *context = anabranch_targets_context(targets, &len);

    (void)arg;
    (void)state;
    ck_assert_uint_eq(strlen(context), len);
    ck_assert_ptr_eq(anabranch_targets_context(targets, NULL), context);
    snprintf(seen[0], sizeof(seen[0]), "%s", context);
    snprintf(seen[1], sizeof(seen[1]), "%s", anabranch_targets_config(targets, &len));
    ck_assert_uint_eq(strlen(seen[1]), len);
    program_swap(seen[0], '"', '\'');
    program_swap(seen[1], '"', '\'');
}

/* One node, and a condition behind it or in front of it. */
static void use_condition(const char *from)
{
    struct anabranch_builder *b = NULL;
    const struct anabranch_when when = { .size = sizeof(when), .from = from, .choose = choose };

    ck_assert_int_eq(anabranch_builder_new(p.engine, "g", &b), 0);
    anabranch_builder_field(b, "text", "{\"type\":\"string\"}");
    anabranch_builder_node(b, "it", "{\"kind\":\"set\",\"values\":{\"text\":\"x\"}}");
    anabranch_builder_edge(b, "START", "it");
    anabranch_builder_when(b, &when);
    int r = anabranch_builder_build(b, &p.graph);
    ck_assert_msg(r == 0, "%s", anabranch_builder_problems(b));
    anabranch_builder_free(b);
}

static const char *const sources[] = { "it", "START" };

START_TEST(a_condition_sees_what_its_run_was_given)
{
    use_condition(sources[_i]);
    ck_assert_int_eq(program_run(&p, "{}"), 0);
    ck_assert_str_eq(seen[0], "{'lang':'de'}");
    ck_assert_ptr_nonnull(strstr(seen[1], "{'user':'u','deep':[{}],'run_id':'"));
}
END_TEST

/* No run, so nothing was given. */
START_TEST(a_condition_that_an_update_follows_sees_nothing_of_a_run)
{
    use_condition("it");
    ck_assert_int_eq(program_update(&p, "{'text':'y'}", "it"), 0);
    ck_assert_str_eq(seen[0], "{}");
    ck_assert_str_eq(seen[1], "{}");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("embed_sight");
    TCase *t = tcase_create("sight");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, a_task_sees_what_its_run_was_given_and_where_it_stands, 0, SIGHT_COUNT);
    tcase_add_test(t, what_was_not_given_is_empty);
    tcase_add_loop_test(t, a_graph_inside_sees_what_the_run_was_given, 0, INSIDE_COUNT);
    tcase_add_loop_test(t, a_condition_sees_what_its_run_was_given, 0, 2);
    tcase_add_test(t, a_condition_that_an_update_follows_sees_nothing_of_a_run);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
