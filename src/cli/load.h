#ifndef ANABRANCH_CLI_LOAD_H
#define ANABRANCH_CLI_LOAD_H
/*
 * What the files of one load share. All files are read (load_files.c) before the first is built
 * (load.c), because a graph may name another as its node.
 */
#include "cli/cli.h"
#include "graph/build.h"
#include "graph/subgraph.h"

/* A graph that names another is built after it, in the middle of its own making. */
enum file_state { FILE_NEW, FILE_OPEN /* being built */, FILE_BUILT, FILE_WRONG };

/* Bounds the stack only: how deep graphs may be inside each other is looked at where one is put into
 * another, from the inside, so that the outermost of too many is told whichever was opened first. */
enum { OPEN_MAX = 8 * SUBGRAPH_MAX_DEPTH };

struct graph_file {
    char *path;
    char *name; /* of the graph */
    char *bytes;
    size_t len;
    enum file_state state;
    bool is_named;       /* asked for by its own path */
    bool is_asked;       /* by its path or its folder; else it is only there to be named */
    bool has_neighbours; /* the other files of its folder are known */
    struct graph *graph;
};

struct load {
    const struct conf *conf;
    const struct kind_table *kinds;
    struct builder_limits limits;
    struct registry *graphs;
    struct problems *problems;
    struct graph_file **files; /* in the order of the places */
    const char **names;        /* of the files */
    size_t count;
    struct graph_source source;                  /* of this load */
    struct graph_file *open[OPEN_MAX]; /* each was named by the one before it */
    size_t open_count;
    bool is_from_settings;
};

/* load_files.c: the files and folders of a list separated by ':'. 0 or a fault; what cannot be read
 * is noted. */
int load_read_places(struct load *l, const char *places);
/* The other files of its folder, which nobody has asked for; once. 0 or a fault. */
int load_read_neighbours(struct load *l, struct graph_file *of);
bool load_has_ending(const char *name, const char *ending);
struct graph_file *load_file_free(struct graph_file *file); /* accepts NULL, returns NULL */

#endif
