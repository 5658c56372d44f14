/* The runs of one thread, one after the other. A line is there as long as somebody is in it. */
#include "base/err.h"
#include "base/mem.h"
#include "run/ticket.h"
#include <string.h>

struct line *line_find(const struct desk *d, const char *thread_id)
{
    LIST_EACH(&d->lines[desk_bucket(thread_id)], node) {
        struct line *l = LIST_OF(node, struct line, node);
        if (strcmp(l->thread_id, thread_id) == 0)
            return l;
    }
    return NULL;
}

struct line *line_get(struct desk *d, const char *thread_id)
{
    struct line *l = line_find(d, thread_id);

    if (l != NULL)
        return l;
    l = mem_zalloc(sizeof(*l));
    if (l == NULL)
        return NULL;
    list_init(&l->tickets);
    list_init(&l->waits);
    snprintf(l->thread_id, sizeof(l->thread_id), "%s", thread_id);
    list_add_tail(&d->lines[desk_bucket(thread_id)], &l->node);
    return l;
}

void line_join(struct line *l, struct ticket *t)
{
    t->line = l;
    list_add_tail(&l->tickets, &t->in_line);
}

static void close_line(struct line *l)
{
    struct list *node;

    list_remove(&l->node);
    while ((node = list_pop(&l->waits)) != NULL) {
        struct desk_wait *w = LIST_OF(node, struct desk_wait, node);
        w->empty(w->arg);
    }
    mem_free(l);
}

bool line_may_close(struct ticket *t)
{
    struct line *l = t->line;

    t->waits_to_close = l->closing != NULL;
    if (!t->waits_to_close)
        l->closing = t;
    return !t->waits_to_close;
}

static void close_next(struct line *l)
{
    LIST_EACH(&l->tickets, node) {
        struct ticket *t = LIST_OF(node, struct ticket, in_line);
        if (l->closing != NULL)
            return;
        if (t->waits_to_close)
            ticket_close(t);
    }
}

void line_leave(struct ticket *t)
{
    struct line *l = t->line;

    list_remove(&t->in_line);
    t->line = NULL;
    if (l == NULL)
        return;
    if (l->at_work == t)
        l->at_work = NULL;
    if (l->closing == t)
        l->closing = NULL;
    if (list_is_empty(&l->tickets)) {
        close_line(l);
    } else {
        close_next(l);
        line_pump(l);
    }
}

/* One that is not due lets the later ones pass. */
void line_pump(struct line *l)
{
    LIST_EACH(&l->tickets, node) {
        struct ticket *t = LIST_OF(node, struct ticket, in_line);
        if (l->at_work != NULL || t->desk->is_draining)
            return;
        if (t->state == TICKET_BOOKING)
            return; /* in order */
        if (t->state == TICKET_WAITING && ticket_is_due(t)) {
            l->at_work = t;
            ticket_begin(t);
        }
    }
}

bool line_has_more(const struct ticket *t)
{
    return t->line != NULL &&
           (t->line->tickets.next != &t->in_line || t->line->tickets.prev != &t->in_line);
}

void line_cancel_before(struct line *l, const struct ticket *t, enum desk_cancel how)
{
    LIST_EACH(&l->tickets, node) {
        struct ticket *other = LIST_OF(node, struct ticket, in_line);
        if (other == t)
            return;
        ticket_cancel(other, how);
    }
}
