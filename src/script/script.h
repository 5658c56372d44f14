#ifndef ANABRANCH_SCRIPT_SCRIPT_H
#define ANABRANCH_SCRIPT_SCRIPT_H
/*
 * Lua for graphs. A script is one loaded file with what it requires: a Lua state of its own, inside a
 * sandbox, with a bound of memory and of instructions. It is counted; graphs, node configs, reducers
 * and conditions hold it, so a run in flight keeps the version it began with.
 *
 *     config/graphs/x.lua          script_load() --> its chunk builds graphs (script/compile.c)
 *     "script": "helpers.lua"      script_open() --> functions and expressions of a JSON graph
 *
 * Functions run in two ways: as a call (script/call.h), whose coroutines may wait on the loop, and at
 * once (reducers, conditions), where nothing can wait.
 *
 * Mistakes are texts with file and line, one per line in `why`. One worker only; nothing here is
 * shared between threads.
 */
#include "base/conf.h"
#include "graph/build.h"
#include "graph/code.h"

struct script;

enum { SCRIPT_E_WRONG = 1 };

/* Told of every file that is read, or cannot be read, while a script is loaded: what a loader has to
 * look at to know whether the script would become another. */
struct script_files {
    /* bytes: NULL = it could not be read. Valid during the call only. */
    void (*seen)(void *arg, const char *path, const char *bytes, size_t len_bytes);
    void *arg;
};

/* What a Lua file needs to build graphs; borrowed for the call, but the kinds outlive the graphs. */
struct script_tools {
    const struct conf *conf; /* borrowed as long as the script lives */
    const struct kind_table *kinds;
    const struct builder_limits *limits;
    const struct graph_source *graphs; /* that nodes may name; NULL = none */
    const struct script_files *files;  /* NULL = nobody wants to know */
};
/*
 * Runs a Lua file that returns a compiled graph.
 *   path       for messages; the graph is called like the file, and require() looks beside it
 *   bytes      of the file, of which tools->files is not told
 *   problems   every mistake is added; not closed
 *   ret        a reference; NULL if the file is a module: it builds no graph, and returns none
 * 0, SCRIPT_E_WRONG (told in problems), or a fault.
 */
int script_load_graph(const struct script_tools *tools, const char *path, const char *bytes,
                      size_t len_bytes, struct problems *problems, struct graph **ret);

/* For JSON graphs, with tools->conf and tools->files; tools is borrowed as long as the source is
 * used. */
struct code_source script_language(const struct script_tools *tools);
/* The code of a script as a script. Borrowed. */
struct script *script_of_code(struct code *code);

struct script *script_ref(struct script *s);
struct script *script_unref(struct script *s); /* accepts NULL, returns NULL */

/* ---- functions of a script, by name or as a text ---- */

/* A function in the registry of its script. A plain value; owns a reference. */
struct script_function {
    struct script *script;
    int ref;    /* 0 = none */
    char *name; /* for messages */
};
/* name: what the script returns under that name, else a global of it; "#7 x": the seventh function
 * that a Lua graph has handed over, called x in messages. 0, SCRIPT_E_WRONG with why, or a fault. */
int script_find_function(struct script *s, const char *name, struct script_function *ret,
                         struct buf *why);
/* The body of a function of (state, config, err). chunk: its name in messages. Likewise. */
int script_compile_body(struct script *s, const char *chunk, const char *text,
                        struct script_function *ret, struct buf *why);
void script_function_clear(struct script_function *f);

#endif
