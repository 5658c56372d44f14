/* Plain edges and joins become outlets: what happens when a node has finished. Edges that look at
 * the state are in build_routes.c. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/builder.h"
#include <string.h>

enum { TRIGGER_MAX_BYTES = 1 << 24 };

/* What one edge is resolved with. */
struct edge_build {
    struct anabranch_builder *b;
    struct graph *g;
    const struct edge_spec *e;
};

static struct outlets *outlets_of(struct graph *g, int node)
{
    return node == NODE_START ? &g->start : &g->nodes[node].out;
}

/* Sorted, no doubles. */
static int insert(int **array, size_t *count, int item)
{
    size_t at = *count; /* from the end, as joins come in ascending order and are many */
    while (at > 0 && (*array)[at - 1] > item)
        at--;
    if (at > 0 && (*array)[at - 1] == item)
        return 0;
    int *wider = mem_realloc(*array, (*count + 1) * sizeof(*wider));
    if (wider == NULL)
        return err_trace(ERR_NOMEM);
    memmove(wider + at + 1, wider + at, (*count - at) * sizeof(*wider));
    wider[at] = item;
    *array = wider;
    ++*count;
    return 0;
}

static int add_plain(struct edge_build *eb)
{
    int source = build_find_source(eb->b, eb->g, eb->e->at, eb->e->sources[0]);
    int target = build_find_target(eb->b, eb->g, eb->e->at, eb->e->to);
    eb->b->has_entry = eb->b->has_entry || source == NODE_START;
    if (source == NODE_NONE || target < 0)
        return 0; /* told, or an edge to the end, which does nothing */
    struct outlets *out = outlets_of(eb->g, source);
    return insert(&out->targets, &out->target_count, target);
}

/* An equal join is among those of any source. */
static bool has_join(const struct graph *g, const struct join *join)
{
    const struct outlets *out = &g->nodes[join->sources[0]].out;
    for (size_t i = 0; i < out->join_count; i++) {
        const struct join *other = &g->joins[out->joins[i]];
        if (other->target == join->target && other->source_count == join->source_count &&
            memcmp(other->sources, join->sources, join->source_count * sizeof(int)) == 0)
            return true;
    }
    return false;
}

/* Sorted sources, and their names in the order of the file. */
static int read_sources(struct edge_build *eb, struct join *join, struct buf *names)
{
    for (size_t i = 0; i < eb->e->source_count; i++) {
        int source = build_find_source(eb->b, eb->g, eb->e->at, eb->e->sources[i]);
        if (source == NODE_START)
            builder_problem(eb->b, eb->e->at, "give it an edge of its own",
                            "a join cannot wait for __start__");
        if (source < 0)
            continue;
        size_t before = join->source_count;
        int r = insert(&join->sources, &join->source_count, source);
        if (r != 0)
            return r;
        if (join->source_count > before)
            buf_addf(names, "%s%s", before == 0 ? "" : "+", eb->g->nodes[source].name);
    }
    return 0;
}

/* Moves the join into the graph and tells its sources. */
static int keep_join(struct graph *g, struct join *join, const char *names)
{
    join->trigger = mem_printf("join:%s:%s", names, g->nodes[join->target].name);
    struct join *joins = mem_realloc(g->joins, (g->join_count + 1) * sizeof(*joins));
    if (joins != NULL)
        g->joins = joins;
    if (joins == NULL || join->trigger == NULL)
        return err_trace(ERR_NOMEM);
    int index = (int)g->join_count++;
    joins[index] = *join;
    *join = (struct join){ .sources = NULL };
    for (size_t i = 0; i < joins[index].source_count; i++) {
        struct outlets *out = &g->nodes[joins[index].sources[i]].out;
        int r = insert(&out->joins, &out->join_count, index);
        if (r != 0)
            return r;
    }
    return 0;
}

static int use_join(struct edge_build *eb, struct join *join, const char *names)
{
    struct graph *g = eb->g;
    if (join->target < 0 || join->source_count == 0)
        return 0; /* told, or a join at the end, which does nothing */
    if (join->source_count == 1) {
        struct outlets *out = &g->nodes[join->sources[0]].out;
        return insert(&out->targets, &out->target_count, join->target);
    }
    return has_join(g, join) ? 0 : keep_join(g, join, names);
}

static int add_join(struct edge_build *eb)
{
    if (eb->e->source_count == 0) {
        builder_problem(eb->b, eb->e->at, NULL, "a join without sources");
        return 0;
    }
    struct join join = { .target = build_find_target(eb->b, eb->g, eb->e->at, eb->e->to) };
    struct buf names;
    buf_init(&names, TRIGGER_MAX_BYTES);
    int r = read_sources(eb, &join, &names);
    if (r == 0 && names.fault != 0)
        r = err_trace(ERR_NOMEM);
    if (r == 0)
        r = use_join(eb, &join, buf_text(&names));
    buf_deinit(&names);
    mem_free(join.sources);
    mem_free(join.trigger);
    return r;
}

int build_edges(struct anabranch_builder *b, struct graph *g)
{
    int r = 0;
    for (size_t i = 0; i < b->edge_count && r == 0; i++) {
        struct edge_build eb = { b, g, &b->edges[i] };
        if (eb.e->kind != EDGE_PLAIN)
            r = build_route(b, g, &b->edges[i]);
        else if (eb.e->source_count == 1)
            r = add_plain(&eb);
        else
            r = add_join(&eb);
    }
    return r;
}
