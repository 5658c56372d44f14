/* The registry of a worker's runs: who is alive, how many may be, and when all have gone. */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <assert.h>
#include <string.h>

static void tell_idle(void *arg)
{
    struct runs *r = arg;
    void (*idle)(void *) = r->idle;

    r->idle = NULL;
    if (idle != NULL)
        idle(r->idle_arg);
}

int runs_new(const struct services *services, struct runs **ret)
{
    struct runs *r = mem_zalloc(sizeof(*r));

    if (r == NULL)
        return err_trace(ERR_NOMEM);
    r->services = services;
    list_init(&r->active);
    list_init(&r->claims);
    loop_work_init(&r->idle_work, tell_idle, r);
    int fault = node_cache_new(services->conf->node_cache_bytes, &r->cache);
    if (fault != 0) {
        mem_free(r);
        return err_trace(fault);
    }
    *ret = r;
    return 0;
}

struct runs *runs_free(struct runs *r)
{
    if (r == NULL)
        return NULL;
    assert(r->active_count == 0);
    loop_work_cancel(&r->idle_work);
    node_cache_free(r->cache);
    return mem_free(r);
}

long runs_active(const struct runs *r)
{
    return r->active_count;
}

static void check_idle(struct runs *r)
{
    if (r->is_draining && r->active_count == 0)
        loop_ready(r->services->loop, &r->idle_work);
}

void runs_add(struct runs *r, struct run *run)
{
    list_add_tail(&r->active, &run->node);
    r->active_count++;
}

void runs_remove(struct runs *r, struct run *run)
{
    list_remove(&run->node);
    r->active_count--;
    check_idle(r);
}

void runs_drain(struct runs *r, void (*idle)(void *arg), void *arg)
{
    r->is_draining = true;
    r->idle = idle;
    r->idle_arg = arg;
    check_idle(r);
}

void runs_cancel_all(struct runs *r)
{
    LIST_EACH(&r->active, node)
        run_drain(LIST_OF(node, struct run, node));
}

bool runs_thread_is_claimed(const struct runs *r, const char *thread_id)
{
    LIST_EACH(&r->claims, node) {
        if (strcmp(LIST_OF(node, struct thread_claim, node)->thread_id, thread_id) == 0)
            return true;
    }
    return false;
}

bool runs_thread_is_busy(const struct runs *r, const char *thread_id)
{
    LIST_EACH(&r->active, node) {
        const struct run *run = LIST_OF(node, struct run, node);
        if (run->is_kept && strcmp(run->thread_id, thread_id) == 0)
            return true;
    }
    return runs_thread_is_claimed(r, thread_id);
}

void runs_claim_thread(struct runs *r, struct thread_claim *c, const char *thread_id)
{
    c->thread_id = thread_id;
    list_add_tail(&r->claims, &c->node);
}

/* ---- results that are kept ---- */

static void clear_inside(struct runs *r, const struct node *n)
{
    if (n->subgraph != NULL)
        runs_clear_cache(r, n->subgraph->graph, NULL);
    if (n->on_error != NULL)
        clear_inside(r, n->on_error);
}

void runs_clear_cache(struct runs *r, const struct graph *g, const char *node)
{
    node_cache_drop(r->cache, g, node);
    for (size_t i = 0; i < g->node_count; i++) {
        if (node == NULL || strcmp(g->nodes[i].name, node) == 0)
            clear_inside(r, &g->nodes[i]);
    }
}
