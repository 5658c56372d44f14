/* What a query asks of a record. */
#include "store/record_match.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "store/match.h"
#include <math.h>
#include <string.h>

enum { DEPTH_MAX = 2048, TAG_MAX_BYTES = 200 }; /* whoever stored it had a smaller depth */

/* ---- JSON ---- */

static int parse(const char *bytes, size_t len_bytes, json_t **ret)
{
    struct jsonx_error error;
    int r = jsonx_parse(bytes, len_bytes, DEPTH_MAX, ret, &error);
    return r > 0 ? err_trace(ERR_SYSTEM) : r;
}

static int parse_object(const char *bytes, size_t len_bytes, json_t **ret)
{
    int r = parse(bytes, len_bytes, ret);
    if (r != 0 || json_is_object(*ret))
        return r;
    json_decref(*ret);
    *ret = NULL;
    return err_trace(ERR_SYSTEM);
}

int record_parse_metadata(const struct stored_bytes *metadata, json_t **ret)
{
    return parse_object(metadata->bytes, metadata->len_bytes, ret);
}

static int parse_wanted(const char *text, json_t **ret)
{
    return text == NULL ? 0 : parse_object(text, strlen(text), ret);
}

int record_filter_init(struct record_filter *f, const struct record_query *q)
{
    *f = (struct record_filter){ .query = q };
    int r = parse_wanted(q->metadata, &f->metadata);
    return r == 0 ? parse_wanted(q->body, &f->body) : r;
}

void record_filter_deinit(struct record_filter *f)
{
    json_decref(f->metadata);
    json_decref(f->body);
    *f = (struct record_filter){ .query = NULL };
}

int record_fits_json(const json_t *wanted, const struct stored_bytes *stored, bool *ret_fits)
{
    json_t *json = NULL;
    *ret_fits = true;
    if (wanted == NULL)
        return 0;
    int r = parse(stored->bytes, stored->len_bytes, &json);
    if (r == 0)
        *ret_fits = json_contains(json, wanted);
    json_decref(json);
    return r;
}

/* ---- preconditions ---- */

static bool has_status(const char *statuses, const char *status)
{
    size_t len = strlen(status);
    for (const char *s = statuses; *s != '\0'; s = strchr(s, '\n') + 1)
        if (strncmp(s, status, len) == 0 && s[len] == '\n')
            return true;
    return false;
}

bool record_is_expected(const struct store_row *expect, int64_t revision, const char *status)
{
    bool is_there = revision != 0;
    if (!is_there || expect->number < 0)
        return !is_there && expect->number < 0;
    return (expect->number == 0 || revision == expect->number) &&
           (expect->ns == NULL || has_status(expect->ns, status));
}

/* ---- columns ---- */

static bool is_one_of(const char *text, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, texts[i]) == 0)
            return true;
    return texts == NULL;
}

static bool is_early(int64_t time_ms, int64_t before_ms)
{
    return before_ms == 0 || (time_ms != 0 && time_ms < before_ms);
}

bool record_fits_columns(const struct record_filter *f, const struct stored_record *r)
{
    const struct record_query *q = f->query;
    const char *const *statuses = q->status_count == 0 ? NULL : q->statuses;
    return is_one_of(r->id, q->ids, q->id_count) &&
           (q->owner == NULL || strcmp(r->owner, q->owner) == 0) &&
           is_one_of(r->status, statuses, q->status_count) &&
           (q->name_part == NULL || strcasestr(r->name, q->name_part) != NULL) &&
           is_early(r->updated_ms, q->updated_before_ms) && is_early(r->due_ms, q->due_before_ms) &&
           (q->order != RECORDS_BY_DUE || r->due_ms != 0);
}

bool record_query_is_plain(const struct record_query *q)
{
    return q->ids == NULL && q->owner == NULL && q->status_count == 0 && q->metadata == NULL &&
           q->body == NULL && q->name_part == NULL && q->updated_before_ms == 0 &&
           q->due_before_ms == 0 && q->order != RECORDS_BY_DUE;
}

/* ---- order ---- */

static int compare_ms(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_texts(enum record_order order, const struct stored_record *a,
                         const struct stored_record *b)
{
    if (order == RECORDS_BY_STATUS)
        return strcmp(a->status, b->status);
    if (order == RECORDS_BY_OWNER)
        return strcmp(a->owner, b->owner);
    return order == RECORDS_BY_NAME ? strcmp(a->name, b->name) : 0;
}

static int compare_times(enum record_order order, const struct stored_record *a,
                         const struct stored_record *b)
{
    if (order == RECORDS_BY_UPDATED)
        return compare_ms(a->updated_ms, b->updated_ms);
    if (order == RECORDS_BY_DUE)
        return compare_ms(a->due_ms, b->due_ms);
    return order == RECORDS_BY_ID ? 0 : compare_ms(a->created_ms, b->created_ms);
}

int record_compare(enum record_order order, const struct stored_record *a,
                   const struct stored_record *b)
{
    int r = compare_texts(order, a, b);
    if (r == 0)
        r = compare_times(order, a, b);
    return r == 0 ? strcmp(a->id, b->id) : r;
}

/* ---- tags ---- */

static char *cut(const char *text, size_t len_bytes, bool *is_cut)
{
    if (len_bytes <= TAG_MAX_BYTES)
        return mem_strndup(text, len_bytes);
    *is_cut = true;
    return mem_strndup(text, jsonx_utf8_prefix(text, TAG_MAX_BYTES));
}

/* A real that is an integer looks like one. */
static char *value_text(const json_t *value, bool *is_cut)
{
    size_t len_bytes = 0;
    double number = json_real_value(value);
    bool is_whole = json_is_real(value) && number == floor(number) && fabs(number) < 9.2e18;
    if (json_is_string(value))
        return cut(json_string_value(value), json_string_length(value), is_cut);
    if (is_whole)
        return mem_printf("=%lld", (long long)number);
    char *json MEM_AUTO(mem_freep) = jsonx_text(value, TAG_MAX_BYTES, &len_bytes);
    return json == NULL ? NULL : mem_printf("=%s", json);
}

/* Texts have a quote in front of them, so that none is taken for a number. */
static char *tag_value(const json_t *value, bool *is_cut)
{
    char *text MEM_AUTO(mem_freep) = value_text(value, is_cut);
    if (text == NULL || !json_is_string(value))
        return mem_strdup(text);
    return mem_printf("\"%s", text);
}

static int add_tag(struct record_tags *t, const char *name, const json_t *value)
{
    struct record_tag *tag = &t->items[t->count++];
    tag->key = cut(name, strlen(name), &tag->is_cut);
    tag->value = tag_value(value, &tag->is_cut);
    t->is_all = t->is_all && !tag->is_cut;
    return tag->key == NULL || tag->value == NULL ? err_trace(ERR_NOMEM) : 0;
}

int record_tags_init(struct record_tags *t, const json_t *metadata)
{
    const char *name;
    json_t *value;
    int r = 0;
    *t = (struct record_tags){ .is_all = true };
    t->items = mem_array(json_object_size(metadata), sizeof(*t->items));
    if (t->items == NULL)
        return err_trace(ERR_NOMEM);
    json_object_foreach((json_t *)metadata, name, value) {
        if (json_is_object(value) || json_is_array(value))
            t->is_all = false;
        else
            r = add_tag(t, name, value);
        if (r != 0)
            break;
    }
    return r;
}

uint64_t record_tags_bits(const struct record_tags *t)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < t->count; i++) {
        uint64_t hash = hash_text(HASH_BEGIN, t->items[i].key);
        hash = hash_text(hash ^ '=', t->items[i].value);
        bits |= UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 32 & 63);
    }
    return bits;
}

void record_tags_deinit(struct record_tags *t)
{
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->items[i].key);
        mem_free(t->items[i].value);
    }
    mem_free(t->items);
    *t = (struct record_tags){ .items = NULL };
}
