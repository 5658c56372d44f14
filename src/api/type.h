#ifndef ANABRANCH_API_TYPE_H
#define ANABRANCH_API_TYPE_H
/*
 * What a value of a request may be, as data: one row both checks the value and describes it in
 * /openapi.json, so the two cannot differ.
 *
 *     static const char *const words[] = { "raise", "do_nothing", NULL };
 *     static const struct type if_exists = { TYPE_WORDS, "raise or do_nothing", .words = words };
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct body_key;

enum type_kind {
    TYPE_ANY,
    TYPE_STRING,  /* least..most bytes */
    TYPE_UUID,    /* a string */
    TYPE_WORDS,   /* one of words */
    TYPE_BOOLEAN, /* in a query: true false 1 0 yes no, in any case */
    TYPE_INTEGER, /* least..most */
    TYPE_NUMBER,  /* least..most, or above least */
    TYPE_OBJECT,
    TYPE_MAP,   /* an object of least..most members of the type `item`, under any names */
    TYPE_LIST,  /* at least `least` items of the type `item` */
    TYPE_PAIR,  /* [string, anything] */
    TYPE_ONE_OF /* any of the types in `of` */
};

struct type {
    enum type_kind kind;
    const char *expected; /* "a string": what it must be, for sentences */
    int64_t least;
    int64_t most; /* 0: as many as there are */
    const char
        *pattern;  /* TYPE_STRING: what the handler looks at itself, for the schema; or NULL */
    bool is_above; /* TYPE_NUMBER: more than least */
    const char *const *words; /* NULL at the end */
    const struct type *item;  /* in a query, the words of a list may stand between commas, too */
    const struct type *const *of; /* NULL at the end */
    const struct body_key *keys;  /* TYPE_OBJECT: members that are looked at, or NULL */
    const char
        *sentence; /* of a value that is missing or an empty list, in place of ours; or NULL */
};

bool type_fits(const struct type *t, const json_t *v);
/* Of a list that may be one by its type: the first item that may not be in it, borrowed. NULL: it is no
 * list, or its items are not to blame. */
const json_t *type_find_wrong_item(const struct type *t, const json_t *v);
/* A JSON Schema (2020-12). NULL: no memory. */
json_t *type_schema(const struct type *t);
/* Of an object with these keys; a dot leads into an object inside. Keys that are not required may be
 * null. NULL: no memory. */
json_t *type_keys_schema(const struct body_key *keys);

extern const struct type type_any, type_string, type_object, type_boolean, type_strings, type_uuid;
extern const struct type type_limit;  /* 1..PAGE_MAX */
extern const struct type type_offset; /* 0.. */
extern const struct type type_if_exists, type_sort_order, type_ttl;
extern const struct type type_thread_status, type_run_status;
extern const struct type type_thread_id; /* a UUID, or a name that /invoke was given */
extern const struct type type_thread_ids;

#endif
