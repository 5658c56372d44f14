/*
 * The special cases of a superstep: a table by as_node. Ordinary writes are superstep_write.c.
 *
 *     values null, nobody named   the same once more
 *     __end__    values null      what is planned is dropped, finished tasks count
 *     __copy__                    a sibling of the checkpoint, perhaps with writes on top of it
 *     __input__                   values wait for __start__
 */
#include "run/superstep.h"
#include "base/err.h"
#include "base/mem.h"
#include "run/superstep_write.h"
#include <string.h>

int superstep_refuse(const struct superstep *s, const char *text)
{
    fail_set(s->f, FAIL_INVALID_UPDATE, "%s", text);
    return SUPERSTEP_E_REFUSED;
}

int superstep_checkpoint(const struct superstep *s, enum checkpoint_source source)
{
    if (s->at->id[0] == '\0' && source != SOURCE_INPUT)
        s->at->step = -1; /* there was no input: the first checkpoint has the number 0 */
    checkpoint_clear_writes(s->at);
    checkpoint_advance(s->at, source);
    int r = saver_put(s->saver, s->at);
    return r != 0 ? err_trace(r) : 0;
}

/* The ids of a run, and what its caller said, are not those of an update. */
int superstep_new_metadata(const struct superstep *s)
{
    json_t *metadata = json_object();
    if (metadata == NULL)
        return err_trace(ERR_NOMEM);
    json_decref(s->at->metadata);
    s->at->metadata = metadata;
    return 0;
}

/* ---- special cases ---- */

static int repeat(const struct superstep *s, const json_t *values)
{
    (void)values; /* null */
    int r = superstep_new_metadata(s);
    return r != 0 ? r : superstep_checkpoint(s, SOURCE_UPDATE);
}

static int end(const struct superstep *s, const json_t *values)
{
    (void)values; /* null */
    int r = superstep_apply_pending(s, true);
    return r != 0 ? err_trace(r) : superstep_checkpoint(s, SOURCE_UPDATE);
}

static int input(const struct superstep *s, const json_t *values)
{
    if (!json_is_object(values))
        return superstep_refuse(s, "the update as \"__input__\" has no object as its values");
    int r = superstep_new_metadata(s);
    if (r != 0)
        return r;
    checkpoint_begin_take(s->at, json_incref((json_t *)values));
    return superstep_checkpoint(s, SOURCE_INPUT);
}

/* [[values, as_node], ...] */
static bool is_list_of_updates(const json_t *values)
{
    size_t i;
    const json_t *pair;
    json_array_foreach(values, i, pair) {
        if (json_array_size(pair) != 2)
            return false;
    }
    return json_array_size(values) > 0;
}

static int copy(const struct superstep *s, const json_t *values)
{
    char grandparent[ID_BYTES];
    if (s->at->id[0] == '\0')
        return superstep_refuse(s, "there is no checkpoint to copy");
    memcpy(grandparent, s->at->parent_id, ID_BYTES);
    int r = superstep_new_metadata(s);
    if (r != 0)
        return r;
    memcpy(s->at->id, grandparent, ID_BYTES); /* which becomes the parent of what comes next */
    checkpoint_clear_writes(s->at);
    checkpoint_advance(s->at, SOURCE_FORK);
    r = saver_put(s->saver, s->at);
    if (r != 0)
        return err_trace(r);
    return is_list_of_updates(values) ? superstep_write_list(s, values) : 0;
}

static const struct special {
    const char *as_node; /* NULL = nobody is named */
    bool takes_null;     /* and only that; else it is no special case */
    const char *alone;   /* what to say if there are others beside it */
    int (*apply)(const struct superstep *s, const json_t *values);
} specials[] = {
    { NULL, true, "an empty checkpoint takes one update", repeat },
    { "__end__", true, "\"__end__\" takes one update", end },
    { "__copy__", false, "\"__copy__\" takes one update", copy },
    { "__input__", false, "\"__input__\" takes one update", input },
};

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct special *find_special(const char *as_node, const json_t *values)
{
    bool is_null = values == NULL || json_is_null(values);
    for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
        if (is_same(specials[i].as_node, as_node) && (is_null || !specials[i].takes_null))
            return &specials[i];
    return NULL;
}

int superstep_apply(const struct superstep *s, const json_t *updates)
{
    const json_t *first = json_array_get(updates, 0);
    const json_t *values = json_object_get(first, "values");
    const char *as_node = json_string_value(json_object_get(first, "as_node"));
    const struct special *special = find_special(as_node, values);
    if (special == NULL)
        return superstep_write(s, updates);
    if (json_array_size(updates) > 1)
        return superstep_refuse(s, special->alone);
    return special->apply(s, values);
}
