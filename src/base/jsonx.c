/*
 * JSON out, and what one wants to know about a value: depth, type word, UTF-8. JSON in is
 * jsonx_parse.c.
 *
 * Strings are most of what a server of agents writes, so the encoder copies runs of plain bytes
 * whole.
 */
#include "base/jsonx.h"
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0: copied as it is; 'u': \u00XX; else the letter behind the backslash. */
static const unsigned char escapes[256] = {
    [0 ... 0x07] = 'u', ['\b'] = 'b', ['\t'] = 't',          ['\n'] = 'n', [0x0b] = 'u',
    ['\f'] = 'f',       ['\r'] = 'r', [0x0e ... 0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static void encode_escape(unsigned char c, struct buf *b)
{
    static const char hex[] = "0123456789abcdef";
    if (escapes[c] != 'u') {
        const char pair[2] = { '\\', (char)escapes[c] };
        (void)buf_add(b, pair, sizeof(pair)); /* sticky, as everywhere below */
        return;
    }
    const char text[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
    (void)buf_add(b, text, sizeof(text));
}

/* Is one of eight bytes '"', a backslash, or below 0x20? With each byte b of w on its own (no carry
 * leaves a byte whose high bit is clear): (b - n) & ~b has the high bit where b < n. */
static bool has_escape(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = w ^ (ones * '"');
    uint64_t backslash = w ^ (ones * '\\');
    uint64_t found =
        ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
    return (found & (ones << 7)) != 0;
}

/* The first byte that is to be escaped, or end. */
static const unsigned char *find_escape(const unsigned char *p, const unsigned char *end)
{
    uint64_t w;
    for (; end - p >= (ptrdiff_t)sizeof(w); p += sizeof(w)) {
        memcpy(&w, p, sizeof(w));
        if (has_escape(w))
            break;
    }
    while (p < end && escapes[*p] == 0)
        p++;
    return p;
}

void jsonx_encode_string(const char *bytes, size_t len_bytes, struct buf *b)
{
    const unsigned char *run = (const unsigned char *)bytes;
    const unsigned char *end = run + len_bytes;
    if (buf_reserve(b, len_bytes + 2) != 0) /* one growth in the usual case */
        return;
    (void)buf_add_char(b, '"');
    for (const unsigned char *p = run; (p = find_escape(p, end)) < end; p++) {
        (void)buf_add(b, run, (size_t)(p - run));
        encode_escape(*p, b);
        run = p + 1;
    }
    (void)buf_add(b, run, (size_t)(end - run));
    (void)buf_add_char(b, '"');
}

/* printf and strtod follow the locale of a program that embeds us; JSON does not. */
static void comma_to_point(char *text)
{
    char *comma = strchr(text, localeconv()->decimal_point[0]);
    if (comma != NULL)
        *comma = '.';
}

void jsonx_encode_real(double number, struct buf *b)
{
    char text[32];
    if (!isfinite(number)) {
        (void)buf_add_str(b,
                          "null"); /* what JavaScript writes too; no parser lets such a number in */
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number); /* 24 characters at most */
        if (strtod(text, NULL) == number)
            break;
    }
    comma_to_point(text);
    (void)buf_add_str(b, text);
    if (strpbrk(text, ".e") == NULL)
        (void)buf_add_str(b, ".0"); /* a real comes back as a real */
}

static void encode_array(const json_t *json, struct buf *b)
{
    size_t count = json_array_size(json);
    (void)buf_add_char(b, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            (void)buf_add_char(b, ',');
        jsonx_encode(json_array_get(json, i), b);
    }
    (void)buf_add_char(b, ']');
}

static void encode_object(const json_t *json, struct buf *b)
{
    json_t *object = (json_t *)json; /* jansson's iterators take no const */
    char before = '{';
    for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
        (void)buf_add_char(b, before);
        jsonx_encode_string(json_object_iter_key(i), json_object_iter_key_len(i), b);
        (void)buf_add_char(b, ':');
        jsonx_encode(json_object_iter_value(i), b);
        before = ',';
    }
    (void)buf_add_str(b, before == '{' ? "{}" : "}");
}

void jsonx_encode(const json_t *json, struct buf *b)
{
    if (b->fault != 0)
        return;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        encode_object(json, b);
        break;
    case JSON_ARRAY:
        encode_array(json, b);
        break;
    case JSON_STRING:
        jsonx_encode_string(json_string_value(json), json_string_length(json), b);
        break;
    case JSON_INTEGER:
        (void)buf_add_int(b, json_integer_value(json));
        break;
    case JSON_REAL:
        jsonx_encode_real(json_real_value(json), b);
        break;
    case JSON_TRUE:
        (void)buf_add_str(b, "true");
        break;
    case JSON_FALSE:
        (void)buf_add_str(b, "false");
        break;
    case JSON_NULL:
        (void)buf_add_str(b, "null");
        break;
    }
}

char *jsonx_text(const json_t *json, size_t max_bytes, size_t *ret_len_bytes)
{
    struct buf b;
    buf_init(&b, max_bytes);
    jsonx_encode(json, &b);
    return buf_take(&b, ret_len_bytes);
}

static int depth_of_array(const json_t *json, int limit)
{
    int deepest = 0;
    size_t count = json_array_size(json);
    for (size_t i = 0; i < count && deepest <= limit; i++) {
        int depth = jsonx_depth(json_array_get(json, i), limit);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static int depth_of_object(const json_t *json, int limit)
{
    json_t *object = (json_t *)json; /* jansson's iterators take no const */
    int deepest = 0;
    for (void *i = json_object_iter(object); i != NULL && deepest <= limit;
         i = json_object_iter_next(object, i)) {
        int depth = jsonx_depth(json_object_iter_value(i), limit);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

int jsonx_depth(const json_t *json, int limit)
{
    if (!json_is_array(json) && !json_is_object(json))
        return 0;
    if (limit <= 0)
        return 1;
    return 1 + (json_is_array(json) ? depth_of_array(json, limit - 1)
                                    : depth_of_object(json, limit - 1));
}

/*
 * How many of the bytes at p, of which there are `left` >= 1, fit one sequence of RFC 3629;
 * *ret_need is the length of the whole sequence, 0 if the first byte starts none. The second byte's
 * range shuts out overlong forms, surrogates and what lies past U+10FFFF.
 */
static size_t match_sequence(const unsigned char *p, size_t left, size_t *ret_need)
{
    unsigned char least = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    size_t need = p[0] < 0x80                   ? 1
                  : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                  : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                  : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                : 0;
    *ret_need = need;
    if (need < 2 || left < 2)
        return need == 0 ? 0 : 1;
    if (p[1] < least || p[1] > most)
        return 1;
    size_t fits = 2;
    while (fits < need && fits < left && (p[fits] & 0xc0) == 0x80)
        fits++;
    return fits;
}

static size_t skip_ascii(const char *bytes, size_t at, size_t len)
{
    for (; at + 8 <= len; at += 8) {
        unsigned long long word;
        memcpy(&word, bytes + at, sizeof(word));
        if ((word & 0x8080808080808080) != 0)
            break;
    }
    while (at < len && (unsigned char)bytes[at] < 0x80)
        at++;
    return at;
}

size_t jsonx_utf8_prefix(const char *bytes, size_t len_bytes)
{
    size_t at = 0;
    while ((at = skip_ascii(bytes, at, len_bytes)) < len_bytes) {
        size_t need;
        if (match_sequence((const unsigned char *)bytes + at, len_bytes - at, &need) != need ||
            need == 0)
            break;
        at += need;
    }
    return at;
}

size_t jsonx_utf8_partial(const char *bytes, size_t len_bytes)
{
    size_t at = jsonx_utf8_prefix(bytes, len_bytes);
    size_t left = len_bytes - at;
    if (left == 0)
        return 0;
    size_t need;
    size_t fits = match_sequence((const unsigned char *)bytes + at, left, &need);
    return fits == left && left < need ? left : 0;
}

const char *jsonx_type_name(const json_t *json)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object",   [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "integer", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
        [JSON_FALSE] = "boolean",   [JSON_NULL] = "null",
    };
    return names[json_typeof(json)];
}
