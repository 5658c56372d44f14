/* One record of a search: looked at where the statement stands, and copied if it is wanted. */
#include "base/err.h"
#include "base/mem.h"
#include "store/sqlite_search.h"

/* What the row says, borrowed; all but the body. */
int search_view_row(struct database *d, enum sql which, const struct search *s,
                    struct stored_record *ret)
{
    struct stored_bytes texts[4];
    int r = 0;
    for (int i = 0; r == 0 && i < 4; i++)
        r = sql_column_borrow(d, which, 1 + i, &texts[i]);
    if (r == 0)
        r = sql_column_borrow(d, which, 10, &ret->metadata);
    if (r != 0)
        return r;
    ret->kind = s->query->kind;
    ret->id = texts[0].bytes;
    ret->owner = texts[1].bytes;
    ret->status = texts[2].bytes;
    ret->name = texts[3].bytes;
    ret->created_ms = sql_column_int(d, which, 5);
    ret->updated_ms = sql_column_int(d, which, 6);
    ret->due_ms = sql_column_int(d, which, 7);
    ret->revision = sql_column_int(d, which, 8);
    ret->reserved_seq = sql_column_int(d, which, 9);
    ret->body = (struct stored_bytes){ .bytes = NULL };
    return 0;
}

static int read_body(struct database *d, int64_t row, struct stored_bytes *ret)
{
    bool is_row = false;
    int r = sql_first(d, SQL_READ_BODY, SQL_WITH(sql_int(row)), &is_row);
    if (r == 0)
        r = is_row ? sql_column_bytes(d, SQL_READ_BODY, 0, ret) : find_copy_bytes("{}", 2, ret);
    sql_end(d, SQL_READ_BODY);
    return r;
}

int search_fits(struct database *d, const struct search *s, int64_t row,
                const struct stored_record *view, bool *ret_fits)
{
    struct stored_bytes body = { .bytes = NULL };
    int r = 0;
    *ret_fits = record_fits_columns(&s->filter, view);
    if (*ret_fits && !s->is_tag_enough)
        r = record_fits_json(s->filter.metadata, &view->metadata, ret_fits);
    if (r == 0 && *ret_fits && s->filter.body != NULL) {
        r = read_body(d, row, &body);
        if (r == 0)
            r = record_fits_json(s->filter.body, &body, ret_fits);
    }
    mem_free(body.bytes);
    return r;
}

void search_clear_copy(struct stored_record *copy)
{
    mem_free(copy->id);
    mem_free(copy->owner);
    mem_free(copy->status);
    mem_free(copy->name);
    mem_free(copy->metadata.bytes);
    *copy = (struct stored_record){ .id = NULL };
}

int search_copy_view(const struct stored_record *from, struct stored_record *to)
{
    *to = *from;
    to->id = to->owner = to->status = to->name = NULL;
    to->metadata = (struct stored_bytes){ .bytes = NULL };
    int r = find_copy_text(from->id, &to->id);
    if (r == 0)
        r = find_copy_text(from->owner, &to->owner);
    if (r == 0)
        r = find_copy_text(from->status, &to->status);
    if (r == 0)
        r = find_copy_text(from->name, &to->name);
    return r == 0 ? find_copy_bytes(from->metadata.bytes, from->metadata.len_bytes, &to->metadata)
                  : r;
}

int search_add_record(struct database *d, const struct search *s, int64_t row,
                      const struct stored_record *view)
{
    struct stored_records *l = s->ret;
    struct stored_record *items = find_grow(l->items, l->count, sizeof(*items));
    if (items == NULL)
        return err_trace(ERR_NOMEM);
    l->items = items;
    struct stored_record *to = &items[l->count++];
    int r = search_copy_view(view, to);
    return r == 0 && !s->query->without_body ? read_body(d, row, &to->body) : r;
}
