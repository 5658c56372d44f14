/* Every built-in kind, one row each. */
#include "node/node.h"

static const struct node_kind *const kinds[] = {
    &node_fail, &node_graph, &node_http, &node_interrupt, &node_llm, &node_lua, &node_set, &node_wait,
};

struct kind_table node_kinds(void)
{
    return (struct kind_table){ .kinds = kinds, .count = sizeof(kinds) / sizeof(kinds[0]) };
}
