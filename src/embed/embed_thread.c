/*
 * Threads between their runs: each call is an op of run/thread.h, what it needs, and whom to tell.
 *
 *     call_new -> thread_*() ... ended -> the answer as text, on_end, call_free
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "graph/build.h"
#include "run/thread.h"
#include <string.h>

struct embed_call {
    struct list node; /* engine->calls */
    struct anabranch_engine *engine;
    struct thread_op op;
    struct thread_place place; /* what it points to is the caller's: only for the start */
    json_t *given;             /* writes, or a filter */
    json_t *answer;
    struct fail fail;
    void (*on_end)(void *arg, int status, const char *json, size_t len_bytes);
    void *arg;
};

static void call_free(struct embed_call *c)
{
    struct anabranch_engine *engine = c->engine;

    list_remove(&c->node);
    json_decref(c->given);
    json_decref(c->answer);
    fail_clear(&c->fail);
    mem_free(c);
    engine->has_no_calls = list_is_empty(&engine->calls);
}

static int status_of(int result)
{
    switch (result) {
    case OP_CANCELLED:
        return ANABRANCH_E_CANCELLED;
    case THREAD_E_REFUSED:
        return ANABRANCH_E_FAILED;
    default:
        return result;
    }
}

static int write_answer(const struct embed_call *c, int result, struct buf *out)
{
    if (result == THREAD_E_REFUSED)
        embed_write_fail(&c->fail, out);
    else if (result == 0 && c->answer != NULL)
        jsonx_encode(c->answer, out);
    return out->fault == 0 ? status_of(result) : ANABRANCH_E_NOMEM;
}

static void ended(void *arg, int result)
{
    struct embed_call *c = arg;
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, EMBED_UNBOUNDED);
    int status = write_answer(c, result, &out);
    if (status == ANABRANCH_E_NOMEM)
        buf_clear(&out);
    if (c->on_end != NULL)
        c->on_end(c->arg, status, buf_text(&out), out.len);
    call_free(c);
}

static int wrong(const char *option, const char *why)
{
    return embed_wrong("thread_options", option, why);
}

/* graph NULL: the verb needs none. */
static int call_new(struct anabranch_engine *engine, struct anabranch_graph *graph,
                    const struct anabranch_thread_options *options, struct embed_call **ret)
{
    struct anabranch_thread_options o;
    struct embed_call *c = NULL;
    int r;

    options_copy(&o, sizeof(o), options);
    if (engine->is_ending)
        return ANABRANCH_E_CANCELLED;
    r = o.thread_id == NULL ? wrong("thread_id", "there is none")
                            : embed_check_text("thread_options", "thread_id", o.thread_id);
    if (r != 0)
        return r;
    c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return err_trace(ERR_NOMEM);
    c->engine = engine;
    c->place = (struct thread_place){
        .graph = graph == NULL ? NULL : graph_of(graph),
        .thread_id = o.thread_id,
        .ns = o.checkpoint_ns == NULL ? "" : o.checkpoint_ns,
        .checkpoint_id = o.checkpoint_id,
    };
    c->on_end = o.on_end;
    c->arg = o.arg;
    list_add_tail(&engine->calls, &c->node);
    *ret = c;
    return 0;
}

static int call_new_at(struct anabranch_engine *engine, struct anabranch_graph *graph,
                       const struct anabranch_thread_options *options, struct embed_call **ret)
{
    return graph == NULL ? wrong("graph", "there is none") : call_new(engine, graph, options, ret);
}

/* ---- looking ---- */

int anabranch_get_state(struct anabranch_engine *engine, struct anabranch_graph *graph,
                        const struct anabranch_thread_options *options, int subgraphs)
{
    struct embed_call *c = NULL;
    int r = call_new_at(engine, graph, options, &c);

    if (r == 0)
        thread_get_state(engine->worker.runs, &c->op, &c->place, subgraphs != 0, &c->answer,
                         &c->fail, ended, c);
    return r;
}

static int read_history(struct embed_call *c, const struct anabranch_history *h,
                        struct thread_history *ret)
{
    int r;

    if (h->limit < 0)
        return wrong("limit", "less than 0");
    r = embed_read_object(&c->engine->conf, "thread_options", "filter", h->filter, &c->given);
    *ret = (struct thread_history){ .limit = (size_t)h->limit,
                                    .before = h->before,
                                    .filter = c->given };
    return r;
}

int anabranch_get_history(struct anabranch_engine *engine, struct anabranch_graph *graph,
                          const struct anabranch_thread_options *options,
                          const struct anabranch_history *history)
{
    struct anabranch_history h;
    struct thread_history how;
    struct embed_call *c = NULL;
    int r = call_new_at(engine, graph, options, &c);

    if (r != 0)
        return r;
    options_copy(&h, sizeof(h), history);
    r = read_history(c, &h, &how);
    if (r == 0)
        thread_get_history(engine->worker.runs, &c->op, &c->place, &how, &c->answer, &c->fail,
                           ended, c);
    else
        call_free(c);
    return r;
}

/* ---- changing ---- */

/* [[{"values": values, "as_node": as_node}]]; takes values. */
static int one_update(json_t *values, const char *as_node, json_t **ret)
{
    json_t *update = json_pack("{s:o}", "values", values == NULL ? json_null() : values);

    if (update != NULL && as_node != NULL &&
        json_object_set_new(update, "as_node", json_string(as_node)) != 0) {
        json_decref(update);
        update = NULL;
    }
    *ret = update == NULL ? NULL : json_pack("[[o]]", update);
    return *ret == NULL ? err_trace(ERR_NOMEM) : 0;
}

/* r: how it went so far; if not well, the call is over. */
static int begin_update(struct embed_call *c, int r)
{
    if (r == 0)
        thread_update_state(c->engine->worker.runs, &c->op, &c->place, c->given, &c->answer,
                            &c->fail, ended, c);
    else
        call_free(c);
    return r;
}

int anabranch_update_state(struct anabranch_engine *engine, struct anabranch_graph *graph,
                           const struct anabranch_thread_options *options, const char *values,
                           const char *as_node)
{
    struct embed_call *c = NULL;
    json_t *json = NULL;
    int r = call_new_at(engine, graph, options, &c);

    if (r != 0)
        return r;
    if (as_node != NULL && jsonx_utf8_prefix(as_node, strlen(as_node)) < strlen(as_node))
        r = wrong("as_node", "not UTF-8");
    if (r == 0)
        r = embed_read_json(&engine->conf, "thread_options", "values", values, &json);
    if (r == 0)
        r = one_update(json, as_node, &c->given);
    return begin_update(c, r);
}

int anabranch_bulk_update_state(struct anabranch_engine *engine, struct anabranch_graph *graph,
                                const struct anabranch_thread_options *options,
                                const char *supersteps)
{
    struct embed_call *c = NULL;
    int r = call_new_at(engine, graph, options, &c);

    if (r != 0)
        return r;
    r = supersteps == NULL
            ? wrong("supersteps", "there are none")
            : embed_read_json(&engine->conf, "thread_options", "supersteps", supersteps, &c->given);
    return begin_update(c, r);
}

int anabranch_delete_thread(struct anabranch_engine *engine,
                            const struct anabranch_thread_options *options)
{
    struct embed_call *c = NULL;
    int r = call_new(engine, NULL, options, &c);

    if (r == 0)
        thread_delete(engine->worker.runs, &c->op, c->place.thread_id, &c->fail, ended, c);
    return r;
}

/* ---- the end ---- */

void embed_calls_end(struct anabranch_engine *engine)
{
    engine->has_no_calls = list_is_empty(&engine->calls);
    LIST_EACH(&engine->calls, node)
        op_cancel(&LIST_OF(node, struct embed_call, node)->op.op);
    /* A stop that came before is used up by the first turn. A fault of the loop ends it: what is
     * left then is lost with it. */
    while (!engine->has_no_calls && loop_run_until(engine->worker.loop, &engine->has_no_calls) == 0)
        ;
}
