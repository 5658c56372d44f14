/*
 * The tasks of a plan that have left a result, in the order in which a step applies them: nodes by
 * name, then Sends by index, which is the plan with its two halves exchanged.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/checkpoint_inside.h"
#include <string.h>

static bool has_handler(const struct graph *g, const struct planned *p)
{
    return p->node >= 0 && g->nodes[p->node].on_error != NULL;
}

bool checkpoint_counts(const struct checkpoint *c, const struct planned *p, const char *task_id)
{
    return checkpoint_find_write(c, task_id, WRITE_RESULT) != NULL ||
           checkpoint_find_write(c, task_id, WRITE_RESUME) != NULL ||
           (has_handler(c->graph, p) && checkpoint_find_write(c, task_id, WRITE_ERROR) != NULL);
}

static int add_task(struct finished *l, const struct checkpoint *c, const struct planned *p,
                    const json_t *json, struct fail *f)
{
    struct outcome *o = &l->outcomes[l->count];
    l->tasks[l->count++] = (struct ended_task){ planned_name(c->graph, p), p->node, o };
    int r = outcome_decode(o, c->graph, json, f);
    if (r == OUTCOME_E_REFUSED)
        return CHECKPOINT_E_REFUSED;
    return r != 0 ? err_trace(r) : 0;
}

static int add_kind(struct finished *l, const struct checkpoint *c, const char *ns,
                    const struct plan *plan, enum planned_kind kind, struct fail *f)
{
    int r = 0;
    for (size_t i = 0; i < plan->count && r == 0; i++) {
        const struct planned *p = &plan->tasks[i];
        char id[ID_BYTES];
        if (p->kind != kind)
            continue;
        checkpoint_task_id(c, ns, p, id);
        const json_t *json = checkpoint_find_write(c, id, WRITE_RESULT);
        l->counts[i] = checkpoint_counts(c, p, id);
        l->has_any |= l->counts[i];
        if (json != NULL)
            r = add_task(l, c, p, json, f);
    }
    return r;
}

int finished_init(struct finished *l, const struct checkpoint *c, const char *ns,
                  const struct plan *plan, struct fail *f)
{
    *l = (struct finished){ 0 };
    l->tasks = mem_array(plan->count, sizeof(*l->tasks));
    l->outcomes = mem_array(plan->count, sizeof(*l->outcomes));
    l->counts = mem_array(plan->count, sizeof(*l->counts));
    if (l->tasks == NULL || l->outcomes == NULL || l->counts == NULL)
        return err_trace(ERR_NOMEM);
    int r = add_kind(l, c, ns, plan, PLANNED_PULL, f);
    if (r == 0)
        r = add_kind(l, c, ns, plan, PLANNED_PUSH, f);
    return r < 0 ? err_trace(r) : r;
}

void finished_deinit(struct finished *l)
{
    for (size_t i = 0; i < l->count; i++)
        outcome_clear(&l->outcomes[i]);
    mem_free(l->counts);
    mem_free(l->outcomes);
    mem_free(l->tasks);
    *l = (struct finished){ 0 };
}
