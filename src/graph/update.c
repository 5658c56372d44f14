/* The list of writes that a task collects; a plain growing array. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/state.h"
#include <stdint.h>

enum { FIRST_CAP = 4 };

void update_init(struct update *u)
{
    *u = (struct update){ 0 };
}

void update_clear(struct update *u)
{
    for (size_t i = 0; i < u->count; i++)
        value_unref(u->writes[i].value);
    mem_free(u->writes);
    update_init(u);
}

static int grow(struct update *u)
{
    size_t cap = u->cap == 0 ? FIRST_CAP : u->cap * 2;
    if (cap > SIZE_MAX / sizeof(u->writes[0]))
        return err_trace(ERR_NOMEM);
    struct write *writes = mem_realloc(u->writes, cap * sizeof(u->writes[0]));
    if (writes == NULL)
        return err_trace(ERR_NOMEM);
    u->writes = writes;
    u->cap = cap;
    return 0;
}

int update_add_take(struct update *u, int field, struct value *value)
{
    int r = u->count < u->cap ? 0 : grow(u);
    if (r != 0) {
        value_unref(value);
        return err_trace(r);
    }
    u->writes[u->count++] = (struct write){ field, value };
    return 0;
}

int update_add_object(struct update *u, const struct graph *g, json_t *object)
{
    const char *key;
    json_t *part;
    json_object_foreach(object, key, part) {
        int field = graph_find_field(g, key);
        if (field < 0)
            continue;
        struct value *value = NULL;
        int r = value_new_take(json_incref(part), &value);
        if (r == 0)
            r = update_add_take(u, field, value);
        if (r != 0)
            return err_trace(r);
    }
    return 0;
}

void update_move(struct update *to, struct update *from)
{
    if (to == from)
        return;
    update_clear(to);
    *to = *from;
    update_init(from);
}
