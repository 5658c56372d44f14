/*
 * Searching for patterns. Each function works until the meter is spent; then it gives `paused`, a
 * copy of its struct search as a userdatum, and go_on() continues with that one:
 *
 *     find(s, p [, init [, plain]])          start, end, captures... | nil
 *     match(s, p [, init])                   captures... | nil
 *     next(s, p, init, last, is_gsub, most)  start, end + 1, at most so many captures... | nil
 *     replace(s, p, text, max)               result, count; with `paused`: the result's next piece
 *     go_on(state)                           as the first call
 *
 * or `bad` with a sentence. Subject and pattern are arguments 1 and 2 of all but the last.
 */
#include "script/pattern.h"
#include "script/primitives.h"
#include <assert.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

enum search_kind { SEARCH_FIND, SEARCH_MATCH, SEARCH_NEXT, SEARCH_REPLACE };

struct search {
    enum search_kind kind;
    bool is_plain;
    bool is_kept; /* lives in a userdatum */
    lua_Integer most_captures;
    /* replace() only */
    struct pattern_text text; /* with %1 and the like */
    size_t copied;            /* how much of the subject the pieces so far stand for */
    lua_Integer count, max_count;

    struct pattern p;
};

static struct pattern_text text_at(lua_State *L, int arg)
{
    struct pattern_text text;
    text.bytes = luaL_checklstring(L, arg, &text.len);
    return text;
}

static void search_init(lua_State *L, struct search *search, enum search_kind kind, bool has_anchor)
{
    struct pattern_text subject = text_at(L, 1), pattern = text_at(L, 2);
    lua_settop(L, 6); /* none has more arguments; push_paused() takes three */
    memset(search, 0, offsetof(struct search, p));
    search->kind = kind;
    search->most_captures = PATTERN_CAPTURES;
    pattern_init(&search->p, &subject, &pattern, has_anchor);
}

/* The offset that an `init` stands for: 1 is the first byte, -1 the last. len + 1: behind the end. */
static size_t offset_of(lua_Integer init, size_t len)
{
    if (init > 0)
        return (size_t)init - 1 <= len ? (size_t)init - 1 : len + 1;
    size_t back = (size_t)0 - (size_t)init;
    return init == 0 || back > len ? 0 : len - back;
}

static int push_paused(lua_State *L, struct search *search)
{
    lua_pushlightuserdata(L, (void *)&script_paused);
    if (search->is_kept) {
        lua_pushvalue(L, 1);
        return 2;
    }
    struct search *kept = lua_newuserdatauv(L, sizeof(*kept), 3);
    *kept = *search;
    kept->is_kept = true;
    for (int i = 1; i <= 3; i++) { /* what it points into must stay */
        lua_pushvalue(L, i);
        (void)lua_setiuservalue(L, -2, i);
    }
    return 2;
}

/* 0 or PATTERN_E_WRONG; then nothing is pushed. */
static int push_capture(lua_State *L, struct pattern *p, size_t index)
{
    struct pattern_capture capture;
    int r = pattern_capture(p, index, &capture);
    if (r != 0)
        return r;
    if (capture.len == PATTERN_POSITION)
        lua_pushinteger(L, (lua_Integer)capture.at + 1);
    else
        lua_pushlstring(L, p->subject.bytes + capture.at, capture.len);
    return 0;
}

/* The results of a match, behind those that are on the stack above `base`. */
static int push_captures(lua_State *L, struct search *search, int base)
{
    struct pattern *p = &search->p;
    /* find() has told where the whole is. */
    size_t count = search->is_plain || (search->kind == SEARCH_FIND && p->level == 0)
                       ? 0
                       : pattern_capture_count(p);
    luaL_checkstack(L, PATTERN_CAPTURES, "too many captures");
    for (size_t i = 0; i < count && (lua_Integer)i < search->most_captures; i++) {
        if (push_capture(L, p, i) != 0)
            return script_push_bad(L, p->why);
    }
    return lua_gettop(L) - base;
}

static int push_match(lua_State *L, struct search *search)
{
    int base = lua_gettop(L);
    const struct pattern *p = &search->p;
    if (search->kind != SEARCH_MATCH) {
        lua_pushinteger(L, (lua_Integer)p->start + 1);
        lua_pushinteger(L, (lua_Integer)p->end + (search->kind == SEARCH_NEXT));
    }
    return push_captures(L, search, base);
}

static int search_on(lua_State *L, struct search *search)
{
    size_t *left = &script_meter_get(L)->left;
    int r =
        search->is_plain ? pattern_next_plain(&search->p, left) : pattern_next(&search->p, left);
    switch (r) {
    case 0:
        return push_match(L, search);
    case PATTERN_E_STEPS:
        return push_paused(L, search);
    case PATTERN_E_WRONG:
        return script_push_bad(L, search->p.why);
    default:
        lua_pushnil(L);
        return 1;
    }
}

static int find(lua_State *L)
{
    struct search search;
    search_init(L, &search, SEARCH_FIND, true);
    search.is_plain = lua_toboolean(L, 4) || pattern_is_plain(&search.p.text);
    pattern_seek(&search.p, offset_of(luaL_optinteger(L, 3, 1), search.p.subject.len), SIZE_MAX);
    return search_on(L, &search);
}

static int match(lua_State *L)
{
    struct search search;
    search_init(L, &search, SEARCH_MATCH, true);
    pattern_seek(&search.p, offset_of(luaL_optinteger(L, 3, 1), search.p.subject.len), SIZE_MAX);
    return search_on(L, &search);
}

/* last: where the match before ended, in the form of init; 0 = there was none. */
static int next(lua_State *L)
{
    struct search search;
    search_init(L, &search, SEARCH_NEXT, lua_toboolean(L, 5));
    size_t last = (size_t)luaL_checkinteger(L, 4) - 1;
    pattern_seek(&search.p, offset_of(luaL_checkinteger(L, 3), search.p.subject.len), last);
    search.most_captures = luaL_optinteger(L, 6, PATTERN_CAPTURES);
    return search_on(L, &search);
}

static void add_capture(luaL_Buffer *out, const struct pattern *p,
                        const struct pattern_capture *capture)
{
    char number[32];
    if (capture->len != PATTERN_POSITION) {
        luaL_addlstring(out, p->subject.bytes + capture->at, capture->len);
        return;
    }
    (void)snprintf(number, sizeof(number), "%zu", capture->at + 1);
    luaL_addstring(out, number);
}

/* What %c stands for. NULL, or what is wrong with it. */
static const char *add_escaped(luaL_Buffer *out, struct pattern *p, char c)
{
    struct pattern_capture capture = { p->start, p->end - p->start };
    if (c == '%') {
        luaL_addchar(out, c);
        return NULL;
    }
    if (c < '0' || c > '9')
        return "invalid use of '%' in replacement string";
    if (c != '0' && pattern_capture(p, (size_t)(c - '1'), &capture) != 0)
        return p->why;
    add_capture(out, p, &capture);
    return NULL;
}

static const char *add_replacement(luaL_Buffer *out, struct search *search)
{
    const char *at = search->text.bytes, *end = at + search->text.len;
    const char *percent;
    while ((percent = memchr(at, '%', (size_t)(end - at))) != NULL) {
        luaL_addlstring(out, at, (size_t)(percent - at));
        /* A NUL stands behind every string of Lua. */
        const char *why = add_escaped(out, &search->p, percent[1]);
        if (why != NULL)
            return why;
        at = percent + 2;
    }
    luaL_addlstring(out, at, (size_t)(end - at));
    return NULL;
}

/* Appends the subject up to a match and what takes the match's place. NULL, or what is wrong. */
static const char *add_match(luaL_Buffer *out, struct search *search)
{
    struct pattern *p = &search->p;
    luaL_addlstring(out, p->subject.bytes + search->copied, p->start - search->copied);
    search->copied = p->end;
    search->count++;
    return add_replacement(out, search);
}

/* Matches until the meter is spent. Returns as pattern_next() does in the end, or 0 at max_count. */
static int replace_matches(luaL_Buffer *out, struct search *search, struct script_meter *meter,
                           const char **ret_why)
{
    int r = 0;
    size_t written = 0;
    while (r == 0 && search->count < search->max_count) {
        r = pattern_next(&search->p, &meter->left);
        if (r != 0)
            break;
        *ret_why = add_match(out, search);
        if (*ret_why != NULL)
            return PATTERN_E_WRONG;
        script_meter_charge(meter, 4 + (luaL_bufflen(out) - written) / SCRIPT_BYTES_PER_STEP);
        written = luaL_bufflen(out);
    }
    *ret_why = search->p.why;
    return r;
}

static int replace_on(lua_State *L, struct search *search)
{
    luaL_Buffer out;
    const char *why;
    const struct pattern_text *subject = &search->p.subject;
    luaL_buffinit(L, &out);
    int r = replace_matches(&out, search, script_meter_get(L), &why);
    if (r != PATTERN_E_STEPS)
        luaL_addlstring(&out, subject->bytes + search->copied, subject->len - search->copied);
    luaL_pushresult(&out);
    if (r == PATTERN_E_WRONG)
        return script_push_bad(L, why);
    if (r != PATTERN_E_STEPS) {
        lua_pushinteger(L, search->count);
        return 2;
    }
    (void)push_paused(L, search);
    lua_rotate(L, -3, -1);
    return 3;
}

static int replace(lua_State *L)
{
    struct search search;
    search_init(L, &search, SEARCH_REPLACE, true);
    search.text = text_at(L, 3);
    search.max_count = luaL_checkinteger(L, 4);
    return replace_on(L, &search);
}

static int go_on(lua_State *L)
{
    struct search *search = lua_touserdata(L, 1);
    assert(search != NULL);
    return search->kind == SEARCH_REPLACE ? replace_on(L, search) : search_on(L, search);
}

static const luaL_Reg functions[] = {
    { "find", find },       { "match", match }, { "next", next },
    { "replace", replace }, { "go_on", go_on }, { NULL, NULL },
};

void script_lib_search(lua_State *L)
{
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, functions, 1);
}
