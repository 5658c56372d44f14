/*
 * A recursive walk with a path state. `place` says what the walked container is to us; the table
 * `steps` says which key leads from a place to the next one, or to a span that is kept. Everything
 * else is walked for its syntax alone.
 */
#include "llm/openai_scan.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "llm/openai_chunk.h"
#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum place { ELSEWHERE, ROOT, CHOICES, CHOICE, MESSAGE };

struct scan {
    const unsigned char *at;
    const unsigned char *end;
    const char *message_key;
    int depth;
    int fault; /* of key_room */
    struct buf *key_room;
    struct openai_parts *parts;
};

/* A key of NULL stands for scan.message_key. keep: offset in struct openai_parts + 1 of the span to
 * fill, 0 = none. */
struct step {
    enum place in;
    const char *key;
    enum place to;
    size_t keep;
};
#define KEEP(field) .keep = offsetof(struct openai_parts, field) + 1

static const struct step steps[] = {
    { .in = ROOT, .key = "choices", .to = CHOICES },
    { .in = ROOT, .key = "usage", KEEP(usage) },
    { .in = ROOT, .key = "error", KEEP(error) },
    { .in = CHOICE, .key = "index", KEEP(current.index) },
    { .in = CHOICE, .key = NULL, .to = MESSAGE },
    { .in = CHOICE, .key = "finish_reason", KEEP(current.finish_reason) },
    { .in = MESSAGE, .key = "content", KEEP(current.content) },
    { .in = MESSAGE, .key = "tool_calls", KEEP(current.tool_calls) },
};
static const struct step no_step = { .in = ELSEWHERE, .to = ELSEWHERE };

static bool walk_value(struct scan *s, const struct step *step);

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static bool take(struct scan *s, unsigned char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool walk_escape(struct scan *s)
{
    s->at++; /* the backslash */
    if (s->at == s->end)
        return false;
    unsigned char c = *s->at++;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    for (int i = 0; i < 4; i++, s->at++)
        if (s->at == s->end || !isxdigit(*s->at))
            return false;
    return true;
}

/* What a string cannot hold as it is. */
static const bool is_special[256] = {
    [0 ... 0x1f] = true,
    ['"'] = true,
    ['\\'] = true,
};

static bool walk_string(struct scan *s)
{
    if (!take(s, '"'))
        return false;
    for (;;) {
        while (s->at < s->end && !is_special[*s->at])
            s->at++;
        if (s->at == s->end || *s->at < 0x20)
            return false;
        if (*s->at == '"') {
            s->at++;
            return true;
        }
        if (!walk_escape(s))
            return false;
    }
}

static bool walk_digits(struct scan *s)
{
    const unsigned char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > start;
}

static bool at_one_of(const struct scan *s, char a, char b)
{
    return s->at < s->end && (*s->at == (unsigned char)a || *s->at == (unsigned char)b);
}

static bool walk_number(struct scan *s)
{
    if (at_one_of(s, '-', '-'))
        s->at++;
    if (at_one_of(s, '0', '0'))
        s->at++;
    else if (!walk_digits(s))
        return false;
    if (at_one_of(s, '.', '.')) {
        s->at++;
        if (!walk_digits(s))
            return false;
    }
    if (!at_one_of(s, 'e', 'E'))
        return true;
    s->at++;
    if (at_one_of(s, '+', '-'))
        s->at++;
    return walk_digits(s);
}

static bool walk_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return false;
    s->at += len;
    return true;
}

static const struct step *find_step(const struct scan *s, enum place in, const char *key,
                                    size_t len)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (steps[i].in != in)
            continue;
        const char *wanted = steps[i].key != NULL ? steps[i].key : s->message_key;
        if (wanted[0] == key[0] && strlen(wanted) == len && memcmp(wanted, key, len) == 0)
            return &steps[i];
    }
    return &no_step;
}

/* start: at the quote in front of the key, which was walked. */
static const struct step *step_of_key(struct scan *s, enum place in, const unsigned char *start)
{
    struct span key = { (const char *)start, (size_t)(s->at - start) };
    if (in == ELSEWHERE)
        return &no_step;
    if (memchr(key.at, '\\', key.len_bytes) == NULL)
        return find_step(s, in, key.at + 1, key.len_bytes - 2);
    buf_clear(s->key_room);
    openai_decode_string(key, NULL, s->key_room);
    s->fault = s->key_room->fault;
    return find_step(s, in, buf_text(s->key_room), s->key_room->len);
}

static bool walk_member(struct scan *s, enum place place)
{
    skip_blanks(s);
    const unsigned char *start = s->at;
    if (!walk_string(s))
        return false;
    const struct step *step = step_of_key(s, place, start);
    return s->fault == 0 && take(s, ':') && walk_value(s, step);
}

static bool is_first_choice(const struct openai_choice *choice)
{
    const struct span *index = &choice->index;
    return index->at == NULL || (index->len_bytes == 1 && index->at[0] == '0') ||
           index->at[0] == 'n';
}

static bool walk_element(struct scan *s, enum place place)
{
    static const struct step into_choice = { .to = CHOICE };
    struct openai_parts *parts = s->parts;
    if (place != CHOICES)
        return walk_value(s, &no_step);
    parts->current = (struct openai_choice){ .index = { NULL, 0 } };
    skip_blanks(s);
    bool is_object = s->at < s->end && *s->at == '{';
    if (!walk_value(s, &into_choice))
        return false;
    if (is_object && !parts->has_choice && is_first_choice(&parts->current)) {
        parts->choice = parts->current;
        parts->has_choice = true;
    }
    return true;
}

/* Objects and arrays differ in their brackets and in what stands between two commas. */
static bool walk_items(struct scan *s, unsigned char close, enum place place,
                       bool (*walk_item)(struct scan *s, enum place place))
{
    s->at++; /* the opening bracket */
    if (++s->depth > OPENAI_CHUNK_DEPTH_MAX)
        return false;
    if (!take(s, close)) {
        do {
            if (!walk_item(s, place))
                return false;
        } while (take(s, ','));
        if (!take(s, close))
            return false;
    }
    s->depth--;
    return true;
}

/* A place is an object, but for CHOICES. */
static enum place place_inside(enum place place, bool is_array)
{
    return (place == CHOICES) == is_array ? place : ELSEWHERE;
}

static bool walk_any(struct scan *s, enum place place)
{
    if (s->at == s->end)
        return false;
    switch (*s->at) {
    case '{':
        return walk_items(s, '}', place_inside(place, false), walk_member);
    case '[':
        return walk_items(s, ']', place_inside(place, true), walk_element);
    case '"':
        return walk_string(s);
    case 't':
        return walk_word(s, "true");
    case 'f':
        return walk_word(s, "false");
    case 'n':
        return walk_word(s, "null");
    default:
        return walk_number(s);
    }
}

static bool walk_value(struct scan *s, const struct step *step)
{
    skip_blanks(s);
    const unsigned char *start = s->at;
    if (!walk_any(s, step->to))
        return false;
    if (step->keep != 0) {
        struct span *span = (void *)((char *)s->parts + (step->keep - 1));
        *span = (struct span){ (const char *)start, (size_t)(s->at - start) };
    }
    return true;
}

int openai_scan(const char *message_key, const char *bytes, size_t len_bytes, struct buf *key_room,
                struct openai_parts *ret)
{
    static const struct step into_root = { .to = ROOT };
    struct scan s = { .at = (const unsigned char *)bytes,
                      .end = (const unsigned char *)bytes + len_bytes,
                      .message_key = message_key,
                      .key_room = key_room,
                      .parts = ret };
    memset(ret, 0, sizeof(*ret));
    if (jsonx_utf8_prefix(bytes, len_bytes) != len_bytes)
        return OPENAI_CHUNK_E_GARBAGE;
    skip_blanks(&s);
    bool is_object = s.at < s.end && *s.at == '{';
    bool is_good = is_object && walk_value(&s, &into_root);
    skip_blanks(&s);
    if (s.fault < 0)
        return err_trace(s.fault);
    return is_good && s.at == s.end ? 0 : OPENAI_CHUNK_E_GARBAGE;
}

/* ---- strings ---- */

static unsigned hex_value(unsigned char c)
{
    return c <= '9' ? c - (unsigned)'0' : (c | 0x20u) - 'a' + 10;
}

static unsigned four_hex(const char *at)
{
    unsigned unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | hex_value((unsigned char)at[i]);
    return unit;
}

static void add_code_point(struct buf *b, unsigned c)
{
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    char out[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[len] | c);
    (void)buf_add(b, out, len); /* sticky, as everywhere below */
}

enum { REPLACEMENT = 0xfffd };

static void drop_half(struct buf *b, unsigned *half)
{
    if (*half != 0)
        add_code_point(b, REPLACEMENT);
    *half = 0;
}

static void add_unit(struct buf *b, unsigned *half, unsigned unit)
{
    bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
    bool is_high = unit >= 0xd800 && unit <= 0xdbff;
    if (is_low && *half != 0) {
        add_code_point(b, 0x10000 + ((*half - 0xd800) << 10) + (unit - 0xdc00));
        *half = 0;
        return;
    }
    drop_half(b, half);
    if (is_high)
        *half = unit;
    else
        add_code_point(b, is_low || unit == 0 ? REPLACEMENT : unit);
}

/* The text behind a backslash; returns how many bytes of it were used. */
static size_t add_escape(struct buf *b, unsigned *half, const char *at)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    if (*at == 'u') {
        add_unit(b, half, four_hex(at + 1));
        return 5;
    }
    const char *letter = strchr(letters, *at);
    add_unit(b, half, (unsigned char)(letter != NULL ? meanings[letter - letters] : *at));
    return 1;
}

void openai_decode_string(struct span string, unsigned *high_half, struct buf *b)
{
    unsigned half = high_half != NULL ? *high_half : 0;
    const char *at = string.at + 1;
    const char *end = string.at + string.len_bytes - 1;
    while (at < end) {
        const char *stop = memchr(at, '\\', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        if (stop > at)
            drop_half(b, &half);
        (void)buf_add(b, at, (size_t)(stop - at));
        at = stop;
        if (at < end)
            at += 1 + add_escape(b, &half, at + 1);
    }
    if (high_half != NULL)
        *high_half = half;
    else
        drop_half(b, &half);
}
