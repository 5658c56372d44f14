/* Asking the store for a request; see lookup.h. */
#include "api/lookup.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

static void client_gone(void *arg)
{
    struct lookup *l = arg;

    l->req = NULL;
    op_cancel(&l->op.op);
}

struct lookup *lookup_new(struct req *req, const char *thread_id, const char *run_id)
{
    struct lookup *l = mem_zalloc(sizeof(*l));

    if (l != NULL) {
        l->api = req_app(req);
        l->req = req;
        l->thread_id = mem_strdup(thread_id);
        l->run_id = mem_strdup(run_id);
    }
    if (l != NULL && (thread_id == NULL || l->thread_id != NULL) &&
        (run_id == NULL || l->run_id != NULL)) {
        req_on_gone(req, client_gone, l);
        return l;
    }
    lookup_free(l);
    reply_failf(req, FAIL_INTERNAL, "%s", err_text(ERR_NOMEM));
    return NULL;
}

void lookup_free(struct lookup *l)
{
    if (l == NULL)
        return;
    mem_free(l->thread_id);
    mem_free(l->run_id);
    stored_records_clear(&l->found);
    sheet_clear(&l->sheet);
    json_decref(l->thread);
    mem_free(l);
}

/* Is there anybody to go on for? Else l is freed. */
static bool goes_on(struct lookup *l, int result)
{
    if (l->req != NULL && result == 0)
        return true;
    if (l->req != NULL && result == STORE_E_STALE)
        reply_failf(l->req, FAIL_NOT_FOUND, "Run not found");
    else if (l->req != NULL)
        reply_failf(l->req, FAIL_INTERNAL, "%s", err_text(result < 0 ? result : ERR_SYSTEM));
    lookup_free(l);
    return false;
}

static void refuse(struct lookup *l, const char *sentence)
{
    reply_failf(l->req, FAIL_NOT_FOUND, "%s", sentence);
    lookup_free(l);
}

static void records_found(void *arg, int result)
{
    struct lookup *l = arg;

    if (goes_on(l, result))
        l->then(l);
}

static void search(struct lookup *l, const struct record_query *query,
                   void (*on_end)(void *arg, int result))
{
    const struct services *s = l->api->services;

    stored_records_clear(&l->found);
    store_find_records(s->store, s->loop, &l->op, query, &l->found, on_end, l);
}

void lookup_records(struct lookup *l, const struct record_query *query,
                    void (*then)(struct lookup *l))
{
    l->then = then;
    search(l, query, records_found);
}

static int max_depth(const struct lookup *l)
{
    return (int)l->api->services->conf->max_depth + 8;
}

static void run_found(void *arg, int result)
{
    struct lookup *l = arg;

    if (!goes_on(l, result))
        return;
    const char *owner = l->thread_id == NULL ? "" : l->thread_id;
    if (l->found.count == 0 || strcmp(l->found.items[0].owner, owner) != 0)
        refuse(l, "Run not found");
    else if (sheet_read(&l->sheet, &l->found.items[0], max_depth(l)) != 0) {
        reply_failf(l->req, FAIL_INTERNAL, "what is stored of the run cannot be read");
        lookup_free(l);
    } else
        l->then(l);
}

void lookup_run(struct lookup *l, void (*then)(struct lookup *l))
{
    const struct record_query query = { .kind = RECORD_RUN,
                                        .ids = (const char *const *)&l->run_id,
                                        .id_count = 1 };

    l->then = then;
    search(l, &query, run_found);
}

static void refuse_thread(struct lookup *l)
{
    reply_failf(l->req, FAIL_NOT_FOUND, "Thread with ID %s not found", l->thread_id);
    lookup_free(l);
}

static void thread_found(void *arg, int result)
{
    struct lookup *l = arg;

    if (!goes_on(l, result))
        return;
    if (l->found.count == 0) {
        refuse_thread(l);
        return;
    }
    l->thread = record_object(&l->found.items[0].body, max_depth(l));
    l->then(l);
}

void lookup_thread(struct lookup *l, void (*then)(struct lookup *l))
{
    const struct record_query query = { .kind = RECORD_THREAD,
                                        .ids = (const char *const *)&l->thread_id,
                                        .id_count = 1 };

    l->then = then;
    search(l, &query, thread_found);
}

void lookup_commit(struct lookup *l, struct store_batch *b, void (*then)(struct lookup *l))
{
    const struct services *s = l->api->services;

    l->then = then;
    store_commit(s->store, s->loop, &l->op, b, records_found, l);
}
