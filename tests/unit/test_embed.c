/* The public C API as its users see it: nothing but anabranch.h, except where settings and memory
 * are tested. */
#include "anabranch.h"
#include "base/conf.h"
#include "base/mem.h"
#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct anabranch_options quiet = {
    .size = sizeof(quiet),
    .settings = "{\"log_level\":\"error\",\"upstream_pools\":1,\"demo_delay_ms\":0}"
};

/* ---- a kind for tests: what its tasks do is said by the node's "do" ---- */

struct probe {
    struct anabranch_engine *engine;
    struct anabranch_task *task; /* of the last start */
    struct anabranch_run *run;
    int start_count, cancel_count, config_free_count, data_free_count;
    char state[512];
    char log[4096]; /* events: "name data\n" */
    int end_count, end_status;
    char result[1024];
    pthread_t thread;
};

enum act {
    ACT_FINISH,
    ACT_TWICE,
    ACT_WRONG_JSON,
    ACT_NO_OBJECT,
    ACT_WRONG_TYPE,
    ACT_FAIL,
    ACT_FAIL_BARE,
    ACT_NOTHING,
    ACT_EMIT,
    ACT_POST,
    ACT_HOLD
};
static const char *const acts[] = { "finish",     "twice", "wrong json", "no object",
                                    "wrong type", "fail",  "fail bare",  "nothing",
                                    "emit",       "post",  "hold" };

struct act_config {
    struct probe *probe;
    enum act act;
};

static int configure(void *arg, const char *spec, struct anabranch_builder *builder,
                     void **ret_config)
{
    struct act_config *c;

    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "\"do\":\"%s\"", acts[i]);
        if (strstr(spec, quoted) == NULL)
            continue;
        c = malloc(sizeof(*c));
        *c = (struct act_config){ arg, (enum act)i };
        *ret_config = c;
        return 0;
    }
    if (strstr(spec, "\"do\":\"no memory\"") != NULL)
        return ANABRANCH_E_NOMEM;
    if (strstr(spec, "\"do\":\"refused\"") != NULL)
        return ANABRANCH_E_INVALID;
    anabranch_report(builder, "do", "no such act", "do \"finish\"");
    anabranch_report(builder, NULL, "this node cannot be read", NULL);
    return 0;
}

static void config_free(void *config)
{
    struct act_config *c = config;

    c->probe->config_free_count++;
    free(c);
}

static void finish(struct anabranch_task *task, const char *update)
{
    anabranch_task_finish(task, update, update == NULL ? 0 : strlen(update));
}

static void finish_posted(void *arg)
{
    finish(arg, "{\"text\":\"posted\"}");
}

static void *post_from_thread(void *arg)
{
    struct probe *p = arg;

    while (anabranch_post(p->engine, finish_posted, p->task) != 0)
        ;
    return NULL;
}

static void start(struct anabranch_task *task, void *config)
{
    const struct act_config *c = config;
    struct probe *p = c->probe;
    const char *state = anabranch_task_state(task, NULL);

    p->task = task;
    p->start_count++;
    anabranch_task_set_data(task, p);
    snprintf(p->state, sizeof(p->state), "%s %s", anabranch_task_node(task),
             state == NULL ? "no memory" : state);
    switch (c->act) {
    case ACT_FINISH:
        finish(task, "{\"text\":\"done\",\"unknown\":1}");
        break;
    case ACT_TWICE:
        finish(task, "{\"text\":\"one\"}");
        finish(task, "{\"text\":\"two\"}");
        anabranch_task_fail(task, NULL, "three");
        ck_assert_int_eq(anabranch_task_emit(task, "x", 1), ANABRANCH_E_CANCELLED);
        break;
    case ACT_WRONG_JSON:
        finish(task, "{\"text\":");
        break;
    case ACT_NO_OBJECT:
        finish(task, "[1]");
        break;
    case ACT_WRONG_TYPE:
        finish(task, "{\"text\":7}");
        break;
    case ACT_FAIL:
        anabranch_task_fail(task, "ValueError", "it is \"wrong\"");
        break;
    case ACT_FAIL_BARE:
        anabranch_task_fail(task, NULL, NULL);
        break;
    case ACT_NOTHING:
        finish(task, NULL);
        break;
    case ACT_EMIT:
        ck_assert_int_eq(anabranch_task_emit(task, NULL, 1), ANABRANCH_E_INVALID);
        ck_assert_int_eq(anabranch_task_emit(task, "Py\xc3", 3), 0);
        ck_assert_int_eq(anabranch_task_emit(task, "", 0), 0);
        ck_assert_int_eq(anabranch_task_emit(task, "thon", 4), 0);
        finish(task, NULL);
        break;
    case ACT_POST:
        ck_assert_int_eq(pthread_create(&p->thread, NULL, post_from_thread, p), 0);
        break;
    case ACT_HOLD:
        break;
    }
}

static void cancel(struct anabranch_task *task, void *config)
{
    const struct act_config *c = config;

    c->probe->cancel_count++;
    ck_assert_int_eq(anabranch_task_emit(task, "late", 4), ANABRANCH_E_CANCELLED);
}

static void data_free(void *data)
{
    ((struct probe *)data)->data_free_count++;
}

static struct anabranch_kind kind_of(struct probe *p)
{
    return (struct anabranch_kind){ .size = sizeof(struct anabranch_kind),
                                    .name = "act",
                                    .arg = p,
                                    .configure = configure,
                                    .config_free = config_free,
                                    .start = start,
                                    .cancel = cancel,
                                    .data_free = data_free };
}

static void probe_init(struct probe *p)
{
    struct anabranch_kind kind = kind_of(p);

    memset(p, 0, sizeof(*p));
    ck_assert_int_eq(anabranch_engine_new(&quiet, &p->engine), 0);
    ck_assert_int_eq(anabranch_engine_add_kind(p->engine, &kind), 0);
}

static void probe_deinit(struct probe *p)
{
    anabranch_engine_free(p->engine);
}

/* One node "it" of the kind, with more keys of the node in `more`. */
static struct anabranch_graph *one_node(struct probe *p, const char *act, const char *more)
{
    struct anabranch_builder *b = NULL;
    struct anabranch_graph *graph = NULL;
    char spec[256];

    snprintf(spec, sizeof(spec), "{\"kind\":\"act\",\"do\":\"%s\"%s}", act, more);
    ck_assert_int_eq(anabranch_builder_new(p->engine, "one", &b), 0);
    anabranch_builder_field(b, "text", "{\"type\":\"string\"}");
    anabranch_builder_node(b, "it", spec);
    anabranch_builder_edge(b, "__start__", "it");
    int r = anabranch_builder_build(b, &graph);
    ck_assert_msg(r == 0, "%d: %s", r, anabranch_builder_problems(b));
    anabranch_builder_free(b);
    return graph;
}

/* ---- engines ---- */

START_TEST(the_example_of_the_header_runs)
{
    struct anabranch_engine *engine;
    struct anabranch_builder *b;
    struct anabranch_graph *graph;
    char *result;
    ck_assert_int_eq(anabranch_engine_new(&quiet, &engine), 0);
    ck_assert_int_eq(anabranch_builder_new(engine, "hello", &b), 0);
    anabranch_builder_field(b, "text", "{\"type\":\"string\"}");
    anabranch_builder_node(b, "greet",
                           "{\"kind\":\"set\",\"values\":{\"text\":\"Hello {{text}}\"}}");
    anabranch_builder_edge(b, "__start__", "greet");
    anabranch_builder_edge(b, "greet", "__end__");
    ck_assert_int_eq(anabranch_builder_build(b, &graph), 0);
    ck_assert_str_eq(anabranch_builder_problems(b), "");
    anabranch_builder_free(b);
    ck_assert_int_eq(anabranch_invoke(engine, graph, "{\"text\":\"world\"}", NULL, &result), 0);
    ck_assert_str_eq(result, "{\"text\":\"Hello world\"}");
    anabranch_free(result);
    ck_assert_int_eq(anabranch_invoke(engine, graph, "{\"text\":\"again\"}", NULL, NULL), 0);
    char *drawing = anabranch_graph_draw(graph);
    ck_assert_ptr_nonnull(strstr(drawing, "greet"));
    anabranch_free(drawing);
    anabranch_graph_free(graph);
    anabranch_engine_free(engine);
    anabranch_engine_free(NULL);
    anabranch_graph_free(NULL);
    anabranch_free(NULL);
    ck_assert_str_eq(anabranch_version(), "0.1.0");
}
END_TEST

/* But for the database: a library makes no file that nobody has named. */
START_TEST(an_engine_without_options_has_the_defaults)
{
    struct anabranch_engine *engine = NULL;
    struct anabranch_engine *second = NULL;
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(anabranch_engine_new(NULL, &engine), 0);
    ck_assert_int_eq(anabranch_engine_new(NULL, &second), 0);
    ck_assert_int_ne(access("anabranch.db", F_OK), 0);
    anabranch_engine_free(second);
    anabranch_engine_free(engine);
}
END_TEST

START_TEST(a_database_that_cannot_be_used_is_a_wrong_setting)
{
    struct anabranch_options o = { .size = sizeof(o),
                                   .settings = "{\"database\":\"sqlite:///none/x.db\"}" };
    struct anabranch_engine *engine = NULL;
    ck_assert_int_eq(anabranch_engine_new(&o, &engine), ANABRANCH_E_INVALID);
    ck_assert_ptr_null(engine);
}
END_TEST

static const char *const wrong_settings[] = {
    "",
    "{",
    "[]",
    "{\"max_nodez\":1}",
    "{\"max_nodes\":\"many\"}",
    "{\"recursion_limit\":100,\"max_recursion_limit\":10}"
};

START_TEST(wrong_settings_are_refused)
{
    struct anabranch_options o = { .size = sizeof(o), .settings = wrong_settings[_i] };
    struct anabranch_engine *engine = NULL;
    ck_assert_int_eq(anabranch_engine_new(&o, &engine), ANABRANCH_E_INVALID);
    ck_assert_ptr_null(engine);
}
END_TEST

START_TEST(settings_are_in_force)
{
    struct anabranch_options o = { .size = sizeof(o),
                                   .settings = "{\"log_level\":\"error\",\"max_nodes\":1}" };
    struct anabranch_engine *engine = NULL;
    struct anabranch_builder *b = NULL;
    struct anabranch_graph *graph = NULL;
    ck_assert_int_eq(anabranch_engine_new(&o, &engine), 0);
    ck_assert_int_eq(anabranch_builder_new(engine, "g", &b), 0);
    anabranch_builder_field(b, "a", "{\"type\":\"string\"}");
    anabranch_builder_node(b, "x", "{\"kind\":\"set\",\"values\":{}}");
    anabranch_builder_node(b, "y", "{\"kind\":\"set\",\"values\":{}}");
    anabranch_builder_edge(b, "__start__", "x");
    anabranch_builder_edge(b, "x", "y");
    ck_assert_int_eq(anabranch_builder_build(b, &graph), ANABRANCH_E_INVALID);
    ck_assert_ptr_nonnull(strstr(anabranch_builder_problems(b), "more than 1"));
    anabranch_builder_free(b);
    anabranch_engine_free(engine);
}
END_TEST

/* As for the server: a variable that other programs use as well wins; ANABRANCH_ ones are the
 * server's. */
START_TEST(settings_of_a_program_are_completed_by_the_usual_variables)
{
    char *env[] = { "OPENAI_API_KEY=sk-env", "ANABRANCH_MAX_NODES=3", NULL };
    struct conf conf = { .listen = NULL };
    struct buf problems;
    buf_init(&problems, 4096);
    ck_assert_int_eq(
        conf_load_json("{\"max_fields\":7,\"openai_api_key\":\"sk-text\"}", env, &conf, &problems),
        0);
    ck_assert_int_eq(conf.max_fields, 7);
    ck_assert_int_eq(conf.max_nodes, 1000);
    ck_assert_str_eq(conf.openai_api_key, "sk-env");
    ck_assert_str_eq(conf.default_model, "openai:gpt-4o-mini");
    conf_deinit(&conf);
    ck_assert_int_eq(conf_load_json("{\"max_fields\":0,\"max_feelds\":1}", NULL, &conf, &problems),
                     CONF_E_WRONG);
    ck_assert_ptr_nonnull(strstr(buf_text(&problems), "settings: max_fields"));
    ck_assert_ptr_nonnull(strstr(buf_text(&problems), "did you mean max_fields?"));
    conf_deinit(&conf);
    buf_deinit(&problems);
}
END_TEST

/* A caller that was compiled with an older, shorter struct: what it does not have is zero. */
START_TEST(members_beyond_the_size_of_an_option_struct_are_not_read)
{
    struct probe p;
    struct anabranch_engine *engine = NULL;
    struct anabranch_options o = { .size = sizeof(size_t), .settings = "not JSON, not read" };
    probe_init(&p);
    ck_assert_int_eq(anabranch_engine_new(&o, &engine), 0);
    struct anabranch_kind kind = kind_of(&p);
    kind.size = offsetof(struct anabranch_kind, start);
    ck_assert_int_eq(anabranch_engine_add_kind(engine, &kind), ANABRANCH_E_INVALID);
    kind.size = offsetof(struct anabranch_kind, cancel);
    ck_assert_int_eq(anabranch_engine_add_kind(engine, &kind), 0);
    anabranch_engine_free(engine);

    struct anabranch_graph *graph = one_node(&p, "finish", "");
    struct anabranch_run_options run = { .size = offsetof(struct anabranch_run_options, config),
                                         .config = "not JSON, not read" };
    char *result = NULL;
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, "{}", &run, &result), 0);
    anabranch_free(result);
    anabranch_graph_free(graph);
    probe_deinit(&p);
}
END_TEST

START_TEST(a_larger_option_struct_of_a_later_version_is_accepted)
{
    struct {
        struct anabranch_options now;
        void *later;
    } o = { .now = { .size = sizeof(o), .settings = quiet.settings }, .later = &o };
    struct anabranch_engine *engine = NULL;
    ck_assert_int_eq(anabranch_engine_new(&o.now, &engine), 0);
    anabranch_engine_free(engine);
}
END_TEST

START_TEST(a_kind_needs_a_name_of_its_own_and_a_start)
{
    struct probe p;
    probe_init(&p);
    struct anabranch_kind kind = kind_of(&p);
    ck_assert_int_eq(anabranch_engine_add_kind(p.engine, &kind), ANABRANCH_E_INVALID);
    kind.name = "llm";
    ck_assert_int_eq(anabranch_engine_add_kind(p.engine, &kind), ANABRANCH_E_INVALID);
    kind.name = "";
    ck_assert_int_eq(anabranch_engine_add_kind(p.engine, &kind), ANABRANCH_E_INVALID);
    kind.name = NULL;
    ck_assert_int_eq(anabranch_engine_add_kind(p.engine, &kind), ANABRANCH_E_INVALID);
    kind.name = "other";
    kind.start = NULL;
    ck_assert_int_eq(anabranch_engine_add_kind(p.engine, &kind), ANABRANCH_E_INVALID);
    ck_assert_int_eq(anabranch_engine_add_kind(p.engine, NULL), ANABRANCH_E_INVALID);
    probe_deinit(&p);
}
END_TEST

static void stop(void *arg)
{
    anabranch_engine_stop(arg);
}

static void run_inside(void *arg)
{
    struct probe *p = arg;
    p->end_status = anabranch_engine_run(p->engine);
    anabranch_engine_stop(p->engine);
}

START_TEST(an_engine_runs_until_it_is_stopped_and_not_inside_itself)
{
    struct probe p;
    probe_init(&p);
    ck_assert_int_eq(anabranch_post(p.engine, NULL, NULL), ANABRANCH_E_INVALID);
    ck_assert_int_eq(anabranch_post(p.engine, stop, p.engine), 0);
    ck_assert_int_eq(anabranch_engine_run(p.engine), 0);
    ck_assert_int_eq(anabranch_post(p.engine, run_inside, &p), 0);
    ck_assert_int_eq(anabranch_engine_run(p.engine), 0);
    ck_assert_int_eq(p.end_status, ANABRANCH_E_INVALID);
    probe_deinit(&p);
}
END_TEST

/* ---- a kind written in C ---- */

static const struct {
    const char *act;
    int status;
    const char *result; /* a part of it */
} answers[] = {
    { "finish", 0, "{\"text\":\"done\"}" },
    { "twice", 0, "{\"text\":\"one\"}" },
    { "nothing", 0, "{\"text\":\"in\"}" },
    { "post", 0, "{\"text\":\"posted\"}" },
    { "wrong json", ANABRANCH_E_FAILED,
      "{\"error\":{\"type\":\"InvalidUpdateError\",\"message\":\"the node's result is not JSON: "
      "line 1" },
    { "no object", ANABRANCH_E_FAILED,
      "\"InvalidUpdateError\",\"message\":\"node \\\"it\\\" has to return an object, a Command, or "
      "a "
      "list with at least one Command; it returned array (INVALID_GRAPH_NODE_RETURN_VALUE)\","
      "\"node\":\"it\"}}" },
    { "wrong type", ANABRANCH_E_FAILED, "\"InvalidUpdateError\"" },
    { "fail", ANABRANCH_E_FAILED,
      "{\"error\":{\"type\":\"ValueError\",\"message\":\"it is \\\"wrong\\\"\",\"node\":\"it\"}}" },
    { "fail bare", ANABRANCH_E_FAILED,
      "{\"error\":{\"type\":\"NodeError\",\"message\":\"a node failed\",\"node\":\"it\"}}" },
};

START_TEST(a_task_of_a_c_kind_ends_as_it_says)
{
    struct probe p;
    char *result = NULL;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, answers[_i].act, "");
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, "{\"text\":\"in\"}", NULL, &result),
                     answers[_i].status);
    ck_assert_msg(strstr(result, answers[_i].result) != NULL, "%s", result);
    ck_assert_str_eq(p.state, "it {\"text\":\"in\"}");
    ck_assert_int_eq(p.start_count, 1);
    ck_assert_int_eq(p.cancel_count, 0);
    if (strcmp(answers[_i].act, "post") == 0)
        pthread_join(p.thread, NULL);
    anabranch_free(result);
    anabranch_graph_free(graph);
    probe_deinit(&p);
    ck_assert_int_eq(p.config_free_count, 1);
    ck_assert_int_eq(p.data_free_count, 1);
}
END_TEST

static void note_event(void *arg, const char *event, const char *data, size_t len_bytes)
{
    struct probe *p = arg;
    size_t used = strlen(p->log);

    ck_assert_uint_eq(strlen(data), len_bytes);
    snprintf(p->log + used, sizeof(p->log) - used, "%s %s\n", event, data);
}

static void note_end(void *arg, int status, const char *result, size_t len_bytes)
{
    struct probe *p = arg;

    ck_assert_uint_eq(strlen(result), len_bytes);
    p->end_count++;
    p->end_status = status;
    snprintf(p->result, sizeof(p->result), "%s", result);
    anabranch_engine_stop(p->engine);
}

static struct anabranch_run_options options_of(struct probe *p, const char *modes)
{
    return (struct anabranch_run_options){
        .size = sizeof(struct anabranch_run_options),
        .input = "{\"text\":\"in\"}",
        .stream_mode = modes,
        .on_event = note_event,
        .on_end = note_end,
        .arg = p,
    };
}

START_TEST(what_a_task_emits_is_seen_as_messages_with_whole_characters)
{
    struct probe p;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "emit", "");
    struct anabranch_run_options o = options_of(&p, "messages-tuple");
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, "{}", &o, NULL), 0);
    ck_assert_ptr_nonnull(strstr(p.log, "metadata {\"run_id\":"));
    ck_assert_ptr_nonnull(strstr(p.log, "\"content\":\"Py\""));
    ck_assert_ptr_nonnull(strstr(p.log, "\"content\":\"thon\""));
    ck_assert_ptr_null(strstr(p.log, "\xc3\""));
    anabranch_graph_free(graph);
    probe_deinit(&p);
}
END_TEST

START_TEST(a_timeout_cancels_the_task_and_a_late_answer_is_dropped)
{
    struct probe p;
    char *result = NULL;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "hold", ",\"timeout_ms\":5");
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, "{\"text\":\"in\"}", NULL, &result),
                     ANABRANCH_E_FAILED);
    ck_assert_ptr_nonnull(strstr(result, "NodeTimeoutError"));
    ck_assert_int_eq(p.cancel_count, 1);
    ck_assert_int_eq(p.data_free_count, 0); /* the kind still has it */
    anabranch_free(result);
    anabranch_graph_free(graph); /* the task keeps what it needs */
    ck_assert_str_eq(anabranch_task_node(p.task), "it");
    ck_assert_ptr_eq(anabranch_task_data(p.task), &p);
    finish(p.task, "{\"text\":\"late\"}");
    anabranch_task_fail(p.task, NULL, "later");
    probe_deinit(&p);
    ck_assert_int_eq(p.data_free_count, 1);
    ck_assert_int_eq(p.config_free_count, 1);
}
END_TEST

START_TEST(a_task_that_its_kind_forgot_goes_with_the_engine)
{
    struct probe p;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "hold", ",\"timeout_ms\":5");
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, "{}", NULL, NULL), ANABRANCH_E_FAILED);
    anabranch_graph_free(graph);
    probe_deinit(&p);
    ck_assert_int_eq(p.data_free_count, 1);
    ck_assert_int_eq(p.config_free_count, 1);
}
END_TEST

static void bare_start(struct anabranch_task *task, void *config)
{
    ck_assert_ptr_null(config);
    finish(task, "{\"text\":\"bare\"}");
}

START_TEST(a_kind_without_configure_has_no_fields)
{
    struct probe p;
    struct anabranch_kind kind = { .size = sizeof(kind), .name = "bare", .start = bare_start };
    static const char right[] =
        "{\"state\":{\"text\":{\"type\":\"string\"}},\"nodes\":{\"n\":{\"kind\":\"bare\",\"tags\":["
        "\"t\"]}},\"edges\":[[\"START\",\"n\"]]}";
    static const char wrong[] = "{\"state\":{\"text\":{\"type\":\"string\"}},\"nodes\":{\"n\":{"
                                "\"kind\":\"bare\",\"more\":1}},\"edges\":[[\"START\",\"n\"]]}";
    struct anabranch_graph *graph = NULL;
    char *problems = NULL, *result = NULL;
    probe_init(&p);
    ck_assert_int_eq(anabranch_engine_add_kind(p.engine, &kind), 0);
    ck_assert_int_eq(
        anabranch_graph_parse(p.engine, "g.json", wrong, strlen(wrong), &graph, &problems),
        ANABRANCH_E_INVALID);
    ck_assert_ptr_nonnull(strstr(problems, "/nodes/n/more"));
    anabranch_free(problems);
    ck_assert_int_eq(anabranch_graph_parse(p.engine, "g.json", right, strlen(right), &graph, NULL),
                     0);
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, "{}", NULL, &result), 0);
    ck_assert_str_eq(result, "{\"text\":\"bare\"}");
    anabranch_free(result);
    anabranch_graph_free(graph);
    probe_deinit(&p);
}
END_TEST

/* ---- mistakes in graphs ---- */

static const struct {
    const char *act;
    int status;
    const char *problems;
} refused[] = {
    { "dance", ANABRANCH_E_INVALID, "one: /nodes/it/do: no such act; do \"finish\"\n" },
    { "dance", ANABRANCH_E_INVALID, "one: /nodes/it: this node cannot be read" },
    { "refused", ANABRANCH_E_INVALID, "/nodes/it: the kind \"act\" refused the node" },
    { "no memory", ANABRANCH_E_NOMEM, "" },
};

START_TEST(what_a_kind_reports_is_among_the_problems)
{
    struct probe p;
    struct anabranch_builder *b = NULL;
    struct anabranch_graph *graph = NULL;
    char spec[128];
    probe_init(&p);
    snprintf(spec, sizeof(spec), "{\"kind\":\"act\",\"do\":\"%s\"}", refused[_i].act);
    ck_assert_int_eq(anabranch_builder_new(p.engine, "one", &b), 0);
    anabranch_builder_field(b, "text", "{\"type\":\"string\"}");
    anabranch_builder_node(b, "it", spec);
    anabranch_builder_edge(b, "__start__", "it");
    ck_assert_int_eq(anabranch_builder_build(b, &graph), refused[_i].status);
    ck_assert_ptr_null(graph);
    ck_assert_msg(strstr(anabranch_builder_problems(b), refused[_i].problems) != NULL, "%s",
                  anabranch_builder_problems(b));
    anabranch_builder_free(b);
    probe_deinit(&p);
}
END_TEST

START_TEST(all_problems_of_a_graph_are_told)
{
    struct probe p;
    struct anabranch_builder *b = NULL;
    struct anabranch_graph *graph = NULL;
    probe_init(&p);
    ck_assert_int_eq(anabranch_builder_new(p.engine, "bad", &b), 0);
    anabranch_builder_field(b, "text", "{\"type\":\"sting\"}");
    anabranch_builder_node(b, "a", "{\"kind\":\"sett\"}");
    anabranch_builder_edge(b, "__start__", "b");
    ck_assert_int_eq(anabranch_builder_build(b, &graph), ANABRANCH_E_INVALID);
    ck_assert_ptr_nonnull(strstr(anabranch_builder_problems(b), "sting"));
    ck_assert_ptr_nonnull(strstr(anabranch_builder_problems(b), "sett"));
    ck_assert_ptr_nonnull(strstr(anabranch_builder_problems(b), "\"b\""));
    anabranch_builder_free(b);
    probe_deinit(&p);
}
END_TEST

static const struct {
    const char *json;
    const char *problem;
} files[] = {
    { "", "g.json:1:1: " },
    { "{\"state\":", "g.json:1:" },
    { "[]", "g.json: expected object" },
    { "{}", "\"state\" is missing" },
};

START_TEST(the_problems_of_a_file_come_as_a_text)
{
    struct probe p;
    struct anabranch_graph *graph = NULL;
    char *problems = NULL;
    probe_init(&p);
    ck_assert_int_eq(anabranch_graph_parse(p.engine, "g.json", files[_i].json,
                                           strlen(files[_i].json), &graph, &problems),
                     ANABRANCH_E_INVALID);
    ck_assert_msg(strstr(problems, files[_i].problem) != NULL, "%s", problems);
    anabranch_free(problems);
    ck_assert_int_eq(anabranch_graph_parse(p.engine, "g.json", files[_i].json,
                                           strlen(files[_i].json), &graph, NULL),
                     ANABRANCH_E_INVALID);
    ck_assert_int_eq(anabranch_graph_parse(p.engine, NULL, "{}", 2, &graph, NULL),
                     ANABRANCH_E_INVALID);
    ck_assert_ptr_null(graph);
    probe_deinit(&p);
}
END_TEST

/* ---- runs ---- */

START_TEST(a_run_tells_its_events_and_its_end_from_the_loop)
{
    struct probe p;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "finish", "");
    struct anabranch_run_options o = options_of(&p, "values, updates");
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, &o, &p.run), 0);
    ck_assert_str_eq(p.log, "");
    ck_assert_int_eq(anabranch_engine_run(p.engine), 0);
    ck_assert_int_eq(p.end_count, 1);
    ck_assert_int_eq(p.end_status, 0);
    ck_assert_str_eq(p.result, "{\"text\":\"done\"}");
    const char *rest = strchr(p.log, '\n');
    ck_assert_str_eq(rest, "\nvalues {\"text\":\"in\"}\nupdates "
                           "{\"it\":{\"text\":\"done\"}}\nvalues {\"text\":\"done\"}\n");
    anabranch_graph_free(graph);
    probe_deinit(&p);
}
END_TEST

START_TEST(without_modes_there_are_no_events)
{
    struct probe p;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "fail", "");
    struct anabranch_run_options o = options_of(&p, NULL);
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, &o, NULL), 0);
    ck_assert_int_eq(anabranch_engine_run(p.engine), 0);
    ck_assert_str_eq(p.log, "");
    ck_assert_int_eq(p.end_status, ANABRANCH_E_FAILED);
    anabranch_graph_free(graph);
    probe_deinit(&p);
}
END_TEST

static void *cancel_from_thread(void *arg)
{
    struct probe *p = arg;

    anabranch_cancel(p->run);
    return NULL;
}

/* As soon as the task has begun. */
static void cancel_later(void *arg)
{
    struct probe *p = arg;

    if (p->start_count == 0) {
        ck_assert_int_eq(anabranch_post(p->engine, cancel_later, p), 0);
        return;
    }
    ck_assert_int_eq(pthread_create(&p->thread, NULL, cancel_from_thread, p), 0);
}

START_TEST(a_run_is_cancelled_from_another_thread)
{
    struct probe p;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "hold", "");
    struct anabranch_run_options o = options_of(&p, "updates");
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, &o, &p.run), 0);
    ck_assert_int_eq(anabranch_post(p.engine, cancel_later, &p), 0);
    ck_assert_int_eq(anabranch_engine_run(p.engine), 0);
    pthread_join(p.thread, NULL);
    ck_assert_int_eq(p.end_status, ANABRANCH_E_CANCELLED);
    ck_assert_ptr_nonnull(strstr(p.result, "CancelledError"));
    ck_assert_int_eq(p.cancel_count, 1);
    finish(p.task, NULL);
    anabranch_graph_free(graph);
    probe_deinit(&p);
}
END_TEST

START_TEST(a_cancel_that_comes_too_late_or_never_does_no_harm)
{
    struct probe p;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "finish", "");
    struct anabranch_run_options o = options_of(&p, NULL);
    /* Three cancels are on their way when the run ends by the first; the loop stops before it
     * delivers all. */
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, &o, &p.run), 0);
    for (int i = 0; i < 3; i++)
        anabranch_cancel(p.run);
    ck_assert_int_eq(anabranch_engine_run(p.engine), 0);
    ck_assert_int_eq(p.end_count, 1);
    /* And these are never delivered at all. */
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, &o, &p.run), 0);
    for (int i = 0; i < 3; i++)
        anabranch_cancel(p.run);
    anabranch_graph_free(graph);
    probe_deinit(&p);
    ck_assert_int_eq(p.end_count, 2);
    ck_assert_int_eq(p.end_status, ANABRANCH_E_CANCELLED);
}
END_TEST

START_TEST(runs_that_are_left_end_with_the_engine)
{
    struct probe p;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "hold", "");
    struct anabranch_run_options o = options_of(&p, NULL);
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, &o, NULL), 0);
    ck_assert_int_eq(anabranch_post(p.engine, stop, p.engine), 0);
    ck_assert_int_eq(anabranch_engine_run(p.engine), 0);
    anabranch_engine_stop(p.engine);
    anabranch_graph_free(graph);
    probe_deinit(&p);
    ck_assert_int_eq(p.end_count, 1);
    ck_assert_int_eq(p.end_status, ANABRANCH_E_CANCELLED);
    ck_assert_int_eq(p.data_free_count, 1);
}
END_TEST

START_TEST(a_run_has_a_time_limit)
{
    struct probe p;
    char *result = NULL;
    probe_init(&p);
    struct anabranch_graph *graph = one_node(&p, "hold", "");
    struct anabranch_run_options o = options_of(&p, "updates");
    o.timeout_ms = 5;
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, "{}", &o, &result), ANABRANCH_E_FAILED);
    ck_assert_ptr_nonnull(strstr(result, "RunTimeoutError"));
    ck_assert_ptr_nonnull(strstr(p.log, "error {\"error\":\"RunTimeoutError\""));
    ck_assert_int_eq(p.end_count, 1);
    anabranch_free(result);
    anabranch_graph_free(graph);
    probe_deinit(&p);
}
END_TEST

static const struct {
    struct anabranch_run_options options;
    const char *input;
    int status;
    const char *result;
} calls[] = {
    { { .config = "{}" }, "{", ANABRANCH_E_INVALID, NULL },
    { { .config = "{}" }, "[]", ANABRANCH_E_FAILED, "InvalidInputError" },
    { { .config = "{}" }, NULL, ANABRANCH_E_FAILED, "EmptyInputError" },
    { { .config = "[]" }, "{}", ANABRANCH_E_INVALID, NULL },
    { { .config = "{\"recursion_limit\":1}" }, "{}", ANABRANCH_E_FAILED, "GraphRecursionError" },
    { { .config = "{\"recursion_limit\":0}" }, "{}", ANABRANCH_E_INVALID, NULL },
    { { .config = "{\"recursion_limit\":100001}" }, "{}", ANABRANCH_E_INVALID, NULL },
    { { .config = "{\"recursion_limits\":7}" }, "{}", ANABRANCH_E_INVALID, NULL },
    { { .config = "{\"tags\":[1]}" }, "{}", ANABRANCH_E_INVALID, NULL },
    { { .config = "{\"tags\":[\"a\"],\"metadata\":{},\"configurable\":{\"who\":\"me\"}}",
        .context = "{\"where\":\"here\"}" },
      "{}",
      0,
      "{\"text\":\"me here\"}" },
    { { .context = "{\"where\":\"there\"}" }, "{}", 0, "{\"text\":\"you there\"}" },
    { { .context = "7" }, "{}", ANABRANCH_E_INVALID, NULL },
    { { .stream_mode = "values,update" }, "{}", ANABRANCH_E_INVALID, NULL },
    { { .stream_mode = " values ,, updates," }, "{}", 0, "{\"text\":\"you by default\"}" },
    { { .timeout_ms = -1 }, "{}", ANABRANCH_E_INVALID, NULL },
};

START_TEST(the_options_of_a_run_are_read_and_stand_above_the_graphs_own)
{
    static const char json[] = "{\"state\":{\"text\":{\"type\":\"string\"}},"
                               "\"nodes\":{\"n\":{\"kind\":\"set\",\"values\":{\"text\":\"{{$"
                               "config.who}} {{$context.where}}\"}}},"
                               "\"edges\":[[\"START\",\"n\"]],"
                               "\"assistant\":{\"config\":{\"configurable\":{\"who\":\"you\"}},"
                               "\"context\":{\"where\":\"by default\"}}}";
    struct probe p;
    struct anabranch_graph *graph = NULL;
    struct anabranch_run_options o = calls[_i].options;
    char *result = NULL, *problems = NULL;
    probe_init(&p);
    o.size = sizeof(o);
    int r = anabranch_graph_parse(p.engine, "g.json", json, strlen(json), &graph, &problems);
    ck_assert_msg(r == 0, "%s", problems);
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, calls[_i].input, &o, &result),
                     calls[_i].status);
    if (calls[_i].result == NULL)
        ck_assert_ptr_null(result);
    else
        ck_assert_msg(strstr(result, calls[_i].result) != NULL, "%s", result);
    anabranch_free(result);
    ck_assert_int_eq(anabranch_invoke(p.engine, NULL, "{}", NULL, NULL), ANABRANCH_E_INVALID);
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, NULL, NULL), ANABRANCH_E_INVALID);
    anabranch_graph_free(graph);
    probe_deinit(&p);
}
END_TEST

START_TEST(a_run_that_is_refused_has_a_result_that_says_why)
{
    struct anabranch_options o = { .size = sizeof(o),
                                   .settings = "{\"log_level\":\"error\",\"max_runs\":1}" };
    struct probe p = { .start_count = 0 };
    struct anabranch_kind kind = kind_of(&p);
    char *result = NULL;
    ck_assert_int_eq(anabranch_engine_new(&o, &p.engine), 0);
    ck_assert_int_eq(anabranch_engine_add_kind(p.engine, &kind), 0);
    struct anabranch_graph *graph = one_node(&p, "hold", "");
    struct anabranch_run_options run = options_of(&p, NULL);
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, &run, NULL), 0);
    ck_assert_int_eq(anabranch_run_start(p.engine, graph, &run, NULL), ANABRANCH_E_FAILED);
    ck_assert_int_eq(anabranch_invoke(p.engine, graph, "{}", NULL, &result), ANABRANCH_E_FAILED);
    ck_assert_ptr_nonnull(strstr(result, "ServiceUnavailableError"));
    anabranch_free(result);
    anabranch_graph_free(graph);
    probe_deinit(&p);
    ck_assert_int_eq(p.end_count, 1);
}
END_TEST

/* ---- the fault law ---- */

static const char *const law_acts[] = { "finish", "emit", "fail", "wrong json" };

/* Everything from the builder to the result, with one allocation of it failing. */
static int whole_story(struct probe *p, const char *act, struct anabranch_engine *engine)
{
    struct anabranch_kind kind = kind_of(p);
    struct anabranch_builder *b = NULL;
    struct anabranch_graph *graph = NULL;
    struct anabranch_run_options o = options_of(p, "values,updates,messages-tuple");
    char spec[128];
    char *result = NULL;

    p->engine = engine;
    p->log[0] = '\0';
    kind.name = "law";
    snprintf(spec, sizeof(spec), "{\"kind\":\"law\",\"do\":\"%s\"}", act);
    int r = anabranch_engine_add_kind(engine, &kind);
    if (r == 0)
        r = anabranch_builder_new(engine, "one", &b);
    if (r == 0)
        r = anabranch_builder_field(b, "text", "{\"type\":\"string\"}");
    if (r == 0)
        r = anabranch_builder_node(b, "it", spec);
    if (r == 0)
        r = anabranch_builder_edge(b, "__start__", "it");
    if (r == 0)
        r = anabranch_builder_build(b, &graph);
    anabranch_builder_free(b);
    if (r == 0)
        r = anabranch_invoke(engine, graph, "{\"text\":\"in\"}", &o, &result);
    ck_assert_int_eq(r == 0 || r == ANABRANCH_E_FAILED, result != NULL);
    anabranch_free(result);
    anabranch_graph_free(graph);
    return r;
}

START_TEST(without_memory_everything_ends_and_nothing_leaks)
{
    bool was_met = true;
    for (unsigned long n = 1; was_met; n++) {
        struct probe p = { .start_count = 0 };
        struct anabranch_engine *engine = NULL;
        mem_fail_at(n);
        int r = anabranch_engine_new(&quiet, &engine);
        if (r == 0)
            r = whole_story(&p, law_acts[_i], engine);
        was_met = mem_fail_pending() == 0;
        mem_fail_at(0);
        ck_assert(r == 0 || r == ANABRANCH_E_NOMEM || r == ANABRANCH_E_SYSTEM ||
                  r == ANABRANCH_E_FAILED);
        anabranch_engine_free(engine);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    mem_init();
    Suite *s = suite_create("embed");
    TCase *t = tcase_create("embed");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_example_of_the_header_runs);
    tcase_add_test(t, an_engine_without_options_has_the_defaults);
    tcase_add_test(t, a_database_that_cannot_be_used_is_a_wrong_setting);
    tcase_add_loop_test(t, wrong_settings_are_refused, 0, COUNT(wrong_settings));
    tcase_add_test(t, settings_are_in_force);
    tcase_add_test(t, settings_of_a_program_are_completed_by_the_usual_variables);
    tcase_add_test(t, members_beyond_the_size_of_an_option_struct_are_not_read);
    tcase_add_test(t, a_larger_option_struct_of_a_later_version_is_accepted);
    tcase_add_test(t, a_kind_needs_a_name_of_its_own_and_a_start);
    tcase_add_test(t, an_engine_runs_until_it_is_stopped_and_not_inside_itself);
    tcase_add_loop_test(t, a_task_of_a_c_kind_ends_as_it_says, 0, COUNT(answers));
    tcase_add_test(t, what_a_task_emits_is_seen_as_messages_with_whole_characters);
    tcase_add_test(t, a_timeout_cancels_the_task_and_a_late_answer_is_dropped);
    tcase_add_test(t, a_task_that_its_kind_forgot_goes_with_the_engine);
    tcase_add_test(t, a_kind_without_configure_has_no_fields);
    tcase_add_loop_test(t, what_a_kind_reports_is_among_the_problems, 0, COUNT(refused));
    tcase_add_test(t, all_problems_of_a_graph_are_told);
    tcase_add_loop_test(t, the_problems_of_a_file_come_as_a_text, 0, COUNT(files));
    tcase_add_test(t, a_run_tells_its_events_and_its_end_from_the_loop);
    tcase_add_test(t, without_modes_there_are_no_events);
    tcase_add_test(t, a_run_is_cancelled_from_another_thread);
    tcase_add_test(t, a_cancel_that_comes_too_late_or_never_does_no_harm);
    tcase_add_test(t, runs_that_are_left_end_with_the_engine);
    tcase_add_test(t, a_run_has_a_time_limit);
    tcase_add_loop_test(t, the_options_of_a_run_are_read_and_stand_above_the_graphs_own, 0,
                        COUNT(calls));
    tcase_add_test(t, a_run_that_is_refused_has_a_result_that_says_why);
    tcase_add_loop_test(t, without_memory_everything_ends_and_nothing_leaks, 0, COUNT(law_acts));
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
