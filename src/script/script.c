/*
 * The Lua state of a script: where its memory comes from, how its instructions are counted, and the
 * door through which C code enters it without being thrown out by an error.
 */
#include "script/script.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "script/internal.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct script *script_of(lua_State *L)
{
    /* Lua copies the main thread's extra space into every thread that it makes. */
    return *(struct script **)lua_getextraspace(L);
}

/* ---- memory ---- */

/*
 * Is Lua calling __gc? There the little that the call itself needs is granted, for what __gc is not
 * called for is lost for ever. Only ours have one, and they need nothing.
 */
static bool is_finalizing(const struct script *s)
{
    return s->L != NULL && lua_gc(s->L, LUA_GCISRUNNING) != 1;
}

/* To make a block smaller must not fail, says Lua. */
static void *allocate(void *arg, void *old, size_t old_bytes, size_t new_bytes)
{
    struct script *s = arg;
    size_t held = old == NULL ? 0 : old_bytes; /* else the size is a kind of object */
    if (new_bytes == 0) {
        s->used_bytes -= held;
        return mem_free(old);
    }
    if (new_bytes > held && s->used_bytes - held + new_bytes > s->max_bytes && !is_finalizing(s))
        return NULL;
    void *block = mem_realloc(old, new_bytes);
    if (block == NULL)
        return new_bytes <= held ? old : NULL;
    s->used_bytes = s->used_bytes - held + new_bytes;
    return block;
}

/* ---- instructions ---- */

static int64_t tick_limit(int64_t instructions)
{
    return instructions / TICK_INSTRUCTIONS + 1;
}

static void set_hook(lua_State *L, int count);

/* From now on every instruction raises: no pcall() of the script gets away with it. */
static void stop_hard(lua_State *L, int64_t limit, const char *setting)
{
    set_hook(L, 1);
    luaL_where(L, 0); /* in a hook the function that it stopped */
    (void)lua_pushfstring(L, "more than %I instructions (%s)", (LUAI_UACINT)limit, setting);
    lua_concat(L, 2);
    lua_error(L);
}

/* Loading, reducers, conditions: there is nobody to give the loop to. */
static int64_t main_limit(const struct script *s)
{
    return s->conf->script_max_sync_instructions * (s->is_loading ? LOADING_FACTOR : 1);
}

static void count_main(lua_State *L, struct script *s)
{
    if (--s->ticks_left <= 0)
        stop_hard(L, main_limit(s),
                  s->is_loading ? "ten times script_max_sync_instructions"
                                : "script_max_sync_instructions");
    if (clock_mono_us() < s->sync_end_us)
        return;
    set_hook(L, 1); /* as above: functions of C were what took so long */
    luaL_error(L, "more than %d ms at once", SYNC_US / 1000 * (s->is_loading ? LOADING_FACTOR : 1));
}

static bool can_yield(lua_State *L, const struct fiber *f)
{
    return lua_isyieldable(L) && f->pinned == 0;
}

/* Never resumed, it cannot be caught. */
static void end_over_limit(lua_State *L, struct fiber *f)
{
    f->call->is_over_limit = true;
    if (can_yield(L, f))
        lua_yield(L, 0);
    else
        stop_hard(L, f->call->script->conf->script_max_instructions, "script_max_instructions");
}

static void count_fiber(lua_State *L, struct script *s, struct fiber *f)
{
    bool is_ending = f->state == FIBER_CLOSED || f->call->is_over;
    if (is_ending && --f->closing_ticks <= 0)
        stop_hard(L, (int64_t)CLOSE_TICKS * TICK_INSTRUCTIONS, "of what ends with a node");
    if (is_ending)
        return;
    if (++f->call->ticks >= tick_limit(s->conf->script_max_instructions))
        end_over_limit(L, f);
    else if (clock_mono_us() >= s->slice_end_us && can_yield(L, f)) {
        f->is_preempted = true;
        lua_yield(L, 0);
    }
}

static void on_count(lua_State *L, lua_Debug *ar)
{
    struct script *s = script_of(L);
    (void)ar;
    if (s->running == NULL)
        count_main(L, s);
    else
        count_fiber(L, s, s->running);
}

static void set_hook(lua_State *L, int count)
{
    lua_sethook(L, on_count, LUA_MASKCOUNT, count);
}

/* What counts already goes on: set anew it would begin at 0, and whoever calls us often is never seen. */
void script_hook(lua_State *L)
{
    if (lua_gethookcount(L) != TICK_INSTRUCTIONS)
        set_hook(L, TICK_INSTRUCTIONS);
}

/* ---- protected work ---- */

void *script_arg(lua_State *L)
{
    return lua_touserdata(L, 1);
}

int script_protect(struct script *s, lua_CFunction fn, void *arg, struct fail *f)
{
    struct fiber *running = s->running; /* of another script's point of view there may be one */
    int64_t ticks_left = s->ticks_left;
    int top = lua_gettop(s->L);
    if (!lua_checkstack(s->L, LUA_MINSTACK))
        return err_trace(ERR_NOMEM);
    s->running = NULL;
    s->ticks_left = tick_limit(main_limit(s));
    s->sync_end_us = clock_mono_us() + (int64_t)SYNC_US * (s->is_loading ? LOADING_FACTOR : 1);
    lua_pushcfunction(s->L, trace_handler);
    lua_pushcfunction(s->L, fn);
    lua_pushlightuserdata(s->L, arg);
    int status = lua_pcall(s->L, 1, 0, top + 1);
    if (status != LUA_OK)
        trace_fail(s, s->L, status, f);
    lua_settop(s->L, top);
    script_hook(s->L);
    s->running = running;
    s->ticks_left = ticks_left;
    return status == LUA_OK ? 0 : SCRIPT_E_WRONG;
}

void script_compile_chunk(lua_State *L, const char *bytes, size_t len_bytes, const char *name)
{
    size_t len = 0;
    goto_push_source(L, bytes, len_bytes);
    const char *source = lua_tolstring(L, -1, &len);
    if (luaL_loadbufferx(L, source, len, name, "t") != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
    sandbox_push_env(L);
    (void)lua_setupvalue(L, -2, 1); /* a chunk's one upvalue is _ENV */
}

/* ---- files ---- */

static void say_unread(int r, int error, struct buf *why)
{
    if (r == FILE_E_UNREADABLE)
        (void)buf_addf(why, "cannot be read: %s", strerror(error));
    else if (r == FILE_E_LARGE)
        (void)buf_add_str(why, "is larger than max_body_bytes");
    else if (r == FILE_E_NOT_PLAIN)
        (void)buf_add_str(why, "is no plain file");
}

char *script_read_file(const struct script *s, const char *path, size_t *ret_len_bytes,
                       struct buf *why, int *ret_fault)
{
    struct buf content MEM_AUTO(buf_deinit);
    int error = 0;
    char *bytes = NULL;

    buf_init(&content, (size_t)s->conf->max_body_bytes);
    int r = file_read_plain(path, &content, &error);
    if (r == 0 && (bytes = buf_take(&content, ret_len_bytes)) == NULL)
        r = ERR_NOMEM;
    say_unread(r, error, why);
    *ret_fault = r < 0 ? err_trace(r) : 0;
    if (s->files != NULL)
        s->files->seen(s->files->arg, path, bytes, bytes == NULL ? 0 : *ret_len_bytes);
    return bytes;
}

/* ---- life ---- */

/* Lua calls it before it aborts: an error that nobody protects is a mistake of ours. */
static int panic(lua_State *L)
{
    assert(L == NULL && "a Lua error outside of script_protect()");
    return 0;
}

static int open_state(lua_State *L)
{
    sandbox_open(L);
    return 0;
}

static int make_state(struct script *s)
{
    struct fail f = { .code = FAIL_NONE };
    s->L = lua_newstate(allocate, s);
    if (s->L == NULL)
        return err_trace(ERR_NOMEM);
    *(struct script **)lua_getextraspace(s->L) = s;
    lua_atpanic(s->L, panic);
    s->is_loading = true;
    int r = script_protect(s, open_state, NULL, &f);
    s->is_loading = false;
    fail_clear(&f);
    return r == 0 ? 0 : err_trace(ERR_NOMEM); /* our own code: nothing else can be wrong in it */
}

static struct script *free_script(struct script *s)
{
    if (s->L != NULL)
        lua_close(s->L);
    mem_free(s->path);
    return mem_free(s);
}

int script_new(const struct conf *conf, const char *path, struct script **ret)
{
    struct script *s = mem_zalloc(sizeof(*s));
    if (s == NULL)
        return err_trace(ERR_NOMEM);
    s->code.ops = &script_code_ops;
    s->refs = 1;
    s->conf = conf;
    s->max_bytes = (size_t)conf->script_memory_bytes;
    s->path = mem_strdup(path);
    int r = s->path == NULL ? ERR_NOMEM : make_state(s);
    if (r != 0) {
        free_script(s);
        return err_trace(r);
    }
    *ret = s;
    return 0;
}

struct script *script_ref(struct script *s)
{
    s->refs++;
    return s;
}

struct script *script_unref(struct script *s)
{
    if (s == NULL || --s->refs > 0)
        return NULL;
    return free_script(s);
}
