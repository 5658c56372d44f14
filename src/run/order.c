/* Merging of configurations; the table is in order.h. */
#include "run/order.h"
#include "base/err.h"

static int add(json_t *to, const json_t *from)
{
    return json_is_object(from) ? json_object_update(to, (json_t *)from) : 0;
}

static const json_t *find(const json_t *object, const char *key)
{
    const json_t *found = json_object_get(object, key);

    return json_is_null(found) ? NULL : found;
}

static int put_ids(const struct sheet *s, json_t *to)
{
    int bad = json_object_set_new(to, "run_id", json_string(s->run_id));

    if (s->thread_id[0] != '\0')
        bad |= json_object_set_new(to, "thread_id", json_string(s->thread_id));
    bad |= json_object_set_new(to, "graph_id", json_string(s->graph));
    bad |= json_object_set_new(to, "assistant_id", json_string(s->assistant_id));
    return bad;
}

static json_t *configurable_new(const struct sheet *s, const json_t *config,
                                const struct order_ground *g)
{
    json_t *to = json_object();
    int bad = to == NULL;

    if (bad == 0)
        bad = add(to, find(find(g->assistant_body, "config"), "configurable"));
    if (bad == 0)
        bad = add(to, find(find(g->thread_body, "config"), "configurable"));
    if (bad == 0)
        bad = add(to, find(config, "configurable"));
    if (bad == 0)
        bad = put_ids(s, to);
    if (bad == 0)
        return to;
    json_decref(to);
    return NULL;
}

static json_t *config_new(const struct sheet *s, const json_t *asked, const struct order_ground *g)
{
    json_t *config = json_object();
    int bad = config == NULL;

    if (bad == 0)
        bad = add(config, find(g->assistant_body, "config"));
    if (bad == 0)
        bad = add(config, asked);
    if (bad == 0)
        bad = json_object_set_new(config, "configurable", configurable_new(s, asked, g));
    if (bad == 0)
        return config;
    json_decref(config);
    return NULL;
}

static json_t *pair_new(const json_t *below, const json_t *middle, const json_t *above)
{
    json_t *to = json_object();
    int bad = to == NULL;

    if (bad == 0)
        bad = add(to, below);
    if (bad == 0)
        bad = add(to, middle);
    if (bad == 0)
        bad = add(to, above);
    if (bad == 0)
        return to;
    json_decref(to);
    return NULL;
}

int order_merge(struct sheet *s, const json_t *kwargs, const json_t *metadata,
                const struct order_ground *g)
{
    s->metadata = pair_new(g->assistant_metadata, g->thread_metadata, metadata);
    s->kwargs = json_copy((json_t *)kwargs);
    if (s->metadata == NULL || s->kwargs == NULL)
        return err_trace(ERR_NOMEM);
    int bad = json_object_set_new(s->kwargs, "config", config_new(s, find(kwargs, "config"), g));
    bad |= json_object_set_new(
        s->kwargs, "context",
        pair_new(find(g->assistant_body, "context"), NULL, find(kwargs, "context")));
    return bad == 0 ? 0 : err_trace(ERR_NOMEM);
}

json_t *order_thread_metadata(const struct sheet *s, const json_t *before, bool *ret_is_new)
{
    json_t *after = pair_new(before, NULL, NULL);
    int bad = after == NULL;

    if (bad == 0)
        bad = json_object_set_new(after, "graph_id", json_string(s->graph));
    if (bad == 0)
        bad = json_object_set_new(after, "assistant_id", json_string(s->assistant_id));
    if (bad == 0) {
        *ret_is_new = !json_equal((json_t *)before, after);
        return after;
    }
    json_decref(after);
    return NULL;
}
