/* Sorted arrays of pointers; the depth of the tree is what its user builds (four, in memory.c). */
#include "store/shelf.h"
#include "base/err.h"
#include "base/mem.h"
#include <assert.h>
#include <string.h>

/* ---- items ---- */

static void content_free(void *old)
{
    struct content *content = old;
    if (content == NULL)
        return;
    mem_free(content->note);
    mem_free(content->bytes.bytes);
    mem_free(content);
}

static struct item *item_new(int kind, const char *key)
{
    struct item *item = mem_zalloc(sizeof(*item));
    if (item == NULL)
        return NULL;
    item->kind = kind;
    item->key = mem_strdup(key);
    return item->key == NULL ? mem_free(item) : item;
}

static void item_free(void *old)
{
    struct item *item = old;
    mem_free(item->key);
    content_free(item->content);
    shelf_clear(&item->below);
    mem_free(item);
}

/* ---- how much ---- */

static int64_t content_bytes(const struct content *content)
{
    size_t note_bytes = content == NULL || content->note == NULL ? 0 : strlen(content->note) + 1;
    return content == NULL
               ? 0
               : (int64_t)(sizeof(*content) + note_bytes + content->bytes.len_bytes + 1);
}

/* With its place on the shelf and all that is below. */
static int64_t item_bytes(const struct item *item)
{
    int64_t sum = (int64_t)(sizeof(item) + sizeof(*item) + strlen(item->key) + 1);
    sum += content_bytes(item->content);
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

static bool reserve(struct shelf *s)
{
    if (s->count < s->cap)
        return true;
    size_t cap = s->cap == 0 ? 1 : 2 * s->cap;
    struct item **items = mem_realloc(s->items, cap * sizeof(*items));
    if (items == NULL)
        return false;
    s->items = items;
    s->cap = cap;
    return true;
}

static void insert(struct shelf *s, struct item *item)
{
    size_t index = shelf_bound(s, item->kind, item->key);
    assert(s->count < s->cap);
    memmove(&s->items[index + 1], &s->items[index], (s->count - index) * sizeof(struct item *));
    s->items[index] = item;
    s->count++;
}

/* Room once had stays, so that what is taken away can come back. */
static void take_out(struct shelf *s, const struct item *item)
{
    size_t index = shelf_bound(s, item->kind, item->key);
    assert(s->items[index] == item);
    s->count--;
    memmove(&s->items[index], &s->items[index + 1], (s->count - index) * sizeof(struct item *));
}

void shelf_clear(struct shelf *s)
{
    for (size_t i = 0; i < s->count; i++)
        item_free(s->items[i]);
    mem_free(s->items);
    *s = (struct shelf){ .items = NULL };
}

/* ---- changes ---- */

static void take_back_get(void *place, void *old, void *fresh)
{
    (void)old; /* there was none */
    take_out(place, fresh);
    item_free(fresh);
}

static void take_back_remove(void *place, void *old, void *fresh)
{
    (void)fresh; /* there is none */
    insert(place, old);
}

static void take_back_content(void *place, void *old, void *fresh)
{
    ((struct item *)place)->content = old;
    content_free(fresh);
}

static const struct undo_kind undo_get = { take_back_get, NULL };
static const struct undo_kind undo_remove = { take_back_remove, item_free };
static const struct undo_kind undo_content = { take_back_content, content_free };

int shelf_get(struct shelf *s, struct undo *u, int kind, const char *key, struct item **ret)
{
    *ret = shelf_find(s, kind, key);
    if (*ret != NULL)
        return 0;
    struct item *item = undo_reserve(u) != 0 || !reserve(s) ? NULL : item_new(kind, key);
    if (item == NULL)
        return err_trace(ERR_NOMEM);
    insert(s, item);
    undo_note(u, &undo_get, s, NULL, item);
    u->bytes += item_bytes(item);
    *ret = item;
    return 0;
}

int shelf_remove(struct shelf *s, struct undo *u, struct item *item)
{
    int r = undo_reserve(u);
    if (r != 0)
        return err_trace(r);
    take_out(s, item);
    undo_note(u, &undo_remove, s, item, NULL);
    u->bytes -= item_bytes(item);
    return 0;
}

int item_set_content(struct item *item, struct undo *u, char **note, struct stored_bytes *bytes,
                     int64_t number)
{
    struct content *fresh = undo_reserve(u) != 0 ? NULL : mem_alloc(sizeof(*fresh));
    if (fresh == NULL)
        return err_trace(ERR_NOMEM);
    *fresh = (struct content){ *note, *bytes, number };
    *note = NULL;
    *bytes = (struct stored_bytes){ .bytes = NULL };
    u->bytes += content_bytes(fresh) - content_bytes(item->content);
    undo_note(u, &undo_content, item, item->content, fresh);
    item->content = fresh;
    return 0;
}

int item_drop_content(struct item *item, struct undo *u)
{
    int r = undo_reserve(u);
    if (r != 0)
        return err_trace(r);
    u->bytes -= content_bytes(item->content);
    undo_note(u, &undo_content, item, item->content, NULL);
    item->content = NULL;
    return 0;
}
