/* sleep(seconds). The simplest thing that waits, and so the pattern for the others. */
#include "base/mem.h"
#include "script/internal.h"
#include <math.h>

#define DAY_S 86400.0

struct sleep_wait {
    struct wait wait;
    struct loop_timer *timer;
};

double wait_check_seconds(lua_State *L, int index)
{
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, seconds >= 0 && seconds <= DAY_S, index,
                  "seconds between 0 and 86400 expected");
    return seconds;
}

static void time_passed(void *arg)
{
    struct sleep_wait *w = arg;
    if (w->wait.fiber != NULL)
        fiber_wake(w->wait.fiber);
}

static void drop(struct wait *wait)
{
    struct sleep_wait *w = (struct sleep_wait *)wait;
    loop_timer_free(w->timer);
    mem_free(w);
}

static int slept(lua_State *L, int status, lua_KContext ctx)
{
    (void)L;
    (void)status;
    fiber_drop_wait((struct fiber *)ctx);
    return 0;
}

static int lua_sleep(lua_State *L)
{
    double seconds = wait_check_seconds(L, 1);
    struct fiber *f = fiber_for_wait(L, "sleep()");
    struct sleep_wait *w = mem_zalloc(sizeof(*w));
    if (w == NULL)
        return luaL_error(L, "no memory");
    w->wait.drop = drop;
    fiber_own_wait(f, &w->wait);
    if (loop_timer_new(f->call->options.loop, time_passed, w, &w->timer) != 0)
        return luaL_error(L, "no memory");
    loop_timer_start(w->timer, (int64_t)llround(seconds * 1e6));
    return fiber_wait(L, f, slept);
}

void lib_wait_open(lua_State *L)
{
    lua_pushcfunction(L, lua_sleep);
    lua_setfield(L, -2, "sleep");
}
