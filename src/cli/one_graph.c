/* A word that is the path of a file is a file; any other is a name. */
#include "cli/one_graph.h"
#include "base/mem.h"
#include <stdio.h>
#include <sys/stat.h>

static bool is_file(const char *name)
{
    struct stat st;

    return stat(name, &st) == 0 && S_ISREG(st.st_mode);
}

static struct graph *pick(const struct registry *graphs, const char *name, bool is_path)
{
    if (is_path)
        return graphs->count == 1 ? graphs->graphs[0] : NULL;
    return registry_find(graphs, name);
}

static void tell_unknown(const struct registry *graphs, const char *name)
{
    struct buf known MEM_AUTO(buf_deinit);

    buf_init(&known, 4096);
    registry_names(graphs, &known);
    fprintf(stderr, "anabranch: there is no graph and no file \"%s\"; known graphs: %s\n", name,
            buf_text(&known));
}

int one_graph_load(const struct conf *conf, const struct kind_table *kinds, const char *name,
                   struct graph **ret)
{
    bool is_path = is_file(name);
    struct registry graphs = { 0 };
    struct problems problems;
    int status = EXIT_WRONG;

    problems_init(&problems);
    int r = load_graphs(conf, kinds, is_path ? name : NULL, &graphs, &problems);
    struct graph *found = r == 0 ? pick(&graphs, name, is_path) : NULL;
    if (r != 0)
        status = cli_fault("graphs", r);
    else if (found != NULL) {
        *ret = graph_ref(found);
        status = EXIT_OK;
    } else if (problems.count > 0)
        fputs(buf_text(&problems.text), stderr);
    else
        tell_unknown(&graphs, name);
    problems_deinit(&problems);
    registry_deinit(&graphs);
    return status;
}
