/* Both directions have two ways: by the names that both graphs have, or by the paths of a mapping.
 */
#include "graph/subgraph.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

static void free_mappings(struct mapping *mappings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        path_free(mappings[i].from);
    mem_free(mappings);
}

struct subgraph *subgraph_free(struct subgraph *s)
{
    if (s == NULL)
        return NULL;
    graph_unref(s->graph);
    free_mappings(s->in, s->in_count);
    free_mappings(s->out, s->out_count);
    return mem_free(s);
}

/* ---- in ---- */

static int hand_in(const struct subgraph *s, int field, const json_t *value, json_t *input)
{
    if (value == NULL)
        return 0;
    /* Only counted. Names of fields were checked when the graph was built. */
    int r = json_object_set_nocheck(input, s->graph->fields[field].name, (json_t *)value);
    return r == 0 ? 0 : err_trace(ERR_NOMEM);
}

static int hand_in_shared(const struct subgraph *s, const struct graph *parent,
                          const struct scope *scope, json_t *input)
{
    /* A name that only the node sees, such as an error handler's, is no field to share. */
    struct scope fields = *scope;
    fields.extra = NULL;
    fields.graph = parent;
    int r = 0;
    for (size_t i = 0; i < s->graph->field_count && r == 0; i++)
        if (s->graph->fields[i].is_input)
            r = hand_in(s, (int)i, scope_find(&fields, s->graph->fields[i].name), input);
    return r;
}

static int hand_in_mapped(const struct subgraph *s, const struct scope *scope, json_t *input)
{
    int r = 0;
    for (size_t i = 0; i < s->in_count && r == 0; i++)
        r = hand_in(s, s->in[i].to, path_find(s->in[i].from, scope), input);
    return r;
}

int subgraph_input(const struct subgraph *s, const struct graph *parent, const struct scope *scope,
                   json_t **ret)
{
    json_t *input = json_object();
    int r = input == NULL ? err_trace(ERR_NOMEM) : 0;
    if (r == 0)
        r = s->has_in ? hand_in_mapped(s, scope, input) : hand_in_shared(s, parent, scope, input);
    if (r != 0) {
        json_decref(input);
        return r;
    }
    *ret = input;
    return 0;
}

/* ---- out ---- */

static int hand_out_shared(const struct subgraph *s, const struct graph *parent,
                           const struct state *child_final, struct update *ret)
{
    for (size_t i = 0; i < s->graph->field_count; i++) {
        const struct field *field = &s->graph->fields[i];
        struct value *value = state_get(child_final, (int)i);
        int to = field->is_output ? graph_find_field(parent, field->name) : -1;
        if (value == NULL || to < 0)
            continue;
        int r = update_add_take(ret, to, value_ref(value));
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

/* A new reference, NULL = absent. A whole field is shared with the bytes it may have kept. */
static int find_out(const struct subgraph *s, const struct path *from,
                    const struct state *child_final, struct value **ret)
{
    const struct scope scope = { .graph = s->graph, .state = child_final };
    int field = graph_find_field(s->graph, path_text(from));
    struct value *whole = field < 0 ? NULL : state_get(child_final, field);
    const json_t *part = field < 0 ? path_find(from, &scope) : NULL;
    *ret = whole == NULL ? NULL : value_ref(whole);
    return part == NULL ? 0 : value_new_take(json_incref((json_t *)part), ret); /* only counted */
}

static int hand_out_mapped(const struct subgraph *s, const struct state *child_final,
                           struct update *ret)
{
    for (size_t i = 0; i < s->out_count; i++) {
        struct value *value = NULL;
        int r = find_out(s, s->out[i].from, child_final, &value);
        if (r == 0 && value != NULL)
            r = update_add_take(ret, s->out[i].to, value);
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

int subgraph_output(const struct subgraph *s, const struct graph *parent,
                    const struct state *child_final, struct update *ret)
{
    return s->has_out ? hand_out_mapped(s, child_final, ret)
                      : hand_out_shared(s, parent, child_final, ret);
}
