/* Models that graphs name and that cannot be called. */
#include "cli/cli.h"
#include "node/models.h"

struct look {
    const struct worker *w;
    const char *graph;
    json_t *known; /* the models of this graph that were told; keys only */
    void (*seen)(void *arg, const char *graph, const char *node, const char *sentence);
    void *arg;
};

static void look_at_model(void *arg, const char *node, const char *model)
{
    const struct look *look = arg;
    char text[400];

    if (llm_model_check(look->w->models, model, text, sizeof(text)) == 0 ||
        json_object_get(look->known, model) != NULL)
        return;
    /* Without memory it is told again. */
    (void)json_object_set_new_nocheck(look->known, model, json_true());
    look->seen(look->arg, look->graph, node, text);
}

void load_each_bad_model(const struct worker *w, const struct graph *graph,
                         void (*seen)(void *arg, const char *graph, const char *node,
                                      const char *sentence),
                         void *arg)
{
    struct look look = {
        .w = w, .graph = graph->name, .known = json_object(), .seen = seen, .arg = arg
    };

    graph_each_model(graph, w->conf, look_at_model, &look);
    json_decref(look.known);
}
