/* cli/cli.h, load_graphs(): files of graphs that name each other. Texts are written with ' for ".
 */
#include "base/conf.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "node/node.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A graph with the node "n", and one that is the graph `other`. */
#define PLAIN(more) FILE_OF(more, "{'kind':'set','values':{}}")
#define OF(other)   FILE_OF("", "{'kind':'graph','graph':'" other "'}")
#define FILE_OF(more, node)                                                                        \
    "{" more "'state':{},'nodes':{'n':" node "},'edges':[['__start__','n']]}"

struct rig {
    char folder[64];
    struct conf conf;
    struct registry graphs;
    struct problems problems;
    char names[20][16]; /* of the files */
    int count;
};

static void rig_init(struct rig *x)
{
    *x = (struct rig){ .folder = "/tmp/anabranch-test-load-XXXXXX" };
    ck_assert_ptr_nonnull(mkdtemp(x->folder));
    ck_assert_int_eq(conf_default(&x->conf), 0);
    problems_init(&x->problems);
}

static void forget(struct rig *x)
{
    registry_deinit(&x->graphs);
    problems_deinit(&x->problems);
    problems_init(&x->problems);
}

static void rig_deinit(struct rig *x)
{
    char path[128];
    forget(x);
    problems_deinit(&x->problems);
    conf_deinit(&x->conf);
    for (int i = 0; i < x->count; i++) {
        snprintf(path, sizeof(path), "%s/%s", x->folder, x->names[i]);
        ck_assert_int_eq(unlink(path), 0);
    }
    ck_assert_int_eq(rmdir(x->folder), 0);
}

static void write_file(struct rig *x, const char *name, const char *text)
{
    char path[128];
    snprintf(x->names[x->count++], sizeof(x->names[0]), "%s", name);
    snprintf(path, sizeof(path), "%s/%s", x->folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (const char *c = text; *c != '\0'; c++)
        fputc(*c == '\'' ? '"' : *c, file);
    ck_assert_int_eq(fclose(file), 0);
}

/* places: files of the folder, "" = the folder, NULL at the end. */
static int load(struct rig *x, const char *const *places)
{
    struct kind_table kinds = node_kinds();
    char list[1000] = "";
    for (; *places != NULL; places++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof(list) - len, "%s%s%s:", x->folder, **places == '\0' ? "" : "/",
                 *places);
    }
    return load_graphs(&x->conf, &kinds, list, &x->graphs, &x->problems);
}

static void must_load(struct rig *x, const char *const *places, const char *names)
{
    struct buf known;
    ck_assert_int_eq(load(x, places), 0);
    ck_assert_msg(x->problems.count == 0, "%s", buf_text(&x->problems.text));
    buf_init(&known, 1000);
    registry_names(&x->graphs, &known);
    ck_assert_str_eq(buf_text(&known), names);
    buf_deinit(&known);
}

static void check_wrong(struct rig *x, const char *const *places, int count,
                        const char *const *parts)
{
    ck_assert_int_eq(load(x, places), 0);
    ck_assert_msg(x->problems.count == count, "%s", buf_text(&x->problems.text));
    for (; *parts != NULL; parts++)
        ck_assert_msg(strstr(buf_text(&x->problems.text), *parts) != NULL, "%s",
                      buf_text(&x->problems.text));
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct graph *inner(const struct rig *x, const char *name)
{
    return registry_find(&x->graphs, name)->nodes[0].subgraph->graph;
}

START_TEST(graphs_of_a_folder_may_name_each_other_in_any_order)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", OF("c"));
    write_file(&x, "b.json", PLAIN("'name':'last',"));
    write_file(&x, "c.json", OF("last"));
    must_load(&x, LIST(""), "a, c, last");
    ck_assert_ptr_eq(inner(&x, "a"), registry_find(&x.graphs, "c"));
    ck_assert_ptr_eq(inner(&x, "c"), registry_find(&x.graphs, "last"));
    rig_deinit(&x);
}
END_TEST

START_TEST(a_graph_that_is_named_twice_is_built_once)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", OF("c"));
    write_file(&x, "b.json", OF("c"));
    write_file(&x, "c.json", PLAIN(""));
    must_load(&x, LIST("a.json", "b.json", "c.json"), "a, b, c");
    ck_assert_ptr_eq(inner(&x, "a"), inner(&x, "b"));
    rig_deinit(&x);
}
END_TEST

START_TEST(a_file_alone_finds_its_neighbours_which_are_not_added)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", OF("b"));
    write_file(&x, "b.json", OF("c"));
    write_file(&x, "c.json", PLAIN(""));
    write_file(&x, "d.json", "not JSON: nobody asks");
    must_load(&x, LIST("a.json"), "a");
    ck_assert_str_eq(inner(&x, "a")->nodes[0].subgraph->graph->name, "c");
    rig_deinit(&x);
}
END_TEST

START_TEST(a_cycle_is_told_with_its_chain)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", OF("b"));
    write_file(&x, "b.json", OF("c"));
    write_file(&x, "c.json", OF("b"));
    check_wrong(&x, LIST(""), 3,
                LIST("c.json: /nodes/n/graph: a graph cannot be inside itself: b -> c -> b\n",
                     "b.json: /nodes/n/graph: graph \"c\" has mistakes of its own, see ",
                     "a.json: /nodes/n/graph: graph \"b\" has mistakes of its own, see "));
    rig_deinit(&x);
}
END_TEST

START_TEST(a_graph_that_names_itself_is_a_cycle)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", OF("a"));
    check_wrong(&x, LIST("a.json"), 1, LIST("a graph cannot be inside itself: a -> a\n"));
    rig_deinit(&x);
}
END_TEST

START_TEST(an_unknown_graph_is_told_with_the_nearest_name)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", OF("reserach"));
    write_file(&x, "research.json", PLAIN(""));
    check_wrong(&x, LIST(""), 1, LIST("unknown graph \"reserach\"; did you mean \"research\"?"));
    forget(&x);
    check_wrong(&x, LIST("a.json"), 1,
                LIST("unknown graph \"reserach\"; did you mean \"research\"?"));
    rig_deinit(&x);
}
END_TEST

START_TEST(a_module_of_lua_files_is_no_graph_to_name)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", OF("words"));
    write_file(&x, "words.lua", "return {}");
    check_wrong(&x, LIST(""), 1, LIST("a.json: /nodes/n/graph: ", "/words.lua makes no graph\n"));
    rig_deinit(&x);
}
END_TEST

START_TEST(the_mistakes_of_a_named_graph_are_told_once)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", OF("z"));
    write_file(&x, "b.json", OF("z"));
    write_file(&x, "z.json", "{'state':{}}");
    check_wrong(&x, LIST(""), 5,
                LIST("z.json: \"nodes\" is missing", "z.json: \"edges\" is missing",
                     "a.json: /nodes/n/graph: graph \"z\" has mistakes of its own",
                     "b.json: /nodes/n/graph: graph \"z\" has mistakes of its own"));
    rig_deinit(&x);
}
END_TEST

START_TEST(a_file_that_is_no_json_is_told_where_it_breaks)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", "{'state':");
    check_wrong(&x, LIST(""), 1, LIST("a.json:1:"));
    rig_deinit(&x);
}
END_TEST

START_TEST(two_graphs_of_one_name_are_told)
{
    struct rig x;
    rig_init(&x);
    write_file(&x, "a.json", PLAIN(""));
    write_file(&x, "b.json", PLAIN("'name':'a',"));
    check_wrong(&x, LIST(""), 1, LIST("b.json: /name: a graph \"a\" is defined by ", "/a.json"));
    rig_deinit(&x);
}
END_TEST

/* g1 is the innermost; x is around g8, and is read before it or after it. */
START_TEST(the_outermost_of_too_many_is_told_whatever_is_read_first)
{
    static const char *const names[] = { "a.json", "z.json" };
    struct rig x;
    char name[32];
    char text[200];
    rig_init(&x);
    for (int i = 1; i <= 8; i++) {
        snprintf(name, sizeof(name), "g%d.json", i);
        snprintf(text, sizeof(text), OF("g%d"), i - 1);
        write_file(&x, name, i == 1 ? PLAIN("") : text);
    }
    write_file(&x, names[_i], OF("g8"));
    snprintf(text, sizeof(text), "/%s: /nodes/n/graph: more than 8 graphs are inside each other",
             names[_i]);
    check_wrong(&x, LIST(""), 1, LIST(text));
    rig_deinit(&x);
}
END_TEST

START_TEST(a_chain_is_at_most_eight_long)
{
    struct rig x;
    char name[32];
    char text[200];
    rig_init(&x);
    for (int i = 1; i <= 9; i++) {
        snprintf(name, sizeof(name), "g%d.json", i);
        snprintf(text, sizeof(text), OF("g%d"), i + 1);
        write_file(&x, name, i == 9 ? PLAIN("") : text);
    }
    must_load(&x, LIST("g2.json"), "g2");
    ck_assert_int_eq(registry_find(&x.graphs, "g2")->depth, 8);
    forget(&x);
    static const char why[] = "graph: more than 8 graphs are inside each other";
    ck_assert_int_eq(load(&x, LIST("g1.json")), 0);
    ck_assert_ptr_nonnull(strstr(buf_text(&x.problems.text), why));
    forget(&x);
    check_wrong(&x,
                LIST("g9.json", "g8.json", "g7.json", "g6.json", "g5.json", "g4.json", "g3.json",
                     "g2.json", "g1.json"),
                1, LIST("g1.json: /nodes/n/graph: more than 8 graphs are inside each other"));
    rig_deinit(&x);
}
END_TEST

START_TEST(no_memory_while_files_are_loaded_is_a_fault)
{
    struct rig x;
    bool is_pending = false;
    rig_init(&x);
    write_file(&x, "a.json", OF("b"));
    write_file(&x, "b.json", PLAIN(""));
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = load(&x, LIST("a.json"));
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        /* A file for which there was no memory is told as one that cannot be read. */
        bool is_told = r < 0 || x.problems.count > 0;
        ck_assert_msg(is_pending ? r == 0 && x.problems.count == 0 : is_told, "allocation %lu: %d",
                      n, r);
        forget(&x);
        ck_assert(n < 10000);
    }
    rig_deinit(&x);
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("load");
    TCase *tc = tcase_create("load");
    tcase_add_test(tc, graphs_of_a_folder_may_name_each_other_in_any_order);
    tcase_add_test(tc, a_graph_that_is_named_twice_is_built_once);
    tcase_add_test(tc, a_file_alone_finds_its_neighbours_which_are_not_added);
    tcase_add_test(tc, a_cycle_is_told_with_its_chain);
    tcase_add_test(tc, a_graph_that_names_itself_is_a_cycle);
    tcase_add_test(tc, an_unknown_graph_is_told_with_the_nearest_name);
    tcase_add_test(tc, a_module_of_lua_files_is_no_graph_to_name);
    tcase_add_test(tc, the_mistakes_of_a_named_graph_are_told_once);
    tcase_add_test(tc, a_file_that_is_no_json_is_told_where_it_breaks);
    tcase_add_test(tc, two_graphs_of_one_name_are_told);
    tcase_add_loop_test(tc, the_outermost_of_too_many_is_told_whatever_is_read_first, 0, 2);
    tcase_add_test(tc, a_chain_is_at_most_eight_long);
    tcase_add_test(tc, no_memory_while_files_are_loaded_is_a_fault);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
