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

static int run_draw(int arg_count, char **args)
{
    struct conf conf = { 0 };
    const char *name = NULL;
    struct conf_args in = { .count = arg_count, .args = args, .words = &name, .words_max = 1 };
    int status = EXIT_OK;

    if (cli_settings(&command_draw, &in, &conf, &status)) {
        if (in.word_count == 1)
            status = draw(&conf, name);
        else {
            cli_print_usage(stderr, &command_draw);
            status = EXIT_WRONG;
        }
    }
    conf_deinit(&conf);
    return status;
}

const struct cli_command command_draw = {
    .name = "draw",
    .arguments = "GRAPH",
    .sentence = "print a graph as Mermaid text",
    .details = "  GRAPH  a graph's name or its file\n",
    .run = run_draw,
};
