/* The public builder: every call notes what it is told; build_graph.c and its neighbours make a
 * graph of it. */
#include "graph/build.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/texts.h"
#include <inttypes.h>
#include <string.h>

/* A program may pass NULL where a text belongs; it is then told about an empty name instead of a
 * crash. */
static const char *text_of(const char *text)
{
    return text == NULL ? "" : text;
}

int builder_new(const struct kind_table *kinds, const struct builder_limits *limits,
                const char *file, const char *name, struct anabranch_builder **ret)
{
    struct anabranch_builder *b = mem_zalloc(sizeof(*b));
    if (b == NULL)
        return err_trace(ERR_NOMEM);
    b->kinds = kinds;
    b->limits = *limits;
    problems_init(&b->problems);
    b->file = mem_strdup(text_of(file));
    b->name = mem_strdup(text_of(name));
    b->description = mem_strdup("");
    b->at = mem_strdup("");
    if (b->file == NULL || b->name == NULL || b->description == NULL || b->at == NULL) {
        anabranch_builder_free(b);
        return err_trace(ERR_NOMEM);
    }
    *ret = b;
    return 0;
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
}

static void free_specs(struct anabranch_builder *b)
{
    for (size_t i = 0; i < b->field_count; i++) {
        mem_free(b->fields[i].name);
        json_decref(b->fields[i].json);
    }
    for (size_t i = 0; i < b->node_count; i++) {
        mem_free(b->nodes[i].name);
        json_decref(b->nodes[i].json);
    }
    for (size_t i = 0; i < b->edge_count; i++)
        free_edge(&b->edges[i]);
    mem_free(b->fields);
    mem_free(b->nodes);
    mem_free(b->edges);
}

void anabranch_builder_free(struct anabranch_builder *b)
{
    if (b == NULL)
        return;
    free_specs(b);
    texts_free(b->input.names, b->input.count);
    texts_free(b->output.names, b->output.count);
    problems_deinit(&b->problems);
    json_decref(b->assistant);
    mem_free(b->file);
    mem_free(b->name);
    mem_free(b->description);
    mem_free(b->at);
    mem_free(b);
}

static int replace_text(char **text, const char *with)
{
    char *copy = mem_strdup(text_of(with));
    if (copy == NULL)
        return err_trace(ERR_NOMEM);
    mem_free(*text);
    *text = copy;
    return 0;
}

void builder_at(struct anabranch_builder *b, const char *pointer)
{
    if (replace_text(&b->at, pointer) != 0)
        builder_note_fault(b);
}

struct problems *builder_problems(struct anabranch_builder *b)
{
    return &b->problems;
}

void builder_assistant(struct anabranch_builder *b, json_t *json)
{
    json_decref(b->assistant);
    b->assistant = json_incref(json);
}

int anabranch_builder_describe(struct anabranch_builder *b, const char *description)
{
    return replace_text(&b->description, description);
}

/* Notes a name and its object; *json is taken. */
static int note_spec(char **ret_name, json_t **ret_json, const char *name, json_t *json)
{
    *ret_name = mem_strdup(name);
    if (*ret_name == NULL) {
        json_decref(json);
        return err_trace(ERR_NOMEM);
    }
    *ret_json = json;
    return 0;
}

/* The object for /state/NAME or /nodes/NAME. Returns NULL with a problem noted: the caller then
 * knows the name at least. */
static json_t *read_spec(struct anabranch_builder *b, const char *base, const char *name,
                         const char *text)
{
    char *pointer MEM_AUTO(mem_freep) = pointer_join(base, name);
    if (pointer == NULL) {
        builder_note_fault(b);
        return NULL;
    }
    return builder_read_object(b, pointer, text);
}

/* Told once, at the first one too many. */
static bool is_over(struct anabranch_builder *b, size_t count, int64_t most, const char *pointer,
                    bool *is_told)
{
    if ((int64_t)count < most)
        return false;
    if (!*is_told)
        builder_problem(b, pointer, "make fewer, or raise the limit", "more than %" PRId64, most);
    *is_told = true;
    return true;
}

int anabranch_builder_field(struct anabranch_builder *b, const char *name, const char *spec)
{
    if (is_over(b, b->field_count, b->limits.max_fields, "/state", &b->is_told_fields))
        return 0;
    struct field_spec *fields =
        items_grow(b->fields, b->field_count, &b->field_cap, sizeof(*fields));
    if (fields == NULL)
        return err_trace(ERR_NOMEM);
    b->fields = fields;
    struct field_spec *f = &fields[b->field_count];
    json_t *json = read_spec(b, "/state", text_of(name), text_of(spec));
    int r = note_spec(&f->name, &f->json, text_of(name), json);
    b->field_count += r == 0;
    return r;
}

int anabranch_builder_node(struct anabranch_builder *b, const char *name, const char *spec)
{
    if (is_over(b, b->node_count, b->limits.max_nodes, "/nodes", &b->is_told_nodes))
        return 0;
    struct node_spec *nodes = items_grow(b->nodes, b->node_count, &b->node_cap, sizeof(*nodes));
    if (nodes == NULL)
        return err_trace(ERR_NOMEM);
    b->nodes = nodes;
    struct node_spec *n = &nodes[b->node_count];
    json_t *json = read_spec(b, "/nodes", text_of(name), text_of(spec));
    int r = note_spec(&n->name, &n->json, text_of(name), json);
    b->node_count += r == 0;
    return r;
}

static int note_names(struct name_list *list, const char *const *names, size_t count)
{
    char **copy = texts_copy(names, count);
    if (copy == NULL)
        return err_trace(ERR_NOMEM);
    texts_free(list->names, list->count);
    *list = (struct name_list){ copy, count, true };
    return 0;
}

int anabranch_builder_input(struct anabranch_builder *b, const char *const *fields, size_t count)
{
    return note_names(&b->input, fields, count);
}

int anabranch_builder_output(struct anabranch_builder *b, const char *const *fields, size_t count)
{
    return note_names(&b->output, fields, count);
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
    e->to = mem_strdup(text_of(to));
    if (e->to == NULL) {
        free_edge(e);
        return err_trace(ERR_NOMEM);
    }
    b->edge_count++;
    return 0;
}

static int note_cases(struct edge_spec *e, const struct anabranch_case *cases, size_t count)
{
    e->values = mem_array(count, sizeof(*e->values));
    e->targets = mem_array(count, sizeof(*e->targets));
    if (e->values == NULL || e->targets == NULL)
        return err_trace(ERR_NOMEM);
    e->case_count = count;
    for (size_t i = 0; i < count; i++) {
        e->values[i] = mem_strdup(text_of(cases[i].value));
        e->targets[i] = mem_strdup(text_of(cases[i].to));
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
    e->path = mem_strdup(text_of(path));
    e->fallback = mem_strdup(fallback);
    if (r != 0 || e->path == NULL || (fallback != NULL && e->fallback == NULL)) {
        free_edge(e);
        return err_trace(ERR_NOMEM);
    }
    b->edge_count++;
    return 0;
}

int anabranch_builder_recursion_limit(struct anabranch_builder *b, int64_t limit)
{
    if (limit >= 1 && limit <= b->limits.max_recursion_limit)
        b->recursion_limit = limit;
    else
        builder_problem(b, "/recursion_limit", NULL, "%" PRId64 " is not between 1 and %" PRId64,
                        limit, b->limits.max_recursion_limit);
    return 0;
}

const char *anabranch_builder_problems(const struct anabranch_builder *b)
{
    return buf_text(&b->problems.text);
}

void anabranch_report(struct anabranch_builder *builder, const char *key, const char *wrong,
                      const char *remedy)
{
    if (builder->configuring != NULL)
        setup_problem(builder->configuring, key, remedy, "%s", text_of(wrong));
    else
        builder_problem(builder, "", remedy, "%s", text_of(wrong));
}
