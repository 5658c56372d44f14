/*
 * Model calls of a script. api.lua makes llm.chat and llm.stream of the primitive
 *
 *     chat = open({model, system, messages, temperature, max_tokens, params, stream}, what)
 *     chat:next()      waits for a piece of text; nil behind the last
 *     chat:result()    waits for the end; the message
 *
 * The answer is streamed to clients while it comes, as that of an `llm` node, whether or not the script
 * looks at the pieces. A chat belongs to its call: when that ends, it is cancelled.
 *
 *     userdata --+                      +-- the model's call, until on_end()
 *                +--> struct chat <-----+
 *     call ------+   (in its list)      +-- a fiber that waits
 */
#include "base/err.h"
#include "base/id.h"
#include "base/mem.h"
#include "graph/messages.h"
#include "llm/answer.h"
#include "script/internal.h"
#include <math.h>
#include <string.h>

static const char chat_key = 0; /* the metatable of chats */

enum { MESSAGE_ID_BYTES = 4 + ID_BYTES };

struct chat {
    struct list node;       /* in call->chats */
    struct script_call *of; /* NULL: the script's call is over */
    struct llm_call *call;  /* NULL: not begun, or ended */
    struct wait *waiting;   /* for a piece or the end, or NULL */
    int refs;               /* the userdata's, and the model call's */
    bool is_streamed;       /* clients see it */
    bool has_ended;
    struct fail fail;
    struct answer answer;
    size_t taken; /* bytes of the text that next() has given */
    char *model;  /* "provider:model" */
    char id[MESSAGE_ID_BYTES];
};

struct chat_wait {
    struct wait wait; /* first member */
    struct chat *chat;
    bool for_piece;
};

/* ---- life ---- */

static void chat_unref(struct chat *x)
{
    if (--x->refs > 0)
        return;
    list_remove(&x->node);
    answer_deinit(&x->answer);
    fail_clear(&x->fail);
    mem_free(x->model);
    mem_free(x);
}

static void free_chat(void *chat)
{
    chat_unref(chat);
}

/* The call of the script is over. */
void llm_chats_end(struct script_call *c)
{
    for (struct list *node = list_pop(&c->chats); node != NULL; node = list_pop(&c->chats)) {
        struct chat *x = LIST_OF(node, struct chat, node);
        x->of = NULL;
        if (x->call != NULL)
            llm_cancel(x->call);
    }
}

/* ---- the model ---- */

static bool is_shown(const struct chat *x)
{
    return x->is_streamed && x->of != NULL && !x->of->is_over;
}

static void wake(struct chat *x)
{
    if (x->waiting != NULL && x->waiting->fiber != NULL)
        fiber_wake(x->waiting->fiber);
}

static void stop_full(struct chat *x, int r)
{
    if (r == ANSWER_E_FULL)
        fail_set(&x->fail, FAIL_LIMIT, "the model's answer passes %zu bytes, or has too many tool calls",
                 x->answer.max_bytes);
    else
        fail_set_fault(&x->fail, r);
    llm_cancel(x->call);
}

/* A piece that cannot be kept is not shown either. */
static void on_delta(void *arg, const struct llm_delta *delta)
{
    struct chat *x = arg;
    if (fail_is_set(&x->fail))
        return;
    int r = answer_add(&x->answer, delta);
    if (r != 0) {
        stop_full(x, r);
        return;
    }
    if (is_shown(x))
        x->of->options.host->message_delta(x->of->options.arg, x->id, delta);
    if (delta->type == LLM_TEXT && x->waiting != NULL && ((struct chat_wait *)x->waiting)->for_piece)
        wake(x);
}

static void on_end(void *arg, const struct fail *f)
{
    struct chat *x = arg;
    x->call = NULL;
    x->has_ended = true;
    if (f != NULL && !fail_is_set(&x->fail))
        fail_copy(&x->fail, f);
    if (is_shown(x))
        x->of->options.host->message_close(x->of->options.arg, x->id);
    wake(x);
    chat_unref(x);
}

/* ---- open ---- */

/* Any list of messages in the flat form. Raises. */
static void flatten(lua_State *L, const json_t *any, json_t *flat)
{
    struct fail *f = trace_push_fail(L);
    for (size_t i = 0; i < json_array_size(any); i++) {
        json_t *message = NULL;
        int r = message_coerce(json_array_get(any, i), &message, f);
        if (r == MESSAGES_E_REFUSED)
            lua_error(L);
        if (r != 0 || json_array_append_new(flat, message) != 0)
            luaL_error(L, "no memory");
    }
    lua_pop(L, 1);
}

static struct chat *chat_new(lua_State *L, struct script_call *c, const json_t *spec)
{
    const struct conf *conf = c->script->conf;
    const char *model = json_string_value(json_object_get(spec, "model"));
    void **box = bridge_push_box(L, free_chat);
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &chat_key);
    (void)lua_setmetatable(L, -2); /* which has box's own way to be collected */
    struct chat *x = mem_zalloc(sizeof(*x));
    if (x == NULL)
        luaL_error(L, "no memory");
    *box = x;
    x->refs = 1;
    x->of = c;
    list_add_tail(&c->chats, &x->node);
    answer_init(&x->answer, (size_t)conf->max_state_bytes);
    x->is_streamed = !json_is_false(json_object_get(spec, "stream"));
    x->model = mem_strdup(model == NULL || *model == '\0' ? conf->default_model : model);
    memcpy(x->id, "run-", 4);
    id_v4(x->id + 4);
    if (x->model == NULL)
        luaL_error(L, "no memory");
    return x;
}

static int start(struct chat *x, const json_t *spec, const json_t *messages)
{
    const struct script_call_options *o = &x->of->options;
    const json_t *temperature = json_object_get(spec, "temperature");
    struct llm_request req = {
        .voice = o->about.node,
        .system = json_string_value(json_object_get(spec, "system")),
        .messages = messages,
        .temperature = temperature == NULL ? NAN : json_number_value(temperature),
        .max_tokens = json_integer_value(json_object_get(spec, "max_tokens")),
        .params = json_object_get(spec, "params"),
        .on_delta = on_delta,
        .on_end = on_end,
        .arg = x,
    };
    if (is_shown(x))
        o->host->message_open(o->arg, x->id, x->model);
    int r = llm_start(o->models, x->model, &req, &x->call);
    if (r != 0)
        return err_trace(r);
    x->refs++;
    return 0;
}

static int llm_open(lua_State *L)
{
    struct script_call *c = call_running(L, luaL_checkstring(L, 2));
    void **spec = bridge_push_box(L, bridge_free_json);
    *spec = to_json_or_raise(L, 1, "request");
    void **flat = bridge_push_box(L, bridge_free_json);
    *flat = json_array();
    if (*flat == NULL)
        return luaL_error(L, "no memory");
    flatten(L, json_object_get(*spec, "messages"), *flat);
    if (json_array_size(*flat) == 0)
        return luaL_error(L, "a model call needs at least one message");
    struct chat *x = chat_new(L, c, *spec);
    if (start(x, *spec, *flat) != 0)
        return luaL_error(L, "no memory");
    return 1;
}

/* ---- next and result ---- */

static struct chat *check_chat(lua_State *L)
{
    void **box = lua_touserdata(L, 1);
    bool is_chat = box != NULL && !lua_islightuserdata(L, 1) && lua_getmetatable(L, 1);
    if (is_chat) {
        (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &chat_key);
        is_chat = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    luaL_argcheck(L, is_chat && *box != NULL, 1, "a stream of llm.stream() expected");
    return *box;
}

static void drop(struct wait *wait)
{
    struct chat_wait *w = (struct chat_wait *)wait;
    w->chat->waiting = NULL;
    mem_free(w);
}

static int wait_for(lua_State *L, struct chat *x, bool for_piece, lua_KFunction k)
{
    struct fiber *f = fiber_for_wait(L, "the answer of a model");
    if (x->waiting != NULL)
        return luaL_error(L, "another function waits for this answer already");
    struct chat_wait *w = mem_zalloc(sizeof(*w));
    if (w == NULL)
        return luaL_error(L, "no memory");
    *w = (struct chat_wait){ { NULL, drop }, x, for_piece };
    x->waiting = &w->wait;
    fiber_own_wait(f, &w->wait);
    return fiber_wait(L, f, k);
}

static int raise_fail(lua_State *L, const struct chat *x)
{
    fail_copy(trace_push_fail(L), &x->fail);
    return lua_error(L);
}

static int push_piece(lua_State *L, struct chat *x)
{
    size_t from = x->taken;
    if (from == x->answer.text.len) {
        lua_pushnil(L);
        return 1;
    }
    (void)lua_pushlstring(L, buf_text(&x->answer.text) + from, x->answer.text.len - from);
    x->taken = x->answer.text.len;
    return 1;
}

static int piece_came(lua_State *L, int status, lua_KContext ctx)
{
    struct chat *x = check_chat(L);
    (void)status;
    fiber_drop_wait((struct fiber *)ctx);
    if (x->has_ended && fail_is_set(&x->fail))
        return raise_fail(L, x);
    return push_piece(L, x);
}

static int chat_next(lua_State *L)
{
    struct chat *x = check_chat(L);
    if (x->taken < x->answer.text.len)
        return push_piece(L, x);
    if (x->has_ended)
        return fail_is_set(&x->fail) ? raise_fail(L, x) : push_piece(L, x);
    return wait_for(L, x, true, piece_came);
}

static int push_message(lua_State *L, struct chat *x)
{
    const char *colon = strchr(x->model, ':');
    void **box = bridge_push_box(L, bridge_free_json);
    *box = answer_json(&x->answer, FIELD_MESSAGES, x->id, colon == NULL ? x->model : colon + 1);
    if (*box == NULL)
        return luaL_error(L, "no memory");
    bridge_push_copy(L, *box);
    return 1;
}

static int answer_came(lua_State *L, int status, lua_KContext ctx)
{
    struct chat *x = check_chat(L);
    (void)status;
    fiber_drop_wait((struct fiber *)ctx);
    return fail_is_set(&x->fail) ? raise_fail(L, x) : push_message(L, x);
}

static int chat_result(lua_State *L)
{
    struct chat *x = check_chat(L);
    if (!x->has_ended)
        return wait_for(L, x, false, answer_came);
    return fail_is_set(&x->fail) ? raise_fail(L, x) : push_message(L, x);
}

static int chat_gc(lua_State *L)
{
    void **box = lua_touserdata(L, 1);
    if (*box != NULL)
        chat_unref(*box);
    *box = NULL;
    return 0;
}

void lib_llm_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        { "next", chat_next }, { "result", chat_result }, { NULL, NULL }
    };
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, chat_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newlib(L, methods);
    sandbox_seal(L, "stream");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &chat_key);
    lua_pushcfunction(L, llm_open);
    lua_setfield(L, -2, "__llm_open");
}
