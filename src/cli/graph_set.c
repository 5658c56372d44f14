/* See graph_set.h. Nothing of the set in force is touched until all of the new one is there; then
 * nothing can fail any more. */
#include "cli/graph_set.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/load.h"
#include "cli/reload_report.h"

void graph_set_deinit(struct graph_set *set)
{
    registry_deinit(&set->graphs);
    for (size_t i = 0; i < set->file_count; i++)
        graph_file_free(set->files[i]);
    mem_free(set->files);
    *set = (struct graph_set){ .file_count = 0 };
}

/* A graph that stays is made of what it was made of before, not of what was found now: a file that
 * is as it was again brings nothing new. */
static void settle_parts(struct graph_file *file)
{
    if (file->is_kept) {
        const struct parts parts = file->parts;
        file->parts = file->before->parts;
        file->before->parts = parts;
    }
    file->is_kept = false;
    file->before = NULL;
    problems_deinit(&file->found);
    problems_init(&file->found);
}

static void take_over(struct graph_set *set, struct load *l, struct graph_set *ret_before)
{
    for (size_t i = 0; i < l->set.file_count; i++)
        settle_parts(l->set.files[i]);
    *ret_before = *set;
    *set = l->set;
    l->set = (struct graph_set){ .file_count = 0 };
}

static int join_problems(const struct load *l, struct problems *problems)
{
    problems_join(problems, &l->found);
    for (size_t i = 0; i < l->set.file_count; i++)
        problems_join(problems, &l->set.files[i]->found);
    return problems->fault;
}

int graph_set_load(const struct conf *conf, const struct kind_table *kinds, const char *places,
                   struct graph_set *set, struct problems *problems)
{
    struct load l;
    struct graph_set empty;
    int r = load_run(&l, conf, kinds, places, NULL);

    if (r == 0)
        r = join_problems(&l, problems);
    if (r == 0)
        take_over(set, &l, &empty);
    load_deinit(&l);
    return r == 0 ? 0 : err_trace(r);
}

int graph_set_reload(const struct conf *conf, const struct kind_table *kinds, struct graph_set *set,
                     struct graph_set *ret_before, json_t **ret_report)
{
    struct load l;
    json_t *report = NULL;
    int r = load_run(&l, conf, kinds, NULL, set);

    if (r == 0)
        report = reload_report(&l);
    if (r == 0 && report == NULL)
        r = ERR_NOMEM;
    if (r == 0) {
        take_over(set, &l, ret_before);
        *ret_report = report;
    }
    load_deinit(&l);
    return r == 0 ? 0 : err_trace(r);
}

int load_graphs(const struct conf *conf, const struct kind_table *kinds, const char *places,
                struct registry *graphs, struct problems *problems)
{
    struct graph_set set = { .file_count = 0 };
    int r = graph_set_load(conf, kinds, places, &set, problems);

    if (r == 0) {
        *graphs = set.graphs;
        set.graphs = (struct registry){ .count = 0 };
    }
    graph_set_deinit(&set);
    return r == 0 ? 0 : err_trace(r);
}
