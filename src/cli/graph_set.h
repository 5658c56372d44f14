#ifndef ANABRANCH_CLI_GRAPH_SET_H
#define ANABRANCH_CLI_GRAPH_SET_H
/*
 * The graphs of a server with the files that they come from, so that they can be loaded again. A
 * whole new set is made beside the one in force, then takes over, graph by graph:
 *
 *     nothing that it is made of has changed     the very same graph: file-level locals of Lua stay
 *     changed, and good                          the new one; runs in flight keep theirs
 *     changed, and wrong                         the one before, also inside graphs that name it
 *     its file is gone                           it goes; runs in flight keep it
 *     a new file                                 it is added, if it is good
 *
 * A place of the settings, or a folder in one, that cannot be read is a mistake, and what came from
 * it stays. A file is known by its path: one that was moved is a new file.
 */
#include "base/conf.h"
#include "graph/kind.h"
#include "graph/problem.h"
#include "graph/registry.h"

struct graph_file;

/* Begins zeroed. */
struct graph_set {
    struct registry graphs; /* in force; this struct stays where it is while its contents change */
    struct graph_file **files;
    size_t file_count;
};

/*
 * The first time. set: empty; gets all the graphs that are good.
 *   conf, kinds   borrowed as long as the graphs live
 *   places        files and folders, separated by ':'; NULL = those of the settings
 *   problems      of all files
 * 0 or a fault; then set is empty still.
 */
int graph_set_load(const struct conf *conf, const struct kind_table *kinds, const char *places,
                   struct graph_set *set, struct problems *problems);
/*
 * Once more, from the places of the settings.
 *   ret_before   out: what was in force until now, to be deinitialised by the caller
 *   ret_report   out: {"loaded": [names], "unchanged": [names], "removed": [names], "failed":
 *                [{"graph", "kept", "problems": [lines]}]}, a new reference. kept: the graph of
 *                before is in force. graph is null for what is no single graph's.
 * 0 or a fault; then nothing has changed. Reads files and runs the top of Lua files, so it holds up
 * the loop for as long as that takes at start.
 */
int graph_set_reload(const struct conf *conf, const struct kind_table *kinds, struct graph_set *set,
                     struct graph_set *ret_before, json_t **ret_report);
void graph_set_deinit(struct graph_set *set);

#endif
