/*
 * Three places where bytes may be, from cheap to dear: a line that lies whole in the piece is read
 * there; a single data line is only pointed at (`held`) and given out when the blank line behind it
 * lies in the same piece; what reaches over the border of two pieces is copied into p->line or
 * p->data.
 */
#include "llm/sse_in.h"
#include "base/err.h"
#include <stdbool.h>
#include <string.h>

/* p->state: how many bytes of the byte order mark were seen (low two bits), and flags. */
enum { BOM_COUNT = 3, BOM_IS_PAST = 4, AFTER_CR = 8, HAS_DATA = 16 };

static const char byte_order_mark[] = "\xef\xbb\xbf";

struct piece {
    struct sse_in *p;
    const char *at;
    const char *end;
    const char *lf;   /* the first LF from `at` on; end = none, NULL = not searched yet */
    const char *held; /* the only data line so far, if it lies in this piece; else NULL */
    size_t held_len_bytes;
};

void sse_in_init(struct sse_in *p, size_t max_event_bytes,
                 void (*on_event)(void *arg, const char *event, const char *data, size_t len_bytes),
                 void *arg)
{
    *p = (struct sse_in){ .on_event = on_event, .arg = arg };
    buf_init(&p->line, max_event_bytes);
    buf_init(&p->data, max_event_bytes);
    buf_init(&p->event, max_event_bytes);
}

void sse_in_deinit(struct sse_in *p)
{
    buf_deinit(&p->line);
    buf_deinit(&p->data);
    buf_deinit(&p->event);
}

/* Copies the held line away: a second data line follows, or the piece ends. */
static void spill(struct piece *x)
{
    if (x->held != NULL)
        (void)buf_add(&x->p->data, x->held, x->held_len_bytes); /* sticky, see verdict() */
    x->held = NULL;
}

static void add_data(struct piece *x, const char *value, size_t len_bytes, bool in_place)
{
    struct sse_in *p = x->p;
    bool is_first = (p->state & HAS_DATA) == 0;
    p->state |= HAS_DATA;
    if (is_first && in_place) {
        x->held = value;
        x->held_len_bytes = len_bytes;
        return;
    }
    spill(x);
    if (!is_first)
        (void)buf_add_char(&p->data, '\n'); /* sticky */
    (void)buf_add(&p->data, value, len_bytes);
}

static void dispatch(struct piece *x)
{
    struct sse_in *p = x->p;
    if ((p->state & HAS_DATA) != 0 && p->data.fault == 0) {
        const char *data = x->held != NULL ? x->held : buf_text(&p->data);
        p->on_event(p->arg, buf_text(&p->event), data,
                    x->held != NULL ? x->held_len_bytes : p->data.len);
    }
    p->state &= ~HAS_DATA;
    x->held = NULL;
    if (p->data.fault == 0)
        buf_clear(&p->data);
    buf_clear(&p->event);
}

static bool is_field(const char *line, size_t name_len, const char *name)
{
    return name_len == strlen(name) && memcmp(line, name, name_len) == 0;
}

static void take_line(struct piece *x, const char *line, size_t len_bytes, bool in_place)
{
    if (len_bytes == 0) {
        dispatch(x);
        return;
    }
    const char *end = line + len_bytes;
    const char *colon = memchr(line, ':', len_bytes);
    size_t name_len = (size_t)((colon != NULL ? colon : end) - line);
    const char *value = colon != NULL ? colon + 1 : end;
    if (value < end && *value == ' ')
        value++;
    if (is_field(line, name_len, "data")) {
        add_data(x, value, (size_t)(end - value), in_place);
    } else if (is_field(line, name_len, "event")) {
        buf_clear(&x->p->event);
        (void)buf_add(&x->p->event, value, (size_t)(end - value)); /* sticky, see verdict() */
    }
}

/* The next CR or LF, or the end. LF is searched once per LF and CR only before it, so that no text
 * is walked again and again. */
static const char *find_line_end(struct piece *x)
{
    if (x->lf == NULL || x->lf < x->at) {
        x->lf = memchr(x->at, '\n', (size_t)(x->end - x->at));
        if (x->lf == NULL)
            x->lf = x->end;
    }
    const char *cr = memchr(x->at, '\r', (size_t)(x->lf - x->at));
    return cr != NULL ? cr : x->lf;
}

static void skip_line_end(struct piece *x)
{
    bool is_cr = *x->at++ == '\r';
    if (is_cr && x->at == x->end)
        x->p->state |= AFTER_CR;
    else if (is_cr && *x->at == '\n')
        x->at++;
}

static int verdict(const struct sse_in *p)
{
    const int faults[] = { p->line.fault, p->data.fault, p->event.fault };
    int worst = 0;
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        worst = faults[i] < 0 || worst == 0 ? faults[i] : worst;
    if (worst < 0)
        return err_trace(worst);
    return worst == BUF_E_FULL ? SSE_IN_E_TOO_LARGE : 0;
}

static int next_line(struct piece *x)
{
    struct sse_in *p = x->p;
    const char *line_end = find_line_end(x);
    size_t len_bytes = (size_t)(line_end - x->at);
    bool is_whole = line_end < x->end;
    if (len_bytes > p->line.max)
        return SSE_IN_E_TOO_LARGE;
    if (!is_whole || p->line.len > 0) {
        int r = buf_add(&p->line, x->at, len_bytes);
        if (r != 0)
            return verdict(p);
    }
    const char *line = x->at;
    x->at = line_end;
    if (!is_whole)
        return 0;
    skip_line_end(x);
    if (p->line.len > 0) {
        take_line(x, p->line.data, p->line.len, false);
        buf_clear(&p->line);
    } else {
        take_line(x, line, len_bytes, true);
    }
    return verdict(p);
}

/* A byte order mark that turns out to be none is the beginning of the first line. */
static int skip_byte_order_mark(struct piece *x)
{
    struct sse_in *p = x->p;
    while ((p->state & BOM_IS_PAST) == 0 && x->at < x->end) {
        size_t seen = (size_t)(p->state & BOM_COUNT);
        if (*x->at != byte_order_mark[seen]) {
            p->state = (p->state & ~BOM_COUNT) | BOM_IS_PAST;
            if (seen > 0)
                (void)buf_add(&p->line, byte_order_mark, seen); /* sticky */
            return verdict(p);
        }
        x->at++;
        p->state = seen == 2 ? BOM_IS_PAST : p->state + 1;
    }
    return 0;
}

int sse_in_feed(struct sse_in *p, const char *bytes, size_t len_bytes)
{
    if (len_bytes == 0)
        return 0;
    struct piece x = { .p = p, .at = bytes, .end = bytes + len_bytes };
    if ((p->state & AFTER_CR) != 0 && *bytes == '\n')
        x.at++;
    p->state &= ~AFTER_CR;
    int r = skip_byte_order_mark(&x);
    while (r == 0 && x.at < x.end)
        r = next_line(&x);
    spill(&x);
    return r != 0 ? r : verdict(p);
}
