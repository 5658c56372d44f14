/* Where a run goes when a node has finished: its edges fire in the scheduler, its switches choose
 * by the state. */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"

struct chosen {
    int *nodes;
    size_t count;
};

static void choose_failed(struct fail *f, const char *from, const struct route *route)
{
    fail_set(f, FAIL_INVALID_UPDATE,
             "the switch of \"%s\" has no case for the value at \"%s\" and no default", from,
             path_text(route->path));
}

static int choose(const struct run *run, const char *from, const struct outlets *out,
                  const struct state *seen, struct chosen *ret, struct fail *f)
{
    struct scope scope = { .graph = run->graph,
                           .state = seen,
                           .context = run->context,
                           .configurable = run->configurable };

    ret->nodes = mem_array(out->route_count, sizeof(int));
    if (ret->nodes == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < out->route_count; i++) {
        const struct route *route = &out->routes[i];
        ret->nodes[i] = route_choose(route, path_find(route->path, &scope));
        if (ret->nodes[i] == NODE_NONE) {
            choose_failed(f, from, route);
            return STATE_E_REFUSED;
        }
    }
    ret->count = out->route_count;
    return 0;
}

int route_start(struct run *run, struct fail *f)
{
    struct chosen chosen = { 0 };
    int r = choose(run, "__start__", &run->graph->start, run->state, &chosen, f);

    if (r == 0)
        sched_start(run->sched, chosen.nodes, chosen.count);
    mem_free(chosen.nodes);
    return r;
}

/* A switch sees the step's snapshot with its own task's writes, not with those of siblings. */
int route_task(struct run *run, const struct run_task *t, struct fail *f)
{
    const struct outlets *out = &t->task.node->out;
    struct state_limits limits = run_state_limits(run->runs->services);
    struct task_writes own = { .node = t->task.node->name, .update = &t->update };
    struct state *seen = NULL;
    struct chosen chosen = { 0 };
    int r = 0;

    if (out->route_count > 0) {
        r = state_apply(run->state, &own, 1, &limits, &seen, NULL, f);
        if (r == 0)
            r = choose(run, t->task.node->name, out, seen, &chosen, f);
    }
    if (r == 0)
        sched_finish(run->sched, run->plan.tasks[t - run->tasks].node, chosen.nodes, chosen.count);
    else if (r > 0)
        fail_set_node(f, t->task.node->name);
    mem_free(chosen.nodes);
    state_unref(seen);
    return r;
}
