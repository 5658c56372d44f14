#ifndef ANABRANCH_STORE_MEMORY_H
#define ANABRANCH_STORE_MEMORY_H
/*
 * Private to memory.c and memory_read.c: what the memory backend keeps.
 *
 *     threads  by id
 *       namespaces  by name
 *         checkpoints  by id; content: head, note: the parent. Without content: only rows below
 *           writes   by kind and task id; note: the path
 *           values   LEAF_VALUE and the field; note: the base, or NULL
 */
#include "store/shelf.h"

enum { LEAF_VALUE = WRITE_KIND_COUNT }; /* kinds below it are enum write_kind */

struct memory {
    struct store store; /* first member */
    struct shelf threads;
    size_t used_bytes;
    size_t max_bytes;
};

/* space: of the threads' second level. NULL = none, or no checkpoint. */
const struct item *memory_latest(const struct item *space);
/* A copy of what the query finds. 0 or a fault, then *ret is empty. */
int memory_find(const struct memory *m, const struct store_query *q, struct stored_list *ret);

#endif
