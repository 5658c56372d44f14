/* See reload_report.h. */
#include "cli/reload_report.h"
#include "base/jsonx.h"
#include "base/log.h"
#include "base/mem.h"
#include <string.h>

/* ---- making it ---- */

/* The graph that a file stands for: the one in force, or what it would be called. */
static const char *name_of(const struct graph_file *f)
{
    return f->graph != NULL ? f->graph->name : f->name;
}

static bool is_of_failed_file(const struct load *l, const struct graph *g)
{
    for (size_t i = 0; i < l->set.file_count; i++)
        if (l->set.files[i]->found.count > 0 && l->set.files[i]->graph == g)
            return true;
    return false;
}

/* false: no memory, as below. */
static bool add_in_force(const struct load *l, const struct graph *g, json_t *loaded,
                         json_t *unchanged)
{
    const struct graph *before = registry_find(&l->before->graphs, g->name);

    return is_of_failed_file(l, g) ||
           json_array_append_new(g == before ? unchanged : loaded, json_string(g->name)) == 0;
}

static bool add_names(const struct load *l, json_t *loaded, json_t *unchanged, json_t *removed)
{
    const struct registry *now = &l->set.graphs;
    const struct registry *before = &l->before->graphs;
    bool is_good = true;

    for (size_t i = 0; i < now->count && is_good; i++)
        is_good = add_in_force(l, now->graphs[i], loaded, unchanged);
    for (size_t i = 0; i < before->count && is_good; i++) {
        const char *name = before->graphs[i]->name;
        if (registry_find(now, name) == NULL)
            is_good = json_array_append_new(removed, json_string(name)) == 0;
    }
    return is_good;
}

static json_t *lines_of(const struct problems *found)
{
    json_t *lines = json_array();
    const char *text = buf_text(&found->text);

    while (lines != NULL && *text != '\0') {
        size_t len = strcspn(text, "\n");
        if (json_array_append_new(lines, json_stringn(text, len)) != 0) {
            json_decref(lines);
            return NULL;
        }
        text += len + (text[len] != '\0');
    }
    return lines;
}

/* name: NULL, or no UTF-8 (a file may be called anything): null. */
static bool add_failed(json_t *failed, const char *name, bool is_kept, const struct problems *found)
{
    bool has_name = name != NULL && jsonx_utf8_prefix(name, strlen(name)) == strlen(name);

    if (found->count == 0)
        return true;
    return json_array_append_new(failed, json_pack("{s:o, s:b, s:o}", "graph",
                                                   has_name ? json_string(name) : json_null(),
                                                   "kept", is_kept, "problems", lines_of(found))) ==
           0;
}

static bool add_all_failed(const struct load *l, json_t *failed)
{
    bool is_good = add_failed(failed, NULL, l->has_kept, &l->found);

    for (size_t i = 0; i < l->set.file_count && is_good; i++) {
        const struct graph_file *f = l->set.files[i];
        is_good = add_failed(failed, name_of(f), f->graph != NULL, &f->found);
    }
    return is_good;
}

json_t *reload_report(const struct load *l)
{
    json_t *loaded = json_array();
    json_t *unchanged = json_array();
    json_t *removed = json_array();
    json_t *failed = json_array();
    bool is_good = loaded != NULL && unchanged != NULL && removed != NULL && failed != NULL &&
                   add_names(l, loaded, unchanged, removed) && add_all_failed(l, failed);
    /* Takes them, also on failure. */
    json_t *report = json_pack("{s:o, s:o, s:o, s:o}", "loaded", loaded, "unchanged", unchanged,
                               "removed", removed, "failed", failed);

    if (is_good)
        return report;
    json_decref(report);
    return NULL;
}

/* ---- telling it ---- */

static void log_names(const char *event, const json_t *names)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
        log_info(event, "graph", json_string_value(name), NULL);
}

/* A line of the log is bounded: it is cut, and the first mistakes matter most. */
static void log_failed(const json_t *one)
{
    const json_t *lines = json_object_get(one, "problems");
    const json_t *line;
    size_t i;
    struct buf text MEM_AUTO(buf_deinit);

    buf_init(&text, 8192);
    json_array_foreach(lines, i, line) {
        buf_add_str(&text, i == 0 ? "" : " | ");
        buf_add_str(&text, json_string_value(line));
    }
    log_warn("graph_failed", "graph", json_string_value(json_object_get(one, "graph")), "kept",
             json_is_true(json_object_get(one, "kept")) ? "yes" : "no", "problems",
             log_int((long long)json_array_size(lines)), "message", buf_text(&text), NULL);
}

void reload_report_log(const json_t *report)
{
    static const char *const keys[] = { "loaded", "unchanged", "removed", "failed" };
    long long counts[4];
    const json_t *one;
    size_t i;

    log_names("graph_loaded", json_object_get(report, "loaded"));
    log_names("graph_removed", json_object_get(report, "removed"));
    json_array_foreach(json_object_get(report, "failed"), i, one)
        log_failed(one);
    for (i = 0; i < 4; i++)
        counts[i] = (long long)json_array_size(json_object_get(report, keys[i]));
    log_info("reloaded", keys[0], log_int(counts[0]), keys[1], log_int(counts[1]), keys[2],
             log_int(counts[2]), keys[3], log_int(counts[3]), NULL);
}
