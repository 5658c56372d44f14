/* What the builder is told of edges and breakpoints: noted with its place, and looked at when the
 * graph is built. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/texts.h"
#include <string.h>

void options_copy(void *to, size_t to_size, const void *from)
{
    size_t size = 0;
    memset(to, 0, to_size);
    if (from == NULL)
        return;
    memcpy(&size, from, sizeof(size));
    memcpy(to, from, size < to_size ? size : to_size);
}

static void free_edge(struct edge_spec *e)
{
    mem_free(e->at);
    texts_free(e->sources, e->source_count);
    mem_free(e->to);
    mem_free(e->path);
    texts_free(e->values, e->case_count);
    texts_free(e->targets, e->case_count);
    mem_free(e->fallback);
    mem_free(e->as);
    mem_free(e->index);
    chooser_free(&e->chooser);
}

void builder_free_edges(struct anabranch_builder *b)
{
    for (size_t i = 0; i < b->edge_count; i++)
        free_edge(&b->edges[i]);
    mem_free(b->edges);
}

void builder_free_stops(struct anabranch_builder *b)
{
    for (size_t i = 0; i < b->stop_count; i++) {
        mem_free(b->stops[i].at);
        mem_free(b->stops[i].node);
    }
    mem_free(b->stops);
}

/* A new edge at the end of the list, with its place and sources; NULL: no memory. It counts once
 * edge_count goes up. */
static struct edge_spec *new_edge(struct anabranch_builder *b, const char *const *sources,
                                  size_t count)
{
    struct edge_spec *edges = items_grow(b->edges, b->edge_count, &b->edge_cap, sizeof(*edges));
    if (edges == NULL)
        return NULL;
    b->edges = edges;
    struct edge_spec *e = &edges[b->edge_count];
    *e = (struct edge_spec){ .at = mem_strdup(b->at), .sources = texts_copy(sources, count) };
    if (e->at != NULL && e->sources != NULL) {
        e->source_count = count;
        return e;
    }
    mem_free(e->at);
    texts_free(e->sources, e->sources == NULL ? 0 : count);
    return NULL;
}

int anabranch_builder_edge(struct anabranch_builder *b, const char *from, const char *to)
{
    return anabranch_builder_join(b, &from, 1, to);
}

int anabranch_builder_join(struct anabranch_builder *b, const char *const *sources, size_t count,
                           const char *to)
{
    struct edge_spec *e = new_edge(b, sources, count);
    if (e == NULL)
        return err_trace(ERR_NOMEM);
    e->to = mem_strdup(builder_text(to));
    if (e->to == NULL) {
        free_edge(e);
        return err_trace(ERR_NOMEM);
    }
    b->edge_count++;
    return 0;
}

static bool is_there(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(builder_text(names[i]), name) == 0)
            return true;
    return false;
}

/* Tells what is wrong with the list itself; whether its nodes exist, its edges tell. */
static bool is_sequence(struct anabranch_builder *b, const char *const *names, size_t count)
{
    int told = b->problems.count;
    if (count == 0)
        builder_problem(b, b->at, "name at least one", "a sequence without nodes");
    for (size_t i = 0; i < count; i++) {
        const char *name = builder_text(names[i]);
        if (name[0] == '\0')
            builder_problem(b, b->at, NULL, "a sequence with a node that has no name");
        else if (is_there(names, i, name))
            builder_problem(b, b->at, "a way back is an edge of its own",
                            "a sequence with node \"%s\" twice", name);
    }
    return b->problems.count == told;
}

int anabranch_builder_sequence(struct anabranch_builder *b, const char *const *names, size_t count)
{
    bool is_right = is_sequence(b, names, count);
    int r = 0;
    for (size_t i = 1; is_right && r == 0 && i < count; i++)
        r = anabranch_builder_edge(b, names[i - 1], names[i]);
    return r;
}

static int note_cases(struct edge_spec *e, const struct anabranch_case *cases, size_t count)
{
    e->values = mem_array(count, sizeof(*e->values));
    e->targets = mem_array(count, sizeof(*e->targets));
    if (e->values == NULL || e->targets == NULL)
        return err_trace(ERR_NOMEM);
    e->case_count = count;
    for (size_t i = 0; i < count; i++) {
        e->values[i] = mem_strdup(builder_text(cases[i].value));
        e->targets[i] = mem_strdup(builder_text(cases[i].to));
        if (e->values[i] == NULL || e->targets[i] == NULL)
            return err_trace(ERR_NOMEM);
    }
    return 0;
}

int anabranch_builder_switch(struct anabranch_builder *b, const char *from, const char *path,
                             const struct anabranch_case *cases, size_t count, const char *fallback)
{
    struct edge_spec *e = new_edge(b, &from, 1);
    if (e == NULL)
        return err_trace(ERR_NOMEM);
    int r = note_cases(e, cases, count);
    e->kind = EDGE_SWITCH;
    e->path = mem_strdup(builder_text(path));
    e->fallback = mem_strdup(fallback);
    if (r != 0 || e->path == NULL || (fallback != NULL && e->fallback == NULL)) {
        free_edge(e);
        return err_trace(ERR_NOMEM);
    }
    b->edge_count++;
    return 0;
}

int anabranch_builder_each(struct anabranch_builder *b, const struct anabranch_each *options)
{
    struct anabranch_each each;
    options_copy(&each, sizeof(each), options);
    struct edge_spec *e = new_edge(b, &each.from, 1);
    if (e == NULL)
        return err_trace(ERR_NOMEM);
    e->kind = EDGE_EACH;
    e->path = mem_strdup(builder_text(each.path));
    e->as = mem_strdup(builder_text(each.as));
    e->to = mem_strdup(builder_text(each.send));
    e->index = mem_strdup(each.index);
    bool is_whole = e->path != NULL && e->as != NULL && e->to != NULL;
    if (!is_whole || (each.index != NULL && e->index == NULL)) {
        free_edge(e);
        return err_trace(ERR_NOMEM);
    }
    b->edge_count++;
    return 0;
}

/* NULLs stay NULL. */
static char **copy_labels(const char *const *labels, size_t count)
{
    char **copy = mem_array(count, sizeof(*copy));
    for (size_t i = 0; copy != NULL && labels != NULL && i < count; i++) {
        copy[i] = mem_strdup(labels[i]);
        if (labels[i] != NULL && copy[i] == NULL)
            return texts_free(copy, count);
    }
    return copy;
}

/* The edge of a condition, all but its function. */
static struct edge_spec *new_when(struct anabranch_builder *b, const char *from,
                                  const char *const *targets, const char *const *labels,
                                  size_t count)
{
    struct edge_spec *e = new_edge(b, &from, 1);
    if (e == NULL)
        return NULL;
    e->kind = EDGE_WHEN;
    e->targets = texts_copy(targets, count);
    e->values = copy_labels(labels, count);
    e->case_count = count;
    if (e->targets != NULL && e->values != NULL)
        return e;
    free_edge(e);
    return NULL;
}

int builder_chooser_take(struct anabranch_builder *b, const char *from, struct chooser *take,
                         const char *const *targets, const char *const *labels, size_t count)
{
    struct edge_spec *e = new_when(b, from, targets, labels, count);
    if (e == NULL) {
        chooser_free(take);
        return err_trace(ERR_NOMEM);
    }
    e->chooser = *take;
    *take = (struct chooser){ .arg = NULL };
    b->edge_count++;
    return 0;
}

int anabranch_builder_when(struct anabranch_builder *b, const struct anabranch_when *options)
{
    struct anabranch_when when;
    struct chooser chooser = { .arg = NULL };
    options_copy(&when, sizeof(when), options);
    int r = chooser_from_program(b, &when, &chooser);
    if (r == 0)
        r = builder_chooser_take(b, when.from, &chooser, when.targets, NULL, when.target_count);
    if (r == 0 && when.choose == NULL)
        builder_problem(b, b->at, "use a plain edge", "a condition without a function");
    return r == 0 ? 0 : err_trace(r);
}

int anabranch_builder_interrupt(struct anabranch_builder *b, const char *moment, const char *node)
{
    static const char *const moments[] = { "before", "after" };
    bool is_before = strcmp(builder_text(moment), "before") == 0;
    if (!is_before && strcmp(builder_text(moment), "after") != 0) {
        builder_problem_unknown(b, b->at, "moment", builder_text(moment), moments, 2);
        return 0;
    }
    struct stop_spec *stops = items_grow(b->stops, b->stop_count, &b->stop_cap, sizeof(*stops));
    if (stops == NULL)
        return err_trace(ERR_NOMEM);
    b->stops = stops;
    struct stop_spec stop = { mem_strdup(b->at), mem_strdup(builder_text(node)), is_before };
    if (stop.at == NULL || stop.node == NULL) {
        mem_free(stop.at);
        mem_free(stop.node);
        return err_trace(ERR_NOMEM);
    }
    stops[b->stop_count++] = stop;
    return 0;
}
