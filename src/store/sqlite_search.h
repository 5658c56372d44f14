#ifndef ANABRANCH_STORE_SQLITE_SEARCH_H
#define ANABRANCH_STORE_SQLITE_SEARCH_H
/*
 * Private to sqlite_search*.c: one search of records, see sqlite_search.c. Results are 0 or what
 * sqlite_db.h says.
 *
 * A walk that takes long pauses, so that others get their turn: the search is kept, with the place at
 * which it stands, and goes on from there. What is changed meanwhile may be missed, but is never
 * found twice.
 */
#include "store/record_match.h"
#include "store/sqlite_db.h"

/* By what the rows are found. */
enum means { BY_ORDER, BY_OWNER, BY_STATUS, BY_TAG, BY_IDS };

struct search {
    const struct record_query *query;
    struct record_filter filter;
    struct record_tags tags;
    enum means means;
    const char *common[2]; /* what the rows have in common */
    bool is_few;           /* collect, then sort */
    bool is_plain;         /* every row that is found fits */
    bool is_tag_enough;    /* of metadata nothing is left to look at */
    size_t passed;         /* of offset */
    struct stored_records *ret;
    int64_t until_us; /* then it pauses */
    bool is_paused;
    bool is_page_done;
    bool has_place;
    struct stored_record place; /* owned: the row that was seen last, in the page or in counting */
};

/* ---- one record: sqlite_search_row.c ---- */

/* What the row says at which the statement stands, borrowed; all but the body. */
int search_view_row(struct database *d, enum sql which, const struct search *s,
                    struct stored_record *ret);
int search_fits(struct database *d, const struct search *s, int64_t row,
                const struct stored_record *view, bool *ret_fits);
/* Frees what a copy owns. */
void search_clear_copy(struct stored_record *copy);
/* to: may be half filled on failure. */
int search_copy_view(const struct stored_record *from, struct stored_record *to);
/* To the answer, with its body if that is asked for. */
int search_add_record(struct database *d, const struct search *s, int64_t row,
                      const struct stored_record *view);

/* ---- walks: sqlite_search.c ---- */

bool search_is_full(const struct search *s);
enum sql search_walk_of(const struct search *s, bool is_ascending);
/* Begins behind a record (NULL: at the end of all); the statement stands at the first row. */
int search_start_walk(struct database *d, const struct search *s, bool is_ascending,
                      const struct stored_record *after, int64_t offset, bool *ret_is_row);

/* ---- few: sqlite_search_few.c ---- */

int search_find_few(struct database *d, struct search *s);

#endif
