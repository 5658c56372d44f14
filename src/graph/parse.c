/*
 * The file is read with the same tools as a node: a setup for every object of it. What the public
 * calls can say goes through them as JSON text, so that a file has no power that a program lacks.
 *
 *     {"name", "description", "state": {}, "input": [], "output": [], "nodes": {}, "edges": [],
 * ...}
 */
#include "graph/parse.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/parse_edges.h"
#include "graph/texts.h"
#include <stdint.h>
#include <string.h>

enum { SPEC_MAX_BYTES = 1 << 28 };

/* "config/graphs/panel.json" -> "panel". NULL: no memory. */
static char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash == NULL ? file : slash + 1;
    const char *dot = strrchr(base, '.');
    return mem_strndup(base, dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base));
}

typedef int builder_spec_call(struct anabranch_builder *b, const char *name, const char *spec);

/* Every member of the object at key goes to the builder. */
static int each_member(struct setup *top, const char *key, builder_spec_call *call)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    /* jansson walks objects by non-const pointers; nothing is changed. */
    json_t *object = (json_t *)setup_object(top, key, true, &pointer);
    const char *name;
    json_t *member;
    json_object_foreach(object, name, member) {
        char *spec MEM_AUTO(mem_freep) = jsonx_text(member, SPEC_MAX_BYTES, NULL);
        int r = spec == NULL ? ERR_NOMEM : call(top->builder, name, spec);
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

typedef int builder_names_call(struct anabranch_builder *b, const char *const *names, size_t count);

static bool is_names(struct setup *top, const char *key, const json_t *list)
{
    if (!json_is_array(list)) {
        setup_problem(top, key, NULL, "expected array of strings, found %s", jsonx_type_name(list));
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i))) {
            setup_problem(top, key, NULL, "element %zu is not a string", i);
            return false;
        }
    return true;
}

static int read_names(struct setup *top, const char *key, builder_names_call *call)
{
    const json_t *list = setup_json(top, key, false);
    if (list == NULL || !is_names(top, key, list))
        return 0;
    size_t count = json_array_size(list);
    const char **names MEM_AUTO(mem_freep) = mem_array(count, sizeof(*names));
    if (names == NULL)
        return err_trace(ERR_NOMEM);
    for (size_t i = 0; i < count; i++)
        names[i] = json_string_value(json_array_get(list, i));
    return call(top->builder, names, count);
}

/* What a request's config may say, too. Only checked here: it is kept as it is. */
static int check_config(struct setup *assistant)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    char *inner MEM_AUTO(mem_freep) = NULL;
    struct anabranch_builder *b = assistant->builder;
    const json_t *json = setup_object(assistant, "config", false, &pointer);
    char **tags;
    size_t tag_count;
    if (json == NULL)
        return 0;
    struct setup s;
    setup_init(&s, b, pointer, json);
    (void)setup_int(&s, "recursion_limit", 1, b->limits.max_recursion_limit, 0);
    (void)setup_int(&s, "max_concurrency", 1, INT64_MAX, 0);
    (void)setup_object(&s, "configurable", false, &inner);
    int r = setup_texts(&s, "tags", &tags, &tag_count);
    texts_free(tags, tag_count);
    setup_finish(&s);
    return r;
}

/* A JSON Schema for those who ask with a context; runs are not held to it. */
static int read_context(struct setup *top)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    const json_t *schema = setup_object(top, "context", false, &pointer);
    const json_t *type = json_object_get(schema, "type");
    if (schema == NULL)
        return 0;
    if (type != NULL && (!json_is_string(type) || strcmp(json_string_value(type), "object") != 0))
        setup_problem(top, "context", "write {\"type\": \"object\", \"properties\": {...}}",
                      "a context is an object, so its schema cannot have another \"type\"");
    builder_context(top->builder, (json_t *)schema); /* only counted */
    return 0;
}

static int read_assistant(struct setup *top)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    const json_t *json = setup_object(top, "assistant", false, &pointer);
    if (json == NULL)
        return 0;
    static const char *const parts[] = { "context", "metadata" };
    struct setup s;
    setup_init(&s, top->builder, pointer, json);
    int r = check_config(&s);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        char *inner MEM_AUTO(mem_freep) = NULL;
        (void)setup_object(&s, parts[i], false, &inner); /* its type is all there is to know */
    }
    setup_finish(&s);
    builder_assistant(top->builder, (json_t *)json); /* only counted */
    return r;
}

typedef int builder_int_call(struct anabranch_builder *b, int64_t number);

static int read_int(struct setup *top, const char *key, builder_int_call *call)
{
    const json_t *number = setup_json(top, key, false);
    if (number == NULL)
        return 0;
    if (!json_is_integer(number)) {
        setup_problem(top, key, NULL, "expected integer, found %s", jsonx_type_name(number));
        return 0;
    }
    return call(top->builder, json_integer_value(number));
}

static int read_defaults(struct setup *top)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    const json_t *json = setup_object(top, "node_defaults", false, &pointer);
    if (json == NULL)
        return 0;
    char *spec MEM_AUTO(mem_freep) = jsonx_text(json, SPEC_MAX_BYTES, NULL);
    return spec == NULL ? err_trace(ERR_NOMEM)
                        : anabranch_builder_node_defaults(top->builder, spec);
}

/* One name of a list of breakpoints; its place is kept for when nodes are known. */
static int read_stop(struct setup *top, const char *key, const char *moment, size_t index)
{
    char *place MEM_AUTO(mem_freep) = mem_printf("/%s/%zu", key, index);
    if (place == NULL)
        return err_trace(ERR_NOMEM);
    builder_at(top->builder, place);
    const json_t *name = json_array_get(json_object_get(top->spec, key), index);
    return anabranch_builder_interrupt(top->builder, moment, json_string_value(name));
}

/* A list of nodes, or "*" alone. */
static int read_stops(struct setup *top, const char *key, const char *moment)
{
    const json_t *list = setup_json(top, key, false);
    if (list == NULL)
        return 0;
    if (json_is_string(list) && strcmp(json_string_value(list), "*") == 0)
        return anabranch_builder_interrupt(top->builder, moment, "*");
    if (json_is_string(list)) {
        setup_problem(top, key, "write a list of nodes, or \"*\" for all",
                      "expected \"*\" or array");
        return 0;
    }
    int r = 0;
    size_t count = is_names(top, key, list) ? json_array_size(list) : 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = read_stop(top, key, moment, i);
    return r;
}

static int read_file(struct setup *top)
{
    (void)setup_string(top, "$schema", false); /* for editors */
    (void)setup_string(top, "name", false);    /* read before there was a builder */
    const char *description = setup_string(top, "description", false);
    const char *script = setup_string(top, "script", false);
    int r = description == NULL ? 0 : anabranch_builder_describe(top->builder, description);
    if (r == 0 && script != NULL)
        r = builder_open_script(top->builder, script);
    if (r == 0)
        r = each_member(top, "state", anabranch_builder_field);
    if (r == 0)
        r = read_names(top, "input", anabranch_builder_input);
    if (r == 0)
        r = read_names(top, "output", anabranch_builder_output);
    if (r == 0)
        r = read_defaults(top);
    if (r == 0)
        r = each_member(top, "nodes", anabranch_builder_node);
    if (json_is_object(json_object_get(top->spec, "nodes")) && top->builder->node_count == 0)
        setup_problem(top, "nodes", "add one", "there are no nodes");
    if (r == 0)
        r = parse_edges(top);
    if (r == 0)
        r = read_stops(top, "interrupt_before", "before");
    if (r == 0)
        r = read_stops(top, "interrupt_after", "after");
    if (r == 0)
        r = read_int(top, "recursion_limit", anabranch_builder_recursion_limit);
    if (r == 0)
        r = read_int(top, "step_timeout_ms", anabranch_builder_step_timeout);
    if (r == 0)
        r = read_context(top);
    if (r == 0)
        r = read_assistant(top);
    return r;
}

static int read_json(const struct builder_limits *limits, const char *file, const char *bytes,
                     size_t len_bytes, struct problems *problems, json_t **ret)
{
    struct jsonx_error error;
    json_t *json = NULL;
    int r = jsonx_parse(bytes, len_bytes, (int)limits->max_depth, &json, &error);
    if (r < 0)
        return err_trace(r);
    if (r > 0) {
        char *place MEM_AUTO(mem_freep) = mem_printf("%s:%d:%d", file, error.line, error.column);
        if (place == NULL)
            return err_trace(ERR_NOMEM);
        problems_add(problems, place, "", NULL, "%s", error.message);
        return problems->fault != 0 ? err_trace(problems->fault) : PARSE_E_WRONG;
    }
    if (json_is_object(json)) {
        *ret = json;
        return 0;
    }
    problems_add(problems, file, "", NULL, "expected object, found %s", jsonx_type_name(json));
    json_decref(json);
    return problems->fault != 0 ? err_trace(problems->fault) : PARSE_E_WRONG;
}

static int read_and_build(struct anabranch_builder *b, const json_t *json, struct graph **ret)
{
    struct setup top;
    setup_init(&top, b, "", json);
    int r = read_file(&top);
    if (r != 0)
        return err_trace(r);
    setup_finish(&top);
    return builder_build(b, ret);
}

int graph_parse_with(const struct parse_tools *with, const char *file, const char *bytes,
                     size_t len_bytes, struct problems *problems, struct graph **ret)
{
    json_t *json = NULL;
    int r = read_json(with->limits, file, bytes, len_bytes, problems, &json);
    if (r != 0)
        return r;
    struct anabranch_builder *b = NULL;
    char *base MEM_AUTO(mem_freep) = base_name(file);
    const char *name = json_string_value(json_object_get(json, "name"));
    r = base == NULL ? ERR_NOMEM
                     : builder_new(with->kinds, with->limits, file, name == NULL ? base : name, &b);
    if (r == 0) {
        builder_graphs(b, with->graphs);
        builder_language(b, with->language);
        r = read_and_build(b, json, ret);
    }
    if (r > 0) {
        problems_join(problems, builder_problems(b));
        r = problems->fault != 0 ? problems->fault : PARSE_E_WRONG;
    }
    anabranch_builder_free(b);
    json_decref(json);
    return r < 0 ? err_trace(r) : r;
}

int graph_parse(const struct kind_table *kinds, const struct builder_limits *limits,
                const char *file, const char *bytes, size_t len_bytes, struct problems *problems,
                struct graph **ret)
{
    const struct parse_tools with = { kinds, limits, NULL, NULL };
    return graph_parse_with(&with, file, bytes, len_bytes, problems, ret);
}

char *graph_peek_name(const char *file, const char *bytes, size_t len_bytes, int max_depth)
{
    struct jsonx_error error;
    json_t *json = NULL;
    int r = jsonx_parse(bytes, len_bytes, max_depth, &json, &error);
    const char *given = json_string_value(json_object_get(json, "name"));
    char *name = r < 0 ? NULL : given != NULL ? mem_strdup(given) : base_name(file);
    json_decref(json);
    return name;
}

/* A graph inside a node is called like the node, as far as a graph may be. */
static char *name_of_node(const char *node)
{
    char *name = mem_strndup(node, strnlen(node, GRAPH_NAME_MAX_BYTES));
    for (char *c = name; c != NULL && *c != '\0'; c++)
        if (strspn(c, GRAPH_NAME_CHARS) == 0)
            *c = '_';
    return name;
}

static int new_inside(struct setup *s, const char *key, const json_t *json,
                      struct anabranch_builder **ret)
{
    struct anabranch_builder *outer = s->builder;
    const char *given = json_string_value(json_object_get(json, "name"));
    char *name MEM_AUTO(mem_freep) = given != NULL ? mem_strdup(given) : name_of_node(s->node_name);
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, key);
    struct anabranch_builder *b = NULL;
    int r = name == NULL || pointer == NULL ? ERR_NOMEM : 0;
    if (r == 0)
        r = builder_new(outer->kinds, &outer->limits, outer->file, name, &b);
    if (r != 0)
        return err_trace(r);
    b->base = mem_printf("%s%s", outer->base == NULL ? "" : outer->base, pointer);
    b->problems.base = b->base;
    b->source = outer->source;
    b->language = outer->language;
    b->has_bad_code = outer->has_bad_code;
    builder_set_code(b, outer->code);
    b->depth = outer->depth + 1;
    if (b->base == NULL) {
        anabranch_builder_free(b);
        return err_trace(ERR_NOMEM);
    }
    *ret = b;
    return 0;
}

int graph_parse_inside(struct setup *s, const char *key, struct graph **ret)
{
    const json_t *json = setup_json(s, key, true);
    struct anabranch_builder *b = NULL;
    *ret = NULL;
    int r = new_inside(s, key, json, &b);
    if (r == 0)
        r = read_and_build(b, json, ret);
    if (r > 0) {
        problems_join(&s->builder->problems, builder_problems(b));
        r = 0; /* the outer builder ends with them, or with their fault */
    }
    anabranch_builder_free(b);
    return r == 0 ? 0 : err_trace(r);
}
