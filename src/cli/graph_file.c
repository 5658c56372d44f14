/* See graph_file.h. */
#include "cli/graph_file.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

#define NS_PRINT "5f3c0b1e-6f0a-4d43-9a4e-0c2f5e7d9b11" /* a namespace of our own */

/* ---- parts ---- */

static void print_of(const char *bytes, size_t len, char ret[ID_BYTES])
{
    if (bytes == NULL)
        ret[0] = '\0';
    else
        id_v5(NS_PRINT, bytes, len, ret);
}

int parts_add_file(struct parts *p, const char *path, const char *bytes, size_t len_bytes)
{
    struct file_part *files = mem_realloc(p->files, (p->file_count + 1) * sizeof(*files));

    if (files == NULL)
        return err_trace(ERR_NOMEM);
    p->files = files;
    struct file_part *part = &files[p->file_count];
    part->path = mem_strdup(path);
    if (part->path == NULL)
        return err_trace(ERR_NOMEM);
    print_of(bytes, len_bytes, part->print);
    p->file_count++;
    return 0;
}

int parts_add_graph(struct parts *p, const char *name, struct graph *graph)
{
    struct graph_part *graphs = mem_realloc(p->graphs, (p->graph_count + 1) * sizeof(*graphs));

    if (graphs == NULL)
        return err_trace(ERR_NOMEM);
    p->graphs = graphs;
    struct graph_part *part = &graphs[p->graph_count];
    part->name = mem_strdup(name);
    if (part->name == NULL)
        return err_trace(ERR_NOMEM);
    part->graph = graph_ref(graph);
    p->graph_count++;
    return 0;
}

void parts_deinit(struct parts *p)
{
    for (size_t i = 0; i < p->file_count; i++)
        mem_free(p->files[i].path);
    for (size_t i = 0; i < p->graph_count; i++) {
        mem_free(p->graphs[i].name);
        graph_unref(p->graphs[i].graph);
    }
    mem_free(p->files);
    mem_free(p->graphs);
    *p = (struct parts){ .file_count = 0 };
}

bool file_part_is(const struct file_part *part, const char *bytes, size_t len_bytes)
{
    char print[ID_BYTES];

    print_of(bytes, len_bytes, print);
    return strcmp(part->print, print) == 0;
}

/* ---- files ---- */

int graph_file_new_take(const char *path, const char *name, char *bytes, size_t len_bytes,
                        struct graph_file **ret)
{
    struct graph_file *f = mem_zalloc(sizeof(*f));

    if (f == NULL) {
        mem_free(bytes);
        return err_trace(ERR_NOMEM);
    }
    *f = (struct graph_file){
        .path = mem_strdup(path), .name = mem_strdup(name), .bytes = bytes, .len = len_bytes
    };
    problems_init(&f->found);
    if (f->path == NULL || f->name == NULL) {
        graph_file_free(f);
        return err_trace(ERR_NOMEM);
    }
    *ret = f;
    return 0;
}

struct graph_file *graph_file_free(struct graph_file *f)
{
    if (f == NULL)
        return NULL;
    graph_unref(f->graph);
    parts_deinit(&f->parts);
    problems_deinit(&f->found);
    mem_free(f->path);
    mem_free(f->name);
    mem_free(f->bytes);
    return mem_free(f);
}

bool graph_file_was_good(const struct graph_file *f)
{
    return f->before != NULL && f->before->parts.file_count > 0;
}

bool graph_file_was_called(const struct graph_file *f, const char *name)
{
    return f->before != NULL && f->before->graph != NULL &&
           strcmp(f->before->graph->name, name) == 0;
}

void graph_file_keep(struct graph_file *f)
{
    struct graph *before = f->before->graph;

    f->is_kept = true;
    graph_unref(f->graph);
    f->graph = before == NULL ? NULL : graph_ref(before);
}
