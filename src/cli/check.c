/* anabranch check [FILE...]: reads graph files as the server would, tells every mistake, runs
 * nothing. */
#include "base/err.h"
#include "base/mem.h"
#include "cli/cli.h"
#include <stdio.h>
#include <string.h>

#define FILES_MAX 256

static int join_places(const struct conf *conf, const char **words, int count, char **ret)
{
    struct buf all;

    buf_init(&all, (size_t)1 << 20);
    if (count == 0)
        buf_add_str(&all, conf->graphs);
    for (int i = 0; i < count; i++)
        buf_addf(&all, "%s%s", i > 0 ? ":" : "", words[i]);
    *ret = buf_take(&all, NULL);
    return *ret == NULL ? ERR_NOMEM : 0;
}

static void print_graphs(const struct registry *graphs)
{
    for (size_t i = 0; i < graphs->count; i++) {
        const struct graph *g = graphs->graphs[i];
        printf("%s: ok (%zu nodes, %zu fields)\n", g->name, g->node_count, g->field_count);
    }
}

static int check_places(const struct conf *conf, const char *places)
{
    struct kind_table kinds = node_kinds();
    struct registry graphs = { 0 };
    struct problems problems;

    problems_init(&problems);
    int r = load_graphs(conf, &kinds, places, &graphs, &problems);
    int count = problems.count;
    if (r == 0) {
        print_graphs(&graphs);
        fputs(buf_text(&problems.text), stderr);
    }
    problems_deinit(&problems);
    registry_deinit(&graphs);
    if (r != 0)
        return cli_fault("check", r);
    return count == 0 ? EXIT_OK : EXIT_WRONG;
}

int command_check(int arg_count, char **args)
{
    struct conf conf = { 0 };
    const char *words[FILES_MAX];
    char *places = NULL;
    int count = 0;
    int status = EXIT_OK;

    if (cli_settings(arg_count, args, &conf, words, FILES_MAX, &count, &status)) {
        int r = join_places(&conf, words, count, &places);
        status = r == 0 ? check_places(&conf, places) : cli_fault("check", r);
    }
    mem_free(places);
    conf_deinit(&conf);
    return status;
}
