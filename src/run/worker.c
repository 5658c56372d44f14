/* Start order downwards, stop order upwards. */
#include "run/worker.h"
#include "base/err.h"
#include "graph/build.h"
#include "store/store.h"
#include <string.h>

enum { WHY_MAX_BYTES = 8192, LAST_OPS_MS = 10000 };

static int open_store(struct worker *w)
{
    int r = store_open(w->conf, &w->why, &w->store);
    return r == STORE_E_REFUSED ? WORKER_E_REFUSED : r;
}

int worker_init(struct worker *w, const struct conf *conf, char *const *env)
{
    int r;

    memset(w, 0, sizeof(*w));
    w->conf = conf;
    buf_init(&w->why, WHY_MAX_BYTES);
    r = loop_new(&w->loop);
    if (r == 0)
        r = fetcher_new(w->loop, (int)conf->upstream_pools, &w->fetcher);
    if (r == 0)
        r = llm_models_new(conf, w->loop, w->fetcher, env, &w->models);
    if (r == 0)
        r = open_store(w);
    w->services = (struct services){
        .loop = w->loop,
        .fetcher = w->fetcher,
        .models = w->models,
        .conf = conf,
        .store = w->store,
        .kinds = node_kinds(),
    };
    if (r == 0)
        r = runs_new(&w->services, &w->runs);
    return r < 0 ? err_trace(r) : r;
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

void worker_end_runs(struct worker *w)
{
    bool is_idle = false;

    if (w->runs == NULL)
        return;
    runs_drain(w->runs, set_true, &is_idle);
    runs_cancel_all(w->runs);
    /* A stop that came before is used up by the first call. Nothing more can be done about a fault
     * here. */
    while (!is_idle && loop_run_until(w->loop, &is_idle) == 0)
        ;
}

/* What a script has begun to write is not called back when its run ends, and nobody waits for it. */
static void end_ops(struct worker *w)
{
    struct loop_timer *timer = NULL;
    bool has_passed = false;

    if (loop_op_count(w->loop) == 0 || loop_timer_new(w->loop, set_true, &has_passed, &timer) != 0)
        return;
    for (int i = 0; i < LAST_OPS_MS && loop_op_count(w->loop) > 0; i++) {
        has_passed = false;
        loop_timer_start(timer, 1000);
        if (loop_run_until(w->loop, &has_passed) != 0)
            break;
    }
    loop_timer_free(timer);
}

void worker_deinit(struct worker *w)
{
    worker_end_runs(w);
    if (w->loop != NULL)
        end_ops(w);
    w->runs = runs_free(w->runs);
    w->store = store_close(w->store);
    w->models = llm_models_free(w->models);
    w->fetcher = fetcher_free(w->fetcher);
    w->loop = loop_free(w->loop);
    buf_deinit(&w->why);
}

struct builder_limits worker_builder_limits(const struct conf *conf)
{
    return (struct builder_limits){
        .max_nodes = conf->max_nodes,
        .max_fields = conf->max_fields,
        .max_depth = conf->max_depth,
        .max_recursion_limit = conf->max_recursion_limit,
    };
}
