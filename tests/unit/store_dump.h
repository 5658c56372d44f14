#ifndef ANABRANCH_TESTS_STORE_DUMP_H
#define ANABRANCH_TESTS_STORE_DUMP_H
/* Answers of a store as text, to be compared. */
#include "store_rig.h"

enum { DUMP_MAX_BYTES = 1 << 22 };

/* Labels with '/' behind them. */
static inline void dump_ns(struct buf *out, const char *ns)
{
    for (; *ns != '\0'; ns++)
        (void)buf_add_char(out, *ns == ITEM_LABEL_END ? '/' : *ns);
}

/* is_long: all columns; else ids, with a blank between. */
static inline void dump_records(struct buf *out, const struct record_query *q, bool is_long)
{
    struct stored_records l;
    RIG_READ(store_find_records, q, &l);
    for (size_t i = 0; i < l.count; i++) {
        const struct stored_record *r = &l.items[i];
        (void)buf_addf(out, "%s%s", i > 0 ? " " : "", r->id);
        if (is_long)
            (void)buf_addf(out, "(%d %s %s %s %s %s %lld %lld %lld r%lld s%lld)", (int)r->kind,
                           r->owner, r->status, r->name, r->metadata.bytes,
                           r->body.bytes == NULL ? "-" : r->body.bytes, (long long)r->created_ms,
                           (long long)r->updated_ms, (long long)r->due_ms, (long long)r->revision,
                           (long long)r->reserved_seq);
    }
    if (q->total != TOTAL_NONE)
        (void)buf_addf(out, "%s#%zu", l.count > 0 ? " " : "", l.total);
    stored_records_clear(&l);
}

static inline void dump_items(struct buf *out, const struct item_query *q, bool is_long)
{
    struct stored_items l;
    RIG_READ(store_find_items, q, &l);
    for (size_t i = 0; i < l.count; i++) {
        const struct stored_item *item = &l.items[i];
        (void)buf_add_str(out, i > 0 ? " " : "");
        dump_ns(out, item->ns);
        (void)buf_add_str(out, item->key);
        if (is_long)
            (void)buf_addf(out, "=%s(%lld %lld %lld)", item->value.bytes,
                           (long long)item->created_ms, (long long)item->updated_ms,
                           (long long)item->ttl_ms);
    }
    stored_items_clear(&l);
}

static inline void dump_namespaces(struct buf *out, const struct namespace_query *q)
{
    struct stored_namespaces l;
    RIG_READ(store_list_namespaces, q, &l);
    for (size_t i = 0; i < l.count; i++) {
        (void)buf_add_str(out, i > 0 ? " " : "");
        dump_ns(out, l.items[i]);
    }
    stored_namespaces_clear(&l);
}

static inline void dump_events(struct buf *out, const struct event_query *q)
{
    struct stored_events l;
    RIG_READ(store_read_events, q, &l);
    for (size_t i = 0; i < l.count; i++)
        (void)buf_addf(out, "%s%lld-%lld:%s", i > 0 ? " " : "", (long long)l.items[i].first_seq,
                       (long long)l.items[i].last_seq, l.items[i].bytes.bytes);
    stored_events_clear(&l);
}

/* Checkpoints of a thread with all that is in them, newest first, one in a line. */
static inline void dump_thread(struct buf *out, const char *thread_id)
{
    struct stored_list l;
    RIG_READ(store_read, (&(struct store_query){ .thread_id = thread_id }), &l);
    for (size_t i = 0; i < l.count; i++) {
        const struct stored_checkpoint *c = &l.items[i];
        (void)buf_addf(out, "%s/%s<%s", c->ns, c->id, c->parent_id);
        for (size_t k = 0; k < c->value_count; k++) {
            (void)buf_addf(out, " %s=", c->values[k].field);
            for (size_t p = 0; p < c->values[k].part_count; p++)
                (void)buf_addf(out, "%s%s", p > 0 ? "+" : "", c->values[k].parts[p].bytes);
        }
        for (size_t k = 0; k < c->write_count; k++)
            (void)buf_addf(out, " %s:%d:%s", c->writes[k].task_id, (int)c->writes[k].kind,
                           c->writes[k].bytes.bytes);
        (void)buf_add_char(out, '\n');
    }
    stored_list_clear(&l);
}

/* A form of `dump_x(&out, ...)` compared with a text. */
#define ASSERT_DUMP(wanted, dump, ...)                                                             \
    do {                                                                                           \
        struct buf dump_out;                                                                       \
        buf_init(&dump_out, DUMP_MAX_BYTES);                                                       \
        dump(&dump_out, __VA_ARGS__);                                                              \
        ck_assert_str_eq(buf_text(&dump_out), wanted);                                             \
        buf_deinit(&dump_out);                                                                     \
    } while (0)

#endif
