#ifndef ANABRANCH_GRAPH_BUILDER_H
#define ANABRANCH_GRAPH_BUILDER_H
/*
 * What build*.c and setup*.c share. The builder only notes what it is told; build() makes
 * everything of it, so that every order of calls is right and every mistake is told in one pass.
 *
 * Faults on the way (no memory for a problem line) are sticky in problems.fault, which build()
 * looks at last.
 */
#include "graph/build.h"
#include "graph/setup.h"

struct field_spec {
    char *name;
    json_t *json; /* an object */
};

struct node_spec {
    char *name;
    json_t *json; /* an object */
    size_t declared;
};

enum edge_kind {
    EDGE_PLAIN /* a join if there are several sources */,
    EDGE_SWITCH,
    EDGE_EACH,
    EDGE_WHEN
};

/* Texts that do not belong to the kind are NULL. */
struct edge_spec {
    enum edge_kind kind;
    char *at; /* JSON pointer for messages */
    char **sources;
    size_t source_count;
    char *to;       /* PLAIN; EACH: the node sent to */
    char *path;     /* SWITCH, EACH */
    char **values;  /* SWITCH: case_count; WHEN: labels, or NULL */
    char **targets; /* SWITCH, WHEN: case_count */
    size_t case_count;
    char *fallback;         /* SWITCH, or NULL */
    char *as;               /* EACH */
    char *index;            /* EACH, or NULL */
    struct chooser chooser; /* WHEN; moves into the graph */
};

/* A reducer that a program gave; fn moves into the graph. */
struct reducer_spec {
    char *field;
    struct reducer_fn fn;
};

/* A breakpoint. */
struct stop_spec {
    char *at;
    char *node; /* or "*" */
    bool is_before;
};

/* The fields named by "input" or "output". */
struct name_list {
    char **names;
    size_t count;
    bool is_given;
};

struct anabranch_builder {
    const struct kind_table *kinds;
    struct builder_limits limits;
    char *file;
    char *name;
    char *description;
    char *at; /* builder_at() */
    struct problems problems;
    struct field_spec *fields;
    size_t field_count;
    size_t field_cap;
    struct node_spec *nodes;
    size_t node_count;
    size_t node_cap;
    struct edge_spec *edges;
    size_t edge_count;
    size_t edge_cap;
    struct reducer_spec *reducers;
    size_t reducer_count;
    size_t reducer_cap;
    struct stop_spec *stops;
    size_t stop_count;
    size_t stop_cap;
    struct name_list input;
    struct name_list output;
    int64_t recursion_limit;
    int64_t step_timeout_ms;
    json_t *assistant;
    json_t *context;
    json_t *node_defaults; /* an object or NULL */
    struct node defaults;  /* what it says, read once to tell its mistakes; never runs */
    bool uses_facts;       /* a root $run was seen, or a kind that may look there */
    bool asks;             /* as in struct graph */
    bool is_told_fields;   /* that there are too many */
    bool is_told_nodes;
    bool has_entry; /* an edge from __start__ was seen */
    bool is_built;
    struct setup *configuring;          /* the node whose kind is reading it, or NULL */
    const struct graph_source *source;  /* builder_graphs() */
    const struct code_source *language; /* builder_language() */
    struct code *code;                  /* the script, once it was asked for; a reference */
    bool has_bad_code;                  /* it could not be loaded, which was told */
    char *base;      /* a graph inside a node: the pointer to it, in front of all others; or NULL */
    int depth;       /* graphs around this one */
    int inner_depth; /* graphs inside each other in its deepest node */
};

/* The name of the hidden node that handles a node's errors, in front of that node's. */
#define HANDLER_PREFIX "__error_handler__"

/* Of node_defaults, beside the graph's own pointers. */
#define DEFAULTS_POINTER "/node_defaults"

enum { DAY_MS = 86400000 }; /* the longest time that a graph may set */
enum { SETUP_MAX_KEYS = 48, TEXTS_MAX = 100, GRAPH_NAME_MAX_BYTES = 100 };
#define GRAPH_NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

/* Reads one object of the file: a node, but also a field, a `retry`, an edge. */
struct setup {
    struct anabranch_builder *builder;
    const struct graph *graph;
    struct node *node;     /* what is being made; NULL unless spec is a node's */
    const char *node_name; /* "": all of them, or none */
    const char *pointer;   /* of spec; borrowed */
    const json_t *spec;
    const char *known[SETUP_MAX_KEYS];
    size_t known_count;
    bool knows_all;
    bool sees_error; /* an error handler's: `error` is a root of its templates, too */
};

/* Everything is borrowed until setup_finish(), which reports the keys that nobody asked for. */
void setup_init(struct setup *s, struct anabranch_builder *b, const char *pointer,
                const json_t *spec);
void setup_finish(struct setup *s);
/* Is it node_defaults that is read, or what is in it? */
bool setup_is_default(const struct setup *s);
/* An object (see setup_json()); the pointer of what is in it: free with mem_free(). NULL: absent,
 * wrong, or no memory (then noted). */
const json_t *setup_object(struct setup *s, const char *key, bool required, char **ret_pointer);
/* A list of non-empty strings. Absent or wrong: *ret NULL, *ret_count 0. Else free with
 * texts_free(). 0 or ERR_NOMEM. */
int setup_texts(struct setup *s, const char *key, char ***ret, size_t *ret_count);
/* The index in `words` of the string at key, fallback if absent or wrong; `noun` for the message.
 */
int setup_word(struct setup *s, const char *key, const char *noun, const char *const *words,
               size_t count, int fallback);
/* setup_check_path() for a place whose pointer is known. */
void setup_check_path_at(const struct setup *s, const char *pointer, const struct path *path);

/* base + "/" + key with ~ and / escaped; NULL: no memory. */
char *pointer_join(const char *base, const char *key);

void builder_problem(struct anabranch_builder *b, const char *pointer, const char *remedy,
                     const char *wrong, ...) __attribute__((format(printf, 4, 5)));
/* `unknown NOUN "word"`, with the nearest of `names` or all of them. Returns the nearest, or NULL;
 * NULL too once so many problems were told that this one is only counted. */
const char *builder_problem_unknown(struct anabranch_builder *b, const char *pointer,
                                    const char *noun, const char *word, const char *const *names,
                                    size_t count);
/* The same for a name that is no field's. has_scopes: $context and its like would be right, too. */
void builder_problem_field(struct anabranch_builder *b, const struct graph *g, const char *pointer,
                           const char *name, bool has_scopes);
/* Tells a path to which nothing will ever answer, and notes who needs $run. */
void builder_check_path(struct anabranch_builder *b, const struct graph *g, const char *pointer,
                        const struct path *path);
void builder_note_fault(struct anabranch_builder *b);
/* JSON text as an object; NULL with a problem noted. */
json_t *builder_read_object(struct anabranch_builder *b, const char *pointer, const char *text);

/* A program's text; NULL is read as an empty one, which is then told about. */
const char *builder_text(const char *text);

/*
 * Functions of a program in the form that a graph keeps; JSON is parsed within the builder's limits
 * there. Both take arg: on failure free_arg(arg) was called. 0 or ERR_NOMEM.
 */
int reducer_from_program(const struct anabranch_builder *b, const char *field,
                         anabranch_reduce *reduce, void *arg, void (*free_arg)(void *arg),
                         struct reducer_fn *ret);
int chooser_from_program(const struct anabranch_builder *b, const struct anabranch_when *when,
                         struct chooser *ret);
void reducer_free(struct reducer_fn *fn); /* leave it empty; accept an empty one */
void chooser_free(struct chooser *chooser);

/*
 * The script that functions and expressions of the graph are in; opened when it is asked for first.
 * *ret: borrowed, or NULL: there is none, and a problem was noted (at pointer). 0 or a fault.
 */
int builder_code(struct anabranch_builder *b, const char *pointer, struct code **ret);

/* What is wrong with a name that neither nodes nor fields may have; NULL: nothing. */
const char *builder_reserved_fault(const char *name);

/* What edge_spec and its like own. */
void builder_free_edges(struct anabranch_builder *b);
void builder_free_stops(struct anabranch_builder *b);

/*
 * The node that a name means, with a problem at pointer `at` if it is none. The answer is then the
 * nearest node or NODE_NONE, so that a misspelt edge does not make its target unreachable as well.
 */
int build_find_source(struct anabranch_builder *b, const struct graph *g, const char *at,
                      const char *name); /* a node or NODE_START */
int build_find_target(struct anabranch_builder *b, const struct graph *g, const char *at,
                      const char *name); /* a node or NODE_END */
int build_find_node(struct anabranch_builder *b, const struct graph *g, const char *at,
                    const char *name); /* a node */

/* The parts of build(), in their order. Each fills g; returns 0 or a fault. */
int build_fields(struct anabranch_builder *b, struct graph *g);
int build_nodes(struct anabranch_builder *b, struct graph *g);
int build_edges(struct anabranch_builder *b, struct graph *g);
/* What nodes say of other nodes (ends, goto), and breakpoints. */
int build_links(struct anabranch_builder *b, struct graph *g);
void build_check_reach(struct anabranch_builder *b, const struct graph *g);

/* Parts of build_nodes() and build_edges(). */
/* What node_defaults says: mistakes are told here, and not again at the nodes. */
int build_defaults(struct anabranch_builder *b, const struct graph *g);
/* What has nothing to do with the kind: retry, limits of time, cache, on_error, tags, metadata. */
int build_common(struct setup *s, struct node *n);
int build_kind(struct setup *s, struct node *n);
int build_handler(struct setup *s, struct node *n); /* on_error */
int build_route(struct anabranch_builder *b, struct graph *g, struct edge_spec *e);

#endif
