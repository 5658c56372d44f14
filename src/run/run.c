/* The life of a run: it starts the execution of its graph, waits for its end, and tells how it
 * went. */
#include "run/run.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "run/internal.h"
#include "run/tail.h"

const char *run_status_name(enum run_status s)
{
    static const char *const names[] = {
        [RUN_RUNNING] = "running", [RUN_SUCCESS] = "success",         [RUN_ERROR] = "error",
        [RUN_TIMEOUT] = "timeout", [RUN_INTERRUPTED] = "interrupted",
    };

    return names[s];
}

/* ---- stopping ---- */

/* Before its execution exists there is nothing to stop: run_begin() looks at the reason. */
static void stop(struct run *run, struct fail *f)
{
    if (run->status != RUN_RUNNING)
        fail_clear(f);
    else if (run->root != NULL)
        exec_stop(run->root, f);
    else if (!fail_is_set(&run->fail))
        fail_move(&run->fail, f);
    else
        fail_clear(f);
    run_release(run); /* a held run has an end, too */
}

void run_cancel(struct run *run)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_CANCELLED, "the run was cancelled");
    stop(run, &f);
}

void run_drain(struct run *run)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_DRAINING, "the server is shutting down and did not wait longer for this run");
    stop(run, &f);
}

void run_spare(struct run *run)
{
    run->is_spared = true;
}

bool run_is_cut(const struct run *run)
{
    return run->is_spared && run->fail.code == FAIL_DRAINING;
}

bool run_was_refused(const struct run *run)
{
    return run->status == RUN_ERROR && !run->has_planned;
}

void run_timeout_passed(void *arg)
{
    struct fail f = { 0 };

    fail_set(&f, FAIL_RUN_TIMEOUT, "the run did not finish within its timeout_ms");
    stop(arg, &f);
}

/* ---- the end ---- */

static enum run_status status_of(const struct fail *f)
{
    switch ((int)f->code) {
    case FAIL_NONE:
        return RUN_SUCCESS;
    case FAIL_CANCELLED:
        return RUN_INTERRUPTED;
    case FAIL_RUN_TIMEOUT:
        return RUN_TIMEOUT;
    default:
        return RUN_ERROR;
    }
}

static void log_end(const struct run *run)
{
    const struct fail *f = &run->fail;
    const char *ms = log_int((clock_mono_us() - run->started_us) / 1000);

    if (!fail_is_set(f))
        log_info("run_end", "run", run->id, "graph", run->graph->name, "status",
                 run_status_name(run->status), "steps", log_int(run->step_count), "ms", ms, NULL);
    else
        log_info("run_end", "run", run->id, "graph", run->graph->name, "status",
                 run_status_name(run->status), "steps", log_int(run->step_count), "ms", ms, "node",
                 f->node, "error", fail_type(f), "message", fail_message(f), NULL);
}

/* A cancelled run's readers just see the end, as the protocol says, and those of one that the next
 * server goes on with come back for the rest; every other failure is an event. */
static void end(struct run *run)
{
    loop_timer_stop(run->timeout);
    run->status = status_of(&run->fail);
    /* Without memory the reader just sees the end, and the log line tells. */
    if (fail_is_set(&run->fail) && run->status != RUN_INTERRUPTED && !run_is_cut(run))
        (void)emit_error(run);
    log_end(run);
    if (run->keeper.ended != NULL)
        run->keeper.ended(run->keeper.arg);
    else
        run_close(run);
}

void run_close(struct run *run)
{
    run->is_closed = true;
    event_log_wake(&run->log);
    runs_remove(run->runs, run);
    run_unref(run); /* the registry's reference */
}

void run_add_begin(struct run *run, struct store_batch *b)
{
    if (run->log.tail != NULL)
        tail_add_block(run->log.tail, b);
}

void run_begun(struct run *run)
{
    if (run->log.tail != NULL)
        tail_reserved(run->log.tail);
}

void run_add_end(struct run *run, bool with_events, struct store_batch *b)
{
    if (run->log.tail != NULL)
        tail_add_end(run->log.tail, with_events, b);
}

/* Whose turn it still is, and what each of them asks. 0 or ERR_NOMEM. */
static int note_asked(struct run *run, const struct exec *e)
{
    run->asked_by = json_object();
    int bad = run->asked_by == NULL;

    for (size_t i = 0; bad == 0 && i < e->task_count; i++) {
        struct run_task *t = e->tasks[i];
        if (t->end == TASK_DONE || t->failed != NULL)
            continue;
        json_t *asked = t->interrupts == NULL ? json_array() : json_incref(t->interrupts);
        bad = json_object_set_new(run->asked_by, run_task_id(t), asked);
    }
    return bad == 0 ? 0 : err_trace(ERR_NOMEM);
}

/* One that has failed before it knew where its thread stands has no state of it. */
static bool has_state(const struct exec *e)
{
    return e->end != EXEC_FAILED || e->saver.store == NULL || e->at.id[0] != '\0';
}

static void root_ended(struct exec *e)
{
    struct run *run = e->run;

    fail_move(&run->fail, &e->fail);
    run->is_interrupted = e->end == EXEC_INTERRUPTED;
    if (run->is_interrupted) {
        run->interrupts = json_incref(e->interrupts);
        if (note_asked(run, e) != 0) { /* without memory nobody learns who asks, only what */
            json_decref(run->asked_by);
            run->asked_by = NULL;
        }
    }
    if (has_state(e))
        run->state = state_ref(e->at.state);
    run->root = exec_free(e);
    end(run);
}

void run_begin(void *arg)
{
    struct run *run = arg;
    struct exec_options o = {
        .run = run,
        .graph = run->graph,
        .ns = "",
        .is_kept = run->is_kept,
        .input = run->input,
        .command = run->command,
        .checkpoint_id = run->checkpoint_id[0] == '\0' ? NULL : run->checkpoint_id,
        .on_end = root_ended,
    };
    int r = fail_is_set(&run->fail) ? 0 : exec_start(&o, &run->root);

    if (r != 0)
        fail_set_fault(&run->fail, r);
    if (run->root == NULL)
        end(run);
}

/* ---- what others may know ---- */

const char *run_id(const struct run *run)
{
    return run->id;
}

const char *run_thread_id(const struct run *run)
{
    return run->thread_id;
}

enum run_status run_status(const struct run *run)
{
    return run->status;
}

bool run_has_ended(const struct run *run)
{
    return run->status != RUN_RUNNING;
}

const struct fail *run_fail(const struct run *run)
{
    return &run->fail;
}

const struct state *run_state(const struct run *run)
{
    return run->state;
}

const json_t *run_interrupts_by_task(const struct run *run)
{
    return run->asked_by;
}

uint64_t run_events_end(const struct run *run)
{
    return run->log.next;
}

unsigned run_modes(const struct run *run)
{
    return run->log.modes;
}

const json_t *run_interrupts(const struct run *run)
{
    return run->interrupts;
}
