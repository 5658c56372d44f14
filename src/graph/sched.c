/*
 * Two kinds of marks: a node has `fired` when an edge into it fired, a join has seen some of its
 * sources and fires when none is missing. Planning walks the nodes by index, and beside them the
 * joins sorted by target and name:
 *
 *     nodes   0       1       2                 plan: 0 [branch:to:a], 2 [branch:to:c, join:x+y:c]
 *     fired   yes     no      yes
 *     joins                   join:x+y:c full, join:y+z:c one missing
 *
 * and takes the marks away as it goes. The arrays of a plan are used by nothing else, so it stays
 * valid while the tasks of its step finish and set new marks.
 */
#include "graph/sched.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
    const struct join *join;
    bool *seen; /* per source */
    size_t missing_count;
};

struct sched {
    const struct graph *graph;
    bool *fired;                /* per node */
    struct waiting *joins;      /* as in the graph */
    struct waiting **by_target; /* the same, by target, then by trigger */
    struct planned *planned;    /* room for every node */
    const char **triggers;      /* room for every edge mark and every join */
};

static int by_target_and_trigger(const void *a, const void *b)
{
    const struct join *x = (*(struct waiting *const *)a)->join;
    const struct join *y = (*(struct waiting *const *)b)->join;
    return x->target != y->target ? (x->target > y->target) - (x->target < y->target)
                                  : strcmp(x->trigger, y->trigger);
}

static void reset(struct waiting *w)
{
    memset(w->seen, 0, w->join->source_count * sizeof(w->seen[0]));
    w->missing_count = w->join->source_count;
}

static int init_joins(struct sched *s)
{
    const struct graph *g = s->graph;
    for (size_t i = 0; i < g->join_count; i++) {
        struct waiting *w = &s->joins[i];
        w->join = &g->joins[i];
        w->seen = mem_array(w->join->source_count, sizeof(w->seen[0]));
        if (w->seen == NULL)
            return err_trace(ERR_NOMEM);
        w->missing_count = w->join->source_count;
        s->by_target[i] = w;
    }
    qsort(s->by_target, g->join_count, sizeof(s->by_target[0]), by_target_and_trigger);
    return 0;
}

static int init(struct sched *s)
{
    const struct graph *g = s->graph;
    s->fired = mem_array(g->node_count, sizeof(s->fired[0]));
    s->joins = mem_array(g->join_count, sizeof(s->joins[0]));
    s->by_target = mem_array(g->join_count, sizeof(struct waiting *));
    s->planned = mem_array(g->node_count, sizeof(s->planned[0]));
    s->triggers = mem_array(g->node_count + g->join_count, sizeof(const char *));
    if (s->fired == NULL || s->joins == NULL || s->by_target == NULL || s->planned == NULL ||
        s->triggers == NULL)
        return err_trace(ERR_NOMEM);
    return init_joins(s);
}

int sched_new(const struct graph *g, struct sched **ret)
{
    struct sched *s = mem_zalloc(sizeof(*s));
    if (s == NULL)
        return err_trace(ERR_NOMEM);
    s->graph = g;
    int r = init(s);
    if (r != 0) {
        sched_free(s);
        return err_trace(r);
    }
    *ret = s;
    return 0;
}

struct sched *sched_free(struct sched *s)
{
    if (s == NULL)
        return NULL;
    for (size_t i = 0; s->joins != NULL && i < s->graph->join_count; i++)
        mem_free(s->joins[i].seen);
    mem_free(s->fired);
    mem_free(s->joins);
    mem_free(s->by_target);
    mem_free(s->planned);
    mem_free(s->triggers);
    return mem_free(s);
}

static void fire(struct sched *s, const int *targets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (targets[i] == NODE_END)
            continue;
        assert(targets[i] >= 0 && (size_t)targets[i] < s->graph->node_count);
        s->fired[targets[i]] = true;
    }
}

static void see(struct waiting *w, int source)
{
    for (size_t i = 0; i < w->join->source_count; i++)
        if (w->join->sources[i] == source && !w->seen[i]) {
            w->seen[i] = true;
            w->missing_count--;
        }
}

void sched_start(struct sched *s, const int *chosen, size_t chosen_count)
{
    const struct outlets *out = &s->graph->start; /* no join waits for it */
    fire(s, out->targets, out->target_count);
    fire(s, chosen, chosen_count);
}

void sched_finish(struct sched *s, int node, const int *chosen, size_t chosen_count)
{
    assert(node >= 0 && (size_t)node < s->graph->node_count);
    const struct outlets *out = &s->graph->nodes[node].out;
    fire(s, out->targets, out->target_count);
    fire(s, chosen, chosen_count);
    for (size_t i = 0; i < out->join_count; i++)
        see(&s->joins[out->joins[i]], node);
}

/* Takes what has fired for a node; *join is the place in by_target where the node's joins begin,
   and moves behind them. "branch:..." sorts before "join:...", so the names come out sorted. */
static size_t take_triggers(struct sched *s, int node, size_t *join, const char **ret)
{
    size_t count = 0;
    if (s->fired[node])
        ret[count++] = s->graph->nodes[node].trigger;
    s->fired[node] = false;
    for (; *join < s->graph->join_count; ++*join) {
        struct waiting *w = s->by_target[*join];
        if (w->join->target != node)
            break;
        if (w->missing_count > 0)
            continue;
        ret[count++] = w->join->trigger;
        reset(w);
    }
    return count;
}

static void pass_joins(const struct sched *s, int node, size_t *join)
{
    while (*join < s->graph->join_count && s->by_target[*join]->join->target == node)
        ++*join;
}

static size_t plan_nodes(struct sched *s, bool is_deferred)
{
    size_t join = 0, count = 0;
    const char **triggers = s->triggers;
    for (int i = 0; (size_t)i < s->graph->node_count; i++) {
        if (s->graph->nodes[i].is_deferred != is_deferred) {
            pass_joins(s, i, &join);
            continue;
        }
        size_t trigger_count = take_triggers(s, i, &join, triggers);
        if (trigger_count == 0)
            continue;
        s->planned[count++] = (struct planned){ i, triggers, trigger_count };
        triggers += trigger_count;
    }
    return count;
}

/* Deferred nodes keep their marks until nothing else is left to run; then all of them run. */
void sched_plan(struct sched *s, struct plan *ret)
{
    size_t count = plan_nodes(s, false);
    if (count == 0)
        count = plan_nodes(s, true);
    *ret = (struct plan){ s->planned, count };
}

static int find_case(const struct route *r, const char *text)
{
    for (size_t i = 0; i < r->case_count; i++)
        if (strcmp(r->values[i], text) == 0)
            return r->targets[i];
    return r->fallback;
}

/* Without memory for the text no case is known to match, and a guess would be worse than the error
 * that NODE_NONE is. */
static int find_scalar(const struct route *r, const json_t *value)
{
    enum { SCALAR_MAX_BYTES = 64 };
    struct buf text;
    buf_init(&text, SCALAR_MAX_BYTES);
    jsonx_encode(value, &text);
    int target = text.fault == 0 ? find_case(r, buf_text(&text)) : NODE_NONE;
    buf_deinit(&text);
    return target;
}

int route_choose(const struct route *r, const json_t *value)
{
    if (value == NULL)
        return find_case(r, "null");
    if (json_is_string(value))
        return find_case(r, json_string_value(value));
    return json_is_array(value) || json_is_object(value) ? r->fallback : find_scalar(r, value);
}
