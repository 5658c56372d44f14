#ifndef ANABRANCH_STORE_NAMESPACES_H
#define ANABRANCH_STORE_NAMESPACES_H
/*
 * For backends: which namespaces a query lists. The backend looks for the first one that has items
 * and is not below `from`, shows it, and so on: whole families that are cut to one are leapt over.
 *
 *     namespace_walk_init(&w, q, ret)
 *     while (!w.is_over) { find the first ns >= w.from; none: break; namespace_walk_see(&w, ns) }
 *     namespace_walk_deinit(&w)
 *
 * Faults only: ERR_NOMEM. Pure.
 */
#include "store/item.h"

struct namespace_walk {
    const struct namespace_query *query;
    struct stored_namespaces *ret;
    char *from;
    size_t head_len_bytes; /* of the labels that all wanted ones begin with */
    size_t passed;         /* of offset */
    bool is_over;
};
int namespace_walk_init(struct namespace_walk *w, const struct namespace_query *q,
                        struct stored_namespaces *ret);
void namespace_walk_deinit(struct namespace_walk *w);
int namespace_walk_see(struct namespace_walk *w, const char *ns);

/* Begins ns with these labels? A label `*` of the pattern is any. */
bool namespace_has_prefix(const char *ns, const char *pattern);
bool namespace_has_suffix(const char *ns, const char *pattern);

#endif
