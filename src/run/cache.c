/*
 * Results of nodes with a cache policy, for all runs of a worker. Found by graph, node and key (what
 * the policy's template renders to, or the node's whole input with the caller's $config and
 * $context); the oldest go when the bound is
 * reached. Only what finished well is kept.
 *
 * A graph is itself, not its name: subgraphs of one name are many, and one that was loaded anew may
 * do other things. An entry holds its graph, so no other can come to stand at its address.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/template.h"
#include "run/internal.h"
#include <string.h>

struct entry {
    struct list node;    /* in cache->all, oldest first */
    struct graph *graph; /* a reference */
    json_t *result;
    int64_t until_us; /* 0 = for ever */
    size_t bytes;
    char key[];
};

struct node_cache {
    struct list all;
    struct entry **sorted; /* by key */
    size_t count;
    size_t cap;
    size_t bytes;
    size_t max_bytes;
};

int node_cache_new(int64_t max_bytes, struct node_cache **ret)
{
    struct node_cache *c = mem_zalloc(sizeof(*c));

    if (c == NULL)
        return err_trace(ERR_NOMEM);
    list_init(&c->all);
    c->max_bytes = (size_t)max_bytes;
    *ret = c;
    return 0;
}

/* Where key is, or belongs. */
static size_t place_of(const struct node_cache *c, const char *key, bool *ret_is_there)
{
    size_t from = 0, to = c->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(key, c->sorted[middle]->key);
        if (order == 0) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    *ret_is_there = false;
    return from;
}

static struct entry *entry_free(struct entry *e)
{
    graph_unref(e->graph);
    json_decref(e->result);
    return mem_free(e);
}

/* It stands in `sorted` no more. */
static void let_go(struct node_cache *c, struct entry *e)
{
    c->bytes -= e->bytes;
    list_remove(&e->node);
    entry_free(e);
}

static void drop_at(struct node_cache *c, size_t place)
{
    struct entry *e = c->sorted[place];

    memmove(&c->sorted[place], &c->sorted[place + 1],
            (c->count - place - 1) * sizeof(c->sorted[0]));
    c->count--;
    let_go(c, e);
}

static void drop_oldest(struct node_cache *c)
{
    bool is_there = false;
    const struct entry *oldest = LIST_OF(c->all.next, struct entry, node);

    drop_at(c, place_of(c, oldest->key, &is_there));
}

struct node_cache *node_cache_free(struct node_cache *c)
{
    if (c == NULL)
        return NULL;
    while (c->count > 0)
        drop_oldest(c);
    mem_free(c->sorted);
    return mem_free(c);
}

/* ---- keys ---- */

/* Who asks is part of what a node may see, but for the ids that are new with each run. */
static void write_caller(const struct run *run, struct buf *out)
{
    static const char *const ids[] = { "run_id", "thread_id", "checkpoint_id" };
    const char *key;
    json_t *value;

    json_object_foreach(run->configurable, key, value) {
        bool is_id = false;
        for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
            is_id = is_id || strcmp(key, ids[i]) == 0;
        if (is_id)
            continue;
        jsonx_encode_string(key, strlen(key), out);
        jsonx_encode(value, out);
    }
    jsonx_encode(run->context, out);
}

static void write_key(const struct run_task *t, struct buf *out)
{
    const struct template *key = t->task.node->cache.key;
    json_t *input;

    buf_addf(out, "%p\n%s\n", (void *)t->exec->graph, t->task.node->name);
    if (key == NULL)
        write_caller(t->exec->run, out);
    if (key != NULL) {
        template_render(key, &t->task.scope, ESCAPE_NONE, out);
        return;
    }
    input = scope_input(&t->task.scope);
    if (input == NULL)
        out->fault = ERR_NOMEM;
    else
        jsonx_encode(input, out);
    json_decref(input);
}

/* ---- look up ---- */

static int use(struct run_task *t, const json_t *result)
{
    struct fail f = { 0 };
    int r = outcome_decode(&t->outcome, t->exec->graph, result, &f);

    if (r == 0) {
        t->end = TASK_DONE;
        t->is_replayed = true;
        return 0;
    }
    outcome_clear(&t->outcome);
    fail_clear(&f); /* of another version of the graph: the node runs */
    return r < 0 ? err_trace(r) : 0;
}

int node_cache_find(struct node_cache *c, struct run_task *t)
{
    struct buf key MEM_AUTO(buf_deinit);
    bool is_there = false;

    buf_init(&key, (size_t)t->task.services->conf->max_state_bytes + 1024);
    write_key(t, &key);
    if (key.fault != 0)
        return 0; /* too long or no memory: the node runs */
    size_t place = place_of(c, buf_text(&key), &is_there);
    if (is_there && c->sorted[place]->until_us != 0 &&
        c->sorted[place]->until_us <= clock_mono_us()) {
        drop_at(c, place);
        is_there = false;
    }
    if (is_there)
        return use(t, c->sorted[place]->result);
    t->cache_key = json_stringn(buf_text(&key), key.len);
    return 0;
}

/* ---- keep ---- */

static int make_room(struct node_cache *c, size_t bytes)
{
    if (bytes > c->max_bytes)
        return -1;
    while (c->bytes + bytes > c->max_bytes)
        drop_oldest(c);
    if (c->count < c->cap)
        return 0;
    size_t cap = c->cap == 0 ? 16 : c->cap * 2;
    struct entry **sorted = mem_realloc(c->sorted, cap * sizeof(struct entry *));
    if (sorted == NULL)
        return -1;
    c->sorted = sorted;
    c->cap = cap;
    return 0;
}

static struct entry *entry_new(const struct run_task *t, json_t *result, size_t len_bytes)
{
    const char *key = json_string_value(t->cache_key);
    size_t key_len_bytes = strlen(key);
    struct entry *e = mem_alloc(sizeof(*e) + key_len_bytes + 1);
    int64_t ttl_ms = t->task.node->cache.ttl_ms;

    if (e == NULL)
        return NULL;
    list_init(&e->node);
    e->graph = graph_ref(t->exec->graph);
    e->result = json_incref(result);
    e->until_us = ttl_ms > 0 ? clock_mono_us() + ttl_ms * 1000 : 0;
    e->bytes = sizeof(*e) + key_len_bytes + len_bytes;
    memcpy(e->key, key, key_len_bytes + 1);
    return e;
}

static void add(struct node_cache *c, struct entry *e)
{
    bool is_there = false;
    size_t place = place_of(c, e->key, &is_there);

    if (is_there)
        drop_at(c, place);
    memmove(&c->sorted[place + 1], &c->sorted[place], (c->count - place) * sizeof(c->sorted[0]));
    c->sorted[place] = e;
    c->count++;
    c->bytes += e->bytes;
    list_add_tail(&c->all, &e->node);
}

void node_cache_keep(struct node_cache *c, const struct run_task *t)
{
    struct buf text MEM_AUTO(buf_deinit);
    struct entry *e = NULL;
    json_t *result = NULL;

    buf_init(&text, c->max_bytes);
    if (outcome_json(&t->outcome, t->exec->graph, &result) == 0) {
        jsonx_encode(result, &text); /* only to know how long it is */
        if (text.fault == 0)
            e = entry_new(t, result, text.len);
    }
    json_decref(result);
    if (e == NULL)
        return;
    if (make_room(c, e->bytes) == 0) {
        add(c, e);
        return;
    }
    entry_free(e);
}

/* ---- forget ---- */

/* A key begins with the address of the graph, a line further is the node; names have no line
 * breaks. */
static bool is_of(const struct entry *e, const struct graph *g, const char *node)
{
    if (e->graph != g || node == NULL)
        return e->graph == g;
    const char *name = strchr(e->key, '\n') + 1;
    size_t len = strlen(node);
    return strncmp(name, node, len) == 0 && name[len] == '\n';
}

void node_cache_drop(struct node_cache *c, const struct graph *g, const char *node)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct entry *e = c->sorted[i];
        if (is_of(e, g, node))
            let_go(c, e);
        else
            c->sorted[kept++] = e;
    }
    c->count = kept;
}
