/* What a node says of its own running, whatever its kind: attempts, limits of time, cache. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/builder.h"

enum { ATTEMPTS_MAX = 100, DAY_MS = 86400000 };
static const int64_t cache_max_ms = (int64_t)10 * 365 * DAY_MS;

static int read_retry(struct setup *node, struct retry *retry)
{
    *retry = (struct retry){
        .max_attempts = 1, .initial_ms = 500, .factor = 2, .max_ms = 128000, .has_jitter = true
    };
    char *pointer MEM_AUTO(mem_freep) = NULL;
    const json_t *json = setup_object(node, "retry", false, &pointer);
    if (json == NULL)
        return 0;
    struct setup s;
    setup_init(&s, node->builder, pointer, json);
    retry->max_attempts = (int)setup_int(&s, "max_attempts", 1, ATTEMPTS_MAX, 3);
    retry->initial_ms = setup_int(&s, "initial_ms", 0, DAY_MS, 500);
    retry->factor = setup_number(&s, "factor", 1, 100, 2);
    retry->max_ms = setup_int(&s, "max_ms", 0, DAY_MS, 128000);
    retry->has_jitter = setup_bool(&s, "jitter", true);
    int r = setup_texts(&s, "on", &retry->on, &retry->on_count);
    setup_finish(&s);
    return r;
}

int build_common(struct setup *s, struct node *n)
{
    int r = read_retry(s, &n->retry);
    n->timeout_ms = setup_int(s, "timeout_ms", 1, DAY_MS, 0);
    n->idle_timeout_ms = setup_int(s, "idle_timeout_ms", 1, DAY_MS, 0);
    (void)setup_json(s, "ends", false); /* read when all nodes are there: build_links() */
    return r != 0 ? r : setup_texts(s, "tags", &n->tags, &n->tag_count);
}

int build_cache(struct setup *node, struct node *n)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    const json_t *json = setup_object(node, "cache", false, &pointer);
    if (json == NULL)
        return 0;
    struct setup s;
    setup_init(&s, node->builder, pointer, json);
    s.graph = node->graph;
    n->cache.is_on = true;
    n->cache.ttl_ms = setup_int(&s, "ttl_ms", 1, cache_max_ms, 0);
    int r = setup_template(&s, "key", false, &n->cache.key);
    setup_finish(&s);
    return r;
}
