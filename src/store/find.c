/* Queries that outlive the call, and answers. */
#include "store/find.h"
#include "base/err.h"
#include "base/mem.h"
#include <string.h>

/* ---- copies that are freed together ---- */

static void *keep_bytes(struct keep *k, const void *bytes, size_t len_bytes)
{
    void **blocks = k->fault != 0 ? NULL : find_grow(k->blocks, k->count, sizeof(*blocks));
    if (blocks != NULL) {
        k->blocks = blocks;
        blocks[k->count] = mem_alloc(len_bytes);
    }
    if (blocks == NULL || blocks[k->count] == NULL) {
        k->fault = err_trace(ERR_NOMEM);
        return NULL;
    }
    return memcpy(blocks[k->count++], bytes, len_bytes);
}

const char *keep_text(struct keep *k, const char *text)
{
    return text == NULL ? NULL : keep_bytes(k, text, strlen(text) + 1);
}

/* A list that is there stays there, even if it is empty. */
static const char *const *keep_texts(struct keep *k, const char *const *texts, size_t count)
{
    const char **copy = texts == NULL ? NULL : keep_bytes(k, texts, count * sizeof(*texts));
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = keep_text(k, texts[i]);
    return copy;
}

void keep_clear(struct keep *k)
{
    for (size_t i = 0; i < k->count; i++)
        mem_free(k->blocks[i]);
    mem_free(k->blocks);
    *k = (struct keep){ .blocks = NULL };
}

/* ---- queries ---- */

static void copy_checkpoints(struct keep *k, void *query)
{
    struct store_query *q = query;
    q->thread_id = keep_text(k, q->thread_id);
    q->ns = keep_text(k, q->ns);
    q->id = keep_text(k, q->id);
    q->before = keep_text(k, q->before);
}

static const struct stored_record *keep_place(struct keep *k, const struct stored_record *after)
{
    struct stored_record *copy = after == NULL ? NULL : keep_bytes(k, after, sizeof(*after));
    if (copy == NULL)
        return NULL;
    copy->id = (char *)keep_text(k, after->id);
    copy->owner = (char *)keep_text(k, after->owner);
    copy->status = (char *)keep_text(k, after->status);
    copy->name = (char *)keep_text(k, after->name);
    return copy;
}

static void copy_records(struct keep *k, void *query)
{
    struct record_query *q = query;
    q->ids = keep_texts(k, q->ids, q->id_count);
    q->owner = keep_text(k, q->owner);
    q->statuses = keep_texts(k, q->statuses, q->status_count);
    q->metadata = keep_text(k, q->metadata);
    q->body = keep_text(k, q->body);
    q->name_part = keep_text(k, q->name_part);
    q->after = keep_place(k, q->after);
}

static void copy_events(struct keep *k, void *query)
{
    struct event_query *q = query;
    q->run_id = keep_text(k, q->run_id);
}

static void copy_items(struct keep *k, void *query)
{
    struct item_query *q = query;
    q->ns = keep_text(k, q->ns);
    q->key = keep_text(k, q->key);
    q->filter = keep_text(k, q->filter);
}

static void copy_namespaces(struct keep *k, void *query)
{
    struct namespace_query *q = query;
    q->prefix = keep_text(k, q->prefix);
    q->suffix = keep_text(k, q->suffix);
}

int find_copy_query(const struct find *f, const void *query, struct keep *k, union find_query *ret)
{
    *k = (struct keep){ .blocks = NULL };
    memcpy(ret, query, f->query_bytes);
    f->copy(k, ret);
    return k->fault;
}

/* ---- answers ---- */

void *find_grow(void *items, size_t count, size_t size_bytes)
{
    bool is_full = (count & (count - 1)) == 0; /* 0, 1, 2, 4 ... */
    size_t cap = count == 0 ? 1 : 2 * count;
    if (is_full && (items = mem_realloc(items, cap * size_bytes)) == NULL)
        return NULL;
    memset((char *)items + count * size_bytes, 0, size_bytes);
    return items;
}

int find_copy_text(const char *from, char **ret)
{
    *ret = mem_strdup(from);
    return *ret == NULL ? err_trace(ERR_NOMEM) : 0;
}

int find_copy_bytes(const char *bytes, size_t len_bytes, struct stored_bytes *ret)
{
    ret->bytes = mem_strndup(bytes, len_bytes);
    ret->len_bytes = len_bytes;
    return ret->bytes == NULL ? err_trace(ERR_NOMEM) : 0;
}

void stored_records_clear(struct stored_records *l)
{
    for (size_t i = 0; i < l->count; i++) {
        mem_free(l->items[i].id);
        mem_free(l->items[i].owner);
        mem_free(l->items[i].status);
        mem_free(l->items[i].name);
        mem_free(l->items[i].metadata.bytes);
        mem_free(l->items[i].body.bytes);
    }
    mem_free(l->items);
    *l = (struct stored_records){ .items = NULL };
}

void stored_events_clear(struct stored_events *l)
{
    for (size_t i = 0; i < l->count; i++)
        mem_free(l->items[i].bytes.bytes);
    mem_free(l->items);
    *l = (struct stored_events){ .items = NULL };
}

void stored_items_clear(struct stored_items *l)
{
    for (size_t i = 0; i < l->count; i++) {
        mem_free(l->items[i].ns);
        mem_free(l->items[i].key);
        mem_free(l->items[i].value.bytes);
    }
    mem_free(l->items);
    *l = (struct stored_items){ .items = NULL };
}

void stored_namespaces_clear(struct stored_namespaces *l)
{
    for (size_t i = 0; i < l->count; i++)
        mem_free(l->items[i]);
    mem_free(l->items);
    *l = (struct stored_namespaces){ .items = NULL };
}

/* The table knows answers without their type. */
static void clear_checkpoints(void *answer)
{
    stored_list_clear(answer);
}
static void clear_records(void *answer)
{
    stored_records_clear(answer);
}
static void clear_events(void *answer)
{
    stored_events_clear(answer);
}
static void clear_items(void *answer)
{
    stored_items_clear(answer);
}
static void clear_namespaces(void *answer)
{
    stored_namespaces_clear(answer);
}

const struct find find_table[FIND_KIND_COUNT] = {
    { FIND_CHECKPOINTS, sizeof(struct store_query), sizeof(struct stored_list), copy_checkpoints,
      clear_checkpoints },
    { FIND_RECORDS, sizeof(struct record_query), sizeof(struct stored_records), copy_records,
      clear_records },
    { FIND_EVENTS, sizeof(struct event_query), sizeof(struct stored_events), copy_events,
      clear_events },
    { FIND_ITEMS, sizeof(struct item_query), sizeof(struct stored_items), copy_items, clear_items },
    { FIND_NAMESPACES, sizeof(struct namespace_query), sizeof(struct stored_namespaces),
      copy_namespaces, clear_namespaces },
};
