/*
 * One execution of one graph, the root's or a subgraph's, as a table of steps. Each function does
 * one step and names the next one; WAIT means that somebody else does: the store, the last task of
 * the step, the saver.
 *
 *     LOAD -(store)-> FIRST -> PLAN -> START -(tasks)-> APPLY -(saver)-> SAVED -> PLAN ...
 *                                |                                          |
 *                                +----------------> FINISH <----------------+
 *                                                      |  (saver)
 *                                                     END
 *
 * Each step is one turn of the worker's ready list, so a long graph without I/O holds nobody up.
 * Whatever goes wrong calls exec_stop(); every step looks at is_stopping first, so there is one way
 * out.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <assert.h>
#include <string.h>

/* ---- stopping ---- */

void exec_stop(struct exec *e, struct fail *f)
{
    if (e->is_stopping || e->end != EXEC_RUNNING) {
        fail_clear(f);
        return;
    }
    e->is_stopping = true;
    fail_move(&e->fail, f);
    op_cancel(&e->load.op);
    for (size_t i = 0; i < e->task_count; i++)
        run_task_cancel(e->tasks[i]);
}

void exec_stop_fault(struct exec *e, int fault)
{
    struct fail f = { 0 };

    fail_set_fault(&f, fault);
    exec_stop(e, &f);
}

enum exec_step exec_check(struct exec *e, int r, struct fail *f, enum exec_step next)
{
    if (r == 0)
        return next;
    if (r < 0)
        exec_stop_fault(e, r);
    else
        exec_stop(e, f);
    return EXEC_FINISH;
}

enum exec_step exec_interrupt(struct exec *e)
{
    e->end = EXEC_INTERRUPTED;
    return EXEC_FINISH;
}

/* ---- breakpoints ---- */

static bool is_named(const json_t *names, const char *name)
{
    const json_t *one;
    size_t i;

    if (json_is_string(names))
        return true;
    json_array_foreach(names, i, one) {
        const char *text = json_string_value(one);
        if (text != NULL && (strcmp(text, name) == 0 || strcmp(text, "*") == 0))
            return true;
    }
    return false;
}

/* A request's breakpoints are the root's: what a subgraph stops at is its own business. */
static bool is_breakpoint(const struct exec *e, const struct node *node, bool before)
{
    const json_t *names = before ? e->run->before : e->run->after;

    if (e->parent == NULL && names != NULL)
        return is_named(names, node->name);
    return before ? node->interrupt_before : node->interrupt_after;
}

bool exec_breaks(const struct exec *e, bool before)
{
    if (!e->is_fresh)
        return false;
    for (size_t i = 0; i < e->task_count; i++) {
        const struct run_task *t = e->tasks[i];
        if (t->node != NODE_START && t->failed == NULL && is_breakpoint(e, t->task.node, before))
            return true;
    }
    return false;
}

/* ---- the end of a step ---- */

int exec_checkpoint(struct exec *e, enum checkpoint_source source)
{
    checkpoint_advance(&e->at, source);
    return saver_put(&e->saver, &e->at);
}

static bool is_shown(const struct exec *e, const bool *changed)
{
    for (size_t i = 0; i < e->graph->field_count; i++) {
        if (changed[i] && field_is_in_view(&e->graph->fields[i], exec_view(e)))
            return true;
    }
    return false;
}

static int apply(struct exec *e, struct fail *f)
{
    struct state_limits limits = run_state_limits(e->run->runs->services);
    struct ended_task *ended MEM_AUTO(mem_freep) = NULL;
    bool *changed MEM_AUTO(mem_freep) = mem_array(e->graph->field_count + 1, sizeof(*changed));
    size_t count = 0;
    int r = changed == NULL ? err_trace(ERR_NOMEM) : exec_gather(e, &ended, &count);

    e->before = state_ref(e->at.state);
    if (r == 0)
        r = run_check_sends(e->run->runs->services, ended, count, f);
    if (r == 0)
        r = saver_note_step(&e->saver, &e->at, ended, count);
    if (r == 0)
        r = checkpoint_apply(&e->at, ended, count, &limits, changed, f);
    if (r != 0)
        return r;
    e->is_fresh = true;
    e->is_shown = is_shown(e, changed);
    e->breaks_after = exec_breaks(e, false);
    return exec_checkpoint(e, SOURCE_LOOP);
}

static void saved(void *arg)
{
    exec_go_on(arg, EXEC_SAVED);
}

static enum exec_step step_apply(struct exec *e)
{
    struct fail f = { 0 };
    int r = apply(e, &f);

    exec_clear_tasks(e);
    if (r != 0 || !saver_must_wait(&e->saver))
        return exec_check(e, r, &f, EXEC_SAVED);
    saver_wait(&e->saver, saved, e);
    return EXEC_WAIT;
}

static enum exec_step step_saved(struct exec *e)
{
    struct fail f = { 0 };

    if (e->saver.result != 0) {
        saver_fail(&e->saver, &f);
        exec_stop(e, &f);
        return EXEC_FINISH;
    }
    int r = e->is_shown ? emit_values(e, e->before) : 0;

    e->before = state_unref(e->before);
    e->is_resuming = false;
    e->has_noted = false;
    json_decref(e->plain_answer);
    e->plain_answer = NULL;
    if (r == 0 && e->breaks_after)
        return exec_interrupt(e);
    return exec_check(e, r, NULL, EXEC_PLAN);
}

/* ---- the table ---- */

static void advance(void *arg)
{
    static enum exec_step (*const steps[])(struct exec *) = {
        [EXEC_LOAD] = exec_step_load,     [EXEC_FIRST] = exec_step_first,
        [EXEC_PLAN] = exec_step_plan,     [EXEC_START] = exec_step_start,
        [EXEC_APPLY] = step_apply,        [EXEC_SAVED] = step_saved,
        [EXEC_FINISH] = exec_step_finish, [EXEC_END] = exec_step_end,
    };
    struct exec *e = arg;
    enum exec_step now = e->next;

    if (e->is_stopping && now < EXEC_FINISH)
        now = EXEC_FINISH;
    e->next = EXEC_WAIT;
    enum exec_step next = steps[now](e);
    /* END may have freed e. */
    if (next != EXEC_WAIT)
        exec_go_on(e, next);
}

void exec_go_on(struct exec *e, enum exec_step next)
{
    assert(e->next == EXEC_WAIT);
    e->next = next;
    loop_ready(e->run->runs->services->loop, &e->advance);
}

/* ---- life ---- */

static json_t *keep(json_t *json)
{
    return json == NULL || json_is_null(json) ? NULL : json_incref(json);
}

int exec_note_parents(struct exec *e)
{
    const struct exec *above;

    if (e->parent == NULL)
        return 0;
    above = e->parent->exec;
    json_t *parents = json_object();
    if ((above->at.parents != NULL && json_object_update(parents, above->at.parents) != 0) ||
        json_object_set_new(parents, above->ns, json_string(above->at.id)) != 0) {
        json_decref(parents);
        return err_trace(ERR_NOMEM);
    }
    json_decref(e->at.parents);
    e->at.parents = parents;
    return 0;
}

/* The setting is what counts for the parent of the root. */
static int64_t recursion_limit_of(const struct exec *e)
{
    if (e->run->recursion_limit > 0)
        return e->run->recursion_limit;
    if (e->graph->recursion_limit > 0)
        return e->graph->recursion_limit;
    return e->parent != NULL ? e->parent->exec->recursion_limit
                             : e->run->runs->services->conf->recursion_limit;
}

static int prepare(struct exec *e, const struct exec_options *o)
{
    const struct services *services = e->run->runs->services;
    int r = checkpoint_init(&e->at, e->graph);

    e->ns = mem_strdup(o->ns);
    if (e->ns == NULL)
        return err_trace(ERR_NOMEM);
    if (r == 0)
        r = saver_init(&e->saver, o->is_kept ? services->store : NULL, services->loop,
                       e->run->thread_id, e->ns, e->run->durability);
    e->saver.delta_max = services->conf->snapshot_every;
    e->saver.tail = e->run->log.tail;
    if (r == 0 && e->ns[0] != '\0' && (e->event_ns = ns_text_new(e->ns)) == NULL)
        r = ERR_NOMEM;
    e->recursion_limit = recursion_limit_of(e);
    if (o->checkpoint_id != NULL)
        memcpy(e->wanted_id, o->checkpoint_id, ID_BYTES);
    return r == 0 ? 0 : err_trace(r);
}

int exec_start(const struct exec_options *o, struct exec **ret)
{
    struct exec *e = mem_zalloc(sizeof(*e));
    int r;

    *ret = NULL;
    if (e == NULL)
        return err_trace(ERR_NOMEM);
    e->run = o->run;
    e->parent = o->parent;
    e->graph = graph_ref(o->graph);
    e->input = keep(o->input);
    e->command = keep(o->command);
    e->plain_answer = json_incref(o->plain_answer);
    e->is_resuming = o->is_resuming;
    e->on_end = o->on_end;
    e->next = EXEC_WAIT;
    loop_work_init(&e->advance, advance, e);
    r = prepare(e, o);
    if (r != 0) {
        exec_free(e);
        return err_trace(r);
    }
    exec_go_on(e, EXEC_LOAD);
    *ret = e;
    return 0;
}

struct exec *exec_free(struct exec *e)
{
    if (e == NULL)
        return NULL;
    loop_work_cancel(&e->advance);
    loop_timer_free(e->step_timer);
    exec_clear_tasks(e);
    outcome_clear(&e->start);
    json_decref(e->facts);
    mem_free(e->tasks);
    saver_deinit(&e->saver);
    checkpoint_deinit(&e->at);
    stored_list_clear(&e->loaded);
    state_unref(e->before);
    json_decref(e->input);
    json_decref(e->command);
    json_decref(e->plain_answer);
    json_decref(e->noted_before);
    json_decref(e->interrupts);
    json_decref(e->parent_command);
    fail_clear(&e->fail);
    ns_text_unref(e->event_ns);
    mem_free(e->ns);
    graph_unref(e->graph);
    return mem_free(e);
}
