/* Followers of threads, by thread. */
#include "run/watch.h"
#include "run/ticket.h"
#include <string.h>

void desk_watch(struct desk *d, struct desk_watch *w)
{
    list_add_tail(&d->watches[desk_bucket(w->thread_id)], &w->node);
}

void desk_unwatch(struct desk_watch *w)
{
    list_remove(&w->node);
}

/* ---- turns ---- */

static bool is_of(const struct ticket *t, const char *thread_id)
{
    return t->turn != 0 && strcmp(t->sheet.thread_id, thread_id) == 0;
}

uint64_t desk_turn_now(const struct desk *d, const char *thread_id)
{
    const struct line *l = line_find(d, thread_id);

    return l != NULL && l->at_work != NULL ? l->at_work->turn - 1 : d->turns;
}

uint64_t desk_turn_of(const struct desk *d, const char *thread_id, const char *run_id)
{
    const struct ticket *t = ticket_find(d, run_id);

    return t != NULL && is_of(t, thread_id) ? t->turn : 0;
}

/* The one at work is the last; those before it are among the kept ones. */
struct run *desk_next_run(const struct desk *d, const char *thread_id, uint64_t after,
                          uint64_t *ret_turn)
{
    const struct line *l = line_find(d, thread_id);
    const struct ticket *first = l == NULL ? NULL : l->at_work;

    LIST_EACH(&d->kept, node) {
        const struct ticket *t = LIST_OF(node, struct ticket, in_line);
        if (is_of(t, thread_id) && t->turn > after && (first == NULL || t->turn < first->turn))
            first = t;
    }
    if (first == NULL || first->turn <= after)
        return NULL;
    *ret_turn = first->turn;
    return first->run;
}

/* ---- telling ---- */

static bool concerns(const struct desk_watch *w, const char *thread_id)
{
    return thread_id == NULL || strcmp(w->thread_id, thread_id) == 0;
}

void watch_tell_began(struct desk *d, const char *thread_id)
{
    LIST_EACH(&d->watches[desk_bucket(thread_id)], node) {
        struct desk_watch *w = LIST_OF(node, struct desk_watch, node);
        if (concerns(w, thread_id))
            w->began(w->arg);
    }
}

bool desk_is_watched(const struct desk *d, const char *thread_id)
{
    LIST_EACH(&d->watches[desk_bucket(thread_id)], node) {
        if (concerns(LIST_OF(node, struct desk_watch, node), thread_id))
            return true;
    }
    return false;
}

void desk_tell_updated(struct desk *d, const char *thread_id, const char *json, size_t len_bytes)
{
    LIST_EACH(&d->watches[desk_bucket(thread_id)], node) {
        struct desk_watch *w = LIST_OF(node, struct desk_watch, node);
        if (concerns(w, thread_id))
            w->updated(w->arg, json, len_bytes);
    }
}

void desk_tell_over(struct desk *d, const char *thread_id)
{
    size_t first = thread_id == NULL ? 0 : desk_bucket(thread_id);
    size_t end = thread_id == NULL ? DESK_BUCKETS : first + 1;

    for (size_t i = first; i < end; i++) {
        LIST_EACH(&d->watches[i], node) {
            struct desk_watch *w = LIST_OF(node, struct desk_watch, node);
            if (concerns(w, thread_id))
                w->over(w->arg);
        }
    }
}
