/*
 * POST /internal/truncate, with the setting test_routes only: what test suites of the protocol call
 * between their tests. One phase after the other, each in pages:
 *
 *     find a page -> (runs, threads: wait until nothing is at work on the record) -> delete -> find ...
 */
#include "api/about.h"
#include "api/work.h"
#include "store/item.h"

enum { PAGE = 100 };

struct truncation {
    struct work w; /* first member */
    size_t phase;
    size_t at;     /* of w.found: the record that is looked at */
    size_t offset; /* of the page; records of earlier ones are still there */
    struct desk_wait wait;
    struct stored_items items;
};

static struct truncation *of(struct work *w)
{
    return (struct truncation *)(void *)w;
}

static void deinit(struct work *w)
{
    stored_items_clear(&of(w)->items);
}

static void find_page(struct work *w);
static void next_record(struct work *w);

/* ---- runs, threads and their checkpoints: one at a time ---- */

static void delete_run(struct work *w, const struct stored_record *r)
{
    store_add_delete_record(&w->batch, RECORD_RUN, r->id);
}

static void delete_thread(struct work *w, const struct stored_record *r)
{
    work_delete_thread(w, r->id);
}

static void delete_checkpoints(struct work *w, const struct stored_record *r)
{
    store_add_rewind_thread(&w->batch, r->id, "");
}

static void delete_assistant(struct work *w, const struct stored_record *r)
{
    store_add_delete_record(&w->batch, RECORD_ASSISTANT, r->id);
}

static const struct phase {
    const char *key; /* of the body */
    enum record_kind kind;
    bool is_by_owner; /* the thread that is waited for is the record's owner */
    bool keeps;       /* the records themselves stay */
    void (*remove)(struct work *w, const struct stored_record *r);
} phases[] = {
    { "runs", RECORD_RUN, true, false, delete_run },
    { "threads", RECORD_THREAD, false, false, delete_thread },
    { "checkpointer", RECORD_THREAD, false, true, delete_checkpoints },
    { "assistants", RECORD_ASSISTANT, false, false, delete_assistant },
    { "store", RECORD_KIND_COUNT, false, false, NULL },
};
enum { PHASES = sizeof(phases) / sizeof(phases[0]) };

static void record_is_quiet(void *arg)
{
    struct work *w = arg;
    struct truncation *t = of(w);

    phases[t->phase].remove(w, &w->found.items[t->at]);
    t->at++;
    next_record(w);
}

static void page_done(struct work *w)
{
    find_page(w);
}

static void next_record(struct work *w)
{
    struct truncation *t = of(w);
    const struct phase *phase = &phases[t->phase];

    if (t->at == w->found.count) {
        t->offset += phase->keeps ? w->found.count : 0;
        work_commit(w, page_done, NULL);
        return;
    }
    const struct stored_record *r = &w->found.items[t->at];
    t->wait = (struct desk_wait){ .empty = record_is_quiet, .arg = w };
    if (!desk_empty_thread(w->api->desk, phase->is_by_owner ? r->owner : r->id, &t->wait))
        record_is_quiet(w);
}

/* ---- items ---- */

static void found_items(struct work *w)
{
    struct truncation *t = of(w);

    if (t->items.count == 0) {
        t->phase++;
        find_page(w);
        return;
    }
    for (size_t i = 0; i < t->items.count; i++)
        store_add_delete_item(&w->batch, t->items.items[i].ns, t->items.items[i].key);
    stored_items_clear(&t->items);
    work_commit(w, page_done, NULL);
}

/* At the beginning of time nothing has expired: all of them. */
static void find_items(struct work *w)
{
    const struct services *services = w->api->services;

    w->then = found_items;
    store_find_items(services->store, services->loop, &w->store_op,
                     &(struct item_query){ .ns = "", .limit = PAGE }, &of(w)->items, work_stored,
                     w);
}

/* ---- phases ---- */

static void found(struct work *w)
{
    struct truncation *t = of(w);

    t->at = 0;
    if (w->found.count > 0) {
        next_record(w);
        return;
    }
    t->phase++;
    t->offset = 0;
    find_page(w);
}

static void find_page(struct work *w)
{
    struct truncation *t = of(w);

    while (t->phase < PHASES && !json_is_true(body_find(w->body, phases[t->phase].key)))
        t->phase++;
    if (t->phase == PHASES)
        work_json_take(w, json_pack("{s:b}", "ok", 1));
    else if (phases[t->phase].remove == NULL)
        find_items(w);
    else
        work_find(w,
                  &(struct record_query){ .kind = phases[t->phase].kind,
                                          .offset = t->offset,
                                          .limit = PAGE,
                                          .without_body = true },
                  found);
}

/* ---- the route ---- */

static const struct body_key keys[] = {
    { "runs", &type_boolean, false },       { "threads", &type_boolean, false },
    { "assistants", &type_boolean, false }, { "checkpointer", &type_boolean, false },
    { "store", &type_boolean, false },      BODY_END,
};

void handle_truncate(struct req *req)
{
    struct truncation *t = work_new(req, sizeof(*t), keys);

    if (t == NULL)
        return;
    t->w.deinit = deinit;
    if (json_is_true(body_find(t->w.body, "runs")))
        desk_cancel_all(t->w.api->desk, NULL, CANCEL_PENDING | CANCEL_RUNNING, CANCEL_INTERRUPT);
    find_page(&t->w);
}

const struct route_about about_truncate = {
    .summary = "For tests: forget what is kept",
    .keys = keys,
    .answers = { { 200, "Ok" } },
};
