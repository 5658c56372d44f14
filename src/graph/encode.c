/* States and updates as JSON text: bytes that the values keep are joined, none encoded twice. */
#include "base/jsonx.h"
#include "graph/state.h"
#include <string.h>

/* "name":value */
static void encode_member(const char *name, struct value *v, struct buf *out)
{
    const char *bytes;
    size_t len_bytes;
    int r = value_bytes(v, &bytes, &len_bytes);
    if (r != 0) {
        out->fault = out->fault != 0 ? out->fault : r; /* sticky, like a failed append */
        return;
    }
    jsonx_encode_string(name, strlen(name), out);
    (void)buf_add_char(out, ':'); /* sticky */
    (void)buf_add(out, bytes, len_bytes);
}

bool field_is_in_view(const struct field *field, enum state_view view)
{
    switch (view) {
    case VIEW_ALL:
        return true;
    case VIEW_SHOWN:
        return !field->is_private;
    case VIEW_OUTPUT:
        return field->is_output;
    }
    return false;
}

void state_encode(const struct state *s, enum state_view view, struct buf *out)
{
    const struct graph *g = state_graph(s);
    bool is_first = true;
    (void)buf_add_char(out, '{'); /* sticky, here and below */
    for (size_t i = 0; i < g->field_count; i++) {
        struct value *v = state_get(s, (int)i);
        if (v == NULL || !field_is_in_view(&g->fields[i], view))
            continue;
        if (!is_first)
            (void)buf_add_char(out, ',');
        is_first = false;
        encode_member(g->fields[i].name, v, out);
    }
    (void)buf_add_char(out, '}');
}

static bool has_repeats(const struct update *u, const struct graph *g, enum state_view view)
{
    for (size_t i = 1; i < u->count; i++)
        for (size_t k = 0; k < i; k++)
            if (u->writes[i].field == u->writes[k].field &&
                field_is_in_view(&g->fields[u->writes[i].field], view))
                return true;
    return false;
}

void update_encode(const struct update *u, const struct graph *g, enum state_view view,
                   struct buf *out)
{
    bool is_list = has_repeats(u, g, view);
    bool is_first = true;
    (void)buf_add_str(out, is_list ? "[{" : "{"); /* sticky, here and below */
    for (size_t i = 0; i < u->count; i++) {
        const struct field *field = &g->fields[u->writes[i].field];
        if (!field_is_in_view(field, view))
            continue;
        if (!is_first)
            (void)buf_add_str(out, is_list ? "},{" : ",");
        is_first = false;
        encode_member(field->name, u->writes[i].value, out);
    }
    (void)buf_add_str(out, is_list ? "}]" : "}");
}
