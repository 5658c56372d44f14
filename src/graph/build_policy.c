/*
 * What a node says of its own running, whatever its kind: attempts, limits of time, cache, error
 * handler. What it leaves out, "node_defaults" may say for all nodes:
 *
 *     build_defaults()   reads them once for a node that never runs, and tells their mistakes
 *     build_common()     reads them again for each node without a word of its own, and tells none
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include <string.h>

enum { ATTEMPTS_MAX = 100, RETRIES_MAX = 16 };
static const int64_t cache_max_ms = (int64_t)10 * 365 * DAY_MS;

/* ---- retry ---- */

/* As classes are called, ours and those that nodes make up. */
static bool is_class_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.";
    return strspn(name, letters) > 0 && strspn(name, more) == strlen(name);
}

static void check_classes(struct setup *s, const struct retry *retry)
{
    const json_t *list = setup_json(s, "on", false);
    if (json_is_array(list) && json_array_size(list) == 0)
        setup_problem(s, "on", "leave it out for errors that pass by themselves",
                      "a policy for no class of errors");
    for (size_t i = 0; i < retry->on_count; i++)
        if (!is_class_name(retry->on[i]))
            setup_problem(s, "on", "write one such as \"RateLimitError\"",
                          "\"%s\" cannot be a class of errors", retry->on[i]);
}

static int read_retry(struct setup *s, struct retry *retry)
{
    retry->max_attempts = (int)setup_int(s, "max_attempts", 1, ATTEMPTS_MAX, 3);
    retry->initial_ms = setup_int(s, "initial_ms", 0, DAY_MS, 500);
    retry->factor = setup_number(s, "factor", 1, 100, 2);
    retry->max_ms = setup_int(s, "max_ms", 0, DAY_MS, 128000);
    retry->has_jitter = setup_bool(s, "jitter", true);
    int r = setup_texts(s, "on", &retry->on, &retry->on_count);
    check_classes(s, retry);
    setup_finish(s);
    return r;
}

/* One policy, whose place is `pointer`. */
static int add_retry(struct setup *node, const char *pointer, const json_t *json, struct node *n)
{
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    if (!json_is_object(json)) {
        builder_problem(node->builder, pointer, NULL, "expected object, found %s",
                        jsonx_type_name(json));
        return 0;
    }
    struct setup s;
    setup_init(&s, node->builder, pointer, json);
    return read_retry(&s, &n->retries[n->retry_count++]);
}

static int add_retries(struct setup *node, const char *pointer, const json_t *list, struct node *n)
{
    int r = 0;
    for (size_t i = 0; i < json_array_size(list) && r == 0; i++) {
        char *place MEM_AUTO(mem_freep) = mem_printf("%s/%zu", pointer, i);
        r = add_retry(node, place, json_array_get(list, i), n);
    }
    return r;
}

/* A policy, or a list of them. */
static int read_retries(struct setup *node, struct node *n)
{
    const json_t *json = setup_json(node, "retry", false);
    size_t count = json_is_array(json) ? json_array_size(json) : 1;
    if (json == NULL)
        return 0;
    if (count > RETRIES_MAX) {
        setup_problem(node, "retry", NULL, "a list of more than %d", RETRIES_MAX);
        return 0;
    }
    char *pointer MEM_AUTO(mem_freep) = pointer_join(node->pointer, "retry");
    n->retries = mem_array(count, sizeof(*n->retries));
    if (pointer == NULL || n->retries == NULL)
        return err_trace(ERR_NOMEM);
    return json_is_array(json) ? add_retries(node, pointer, json, n)
                               : add_retry(node, pointer, json, n);
}

/* ---- time and cache ---- */

static int read_timeout(struct setup *s, struct node *n)
{
    n->timeout_ms = setup_int(s, "timeout_ms", 1, DAY_MS, 0);
    return 0;
}

static int read_idle_timeout(struct setup *s, struct node *n)
{
    n->idle_timeout_ms = setup_int(s, "idle_timeout_ms", 1, DAY_MS, 0);
    return 0;
}

static int read_idle_refresh(struct setup *s, struct node *n)
{
    static const char *const words[] = { "auto", "heartbeat" };
    n->hears_beats_only = setup_word(s, "idle_refresh", "refresh", words, 2, 0) == 1;
    return 0;
}

static int read_cache(struct setup *node, struct node *n)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    const json_t *json = setup_object(node, "cache", false, &pointer);
    if (json == NULL)
        return 0;
    struct setup s;
    setup_init(&s, node->builder, pointer, json);
    s.graph = node->graph;
    s.node_name = node->node_name;
    n->cache.is_on = true;
    n->cache.ttl_ms = setup_int(&s, "ttl_ms", 1, cache_max_ms, 0);
    int r = setup_template(&s, "key", false, &n->cache.key);
    setup_finish(&s);
    return r;
}

/* ---- all of them ---- */

static const struct policy {
    const char *key;
    int (*read)(struct setup *s, struct node *n);
    bool is_handlers; /* an error handler has it, too */
} policies[] = {
    { "retry", read_retries, true },
    { "timeout_ms", read_timeout, true },
    { "idle_timeout_ms", read_idle_timeout, true },
    { "idle_refresh", read_idle_refresh, true },
    { "cache", read_cache, false },
    { "on_error", build_handler, false },
};
enum { POLICY_COUNT = sizeof(policies) / sizeof(*policies) };

/* Of one node, which has not said it itself. What is wrong with it has been told already. */
static int read_default(struct setup *node, const struct policy *p, struct node *n)
{
    struct anabranch_builder *b = node->builder;
    bool was_muted = b->problems.is_muted; /* a default handler has defaults itself */
    struct setup s;
    setup_init(&s, b, DEFAULTS_POINTER, b->node_defaults);
    s.graph = node->graph;
    s.node = n;
    s.node_name = node->node_name;
    s.sees_error = node->sees_error;
    b->problems.is_muted = true;
    int r = p->read(&s, n);
    b->problems.is_muted = was_muted;
    return r;
}

static int read_policy(struct setup *s, const struct policy *p, struct node *n)
{
    bool is_own = setup_json(s, p->key, false) != NULL;
    return is_own ? p->read(s, n) : read_default(s, p, n);
}

/* Shared with the file's own tree, which nobody changes. */
static void read_metadata(struct setup *s, struct node *n)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    n->metadata = json_incref((json_t *)setup_object(s, "metadata", false, &pointer));
}

int build_common(struct setup *s, struct node *n)
{
    int r = 0;
    for (size_t i = 0; i < POLICY_COUNT && r == 0; i++)
        if (policies[i].is_handlers || !s->sees_error)
            r = read_policy(s, &policies[i], n);
    read_metadata(s, n);
    (void)setup_json(s, "ends", false); /* read when all nodes are there: build_links() */
    return r != 0 ? r : setup_texts(s, "tags", &n->tags, &n->tag_count);
}

int build_defaults(struct anabranch_builder *b, const struct graph *g)
{
    if (b->node_defaults == NULL)
        return 0;
    b->defaults.name = mem_strdup("");
    if (b->defaults.name == NULL)
        return err_trace(ERR_NOMEM);
    struct setup s;
    setup_init(&s, b, DEFAULTS_POINTER, b->node_defaults);
    s.graph = g;
    s.node = &b->defaults;
    int r = 0;
    for (size_t i = 0; i < POLICY_COUNT && r == 0; i++)
        r = policies[i].read(&s, &b->defaults);
    if (r == 0)
        setup_finish(&s);
    return r;
}
