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
    const json_t *resume = json_object_get(command, "resume");

    return resume != NULL && !json_is_null(resume);
}

static bool is_interrupt_id(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

/* A map of answers, or a plain answer that is an object? */
static bool is_map(const json_t *resume)
{
    const char *key;
    json_t *value;

    if (json_object_size(resume) == 0)
        return false;
    json_object_foreach((json_t *)resume, key, value) {
        if (!is_interrupt_id(key))
            return false;
    }
    return true;
}

/* ---- what is asked ---- */

static int add_ids(json_t *asked, const json_t *interrupts)
{
    const json_t *one;
    size_t i;

    json_array_foreach(interrupts, i, one) {
        const char *id = json_string_value(json_object_get(one, "id"));
        if (id != NULL && json_object_set_new(asked, id, json_true()) != 0)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

/* The ids of all questions that wait, as the keys of an object. NULL: no memory. */
static json_t *find_asked(const struct checkpoint *at)
{
    json_t *asked = json_object();

    for (size_t i = 0; asked != NULL && i < at->write_count; i++) {
        const struct pending_write *w = &at->writes[i];
        bool waits = w->kind == WRITE_INTERRUPT &&
                     checkpoint_find_write(at, w->task_id, WRITE_RESULT) == NULL;
        if (!waits || add_ids(asked, w->json) == 0)
            continue;
        json_decref(asked);
        asked = NULL;
    }
    return asked;
}

static void refuse_unknown(const struct exec *e, const json_t *map, const json_t *asked,
                           struct fail *f)
{
    const char *id;
    json_t *answer;

    json_object_foreach((json_t *)map, id, answer) {
        if (!fail_is_set(f) && json_object_get(asked, id) == NULL)
            fail_set(f, FAIL_UNPROCESSABLE,
                     "thread \"%s\" has no interrupt \"%s\" that waits for an answer",
                     e->run->thread_id, id);
    }
}

/* A plain answer may be any object, but hardly one with the id of a question in it. */
static bool names_asked(const json_t *resume, const json_t *asked)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)resume, key, value) {
        if (json_object_get(asked, key) != NULL)
            return true;
    }
    return false;
}

/* 0, 1 with f, or a fault. */
static int check_answers(const struct exec *e, const json_t *resume, struct fail *f)
{
    json_t *asked;

    if (!e->run->is_strict)
        return 0;
    asked = find_asked(&e->at);
    if (asked == NULL)
        return err_trace(ERR_NOMEM);
    if (json_object_size(asked) == 0)
        fail_set(f, FAIL_UNPROCESSABLE,
                 "thread \"%s\" asks nothing: there is no interrupt to resume", e->run->thread_id);
    else if (is_map(resume))
        refuse_unknown(e, resume, asked, f);
    else if (names_asked(resume, asked))
        fail_set(f, FAIL_UNPROCESSABLE,
                 "\"resume\" mixes ids of interrupts with other keys: give ids only, or one answer "
                 "for all that is asked");
    json_decref(asked);
    if (!fail_is_set(f))
        return 0;
    fail_set_type(f, "UnknownInterruptError");
    return 1;
}

/* ---- reading it: nothing has changed when it is refused ---- */

static int read_answer(const struct exec *e, const json_t *resume, struct fail *f)
{
    if (e->saver.store == NULL) {
        fail_set(f, FAIL_UNPROCESSABLE,
                 "a command with \"resume\" needs the thread that asked: send its \"thread_id\"");
        return 1;
    }
    return check_answers(e, resume, f);
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
    return r == 0 ? message_settle(e->run->runs->services, e->graph, &ret->update, f) : r;
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

/* A command that does not fit leaves the thread as it was: what it would have written is forgotten
 * before anything of it is stored. */
static int try_command(struct exec *e, const struct outcome *o, struct fail *f)
{
    json_t *before =
        json_incref((json_t *)checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_COMMAND));
    int r = note_outcome(e, o);

    if (r == 0)
        r = apply_noted(e, f);
    if (r == 0)
        r = check_plan(e, f);
    if (r != 0)
        checkpoint_drop_writes(&e->at, WRITE_COMMAND);
    if (r != 0 && before != NULL &&
        checkpoint_set_write_take(&e->at, NULL_TASK_ID, WRITE_COMMAND, json_incref(before)) != 0)
        r = err_trace(ERR_NOMEM);
    json_decref(before);
    return r;
}

static int store_command(struct exec *e)
{
    return saver_put_write(&e->saver, &e->at, NULL_TASK_ID, WRITE_COMMAND, "");
}

static int take_answer(struct exec *e, const json_t *resume)
{
    if (is_map(resume)) {
        e->run->resume_map = json_incref((json_t *)resume);
        return 0;
    }
    int r = checkpoint_set_write_take(&e->at, NULL_TASK_ID, WRITE_RESUME,
                                      json_incref((json_t *)resume));
    return r == 0 ? saver_put_write(&e->saver, &e->at, NULL_TASK_ID, WRITE_RESUME, "") : r;
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
        r = take_answer(e, json_object_get(e->command, "resume"));
    outcome_clear(&o);
    *ret_acts =
        e->command != NULL && (checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_COMMAND) != NULL ||
                               checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_RESUME) != NULL);
    return r;
}
