/*
 * A checkpoint as rows. The head is one JSON object:
 *
 *     {"v": 1, "step": 3, "source": "loop", "ts": "2026-...", "metadata": {}, "parents": {},
 *      "sched": {marks}, "input": what waits for __start__, if anything does,
 *      "fields": {"log": {"at": "<checkpoint that wrote it>", "deltas": 2, "owed": 170}}}
 *
 * Values and pending writes are rows of their own. A value whose first part is whole and whose
 * other parts are the writes of one step each is put together with the field's own reducer, step by
 * step, as it was made. Parsing happens before anything of the checkpoint is touched; what stands
 * in rows was once checked, so whatever is wrong with them is a fault, except that the graph may
 * have changed since.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/checkpoint_inside.h"
#include <stdint.h>
#include <string.h>

enum { HEAD_VERSION = 1, STORED_DEPTH_MAX = 2048 };

/* What was in rows was within the limits when it was written; they may be narrower now. */
static const struct state_limits no_limits = { .max_bytes = (int64_t)1 << 40,
                                               .max_depth = STORED_DEPTH_MAX };

/* ---- encode ---- */

static void encode_string(const char *text, struct buf *out)
{
    jsonx_encode_string(text, strlen(text), out);
}

static void encode_key(const char *key, struct buf *out)
{
    (void)buf_add_char(out, ','); /* sticky, like all that is added here */
    encode_string(key, out);
    (void)buf_add_char(out, ':');
}

static void encode_places(const struct checkpoint *c, struct buf *out)
{
    const char *comma = "";
    (void)buf_add_char(out, '{'); /* sticky */
    for (size_t i = 0; i < c->graph->field_count; i++) {
        const struct field_place *place = &c->places[i];
        if (place->at[0] == '\0')
            continue;
        (void)buf_add_str(out, comma);
        encode_string(c->graph->fields[i].name, out);
        (void)buf_addf(out, ":{\"at\":\"%s\",\"deltas\":%lld", place->at,
                       (long long)place->delta_count);
        if (place->owed_bytes > 0)
            (void)buf_addf(out, ",\"owed\":%lld", (long long)place->owed_bytes);
        (void)buf_add_char(out, '}');
        comma = ",";
    }
    (void)buf_add_char(out, '}');
}

void checkpoint_encode_head(const struct checkpoint *c, struct buf *out)
{
    (void)buf_addf(out, "{\"v\":%d,\"step\":%lld,\"source\":\"%s\",\"ts\":\"%s\"", HEAD_VERSION,
                   (long long)c->step, checkpoint_source_name(c->source), c->created_at);
    encode_key("metadata", out);
    jsonx_encode(c->metadata, out);
    encode_key("parents", out);
    jsonx_encode(c->parents, out);
    encode_key("sched", out);
    sched_encode(c->sched, out);
    if (c->input != NULL) {
        encode_key("input", out);
        jsonx_encode(c->input, out);
    }
    encode_key("fields", out);
    encode_places(c, out);
    (void)buf_add_char(out, '}'); /* sticky */
}

/* ---- decode ---- */

/* What one decoding carries along. */
struct decoder {
    struct checkpoint *c;
    const struct stored_checkpoint *from;
    bool is_lenient;
    struct fail *f;
};

static int damaged(const struct decoder *d, const char *what)
{
    log_error("stored_checkpoint_damaged", "thread", d->from->thread_id, "checkpoint", d->from->id,
              "what", what, NULL);
    return err_trace(ERR_SYSTEM);
}

static int parse(const struct decoder *d, const struct stored_bytes *bytes, const char *what,
                 json_t **ret)
{
    struct jsonx_error error;
    int r = jsonx_parse(bytes->bytes, bytes->len_bytes, STORED_DEPTH_MAX, ret, &error);
    return r > 0 ? damaged(d, what) : r;
}

/* 0: such a field or value is left out. */
static int refuse_field(const struct decoder *d, const char *name, const char *why)
{
    if (d->is_lenient)
        return 0;
    fail_set(d->f, FAIL_INVALID_UPDATE,
             "the thread holds a value for field \"%s\" %s: another graph began it, or an older "
             "version of this one. Use another thread_id, or update_state with as_node",
             name, why);
    return CHECKPOINT_E_REFUSED;
}

static bool copy_text(const json_t *json, char *to, size_t size_bytes)
{
    size_t len = json_string_length(json);
    if (!json_is_string(json) || len >= size_bytes)
        return false;
    memcpy(to, json_string_value(json), len + 1);
    return true;
}

static json_t *member_object(const json_t *head, const char *key)
{
    json_t *json = json_object_get(head, key);
    return json_is_object(json) ? json_incref(json) : NULL;
}

static void replace(json_t **place, json_t *take)
{
    json_decref(*place);
    *place = take;
}

static int decode_plain(const struct decoder *d, const json_t *head)
{
    struct checkpoint *c = d->c;
    int source = checkpoint_source_find(json_string_value(json_object_get(head, "source")));
    const json_t *step = json_object_get(head, "step");
    if (strlen(d->from->id) >= ID_BYTES || !id_is_uuid(d->from->id) ||
        strlen(d->from->parent_id) >= ID_BYTES)
        return damaged(d, "id");
    if (source < 0 || !json_is_integer(step) ||
        !copy_text(json_object_get(head, "ts"), c->created_at, sizeof(c->created_at)))
        return damaged(d, "head");
    memcpy(c->id, d->from->id, strlen(d->from->id) + 1);
    memcpy(c->parent_id, d->from->parent_id, strlen(d->from->parent_id) + 1);
    c->source = (enum checkpoint_source)source;
    c->step = json_integer_value(step);
    replace(&c->metadata, member_object(head, "metadata"));
    replace(&c->parents, member_object(head, "parents"));
    replace(&c->input, json_incref(json_object_get(head, "input")));
    return c->metadata != NULL && c->parents != NULL ? 0 : damaged(d, "head");
}

static int decode_sched(const struct decoder *d, const json_t *head)
{
    struct sched *sched = NULL;
    const json_t *marks = json_object_get(head, "sched");
    if (marks == NULL)
        return damaged(d, "marks");
    int r = sched_decode(d->c->graph, marks, d->is_lenient, &sched, d->f);
    if (r == SCHED_E_REFUSED)
        return CHECKPOINT_E_REFUSED;
    if (r != 0)
        return err_trace(r);
    sched_free(d->c->sched);
    d->c->sched = sched;
    return 0;
}

static const struct stored_value *find_value(const struct stored_checkpoint *from,
                                             const char *field)
{
    for (size_t i = 0; i < from->value_count; i++)
        if (strcmp(from->values[i].field, field) == 0)
            return &from->values[i];
    return NULL;
}

/* The writes of one step. */
static int add_writes(const struct decoder *d, int field, const struct stored_bytes *part,
                      struct update *ret)
{
    json_auto_t *list = NULL;
    size_t i;
    json_t *written;
    int r = parse(d, part, "writes", &list);
    if (r == 0 && !json_is_array(list))
        r = damaged(d, "writes");
    json_array_foreach(list, i, written) {
        struct value *value = NULL;
        if (r == 0)
            r = value_new_take(json_incref(written), &value);
        if (r == 0)
            r = update_add_take(ret, field, value);
    }
    return r < 0 ? err_trace(r) : r;
}

/* Reducers take writes one by one, whichever step they are of, so all are applied at once: what a
 * step costs besides (copies, measuring) depends on how large the value is. */
static int apply_writes(const struct decoder *d, const struct update *writes, struct state *to,
                        struct state **ret)
{
    const struct task_writes task = { "__stored__", writes };
    int r = state_apply(to, &task, 1, &no_limits, ret, NULL, d->f);
    return r < 0 ? err_trace(r) : r;
}

static int add_steps(const struct decoder *d, int field, const struct stored_value *from,
                     struct value **whole)
{
    struct update start = { 0 };
    struct update writes = { 0 };
    struct state *s = NULL;
    struct state *after = NULL;
    int r = update_add_take(&start, field, value_ref(*whole));
    if (r == 0)
        r = state_restore(d->c->graph, &start, &s);
    for (size_t i = 1; i < from->part_count && r == 0; i++)
        r = add_writes(d, field, &from->parts[i], &writes);
    if (r == 0)
        r = apply_writes(d, &writes, s, &after);
    if (r == 0) {
        value_unref(*whole);
        *whole = value_ref(state_get(after, field));
    }
    update_clear(&start);
    update_clear(&writes);
    state_unref(s);
    state_unref(after);
    return r < 0 ? err_trace(r) : r;
}

static int decode_value(const struct decoder *d, int field, const struct stored_value *from,
                        struct value **ret)
{
    json_t *json = NULL;
    struct value *value = NULL;
    if (from->part_count == 0)
        return damaged(d, "value");
    int r = parse(d, &from->parts[0], "value", &json);
    if (r == 0)
        r = value_new_take(json, &value);
    if (r == 0 && from->part_count > 1)
        r = add_steps(d, field, from, &value);
    if (r != 0) {
        value_unref(value);
        return r < 0 ? err_trace(r) : r;
    }
    *ret = value;
    return 0;
}

static int decode_place(const struct decoder *d, const char *name, const json_t *json,
                        struct field_place *ret)
{
    const json_t *deltas = json_object_get(json, "deltas");
    if (!copy_text(json_object_get(json, "at"), ret->at, sizeof(ret->at)))
        return damaged(d, name);
    ret->delta_count = json_integer_value(deltas);
    ret->owed_bytes = json_integer_value(json_object_get(json, "owed"));
    return 0;
}

static int decode_field(const struct decoder *d, const char *name, const json_t *json,
                        struct update *values)
{
    static const char gone[] = "that the graph does not have any more";
    static const char unfit[] = "that does not fit its type or reducer in this graph";
    const struct stored_value *from = find_value(d->from, name);
    int field = graph_find_field(d->c->graph, name);
    struct value *value = NULL;
    if (field < 0)
        return refuse_field(d, name, gone);
    if (from == NULL)
        return damaged(d, name);
    int r = decode_value(d, field, from, &value);
    if (r < 0)
        return err_trace(r);
    const struct field *f = &d->c->graph->fields[field];
    if (r > 0 || !field_type_fits(f->type, value_json(value))) {
        value_unref(value);
        return refuse_field(d, name, unfit);
    }
    r = update_add_take(values, field, value);
    return r != 0 ? err_trace(r) : decode_place(d, name, json, &d->c->places[field]);
}

static int decode_values(const struct decoder *d, json_t *head)
{
    struct update values = { 0 };
    struct state *state = NULL;
    const char *name;
    json_t *place;
    int r = 0;
    json_object_foreach(json_object_get(head, "fields"), name, place) {
        if (r == 0)
            r = decode_field(d, name, place, &values);
    }
    if (r == 0)
        r = state_restore(d->c->graph, &values, &state);
    update_clear(&values);
    if (r != 0)
        return r < 0 ? err_trace(r) : r;
    state_unref(d->c->state);
    d->c->state = state;
    return 0;
}

static int decode_writes(const struct decoder *d)
{
    int r = 0;
    checkpoint_clear_writes(d->c);
    for (size_t i = 0; i < d->from->write_count && r == 0; i++) {
        const struct stored_write *w = &d->from->writes[i];
        json_t *json = NULL;
        if (strlen(w->task_id) >= ID_BYTES)
            return damaged(d, "write");
        r = parse(d, &w->bytes, "write", &json);
        if (r == 0)
            r = checkpoint_set_write_take(d->c, w->task_id, w->kind, json);
    }
    return r != 0 ? err_trace(r) : 0;
}

int checkpoint_decode(struct checkpoint *c, const struct stored_checkpoint *from, bool is_lenient,
                      struct fail *f)
{
    const struct decoder d = { c, from, is_lenient, f };
    json_auto_t *head = NULL;
    int r = parse(&d, &from->head, "head", &head);
    if (r == 0)
        r = decode_plain(&d, head);
    if (r == 0)
        r = decode_sched(&d, head);
    if (r == 0)
        r = decode_values(&d, head);
    if (r == 0)
        r = decode_writes(&d);
    return r < 0 ? err_trace(r) : r;
}
