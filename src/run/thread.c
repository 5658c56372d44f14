/*
 * Looking at a thread, and forgetting it.
 *
 * With `subgraphs` the states of subgraphs are read one after the other. What is still to be read
 * is a list of tasks in the result, each of which names its place; a state that comes in adds its
 * tasks at the end. Subgraphs are nested at most SUBGRAPH_MAX_DEPTH deep, and the tasks of a step
 * have a limit, so the list has an end.
 */
#include "run/thread.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/thread_work.h"
#include <string.h>

/* ---- one state ---- */

struct look {
    struct thread_work work; /* first member */
    bool with_subgraphs;
    json_t *tasks; /* array: tasks whose state is to be read */
    size_t next_task;
    struct thread_spot child; /* of the task at next_task */
};

static struct look *look_of(struct thread_work *w)
{
    return (struct look *)(void *)w;
}

static void look_deinit(struct thread_work *w)
{
    json_decref(look_of(w)->tasks);
    mem_free(look_of(w)->child.ns);
}

static int note_tasks(struct look *l, const json_t *snapshot)
{
    size_t i;
    json_t *task;
    json_array_foreach(json_object_get(snapshot, "tasks"), i, task) {
        if (json_is_object(json_object_get(task, "state")) &&
            json_array_append(l->tasks, task) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

static void read_next(struct look *l);

/* A subgraph that has not begun has no checkpoint, but a place: where it will be stored. */
static int set_place(struct look *l, json_t *snapshot)
{
    json_t *config = json_object();
    json_t *at = json_object();
    int bad = json_object_set_new(config, "configurable", at);
    bad |= json_object_set_new(at, "thread_id", json_string(l->work.thread_id));
    bad |= json_object_set_new(at, "checkpoint_ns", json_string(l->child.ns));
    bad |= json_object_set_new(snapshot, "config", config);
    return bad != 0 ? err_trace(ERR_NOMEM) : 0;
}

static int set_state(struct look *l, json_t *take)
{
    json_t *task = json_array_get(l->tasks, l->next_task);
    bool has_begun = !json_is_null(json_object_get(take, "config"));
    int r = has_begun ? 0 : set_place(l, take);
    if (json_object_set_new(task, "state", take) != 0)
        r = err_trace(ERR_NOMEM);
    return r;
}

static void child_read(struct thread_work *w)
{
    struct look *l = look_of(w);
    json_t *snapshot = NULL;
    const struct stored_checkpoint *from = w->list.count > 0 ? &w->list.items[0] : NULL;
    int r = thread_snapshot(w, &l->child, from, true, &snapshot);
    if (r == 0)
        r = note_tasks(l, snapshot);
    if (r == 0)
        r = set_state(l, json_incref(snapshot));
    json_decref(snapshot);
    l->child.ns = mem_free(l->child.ns);
    l->next_task++;
    if (r != 0)
        thread_work_end(w, err_trace(r));
    else
        read_next(l);
}

static void read_next(struct look *l)
{
    struct thread_work *w = &l->work;
    if (l->next_task >= json_array_size(l->tasks)) {
        thread_work_end(w, 0);
        return;
    }
    const json_t *task = json_array_get(l->tasks, l->next_task);
    const json_t *at = json_object_get(json_object_get(task, "state"), "configurable");
    const char *ns = json_string_value(json_object_get(at, "checkpoint_ns"));
    int r = thread_spot_find(w->root, ns, &l->child);
    if (r != 0) {
        thread_work_end(w, err_trace(r < 0 ? r : ERR_SYSTEM)); /* we have just named it ourselves */
        return;
    }
    const struct store_query query = { .thread_id = w->thread_id, .ns = l->child.ns, .limit = 1 };
    thread_read(w, &query, child_read);
}

static void state_read(struct thread_work *w)
{
    struct look *l = look_of(w);
    const struct stored_checkpoint *from = w->list.count > 0 ? &w->list.items[0] : NULL;
    int r = thread_refuse_missing(w, w->checkpoint_id);
    if (r == 0)
        r = thread_snapshot(w, &w->at, from, w->checkpoint_id == NULL, &w->result);
    if (r == 0 && l->with_subgraphs)
        r = note_tasks(l, w->result);
    if (r != 0)
        thread_work_end(w, r < 0 ? err_trace(r) : r);
    else
        read_next(l);
}

void thread_get_state(struct runs *runs, struct thread_op *o, const struct thread_place *place,
                      bool subgraphs, json_t **ret, struct fail *f,
                      void (*on_end)(void *arg, int result), void *arg)
{
    const struct thread_call call = { runs, o, place, ret, f, on_end, arg };
    struct look *l = thread_work_new(sizeof(*l), &call);
    if (l == NULL)
        return;
    l->work.deinit = look_deinit;
    l->with_subgraphs = subgraphs;
    l->tasks = json_array();
    if (l->tasks == NULL) {
        thread_work_end(&l->work, err_trace(ERR_NOMEM));
        return;
    }
    const struct store_query query = thread_query(&l->work);
    thread_read(&l->work, &query, state_read);
}

/* ---- the end of a thread ---- */

struct removal {
    struct thread_work work; /* first member */
    struct store_op commit;
};

static void removed(void *arg, int result)
{
    struct removal *x = arg;
    if (result == STORE_E_FULL) {
        fail_set(x->work.f, FAIL_NO_ROOM,
                 "the database has no room left, of which it takes a little to delete a thread, "
                 "too; give it more");
        result = THREAD_E_REFUSED;
    } else if (result > 0) {
        result = err_trace(ERR_SYSTEM); /* it expects nothing */
    }
    thread_work_end(&x->work, result);
}

void thread_delete(struct runs *runs, struct thread_op *o, const char *thread_id, struct fail *f,
                   void (*on_end)(void *arg, int result), void *arg)
{
    const struct thread_place place = { .thread_id = thread_id };
    const struct thread_call call = { runs, o, &place, NULL, f, on_end, arg };
    struct removal *x = thread_work_new(sizeof(*x), &call);
    if (x == NULL)
        return;
    int r = thread_claim(&x->work);
    if (r != 0) {
        thread_work_end(&x->work, r);
        return;
    }
    struct store_batch batch;
    store_batch_init(&batch);
    store_add_delete_thread(&batch, x->work.thread_id);
    store_commit(runs->services->store, runs->services->loop, &x->commit, &batch, removed, x);
    store_batch_deinit(&batch);
}
