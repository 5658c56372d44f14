/*
 * A command as the input of a run: {"resume", "update", "goto"}.
 *
 *     resume   the answer for what is asked: any value, or a map of interrupt ids to answers
 *     update   writes of nobody, applied where the thread stands
 *     goto     nodes to run besides those that are planned
 *
 * What it writes belongs to the checkpoint that it was given at, and is stored there: if the run
 * fails before its first step has ended, the next one finds it.
 */
#include "base/err.h"
#include "run/internal.h"
#include <string.h>

bool command_resumes(const json_t *command)
{
    return answer_is_given(json_object_get(command, "resume"));
}

/* ---- reading it: nothing has changed when it is refused ---- */

static int read_answer(const struct exec *e, const json_t *resume, struct fail *f)
{
    if (e->saver.store == NULL) {
        fail_set(f, FAIL_UNPROCESSABLE,
                 "a command with \"resume\" needs the thread that asked: send its \"thread_id\"");
        return 1;
    }
    return answer_check(e, resume, f);
}

static bool is_empty(const json_t *command)
{
    const json_t *update = json_object_get(command, "update");
    const json_t *go = json_object_get(command, "goto");

    return !command_resumes(command) && (update == NULL || json_is_null(update)) &&
           (go == NULL || json_is_null(go) || (json_is_array(go) && json_array_size(go) == 0));
}

static int read_command(struct exec *e, struct outcome *ret, struct fail *f)
{
    int r = 0;

    if (e->command == NULL)
        return 0;
    if (is_empty(e->command)) {
        fail_set(f, FAIL_EMPTY_INPUT, "the command has none of resume, update and goto");
        return 1;
    }
    if (command_resumes(e->command))
        r = read_answer(e, json_object_get(e->command, "resume"), f);
    if (r == 0)
        r = outcome_add_command(ret, e->graph, e->command, f);
    if (r == 0 && ret->parent != NULL) {
        fail_set(f, FAIL_INVALID_UPDATE, "There is no parent graph");
        r = 1;
    }
    return r == 0 ? message_settle(e->run->runs->services, e->graph, "__input__", &ret->update, f)
                  : r;
}

/* ---- into effect ---- */

/* The outcome as it is stored, behind what earlier commands have left. */
static int note_outcome(struct exec *e, const struct outcome *o)
{
    const json_t *before = checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_COMMAND);
    json_t *all = json_array();
    json_t *json = NULL;
    int r = outcome_json(o, e->graph, &json);

    if (before != NULL && json_array_extend(all, (json_t *)before) != 0)
        r = ERR_NOMEM;
    if (json_array_append_new(all, json) != 0)
        r = ERR_NOMEM;
    if (r != 0) {
        json_decref(all);
        return err_trace(r);
    }
    return checkpoint_set_write_take(&e->at, NULL_TASK_ID, WRITE_COMMAND, all);
}

static int apply_one(struct exec *e, const json_t *noted, struct fail *f)
{
    struct state_limits limits = run_state_limits(e->run->runs->services);
    struct outcome o = { 0 };
    int r = outcome_decode(&o, e->graph, noted, f);

    if (r == 0)
        r = checkpoint_apply_null(&e->at, &o, &limits, NULL, f);
    outcome_clear(&o);
    return r;
}

/* What commands have left at this checkpoint, now or in runs before: one after the other, as they
 * came. */
static int apply_noted(struct exec *e, struct fail *f)
{
    const json_t *noted;
    size_t i;
    int r = 0;

    json_array_foreach(checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_COMMAND), i, noted) {
        if (r == 0)
            r = apply_one(e, noted, f);
    }
    return r;
}

/* More tasks than a step may have would be planned, and refused, by every later run, too. */
static int check_plan(const struct exec *e, struct fail *f)
{
    int64_t max_tasks = e->run->runs->services->conf->max_tasks;
    struct plan plan;

    sched_plan(e->at.sched, &plan);
    if (plan.count <= (size_t)max_tasks)
        return 0;
    fail_set(f, FAIL_LIMIT,
             "with this command the step has %zu tasks, more than the setting max_tasks allows "
             "(%lld)",
             plan.count, (long long)max_tasks);
    return 1;
}

/* It is applied as it is and only then noted: what lives for a run only counts in this one, and is
 * in no note. A command that does not fit leaves the thread as it was. */
static int try_command(struct exec *e, const struct outcome *o, struct fail *f)
{
    struct state_limits limits = run_state_limits(e->run->runs->services);
    int r = apply_noted(e, f);

    if (r == 0)
        r = checkpoint_apply_null(&e->at, o, &limits, NULL, f);
    if (r == 0)
        r = check_plan(e, f);
    if (r != 0)
        return r;
    e->noted_before =
        json_incref((json_t *)checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_COMMAND));
    e->has_noted = true;
    return note_outcome(e, o);
}

static int store_command(struct exec *e)
{
    return saver_put_write(&e->saver, &e->at, NULL_TASK_ID, WRITE_COMMAND, "");
}

int command_withdraw(struct exec *e)
{
    if (!e->has_noted)
        return 0;
    int r = checkpoint_set_write_take(&e->at, NULL_TASK_ID, WRITE_COMMAND,
                                      e->noted_before == NULL ? json_null()
                                                              : json_incref(e->noted_before));
    return r == 0 ? store_command(e) : r;
}

int command_apply(struct exec *e, bool forks, bool *ret_acts, struct fail *f)
{
    struct outcome o = { .target_max = (size_t)e->run->runs->services->conf->max_tasks };
    int r = read_command(e, &o, f);
    bool writes = o.update.count > 0 || o.target_count > 0;

    if (r == 0)
        r = writes ? try_command(e, &o, f) : apply_noted(e, f);
    if (r == 0 && writes && !forks)
        r = store_command(e);
    if (r == 0 && command_resumes(e->command))
        r = answer_take(e, json_object_get(e->command, "resume"));
    outcome_clear(&o);
    *ret_acts =
        e->command != NULL && (checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_COMMAND) != NULL ||
                               checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_RESUME) != NULL);
    return r;
}
