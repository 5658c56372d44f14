/* Reads a node's `graph`, `persistence`, `in` and `out`. All four are read even if one is wrong;
 * what needs to know the child's fields is left out without a child. */
#include "graph/subgraph_build.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/parse.h"
#include "graph/subgraph.h"
#include <string.h>

enum { WHY_MAX_BYTES = 1000 };

/* ---- graph ---- */

static void problem_unknown(struct setup *s, const char *name)
{
    const struct graph_source *source = s->builder->source;
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, "graph");
    if (pointer == NULL)
        builder_note_fault(s->builder);
    else
        builder_problem_unknown(s->builder, pointer, "graph", name,
                                source == NULL ? NULL : source->names,
                                source == NULL ? 0 : source->name_count);
}

static int find_by_name(struct setup *s, const char *name, struct graph **ret)
{
    const struct graph_source *source = s->builder->source;
    struct graph *found = NULL;
    struct buf why MEM_AUTO(buf_deinit);
    buf_init(&why, WHY_MAX_BYTES);
    int r = source == NULL ? SOURCE_E_UNKNOWN : source->find(source->arg, name, &found, &why);
    if (r == 0)
        *ret = graph_ref(found);
    else if (r == SOURCE_E_UNKNOWN)
        problem_unknown(s, name);
    else if (r == SOURCE_E_REFUSED && why.fault == 0)
        setup_problem(s, "graph", NULL, "%s", buf_text(&why));
    else if (r == SOURCE_E_REFUSED)
        builder_note_fault(s->builder);
    return r < 0 ? err_trace(r) : 0;
}

static void problem_deep(struct setup *s)
{
    setup_problem(s, "graph", NULL, "more than %d graphs are inside each other",
                  SUBGRAPH_MAX_DEPTH);
}

static int find_graph(struct setup *s, struct graph **ret)
{
    const json_t *json = setup_json(s, "graph", true);
    int around = s->builder->depth + 1;
    int r = 0;
    if (json == NULL)
        return 0;
    if (json_is_string(json))
        r = find_by_name(s, json_string_value(json), ret);
    else if (!json_is_object(json))
        setup_problem(s, "graph", NULL, "expected the name of a graph or an object, found %s",
                      jsonx_type_name(json));
    else if (around >= SUBGRAPH_MAX_DEPTH)
        problem_deep(s);
    else if (setup_is_default(s)) /* it would be read for each node, and so would those in it */
        setup_problem(s, "graph", "give it a file of its own, and its name here",
                      "a graph cannot be written out for all nodes");
    else
        r = graph_parse_inside(s, "graph", ret);
    if (*ret != NULL && around + (*ret)->depth > SUBGRAPH_MAX_DEPTH)
        problem_deep(s);
    return r == 0 ? 0 : err_trace(r);
}

/* ---- in and out ---- */

/* One direction of a mapping. */
struct side {
    struct setup *setup;
    const char *key;
    const struct graph *child;
    struct mapping *mappings;
    size_t count;
};

static void problem_at(const struct side *side, const char *pointer, const char *name,
                       const char *list)
{
    builder_problem(side->setup->builder, pointer, NULL,
                    "field \"%s\" of graph \"%s\" is not in its %s", name, side->child->name, list);
}

/* name: of a child's field that must be one of its input or output. */
static void check_child_field(const struct side *side, const char *pointer, const char *name,
                              bool is_in)
{
    int field = graph_find_field(side->child, name);
    if (field < 0)
        builder_problem_field(side->setup->builder, side->child, pointer, name, false);
    else if (is_in && !side->child->fields[field].is_input)
        problem_at(side, pointer, name, "input");
    else if (!is_in && !side->child->fields[field].is_output)
        problem_at(side, pointer, name, "output");
}

static void check_in(const struct side *side, const char *pointer, const char *to,
                     const struct path *from)
{
    check_child_field(side, pointer, to, true);
    setup_check_path_at(side->setup, pointer, from);
}

static void check_out(const struct side *side, const char *pointer, const char *to,
                      const struct path *from)
{
    if (graph_find_field(side->setup->graph, to) < 0)
        builder_problem_field(side->setup->builder, side->setup->graph, pointer, to, false);
    check_child_field(side, pointer, path_root(from), false);
}

/* NULL with a problem noted, or no memory. */
static int read_path(const struct side *side, const char *pointer, const json_t *json,
                     struct path **ret)
{
    const char *text = json_string_value(json);
    int r = text == NULL ? PATH_E_SYNTAX : path_parse(text, json_string_length(json), ret);
    if (r == PATH_E_SYNTAX)
        builder_problem(side->setup->builder, pointer, NULL,
                        "expected a path such as \"question.text\", found %s",
                        text == NULL ? jsonx_type_name(json) : "none");
    return r < 0 ? err_trace(r) : 0;
}

static int read_mapping(struct side *side, const char *base, const char *to, const json_t *json)
{
    bool is_in = strcmp(side->key, "in") == 0;
    char *pointer MEM_AUTO(mem_freep) = pointer_join(base, to);
    struct path *from = NULL;
    int r = pointer == NULL ? ERR_NOMEM : read_path(side, pointer, json, &from);
    if (r != 0)
        return err_trace(r);
    if (from == NULL)
        return 0;
    (is_in ? check_in : check_out)(side, pointer, to, from);
    int field = graph_find_field(is_in ? side->child : side->setup->graph, to);
    side->mappings[side->count++] = (struct mapping){ field, from };
    return 0;
}

/* Every member of the object at key. */
static int read_side(struct setup *s, const char *key, struct subgraph *sub, bool *ret_given,
                     struct side *side)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    /* jansson walks objects by non-const pointers; nothing is changed. */
    json_t *object = (json_t *)setup_object(s, key, false, &pointer);
    *side = (struct side){ .setup = s, .key = key, .child = sub->graph };
    *ret_given = object != NULL;
    if (object == NULL || sub->graph == NULL)
        return 0;
    side->mappings = mem_array(json_object_size(object), sizeof(*side->mappings));
    int r = side->mappings == NULL ? ERR_NOMEM : 0;
    const char *name;
    json_t *json;
    if (r == 0)
        json_object_foreach(object, name, json)
            r = r != 0 ? r : read_mapping(side, pointer, name, json);
    return r == 0 ? 0 : err_trace(r);
}

static int read_sides(struct setup *s, struct subgraph *sub)
{
    struct side side;
    int r = read_side(s, "in", sub, &sub->has_in, &side);
    sub->in = side.mappings;
    sub->in_count = side.count;
    if (r != 0)
        return r;
    r = read_side(s, "out", sub, &sub->has_out, &side);
    sub->out = side.mappings;
    sub->out_count = side.count;
    return r;
}

/* ---- what is shared by name ---- */

static void check_shared(struct setup *s, const struct subgraph *sub)
{
    for (size_t i = 0; i < sub->graph->field_count; i++) {
        const struct field *theirs = &sub->graph->fields[i];
        int index = graph_find_field(s->graph, theirs->name);
        bool is_shared = (theirs->is_input && !sub->has_in) || (theirs->is_output && !sub->has_out);
        if (index < 0 || !is_shared || s->graph->fields[index].type == theirs->type)
            continue;
        setup_problem(s, "graph", "give them one type, or say what is shared in \"in\" and \"out\"",
                      "field \"%s\" is of type %s here and of type %s in graph \"%s\"",
                      theirs->name, field_type_name(s->graph->fields[index].type),
                      field_type_name(theirs->type), sub->graph->name);
    }
}

/* ---- all of it ---- */

static int read_all(struct setup *s, struct subgraph *sub)
{
    static const char *const words[] = {
        [PERSIST_INVOCATION] = "invocation",
        [PERSIST_THREAD] = "thread",
        [PERSIST_NONE] = "none",
    };
    sub->persistence =
        (enum persistence)setup_word(s, "persistence", "persistence", words,
                                     sizeof(words) / sizeof(words[0]), PERSIST_INVOCATION);
    int r = find_graph(s, &sub->graph);
    if (r == 0)
        r = read_sides(s, sub);
    if (r == 0 && sub->graph != NULL)
        check_shared(s, sub);
    return r;
}

int subgraph_read(struct setup *s)
{
    struct subgraph *sub = mem_zalloc(sizeof(*sub));
    if (sub == NULL)
        return err_trace(ERR_NOMEM);
    int r = read_all(s, sub);
    if (r != 0 || sub->graph == NULL) {
        subgraph_free(sub);
        return r == 0 ? 0 : err_trace(r);
    }
    setup_set_subgraph_take(s, sub);
    return 0;
}
