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

void graph_each_model(const struct graph *g, const struct conf *conf,
                      void (*seen)(void *arg, const char *node, const char *model), void *arg)
{
    for (size_t i = 0; i < g->node_count; i++) {
        const struct node *node = &g->nodes[i];
        const struct llm_config *config = node->config;
        if (node->kind != &node_llm)
            continue;
        if (config->model_count == 0)
            seen(arg, node->name, conf->default_model);
        for (size_t m = 0; m < config->model_count; m++) {
            if (template_is_constant(config->models[m]))
                see_constant(node, config->models[m], seen, arg);
        }
    }
}
