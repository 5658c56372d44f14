/* cli/graph_set.h: loading graphs once more. JSON is written with ' for ", Lua as it is. */
#include "base/conf.h"
#include "base/mem.h"
#include "cli/graph_set.h"
#include "node/node.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A graph that sets nothing, one that is the graph `other`, one with a reducer of a script. */
#define GRAPH(more, node)                                                                          \
    "{" more "'state':{'f':{'type':'any'}},'nodes':{'n':" node "},'edges':[['__start__','n']]}"
#define SET(value)  GRAPH("", "{'kind':'set','values':{'f':" value "}}")
#define NAMED(name) GRAPH("'name':'" name "',", "{'kind':'set','values':{}}")
#define OF(other)   GRAPH("", "{'kind':'graph','graph':'" other "'}")
#define SCRIPTED                                                                                   \
    "{'script':'lib/fold.lua','state':{'f':{'type':'any','reducer':'fold'}},'nodes':{'n':"         \
    "{'kind':'set','values':{}}},'edges':[['__start__','n']]}"
#define FOLD(value) "return {fold = function(a, b) return " value " end}"
/* The same in Lua, with a module and with one that may be missing. */
#define LUA(more)                                                                                  \
    more " local g = StateGraph{f = \"any\"} g:add_node(\"n\", function(s) return {f = 1} end) "   \
         "g:add_edge(START, \"n\") return g:compile{}"
#define LUA_OF(other)                                                                              \
    "local g = StateGraph{f = \"any\"} g:add_node(\"n\", node.graph{graph = \"" other "\"}) "      \
    "g:add_edge(START, \"n\") return g:compile{}"
#define REQUIRE "local m = require(\"lib.m\")"
#define MAYBE   "local good, m = pcall(require, \"lib.m\")"

enum { FILES_MAX = 6 };

struct file {
    const char *name;
    const char *text; /* NULL: it is removed */
};

struct rig {
    char folder[64];
    struct conf conf;
    struct graph_set set;
    struct graph_set before; /* after a reload */
    char report[2000];
};

/* ---- files ---- */

static void path_of(const struct rig *x, const char *name, char path[200])
{
    snprintf(path, 200, "%s/%s", x->folder, name);
}

static void put(const struct rig *x, const struct file *file)
{
    char path[200];
    path_of(x, file->name, path);
    if (file->text == NULL) {
        ck_assert_int_eq(unlink(path), 0);
        return;
    }
    bool is_json = strstr(file->name, ".json") != NULL;
    FILE *to = fopen(path, "w");
    ck_assert_ptr_nonnull(to);
    for (const char *c = file->text; *c != '\0'; c++)
        fputc(is_json && *c == '\'' ? '"' : *c, to);
    ck_assert_int_eq(fclose(to), 0);
}

static void put_all(const struct rig *x, const struct file *files)
{
    for (int i = 0; i < FILES_MAX && files[i].name != NULL; i++)
        put(x, &files[i]);
}

static void rig_init(struct rig *x)
{
    char path[200];
    *x = (struct rig){ .folder = "/tmp/anabranch-test-reload-XXXXXX" };
    ck_assert_ptr_nonnull(mkdtemp(x->folder));
    path_of(x, "lib", path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(conf_default(&x->conf), 0);
    mem_free(x->conf.graphs);
    x->conf.graphs = mem_strdup(x->folder);
}

static void rig_deinit(struct rig *x)
{
    char command[200];
    graph_set_deinit(&x->set);
    graph_set_deinit(&x->before);
    conf_deinit(&x->conf);
    snprintf(command, sizeof(command), "rm -r %s", x->folder);
    ck_assert_int_eq(system(command), 0);
}

/* ---- loading ---- */

static void load(struct rig *x)
{
    struct kind_table kinds = node_kinds();
    struct problems problems;
    problems_init(&problems);
    ck_assert_int_eq(graph_set_load(&x->conf, &kinds, NULL, &x->set, &problems), 0);
    ck_assert_msg(problems.count == 0, "%s", buf_text(&problems.text));
    problems_deinit(&problems);
}

static void add_names(char *to, const char *key, const json_t *names)
{
    const json_t *name;
    size_t i;
    json_array_foreach(names, i, name)
        sprintf(to + strlen(to), "%s %s, ", key, json_string_value(name));
}

/* "loaded a, unchanged b, failed c kept, " */
static void shorten(struct rig *x, const json_t *report)
{
    const json_t *one;
    size_t i;
    x->report[0] = '\0';
    add_names(x->report, "loaded", json_object_get(report, "loaded"));
    add_names(x->report, "unchanged", json_object_get(report, "unchanged"));
    add_names(x->report, "removed", json_object_get(report, "removed"));
    json_array_foreach(json_object_get(report, "failed"), i, one) {
        const char *name = json_string_value(json_object_get(one, "graph"));
        bool is_kept = json_is_true(json_object_get(one, "kept"));
        ck_assert_uint_gt(json_array_size(json_object_get(one, "problems")), 0);
        sprintf(x->report + strlen(x->report), "failed %s%s, ", name == NULL ? "-" : name,
                is_kept ? " kept" : "");
    }
}

static int reload(struct rig *x)
{
    struct kind_table kinds = node_kinds();
    json_t *report = NULL;
    graph_set_deinit(&x->before);
    int r = graph_set_reload(&x->conf, &kinds, &x->set, &x->before, &report);
    if (r == 0)
        shorten(x, report);
    json_decref(report);
    return r;
}

/* What the report says is so: the very same graph, another one, or none. */
static void check_graphs(const struct rig *x)
{
    for (size_t i = 0; i < x->set.graphs.count; i++) {
        struct graph *now = x->set.graphs.graphs[i];
        char loaded[100];
        snprintf(loaded, sizeof(loaded), "loaded %s,", now->name);
        bool is_same = registry_find(&x->before.graphs, now->name) == now;
        ck_assert_msg(is_same == (strstr(x->report, loaded) == NULL), "%s: %s", now->name,
                      x->report);
    }
    for (size_t i = 0; i < x->before.graphs.count; i++) {
        const char *name = x->before.graphs.graphs[i]->name;
        char removed[100];
        snprintf(removed, sizeof(removed), "removed %s,", name);
        bool is_gone = registry_find(&x->set.graphs, name) == NULL;
        ck_assert_msg(is_gone == (strstr(x->report, removed) != NULL), "%s: %s", name, x->report);
    }
}

/* ---- what becomes of each ---- */

struct row {
    struct file before[FILES_MAX];
    struct file change[FILES_MAX];
    const char *report;
};

static const struct row rows[] = {
    /* one file */
    { { { "a.json", SET("1") } }, { { 0 } }, "unchanged a, " },
    { { { "a.json", SET("1") } }, { { "a.json", SET("1") } }, "unchanged a, " },
    { { { "a.json", SET("1") } }, { { "a.json", SET("2") } }, "loaded a, " },
    { { { "a.json", SET("1") } }, { { "a.json", "{'state':" } }, "failed a kept, " },
    { { { "a.json", SET("1") } }, { { "a.json", "" } }, "failed a kept, " },
    { { { "a.json", SET("1") } }, { { "a.json", NULL } }, "removed a, " },
    { { { "a.json", SET("1") } }, { { "b.json", SET("2") } }, "loaded b, unchanged a, " },
    { { { "a.json", SET("1") } }, { { "b.json", "{" } }, "unchanged a, failed b, " },
    { { { "a.json", SET("1") }, { "b.json", SET("1") } },
      { { "a.json", SET("2") }, { "b.json", "{}" } },
      "loaded a, failed b kept, " },
    /* names */
    { { { "a.json", NAMED("x") } }, { { "a.json", NAMED("y") } }, "loaded y, removed x, " },
    { { { "a.json", NAMED("x") } }, { { "a.json", "{'name':'y'}" } }, "failed x kept, " },
    { { { "a.json", NAMED("x") } }, { { "a.json", "{'na" } }, "failed x kept, " },
    { { { "b.json", NAMED("x") } }, { { "a.json", NAMED("x") } }, "unchanged x, failed x, " },
    { { { "b.json", NAMED("x") } },
      { { "a.json", NAMED("x") }, { "b.json", NAMED("y") } },
      "loaded x, loaded y, " },
    { { { "a.json", NAMED("x") }, { "b.json", NAMED("y") } },
      { { "a.json", NAMED("y") }, { "b.json", NAMED("x") } },
      "loaded x, loaded y, " },
    { { { "a.json", NAMED("x") }, { "b.json", NAMED("y") } },
      { { "a.json", NAMED("y") } },
      "unchanged y, failed x kept, " },
    /* graphs in graphs */
    { { { "a.json", OF("c") }, { "c.json", SET("1") } },
      { { "a.json", OF("c") } },
      "unchanged a, unchanged c, " },
    { { { "a.json", OF("b") }, { "b.json", OF("c") }, { "c.json", SET("1") } },
      { { "c.json", SET("2") } },
      "loaded a, loaded b, loaded c, " },
    { { { "a.json", OF("c") }, { "c.json", SET("1") } },
      { { "a.json", OF("c") "\n" } },
      "loaded a, unchanged c, " },
    { { { "a.json", OF("c") }, { "c.json", SET("1") } },
      { { "c.json", "{}" } },
      "unchanged a, failed c kept, " },
    { { { "a.json", OF("c") }, { "c.json", SET("1") } },
      { { "a.json", OF("c") "\n" }, { "c.json", "{}" } },
      "loaded a, failed c kept, " },
    { { { "a.json", OF("x") }, { "c.json", NAMED("x") } },
      { { "a.json", OF("x") "\n" }, { "c.json", "{}" } },
      "loaded a, failed x kept, " },
    { { { "a.json", OF("c") }, { "c.json", SET("1") } },
      { { "c.json", NULL } },
      "removed c, failed a kept, " },
    { { { "a.json", OF("x") }, { "c.json", NAMED("x") } },
      { { "c.json", NAMED("y") } },
      "loaded y, removed x, failed a kept, " },
    { { { "a.json", OF("c") }, { "c.json", SET("1") } },
      { { "c.json", OF("a") } },
      "unchanged a, failed c kept, " },
    { { { "a.json", OF("c") }, { "c.json", SET("1") } },
      { { "b.json", OF("d") } },
      "unchanged a, unchanged c, failed b, " },
    /* Lua */
    { { { "a.lua", LUA("") } }, { { "a.lua", LUA("") } }, "unchanged a, " },
    { { { "a.lua", LUA("") } }, { { "a.lua", LUA("local x = 1") } }, "loaded a, " },
    { { { "a.lua", LUA("") } }, { { "a.lua", LUA("local x = = 1") } }, "failed a kept, " },
    { { { "a.lua", LUA("") } }, { { "a.lua", LUA("error(\"no\")") } }, "failed a kept, " },
    { { { "a.lua", LUA("") } }, { { "a.lua", "return 1" } }, "removed a, " },
    { { { "a.lua", LUA(REQUIRE) }, { "lib/m.lua", "return 1" } },
      { { "lib/m.lua", "return 1" } },
      "unchanged a, " },
    { { { "a.lua", LUA(REQUIRE) }, { "b.lua", LUA("") }, { "lib/m.lua", "return 1" } },
      { { "lib/m.lua", "return 2" } },
      "loaded a, unchanged b, " },
    { { { "a.lua", LUA(REQUIRE) }, { "lib/m.lua", "return 1" } },
      { { "lib/m.lua", "return"
                       " = 2" } },
      "failed a kept, failed m, " },
    { { { "a.lua", LUA(REQUIRE) }, { "lib/m.lua", "return 1" } },
      { { "lib/m.lua", NULL } },
      "failed a kept, " },
    { { { "a.lua", LUA(MAYBE) } }, { { "b.lua", LUA("") } }, "loaded b, unchanged a, " },
    { { { "a.lua", LUA(MAYBE) } }, { { "lib/m.lua", "return 1" } }, "loaded a, " },
    { { { "a.lua", LUA_OF("c") }, { "c.json", SET("1") } },
      { { "c.json", SET("2") } },
      "loaded a, loaded c, " },
    /* scripts of JSON graphs */
    { { { "a.json", SCRIPTED }, { "lib/fold.lua", FOLD("a") } },
      { { "a.json", SCRIPTED } },
      "unchanged a, " },
    { { { "a.json", SCRIPTED }, { "lib/fold.lua", FOLD("a") } },
      { { "lib/fold.lua", FOLD("b") } },
      "loaded a, " },
    { { { "a.json", SCRIPTED }, { "lib/fold.lua", FOLD("a") } },
      { { "lib/fold.lua", "return {}" } },
      "failed a kept, " },
    { { { "a.json", SCRIPTED }, { "lib/fold.lua", FOLD("a") } },
      { { "lib/fold.lua", NULL } },
      "failed a kept, " },
    { { { "b.json", OF("a") }, { "a.json", SCRIPTED }, { "lib/fold.lua", FOLD("a") } },
      { { "lib/fold.lua", FOLD("b") } },
      "loaded a, loaded b, " },
};

static void begin_row(struct rig *x, const struct row *row)
{
    rig_init(x);
    put_all(x, row->before);
    load(x);
    put_all(x, row->change);
}

static struct registry copy_of(const struct registry *graphs)
{
    struct registry copy = { 0 };
    for (size_t i = 0; i < graphs->count; i++)
        ck_assert_int_eq(registry_add(&copy, graphs->graphs[i]), 0);
    return copy;
}

START_TEST(each_graph_stays_changes_or_goes)
{
    struct rig x;
    begin_row(&x, &rows[_i]);
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_msg(strcmp(x.report, rows[_i].report) == 0, "row %d: %s; not %s", _i, x.report,
                  rows[_i].report);
    check_graphs(&x);
    rig_deinit(&x);
}
END_TEST

/* What is wrong is told again each time, and is found out to be as it was when it is mended. */
START_TEST(a_file_that_is_as_it_was_again_brings_the_same_graph)
{
    struct rig x;
    rig_init(&x);
    put_all(&x, rows[_i].before);
    load(&x);
    struct registry first = copy_of(&x.set.graphs);
    put_all(&x, rows[_i].change);
    ck_assert_int_eq(reload(&x), 0);
    bool was_same = strstr(x.report, "loaded") == NULL && strstr(x.report, "removed") == NULL;
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_msg(strstr(x.report, "loaded") == NULL && strstr(x.report, "removed") == NULL,
                  "again: %s", x.report);
    check_graphs(&x);
    put_all(&x, rows[_i].before);
    ck_assert_int_eq(reload(&x), 0);
    for (size_t i = 0; i < first.count; i++) {
        const struct graph *now = registry_find(&x.set.graphs, first.graphs[i]->name);
        ck_assert_msg(now != NULL, "%s: %s", first.graphs[i]->name, x.report);
        ck_assert_msg(!was_same || now == first.graphs[i], "%s: %s", now->name, x.report);
    }
    registry_deinit(&first);
    rig_deinit(&x);
}
END_TEST

static const struct graph *inner(const struct rig *x, const char *name)
{
    return registry_find(&x->set.graphs, name)->nodes[0].subgraph->graph;
}

START_TEST(graphs_that_name_a_changed_one_get_the_new_one)
{
    struct rig x;
    rig_init(&x);
    put_all(&x, (struct file[FILES_MAX]){ { "a.json", OF("c") }, { "c.json", SET("1") } });
    load(&x);
    const struct graph *old = graph_ref(registry_find(&x.set.graphs, "c"));
    put(&x, &(struct file){ "c.json", SET("2") });
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_ptr_eq(inner(&x, "a"), registry_find(&x.set.graphs, "c"));
    ck_assert_ptr_ne(inner(&x, "a"), old);
    put(&x, &(struct file){ "c.json", "{}" });
    old = (graph_unref((struct graph *)old), inner(&x, "a"));
    put(&x, &(struct file){ "a.json", OF("c") " " });
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_ptr_eq(inner(&x, "a"), old);
    rig_deinit(&x);
}
END_TEST

START_TEST(a_broken_graph_does_not_take_a_good_one_with_it)
{
    /* a no longer fits c, which is good: the old a keeps the old c */
    struct rig x;
    rig_init(&x);
    put_all(&x, (struct file[FILES_MAX]){
                    { "a.json", GRAPH("", "{'kind':'graph','graph':'c','in':{'f':'f'}}") },
                    { "c.json", SET("1") } });
    load(&x);
    const struct graph *old = inner(&x, "a");
    put(&x, &(struct file){ "c.json", "{'state':{'g':{'type':'any'}},'nodes':{'n':{'kind':'set',"
                                      "'values':{}}},'edges':[['__start__','n']]}" });
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "loaded c, failed a kept, ");
    ck_assert_ptr_eq(inner(&x, "a"), old);
    ck_assert_ptr_ne(registry_find(&x.set.graphs, "c"), old);
    rig_deinit(&x);
}
END_TEST

START_TEST(a_place_that_cannot_be_read_keeps_what_came_from_it)
{
    struct rig x;
    char moved[200];
    rig_init(&x);
    put_all(&x, (struct file[FILES_MAX]){ { "a.json", SET("1") }, { "lib/b.json", OF("a") } });
    load(&x);
    snprintf(moved, sizeof(moved), "%s-moved", x.folder);
    ck_assert_int_eq(rename(x.folder, moved), 0);
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "unchanged a, unchanged b, failed - kept, ");
    check_graphs(&x);
    ck_assert_int_eq(rename(moved, x.folder), 0);
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "unchanged a, unchanged b, ");
    rig_deinit(&x);
}
END_TEST

START_TEST(a_named_file_that_is_gone_is_a_mistake)
{
    struct rig x;
    rig_init(&x);
    put_all(&x, (struct file[FILES_MAX]){ { "a.json", SET("1") }, { "b.json", SET("1") } });
    mem_free(x.conf.graphs);
    x.conf.graphs = mem_printf("%s/a.json:%s/b.json", x.folder, x.folder);
    load(&x);
    put(&x, &(struct file){ "b.json", NULL });
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "unchanged a, unchanged b, failed - kept, ");
    rig_deinit(&x);
}
END_TEST

START_TEST(a_file_in_whose_place_is_no_file_keeps_its_graph)
{
    struct rig x;
    char path[200];
    rig_init(&x);
    put_all(&x, (struct file[FILES_MAX]){ { "a.json", NAMED("x") }, { "b.json", OF("x") } });
    load(&x);
    put(&x, &(struct file){ "a.json", NULL });
    path_of(&x, "a.json", path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "unchanged b, failed x kept, ");
    rig_deinit(&x);
}
END_TEST

START_TEST(neighbours_of_a_named_file_are_looked_at_too)
{
    struct rig x;
    rig_init(&x);
    put_all(&x, (struct file[FILES_MAX]){ { "a.json", OF("b") }, { "b.json", SET("1") } });
    mem_free(x.conf.graphs);
    x.conf.graphs = mem_printf("%s/a.json", x.folder);
    load(&x);
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "unchanged a, ");
    put(&x, &(struct file){ "b.json", SET("2") });
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "loaded a, ");
    put(&x, &(struct file){ "b.json", "{}" });
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "unchanged a, failed b kept, ");
    rig_deinit(&x);
}
END_TEST

START_TEST(a_file_with_an_impossible_name_is_told)
{
    struct rig x;
    rig_init(&x);
    put(&x, &(struct file){ "a.json", SET("1") });
    load(&x);
    put(&x, &(struct file){ "\xff\xfe.json", SET("1") });
    ck_assert_int_eq(reload(&x), 0);
    ck_assert_str_eq(x.report, "unchanged a, failed -, ");
    rig_deinit(&x);
}
END_TEST

/* ---- no memory ---- */

static bool has_lua(const struct file *files)
{
    for (int i = 0; i < FILES_MAX && files[i].name != NULL; i++)
        if (strstr(files[i].name, ".lua") != NULL)
            return true;
    return false;
}

/*
 * The n-th allocation fails, and then all is as it was. Lua asks again after it has collected, or
 * throws an error, which is a mistake of the file; and it asks so often that its rows share the
 * work.
 */
START_TEST(without_memory_all_stays_as_it_was)
{
    struct rig x;
    bool is_pending = false;
    bool is_lua = has_lua(rows[_i].before) || has_lua(rows[_i].change);
    unsigned long step = is_lua ? 101 : 1;
    begin_row(&x, &rows[_i]);
    for (unsigned long n = 1 + (unsigned long)_i * 7 % step; !is_pending; n += step) {
        struct registry first = copy_of(&x.set.graphs);
        mem_fail_at(n);
        int r = reload(&x);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        bool is_right = r < 0 || strcmp(x.report, rows[_i].report) == 0; /* a text was not needed */
        ck_assert_msg(is_right || is_lua, "allocation %lu: %s", n, x.report);
        ck_assert(r == 0 || x.set.graphs.count == first.count);
        for (size_t i = 0; i < first.count && r < 0; i++)
            ck_assert_ptr_eq(x.set.graphs.graphs[i], first.graphs[i]);
        registry_deinit(&first);
        ck_assert(n < 20000);
        if (r == 0 && !is_pending) {
            rig_deinit(&x);
            begin_row(&x, &rows[_i]);
        }
    }
    rig_deinit(&x);
}
END_TEST

int main(void)
{
    const int row_count = sizeof(rows) / sizeof(rows[0]);
    mem_init();
    Suite *suite = suite_create("reload");
    TCase *tc = tcase_create("reload");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, each_graph_stays_changes_or_goes, 0, row_count);
    tcase_add_loop_test(tc, a_file_that_is_as_it_was_again_brings_the_same_graph, 0, row_count);
    tcase_add_test(tc, graphs_that_name_a_changed_one_get_the_new_one);
    tcase_add_test(tc, a_broken_graph_does_not_take_a_good_one_with_it);
    tcase_add_test(tc, a_place_that_cannot_be_read_keeps_what_came_from_it);
    tcase_add_test(tc, a_named_file_that_is_gone_is_a_mistake);
    tcase_add_test(tc, a_file_in_whose_place_is_no_file_keeps_its_graph);
    tcase_add_test(tc, neighbours_of_a_named_file_are_looked_at_too);
    tcase_add_test(tc, a_file_with_an_impossible_name_is_told);
    tcase_add_loop_test(tc, without_memory_all_stays_as_it_was, 0, row_count);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
