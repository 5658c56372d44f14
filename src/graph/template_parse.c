/*
 * Mustache text to ops. Whether a tag stands alone on its line is seen by looking left and right of
 * it in the text itself: another tag on the line is no blank, so nothing needs to be remembered
 * from tag to tag.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/template_ops.h"
#include "graph/texts.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct slice {
    const char *at;
    size_t len;
};

struct parser {
    struct template *t;
    size_t pos; /* first byte that no op covers yet */
    struct slice open;
    struct slice close;
    size_t sections[TEMPLATE_MAX_DEPTH]; /* indexes of the ops that are open */
    size_t depth;
    char *error;
    size_t error_size;
};

struct tag {
    size_t begin; /* of the opening delimiter */
    size_t end;   /* behind the closing one */
    char sigil;   /* # ^ / ! = > < & {, or 0 for a plain name */
    struct slice name;
};

static int wrong(struct parser *p, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int wrong(struct parser *p, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(p->error, p->error_size, format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < p->error_size)
        (void)snprintf(p->error + len, p->error_size - (size_t)len, " at byte %zu", at);
    return TEMPLATE_E_SYNTAX;
}

/* For "%.*s": what of a name is shown in a message, never cut inside a character. */
static int shown(struct slice name)
{
    enum { SHOWN_MAX_BYTES = 60 };
    return (int)jsonx_utf8_prefix(name.at, name.len < SHOWN_MAX_BYTES ? name.len : SHOWN_MAX_BYTES);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
    return is_blank(c) || c == '\n' || c == '\r';
}

static struct slice trim(const char *begin, const char *end)
{
    while (begin < end && is_space(*begin))
        begin++;
    while (end > begin && is_space(end[-1]))
        end--;
    return (struct slice){ begin, (size_t)(end - begin) };
}

/* The closing delimiter, together with `extra` before it if that is not 0: "}" of {{{x}}}, "=" of
 * {{=<% %>=}}. */
static const char *find_close(const struct parser *p, const char *from, char extra)
{
    const char *end = p->t->text + p->t->len;
    if (extra == 0)
        return memmem(from, (size_t)(end - from), p->close.at, p->close.len);
    for (; (size_t)(end - from) > p->close.len; from++)
        if (*from == extra && memcmp(from + 1, p->close.at, p->close.len) == 0)
            return from;
    return NULL;
}

/* 0: tag is filled; TEMPLATE_E_SYNTAX. There is an opening delimiter at `begin`. */
static int read_tag(struct parser *p, const char *begin, struct tag *tag)
{
    const char *name = begin + p->open.len;
    const char *end = p->t->text + p->t->len;
    *tag = (struct tag){ .begin = (size_t)(begin - p->t->text) };
    while (name < end && is_space(*name))
        name++;
    if (name < end && strchr("#^/!=><&{", *name) != NULL && *name != '\0')
        tag->sigil = *name++;
    char extra = tag->sigil == '{' ? '}' : tag->sigil == '=' ? '=' : 0;
    const char *close = find_close(p, name, extra);
    if (close == NULL)
        return wrong(p, tag->begin, "a tag is not closed");
    tag->name = trim(name, close);
    tag->end = (size_t)(close - p->t->text) + (extra != 0) + p->close.len;
    return 0;
}

static struct op *add_op(struct template *t, enum op_kind kind, size_t at, struct slice text)
{
    void *ops = items_grow(t->ops, t->count, &t->cap, sizeof(*t->ops));
    if (ops == NULL)
        return NULL;
    t->ops = ops;
    struct op *op = &t->ops[t->count++];
    *op = (struct op){ .kind = kind, .at = at, .text = text.at, .len = text.len };
    return op;
}

static int add_text(struct parser *p, size_t from, size_t to)
{
    if (from == to)
        return 0;
    struct slice text = { p->t->text + from, to - from };
    return add_op(p->t, OP_TEXT, from, text) == NULL ? ERR_NOMEM : 0;
}

/* Widens the tag to its line, line break included, if nothing else is on it. */
static void take_line(const struct template *t, struct tag *tag)
{
    size_t begin = tag->begin;
    size_t end = tag->end;
    while (begin > 0 && is_blank(t->text[begin - 1]))
        begin--;
    while (end < t->len && is_blank(t->text[end]))
        end++;
    if (begin > 0 && t->text[begin - 1] != '\n')
        return;
    if (end + 1 < t->len && t->text[end] == '\r' && t->text[end + 1] == '\n')
        end++;
    if (end < t->len && t->text[end] != '\n')
        return;
    tag->begin = begin;
    tag->end = end < t->len ? end + 1 : end;
}

static int set_path(struct parser *p, struct op *op)
{
    if (op->len == 1 && op->text[0] == '.') {
        if (p->depth == 0)
            return wrong(p, op->at, "{{.}} is an item, but no section is around it");
        return 0;
    }
    int r = path_parse(op->text, op->len, &op->path);
    if (r != PATH_E_SYNTAX)
        return r;
    struct slice name = { op->text, op->len };
    if (name.len == 0)
        return wrong(p, op->at, "a tag without a name");
    return wrong(p, op->at, "\"%.*s\" is no path", shown(name), name.at);
}

static int add_named(struct parser *p, enum op_kind kind, const struct tag *tag, size_t at)
{
    struct op *op = add_op(p->t, kind, at, tag->name);
    return op == NULL ? ERR_NOMEM : set_path(p, op);
}

static int open_section(struct parser *p, const struct tag *tag, size_t at)
{
    if (p->depth == TEMPLATE_MAX_DEPTH)
        return wrong(p, at, "more than %d sections inside each other", TEMPLATE_MAX_DEPTH);
    int r = add_named(p, tag->sigil == '#' ? OP_SECTION : OP_INVERTED, tag, at);
    if (r == 0)
        p->sections[p->depth++] = p->t->count - 1;
    return r;
}

static int close_section(struct parser *p, const struct tag *tag, size_t at)
{
    if (p->depth == 0)
        return wrong(p, at, "{{/%.*s}} closes no section", shown(tag->name), tag->name.at);
    struct op *section = &p->t->ops[p->sections[p->depth - 1]];
    struct slice name = { section->text, section->len };
    assert(name.at != NULL && tag->name.at != NULL);
    if (name.len != tag->name.len || memcmp(name.at, tag->name.at, name.len) != 0)
        return wrong(p, at, "section {{#%.*s}} is closed by {{/%.*s}}", shown(name), name.at,
                     shown(tag->name), tag->name.at);
    section->end = p->t->count;
    p->depth--;
    return 0;
}

/* "<% %>": two words. */
static int set_delimiters(struct parser *p, const struct tag *tag, size_t at)
{
    const char *end = tag->name.at + tag->name.len;
    const char *first_end = tag->name.at;
    while (first_end < end && !is_space(*first_end))
        first_end++;
    struct slice open = { tag->name.at, (size_t)(first_end - tag->name.at) };
    struct slice close = trim(first_end, end);
    bool is_right = open.len > 0 && close.len > 0;
    for (size_t i = 0; i < close.len; i++)
        is_right = is_right && !is_space(close.at[i]);
    if (!is_right || memchr(tag->name.at, '=', tag->name.len) != NULL)
        return wrong(p, at, "delimiters are set as in {{=<%% %%>=}}; this is not so");
    p->open = open;
    p->close = close;
    return 0;
}

static int apply_tag(struct parser *p, const struct tag *tag, size_t at)
{
    switch (tag->sigil) {
    case '#':
    case '^':
        return open_section(p, tag, at);
    case '/':
        return close_section(p, tag, at);
    case '!':
        return 0;
    case '=':
        return set_delimiters(p, tag, at);
    case '>':
    case '<':
        return wrong(p, at, "partials like {{>%.*s}} are not supported", shown(tag->name),
                     tag->name.at);
    default:
        return add_named(p, OP_VALUE, tag, at);
    }
}

/* One tag and the text before it, or the text behind the last tag. */
static int step(struct parser *p)
{
    struct template *t = p->t;
    const char *begin = memmem(t->text + p->pos, t->len - p->pos, p->open.at, p->open.len);
    struct tag tag = { .begin = t->len, .end = t->len };
    int r = begin == NULL ? 0 : read_tag(p, begin, &tag);
    if (r != 0)
        return r;
    size_t at = tag.begin;
    if (tag.sigil != 0 && strchr("#^/!=", tag.sigil) != NULL)
        take_line(t, &tag);
    r = add_text(p, p->pos, tag.begin);
    if (r == 0 && begin != NULL)
        r = apply_tag(p, &tag, at);
    t->is_whole = begin != NULL && at == 0 && tag.end == t->len;
    p->pos = tag.end;
    return r;
}

static int parse(struct parser *p)
{
    int r = 0;
    while (r == 0 && p->pos < p->t->len)
        r = step(p);
    if (r == 0 && p->depth > 0) {
        const struct op *section = &p->t->ops[p->sections[p->depth - 1]];
        struct slice name = { section->text, section->len };
        r = wrong(p, section->at, "unclosed section {{#%.*s}}", shown(name), name.at);
    }
    p->t->is_whole = p->t->is_whole && p->t->count == 1 && p->t->ops[0].kind == OP_VALUE;
    return r;
}

int template_parse(const char *text, size_t len_bytes, struct template **ret, char *error,
                   size_t error_size)
{
    struct template *t = mem_zalloc(sizeof(*t));
    if (t != NULL)
        t->text = mem_strndup(text, len_bytes);
    if (t == NULL || t->text == NULL) {
        template_free(t);
        return err_trace(ERR_NOMEM);
    }
    t->len = len_bytes;
    struct parser p = { .t = t, .error = error, .error_size = error_size };
    p.open = (struct slice){ "{{", 2 };
    p.close = (struct slice){ "}}", 2 };
    int r = parse(&p);
    if (r != 0) {
        template_free(t);
        return r < 0 ? err_trace(r) : r;
    }
    *ret = t;
    return 0;
}
