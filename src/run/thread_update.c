/*
 * Changing a thread from outside: the place is read once, the supersteps are applied one after the
 * other to what was read (superstep.c), each is handed to the store as it comes, and the op ends
 * when all of them are there. From before the read to the end the thread is claimed, so neither a
 * run nor another change can come between.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/superstep.h"
#include "run/thread_work.h"
#include <string.h>

struct change {
    struct thread_work work; /* first member */
    json_t *supersteps;
    struct checkpoint at;
    struct saver saver;
    bool has_begun; /* at and saver are there */
    int result;     /* why it stopped, once everything is stored */
};

static struct change *change_of(struct thread_work *w)
{
    return (struct change *)(void *)w;
}

static void change_deinit(struct thread_work *w)
{
    struct change *c = change_of(w);
    json_decref(c->supersteps);
    if (!c->has_begun)
        return;
    saver_deinit(&c->saver);
    checkpoint_deinit(&c->at);
}

/* ---- what is asked ---- */

static bool is_update(const json_t *update)
{
    const json_t *as_node = json_object_get(update, "as_node");
    return json_is_object(update) &&
           (as_node == NULL || json_is_null(as_node) || json_is_string(as_node));
}

static const char *wrong_updates(const json_t *updates)
{
    size_t i;
    const json_t *update;
    if (!json_is_array(updates) || json_array_size(updates) == 0)
        return "No updates provided: each superstep is a list with at least one";
    json_array_foreach(updates, i, update) {
        if (!is_update(update))
            return "an update is an object with \"values\" and perhaps a string \"as_node\"";
    }
    return NULL;
}

/* NULL = nothing is wrong. */
static const char *wrong_supersteps(const json_t *supersteps)
{
    size_t i;
    const json_t *updates;
    const char *wrong = NULL;
    if (!json_is_array(supersteps) || json_array_size(supersteps) == 0)
        return "No supersteps provided";
    json_array_foreach(supersteps, i, updates) {
        if (wrong == NULL)
            wrong = wrong_updates(updates);
    }
    return wrong;
}

static int check(struct change *c)
{
    const char *wrong = wrong_supersteps(c->supersteps);
    if (wrong == NULL)
        return thread_claim(&c->work);
    fail_set(c->work.f, FAIL_INVALID_UPDATE, "%s", wrong);
    return THREAD_E_REFUSED;
}

/* ---- what is done ---- */

static int make_result(struct change *c)
{
    c->work.result =
        json_pack("{s:{s:s, s:s, s:s}}", "configurable", "thread_id", c->work.thread_id,
                  "checkpoint_ns", c->work.at.ns, "checkpoint_id", c->at.id);
    return c->work.result != NULL ? 0 : err_trace(ERR_NOMEM);
}

static void stored(void *arg)
{
    struct change *c = arg;
    int r = c->result;
    if (r == 0 && c->saver.result > 0) {
        saver_fail(&c->saver, c->work.f);
        r = THREAD_E_REFUSED;
    }
    if (r == 0)
        r = c->saver.result;
    if (r == 0)
        r = make_result(c);
    thread_work_end(&c->work, r);
}

static int begin(struct change *c)
{
    struct thread_work *w = &c->work;
    const struct services *services = w->runs->services;
    c->has_begun = true;
    int r = checkpoint_init(&c->at, w->at.graph);
    int s = saver_init(&c->saver, services->store, services->loop, w->thread_id, w->at.ns,
                       DURABILITY_ASYNC);
    c->saver.delta_max = services->conf->snapshot_every;
    if (r != 0 || s != 0)
        return err_trace(ERR_NOMEM);
    if (w->list.count > 0)
        r = checkpoint_decode(&c->at, &w->list.items[0], true, w->f);
    if (r != 0)
        return err_trace(r < 0 ? r : ERR_SYSTEM); /* a lenient look refuses nothing */
    saver_note_loaded(&c->saver, &c->at);
    return 0;
}

static int apply_all(struct change *c)
{
    struct superstep s = { c->work.runs->services,        &c->at,   &c->saver, c->work.at.ns,
                           c->work.checkpoint_id == NULL, c->work.f };
    size_t i;
    json_t *updates;
    int r = 0;
    json_array_foreach(c->supersteps, i, updates) {
        if (r == 0)
            r = superstep_apply(&s, updates);
        s.with_pending = false; /* what follows stands on a checkpoint of its own */
    }
    return r == SUPERSTEP_E_REFUSED ? THREAD_E_REFUSED : r;
}

static void place_read(struct thread_work *w)
{
    struct change *c = change_of(w);
    int r = thread_refuse_missing(w, w->checkpoint_id);
    if (r != 0) {
        thread_work_end(w, r);
        return;
    }
    r = begin(c);
    c->result = r != 0 ? r : apply_all(c);
    saver_wait(&c->saver, stored, c);
}

void thread_update_state(struct runs *runs, struct thread_op *o, const struct thread_place *place,
                         const json_t *supersteps, json_t **ret, struct fail *f,
                         void (*on_end)(void *arg, int result), void *arg)
{
    const struct thread_call call = { runs, o, place, ret, f, on_end, arg };
    struct change *c = thread_work_new(sizeof(*c), &call);
    if (c == NULL)
        return;
    c->work.deinit = change_deinit;
    c->supersteps = json_incref((json_t *)supersteps);
    int r = check(c);
    if (r != 0) {
        thread_work_end(&c->work, r);
        return;
    }
    const struct store_query query = thread_query(&c->work);
    thread_read(&c->work, &query, place_read);
}
