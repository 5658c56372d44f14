/* A sorted array: graphs are added at start and looked up once per request, and nobody has
 * thousands of them. */
#include "graph/registry.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

enum { NAMES_SHOWN = 20 };

int registry_add(struct registry *r, struct graph *graph)
{
    size_t at = 0;
    while (at < r->count && strcmp(r->graphs[at]->name, graph->name) < 0)
        at++;
    if (at < r->count && strcmp(r->graphs[at]->name, graph->name) == 0)
        return REGISTRY_E_TAKEN;
    struct graph **grown = mem_realloc(r->graphs, (r->count + 1) * sizeof(struct graph *));
    if (grown == NULL)
        return err_trace(ERR_NOMEM);
    r->graphs = grown;
    memmove(grown + at + 1, grown + at, (r->count - at) * sizeof(struct graph *));
    grown[at] = graph_ref(graph);
    r->count++;
    return 0;
}

void registry_deinit(struct registry *r)
{
    for (size_t i = 0; i < r->count; i++)
        graph_unref(r->graphs[i]);
    r->graphs = mem_free(r->graphs);
    r->count = 0;
}

struct graph *registry_find(const struct registry *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++) {
        struct graph *g = r->graphs[i];
        if (strcmp(g->name, name) == 0 || strcmp(g->assistant_id, name) == 0)
            return g;
    }
    return NULL;
}

void registry_names(const struct registry *r, struct buf *out)
{
    if (r->count == 0)
        buf_add_str(out, "none");
    for (size_t i = 0; i < r->count; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        if (i == NAMES_SHOWN) {
            buf_add_str(out, "...");
            return;
        }
        buf_add_str(out, r->graphs[i]->name);
    }
}
