/* Text that is searched for as it is: memmem() on one window after the other. */
#include "script/pattern.h"

#include <string.h>

enum {
    WINDOW_BYTES = 1 << 16,
    BYTES_PER_STEP = 8, /* what memmem() gets through in the time of a step, or more */
};

bool pattern_is_plain(const struct pattern_text *text)
{
    static const char specials[] = "^$*+?.([%-";
    for (size_t i = 0; text->len > 0 && specials[i] != '\0'; i++) {
        if (memchr(text->bytes, specials[i], text->len) != NULL)
            return false;
    }
    return true;
}

/* How much of what is left is looked at in one go: at least twice the text, so that it pays to
 * prepare the search. */
static size_t window_of(const struct pattern *p)
{
    size_t rest = p->subject.len - p->from;
    size_t most = p->text.len < WINDOW_BYTES ? WINDOW_BYTES : p->text.len;
    return rest - p->text.len < most ? rest : p->text.len + most;
}

/* memchr() first, which is many times faster. */
static const char *find_in(const char *bytes, size_t len, const struct pattern_text *text)
{
    if (text->len == 0)
        return bytes;
    const char *first = memchr(bytes, text->bytes[0], len);
    if (first == NULL || text->len == 1)
        return first;
    return memmem(first, len - (size_t)(first - bytes), text->bytes, text->len);
}

static bool is_in_window(struct pattern *p, size_t window)
{
    const char *begin = p->subject.bytes + p->from;
    const char *found = find_in(begin, window, &p->text);
    if (found == NULL)
        return false;
    p->start = p->from + (size_t)(found - begin);
    p->end = p->start + p->text.len;
    return true;
}

int pattern_next_plain(struct pattern *p, size_t *steps_left)
{
    while (*steps_left > 0) {
        if (p->from > p->subject.len || p->text.len > p->subject.len - p->from)
            return PATTERN_E_NONE;
        size_t window = window_of(p);
        size_t steps = 1 + window / BYTES_PER_STEP;
        *steps_left = *steps_left > steps ? *steps_left - steps : 0;
        if (is_in_window(p, window))
            return 0;
        p->from += window - p->text.len + 1;
    }
    return PATTERN_E_STEPS;
}
