/* What a caller gives becomes the first writes of a run: those of __start__, through the same
 * reducers as every other. */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"

struct state_limits run_state_limits(const struct services *services)
{
    return (struct state_limits){
        .max_bytes = services->conf->max_state_bytes,
        .max_depth = services->conf->max_depth,
        .max_messages = services->conf->max_messages,
    };
}

/* Input keys that are no input field are dropped, as the protocol says. */
static int add_fields(const struct graph *graph, const json_t *input, struct update *ret)
{
    for (size_t i = 0; i < graph->field_count; i++) {
        json_t *given = json_object_get(input, graph->fields[i].name);
        struct value *value = NULL;
        if (given == NULL || !graph->fields[i].is_input)
            continue;
        int r = value_new_take(json_incref(given), &value);
        if (r == 0)
            r = update_add_take(ret, (int)i, value);
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

static bool refuse_input(const json_t *input, struct fail *f)
{
    if (input == NULL || json_is_null(input))
        fail_set(f, FAIL_EMPTY_INPUT, "the run has no input: send an object as \"input\"");
    else if (!json_is_object(input))
        fail_set(f, FAIL_INPUT, "input must be an object whose keys are fields of the state");
    return fail_is_set(f);
}

int input_outcome(const struct services *services, const struct graph *graph, const json_t *input,
                  struct outcome *ret, struct fail *f)
{
    int r;

    if (refuse_input(input, f))
        return OUTCOME_E_REFUSED;
    r = add_fields(graph, input, &ret->update);
    if (r == 0)
        r = message_settle(services, graph, "__start__", &ret->update, f);
    if (r > 0 && f->code == FAIL_INVALID_UPDATE)
        f->code = FAIL_INPUT; /* it is the caller who is wrong */
    return r;
}

static int follow_start(struct exec *e, struct outcome *o, struct fail *f)
{
    struct scope scope = { .graph = e->graph,
                           .context = e->run->context,
                           .configurable = e->run->configurable,
                           .facts = e->facts };
    struct state_limits limits = run_state_limits(e->run->runs->services);
    struct task_writes own = { .node = "__start__", .update = &o->update };
    struct state *seen = NULL;
    int r = state_apply(e->at.state, &own, 1, &limits, &seen, NULL, f);

    scope.state = seen;
    if (r == 0)
        r = outcome_follow(o, "__start__", &e->graph->start, &scope, f);
    state_unref(seen);
    return r;
}

int input_start(struct exec *e, struct outcome *ret, struct fail *f)
{
    const struct services *services = e->run->runs->services;
    int r;

    ret->target_max = (size_t)services->conf->max_tasks;
    r = input_outcome(services, e->graph, e->at.input, ret, f);
    if (r == 0 && e->graph->start.route_count > 0)
        r = follow_start(e, ret, f);
    if (r != 0)
        outcome_clear(ret);
    return r;
}

int run_check_input(const struct services *services, struct graph *graph, const json_t *input,
                    struct fail *f)
{
    struct outcome outcome = { 0 };
    struct task_writes writes = { .node = "__start__", .update = &outcome.update };
    struct state_limits limits = run_state_limits(services);
    struct state *before = NULL, *after = NULL;
    int r = input_outcome(services, graph, input, &outcome, f);

    if (r == 0)
        r = state_new(graph, &before);
    if (r == 0)
        r = state_apply(before, &writes, 1, &limits, &after, NULL, f);
    outcome_clear(&outcome);
    state_unref(before);
    state_unref(after);
    return r > 0 ? RUN_E_REFUSED : r;
}
