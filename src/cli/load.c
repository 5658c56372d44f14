/* Graph files from disk into a registry. graph/ itself does no I/O. */
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "graph/parse.h"
#include "node/models.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct load {
    const struct conf *conf;
    const struct kind_table *kinds;
    struct registry *graphs;
    struct problems *problems;
    json_t *files; /* graph -> its file */
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

static int keep(const struct load *l, const char *path, struct graph *graph)
{
    const char *other = json_string_value(json_object_get(l->files, graph->name));
    int r = registry_add(l->graphs, graph);

    if (r == REGISTRY_E_TAKEN) {
        problems_add(l->problems, path, "/name", "choose another name",
                     "a graph \"%s\" is defined by %s already", graph->name,
                     other != NULL ? other : "another file");
        r = 0;
    } else if (r == 0) {
        json_t *file = json_stringn_nocheck(path, strlen(path)); /* may be no UTF-8 */
        r = json_object_set_new_nocheck(l->files, graph->name, file) == 0 ? 0 : ERR_NOMEM;
    }
    graph_unref(graph);
    return r;
}

/* A pipe or a device in its place would be waited for, or read, without an end. */
static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 || S_ISREG(st.st_mode); /* what is missing is told by reading it */
}

static int load_one(const struct load *l, const char *path)
{
    struct builder_limits limits = worker_builder_limits(l->conf);
    struct graph *graph = NULL;
    char text[256];
    size_t len = 0;
    char *bytes MEM_AUTO(mem_freep) = NULL;

    if (is_file(path))
        bytes = load_file(path, (size_t)l->conf->max_body_bytes, &len, text, sizeof(text));
    else
        snprintf(text, sizeof(text), "is neither a file nor a folder");
    if (bytes == NULL) {
        problems_add(l->problems, path, "", NULL, "%s", text);
        return 0;
    }
    int r = graph_parse(l->kinds, &limits, path, bytes, len, l->problems, &graph);
    if (r == PARSE_E_WRONG)
        return 0;
    return r == 0 ? keep(l, path, graph) : err_trace(r);
}

/* ---- folders ---- */

static bool has_ending(const char *name, const char *ending)
{
    size_t len = strlen(name);
    size_t ending_len = strlen(ending);

    return len > ending_len && strcmp(name + len - ending_len, ending) == 0;
}

static int is_graph_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && has_ending(entry->d_name, ".json");
}

static int load_folder(const struct load *l, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_graph_file, alphasort);
    int r = 0;

    if (count < 0) {
        problems_add(l->problems, path, "", NULL, "cannot be read: %s", strerror(errno));
        return 0;
    }
    for (int i = 0; i < count; i++) {
        char *file MEM_AUTO(mem_freep) = mem_printf("%s/%s", path, entries[i]->d_name);
        free(entries[i]); /* scandir's, from malloc */
        if (r == 0)
            r = file == NULL ? ERR_NOMEM : load_one(l, file);
    }
    free(entries);
    return r;
}

bool load_is_place(const char *word)
{
    struct stat st;

    return stat(word, &st) == 0 || strchr(word, '/') != NULL || has_ending(word, ".json");
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

static int load_place(const struct load *l, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        note_missing(l, path, errno);
        return 0;
    }
    return S_ISDIR(st.st_mode) ? load_folder(l, path) : load_one(l, path);
}

int load_graphs(const struct conf *conf, const struct kind_table *kinds, const char *places,
                struct registry *graphs, struct problems *problems)
{
    struct load l = { .conf = conf,
                      .kinds = kinds,
                      .graphs = graphs,
                      .problems = problems,
                      .files = json_object(),
                      .is_from_settings = places == NULL };
    char *list MEM_AUTO(mem_freep) = mem_strdup(places == NULL ? conf->graphs : places);
    char *rest = list;
    char *place;
    int r = list == NULL || l.files == NULL ? ERR_NOMEM : 0;

    while (r == 0 && (place = strsep(&rest, ":")) != NULL) {
        if (place[0] != '\0')
            r = load_place(&l, place);
    }
    json_decref(l.files);
    return r == 0 ? problems->fault : err_trace(r);
}

/* ---- models ---- */

struct look {
    const struct worker *w;
    const char *graph;
    json_t *known; /* the models of this graph that were told; keys only */
    void (*seen)(void *arg, const char *graph, const char *node, const char *sentence);
    void *arg;
};

static void look_at_model(void *arg, const char *node, const char *model)
{
    const struct look *look = arg;
    char text[400];

    if (llm_model_check(look->w->models, model, text, sizeof(text)) == 0 ||
        json_object_get(look->known, model) != NULL)
        return;
    /* Without memory it is told again. */
    (void)json_object_set_new_nocheck(look->known, model, json_true());
    look->seen(look->arg, look->graph, node, text);
}

void load_each_bad_model(const struct worker *w, const struct registry *graphs,
                         void (*seen)(void *arg, const char *graph, const char *node,
                                      const char *sentence),
                         void *arg)
{
    for (size_t i = 0; i < graphs->count; i++) {
        struct look look = { .w = w,
                             .graph = graphs->graphs[i]->name,
                             .known = json_object(),
                             .seen = seen,
                             .arg = arg };
        graph_each_model(graphs->graphs[i], w->conf, look_at_model, &look);
        json_decref(look.known);
    }
}
