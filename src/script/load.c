/* A Lua file that returns a graph. */
#include "base/err.h"
#include "base/mem.h"
#include "script/compile.h"
#include "script/internal.h"
#include <ctype.h>
#include <string.h>

struct loading {
    const char *bytes;
    size_t len_bytes;
    int graph; /* what the chunk returned: its place among the compiled ones; -1 = something else */
};

static int run_chunk(lua_State *L)
{
    struct loading *x = script_arg(L);
    const char *path = script_of(L)->path;
    script_compile_chunk(L, x->bytes, x->len_bytes, lua_pushfstring(L, "@%s", path));
    lua_pushvalue(L, -1);
    lua_call(L, 0, 1);
    x->graph = lib_graph_index(L, -1);
    lua_pop(L, 1);
    inspect_chunk(L, path);
    return 0;
}

static void on_mistake(void *arg, const char *place, const char *sentence)
{
    problems_add(arg, place, "", NULL, "%s", sentence);
}

/* "dir/x.lua:3: text": the place is told as such. */
static size_t place_end(const char *path, const char *text)
{
    size_t len = strlen(path);
    if (strncmp(text, path, len) != 0 || text[len] != ':')
        return 0;
    for (len++; isdigit((unsigned char)text[len]); len++)
        ;
    return text[len] == ':' ? len : 0;
}

static void tell_thrown(struct compiling *c, const struct fail *thrown)
{
    const char *text = fail_message(thrown);
    size_t path_len = strlen(c->script->path);
    if (strncmp(text, c->script->path, path_len) == 0 && strncmp(text + path_len, ": ", 2) == 0)
        text += path_len + 2; /* the place says it */
    size_t line_len = strcspn(text, "\n");
    size_t end = place_end(c->script->path, text);
    char *place MEM_AUTO(mem_freep) =
        end == 0 ? mem_strdup(c->script->path) : mem_strndup(text, end);
    const char *rest = end == 0 ? text : text + end + 2;
    if (place == NULL)
        c->problems->fault = ERR_NOMEM;
    else
        problems_add(c->problems, place, "", NULL, "%.*s", (int)(text + line_len - rest), rest);
}

static void tell_no_graph(struct compiling *c)
{
    problems_add(c->problems, c->script->path, "", "end the file with: return graph:compile{}",
                 "the file makes a graph and does not return it");
}

/* *ret may stay NULL: a module. */
static int take_graph(struct compiling *c, const struct loading *x, struct graph **ret)
{
    if (x->graph >= 0 && c->graphs[x->graph] != NULL) {
        *ret = graph_ref(c->graphs[x->graph]);
        return 0;
    }
    if (x->graph < 0 && c->count > 0)
        tell_no_graph(c);
    return c->count > 0 ? SCRIPT_E_WRONG : 0;
}

static int run(struct compiling *c, const char *bytes, size_t len_bytes, struct graph **ret)
{
    struct loading x = { bytes, len_bytes, -1 };
    struct script *s = c->script;
    struct fail thrown = { .code = FAIL_NONE };
    int before = c->problems->count;
    s->is_loading = true;
    s->compiling = c;
    s->files = c->tools->files;
    s->on_mistake = on_mistake;
    s->mistake_arg = c->problems;
    int r = script_protect(s, run_chunk, &x, &thrown);
    s->on_mistake = NULL;
    s->compiling = NULL;
    s->files = NULL;
    s->is_loading = false;
    if (r > 0)
        tell_thrown(c, &thrown);
    fail_clear(&thrown);
    if (r == 0)
        r = take_graph(c, &x, ret);
    if (r == 0 && c->problems->count > before)
        r = SCRIPT_E_WRONG; /* another graph of the file has mistakes */
    return r;
}

int script_load_graph(const struct script_tools *tools, const char *path, const char *bytes,
                      size_t len_bytes, struct problems *problems, struct graph **ret)
{
    struct script *s = NULL;
    struct compiling c = { .name = NULL };
    struct graph *graph = NULL;
    int r = script_new(tools->conf, path, &s);
    if (r == 0)
        r = compile_init(&c, tools, s, problems);
    if (r == 0)
        r = run(&c, bytes, len_bytes, &graph);
    if (r >= 0 && problems->fault != 0)
        r = problems->fault;
    compile_deinit(&c);
    script_unref(s);
    if (r == 0)
        *ret = graph;
    else
        graph_unref(graph);
    return r < 0 ? err_trace(r) : r;
}
