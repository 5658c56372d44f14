/*
 * Graph files, JSON and Lua, into a set of graphs. graph/ itself does no I/O.
 *
 *     build_all --> build_file(a) --> the builder of a asks for "b" --> build_file(b) ...
 *
 * When they are loaded once more, build_file() first asks whether anything that the graph was made
 * of has changed (which asks the same of the graphs that it names), and where a build ends with
 * mistakes, what was before stays.
 */
#include "cli/load.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "script/script.h"
#include <string.h>

/* ---- building one file ---- */

/* The file that is being built, or looked at. */
static struct graph_file *top_of(const struct load *l)
{
    return l->open[l->open_count - 1];
}

static void note_file(void *arg, const char *path, const char *bytes, size_t len_bytes)
{
    struct load *l = arg;

    if (parts_add_file(&top_of(l)->parts, path, bytes, len_bytes) != 0)
        l->fault = ERR_NOMEM;
}

static int build_json(struct load *l, struct graph_file *file, const struct script_tools *scripts)
{
    const struct code_source language = script_language(scripts);
    const struct parse_tools tools = { l->kinds, &l->limits, &l->source, &language };

    return graph_parse_with(&tools, file->path, file->bytes, file->len, &file->found, &file->graph);
}

/* A Lua file in a folder may be a module of others; one that was named must be a graph. */
static int build_lua(struct graph_file *file, const struct script_tools *tools)
{
    int r =
        script_load_graph(tools, file->path, file->bytes, file->len, &file->found, &file->graph);

    if (r == 0 && file->graph == NULL && file->is_named) {
        problems_add(&file->found, file->path, "", "end it with: return graph:compile{}",
                     "the file makes no graph");
        r = SCRIPT_E_WRONG;
    }
    problems_close(&file->found);
    return r;
}

/* 0, positive after mistakes, or a fault. */
static int build(struct load *l, struct graph_file *file)
{
    const struct script_files files = { note_file, l };
    const struct script_tools tools = { l->conf, l->kinds, &l->limits, &l->source, &files };

    parts_deinit(&file->parts); /* of the graphs that were looked at before */
    int r = parts_add_file(&file->parts, file->path, file->bytes, file->len);
    if (r == 0)
        r = load_has_ending(file->path, ".lua") ? build_lua(file, &tools)
                                                : build_json(l, file, &tools);
    if (r >= 0 && l->fault != 0)
        r = l->fault;
    if (r >= 0 && file->found.fault != 0)
        r = file->found.fault;
    return r < 0 ? err_trace(r) : r;
}

/* ---- once more ---- */

static int find_graph(void *arg, const char *name, struct graph **ret, struct buf *why);

/* What is wrong with it now, a build would tell. */
static int is_same_graph(struct load *l, const struct graph_part *part, bool *ret)
{
    struct graph *graph = NULL;
    struct buf why MEM_AUTO(buf_deinit);

    buf_init(&why, 4096);
    int r = find_graph(l, part->name, &graph, &why);
    *ret = r == 0 && graph == part->graph;
    return r < 0 ? err_trace(r) : 0;
}

/* Would a build come to what is there? Its own bytes have been read already. */
static int is_unchanged(struct load *l, const struct graph_file *file, bool *ret)
{
    const struct parts *parts = graph_file_was_good(file) ? &file->before->parts : NULL;
    int r = 0;

    *ret = parts != NULL && file_part_is(&parts->files[0], file->bytes, file->len);
    for (size_t i = 1; r == 0 && *ret && i < parts->file_count; i++)
        r = load_is_same_file(l, &parts->files[i], ret);
    for (size_t i = 0; r == 0 && *ret && i < parts->graph_count; i++)
        r = is_same_graph(l, &parts->graphs[i], ret);
    return r;
}

static void settle(struct graph_file *file, bool is_wrong)
{
    file->state = is_wrong ? FILE_WRONG : FILE_BUILT;
    file->bytes = mem_free(file->bytes);
    if (is_wrong)
        parts_deinit(&file->parts);
    if (is_wrong && graph_file_was_good(file))
        graph_file_keep(file);
}

static int build_file(struct load *l, struct graph_file *file)
{
    bool is_same = false;

    file->state = FILE_OPEN;
    l->open[l->open_count++] = file;
    int r = is_unchanged(l, file, &is_same);
    if (r == 0 && is_same)
        graph_file_keep(file);
    else if (r == 0)
        r = build(l, file);
    l->open_count--;
    settle(file, r != 0);
    return r > 0 ? 0 : r;
}

/* ---- graphs that name each other ---- */

/* By the name that it has; or else the one that it had, which may stay in force. */
static int fitness(const struct graph_file *file, const char *name)
{
    return 2 * (strcmp(file->name, name) == 0) + graph_file_was_called(file, name);
}

/* Of two with one name, the one that had it before. */
static struct graph_file *file_named(const struct load *l, const char *name)
{
    struct graph_file *best = NULL;
    int best_fitness = 0;

    for (size_t i = 0; i < l->set.file_count; i++) {
        int is = fitness(l->set.files[i], name);
        if (is > best_fitness) {
            best = l->set.files[i];
            best_fitness = is;
        }
    }
    return best;
}

/* "a graph cannot be inside itself: a -> b -> a" */
static void tell_cycle(const struct load *l, const struct graph_file *file, struct buf *why)
{
    size_t from = 0;

    while (l->open[from] != file)
        from++;
    buf_add_str(why, "a graph cannot be inside itself: ");
    for (size_t i = from; i < l->open_count; i++)
        buf_addf(why, "%s -> ", l->open[i]->name);
    buf_add_str(why, file->name);
}

static int build_named(struct load *l, struct graph_file *file, const char *name, struct buf *why)
{
    if (file->state == FILE_OPEN) {
        tell_cycle(l, file, why);
        return SOURCE_E_REFUSED;
    }
    if (file->state == FILE_NEW && l->open_count == OPEN_MAX) {
        buf_addf(why, "more than %d graphs are inside each other", SUBGRAPH_MAX_DEPTH);
        return SOURCE_E_REFUSED;
    }
    int r = file->state == FILE_NEW ? build_file(l, file) : 0;
    if (r != 0 || (file->graph != NULL && strcmp(file->graph->name, name) == 0))
        return r;
    if (file->state == FILE_BUILT && file->graph != NULL)
        return SOURCE_E_UNKNOWN; /* it is called otherwise now */
    if (file->state == FILE_BUILT)
        buf_addf(why, "%s makes no graph", file->path);
    else
        buf_addf(why, "graph \"%s\" has mistakes of its own, see %s", name, file->path);
    return SOURCE_E_REFUSED;
}

static int find_graph(void *arg, const char *name, struct graph **ret, struct buf *why)
{
    struct load *l = arg;
    struct graph_file *asker = top_of(l);
    struct graph_file *file = file_named(l, name);

    if (file == NULL || strcmp(file->name, name) != 0) {
        int r = load_read_neighbours(l, asker);
        if (r != 0)
            return err_trace(r);
        file = file_named(l, name);
    }
    if (file == NULL)
        return SOURCE_E_UNKNOWN;
    int r = build_named(l, file, name, why);
    if (r == 0)
        r = parts_add_graph(&asker->parts, name, file->graph);
    if (r == 0)
        *ret = file->graph;
    return r;
}

/* ---- all files ---- */

static void tell_taken(const struct load *l, struct graph_file *file)
{
    const struct graph_file *other = file_named(l, file->graph->name);

    problems_add(&file->found, file->path, "/name", "choose another name",
                 "a graph \"%s\" is defined by %s already", file->graph->name,
                 other != NULL && other != file ? other->path : "another file");
}

static int put_in_force(struct load *l, struct graph_file *file)
{
    int r = registry_add(&l->set.graphs, file->graph);

    if (r != REGISTRY_E_TAKEN)
        return r;
    tell_taken(l, file);
    file->graph = graph_unref(file->graph);
    settle(file, true);
    if (file->is_kept && file->graph != NULL)
        r = registry_add(&l->set.graphs, file->graph);
    return r < 0 ? r : 0; /* a name that somebody else has by now is lost */
}

/* Those first that keep the name of their graph: it is not to be had by another file. */
static int put_all_in_force(struct load *l)
{
    int r = 0;

    for (int keeps_name = 1; keeps_name >= 0; keeps_name--)
        for (size_t i = 0; i < l->set.file_count && r == 0; i++) {
            struct graph_file *file = l->set.files[i];
            bool is_wanted = file->is_asked && file->graph != NULL;
            if (is_wanted && graph_file_was_called(file, file->graph->name) == keeps_name)
                r = put_in_force(l, file);
        }
    return r == 0 ? 0 : err_trace(r);
}

/* Neighbours are appended meanwhile. */
static int build_all(struct load *l)
{
    int r = 0;

    for (size_t i = 0; i < l->set.file_count && r == 0; i++) {
        struct graph_file *file = l->set.files[i];
        if (file->is_asked && file->state == FILE_NEW)
            r = build_file(l, file);
    }
    return r;
}

void load_deinit(struct load *l)
{
    graph_set_deinit(&l->set);
    problems_deinit(&l->found);
    l->names = mem_free(l->names);
}

int load_run(struct load *l, const struct conf *conf, const struct kind_table *kinds,
             const char *places, const struct graph_set *before)
{
    *l = (struct load){ .conf = conf,
                        .kinds = kinds,
                        .limits = worker_builder_limits(conf),
                        .before = before,
                        .is_from_settings = places == NULL };
    l->source = (struct graph_source){ .find = find_graph, .arg = l };
    problems_init(&l->found);
    int r = load_read_places(l, places == NULL ? conf->graphs : places);
    if (r == 0)
        r = build_all(l);
    if (r == 0)
        r = put_all_in_force(l);
    if (r == 0)
        r = l->found.fault;
    for (size_t i = 0; i < l->set.file_count && r == 0; i++)
        r = l->set.files[i]->found.fault;
    return r == 0 ? 0 : err_trace(r);
}
