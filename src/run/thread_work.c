/* What the verbs of a thread share: how they begin, read, look and end. */
#include "run/thread_work.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

/* ---- places ---- */

static const struct subgraph *find_subgraph(const struct graph *g, const char *segment, size_t len)
{
    const char *colon = memchr(segment, ':', len);
    size_t name_len = colon != NULL ? (size_t)(colon - segment) : len;
    for (size_t i = 0; i < g->node_count; i++)
        if (strlen(g->nodes[i].name) == name_len &&
            memcmp(g->nodes[i].name, segment, name_len) == 0)
            return g->nodes[i].subgraph;
    return NULL;
}

static void add_segment(char *ns, const char *segment, size_t len, enum persistence persistence)
{
    size_t at = strlen(ns);
    if (at > 0)
        ns[at++] = '|';
    memcpy(ns + at, segment, len);
    ns[at + len] = '\0';
    if (persistence == PERSIST_THREAD)
        namespace_strip(ns);
}

int thread_spot_find(struct graph *root, const char *ns, struct thread_spot *ret)
{
    struct graph *g = root;
    char *stored = mem_zalloc(strlen(ns) + 1);
    if (stored == NULL)
        return err_trace(ERR_NOMEM);
    for (const char *at = ns; *at != '\0';) {
        size_t len = strcspn(at, "|");
        const struct subgraph *s = find_subgraph(g, at, len);
        if (s == NULL) {
            mem_free(stored);
            return SPOT_E_MISSING;
        }
        add_segment(stored, at, len, s->persistence);
        g = s->graph;
        at += len + (at[len] == '|');
    }
    *ret = (struct thread_spot){ g, stored };
    return 0;
}

/* ---- begin and end ---- */

static void cancel(struct op *op)
{
    struct thread_work *w = ((struct thread_op *)(void *)op)->own;
    op_cancel(&w->read.op); /* what was handed over for writing is not cancelled: it ends soon */
}

static void free_work(struct thread_work *w)
{
    if (w->deinit != NULL)
        w->deinit(w);
    list_remove(&w->claim.node);
    stored_list_clear(&w->list);
    json_decref(w->result);
    mem_free(w->at.ns);
    mem_free(w->thread_id);
    mem_free(w->checkpoint_id);
    graph_unref(w->root);
    mem_free(w);
}

void thread_work_end(struct thread_work *w, int result)
{
    struct thread_op *op = w->op;
    if (result == 0 && w->ret != NULL) {
        *w->ret = w->result;
        w->result = NULL;
    }
    op->own = NULL;
    free_work(w);
    op_finish(&op->op, result);
}

static int refuse(const struct thread_work *w, enum fail_code code, const char *text)
{
    fail_set(w->f, code, "%s", text);
    return THREAD_E_REFUSED;
}

static bool is_too_long(const char *text, size_t max)
{
    return text != NULL && strlen(text) > max;
}

static int find_spot(struct thread_work *w, const char *ns)
{
    int r = thread_spot_find(w->root, ns, &w->at);
    if (r == SPOT_E_MISSING)
        return refuse(w, FAIL_NOT_FOUND, "the graph has no subgraph at this checkpoint_ns");
    return r != 0 ? err_trace(r) : 0;
}

static int fill(struct thread_work *w, const struct thread_place *place)
{
    if (w->runs->services->store == NULL)
        return refuse(w, FAIL_UNPROCESSABLE,
                      "this process keeps no threads (MISSING_CHECKPOINTER)");
    if (is_too_long(place->thread_id, STORE_ID_MAX) || is_too_long(place->ns, STORE_NS_MAX) ||
        is_too_long(place->checkpoint_id, STORE_ID_MAX))
        return refuse(w, FAIL_BAD_REQUEST, "thread_id, checkpoint_id or checkpoint_ns is too long");
    w->thread_id = mem_strdup(place->thread_id);
    w->checkpoint_id = mem_strdup(place->checkpoint_id);
    if (w->thread_id == NULL || (place->checkpoint_id != NULL && w->checkpoint_id == NULL))
        return err_trace(ERR_NOMEM);
    if (place->graph == NULL)
        return 0;
    w->root = graph_ref(place->graph);
    return find_spot(w, place->ns);
}

void *thread_work_new(size_t size_bytes, const struct thread_call *call)
{
    struct thread_work *w = mem_zalloc(size_bytes);
    call->op->own = w;
    op_start(&call->op->op, call->runs->services->loop, cancel, call->on_end, call->arg);
    if (w == NULL) {
        op_finish(&call->op->op, err_trace(ERR_NOMEM));
        return NULL;
    }
    list_init(&w->claim.node);
    w->op = call->op;
    w->runs = call->runs;
    w->ret = call->ret;
    w->f = call->f;
    int r = fill(w, call->place);
    if (r == 0)
        return w;
    thread_work_end(w, r);
    return NULL;
}

int thread_claim(struct thread_work *w)
{
    if (runs_thread_is_busy(w->runs, w->thread_id))
        return refuse(w, FAIL_CONFLICT, "Thread is busy");
    runs_claim_thread(w->runs, &w->claim, w->thread_id);
    return 0;
}

/* ---- reading and looking ---- */

/* A cancel that came when the answer was on its way was not heard by the read; nothing of what it
 * was read for may begin then. */
static void on_read(void *arg, int result)
{
    struct thread_work *w = arg;
    if (result == 0 && w->op->op.state == OP_CANCELLING)
        result = OP_CANCELLED;
    if (result != 0)
        thread_work_end(w, result);
    else
        w->on_read(w);
}

void thread_read(struct thread_work *w, const struct store_query *query,
                 void (*then)(struct thread_work *w))
{
    stored_list_clear(&w->list);
    w->on_read = then;
    store_read(w->runs->services->store, w->runs->services->loop, &w->read, query, &w->list,
               on_read, w);
}

struct store_query thread_query(const struct thread_work *w)
{
    return (struct store_query){
        .thread_id = w->thread_id, .ns = w->at.ns, .id = w->checkpoint_id, .limit = 1
    };
}

int thread_refuse_missing(const struct thread_work *w, const char *id)
{
    if (id == NULL || w->list.count > 0)
        return 0;
    fail_set(w->f, FAIL_NOT_FOUND, "thread \"%s\" has no checkpoint \"%s\"", w->thread_id, id);
    return THREAD_E_REFUSED;
}

int thread_snapshot(const struct thread_work *w, const struct thread_spot *spot,
                    const struct stored_checkpoint *from, bool with_pending, json_t **ret)
{
    const struct state_limits limits = run_state_limits(w->runs->services);
    const struct snapshot_options o = { w->thread_id, spot->ns, with_pending, &limits, VIEW_SHOWN };
    struct checkpoint c;
    struct fail f = { 0 };
    int r = checkpoint_init(&c, spot->graph);
    if (r == 0 && from != NULL)
        r = checkpoint_decode(&c, from, true, &f);
    if (r == 0)
        r = checkpoint_snapshot(&c, &o, false, ret);
    checkpoint_deinit(&c);
    fail_clear(&f);
    if (r > 0) /* a lenient look refuses nothing */
        r = ERR_SYSTEM;
    return r != 0 ? err_trace(r) : 0;
}
