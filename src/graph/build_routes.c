/* Edges that look at the state become routes: switch, each, and functions of a program. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/path.h"
#include "graph/texts.h"
#include <stdlib.h>
#include <string.h>

#define BIT(type) (1u << (type))

/* What one edge is resolved with. */
struct route_build {
    struct anabranch_builder *b;
    struct graph *g;
    struct edge_spec *e;
};

static char *place_of(struct route_build *rb, const char *key, const char *value)
{
    char *outer = pointer_join(rb->e->at, key);
    if (outer == NULL || value == NULL)
        return outer;
    char *place = pointer_join(outer, value);
    mem_free(outer);
    return place;
}

/* What `name` means at the key (and case) of the edge. */
static int find_there(struct route_build *rb, const char *key, const char *value, const char *name)
{
    char *place MEM_AUTO(mem_freep) = place_of(rb, key, value);
    if (place != NULL)
        return build_find_target(rb->b, rb->g, place, name);
    builder_note_fault(rb->b);
    return NODE_NONE;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Only a program can name a case twice; a file with a key twice is no JSON of ours. */
static int check_cases(struct route_build *rb)
{
    const struct edge_spec *e = rb->e;
    const char **sorted MEM_AUTO(mem_freep) = mem_array(e->case_count, sizeof(*sorted));
    if (sorted == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < e->case_count; i++)
        sorted[i] = e->values[i];
    qsort(sorted, e->case_count, sizeof(*sorted), compare_texts);
    for (size_t i = 1; i < e->case_count; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            builder_problem(rb->b, e->at, NULL, "the case \"%s\" is there twice", sorted[i]);
    return 0;
}

static int read_cases(struct route_build *rb, struct route *route)
{
    const struct edge_spec *e = rb->e;
    route->values = texts_copy((const char *const *)e->values, e->case_count);
    route->case_count = route->values == NULL ? 0 : e->case_count;
    route->targets = mem_array(e->case_count, sizeof(*route->targets));
    if (route->values == NULL || route->targets == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < e->case_count; i++)
        route->targets[i] = find_there(rb, "cases", e->values[i], e->targets[i]);
    if (e->case_count == 0)
        builder_problem(rb->b, e->at, "use a plain edge", "a switch without cases");
    route->fallback =
        e->fallback == NULL ? NODE_NONE : find_there(rb, "default", NULL, e->fallback);
    return check_cases(rb);
}

static int read_path(struct route_build *rb, const char *key, struct route *route)
{
    char *place MEM_AUTO(mem_freep) = place_of(rb, key, NULL);
    if (place == NULL)
        return err_trace(ERR_NOMEM);
    int r = path_parse(rb->e->path, strlen(rb->e->path), &route->path);
    if (r == PATH_E_SYNTAX) {
        builder_problem(rb->b, place, "write it like user.name", "\"%s\" is no path", rb->e->path);
        return 0;
    }
    if (r == 0)
        builder_check_path(rb->b, rb->g, place, route->path);
    return r;
}

static int add_switch(struct route_build *rb, struct route *route)
{
    int r = read_path(rb, "switch", route);
    return r != 0 ? r : read_cases(rb, route);
}

/* Is the field of this type one that can hold what `types` (a set of bits) says? Told at `key`. */
static void check_field(struct route_build *rb, const char *key, const char *name, unsigned types,
                        const char *expected)
{
    char *place MEM_AUTO(mem_freep) = place_of(rb, key, NULL);
    if (place == NULL) {
        builder_note_fault(rb->b);
        return;
    }
    int field = graph_find_field(rb->g, name);
    if (field < 0)
        builder_problem_field(rb->b, rb->g, place, name, false);
    else if ((types & BIT(rb->g->fields[field].type)) == 0)
        builder_problem(rb->b, place, NULL, "expected %s, but field \"%s\" is of the type %s",
                        expected, name, field_type_name(rb->g->fields[field].type));
}

static void check_name(struct route_build *rb, const char *key, const char *name)
{
    char *place MEM_AUTO(mem_freep) = place_of(rb, key, NULL);
    if (place == NULL)
        builder_note_fault(rb->b);
    else if (name[0] == '\0')
        builder_problem(rb->b, place, NULL, "the name is empty");
    else if (name[0] == '$' || strncmp(name, "__", 2) == 0 || strchr(name, '.') != NULL)
        builder_problem(
            rb->b, place, "use a name like \"item\"",
            "no template could say \"%s\": $ and __ in front and dots mean other things", name);
}

/* The node sent to has nothing but what these keys put into its input. They may be fields. */
static void check_keys(struct route_build *rb)
{
    const struct edge_spec *e = rb->e;
    check_name(rb, "as", e->as);
    if (e->index != NULL)
        check_name(rb, "index", e->index);
    if (e->index != NULL && strcmp(e->index, e->as) == 0)
        builder_problem(rb->b, e->at, "use two names", "\"as\" and \"index\" are the same");
}

/* A list can be told at once if the path is a field and nothing behind it. */
static void check_list(struct route_build *rb, const struct route *route)
{
    if (route->path == NULL || graph_find_field(rb->g, path_text(route->path)) < 0)
        return;
    check_field(rb, "each", path_text(route->path),
                BIT(FIELD_ARRAY) | BIT(FIELD_MESSAGES) | BIT(FIELD_ANY), "a list");
}

static int read_send(struct route_build *rb, struct route *route)
{
    route->targets = mem_array(1, sizeof(*route->targets));
    if (route->targets == NULL)
        return err_trace(ERR_NOMEM);
    route->case_count = 1;
    route->targets[0] = find_there(rb, "send", NULL, rb->e->to);
    if (route->targets[0] != NODE_END)
        return 0;
    char *place MEM_AUTO(mem_freep) = place_of(rb, "send", NULL);
    if (place == NULL)
        return err_trace(ERR_NOMEM);
    builder_problem(rb->b, place, "name a node", "nothing can be sent to __end__");
    return 0;
}

static int add_each(struct route_build *rb, struct route *route)
{
    route->as = mem_strdup(rb->e->as);
    route->index = mem_strdup(rb->e->index);
    if (route->as == NULL || (rb->e->index != NULL && route->index == NULL))
        return err_trace(ERR_NOMEM);
    int r = read_path(rb, "each", route);
    if (r == 0)
        r = read_send(rb, route);
    if (r != 0)
        return r;
    check_list(rb, route);
    check_keys(rb);
    return 0;
}

static int add_when(struct route_build *rb, struct route *route)
{
    struct edge_spec *e = rb->e;
    route->chooser = e->chooser;
    e->chooser = (struct chooser){ .arg = NULL };
    route->values = e->values;
    route->case_count = e->case_count;
    e->values = NULL;
    route->targets = mem_array(e->case_count, sizeof(*route->targets));
    if (route->targets == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < e->case_count; i++)
        route->targets[i] = build_find_target(rb->b, rb->g, e->at, e->targets[i]);
    return 0;
}

/* Room in the source's outlets; NULL: no memory. */
static struct route *new_route(struct route_build *rb)
{
    int source = build_find_source(rb->b, rb->g, rb->e->at, rb->e->sources[0]);
    rb->b->has_entry = rb->b->has_entry || source == NODE_START;
    /* Even a route from nowhere is read, for its other mistakes; at __start__ it does no harm, as
     * nothing is built then. */
    struct outlets *out = source < 0 ? &rb->g->start : &rb->g->nodes[source].out;
    struct route *routes = mem_realloc(out->routes, (out->route_count + 1) * sizeof(*routes));
    if (routes == NULL)
        return NULL;
    out->routes = routes;
    struct route *route = &routes[out->route_count++];
    *route = (struct route){ .fallback = NODE_NONE };
    return route;
}

int build_route(struct anabranch_builder *b, struct graph *g, struct edge_spec *e)
{
    static const struct {
        enum route_kind kind;
        int (*add)(struct route_build *rb, struct route *route);
    } rows[] = {
        [EDGE_SWITCH] = { ROUTE_SWITCH, add_switch },
        [EDGE_EACH] = { ROUTE_EACH, add_each },
        [EDGE_WHEN] = { ROUTE_FUNCTION, add_when },
    };
    struct route_build rb = { b, g, e };
    struct route *route = new_route(&rb);
    if (route == NULL)
        return err_trace(ERR_NOMEM);
    route->kind = rows[e->kind].kind;
    return rows[e->kind].add(&rb, route);
}
