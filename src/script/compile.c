#include "script/compile.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/texts.h"
#include "script/condition.h"
#include "script/internal.h"
#include <stdlib.h>
#include <string.h>

enum { SPEC_MAX_BYTES = 1 << 28 };

/* ---- graphs of the same file ---- */

static void take_names(struct compiling *c)
{
    const struct graph_source *others = c->tools->graphs;
    c->source.names = others == NULL ? NULL : others->names;
    c->source.name_count = others == NULL ? 0 : others->name_count;
}

static int find_graph(void *arg, const char *name, struct graph **ret, struct buf *why)
{
    struct compiling *c = arg;
    const struct graph_source *others = c->tools->graphs;
    char *end = NULL;
    if (name[0] != '#') {
        int r = others == NULL ? SOURCE_E_UNKNOWN : others->find(others->arg, name, ret, why);
        take_names(c); /* more files may have been read */
        return r;
    }
    size_t index = (size_t)strtoul(name + 1, &end, 10);
    if (end == name + 1 || *end != '\0')
        return SOURCE_E_UNKNOWN;
    if (index >= c->count)
        return SOURCE_E_UNKNOWN;
    if (c->graphs[index] == NULL) {
        buf_add_str(why, "the graph has mistakes of its own");
        return SOURCE_E_REFUSED;
    }
    *ret = c->graphs[index];
    return 0;
}

/* "config/graphs/x.lua" -> "x" */
static char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(base, '.');
    return mem_strndup(base, dot == NULL || dot == base ? strlen(base) : (size_t)(dot - base));
}

int compile_init(struct compiling *c, const struct script_tools *tools, struct script *script,
                 struct problems *problems)
{
    *c = (struct compiling){ .tools = tools, .script = script, .problems = problems };
    c->source = (struct graph_source){ .find = find_graph, .arg = c };
    take_names(c);
    c->name = base_name(script->path);
    return c->name == NULL ? err_trace(ERR_NOMEM) : 0;
}

void compile_deinit(struct compiling *c)
{
    for (size_t i = 0; i < c->count; i++)
        graph_unref(c->graphs[i]);
    mem_free(c->graphs);
    mem_free(c->name);
}

/* ---- fields and nodes ---- */

typedef int builder_spec_call(struct anabranch_builder *b, const char *name, const char *spec);

static int each_spec(struct anabranch_builder *b, const json_t *list, builder_spec_call *call)
{
    int r = 0;
    for (size_t i = 0; i < json_array_size(list) && r == 0; i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        char *spec MEM_AUTO(mem_freep) =
            jsonx_text(json_object_get(item, "spec"), SPEC_MAX_BYTES, NULL);
        r = spec == NULL ? ERR_NOMEM : call(b, name, spec);
    }
    return r == 0 ? 0 : err_trace(r);
}

/* ---- edges ---- */

/* A string, or a list of them, as an array of borrowed texts for mem_free(). NULL: no memory. What is
 * no string is "". */
static const char **texts_of(const json_t *json, size_t *ret_count)
{
    size_t count = json_is_array(json) ? json_array_size(json) : 1;
    const char **texts = mem_array(count, sizeof(*texts));
    for (size_t i = 0; texts != NULL && i < count; i++) {
        const json_t *item = json_is_array(json) ? json_array_get(json, i) : json;
        texts[i] = json_is_string(item) ? json_string_value(item) : "";
    }
    *ret_count = count;
    return texts;
}

static int plain_edge(struct anabranch_builder *b, const json_t *edge)
{
    size_t from_count = 0, to_count = 0;
    const json_t *from_json = json_object_get(edge, "from");
    const char **from MEM_AUTO(mem_freep) = texts_of(from_json, &from_count);
    const char **to MEM_AUTO(mem_freep) = texts_of(json_object_get(edge, "to"), &to_count);
    if (from == NULL || to == NULL)
        return err_trace(ERR_NOMEM);
    if (json_is_array(from_json))
        return anabranch_builder_join(b, from, from_count, to[0]);
    int r = 0;
    for (size_t i = 0; i < to_count && r == 0; i++)
        r = anabranch_builder_edge(b, from[0], to[i]);
    return r == 0 ? 0 : err_trace(r);
}

/* The keys and the nodes of a map, borrowed. */
static int map_texts(json_t *map, const char ***ret_keys, const char ***ret_nodes)
{
    const char *key;
    json_t *node;
    size_t i = 0;
    *ret_keys = mem_array(json_object_size(map), sizeof(**ret_keys));
    *ret_nodes = mem_array(json_object_size(map), sizeof(**ret_nodes));
    if (*ret_keys == NULL || *ret_nodes == NULL)
        return err_trace(ERR_NOMEM);
    json_object_foreach(map, key, node) {
        (*ret_keys)[i] = key;
        (*ret_nodes)[i++] = json_string_value(node);
    }
    return 0;
}

static int conditional_edge(struct compiling *c, struct anabranch_builder *b, const json_t *edge)
{
    json_t *map = json_object_get(edge, "map");
    const char **keys MEM_AUTO(mem_freep) = NULL;
    const char **nodes MEM_AUTO(mem_freep) = NULL;
    struct chooser chooser = { .arg = NULL };
    int r = map_texts(map, &keys, &nodes);
    if (r == 0)
        r = condition_by_function(c->script, json_string_value(json_object_get(edge, "choose")),
                                  map, &chooser);
    if (r == 0)
        r = builder_chooser_take(b, json_string_value(json_object_get(edge, "from")), &chooser,
                                 nodes, keys, json_object_size(map));
    return r == 0 ? 0 : err_trace(r);
}

static int add_edges(struct compiling *c, struct anabranch_builder *b, const json_t *edges)
{
    int r = 0;
    for (size_t i = 0; i < json_array_size(edges) && r == 0; i++) {
        const json_t *edge = json_array_get(edges, i);
        builder_at(b, json_string_value(json_object_get(edge, "at")));
        r = json_object_get(edge, "choose") != NULL ? conditional_edge(c, b, edge)
                                                    : plain_edge(b, edge);
    }
    return r == 0 ? 0 : err_trace(r);
}

/* ---- the rest ---- */

typedef int builder_names_call(struct anabranch_builder *b, const char *const *names, size_t count);

static int names(struct anabranch_builder *b, const json_t *list, builder_names_call *call)
{
    size_t count = 0;
    if (list == NULL)
        return 0;
    const char **texts MEM_AUTO(mem_freep) = texts_of(list, &count);
    return texts == NULL ? err_trace(ERR_NOMEM) : call(b, texts, count);
}

static int stops(struct anabranch_builder *b, const json_t *list, const char *moment)
{
    size_t count = 0;
    int r = 0;
    if (list == NULL)
        return 0;
    const char **texts MEM_AUTO(mem_freep) = texts_of(list, &count);
    if (texts == NULL)
        return err_trace(ERR_NOMEM);
    builder_at(b, strcmp(moment, "before") == 0 ? "/interrupt_before" : "/interrupt_after");
    for (size_t i = 0; i < count && r == 0; i++)
        r = anabranch_builder_interrupt(b, moment, texts[i]);
    return r == 0 ? 0 : err_trace(r);
}

typedef int builder_int_call(struct anabranch_builder *b, int64_t number);

static int number(struct anabranch_builder *b, const json_t *json, builder_int_call *call)
{
    return json == NULL ? 0 : call(b, json_is_integer(json) ? json_integer_value(json) : -1);
}

static int options(struct anabranch_builder *b, const json_t *d)
{
    const char *description = json_string_value(json_object_get(d, "description"));
    const json_t *defaults = json_object_get(d, "node_defaults");
    int r = description == NULL ? 0 : anabranch_builder_describe(b, description);
    if (r == 0)
        r = names(b, json_object_get(d, "input"), anabranch_builder_input);
    if (r == 0)
        r = names(b, json_object_get(d, "output"), anabranch_builder_output);
    if (r == 0)
        r = stops(b, json_object_get(d, "interrupt_before"), "before");
    if (r == 0)
        r = stops(b, json_object_get(d, "interrupt_after"), "after");
    if (r == 0)
        r = number(b, json_object_get(d, "recursion_limit"), anabranch_builder_recursion_limit);
    if (r == 0)
        r = number(b, json_object_get(d, "step_timeout_ms"), anabranch_builder_step_timeout);
    if (json_object_get(d, "assistant") != NULL)
        builder_assistant(b, json_object_get(d, "assistant"));
    if (json_object_get(d, "context") != NULL)
        builder_context(b, json_object_get(d, "context"));
    if (r != 0 || defaults == NULL)
        return r == 0 ? 0 : err_trace(r);
    char *text MEM_AUTO(mem_freep) = jsonx_text(defaults, SPEC_MAX_BYTES, NULL);
    return text == NULL ? err_trace(ERR_NOMEM) : anabranch_builder_node_defaults(b, text);
}

static int describe(struct compiling *c, struct anabranch_builder *b, const json_t *d)
{
    builder_graphs(b, &c->source);
    builder_set_code(b, &c->script->code);
    int r = options(b, d);
    if (r == 0)
        r = each_spec(b, json_object_get(d, "fields"), anabranch_builder_field);
    if (r == 0)
        r = each_spec(b, json_object_get(d, "nodes"), anabranch_builder_node);
    if (r == 0)
        r = add_edges(c, b, json_object_get(d, "edges"));
    return r;
}

static int add_graph_take(struct compiling *c, struct graph *graph, int *ret)
{
    struct graph **graphs = mem_realloc(c->graphs, (c->count + 1) * sizeof(*graphs));
    if (graphs == NULL) {
        graph_unref(graph);
        return err_trace(ERR_NOMEM);
    }
    c->graphs = graphs;
    *ret = (int)c->count;
    graphs[c->count++] = graph;
    return 0;
}

int compile_graph(struct compiling *c, const json_t *description, int *ret)
{
    struct anabranch_builder *b = NULL;
    struct graph *graph = NULL;
    int r = builder_new(c->tools->kinds, c->tools->limits, c->script->path, c->name, &b);
    if (r == 0)
        r = describe(c, b, description);
    if (r == 0)
        r = builder_build(b, &graph);
    if (r > 0) {
        problems_join(c->problems, builder_problems(b));
        r = c->problems->fault;
    }
    if (r == 0)
        r = add_graph_take(c, graph, ret);
    anabranch_builder_free(b);
    return r == 0 ? 0 : err_trace(r);
}
