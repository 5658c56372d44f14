/*
 * A Lua pattern is a row of items without alternatives or nesting, so a match is a walk through the
 * row, and all that can be tried again are its repetitions. Each leaves a frame on a stack:
 *
 *     pattern   %a *  ( . - )  ;          frames   [%a* 0..3 now 3]  [.- 4.. now 6]
 *     subject   abc     def    ;
 *
 * When an item does not fit, the topmost frame gives one byte back (lazy: takes one more), and the
 * walk goes on behind it. A repetition stands once in the pattern and so has one frame at most.
 * Captures need no undo: one is known by its number alone, so that a frame remembers how many were
 * open and which were closed.
 *
 * The struct says at any time where the walk is, which is what makes it stop and go on.
 */
#include "script/pattern.h"

#include "script/pattern_item.h"
#include <stdio.h>
#include <string.h>

/* What a step leads to. */
enum move {
    MOVE_ON,
    MOVE_BACK, /* it does not fit */
    MOVE_DONE, /* the pattern is through */
    MOVE_WRONG,
};

static enum move wrong(struct pattern *p, const char *sentence)
{
    (void)snprintf(p->why, sizeof(p->why), "%s", sentence); /* ours, and short */
    return MOVE_WRONG;
}

static enum move wrong_index(struct pattern *p, int index)
{
    (void)snprintf(p->why, sizeof(p->why), "invalid capture index %%%d", index);
    return MOVE_WRONG;
}

/* For steps that take longer than others. */
static void charge(struct pattern *p, size_t steps)
{
    p->steps = p->steps > steps ? p->steps - steps : 0;
}

/* Whether the byte at `at` fits an item; there is none at the end. */
static bool has(struct pattern *p, size_t item, size_t item_end, size_t at)
{
    charge(p, (item_end - item) / 8);
    return at < p->subject.len &&
           pattern_item_has(&p->text, item, item_end, (unsigned char)p->subject.bytes[at]);
}

static struct pattern_frame *top_frame(struct pattern *p)
{
    return &p->frames[p->frame_count - 1];
}

/* Goes on behind the repetition of the topmost frame. */
static void leave_frame(struct pattern *p)
{
    const struct pattern_frame *f = top_frame(p);
    p->state = PATTERN_ITEM;
    p->at = f->now;
    p->item = f->item_end + 1;
    p->closed = f->closed;
    p->level = f->level;
}

/* A greedy repetition takes all it can get. */
static enum move grow(struct pattern *p)
{
    struct pattern_frame *f = top_frame(p);
    while (f->now < f->most && has(p, f->item, f->item_end, f->now)) {
        f->now++;
        if (p->steps == 0)
            return MOVE_ON;
        p->steps--;
    }
    leave_frame(p);
    if (f->now == f->least)
        p->frame_count--;
    return MOVE_ON;
}

static enum move repeat(struct pattern *p, size_t item_end, char quantifier)
{
    if (quantifier == '+') {
        if (!has(p, p->item, item_end, p->at))
            return MOVE_BACK;
        p->at++;
    }
    if (p->frame_count == PATTERN_DEPTH)
        return wrong(p, "pattern too complex");
    p->frames[p->frame_count++] = (struct pattern_frame){
        .item = p->item,
        .item_end = item_end,
        .least = p->at,
        .now = p->at,
        .most = quantifier == '?' ? p->at + 1 : SIZE_MAX,
        .is_lazy = quantifier == '-',
        .level = p->level,
        .closed = p->closed,
    };
    if (quantifier == '-')
        leave_frame(p);
    else
        p->state = PATTERN_GROWING;
    return MOVE_ON;
}

static enum move single(struct pattern *p)
{
    size_t end;
    const char *why = pattern_item_end(&p->text, p->item, &end);
    if (why != NULL)
        return wrong(p, why);
    if (end < p->text.len && memchr("?*+-", p->text.bytes[end], 4) != NULL)
        return repeat(p, end, p->text.bytes[end]);
    if (!has(p, p->item, end, p->at))
        return MOVE_BACK;
    p->at++;
    p->item = end;
    return MOVE_ON;
}

static enum move open_capture(struct pattern *p)
{
    if (p->level == PATTERN_CAPTURES)
        return wrong(p, "too many captures");
    struct pattern_capture *c = &p->captures[p->level];
    uint32_t bit = (uint32_t)1 << p->level++;
    bool is_position = p->item + 1 < p->text.len && p->text.bytes[p->item + 1] == ')';
    *c = (struct pattern_capture){ p->at, PATTERN_POSITION };
    p->closed = is_position ? p->closed | bit : p->closed & ~bit;
    p->item += is_position ? 2 : 1;
    return MOVE_ON;
}

static enum move close_capture(struct pattern *p)
{
    for (unsigned i = p->level; i-- > 0;) {
        if ((p->closed >> i & 1) != 0)
            continue;
        p->captures[i].len = p->at - p->captures[i].at;
        p->closed |= (uint32_t)1 << i;
        p->item++;
        return MOVE_ON;
    }
    return wrong(p, "invalid pattern capture");
}

/* %1: the same bytes as the capture. */
static enum move match_again(struct pattern *p, char digit)
{
    int i = digit - '1';
    if (i < 0 || (unsigned)i >= p->level || (p->closed >> i & 1) == 0)
        return wrong_index(p, i + 1);
    const struct pattern_capture *c = &p->captures[i];
    /* A position is no text, and its len is longer than any. */
    if (c->len > p->subject.len - p->at)
        return MOVE_BACK;
    charge(p, c->len / 32);
    if (c->len > 0 && memcmp(p->subject.bytes + c->at, p->subject.bytes + p->at, c->len) != 0)
        return MOVE_BACK;
    p->at += c->len;
    p->item += 2;
    return MOVE_ON;
}

/* %bxy: the first byte; balance() does the rest. */
static enum move begin_balance(struct pattern *p)
{
    if (p->text.len - p->item < 4)
        return wrong(p, "malformed pattern (missing arguments to '%b')");
    if (p->at == p->subject.len || p->subject.bytes[p->at] != p->text.bytes[p->item + 2])
        return MOVE_BACK;
    p->at++;
    p->open_count = 1;
    p->state = PATTERN_BALANCING;
    return MOVE_ON;
}

static enum move balance(struct pattern *p)
{
    const char *pair = p->text.bytes + p->item + 2;
    while (p->at < p->subject.len) {
        char c = p->subject.bytes[p->at++];
        if (c == pair[1] && --p->open_count == 0) {
            p->item += 4;
            p->state = PATTERN_ITEM;
            return MOVE_ON;
        }
        if (c == pair[0])
            p->open_count++;
        if (p->steps == 0)
            return MOVE_ON;
        p->steps--;
    }
    return MOVE_BACK;
}

/* %f[set]: from outside the set to inside it; \0 stands before and behind the subject. */
static enum move match_frontier(struct pattern *p)
{
    size_t item = p->item + 2, end;
    if (item == p->text.len || p->text.bytes[item] != '[')
        return wrong(p, "missing '[' after '%f' in pattern");
    const char *why = pattern_item_end(&p->text, item, &end);
    if (why != NULL)
        return wrong(p, why);
    char before = p->at > 0 ? p->subject.bytes[p->at - 1] : '\0';
    char after = p->at < p->subject.len ? p->subject.bytes[p->at] : '\0';
    charge(p, (end - item) / 4);
    if (pattern_item_has(&p->text, item, end, (unsigned char)before) ||
        !pattern_item_has(&p->text, item, end, (unsigned char)after))
        return MOVE_BACK;
    p->item = end;
    return MOVE_ON;
}

static enum move escape(struct pattern *p)
{
    char c = p->item + 1 < p->text.len ? p->text.bytes[p->item + 1] : '\0';
    if (c == 'b')
        return begin_balance(p);
    if (c == 'f')
        return match_frontier(p);
    if (c >= '0' && c <= '9')
        return match_again(p, c);
    return single(p);
}

static enum move match_item(struct pattern *p)
{
    if (p->item == p->text.len)
        return MOVE_DONE;
    switch (p->text.bytes[p->item]) {
    case '(':
        return open_capture(p);
    case ')':
        return close_capture(p);
    case '%':
        return escape(p);
    case '$':
        if (p->item + 1 == p->text.len)
            return p->at == p->subject.len ? MOVE_DONE : MOVE_BACK;
        break;
    default:
        break;
    }
    return single(p);
}

static enum move step(struct pattern *p)
{
    switch (p->state) {
    case PATTERN_GROWING:
        return grow(p);
    case PATTERN_BALANCING:
        return balance(p);
    case PATTERN_ITEM:
    default:
        return match_item(p);
    }
}

/* The topmost repetition that can end elsewhere does so; false: there is none, nothing matches. */
static bool go_back(struct pattern *p)
{
    for (; p->frame_count > 0; p->frame_count--) {
        struct pattern_frame *f = top_frame(p);
        if (f->is_lazy && has(p, f->item, f->item_end, f->now))
            f->now++;
        else if (!f->is_lazy && f->now > f->least)
            f->now--;
        else
            continue;
        leave_frame(p);
        return true;
    }
    return false;
}

/* A match at p->start. Returns as pattern_next(). */
static int match_here(struct pattern *p)
{
    while (p->steps > 0) {
        p->steps--;
        enum move move = step(p);
        if (move == MOVE_DONE)
            return 0;
        if (move == MOVE_WRONG)
            return PATTERN_E_WRONG;
        if (move == MOVE_BACK && !go_back(p))
            return PATTERN_E_NONE;
    }
    return PATTERN_E_STEPS;
}

static void begin_match(struct pattern *p)
{
    p->start = p->at = p->from;
    p->item = p->is_anchored ? 1 : 0;
    p->state = PATTERN_ITEM;
    p->frame_count = 0;
    p->level = 0;
    p->closed = 0;
    p->is_running = true;
}

/* At one start, or on with the one that ran out of steps. */
static int match_at_from(struct pattern *p)
{
    if (!p->is_running)
        begin_match(p);
    int r = match_here(p);
    if (r == PATTERN_E_STEPS)
        return r;
    p->is_running = false;
    bool is_match = r == 0 && p->at != p->last_end;
    if (is_match)
        p->end = p->last_end = p->at;
    /* An anchored pattern has this one start. */
    p->from = p->is_anchored ? p->subject.len + 1 : is_match ? p->end : p->from + 1;
    return r == 0 && !is_match ? PATTERN_E_NONE : r;
}

void pattern_init(struct pattern *p, const struct pattern_text *subject,
                  const struct pattern_text *text, bool has_anchor)
{
    /* Not captures and frames: they are most of it, and are set before they are read. */
    memset(p, 0, offsetof(struct pattern, captures));
    p->why[0] = '\0';
    p->subject = *subject;
    p->text = *text;
    p->is_anchored = has_anchor && text->len > 0 && text->bytes[0] == '^';
    p->last_end = SIZE_MAX;
}

void pattern_seek(struct pattern *p, size_t from, size_t last_end)
{
    p->from = from;
    p->last_end = last_end;
    p->is_running = false;
}

int pattern_next(struct pattern *p, size_t *steps_left)
{
    int r = PATTERN_E_NONE;
    p->steps = *steps_left;
    while (r == PATTERN_E_NONE && p->from <= p->subject.len)
        r = match_at_from(p);
    *steps_left = p->steps;
    return r;
}

size_t pattern_capture_count(const struct pattern *p)
{
    return p->level > 0 ? p->level : 1;
}

int pattern_capture(struct pattern *p, size_t index, struct pattern_capture *ret)
{
    *ret = (struct pattern_capture){ p->start, p->end - p->start };
    if (index == 0 && p->level == 0)
        return 0;
    *ret = (struct pattern_capture){ 0, 0 };
    if (index >= p->level) {
        (void)wrong_index(p, (int)index + 1);
        return PATTERN_E_WRONG;
    }
    if ((p->closed >> index & 1) == 0) {
        (void)wrong(p, "unfinished capture");
        return PATTERN_E_WRONG;
    }
    *ret = p->captures[index];
    return 0;
}
