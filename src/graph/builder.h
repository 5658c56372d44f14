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
};

/* A plain edge, a join (several sources) or a switch (a path). */
struct edge_spec {
    char *at; /* JSON pointer for messages */
    char **sources;
    size_t source_count;
    char *to;      /* NULL for a switch */
    char *path;    /* NULL but for a switch */
    char **values; /* case_count of each */
    char **targets;
    size_t case_count;
    char *fallback; /* or NULL */
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
    struct name_list input;
    struct name_list output;
    int64_t recursion_limit;
    json_t *assistant;
    bool is_told_fields; /* that there are too many */
    bool is_told_nodes;
    bool has_entry; /* an edge from __start__ was seen */
    bool is_built;
    struct setup *configuring; /* the node whose kind is reading it, or NULL */
};

enum { SETUP_MAX_KEYS = 48, TEXTS_MAX = 100 };

/* Reads one object of the file: a node, but also a field, a `retry`, an edge. */
struct setup {
    struct anabranch_builder *builder;
    const struct graph *graph;
    const char *node_name;
    const char *pointer; /* of spec; borrowed */
    const json_t *spec;
    const char *known[SETUP_MAX_KEYS];
    size_t known_count;
    bool knows_all;
    const char *const *later; /* keys of later versions, ended by NULL; or NULL */
};

/* Everything is borrowed until setup_finish(), which reports the keys that nobody asked for. */
void setup_init(struct setup *s, struct anabranch_builder *b, const char *pointer,
                const json_t *spec);
void setup_finish(struct setup *s);
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

/* base + "/" + key with ~ and / escaped; NULL: no memory. */
char *pointer_join(const char *base, const char *key);

void builder_problem(struct anabranch_builder *b, const char *pointer, const char *remedy,
                     const char *wrong, ...) __attribute__((format(printf, 4, 5)));
/* `unknown NOUN "word"`, with the nearest of `names` or all of them. Returns the nearest, or NULL;
 * NULL too once so many problems were told that this one is only counted. */
const char *builder_problem_unknown(struct anabranch_builder *b, const char *pointer,
                                    const char *noun, const char *word, const char *const *names,
                                    size_t count);
/* The same for a name that is no field's. has_scopes: $context and $config would be right, too. */
void builder_problem_field(struct anabranch_builder *b, const struct graph *g, const char *pointer,
                           const char *name, bool has_scopes);
/* A root of a path or template that nothing answers to. */
void builder_check_root(struct anabranch_builder *b, const struct graph *g, const char *pointer,
                        const char *root);
void builder_note_fault(struct anabranch_builder *b);
/* JSON text as an object; NULL with a problem noted. */
json_t *builder_read_object(struct anabranch_builder *b, const char *pointer, const char *text);

/* The parts of build(), in their order. Each fills g; returns 0 or a fault. */
int build_fields(struct anabranch_builder *b, struct graph *g);
int build_nodes(struct anabranch_builder *b, struct graph *g);
int build_edges(struct anabranch_builder *b, struct graph *g);
void build_check_reach(struct anabranch_builder *b, const struct graph *g);

#endif
