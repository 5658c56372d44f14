/*
 * How an execution ends: what was held back is written, what was handed over is waited for, and
 * whoever started it is told.
 *
 * A run that stops for a person shows what its finished tasks have written as if it were applied:
 * the checkpoint keeps it as pending, so the step can go on.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <string.h>

/* Under durability exit a subgraph's own history is written only if somebody may come back to it. */
static bool is_worth_writing(const struct exec *e)
{
    return e->parent == NULL || e->end != EXEC_DONE || strchr(e->ns, ':') == NULL;
}

/* It must not answer the next run's questions, too. Under the other durabilities it has been stored
 * when the run began, and does: that is the reference's way, as long as it is the same node that
 * asks. What was taken inside a graph may be followed by the question of any other node there. */
static bool has_used_answer(const struct exec *e)
{
    bool is_used = false;

    for (size_t i = 0; i < e->task_count; i++) {
        const struct run_task *t = e->tasks[i];
        bool is_inside = t->task.node != NULL && t->task.node->subgraph != NULL;
        is_used = is_used || (t->failed == NULL && t->has_taken_plain &&
                              (is_inside || e->saver.durability == DURABILITY_EXIT));
    }
    return is_used && e->end == EXEC_INTERRUPTED;
}

static int flush(struct exec *e)
{
    int r = has_used_answer(e) ? answer_withdraw_plain(e) : 0;

    if (r == 0 && e->saver.durability == DURABILITY_EXIT && is_worth_writing(e))
        r = saver_flush(&e->saver, &e->at);
    return r;
}

static void idle(void *arg)
{
    exec_go_on(arg, EXEC_END);
}

enum exec_step exec_step_finish(struct exec *e)
{
    if (e->is_stopping)
        e->end = EXEC_FAILED;
    if (e->saver.store == NULL)
        return EXEC_END;
    int r = flush(e);
    if (r != 0 && e->saver.result == 0)
        e->saver.result = r; /* looked at in END, whatever the run has come to */
    saver_wait(&e->saver, idle, e);
    return EXEC_WAIT;
}

/* ---- a run that waits for a person ---- */

static int apply_finished(struct exec *e)
{
    struct state_limits limits = run_state_limits(e->run->runs->services);
    struct ended_task *ended MEM_AUTO(mem_freep) = NULL;
    bool *changed MEM_AUTO(mem_freep) = mem_array(e->graph->field_count + 1, sizeof(*changed));
    struct state *before = state_ref(e->at.state);
    struct fail f = { 0 };
    size_t count = 0;
    int r = changed == NULL ? err_trace(ERR_NOMEM) : exec_gather(e, &ended, &count);

    if (r == 0 && count > 0)
        r = checkpoint_apply(&e->at, ended, count, &limits, changed, &f);
    if (r == 0 && count > 0 && memchr(changed, true, e->graph->field_count) != NULL)
        r = emit_values(e, before);
    /* Two finished tasks may disagree; that is told when the step is applied for good. */
    fail_clear(&f);
    state_unref(before);
    return r < 0 ? err_trace(r) : 0;
}

static int show_interrupted(struct exec *e)
{
    int r = e->task_count > 0 ? apply_finished(e) : 0;

    if (e->interrupts == NULL)
        e->interrupts = json_array();
    if (e->interrupts == NULL)
        return err_trace(ERR_NOMEM);
    return r == 0 && json_array_size(e->interrupts) == 0 ? emit_interrupts(e, e->interrupts) : r;
}

static void take_store_result(struct exec *e)
{
    saver_fail(&e->saver, &e->fail);
    e->is_stopping = true;
    e->end = EXEC_FAILED;
}

/* on_end may free e. */
enum exec_step exec_step_end(struct exec *e)
{
    if (e->saver.result != 0 && e->end != EXEC_FAILED)
        take_store_result(e);
    int r = e->end == EXEC_INTERRUPTED && e->parent == NULL ? show_interrupted(e) : 0;
    if (r != 0) {
        fail_set_fault(&e->fail, r);
        e->end = EXEC_FAILED;
    }
    (void)emit_exec_end(e); /* without memory one event is lost, not the result */
    e->on_end(e);
    return EXEC_WAIT;
}
