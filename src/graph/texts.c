#include "graph/texts.h"
#include "base/mem.h"
#include <stdint.h>
#include <string.h>

enum { FIRST_CAP = 8 };

char **texts_copy(const char *const *texts, size_t count)
{
    char **copy = mem_array(count, sizeof(*copy));
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = mem_strdup(texts[i] == NULL ? "" : texts[i]);
        if (copy[i] == NULL)
            copy = texts_free(copy, i);
    }
    return copy;
}

char **texts_free(char **texts, size_t count)
{
    for (size_t i = 0; texts != NULL && i < count; i++)
        mem_free(texts[i]);
    return mem_free(texts);
}

void *items_grow(void *items, size_t count, size_t *cap, size_t item_bytes)
{
    if (count < *cap)
        return items;
    size_t wider = *cap == 0 ? FIRST_CAP : *cap * 2;
    if (wider > SIZE_MAX / 2 / item_bytes)
        return NULL;
    char *moved = mem_realloc(items, wider * item_bytes);
    if (moved == NULL)
        return NULL;
    memset(moved + count * item_bytes, 0, (wider - count) * item_bytes);
    *cap = wider;
    return moved;
}
