/*
 * Lua values as JSON, or a sentence that says why not: each value is refused or kept exactly.
 *
 * Nothing here raises, so no json_t can be lost: no string is made, metamethods are not called,
 * tables are walked by lua_next() alone. Lua keeps no order of keys, and a different one in each
 * process; objects get theirs sorted, so that equal values have equal texts.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "script/internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in the value we are, for messages: the way down, innermost first. */
struct place {
    const struct place *up;
    const char *key;   /* or NULL: */
    lua_Integer index; /* of a list */
};

struct member {
    const char *key; /* in a Lua string that the table holds */
    json_t *json;
};

/* What stands under "update" of it is named and meant like a plain update. */
static const struct place command_place = { NULL, "Command", 0 };

static json_t *convert(lua_State *L, int index, struct to_json *o, const struct place *at,
                       int depth);

/* ---- messages ---- */

static size_t write_place(const struct place *at, char *out, size_t size)
{
    size_t len = at->up == NULL ? 0 : write_place(at->up, out, size);
    int more;
    if (len + 1 >= size)
        return len;
    if (at->key == NULL)
        more = snprintf(out + len, size - len, "[%lld]", (long long)at->index);
    else
        more = snprintf(out + len, size - len, "%s%s", at->up == NULL ? "" : ".", at->key);
    return more < 0 ? len : len + (size_t)more < size ? len + (size_t)more : size - 1;
}

static json_t *refuse(struct to_json *o, const struct place *at, const char *wrong)
{
    char where[200] = "";
    write_place(at, where, sizeof(where));
    /* A long key may be cut inside a character; what is sent to clients is mended by fail_set(). */
    (void)snprintf(o->why, sizeof(o->why), "%s: %s", where, wrong);
    return NULL;
}

/* ---- scalars ---- */

static json_t *string_json(lua_State *L, int index, struct to_json *o, const struct place *at)
{
    size_t len = 0;
    const char *text = lua_tolstring(L, index, &len);
    if (memchr(text, '\0', len) != NULL)
        return refuse(o, at, "a string with a NUL byte cannot become JSON");
    if (jsonx_utf8_prefix(text, len) != len)
        return refuse(o, at, "a string that is not UTF-8 cannot become JSON");
    return json_stringn_nocheck(text, len);
}

static json_t *number_json(lua_State *L, int index, struct to_json *o, const struct place *at)
{
    if (lua_isinteger(L, index))
        return json_integer(lua_tointeger(L, index));
    lua_Number number = lua_tonumber(L, index);
    if (isnan(number))
        return refuse(o, at, "NaN cannot become JSON");
    if (isinf(number))
        return refuse(o, at, "an infinite number cannot become JSON");
    return json_real(number);
}

static json_t *fail_json(const struct fail *f)
{
    return json_pack("{s:s, s:s}", "type", fail_type(f), "message", fail_message(f));
}

static json_t *userdata_json(lua_State *L, int index, struct to_json *o, const struct place *at)
{
    const json_t *json = view_json(L, index);
    const struct fail *f = trace_to_fail(L, index);
    if (json != NULL)
        return json_incref((json_t *)json); /* counting changes nothing */
    if (f != NULL)
        return fail_json(f);
    return bridge_is_null(L, index) ? json_null()
                                    : refuse(o, at, "this value cannot become JSON");
}

/* ---- tables ---- */

/* What keys a table has. */
struct shape {
    size_t names;    /* strings */
    size_t indexes;  /* integers from 1 on */
    size_t greatest; /* of those */
    bool has_other;
};

static struct shape look_at(lua_State *L, int table)
{
    struct shape s = { .names = 0 };
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_Integer i = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        if (lua_type(L, -2) == LUA_TSTRING)
            s.names++;
        else if (i >= 1)
            s.indexes++;
        else
            s.has_other = true;
        if (i >= 1 && (size_t)i > s.greatest)
            s.greatest = (size_t)i;
        lua_pop(L, 1);
    }
    return s;
}

static json_t *list_json(lua_State *L, int table, size_t count, struct to_json *o,
                         const struct place *at, int depth)
{
    json_t *list = json_array();
    o->empty = EMPTY_OBJECT; /* what stands in a list is no list for that */
    for (size_t i = 1; list != NULL && i <= count; i++) {
        struct place place = { at, NULL, (lua_Integer)i };
        (void)lua_rawgeti(L, table, (lua_Integer)i);
        json_t *element = convert(L, lua_gettop(L), o, &place, depth + 1);
        lua_pop(L, 1);
        if (element == NULL || json_array_append_new(list, element) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* What an empty table means below a key of a node's result. */
static enum empty_means empty_below(const struct to_json *o, const struct place *at,
                                    const char *key)
{
    bool is_field = o->graph != NULL && at->up == NULL && at != &command_place;
    int field = is_field ? graph_find_field(o->graph, key) : -1;
    if (field < 0)
        return EMPTY_OBJECT;
    enum field_type type = o->graph->fields[field].type;
    bool is_list = type == FIELD_ARRAY || type == FIELD_MESSAGES ||
                   o->graph->fields[field].reducer == REDUCE_APPEND;
    return is_list ? EMPTY_ARRAY : EMPTY_OBJECT;
}

/* Where the member of that name stands. */
static struct place below(const struct place *at, const char *key)
{
    if (at == &command_place && strcmp(key, "update") == 0)
        return (struct place){ NULL, "the update of a Command", 0 };
    return (struct place){ at, key, 0 };
}

/* The pair on the top as a member; both are popped but the key. false: o->why, or no memory. */
static bool take_member(lua_State *L, struct to_json *o, const struct place *at, int depth,
                        struct member *ret)
{
    size_t len = 0;
    const char *key = lua_tolstring(L, -2, &len);
    const struct place place = below(at, key);
    if (strlen(key) != len || jsonx_utf8_prefix(key, len) != len) {
        (void)refuse(o, at, "a key that is not UTF-8, or has a NUL byte, cannot become JSON");
        lua_pop(L, 1);
        return false;
    }
    enum empty_means outer = o->empty;
    if (strcmp(key, "__overwrite__") != 0) /* what stands in there is the field's */
        o->empty = empty_below(o, at, key);
    *ret = (struct member){ key, convert(L, lua_gettop(L), o, &place, depth + 1) };
    o->empty = outer;
    lua_pop(L, 1);
    return ret->json != NULL;
}

/* members are given away or freed. */
static json_t *object_of(struct member *members, size_t count, bool is_whole)
{
    json_t *object = is_whole ? json_object() : NULL;
    if (count > 0)
        qsort(members, count, sizeof(*members), compare_members);
    for (size_t i = 0; i < count; i++) {
        bool is_lost = object == NULL;
        if (is_lost)
            json_decref(members[i].json);
        else if (json_object_set_new_nocheck(object, members[i].key, members[i].json) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static json_t *object_json(lua_State *L, int table, size_t count, struct to_json *o,
                           const struct place *at, int depth)
{
    struct member *members MEM_AUTO(mem_freep) = mem_array(count, sizeof(*members));
    size_t taken = 0;
    bool is_whole = members != NULL;
    if (!is_whole)
        return NULL;
    lua_pushnil(L);
    while (is_whole && lua_next(L, table)) {
        is_whole = take_member(L, o, at, depth, &members[taken]);
        taken += is_whole;
    }
    if (!is_whole)
        lua_pop(L, 1); /* the key that lua_next() would go on from */
    return object_of(members, taken, is_whole);
}

static json_t *table_json(lua_State *L, int table, struct to_json *o, const struct place *at,
                          int depth)
{
    enum mark mark = bridge_mark_of(L, table);
    struct shape s = look_at(L, table);
    bool is_list = mark == MARK_ARRAY || s.indexes > 0 ||
                   (s.names == 0 && mark == MARK_NONE && o->empty == EMPTY_ARRAY);
    if (s.has_other)
        return refuse(o, at, "keys must be strings, or whole numbers from 1 on");
    if (s.names > 0 && s.indexes > 0)
        return refuse(o, at, "a table with both list elements and named keys cannot become JSON");
    if (s.names > 0 && mark == MARK_ARRAY)
        return refuse(o, at, "a json.array with named keys cannot become JSON");
    if (s.indexes > 0 && mark == MARK_OBJECT)
        return refuse(o, at, "a json.object with list elements cannot become JSON");
    if (s.greatest != s.indexes)
        return refuse(o, at, "a list with holes in it cannot become JSON (null may stand there)");
    return is_list ? list_json(L, table, s.indexes, o, at, depth)
                   : object_json(L, table, s.names, o, at, depth);
}

/* ---- values ---- */

static json_t *convert(lua_State *L, int index, struct to_json *o, const struct place *at,
                       int depth)
{
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, index));
    case LUA_TNUMBER:
        return number_json(L, index, o, at);
    case LUA_TSTRING:
        return string_json(L, index, o, at);
    case LUA_TTABLE:
        break;
    case LUA_TNIL:
        return json_null();
    case LUA_TUSERDATA:
    case LUA_TLIGHTUSERDATA:
        return userdata_json(L, index, o, at);
    default:
        return refuse(o, at, "a function or coroutine cannot become JSON");
    }
    if (depth >= o->max_depth || !lua_checkstack(L, LUA_MINSTACK))
        return refuse(o, at, "the value is nested too deeply; does it contain itself?");
    return table_json(L, index, o, at, depth);
}

json_t *to_json(lua_State *L, int index, struct to_json *o, const char *root)
{
    struct place top = { NULL, root, 0 };
    o->why[0] = '\0';
    return convert(L, lua_absindex(L, index), o, &top, 0);
}

json_t *to_json_or_raise(lua_State *L, int index, const char *root)
{
    struct to_json o = { .max_depth = (int)script_of(L)->conf->max_depth };
    json_t *json = to_json(L, index, &o, root);
    if (json == NULL)
        luaL_error(L, "%s", o.why[0] == '\0' ? "no memory" : o.why);
    return json;
}

/* ---- what a node's function returned ---- */

/* {"__command__": command}; takes it. */
static json_t *wrap(json_t *command)
{
    return command == NULL ? NULL : json_pack("{s:o}", "__command__", command);
}

/* It may have any key: api.lua has looked at it, and the script has had it since. */
static json_t *command_json(lua_State *L, int index, struct to_json *o)
{
    struct shape s = look_at(L, index);
    if (s.indexes > 0 || s.has_other)
        return refuse(o, &command_place, "keys must be strings");
    return object_json(L, index, s.names, o, &command_place, 1);
}

static json_t *element_result(lua_State *L, int index, struct to_json *o, const struct place *at)
{
    enum mark mark = bridge_mark_of(L, index);
    if (mark == MARK_SEND) {
        json_t *send = convert(L, index, o, at, 1);
        return send == NULL ? NULL : wrap(json_pack("{s:[o]}", "goto", send));
    }
    if (mark == MARK_COMMAND)
        return wrap(command_json(L, index, o));
    return convert(L, index, o, at, 1);
}

/* A list with Commands or Sends in it; another list is refused by outcome_add_result(), as a list. */
static json_t *list_result(lua_State *L, int table, size_t count, struct to_json *o,
                           const struct place *at)
{
    json_t *list = json_array();
    for (size_t i = 1; list != NULL && i <= count; i++) {
        struct place place = { NULL, "the returned list", 0 };
        (void)at;
        (void)lua_rawgeti(L, table, (lua_Integer)i);
        json_t *element = element_result(L, lua_gettop(L), o, &place);
        lua_pop(L, 1);
        if (element == NULL || json_array_append_new(list, element) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *to_json_result(lua_State *L, int index, struct to_json *o)
{
    struct place top = { NULL, "the returned value", 0 };
    int at = lua_absindex(L, index);
    o->why[0] = '\0';
    if (!lua_istable(L, at) || bridge_mark_of(L, at) == MARK_SEND ||
        bridge_mark_of(L, at) == MARK_COMMAND)
        return element_result(L, at, o, &top);
    struct shape s = look_at(L, at);
    if (s.indexes > 0 && s.names == 0 && s.greatest == s.indexes)
        return list_result(L, at, s.indexes, o, &top);
    return convert(L, at, o, &top, 0);
}
