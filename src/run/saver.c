/*
 * Which rows a checkpoint becomes, and the commits that are under way.
 *
 * Values are immutable and counted, so a field has changed if its value is another object than the
 * one that was stored. The reference in saver_field keeps the old one from being taken for a new
 * one at the same address.
 *
 *     saver_note_step   the state is still the stored one: the step's writes may become a delta
 *     checkpoint_apply, checkpoint_advance
 *     saver_put         changed: a delta if there is one, else the whole value
 */
#include "run/saver.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/saver_delta.h"
#include "run/tail.h"
#include <assert.h>
#include <string.h>

/* Bounds a mistake only: everything in a row has a limit of its own. */
#define ROW_MAX_BYTES ((size_t)1 << 30)
/* What a run may be ahead of the disk before it waits. */
#define AHEAD_MAX_BYTES ((size_t)4 << 20)

enum { ROW_OVERHEAD_BYTES = 256, DELTA_ROWS_MAX = 5000 };

static const char *const durability_names[] = {
    [DURABILITY_ASYNC] = "async",
    [DURABILITY_SYNC] = "sync",
    [DURABILITY_EXIT] = "exit",
};

int durability_find(const char *name)
{
    for (size_t i = 0; i < sizeof(durability_names) / sizeof(durability_names[0]); i++)
        if (strcmp(durability_names[i], name) == 0)
            return (int)i;
    return -1;
}

/* ---- birth and end ---- */

/* Commits that were put after the wait are waited for, too: it calls again when they end. */
static void call_idle(void *arg)
{
    struct saver *s = arg;
    void (*on_idle)(void *) = s->on_idle;
    if (s->in_flight > 0 || on_idle == NULL)
        return;
    s->on_idle = NULL;
    on_idle(s->arg);
}

int saver_init(struct saver *s, struct store *store, struct loop *loop, const char *thread_id,
               const char *ns, enum durability durability)
{
    *s = (struct saver){ .store = store,
                         .loop = loop,
                         .thread_id = mem_strdup(thread_id),
                         .ns = mem_strdup(ns),
                         .durability = durability,
                         .delta_max = SAVER_DELTA_MAX };
    loop_work_init(&s->idle, call_idle, s);
    return s->thread_id != NULL && s->ns != NULL ? 0 : err_trace(ERR_NOMEM);
}

void saver_deinit(struct saver *s)
{
    assert(s->in_flight == 0);
    if (s->idle.call != NULL)
        loop_work_cancel(&s->idle);
    for (size_t i = 0; i < s->field_count; i++) {
        value_unref(s->fields[i].stored);
        json_decref(s->fields[i].written);
    }
    mem_free(s->fields);
    mem_free(s->thread_id);
    mem_free(s->ns);
    *s = (struct saver){ 0 };
}

static int make_fields(struct saver *s, const struct graph *g)
{
    if (s->fields != NULL)
        return 0;
    s->fields = mem_array(g->field_count, sizeof(*s->fields));
    if (s->fields == NULL)
        return err_trace(ERR_NOMEM);
    s->field_count = g->field_count;
    return 0;
}

/* What would have to be stored of a field; borrowed, NULL = nothing. */
static struct value *value_of(const struct checkpoint *c, size_t field)
{
    const struct field *f = &c->graph->fields[field];
    struct value *v = state_get(c->state, (int)field);
    return f->life == LIFE_RUN || v == f->initial ? NULL : v;
}

static void note_stored(struct saver *s, const struct checkpoint *c, size_t field)
{
    struct value *old = s->fields[field].stored;
    struct value *v = value_of(c, field);
    s->fields[field].stored = v != NULL && c->places[field].at[0] != '\0' ? value_ref(v) : NULL;
    value_unref(old);
}

void saver_note_loaded(struct saver *s, const struct checkpoint *c)
{
    memcpy(s->stored_id, c->id, ID_BYTES);
    if (s->store == NULL)
        return;
    int r = make_fields(s, c->graph);
    if (r != 0 && s->result == 0)
        s->result = r; /* as if a commit had failed: the caller looks at that anyway */
    for (size_t i = 0; i < s->field_count; i++)
        note_stored(s, c, i);
}

/* ---- the writes of a step ---- */

static void drop_written(struct saver *s)
{
    for (size_t i = 0; i < s->field_count; i++) {
        json_decref(s->fields[i].written);
        s->fields[i].written = NULL;
    }
}

static bool has_deltas(const struct checkpoint *c, size_t field)
{
    enum reducer reducer = c->graph->fields[field].reducer;
    return reducer == REDUCE_APPEND || reducer == REDUCE_MESSAGES;
}

/* Stored whole again after so many writes, a field that only grows would cost more with each turn;
 * so they must also have come to what the whole was. Then all that is ever written is at most three
 * times the value, and reading it takes a row for each write. */
static bool is_due_whole(const struct saver *s, const struct field_place *place)
{
    return place->delta_count + 1 >= s->delta_max &&
           (place->owed_bytes <= 0 || place->delta_count + 1 >= DELTA_ROWS_MAX);
}

/* Whether the noted writes on top of what is stored will be the field's next value. */
static bool can_be_delta(const struct saver *s, const struct checkpoint *c, size_t field)
{
    const struct field_place *place = &c->places[field];
    return has_deltas(c, field) && place->at[0] != '\0' && !is_due_whole(s, place) &&
           s->fields[field].stored == value_of(c, field);
}

int saver_note_step(struct saver *s, const struct checkpoint *c, const struct ended_task *tasks,
                    size_t count)
{
    if (s->store == NULL || s->durability == DURABILITY_EXIT)
        return 0;
    int r = make_fields(s, c->graph);
    drop_written(s);
    for (size_t i = 0; i < s->field_count && r == 0; i++)
        if (can_be_delta(s, c, i))
            r = delta_of_step(&c->graph->fields[i], (int)i, tasks, count, &s->fields[i].written);
    return r != 0 ? err_trace(r) : 0;
}

/* ---- commits ---- */

struct commit {
    struct store_op op;
    struct saver *saver;
    size_t size_bytes;
};

/* Roughly: rows are small, or their bytes are most of them. */
static size_t size_of(const struct store_batch *b)
{
    size_t sum = b->count * ROW_OVERHEAD_BYTES;
    for (size_t i = 0; i < b->count; i++)
        sum += b->rows[i].bytes.len_bytes;
    return sum;
}

static void on_committed(void *arg, int result)
{
    struct commit *commit = arg;
    struct saver *s = commit->saver;
    s->in_flight_bytes -= commit->size_bytes;
    mem_free(commit);
    s->in_flight--;
    if (s->result == 0)
        s->result = result;
    if (s->in_flight == 0 && s->on_idle != NULL)
        loop_ready(s->loop, &s->idle);
}

static int commit(struct saver *s, struct store_batch *b)
{
    if (s->result != 0)
        return 0; /* nothing may stand on what was lost; the end tells */
    struct commit *commit = mem_zalloc(sizeof(*commit));
    if (s->tail != NULL)
        tail_add(s->tail, b);
    if (commit == NULL || b->fault != 0) {
        mem_free(commit);
        return err_trace(ERR_NOMEM);
    }
    commit->saver = s;
    commit->size_bytes = size_of(b);
    s->in_flight_bytes += commit->size_bytes;
    s->in_flight++;
    store_commit(s->store, s->loop, &commit->op, b, on_committed, commit);
    if (s->tail != NULL)
        tail_added(s->tail);
    return 0;
}

/* A pending write. */
struct row {
    const char *task_id;
    enum write_kind kind;
    const char *path;
    const json_t *json;
};

static int add_row(struct saver *s, const struct checkpoint *c, const struct row *row,
                   struct store_batch *b)
{
    struct buf text;
    buf_init(&text, ROW_MAX_BYTES);
    jsonx_encode(row->json, &text);
    int r = text.fault;
    if (r == 0)
        store_add_write(b, s->thread_id, s->ns, c->id, row->task_id, row->kind, row->path,
                        text.data, text.len);
    buf_deinit(&text);
    return r != 0 ? err_trace(ERR_NOMEM) : 0;
}

/* ---- a checkpoint as rows ---- */

static int add_delta(struct saver *s, struct checkpoint *c, size_t field, struct store_batch *b)
{
    struct field_place *place = &c->places[field];
    struct buf text;
    buf_init(&text, ROW_MAX_BYTES);
    jsonx_encode(s->fields[field].written, &text);
    int r = text.fault;
    if (r == 0)
        store_add_value(b, s->thread_id, s->ns, c->graph->fields[field].name, c->id, place->at,
                        text.data, text.len);
    int64_t more_bytes = (int64_t)text.len;
    buf_deinit(&text);
    place->delta_count++;
    place->owed_bytes = place->owed_bytes > more_bytes ? place->owed_bytes - more_bytes : 0;
    return r != 0 ? err_trace(ERR_NOMEM) : 0;
}

static int add_whole(struct saver *s, struct checkpoint *c, size_t field, struct store_batch *b)
{
    const char *bytes;
    size_t len_bytes;
    int r = value_bytes(value_of(c, field), &bytes, &len_bytes);
    if (r != 0)
        return err_trace(r);
    store_add_value(b, s->thread_id, s->ns, c->graph->fields[field].name, c->id, NULL, bytes,
                    len_bytes);
    c->places[field].delta_count = 0;
    c->places[field].owed_bytes = has_deltas(c, field) ? (int64_t)len_bytes : 0;
    return 0;
}

static int add_field(struct saver *s, struct checkpoint *c, size_t field, struct store_batch *b)
{
    struct value *v = value_of(c, field);
    if (v == NULL)
        c->places[field] = (struct field_place){ 0 };
    if (v == NULL || v == s->fields[field].stored)
        return 0;
    int r =
        s->fields[field].written != NULL ? add_delta(s, c, field, b) : add_whole(s, c, field, b);
    memcpy(c->places[field].at, c->id, ID_BYTES);
    return r != 0 ? err_trace(r) : 0;
}

static int add_head(struct saver *s, const struct checkpoint *c, struct store_batch *b)
{
    struct buf head;
    buf_init(&head, ROW_MAX_BYTES);
    checkpoint_encode_head(c, &head);
    int r = head.fault;
    if (r == 0)
        store_add_checkpoint(b, s->thread_id, s->ns, c->id, c->parent_id, head.data, head.len);
    buf_deinit(&head);
    return r != 0 ? err_trace(ERR_NOMEM) : 0;
}

/* Values, then the head that names them. Moves c->places. */
static int add_checkpoint(struct saver *s, struct checkpoint *c, struct store_batch *b)
{
    int r = make_fields(s, c->graph);
    for (size_t i = 0; i < s->field_count && r == 0; i++)
        r = add_field(s, c, i, b);
    return r != 0 ? err_trace(r) : add_head(s, c, b);
}

/* Builds and commits; b is the caller's. c->places are left as they were on failure. */
static int put(struct saver *s, struct checkpoint *c, struct store_batch *b)
{
    size_t size_bytes = c->graph->field_count * sizeof(*c->places);
    struct field_place *before = mem_alloc(size_bytes);
    if (before == NULL)
        return err_trace(ERR_NOMEM);
    memcpy(before, c->places, size_bytes);
    int r = add_checkpoint(s, c, b);
    if (r == 0)
        r = commit(s, b);
    if (r == 0)
        saver_note_loaded(s, c);
    else
        memcpy(c->places, before, size_bytes);
    mem_free(before);
    drop_written(s);
    return r != 0 ? err_trace(r) : 0;
}

int saver_put(struct saver *s, struct checkpoint *c)
{
    if (s->store == NULL || s->durability == DURABILITY_EXIT)
        return 0;
    struct store_batch b;
    store_batch_init(&b);
    int r = put(s, c, &b);
    store_batch_deinit(&b);
    return r != 0 ? err_trace(r) : 0;
}

int saver_put_write(struct saver *s, const struct checkpoint *c, const char *task_id,
                    enum write_kind kind, const char *path)
{
    const struct row row = { task_id, kind, path, checkpoint_find_row(c, task_id, kind) };
    if (s->store == NULL || s->durability == DURABILITY_EXIT || row.json == NULL)
        return 0;
    struct store_batch b;
    store_batch_init(&b);
    int r = add_row(s, c, &row, &b);
    if (r == 0)
        r = commit(s, &b);
    store_batch_deinit(&b);
    return r != 0 ? err_trace(r) : 0;
}

int saver_flush(struct saver *s, struct checkpoint *c)
{
    if (s->store == NULL || s->durability != DURABILITY_EXIT || c->id[0] == '\0')
        return 0;
    bool is_new = strcmp(c->id, s->stored_id) != 0;
    int r = 0;
    struct store_batch b;
    store_batch_init(&b);
    if (is_new)
        memcpy(c->parent_id, s->stored_id, ID_BYTES);
    for (size_t i = 0; i < c->write_count && r == 0; i++) {
        const struct pending_write *w = &c->writes[i];
        const struct row row = { w->task_id, w->kind, "", w->json };
        r = add_row(s, c, &row, &b);
    }
    if (r == 0 && is_new)
        r = put(s, c, &b);
    else if (r == 0 && c->write_count > 0)
        r = commit(s, &b);
    store_batch_deinit(&b);
    return r != 0 ? err_trace(r) : 0;
}

bool saver_must_wait(const struct saver *s)
{
    return s->in_flight > 0 &&
           (s->durability == DURABILITY_SYNC || s->in_flight_bytes > AHEAD_MAX_BYTES);
}

void saver_wait(struct saver *s, void (*on_idle)(void *arg), void *arg)
{
    s->on_idle = on_idle;
    s->arg = arg;
    if (s->in_flight == 0)
        loop_ready(s->loop, &s->idle);
}

void saver_fail(const struct saver *s, struct fail *f)
{
    switch (s->result) {
    case STORE_E_FULL:
        fail_set(f, FAIL_NO_ROOM,
                 "the database is full, and this step is not kept: memory: holds what "
                 "memory_store_bytes allows, a file what its disk has room for. Runs without a "
                 "thread are not concerned; delete threads, or give it more room");
        return;
    case STORE_E_TOO_LARGE:
        fail_set(f, FAIL_LIMIT, "an id, a namespace or a value is longer than the database takes");
        return;
    case STORE_E_STALE:
        fail_set(f, FAIL_CONFLICT, "the thread was changed by somebody else at the same time");
        return;
    default:
        fail_set_fault(f, s->result);
    }
}
