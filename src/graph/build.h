#ifndef ANABRANCH_GRAPH_BUILD_H
#define ANABRANCH_GRAPH_BUILD_H
/*
 * The internal side of the builder of anabranch.h (whose anabranch_builder_* calls are kept in
 * build*.c). The JSON loader uses the public calls, and from here only what a file has and a
 * program has not: places for error messages.
 *
 * What build() checks, all at once: names (reserved, doubled, `|` or `:` inside), unknown kinds,
 * fields, nodes wherever one is named (with the nearest name), an entry point, unreachable nodes,
 * joins without or with unknown sources, edges from __end__ or to __start__, Sends to __end__,
 * reducers that do not fit a type, defaults that do not fit a type, limits and times of 0 or below.
 */
#include "anabranch.h"
#include "graph/code.h"
#include "graph/graph.h"
#include "graph/problem.h"

struct builder_limits {
    int64_t max_nodes;
    int64_t max_fields;
    int64_t max_depth;
    int64_t max_recursion_limit;
};

enum { SOURCE_E_UNKNOWN = 1, SOURCE_E_REFUSED = 2 };
/* Other graphs, by name. */
struct graph_source {
    /*
     * ret: out, borrowed until the builder is freed. Returns 0; SOURCE_E_UNKNOWN;
     * SOURCE_E_REFUSED (there is one that cannot be used: why gets a sentence without its full
     * stop); or a fault.
     */
    int (*find)(void *arg, const char *name, struct graph **ret, struct buf *why);
    void *arg;
    const char *const *names; /* that are known, for messages */
    size_t name_count;
};

/* kinds is borrowed until the builder is freed, and the kinds in it until its graph is gone; file
 * (for messages) and name are copied. Free with anabranch_builder_free(). 0 or ERR_NOMEM. */
int builder_new(const struct kind_table *kinds, const struct builder_limits *limits,
                const char *file, const char *name, struct anabranch_builder **ret);
/* Where the next calls come from: "/edges/3". Copied. Calls about fields and nodes find their own
 * place (/state/x, /nodes/y). */
void builder_at(struct anabranch_builder *b, const char *pointer);
/* Where nodes of the kind "graph" find graphs by name. Borrowed until build() has returned; NULL,
 * the default: there is none. */
void builder_graphs(struct anabranch_builder *b, const struct graph_source *source);
/* Where scripts come from. Borrowed until build() has returned; NULL, the default: nowhere. */
void builder_language(struct anabranch_builder *b, const struct code_source *source);
/* The script that the graph names; a mistake is noted, and told once. 0 or a fault. */
int builder_open_script(struct anabranch_builder *b, const char *script);
/* The graph is made by this script. Takes a reference of its own. */
void builder_set_code(struct anabranch_builder *b, struct code *code);
/*
 * As anabranch_builder_when(), with a function in the graph's own form. Takes *take, which is empty
 * afterwards, also on failure. labels: what stands at the arrow to each target in a
 * drawing, or NULL; each may be NULL.
 */
int builder_chooser_take(struct anabranch_builder *b, const char *from, struct chooser *take,
                         const char *const *targets, const char *const *labels, size_t count);
/* Borrowed, as long as the builder. */
struct problems *builder_problems(struct anabranch_builder *b);
/* Each takes a reference of json. */
void builder_assistant(struct anabranch_builder *b, json_t *json);
void builder_context(struct anabranch_builder *b, json_t *schema);
/* As anabranch_builder_build(), for the inside. Once per builder. 0, ANABRANCH_E_INVALID, or a
 * fault. */
int builder_build(struct anabranch_builder *b, struct graph **ret);

/* An option struct of a program, over one of ours: it begins with its size in the program's eyes, and
 * what that program did not know is zero. from may be NULL. */
void options_copy(void *to, size_t to_size, const void *from);

/* anabranch_graph is struct graph under its public name. */
static inline struct anabranch_graph *graph_publish(struct graph *g)
{
    return (struct anabranch_graph *)(void *)g;
}
static inline struct graph *graph_of(const struct anabranch_graph *g)
{
    return (struct graph *)(void *)g;
}

#endif
