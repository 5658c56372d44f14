#include "graph/parse_edges.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/code.h"

enum { WHY_MAX_BYTES = 4096 };

#define FORMS                                                                                      \
    "write [from, to], [from, [to, ...]], [[from, ...], to], "                                     \
    "{\"from\", \"switch\", \"cases\", \"default\"}, {\"from\", \"when\"} or "                     \
    "{\"from\", \"each\", \"as\", \"send\"}"

/* The strings of a list, borrowed, in an array for mem_free(); NULL with a problem or a fault
 * noted. */
static const char **read_list(struct anabranch_builder *b, const char *pointer, const json_t *list)
{
    size_t count = json_array_size(list);
    if (count == 0)
        builder_problem(b, pointer, "name a node in it", "an empty list");
    for (size_t i = 0; i < count; i++)
        if (!json_is_string(json_array_get(list, i))) {
            builder_problem(b, pointer, FORMS, "element %zu is not a string", i);
            return NULL;
        }
    const char **names = count == 0 ? NULL : mem_array(count, sizeof(*names));
    if (names == NULL && count > 0)
        builder_note_fault(b);
    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = json_string_value(json_array_get(list, i));
    return names;
}

static int fan_out(struct anabranch_builder *b, const char *pointer, const char *from,
                   const json_t *list)
{
    const char **names MEM_AUTO(mem_freep) = read_list(b, pointer, list);
    int r = 0;
    for (size_t i = 0; names != NULL && i < json_array_size(list) && r == 0; i++)
        r = anabranch_builder_edge(b, from, names[i]);
    return r;
}

static int join(struct anabranch_builder *b, const char *pointer, const json_t *list,
                const char *to)
{
    const char **names MEM_AUTO(mem_freep) = read_list(b, pointer, list);
    return names == NULL ? 0 : anabranch_builder_join(b, names, json_array_size(list), to);
}

static int read_pair(struct anabranch_builder *b, const char *pointer, const json_t *pair)
{
    const json_t *from = json_array_get(pair, 0);
    const json_t *to = json_array_get(pair, 1);
    if (json_array_size(pair) != 2)
        builder_problem(b, pointer, FORMS, "an edge of %zu parts", json_array_size(pair));
    else if (json_is_string(from) && json_is_string(to))
        return anabranch_builder_edge(b, json_string_value(from), json_string_value(to));
    else if (json_is_string(from) && json_is_array(to))
        return fan_out(b, pointer, json_string_value(from), to);
    else if (json_is_array(from) && json_is_string(to))
        return join(b, pointer, from, json_string_value(to));
    else if (json_is_array(from) && json_is_array(to))
        builder_problem(b, pointer, "write one join for each target",
                        "lists on both sides of an edge");
    else
        builder_problem(b, pointer, FORMS, "expected names, found %s and %s", jsonx_type_name(from),
                        jsonx_type_name(to));
    return 0;
}

/* An array for mem_free(); NULL with a problem or a fault noted. */
static struct anabranch_case *read_cases(struct anabranch_builder *b, const char *base,
                                         json_t *object)
{
    struct anabranch_case *cases = mem_array(json_object_size(object), sizeof(*cases));
    size_t count = 0;
    const char *value;
    json_t *to;
    if (cases == NULL)
        builder_note_fault(b);
    json_object_foreach(object, value, to) {
        if (cases == NULL || !json_is_string(to)) {
            char *pointer MEM_AUTO(mem_freep) = pointer_join(base, value);
            if (pointer == NULL || cases == NULL)
                builder_note_fault(b);
            else
                builder_problem(b, pointer, "name one node", "expected string, found %s",
                                jsonx_type_name(to));
            return mem_free(cases);
        }
        cases[count++] = (struct anabranch_case){ .value = value, .to = json_string_value(to) };
    }
    return cases;
}

static int read_switch(struct anabranch_builder *b, const char *pointer, const json_t *edge)
{
    struct setup s;
    setup_init(&s, b, pointer, edge);
    const char *from = setup_string(&s, "from", true);
    const char *path = setup_string(&s, "switch", true);
    char *place MEM_AUTO(mem_freep) = NULL;
    json_t *object = (json_t *)setup_object(&s, "cases", true, &place);
    const char *fallback = setup_string(&s, "default", false);
    setup_finish(&s);
    struct anabranch_case *cases MEM_AUTO(mem_freep) =
        object == NULL ? NULL : read_cases(b, place, object);
    if (from == NULL || path == NULL || cases == NULL)
        return 0;
    return anabranch_builder_switch(b, from, path, cases, json_object_size(object), fallback);
}

static int read_each(struct anabranch_builder *b, const char *pointer, const json_t *edge)
{
    struct setup s;
    setup_init(&s, b, pointer, edge);
    struct anabranch_each each = {
        .size = sizeof(each),
        .from = setup_string(&s, "from", true),
        .path = setup_string(&s, "each", true),
        .as = setup_string(&s, "as", true),
        .send = setup_string(&s, "send", true),
        .index = setup_string(&s, "index", false),
    };
    setup_finish(&s);
    bool is_whole = each.from != NULL && each.path != NULL && each.as != NULL && each.send != NULL;
    return is_whole ? anabranch_builder_each(b, &each) : 0;
}

/* ---- when ---- */

/* The entries of a `when`, borrowed from the file. */
struct conditions {
    const char **expressions; /* NULL = holds always */
    const char **targets;
    size_t count;
};

static void read_condition(struct anabranch_builder *b, const char *base, const json_t *list,
                           size_t index, struct conditions *c)
{
    char *pointer MEM_AUTO(mem_freep) = mem_printf("%s/%zu", base, index);
    const json_t *entry = json_array_get(list, index);
    struct setup s;
    if (pointer == NULL)
        builder_note_fault(b);
    else if (!json_is_object(entry))
        builder_problem(b, pointer, "write {\"if\": \"state.x > 1\", \"to\": \"node\"}",
                        "expected object, found %s", jsonx_type_name(entry));
    else {
        setup_init(&s, b, pointer, entry);
        const char *expression = setup_string(&s, "if", index + 1 < json_array_size(list));
        const char *to = setup_string(&s, "to", true);
        setup_finish(&s);
        if (to == NULL)
            return;
        c->expressions[c->count] = expression;
        c->targets[c->count++] = to;
    }
}

static int add_conditions(struct anabranch_builder *b, const char *base, const char *from,
                          const struct conditions *c)
{
    struct code *code = NULL;
    struct chooser chooser = { .arg = NULL };
    size_t wrong = 0;
    struct buf why MEM_AUTO(buf_deinit);
    buf_init(&why, WHY_MAX_BYTES);
    int r = builder_code(b, base, &code);
    if (r != 0 || code == NULL)
        return r == 0 ? 0 : err_trace(r);
    r = code->ops->conditions(code, c->expressions, c->targets, c->count, &chooser, &wrong, &why);
    if (r == 0)
        return builder_chooser_take(b, from, &chooser, c->targets, c->expressions, c->count);
    char *pointer MEM_AUTO(mem_freep) = mem_printf("%s/%zu/if", base, wrong);
    if (r < 0 || pointer == NULL)
        return err_trace(r < 0 ? r : ERR_NOMEM);
    builder_problem(b, pointer, NULL, "%s", buf_text(&why));
    return 0;
}

static int read_list_of_conditions(struct anabranch_builder *b, const char *base, const char *from,
                                   const json_t *list)
{
    size_t count = json_array_size(list);
    const char **expressions MEM_AUTO(mem_freep) = mem_array(count, sizeof(*expressions));
    const char **targets MEM_AUTO(mem_freep) = mem_array(count, sizeof(*targets));
    struct conditions c = { expressions, targets, 0 };
    if (expressions == NULL || targets == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < count; i++)
        read_condition(b, base, list, i, &c);
    return c.count == count && from != NULL ? add_conditions(b, base, from, &c) : 0;
}

static int read_when(struct anabranch_builder *b, const char *pointer, const json_t *edge)
{
    struct setup s;
    setup_init(&s, b, pointer, edge);
    const char *from = setup_string(&s, "from", true);
    const json_t *list = setup_json(&s, "when", true);
    setup_finish(&s);
    char *base MEM_AUTO(mem_freep) = pointer_join(pointer, "when");
    if (base == NULL)
        return err_trace(ERR_NOMEM);
    if (json_array_size(list) > 0)
        return read_list_of_conditions(b, base, from, list);
    builder_problem(b, base,
                    "write [{\"if\": \"state.x > 1\", \"to\": \"node\"}, {\"to\": \"other\"}]",
                    "expected a list of conditions, found %s",
                    json_is_array(list) ? "an empty one" : jsonx_type_name(list));
    return 0;
}

static int read_object(struct anabranch_builder *b, const char *pointer, const json_t *edge)
{
    if (json_object_get(edge, "when") != NULL)
        return read_when(b, pointer, edge);
    if (json_object_get(edge, "each") != NULL)
        return read_each(b, pointer, edge);
    return read_switch(b, pointer, edge);
}

static int read_edge(struct anabranch_builder *b, const json_t *edge, size_t index)
{
    char *pointer MEM_AUTO(mem_freep) = mem_printf("/edges/%zu", index);
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    builder_at(b, pointer);
    if (json_is_array(edge))
        return read_pair(b, pointer, edge);
    if (json_is_object(edge))
        return read_object(b, pointer, edge);
    builder_problem(b, pointer, FORMS, "expected array or object, found %s", jsonx_type_name(edge));
    return 0;
}

int parse_edges(struct setup *top)
{
    const json_t *edges = setup_json(top, "edges", true);
    if (edges != NULL && !json_is_array(edges))
        setup_problem(top, "edges", FORMS, "expected array, found %s", jsonx_type_name(edges));
    int r = 0;
    for (size_t i = 0; i < json_array_size(edges) && r == 0; i++)
        r = read_edge(top->builder, json_array_get(edges, i), i);
    return r;
}
