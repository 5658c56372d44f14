#ifndef ANABRANCH_CLI_GRAPH_FILE_H
#define ANABRANCH_CLI_GRAPH_FILE_H
/*
 * A file that may have a graph, and the parts that its graph was made of: the bytes of files (its
 * own first, then its script and what that requires) and the graphs that it names. As long as these
 * are the same, the graph need not be built again.
 *
 * The bytes themselves are not kept, but a print of them: their UUIDv5, because base/id.h has it,
 * it is 122 bits of SHA-1, and nobody who may write these files needs a collision to do harm.
 */
#include "base/id.h"
#include "graph/graph.h"
#include "graph/problem.h"

struct file_part {
    char *path;
    char print[ID_BYTES]; /* "" = it could not be read */
};
struct graph_part {
    char *name;          /* under which it was asked for */
    struct graph *graph; /* a reference, so that no other can come to stand at its address */
};
struct parts {
    struct file_part *files;
    size_t file_count; /* 0: no build of them came to a good end */
    struct graph_part *graphs;
    size_t graph_count;
};

/* bytes: NULL = it could not be read. Both return 0 or ERR_NOMEM. */
int parts_add_file(struct parts *p, const char *path, const char *bytes, size_t len_bytes);
int parts_add_graph(struct parts *p, const char *name, struct graph *graph);
void parts_deinit(struct parts *p);
/* Would a file with these bytes be the same part? */
bool file_part_is(const struct file_part *part, const char *bytes, size_t len_bytes);

/* A graph that names another is built after it, in the middle of its own making. */
enum file_state { FILE_NEW, FILE_OPEN /* being built */, FILE_BUILT, FILE_WRONG };

struct graph_file {
    char *path;
    char *name;  /* of the graph, as the bytes say it */
    char *bytes; /* until it is built; NULL: it could not be read */
    size_t len;
    enum file_state state;
    bool is_named;         /* asked for by its own path */
    bool is_asked;         /* by its path or its folder; else it is only there to be named */
    bool has_neighbours;   /* the other files of its folder are known */
    struct graph *graph;   /* a reference; NULL: a module, or wrong */
    struct parts parts;    /* of graph */
    struct problems found; /* in it */
    /* While files are loaded once more: what this path was, borrowed, or NULL; and whether that
       stays in force, because it did not change, or because what came is wrong. */
    struct graph_file *before;
    bool is_kept;
};

/* path and name are copied, bytes are taken, also on failure. name may be NULL: there was no memory
 * for it. 0 or ERR_NOMEM. */
int graph_file_new_take(const char *path, const char *name, char *bytes, size_t len_bytes,
                        struct graph_file **ret);
struct graph_file *graph_file_free(struct graph_file *f); /* accepts NULL, returns NULL */
/* Is there something to fall back on? (A module has no graph, but was good.) */
bool graph_file_was_good(const struct graph_file *f);
/* Was its graph called so before? */
bool graph_file_was_called(const struct graph_file *f, const char *name);
/* What was before stays in force. */
void graph_file_keep(struct graph_file *f);

#endif
