/* Looking at a thread's state and history. What has not run has no graph, and an empty state. */
#include "api/about.h"
#include "api/on_thread.h"
#include "api/query.h"
#include <stdio.h>
#include <string.h>

enum { HISTORY_LIMIT = 10 };

static struct on_thread *of(struct work *w)
{
    return (struct on_thread *)(void *)w;
}

static const char *or_null(const char *text)
{
    return *text == '\0' ? NULL : text;
}

/* False: it was replied to. */
static bool set_id(struct work *w, char to[STORE_ID_MAX + 1], const char *name, const char *id)
{
    if (id == NULL)
        return true;
    if (strlen(id) <= STORE_ID_MAX) {
        (void)snprintf(to, STORE_ID_MAX + 1, "%s", id); /* it fits */
        return true;
    }
    work_failf(w, FAIL_BAD_REQUEST, "\"%s\" is longer than %d bytes", name, STORE_ID_MAX);
    return false;
}

/* ---- state ---- */

static void show_state(struct work *w)
{
    int r = thread_state_shape(w->result);

    if (r != 0)
        work_fault(w, r);
    else
        work_json_take(w, json_incref(w->result));
}

static void read_state(struct work *w)
{
    struct on_thread *t = of(w);
    const char *ns = body_text(w->body, "checkpoint.checkpoint_ns");
    struct thread_place place;

    if (on_thread_graph_id(t) == NULL) {
        work_json_take(w, json_pack("{s:{}, s:[], s:[], s:n, s:n, s:n, s:[]}", "values", "next",
                                    "tasks", "created_at", "checkpoint", "parent_checkpoint",
                                    "interrupts"));
        return;
    }
    if (!on_thread_set_graph(t, on_thread_graph_id(t)))
        return;
    place = on_thread_place(t, ns, or_null(t->checkpoint_id));
    w->then = show_state;
    thread_get_state(w->api->runs, &w->thread_op, &place, t->with_subgraphs, &w->result, &w->fail,
                     work_thread_done, w);
}

static void get_state(struct req *req, const char *checkpoint_id)
{
    struct on_thread *t = on_thread_new(req, NULL, true);

    if (t == NULL)
        return;
    t->with_subgraphs = query_flag(req, "subgraphs", false);
    if (set_id(&t->w, t->checkpoint_id, "checkpoint_id", checkpoint_id))
        on_thread_find(t, read_state);
}

void handle_thread_state(struct req *req)
{
    get_state(req, NULL);
}

static const struct query_key state_query[] = {
    { "subgraphs", &type_boolean },
    QUERY_END,
};
const struct route_about about_thread_state = {
    .summary = "Where a thread stands",
    .query = state_query,
    .answers = { { 200, "ThreadState" } },
    .fails = FAILS_404,
};

void handle_thread_state_at(struct req *req)
{
    get_state(req, req_param(req, "checkpoint_id"));
}

const struct route_about about_thread_state_at = {
    .summary = "Where a thread stood at a checkpoint",
    .query = state_query,
    .answers = { { 200, "ThreadState" } },
    .fails = FAILS_404,
};

static const struct body_key checkpoint_keys[] = {
    { "checkpoint", &type_object, true },
    { "checkpoint.checkpoint_id", &type_string, false },
    { "checkpoint.checkpoint_ns", &type_string, false },
    { "subgraphs", &type_boolean, false },
    BODY_END,
};

void handle_thread_state_checkpoint(struct req *req)
{
    struct on_thread *t = on_thread_new(req, checkpoint_keys, true);

    if (t == NULL)
        return;
    t->with_subgraphs = json_is_true(body_find(t->w.body, "subgraphs"));
    if (set_id(&t->w, t->checkpoint_id, "checkpoint.checkpoint_id",
               body_text(t->w.body, "checkpoint.checkpoint_id")))
        on_thread_find(t, read_state);
}

const struct route_about about_thread_state_checkpoint = {
    .summary = "Where a thread, or a graph inside, stood at a checkpoint",
    .keys = checkpoint_keys,
    .answers = { { 200, "ThreadState" } },
    .fails = FAILS_404,
};

/* ---- history ---- */

/* Of the largest size that the settings allow, so many are shown at once; of smaller ones more. */
enum { HISTORY_STATES = 4 };

static void show_history(struct work *w)
{
    json_t *snapshot;
    size_t i;
    int r = 0;

    json_array_foreach(w->result, i, snapshot) {
        if (r == 0)
            r = thread_state_shape(snapshot);
    }
    if (r != 0)
        work_fault(w, r);
    else
        work_json_take(w, json_incref(w->result));
}

static void read_history(struct work *w)
{
    struct on_thread *t = of(w);
    const char *ns = body_text(w->body, "checkpoint.checkpoint_ns");
    const struct thread_history how = { (size_t)t->limit, or_null(t->before),
                                        body_find(w->body, "metadata"),
                                        HISTORY_STATES *
                                            (size_t)w->api->services->conf->max_state_bytes };
    struct thread_place place;

    if (on_thread_graph_id(t) == NULL) {
        work_json_take(w, json_array());
        return;
    }
    if (!on_thread_set_graph(t, on_thread_graph_id(t)))
        return;
    place = on_thread_place(t, ns, or_null(t->checkpoint_id));
    w->then = show_history;
    thread_get_history(w->api->runs, &w->thread_op, &place, &how, &w->result, &w->fail,
                       work_thread_done, w);
}

void handle_thread_history_get(struct req *req)
{
    struct on_thread *t = on_thread_new(req, NULL, true);

    if (t == NULL)
        return;
    t->limit = query_integer(req, "limit", HISTORY_LIMIT);
    if (set_id(&t->w, t->before, "before", req_query(req, "before")))
        on_thread_find(t, read_history);
}

static const struct query_key history_query[] = {
    { "limit", &type_limit },
    { "before", &type_string },
    QUERY_END,
};
const struct route_about about_thread_history_get = {
    .summary = "The states of a thread, newest first",
    .query = history_query,
    .answers = { { 200, "[ThreadState]" } },
    .fails = FAILS_404,
};

/* The three forms in which clients say it. NULL: it says no id. */
static const char *before_id(const json_t *before)
{
    const char *id = json_string_value(before);

    if (id == NULL)
        id = body_text(before, "configurable.checkpoint_id");
    return id != NULL ? id : body_text(before, "checkpoint_id");
}

static const struct body_key before_keys[] = {
    { "checkpoint_id", &type_string, true },
    BODY_END,
};
static const struct type before_checkpoint = { .kind = TYPE_OBJECT,
                                               .expected = "an object",
                                               .keys = before_keys };
static const struct body_key before_config_keys[] = {
    { "configurable", &before_checkpoint, true },
    BODY_END,
};
static const struct type before_config = { .kind = TYPE_OBJECT,
                                           .expected = "an object",
                                           .keys = before_config_keys };
static const struct type before = {
    .kind = TYPE_ONE_OF,
    .expected = "a checkpoint id, or an object with \"checkpoint_id\"",
    .of = (const struct type *const[]){ &type_string, &before_checkpoint, &before_config, NULL }
};

static const struct body_key history_keys[] = {
    { "limit", &type_limit, false },
    { "before", &before, false },
    { "metadata", &type_object, false },
    { "checkpoint", &type_object, false },
    { "checkpoint.checkpoint_id", &type_string, false },
    { "checkpoint.checkpoint_ns", &type_string, false },
    BODY_END,
};

void handle_thread_history(struct req *req)
{
    struct on_thread *t = on_thread_new(req, history_keys, true);
    const json_t *body;

    if (t == NULL)
        return;
    body = t->w.body;
    t->limit = (int64_t)body_page(body, HISTORY_LIMIT).limit;
    if (set_id(&t->w, t->before, "before", before_id(body_find(body, "before"))) &&
        set_id(&t->w, t->checkpoint_id, "checkpoint.checkpoint_id",
               body_text(body, "checkpoint.checkpoint_id")))
        on_thread_find(t, read_history);
}

const struct route_about about_thread_history = {
    .summary = "The states of a thread that fit, newest first",
    .keys = history_keys,
    .answers = { { 200, "[ThreadState]" } },
    .fails = FAILS_404,
};
