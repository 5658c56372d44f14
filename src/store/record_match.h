#ifndef ANABRANCH_STORE_RECORD_MATCH_H
#define ANABRANCH_STORE_RECORD_MATCH_H
/* For backends: does a record fit a query, and which of two comes first? The same code for all of
 * them. Pure. */
#include "store/record.h"
#include <jansson.h>

/* A query whose JSON was read. */
struct record_filter {
    const struct record_query *query;
    json_t *metadata; /* NULL = any */
    json_t *body;
};
/* 0 or a fault (the query's JSON is no object); deinit in every case. */
int record_filter_init(struct record_filter *f, const struct record_query *q);
void record_filter_deinit(struct record_filter *f);

/* What is stored as metadata. *ret: owned. 0 or a fault: it is no object. */
int record_parse_metadata(const struct stored_bytes *metadata, json_t **ret);

/* All that is in columns, but `after`. */
bool record_fits_columns(const struct record_filter *f, const struct stored_record *r);
/* JSON that was stored against JSON that is wanted (NULL = any). 0 or a fault: what is stored is not
 * JSON. */
int record_fits_json(const json_t *wanted, const struct stored_bytes *stored, bool *ret_fits);

/* Below, at or above 0: by the order's column, ascending. Both of one kind. */
int record_compare(enum record_order order, const struct stored_record *a,
                   const struct stored_record *b);

/*
 * What a member of metadata is found by: its name, and the canonical text of its value if that is
 * no array or object. Long ones are cut; then others may have the same.
 */
struct record_tag {
    char *key;
    char *value;
    bool is_cut;
};
struct record_tags {
    struct record_tag *items;
    size_t count;
    bool is_all; /* no member is without one, and none is cut: the tags say all */
};
/* metadata: an object. 0 or ERR_NOMEM; deinit in every case. */
int record_tags_init(struct record_tags *t, const json_t *metadata);
void record_tags_deinit(struct record_tags *t);

#endif
