/*
 * A kind written in C is a struct node_kind made at run time. configure() is all that it does
 * itself; its tasks are in embed_task.c.
 *
 *     engine->kinds  [ llm | http | set | ... | own 1 | own 2 ]
 *                                                 | arg
 *                                                 v
 *                                         struct embed_kind {engine, api, kind}
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "embed/embed.h"
#include "graph/build.h"
#include "graph/builder.h"
#include <string.h>

enum { SPEC_MAX_BYTES = 1 << 28 };

/* A node's config: the author's, and whose it is. */
struct embed_config {
    const struct embed_kind *kind;
    void *config;
};

void *embed_config(const struct node *node)
{
    const struct embed_config *c = node->config;

    return c == NULL ? NULL : c->config;
}

static void config_free(void *config)
{
    struct embed_config *c = config;

    if (c != NULL && c->config != NULL && c->kind->api.config_free != NULL)
        c->kind->api.config_free(c->config);
    mem_free(c);
}

/* Which of the C kinds is asked: configure() is the same function for all of them. */
static const struct embed_kind *kind_of(const struct setup *s)
{
    const char *name = json_string_value(json_object_get(setup_spec(s), "kind"));
    const struct node_kind *kind = kind_find(setup_builder(s)->kinds, name);

    return kind->arg;
}

/* 0, ANABRANCH_E_INVALID (at least one problem is noted), or a fault. */
static int ask(struct setup *s, const struct embed_kind *kind, const char *spec, void **ret_config)
{
    struct anabranch_builder *b = setup_builder(s);
    int told_before = builder_problems(b)->count;
    int r = kind->api.configure(kind->api.arg, spec, b, ret_config);

    if (r < 0)
        return r == ANABRANCH_E_NOMEM ? ERR_NOMEM : ERR_SYSTEM;
    if (r > 0 && builder_problems(b)->count == told_before)
        setup_problem(s, NULL, NULL, "the kind \"%s\" refused the node and gave no reason",
                      kind->api.name);
    return r == 0 ? 0 : ANABRANCH_E_INVALID;
}

static int configure(struct setup *s, void **ret_config)
{
    const struct embed_kind *kind = kind_of(s);
    char *spec MEM_AUTO(mem_freep) = jsonx_text(setup_spec(s), SPEC_MAX_BYTES, NULL);
    struct embed_config *c MEM_AUTO(mem_freep) = mem_zalloc(sizeof(*c));
    int r;

    if (spec == NULL || c == NULL)
        return err_trace(ERR_NOMEM);
    setup_know_all(s);
    c->kind = kind;
    r = ask(s, kind, spec, &c->config);
    if (r < 0)
        return err_trace(r);
    if (r == 0) {
        *ret_config = c;
        c = NULL;
    }
    return 0;
}

/* ---- registration ---- */

int embed_kinds_init(struct anabranch_engine *engine)
{
    struct kind_table *table = &engine->worker.services.kinds;

    engine->kinds = mem_array(table->count, sizeof(*engine->kinds));
    if (engine->kinds == NULL)
        return err_trace(ERR_NOMEM);
    memcpy(engine->kinds, table->kinds, table->count * sizeof(*engine->kinds));
    table->kinds = engine->kinds;
    return 0;
}

static void kind_free(struct embed_kind *k)
{
    if (k != NULL)
        mem_free((char *)k->api.name);
    mem_free(k);
}

void embed_kinds_deinit(struct anabranch_engine *engine)
{
    LIST_EACH(&engine->own_kinds, node) {
        list_remove(node);
        kind_free(LIST_OF(node, struct embed_kind, node));
    }
    engine->kinds = mem_free(engine->kinds);
}

static struct embed_kind *kind_new(struct anabranch_engine *engine,
                                   const struct anabranch_kind *api)
{
    struct embed_kind *k = mem_zalloc(sizeof(*k));

    if (k == NULL)
        return NULL;
    list_init(&k->node);
    k->engine = engine;
    k->api = *api;
    k->api.name = mem_strdup(api->name);
    k->kind = (struct node_kind){
        .name = k->api.name,
        .summary = "A kind of the program that embeds the engine.",
        .configure = api->configure == NULL ? NULL : configure,
        .config_free = config_free,
        .start = embed_task_start,
        .cancel = embed_task_cancel,
        .release = embed_task_release,
        .sees_facts = true,
        .arg = k,
    };
    if (k->api.name != NULL)
        return k;
    kind_free(k);
    return NULL;
}

/* Builders point to the table, not to its rows, so the rows may move. */
static int add_row(struct anabranch_engine *engine, const struct node_kind *kind)
{
    struct kind_table *table = &engine->worker.services.kinds;
    const struct node_kind **grown =
        mem_realloc(engine->kinds, (table->count + 1) * sizeof(*grown));

    if (grown == NULL)
        return err_trace(ERR_NOMEM);
    grown[table->count++] = kind;
    engine->kinds = grown;
    table->kinds = grown;
    return 0;
}

int anabranch_engine_add_kind(struct anabranch_engine *engine, const struct anabranch_kind *kind)
{
    struct anabranch_kind api;
    struct embed_kind *k;
    int r;

    options_copy(&api, sizeof(api), kind);
    if (api.name == NULL || api.name[0] == '\0' || api.start == NULL)
        return ANABRANCH_E_INVALID;
    if (kind_find(&engine->worker.services.kinds, api.name) != NULL)
        return ANABRANCH_E_INVALID;
    k = kind_new(engine, &api);
    r = k == NULL ? ERR_NOMEM : add_row(engine, &k->kind);
    if (r != 0) {
        kind_free(k);
        return err_trace(r);
    }
    list_add_tail(&engine->own_kinds, &k->node);
    return 0;
}
