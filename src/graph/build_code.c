/* The builder's side of graph/code.h: the graph's script, and functions that come from it. */
#include "base/err.h"
#include "base/mem.h"
#include "graph/builder.h"
#include "graph/code.h"
#include "graph/texts.h"
#include <string.h>

enum { WHY_MAX_BYTES = 65536 };

void builder_language(struct anabranch_builder *b, const struct code_source *source)
{
    b->language = source;
}

void builder_set_code(struct anabranch_builder *b, struct code *code)
{
    code_unref(b->code);
    b->code = code_ref(code);
}

/* Mistakes in a script name their own file and line; each is a line of `why`. */
static void tell(struct anabranch_builder *b, const char *pointer, char *why)
{
    char *rest = why;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
        if (*line != '\0')
            builder_problem(b, pointer, NULL, "%s", line);
}

static int open_code(struct anabranch_builder *b, const char *pointer, const char *script)
{
    struct buf why MEM_AUTO(buf_deinit);
    buf_init(&why, WHY_MAX_BYTES);
    int r = b->language->open(b->language->arg, b->file, script, &b->code, &why);
    if (r == 0)
        return 0;
    b->has_bad_code = true;
    if (r < 0)
        return err_trace(r);
    char *text MEM_AUTO(mem_freep) = mem_strdup(buf_text(&why));
    if (text == NULL)
        return err_trace(ERR_NOMEM);
    tell(b, pointer, text);
    return 0;
}

int builder_open_script(struct anabranch_builder *b, const char *script)
{
    if (b->language == NULL) {
        builder_problem(b, "/script", "remove it", "there is nothing here that could run a script");
        b->has_bad_code = true;
        return 0;
    }
    b->code = code_unref(b->code);
    return open_code(b, "/script", script);
}

int builder_code(struct anabranch_builder *b, const char *pointer, struct code **ret)
{
    int r = 0;
    if (b->code == NULL && !b->has_bad_code && b->language != NULL)
        r = open_code(b, pointer, NULL);
    else if (b->code == NULL && !b->has_bad_code)
        builder_problem(b, pointer, NULL, "there is nothing here that could run code");
    *ret = b->code;
    return r == 0 ? 0 : err_trace(r);
}

int setup_code(struct setup *s, const char *key, struct code **ret)
{
    char *pointer MEM_AUTO(mem_freep) = pointer_join(s->pointer, key);
    *ret = NULL;
    return pointer == NULL ? err_trace(ERR_NOMEM) : builder_code(s->builder, pointer, ret);
}

void setup_needs_facts(struct setup *s)
{
    s->builder->uses_facts = true;
}
