#ifndef ANABRANCH_STORE_FIND_H
#define ANABRANCH_STORE_FIND_H
/*
 * For backends: what can be read, one row per verb. A backend has a function for each and takes the
 * rest from here: how large queries and answers are, how a query is copied so that it outlives the
 * call, how an answer is freed.
 */
#include "store/item.h"
#include "store/record.h"
#include "store/tail.h"

enum find_kind {
    FIND_CHECKPOINTS,
    FIND_RECORDS,
    FIND_EVENTS,
    FIND_ITEMS,
    FIND_NAMESPACES,
    FIND_KIND_COUNT
};

union find_query {
    struct store_query checkpoints;
    struct record_query records;
    struct event_query events;
    struct item_query items;
    struct namespace_query namespaces;
};
/* Zeroed = empty. */
union find_answer {
    struct stored_list checkpoints;
    struct stored_records records;
    struct stored_events events;
    struct stored_items items;
    struct stored_namespaces namespaces;
};

/* Copies that are freed together. Zeroed = none. */
struct keep {
    void **blocks;
    size_t count;
    int fault; /* sticky */
};
const char *keep_text(struct keep *k, const char *text); /* NULL in, NULL out */
void keep_clear(struct keep *k);

struct find {
    enum find_kind kind;
    size_t query_bytes;
    size_t answer_bytes;
    void (*copy)(struct keep *k, void *query); /* in place: what it points to becomes copies */
    void (*clear)(void *answer);
};
extern const struct find find_table[FIND_KIND_COUNT];

/* ret: takes the place of what is in it. 0 or ERR_NOMEM; keep_clear() in every case. */
int find_copy_query(const struct find *f, const void *query, struct keep *k, union find_query *ret);

/* Room for one more: items with a zeroed one behind them, in room that doubles. NULL: no memory;
 * items are as they were. */
void *find_grow(void *items, size_t count, size_t size_bytes);
/* Copies; 0 or ERR_NOMEM. */
int find_copy_text(const char *from, char **ret);
int find_copy_bytes(const char *bytes, size_t len_bytes, struct stored_bytes *ret);

#endif
