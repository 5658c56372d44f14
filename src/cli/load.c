/*
 * Graph files, JSON and Lua, from disk into a registry. graph/ itself does no I/O.
 *
 * All files are read before the first is built, because a graph may name another as its node:
 *
 *     build_all --> build_file(a) --> the builder of a asks for "b" --> build_file(b) ...
 *
 * A file that was asked for alone may also name the other files of its folder, which are read only
 * then, and are no graphs of the server.
 */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "graph/parse.h"
#include "graph/subgraph.h"
#include "script/script.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    struct graph_source source;        /* of this load */
    struct graph_file *open[OPEN_MAX]; /* each was named by the one before it */
    size_t open_count;
    bool is_from_settings;
};

/* ---- files ---- */

char *load_file(const char *path, size_t max_bytes, size_t *ret_len_bytes, char *text,
                size_t text_size)
{
    struct buf content MEM_AUTO(buf_deinit);
    int error = 0;

    buf_init(&content, max_bytes);
    int r = strcmp(path, "-") == 0 ? file_read_fd(STDIN_FILENO, &content, &error)
                                   : file_read(path, &content, &error);
    if (r == FILE_E_UNREADABLE)
        snprintf(text, text_size, "cannot be read: %s", strerror(error));
    else if (r == FILE_E_LARGE)
        snprintf(text, text_size, "is larger than %zu bytes", max_bytes);
    else if (r != 0)
        snprintf(text, text_size, "cannot be read: %s", err_text(r));
    char *bytes = r == 0 ? buf_take(&content, ret_len_bytes) : NULL;
    if (r == 0 && bytes == NULL)
        snprintf(text, text_size, "cannot be read: %s", err_text(ERR_NOMEM));
    return bytes;
}

/* A pipe or a device in its place would be waited for, or read, without an end. */
static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 || S_ISREG(st.st_mode); /* what is missing is told by reading it */
}

static struct graph_file *file_free(struct graph_file *file)
{
    if (file == NULL)
        return NULL;
    graph_unref(file->graph);
    mem_free(file->path);
    mem_free(file->name);
    mem_free(file->bytes);
    return mem_free(file);
}

static int grow(struct load *l)
{
    size_t count = l->count + 1;
    struct graph_file **files = mem_realloc(l->files, count * sizeof(struct graph_file *));

    if (files == NULL)
        return ERR_NOMEM;
    l->files = files;
    const char **names = mem_realloc(l->names, count * sizeof(*names));
    if (names == NULL)
        return ERR_NOMEM;
    l->names = names;
    return 0;
}

static int append_take(struct load *l, struct graph_file *file)
{
    int r = grow(l);

    if (r != 0) {
        file_free(file);
        return err_trace(r);
    }
    l->files[l->count] = file;
    l->names[l->count++] = file->name;
    l->source.names = l->names;
    l->source.name_count = l->count;
    return 0;
}

/* bytes are taken. */
static int add_file(struct load *l, const char *path, char *bytes, size_t len, bool is_asked)
{
    struct graph_file *file = mem_zalloc(sizeof(*file));

    if (file == NULL) {
        mem_free(bytes);
        return err_trace(ERR_NOMEM);
    }
    *file =
        (struct graph_file){ .path = mem_strdup(path),
                             .name = graph_peek_name(path, bytes, len, (int)l->limits.max_depth),
                             .bytes = bytes,
                             .len = len,
                             .is_asked = is_asked };
    if (file->path != NULL && file->name != NULL)
        return append_take(l, file);
    file_free(file);
    return err_trace(ERR_NOMEM);
}

static bool is_known(const struct load *l, const char *path)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->files[i]->path, path) == 0)
            return true;
    return false;
}

/* Nobody has asked for a neighbour: if it cannot be read, there is none. */
static int read_one(struct load *l, const char *path, bool is_asked)
{
    char text[256];
    size_t len = 0;
    char *bytes = NULL;

    if (!is_asked && is_known(l, path))
        return 0;
    if (is_file(path))
        bytes = load_file(path, (size_t)l->conf->max_body_bytes, &len, text, sizeof(text));
    else
        snprintf(text, sizeof(text), "is neither a file nor a folder");
    if (bytes != NULL)
        return add_file(l, path, bytes, len, is_asked);
    if (is_asked)
        problems_add(l->problems, path, "", NULL, "%s", text);
    return 0;
}

/* ---- folders ---- */

static bool has_ending(const char *name, const char *ending)
{
    size_t len = strlen(name);
    size_t ending_len = strlen(ending);

    return len > ending_len && strcmp(name + len - ending_len, ending) == 0;
}

enum { FOLDER_DEPTH_MAX = 8 };

static bool has_graph_ending(const char *name)
{
    return has_ending(name, ".json") || has_ending(name, ".lua");
}

static int is_graph_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && has_graph_ending(entry->d_name);
}

/* prefix: goes in front of the names in the folder. */
static int read_folder(struct load *l, const char *path, const char *prefix, bool is_asked)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_graph_file, alphasort);
    int r = 0;

    if (count < 0) {
        if (is_asked)
            problems_add(l->problems, path, "", NULL, "cannot be read: %s", strerror(errno));
        return 0;
    }
    for (int i = 0; i < count; i++) {
        char *file MEM_AUTO(mem_freep) = mem_printf("%s%s", prefix, entries[i]->d_name);
        free(entries[i]); /* scandir's, from malloc */
        if (r == 0)
            r = file == NULL ? ERR_NOMEM : read_one(l, file, is_asked);
    }
    free(entries);
    return r;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int read_asked_folder(struct load *l, const char *path, int depth);

/* Folders inside, of which there may be some: what is there besides is left alone. */
static int read_subfolders(struct load *l, const char *prefix, int depth)
{
    struct dirent **entries = NULL;
    int count = scandir(prefix, &entries, is_visible, alphasort);
    int r = 0;

    for (int i = 0; i < count; i++) {
        char *path MEM_AUTO(mem_freep) = mem_printf("%s%s", prefix, entries[i]->d_name);
        struct stat st;
        free(entries[i]);
        if (path == NULL)
            r = ERR_NOMEM;
        else if (r == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            r = read_asked_folder(l, path, depth + 1);
    }
    free(entries);
    return r;
}

static int read_asked_folder(struct load *l, const char *path, int depth)
{
    char *prefix MEM_AUTO(mem_freep) = mem_printf("%s/", path);
    size_t first = l->count;
    int r = prefix == NULL ? ERR_NOMEM : read_folder(l, path, prefix, true);

    for (size_t i = first; i < l->count; i++)
        l->files[i]->has_neighbours = true;
    if (r == 0 && depth < FOLDER_DEPTH_MAX)
        r = read_subfolders(l, prefix, depth);
    return r;
}

static int read_neighbours(struct load *l, struct graph_file *of)
{
    const char *slash = strrchr(of->path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - of->path) + 1;
    char *prefix MEM_AUTO(mem_freep) = mem_strndup(of->path, len);
    size_t first = l->count;

    if (of->has_neighbours)
        return 0;
    of->has_neighbours = true;
    int r = prefix == NULL ? ERR_NOMEM : read_folder(l, len == 0 ? "." : prefix, prefix, false);
    for (size_t i = first; i < l->count; i++)
        l->files[i]->has_neighbours = true;
    return r;
}

bool load_is_place(const char *word)
{
    struct stat st;

    return stat(word, &st) == 0 || strchr(word, '/') != NULL || has_graph_ending(word);
}

static void note_missing(const struct load *l, const char *path, int error)
{
    bool is_relative = error == ENOENT && path[0] != '/';

    problems_add(l->problems, path, "",
                 l->is_from_settings ? "name a file or a folder with --graphs or ANABRANCH_GRAPHS"
                                     : NULL,
                 "cannot be read: %s%s", strerror(error),
                 is_relative ? " (relative to the working directory)" : "");
}

static int read_place(struct load *l, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        note_missing(l, path, errno);
        return 0;
    }
    if (S_ISDIR(st.st_mode))
        return read_asked_folder(l, path, 0);
    size_t first = l->count;
    int r = read_one(l, path, true);
    if (l->count > first)
        l->files[first]->is_named = true;
    return r;
}

/* ---- graphs ---- */

static int build_json(struct load *l, struct graph_file *file)
{
    const struct code_source language = script_language(l->conf);
    const struct parse_tools tools = { l->kinds, &l->limits, &l->source, &language };

    return graph_parse_with(&tools, file->path, file->bytes, file->len, l->problems, &file->graph);
}

/* A Lua file in a folder may be a module of others; one that was named must be a graph. */
static int build_lua(struct load *l, struct graph_file *file)
{
    const struct script_tools tools = { l->conf, l->kinds, &l->limits, &l->source };
    int r =
        script_load_graph(&tools, file->path, file->bytes, file->len, l->problems, &file->graph);

    if (r == 0 && file->graph == NULL && file->is_named) {
        problems_add(l->problems, file->path, "", "end it with: return graph:compile{}",
                     "the file makes no graph");
        r = SCRIPT_E_WRONG;
    }
    return r;
}

static int build_file(struct load *l, struct graph_file *file)
{
    file->state = FILE_OPEN;
    l->open[l->open_count++] = file;
    int r = has_ending(file->path, ".lua") ? build_lua(l, file) : build_json(l, file);
    l->open_count--;
    file->state = r == 0 ? FILE_BUILT : FILE_WRONG;
    file->bytes = mem_free(file->bytes);
    return r > 0 ? 0 : r;
}

static struct graph_file *file_named(const struct load *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->files[i]->name, name) == 0)
            return l->files[i];
    return NULL;
}

/* "a graph cannot be inside itself: a -> b -> a" */
static void tell_cycle(const struct load *l, const struct graph_file *file, struct buf *why)
{
    size_t from = 0;

    while (l->open[from] != file)
        from++;
    buf_add_str(why, "a graph cannot be inside itself: ");
    for (size_t i = from; i < l->open_count; i++)
        buf_addf(why, "%s -> ", l->open[i]->name);
    buf_add_str(why, file->name);
}

static int build_named(struct load *l, struct graph_file *file, struct buf *why)
{
    if (file->state == FILE_OPEN) {
        tell_cycle(l, file, why);
        return SOURCE_E_REFUSED;
    }
    if (file->state == FILE_NEW && l->open_count == OPEN_MAX) {
        buf_addf(why, "more than %d graphs are inside each other", SUBGRAPH_MAX_DEPTH);
        return SOURCE_E_REFUSED;
    }
    int r = file->state == FILE_NEW ? build_file(l, file) : 0;
    if (r != 0 || file->state == FILE_BUILT)
        return r;
    buf_addf(why, "graph \"%s\" has mistakes of its own, see %s", file->name, file->path);
    return SOURCE_E_REFUSED;
}

static int find_graph(void *arg, const char *name, struct graph **ret, struct buf *why)
{
    struct load *l = arg;
    struct graph_file *file = file_named(l, name);

    if (file == NULL) {
        int r = read_neighbours(l, l->open[l->open_count - 1]);
        if (r != 0)
            return err_trace(r);
        file = file_named(l, name);
    }
    if (file == NULL)
        return SOURCE_E_UNKNOWN;
    int r = build_named(l, file, why);
    if (r == 0)
        *ret = file->graph;
    return r;
}

static int keep(const struct load *l, const struct graph_file *file)
{
    int r = registry_add(l->graphs, file->graph);

    if (r == REGISTRY_E_TAKEN) {
        const struct graph_file *other = file_named(l, file->graph->name);
        problems_add(l->problems, file->path, "/name", "choose another name",
                     "a graph \"%s\" is defined by %s already", file->graph->name,
                     other != NULL && other != file ? other->path : "another file");
        r = 0;
    }
    return r;
}

/* Neighbours are appended meanwhile. */
static int build_all(struct load *l)
{
    int r = 0;

    for (size_t i = 0; i < l->count && r == 0; i++) {
        struct graph_file *file = l->files[i];
        if (file->is_asked && file->state == FILE_NEW)
            r = build_file(l, file);
        if (r == 0 && file->is_asked && file->graph != NULL)
            r = keep(l, file);
    }
    return r;
}

static void load_deinit(struct load *l)
{
    for (size_t i = 0; i < l->count; i++)
        file_free(l->files[i]);
    mem_free(l->files);
    mem_free(l->names);
}

int load_graphs(const struct conf *conf, const struct kind_table *kinds, const char *places,
                struct registry *graphs, struct problems *problems)
{
    struct load l = { .conf = conf,
                      .kinds = kinds,
                      .limits = worker_builder_limits(conf),
                      .graphs = graphs,
                      .problems = problems,
                      .is_from_settings = places == NULL };
    char *list MEM_AUTO(mem_freep) = mem_strdup(places == NULL ? conf->graphs : places);
    char *rest = list;
    char *place;
    int r = list == NULL ? ERR_NOMEM : 0;

    l.source = (struct graph_source){ .find = find_graph, .arg = &l };
    while (r == 0 && (place = strsep(&rest, ":")) != NULL) {
        if (place[0] != '\0')
            r = read_place(&l, place);
    }
    if (r == 0)
        r = build_all(&l);
    load_deinit(&l);
    return r == 0 ? problems->fault : err_trace(r);
}
