/* What a node has left becomes what its task comes to: bounded, in its final form, and with the
 * targets of the routes behind the node. Then nothing of it depends on anything any more. */
#include "run/internal.h"

/* Routes see the step's snapshot with their own task's writes, not with those of siblings. */
static int follow(struct run_task *t)
{
    const struct node *node = t->task.node;
    const struct exec *e = t->exec;
    struct state_limits limits = run_state_limits(t->task.services);
    struct task_writes own = { .node = node->name, .update = &t->outcome.update };
    struct scope scope = t->task.scope;
    struct state *seen = NULL;
    int r;

    if (t->failed != NULL) {
        int next = t->failed->task.node->on_error_goto;
        return next < 0 ? 0 : outcome_add_target_take(&t->outcome, next, NULL, &t->fail);
    }
    if (node->out.route_count == 0)
        return 0;
    r = state_apply(e->at.state, &own, 1, &limits, &seen, NULL, &t->fail);
    scope.state = seen;
    scope.input = NULL;
    if (r == 0)
        r = outcome_follow(&t->outcome, node->name, &node->out, &scope, &t->fail);
    state_unref(seen);
    return r;
}

/* A kind that has not bounded what it made. */
static bool has_too_many_targets(struct run_task *t)
{
    t->outcome.target_max = task_max_targets(&t->task);
    if (t->outcome.target_count > t->outcome.target_max)
        fail_set(&t->fail, FAIL_LIMIT,
                 "node \"%s\" wants to go on in %zu places; the setting max_tasks allows %zu in "
                 "one step",
                 t->task.node->name, t->outcome.target_count, t->outcome.target_max);
    return fail_is_set(&t->fail);
}

static int settle_outcome(struct run_task *t)
{
    int r = has_too_many_targets(t) ? OUTCOME_E_REFUSED : 0;

    if (r == 0)
        r = answer_check_result(t);
    return r == 0 && t->outcome.parent == NULL ? follow(t) : r;
}

void run_task_settle(struct run_task *t)
{
    int r = settle_outcome(t);

    if (r == 0)
        return;
    if (r < 0)
        fail_set_fault(&t->fail, r);
    t->end = TASK_FAILED;
    outcome_clear(&t->outcome);
}
