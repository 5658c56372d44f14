/*
 * How a checkpoint moves on. Each function makes the next state and the next marks beside the old
 * ones and puts them in place at its end, so a refused step leaves everything as it was.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/checkpoint_inside.h"
#include <string.h>

/* What a checkpoint will be made of; both owned. */
struct next {
    struct state *state;
    struct sched *sched;
};

static int drop_next(struct next *n, int r)
{
    state_unref(n->state);
    sched_free(n->sched);
    return r < 0 ? err_trace(r) : r;
}

static void put_next(struct checkpoint *c, struct next *n)
{
    state_unref(c->state);
    sched_free(c->sched);
    c->state = n->state;
    c->sched = n->sched;
}

static void drop_input(struct checkpoint *c)
{
    json_decref(c->input);
    c->input = NULL;
}

static int apply_writes(const struct checkpoint *c, const struct ended_task *tasks, size_t count,
                        const struct state_limits *limits, struct state **ret, bool *changed,
                        struct fail *f)
{
    struct task_writes *writes = mem_array(count, sizeof(*writes));
    if (writes == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < count; i++)
        writes[i] = (struct task_writes){ tasks[i].name, &tasks[i].outcome->update };
    int r = state_apply_step(c->state, writes, count, limits, ret, changed, f);
    mem_free(writes);
    if (r == STATE_E_REFUSED)
        return CHECKPOINT_E_REFUSED;
    return r != 0 ? err_trace(r) : 0;
}

static int fire_all(struct sched *s, const struct ended_task *tasks, size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = sched_fire(s, tasks[i].node, tasks[i].outcome->targets, tasks[i].outcome->target_count);
    return r != 0 ? err_trace(r) : 0;
}

/* `spend` uses up what was planned. */
static int apply(struct checkpoint *c, const struct ended_task *tasks, size_t count,
                 const struct state_limits *limits, bool *changed, void (*spend)(struct sched *),
                 struct fail *f)
{
    struct next next = { 0 };
    int r = sched_copy(c->sched, &next.sched);
    if (r != 0)
        return drop_next(&next, r);
    spend(next.sched);
    /* The marks first: `changed` must not be written when they fail. */
    r = fire_all(next.sched, tasks, count);
    if (r == 0)
        r = apply_writes(c, tasks, count, limits, &next.state, changed, f);
    if (r != 0)
        return drop_next(&next, r);
    sched_settle(next.sched);
    put_next(c, &next);
    checkpoint_clear_writes(c);
    drop_input(c);
    return 0;
}

int checkpoint_apply(struct checkpoint *c, const struct ended_task *tasks, size_t count,
                     const struct state_limits *limits, bool *changed, struct fail *f)
{
    return apply(c, tasks, count, limits, changed, sched_take, f);
}

int checkpoint_apply_outside(struct checkpoint *c, const struct ended_task *tasks, size_t count,
                             const struct state_limits *limits, bool *changed, struct fail *f)
{
    return apply(c, tasks, count, limits, changed, sched_forget, f);
}

int checkpoint_apply_null(struct checkpoint *c, const struct outcome *o,
                          const struct state_limits *limits, bool *changed, struct fail *f)
{
    struct task_writes writes = { "__input__", &o->update };
    struct next next = { 0 };
    int r = sched_copy(c->sched, &next.sched);
    if (r == 0)
        r = sched_fire(next.sched, NODE_NONE, o->targets, o->target_count);
    if (r != 0)
        return drop_next(&next, r);
    r = state_apply(c->state, &writes, 1, limits, &next.state, changed, f);
    if (r != 0)
        return drop_next(&next, r == STATE_E_REFUSED ? CHECKPOINT_E_REFUSED : r);
    put_next(c, &next);
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
