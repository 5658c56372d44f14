/*
 * Rendering walks the ops with a stack of what the sections opened. A name is sought in the
 * innermost of these first, in the scope last; only its first part decides where it was found (the
 * specification's "context precedence").
 */
#include "graph/template.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/template_ops.h"
#include <string.h>

/* Lists inside lists multiply, and absent values are looked up, without printing a byte, which the
 * output's maximum would never notice. Each op that is rendered is a step, and so is each content
 * of a section, which may have no op in it. */
enum { RENDER_MAX_STEPS = 1000000 };

struct render {
    const struct template *t;
    const struct scope *scope;
    enum template_escape escape;
    struct buf *out;
    const json_t *items[TEMPLATE_MAX_DEPTH];
    size_t depth;
    size_t steps;
};

struct template *template_free(struct template *t)
{
    if (t == NULL)
        return NULL;
    for (size_t i = 0; i < t->count; i++)
        path_free(t->ops[i].path);
    mem_free(t->ops);
    mem_free(t->text);
    return mem_free(t);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

/* Escapes what stands from `from` on in place, last byte first, so that no second buffer is needed.
 */
static void percent_tail(struct buf *out, size_t from)
{
    size_t escapes = 0;
    for (size_t i = from; i < out->len; i++)
        escapes += !is_unreserved(out->data[i]);
    if (escapes == 0 || buf_reserve(out, 2 * escapes) != 0)
        return;
    char *to = out->data + out->len + 2 * escapes;
    *to = '\0';
    for (size_t i = out->len; i > from; i--) {
        char c = out->data[i - 1];
        if (is_unreserved(c)) {
            *--to = c;
            continue;
        }
        *--to = "0123456789ABCDEF"[(unsigned char)c & 15];
        *--to = "0123456789ABCDEF"[(unsigned char)c >> 4];
        *--to = '%';
    }
    out->len += 2 * escapes;
}

static void put_value(struct render *r, const json_t *value)
{
    size_t from = r->out->len;
    if (value == NULL || json_is_null(value))
        return;
    if (json_is_string(value))
        buf_add(r->out, json_string_value(value), json_string_length(value));
    else
        jsonx_encode(value, r->out);
    if (r->escape == ESCAPE_PERCENT && r->out->fault == 0)
        percent_tail(r->out, from);
}

static const json_t *look_up(const struct render *r, const struct path *path)
{
    if (path == NULL)
        return r->items[r->depth - 1];
    for (size_t i = r->depth; i > 0; i--) {
        const json_t *found = json_object_get(r->items[i - 1], path_root(path));
        if (found != NULL)
            return path_find_in(path, 1, found);
    }
    return path_find(path, r->scope);
}

/* Zero is a value like any other number; nothing to show is what counts. */
static bool is_falsy(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_false(value) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static void render_range(struct render *r, size_t from, size_t to);

static void render_item(struct render *r, size_t section, const json_t *item)
{
    r->items[r->depth++] = item;
    render_range(r, section + 1, r->t->ops[section].end);
    r->depth--;
}

static void render_section(struct render *r, size_t section)
{
    const json_t *value = look_up(r, r->t->ops[section].path);
    if (is_falsy(value))
        return;
    if (!json_is_array(value)) {
        render_item(r, section, value);
        return;
    }
    for (size_t i = 0; i < json_array_size(value) && r->out->fault == 0; i++)
        render_item(r, section, json_array_get(value, i));
}

/* Returns the index of the next op. */
static size_t render_op(struct render *r, size_t index)
{
    const struct op *op = &r->t->ops[index];
    switch (op->kind) {
    case OP_TEXT:
        buf_add(r->out, op->text, op->len);
        return index + 1;
    case OP_VALUE:
        put_value(r, look_up(r, op->path));
        return index + 1;
    case OP_SECTION:
        render_section(r, index);
        return op->end;
    case OP_INVERTED:
        if (is_falsy(look_up(r, op->path)))
            render_range(r, index + 1, op->end);
        return op->end;
    }
    return index + 1;
}

static void count_step(struct render *r)
{
    if (++r->steps > RENDER_MAX_STEPS && r->out->fault == 0)
        r->out->fault = BUF_E_FULL;
}

static void render_range(struct render *r, size_t from, size_t to)
{
    count_step(r);
    for (size_t i = from; i < to && r->out->fault == 0; count_step(r))
        i = render_op(r, i);
}

void template_render(const struct template *t, const struct scope *scope,
                     enum template_escape escape, struct buf *out)
{
    struct render r = { .t = t, .scope = scope, .escape = escape, .out = out };
    render_range(&r, 0, t->count);
}

bool template_is_constant(const struct template *t)
{
    return template_first_tag(t) < 0;
}

const struct path *template_whole_path(const struct template *t)
{
    return t->is_whole ? t->ops[0].path : NULL;
}

long template_first_tag(const struct template *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->ops[i].kind != OP_TEXT)
            return (long)t->ops[i].at;
    return -1;
}

void template_each_path(const struct template *t, void (*seen)(void *arg, const struct path *path),
                        void *arg)
{
    /* {{^inverted}} opens nothing, so the names inside it are still looked up in the scope. */
    size_t inside = 0; /* of a section, before this op */
    for (size_t i = 0; i < t->count; i++) {
        const struct op *op = &t->ops[i];
        const char *root = op->path == NULL ? NULL : path_root(op->path);
        if (root != NULL && (i >= inside || strcmp(root, ROOT_RUN) == 0))
            seen(arg, op->path);
        if (op->kind == OP_SECTION && i >= inside)
            inside = op->end;
    }
}
