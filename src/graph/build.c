/* The public builder: every call notes what it is told (edges in build_note.c); build_graph.c and
 * its neighbours make a graph of it. */
#include "graph/build.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/texts.h"
#include <inttypes.h>
#include <string.h>

const char *builder_text(const char *text)
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
    b->file = mem_strdup(builder_text(file));
    b->name = mem_strdup(builder_text(name));
    b->description = mem_strdup("");
    b->at = mem_strdup("");
    if (b->file == NULL || b->name == NULL || b->description == NULL || b->at == NULL) {
        anabranch_builder_free(b);
        return err_trace(ERR_NOMEM);
    }
    *ret = b;
    return 0;
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
    for (size_t i = 0; i < b->reducer_count; i++) {
        mem_free(b->reducers[i].field);
        reducer_free(&b->reducers[i].fn);
    }
    mem_free(b->fields);
    mem_free(b->nodes);
    mem_free(b->reducers);
    builder_free_edges(b);
    builder_free_stops(b);
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
    json_decref(b->context);
    json_decref(b->node_defaults);
    node_deinit(&b->defaults);
    mem_free(b->file);
    mem_free(b->name);
    mem_free(b->description);
    mem_free(b->at);
    mem_free(b->base);
    code_unref(b->code);
    mem_free(b);
}

static int replace_text(char **text, const char *with)
{
    char *copy = mem_strdup(builder_text(with));
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

void builder_graphs(struct anabranch_builder *b, const struct graph_source *source)
{
    b->source = source;
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

void builder_context(struct anabranch_builder *b, json_t *schema)
{
    json_decref(b->context);
    b->context = json_incref(schema);
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
    json_t *json = read_spec(b, "/state", builder_text(name), builder_text(spec));
    int r = note_spec(&f->name, &f->json, builder_text(name), json);
    b->field_count += r == 0;
    return r;
}

/* Makes room for one more reducer and its field's name. */
static int note_reducer(struct anabranch_builder *b, const char *field)
{
    struct reducer_spec *reducers =
        items_grow(b->reducers, b->reducer_count, &b->reducer_cap, sizeof(*reducers));
    if (reducers == NULL)
        return err_trace(ERR_NOMEM);
    b->reducers = reducers;
    reducers[b->reducer_count] = (struct reducer_spec){ .field = mem_strdup(field) };
    if (reducers[b->reducer_count].field == NULL)
        return err_trace(ERR_NOMEM);
    b->reducer_count++;
    return 0;
}

int anabranch_builder_reducer(struct anabranch_builder *b, const char *field,
                              anabranch_reduce *reduce, void *arg, void (*free_arg)(void *arg))
{
    struct reducer_fn fn = { .arg = NULL };
    int r = reducer_from_program(b, builder_text(field), reduce, arg, free_arg, &fn);
    if (r == 0)
        r = note_reducer(b, builder_text(field));
    if (r != 0) {
        reducer_free(&fn);
        return err_trace(r);
    }
    if (reduce == NULL)
        builder_problem(b, "/state", NULL, "the reducer of \"%s\" has no function",
                        builder_text(field));
    b->reducers[b->reducer_count - 1].fn = fn;
    return 0;
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
    json_t *json = read_spec(b, "/nodes", builder_text(name), builder_text(spec));
    n->declared = b->node_count;
    int r = note_spec(&n->name, &n->json, builder_text(name), json);
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

int anabranch_builder_recursion_limit(struct anabranch_builder *b, int64_t limit)
{
    if (limit >= 1 && limit <= b->limits.max_recursion_limit)
        b->recursion_limit = limit;
    else
        builder_problem(b, "/recursion_limit", NULL, "%" PRId64 " is not between 1 and %" PRId64,
                        limit, b->limits.max_recursion_limit);
    return 0;
}

int anabranch_builder_step_timeout(struct anabranch_builder *b, int64_t timeout_ms)
{
    if (timeout_ms >= 1 && timeout_ms <= DAY_MS)
        b->step_timeout_ms = timeout_ms;
    else
        builder_problem(b, "/step_timeout_ms", NULL, "%" PRId64 " is not between 1 and %d",
                        timeout_ms, DAY_MS);
    return 0;
}

int anabranch_builder_node_defaults(struct anabranch_builder *b, const char *spec)
{
    json_decref(b->node_defaults);
    b->node_defaults = builder_read_object(b, DEFAULTS_POINTER, builder_text(spec));
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
        setup_problem(builder->configuring, key, remedy, "%s", builder_text(wrong));
    else
        builder_problem(builder, "", remedy, "%s", builder_text(wrong));
}
