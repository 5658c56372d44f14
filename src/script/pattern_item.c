/* Items that stand for one byte. A set is read anew for every byte; they are short. */
#include "script/pattern_item.h"

enum {
    LOWER = 1,
    UPPER = 2,
    DIGIT = 4,
    HEX = 8,
    SPACE = 16,
    CONTROL = 32,
    PUNCTUATION = 64,
    ZERO = 128,
    ALPHA = LOWER | UPPER,
};

/* Not <ctype.h>: its answers depend on the locale, and a script's must not. */
static unsigned kinds_of(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return DIGIT | HEX;
    if (c >= 'a' && c <= 'z')
        return LOWER | (c <= 'f' ? HEX : 0u);
    if (c >= 'A' && c <= 'Z')
        return UPPER | (c <= 'F' ? HEX : 0u);
    if (c >= '\t' && c <= '\r')
        return SPACE | CONTROL;
    if (c == ' ')
        return SPACE;
    if (c < ' ' || c == 127)
        return CONTROL | (c == 0 ? ZERO : 0u);
    return c < 127 ? PUNCTUATION : 0;
}

/* The kinds that a class letter stands for; 0: the letter is none. */
static unsigned class_kinds(int letter)
{
    switch (letter) {
    case 'a':
        return ALPHA;
    case 'c':
        return CONTROL;
    case 'd':
        return DIGIT;
    case 'g':
        return ALPHA | DIGIT | PUNCTUATION;
    case 'l':
        return LOWER;
    case 'p':
        return PUNCTUATION;
    case 's':
        return SPACE;
    case 'u':
        return UPPER;
    case 'w':
        return ALPHA | DIGIT;
    case 'x':
        return HEX;
    case 'z': /* gone from the manual, but Lua still knows it */
        return ZERO;
    default:
        return 0;
    }
}

/* What stands behind a %. */
static bool escape_has(unsigned char escaped, unsigned char c)
{
    bool is_complement = (kinds_of(escaped) & UPPER) != 0;
    unsigned kinds = class_kinds(is_complement ? escaped - 'A' + 'a' : escaped);
    if (kinds == 0)
        return escaped == c;
    return ((kinds_of(c) & kinds) != 0) != is_complement;
}

/* The byte behind a [ or [^ belongs to the set even if it is a ]. */
static const char *set_end(const struct pattern_text *text, size_t at, size_t *ret)
{
    if (at < text->len && text->bytes[at] == '^')
        at++;
    do {
        if (at < text->len && text->bytes[at] == '%')
            at++;
        at++;
        if (at >= text->len)
            return "malformed pattern (missing ']')";
    } while (text->bytes[at] != ']');
    *ret = at + 1;
    return NULL;
}

const char *pattern_item_end(const struct pattern_text *text, size_t item, size_t *ret)
{
    switch (text->bytes[item]) {
    case '%':
        if (item + 1 == text->len)
            return "malformed pattern (ends with '%')";
        *ret = item + 2;
        return NULL;
    case '[':
        return set_end(text, item + 1, ret);
    default:
        *ret = item + 1;
        return NULL;
    }
}

/*
 * Whether c is in what stands at *at, which moves behind it. close: where the set's ] is. In [a-%%]
 * the range takes one %, and the other one makes the ] a member, as in Lua.
 */
static bool set_part_has(const struct pattern_text *text, size_t *at, size_t close, unsigned char c)
{
    const char *part = text->bytes + *at;
    if (part[0] == '%') {
        *at += 2;
        return escape_has((unsigned char)part[1], c);
    }
    if (*at + 2 < close && part[1] == '-') {
        *at += 3;
        return (unsigned char)part[0] <= c && c <= (unsigned char)part[2];
    }
    *at += 1;
    return (unsigned char)part[0] == c;
}

static bool set_has(const struct pattern_text *text, size_t at, size_t close, unsigned char c)
{
    bool is_complement = text->bytes[at] == '^';
    at += is_complement;
    while (at < close) {
        if (set_part_has(text, &at, close, c))
            return !is_complement;
    }
    return is_complement;
}

bool pattern_item_has(const struct pattern_text *text, size_t item, size_t end, unsigned char c)
{
    switch (text->bytes[item]) {
    case '.':
        return true;
    case '%':
        return escape_has((unsigned char)text->bytes[item + 1], c);
    case '[':
        return set_has(text, item + 1, end - 1, c);
    default:
        return (unsigned char)text->bytes[item] == c;
    }
}
