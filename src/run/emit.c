/*
 * The run's events as records of its log: state, updates, interrupts, custom values and the end.
 * Those of tasks and checkpoints are in emit_task.c, of mode `events` in emit_events.c, of chat
 * messages in message*.c.
 *
 * An execution of a subgraph shows its events under its namespace, if they are asked for at all;
 * custom values and messages come from everywhere.
 */
#include "run/emit.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include <stdio.h>

bool run_wants(const struct run *run, unsigned mode)
{
    return (run->log.modes & mode) != 0;
}

bool exec_wants(const struct exec *e, unsigned mode)
{
    return run_wants(e->run, mode) && (e->event_ns == NULL || run_wants(e->run, MODE_SUBGRAPHS));
}

enum state_view exec_view(const struct exec *e)
{
    return e->parent == NULL ? VIEW_SHOWN : VIEW_OUTPUT;
}

size_t emit_max_bytes(const struct run *run)
{
    return 2 * ((size_t)run->runs->services->conf->max_state_bytes + MESSAGE_PART_MAX_BYTES);
}

struct ns_text *emit_ns(const struct exec *e)
{
    return run_wants(e->run, MODE_SUBGRAPHS) ? e->event_ns : NULL;
}

int emit_json(struct run *run, unsigned mode, const char *name, struct ns_text *ns,
              const struct buf *data)
{
    struct record *r;

    if (data->fault == BUF_E_FULL) {
        log_warn("event_lost", "run", run->id, "event", name, "why", "too large", NULL);
        return 0;
    }
    if (data->fault != 0)
        return err_trace(data->fault);
    r = record_new(RECORD_JSON, mode, data->data, data->len);
    if (r != NULL) {
        r->event_name = name;
        r->ns = ns_text_ref(ns);
    }
    return event_log_append_take(&run->log, r);
}

int emit_metadata(struct run *run)
{
    char text[96];
    int len =
        snprintf(text, sizeof(text), "{\"run_id\":\"%s\",\"attempt\":%d}", run->id, run->attempt);

    return event_log_append_take(&run->log, record_new(RECORD_METADATA, 0, text, (size_t)len));
}

int emit_error(struct run *run)
{
    struct record *r = record_new(RECORD_ERROR, 0, NULL, 0);

    if (r != NULL)
        fail_copy(&r->fail, &run->fail);
    return event_log_append_take(&run->log, r);
}

/* ---- values ---- */

/*
 * What is new in a version is charged when its record is made, not when somebody reads it: a reader
 * that stalls would otherwise keep every version of the state alive for the price of a few
 * pointers.
 */
static int hold_state(struct record *r, struct state *before, struct state *now)
{
    size_t field_count = state_graph(now)->field_count;
    int fault = 0;

    r->state = state_ref(now);
    for (size_t i = 0; fault == 0 && i < field_count; i++) {
        struct value *v = state_get(now, (int)i);
        if (v != NULL && (before == NULL || v != state_get(before, (int)i)))
            fault = record_charge_value(r, v);
    }
    return fault;
}

static int append_values(struct exec *e, struct state *before)
{
    struct record *r;

    if (!exec_wants(e, MODE_VALUES))
        return 0;
    r = record_new(RECORD_VALUES, MODE_VALUES, NULL, 0);
    if (r != NULL) {
        r->ns = ns_text_ref(e->event_ns);
        r->view = exec_view(e);
        if (hold_state(r, before, e->at.state) != 0)
            r = record_unref(r);
    }
    return event_log_append_take(&e->run->log, r);
}

int emit_values(struct exec *e, struct state *before)
{
    int fault = append_values(e, before);

    /* What a subgraph brings shows up in its parent's state. */
    if (fault == 0 && e->event_ns == NULL && run_wants(e->run, MODE_MESSAGES))
        fault = old_complete(e, before);
    return fault;
}

/* ---- updates ---- */

static int hold_update(struct record *r, const struct update *from)
{
    int fault = 0;

    update_init(&r->update);
    for (size_t i = 0; fault == 0 && i < from->count; i++) {
        fault =
            update_add_take(&r->update, from->writes[i].field, value_ref(from->writes[i].value));
        if (fault == 0)
            fault = record_charge_value(r, from->writes[i].value);
    }
    return fault;
}

int emit_update(struct run_task *t)
{
    struct exec *e = t->exec;
    struct record *r;

    if (!exec_wants(e, MODE_UPDATES))
        return 0;
    r = record_new(RECORD_UPDATES, MODE_UPDATES, NULL, 0);
    if (r != NULL) {
        r->ns = ns_text_ref(e->event_ns);
        r->view = exec_view(e);
        r->graph = e->graph;
        r->name = t->task.node->name;
        r->is_cached = t->is_replayed;
        if (hold_update(r, &t->outcome.update) != 0)
            r = record_unref(r);
    }
    return event_log_append_take(&e->run->log, r);
}

/* ---- interrupts and custom values ---- */

int emit_interrupts(struct exec *e, const json_t *interrupts)
{
    static const struct {
        unsigned mode;
        const char *name;
    } places[] = { { MODE_UPDATES, "updates" }, { MODE_VALUES, "values" } };
    struct buf data MEM_AUTO(buf_deinit);
    int fault = 0;

    buf_init(&data, emit_max_bytes(e->run));
    if (!exec_wants(e, MODE_UPDATES | MODE_VALUES))
        return 0;
    buf_add_str(&data, "{\"__interrupt__\":");
    jsonx_encode(interrupts, &data);
    buf_add_char(&data, '}');
    for (size_t i = 0; fault == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
        if (exec_wants(e, places[i].mode))
            fault = emit_json(e->run, places[i].mode, places[i].name, e->event_ns, &data);
    }
    return fault;
}

int emit_custom(struct run_task *t, const json_t *value)
{
    struct run *run = t->exec->run;
    struct buf data MEM_AUTO(buf_deinit);

    buf_init(&data, emit_max_bytes(run));
    if (!run_wants(run, MODE_CUSTOM))
        return 0;
    jsonx_encode(value, &data);
    return emit_json(run, MODE_CUSTOM, "custom", emit_ns(t->exec), &data);
}
