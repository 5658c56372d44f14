/*
 * A version is an array of counted values, one per field. Applying a step gathers the writes per
 * field in the order of the tasks, reduces each written field, and shares the rest:
 *
 *     version n    [ a | b | c ]
 *                    |   |   x         c was written
 *     version n+1  [ a | b | c' ]
 *
 * `bytes` is the running total of the encoded values, so the limit costs only what the step
 * changed; the encoding made for it is the one that frames and checkpoints join later.
 */
#include "graph/state.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/reduce.h"
#include <assert.h>
#include <limits.h>
#include <string.h>

struct state {
    int refs;
    struct graph *graph;
    int64_t bytes; /* of all encoded values */
    struct value *values[];
};

/* One call of state_apply(). */
struct step {
    const struct task_writes *tasks;
    size_t count;
    const struct state_limits *limits;
    bool is_end; /* fields that live for a step expire */
    bool *changed;
    struct pending *pool;     /* every write of the step */
    struct pending **written; /* per field: its first write, or NULL */
    struct fail *f;
};

static struct state *alloc_state(struct graph *graph)
{
    struct state *s = mem_zalloc(sizeof(*s) + graph->field_count * sizeof(s->values[0]));
    if (s == NULL)
        return NULL;
    s->refs = 1;
    s->graph = graph_ref(graph);
    return s;
}

/* The encoded length of a value that was measured before, or is absent. */
static int length_of(struct value *v, int64_t *ret_bytes)
{
    const char *bytes;
    size_t len_bytes = 0;
    int r = v == NULL ? 0 : value_bytes(v, &bytes, &len_bytes);
    if (r != 0)
        return err_trace(r);
    *ret_bytes = (int64_t)len_bytes;
    return 0;
}

int state_new(struct graph *graph, struct state **ret)
{
    struct state *s = alloc_state(graph);
    if (s == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < graph->field_count; i++) {
        struct value *initial = graph->fields[i].initial;
        int64_t len_bytes = 0;
        int r = length_of(initial, &len_bytes);
        if (r != 0) {
            state_unref(s);
            return err_trace(r);
        }
        s->values[i] = initial == NULL ? NULL : value_ref(initial);
        s->bytes += len_bytes;
    }
    *ret = s;
    return 0;
}

struct state *state_ref(struct state *s)
{
    assert(s->refs > 0);
    s->refs++;
    return s;
}

struct state *state_unref(struct state *s)
{
    if (s == NULL || --s->refs > 0)
        return NULL;
    for (size_t i = 0; i < s->graph->field_count; i++)
        value_unref(s->values[i]);
    graph_unref(s->graph);
    return mem_free(s);
}

const struct graph *state_graph(const struct state *s)
{
    return s->graph;
}

struct value *state_get(const struct state *s, int field)
{
    assert(field >= 0 && (size_t)field < s->graph->field_count);
    return s->values[field];
}

static size_t count_writes(const struct step *step)
{
    size_t total = 0;
    for (size_t i = 0; i < step->count; i++)
        total += step->tasks[i].update->count;
    return total;
}

/* Walks backwards, so that putting each write in front leaves the lists in order. */
static int gather(struct step *step, size_t field_count)
{
    const struct task_writes *tasks = step->tasks;
    step->pool = mem_array(count_writes(step), sizeof(*step->pool));
    step->written = mem_array(field_count, sizeof(step->written[0]));
    if (step->pool == NULL || step->written == NULL)
        return err_trace(ERR_NOMEM);
    struct pending *p = step->pool;
    for (size_t t = step->count; t-- > 0;)
        for (size_t w = tasks[t].update->count; w-- > 0; p++) {
            const struct write *write = &tasks[t].update->writes[w];
            assert(write->field >= 0 && (size_t)write->field < field_count);
            *p = (struct pending){ tasks[t].node, write->value, step->written[write->field] };
            step->written[write->field] = p;
        }
    return 0;
}

static int refuse_size(const struct step *step)
{
    fail_set(step->f, FAIL_LIMIT, "the state would take more than the %lld bytes allowed",
             (long long)step->limits->max_bytes);
    return STATE_E_REFUSED;
}

/* 0, STATE_E_REFUSED if v is longer than room_bytes, or a fault. */
static int measure(const struct step *step, struct value *v, int64_t room_bytes, int64_t *ret_bytes)
{
    size_t len_bytes = 0;
    int r = value_measure(v, room_bytes > 0 ? (size_t)room_bytes : 0, &len_bytes);
    if (r != 0)
        return r < 0 ? err_trace(r) : refuse_size(step);
    *ret_bytes = (int64_t)len_bytes;
    return 0;
}

/* Writes that a reducer throws away are measured too: an `updates` event shows them. */
static int measure_writes(const struct step *step, const struct pending *writes)
{
    for (const struct pending *w = writes; w != NULL; w = w->next) {
        int64_t len_bytes;
        int r = measure(step, w->value, step->limits->max_bytes, &len_bytes);
        if (r != 0)
            return r < 0 ? err_trace(r) : STATE_E_REFUSED;
    }
    return 0;
}

/* The depth is taken of what comes out: a reducer may add an array around a value, and unwraps an
 * Overwrite. */
static int check_depth(const struct step *step, const struct field *field, const json_t *json)
{
    int64_t max_depth = step->limits->max_depth;
    int limit = max_depth < INT_MAX ? (int)max_depth : INT_MAX - 1;
    if (jsonx_depth(json, limit) <= limit)
        return 0;
    fail_set(step->f, FAIL_LIMIT, "field \"%s\" would be nested deeper than %lld levels",
             field->name, (long long)max_depth);
    return STATE_E_REFUSED;
}

/* Before the reducer makes a message of each: that costs far more than the bytes show. */
static int check_messages(const struct step *step, const struct field *field,
                          const struct value *held, const struct pending *writes)
{
    size_t count = held == NULL ? 0 : json_array_size(value_json(held));
    if (field->type != FIELD_MESSAGES || step->limits->max_messages <= 0)
        return 0;
    for (const struct pending *w = writes; w != NULL; w = w->next)
        count += json_is_array(value_json(w->value)) ? json_array_size(value_json(w->value)) : 1;
    if (count <= (size_t)step->limits->max_messages)
        return 0;
    fail_set(step->f, FAIL_LIMIT,
             "field \"%s\" would hold %zu messages; the setting max_messages allows %lld",
             field->name, count, (long long)step->limits->max_messages);
    return STATE_E_REFUSED;
}

/* Replaces a value whose bytes are out of s->bytes already. Length before depth: walking a value
 * takes as long as encoding it, and only the length is bounded on the way. */
static int reduce_field(const struct step *step, struct state *s, size_t i)
{
    const struct field *field = &s->graph->fields[i];
    struct value *v = NULL;
    int64_t len_bytes = 0;
    int r = measure_writes(step, step->written[i]);
    if (r == 0)
        r = check_messages(step, field, s->values[i], step->written[i]);
    if (r == 0)
        r = reduce(field, s->values[i], step->written[i], &v, step->f);
    if (r == 0)
        r = measure(step, v, step->limits->max_bytes - s->bytes, &len_bytes);
    if (r == 0)
        r = check_depth(step, field, value_json(v));
    if (r != 0) {
        value_unref(v);
        return r < 0 ? err_trace(r) : STATE_E_REFUSED;
    }
    value_unref(s->values[i]);
    s->values[i] = v;
    s->bytes += len_bytes;
    return 0;
}

/* What the step replaces makes room before anything is put in, so that the order of the fields
 * does not matter. */
static int make_room(const struct step *step, struct state *s)
{
    for (size_t i = 0; i < s->graph->field_count; i++) {
        int64_t len_bytes = 0;
        int r = step->written[i] == NULL ? 0 : length_of(s->values[i], &len_bytes);
        if (r != 0)
            return err_trace(r);
        s->bytes -= len_bytes;
    }
    return 0;
}

static int reduce_all(const struct step *step, struct state *s)
{
    int r = make_room(step, s);
    for (size_t i = 0; i < s->graph->field_count && r == 0; i++)
        r = step->written[i] == NULL ? 0 : reduce_field(step, s, i);
    if (r != 0)
        return r < 0 ? err_trace(r) : STATE_E_REFUSED;
    return s->bytes <= step->limits->max_bytes ? 0 : refuse_size(step); /* defaults may be more */
}

/* A version of its own with the same values. */
static struct state *copy(const struct state *s)
{
    struct state *next = alloc_state(s->graph);
    if (next == NULL)
        return NULL;
    for (size_t i = 0; i < s->graph->field_count; i++)
        next->values[i] = s->values[i] == NULL ? NULL : value_ref(s->values[i]);
    next->bytes = s->bytes;
    return next;
}

/* Puts v in the place of a field's value. Takes v, also on failure. */
static int put_take(struct state *s, size_t i, struct value *v)
{
    int64_t old_bytes = 0, new_bytes = 0;
    int r = length_of(s->values[i], &old_bytes);
    if (r == 0)
        r = length_of(v, &new_bytes);
    if (r != 0) {
        value_unref(v);
        return err_trace(r);
    }
    value_unref(s->values[i]);
    s->values[i] = v;
    s->bytes += new_bytes - old_bytes;
    return 0;
}

/* Before the writes go in, so that a reducer does not go on from what has had its step. */
static int expire(struct state *s)
{
    for (size_t i = 0; i < s->graph->field_count; i++) {
        const struct field *field = &s->graph->fields[i];
        if (field->life != LIFE_STEP || s->values[i] == field->initial)
            continue;
        int r = put_take(s, i, field->initial == NULL ? NULL : value_ref(field->initial));
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

static int apply(struct state *s, struct step *step, struct state **ret)
{
    struct state *next = copy(s);
    int r = next == NULL ? ERR_NOMEM : gather(step, s->graph->field_count);
    if (r == 0 && step->is_end)
        r = expire(next);
    if (r == 0)
        r = reduce_all(step, next);
    if (r == 0) {
        for (size_t i = 0; step->changed != NULL && i < s->graph->field_count; i++)
            step->changed[i] = step->written[i] != NULL;
        *ret = next;
        next = NULL;
    }
    state_unref(next);
    mem_free(step->pool);
    mem_free(step->written);
    return r < 0 ? err_trace(r) : r;
}

int state_apply(struct state *s, const struct task_writes *tasks, size_t count,
                const struct state_limits *limits, struct state **ret, bool *changed,
                struct fail *f)
{
    struct step step = {
        .tasks = tasks, .count = count, .limits = limits, .changed = changed, .f = f
    };
    return apply(s, &step, ret);
}

int state_apply_step(struct state *s, const struct task_writes *tasks, size_t count,
                     const struct state_limits *limits, struct state **ret, bool *changed,
                     struct fail *f)
{
    struct step step = {
        .tasks = tasks, .count = count, .limits = limits, .is_end = true, .changed = changed, .f = f
    };
    return apply(s, &step, ret);
}

int state_restore(struct graph *graph, const struct update *values, struct state **ret)
{
    struct state *s = NULL;
    int r = state_new(graph, &s);
    for (size_t i = 0; i < values->count && r == 0; i++) {
        const struct write *w = &values->writes[i];
        assert(w->field >= 0 && (size_t)w->field < graph->field_count);
        r = put_take(s, (size_t)w->field, value_ref(w->value));
    }
    if (r != 0) {
        state_unref(s);
        return err_trace(r);
    }
    *ret = s;
    return 0;
}
