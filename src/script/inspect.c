/*
 * What a file that was loaded would do wrong when it is run. Mistakes go where the file's other
 * mistakes go; what may be meant is a line of the log.
 */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/internal.h"
#include "script/lint.h"

/* Names of a table, borrowed from its keys. */
struct names {
    const char **items;
    size_t count;
};

struct inspection {
    struct script *script;
    const char *path;
};

static size_t count_keys(lua_State *L)
{
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        count++;
        lua_pop(L, 1);
    }
    return count;
}

/* Of the table on the top, which stays. Does not raise; without memory there are none. */
static void names_of(lua_State *L, struct names *ret)
{
    size_t most = count_keys(L);
    *ret = (struct names){ mem_array(most, sizeof(*ret->items)), 0 };
    if (ret->items == NULL)
        return;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            ret->items[ret->count++] = lua_tostring(L, -2);
        lua_pop(L, 1);
    }
}

static void found(void *arg, bool is_warning, int line, const char *sentence)
{
    const struct inspection *x = arg;
    if (is_warning && !x->script->is_loading)
        return; /* of a body in a JSON graph, whose locals are those of one call */
    char *place MEM_AUTO(mem_freep) = mem_printf("%s:%d", x->path, line);
    if (place == NULL)
        return; /* one finding less */
    if (!is_warning && x->script->on_mistake != NULL)
        x->script->on_mistake(x->script->mistake_arg, place, sentence);
    else
        log_warn("script_warning", "place", place, "message", sentence, NULL);
}

void inspect_chunk(lua_State *L, const char *path)
{
    static const char *const futures[] = { "spawn" };
    struct inspection x = { script_of(L), path };
    struct names known, others;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    sandbox_push_builtins(L);
    names_of(L, &known);
    sandbox_push_globals(L);
    names_of(L, &others);
    lua_pushvalue(L, -3);
    const struct lint_options options = { known.items, known.count, others.items, others.count,
                                          futures,     1 };
    int r = script_lint(L, &options, found, &x);
    lua_pop(L, 3);
    mem_free(known.items);
    mem_free(others.items);
    if (r < 0)
        luaL_error(L, "no memory");
}
