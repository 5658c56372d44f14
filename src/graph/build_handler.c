/*
 * "on_error": a node inside a node. It is read like any other, is in no list of the graph, and has
 * no ways of its own but where its commands and "goto" lead.
 */
#include "base/err.h"
#include "base/mem.h"
#include "graph/builder.h"

/* Keys of a node that make no sense for what runs in another one's place. */
static const char *const not_here[] = { "on_error", "cache", "defer" };

static struct node *new_handler(const struct node *n)
{
    struct node *h = mem_zalloc(sizeof(*h));
    if (h == NULL)
        return NULL;
    h->name = mem_printf(HANDLER_PREFIX "%s", n->name);
    h->trigger = mem_printf("branch:to:" HANDLER_PREFIX "%s", n->name);
    h->declared = n->declared;
    h->on_error_goto = NODE_NONE;
    if (h->name != NULL && h->trigger != NULL)
        return h;
    mem_free(h->name);
    mem_free(h->trigger);
    return mem_free(h);
}

static void refuse_keys(struct setup *s)
{
    for (size_t i = 0; i < sizeof(not_here) / sizeof(*not_here); i++)
        if (setup_json(s, not_here[i], false) != NULL)
            setup_problem(s, not_here[i], "remove it", "an error handler has no \"%s\"",
                          not_here[i]);
}

int build_handler(struct setup *node, struct node *n)
{
    char *pointer MEM_AUTO(mem_freep) = NULL;
    const json_t *json = setup_object(node, "on_error", false, &pointer);
    if (json == NULL)
        return 0;
    struct node *h = new_handler(n);
    if (h == NULL)
        return err_trace(ERR_NOMEM);
    n->on_error = h;
    struct setup s;
    setup_init(&s, node->builder, pointer, json);
    s.graph = node->graph;
    s.node = h;
    s.node_name = h->name;
    s.sees_error = true;
    refuse_keys(&s);
    (void)setup_json(&s, "goto", false); /* read when all nodes are there: build_links() */
    int r = build_common(&s, h);
    if (r == 0)
        r = build_kind(&s, h);
    if (r == 0)
        setup_finish(&s);
    return r;
}
