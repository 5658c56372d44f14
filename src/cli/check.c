/*
 * anabranch check [GRAPH...]: reads graph files as the server would, tells every mistake, runs
 * nothing. Models that cannot be called are warned of: the key may be elsewhere.
 */
#include "base/err.h"
#include "base/mem.h"
#include "cli/one_graph.h"
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 256, PLACES_BYTES_MAX = 1 << 20 };

struct check {
    const struct conf *conf;
    struct worker worker;
    struct registry graphs;
    struct problems problems;
};

/* ---- reading ---- */

/* All files and folders at once, so that two graphs of one name are told. */
static int read_places(struct check *c, const struct conf_args *in)
{
    const struct kind_table *kinds = &c->worker.services.kinds;
    struct buf places MEM_AUTO(buf_deinit);

    buf_init(&places, PLACES_BYTES_MAX);
    for (int i = 0; i < in->word_count; i++) {
        if (load_is_place(in->words[i]))
            buf_addf(&places, "%s:", in->words[i]);
    }
    if (places.fault != 0)
        return ERR_NOMEM;
    return load_graphs(c->conf, kinds, in->word_count == 0 ? NULL : buf_text(&places), &c->graphs,
                       &c->problems);
}

static int read_name(struct check *c, const char *name)
{
    struct graph *graph = NULL;
    int status = one_graph_load(c->conf, &c->worker.services.kinds, name, &graph);

    if (status != EXIT_OK)
        return status;
    int r = registry_add(&c->graphs, graph);
    graph_unref(graph);
    /* A graph that is there already was read from one of the places. */
    return r < 0 ? cli_fault("check", r) : EXIT_OK;
}

static int read_all(struct check *c, const struct conf_args *in)
{
    int r = read_places(c, in);
    int status = r == 0 ? EXIT_OK : cli_fault("check", r);

    for (int i = 0; i < in->word_count && status != EXIT_FAILED; i++) {
        int one = load_is_place(in->words[i]) ? EXIT_OK : read_name(c, in->words[i]);
        status = one == EXIT_OK ? status : one;
    }
    return status;
}

/* ---- telling ---- */

static void print_graphs(const struct registry *graphs)
{
    for (size_t i = 0; i < graphs->count; i++) {
        const struct graph *g = graphs->graphs[i];
        printf("%s: ok (%zu node%s, %zu field%s)\n", g->name, g->node_count,
               cli_plural(g->node_count), g->field_count, cli_plural(g->field_count));
    }
    (void)fflush(stdout); /* the warnings follow; main() tells if it did not take it all */
}

static void warn_model(void *arg, const char *graph, const char *node, const char *sentence)
{
    problems_add(arg, "warning", "", NULL, "graph %s: node %s: %s", graph, node, sentence);
}

static void print_warnings(const struct check *c)
{
    struct problems warnings;

    problems_init(&warnings);
    for (size_t i = 0; i < c->graphs.count; i++)
        load_each_bad_model(&c->worker, c->graphs.graphs[i], warn_model, &warnings);
    problems_close(&warnings);
    fputs(buf_text(&warnings.text), stderr);
    problems_deinit(&warnings);
}

static int check(const struct conf *conf, const struct conf_args *in)
{
    struct check c = { .conf = conf };
    int r = worker_init(&c.worker, conf, environ);

    problems_init(&c.problems);
    int status = r == 0 ? read_all(&c, in) : cli_worker_failure(&c.worker, r);
    if (status != EXIT_FAILED) {
        print_graphs(&c.graphs);
        fputs(buf_text(&c.problems.text), stderr);
        print_warnings(&c);
        if (c.problems.count > 0)
            status = EXIT_WRONG;
    }
    problems_deinit(&c.problems);
    registry_deinit(&c.graphs);
    worker_deinit(&c.worker);
    return status;
}

static int run_check(int arg_count, char **args)
{
    struct conf conf = { 0 };
    const char *words[WORDS_MAX];
    struct conf_args in = {
        .count = arg_count, .args = args, .words = words, .words_max = WORDS_MAX
    };
    int status = EXIT_OK;

    if (cli_settings(&command_check, &in, &conf, &status))
        status = check(&conf, &in);
    conf_deinit(&conf);
    return status;
}

const struct cli_command command_check = {
    .name = "check",
    .arguments = "[GRAPH...]",
    .sentence = "read graph files, tell every mistake, run nothing",
    .details = "  GRAPH  a graph's file, a folder of such files, or a graph's name; without any, "
               "all graphs of the settings\n",
    .run = run_check,
};
