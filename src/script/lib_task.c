/* What a node says while it runs: emit(text), writer(value), interrupt(value), heartbeat(). */
#include "script/internal.h"

static int lua_emit(lua_State *L)
{
    size_t len = 0;
    const char *text = luaL_checklstring(L, 1, &len);
    struct script_call *c = call_running(L, "emit()");
    c->options.host->emit(c->options.arg, text, len);
    return 0;
}

static int lua_writer(lua_State *L)
{
    luaL_checkany(L, 1);
    struct script_call *c = call_running(L, "writer()");
    json_t *value = to_json_or_raise(L, 1, "value");
    c->options.host->custom(c->options.arg, value);
    return 0;
}

static int lua_heartbeat(lua_State *L)
{
    struct script_call *c = call_running(L, "heartbeat()");
    c->options.host->progress(c->options.arg);
    return 0;
}

/* Without an answer nothing of the call goes on: a yield that is never resumed, which no pcall()
 * sees. Where it cannot yield, the hook ends it. */
static int lua_interrupt(lua_State *L)
{
    lua_settop(L, 1);
    struct script_call *c = call_running(L, "interrupt()");
    json_t *value = to_json_or_raise(L, 1, "value");
    const json_t *answer = c->options.host->ask(c->options.arg, value);
    if (answer != NULL) {
        view_push(L, answer);
        return 1;
    }
    c->is_over = true;
    if (lua_isyieldable(L) && script_of(L)->running->pinned == 0)
        return lua_yield(L, 0);
    return luaL_error(L, "the node waits for an answer");
}

void lib_task_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "emit", lua_emit },
        { "heartbeat", lua_heartbeat },
        { "interrupt", lua_interrupt },
        { "writer", lua_writer },
        { NULL, NULL },
    };
    luaL_setfuncs(L, functions, 0);
}
