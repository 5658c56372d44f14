#ifndef ANABRANCH_TESTS_UNIT_SCRIPT_KIT_H
#define ANABRANCH_TESTS_UNIT_SCRIPT_KIT_H
/*
 * Calls of scripts on a real loop, with a host that keeps what it is told. The laws of script/call.h
 * are asserted: one end, nothing after it.
 *
 *     kit_do(x, "sleep(0.001) return {out = 1}")     loads, calls, waits: "{'out':1}"
 *     kit_load(x, FILE) kit_start(x) kit_end(x)      the same for a whole file with a function `it`
 *
 * Texts that come back have ' for ", and are valid until the next one. A failure is "Class: message",
 * the message without its traceback.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/outcome.h"
#include "loop/loop.h"
#include "node/node.h"
#include "script/internal.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIT_PATIENCE_S = 20, KIT_TEXT_BYTES = 1 << 20 };

struct kit {
    struct conf conf;
    struct loop *loop;
    struct fetcher *fetcher;   /* NULL without kit_connect() */
    struct llm_models *models; /* likewise */
    struct kind_table kinds;
    struct problems problems;
    struct graph *graph;
    json_t *state;
    json_t *configurable;
    json_t *answer; /* to interrupt(), or NULL */
    struct script_call *call;
    /* what came from the call */
    bool has_ended;
    json_t *result;
    struct fail fail;
    json_t *asked;
    int message_count; /* open */
    struct buf said;   /* one line for each thing it told */
};

/* A file with a function `it` becomes a graph of one node by this at its end. */
#define KIT_TAIL                                                                                   \
    " return StateGraph({out = 'any', items = {type = 'array'}, obj = {type = 'object'}, "         \
    "talk = {type = 'messages'}, log = {type = 'any', reducer = append}})"                         \
    ":add_node('it', it):add_edge(START, 'it'):add_edge('it', END):compile{}"

/* ---- the host ---- */

static inline struct kit *kit_alive(void *arg)
{
    struct kit *x = arg;
    ck_assert(!x->has_ended);
    return x;
}

static inline void kit_on_finish(void *arg, json_t *take)
{
    struct kit *x = kit_alive(arg);
    x->has_ended = true;
    x->result = take;
}

static inline void kit_on_fail(void *arg, struct fail *take)
{
    struct kit *x = kit_alive(arg);
    x->has_ended = true;
    fail_move(&x->fail, take);
}

static inline const json_t *kit_on_ask(void *arg, json_t *take)
{
    struct kit *x = kit_alive(arg);
    json_decref(x->asked);
    x->asked = take;
    x->has_ended = x->answer == NULL;
    return x->answer;
}

static inline void kit_on_custom(void *arg, json_t *take)
{
    struct kit *x = kit_alive(arg);
    (void)buf_add_str(&x->said, "custom ");
    jsonx_encode(take, &x->said);
    (void)buf_add_char(&x->said, '\n');
    json_decref(take);
}

static inline struct script *kit_script(const struct kit *x);

/* "starve": from now on there is no memory for the script. */
static inline void kit_on_emit(void *arg, const char *text, size_t len_bytes)
{
    struct kit *x = kit_alive(arg);
    if (strcmp(text, "starve") == 0)
        kit_script(x)->max_bytes = 0;
    (void)buf_add_str(&x->said, "emit ");
    (void)buf_add(&x->said, text, len_bytes);
    (void)buf_add_char(&x->said, '\n');
}

static inline void kit_on_open(void *arg, const char *id, const char *model)
{
    ck_assert_int_eq(strncmp(id, "run-", 4), 0);
    ck_assert_ptr_nonnull(model);
    kit_alive(arg)->message_count++;
}

static inline void kit_on_delta(void *arg, const char *id, const struct llm_delta *delta)
{
    (void)id;
    (void)delta;
    ck_assert_int_gt(kit_alive(arg)->message_count, 0);
}

static inline void kit_on_close(void *arg, const char *id)
{
    (void)id;
    kit_alive(arg)->message_count--;
}

static inline void kit_on_progress(void *arg)
{
    (void)buf_add_str(&kit_alive(arg)->said, "alive\n");
}

static const struct script_host kit_host = {
    .finish = kit_on_finish,
    .fail = kit_on_fail,
    .ask = kit_on_ask,
    .custom = kit_on_custom,
    .emit = kit_on_emit,
    .message_open = kit_on_open,
    .message_delta = kit_on_delta,
    .message_close = kit_on_close,
    .progress = kit_on_progress,
};

/* ---- life ---- */

static inline void kit_init(struct kit *x)
{
    *x = (struct kit){ .has_ended = false };
    log_level_set(LOG_ERROR);
    ck_assert_int_eq(conf_default(&x->conf), 0);
    x->conf.demo_delay_ms = 0;
    ck_assert_int_eq(loop_new(&x->loop), 0);
    x->kinds = node_kinds();
    problems_init(&x->problems);
    buf_init(&x->said, KIT_TEXT_BYTES);
    x->state = json_object();
}

/* Requests and models are real. */
static inline void kit_connect(struct kit *x)
{
    mem_free(x->conf.default_model);
    x->conf.default_model = mem_strdup("demo");
    ck_assert_int_eq(fetcher_new(x->loop, 1, &x->fetcher), 0);
    ck_assert_int_eq(llm_models_new(&x->conf, x->loop, x->fetcher, NULL, &x->models), 0);
}

/* What has come from a call is forgotten. */
static inline void kit_clear(struct kit *x)
{
    x->has_ended = false;
    x->message_count = 0;
    json_decref(x->result);
    json_decref(x->asked);
    x->result = x->asked = NULL;
    fail_clear(&x->fail);
    buf_clear(&x->said);
}

/* ' becomes ". */
static inline json_t *kit_json(const char *text)
{
    char *json = strdup(text);
    struct jsonx_error error;
    json_t *ret = NULL;
    for (char *c = json; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    int r = jsonx_parse(json, strlen(json), 100, &ret, &error);
    ck_assert_msg(r == 0, "%s: %s", text, r > 0 ? error.message : "");
    free(json);
    return ret;
}

static inline void kit_give(struct kit *x, const char *state)
{
    json_decref(x->state);
    x->state = kit_json(state);
}

/* ---- turns of the loop ---- */

static inline void kit_give_up(void *arg)
{
    (void)arg;
    ck_abort_msg("nothing happens any more");
}

static inline void kit_until(struct kit *x, const bool *done)
{
    struct loop_timer *patience = NULL;
    ck_assert_int_eq(loop_timer_new(x->loop, kit_give_up, x, &patience), 0);
    loop_timer_start(patience, (int64_t)KIT_PATIENCE_S * 1000000);
    ck_assert_int_eq(loop_run_until(x->loop, done), 0);
    loop_timer_free(patience);
}

static inline void kit_ring(void *arg)
{
    *(bool *)arg = true;
}

/* Lets time pass. 0: one turn and a little. */
static inline void kit_wait(struct kit *x, int64_t us)
{
    struct loop_timer *timer = NULL;
    bool is_over = false;
    ck_assert_int_eq(loop_timer_new(x->loop, kit_ring, &is_over, &timer), 0);
    loop_timer_start(timer, us);
    kit_until(x, &is_over);
    loop_timer_free(timer);
}

static inline void kit_stop(void *arg)
{
    loop_stop(arg);
}

static inline void kit_turn(struct kit *x)
{
    struct loop_work work;
    loop_work_init(&work, kit_stop, x->loop);
    loop_ready(x->loop, &work);
    ck_assert_int_eq(loop_run(x->loop), 0);
}

/* Until nothing is under way any more. */
static inline void kit_drain(struct kit *x)
{
    while (loop_op_count(x->loop) > 0)
        kit_wait(x, 500);
}

static inline void kit_deinit(struct kit *x)
{
    x->call = script_call_free(x->call);
    kit_drain(x);
    kit_clear(x);
    buf_deinit(&x->said);
    json_decref(x->state);
    json_decref(x->configurable);
    json_decref(x->answer);
    graph_unref(x->graph);
    problems_deinit(&x->problems);
    llm_models_free(x->models);
    fetcher_free(x->fetcher);
    loop_free(x->loop);
    conf_deinit(&x->conf);
}

/* ---- loading ---- */

static const struct builder_limits kit_limits = { 100, 100, 100, 1000 };

/* A file, as script_load_graph() takes it. */
static inline int kit_parse_at(struct kit *x, const char *path, const char *text)
{
    const struct script_tools tools = { &x->conf, &x->kinds, &kit_limits, NULL, NULL };
    problems_deinit(&x->problems);
    problems_init(&x->problems);
    x->graph = graph_unref(x->graph);
    return script_load_graph(&tools, path, text, strlen(text), &x->problems, &x->graph);
}

static inline int kit_parse(struct kit *x, const char *text)
{
    return kit_parse_at(x, "test.lua", text);
}

/* A file, which must be right, that defines `it`. */
static inline void kit_load(struct kit *x, const char *text)
{
    char *whole = mem_printf("%s%s", text, KIT_TAIL);
    int r = kit_parse(x, whole);
    ck_assert_msg(r == 0 && x->graph != NULL, "%d: %s", r, buf_text(&x->problems.text));
    mem_free(whole);
}

static inline void kit_load_body(struct kit *x, const char *body)
{
    char *whole = mem_printf("local function it(state, config, err) %s\nend", body);
    kit_load(x, whole);
    mem_free(whole);
}

static inline const struct script_function *kit_function(const struct kit *x)
{
    return x->graph->nodes[graph_find_node(x->graph, "it")].config;
}

static inline struct script *kit_script(const struct kit *x)
{
    return kit_function(x)->script;
}

/* ---- files ---- */

struct kit_folder {
    char path[64];
    char names[16][64]; /* of files in it, which are removed with it */
    int count;
};

static inline void kit_folder_init(struct kit_folder *f)
{
    f->count = 0;
    (void)snprintf(f->path, sizeof(f->path), "/tmp/anabranch-script-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->path));
}

/* The path of a name in it, valid until the next call. */
static inline const char *kit_path(const struct kit_folder *f, const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", f->path, name);
    return path;
}

static inline void kit_write(struct kit_folder *f, const char *name, const char *text, size_t len)
{
    FILE *file = fopen(kit_path(f, name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_lt(f->count, 16);
    (void)snprintf(f->names[f->count++], sizeof(f->names[0]), "%s", name);
}

static inline void kit_folder_deinit(struct kit_folder *f)
{
    for (int i = f->count - 1; i >= 0; i--)
        ck_assert_int_eq(remove(kit_path(f, f->names[i])), 0);
    ck_assert_int_eq(remove(f->path), 0);
}

/* ---- calls ---- */

static inline struct script_call_options kit_options(struct kit *x)
{
    return (struct script_call_options){
        .function = kit_function(x),
        .loop = x->loop,
        .fetcher = x->fetcher,
        .models = x->models,
        .host = &kit_host,
        .arg = x,
        .about = { .run_id = "run",
                   .task_id = "task",
                   .node = "it",
                   .attempt = 1,
                   .graph = x->graph,
                   .state = x->state,
                   .configurable = x->configurable },
    };
}

static inline void kit_start(struct kit *x)
{
    const struct script_call_options options = kit_options(x);
    kit_clear(x);
    int r = script_call_start(&options, &x->call, &x->fail);
    ck_assert_int_ge(r, 0);
    ck_assert_int_eq(r == SCRIPT_E_WRONG, fail_is_set(&x->fail));
    x->has_ended = r > 0;
}

static inline const char *kit_quote(const char *text)
{
    static char out[KIT_TEXT_BYTES];
    (void)snprintf(out, sizeof(out), "%s", text);
    for (char *c = out; *c != '\0'; c++)
        if (*c == '"')
            *c = '\'';
    return out;
}

/* The result, "Class: message", or "asked value". */
static inline const char *kit_text(struct kit *x)
{
    static char out[KIT_TEXT_BYTES];
    ck_assert(x->has_ended);
    if (fail_is_set(&x->fail)) {
        const char *message = fail_message(&x->fail);
        (void)snprintf(out, sizeof(out), "%s: %.*s", fail_type(&x->fail),
                       (int)strcspn(message, "\n"), message);
        return kit_quote(out);
    }
    char *text = jsonx_text(x->result != NULL ? x->result : x->asked, sizeof(out), NULL);
    (void)snprintf(out, sizeof(out), "%s%s", x->result != NULL ? "" : "asked ", text);
    mem_free(text);
    return kit_quote(out);
}

static inline const char *kit_end(struct kit *x)
{
    kit_until(x, &x->has_ended);
    x->call = script_call_free(x->call);
    kit_drain(x);
    return kit_text(x);
}

static inline const char *kit_call(struct kit *x)
{
    kit_start(x);
    return kit_end(x);
}

static inline const char *kit_do(struct kit *x, const char *body)
{
    kit_load_body(x, body);
    return kit_call(x);
}

/* ---- tables of bodies ---- */

struct kit_row {
    const char *body;
    const char *wanted;
};

/* A result is as wanted; of a failure "Class: a part of the message" is. */
static inline bool kit_is(const struct kit *x, const char *found, const char *wanted)
{
    const char *colon = strstr(wanted, ": ");
    if (!fail_is_set(&x->fail) || colon == NULL)
        return strcmp(found, wanted) == 0;
    return strncmp(found, wanted, (size_t)(colon - wanted) + 2) == 0 &&
           strstr(found, colon + 2) != NULL;
}

/* Each row in a state of its own. */
static inline void kit_check(const struct kit_row *row, const char *state)
{
    struct kit x;
    kit_init(&x);
    kit_give(&x, state);
    const char *found = kit_do(&x, row->body);
    ck_assert_msg(kit_is(&x, found, row->wanted), "%s\nfound:  %s\nwanted: %s", row->body, found,
                  row->wanted);
    kit_deinit(&x);
}

#define KIT_ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static inline int kit_main(const char *name, void (*add)(TCase *tc))
{
    mem_init();
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    tcase_set_timeout(tc, 120);
    add(tc);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
