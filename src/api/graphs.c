/* GET /graphs: what can be asked for, for people (Mermaid) and for forms (JSON Schema). */
#include "api/about.h"
#include "base/mem.h"
#include "graph/draw.h"

static json_t *describe(const struct graph *g)
{
    struct buf mermaid MEM_AUTO(buf_deinit);

    buf_init(&mermaid, (size_t)1 << 20);
    graph_draw(g, &mermaid);
    if (mermaid.fault != 0)
        return NULL;
    /* A NULL from graph_schema() makes json_pack() fail too, and it frees what it took. */
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", g->name, "description", g->description,
                     "mermaid", buf_text(&mermaid), "input_schema", graph_schema(g, SCHEMA_INPUT),
                     "output_schema", graph_schema(g, SCHEMA_OUTPUT));
}

void handle_graphs(struct req *req)
{
    const struct registry *graphs = ((const struct api *)req_app(req))->graphs;
    json_t *list = json_array();

    for (size_t i = 0; i < graphs->count; i++) {
        if (json_array_append_new(list, describe(graphs->graphs[i])) != 0) {
            json_decref(list);
            list = NULL;
            break;
        }
    }
    reply_json_take(req, 200, list);
}

const struct route_about about_graphs = {
    .summary = "What can be run",
    .answers = { { 200, "[Graph]" } },
};
