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

enum { READ_E_TOLD = 1 }; /* a sentence says why it cannot be read */

/* r and error: of file_read(). 0, READ_E_TOLD or a fault. */
static int judge(int r, int error, size_t max_bytes, char *text, size_t text_size)
{
    if (r == FILE_E_UNREADABLE)
        snprintf(text, text_size, "cannot be read: %s", strerror(error));
    else if (r == FILE_E_LARGE)
        snprintf(text, text_size, "is larger than %zu bytes", max_bytes);
    else if (r == FILE_E_NOT_PLAIN)
        snprintf(text, text_size, "is neither a file nor a folder");
    return r <= 0 ? r : READ_E_TOLD;
}

char *load_file(const char *path, size_t max_bytes, size_t *ret_len_bytes, char *text,
                size_t text_size)
{
    struct buf content MEM_AUTO(buf_deinit);
    int error = 0;

    buf_init(&content, max_bytes);
    int r = strcmp(path, "-") == 0 ? file_read_fd(STDIN_FILENO, &content, &error)
                                   : file_read(path, &content, &error);
    r = judge(r, error, max_bytes, text, text_size);
    char *bytes = r == 0 ? buf_take(&content, ret_len_bytes) : NULL;
    if (r == 0 && bytes == NULL)
        r = ERR_NOMEM;
    if (r < 0)
        snprintf(text, text_size, "cannot be read: %s", err_text(r));
    return bytes;
}

static int grow(struct load *l)
{
    size_t count = l->set.file_count + 1;
    struct graph_file **files = mem_realloc(l->set.files, count * sizeof(struct graph_file *));

    if (files == NULL)
        return err_trace(ERR_NOMEM);
    l->set.files = files;
    const char **names = mem_realloc(l->names, count * sizeof(*names));
    if (names == NULL)
        return err_trace(ERR_NOMEM);
    l->names = names;
    return 0;
}

static struct graph_file *before_of(const struct load *l, const char *path)
{
    for (size_t i = 0; l->before != NULL && i < l->before->file_count; i++)
        if (strcmp(l->before->files[i]->path, path) == 0)
            return l->before->files[i];
    return NULL;
}

/* file is taken. */
static int append_take(struct load *l, struct graph_file *file)
{
    int r = grow(l);

    if (r != 0) {
        graph_file_free(file);
        return err_trace(r);
    }
    file->before = before_of(l, file->path);
    l->names[l->set.file_count] = file->name;
    l->set.files[l->set.file_count++] = file;
    l->source.names = l->names;
    l->source.name_count = l->set.file_count;
    return 0;
}

/* bytes are taken. */
static int add_file(struct load *l, const char *path, char *bytes, size_t len, bool is_asked)
{
    char *name MEM_AUTO(mem_freep) =
        graph_peek_name(path, bytes == NULL ? "" : bytes, len, (int)l->limits.max_depth);
    struct graph_file *file = NULL;
    int r = graph_file_new_take(path, name, bytes, len, &file);

    if (r != 0)
        return err_trace(r);
    file->is_asked = is_asked;
    return append_take(l, file);
}

/* A graph of before keeps its place, though its file cannot be read. */
static int add_unreadable(struct load *l, const char *path, const char *why)
{
    int r = add_file(l, path, NULL, 0, true);

    if (r != 0)
        return err_trace(r);
    struct graph_file *file = l->set.files[l->set.file_count - 1];
    file->state = FILE_WRONG;
    problems_add(&file->found, path, "", NULL, "%s", why);
    if (graph_file_was_good(file))
        graph_file_keep(file);
    return file->found.fault;
}

static bool is_known(const struct load *l, const char *path)
{
    for (size_t i = 0; i < l->set.file_count; i++)
        if (strcmp(l->set.files[i]->path, path) == 0)
            return true;
    return false;
}

/* bytes: NULL unless 0 is returned. */
static int read_bytes(const struct load *l, const char *path, char **ret_bytes, size_t *ret_len,
                      char *text, size_t text_size)
{
    struct buf content MEM_AUTO(buf_deinit);
    int error = 0;

    buf_init(&content, (size_t)l->conf->max_body_bytes);
    int r = judge(file_read_plain(path, &content, &error), error, content.max, text, text_size);
    if (r == 0 && (*ret_bytes = buf_take(&content, ret_len)) == NULL)
        r = ERR_NOMEM;
    return r < 0 ? err_trace(r) : r;
}

/* Nobody has asked for a neighbour: if it cannot be read, there is none. */
static int read_one(struct load *l, const char *path, bool is_asked)
{
    char text[256];
    char *bytes = NULL;
    size_t len = 0;

    if (!is_asked && is_known(l, path))
        return 0;
    int r = read_bytes(l, path, &bytes, &len, text, sizeof(text));
    if (r == 0)
        return add_file(l, path, bytes, len, is_asked);
    if (r > 0)
        return is_asked ? add_unreadable(l, path, text) : 0;
    return err_trace(r);
}

int load_is_same_file(const struct load *l, const struct file_part *part, bool *ret)
{
    char text[256];
    char *bytes MEM_AUTO(mem_freep) = NULL;
    size_t len = 0;
    int r = read_bytes(l, part->path, &bytes, &len, text, sizeof(text));

    if (r < 0)
        return err_trace(r);
    *ret = file_part_is(part, bytes, len);
    return 0;
}

/* ---- what stays because it cannot be looked at ---- */

static bool is_at_or_below(const char *path, const char *place)
{
    size_t len = strlen(place);

    return strncmp(path, place, len) == 0 &&
           (path[len] == '\0' || path[len] == '/' || (len > 0 && place[len - 1] == '/'));
}

static int keep_file(struct load *l, struct graph_file *before)
{
    struct graph_file *file = NULL;
    int r = graph_file_new_take(before->path, before->graph->name, NULL, 0, &file);

    if (r == 0)
        r = append_take(l, file);
    if (r != 0)
        return err_trace(r);
    file->before = before;
    file->state = FILE_BUILT;
    file->is_named = before->is_named;
    file->is_asked = true;
    file->has_neighbours = before->has_neighbours;
    graph_file_keep(file);
    l->has_kept = true;
    return 0;
}

/* The graphs of a place that cannot be read. */
static int keep_below(struct load *l, const char *place)
{
    int r = 0;

    for (size_t i = 0; l->before != NULL && i < l->before->file_count && r == 0; i++) {
        struct graph_file *before = l->before->files[i];
        if (before->is_asked && before->graph != NULL && is_at_or_below(before->path, place) &&
            !is_known(l, before->path))
            r = keep_file(l, before);
    }
    return r;
}

/* READ_E_TOLD, or a fault. */
static int tell_folder(struct load *l, const char *path, int error)
{
    problems_add(&l->found, path, "", NULL, "cannot be read: %s", strerror(error));
    int r = keep_below(l, path);
    return r == 0 ? READ_E_TOLD : err_trace(r);
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

/* prefix: goes in front of the names in the folder. 0, READ_E_TOLD (if it was asked for) or a
 * fault. */
static int read_folder(struct load *l, const char *path, const char *prefix, bool is_asked)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_graph_file, alphasort);
    int r = 0;

    if (count < 0)
        return is_asked ? tell_folder(l, path, errno) : 0;
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
static int read_subfolders(struct load *l, const char *folder, const char *prefix, int depth)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_visible, alphasort);
    int r = count < 0 ? tell_folder(l, folder, errno) : 0;

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
    return r > 0 ? 0 : r;
}

static int read_asked_folder(struct load *l, const char *path, int depth)
{
    char *prefix MEM_AUTO(mem_freep) = mem_printf("%s/", path);
    size_t first = l->set.file_count;
    int r = prefix == NULL ? ERR_NOMEM : read_folder(l, path, prefix, true);

    for (size_t i = first; i < l->set.file_count; i++)
        l->set.files[i]->has_neighbours = true;
    if (r == 0 && depth < FOLDER_DEPTH_MAX)
        r = read_subfolders(l, path, prefix, depth);
    return r > 0 ? 0 : r;
}

int load_read_neighbours(struct load *l, struct graph_file *of)
{
    const char *slash = strrchr(of->path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - of->path) + 1;
    char *prefix MEM_AUTO(mem_freep) = mem_strndup(of->path, len);
    size_t first = l->set.file_count;

    if (of->has_neighbours)
        return 0;
    of->has_neighbours = true;
    int r = prefix == NULL ? ERR_NOMEM : read_folder(l, len == 0 ? "." : prefix, prefix, false);
    for (size_t i = first; i < l->set.file_count; i++)
        l->set.files[i]->has_neighbours = true;
    return r;
}

bool load_is_place(const char *word)
{
    struct stat st;

    return stat(word, &st) == 0 || strchr(word, '/') != NULL || has_graph_ending(word);
}

static int note_missing(struct load *l, const char *path, int error)
{
    bool is_relative = error == ENOENT && path[0] != '/';

    problems_add(&l->found, path, "",
                 l->is_from_settings ? "name a file or a folder with --graphs or ANABRANCH_GRAPHS"
                                     : NULL,
                 "cannot be read: %s%s", strerror(error),
                 is_relative ? " (relative to the working directory)" : "");
    return keep_below(l, path);
}

static int read_place(struct load *l, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return note_missing(l, path, errno);
    if (S_ISDIR(st.st_mode))
        return read_asked_folder(l, path, 0);
    size_t first = l->set.file_count;
    int r = read_one(l, path, true);
    if (l->set.file_count > first)
        l->set.files[first]->is_named = true;
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
