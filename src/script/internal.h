#ifndef ANABRANCH_SCRIPT_INTERNAL_H
#define ANABRANCH_SCRIPT_INTERNAL_H
/*
 * What the files of script/ share.
 *
 *     script.c     the state: memory, instructions, protected work
 *     inspect.c, lint*.c      mistakes that would show only when a function runs
 *     sandbox.c    what scripts find: environment, libraries    require.c  modules beside the file
 *     trace.c      Lua errors as failures with a traceback
 *     view.c       JSON as Lua sees it: read-only views         bridge.c   JSON as tables
 *     to_json.c    Lua values as JSON
 *     call.c       one attempt at a node                        fiber.c    its coroutines
 *     group.c      gather, spawn, join, with_timeout            wait.c     sleep
 *     coroutine.c  the library coroutine, through which waits pass
 *     lib_*.c      what scripts call                            about.c    runtime, config
 *     lib_graph.c, compile.c  StateGraph, from Lua tables to builder calls
 *     load.c       a file that returns a graph                  code.c     reducers and conditions
 *     goto_key.c   { goto = "x" }
 *     prelude.lua  what is written in Lua itself
 *
 * Every function of Lua's API that allocates may leave by longjmp. So C code that owns something calls
 * it only where the owner can be found again: in a Lua C function whose things are userdata or
 * hang on a fiber, or in script_protect(). The helpers below say which they are: "raises" or "does
 * not raise".
 */
#include "base/list.h"
#include "script/call.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum {
    SYNC_US = 1000000, /* of what runs at once, whatever its instructions were busy with */
    TICK_INSTRUCTIONS =
        100,         /* between two looks at the clock: calls of slow C functions count as little */
    SLICE_US = 1000, /* of one fiber, before others get their turn */
    LOADING_FACTOR = 10,   /* a file may do so much more than a condition */
    CLOSE_DEPTH_MAX = 100, /* coroutines that close each other */
    CLOSE_TICKS = 1000,    /* of what __close does when a call is ended from outside */
    TEXT_MAX_BYTES = 4096
};

struct fiber;
struct compiling;

struct script {
    struct code code; /* first member */
    int refs;
    lua_State *L; /* the main thread: loading, reducers, conditions, protected work */
    const struct conf *conf;
    char *path;
    size_t used_bytes;
    size_t max_bytes;
    const struct script_files *files; /* while it is loaded; or NULL */
    struct fiber *running;            /* whose Lua code is at work, or NULL: the main thread's */
    int64_t ticks_left;               /* of the main thread's */
    int64_t sync_end_us;              /* of what runs at once */
    bool is_full;                     /* Lua ran out of memory since the last collection */
    int64_t slice_end_us;             /* of the fiber that runs */
    int closing_depth;                /* coroutine.close() inside of __close */
    bool is_loading;                  /* the file's chunk is at work */
    struct compiling *compiling;      /* while it may build graphs; or NULL */
    /* Where mistakes in its files go while it is loaded; NULL: to the log. */
    void (*on_mistake)(void *arg, const char *place, const char *sentence);
    void *mistake_arg;
};

/* The script of any of its threads. Does not raise. */
struct script *script_of(lua_State *L);

/* ---- script.c ---- */

/* An empty state with its sandbox. 0 or a fault. */
int script_new(const struct conf *conf, const char *path, struct script **ret);
/*
 * Calls fn(L) with `arg` as its light userdata, on the main thread, with a budget of instructions.
 * What fn leaves on its stack is dropped. Does not raise. 0, or SCRIPT_E_WRONG with f filled (the
 * error with its traceback; no memory inside of Lua is FAIL_LIMIT), or a fault.
 */
int script_protect(struct script *s, lua_CFunction fn, void *arg, struct fail *f);
/* A file of the script, whole, and tells script_files of it. NULL: `why` gets what is wrong with it, or
 * *ret_fault a fault. Does not raise. */
char *script_read_file(const struct script *s, const char *path, size_t *ret_len_bytes,
                       struct buf *why, int *ret_fault);
/* lua_touserdata(L, 1) of a function that script_protect() calls. */
void *script_arg(lua_State *L);
/* The hook that bounds what runs on L, and the threads made from it. */
void script_hook(lua_State *L);
/* Compiles a chunk (never bytecode) with the script's environment; leaves the function. Raises. */
void script_compile_chunk(lua_State *L, const char *bytes, size_t len_bytes, const char *name);

/* goto_key.c: the text as Lua takes it, on the top. Raises. */
void goto_push_source(lua_State *L, const char *bytes, size_t len_bytes);

/* code.c: what JSON graphs ask of a script */
extern const struct code_ops script_code_ops;

/* ---- sandbox.c, require.c ---- */

/* Raises. */
void sandbox_open(lua_State *L);
/* Pushes the environment of chunks. Raises. */
void sandbox_push_env(lua_State *L);
/* What files have defined, and ours. Raises. */
void sandbox_push_globals(lua_State *L);
void sandbox_push_builtins(lua_State *L);
/* A read-only stand-in for the table on the top, which it replaces. what: its name. Raises. */
void sandbox_seal(lua_State *L, const char *what);
int require_module(lua_State *L); /* require(name) */
/* Looks through the chunk on the top, which stays, once it has run. Raises. */
void inspect_chunk(lua_State *L, const char *path);

/* ---- trace.c ---- */

/*
 * The error that a thread ended with as a failure: its value is on the top of `from`, whose stack is
 * still that of the error; popped. Does not raise.
 */
void trace_fail(struct script *s, lua_State *from, int status, struct fail *f);
/* Message handler for lua_pcall() on the main thread, where the stack is gone afterwards. */
int trace_handler(lua_State *L);
/*
 * A failure as a value that scripts can look at: type, message; tostring() is the message. It is empty;
 * fill it at once, so that nothing is lost when there is no room for it, and lua_error() raises it. Raises.
 */
struct fail *trace_push_fail(lua_State *L);
/* Is it one of these? Borrowed; NULL = no. Does not raise. */
const struct fail *trace_to_fail(lua_State *L, int index);
/* As luaL_error(), but blames the script's own line where a function of api.lua is in between. */
int trace_blame(lua_State *L, const char *format, ...);
void trace_open(lua_State *L);

/* ---- view.c, bridge.c, to_json.c ---- */

/* Scalars as they are, arrays and objects as read-only views; NULL = nil. json is counted. Raises. */
void view_push(lua_State *L, const json_t *json);
/* The JSON of a view, borrowed; NULL = it is none. Does not raise. */
const json_t *view_json(lua_State *L, int index);
void view_open(lua_State *L);
int view_type(lua_State *L); /* type(), for which a view is a table */
int view_next(lua_State *L); /* next(), likewise */

/* As tables that may be changed. Raises. */
void bridge_push_copy(lua_State *L, const json_t *json);
/* Marks the table on the top. Raises. */
enum mark { MARK_NONE, MARK_ARRAY, MARK_OBJECT, MARK_SEND, MARK_COMMAND, MARK_NODE, MARK_COUNT };
void bridge_mark(lua_State *L, enum mark mark);
enum mark bridge_mark_of(lua_State *L, int index); /* does not raise */
/* The compact JSON as a string. Raises. */
void bridge_push_text(lua_State *L, const json_t *json);
/* A userdata that calls free_it(thing) when it is collected: for what must not be lost by an error.
 * *box is NULL at first; taking the thing out is setting it to NULL. Raises. */
void **bridge_push_box(lua_State *L, void (*free_it)(void *thing));
void bridge_free_json(void *json); /* json_decref(), for boxes */
void bridge_push_null(lua_State *L);
bool bridge_is_null(lua_State *L, int index);
void bridge_open(lua_State *L);

/* What an empty table without a mark is. */
enum empty_means { EMPTY_OBJECT, EMPTY_ARRAY };
struct to_json {
    int max_depth;
    size_t
        left_bytes; /* of max_state_bytes: a table may hold another one many times; set by to_json() */
    enum empty_means empty;
    const struct graph
        *graph;    /* of a node's result: its fields say what empty tables in them are */
    char why[512]; /* what is wrong, with the place: "result.items[3]: ..." */
};
/*
 * The value at index as JSON; objects get their keys in order. Does not raise. NULL: o->why says what
 * is wrong; or it is "", and there was no memory.
 */
json_t *to_json(lua_State *L, int index, struct to_json *o, const char *root);
/* What a node's function returned, for outcome_add_result(): nil is null; Send and Command in their
 * forms. Likewise. */
json_t *to_json_result(lua_State *L, int index, struct to_json *o);
/* For functions that scripts call: raises o->why. */
json_t *to_json_or_raise(lua_State *L, int index, const char *root);

/* ---- fibers ---- */

enum fiber_state {
    FIBER_READY,   /* on the loop's ready list, or about to be */
    FIBER_RUNNING, /* its Lua code is at work */
    FIBER_WAITING, /* for `wait` */
    FIBER_DONE,    /* its results are on its stack */
    FIBER_FAILED,  /* its error is */
    FIBER_CLOSED
};

/*
 * What a fiber waits for. The first member of a struct of its own, which hangs on the fiber until the
 * fiber's continuation has looked at it, or longer: something under way may still call back.
 */
struct wait {
    struct fiber *fiber; /* NULL: nobody waits any more */
    /* The fiber goes on, or is closed: let go. Frees w, now or when its last callback came. */
    void (*drop)(struct wait *w);
};

struct group;

struct fiber {
    struct list node; /* in call->fibers */
    struct script_call *call;
    struct group *group;   /* what waits for its end, or NULL */
    struct future *future; /* of spawn(), as long as the script has it */
    lua_State *L;          /* NULL: not made */
    enum fiber_state state;
    struct loop_work work;
    struct wait *wait;
    int arg_count;     /* for the first resume */
    int pinned;        /* coroutines inside a C function that cannot yield */
    bool is_preempted; /* its slice is over */
    bool is_future;    /* made by spawn() */
    bool is_joined;
    int closing_ticks;
    char where[160]; /* "file:line: " of its spawn() */
};

/* What spawn() gives a script: a userdata that outlives the fiber, or the other way round. */
struct future {
    struct fiber *fiber; /* NULL: joined, or the call is over */
};

struct script_call {
    struct script *script;
    struct script_call_options options;
    struct list fibers;
    size_t fiber_count;
    struct fiber *root;
    int64_t ticks;
    struct list chats;  /* calls of models, see lib_llm.c */
    size_t chat_count;  /* of those under way */
    bool is_over;       /* its end was told, or is wanted by nobody */
    bool is_over_limit; /* of instructions */
    char *child_trace; /* of the last fiber that failed: its stack as text, or NULL; its error is in
                           the registry under the address of this member */
};

/* Raises if c may not have so many fibers more. */
void fiber_check_room(lua_State *L, const struct script_call *c, size_t count);
/* The function with arg_count arguments is on the top of L (popped): a new fiber of c. Raises. */
struct fiber *fiber_new(lua_State *L, struct script_call *c, int arg_count);
void fiber_start(struct fiber *f);
/* Ends it wherever it is; its coroutine is closed. Not one that runs. Does not raise, as all below
 * here that have no lua_State. */
void fiber_close(struct fiber *f);
void fiber_free(struct fiber *f);
/* The fiber whose code runs; raises where nothing can wait, naming the function `what`: "sleep()". */
struct fiber *fiber_for_wait(lua_State *L, const char *what);
/* The same for functions of a node that do not wait. */
struct script_call *call_running(lua_State *L, const char *what);
/* w hangs on the fiber from now on. */
void fiber_own_wait(struct fiber *f, struct wait *w);
/* Gives the loop back until fiber_wake(); then k(L, LUA_YIELD, (lua_KContext)f) goes on. */
int fiber_wait(lua_State *L, struct fiber *f, lua_KFunction k);
void fiber_wake(struct fiber *f);
/* The continuation has taken what it wanted. */
void fiber_drop_wait(struct fiber *f);
/* The argument as seconds; raises if it is none. */
double wait_check_seconds(lua_State *L, int index);
/* A fiber has ended: tells who waits for it, or its call. */
void group_fiber_ended(struct fiber *f);
/* It is freed before who waits for it: at the end of a call, a future that another function joins. */
void group_forget(struct fiber *f);
void call_root_ended(struct script_call *c);
/* The call fails; takes f. */
void call_fail(struct script_call *c, struct fail *f);

/* Scripts cannot resume or close the thread on the top, which stays. Raises. */
void coroutine_keep(lua_State *L);

/* ---- what scripts call: each pushes nothing, and fills the table on the top. All raise. ---- */

void lib_task_open(lua_State *L);      /* emit, writer, interrupt */
void lib_wait_open(lua_State *L);      /* sleep */
void lib_group_open(lua_State *L);     /* gather, gather_settled, spawn, join, with_timeout */
void lib_coroutine_open(lua_State *L); /* coroutine */
void lib_json_open(lua_State *L);      /* json, null */
void lib_log_open(lua_State *L);       /* log, print */
void lib_http_open(lua_State *L);
void lib_store_open(lua_State *L); /* primitive of store */
void lib_llm_open(lua_State *L);
/* Cancels what models still do for the call, or of that what one of its fibers has begun. opener: NULL =
 * all. */
void llm_chats_end(struct script_call *c, const struct fiber *opener);
void lib_graph_open(lua_State *L); /* primitives of StateGraph, Send, Command */
/* The function "#index" that a script has handed over, or nil. Raises. */
void lib_graph_push_function(lua_State *L, lua_Integer index);
/* The place of a compiled graph among those of its file; -1: the value is none. Does not raise. */
int lib_graph_index(lua_State *L, int index);
void lib_runtime_open(lua_State *L); /* runtime */
/* The second argument of a node's function. configurable NULL: an empty table. Raises. */
void about_push_config(lua_State *L, const json_t *configurable);

#endif
