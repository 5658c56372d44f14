/*
 * JSON in: a recursive descent over the bytes that builds jansson values.
 *
 * Why not json_loadb(): jansson 2.14 ignores a failed growth of its token buffer, so without memory
 * it returns a value with bytes missing or reads past the buffer's end. The grammar is small, and
 * owning it gives exact places and sentences.
 *
 * The bytes are checked for UTF-8 and NUL once at the start, so that the rest looks at ASCII only.
 * The recursion is bounded by max_depth. A function returns NULL when it fails; p->result then says
 * how, p->error where and why.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEPTH_MAX =
        2048, /* bounds the recursion whatever the caller allows; json_decref() recurses as well */
    QUOTE_BYTES = 40,
    NUMBER_BYTES = 64, /* longer ones go through the heap */
};

struct parser {
    const char *start;
    const char *at;
    const char *end;
    int depth;
    int max_depth;
    int result;
    struct jsonx_error *error;
};

/* A decoded string: borrowed from the input, or in `owned` if it had escapes. */
struct text {
    const char *bytes;
    size_t len;
    char *owned;
};

static json_t *parse_value(struct parser *p);

/* Lines end with \n; columns count characters, not bytes. */
static void set_place(struct parser *p, const char *where)
{
    p->error->line = 1;
    p->error->column = 1;
    for (const char *c = p->start; c < where; c++) {
        if (*c == '\n') {
            p->error->line++;
            p->error->column = 1;
        } else if ((*c & 0xc0) != 0x80) {
            p->error->column++;
        }
    }
}

__attribute__((format(printf, 3, 4))) static void *refuse(struct parser *p, const char *where,
                                                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->error->message, sizeof(p->error->message), format, args); /* may be cut */
    va_end(args);
    set_place(p, where);
    p->result = JSONX_E_SYNTAX;
    return NULL;
}

static void *refuse_memory(struct parser *p)
{
    p->result = err_trace(ERR_NOMEM);
    return NULL;
}

/* What stands at `where`, for a sentence: "x", or the end of the input. */
static void *refuse_found(struct parser *p, const char *wanted)
{
    if (p->at == p->end)
        return refuse(p, p->at, "%s expected, but the input ends here", wanted);
    unsigned char c = (unsigned char)*p->at;
    if (c > ' ' && c < 0x7f && c != '"')
        return refuse(p, p->at, "%s expected, found '%c'", wanted, c);
    if (c == '"')
        return refuse(p, p->at, "%s expected, found a string", wanted);
    return refuse(p, p->at, "%s expected, found another character", wanted);
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

static bool skip_char(struct parser *p, char c)
{
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

/* Four hexadecimal digits, or -1. */
static int hex4(const char *at, const char *end)
{
    int code = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

static char *put_utf8(char *to, int code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* from: behind "\u". The character goes to *to, the position behind it comes back. */
static const char *decode_unicode(struct parser *p, const char *from, const char *end, char **to)
{
    const char *escape = from - 2;
    int code = hex4(from, end);
    if (code < 0)
        return refuse(p, escape, "\\u needs four hexadecimal digits");
    if (code == 0)
        return refuse(p, escape, "\\u0000 is not allowed: a text cannot hold NUL");
    from += 4;
    if (code >= 0xd800 && code < 0xe000) {
        bool has_pair = code < 0xdc00 && end - from >= 6 && from[0] == '\\' && from[1] == 'u';
        int low = has_pair ? hex4(from + 2, end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return refuse(p, escape, "half of a surrogate pair is no character");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        from += 6;
    }
    *to = put_utf8(*to, code);
    return from;
}

/* from: at the backslash. */
static const char *decode_escape(struct parser *p, const char *from, const char *end, char **to)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (from[1] == 'u')
        return decode_unicode(p, from + 2, end, to);
    const char *letter = strchr(letters, from[1]);
    if (letter == NULL)
        return refuse(p, from, "there is no such escape; a backslash itself is written \\\\");
    *(*to)++ = meanings[letter - letters];
    return from + 2;
}

/* Escapes only ever shrink, so the raw length is room enough. */
static bool decode_string(struct parser *p, const char *raw, size_t raw_len, struct text *ret)
{
    const char *end = raw + raw_len;
    char *to = mem_alloc(raw_len);
    ret->owned = to;
    if (to == NULL)
        return refuse_memory(p);
    while (raw < end) {
        const char *run_end = memchr(raw, '\\', (size_t)(end - raw));
        size_t run = (size_t)((run_end == NULL ? end : run_end) - raw);
        memcpy(to, raw, run);
        to += run;
        raw += run;
        if (raw < end && (raw = decode_escape(p, raw, end, &to)) == NULL) {
            ret->owned = mem_free(ret->owned);
            return false;
        }
    }
    ret->bytes = ret->owned;
    ret->len = (size_t)(to - ret->owned);
    return true;
}

/* p->at: at the opening quote. */
static bool parse_text(struct parser *p, struct text *ret)
{
    const char *raw = p->at + 1;
    const char *c = raw;
    bool has_escapes = false;
    for (; c < p->end && *c != '"'; c++) {
        if ((unsigned char)*c < ' ')
            return refuse(p, c, "control characters in a string must be escaped, such as \\n");
        if (*c == '\\') {
            has_escapes = true;
            if (++c == p->end)
                break;
        }
    }
    if (c == p->end)
        return refuse(p, p->at, "this string has no end");
    *ret = (struct text){ .bytes = raw, .len = (size_t)(c - raw) };
    p->at = c + 1;
    return !has_escapes || decode_string(p, raw, ret->len, ret);
}

static json_t *or_no_memory(struct parser *p, json_t *made)
{
    return made != NULL ? made : refuse_memory(p);
}

static json_t *parse_string(struct parser *p)
{
    struct text text = { 0 };
    if (!parse_text(p, &text))
        return NULL;
    json_t *string = json_stringn_nocheck(text.bytes, text.len);
    mem_free(text.owned);
    return or_no_memory(p, string);
}

static const char *skip_digits(const char *c, const char *end)
{
    while (c < end && *c >= '0' && *c <= '9')
        c++;
    return c;
}

/* The end of the number at p->at, or NULL if the grammar does not know it. */
static const char *number_end(struct parser *p, bool *ret_is_real)
{
    const char *c = p->at + (*p->at == '-');
    const char *digits = c;
    c = skip_digits(c, p->end);
    if (c == digits)
        return refuse(p, p->at, "a digit must follow the minus sign");
    if (*digits == '0' && c - digits > 1)
        return refuse(p, p->at, "a number must not start with 0");
    *ret_is_real = false;
    if (c < p->end && *c == '.') {
        *ret_is_real = true;
        digits = ++c;
        if ((c = skip_digits(c, p->end)) == digits)
            return refuse(p, p->at, "a digit must follow the decimal point");
    }
    if (c < p->end && (*c == 'e' || *c == 'E')) {
        *ret_is_real = true;
        c++;
        if (c < p->end && (*c == '+' || *c == '-'))
            c++;
        digits = c;
        if ((c = skip_digits(c, p->end)) == digits)
            return refuse(p, p->at, "a digit must follow the exponent sign");
    }
    return c;
}

static json_t *refuse_number(struct parser *p, size_t len, const char *sentence)
{
    const char *dots = len > QUOTE_BYTES ? "..." : "";
    int quoted = len > QUOTE_BYTES ? QUOTE_BYTES : (int)len;
    return refuse(p, p->at, "%.*s%s %s", quoted, p->at, dots, sentence);
}

static json_t *make_integer(struct parser *p, size_t len)
{
    bool is_negative = *p->at == '-';
    json_int_t number = 0;
    for (size_t i = is_negative; i < len; i++) {
        int digit = p->at[i] - '0';
        if (__builtin_mul_overflow(number, (json_int_t)10, &number) ||
            __builtin_add_overflow(number, is_negative ? -digit : digit, &number))
            return refuse_number(p, len, "does not fit into a 64-bit integer");
    }
    return or_no_memory(p, json_integer(number));
}

/* strtod() wants a NUL, and the decimal sign of the locale. */
static json_t *make_real(struct parser *p, size_t len)
{
    char small[NUMBER_BYTES];
    char *large = len < sizeof(small) ? NULL : mem_alloc(len + 1);
    char *copy = len < sizeof(small) ? small : large;
    if (copy == NULL)
        return refuse_memory(p);
    memcpy(copy, p->at, len);
    copy[len] = '\0';
    char *point = strchr(copy, '.');
    if (point != NULL)
        *point = localeconv()->decimal_point[0];
    double number = strtod(copy, NULL);
    mem_free(large);
    if (!isfinite(number))
        return refuse_number(p, len, "is too large for a number");
    return or_no_memory(p, json_real(number));
}

static json_t *parse_number(struct parser *p)
{
    bool is_real = false;
    const char *end = number_end(p, &is_real);
    if (end == NULL)
        return NULL;
    size_t len = (size_t)(end - p->at);
    json_t *number = is_real ? make_real(p, len) : make_integer(p, len);
    p->at = end;
    return number;
}

static json_t *parse_word(struct parser *p)
{
    static const struct {
        const char *text;
        size_t len;
        json_t *(*make)(void);
    } words[] = { { "true", 4, json_true }, { "false", 5, json_false }, { "null", 4, json_null } };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        size_t len = words[i].len;
        if ((size_t)(p->end - p->at) < len || memcmp(p->at, words[i].text, len) != 0)
            continue;
        p->at += len;
        return words[i].make();
    }
    return refuse_found(p, "a value");
}

static bool parse_item(struct parser *p, json_t *array)
{
    json_t *item = parse_value(p);
    if (item == NULL)
        return false;
    return json_array_append_new(array, item) == 0 || refuse_memory(p);
}

static bool parse_items(struct parser *p, json_t *array)
{
    skip_blanks(p);
    if (skip_char(p, ']'))
        return true;
    for (;;) {
        if (!parse_item(p, array))
            return false;
        skip_blanks(p);
        if (skip_char(p, ']'))
            return true;
        if (!skip_char(p, ','))
            return refuse_found(p, "',' or ']'");
    }
}

static bool parse_member_value(struct parser *p, json_t *object, const struct text *key,
                               const char *key_at)
{
    skip_blanks(p);
    if (!skip_char(p, ':'))
        return refuse_found(p, "':'");
    json_t *value = parse_value(p);
    if (value == NULL)
        return false;
    size_t before = json_object_size(object);
    if (json_object_setn_new_nocheck(object, key->bytes, key->len, value) != 0)
        return refuse_memory(p);
    if (json_object_size(object) != before)
        return true;
    size_t shown = jsonx_utf8_prefix(key->bytes, key->len > QUOTE_BYTES ? QUOTE_BYTES : key->len);
    return refuse(p, key_at, "the key \"%.*s\" stands here twice", (int)shown, key->bytes);
}

static bool parse_member(struct parser *p, json_t *object)
{
    struct text key;
    skip_blanks(p);
    const char *key_at = p->at;
    if (p->at == p->end || *p->at != '"')
        return refuse_found(p, "a key in quotes");
    if (!parse_text(p, &key))
        return false;
    bool is_good = parse_member_value(p, object, &key, key_at);
    mem_free(key.owned);
    return is_good;
}

static bool parse_members(struct parser *p, json_t *object)
{
    skip_blanks(p);
    if (skip_char(p, '}'))
        return true;
    for (;;) {
        if (!parse_member(p, object))
            return false;
        skip_blanks(p);
        if (skip_char(p, '}'))
            return true;
        if (!skip_char(p, ','))
            return refuse_found(p, "',' or '}'");
    }
}

static json_t *parse_container(struct parser *p)
{
    bool is_array = *p->at == '[';
    if (p->depth == p->max_depth) {
        (void)refuse(p, p->at, "nested deeper than %d levels", p->max_depth);
        p->result = JSONX_E_DEPTH;
        return NULL;
    }
    json_t *made = is_array ? json_array() : json_object();
    if (made == NULL)
        return refuse_memory(p);
    p->at++;
    p->depth++;
    bool is_good = is_array ? parse_items(p, made) : parse_members(p, made);
    p->depth--;
    if (is_good)
        return made;
    json_decref(made);
    return NULL;
}

static json_t *parse_value(struct parser *p)
{
    skip_blanks(p);
    if (p->at == p->end)
        return refuse_found(p, "a value");
    switch (*p->at) {
    case '[':
    case '{':
        return parse_container(p);
    case '"':
        return parse_string(p);
    case '-':
    case '0' ... '9':
        return parse_number(p);
    default:
        return parse_word(p);
    }
}

/* What the parser itself need not look at again. */
static bool check_bytes(struct parser *p)
{
    size_t len = (size_t)(p->end - p->start);
    const char *nul = len == 0 ? NULL : memchr(p->start, '\0', len);
    if (nul != NULL)
        return refuse(p, nul, "a NUL byte is not allowed");
    size_t valid = jsonx_utf8_prefix(p->start, len);
    if (valid == len)
        return true;
    return refuse(p, p->start + valid, "the byte 0x%02x is not valid UTF-8 here",
                  (unsigned char)p->start[valid]);
}

int jsonx_parse(const char *bytes, size_t len_bytes, int max_depth, json_t **ret,
                struct jsonx_error *error)
{
    if (len_bytes == 0)
        bytes = ""; /* NULL has no end to point to */
    struct parser p = { .start = bytes, .at = bytes, .end = bytes + len_bytes, .error = error };
    p.max_depth = max_depth < DEPTH_MAX ? max_depth : DEPTH_MAX;
    if (!check_bytes(&p))
        return p.result;
    json_t *value = parse_value(&p);
    if (value == NULL)
        return p.result;
    skip_blanks(&p);
    if (p.at != p.end) {
        json_decref(value);
        (void)refuse_found(&p, "the end of the input");
        return p.result;
    }
    *ret = value;
    return 0;
}
