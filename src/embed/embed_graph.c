/* Builders and graphs of the public API. The builder's other calls are the graph layer's own
 * (graph/build.c). */
#include "base/err.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "graph/draw.h"
#include "graph/parse.h"
#include "script/script.h"
#include <string.h>

enum { DRAWING_MAX_BYTES = 1 << 28 };

int anabranch_builder_new(struct anabranch_engine *engine, const char *name,
                          struct anabranch_builder **ret)
{
    struct builder_limits limits = worker_builder_limits(&engine->conf);
    int r = builder_new(&engine->worker.services.kinds, &limits, name, name, ret);

    if (r == 0)
        builder_language(*ret, &engine->language);
    return r;
}

/* A file of a program. */
struct source {
    const char *file;
    const char *text;
    size_t len_bytes;
};

static int parse_json(struct anabranch_engine *engine, const struct source *in,
                      struct problems *found, struct graph **ret)
{
    struct builder_limits limits = worker_builder_limits(&engine->conf);
    const struct parse_tools tools = { &engine->worker.services.kinds, &limits, NULL,
                                       &engine->language };

    return graph_parse_with(&tools, in->file, in->text, in->len_bytes, found, ret);
}

static int parse_lua(struct anabranch_engine *engine, const struct source *in,
                     struct problems *found, struct graph **ret)
{
    struct builder_limits limits = worker_builder_limits(&engine->conf);
    const struct script_tools tools = { .conf = &engine->conf,
                                        .kinds = &engine->worker.services.kinds,
                                        .limits = &limits };
    int r = script_load_graph(&tools, in->file, in->text, in->len_bytes, found, ret);

    if (r == 0 && *ret == NULL) {
        problems_add(found, in->file, "", "end it with: return graph:compile{}",
                     "the file makes no graph");
        r = SCRIPT_E_WRONG;
    }
    return r;
}

static bool is_lua(const char *file)
{
    const char *dot = strrchr(file, '.');

    return dot != NULL && strcmp(dot, ".lua") == 0;
}

int anabranch_graph_parse(struct anabranch_engine *engine, const char *file_name, const char *text,
                          size_t len_bytes, struct anabranch_graph **ret, char **problems)
{
    const struct source in = { file_name == NULL ? "" : file_name, text == NULL ? "" : text,
                               text == NULL ? 0 : len_bytes };
    struct problems found MEM_AUTO(problems_deinit);
    struct graph *graph = NULL;
    char *told;
    int r;

    problems_init(&found);
    r = is_lua(in.file) ? parse_lua(engine, &in, &found, &graph)
                        : parse_json(engine, &in, &found, &graph);
    if (r < 0)
        return err_trace(r);
    if (r == 0) {
        *ret = graph_publish(graph);
        return 0;
    }
    if (problems == NULL)
        return ANABRANCH_E_INVALID;
    told = buf_take(&found.text, NULL);
    if (told == NULL)
        return err_trace(ERR_NOMEM);
    *problems = told;
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
