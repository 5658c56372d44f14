/*
 * `tasks`, `checkpoints`, and `debug`, which shows both once more in an envelope:
 *
 *     {"step": n, "type": "checkpoint" | "task" | "task_result", "timestamp": "...", "payload": ...}
 *
 * A step's tasks carry the number of the checkpoint that they lead to.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/about.h"
#include "run/emit.h"

/* ---- both modes ---- */

struct shown {
    unsigned mode;
    const char *name; /* of the mode's event */
    const char *type; /* in the envelope */
    int64_t step;
};

static int show_debug(struct exec *e, const struct shown *what, const struct buf *payload)
{
    char now[CLOCK_ISO_BYTES];
    struct buf data MEM_AUTO(buf_deinit);

    clock_iso(clock_wall_ms(), now);
    buf_init(&data, emit_max_bytes(e->run));
    buf_addf(&data, "{\"step\":%lld,\"type\":\"%s\",\"timestamp\":\"%s\",\"payload\":",
             (long long)what->step, what->type, now);
    buf_add(&data, buf_text(payload), payload->len);
    buf_add_char(&data, '}');
    return emit_json(e->run, MODE_DEBUG, "debug", e->event_ns, &data);
}

static int show(struct exec *e, const struct shown *what, const struct buf *payload)
{
    int fault = 0;

    if (exec_wants(e, what->mode) || payload->fault != 0)
        fault = emit_json(e->run, what->mode, what->name, e->event_ns, payload);
    if (fault == 0 && payload->fault == 0 && exec_wants(e, MODE_DEBUG))
        fault = show_debug(e, what, payload);
    return fault;
}

/* ---- checkpoints ---- */

int emit_checkpoint(struct exec *e)
{
    const struct state_limits limits = run_state_limits(e->run->runs->services);
    const struct snapshot_options options = {
        .thread_id = e->run->thread_id,
        .ns = e->ns,
        .limits = &limits,
        .results = exec_view(e),
    };
    const struct shown what = { MODE_CHECKPOINTS, "checkpoints", "checkpoint", e->at.step };
    struct buf payload MEM_AUTO(buf_deinit);
    json_auto_t *snapshot = NULL;

    buf_init(&payload, emit_max_bytes(e->run));
    /* What is not kept has no checkpoints. */
    if (!exec_wants(e, MODE_CHECKPOINTS | MODE_DEBUG) || e->saver.store == NULL)
        return 0;
    int fault = checkpoint_snapshot(&e->at, &options, true, &snapshot);
    if (fault != 0)
        return err_trace(fault);
    jsonx_encode(snapshot, &payload);
    return show(e, &what, &payload);
}

/* ---- tasks ---- */

static void open_task(struct buf *out, struct run_task *t)
{
    buf_add_char(out, '{');
    about_text(out, "id", run_task_id(t));
    about_text(out, "name", t->task.node->name);
}

static void write_start(struct buf *out, struct run_task *t)
{
    open_task(out, t);
    about_key(out, "input");
    about_input(out, t);
    about_list(out, "triggers", t->triggers, t->trigger_count);
    buf_add_str(out, ",\"interrupts\":[],\"metadata\":{");
    about_run(out, t->exec->run, t);
    buf_add_str(out, "}}");
}

static int show_start(struct run_task *t)
{
    const struct shown what = { MODE_TASKS, "tasks", "task", about_step(t) };
    struct buf payload MEM_AUTO(buf_deinit);

    buf_init(&payload, emit_max_bytes(t->exec->run));
    write_start(&payload, t);
    return show(t->exec, &what, &payload);
}

int emit_task_start(struct run_task *t)
{
    int fault = 0;

    if (exec_wants(t->exec, MODE_TASKS | MODE_DEBUG))
        fault = show_start(t);
    if (fault == 0 && t->end == TASK_AT_WORK && run_wants(t->exec->run, MODE_EVENTS))
        fault = events_task_start(t);
    return fault;
}

static void write_value(struct buf *out, struct value *v)
{
    const char *bytes;
    size_t len_bytes;
    int fault = value_bytes(v, &bytes, &len_bytes);

    if (fault == 0)
        buf_add(out, bytes, len_bytes);
    else
        out->fault = out->fault != 0 ? out->fault : fault; /* sticky, like a failed append */
}

/* The first of several writes of one field brings the others with it. */
static void write_several(struct buf *out, const struct update *u, size_t first)
{
    buf_add_str(out, "{\"$writes\":[");
    for (size_t i = first; i < u->count; i++) {
        if (u->writes[i].field != u->writes[first].field)
            continue;
        if (i != first)
            buf_add_char(out, ',');
        write_value(out, u->writes[i].value);
    }
    buf_add_str(out, "]}");
}

/* counts: writes of each field; those that are written are set to 0. */
static void write_fields(struct buf *out, const struct graph *g, const struct update *u,
                         size_t *counts)
{
    for (size_t i = 0; i < u->count; i++)
        counts[u->writes[i].field]++;
    for (size_t i = 0; i < u->count; i++) {
        int field = u->writes[i].field;
        if (counts[field] == 0 || g->fields[field].is_private)
            continue;
        about_key(out, g->fields[field].name);
        if (counts[field] == 1)
            write_value(out, u->writes[i].value);
        else
            write_several(out, u, i);
        counts[field] = 0;
    }
}

static void write_result(struct buf *out, const struct run_task *t)
{
    const struct graph *g = t->exec->graph;
    size_t *counts = mem_array(g->field_count, sizeof(*counts));

    about_key(out, "result");
    buf_add_char(out, '{');
    if (counts == NULL)
        out->fault = out->fault != 0 ? out->fault : ERR_NOMEM;
    else if (t->end == TASK_DONE && t->outcome.parent == NULL) /* else its parent's writes */
        write_fields(out, g, &t->outcome.update, counts);
    buf_add_char(out, '}');
    mem_free(counts);
}

static void write_failure(struct buf *out, const struct run_task *t)
{
    char *text = mem_printf("%s: %s", fail_type(&t->fail), fail_message(&t->fail));

    if (text == NULL)
        out->fault = out->fault != 0 ? out->fault : ERR_NOMEM;
    else
        about_text(out, "error", text);
    mem_free(text);
}

static void write_end(struct buf *out, struct run_task *t)
{
    open_task(out, t);
    if (t->end == TASK_FAILED)
        write_failure(out, t);
    else
        buf_add_str(out, ",\"error\":null");
    write_result(out, t);
    about_key(out, "interrupts");
    if (t->end == TASK_INTERRUPTED && t->interrupts != NULL)
        jsonx_encode(t->interrupts, out);
    else
        buf_add_str(out, "[]");
    buf_add_char(out, '}');
}

static int show_end(struct run_task *t)
{
    const struct shown what = { MODE_TASKS, "tasks", "task_result", about_step(t) };
    struct buf payload MEM_AUTO(buf_deinit);

    buf_init(&payload, emit_max_bytes(t->exec->run));
    write_end(&payload, t);
    return show(t->exec, &what, &payload);
}

int emit_task_end(struct run_task *t)
{
    int fault = 0;

    if (t->is_replayed || t->end == TASK_CANCELLED)
        return 0;
    if (t->end == TASK_DONE)
        message_end_all(t);
    if (exec_wants(t->exec, MODE_TASKS | MODE_DEBUG))
        fault = show_end(t);
    if (fault == 0 && run_wants(t->exec->run, MODE_EVENTS))
        fault = events_task_end(t);
    return fault;
}
