/* How a run begins and how it is freed; what it does in between is run.c. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/internal.h"
#include <string.h>

static json_t *json_keep(const json_t *json)
{
    return json_incref((json_t *)json); /* the caller has promised that nobody changes it */
}

static void name_run(struct run *run, const struct run_request *req)
{
    if (req->run_id != NULL)
        memcpy(run->id, req->run_id, ID_BYTES);
    else
        id_v7(run->id);
    if (req->thread_id != NULL)
        memcpy(run->thread_id, req->thread_id, ID_BYTES);
    else
        id_v7(run->thread_id);
}

static void take_request(struct run *run, const struct run_request *req)
{
    run->graph = graph_ref(req->graph);
    run->input = json_keep(req->input);
    run->first = req->first == NULL ? NULL : state_ref(req->first);
    run->tags = json_keep(req->tags);
    name_run(run, req);
}

static int prepare(struct run *run, const struct run_request *req)
{
    struct runs *runs = run->runs;
    int r = assistant_apply(run, req);

    if (r == 0)
        r = state_new(run->graph, &run->state);
    if (r == 0)
        r = sched_new(run->graph, &run->sched);
    if (r == 0)
        r = loop_timer_new(runs->services->loop, run_timeout_passed, run, &run->timeout);
    run->streamed_ids = json_object();
    if (r == 0 && run->streamed_ids == NULL)
        r = ERR_NOMEM;
    if (r == 0)
        r = run_emit_metadata(run);
    if (r != 0)
        return err_trace(r);
    int64_t timeout_ms =
        req->timeout_ms > 0 ? req->timeout_ms : runs->services->conf->run_timeout_ms;
    if (timeout_ms > 0)
        loop_timer_start(run->timeout,
                         timeout_ms < INT64_MAX / 1000 ? timeout_ms * 1000 : INT64_MAX);
    return 0;
}

static bool is_refused(const struct runs *r, struct fail *f)
{
    if (r->is_draining)
        fail_set(f, FAIL_DRAINING, "the server is shutting down and takes no new runs");
    else if (r->active_count >= r->services->conf->max_runs)
        fail_set(f, FAIL_FULL,
                 "%ld runs are in flight, which is the most that the setting max_runs allows",
                 r->active_count);
    return fail_is_set(f);
}

int run_start(struct runs *r, const struct run_request *req, struct run **ret, struct fail *f)
{
    struct run *run;

    if (is_refused(r, f))
        return RUN_E_REFUSED;
    run = mem_zalloc(sizeof(*run));
    if (run == NULL)
        return err_trace(ERR_NOMEM);
    run->refs = 1;
    run->runs = r;
    list_init(&run->node);
    run->recursion_limit = assistant_recursion_limit(r, req);
    run->started_us = clock_mono_us();
    loop_work_init(&run->advance, run_advance, run);
    event_log_init(&run->log, r, req->modes);
    take_request(run, req);
    int fault = prepare(run, req);
    if (fault != 0) {
        run_unref(run);
        return err_trace(fault);
    }
    runs_add(r, run_ref(run));
    log_info("run_start", "run", run->id, "graph", run->graph->name, NULL);
    loop_ready(r->services->loop, &run->advance);
    *ret = run;
    return 0;
}

struct run *run_ref(struct run *run)
{
    run->refs++;
    return run;
}

struct run *run_unref(struct run *run)
{
    if (run == NULL || --run->refs > 0)
        return NULL;
    loop_timer_free(run->timeout);
    event_log_deinit(&run->log);
    sched_free(run->sched);
    state_unref(run->state);
    state_unref(run->first);
    json_decref(run->input);
    json_decref(run->configurable);
    json_decref(run->context);
    json_decref(run->metadata);
    json_decref(run->tags);
    json_decref(run->streamed_ids);
    fail_clear(&run->fail);
    graph_unref(run->graph);
    return mem_free(run);
}
