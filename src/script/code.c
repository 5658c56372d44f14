/* A script beside a JSON graph: opening it, and finding functions in it. */
#include "base/err.h"
#include "base/mem.h"
#include "script/condition.h"
#include "script/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char exports_key = 0; /* what the script's file returned */

/* ---- functions ---- */

void script_function_clear(struct script_function *f)
{
    if (f->ref != 0)
        luaL_unref(f->script->L, LUA_REGISTRYINDEX,
                   f->ref); /* writes where something is: no memory */
    mem_free(f->name);
    script_unref(f->script);
    *f = (struct script_function){ .ref = 0 };
}

struct finding {
    const char *name;
    const char *text; /* a body to compile, or NULL: a name to look for */
    int ref;          /* out; 0 = there is no function of that name */
};

static void push_named(lua_State *L, const char *name)
{
    if (name[0] == '#') {
        lib_graph_push_function(L, (lua_Integer)strtoll(name + 1, NULL, 10));
        return;
    }
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &exports_key) == LUA_TTABLE &&
        lua_getfield(L, -1, name) == LUA_TFUNCTION)
        return;
    sandbox_push_globals(L);
    (void)lua_pushstring(L, name);
    (void)lua_rawget(L, -2);
}

static int find(lua_State *L)
{
    struct finding *x = script_arg(L);
    if (x->text != NULL) {
        script_compile_chunk(L, x->text, strlen(x->text), lua_pushfstring(L, "=%s", x->name));
        inspect_chunk(L, x->name);
    } else
        push_named(L, x->name);
    if (lua_isfunction(L, -1))
        x->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int take(struct script *s, const struct finding *x, struct script_function *ret)
{
    /* "#7 the reducer of x": what is told is what the function is for */
    const char *blank = x->name[0] == '#' ? strchr(x->name, ' ') : NULL;
    const char *name = blank == NULL ? x->name : blank + 1;
    *ret = (struct script_function){ script_ref(s), x->ref, mem_strdup(name) };
    if (ret->name != NULL)
        return 0;
    script_function_clear(ret);
    return err_trace(ERR_NOMEM);
}

/* The first line of what was thrown. */
static void say_thrown(const struct fail *thrown, struct buf *why)
{
    const char *text = fail_message(thrown);
    (void)buf_add(why, text, strcspn(text, "\n")); /* sticky */
}

/* One sentence is wanted: the first. */
static void on_body_mistake(void *arg, const char *place, const char *sentence)
{
    struct buf *why = arg;
    if (why->len == 0)
        (void)buf_addf(why, "%s: %s", place, sentence); /* sticky */
}

/* Functions of a Lua graph are found while its file is loaded, which has a place for mistakes, too. */
static int protected_find(struct script *s, struct finding *x, struct buf *why)
{
    struct fail thrown = { .code = FAIL_NONE };
    void (*outer)(void *, const char *, const char *) = s->on_mistake;
    void *outer_arg = s->mistake_arg;
    s->on_mistake = on_body_mistake;
    s->mistake_arg = why;
    int r = script_protect(s, find, x, &thrown);
    s->on_mistake = outer;
    s->mistake_arg = outer_arg;
    if (r > 0)
        say_thrown(&thrown, why);
    fail_clear(&thrown);
    return r < 0 ? err_trace(r) : r;
}

static int find_or_compile(struct script *s, struct finding *x, struct script_function *ret,
                           struct buf *why)
{
    int r = protected_find(s, x, why);
    if (r < 0)
        return err_trace(r);
    if (r == 0 && x->ref != 0 && why->len == 0)
        return take(s, x, ret);
    if (x->ref != 0)
        luaL_unref(s->L, LUA_REGISTRYINDEX, x->ref); /* writes where something is: no memory */
    else if (r == 0)
        (void)buf_addf(why, "%s has no function \"%s\"; return it in a table, or make it a global",
                       s->path, x->name);
    return SCRIPT_E_WRONG;
}

int script_find_function(struct script *s, const char *name, struct script_function *ret,
                         struct buf *why)
{
    struct finding x = { .name = name };
    return find_or_compile(s, &x, ret, why);
}

int script_compile_body(struct script *s, const char *chunk, const char *text,
                        struct script_function *ret, struct buf *why)
{
    /* On the line of the text itself, so that lines in messages are its own. */
    char *whole MEM_AUTO(mem_freep) = mem_printf("local state, config, err = ... %s", text);
    struct finding x = { .name = chunk, .text = whole };
    return whole == NULL ? err_trace(ERR_NOMEM) : find_or_compile(s, &x, ret, why);
}

/* ---- opening ---- */

struct chunk {
    const char *bytes;
    size_t len_bytes;
};

static int run_chunk(lua_State *L)
{
    const struct chunk *x = script_arg(L);
    const char *path = script_of(L)->path;
    script_compile_chunk(L, x->bytes, x->len_bytes, lua_pushfstring(L, "@%s", path));
    lua_pushvalue(L, -1);
    lua_call(L, 0, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &exports_key);
    inspect_chunk(L, path);
    return 0;
}

static void on_mistake(void *arg, const char *place, const char *sentence)
{
    (void)buf_addf(arg, "%s: %s\n", place, sentence); /* sticky */
}

static int run_file(struct script *s, const char *bytes, size_t len_bytes, struct buf *why)
{
    struct chunk x = { bytes, len_bytes };
    struct fail thrown = { .code = FAIL_NONE };
    size_t before = why->len;
    s->is_loading = true;
    s->on_mistake = on_mistake;
    s->mistake_arg = why;
    int r = script_protect(s, run_chunk, &x, &thrown);
    s->on_mistake = NULL;
    s->is_loading = false;
    if (r > 0)
        say_thrown(&thrown, why);
    fail_clear(&thrown);
    return r == 0 && why->len > before ? SCRIPT_E_WRONG : r;
}

/* Beside the graph's file. NULL: no memory. */
static char *path_beside(const char *graph_file, const char *name)
{
    const char *slash = strrchr(graph_file, '/');
    int folder = slash == NULL ? 0 : (int)(slash - graph_file) + 1;
    return mem_printf("%.*s%s", folder, graph_file, name);
}

static bool is_beside(const char *name)
{
    return name[0] != '/' && strstr(name, "..") == NULL && name[0] != '\0';
}

static int read_and_run(struct script *s, struct buf *why)
{
    struct buf wrong MEM_AUTO(buf_deinit);
    size_t len = 0;
    int fault = 0;
    buf_init(&wrong, TEXT_MAX_BYTES);
    char *bytes MEM_AUTO(mem_freep) = script_read_file(s, s->path, &len, &wrong, &fault);
    if (bytes != NULL)
        return run_file(s, bytes, len, why);
    (void)buf_addf(why, "%s %s", s->path, buf_text(&wrong));
    return fault < 0 ? fault : SCRIPT_E_WRONG;
}

static int open_script(void *arg, const char *graph_file, const char *name, struct code **ret,
                       struct buf *why)
{
    struct script *s = NULL;
    if (name != NULL && !is_beside(name)) {
        (void)buf_addf(why, "a script lies beside the graph's file or below; \"%s\" does not",
                       name);
        return CODE_E_WRONG;
    }
    char *path MEM_AUTO(mem_freep) =
        name == NULL ? mem_strdup(graph_file) : path_beside(graph_file, name);
    const struct script_tools *tools = arg;
    int r = path == NULL ? ERR_NOMEM : script_new(tools->conf, path, &s);
    if (r == 0 && name != NULL) {
        s->files = tools->files;
        r = read_and_run(s, why);
        s->files = NULL;
    }
    if (r == 0) {
        *ret = &s->code;
        return 0;
    }
    script_unref(s);
    return r < 0 ? err_trace(r) : CODE_E_WRONG;
}

struct code_source script_language(const struct script_tools *tools)
{
    /* They are only read. */
    return (struct code_source){ .open = open_script, .arg = (void *)(uintptr_t)tools };
}

/* ---- struct code ---- */

struct script *script_of_code(struct code *code)
{
    return (struct script *)code;
}

static struct code *ref_code(struct code *code)
{
    return &script_ref(script_of_code(code))->code;
}

static struct code *unref_code(struct code *code)
{
    script_unref(script_of_code(code));
    return NULL;
}

const struct code_ops script_code_ops = {
    .reducer = condition_reducer,
    .conditions = condition_by_expressions,
    .ref = ref_code,
    .unref = unref_code,
};
