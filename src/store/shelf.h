#ifndef ANABRANCH_STORE_SHELF_H
#define ANABRANCH_STORE_SHELF_H
/*
 * A tree of sorted shelves, the body of store/memory.c. An item has a key, perhaps content, and a
 * shelf of further items below it. Knows nothing of threads and checkpoints.
 *
 * A change that must happen as a whole or not at all is made in two parts: build another tree
 * beside this one (which may fail anywhere), then merge:
 *
 *     shelf_get(&beside, 0, "a", &item) ... fill item ...
 *     shelf_prepare(&tree, &beside, &change)   the last that can fail; changes nothing to be seen
 *     shelf_merge(&tree, &beside)              cannot fail; beside is empty afterwards
 *
 * Looking up is a binary search, putting in moves pointers. Fault: ERR_NOMEM, no conditions.
 */
#include "store/store.h"

struct item;

/* Zeroed = empty. Sorted by kind, then by the bytes of the key. */
struct shelf {
    struct item **items;
    size_t count;
    size_t cap;
};

struct item {
    char *key;
    int kind; /* tells items of the same key apart */
    /* the content; bytes.bytes is NULL: none, the item is there for what is below it */
    char *note; /* or NULL */
    struct stored_bytes bytes;
    bool is_final; /* content: stays when another comes */
    bool is_reset; /* looked at while it is merged: nothing of the old item stays */
    struct shelf below;
};

/* The index of the first item that is not before (kind, key). */
size_t shelf_bound(const struct shelf *s, int kind, const char *key);
/* NULL = none. Borrowed until the shelf changes. */
struct item *shelf_find(const struct shelf *s, int kind, const char *key);
/* The same, made if it is not there. 0 or ERR_NOMEM. */
int shelf_get(struct shelf *s, int kind, const char *key, struct item **ret);
/* Frees all that is in it. */
void shelf_clear(struct shelf *s);

/* Takes note and bytes, which are NULL and empty afterwards, unless a final content is there. */
void item_set_content(struct item *item, char **note, struct stored_bytes *bytes);

/* What a merge would add and take away: keys, contents and the items that hold them. */
struct shelf_change {
    size_t more_bytes;
    size_t less_bytes;
};
int shelf_prepare(struct shelf *to, const struct shelf *from, struct shelf_change *change);
void shelf_merge(struct shelf *to, struct shelf *from);

#endif
