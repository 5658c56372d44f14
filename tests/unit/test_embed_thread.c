/* Runs on threads through the public C API: questions, Commands and Sends of C kinds, and threads
 * between their runs. Nothing but anabranch.h, except where memory is tested. */
#include "anabranch.h"
#include "base/mem.h"
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct anabranch_options quiet = {
    .size = sizeof(quiet),
    .settings = "{\"log_level\":\"error\",\"upstream_pools\":1,\"database\":\"memory:\"}"
};

struct probe {
    struct anabranch_engine *engine;
    struct anabranch_graph *graph;
    struct anabranch_task *held;
    int start_count;
    char ids[4][64]; /* of the tasks that began */
    char log[16384]; /* events: "name data\n" */
    int end_count, status;
    char *answer;
};

/* ---- what nodes do, said by their "do" ---- */

static void finish(struct anabranch_task *task, const char *result)
{
    anabranch_task_finish(task, result, strlen(result));
}

static const char *ask(struct anabranch_task *task, const char *question)
{
    size_t len = 99;
    const char *answer = anabranch_task_ask(task, question, strlen(question), &len);

    if (answer != NULL)
        ck_assert_uint_eq(len, strlen(answer));
    return answer;
}

static void do_ask(struct probe *p, struct anabranch_task *task)
{
    char result[256];
    const char *answer = ask(task, "{\"may\":\"I?\"}");

    (void)p;
    if (answer == NULL) {
        ck_assert_ptr_null(ask(task, "1")); /* it has ended: nothing counts any more */
        ck_assert_int_eq(anabranch_task_custom(task, "1", 1), ANABRANCH_E_CANCELLED);
        finish(task, "{\"log\":[\"never\"]}");
        return;
    }
    snprintf(result, sizeof(result), "{\"log\":[%s]}", answer);
    finish(task, result);
}

static void do_ask_twice(struct probe *p, struct anabranch_task *task)
{
    char result[256];
    const char *first = ask(task, "1");
    const char *second = first == NULL ? NULL : ask(task, "2");

    (void)p;
    if (second == NULL)
        return;
    snprintf(result, sizeof(result), "{\"log\":[%s,%s]}", first, second);
    finish(task, result);
}

static void do_ask_nothing(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    if (anabranch_task_ask(task, NULL, 0, NULL) != NULL)
        finish(task, "null");
}

static void do_ask_wrongly(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    ck_assert_ptr_null(ask(task, "{\"may\":"));
}

static void do_echo(struct probe *p, struct anabranch_task *task)
{
    char result[512];
    size_t len = 0, state_len = 0;
    const char *input = anabranch_task_input(task, &len);
    const char *state = anabranch_task_state(task, &state_len);

    (void)p;
    if (input == NULL || state == NULL) {
        anabranch_task_fail(task, NULL, "no memory");
        return;
    }
    ck_assert_uint_eq(len, strlen(input));
    ck_assert_ptr_nonnull(strstr(state, "\"text\":\"in\""));
    ck_assert_ptr_eq(anabranch_task_input(task, NULL), input);
    snprintf(result, sizeof(result), "{\"log\":[%s]}", input);
    finish(task, result);
}

static void do_fan(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    finish(task, "{\"__command__\":{\"goto\":[{\"node\":\"echo\",\"arg\":{\"item\":1}},"
                 "{\"node\":\"echo\",\"arg\":\"two\"},{\"node\":\"echo\",\"arg\":[3]},\"last\"]}}");
}

static void do_jump(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    finish(task, "{\"__command__\":{\"update\":[[\"log\",[\"jump\"]],[\"log\",\"twice\"]],"
                 "\"goto\":\"last\"}}");
}

static void do_list(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    finish(task, "[{\"log\":[\"one\"]},{\"__command__\":{\"update\":{\"log\":[\"two\"]},"
                 "\"goto\":[\"last\"]}}]");
}

static void do_up(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    finish(task, "{\"__command__\":{\"graph\":\"PARENT\",\"update\":{\"log\":[\"from below\"]},"
                 "\"goto\":\"last\"}}");
}

static void do_lost(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    finish(task, "{\"__command__\":{\"goto\":\"nowhere\"}}");
}

static void do_misspelt(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    finish(task, "{\"__command__\":{\"go\":\"last\"}}");
}

/* Without memory the event is lost, and the task is told. */
static void tell(struct anabranch_task *task, const char *value, int expected)
{
    int r = anabranch_task_custom(task, value, strlen(value));

    ck_assert(r == expected || r == ANABRANCH_E_NOMEM);
}

static void do_tell(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    tell(task, "{\"at\":1}", 0);
    tell(task, "\"half\"", 0);
    tell(task, "{", ANABRANCH_E_INVALID);
    ck_assert_int_eq(anabranch_task_custom(task, NULL, 0), ANABRANCH_E_INVALID);
    ck_assert_int_eq(anabranch_task_progress(task), 0);
    finish(task, "{\"log\":[\"told\"]}");
    ck_assert_int_eq(anabranch_task_progress(task), ANABRANCH_E_CANCELLED);
}

/* A sign of life every few turns of the loop, for longer than the node may be silent. */
static void go_on(void *arg)
{
    struct probe *p = arg;

    if (anabranch_task_progress(p->held) == 0 && ++p->start_count < 200)
        (void)anabranch_post(p->engine, go_on, p);
    else
        finish(p->held, "{\"log\":[\"alive\"]}");
}

static void do_live(struct probe *p, struct anabranch_task *task)
{
    p->held = task;
    ck_assert_int_eq(anabranch_post(p->engine, go_on, p), 0);
}

/* More at once than the log of a run holds. */
static void do_flood(struct probe *p, struct anabranch_task *task)
{
    static const char filling[] = "\"%01000d\"";
    char value[sizeof(filling) + 1000];

    (void)p;
    int len = snprintf(value, sizeof(value), filling, 1);
    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(anabranch_task_custom(task, value, (size_t)len), 0);
}

static void do_hold(struct probe *p, struct anabranch_task *task)
{
    p->held = task;
}

static void do_break(struct probe *p, struct anabranch_task *task)
{
    (void)p;
    anabranch_task_fail(task, "ValueError", "broken");
}

static const struct act {
    const char *name;
    void (*act)(struct probe *p, struct anabranch_task *task);
} acts[] = {
    { "ask", do_ask },
    { "ask twice", do_ask_twice },
    { "ask nothing", do_ask_nothing },
    { "echo", do_echo },
    { "ask wrongly", do_ask_wrongly },
    { "fan", do_fan },
    { "jump", do_jump },
    { "list", do_list },
    { "up", do_up },
    { "lost", do_lost },
    { "misspelt", do_misspelt },
    { "tell", do_tell },
    { "live", do_live },
    { "hold", do_hold },
    { "break", do_break },
    { "flood", do_flood },
};

struct config {
    struct probe *probe;
    const struct act *act;
};

/* The node's own "do" is the first one: an error handler's comes behind it. */
static const struct act *find_act(const char *spec)
{
    const char *own = strstr(spec, "\"do\":\"");

    for (size_t i = 0; own != NULL && i < sizeof(acts) / sizeof(acts[0]); i++) {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "\"do\":\"%s\"", acts[i].name);
        if (strncmp(own, quoted, strlen(quoted)) == 0)
            return &acts[i];
    }
    return NULL;
}

static int configure(void *arg, const char *spec, struct anabranch_builder *builder,
                     void **ret_config)
{
    const struct act *act = find_act(spec);

    if (act == NULL) {
        anabranch_report(builder, "do", "no such act", NULL);
        return 0;
    }
    struct config *c = malloc(sizeof(*c));
    *c = (struct config){ arg, act };
    *ret_config = c;
    return 0;
}

static void start(struct anabranch_task *task, void *config)
{
    const struct config *c = config;
    struct probe *p = c->probe;

    snprintf(p->ids[p->start_count++ % 4], sizeof(p->ids[0]), "%s", anabranch_task_id(task));
    c->act->act(p, task);
}

/* ---- the rig ---- */

static const char state[] = "\"state\":{\"text\":{\"type\":\"string\"},"
                            "\"log\":{\"type\":\"array\",\"reducer\":\"append\"}}";

static int engine_new(struct probe *p)
{
    const struct anabranch_kind kind = { .size = sizeof(kind),
                                         .name = "act",
                                         .arg = p,
                                         .configure = configure,
                                         .config_free = free,
                                         .start = start };
    int r;

    memset(p, 0, sizeof(*p));
    r = anabranch_engine_new(&quiet, &p->engine);
    return r == 0 ? anabranch_engine_add_kind(p->engine, &kind) : r;
}

/* rest: "nodes" and "edges". */
static int graph_new(struct probe *p, const char *rest)
{
    char json[2048], *problems = NULL;

    snprintf(json, sizeof(json), "{%s,%s}", state, rest);
    int r = anabranch_graph_parse(p->engine, "g.json", json, strlen(json), &p->graph, &problems);
    ck_assert_msg(r <= 0, "%s", problems);
    return r;
}

static void probe_init(struct probe *p, const char *rest)
{
    ck_assert_int_eq(engine_new(p), 0);
    ck_assert_int_eq(graph_new(p, rest), 0);
}

static void probe_deinit(struct probe *p)
{
    anabranch_free(p->answer);
    anabranch_graph_free(p->graph);
    anabranch_engine_free(p->engine);
}

static void note_event(void *arg, const char *event, const char *data, size_t len_bytes)
{
    struct probe *p = arg;
    size_t used = strlen(p->log);

    ck_assert_uint_eq(strlen(data), len_bytes);
    snprintf(p->log + used, sizeof(p->log) - used, "%s %s\n", event, data);
}

static void note_answer(void *arg, int status, const char *json, size_t len_bytes)
{
    struct probe *p = arg;

    ck_assert_uint_eq(strlen(json), len_bytes);
    anabranch_free(p->answer);
    p->answer = mem_strdup(json);
    p->status = status;
    p->end_count++;
    anabranch_engine_stop(p->engine);
}

static struct anabranch_run_options on_thread(struct probe *p)
{
    return (struct anabranch_run_options){ .size = sizeof(struct anabranch_run_options),
                                           .thread_id = "t",
                                           .on_event = note_event,
                                           .arg = p };
}

static struct anabranch_thread_options of_thread(struct probe *p)
{
    return (struct anabranch_thread_options){ .size = sizeof(struct anabranch_thread_options),
                                              .thread_id = "t",
                                              .on_end = note_answer,
                                              .arg = p };
}

static int run_with(struct probe *p, const char *input, const struct anabranch_run_options *o)
{
    anabranch_free(p->answer);
    p->answer = NULL;
    return anabranch_invoke(p->engine, p->graph, input, o, &p->answer);
}

static int run(struct probe *p, const char *input)
{
    struct anabranch_run_options o = on_thread(p);

    return run_with(p, input, &o);
}

static int command(struct probe *p, const char *json)
{
    struct anabranch_run_options o = on_thread(p);

    o.command = json;
    return run_with(p, NULL, &o);
}

/* begun: what beginning the call has given. */
static int wait_for(struct probe *p, int begun)
{
    int ends = p->end_count;

    if (begun != 0)
        return begun;
    ck_assert_int_eq(p->end_count, ends); /* nothing is called before the loop turns */
    ck_assert_int_eq(anabranch_engine_run(p->engine), 0);
    ck_assert_int_eq(p->end_count, ends + 1);
    return p->status;
}

static int get_state(struct probe *p)
{
    struct anabranch_thread_options o = of_thread(p);

    return wait_for(p, anabranch_get_state(p->engine, p->graph, &o, 0));
}

static int get_history(struct probe *p, const struct anabranch_history *h)
{
    struct anabranch_thread_options o = of_thread(p);

    return wait_for(p, anabranch_get_history(p->engine, p->graph, &o, h));
}

static int update_state(struct probe *p, const char *values, const char *as_node)
{
    struct anabranch_thread_options o = of_thread(p);

    return wait_for(p, anabranch_update_state(p->engine, p->graph, &o, values, as_node));
}

static void expect(const struct probe *p, const char *part)
{
    ck_assert_ptr_nonnull(p->answer);
    ck_assert_msg(strstr(p->answer, part) != NULL, "%s\nis not in\n%s", part, p->answer);
}

static void expect_event(const struct probe *p, const char *part)
{
    ck_assert_msg(strstr(p->log, part) != NULL, "%s\nis not in\n%s", part, p->log);
}

/* What stands behind the n-th `key` of the last answer up to the next quote. */
static void take_text(const struct probe *p, const char *key, int n, char *ret, size_t size)
{
    const char *at = p->answer - 1;

    for (int i = 0; i < n; i++) {
        at = strstr(at + 1, key);
        ck_assert_msg(at != NULL, "no %s in %s", key, p->answer);
    }
    at += strlen(key);
    snprintf(ret, size, "%.*s", (int)strcspn(at, "\""), at);
}

/* ---- questions ---- */

static const char asking[] = "\"nodes\":{\"it\":{\"kind\":\"act\",\"do\":\"ask\"}},"
                             "\"edges\":[[\"__start__\",\"it\"]]";

START_TEST(a_run_that_asks_is_shown_and_resumed_with_a_value)
{
    struct probe p;
    char id[64];
    probe_init(&p, asking);
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), ANABRANCH_E_INTERRUPTED);
    expect(&p, "{\"text\":\"in\",\"log\":[],\"__interrupt__\":[{\"id\":\"");
    expect(&p, "\"value\":{\"may\":\"I?\"}}]}");
    take_text(&p, "\"id\":\"", 1, id, sizeof(id));
    ck_assert_uint_eq(strlen(id), 32);

    ck_assert_int_eq(get_state(&p), 0);
    expect(&p, "\"next\":[\"it\"]");
    expect(&p, "\"value\":{\"may\":\"I?\"}");
    expect(&p, id);
    ck_assert_int_eq(run(&p, NULL), ANABRANCH_E_INTERRUPTED); /* still no answer */

    ck_assert_int_eq(command(&p, "{\"resume\":false}"), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"in\",\"log\":[false]}");
    ck_assert_int_eq(p.start_count, 3);
    ck_assert_str_eq(p.ids[0], p.ids[2]); /* one task, begun again */
    ck_assert_int_eq(get_state(&p), 0);
    expect(&p, "\"next\":[]");
    probe_deinit(&p);
}
END_TEST

START_TEST(the_kth_question_of_a_task_gets_the_kth_answer)
{
    struct probe p;
    probe_init(&p, "\"nodes\":{\"it\":{\"kind\":\"act\",\"do\":\"ask twice\"}},"
                   "\"edges\":[[\"__start__\",\"it\"]]");
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), ANABRANCH_E_INTERRUPTED);
    expect(&p, "\"value\":1}");
    ck_assert_int_eq(command(&p, "{\"resume\":\"a\"}"), ANABRANCH_E_INTERRUPTED);
    expect(&p, "\"value\":2}");
    ck_assert_int_eq(command(&p, "{\"resume\":{\"b\":[]}}"), 0);
    expect(&p, "\"log\":[\"a\",{\"b\":[]}]");
    probe_deinit(&p);
}
END_TEST

START_TEST(answers_are_given_by_the_ids_of_what_is_asked)
{
    struct probe p;
    char first[64], second[64], map[256];
    probe_init(&p, "\"nodes\":{\"a\":{\"kind\":\"act\",\"do\":\"ask\"},"
                   "\"b\":{\"kind\":\"act\",\"do\":\"ask nothing\"}},"
                   "\"edges\":[[\"__start__\",[\"a\",\"b\"]]]");
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), ANABRANCH_E_INTERRUPTED);
    take_text(&p, "\"id\":\"", 1, first, sizeof(first));
    take_text(&p, "\"id\":\"", 2, second, sizeof(second));
    expect(&p, "\"value\":null}");
    snprintf(map, sizeof(map), "{\"resume\":{\"%s\":\"yes\"}}", first);
    ck_assert_int_eq(command(&p, map), ANABRANCH_E_INTERRUPTED);
    expect(&p, "\"log\":[\"yes\"],\"__interrupt__\":[{");
    expect(&p, second);
    snprintf(map, sizeof(map), "{\"resume\":{\"%s\":0}}", second);
    ck_assert_int_eq(command(&p, map), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"in\",\"log\":[\"yes\"]}");
    probe_deinit(&p);
}
END_TEST

START_TEST(to_answer_what_is_not_asked_fails_unless_it_may)
{
    static const char unknown[] = "{\"resume\":{\"0123456789abcdef0123456789abcdef\":1}}";
    struct probe p;
    probe_init(&p, asking);
    ck_assert_int_eq(command(&p, "{\"resume\":1}"), ANABRANCH_E_FAILED);
    expect(&p, "{\"error\":{\"type\":\"UnknownInterruptError\"");
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), ANABRANCH_E_INTERRUPTED);
    ck_assert_int_eq(command(&p, unknown), ANABRANCH_E_FAILED);
    expect(&p, "UnknownInterruptError");
    struct anabranch_run_options o = on_thread(&p);
    o.command = unknown;
    o.is_lenient = 1;
    ck_assert_int_eq(run_with(&p, NULL, &o), ANABRANCH_E_INTERRUPTED);
    ck_assert_int_eq(command(&p, "{\"resume\":1}"), 0);
    ck_assert_int_eq(command(&p, "{\"resume\":1}"), ANABRANCH_E_FAILED);
    expect(&p, "UnknownInterruptError");
    probe_deinit(&p);
}
END_TEST

START_TEST(without_a_thread_a_question_fails_and_says_what_is_missing)
{
    struct probe p;
    probe_init(&p, asking);
    struct anabranch_run_options o = on_thread(&p);
    o.thread_id = NULL;
    ck_assert_int_eq(run_with(&p, "{\"text\":\"in\"}", &o), ANABRANCH_E_FAILED);
    expect(&p, "thread_id");
    expect(&p, "\"node\":\"it\"");
    probe_deinit(&p);
}
END_TEST

/* An option struct of the first version ends with arg. */
START_TEST(a_caller_with_the_older_options_runs_without_a_thread)
{
    struct probe p;
    probe_init(&p, asking);
    struct anabranch_run_options o = on_thread(&p);
    o.size = offsetof(struct anabranch_run_options, thread_id);
    o.command = "not JSON, not read";
    ck_assert_int_eq(run_with(&p, "{\"text\":\"in\"}", &o), ANABRANCH_E_FAILED);
    expect(&p, "thread_id");
    probe_deinit(&p);
}
END_TEST

/* ---- what tasks say ---- */

/* "do" of the first node; "last" does nothing but tell that it ran. */
#define FIRST(act)                                                                                 \
    "\"nodes\":{\"it\":{\"kind\":\"act\",\"do\":\"" act "\",\"ends\":[\"last\",\"echo\"]},"        \
    "\"last\":{\"kind\":\"set\",\"values\":{\"log\":\"last\"}},"                                   \
    "\"echo\":{\"kind\":\"act\",\"do\":\"echo\"}},\"edges\":[[\"__start__\",\"it\"]]"

static const struct {
    const char *rest;
    int status;
    const char *result; /* a part of it */
} said[] = {
    { FIRST("fan"), 0, "\"log\":[\"last\",{\"item\":1},\"two\",[3]]}" },
    { FIRST("jump"), 0, "\"log\":[\"jump\",\"twice\",\"last\"]}" },
    { FIRST("list"), 0, "\"log\":[\"one\",\"two\",\"last\"]}" },
    { FIRST("echo"), 0, "\"log\":[{\"text\":\"in\",\"log\":[]}]}" },
    { FIRST("lost"), ANABRANCH_E_FAILED, "InvalidUpdateError" },
    { FIRST("misspelt"), ANABRANCH_E_FAILED, "InvalidUpdateError" },
    { FIRST("up"), ANABRANCH_E_FAILED, "There is no parent graph" },
    { FIRST("ask wrongly"), ANABRANCH_E_FAILED,
      "\"type\":\"NodeError\",\"message\":\"the node's question is not JSON: line 1" },
    { "\"nodes\":{\"it\":{\"kind\":\"act\",\"do\":\"break\","
      "\"on_error\":{\"kind\":\"act\",\"do\":\"echo\",\"goto\":\"last\"}},"
      "\"last\":{\"kind\":\"set\",\"values\":{}}},\"edges\":[[\"__start__\",\"it\"]]",
      0,
      "\"log\":[{\"text\":\"in\",\"log\":[],\"error\":{\"type\":\"ValueError\",\"message\":"
      "\"broken\",\"node\":\"it\"}}]" },
    { "\"nodes\":{\"it\":{\"kind\":\"graph\",\"ends\":[\"last\"],\"graph\":{\"state\":{\"text\":{"
      "\"type\":\"string\"}},\"nodes\":{\"deep\":{\"kind\":\"act\",\"do\":\"up\"}},"
      "\"edges\":[[\"__start__\",\"deep\"]]}},"
      "\"last\":{\"kind\":\"set\",\"values\":{\"log\":\"last\"}}},\"edges\":[[\"__start__\",\"it\"]"
      "]",
      0, "\"log\":[\"from below\",\"last\"]" },
    { "\"nodes\":{\"it\":{\"kind\":\"act\",\"do\":\"live\",\"idle_timeout_ms\":1000}},"
      "\"edges\":[[\"__start__\",\"it\"]]",
      0, "\"log\":[\"alive\"]" },
};

START_TEST(what_a_task_says_is_done)
{
    struct probe p;
    probe_init(&p, said[_i].rest);
    int status = run(&p, "{\"text\":\"in\"}");
    expect(&p, said[_i].result);
    ck_assert_int_eq(status, said[_i].status);
    probe_deinit(&p);
}
END_TEST

START_TEST(a_task_tells_custom_events)
{
    struct probe p;
    probe_init(&p, FIRST("tell"));
    struct anabranch_run_options o = on_thread(&p);
    o.stream_mode = "custom, updates";
    ck_assert_int_eq(run_with(&p, "{\"text\":\"in\"}", &o), 0);
    ck_assert_str_eq(strchr(p.log, '\n'), "\ncustom {\"at\":1}\ncustom \"half\"\n"
                                          "updates {\"it\":{\"log\":[\"told\"]}}\n");
    probe_deinit(&p);
}
END_TEST

START_TEST(a_run_whose_events_are_lost_ends_and_says_so)
{
    struct probe p;
    probe_init(&p, FIRST("flood"));
    struct anabranch_run_options o = on_thread(&p);
    o.stream_mode = "custom";
    ck_assert_int_eq(run_with(&p, "{\"text\":\"in\"}", &o), ANABRANCH_E_FAILED);
    expect(&p, "{\"error\":{\"type\":\"StreamTruncated\"");
    expect_event(&p, "error {\"error\":\"StreamTruncated\"");
    probe_deinit(&p);
}
END_TEST

static const char nested[] =
    "\"nodes\":{\"sub\":{\"kind\":\"graph\",\"graph\":{\"state\":{\"text\":{\"type\":\"string\"},"
    "\"log\":{\"type\":\"array\",\"reducer\":\"append\"}},"
    "\"nodes\":{\"deep\":{\"kind\":\"act\",\"do\":\"ask\"}},\"edges\":[[\"__start__\",\"deep\"]]},"
    "\"in\":{\"text\":\"text\"},\"out\":{\"log\":\"log\"}}},\"edges\":[[\"__start__\",\"sub\"]]";

START_TEST(a_question_in_a_subgraph_is_asked_and_answered_above)
{
    struct probe p;
    char ns[128];
    probe_init(&p, nested);
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), ANABRANCH_E_INTERRUPTED);
    struct anabranch_thread_options at = of_thread(&p);
    ck_assert_int_eq(wait_for(&p, anabranch_get_state(p.engine, p.graph, &at, 1)), 0);
    expect(&p, "\"next\":[\"sub\"]");
    expect(&p, "\"next\":[\"deep\"]");
    ck_assert_int_eq(get_state(&p), 0);
    take_text(&p, "\"checkpoint_ns\":\"sub:", 1, ns, sizeof(ns));
    ck_assert_uint_eq(strlen(ns), 36);
    memmove(ns + 4, ns, strlen(ns) + 1);
    memcpy(ns, "sub:", 4);
    at.checkpoint_ns = ns;
    ck_assert_int_eq(wait_for(&p, anabranch_get_state(p.engine, p.graph, &at, 0)), 0);
    expect(&p, "\"next\":[\"deep\"]");

    struct anabranch_run_options o = on_thread(&p);
    o.command = "{\"resume\":\"yes\"}";
    o.stream_mode = "updates";
    o.subgraphs = 1;
    ck_assert_int_eq(run_with(&p, NULL, &o), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"in\",\"log\":[\"yes\"]}");
    expect_event(&p, "\nupdates|sub:");
    expect_event(&p, ns);
    expect_event(&p, " {\"deep\":{\"log\":[\"yes\"]}}\nupdates {\"sub\":{\"log\":[\"yes\"]}}\n");
    probe_deinit(&p);
}
END_TEST

START_TEST(without_subgraphs_asked_for_their_events_are_not_told)
{
    struct probe p;
    probe_init(&p, nested);
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), ANABRANCH_E_INTERRUPTED);
    struct anabranch_run_options o = on_thread(&p);
    o.command = "{\"resume\":\"yes\"}";
    o.stream_mode = "updates";
    ck_assert_int_eq(run_with(&p, NULL, &o), 0);
    expect_event(&p, "\nupdates {\"sub\":");
    ck_assert_ptr_null(strchr(p.log, '|'));
    probe_deinit(&p);
}
END_TEST

/* ---- threads ---- */

/* Two nodes that only say that they ran. */
static const char two[] = "\"nodes\":{\"a\":{\"kind\":\"set\",\"values\":{\"log\":\"a {{text}}\"}},"
                          "\"b\":{\"kind\":\"set\",\"values\":{\"log\":\"b {{text}}\"}}},"
                          "\"edges\":[[\"__start__\",\"a\"],[\"a\",\"b\"]]";

START_TEST(an_unknown_thread_has_an_empty_state)
{
    struct probe p;
    probe_init(&p, two);
    ck_assert_int_eq(get_state(&p), 0);
    expect(&p, "\"values\":{}");
    expect(&p, "\"next\":[]");
    ck_assert_int_eq(get_history(&p, NULL), 0);
    ck_assert_str_eq(p.answer, "[]");
    probe_deinit(&p);
}
END_TEST

START_TEST(a_run_goes_on_behind_a_breakpoint)
{
    struct probe p;
    probe_init(&p, two);
    struct anabranch_run_options o = on_thread(&p);
    o.interrupt_before = "[\"b\"]";
    ck_assert_int_eq(run_with(&p, "{\"text\":\"in\"}", &o), ANABRANCH_E_INTERRUPTED);
    ck_assert_str_eq(p.answer, "{\"text\":\"in\",\"log\":[\"a in\"],\"__interrupt__\":[]}");
    ck_assert_int_eq(get_state(&p), 0);
    expect(&p, "\"next\":[\"b\"]");
    ck_assert_int_eq(run_with(&p, NULL, &o), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"in\",\"log\":[\"a in\",\"b in\"]}");
    o.interrupt_before = "[]";
    o.interrupt_after = "\"*\"";
    ck_assert_int_eq(run_with(&p, "{\"text\":\"x\"}", &o), ANABRANCH_E_INTERRUPTED);
    expect(&p, "\"log\":[\"a in\",\"b in\",\"a x\"]");
    probe_deinit(&p);
}
END_TEST

START_TEST(what_is_written_as_a_node_is_followed_by_what_comes_behind_it)
{
    struct probe p;
    probe_init(&p, two);
    ck_assert_int_eq(update_state(&p, "{\"text\":\"by hand\",\"log\":\"written\"}", "a"), 0);
    expect(&p,
           "{\"configurable\":{\"thread_id\":\"t\",\"checkpoint_ns\":\"\",\"checkpoint_id\":\"");
    ck_assert_int_eq(get_state(&p), 0);
    expect(&p, "\"next\":[\"b\"]");
    expect(&p, "\"source\":\"update\"");
    ck_assert_int_eq(run(&p, NULL), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"by hand\",\"log\":[\"written\",\"b by hand\"]}");
    ck_assert_int_eq(update_state(&p, "{\"log\":\"x\"}", "nobody"), ANABRANCH_E_FAILED);
    expect(&p, "{\"error\":{\"type\":\"InvalidUpdateError\"");
    ck_assert_int_eq(update_state(&p, NULL, "__end__"), 0);
    probe_deinit(&p);
}
END_TEST

START_TEST(many_updates_make_a_checkpoint_each)
{
    struct probe p;
    probe_init(&p, two);
    struct anabranch_thread_options at = of_thread(&p);
    ck_assert_int_eq(wait_for(&p, anabranch_bulk_update_state(
                                      p.engine, p.graph, &at,
                                      "[[{\"values\":{\"text\":\"in\"},\"as_node\":\"b\"}],"
                                      "[{\"values\":{\"log\":\"one\"},\"as_node\":\"a\"}]]")),
                     0);
    ck_assert_int_eq(get_history(&p, NULL), 0);
    char id[64];
    take_text(&p, "\"created_at\":\"", 2, id, sizeof(id));
    ck_assert_int_eq(run(&p, NULL), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"in\",\"log\":[\"one\",\"b in\"]}");
    ck_assert_int_eq(wait_for(&p, anabranch_bulk_update_state(p.engine, p.graph, &at, "[]")),
                     ANABRANCH_E_FAILED);
    probe_deinit(&p);
}
END_TEST

START_TEST(the_history_is_told_newest_first_and_may_be_cut)
{
    struct probe p;
    struct anabranch_history h = { .size = sizeof(h), .limit = 2 };
    char id[64];
    probe_init(&p, two);
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), 0);
    ck_assert_int_eq(get_history(&p, NULL), 0);
    expect(&p, "[{\"values\":{\"text\":\"in\",\"log\":[\"a in\",\"b in\"]}");
    take_text(&p, "\"created_at\":\"", 4, id, sizeof(id)); /* input, __start__, a, b */
    ck_assert_int_eq(get_history(&p, &h), 0);
    take_text(&p, "\"created_at\":\"", 2, id, sizeof(id));
    ck_assert_ptr_null(strstr(p.answer, "\"source\":\"input\""));
    h = (struct anabranch_history){ .size = sizeof(h), .filter = "{\"source\":\"input\"}" };
    ck_assert_int_eq(get_history(&p, &h), 0);
    expect(&p, "\"source\":\"input\"");
    ck_assert_ptr_null(strstr(p.answer, "\"source\":\"loop\""));
    take_text(&p, "\"checkpoint_id\":\"", 1, id, sizeof(id));
    h = (struct anabranch_history){ .size = sizeof(h), .before = id };
    ck_assert_int_eq(get_history(&p, &h), 0);
    ck_assert_str_eq(p.answer, "[]");
    probe_deinit(&p);
}
END_TEST

START_TEST(an_old_checkpoint_is_run_again_on_a_branch_of_its_own)
{
    struct probe p;
    struct anabranch_history h = { .size = sizeof(h), .limit = 2 };
    char id[64];
    probe_init(&p, two);
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), 0);
    ck_assert_int_eq(get_history(&p, &h), 0);
    const char *before_b = strstr(p.answer, "\"next\":[\"b\"]");
    ck_assert_ptr_nonnull(before_b);
    const char *at = strstr(before_b, "\"checkpoint_id\":\"") + strlen("\"checkpoint_id\":\"");
    snprintf(id, sizeof(id), "%.36s", at);

    struct anabranch_thread_options there = of_thread(&p);
    there.checkpoint_id = id;
    ck_assert_int_eq(wait_for(&p, anabranch_get_state(p.engine, p.graph, &there, 0)), 0);
    expect(&p, "\"log\":[\"a in\"]");
    ck_assert_int_eq(
        wait_for(&p, anabranch_update_state(p.engine, p.graph, &there, "{\"text\":\"new\"}", NULL)),
        0);
    ck_assert_int_eq(run(&p, NULL), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"new\",\"log\":[\"a in\",\"b new\"]}");

    struct anabranch_run_options o = on_thread(&p);
    o.checkpoint_id = id;
    ck_assert_int_eq(run_with(&p, NULL, &o), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"in\",\"log\":[\"a in\",\"b in\"]}");
    o.checkpoint_id = "no uuid";
    ck_assert_int_eq(run_with(&p, NULL, &o), ANABRANCH_E_FAILED);
    expect(&p, "NotFoundError");
    probe_deinit(&p);
}
END_TEST

START_TEST(a_thread_is_forgotten)
{
    struct probe p;
    probe_init(&p, two);
    struct anabranch_thread_options o = of_thread(&p);
    ck_assert_int_eq(run(&p, "{\"text\":\"in\"}"), 0);
    ck_assert_int_eq(wait_for(&p, anabranch_delete_thread(p.engine, &o)), 0);
    ck_assert_str_eq(p.answer, "");
    ck_assert_int_eq(get_history(&p, NULL), 0);
    ck_assert_str_eq(p.answer, "[]");
    probe_deinit(&p);
}
END_TEST

START_TEST(a_thread_on_which_a_run_is_at_work_is_not_changed)
{
    struct probe p;
    probe_init(&p, "\"nodes\":{\"it\":{\"kind\":\"act\",\"do\":\"hold\"}},"
                   "\"edges\":[[\"__start__\",\"it\"]]");
    struct anabranch_run_options o = on_thread(&p);
    struct anabranch_run *running = NULL;
    o.input = "{\"text\":\"in\"}";
    o.on_end = note_answer;
    ck_assert_int_eq(anabranch_run_start(p.engine, p.graph, &o, &running), 0);
    ck_assert_int_eq(anabranch_run_start(p.engine, p.graph, &o, NULL), ANABRANCH_E_FAILED);
    ck_assert_int_eq(run(&p, "{}"), ANABRANCH_E_FAILED);
    expect(&p, "ConflictError");
    ck_assert_int_eq(update_state(&p, "{\"text\":\"x\"}", "it"), ANABRANCH_E_FAILED);
    expect(&p, "{\"error\":{\"type\":\"ConflictError\"");
    struct anabranch_thread_options at = of_thread(&p);
    ck_assert_int_eq(wait_for(&p, anabranch_delete_thread(p.engine, &at)), ANABRANCH_E_FAILED);
    ck_assert_int_eq(get_state(&p), 0);
    while (p.held == NULL)
        ck_assert_int_eq(get_state(&p), 0);
    finish(p.held, "{}");
    ck_assert_int_eq(wait_for(&p, 0), 0);
    ck_assert_str_eq(p.answer, "{\"text\":\"in\",\"log\":[]}");
    probe_deinit(&p);
}
END_TEST

START_TEST(calls_that_are_left_end_with_the_engine)
{
    struct probe p;
    probe_init(&p, two);
    struct anabranch_thread_options at = of_thread(&p);
    ck_assert_int_eq(anabranch_get_state(p.engine, p.graph, &at, 0), 0);
    ck_assert_int_eq(anabranch_update_state(p.engine, p.graph, &at, "{\"text\":\"x\"}", "a"), 0);
    ck_assert_int_eq(anabranch_get_history(p.engine, p.graph, &at, NULL), 0);
    ck_assert_int_eq(anabranch_delete_thread(p.engine, &at), 0);
    anabranch_graph_free(p.graph);
    p.graph = NULL;
    anabranch_engine_free(p.engine);
    ck_assert_int_eq(p.end_count, 4);
    ck_assert_int_eq(p.status, ANABRANCH_E_CANCELLED);
    anabranch_free(p.answer);
}
END_TEST

/* ---- mistakes of callers ---- */

static const struct {
    struct anabranch_run_options options;
    const char *input;
    int status;
} wrong_runs[] = {
    { { .command = "{" }, NULL, ANABRANCH_E_INVALID },
    { { .command = "[]" }, NULL, ANABRANCH_E_INVALID },
    { { .command = "{\"resum\":1}" }, NULL, ANABRANCH_E_INVALID },
    { { .command = "{\"resume\":1}" }, "{}", ANABRANCH_E_INVALID },
    { { .command = "{}" }, NULL, ANABRANCH_E_FAILED },
    { { .command = "{\"goto\":\"nowhere\"}" }, NULL, ANABRANCH_E_FAILED },
    { { .interrupt_before = "{}" }, "{}", ANABRANCH_E_INVALID },
    { { .interrupt_before = "[7]" }, "{}", ANABRANCH_E_INVALID },
    { { .interrupt_after = "\"a\"" }, "{}", ANABRANCH_E_INVALID },
    { { .interrupt_after = "[\"nobody\"]" }, "{}", ANABRANCH_E_FAILED },
    { { .durability = "forever" }, "{}", ANABRANCH_E_FAILED },
    { { .durability = "exit", .max_concurrency = 1 }, "{}", 0 },
    { { .max_concurrency = -1 }, "{}", ANABRANCH_E_INVALID },
    { { .thread_id = "" }, "{}", ANABRANCH_E_INVALID },
    { { .thread_id = "\xff" }, "{}", ANABRANCH_E_INVALID },
    { { .checkpoint_id = "\xff" }, "{}", ANABRANCH_E_FAILED },
};

START_TEST(options_of_a_run_that_are_wrong_are_refused)
{
    struct probe p;
    probe_init(&p, two);
    struct anabranch_run_options o = wrong_runs[_i].options;
    o.size = sizeof(o);
    if (o.thread_id == NULL)
        o.thread_id = "t";
    ck_assert_int_eq(run_with(&p, wrong_runs[_i].input, &o), wrong_runs[_i].status);
    ck_assert_int_eq(p.answer == NULL, wrong_runs[_i].status == ANABRANCH_E_INVALID);
    probe_deinit(&p);
}
END_TEST

START_TEST(calls_about_a_thread_that_are_wrong_are_refused)
{
    struct probe p;
    struct anabranch_history h = { .size = sizeof(h), .limit = -1 };
    probe_init(&p, two);
    struct anabranch_thread_options at = of_thread(&p), none = at, empty = at, broken = at;
    none.thread_id = NULL;
    empty.thread_id = "";
    broken.thread_id = "t\xff";
    const int refused[] = {
        anabranch_get_state(p.engine, NULL, &at, 0),
        anabranch_get_state(p.engine, p.graph, NULL, 0),
        anabranch_get_state(p.engine, p.graph, &none, 0),
        anabranch_get_state(p.engine, p.graph, &empty, 0),
        anabranch_get_state(p.engine, p.graph, &broken, 0),
        anabranch_get_history(p.engine, p.graph, &at, &h),
        anabranch_update_state(p.engine, p.graph, &at, "{", NULL),
        anabranch_update_state(p.engine, p.graph, &at, "{}", "\xff"),
        anabranch_bulk_update_state(p.engine, p.graph, &at, NULL),
        anabranch_bulk_update_state(p.engine, p.graph, &at, "[[}"),
        anabranch_delete_thread(p.engine, NULL),
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        ck_assert_msg(refused[i] == ANABRANCH_E_INVALID, "%zu: %d", i, refused[i]);
    h = (struct anabranch_history){ .size = sizeof(h), .filter = "[]" };
    ck_assert_int_eq(anabranch_get_history(p.engine, p.graph, &at, &h), ANABRANCH_E_INVALID);
    at.checkpoint_ns = "nowhere:1";
    ck_assert_int_eq(wait_for(&p, anabranch_get_state(p.engine, p.graph, &at, 0)),
                     ANABRANCH_E_FAILED);
    ck_assert_int_eq(update_state(&p, "7", "a"), ANABRANCH_E_FAILED);
    probe_deinit(&p);
}
END_TEST

/* ---- the fault law ---- */

static const struct {
    const char *rest;
    const char *as_node;
} stories[] = {
    { nested, "sub" },         { FIRST("ask twice"), "it" }, { FIRST("fan"), "it" },
    { FIRST("list"), "last" }, { FIRST("tell"), "it" },
};

static int look_and_change(struct probe *p, const char *as_node)
{
    struct anabranch_thread_options at = of_thread(p);
    struct anabranch_history h = { .size = sizeof(h), .filter = "{\"source\":\"loop\"}" };
    int r = update_state(p, "{\"log\":\"x\"}", as_node);

    if (r == 0)
        r = get_history(p, &h);
    if (r == 0)
        r = wait_for(p, anabranch_bulk_update_state(p->engine, p->graph, &at,
                                                    "[[{\"values\":null,\"as_node\":"
                                                    "\"__end__\"}]]"));
    return r == 0 ? wait_for(p, anabranch_delete_thread(p->engine, &at)) : r;
}

/* Runs, is asked as often as it likes, is looked at and changed. */
static int whole_story(struct probe *p, int i)
{
    struct anabranch_run_options o = on_thread(p);
    int r = engine_new(p);

    o.stream_mode = "custom,updates,values";
    o.subgraphs = 1;
    if (r == 0)
        r = graph_new(p, stories[i].rest);
    if (r == 0)
        r = run_with(p, "{\"text\":\"in\"}", &o);
    o.command = "{\"resume\":\"yes\"}";
    while (r == ANABRANCH_E_INTERRUPTED) {
        r = get_state(p);
        if (r == 0)
            r = run_with(p, NULL, &o);
    }
    if (r == 0)
        r = look_and_change(p, stories[i].as_node);
    probe_deinit(p);
    return r;
}

START_TEST(without_memory_every_call_on_a_thread_ends_and_nothing_leaks)
{
    struct probe p;
    bool was_met = true;
    int r = 0;

    for (unsigned long n = 1; was_met; n++) {
        mem_fail_at(n);
        r = whole_story(&p, _i);
        was_met = mem_fail_pending() == 0;
        mem_fail_at(0);
        ck_assert_msg(r == 0 || r == ANABRANCH_E_NOMEM || r == ANABRANCH_E_SYSTEM ||
                          r == ANABRANCH_E_FAILED,
                      "%lu: %d", n, r);
    }
    ck_assert_int_eq(r, 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    mem_init();
    Suite *s = suite_create("embed_thread");
    TCase *t = tcase_create("embed_thread");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_run_that_asks_is_shown_and_resumed_with_a_value);
    tcase_add_test(t, the_kth_question_of_a_task_gets_the_kth_answer);
    tcase_add_test(t, answers_are_given_by_the_ids_of_what_is_asked);
    tcase_add_test(t, to_answer_what_is_not_asked_fails_unless_it_may);
    tcase_add_test(t, without_a_thread_a_question_fails_and_says_what_is_missing);
    tcase_add_test(t, a_caller_with_the_older_options_runs_without_a_thread);
    tcase_add_loop_test(t, what_a_task_says_is_done, 0, COUNT(said));
    tcase_add_test(t, a_task_tells_custom_events);
    tcase_add_test(t, a_run_whose_events_are_lost_ends_and_says_so);
    tcase_add_test(t, a_question_in_a_subgraph_is_asked_and_answered_above);
    tcase_add_test(t, without_subgraphs_asked_for_their_events_are_not_told);
    tcase_add_test(t, an_unknown_thread_has_an_empty_state);
    tcase_add_test(t, a_run_goes_on_behind_a_breakpoint);
    tcase_add_test(t, what_is_written_as_a_node_is_followed_by_what_comes_behind_it);
    tcase_add_test(t, many_updates_make_a_checkpoint_each);
    tcase_add_test(t, the_history_is_told_newest_first_and_may_be_cut);
    tcase_add_test(t, an_old_checkpoint_is_run_again_on_a_branch_of_its_own);
    tcase_add_test(t, a_thread_is_forgotten);
    tcase_add_test(t, a_thread_on_which_a_run_is_at_work_is_not_changed);
    tcase_add_test(t, calls_that_are_left_end_with_the_engine);
    tcase_add_loop_test(t, options_of_a_run_that_are_wrong_are_refused, 0, COUNT(wrong_runs));
    tcase_add_test(t, calls_about_a_thread_that_are_wrong_are_refused);
    tcase_add_loop_test(t, without_memory_every_call_on_a_thread_ends_and_nothing_leaks, 0,
                        COUNT(stories));
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
