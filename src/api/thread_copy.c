/* Whole threads: a copy under a new id, and pruning many. */
#include "api/about.h"
#include "api/on_thread.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

static struct on_thread *of(struct work *w)
{
    return (struct on_thread *)(void *)w;
}

/* ---- copy ---- */

/* A run at work is not copied, nor is how it will end. */
static const char *status_of_copy(const char *status)
{
    return strcmp(status, "busy") == 0 ? "idle" : status;
}

static void copy(struct work *w)
{
    struct on_thread *t = of(w);
    const struct stored_record *from = &w->found.items[0];
    char old_id[STORE_ID_MAX + 1];
    struct record_put put = { .kind = RECORD_THREAD,
                              .id = t->id,
                              .status = status_of_copy(from->status),
                              .now_ms = clock_wall_ms() };

    memcpy(old_id, t->id, sizeof(old_id));
    id_v7(t->id);
    /* As the protocol's server does. */
    if (json_object_set_new(t->metadata, "thread_id", json_string(t->id)) != 0) {
        work_fault(w, err_trace(ERR_NOMEM));
        return;
    }
    (void)json_object_del(t->record_body, "ttl"); /* absent is fine */
    store_add_expect_absent(&w->batch, RECORD_THREAD, t->id);
    store_add_copy_thread(&w->batch, old_id, t->id);
    if (work_put(w, &put, t->metadata, t->record_body))
        work_commit(w, on_thread_reply, NULL);
}

void handle_thread_copy(struct req *req)
{
    struct on_thread *t = on_thread_new(req, NULL, true);

    if (t != NULL)
        on_thread_find(t, copy);
}

const struct route_about about_thread_copy = {
    .summary = "Copy a thread with its history",
    .answers = { { 200, "Thread" } },
    .fails = FAILS_404 | FAILS_409,
};

/* ---- prune ---- */

static const struct type prune_strategy = { .kind = TYPE_WORDS,
                                            .expected = "delete or keep_latest",
                                            .words = (const char *const[]){ "delete", "keep_latest",
                                                                            NULL } };

static const struct body_key prune_keys[] = {
    { "thread_ids", &type_thread_ids, true },
    { "strategy", &prune_strategy, false },
    BODY_END,
};

/* A commit holds up all others, so many threads take many. */
enum { PRUNED_AT_ONCE = 50 };

struct pruning {
    struct work w; /* first member */
    size_t begun;  /* ids that were looked at */
    size_t at_once;
    size_t in_batch;
    size_t count;
};

static struct pruning *pruning_of(struct work *w)
{
    return (struct pruning *)(void *)w;
}

static void find_to_prune(struct work *w);

static void pruned(struct work *w)
{
    struct pruning *p = pruning_of(w);

    p->begun += p->at_once;
    p->count += p->in_batch;
    if (p->begun < json_array_size(body_find(w->body, "thread_ids")))
        find_to_prune(w);
    else
        work_json_take(w, json_pack("{s:I}", "pruned_count", (json_int_t)p->count));
}

/* Those that a run is at work on, or will be, stay as they are. */
static bool is_quiet(const struct work *w, const struct stored_record *thread)
{
    return strcmp(thread->status, "busy") != 0 && !desk_is_busy(w->api->desk, thread->id);
}

static void prune(struct work *w)
{
    const char *strategy = body_text(w->body, "strategy");
    bool keeps = strategy != NULL && strcmp(strategy, "keep_latest") == 0;

    pruning_of(w)->in_batch = 0;
    for (size_t i = 0; i < w->found.count; i++) {
        const char *id = w->found.items[i].id;
        if (!is_quiet(w, &w->found.items[i]))
            continue;
        store_add_expect_record(&w->batch, RECORD_THREAD, id, 0, thread_statuses_quiet,
                                THREAD_QUIET_COUNT);
        if (keeps)
            store_add_prune_thread(&w->batch, id);
        else
            store_add_delete_thread(&w->batch, id);
        pruning_of(w)->in_batch++;
    }
    work_commit(w, pruned, find_to_prune); /* again: one has become busy, or is gone */
}

/* The next few that are named. */
static void find_to_prune(struct work *w)
{
    struct pruning *p = pruning_of(w);
    const json_t *given = body_find(w->body, "thread_ids");
    const char *ids[PRUNED_AT_ONCE];
    size_t left = json_array_size(given) - p->begun;

    p->at_once = left < PRUNED_AT_ONCE ? left : PRUNED_AT_ONCE;
    if (p->at_once == 0) {
        pruned(w);
        return;
    }
    for (size_t i = 0; i < p->at_once; i++)
        ids[i] = json_string_value(json_array_get(given, p->begun + i));
    const struct record_query query = {
        .kind = RECORD_THREAD, .ids = ids, .id_count = p->at_once, .without_body = true
    };
    work_find(w, &query, prune);
}

void handle_threads_prune(struct req *req)
{
    struct pruning *p = work_new(req, sizeof(*p), prune_keys);

    if (p != NULL)
        find_to_prune(&p->w);
}

const struct route_about about_threads_prune = {
    .summary = "Delete threads, or all but their latest checkpoints",
    .keys = prune_keys,
    .answers = { { 200, "Pruned" } },
    .fails = FAILS_409,
};
