/* Sorted arrays of pointers; the depth of the tree is what its user builds (four, in memory.c). */
#include "store/shelf.h"
#include "base/err.h"
#include "base/mem.h"
#include <assert.h>
#include <string.h>

/* ---- items ---- */

static struct item *item_new(int kind, const char *key)
{
    struct item *item = mem_zalloc(sizeof(*item));
    if (item == NULL)
        return NULL;
    item->kind = kind;
    item->key = mem_strdup(key);
    return item->key == NULL ? mem_free(item) : item;
}

static void item_free(struct item *item)
{
    mem_free(item->key);
    mem_free(item->note);
    mem_free(item->bytes.bytes);
    shelf_clear(&item->below);
    mem_free(item);
}

static bool keeps_content(const struct item *item)
{
    return item->is_final && item->bytes.bytes != NULL;
}

void item_set_content(struct item *item, char **note, struct stored_bytes *bytes)
{
    if (keeps_content(item))
        return;
    mem_free(item->note);
    mem_free(item->bytes.bytes);
    item->note = *note;
    item->bytes = *bytes;
    *note = NULL;
    *bytes = (struct stored_bytes){ .bytes = NULL };
}

static size_t content_bytes(const struct item *item)
{
    size_t note_bytes = item->note == NULL ? 0 : strlen(item->note) + 1;
    return item->bytes.bytes == NULL ? 0 : note_bytes + item->bytes.len_bytes + 1;
}

/* With its place on the shelf and all that is below. */
static size_t item_bytes(const struct item *item)
{
    size_t sum = sizeof(item) + sizeof(*item) + strlen(item->key) + 1 + content_bytes(item);
    for (size_t i = 0; i < item->below.count; i++)
        sum += item_bytes(item->below.items[i]);
    return sum;
}

/* ---- shelves ---- */

static int compare(const struct item *item, int kind, const char *key)
{
    return item->kind != kind ? (item->kind > kind) - (item->kind < kind) : strcmp(item->key, key);
}

size_t shelf_bound(const struct shelf *s, int kind, const char *key)
{
    size_t low = 0;
    size_t high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(s->items[middle], kind, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct shelf *s, size_t index, int kind, const char *key)
{
    return index < s->count && compare(s->items[index], kind, key) == 0;
}

struct item *shelf_find(const struct shelf *s, int kind, const char *key)
{
    size_t index = shelf_bound(s, kind, key);
    return is_at(s, index, kind, key) ? s->items[index] : NULL;
}

static int reserve(struct shelf *s, size_t more)
{
    size_t wanted = s->count + more;
    if (wanted <= s->cap)
        return 0;
    size_t cap = wanted > 2 * s->cap ? wanted : 2 * s->cap;
    struct item **items = mem_realloc(s->items, cap * sizeof(*items));
    if (items == NULL)
        return ERR_NOMEM;
    s->items = items;
    s->cap = cap;
    return 0;
}

static void insert(struct shelf *s, size_t index, struct item *item)
{
    assert(s->count < s->cap);
    memmove(&s->items[index + 1], &s->items[index], (s->count - index) * sizeof(struct item *));
    s->items[index] = item;
    s->count++;
}

static void remove_at(struct shelf *s, size_t index)
{
    item_free(s->items[index]);
    s->count--;
    memmove(&s->items[index], &s->items[index + 1], (s->count - index) * sizeof(struct item *));
}

int shelf_get(struct shelf *s, int kind, const char *key, struct item **ret)
{
    size_t index = shelf_bound(s, kind, key);
    if (!is_at(s, index, kind, key)) {
        struct item *item = reserve(s, 1) != 0 ? NULL : item_new(kind, key);
        if (item == NULL)
            return err_trace(ERR_NOMEM);
        insert(s, index, item);
    }
    *ret = s->items[index];
    return 0;
}

void shelf_clear(struct shelf *s)
{
    for (size_t i = 0; i < s->count; i++)
        item_free(s->items[i]);
    mem_free(s->items);
    *s = (struct shelf){ .items = NULL };
}

/* ---- merging ---- */

static bool brings_content(const struct item *item, const struct item *old)
{
    return item->bytes.bytes != NULL && !keeps_content(old);
}

/* A reset with nothing after it leaves no item. */
static bool leaves_item(const struct item *item)
{
    return item->bytes.bytes != NULL || item->below.count > 0;
}

static int prepare_item(struct item *old, const struct item *item, struct shelf_change *change)
{
    if (old == NULL || item->is_reset) {
        change->less_bytes += old != NULL ? item_bytes(old) : 0;
        change->more_bytes += leaves_item(item) ? item_bytes(item) : 0;
        return 0;
    }
    if (brings_content(item, old)) {
        change->less_bytes += content_bytes(old);
        change->more_bytes += content_bytes(item);
    }
    return shelf_prepare(&old->below, &item->below, change);
}

int shelf_prepare(struct shelf *to, const struct shelf *from, struct shelf_change *change)
{
    int r = reserve(to, from->count);
    for (size_t i = 0; r == 0 && i < from->count; i++) {
        struct item *item = from->items[i];
        r = prepare_item(shelf_find(to, item->kind, item->key), item, change);
    }
    return r != 0 ? err_trace(r) : 0;
}

static void merge_item(struct shelf *to, struct item *item)
{
    size_t index = shelf_bound(to, item->kind, item->key);
    bool is_there = is_at(to, index, item->kind, item->key);
    if (is_there && !item->is_reset) {
        struct item *old = to->items[index];
        if (item->bytes.bytes != NULL)
            item_set_content(old, &item->note, &item->bytes);
        shelf_merge(&old->below, &item->below);
        item_free(item);
        return;
    }
    if (is_there)
        remove_at(to, index);
    if (!leaves_item(item)) {
        item_free(item);
        return;
    }
    insert(to, index, item);
}

void shelf_merge(struct shelf *to, struct shelf *from)
{
    for (size_t i = 0; i < from->count; i++)
        merge_item(to, from->items[i]);
    from->count = 0;
    shelf_clear(from);
}
