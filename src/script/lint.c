#include "script/lint.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "graph/problem.h"
#include "script/lint_event.h"
#include <lua.h>
#include <stdlib.h>
#include <string.h>

enum { DUMP_MAX_BYTES = 64 << 20, GUESSES_MAX = 100 };

/* ---- names ---- */

/* The known names, borrowed, and behind them sorted copies of what the file itself assigns outside
 * all functions. */
struct names {
    const char **items;
    size_t known_count;
    size_t count;
};

struct judge {
    const struct lint_options *options;
    const struct lint_events *events;
    struct names names;
    int guess_count;
    lint_found *found;
    void *arg;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_assigned(const struct names *n, const char *name)
{
    return bsearch(&name, n->items + n->known_count, n->count - n->known_count, sizeof(*n->items),
                   compare_names) != NULL;
}

static int names_init(struct names *n, const struct lint_options *o, const struct lint_events *e)
{
    n->items = mem_array(o->known_count + e->count, sizeof(*n->items));
    if (n->items == NULL)
        return err_trace(ERR_NOMEM);
    for (; n->count < o->known_count; n->count++)
        n->items[n->count] = o->known[n->count];
    n->known_count = n->count;
    for (size_t i = 0; i < e->count; i++) {
        const struct lint_event *event = &e->items[i];
        if (event->kind != LINT_ASSIGN || !event->is_main)
            continue;
        char *name = mem_strndup(event->name.bytes, event->name.len);
        if (name == NULL)
            return err_trace(ERR_NOMEM);
        n->items[n->count++] = name;
    }
    qsort(n->items + n->known_count, n->count - n->known_count, sizeof(*n->items), compare_names);
    return 0;
}

static void names_deinit(struct names *n)
{
    for (size_t i = n->known_count; i < n->count; i++)
        mem_free((char *)n->items[i]);
    mem_free(n->items);
}

/* ---- judgement ---- */

static int tell(struct judge *j, bool is_warning, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int tell(struct judge *j, bool is_warning, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sentence MEM_AUTO(mem_freep) = mem_vprintf(format, args);
    va_end(args);
    if (sentence == NULL)
        return err_trace(ERR_NOMEM);
    j->found(j->arg, is_warning, line, sentence);
    return 0;
}

/* Comparing with every name is dear, and nobody reads so many answers. */
static const char *nearest(struct judge *j, const char *name)
{
    bool is_enough = j->guess_count++ >= GUESSES_MAX;
    return is_enough ? NULL : problems_nearest(name, j->names.items, j->names.count);
}

static int judge_read(struct judge *j, int line, const char *name)
{
    const struct names *n = &j->names;
    if (j->events->is_env_used || is_among(name, n->items, n->known_count) ||
        is_among(name, j->options->others, j->options->other_count) || is_assigned(n, name))
        return 0;
    const char *near = nearest(j, name);
    if (near == NULL)
        return tell(j, false, line, "nothing is called \"%s\"", name);
    return tell(j, false, line, "nothing is called \"%s\"; did you mean \"%s\"?", name, near);
}

static int judge_assign(struct judge *j, const struct lint_event *e, const char *name)
{
    if (is_among(name, j->names.items, j->names.known_count))
        return tell(j, false, e->line, "\"%s\" belongs to anabranch and cannot be assigned", name);
    if (e->is_main)
        return 0;
    return tell(j, false, e->line,
                "assignment to the global \"%s\" inside a function: it is an error at run time; "
                "write local",
                name);
}

static int judge_drop(struct judge *j, int line, const char *name)
{
    if (!is_among(name, j->options->futures, j->options->future_count))
        return 0;
    return tell(j, false, line,
                "the future of %s() is thrown away, so nobody can join it; keep it in a local and "
                "call join()",
                name);
}

static int judge_share(struct judge *j, int line, const char *name)
{
    return tell(j, true, line,
                "file-level local \"%s\" is changed by a function: all runs of the graph share it",
                name);
}

static int judge_name(struct judge *j, const struct lint_event *e, const char *name)
{
    if (e->kind == LINT_SHARE)
        return judge_share(j, e->line, name);
    if (j->events->is_env_replaced)
        return 0;
    if (e->kind == LINT_READ)
        return judge_read(j, e->line, name);
    if (e->kind == LINT_ASSIGN)
        return judge_assign(j, e, name);
    return judge_drop(j, e->line, name);
}

static int judge_event(struct judge *j, const struct lint_event *e)
{
    char *name MEM_AUTO(mem_freep) = mem_strndup(e->name.bytes, e->name.len);
    return name == NULL ? err_trace(ERR_NOMEM) : judge_name(j, e, name);
}

/* x + x is one mistake, not two. */
static bool is_repeated(const struct lint_event *e)
{
    const struct lint_event *last = e - 1;
    return last->line == e->line && last->kind == e->kind && lint_text_equals(last->name, e->name);
}

static int judge_all(struct judge *j)
{
    int r = names_init(&j->names, j->options, j->events);
    for (size_t i = 0; r == 0 && i < j->events->count; i++)
        if (i == 0 || !is_repeated(&j->events->items[i]))
            r = judge_event(j, &j->events->items[i]);
    names_deinit(&j->names);
    return r == 0 ? 0 : err_trace(r);
}

int script_lint_dump(const void *bytes, size_t len_bytes, const struct lint_options *o,
                     lint_found *found, void *arg)
{
    struct lint_function *main_function = NULL;
    struct lint_events events = { 0 };
    int r = lint_code_parse(bytes, len_bytes, &main_function);
    if (r > 0)
        return LINT_E_UNREADABLE;
    if (r == 0)
        r = lint_events_collect(main_function, &events);
    struct judge j = { .options = o, .events = &events, .found = found, .arg = arg };
    if (r == 0)
        r = judge_all(&j);
    lint_events_deinit(&events);
    lint_code_free(main_function);
    return r == 0 ? 0 : err_trace(r);
}

/* ---- the dump ---- */

static int write_dump(lua_State *L, const void *bytes, size_t len_bytes, void *arg)
{
    (void)L;
    return buf_add(arg, bytes, len_bytes); /* what went wrong stays in the buffer */
}

/* Its arguments: the function, the buffer. */
static int dump(lua_State *L)
{
    struct buf *out = lua_touserdata(L, 2);
    lua_settop(L, 1);
    (void)lua_dump(L, write_dump, out, 0); /* not a Lua function: nothing is written */
    return 0;
}

static int dump_protected(lua_State *L, struct buf *out)
{
    if (!lua_checkstack(L, 3))
        return err_trace(ERR_NOMEM);
    lua_pushcfunction(L, dump);
    lua_pushvalue(L, -2);
    lua_pushlightuserdata(L, out);
    int status = lua_pcall(L, 2, 0, 0);
    if (status == LUA_OK)
        return out->fault < 0 ? err_trace(out->fault) : 0;
    lua_pop(L, 1);
    return err_trace(status == LUA_ERRMEM ? ERR_NOMEM : ERR_SYSTEM);
}

int script_lint(lua_State *L, const struct lint_options *o, lint_found *found, void *arg)
{
    struct buf bytes MEM_AUTO(buf_deinit);
    buf_init(&bytes, DUMP_MAX_BYTES);
    int r = dump_protected(L, &bytes);
    if (r != 0)
        return err_trace(r);
    if (bytes.fault != 0)
        return LINT_E_UNREADABLE; /* BUF_E_FULL */
    return script_lint_dump(buf_text(&bytes), bytes.len, o, found, arg);
}
