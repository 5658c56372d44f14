/*
 * Answers to what was asked: who asks, whether the answer fits him, who gets it, and taking it back.
 *
 *     a plain answer   is for all that is asked. It is written down at the checkpoint before
 *                      anything runs, so that a run which fails meanwhile finds it again
 *     a map            {interrupt id: answer}: for those named. Not written down
 *
 * An answer that does not fit has not been given: it is refused before anything is stored, where
 * that can be known (a node whose result is the answer), else when the task that was answered comes
 * to nothing that the state would take. Then the run ends, what the command has stored is withdrawn,
 * and the question is open as before.
 */
#include "base/err.h"
#include "run/internal.h"
#include <string.h>

/* As written or mistyped: whoever sends such keys means ids. */
static bool is_like_id(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdefABCDEF") == 32;
}

/* A map of answers, or a plain answer that is an object? */
static bool is_map(const json_t *resume)
{
    const char *key;
    json_t *value;

    if (json_object_size(resume) == 0)
        return false;
    json_object_foreach((json_t *)resume, key, value) {
        if (!is_like_id(key))
            return false;
    }
    return true;
}

static bool has_answer(const json_t *map)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)map, key, value) {
        if (!json_is_null(value))
            return true;
    }
    return false;
}

bool answer_is_given(const json_t *resume)
{
    return resume != NULL && !json_is_null(resume) && (!is_map(resume) || has_answer(resume));
}

/* ---- what is asked ---- */

/* What this task asks and nobody has answered; borrowed, or NULL. */
static const json_t *asked_by(const struct checkpoint *at, const char *task_id)
{
    return checkpoint_find_write(at, task_id, WRITE_RESULT) != NULL
               ? NULL
               : checkpoint_find_write(at, task_id, WRITE_INTERRUPT);
}

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
        if (w->kind != WRITE_INTERRUPT || add_ids(asked, asked_by(at, w->task_id)) == 0)
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

static void check_names(const struct exec *e, const json_t *resume, const json_t *asked,
                        struct fail *f)
{
    if (json_object_size(asked) == 0)
        fail_set(f, FAIL_UNPROCESSABLE,
                 "thread \"%s\" asks nothing: there is no interrupt to resume", e->run->thread_id);
    else if (is_map(resume))
        refuse_unknown(e, resume, asked, f);
    else if (names_asked(resume, asked))
        fail_set(f, FAIL_UNPROCESSABLE,
                 "\"resume\" mixes ids of interrupts with other keys: give ids only, or one answer "
                 "for all that is asked");
    if (fail_is_set(f))
        fail_set_type(f, "UnknownInterruptError");
}

/* ---- whether it fits ---- */

/* f says why, and what is left to do. */
static void add_advice(const char *node, struct fail *f)
{
    struct fail told = { 0 };

    fail_set(&told, f->code,
             "%s. What \"%s\" was answered is not kept: its question is open as before",
             fail_message(f), node);
    if (f->type != NULL)
        fail_set_type(&told, f->type);
    fail_set_node(&told, node);
    fail_move(f, &told);
}

static int try_writes(const struct exec *e, const char *node, const struct update *update,
                      struct fail *f)
{
    const struct state_limits limits = run_state_limits(e->run->runs->services);
    const struct task_writes own = { node, update };
    struct state *seen = NULL;
    int r = state_apply(e->at.state, &own, 1, &limits, &seen, NULL, f);

    state_unref(seen);
    return r;
}

/* Would the field that gets the answer take it? */
static int try_answer(const struct exec *e, const struct node *node, const json_t *answer,
                      struct fail *f)
{
    int field = node->kind->answer_field(node->config);
    struct update update = { 0 };
    struct value *value = NULL;
    int r = field < 0 ? 0 : value_new_take(json_incref((json_t *)answer), &value);

    if (r == 0 && value != NULL)
        r = update_add_take(&update, field, value);
    if (r == 0)
        r = message_settle(e->run->runs->services, e->graph, node->name, &update, f);
    if (r == 0)
        r = try_writes(e, node->name, &update, f);
    update_clear(&update);
    if (r > 0)
        add_advice(node->name, f);
    return r;
}

/* The answer for a planned task that asks, or NULL. */
static const json_t *answer_for(const struct exec *e, const struct planned *p, const json_t *resume)
{
    char task_id[ID_BYTES];

    checkpoint_task_id(&e->at, e->ns, p, task_id);
    const json_t *asked = json_array_get(asked_by(&e->at, task_id), 0);
    if (asked == NULL || !is_map(resume))
        return asked == NULL ? NULL : resume;
    const json_t *answer = json_object_get(resume, json_string_value(json_object_get(asked, "id")));
    return json_is_null(answer) ? NULL : answer;
}

static int check_fit(const struct exec *e, const json_t *resume, struct fail *f)
{
    struct plan plan;
    int r = 0;

    sched_plan(e->at.sched, &plan);
    for (size_t i = 0; i < plan.count && r == 0; i++) {
        int at = plan.tasks[i].node;
        const struct node *node = at < 0 ? NULL : &e->graph->nodes[at];
        if (node == NULL || node->kind->answer_field == NULL)
            continue;
        const json_t *answer = answer_for(e, &plan.tasks[i], resume);
        if (answer != NULL)
            r = try_answer(e, node, answer, f);
    }
    return r;
}

int answer_check(const struct exec *e, const json_t *resume, struct fail *f)
{
    if (e->run->is_strict) {
        json_t *asked = find_asked(&e->at);
        if (asked == NULL)
            return err_trace(ERR_NOMEM);
        check_names(e, resume, asked, f);
        json_decref(asked);
    }
    return fail_is_set(f) ? 1 : check_fit(e, resume, f);
}

int answer_take(struct exec *e, const json_t *resume)
{
    if (is_map(resume)) {
        e->run->resume_map = json_incref((json_t *)resume);
        return 0;
    }
    int r = checkpoint_set_write_take(&e->at, NULL_TASK_ID, WRITE_RESUME,
                                      json_incref((json_t *)resume));
    return r == 0 ? saver_put_write(&e->saver, &e->at, NULL_TASK_ID, WRITE_RESUME, "") : r;
}

/* ---- who gets it ---- */

static int add_answer(struct run_task *t, const json_t *answer)
{
    if (t->answers == NULL)
        t->answers = json_array();
    return json_array_append(t->answers, (json_t *)answer) == 0 ? 0 : err_trace(ERR_NOMEM);
}

/* The request may name the question that comes next, or the task by its first one. */
static const json_t *mapped_answer(struct run_task *t)
{
    const json_t *map = t->exec->run->resume_map;
    char id[ID_BYTES];

    if (map == NULL || run_task_ns(t) == NULL)
        return NULL;
    interrupt_id(t->ns, json_array_size(t->answers), id);
    const json_t *answer = json_object_get(map, id);
    if (answer == NULL) {
        interrupt_id(t->ns, 0, id);
        answer = json_object_get(map, id);
    }
    return json_is_null(answer) ? NULL : answer;
}

/* A plain answer is for who has asked: a task that a goto adds to the step, or that was cancelled
 * before it could ask, puts a question of its own. */
static bool gets_plain(struct run_task *t)
{
    const struct exec *e = t->exec;

    return e->plain_answer != NULL && (!e->run->is_strict || e->saver.store == NULL ||
                                       asked_by(&e->at, run_task_id(t)) != NULL);
}

int answer_give(struct run_task *t)
{
    const struct exec *e = t->exec;
    const json_t *known =
        e->at.write_count == 0 ? NULL : checkpoint_find_write(&e->at, run_task_id(t), WRITE_RESUME);
    const json_t *one;
    size_t i;
    int r = 0;

    json_array_foreach(known, i, one) {
        if (r == 0)
            r = add_answer(t, one);
    }
    one = mapped_answer(t);
    if (r == 0 && one != NULL)
        r = add_answer(t, one);
    if (gets_plain(t))
        t->plain_answer = json_incref(e->plain_answer);
    return r;
}

/* ---- taking it back ---- */

int answer_check_result(struct run_task *t)
{
    const char *name = t->task.node->name;
    int r = message_settle(t->task.services, t->exec->graph, name, &t->outcome.update, &t->fail);

    if (t->asked_count == 0)
        return r;
    if (r == 0)
        r = try_writes(t->exec, name, &t->outcome.update, &t->fail);
    if (r <= 0)
        return r;
    t->is_refused = true;
    add_advice(name, &t->fail);
    return r;
}

static int withdraw(struct exec *e, const char *task_id, enum write_kind kind)
{
    if (checkpoint_find_write(&e->at, task_id, kind) == NULL)
        return 0;
    int r = checkpoint_set_write_take(&e->at, task_id, kind, json_null());
    return r == 0 ? saver_put_write(&e->saver, &e->at, task_id, kind, "") : r;
}

int answer_withdraw_plain(struct exec *e)
{
    return withdraw(e, NULL_TASK_ID, WRITE_RESUME);
}

int answer_withdraw(struct run_task *t)
{
    struct exec *e = t->exec;
    int r = withdraw(e, run_task_id(t), WRITE_RESUME);

    e->is_refused = true;
    if (r == 0)
        r = answer_withdraw_plain(e);
    return r == 0 ? command_withdraw(e) : r;
}
