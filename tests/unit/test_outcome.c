/* What tasks decide: results and Commands read into outcomes, routes, and the form for the store. On
 * a graph built by hand with the nodes a, b, c and the fields x, list, secret (which lives for a
 * run). */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "graph/outcome.h"
#include "graph/path.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { A, B, C, NODES };
enum { X, LIST, SECRET, FIELDS };

static struct node nodes[NODES] = { { .name = (char *)"a" },
                                    { .name = (char *)"b" },
                                    { .name = (char *)"c" } };
static struct field fields[FIELDS] = {
    [X] = { .name = (char *)"x", .type = FIELD_ANY },
    [LIST] = { .name = (char *)"list", .type = FIELD_ANY },
    [SECRET] = { .name = (char *)"secret", .type = FIELD_ANY, .life = LIFE_RUN },
};
static struct graph graph = { .refs = 1,
                              .name = (char *)"g",
                              .nodes = nodes,
                              .node_count = NODES,
                              .fields = fields,
                              .field_count = FIELDS };

static struct outcome outcome;
static struct fail failure;

static void setup(void)
{
    outcome = (struct outcome){ 0 };
    failure = (struct fail){ .code = FAIL_NONE };
}

static void teardown(void)
{
    outcome_clear(&outcome);
    fail_clear(&failure);
}

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    ck_assert_msg(json != NULL, "%s in %s", error.text, text);
    return json;
}

static void expect_outcome(const char *expected)
{
    struct buf b;
    json_t *json = NULL;
    buf_init(&b, 1000);
    ck_assert_int_eq(outcome_json(&outcome, &graph, &json), 0);
    jsonx_encode(json, &b);
    ck_assert_int_eq(b.fault, 0);
    ck_assert_str_eq(buf_text(&b), expected);
    json_decref(json);
    buf_deinit(&b);
}

static void expect_refused(int r, const char *message)
{
    ck_assert_int_eq(r, OUTCOME_E_REFUSED);
    ck_assert_str_eq(fail_message(&failure), message);
    ck_assert_int_eq(failure.code, FAIL_INVALID_UPDATE);
}

#define NOTHING           "{\"update\":[],\"goto\":[]}"
#define COMMAND(contents) "{\"__command__\":{" contents "}}"

/* ---- results ---- */

static const struct {
    const char *result;
    const char *outcome;
} results[] = {
    { "null", NOTHING },
    { "{}", NOTHING },
    { "{\"unknown\":1}", NOTHING },
    { "{\"x\":1,\"unknown\":2,\"list\":[]}", "{\"update\":[[\"x\",1],[\"list\",[]]],\"goto\":[]}" },
    { COMMAND(""), NOTHING },
    { COMMAND("\"update\":null,\"goto\":null,\"graph\":null,\"resume\":1"), NOTHING },
    { COMMAND("\"update\":{\"x\":1,\"unknown\":2}"), "{\"update\":[[\"x\",1]],\"goto\":[]}" },
    { COMMAND("\"update\":[[\"x\",1],[\"unknown\",2],[\"x\",3]]"),
      "{\"update\":[[\"x\",1],[\"x\",3]],\"goto\":[]}" },
    { COMMAND("\"goto\":\"b\""), "{\"update\":[],\"goto\":[[\"b\"]]}" },
    { COMMAND("\"goto\":\"__end__\""), NOTHING },
    { COMMAND("\"goto\":[]"), NOTHING },
    { COMMAND("\"goto\":[\"c\",\"__end__\",\"b\",\"c\"]"),
      "{\"update\":[],\"goto\":[[\"c\"],[\"b\"],[\"c\"]]}" },
    { COMMAND("\"goto\":{\"node\":\"a\",\"arg\":null}"),
      "{\"update\":[],\"goto\":[[\"a\",null]]}" },
    { COMMAND("\"update\":{\"x\":1},\"goto\":[{\"node\":\"a\",\"arg\":{\"k\":1}},\"b\","
              "{\"node\":\"a\",\"arg\":2}]"),
      "{\"update\":[[\"x\",1]],\"goto\":[[\"a\",{\"k\":1}],[\"b\"],[\"a\",2]]}" },
    { "[" COMMAND("\"goto\":\"a\"") ",{\"x\":1},null," COMMAND("\"update\":{\"x\":2}") "]",
      "{\"update\":[[\"x\",1],[\"x\",2]],\"goto\":[[\"a\"]]}" },
};

START_TEST(a_result_becomes_writes_and_targets)
{
    json_t *result = json_of(results[_i].result);
    ck_assert_int_eq(outcome_add_result(&outcome, &graph, "n", result, &failure), 0);
    json_decref(result);
    expect_outcome(results[_i].outcome);
    ck_assert_ptr_null(outcome.parent);
}
END_TEST

#define NO_RESULT(type)                                                                            \
    "node \"n\" has to return an object, a Command, or a list with at least one Command; it "      \
    "returned " type " (INVALID_GRAPH_NODE_RETURN_VALUE)"
#define NO_GOTO(type)                                                                              \
    "a Command's \"goto\" has to be a node's name, {\"node\", \"arg\"}, or a list of those, "      \
    "found " type

static const struct {
    const char *result;
    const char *message;
} refused[] = {
    { "1", NO_RESULT("integer") },
    { "\"\"", NO_RESULT("string") },
    { "false", NO_RESULT("boolean") },
    { "[]", NO_RESULT("array") },
    { "[{\"x\":1}]", NO_RESULT("array") },
    { "[null]", NO_RESULT("array") },
    { "[" COMMAND("") ",1]", NO_RESULT("integer") },
    { "[[" COMMAND("") "]," COMMAND("") "]", NO_RESULT("array") },
    { "{\"__command__\":{},\"x\":1}", "\"__command__\" has to be the only key of its object" },
    { "{\"__command__\":null}", "a Command has to be an object, found null" },
    { "{\"__command__\":[]}", "a Command has to be an object, found array" },
    { COMMAND("\"gotoo\":\"a\""),
      "a Command has \"update\", \"goto\" and \"graph\", but no \"gotoo\"" },
    { COMMAND("\"update\":1"),
      "a Command's \"update\" has to be an object or a list of pairs, found integer" },
    { COMMAND("\"update\":[1]"),
      "a Command's \"update\" list has to hold pairs of a field and its value, found integer" },
    { COMMAND("\"update\":[[\"x\"]]"),
      "a Command's \"update\" list has to hold pairs of a field and its value, found array" },
    { COMMAND("\"update\":[[1,2]]"),
      "a Command's \"update\" list has to hold pairs of a field and its value, found array" },
    { COMMAND("\"goto\":1"), NO_GOTO("integer") },
    { COMMAND("\"goto\":[[\"a\"]]"), NO_GOTO("array") },
    { COMMAND("\"goto\":{\"node\":\"a\"}"), NO_GOTO("object") },
    { COMMAND("\"goto\":{\"node\":1,\"arg\":1}"), NO_GOTO("object") },
    { COMMAND("\"goto\":{\"node\":\"a\",\"arg\":1,\"timeout\":1}"), NO_GOTO("object") },
    { COMMAND("\"goto\":\"z\""), "a goto names the unknown node \"z\"; known are a, b, c" },
    { COMMAND("\"goto\":\"__start__\""), "a goto cannot go to \"__start__\"" },
    { COMMAND("\"goto\":{\"node\":\"z\",\"arg\":1}"),
      "a Send names the unknown node \"z\"; known are a, b, c" },
    { COMMAND("\"goto\":{\"node\":\"__end__\",\"arg\":1}"), "a Send cannot go to \"__end__\"" },
    { COMMAND("\"goto\":{\"node\":\"__start__\",\"arg\":1}"), "a Send cannot go to \"__start__\"" },
    { COMMAND("\"graph\":\"CHILD\""), "a Command's \"graph\" has to be \"PARENT\", found string" },
    { COMMAND("\"graph\":1"), "a Command's \"graph\" has to be \"PARENT\", found integer" },
};

START_TEST(what_is_no_result_is_refused_in_words)
{
    json_t *result = json_of(refused[_i].result);
    int r = outcome_add_result(&outcome, &graph, "n", result, &failure);
    json_decref(result);
    expect_refused(r, refused[_i].message);
}
END_TEST

START_TEST(commands_for_the_parent_are_kept_for_it_as_they_are)
{
    json_t *result = json_of("[" COMMAND("\"graph\":\"PARENT\",\"goto\":\"there\"") "," COMMAND(
        "\"update\":{\"x\":1}") "," COMMAND("\"update\":{\"y\":2},\"graph\":\"PARENT\"") "]");
    json_t *expected = json_of("[{\"goto\":\"there\"},{\"update\":{\"y\":2}}]");
    ck_assert_int_eq(outcome_add_result(&outcome, &graph, "n", result, &failure), 0);
    ck_assert(json_equal(outcome.parent, expected));
    expect_outcome("{\"update\":[[\"x\",1]],\"goto\":[]}");
    json_decref(result);
    json_decref(expected);
}
END_TEST

START_TEST(an_outcome_moves_and_leaves_nothing_behind)
{
    json_t *command = json_of("{\"update\":{\"x\":1},\"goto\":{\"node\":\"a\",\"arg\":2}}");
    struct outcome other = { 0 };
    ck_assert_int_eq(outcome_add_command(&other, &graph, command, &failure), 0);
    ck_assert_int_eq(outcome_add_target_take(&outcome, B, NULL, &failure), 0);
    outcome_move(&outcome, &other);
    outcome_move(&outcome, &outcome);
    expect_outcome("{\"update\":[[\"x\",1]],\"goto\":[[\"a\",2]]}");
    ck_assert_uint_eq(other.target_count + other.update.count, 0);
    ck_assert_ptr_null(other.targets);
    json_decref(command);
}
END_TEST

START_TEST(the_end_is_no_target)
{
    struct value *arg = NULL;
    ck_assert_int_eq(value_new_take(json_true(), &arg), 0);
    ck_assert_int_eq(outcome_add_target_take(&outcome, NODE_END, arg, &failure), 0);
    ck_assert_int_eq(outcome_add_target_take(&outcome, NODE_END, NULL, &failure), 0);
    ck_assert_uint_eq(outcome.target_count, 0);
}
END_TEST

/* ---- routes ---- */

static struct state *state_of(const char *object)
{
    struct update values;
    struct state *s = NULL;
    json_t *json = json_of(object);
    update_init(&values);
    ck_assert_int_eq(update_add_object(&values, &graph, json), 0);
    ck_assert_int_eq(state_restore(&graph, &values, &s), 0);
    update_clear(&values);
    json_decref(json);
    return s;
}

static int follow_all(const struct route *routes, size_t count, const char *state)
{
    struct outlets out = { .routes = (struct route *)routes, .route_count = count };
    struct state *s = state_of(state);
    struct scope scope = { .graph = &graph, .state = s };
    int r = outcome_follow(&outcome, "a", &out, &scope, &failure);
    state_unref(s);
    return r;
}

/* path is freed. */
static int follow(struct route route, const char *path, const char *state)
{
    ck_assert_int_eq(path_parse(path, strlen(path), &route.path), 0);
    int r = follow_all(&route, 1, state);
    path_free(route.path);
    return r;
}

static char *case_values[] = { (char *)"yes",  (char *)"1",  (char *)"0.5", (char *)"true",
                               (char *)"null", (char *)"[]", (char *)"-7",  (char *)"" };
static int case_targets[] = { A, B, C, A, B, A, NODE_END, C };
static const struct route switch_route = { .kind = ROUTE_SWITCH,
                                           .values = case_values,
                                           .targets = case_targets,
                                           .case_count = 8,
                                           .fallback = NODE_NONE };

enum { NO_CASE = -9 };
static const struct {
    const char *state;
    int target;
} choices[] = {
    { "{\"x\":\"yes\"}", A },  { "{\"x\":\"no\"}", NO_CASE },
    { "{\"x\":1}", B },        { "{\"x\":\"1\"}", B },
    { "{\"x\":2}", NO_CASE },  { "{\"x\":0.5}", C },
    { "{\"x\":true}", A },     { "{\"x\":false}", NO_CASE },
    { "{\"x\":null}", B },     { "{}", B },
    { "{\"x\":\"null\"}", B }, { "{\"x\":[]}", NO_CASE },
    { "{\"x\":{}}", NO_CASE }, { "{\"x\":-7}", NODE_END },
    { "{\"x\":\"\"}", C },     { "{\"x\":1.0}", NO_CASE },
};

static void expect_target(int target)
{
    ck_assert_uint_eq(outcome.target_count, target != NODE_END);
    if (target != NODE_END) {
        ck_assert_int_eq(outcome.targets[0].node, target);
        ck_assert_ptr_null(outcome.targets[0].arg);
    }
}

START_TEST(a_switch_compares_scalars_by_their_text)
{
    int r = follow(switch_route, "x", choices[_i].state);
    if (choices[_i].target == NO_CASE) {
        expect_refused(r, "the switch of \"a\" has no case for the value at \"x\" and no default");
        return;
    }
    ck_assert_int_eq(r, 0);
    expect_target(choices[_i].target);
}
END_TEST

START_TEST(a_switch_without_a_match_takes_its_default)
{
    struct route route = switch_route;
    route.fallback = C;
    ck_assert_int_eq(follow(route, "x", choices[_i].state), 0);
    expect_target(choices[_i].target == NO_CASE ? C : choices[_i].target);
}
END_TEST

static int each_target[] = { B };

static const struct {
    const char *path;
    bool has_index;
    const char *state;
    const char *outcome; /* NULL: refused */
} loops[] = {
    { "list", false, "{\"list\":[1,{\"k\":2},null]}",
      "{\"update\":[],\"goto\":[[\"b\",{\"item\":1}],[\"b\",{\"item\":{\"k\":2}}],"
      "[\"b\",{\"item\":null}]]}" },
    { "list", true, "{\"list\":[\"p\",\"q\"]}",
      "{\"update\":[],\"goto\":[[\"b\",{\"item\":\"p\",\"at\":0}],"
      "[\"b\",{\"item\":\"q\",\"at\":1}]]}" },
    { "list.deep", false, "{\"list\":{\"deep\":[1]}}",
      "{\"update\":[],\"goto\":[[\"b\",{\"item\":1}]]}" },
    { "list", true, "{\"list\":[]}", NOTHING },
    { "list", true, "{\"list\":null}", NOTHING },
    { "list", true, "{}", NOTHING },
    { "list", true, "{\"list\":{}}", NULL },
    { "list", true, "{\"list\":\"[]\"}", NULL },
};

START_TEST(an_outcome_has_no_more_targets_than_its_bound_and_says_so_before_it_makes_them)
{
    static const char words[] =
        "a task wants to go on in more than 2 places; the setting max_tasks "
        "allows no more in one step";
    struct route route = {
        .kind = ROUTE_EACH, .targets = each_target, .case_count = 1, .as = (char *)"item"
    };
    outcome.target_max = 2;
    ck_assert_int_eq(follow(route, "list", "{\"list\":[1,2,3]}"), OUTCOME_E_REFUSED);
    ck_assert_uint_eq(outcome.target_count, 0);
    ck_assert_int_eq(failure.code, FAIL_LIMIT);
    ck_assert_ptr_nonnull(strstr(fail_message(&failure), "the 3 items at \"list\""));
    fail_clear(&failure);
    ck_assert_int_eq(follow(route, "list", "{\"list\":[1,2]}"), 0);
    ck_assert_int_eq(outcome_add_target_take(&outcome, NODE_END, NULL, &failure), 0);
    ck_assert_int_eq(outcome_add_target_take(&outcome, B, NULL, &failure), OUTCOME_E_REFUSED);
    ck_assert_str_eq(fail_message(&failure), words);
    json_t *command = json_of("{\"goto\":[{\"node\":\"a\",\"arg\":1}]}");
    fail_clear(&failure);
    ck_assert_int_eq(outcome_add_command(&outcome, &graph, command, &failure), OUTCOME_E_REFUSED);
    json_decref(command);
    ck_assert_str_eq(fail_message(&failure), words);
    ck_assert_uint_eq(outcome_count_sends(&outcome), 2);
}
END_TEST

START_TEST(an_each_sends_one_task_per_item)
{
    struct route route = { .kind = ROUTE_EACH,
                           .targets = each_target,
                           .case_count = 1,
                           .as = (char *)"item",
                           .index = loops[_i].has_index ? (char *)"at" : NULL };
    int r = follow(route, loops[_i].path, loops[_i].state);
    if (loops[_i].outcome != NULL) {
        ck_assert_int_eq(r, 0);
        expect_outcome(loops[_i].outcome);
        return;
    }
    ck_assert_int_eq(r, OUTCOME_E_REFUSED);
    ck_assert_ptr_nonnull(
        strstr(fail_message(&failure), "the each of \"a\" needs a list at \"list\", found "));
}
END_TEST

/* Goes to the nodes that the string at x lists, and sends x to those in capitals. */
static int choose_letters(void *arg, const struct scope *scope, struct outcome *out, struct fail *f)
{
    const char *letters = json_string_value(scope_find(scope, "x"));
    if (strcmp(letters, arg) == 0) {
        fail_set(f, FAIL_NODE, "cannot choose");
        return 1;
    }
    for (int r; *letters != '\0'; letters++) {
        bool is_send = *letters < 'a';
        char name[] = { (char)(is_send ? *letters - 'A' + 'a' : *letters), '\0' };
        r = outcome_add_goto(out, scope->graph, name, is_send ? scope_find(scope, "x") : NULL, f);
        if (r != 0)
            return r;
    }
    return 0;
}

static struct route function_route(int *targets, size_t count)
{
    return (struct route){ .kind = ROUTE_FUNCTION,
                           .targets = targets,
                           .case_count = count,
                           .chooser = { .choose = choose_letters, .arg = (char *)"bad" } };
}

START_TEST(a_function_goes_anywhere_if_it_declares_no_targets)
{
    struct route route = function_route(NULL, 0);
    ck_assert_int_eq(follow_all(&route, 1, "{\"x\":\"cAb\"}"), 0);
    expect_outcome("{\"update\":[],\"goto\":[[\"c\"],[\"a\",\"cAb\"],[\"b\"]]}");
}
END_TEST

START_TEST(a_function_keeps_to_the_targets_that_it_declares)
{
    struct route route = function_route(each_target, 1);
    ck_assert_int_eq(outcome_add_target_take(&outcome, A, NULL, &failure), 0); /* by its command */
    ck_assert_int_eq(follow_all(&route, 1, "{\"x\":\"bB\"}"), 0);
    expect_outcome("{\"update\":[],\"goto\":[[\"a\"],[\"b\"],[\"b\",\"bB\"]]}");
    expect_refused(follow_all(&route, 1, "{\"x\":\"bc\"}"),
                   "the conditions of \"a\" chose \"c\", which is none of their targets");
}
END_TEST

START_TEST(what_a_function_refuses_is_passed_on)
{
    struct route route = function_route(NULL, 0);
    ck_assert_int_eq(follow_all(&route, 1, "{\"x\":\"bad\"}"), OUTCOME_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_NODE);
    ck_assert_str_eq(fail_message(&failure), "cannot choose");
    expect_refused(follow_all(&route, 1, "{\"x\":\"z\"}"),
                   "a goto names the unknown node \"z\"; known are a, b, c");
}
END_TEST

START_TEST(routes_are_followed_in_the_order_of_the_file)
{
    const struct route routes[] = { function_route(NULL, 0), function_route(NULL, 0) };
    ck_assert_int_eq(follow_all(routes, 2, "{\"x\":\"ca\"}"), 0);
    expect_outcome("{\"update\":[],\"goto\":[[\"c\"],[\"a\"],[\"c\"],[\"a\"]]}");
}
END_TEST

/* ---- the store ---- */

static void decode(const char *text, int expected)
{
    json_t *json = json_of(text);
    ck_assert_int_eq(outcome_decode(&outcome, &graph, json, &failure), expected);
    ck_assert_int_eq(fail_is_set(&failure), expected == OUTCOME_E_REFUSED);
    json_decref(json);
}

START_TEST(an_outcome_comes_back_from_the_store)
{
    static const char text[] = "{\"update\":[[\"x\",{\"k\":[1]}],[\"list\",null],[\"x\",2]],"
                               "\"goto\":[[\"b\"],[\"a\",null],[\"a\",{\"k\":1}]]}";
    decode(text, 0);
    expect_outcome(text);
    ck_assert_ptr_null(outcome.targets[0].arg);
    ck_assert_ptr_nonnull(outcome.targets[1].arg);
}
END_TEST

START_TEST(what_lives_for_a_run_is_not_stored)
{
    decode("{\"update\":[[\"secret\",1],[\"x\",{\"secret\":1}],[\"secret\",2],[\"list\",1]],"
           "\"goto\":[[\"a\",{\"secret\":1,\"x\":2,\"deep\":{\"secret\":3}}],[\"b\","
           "{\"secret\":1}],[\"c\",[\"secret\"]]]}",
           0);
    expect_outcome("{\"update\":[[\"x\",{\"secret\":1}],[\"list\",1]],"
                   "\"goto\":[[\"a\",{\"x\":2,\"deep\":{\"secret\":3}}],[\"b\",{}],"
                   "[\"c\",[\"secret\"]]]}");
}
END_TEST

START_TEST(what_the_graph_does_not_have_any_more_is_refused_by_name)
{
    decode("{\"update\":[[\"x\",1],[\"old\",1]],\"goto\":[]}", OUTCOME_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(fail_message(&failure), "field \"old\""));
    fail_clear(&failure);
    decode("{\"update\":[],\"goto\":[[\"old\"]]}", OUTCOME_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(fail_message(&failure), "node \"old\""));
}
END_TEST

static const char *const damaged[] = {
    "1",
    "{}",
    "{\"update\":[]}",
    "{\"update\":{},\"goto\":[]}",
    "{\"update\":[[\"x\"]],\"goto\":[]}",
    "{\"update\":[[1,2]],\"goto\":[]}",
    "{\"update\":[1],\"goto\":[]}",
    "{\"update\":[],\"goto\":[\"a\"]}",
    "{\"update\":[],\"goto\":[[]]}",
    "{\"update\":[],\"goto\":[[\"a\",1,2]]}",
};

START_TEST(a_damaged_outcome_is_a_fault)
{
    decode(damaged[_i], ERR_SYSTEM);
}
END_TEST

/* ---- without memory ---- */

static const char every_kind[] =
    "[" COMMAND("\"update\":[[\"x\",1]],\"goto\":[{\"node\":\"a\",\"arg\":{\"secret\":1}},"
                "\"b\"]") ",{\"list\":[1]}," COMMAND("\"graph\":\"PARENT\",\"goto\":\"x\"") "]";
static const char stored[] = "{\"update\":[[\"x\",1]],\"goto\":[[\"b\"],[\"a\",{\"secret\":1}]]}";

static int add_result(const json_t *json)
{
    return outcome_add_result(&outcome, &graph, "n", json, &failure);
}

static int decode_and_encode(const json_t *json)
{
    json_t *again = NULL;
    int r = outcome_decode(&outcome, &graph, json, &failure);
    if (r != 0)
        return r;
    r = outcome_json(&outcome, &graph, &again);
    json_decref(again);
    return r;
}

static struct state *seen;
static struct outlets outlets;

static int follow_seen(const json_t *json)
{
    (void)json;
    struct scope scope = { .graph = &graph, .state = seen };
    return outcome_follow(&outcome, "a", &outlets, &scope, &failure);
}

static const struct {
    int (*call)(const json_t *json);
    const char *json;
} callers[] = {
    { add_result, every_kind },
    { decode_and_encode, stored },
    { follow_seen, "null" },
};

START_TEST(every_failing_allocation_is_a_fault)
{
    struct route routes[] = { switch_route,
                              { .kind = ROUTE_EACH,
                                .targets = each_target,
                                .case_count = 1,
                                .as = (char *)"item",
                                .index = (char *)"at" } };
    ck_assert_int_eq(path_parse("x", 1, &routes[0].path), 0);
    ck_assert_int_eq(path_parse("list", 4, &routes[1].path), 0);
    outlets = (struct outlets){ .routes = routes, .route_count = 2 };
    seen = state_of("{\"x\":1,\"list\":[1,2,3,4,5]}");
    unsigned long n = 1;
    for (bool is_pending = false; !is_pending; n++) {
        json_t *json = json_of(callers[_i].json);
        mem_fail_at(n);
        int r = callers[_i].call(json);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(r == (is_pending ? 0 : ERR_NOMEM), "allocation %lu gave %d", n, r);
        outcome_clear(&outcome);
        json_decref(json);
    }
    ck_assert_uint_gt(n, 5);
    ck_assert(!fail_is_set(&failure));
    path_free(routes[0].path);
    path_free(routes[1].path);
    state_unref(seen);
}
END_TEST

#define LOOP(tc, test, table)                                                                      \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(table[0])))

int main(void)
{
    mem_init();
    Suite *suite = suite_create("outcome");
    TCase *tc = tcase_create("outcome");
    tcase_add_checked_fixture(tc, setup, teardown);
    LOOP(tc, a_result_becomes_writes_and_targets, results);
    LOOP(tc, what_is_no_result_is_refused_in_words, refused);
    tcase_add_test(tc, commands_for_the_parent_are_kept_for_it_as_they_are);
    tcase_add_test(tc, an_outcome_moves_and_leaves_nothing_behind);
    tcase_add_test(tc, the_end_is_no_target);
    LOOP(tc, a_switch_compares_scalars_by_their_text, choices);
    LOOP(tc, a_switch_without_a_match_takes_its_default, choices);
    tcase_add_test(tc,
                   an_outcome_has_no_more_targets_than_its_bound_and_says_so_before_it_makes_them);
    LOOP(tc, an_each_sends_one_task_per_item, loops);
    tcase_add_test(tc, a_function_goes_anywhere_if_it_declares_no_targets);
    tcase_add_test(tc, a_function_keeps_to_the_targets_that_it_declares);
    tcase_add_test(tc, what_a_function_refuses_is_passed_on);
    tcase_add_test(tc, routes_are_followed_in_the_order_of_the_file);
    tcase_add_test(tc, an_outcome_comes_back_from_the_store);
    tcase_add_test(tc, what_lives_for_a_run_is_not_stored);
    tcase_add_test(tc, what_the_graph_does_not_have_any_more_is_refused_by_name);
    LOOP(tc, a_damaged_outcome_is_a_fault, damaged);
    LOOP(tc, every_failing_allocation_is_a_fault, callers);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
