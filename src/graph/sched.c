/*
 * Two kinds of marks: a node is `ready` when an edge into it fired, a join has seen some of its
 * sources and is ready when none is missing. Planning walks the nodes by index, and beside them the
 * joins sorted by target and name:
 *
 *     nodes   0       1       2                 plan: 0 [branch:to:a], 2 [branch:to:c, join:x+y:c]
 *     ready   yes     no      yes
 *     joins                   join:x+y:c full, join:y+z:c one missing
 *
 * A deferred node's marks take one step more: they are armed first, and ready when they are released.
 *
 * Marks carry the version in which they were set, as channels do in LangGraph: a take begins a
 * version, and so does what fires after a settle. The newest version that a node has used up says
 * when it ran last.
 *
 *     take   fire a, fire b   settle   (goto from outside)   take   fire ...
 *     12     12      12       12       13                    14     14
 */
#include "graph/sched.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/sched_marks.h"
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 4 };

static const char *const start_trigger[] = { "__start__" };
static const char *const push_trigger[] = { "__pregel_push" };

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
    w->is_ready = false;
    w->full_at = 0;
}

static size_t count_sources(const struct graph *g)
{
    size_t count = 0;
    for (size_t i = 0; i < g->join_count; i++)
        count += g->joins[i].source_count;
    return count;
}

static void init_joins(struct sched *s)
{
    const struct graph *g = s->graph;
    bool *seen = s->seen;
    for (size_t i = 0; i < g->join_count; i++) {
        s->joins[i] = (struct waiting){ .join = &g->joins[i], .seen = seen };
        reset(&s->joins[i]);
        s->by_target[i] = &s->joins[i];
        seen += g->joins[i].source_count;
    }
    qsort(s->by_target, g->join_count, sizeof(s->by_target[0]), by_target_and_trigger);
}

static int init(struct sched *s)
{
    const struct graph *g = s->graph;
    s->version = 1;
    s->seen_count = count_sources(g);
    s->nodes = mem_array(g->node_count + 1, sizeof(s->nodes[0]));
    s->joins = mem_array(g->join_count, sizeof(s->joins[0]));
    s->seen = mem_array(s->seen_count, sizeof(s->seen[0]));
    s->by_target = mem_array(g->join_count, sizeof(struct waiting *));
    s->planned = mem_array(g->node_count + 1, sizeof(s->planned[0]));
    s->triggers = mem_array(g->node_count + g->join_count, sizeof(const char *));
    if (s->nodes == NULL || s->joins == NULL || s->seen == NULL || s->by_target == NULL ||
        s->planned == NULL || s->triggers == NULL)
        return err_trace(ERR_NOMEM);
    init_joins(s);
    return 0;
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

static void drop_sends(struct sched *s)
{
    for (size_t i = 0; i < s->send_count; i++)
        value_unref(s->sends[i].arg);
    s->send_count = 0;
}

struct sched *sched_free(struct sched *s)
{
    if (s == NULL)
        return NULL;
    drop_sends(s);
    mem_free(s->nodes);
    mem_free(s->joins);
    mem_free(s->seen);
    mem_free(s->sends);
    mem_free(s->by_target);
    mem_free(s->planned);
    mem_free(s->triggers);
    return mem_free(s);
}

static void copy_joins(struct sched *to, const struct sched *from)
{
    memcpy(to->seen, from->seen, from->seen_count * sizeof(from->seen[0]));
    for (size_t i = 0; i < from->graph->join_count; i++) {
        to->joins[i].missing_count = from->joins[i].missing_count;
        to->joins[i].is_ready = from->joins[i].is_ready;
        to->joins[i].full_at = from->joins[i].full_at;
    }
}

static void add_send(struct sched *s, const struct target *t)
{
    s->sends[s->send_count++] = (struct target){ t->node, value_ref(t->arg) };
}

int sched_copy(const struct sched *s, struct sched **ret)
{
    struct sched *copy = NULL;
    int r = sched_new(s->graph, &copy);
    if (r == 0)
        r = sched_reserve(copy, s->send_count);
    if (r != 0) {
        sched_free(copy);
        return err_trace(r);
    }
    copy->version = s->version;
    copy->is_settled = s->is_settled;
    copy->has_fired = s->has_fired;
    memcpy(copy->nodes, s->nodes, (s->graph->node_count + 1) * sizeof(s->nodes[0]));
    copy_joins(copy, s);
    for (size_t i = 0; i < s->send_count; i++)
        add_send(copy, &s->sends[i]);
    *ret = copy;
    return 0;
}

/* ---- the plan ---- */

/* What has fired for a node; *join is the place in by_target where the node's joins begin, and
   moves behind them. "branch:..." sorts before "join:...", so the names come out sorted. */
static size_t find_triggers(const struct sched *s, int node, size_t *join, const char **ret)
{
    size_t count = 0;
    if (s->nodes[node].mark == MARK_READY)
        ret[count++] = s->graph->nodes[node].trigger;
    for (; *join < s->graph->join_count; ++*join) {
        const struct waiting *w = s->by_target[*join];
        if (w->join->target != node)
            break;
        if (w->is_ready)
            ret[count++] = w->join->trigger;
    }
    return count;
}

static size_t plan_nodes(struct sched *s, size_t count)
{
    size_t join = 0;
    const char **triggers = s->triggers;
    for (int i = 0; (size_t)i < s->graph->node_count; i++) {
        size_t trigger_count = find_triggers(s, i, &join, triggers);
        if (trigger_count == 0)
            continue;
        s->planned[count++] = (struct planned){
            .kind = PLANNED_PULL, .node = i, .triggers = triggers, .trigger_count = trigger_count
        };
        triggers += trigger_count;
    }
    return count;
}

static void plan_send(struct sched *s, size_t i)
{
    s->planned[i] = (struct planned){ .kind = PLANNED_PUSH,
                                      .node = s->sends[i].node,
                                      .arg = s->sends[i].arg,
                                      .index = i,
                                      .triggers = push_trigger,
                                      .trigger_count = 1 };
}

static bool is_starting(const struct sched *s)
{
    return sched_marks(s, NODE_START)->mark == MARK_READY;
}

void sched_plan(struct sched *s, struct plan *ret)
{
    if (is_starting(s)) {
        s->planned[0] = (struct planned){
            .kind = PLANNED_PULL, .node = NODE_START, .triggers = start_trigger, .trigger_count = 1
        };
        *ret = (struct plan){ s->planned, 1 };
        return;
    }
    for (size_t i = 0; i < s->send_count; i++)
        plan_send(s, i);
    *ret = (struct plan){ s->planned, plan_nodes(s, s->send_count) };
}

/* ---- using up ---- */

static void note_version(struct node_marks *m, int64_t version)
{
    if (version > m->ran_at)
        m->ran_at = version;
}

static void use_up_node(struct node_marks *m)
{
    if (m->mark != MARK_READY)
        return;
    m->mark = MARK_NONE;
    note_version(m, m->fired_at);
}

static void use_up_join(struct sched *s, struct waiting *w)
{
    if (!w->is_ready)
        return;
    note_version(sched_marks(s, w->join->target), w->full_at);
    reset(w);
}

static void use_up_ready(struct sched *s)
{
    drop_sends(s);
    for (size_t i = 0; i < s->graph->node_count; i++)
        use_up_node(&s->nodes[i]);
    for (size_t i = 0; i < s->graph->join_count; i++)
        use_up_join(s, &s->joins[i]);
}

static void begin_round(struct sched *s, int64_t versions)
{
    s->version += versions;
    s->is_settled = false;
    s->has_fired = false;
}

void sched_take(struct sched *s)
{
    begin_round(s, 1);
    if (is_starting(s))
        use_up_node(sched_marks(s, NODE_START));
    else
        use_up_ready(s);
}

static void forget_fired(struct sched *s)
{
    drop_sends(s);
    sched_marks(s, NODE_START)->mark = MARK_NONE;
    for (size_t i = 0; i < s->graph->node_count; i++)
        if (!s->graph->nodes[i].is_deferred)
            s->nodes[i].mark = MARK_NONE;
}

static void use_up_all_of(struct sched *s, int node)
{
    use_up_node(sched_marks(s, node));
    for (size_t i = 0; i < s->graph->join_count; i++)
        if (s->joins[i].join->target == node)
            use_up_join(s, &s->joins[i]);
}

void sched_take_some(struct sched *s, const bool *taken)
{
    struct plan plan;
    sched_plan(s, &plan);
    begin_round(s, 1);
    for (size_t i = 0; i < plan.count; i++)
        if (taken[i] && plan.tasks[i].kind == PLANNED_PULL)
            use_up_all_of(s, plan.tasks[i].node);
    forget_fired(s);
}

static void start(struct sched *s)
{
    struct node_marks *m = sched_marks(s, NODE_START);
    m->mark = MARK_READY;
    m->fired_at = s->version;
}

void sched_begin(struct sched *s)
{
    begin_round(s, 1);
    use_up_node(sched_marks(s, NODE_START));
    use_up_ready(s);
    start(s);
}

void sched_forget(struct sched *s)
{
    begin_round(s, 1);
    forget_fired(s);
}

/* ---- firing ---- */

static bool is_deferred(const struct sched *s, int node)
{
    assert(node >= 0 && (size_t)node < s->graph->node_count);
    return s->graph->nodes[node].is_deferred;
}

/* A deferred node that was released already must be released again: LastValueAfterFinish. */
static void fire_node(struct sched *s, int node)
{
    bool is_late = is_deferred(s, node);
    s->nodes[node].mark = is_late ? MARK_ARMED : MARK_READY;
    s->nodes[node].fired_at = s->version;
    s->has_fired |= !is_late;
}

void waiting_see(struct waiting *w, size_t source)
{
    w->missing_count -= !w->seen[source];
    w->seen[source] = true;
}

static void fire_join(struct sched *s, struct waiting *w, int source)
{
    bool was_full = w->missing_count == 0;
    for (size_t i = 0; i < w->join->source_count; i++)
        if (w->join->sources[i] == source)
            waiting_see(w, i);
    if (was_full || w->missing_count > 0)
        return;
    w->full_at = s->version;
    w->is_ready = !is_deferred(s, w->join->target);
    s->has_fired |= w->is_ready;
}

static void fire_outlets(struct sched *s, int node)
{
    assert(node == NODE_START || (node >= 0 && (size_t)node < s->graph->node_count));
    const struct outlets *out = node == NODE_START ? &s->graph->start : &s->graph->nodes[node].out;
    for (size_t i = 0; i < out->target_count; i++)
        fire_node(s, out->targets[i]);
    for (size_t i = 0; i < out->join_count; i++)
        fire_join(s, &s->joins[out->joins[i]], node);
}

static size_t count_sends(const struct target *targets, size_t count)
{
    size_t sends = 0;
    for (size_t i = 0; i < count; i++)
        sends += targets[i].arg != NULL;
    return sends;
}

int sched_fire(struct sched *s, int node, const struct target *targets, size_t count)
{
    int r = sched_reserve(s, count_sends(targets, count));
    if (r != 0)
        return err_trace(r);
    if (s->is_settled)
        begin_round(s, 1);
    if (node != NODE_NONE)
        fire_outlets(s, node);
    for (size_t i = 0; i < count; i++) {
        if (targets[i].arg != NULL)
            add_send(s, &targets[i]);
        else
            fire_node(s, targets[i].node);
    }
    return 0;
}

/* Both arrays grow before either is said to: one that is larger than it needs to be does no harm. */
static int grow(struct sched *s, size_t cap)
{
    size_t fixed = s->graph->node_count + 1;
    if (cap > SIZE_MAX / sizeof(s->planned[0]) - fixed)
        return err_trace(ERR_NOMEM);
    struct planned *planned = mem_realloc(s->planned, (fixed + cap) * sizeof(s->planned[0]));
    if (planned == NULL)
        return err_trace(ERR_NOMEM);
    s->planned = planned;
    struct target *sends = mem_realloc(s->sends, cap * sizeof(s->sends[0]));
    if (sends == NULL)
        return err_trace(ERR_NOMEM);
    s->sends = sends;
    s->send_cap = cap;
    return 0;
}

int sched_reserve(struct sched *s, size_t send_count)
{
    if (send_count <= s->send_cap - s->send_count)
        return 0;
    if (send_count > SIZE_MAX / 4 || s->send_cap > SIZE_MAX / 4)
        return err_trace(ERR_NOMEM);
    size_t need = s->send_count + send_count;
    size_t cap = s->send_cap * 2 > FIRST_CAP ? s->send_cap * 2 : FIRST_CAP;
    int r = grow(s, need > cap ? need : cap);
    return r != 0 ? err_trace(r) : 0;
}

/* The finish() of LangGraph's channels. */
static void release(struct sched *s)
{
    for (size_t i = 0; i < s->graph->node_count; i++)
        if (s->nodes[i].mark == MARK_ARMED) {
            s->nodes[i].mark = MARK_READY;
            s->nodes[i].fired_at = s->version;
        }
    for (size_t i = 0; i < s->graph->join_count; i++) {
        struct waiting *w = &s->joins[i];
        if (w->missing_count > 0 || w->is_ready)
            continue;
        w->is_ready = true;
        w->full_at = s->version;
    }
}

void sched_settle(struct sched *s)
{
    if (!s->has_fired && !s->is_settled)
        release(s);
    s->has_fired = false;
    s->is_settled = true;
}

/* ---- who ran last ---- */

int sched_newest(const struct sched *s, bool *is_ambiguous)
{
    int64_t newest = s->nodes[s->graph->node_count].ran_at;
    int node = newest > 0 ? NODE_START : NODE_NONE;
    *is_ambiguous = false;
    for (int i = 0; (size_t)i < s->graph->node_count; i++) {
        int64_t ran_at = s->nodes[i].ran_at;
        if (ran_at == 0 || ran_at < newest)
            continue;
        *is_ambiguous = ran_at == newest;
        newest = ran_at;
        node = i;
    }
    return *is_ambiguous ? NODE_NONE : node;
}
