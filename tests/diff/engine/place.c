/* A thread between its runs: the asynchronous verbs of run/thread.h, waited for. */
#include "must.h"
#include "run/thread.h"
#include "steps.h"
#include <stdio.h>

struct waiting {
    struct thread_op op;
    int result;
    bool is_over;
};

static void on_end(void *arg, int result)
{
    struct waiting *w = arg;

    w->result = result;
    w->is_over = true;
}

/* True: it went well. */
static bool wait_for(struct driver *d, struct waiting *w, struct fail *f)
{
    must_do(loop_run_until(d->worker->loop, &w->is_over));
    if (w->result != 0 && !fail_is_set(f))
        fail_set_fault(f, w->result);
    return w->result == 0;
}

static struct thread_place place_of(const struct driver *d, const char *checkpoint_id)
{
    return (struct thread_place){
        .graph = d->graph, .thread_id = d->thread_id, .ns = "", .checkpoint_id = checkpoint_id
    };
}

json_t *driver_state(struct driver *d, const char *checkpoint_id, bool subgraphs, struct fail *f)
{
    struct thread_place place = place_of(d, checkpoint_id);
    struct waiting w = { 0 };
    json_t *state = NULL;

    thread_get_state(d->worker->runs, &w.op, &place, subgraphs, &state, f, on_end, &w);
    return wait_for(d, &w, f) ? state : NULL;
}

json_t *driver_history(struct driver *d, size_t limit, struct fail *f)
{
    struct thread_place place = place_of(d, NULL);
    struct thread_history how = { .limit = limit };
    struct waiting w = { 0 };
    json_t *list = NULL;

    thread_get_history(d->worker->runs, &w.op, &place, &how, &list, f, on_end, &w);
    return wait_for(d, &w, f) ? list : NULL;
}

json_t *driver_update(struct driver *d, const char *checkpoint_id, const json_t *supersteps,
                      struct fail *f)
{
    struct thread_place place = place_of(d, checkpoint_id);
    struct waiting w = { 0 };
    json_t *config = NULL;

    thread_update_state(d->worker->runs, &w.op, &place, supersteps, &config, f, on_end, &w);
    return wait_for(d, &w, f) ? config : NULL;
}

void driver_forget(struct driver *d)
{
    struct fail f = { 0 };
    struct waiting w = { 0 };

    thread_delete(d->worker->runs, &w.op, d->thread_id, &f, on_end, &w);
    must_do(wait_for(d, &w, &f) ? 0 : -1);
}

static const char *checkpoint_id_of(const json_t *snapshot)
{
    const json_t *config = json_object_get(snapshot, "config");

    return json_string_value(
        json_object_get(json_object_get(config, "configurable"), "checkpoint_id"));
}

int driver_place(struct driver *d, const json_t *step, char ret[ID_BYTES], struct fail *f)
{
    const json_t *index = json_object_get(step, "checkpoint");
    json_t *list;
    size_t count;

    if (index == NULL)
        return 0;
    list = driver_history(d, 0, f);
    if (list == NULL)
        return -1;
    count = json_array_size(list);
    if (count > 0) {
        size_t at = (size_t)json_integer_value(index) % count;
        snprintf(ret, ID_BYTES, "%s", checkpoint_id_of(json_array_get(list, at)));
    }
    json_decref(list);
    return count > 0;
}
