/*
 * The history of a thread, in pages: a filter looks at metadata, which the store does not know, so
 * how many checkpoints must be read is not known before.
 *
 *     look for `before` -> look for the place -> page -> page ...
 *
 * Who names neither begins with the pages.
 */
#include "base/err.h"
#include "base/mem.h"
#include "run/thread_work.h"
#include <string.h>

/* States may be large, and a page is decoded in one go: neither the loop nor the storage thread may be
 * held up for long. */
enum { PAGE_COUNT = 8 };

struct listing {
    struct thread_work work; /* first member; result is the array */
    size_t limit;            /* 0 = all */
    size_t asked_count;      /* of the page that is being read */
    char *before;            /* the next page's, or NULL */
    json_t *filter;          /* or NULL */
    size_t bytes;            /* of the states in the result */
    size_t max_bytes;        /* 0 = any */
};

static struct listing *listing_of(struct thread_work *w)
{
    return (struct listing *)(void *)w;
}

static void listing_deinit(struct thread_work *w)
{
    mem_free(listing_of(w)->before);
    json_decref(listing_of(w)->filter);
}

/* Objects may have more members than what is wanted. */
static bool contains(const json_t *have, const json_t *want)
{
    const char *key;
    json_t *part;
    if (!json_is_object(want) || !json_is_object(have))
        return json_equal(have, want);
    json_object_foreach((json_t *)want, key, part) {
        if (!contains(json_object_get(have, key), part))
            return false;
    }
    return true;
}

static size_t size_of(const struct stored_checkpoint *c)
{
    size_t bytes = c->head.len_bytes;
    for (size_t i = 0; i < c->value_count; i++)
        for (size_t k = 0; k < c->values[i].part_count; k++)
            bytes += c->values[i].parts[k].len_bytes;
    for (size_t i = 0; i < c->write_count; i++)
        bytes += c->writes[i].bytes.len_bytes;
    return bytes;
}

/* A list that is cut short would look like the whole history. */
static int refuse_size(const struct listing *l)
{
    fail_set(l->work.f, FAIL_LIMIT,
             "these states have more than %zu bytes together; ask for fewer of them (\"limit\", "
             "\"before\")",
             l->max_bytes);
    return THREAD_E_REFUSED;
}

static int add(struct listing *l, const struct stored_checkpoint *from)
{
    json_t *snapshot = NULL;
    int r = thread_snapshot(&l->work, &l->work.at, from, false, &snapshot);
    if (r != 0)
        return err_trace(r);
    bool is_wanted =
        l->filter == NULL || contains(json_object_get(snapshot, "metadata"), l->filter);
    if (is_wanted) {
        l->bytes += size_of(from);
        r = json_array_append(l->work.result, snapshot) != 0 ? err_trace(ERR_NOMEM) : 0;
    }
    json_decref(snapshot);
    if (r == 0 && l->max_bytes > 0 && l->bytes > l->max_bytes)
        r = refuse_size(l);
    return r;
}

static bool is_full(const struct listing *l)
{
    return l->limit > 0 && json_array_size(l->work.result) >= l->limit;
}

static void read_page(struct listing *l);

static void page_read(struct thread_work *w)
{
    struct listing *l = listing_of(w);
    size_t count = w->list.count;
    int r = 0;
    for (size_t i = 0; i < count && r == 0 && !is_full(l); i++)
        r = add(l, &w->list.items[i]);
    if (r != 0 || is_full(l) || count < l->asked_count) {
        thread_work_end(w, r);
        return;
    }
    mem_free(l->before);
    l->before = mem_strdup(w->list.items[count - 1].id);
    if (l->before == NULL)
        thread_work_end(w, err_trace(ERR_NOMEM));
    else
        read_page(l);
}

static void read_page(struct listing *l)
{
    struct store_query query = thread_query(&l->work);
    size_t missing = l->limit - json_array_size(l->work.result);
    bool is_last = l->limit > 0 && l->filter == NULL && missing < PAGE_COUNT;
    l->asked_count = is_last ? missing : PAGE_COUNT;
    query.before = l->before;
    query.limit = l->asked_count;
    thread_read(&l->work, &query, page_read);
}

/* ---- what is named must be there ---- */

static void place_found(struct thread_work *w)
{
    int r = thread_refuse_missing(w, w->checkpoint_id);
    if (r != 0)
        thread_work_end(w, r);
    else
        read_page(listing_of(w));
}

static void look_for(struct thread_work *w, const char *ns, const char *id,
                     void (*then)(struct thread_work *w))
{
    const struct store_query query = {
        .thread_id = w->thread_id, .ns = ns, .id = id, .limit = 1, .without_values = true
    };
    thread_read(w, &query, then);
}

static void find_place(struct thread_work *w)
{
    if (w->checkpoint_id != NULL)
        look_for(w, w->at.ns, w->checkpoint_id, place_found);
    else
        read_page(listing_of(w));
}

static void before_found(struct thread_work *w)
{
    int r = thread_refuse_missing(w, listing_of(w)->before);
    if (r != 0)
        thread_work_end(w, r);
    else
        find_place(w);
}

/* Ids tell the time, so one of any namespace of the thread will do. */
static void find_before(struct listing *l)
{
    if (l->before != NULL)
        look_for(&l->work, NULL, l->before, before_found);
    else
        find_place(&l->work);
}

/* ---- the call ---- */

static int fill(struct listing *l, const struct thread_history *how)
{
    l->limit = how->limit;
    l->max_bytes = how->max_bytes;
    l->filter = json_incref((json_t *)how->filter);
    l->before = mem_strdup(how->before);
    l->work.result = json_array();
    bool is_whole = l->work.result != NULL && (how->before == NULL || l->before != NULL);
    return is_whole ? 0 : err_trace(ERR_NOMEM);
}

void thread_get_history(struct runs *runs, struct thread_op *o, const struct thread_place *place,
                        const struct thread_history *how, json_t **ret, struct fail *f,
                        void (*on_end)(void *arg, int result), void *arg)
{
    const struct thread_call call = { runs, o, place, ret, f, on_end, arg };
    struct listing *l = thread_work_new(sizeof(*l), &call);
    if (l == NULL)
        return;
    l->work.deinit = listing_deinit;
    int r = fill(l, how);
    if (r != 0)
        thread_work_end(&l->work, r);
    else
        find_before(l);
}
