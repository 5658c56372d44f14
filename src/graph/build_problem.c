/* What the parts of the builder have in common when they find a mistake. */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/path.h"
#include <string.h>

enum { POINTER_MAX_BYTES = 1 << 24 };

/* What paths may begin with beside a field; scope_find() has them. */
static const char *const roots[] = { "$context", "$config", ROOT_RUN };
enum { ROOT_COUNT = sizeof(roots) / sizeof(*roots) };

char *pointer_join(const char *base, const char *key)
{
    struct buf pointer;
    buf_init(&pointer, POINTER_MAX_BYTES);
    buf_add_str(&pointer, base);
    buf_add_char(&pointer, '/');
    for (const char *c = key; *c != '\0'; c++) {
        if (*c == '~' || *c == '/')
            buf_add_str(&pointer, *c == '~' ? "~0" : "~1");
        else
            buf_add_char(&pointer, *c);
    }
    return buf_take(&pointer, NULL);
}

void builder_note_fault(struct anabranch_builder *b)
{
    b->problems.fault = ERR_NOMEM;
}

void builder_problem(struct anabranch_builder *b, const char *pointer, const char *remedy,
                     const char *wrong, ...)
{
    va_list args;
    va_start(args, wrong);
    problems_vadd(&b->problems, b->file, pointer, remedy, wrong, args);
    va_end(args);
}

const char *builder_problem_unknown(struct anabranch_builder *b, const char *pointer,
                                    const char *noun, const char *word, const char *const *names,
                                    size_t count)
{
    if (b->problems.count >= PROBLEMS_MAX) { /* comparing words takes long, and nobody sees it */
        builder_problem(b, pointer, NULL, "unknown");
        return NULL;
    }
    const char *nearest = problems_nearest(word, names, count);
    char *remedy MEM_AUTO(mem_freep) = problems_hint(word, names, count);
    if (remedy == NULL)
        builder_note_fault(b);
    else
        builder_problem(b, pointer, remedy, "unknown %s \"%s\"", noun, word);
    return nearest;
}

void builder_problem_field(struct anabranch_builder *b, const struct graph *g, const char *pointer,
                           const char *name, bool has_scopes)
{
    const char **names MEM_AUTO(mem_freep) = mem_array(g->field_count + ROOT_COUNT, sizeof(*names));
    if (names == NULL) {
        builder_note_fault(b);
        return;
    }
    for (size_t i = 0; i < g->field_count; i++)
        names[i] = g->fields[i].name;
    memcpy(names + g->field_count, roots, sizeof(roots));
    size_t count = g->field_count + (has_scopes ? ROOT_COUNT : 0);
    builder_problem_unknown(b, pointer, "field", name, names, count);
}

static void check_fact(struct anabranch_builder *b, const char *pointer, const char *part)
{
    static const char *const facts[] = { "step", "remaining_steps", "is_last_step" };
    enum { FACT_COUNT = sizeof(facts) / sizeof(facts[0]) };
    b->uses_facts = true;
    for (size_t i = 0; i < FACT_COUNT; i++)
        if (part == NULL || strcmp(part, facts[i]) == 0)
            return;
    (void)builder_problem_unknown(b, pointer, "part of $run", part, facts, FACT_COUNT);
}

void builder_check_path(struct anabranch_builder *b, const struct graph *g, const char *pointer,
                        const struct path *path)
{
    const char *root = path_root(path);
    if (strcmp(root, ROOT_RUN) == 0)
        check_fact(b, pointer, path_part(path, 1));
    for (size_t i = 0; i < ROOT_COUNT; i++)
        if (strcmp(root, roots[i]) == 0)
            return;
    if (graph_find_field(g, root) < 0)
        builder_problem_field(b, g, pointer, root, true);
}

json_t *builder_read_object(struct anabranch_builder *b, const char *pointer, const char *text)
{
    json_t *json = NULL;
    struct jsonx_error error;
    int r = jsonx_parse(text, strlen(text), (int)b->limits.max_depth, &json, &error);
    if (r < 0)
        builder_note_fault(b);
    else if (r > 0)
        builder_problem(b, pointer, NULL, "not JSON: %s (line %d, column %d)", error.message,
                        error.line, error.column);
    else if (!json_is_object(json)) {
        builder_problem(b, pointer, NULL, "expected object, found %s", jsonx_type_name(json));
        json_decref(json);
        json = NULL;
    }
    return json;
}
