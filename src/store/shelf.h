#ifndef ANABRANCH_STORE_SHELF_H
#define ANABRANCH_STORE_SHELF_H
/*
 * A tree of sorted shelves, the body of store/memory.c. An item has a key, perhaps content, and a
 * shelf of further items below it. Knows nothing of threads and checkpoints.
 *
 * Every change is noted, so that it can be taken back (store/undo.h); while it may be, items stay
 * where they are in memory.
 *
 * Looking up is a binary search, putting in moves pointers. Fault: ERR_NOMEM, no conditions.
 */
#include "store/store.h"
#include "store/undo.h"

struct item;

/* Zeroed = empty. Sorted by kind, then by the bytes of the key. */
struct shelf {
    struct item **items;
    size_t count;
    size_t cap;
};

struct content {
    char *note; /* or NULL */
    struct stored_bytes bytes;
    int64_t number;
};

struct item {
    char *key;
    int kind;                /* tells items of the same key apart */
    struct content *content; /* NULL: the item is there for what is below it */
    struct shelf below;
};

/* The index of the first item that is not before (kind, key). */
size_t shelf_bound(const struct shelf *s, int kind, const char *key);
/* NULL = none. Borrowed until the shelf changes. */
struct item *shelf_find(const struct shelf *s, int kind, const char *key);
/* The same, made if it is not there. 0 or ERR_NOMEM. */
int shelf_get(struct shelf *s, struct undo *u, int kind, const char *key, struct item **ret);
/* Takes an item of the shelf away, with all that is below it. 0 or ERR_NOMEM. */
int shelf_remove(struct shelf *s, struct undo *u, struct item *item);
/* Frees all that is in it. */
void shelf_clear(struct shelf *s);

/* Instead of what was there. Takes note and bytes, which are NULL and empty afterwards. 0 or
 * ERR_NOMEM, then nothing was taken. */
int item_set_content(struct item *item, struct undo *u, char **note, struct stored_bytes *bytes,
                     int64_t number);
/* The item stays, for what is below it. 0 or ERR_NOMEM. */
int item_drop_content(struct item *item, struct undo *u);

#endif
