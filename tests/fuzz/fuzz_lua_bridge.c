/*
 * The bridge between JSON and Lua. The first byte chooses:
 *
 *     JSON      text -> view and copy in Lua -> JSON again: equal, with the same text but for the order of keys
 *     Lua       a table that the bytes describe -> JSON -> copy -> JSON: equal; or refused with a sentence
 *
 * The state is kept from input to input.
 */
#include "base/jsonx.h"
#include "base/mem.h"
#include "script/internal.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MAX = 30, TEXT_BYTES = 1 << 24 };

static struct conf conf;
static struct script *script;

struct bytes {
    const uint8_t *at, *end;
};

static void must(bool good)
{
    if (!good)
        abort();
}

/* Keys in order, all the way down. */
static json_t *sorted(const json_t *json)
{
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    json_t *ret = json_loads(text, JSON_DECODE_ANY, NULL);
    must(ret != NULL);
    free(text);
    return ret;
}

static void must_be_same(const json_t *a, const json_t *b)
{
    json_t *x = sorted(a), *y = sorted(b);
    char *one = jsonx_text(x, TEXT_BYTES, NULL), *other = jsonx_text(y, TEXT_BYTES, NULL);
    must(json_equal(a, b));
    must(one != NULL && other != NULL && strcmp(one, other) == 0);
    mem_free(one);
    mem_free(other);
    json_decref(x);
    json_decref(y);
}

/* The value on the top, which must be JSON. */
static json_t *back(lua_State *L)
{
    struct to_json o = { .max_depth = (int)conf.max_depth };
    int top = lua_gettop(L);
    json_t *json = to_json(L, -1, &o, "value");
    must(json != NULL && lua_gettop(L) == top);
    return json;
}

/* ---- JSON ---- */

static int walk(lua_State *L)
{
    const json_t *json = script_arg(L);
    view_push(L, json);
    json_t *seen = back(L);
    must_be_same(json, seen);
    json_decref(seen);
    bridge_push_copy(L, json);
    json_t *copied = back(L);
    must_be_same(json, copied);
    json_decref(copied);
    lua_getglobal(L, "rebuild"); /* element by element, through the view's metamethods */
    lua_pushvalue(L, -3);
    lua_call(L, 1, 1);
    json_t *rebuilt = back(L);
    must_be_same(json, rebuilt);
    json_decref(rebuilt);
    return 0;
}

static void try_json(const uint8_t *data, size_t size)
{
    json_t *json = NULL;
    struct jsonx_error error;
    struct fail f = { .code = FAIL_NONE };
    if (jsonx_parse((const char *)data, size, (int)conf.max_depth - 1, &json, &error) != 0)
        return;
    must(script_protect(script, walk, json, &f) == 0);
    json_decref(json);
}

/* ---- Lua ---- */

static uint8_t next_byte(struct bytes *b)
{
    return b->at < b->end ? *b->at++ : 0;
}

static void push_number(lua_State *L, struct bytes *b)
{
    union {
        uint8_t bytes[8];
        double number;
        int64_t integer;
    } u = { { 0 } };
    bool is_integer = next_byte(b) % 2;
    for (int i = 0; i < 8; i++)
        u.bytes[i] = next_byte(b);
    if (is_integer)
        lua_pushinteger(L, u.integer);
    else
        lua_pushnumber(L, u.number);
}

static void push_string(lua_State *L, struct bytes *b)
{
    size_t len = next_byte(b) % 16;
    if (len > (size_t)(b->end - b->at))
        len = (size_t)(b->end - b->at);
    (void)lua_pushlstring(L, (const char *)b->at, len);
    b->at += len;
}

static void push_value(lua_State *L, struct bytes *b, int depth);

static void push_key(lua_State *L, struct bytes *b, lua_Integer *list)
{
    switch (next_byte(b) % 8) {
    case 0:
        lua_pushinteger(L, (int8_t)next_byte(b));
        break;
    case 1:
        lua_pushboolean(L, 1);
        break;
    case 2:
    case 3:
    case 4:
        lua_pushinteger(L, ++*list);
        break;
    default:
        push_string(L, b);
    }
}

static void push_table(lua_State *L, struct bytes *b, int depth)
{
    uint8_t head = next_byte(b);
    lua_Integer list = 0;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_createtable(L, 0, 0);
    for (int i = 0; i < head % 8 && b->at < b->end; i++) {
        push_key(L, b, &list);
        push_value(L, b, depth + 1);
        lua_rawset(L, -3);
    }
    if (head >= 64)
        bridge_mark(L, (enum mark)(head / 32 % MARK_COUNT));
}

static void push_value(lua_State *L, struct bytes *b, int depth)
{
    uint8_t kind = next_byte(b) % 10;
    if (kind == 0)
        lua_pushboolean(L, next_byte(b) % 2);
    else if (kind == 1)
        push_number(L, b);
    else if (kind <= 3)
        push_string(L, b);
    else if (kind == 4)
        bridge_push_null(L);
    else if (kind == 5)
        lua_pushcfunction(L, view_next);
    else if (kind == 6)
        lua_pushnil(L);
    else if (depth < DEPTH_MAX)
        push_table(L, b, depth);
    else
        lua_pushvalue(L, 1); /* whatever is outermost */
}

/* Holds the JSON where it is found again. */
struct trying {
    struct bytes bytes;
    json_t *json;
};

static int try_value(lua_State *L)
{
    struct trying *x = script_arg(L);
    struct to_json o = { .max_depth = (int)conf.max_depth };
    lua_settop(L, 0);
    push_value(L, &x->bytes, 0);
    int top = lua_gettop(L);
    json_t *result = to_json_result(L, -1, &o);
    must(lua_gettop(L) == top && (result != NULL || o.why[0] != '\0'));
    json_decref(result);
    x->json = to_json(L, -1, &o, "value");
    must(lua_gettop(L) == top && (x->json != NULL || strncmp(o.why, "value", 5) == 0));
    if (x->json == NULL)
        return 0;
    bridge_push_copy(L, x->json);
    json_t *again = back(L);
    must_be_same(x->json, again);
    json_decref(again);
    return 0;
}

static void try_lua(const uint8_t *data, size_t size)
{
    struct trying x = { { data, data + size }, NULL };
    struct fail f = { .code = FAIL_NONE };
    must(script_protect(script, try_value, &x, &f) == 0);
    json_decref(x.json);
}

/* ---- both ---- */

static const char rebuild[] = "function rebuild(v)\n"
                              "  if type(v) ~= 'table' then return v end\n"
                              "  local new, n = json.copy(v), 0\n"
                              "  for k, x in pairs(v) do new[k] = rebuild(x) n = n + 1 end\n"
                              "  if next(v) == 1 or #v > 0 then assert(#v == n) end\n"
                              "  for i, x in ipairs(v) do assert(v[i] == x and new[i] ~= nil) end\n"
                              "  return new\n"
                              "end";

static int define(lua_State *L)
{
    script_compile_chunk(L, rebuild, sizeof(rebuild) - 1, "=rebuild");
    lua_call(L, 0, 0);
    sandbox_push_globals(L);
    (void)lua_getfield(L, -1, "rebuild");
    lua_setglobal(L, "rebuild");
    return 0;
}

static void begin(void)
{
    struct fail f = { .code = FAIL_NONE };
    mem_init();
    must(conf_default(&conf) == 0);
    conf.script_max_sync_instructions = INT64_C(1000000000);
    must(script_new(&conf, "fuzz.lua", &script) == 0);
    script->is_loading = true;
    must(script_protect(script, define, NULL, &f) == 0);
    script->is_loading = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (script == NULL)
        begin();
    if (size == 0)
        return 0;
    if (data[0] % 2)
        try_json(data + 1, size - 1);
    else
        try_lua(data + 1, size - 1);
    return 0;
}
