/*
 * Files of graphs, from the disk into memory. A file that was asked for alone may name the other
 * files of its folder, which are read only then, and are no graphs of the server.
 */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/load.h"
#include "graph/parse.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

struct graph_file *load_file_free(struct graph_file *file)
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
        load_file_free(file);
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
    load_file_free(file);
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

bool load_has_ending(const char *name, const char *ending)
{
    size_t len = strlen(name);
    size_t ending_len = strlen(ending);

    return len > ending_len && strcmp(name + len - ending_len, ending) == 0;
}

enum { FOLDER_DEPTH_MAX = 8 };

static bool has_graph_ending(const char *name)
{
    return load_has_ending(name, ".json") || load_has_ending(name, ".lua");
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

int load_read_neighbours(struct load *l, struct graph_file *of)
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

int load_read_places(struct load *l, const char *places)
{
    char *list MEM_AUTO(mem_freep) = mem_strdup(places);
    char *rest = list;
    char *place;
    int r = list == NULL ? ERR_NOMEM : 0;

    while (r == 0 && (place = strsep(&rest, ":")) != NULL) {
        if (place[0] != '\0')
            r = read_place(l, place);
    }
    return r == 0 ? 0 : err_trace(r);
}
