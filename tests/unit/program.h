#ifndef ANABRANCH_TESTS_UNIT_PROGRAM_H
#define ANABRANCH_TESTS_UNIT_PROGRAM_H
/*
 * A program that embeds the engine, through include/anabranch.h alone: a graph whose nodes of kind
 * "act" do what C functions say ("do": which one), one thread "t", and what was told of it all.
 *
 *     static const struct program_act acts[] = {{"hello", say_hello}, {NULL, NULL}};
 *     program_init(&p, acts, "'nodes':{'it':{'kind':'act','do':'hello'}},'edges':[...]");
 *     ck_assert_int_eq(program_run(&p, "{}"), 0);
 *     program_expect(&p, "{'log':['hello']}");
 *     program_deinit(&p);
 *
 * JSON is written with ' for ", and answers and events are kept so, too. The state has the fields
 * text (string) and log (append), unless the graph brings its own.
 */
#include "anabranch.h"
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct program;
struct program_act {
    const char *name;
    void (*act)(struct program *p, struct anabranch_task *task);
};

struct program {
    struct anabranch_engine *engine;
    struct anabranch_graph *graph;
    const struct program_act *acts;
    struct anabranch_run_options run;   /* what the next runs are asked with; thread "t" */
    struct anabranch_thread_options at; /* what is looked at and changed; thread "t" */
    struct anabranch_task *held;
    int start_count;
    char events[65536]; /* of the last run: "name data\n" */
    char *answer;       /* of the last run or call; free() */
    int status;
    bool has_ended;
};

/* ---- text ---- */

static inline void program_swap(char *text, char from, char to)
{
    for (char *c = text; c != NULL && *c != '\0'; c++)
        if (*c == from)
            *c = to;
}

/* ' becomes "; NULL stays; free(). */
static inline char *program_json(const char *text)
{
    char *json = text == NULL ? NULL : strdup(text);

    program_swap(json, '\'', '"');
    return json;
}

/* Takes text of the engine. */
static inline void program_keep(struct program *p, const char *text)
{
    free(p->answer);
    p->answer = text == NULL ? NULL : strdup(text);
    program_swap(p->answer, '"', '\'');
}

static inline void program_finish(struct anabranch_task *task, const char *result)
{
    char *json = program_json(result);

    anabranch_task_finish(task, json, strlen(json));
    free(json);
}

/* ---- the kind ---- */

struct program_config {
    struct program *program;
    const struct program_act *act;
};

/* The node's own "do" is the first one: an error handler's comes behind it. */
static inline const struct program_act *program_find_act(const struct program *p, const char *spec)
{
    const char *own = strstr(spec, "\"do\":\"");

    for (const struct program_act *a = p->acts; own != NULL && a->name != NULL; a++) {
        size_t len = strlen(a->name);
        if (strncmp(own + 6, a->name, len) == 0 && own[6 + len] == '"')
            return a;
    }
    return NULL;
}

static inline int program_configure(void *arg, const char *spec, struct anabranch_builder *builder,
                                    void **ret_config)
{
    const struct program_act *act = program_find_act(arg, spec);

    if (act == NULL) {
        anabranch_report(builder, "do", "no such act", NULL);
        return 0;
    }
    struct program_config *c = malloc(sizeof(*c));
    *c = (struct program_config){ arg, act };
    *ret_config = c;
    return 0;
}

static inline void program_start(struct anabranch_task *task, void *config)
{
    const struct program_config *c = config;

    c->program->start_count++;
    c->act->act(c->program, task);
}

/* ---- life ---- */

static inline void program_note_event(void *arg, const char *event, const char *data,
                                      size_t len_bytes)
{
    struct program *p = arg;
    size_t used = strlen(p->events);

    ck_assert_uint_lt(used + strlen(event) + len_bytes + 3, sizeof(p->events));
    snprintf(p->events + used, sizeof(p->events) - used, "%s %s\n", event, data);
    program_swap(p->events + used, '"', '\'');
}

static inline void program_note_answer(void *arg, int status, const char *json, size_t len_bytes)
{
    struct program *p = arg;

    ck_assert_uint_eq(strlen(json), len_bytes);
    program_keep(p, json);
    p->status = status;
    p->has_ended = true;
    anabranch_engine_stop(p->engine);
}

static inline void program_add_kind(struct program *p)
{
    const struct anabranch_kind kind = { .size = sizeof(kind),
                                         .name = "act",
                                         .arg = p,
                                         .configure = program_configure,
                                         .config_free = free,
                                         .start = program_start };

    ck_assert_int_eq(anabranch_engine_add_kind(p->engine, &kind), 0);
}

/* Another graph in place of the one there was. */
static inline void program_use(struct program *p, const char *rest)
{
    static const char state[] =
        "'state':{'text':{'type':'string'},'log':{'type':'array','reducer':'append'}},";
    char text[4096], *problems = NULL;
    bool has_state = strstr(rest, "'state'") == rest;

    ck_assert_int_lt(snprintf(text, sizeof(text), "{%s%s}", has_state ? "" : state, rest),
                     (int)sizeof(text));
    char *json = program_json(text);
    anabranch_graph_free(p->graph);
    p->graph = NULL;
    int r = anabranch_graph_parse(p->engine, "g.json", json, strlen(json), &p->graph, &problems);
    ck_assert_msg(r == 0, "%s", problems);
    free(json);
}

/* acts: ended by a row without a name. rest: "nodes" and "edges", perhaps with "state" in front. */
static inline void program_init(struct program *p, const struct program_act *acts, const char *rest)
{
    const struct anabranch_options quiet = {
        .size = sizeof(quiet),
        .settings = "{\"log_level\":\"error\",\"upstream_pools\":1,\"database\":\"memory:\"}"
    };

    memset(p, 0, sizeof(*p));
    p->acts = acts;
    p->run = (struct anabranch_run_options){
        .size = sizeof(p->run), .thread_id = "t", .on_event = program_note_event, .arg = p
    };
    p->at = (struct anabranch_thread_options){
        .size = sizeof(p->at), .thread_id = "t", .on_end = program_note_answer, .arg = p
    };
    ck_assert_int_eq(anabranch_engine_new(&quiet, &p->engine), 0);
    program_add_kind(p);
    if (rest != NULL)
        program_use(p, rest);
}

static inline void program_deinit(struct program *p)
{
    anabranch_graph_free(p->graph);
    anabranch_engine_free(p->engine);
    free(p->answer);
}

/* ---- runs ---- */

static inline int program_invoke(struct program *p, const char *input)
{
    char *json = program_json(input), *result = NULL;

    p->events[0] = '\0';
    int r = anabranch_invoke(p->engine, p->graph, json, &p->run, &result);
    program_keep(p, result);
    anabranch_free(result);
    free(json);
    return r;
}

/* input NULL: the run goes on. */
static inline int program_run(struct program *p, const char *input)
{
    return program_invoke(p, input);
}

static inline int program_command(struct program *p, const char *command)
{
    char *json = program_json(command);

    p->run.command = json;
    int r = program_invoke(p, NULL);
    p->run.command = NULL;
    free(json);
    return r;
}

/* ---- the thread ---- */

/* begun: what beginning the call has given. */
static inline int program_wait(struct program *p, int begun)
{
    if (begun != 0)
        return begun;
    p->has_ended = false;
    ck_assert_int_eq(anabranch_engine_run(p->engine), 0);
    ck_assert(p->has_ended);
    return p->status;
}

static inline int program_state(struct program *p, bool subgraphs)
{
    return program_wait(p, anabranch_get_state(p->engine, p->graph, &p->at, subgraphs));
}

static inline int program_history(struct program *p, const char *before, const char *filter)
{
    char *json = program_json(filter);
    struct anabranch_history h = { .size = sizeof(h), .before = before, .filter = json };
    int r = program_wait(p, anabranch_get_history(p->engine, p->graph, &p->at, &h));

    free(json);
    return r;
}

static inline int program_update(struct program *p, const char *values, const char *as_node)
{
    char *json = program_json(values);
    int r = program_wait(p, anabranch_update_state(p->engine, p->graph, &p->at, json, as_node));

    free(json);
    return r;
}

/* ---- expectations ---- */

static inline void program_expect(const struct program *p, const char *part)
{
    ck_assert_ptr_nonnull(p->answer);
    ck_assert_msg(strstr(p->answer, part) != NULL, "%s\nis not in\n%s", part, p->answer);
}

static inline void program_expect_no(const struct program *p, const char *part)
{
    ck_assert_ptr_nonnull(p->answer);
    ck_assert_msg(strstr(p->answer, part) == NULL, "%s\nis in\n%s", part, p->answer);
}

static inline void program_expect_event(const struct program *p, const char *part)
{
    ck_assert_msg(strstr(p->events, part) != NULL, "%s\nis not in\n%s", part, p->events);
}

/* What stands behind the n-th `key` of a text up to the next quote. */
static inline void program_take(const char *text, const char *key, int n, char *ret, size_t size)
{
    const char *at = text - 1;

    for (int i = 0; i < n; i++) {
        at = strstr(at + 1, key);
        ck_assert_msg(at != NULL, "no %s in %s", key, text);
    }
    at += strlen(key);
    snprintf(ret, size, "%.*s", (int)strcspn(at, "'"), at);
}

#endif
