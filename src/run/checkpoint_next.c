/*
 * How a checkpoint moves on. Each function first does what can fail: it makes the next state beside
 * the old one and room for the next Sends. So a refused step leaves everything as it was, without a
 * copy of the marks.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/checkpoint_inside.h"
#include <assert.h>
#include <string.h>

static void put_state(struct checkpoint *c, struct state *next)
{
    state_unref(c->state);
    c->state = next;
}

static void drop_input(struct checkpoint *c)
{
    json_decref(c->input);
    c->input = NULL;
}

struct step {
    const struct ended_task *tasks;
    size_t count;
    const struct state_limits *limits;
    bool *changed; /* or NULL */
};

static int apply_writes(const struct checkpoint *c, const struct step *step, struct state **ret,
                        struct fail *f)
{
    struct task_writes *writes = mem_array(step->count, sizeof(*writes));
    if (writes == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < step->count; i++)
        writes[i] = (struct task_writes){ step->tasks[i].name, &step->tasks[i].outcome->update };
    int r = state_apply_step(c->state, writes, step->count, step->limits, ret, step->changed, f);
    mem_free(writes);
    if (r == STATE_E_REFUSED)
        return CHECKPOINT_E_REFUSED;
    return r != 0 ? err_trace(r) : 0;
}

/* So that firing cannot fail: room for all Sends, beside those that are still there. */
static int reserve_sends(struct sched *s, const struct ended_task *tasks, size_t count)
{
    size_t sends = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < tasks[i].outcome->target_count; k++)
            sends += tasks[i].outcome->targets[k].arg != NULL;
    int r = sched_reserve(s, sends);
    return r != 0 ? err_trace(r) : 0;
}

/* After reserve_sends(). */
static void fire(struct sched *s, int node, const struct outcome *o)
{
    int r = sched_fire(s, node, o->targets, o->target_count);
    assert(r == 0);
}

/* Which of the marks a step uses up. */
struct spending {
    void (*spend)(struct sched *s);
    const bool *taken; /* spend is NULL: those of these planned tasks */
};

static void spend(struct sched *s, const struct spending *how)
{
    if (how->spend != NULL)
        how->spend(s);
    else
        sched_take_some(s, how->taken);
}

/* What can fail comes first. */
static int apply(struct checkpoint *c, const struct step *step, const struct spending *how,
                 struct fail *f)
{
    struct state *next = NULL;
    int r = reserve_sends(c->sched, step->tasks, step->count);
    if (r == 0)
        r = apply_writes(c, step, &next, f);
    if (r != 0)
        return r;
    spend(c->sched, how);
    for (size_t i = 0; i < step->count; i++)
        fire(c->sched, step->tasks[i].node, step->tasks[i].outcome);
    sched_settle(c->sched);
    put_state(c, next);
    checkpoint_clear_writes(c);
    drop_input(c);
    return 0;
}

int checkpoint_apply(struct checkpoint *c, const struct ended_task *tasks, size_t count,
                     const struct state_limits *limits, bool *changed, struct fail *f)
{
    const struct step step = { tasks, count, limits, changed };
    return apply(c, &step, &(struct spending){ .spend = sched_take }, f);
}

int checkpoint_apply_outside(struct checkpoint *c, const struct ended_task *tasks, size_t count,
                             const struct state_limits *limits, bool *changed, struct fail *f)
{
    const struct step step = { tasks, count, limits, changed };
    return apply(c, &step, &(struct spending){ .spend = sched_forget }, f);
}

int checkpoint_apply_some(struct checkpoint *c, const bool *counts, const struct ended_task *tasks,
                          size_t count, const struct state_limits *limits, struct fail *f)
{
    const struct step step = { tasks, count, limits, NULL };
    return apply(c, &step, &(struct spending){ .taken = counts }, f);
}

int checkpoint_apply_null(struct checkpoint *c, const struct outcome *o,
                          const struct state_limits *limits, bool *changed, struct fail *f)
{
    struct task_writes writes = { "__input__", &o->update };
    struct state *next = NULL;
    int r = sched_reserve(c->sched, o->target_count);
    if (r == 0)
        r = state_apply(c->state, &writes, 1, limits, &next, changed, f);
    if (r != 0)
        return r == STATE_E_REFUSED ? CHECKPOINT_E_REFUSED : err_trace(r);
    fire(c->sched, NODE_NONE, o);
    put_state(c, next);
    return 0;
}

void checkpoint_begin_take(struct checkpoint *c, json_t *input)
{
    sched_begin(c->sched);
    checkpoint_clear_writes(c);
    drop_input(c);
    c->input = input;
}

void checkpoint_advance(struct checkpoint *c, enum checkpoint_source source)
{
    memcpy(c->parent_id, c->id, ID_BYTES);
    c->step++;
    c->source = source;
    id_v6((int)c->step, c->id);
    clock_iso(clock_wall_ms(), c->created_at);
}
