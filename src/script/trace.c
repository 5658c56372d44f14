/*
 * What went wrong in Lua, as a failure of ours. An error value may be
 *
 *     a text                      error("no"), and what Lua itself says: LuaError
 *     a failure (userdata)        of http, llm, a timeout: keeps its code, and so its retry
 *     {type=, message=}           a class of the script's own
 *
 * and what it came from is told with it: the stack, with files and lines. Where a stack is gone once
 * the error is caught, trace_handler() notes it in the registry.
 */
#include "base/err.h"
#include "base/mem.h"
#include "script/internal.h"
#include <stdarg.h>
#include <string.h>

static const char fail_key = 0;  /* the metatable of failures */
static const char error_key = 0; /* the value that is looked at; there from the start */
static const char trace_key = 0; /* text: the stack of the last error on the main thread */

/* ---- failures as values ---- */

const struct fail *trace_to_fail(lua_State *L, int index)
{
    void *found = lua_touserdata(L, index);
    if (found == NULL || lua_islightuserdata(L, index) || !lua_getmetatable(L, index))
        return NULL;
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &fail_key);
    bool is_fail = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_fail ? found : NULL;
}

struct fail *trace_push_fail(lua_State *L)
{
    struct fail *f = lua_newuserdatauv(L, sizeof(*f), 0);
    *f = (struct fail){ .code = FAIL_NONE };
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &fail_key);
    (void)lua_setmetatable(L, -2);
    return f;
}

/* The place of the innermost function that is neither C's nor ours. */
static void push_where(lua_State *L)
{
    lua_Debug ar;
    for (int level = 1; lua_getstack(L, level, &ar); level++) {
        (void)lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0 && strncmp(ar.source, "=[", 2) != 0) {
            (void)lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
            return;
        }
    }
    (void)lua_pushliteral(L, "");
}

int trace_blame(lua_State *L, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    push_where(L);
    (void)lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    lua_concat(L, 2);
    return lua_error(L);
}

static int fail_index(lua_State *L)
{
    const struct fail *f = trace_to_fail(L, 1);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (f == NULL || (strcmp(key, "type") != 0 && strcmp(key, "message") != 0))
        lua_pushnil(L);
    else
        (void)lua_pushstring(L, key[0] == 't' ? fail_type(f) : fail_message(f));
    return 1;
}

static int fail_tostring(lua_State *L)
{
    const struct fail *f = trace_to_fail(L, 1);
    (void)lua_pushstring(L, f == NULL ? "" : fail_message(f));
    return 1;
}

static int fail_gc(lua_State *L)
{
    struct fail *f = lua_touserdata(L, 1);
    fail_clear(f);
    return 0;
}

void trace_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "__index", fail_index }, { "__tostring", fail_tostring }, { "__gc", fail_gc },
        { NULL, NULL },
    };
    luaL_newlib(L, methods);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &fail_key);
    lua_pushboolean(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
    lua_pushboolean(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &trace_key);
}

/* ---- from errors to failures ---- */

int trace_handler(lua_State *L)
{
    luaL_traceback(L, L, NULL, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &trace_key);
    return 1;
}

/* What trace_fail() hands through script's protected call. */
struct looking {
    struct script *script;
    lua_State *from;
    struct fail *f;
};

/* The stack as text, on the top of L: of a coroutine it is still there. */
static void push_stack(lua_State *L, const struct looking *x)
{
    if (x->from != x->script->L)
        luaL_traceback(L, x->from, NULL, 0);
    else if (lua_rawgetp(L, LUA_REGISTRYINDEX, &trace_key) != LUA_TSTRING)
        (void)lua_pushliteral(L, "");
}

/* A member of an error table that is a text, or NULL; it stays on the stack. */
static const char *member(lua_State *L, int index, const char *key)
{
    (void)lua_pushstring(L, key);
    return lua_rawget(L, index) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

static void say(struct fail *f, enum fail_code code, const char *message, const char *stack)
{
    fail_set(f, code, "%s%s%s", message, *stack == '\0' ? "" : "\n", stack);
}

static void read_table(lua_State *L, struct fail *f, const char *stack)
{
    int index = lua_gettop(L);
    const char *message = member(L, index, "message");
    const char *type = member(L, index, "type");
    say(f, FAIL_NODE, message == NULL ? "an error without a message" : message, stack);
    fail_set_type(f, type == NULL ? "LuaError" : type);
}

static void read_text(lua_State *L, struct fail *f, const char *stack)
{
    say(f, FAIL_NODE, luaL_tolstring(L, -1, NULL), stack);
    fail_set_type(f, "LuaError");
}

static void read_fail(const struct fail *from, struct fail *f, const char *stack)
{
    say(f, from->code, fail_message(from), stack);
    if (from->type != NULL)
        fail_set_type(f, from->type);
    f->retry_after_ms = from->retry_after_ms;
}

static int look(lua_State *L)
{
    const struct looking *x = script_arg(L);
    push_stack(L, x);
    const char *stack = lua_tostring(L, -1);
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
    const struct fail *from = trace_to_fail(L, -1);
    if (from != NULL)
        read_fail(from, x->f, stack);
    else if (lua_istable(L, -1))
        read_table(L, x->f, stack);
    else
        read_text(L, x->f, stack);
    return 0;
}

static void no_memory(const struct script *s, struct fail *f)
{
    fail_set(f, FAIL_LIMIT, "%s: the script needs more memory than script_memory_bytes, %zu",
             s->path, s->max_bytes);
}

/* look(), protected: LUA_OK or what went wrong with it. */
static int try_to_look(struct looking *x)
{
    struct script *s = x->script;
    struct fiber *running = s->running;
    int64_t ticks_left = s->ticks_left;
    if (!lua_checkstack(s->L, LUA_MINSTACK))
        return LUA_ERRMEM;
    s->running = NULL;
    s->ticks_left = CLOSE_TICKS;
    script_hook(s->L);
    lua_pushcfunction(s->L, look);
    lua_pushlightuserdata(s->L, x);
    int status = lua_pcall(s->L, 1, 0, 0);
    if (status != LUA_OK)
        lua_pop(s->L, 1);
    s->running = running;
    s->ticks_left = ticks_left;
    return status;
}

void trace_fail(struct script *s, lua_State *from, int status, struct fail *f)
{
    struct looking x = { s, from, f };
    lua_rawsetp(from, LUA_REGISTRYINDEX, &error_key); /* is there: nothing is allocated */
    if (status != LUA_ERRMEM)
        status = try_to_look(&x);
    if (status == LUA_ERRMEM)
        no_memory(s, f);
    else if (status != LUA_OK)
        fail_set(f, FAIL_NODE, "%s: an error that is too long to be told", s->path);
    lua_pushboolean(s->L, 0);
    lua_rawsetp(s->L, LUA_REGISTRYINDEX, &error_key);
}
