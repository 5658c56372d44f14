/* Looks into the configuration of llm nodes. */
#include "node/models.h"
#include "base/mem.h"
#include "node/llm_config.h"

static void see_constant(const struct node *node, const struct template *model,
                         void (*seen)(void *arg, const char *node, const char *model), void *arg)
{
    struct scope nothing = { 0 };
    struct buf text MEM_AUTO(buf_deinit);

    buf_init(&text, 1024);
    template_render(model, &nothing, ESCAPE_NONE, &text);
    if (text.fault == 0)
        seen(arg, node->name, buf_text(&text));
}

struct walk {
    const struct conf *conf;
    void (*seen)(void *arg, const char *node, const char *model);
    void *arg;
    const struct graph **graphs; /* each once, however many nodes name it */
    size_t count;
};

/* Without memory a graph is left out: a warning less. */
static void note_graph(struct walk *w, const struct graph *g)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->graphs[i] == g)
            return;
    const struct graph **grown = mem_realloc(w->graphs, (w->count + 1) * sizeof(*grown));
    if (grown == NULL)
        return;
    w->graphs = grown;
    w->graphs[w->count++] = g;
}

static void look_at_node(struct walk *w, const struct node *node)
{
    const struct llm_config *config = node->config;
    if (node->subgraph != NULL)
        note_graph(w, node->subgraph->graph);
    if (node->kind != &node_llm)
        return;
    if (config->model_count == 0)
        w->seen(w->arg, node->name, w->conf->default_model);
    for (size_t m = 0; m < config->model_count; m++)
        if (template_is_constant(config->models[m]))
            see_constant(node, config->models[m], w->seen, w->arg);
}

void graph_each_model(const struct graph *g, const struct conf *conf,
                      void (*seen)(void *arg, const char *node, const char *model), void *arg)
{
    struct walk w = { .conf = conf, .seen = seen, .arg = arg };
    note_graph(&w, g);
    for (size_t at = 0; at < w.count; at++) { /* those inside are appended meanwhile */
        for (size_t i = 0; i < w.graphs[at]->node_count; i++) {
            const struct node *node = &w.graphs[at]->nodes[i];
            look_at_node(&w, node);
            if (node->on_error != NULL)
                look_at_node(&w, node->on_error);
        }
    }
    mem_free(w.graphs);
}
