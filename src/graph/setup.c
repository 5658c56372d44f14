/* Typed access to the keys of one object. Every getter goes through setup_json(), which is what
 * marks a key as known. */
#include "graph/setup.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/path.h"
#include "graph/subgraph.h"
#include "graph/texts.h"
#include <assert.h>
#include <inttypes.h>
#include <string.h>

void setup_init(struct setup *s, struct anabranch_builder *b, const char *pointer,
                const json_t *spec)
{
    *s = (struct setup){ .builder = b, .pointer = pointer, .spec = spec, .node_name = "" };
}

const struct graph *setup_graph(const struct setup *s)
{
    return s->graph;
}

const char *setup_node_name(const struct setup *s)
{
    return s->node_name;
}

struct anabranch_builder *setup_builder(const struct setup *s)
{
    return s->builder;
}

const json_t *setup_spec(const struct setup *s)
{
    return s->spec;
}

void setup_know_all(struct setup *s)
{
    s->knows_all = true;
}

bool setup_is_default(const struct setup *s)
{
    return strncmp(s->pointer, DEFAULTS_POINTER, strlen(DEFAULTS_POINTER)) == 0;
}

void setup_set_subgraph_take(struct setup *s, struct subgraph *sub)
{
    assert(s->node != NULL);
    subgraph_free(s->node->subgraph);
    s->node->subgraph = sub;
    if (s->builder->inner_depth < sub->graph->depth)
        s->builder->inner_depth = sub->graph->depth;
}

static bool is_known(const struct setup *s, const char *key)
{
    for (size_t i = 0; i < s->known_count; i++)
        if (strcmp(s->known[i], key) == 0)
            return true;
    return s->knows_all;
}

void setup_finish(struct setup *s)
{
    const char *key;
    json_t *member;
    /* jansson walks objects by non-const pointers; nothing is changed. */
    json_object_foreach((json_t *)s->spec, key, member) {
        if (is_known(s, key))
            continue;
        char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, key);
        if (pointer == NULL)
            builder_note_fault(s->builder);
        else
            builder_problem_unknown(s->builder, pointer, "key", key, s->known, s->known_count);
    }
}

static void vproblem(struct setup *s, const char *key, const char *remedy, const char *wrong,
                     va_list args) __attribute__((format(printf, 4, 0)));

static void vproblem(struct setup *s, const char *key, const char *remedy, const char *wrong,
                     va_list args)
{
    struct anabranch_builder *b = s->builder;
    char *pointer MEM_AUTO(mem_freep) =
        key == NULL ? mem_strdup(s->pointer) : pointer_join(s->pointer, key);
    if (pointer == NULL)
        builder_note_fault(b);
    else
        problems_vadd(&b->problems, b->file, pointer, remedy, wrong, args);
}

void setup_problem(struct setup *s, const char *key, const char *remedy, const char *wrong, ...)
{
    va_list args;
    va_start(args, wrong);
    vproblem(s, key, remedy, wrong, args);
    va_end(args);
}

/* What an `each` edge sends need not be a field: it is there for the node that gets it. */
static bool is_sent(const struct setup *s, const char *root)
{
    const struct anabranch_builder *b = s->builder;
    const char *name = s->node_name;

    if (s->sees_error)
        name += strlen(HANDLER_PREFIX); /* it sees what its node sees */
    bool is_for_all = name[0] == '\0';  /* node_defaults: at least one node must see it */
    for (size_t i = 0; i < b->edge_count; i++) {
        const struct edge_spec *e = &b->edges[i];
        if (e->kind == EDGE_EACH && (is_for_all || strcmp(e->to, name) == 0) &&
            (strcmp(e->as, root) == 0 || (e->index != NULL && strcmp(e->index, root) == 0)))
            return true;
    }
    return false;
}

static void check_error_part(const struct setup *s, const char *pointer, const char *part)
{
    static const char *const parts[] = { "type", "message", "node" };
    enum { PART_COUNT = sizeof(parts) / sizeof(parts[0]) };
    for (size_t i = 0; i < PART_COUNT; i++)
        if (part == NULL || strcmp(part, parts[i]) == 0)
            return;
    (void)builder_problem_unknown(s->builder, pointer, "part of the error", part, parts,
                                  PART_COUNT);
}

void setup_check_path_at(const struct setup *s, const char *pointer, const struct path *path)
{
    if (s->sees_error && strcmp(path_root(path), "error") == 0)
        check_error_part(s, pointer, path_part(path, 1));
    else if (!is_sent(s, path_root(path)))
        builder_check_path(s->builder, s->graph, pointer, path);
}

void setup_check_path(struct setup *s, const char *key, const struct path *path)
{
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, key);
    if (pointer == NULL)
        builder_note_fault(s->builder);
    else
        setup_check_path_at(s, pointer, path);
}

const json_t *setup_json(struct setup *s, const char *key, bool required)
{
    if (!is_known(s, key)) {
        assert(s->known_count < SETUP_MAX_KEYS);
        s->known[s->known_count++] = key;
    }
    const json_t *json = json_object_get(s->spec, key);
    if (json == NULL && required)
        setup_problem(s, NULL, NULL, "\"%s\" is missing", key);
    return json;
}

static void problem_type(struct setup *s, const char *key, const char *expected, const json_t *json)
{
    setup_problem(s, key, NULL, "expected %s, found %s", expected, jsonx_type_name(json));
}

const char *setup_string(struct setup *s, const char *key, bool required)
{
    const json_t *json = setup_json(s, key, required);
    if (json != NULL && !json_is_string(json))
        problem_type(s, key, "string", json);
    return json_string_value(json);
}

int64_t setup_int(struct setup *s, const char *key, int64_t least, int64_t most, int64_t fallback)
{
    const json_t *json = setup_json(s, key, false);
    if (json == NULL)
        return fallback;
    if (!json_is_integer(json)) {
        problem_type(s, key, "integer", json);
        return fallback;
    }
    int64_t number = json_integer_value(json);
    if (number >= least && number <= most)
        return number;
    setup_problem(s, key, NULL, "%" PRId64 " is not between %" PRId64 " and %" PRId64, number,
                  least, most);
    return fallback;
}

double setup_number(struct setup *s, const char *key, double least, double most, double fallback)
{
    const json_t *json = setup_json(s, key, false);
    if (json == NULL)
        return fallback;
    if (!json_is_number(json)) {
        problem_type(s, key, "number", json);
        return fallback;
    }
    double number = json_number_value(json);
    if (number >= least && number <= most)
        return number;
    setup_problem(s, key, NULL, "%g is not between %g and %g", number, least, most);
    return fallback;
}

bool setup_bool(struct setup *s, const char *key, bool fallback)
{
    const json_t *json = setup_json(s, key, false);
    if (json == NULL)
        return fallback;
    if (!json_is_boolean(json)) {
        problem_type(s, key, "boolean", json);
        return fallback;
    }
    return json_is_true(json);
}

const json_t *setup_object(struct setup *s, const char *key, bool required, char **ret_pointer)
{
    const json_t *json = setup_json(s, key, required);
    if (json == NULL)
        return NULL;
    if (!json_is_object(json)) {
        problem_type(s, key, "object", json);
        return NULL;
    }
    *ret_pointer = pointer_join(s->pointer, key);
    if (*ret_pointer == NULL) {
        builder_note_fault(s->builder);
        return NULL;
    }
    return json;
}

/* Are all elements strings with something in them? */
static bool check_texts(struct setup *s, const char *key, const json_t *list)
{
    if (!json_is_array(list)) {
        problem_type(s, key, "array of strings", list);
        return false;
    }
    if (json_array_size(list) > TEXTS_MAX) {
        setup_problem(s, key, NULL, "a list of more than %d", TEXTS_MAX);
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (json_string_length(item) > 0)
            continue;
        setup_problem(s, key, NULL, "element %zu is not a string, or empty", i);
        return false;
    }
    return true;
}

int setup_texts(struct setup *s, const char *key, char ***ret, size_t *ret_count)
{
    const json_t *list = setup_json(s, key, false);
    *ret = NULL;
    *ret_count = 0;
    if (list == NULL || !check_texts(s, key, list) || json_array_size(list) == 0)
        return 0;
    const char *texts[TEXTS_MAX];
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++)
        texts[i] = json_string_value(json_array_get(list, i));
    *ret = texts_copy(texts, count);
    if (*ret == NULL)
        return err_trace(ERR_NOMEM);
    *ret_count = count;
    return 0;
}

int setup_word(struct setup *s, const char *key, const char *noun, const char *const *words,
               size_t count, int fallback)
{
    const char *word = setup_string(s, key, false);
    if (word == NULL)
        return fallback;
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, key);
    if (pointer == NULL)
        builder_note_fault(s->builder);
    else
        builder_problem_unknown(s->builder, pointer, noun, word, words, count);
    return fallback;
}
