/* How a run begins and how it is freed; what it does in between is run.c. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/internal.h"
#include "run/tail.h"
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
        snprintf(run->thread_id, sizeof(run->thread_id), "%s", req->thread_id);
    else
        id_v7(run->thread_id);
    run->is_kept = req->thread_id != NULL;
    if (req->checkpoint_id != NULL)
        memcpy(run->checkpoint_id, req->checkpoint_id, ID_BYTES);
}

static void take_request(struct run *run, const struct run_request *req)
{
    run->graph = graph_ref(req->graph);
    run->input = json_keep(req->input);
    run->command = json_keep(req->command);
    run->tags = json_keep(assistant_tags(req));
    run->before = json_keep(req->interrupt_before);
    run->after = json_keep(req->interrupt_after);
    run->recursion_limit = assistant_recursion_limit(run->runs, req);
    run->max_concurrency = assistant_max_concurrency(req);
    run->is_strict = req->is_strict;
    run->goes_on = req->goes_on;
    run->attempt = req->attempt > 0 ? req->attempt : 1;
    if (req->durability != NULL)
        run->durability = (enum durability)durability_find(req->durability);
    name_run(run, req);
}

static int prepare(struct run *run, const struct run_request *req)
{
    struct runs *runs = run->runs;
    int r = assistant_apply(run, req);

    if (r == 0)
        r = loop_timer_new(runs->services->loop, run_timeout_passed, run, &run->timeout);
    run->streamed_ids = json_object();
    run->replayed = json_object();
    if (r == 0 && (run->streamed_ids == NULL || run->replayed == NULL))
        r = ERR_NOMEM;
    if (r == 0)
        r = emit_metadata(run);
    if (r != 0)
        return err_trace(r);
    run->timeout_ms = req->timeout_ms > 0 ? req->timeout_ms : runs->services->conf->run_timeout_ms;
    return 0;
}

/* ---- what is refused ---- */

static void refuse_names(const struct graph *g, const char *key, const json_t *names,
                         struct fail *f)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name) {
        const char *text = json_string_value(name);
        if (text != NULL && (strcmp(text, "*") == 0 || graph_find_node(g, text) != NODE_NONE))
            continue;
        fail_set(f, FAIL_UNPROCESSABLE, "%s names \"%s\", which is no node of graph \"%s\"", key,
                 text == NULL ? "?" : text, g->name);
        return;
    }
}

/* The runs of a keeper wait for each other. */
static bool is_taken(const struct runs *r, const struct run_request *req)
{
    return req->keeper != NULL ? runs_thread_is_claimed(r, req->thread_id)
                               : runs_thread_is_busy(r, req->thread_id);
}

static void refuse_thread(const struct runs *r, const struct run_request *req, struct fail *f)
{
    if (req->thread_id == NULL) {
        if (req->checkpoint_id != NULL)
            fail_set(f, FAIL_UNPROCESSABLE, "a checkpoint_id needs the thread_id that it is of");
        return;
    }
    if (r->services->store == NULL)
        fail_set(f, FAIL_UNPROCESSABLE, "this process keeps no threads: leave out thread_id");
    else if (req->thread_id[0] == '\0' || strlen(req->thread_id) > STORE_ID_MAX)
        fail_set(f, FAIL_UNPROCESSABLE, "a thread_id has 1 to %d bytes", STORE_ID_MAX);
    else if (req->checkpoint_id != NULL && !id_is_uuid(req->checkpoint_id))
        fail_set(f, FAIL_NOT_FOUND, "thread \"%s\" has no checkpoint \"%s\"", req->thread_id,
                 req->checkpoint_id);
    else if (is_taken(r, req))
        fail_set(f, FAIL_CONFLICT, "a run is at work on thread \"%s\"; wait for its end",
                 req->thread_id);
}

static bool is_refused(const struct runs *r, const struct run_request *req, struct fail *f)
{
    if (r->is_draining)
        fail_set(f, FAIL_DRAINING, "the server is shutting down and takes no new runs");
    else if (r->active_count >= r->services->conf->max_runs)
        fail_set(f, FAIL_FULL,
                 "%ld runs are in flight, which is the most that the setting max_runs allows",
                 r->active_count);
    else if (req->durability != NULL && durability_find(req->durability) < 0)
        fail_set(f, FAIL_UNPROCESSABLE,
                 "durability is \"%s\"; it may be \"sync\", \"async\" or \"exit\"",
                 req->durability);
    else
        refuse_thread(r, req, f);
    if (!fail_is_set(f) && req->is_strict)
        refuse_names(req->graph, "interrupt_before", req->interrupt_before, f);
    if (!fail_is_set(f) && req->is_strict)
        refuse_names(req->graph, "interrupt_after", req->interrupt_after, f);
    return fail_is_set(f);
}

/* ---- life ---- */

int run_start(struct runs *r, const struct run_request *req, struct run **ret, struct fail *f)
{
    struct run *run;

    if (is_refused(r, req, f))
        return RUN_E_REFUSED;
    run = mem_zalloc(sizeof(*run));
    if (run == NULL)
        return err_trace(ERR_NOMEM);
    run->refs = 1;
    run->runs = r;
    list_init(&run->node);
    loop_work_init(&run->begin, run_begin, run);
    event_log_init(&run->log, r, req->modes);
    run->log.first = run->log.next = req->first_event;
    tail_init(&run->tail, run, req->events);
    take_request(run, req);
    int fault = prepare(run, req);
    if (fault != 0) {
        run_unref(run);
        return err_trace(fault);
    }
    runs_add(r, run_ref(run));
    run->is_held = true;
    if (req->keeper != NULL)
        run->keeper = *req->keeper;
    else
        run_release(run);
    *ret = run;
    return 0;
}

void run_release(struct run *run)
{
    if (!run->is_held)
        return;
    run->is_held = false;
    run->started_us = clock_mono_us();
    if (run->timeout_ms > 0)
        loop_timer_start(run->timeout,
                         run->timeout_ms < INT64_MAX / 1000 ? run->timeout_ms * 1000 : INT64_MAX);
    log_info("run_start", "run", run->id, "graph", run->graph->name, NULL);
    loop_ready(run->runs->services->loop, &run->begin);
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
    state_unref(run->state);
    json_decref(run->input);
    json_decref(run->command);
    json_decref(run->configurable);
    json_decref(run->context);
    json_decref(run->metadata);
    json_decref(run->stamp);
    json_decref(run->tags);
    json_decref(run->before);
    json_decref(run->after);
    json_decref(run->resume_map);
    json_decref(run->replayed);
    json_decref(run->interrupts);
    json_decref(run->asked_by);
    json_decref(run->streamed_ids);
    fail_clear(&run->fail);
    graph_unref(run->graph);
    return mem_free(run);
}
