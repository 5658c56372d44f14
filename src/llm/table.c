/* The kinds of providers. */
#include "llm/table.h"
#include <string.h>

static const struct llm_kind *const kinds[] = {
    &llm_kind_demo,
    &llm_kind_openai,
};

const struct llm_kind *llm_kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}
