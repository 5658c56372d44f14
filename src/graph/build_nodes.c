/* Nodes: names, what all kinds have in common, and then the word of the kind itself. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/texts.h"
#include <stdlib.h>
#include <string.h>

enum { NODE_NAME_MAX_BYTES = 200 };

static const char *const later_kinds[] = { "tools", "agent", "remote" };

/* NULL: the name is right. */
static const char *name_fault(const char *name)
{
    size_t len = strlen(name);
    if (len == 0)
        return "a node needs a name";
    if (len > NODE_NAME_MAX_BYTES)
        return "the name is longer than 200 bytes";
    if (jsonx_utf8_prefix(name, len) != len)
        return "the name is not UTF-8";
    if (strncmp(name, "__", 2) == 0)
        return "names with \"__\" in front are kept for the server";
    if (strcmp(name, "START") == 0 || strcmp(name, "END") == 0)
        return "START and END are the ends of every graph";
    if (strpbrk(name, "|:") != NULL)
        return "\"|\" and \":\" cannot be in a name";
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "control characters cannot be in a name";
    return builder_reserved_fault(name);
}

static void problem_kind(struct setup *s, const char *name)
{
    const struct kind_table *kinds = s->builder->kinds;
    for (size_t i = 0; i < sizeof(later_kinds) / sizeof(*later_kinds); i++)
        if (strcmp(later_kinds[i], name) == 0) {
            setup_problem(s, "kind", "use another kind",
                          "this version does not have the kind \"%s\" yet", name);
            return;
        }
    const char **names MEM_AUTO(mem_freep) = mem_array(kinds->count, sizeof(*names));
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, "kind");
    if (names == NULL || pointer == NULL) {
        builder_note_fault(s->builder);
        return;
    }
    for (size_t i = 0; i < kinds->count; i++)
        names[i] = kinds->kinds[i]->name;
    builder_problem_unknown(s->builder, pointer, "kind", name, names, kinds->count);
}

/* The kind reads its own keys. Without a kind nobody can tell which keys are right. */
int build_kind(struct setup *s, struct node *n)
{
    const char *name = setup_string(s, "kind", true);
    n->kind = name == NULL ? NULL : kind_find(s->builder->kinds, name);
    if (n->kind == NULL) {
        setup_know_all(s);
        if (name != NULL)
            problem_kind(s, name);
        return 0;
    }
    if (n->kind->sees_facts)
        s->builder->uses_facts = true;
    s->builder->configuring = s;
    int r = n->kind->configure == NULL ? 0 : n->kind->configure(s, &n->config);
    s->builder->configuring = NULL;
    return r;
}

static bool is_asking(const struct node *n)
{
    return n != NULL && ((n->kind != NULL && n->kind->answer_field != NULL) ||
                         (n->subgraph != NULL && n->subgraph->graph->asks));
}

/* What one person has answered is nothing to show to the next. A default means the other nodes. */
static void check_cache(struct setup *s, struct node *n)
{
    bool asks = is_asking(n) || is_asking(n->on_error);
    s->builder->asks = s->builder->asks || asks;
    if (!asks || !n->cache.is_on)
        return;
    if (setup_json(s, "cache", false) != NULL)
        setup_problem(s, "cache", "remove it, or cache the nodes around the question",
                      "it would give one person's answer to the next: the node asks%s",
                      n->subgraph != NULL ? " inside its graph" : "");
    n->cache.is_on = false;
}

static int read_node(struct anabranch_builder *b, const struct graph *g, const json_t *json,
                     const char *pointer, struct node *n)
{
    if (json == NULL) /* told when it was noted */
        return 0;
    struct setup s;
    setup_init(&s, b, pointer, json);
    s.graph = g;
    s.node = n;
    s.node_name = n->name;
    n->is_deferred = setup_bool(&s, "defer", false);
    int r = build_common(&s, n);
    if (r == 0)
        r = build_kind(&s, n);
    if (r == 0)
        check_cache(&s, n);
    if (r == 0)
        setup_finish(&s);
    return r;
}

static int add_node(struct anabranch_builder *b, const struct node_spec *spec, struct graph *g)
{
    char *pointer MEM_AUTO(mem_freep) = pointer_join("/nodes", spec->name);
    if (pointer == NULL)
        return err_trace(ERR_NOMEM);
    /* Nodes come sorted, so a double is next to its like. */
    if (g->node_count > 0 && strcmp(g->nodes[g->node_count - 1].name, spec->name) == 0) {
        builder_problem(b, pointer, NULL, "there is a node of this name already");
        return 0;
    }
    const char *fault = name_fault(spec->name);
    if (fault != NULL)
        builder_problem(b, pointer, NULL, "%s", fault);
    struct node *n = &g->nodes[g->node_count++];
    n->declared = spec->declared;
    n->on_error_goto = NODE_NONE;
    n->name = mem_strdup(spec->name);
    n->trigger = mem_printf("branch:to:%s", spec->name);
    if (n->name == NULL || n->trigger == NULL) {
        /* A node without a name must not stay: names are compared. */
        mem_free(n->name);
        mem_free(n->trigger);
        g->node_count--;
        return err_trace(ERR_NOMEM);
    }
    return read_node(b, g, spec->json, pointer, n);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct node_spec *)a)->name, ((const struct node_spec *)b)->name);
}

int build_nodes(struct anabranch_builder *b, struct graph *g)
{
    g->nodes = mem_array(b->node_count, sizeof(*g->nodes));
    if (g->nodes == NULL)
        return err_trace(ERR_NOMEM);
    if (b->node_count > 0)
        qsort(b->nodes, b->node_count, sizeof(*b->nodes), compare_names);
    int r = build_defaults(b, g);
    for (size_t i = 0; i < b->node_count && r == 0; i++)
        r = add_node(b, &b->nodes[i], g);
    return r;
}
