/*
 * A run of the public API is a reader of the run's log that hands every event on, and tells the
 * end.
 *
 *     start -> (loop) read_events ... READER_END -> end: result, on_end, drop
 *
 * It is counted, because anabranch_cancel() comes from other threads: a cancel on its way through
 * the loop holds a reference, so it may arrive after the end. Only the loop's thread frees.
 */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "graph/build.h"
#include "run/hub.h"
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

struct anabranch_run {
    struct list node; /* engine->runs */
    struct anabranch_engine *engine;
    atomic_int refs;
    struct run *run;       /* NULL once it has ended */
    struct reader *reader; /* likewise */
    struct loop_work first_read;
    struct buf text; /* of the event that is being handed on */
    struct buf name; /* its name with its namespace, if it has one */
    void (*on_event)(void *arg, const char *event, const char *data, size_t len_bytes);
    void *event_arg;
    void (*on_end)(void *arg, int status, const char *result, size_t len_bytes);
    void *end_arg;
};

static void run_free(struct anabranch_run *r)
{
    list_remove(&r->node);
    loop_work_cancel(&r->first_read);
    reader_close(r->reader);
    run_unref(r->run);
    buf_deinit(&r->text);
    buf_deinit(&r->name);
    mem_free(r);
}

static void drop(struct anabranch_run *r)
{
    if (atomic_fetch_sub(&r->refs, 1) == 1)
        run_free(r);
}

/* ---- the end ---- */

static int status_of(const struct run *run)
{
    if (run_status(run) == RUN_SUCCESS)
        return run_interrupts(run) == NULL ? 0 : ANABRANCH_E_INTERRUPTED;
    return run_status(run) == RUN_INTERRUPTED ? ANABRANCH_E_CANCELLED : ANABRANCH_E_FAILED;
}

static int write_result(const struct run *run, struct buf *out)
{
    buf_clear(out);
    if (fail_is_set(run_fail(run)))
        embed_write_fail(run_fail(run), out);
    else
        embed_write_output(run, out);
    return out->fault == 0 ? status_of(run) : ANABRANCH_E_NOMEM;
}

/* Its events could not be told, so nobody will hear of its end either: it is not left to run on. */
static int write_lost(struct run *run, struct buf *out)
{
    struct fail f = { .code = FAIL_NONE };

    fail_set(&f, FAIL_LIMIT,
             "not all events of the run could be told: more of them came at once "
             "than the settings log_bytes and logs_bytes allow, or there was no "
             "memory");
    fail_set_type(&f, "StreamTruncated");
    buf_clear(out);
    embed_write_fail(&f, out);
    fail_clear(&f);
    run_cancel(run);
    return out->fault == 0 ? ANABRANCH_E_FAILED : ANABRANCH_E_NOMEM;
}

static void end(struct anabranch_run *r)
{
    int status =
        run_has_ended(r->run) ? write_result(r->run, &r->text) : write_lost(r->run, &r->text);

    r->reader = reader_close(r->reader);
    r->run = run_unref(r->run);
    if (status == ANABRANCH_E_NOMEM)
        buf_clear(&r->text);
    if (r->on_end != NULL)
        r->on_end(r->end_arg, status, buf_text(&r->text), r->text.len);
    drop(r);
}

/* ---- events ---- */

static const char *name_of(struct anabranch_run *r, const struct run_event *event)
{
    if (event->ns[0] == '\0')
        return event->name;
    buf_clear(&r->name);
    buf_addf(&r->name, "%s|%s", event->name, event->ns);
    return r->name.fault == 0 ? r->name.data : NULL;
}

/* The log's bytes are not NUL-terminated, which C programs expect of a text. */
static void hand_on(struct anabranch_run *r, const struct run_event *event)
{
    static const char no_memory[] =
        "{\"error\":\"InternalError\",\"message\":\"there is no memory for this event\"}";
    const char *name;

    if (r->on_event == NULL)
        return;
    name = name_of(r, event);
    buf_clear(&r->text);
    if (name != NULL && buf_add(&r->text, event->data, event->data_len_bytes) == 0)
        r->on_event(r->event_arg, name, r->text.data, r->text.len);
    else
        r->on_event(r->event_arg, "error", no_memory, sizeof(no_memory) - 1);
}

static void read_events(void *arg)
{
    struct anabranch_run *r = arg;
    struct run_event event;
    enum reader_result what;

    while ((what = reader_next(r->reader, &event)) == READER_EVENT)
        hand_on(r, &event);
    if (what == READER_END)
        end(r);
}

/* ---- the start ---- */

static struct anabranch_run *run_new(struct anabranch_engine *engine,
                                     const struct anabranch_run_options *o)
{
    struct anabranch_run *r = mem_zalloc(sizeof(*r));

    if (r == NULL)
        return NULL;
    r->engine = engine;
    atomic_init(&r->refs, 1);
    loop_work_init(&r->first_read, read_events, r);
    buf_init(&r->text, EMBED_UNBOUNDED);
    buf_init(&r->name, EMBED_UNBOUNDED);
    r->on_event = o->stream_mode != NULL ? o->on_event : NULL;
    r->on_end = o->on_end;
    r->event_arg = r->end_arg = o->arg;
    list_add_tail(&engine->runs, &r->node);
    return r;
}

/* 0, RUN_E_REFUSED with f, or a fault. */
static int begin(struct anabranch_run *r, const struct run_request *req, struct fail *f)
{
    int e = run_start(r->engine->worker.runs, req, &r->run, f);

    if (e != 0)
        return e;
    e = reader_open(r->run, req->modes, read_events, r, &r->reader);
    if (e != 0) {
        run_cancel(r->run);
        return err_trace(e);
    }
    /* Not now: no callback comes before the caller has its handle. */
    loop_ready(r->engine->worker.loop, &r->first_read);
    return 0;
}

static int refused(const struct fail *f)
{
    log_error("run_refused", "error", fail_type(f), "message", fail_message(f), NULL);
    return ANABRANCH_E_FAILED;
}

static int start(struct anabranch_engine *engine, struct graph *graph,
                 const struct anabranch_run_options *o, struct anabranch_run **ret, struct fail *f)
{
    struct embed_request request MEM_AUTO(embed_request_clear) = { 0 };
    struct anabranch_run *r;
    int e = embed_request_read(engine, graph, o, &request);

    if (e != 0)
        return e;
    r = run_new(engine, o);
    if (r == NULL)
        return err_trace(ERR_NOMEM);
    e = begin(r, &request.req, f);
    if (e == 0)
        *ret = r;
    else
        drop(r);
    return e == RUN_E_REFUSED ? refused(f) : e;
}

int anabranch_run_start(struct anabranch_engine *engine, struct anabranch_graph *graph,
                        const struct anabranch_run_options *options, struct anabranch_run **ret)
{
    struct anabranch_run_options o;
    struct anabranch_run *run = NULL;
    struct fail f = { .code = FAIL_NONE };
    int r;

    if (graph == NULL || options == NULL)
        return ANABRANCH_E_INVALID;
    options_copy(&o, sizeof(o), options);
    r = start(engine, graph_of(graph), &o, &run, &f);
    if (r == 0 && ret != NULL)
        *ret = run;
    fail_clear(&f);
    return r;
}

/* ---- cancelling ---- */

static void cancel_now(void *arg)
{
    struct anabranch_run *r = arg;

    if (r->run != NULL)
        run_cancel(r->run);
    drop(r);
}

void anabranch_cancel(struct anabranch_run *run)
{
    atomic_fetch_add(&run->refs, 1);
    /* Not the last one: the run has not ended, says the contract. */
    if (loop_post(run->engine->worker.loop, cancel_now, run) != 0)
        atomic_fetch_sub(&run->refs, 1);
}

void embed_runs_cancel(struct anabranch_engine *engine)
{
    LIST_EACH(&engine->runs, node) {
        struct anabranch_run *r = LIST_OF(node, struct anabranch_run, node);
        if (r->run != NULL)
            run_cancel(r->run);
    }
}

void embed_runs_free(struct anabranch_engine *engine)
{
    LIST_EACH(&engine->runs, node) {
        run_free(LIST_OF(node, struct anabranch_run, node));
    }
}

/* ---- a run as a function call ---- */

struct invocation {
    const struct anabranch_run_options *options;
    bool is_over;
    int status;
    char *result;
};

static void invocation_ended(void *arg, int status, const char *result, size_t len_bytes)
{
    struct invocation *call = arg;

    call->status = status;
    call->result = mem_strndup(result, len_bytes);
    if (call->options->on_end != NULL)
        call->options->on_end(call->options->arg, status, result, len_bytes);
    call->is_over = true;
}

/* A run that was refused has a result like one that failed. */
static int refused_result(const struct fail *f, char **ret)
{
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, EMBED_UNBOUNDED);
    embed_write_fail(f, &out);
    *ret = buf_take(&out, NULL);
    return ANABRANCH_E_FAILED;
}

static int call_and_wait(struct anabranch_engine *engine, struct graph *graph,
                         struct invocation *call, struct fail *f)
{
    struct anabranch_run *run = NULL;
    int r = start(engine, graph, call->options, &run, f);

    if (r != 0)
        return fail_is_set(f) ? refused_result(f, &call->result) : r;
    assert(run != NULL);
    run->on_end = invocation_ended;
    run->end_arg = call;
    r = embed_turn_until(engine, &call->is_over);
    if (r == 0)
        return call->status;
    run->on_event = NULL; /* the loop broke: nobody waits any more */
    run->on_end = NULL;
    run_cancel(run->run);
    return r;
}

static bool has_result(int status)
{
    return status == 0 || status == ANABRANCH_E_FAILED || status == ANABRANCH_E_INTERRUPTED;
}

int anabranch_invoke(struct anabranch_engine *engine, struct anabranch_graph *graph,
                     const char *input, const struct anabranch_run_options *options, char **result)
{
    struct anabranch_run_options o;
    struct invocation call = { .options = &o };
    struct fail f = { .code = FAIL_NONE };
    int r;

    if (graph == NULL || engine->is_running)
        return ANABRANCH_E_INVALID;
    options_copy(&o, sizeof(o), options);
    o.input = input;
    r = call_and_wait(engine, graph_of(graph), &call, &f);
    fail_clear(&f);
    if (has_result(r) && call.result == NULL)
        r = err_trace(ERR_NOMEM);
    if (has_result(r) && result != NULL) {
        *result = call.result;
        call.result = NULL;
    }
    mem_free(call.result);
    return r;
}
