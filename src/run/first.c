/*
 * What an execution begins with, where its thread stands:
 *
 *     a new input        what was planned is dropped; __start__ will take the input
 *     nothing            goes on: the tasks that have not finished run (again)
 *     a command          answers, updates, gotos; then as one of the two above (command.c)
 *     an old checkpoint  "travelling": its step runs again, on a branch of its own
 *
 * The rules are those of the reference (PregelLoop._first), docs/semantics.md has them in words.
 */
#include "base/err.h"
#include "run/internal.h"
#include <string.h>

/* How this execution begins. */
struct beginning {
    bool resumes;      /* goes on with what was there */
    bool is_edited;    /* the checkpoint was written from outside */
    bool is_behind;    /* the thread has moved past the checkpoint */
    bool is_traveling; /* runs again what an old checkpoint planned */
    bool forks;        /* ... on a branch that begins with a copy */
};

static void look(const struct exec *e, struct beginning *b)
{
    bool has_place = e->at.id[0] != '\0';
    bool answers = command_resumes(e->command);

    b->is_edited = e->at.source == SOURCE_UPDATE || e->at.source == SOURCE_FORK;
    b->is_behind = e->newest_id[0] != '\0' && strcmp(e->newest_id, e->at.id) != 0;
    bool is_head = e->wanted_id[0] != '\0' && has_place && !b->is_behind && !b->is_edited;
    bool is_nothing = e->input == NULL && e->command == NULL;
    b->resumes = has_place && (e->is_resuming || is_nothing || answers);
    b->is_traveling = e->is_addressed && !(answers || e->is_resuming || is_head);
    b->forks =
        b->is_traveling && (e->command != NULL || b->resumes) && (!b->is_edited || b->is_behind);
}

/* From where on subgraphs may not remember: the place that this run travels back to. One that
 * begins anew there forgets nothing. */
static void note_travel(struct exec *e, const struct beginning *b, const char *loaded_id,
                        const char *loaded_parent_id)
{
    if (e->parent != NULL || !b->is_traveling)
        return;
    const char *bound = b->is_edited && loaded_parent_id[0] != '\0' ? loaded_parent_id : loaded_id;
    memcpy(e->run->replay_id, b->resumes ? bound : e->at.id, ID_BYTES);
}

/* A subgraph hears the plain answer from its parent's task. */
static int hear_answer(struct exec *e)
{
    int r;

    if (e->plain_answer == NULL)
        return 0;
    r = checkpoint_set_write_take(&e->at, NULL_TASK_ID, WRITE_RESUME, json_incref(e->plain_answer));
    if (r == 0 && e->at.id[0] != '\0')
        r = saver_put_write(&e->saver, &e->at, NULL_TASK_ID, WRITE_RESUME, "");
    return r;
}

/* What commands have left is in the state of that checkpoint. */
static int move_on(struct exec *e, enum checkpoint_source source)
{
    checkpoint_drop_writes(&e->at, WRITE_COMMAND);
    e->has_noted = false;
    return exec_checkpoint(e, source);
}

static int go_on_there(struct exec *e, const struct beginning *b)
{
    int r = 0;

    /* What stopped an earlier process's attempt stops this one, too. */
    e->is_fresh = e->run->goes_on;
    if (b->forks) {
        checkpoint_drop_writes(&e->at, WRITE_INTERRUPT);
        r = move_on(e, SOURCE_FORK);
    }
    if (r == 0 && !b->resumes)
        r = move_on(e, SOURCE_INPUT);
    return r == 0 ? emit_values(e, NULL) : r;
}

static int refuse_nothing(const struct exec *e, struct fail *f)
{
    if (e->command != NULL)
        fail_set(
            f, FAIL_EMPTY_INPUT,
            "the command does nothing: its update names no field of the graph, and its goto no "
            "node");
    else if (e->run->is_kept)
        fail_set(f, FAIL_EMPTY_INPUT,
                 "thread \"%s\" has not begun, and the run has no input: send an object as "
                 "\"input\"",
                 e->run->thread_id);
    else
        fail_set(f, FAIL_EMPTY_INPUT, "the run has no input: send an object as \"input\"");
    return 1;
}

/* An input that is over a limit is not kept: it would be as large for every later run, which would
 * have to read it only to refuse it again. What else is wrong with it is told when its step is
 * planned, as the reference does. */
static int try_input(struct exec *e, struct fail *f)
{
    int r = exec_find_facts(e);

    if (r == 0)
        r = input_start(e, &e->start, f);
    e->has_start = r == 0;
    if (r <= 0 || f->code == FAIL_LIMIT)
        return r;
    fail_clear(f);
    return 0;
}

static int begin_anew(struct exec *e, struct fail *f)
{
    int r;

    if (e->input == NULL)
        return refuse_nothing(e, f);
    e->is_fresh = true;
    checkpoint_begin_take(&e->at, json_incref(e->input));
    checkpoint_advance(&e->at, SOURCE_INPUT);
    r = try_input(e, f);
    if (r != 0)
        e->at.id[0] = '\0'; /* nor is it written at the end */
    return r == 0 ? saver_put(&e->saver, &e->at) : r;
}

/* The answer that counts for every task of the first step which asks without having one. */
static void remember_answer(struct exec *e)
{
    const json_t *plain = checkpoint_find_write(&e->at, NULL_TASK_ID, WRITE_RESUME);

    json_decref(e->plain_answer);
    e->plain_answer = plain == NULL ? NULL : json_incref((json_t *)plain);
}

static void set_stop(struct exec *e)
{
    e->stop = e->at.step + 1 + e->recursion_limit + 1;
}

enum exec_step exec_step_first(struct exec *e)
{
    struct fail f = { 0 };
    struct beginning b;
    bool acts = false;
    char id[ID_BYTES], parent_id[ID_BYTES];

    look(e, &b);
    set_stop(e);
    memcpy(id, e->at.id, ID_BYTES);
    memcpy(parent_id, e->at.parent_id, ID_BYTES);
    e->is_replaying = b.is_traveling || b.is_behind;
    json_decref(e->at.metadata);
    e->at.metadata = json_incref(e->run->stamp);
    int r = exec_note_parents(e);
    if (r == 0)
        r = emit_exec_start(e);
    if (r == 0)
        r = command_apply(e, b.forks, &acts, &f);
    if (r == 0 && b.is_traveling)
        checkpoint_drop_writes(&e->at, WRITE_RESUME);
    if (r == 0)
        r = hear_answer(e);
    if (r == 0)
        r = b.resumes || acts ? go_on_there(e, &b) : begin_anew(e, &f);
    if (r == 0) {
        remember_answer(e);
        note_travel(e, &b, id, parent_id);
        if (e->parent == NULL)
            e->is_resuming = b.resumes;
    }
    return exec_check(e, r, &f, EXEC_PLAN);
}
