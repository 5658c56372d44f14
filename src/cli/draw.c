/* anabranch draw GRAPH: Mermaid text on standard output. */
#include "graph/draw.h"
#include "base/mem.h"
#include "cli/one_graph.h"
#include <stdio.h>

static int draw(const struct conf *conf, const char *name)
{
    struct kind_table kinds = node_kinds();
    struct graph *graph = NULL;
    struct buf text MEM_AUTO(buf_deinit);
    int status = one_graph_load(conf, &kinds, name, &graph);

    buf_init(&text, (size_t)1 << 20);
    if (status != EXIT_OK)
        return status;
    graph_draw(graph, &text);
    graph_unref(graph);
    if (text.fault != 0)
        return cli_fault("draw", text.fault < 0 ? text.fault : -1);
    fputs(buf_text(&text), stdout);
    return EXIT_OK;
}

int command_draw(int arg_count, char **args)
{
    struct conf conf = { 0 };
    const char *name = NULL;
    int count = 0;
    int status = EXIT_OK;

    if (cli_settings(arg_count, args, &conf, &name, 1, &count, &status)) {
        if (count == 1)
            status = draw(&conf, name);
        else {
            fputs("usage: anabranch draw GRAPH   (a graph's name or its file)\n", stderr);
            status = EXIT_WRONG;
        }
    }
    conf_deinit(&conf);
    return status;
}
