#ifndef ANABRANCH_GRAPH_TEXTS_H
#define ANABRANCH_GRAPH_TEXTS_H
/* Arrays of owned strings, and of anything else that grows while a graph is put together. */
#include <stddef.h>

/* A copy of count strings (NULL among them becomes ""); NULL: no memory. Free with texts_free(). */
char **texts_copy(const char *const *texts, size_t count);
/* Accepts NULL, and an array that is not filled to its end; returns NULL. */
char **texts_free(char **texts, size_t count);

/* Room for one more item behind count: the array, perhaps moved, its new part zeroed. NULL: no
 * memory, the old one stays valid. */
void *items_grow(void *items, size_t count, size_t *cap, size_t item_bytes);

#endif
