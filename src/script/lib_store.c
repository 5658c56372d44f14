/*
 * The store of items for scripts, as a thing to wait for. api.lua makes store.get and the others of the
 * primitive
 *
 *     store(what, {op, namespace, key, value, ttl, filter, limit, offset}) -> list of items, or nothing
 *
 * op: "put", "delete", "get", "search". A commit cannot be called back: when the fiber ends before it
 * does, it goes on, and the wait is freed by its end.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "script/internal.h"
#include "store/filter.h"
#include "store/item.h"
#include "store/item_json.h"
#include <string.h>

enum { MINUTE_MS = 60000, SEARCH_LIMIT = 10, WHY_MAX_BYTES = 300 };

struct store_wait {
    struct wait wait; /* first member */
    struct store_op op;
    struct stored_items items;
    bool reads;
    bool is_busy; /* the store will call back */
    int result;
    json_t *answer;
};

static void wait_free(struct store_wait *w)
{
    stored_items_clear(&w->items);
    json_decref(w->answer);
    mem_free(w);
}

static void on_end(void *arg, int result)
{
    struct store_wait *w = arg;
    w->is_busy = false;
    w->result = result;
    if (w->wait.fiber == NULL)
        wait_free(w);
    else
        fiber_wake(w->wait.fiber);
}

static void drop(struct wait *wait)
{
    struct store_wait *w = (struct store_wait *)wait;
    if (w->is_busy)
        op_cancel(&w->op.op); /* on_end() frees it */
    else
        wait_free(w);
}

/* ---- what is asked ---- */

/* What of the request hangs on the Lua stack while it is made. */
struct request {
    const json_t *spec;
    struct buf ns;
    struct buf why;
    char *text; /* of the value or the filter, or NULL */
    size_t text_len_bytes;
};

static const char *wrong_label(const struct buf *ns)
{
    return ns->fault == BUF_E_FULL ? "the namespace is too long"
                                   : "labels of a namespace cannot be empty or contain periods";
}

/* "a.b" */
static const char *add_dotted(struct request *r, const char *dotted)
{
    char *text MEM_AUTO(mem_freep) = mem_strdup(dotted);
    for (char *at = text; at != NULL;) {
        const char *label = strsep(&at, ".");
        if (item_ns_add(&r->ns, label) != 0)
            return wrong_label(&r->ns);
    }
    return text == NULL ? "no memory" : NULL;
}

static const char *add_namespace(struct request *r)
{
    const json_t *ns = json_object_get(r->spec, "namespace");
    const json_t *label;
    size_t i;
    if (json_is_string(ns))
        return json_string_length(ns) == 0 ? NULL : add_dotted(r, json_string_value(ns));
    json_array_foreach(ns, i, label) {
        if (!json_is_string(label))
            return "a namespace is a list of texts";
        if (item_ns_add(&r->ns, json_string_value(label)) != 0)
            return wrong_label(&r->ns);
    }
    return json_is_array(ns) || json_object_size(ns) == 0 ? NULL : "a namespace is a list of texts";
}

static const char *add_text(struct request *r, const char *name)
{
    const json_t *json = json_object_get(r->spec, name);
    if (json == NULL)
        return NULL;
    if (!json_is_object(json))
        return strcmp(name, "value") == 0 ? "a value is a table with names"
                                          : "filter: a table with names expected";
    if (strcmp(name, "filter") == 0 && filter_check(json, &r->why) != 0)
        return buf_text(&r->why);
    r->text = item_value_text(json, &r->text_len_bytes);
    return r->text == NULL ? "no memory" : NULL;
}

static bool is_op(const struct request *r, const char *op)
{
    const char *own = json_string_value(json_object_get(r->spec, "op"));
    return own != NULL && strcmp(own, op) == 0;
}

/* NULL, or what is wrong. */
static const char *make_request(struct request *r)
{
    const char *wrong = add_namespace(r);
    if (wrong == NULL && r->ns.len == 0 && !is_op(r, "search"))
        wrong = "the namespace is empty";
    if (wrong == NULL)
        wrong = add_text(r, is_op(r, "search") ? "filter" : "value");
    return wrong;
}

/* ---- the store at work ---- */

static void put(struct store_batch *b, const struct request *r)
{
    double minutes = json_number_value(json_object_get(r->spec, "ttl"));
    const struct item_put put = {
        .ns = buf_text(&r->ns),
        .key = json_string_value(json_object_get(r->spec, "key")),
        .value = r->text,
        .value_len_bytes = r->text_len_bytes,
        .now_ms = clock_wall_ms(),
        .ttl_ms = (int64_t)(minutes * MINUTE_MS),
    };
    store_add_item(b, &put);
}

static void write(struct store_wait *w, const struct request *r, const struct script_call *c)
{
    struct store_batch batch;
    store_batch_init(&batch);
    if (is_op(r, "put"))
        put(&batch, r);
    else
        store_add_delete_item(&batch, buf_text(&r->ns),
                              json_string_value(json_object_get(r->spec, "key")));
    store_commit(c->options.store, c->options.loop, &w->op, &batch, on_end, w);
    store_batch_deinit(&batch);
}

static void read(struct store_wait *w, const struct request *r, const struct script_call *c)
{
    const json_t *limit = json_object_get(r->spec, "limit");
    const struct item_query query = {
        .ns = buf_text(&r->ns),
        .key = is_op(r, "get") ? json_string_value(json_object_get(r->spec, "key")) : NULL,
        .filter = r->text,
        .now_ms = clock_wall_ms(),
        .offset = (size_t)json_integer_value(json_object_get(r->spec, "offset")),
        .limit = limit == NULL ? SEARCH_LIMIT : (size_t)json_integer_value(limit),
    };
    w->reads = true;
    store_find_items(c->options.store, c->options.loop, &w->op, &query, &w->items, on_end, w);
}

/* ---- what the script gets ---- */

static int raise(lua_State *L, struct fiber *f, int result)
{
    struct fail *fail = trace_push_fail(L);
    if (result == STORE_E_FULL)
        fail_set(fail, FAIL_NO_ROOM, "the store has no room left");
    else if (result == STORE_E_TOO_LARGE)
        fail_set(fail, FAIL_LIMIT, "the item is larger than what the store takes");
    else
        fail_set_fault(fail, result < 0 ? result : ERR_SYSTEM);
    fiber_drop_wait(f);
    return lua_error(L);
}

static int make_answer(struct store_wait *w)
{
    w->answer = json_array();
    for (size_t i = 0; i < w->items.count; i++)
        if (json_array_append_new(w->answer, item_json(&w->items.items[i])) != 0)
            return err_trace(ERR_NOMEM);
    return w->answer != NULL ? 0 : err_trace(ERR_NOMEM);
}

static int answered(lua_State *L, int status, lua_KContext ctx)
{
    struct fiber *f = (struct fiber *)ctx;
    struct store_wait *w = (struct store_wait *)f->wait;
    (void)status;
    if (w->result == 0 && w->reads)
        w->result = make_answer(w);
    if (w->result != 0)
        return raise(L, f, w->result);
    if (w->reads)
        bridge_push_copy(L, w->answer);
    else
        lua_pushnil(L);
    fiber_drop_wait(f);
    return 1;
}

static void begin(struct store_wait *w, const struct request *r, struct fiber *f)
{
    fiber_own_wait(f, &w->wait);
    w->is_busy = true;
    if (is_op(r, "put") || is_op(r, "delete"))
        write(w, r, f->call);
    else
        read(w, r, f->call);
}

static int store_do(lua_State *L)
{
    const char *what = luaL_checkstring(L, 2);
    struct fiber *f = fiber_for_wait(L, what);
    void **box = bridge_push_box(L, bridge_free_json);
    *box = to_json_or_raise(L, 1, "request");
    if (f->call->options.store == NULL)
        return trace_blame(L, "%s: this process has no store", what);
    struct store_wait *w = mem_zalloc(sizeof(*w));
    struct request r = { .spec = *box };
    char text[WHY_MAX_BYTES];
    buf_init(&r.ns, STORE_NS_MAX);
    buf_init(&r.why, WHY_MAX_BYTES);
    const char *wrong = w == NULL ? "no memory" : make_request(&r);
    if (wrong == NULL) {
        w->wait.drop = drop;
        begin(w, &r, f);
    } else {
        (void)snprintf(text, sizeof(text), "%s", wrong); /* a long name in it may be cut */
        mem_free(w);
    }
    buf_deinit(&r.ns);
    buf_deinit(&r.why);
    mem_free(r.text);
    return wrong != NULL ? trace_blame(L, "%s: %s", what, text) : fiber_wait(L, f, answered);
}

void lib_store_open(lua_State *L)
{
    lua_pushcfunction(L, store_do);
    lua_setfield(L, -2, "__store");
}
