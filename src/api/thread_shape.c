/*
 * From the run layer's snapshots to the protocol's ThreadState. They differ in how they name the
 * place of a subgraph: a snapshot has it as the task's `state`, {"configurable": {...}}, the
 * protocol as `checkpoint`; a state that was read along is the task's `state` in both.
 */
#include "api/on_thread.h"
#include "base/err.h"

enum { PATH_SIZE = 2 }; /* ["__pregel_push", index] */

static int set_map(json_t *checkpoint, const json_t *parents)
{
    json_t *map = json_object_size(parents) > 0 ? json_incref((json_t *)parents) : json_null();

    if (!json_is_object(checkpoint)) {
        json_decref(map);
        return 0;
    }
    return json_object_set_new(checkpoint, "checkpoint_map", map);
}

static int shape(json_t *snapshot, bool is_nested);

static int shape_task(json_t *task)
{
    json_t *state = json_object_get(task, "state");
    json_t *path = json_object_get(task, "path");
    json_t *place = json_object_get(state, "configurable");
    int bad = json_object_set(task, "checkpoint", place != NULL ? place : json_null());

    if (json_array_size(path) > PATH_SIZE)
        bad |= json_array_remove(path, PATH_SIZE);
    if (place != NULL)
        return bad | json_object_set_new(task, "state", json_null());
    return json_is_object(state) ? bad | shape(state, true) : bad;
}

static int shape(json_t *snapshot, bool is_nested)
{
    const json_t *parents = json_object_get(json_object_get(snapshot, "metadata"), "parents");
    json_t *task;
    size_t i;
    int bad = set_map(json_object_get(snapshot, "checkpoint"), parents);

    bad |= set_map(json_object_get(snapshot, "parent_checkpoint"), parents);
    json_array_foreach(json_object_get(snapshot, "tasks"), i, task)
        bad |= shape_task(task);
    /* What is not there is no failure. */
    (void)json_object_del(snapshot, "config");
    (void)json_object_del(snapshot, "parent_config");
    if (is_nested)
        (void)json_object_del(snapshot, "interrupts");
    if (json_is_null(json_object_get(snapshot, "metadata")))
        (void)json_object_del(snapshot, "metadata");
    return bad;
}

int thread_state_shape(json_t *snapshot)
{
    return shape(snapshot, false) != 0 ? err_trace(ERR_NOMEM) : 0;
}
