/* The run's events as records of its log; those of chat messages are in message.c. */
#include "run/internal.h"
#include <stdio.h>

bool run_wants(const struct run *run, unsigned mode)
{
    return (run->log.modes & mode) != 0;
}

int run_emit_metadata(struct run *run)
{
    char text[96];
    int len = snprintf(text, sizeof(text), "{\"run_id\":\"%s\",\"attempt\":1}", run->id);

    return event_log_append_take(&run->log, record_new(RECORD_METADATA, 0, text, (size_t)len));
}

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
        if (v != NULL && v != state_get(before, (int)i))
            fault = record_charge_value(r, v);
    }
    return fault;
}

int run_emit_values(struct run *run, struct state *before)
{
    struct record *r;

    if (!run_wants(run, MODE_VALUES))
        return 0;
    r = record_new(RECORD_VALUES, MODE_VALUES, NULL, 0);
    if (r != NULL && hold_state(r, before, run->state) != 0)
        r = record_unref(r);
    return event_log_append_take(&run->log, r);
}

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

int run_emit_update(struct run *run, const struct run_task *t)
{
    struct record *r;

    if (!run_wants(run, MODE_UPDATES))
        return 0;
    r = record_new(RECORD_UPDATES, MODE_UPDATES, NULL, 0);
    if (r != NULL) {
        r->graph = run->graph;
        r->name = t->task.node->name;
        if (hold_update(r, &t->update) != 0)
            r = record_unref(r);
    }
    return event_log_append_take(&run->log, r);
}

int run_emit_error(struct run *run)
{
    struct record *r = record_new(RECORD_ERROR, 0, NULL, 0);

    if (r != NULL)
        fail_copy(&r->fail, &run->fail);
    return event_log_append_take(&run->log, r);
}
