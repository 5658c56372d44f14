#ifndef ANABRANCH_CLI_LOAD_H
#define ANABRANCH_CLI_LOAD_H
/*
 * One load: from the places to a set of graphs. All files are read (load_files.c) before the first
 * is built (load.c), because a graph may name another as its node.
 */
#include "cli/cli.h"
#include "cli/graph_file.h"
#include "cli/graph_set.h"
#include "graph/build.h"
#include "graph/subgraph.h"

/* Bounds the stack only: how deep graphs may be inside each other is looked at where one is put
 * into another, from the inside, so that the outermost of too many is told whichever was opened
 * first. */
enum { OPEN_MAX = 8 * SUBGRAPH_MAX_DEPTH };

struct load {
    const struct conf *conf;
    const struct kind_table *kinds;
    struct builder_limits limits;
    const struct graph_set *before;    /* the one in force, or NULL */
    struct graph_set set;              /* being made; its files are in the order of the places */
    struct problems found;             /* in no file of it */
    const char **names;                /* of the files */
    struct graph_source source;        /* of this load */
    struct graph_file *open[OPEN_MAX]; /* each was named by the one before it */
    size_t open_count;
    int fault; /* of something that could not return it */
    bool is_from_settings;
    bool has_kept; /* files of a place that cannot be read */
};

/* places: as graph_set_load(). before: NULL, or what is loaded once more; borrowed until deinit.
 * 0 or a fault; deinit in every case. */
int load_run(struct load *l, const struct conf *conf, const struct kind_table *kinds,
             const char *places, const struct graph_set *before);
void load_deinit(struct load *l);

/* load_files.c: the files and folders of a list separated by ':'. 0 or a fault; what cannot be read
 * is noted. */
int load_read_places(struct load *l, const char *places);
/* The other files of its folder, which nobody has asked for; once. 0 or a fault. */
int load_read_neighbours(struct load *l, struct graph_file *of);
/* Its bytes, as part of a graph; those of a path that is no regular file are not looked at. 0 or a
 * fault. */
int load_is_same_file(const struct load *l, const struct file_part *part, bool *ret);
bool load_has_ending(const char *name, const char *ending);

#endif
