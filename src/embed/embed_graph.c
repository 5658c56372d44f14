/* Builders and graphs of the public API. The builder's other calls are the graph layer's own
 * (graph/build.c). */
#include "base/err.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "graph/draw.h"
#include "graph/parse.h"

enum { DRAWING_MAX_BYTES = 1 << 28 };

int anabranch_builder_new(struct anabranch_engine *engine, const char *name,
                          struct anabranch_builder **ret)
{
    struct builder_limits limits = worker_builder_limits(&engine->conf);

    return builder_new(&engine->worker.services.kinds, &limits, name, name, ret);
}

int anabranch_graph_parse(struct anabranch_engine *engine, const char *file_name, const char *json,
                          size_t len_bytes, struct anabranch_graph **ret, char **problems)
{
    struct builder_limits limits = worker_builder_limits(&engine->conf);
    struct problems found MEM_AUTO(problems_deinit);
    struct graph *graph = NULL;
    char *text;
    int r;

    problems_init(&found);
    r = graph_parse(&engine->worker.services.kinds, &limits, file_name == NULL ? "" : file_name,
                    json == NULL ? "" : json, json == NULL ? 0 : len_bytes, &found, &graph);
    if (r < 0)
        return err_trace(r);
    if (r == 0) {
        *ret = graph_publish(graph);
        return 0;
    }
    if (problems == NULL)
        return ANABRANCH_E_INVALID;
    text = buf_take(&found.text, NULL);
    if (text == NULL)
        return err_trace(ERR_NOMEM);
    *problems = text;
    return ANABRANCH_E_INVALID;
}

int anabranch_clear_cache(struct anabranch_engine *engine, struct anabranch_graph *graph,
                          const char *node)
{
    if (graph == NULL)
        return embed_wrong("clear_cache", "graph", "there is none");
    if (node != NULL && graph_find_node(graph_of(graph), node) == NODE_NONE)
        return embed_wrong("clear_cache", "node", "the graph has no node of this name");
    runs_clear_cache(engine->worker.runs, graph_of(graph), node);
    return 0;
}

void anabranch_graph_free(struct anabranch_graph *graph)
{
    if (graph != NULL)
        graph_unref(graph_of(graph));
}

char *anabranch_graph_draw(const struct anabranch_graph *graph)
{
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, DRAWING_MAX_BYTES);
    graph_draw(graph_of(graph), &out);
    return buf_take(&out, NULL);
}
