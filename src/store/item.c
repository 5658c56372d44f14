/* Namespaces as texts: one label after the other, an end behind each. */
#include "store/item.h"
#include "base/err.h"
#include "base/mem.h"
#include "store/find.h"
#include "store/namespaces.h"
#include <string.h>

int item_ns_add(struct buf *ns, const char *label)
{
    static const char end = ITEM_LABEL_END;
    if (label[0] == '\0')
        return ITEM_E_LABEL;
    for (const char *c = label; *c != '\0'; c++)
        if (*c == '.' || (unsigned char)*c < ' ')
            return ITEM_E_LABEL;
    (void)buf_add_str(ns, label); /* sticky */
    return buf_add(ns, &end, 1);
}

const char *item_ns_label(const char *ns, size_t *ret_len_bytes, const char **ret_rest)
{
    const char *end = strchr(ns, ITEM_LABEL_END);
    if (end == NULL)
        return NULL;
    *ret_len_bytes = (size_t)(end - ns);
    *ret_rest = end + 1;
    return ns;
}

static size_t count_labels(const char *ns)
{
    size_t count = 0;
    size_t len;
    while (item_ns_label(ns, &len, &ns) != NULL)
        count++;
    return count;
}

/* The text behind the first labels, or its end. */
static const char *skip_labels(const char *ns, size_t count)
{
    size_t len;
    for (size_t i = 0; i < count && item_ns_label(ns, &len, &ns) != NULL;)
        i++;
    return ns;
}

bool namespace_has_prefix(const char *ns, const char *pattern)
{
    size_t wanted_len;
    size_t len;
    for (const char *wanted; (wanted = item_ns_label(pattern, &wanted_len, &pattern)) != NULL;) {
        const char *label = item_ns_label(ns, &len, &ns);
        bool is_any = wanted_len == 1 && wanted[0] == '*';
        if (label == NULL || (!is_any && (len != wanted_len || memcmp(label, wanted, len) != 0)))
            return false;
    }
    return true;
}

bool namespace_has_suffix(const char *ns, const char *pattern)
{
    size_t has = count_labels(ns);
    size_t wanted = count_labels(pattern);
    return has >= wanted && namespace_has_prefix(skip_labels(ns, has - wanted), pattern);
}

/* ---- listing ---- */

static size_t head_len(const char *prefix)
{
    const char *rest = prefix;
    const char *next;
    size_t len;
    for (const char *label; (label = item_ns_label(rest, &len, &next)) != NULL; rest = next)
        if (len == 1 && label[0] == '*')
            break;
    return (size_t)(rest - prefix);
}

int namespace_walk_init(struct namespace_walk *w, const struct namespace_query *q,
                        struct stored_namespaces *ret)
{
    const char *prefix = q->prefix == NULL ? "" : q->prefix;
    *w = (struct namespace_walk){ .query = q, .ret = ret, .head_len_bytes = head_len(prefix) };
    w->from = mem_strndup(prefix, w->head_len_bytes);
    return w->from == NULL ? err_trace(ERR_NOMEM) : 0;
}

void namespace_walk_deinit(struct namespace_walk *w)
{
    w->from = mem_free(w->from);
}

static bool is_wanted(const struct namespace_query *q, const char *ns)
{
    return (q->prefix == NULL || namespace_has_prefix(ns, q->prefix)) &&
           (q->suffix == NULL || namespace_has_suffix(ns, q->suffix));
}

static int add(struct namespace_walk *w, const char *ns, size_t len_bytes)
{
    if (w->passed < w->query->offset) {
        w->passed++;
        return 0;
    }
    char **items = find_grow(w->ret->items, w->ret->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    w->ret->items = items;
    items[w->ret->count] = mem_strndup(ns, len_bytes);
    if (items[w->ret->count] == NULL)
        return err_trace(ERR_NOMEM);
    w->ret->count++;
    w->is_over = w->ret->count == w->query->limit;
    return 0;
}

/* Behind ns: no label begins with so low a character. Behind all that begin with its first bytes:
 * nothing is between the end of a label and the one above it. */
static int move(struct namespace_walk *w, const char *ns, size_t len_bytes)
{
    bool is_cut = ns[len_bytes] != '\0';
    mem_free(w->from);
    w->from = mem_printf("%.*s%c", (int)(len_bytes - (is_cut ? 1 : 0)), ns,
                         is_cut ? ITEM_LABEL_END + 1 : ITEM_LABEL_END);
    return w->from == NULL ? err_trace(ERR_NOMEM) : 0;
}

int namespace_walk_see(struct namespace_walk *w, const char *ns)
{
    size_t depth = w->query->max_depth;
    size_t len_bytes = depth == 0 ? strlen(ns) : (size_t)(skip_labels(ns, depth) - ns);
    if (strncmp(ns, w->from, w->head_len_bytes) != 0) {
        w->is_over = true;
        return 0;
    }
    if (!is_wanted(w->query, ns))
        return move(w, ns, strlen(ns));
    int r = add(w, ns, len_bytes);
    return r == 0 ? move(w, ns, len_bytes) : r;
}
