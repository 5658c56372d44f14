/*
 * Graph files, JSON and Lua, into a registry. graph/ itself does no I/O.
 *
 *     build_all --> build_file(a) --> the builder of a asks for "b" --> build_file(b) ...
 */
#include "cli/load.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/parse.h"
#include "script/script.h"
#include <string.h>

static int build_json(struct load *l, struct graph_file *file)
{
    const struct script_tools scripts = { .conf = l->conf };
    const struct code_source language = script_language(&scripts);
    const struct parse_tools tools = { l->kinds, &l->limits, &l->source, &language };

    return graph_parse_with(&tools, file->path, file->bytes, file->len, l->problems, &file->graph);
}

/* A Lua file in a folder may be a module of others; one that was named must be a graph. */
static int build_lua(struct load *l, struct graph_file *file)
{
    const struct script_tools tools = { l->conf, l->kinds, &l->limits, &l->source, NULL };
    int r =
        script_load_graph(&tools, file->path, file->bytes, file->len, l->problems, &file->graph);

    if (r == 0 && file->graph == NULL && file->is_named) {
        problems_add(l->problems, file->path, "", "end it with: return graph:compile{}",
                     "the file makes no graph");
        r = SCRIPT_E_WRONG;
    }
    return r;
}

static int build_file(struct load *l, struct graph_file *file)
{
    file->state = FILE_OPEN;
    l->open[l->open_count++] = file;
    int r = load_has_ending(file->path, ".lua") ? build_lua(l, file) : build_json(l, file);
    l->open_count--;
    file->state = r == 0 ? FILE_BUILT : FILE_WRONG;
    file->bytes = mem_free(file->bytes);
    return r > 0 ? 0 : r;
}

static struct graph_file *file_named(const struct load *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->files[i]->name, name) == 0)
            return l->files[i];
    return NULL;
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

static int build_named(struct load *l, struct graph_file *file, struct buf *why)
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
    if (r != 0 || file->state == FILE_BUILT)
        return r;
    buf_addf(why, "graph \"%s\" has mistakes of its own, see %s", file->name, file->path);
    return SOURCE_E_REFUSED;
}

static int find_graph(void *arg, const char *name, struct graph **ret, struct buf *why)
{
    struct load *l = arg;
    struct graph_file *file = file_named(l, name);

    if (file == NULL) {
        int r = load_read_neighbours(l, l->open[l->open_count - 1]);
        if (r != 0)
            return err_trace(r);
        file = file_named(l, name);
    }
    if (file == NULL)
        return SOURCE_E_UNKNOWN;
    int r = build_named(l, file, why);
    if (r == 0)
        *ret = file->graph;
    return r;
}

static int keep(const struct load *l, const struct graph_file *file)
{
    int r = registry_add(l->graphs, file->graph);

    if (r == REGISTRY_E_TAKEN) {
        const struct graph_file *other = file_named(l, file->graph->name);
        problems_add(l->problems, file->path, "/name", "choose another name",
                     "a graph \"%s\" is defined by %s already", file->graph->name,
                     other != NULL && other != file ? other->path : "another file");
        r = 0;
    }
    return r;
}

/* Neighbours are appended meanwhile. */
static int build_all(struct load *l)
{
    int r = 0;

    for (size_t i = 0; i < l->count && r == 0; i++) {
        struct graph_file *file = l->files[i];
        if (file->is_asked && file->state == FILE_NEW)
            r = build_file(l, file);
        if (r == 0 && file->is_asked && file->graph != NULL)
            r = keep(l, file);
    }
    return r;
}

static void load_deinit(struct load *l)
{
    for (size_t i = 0; i < l->count; i++)
        load_file_free(l->files[i]);
    mem_free(l->files);
    mem_free(l->names);
}

int load_graphs(const struct conf *conf, const struct kind_table *kinds, const char *places,
                struct registry *graphs, struct problems *problems)
{
    struct load l = { .conf = conf,
                      .kinds = kinds,
                      .limits = worker_builder_limits(conf),
                      .graphs = graphs,
                      .problems = problems,
                      .is_from_settings = places == NULL };

    l.source = (struct graph_source){ .find = find_graph, .arg = &l };
    int r = load_read_places(&l, places == NULL ? conf->graphs : places);
    if (r == 0)
        r = build_all(&l);
    load_deinit(&l);
    return r == 0 ? problems->fault : err_trace(r);
}
