/*
 * What the reference cannot be asked about (FORMAT.md, "note"):
 *
 *     a task with a full join and another trigger: it takes one of them only, and then the join is
 *     full for good. Seen when such a task starts, and where a step of the case has left it planned
 *
 *     a handler that had finished when its step goes on: it calls it once more. Seen when its
 *     result is shown again
 *
 *     a plain answer that a question inside a subgraph has taken, if the step goes on without
 *     another plain one: it gives it to the next question there, whoever asks that. Seen where such
 *     a run begins, because ours has taken the answer back
 */
#include "must.h"
#include "run/checkpoint.h"
#include "steps.h"
#include "trace.h"
#include <string.h>

static bool is_join(const char *trigger)
{
    static const char join[] = "join:";

    return strncmp(trigger, join, sizeof(join) - 1) == 0;
}

static void note(json_int_t step, const char *reason)
{
    trace_line(json_pack("{s:I, s:s}", "step", step, "note", reason));
}

static void note_mixed(json_int_t step)
{
    note(step, "join and edge in one step");
}

void note_update(json_int_t step, const json_t *update)
{
    static const char handler[] = "__error_handler__";
    const char *node;
    json_t *what;

    if (json_object_get(update, "__metadata__") == NULL)
        return;
    json_object_foreach((json_t *)update, node, what) {
        if (strncmp(node, handler, sizeof(handler) - 1) == 0)
            note(step, "a handler that had finished");
    }
}

void note_task(json_int_t step, const json_t *task)
{
    const json_t *triggers = json_object_get(task, "triggers");
    const json_t *one;
    size_t i;
    bool has_join = false;

    json_array_foreach(triggers, i, one)
        has_join = has_join || is_join(json_string_value(one));
    if (has_join && json_array_size(triggers) > 1)
        note_mixed(step);
}

struct reading {
    int result;
    bool is_over;
};

static void on_end(void *arg, int result)
{
    *(struct reading *)arg = (struct reading){ result, true };
}

static bool is_mixed(const struct planned *task)
{
    bool has_join = false;

    for (size_t i = 0; i < task->trigger_count; i++)
        has_join = has_join || is_join(task->triggers[i]);
    return has_join && task->trigger_count > 1;
}

static bool plans_mixed(struct graph *graph, const struct stored_checkpoint *stored)
{
    struct checkpoint at;
    struct fail f = { 0 };
    struct plan plan;
    bool found = false;

    must_do(checkpoint_init(&at, graph));
    must_do(checkpoint_decode(&at, stored, true, &f));
    sched_plan(at.sched, &plan);
    for (size_t i = 0; i < plan.count; i++)
        found = found || is_mixed(&plan.tasks[i]);
    checkpoint_deinit(&at);
    return found;
}

/* Where the thread stands. */
static void read_newest(const struct driver *d, struct stored_list *ret)
{
    const struct store_query query = { .thread_id = d->thread_id, .ns = "", .limit = 1 };
    struct store_op op = { 0 };
    struct reading reading = { 0 };

    store_read(d->worker->store, d->worker->loop, &op, &query, ret, on_end, &reading);
    must_do(loop_run_until(d->worker->loop, &reading.is_over));
    must_do(reading.result);
}

void note_planned(const struct driver *d, json_int_t step)
{
    struct stored_list list = { 0 };

    read_newest(d, &list);
    if (list.count > 0 && plans_mixed(d->graph, &list.items[0]))
        note_mixed(step);
    stored_list_clear(&list);
}

static bool is_withdrawn(const struct stored_write *w)
{
    return w->kind == WRITE_RESUME && strcmp(w->task_id, NULL_TASK_ID) == 0 &&
           strcmp(w->bytes.bytes, "null") == 0;
}

void note_withdrawn(const struct driver *d, json_int_t step)
{
    struct stored_list list = { 0 };

    read_newest(d, &list);
    for (size_t i = 0; list.count > 0 && i < list.items[0].write_count; i++)
        if (is_withdrawn(&list.items[0].writes[i]))
            note(step, "an answer that was taken inside");
    stored_list_clear(&list);
}
