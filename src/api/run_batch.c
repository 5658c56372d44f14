/*
 * POST /runs/batch: many stateless runs in the background. All bodies are looked at before any run is
 * ordered; if an order is refused after all, the runs of the others are cancelled, and its reason is
 * the answer.
 */
#include "api/about.h"
#include "api/run_body.h"
#include "base/err.h"
#include "base/mem.h"

struct part {
    struct batch *batch;
    struct run_body body;
    struct desk_op op;
    struct run *run;
    json_t *json; /* the Run as it was accepted: until the others are it may have ended */
    struct fail fail;
};

struct batch {
    struct req *req; /* NULL: its client has left */
    const struct api *api;
    json_t *json; /* the body */
    struct part *parts;
    size_t count;
    size_t waiting; /* orders that have not been answered */
};

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        run_body_clear(&b->parts[i].body);
        run_unref(b->parts[i].run);
        json_decref(b->parts[i].json);
        fail_clear(&b->parts[i].fail);
    }
    mem_free(b->parts);
    json_decref(b->json);
    mem_free(b);
}

/* ---- the answer ---- */

static const struct fail *first_fail(const struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (fail_is_set(&b->parts[i].fail))
            return &b->parts[i].fail;
    }
    return NULL;
}

static void refuse(struct batch *b, const struct fail *f)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->parts[i].run != NULL)
            run_cancel(b->parts[i].run);
    }
    if (b->req != NULL)
        reply_fail(b->req, f, NULL);
}

static json_t *runs_json(const struct batch *b)
{
    json_t *list = json_array();

    for (size_t i = 0; i < b->count; i++) {
        if (json_array_append(list, b->parts[i].json) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static void answer(struct batch *b)
{
    const struct fail *f = first_fail(b);

    if (f != NULL)
        refuse(b, f);
    else if (b->req != NULL)
        reply_json_take(b->req, 200, runs_json(b));
    batch_free(b);
}

static void submitted(void *arg, int result)
{
    struct part *p = arg;

    if (result < 0)
        fail_set_fault(&p->fail, result);
    if (p->run != NULL)
        p->json = desk_describe(p->batch->api->desk, run_id(p->run));
    if (--p->batch->waiting == 0)
        answer(p->batch);
}

/* ---- the orders ---- */

static void client_gone(void *arg)
{
    ((struct batch *)arg)->req = NULL;
}

static int submit(struct part *p)
{
    json_t *kwargs = run_kwargs_new(&p->body, DOOR_BACKGROUND);

    if (kwargs == NULL)
        return err_trace(ERR_NOMEM);
    const struct desk_order order = run_body_order(&p->body, DOOR_BACKGROUND, kwargs);
    p->batch->waiting++;
    desk_submit(p->batch->api->desk, &p->op, &order, &p->run, &p->fail, submitted, p);
    json_decref(kwargs);
    return 0;
}

/* One that cannot be ordered refuses them all, once those before it are answered. */
static void submit_all(struct batch *b)
{
    int r = 0;

    req_on_gone(b->req, client_gone, b);
    for (size_t i = 0; r == 0 && i < b->count; i++) {
        r = submit(&b->parts[i]);
        if (r != 0)
            fail_set_fault(&b->parts[i].fail, r);
    }
    if (b->waiting == 0)
        answer(b);
}

static int read_parts(struct batch *b, struct fail *f)
{
    int r = run_body_parse(b->req, &b->json, f);

    if (r == 0 && json_array_size(b->json) == 0) {
        fail_set(f, FAIL_BAD_REQUEST, "the body must be a list of at least one run");
        return RUN_BODY_E_WRONG;
    }
    if (r == 0)
        b->parts = mem_array(json_array_size(b->json), sizeof(*b->parts));
    if (r == 0 && b->parts == NULL)
        r = err_trace(ERR_NOMEM);
    for (size_t i = 0; r == 0 && i < json_array_size(b->json); i++) {
        b->count++;
        b->parts[i].batch = b;
        r = run_body_take(b->req, DOOR_BACKGROUND, NULL, json_incref(json_array_get(b->json, i)),
                          &b->parts[i].body, f);
    }
    return r;
}

void handle_runs_batch(struct req *req)
{
    struct batch *b = mem_zalloc(sizeof(*b));
    struct fail f = { 0 };

    if (b == NULL) {
        reply_failf(req, FAIL_INTERNAL, "%s", err_text(ERR_NOMEM));
        return;
    }
    b->req = req;
    b->api = req_app(req);
    int r = read_parts(b, &f);
    if (r == 0) {
        submit_all(b);
        return;
    }
    if (r < 0)
        fail_set_fault(&f, r);
    reply_fail(req, &f, NULL);
    fail_clear(&f);
    batch_free(b);
}

const struct route_about about_runs_batch = {
    .summary = "Run graphs without threads in the background; if one is wrong none begins",
    .keys = run_body_keys,
    .needs = { "assistant_id" },
    .is_list = true,
    .answers = { { 200, "[Run]" } },
    .fails = FAILS_404,
};
