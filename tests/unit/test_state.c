/* Versions of a state and the reducers, on a graph built by hand with one field per row of
 * `fields`. */
#include "base/mem.h"
#include "graph/state.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STRING,
    NUMBER,
    INTEGER,
    BOOLEAN,
    OBJECT,
    ARRAY,
    MESSAGES,
    ANY,
    APPEND,
    ADD_INT,
    ADD_NUM,
    MERGE,
    MAX_INT,
    MIN_NUM,
    MAX_STR,
    APPEND_ANY,
    JOINED,
    STEP,
    STEP_SUM,
    FIELDS
};

/* "a" and "b" make "a+b"; "!" is refused, "?" by a class of its own, and a number gives a number. */
static int join_texts(void *arg, const json_t *held, const json_t *written, json_t **ret,
                      struct fail *f)
{
    const char *text = json_string_value(written);
    if (text != NULL && strchr("!?", text[0]) != NULL) {
        fail_set(f, text[0] == '!' ? FAIL_NODE : FAIL_LIMIT, "%s refuses %s", (const char *)arg,
                 text);
        return 1;
    }
    if (text == NULL)
        *ret = json_incref((json_t *)written);
    else
        *ret = held == NULL
                   ? json_string(text)
                   : json_sprintf("%s%s%s", json_string_value(held), (const char *)arg, text);
    return *ret == NULL ? -1 : 0;
}

static struct field fields[FIELDS] = {
    [STRING] = { .name = "string", .type = FIELD_STRING, .is_output = true },
    [NUMBER] = { .name = "number", .type = FIELD_NUMBER },
    [INTEGER] = { .name = "integer", .type = FIELD_INTEGER },
    [BOOLEAN] = { .name = "boolean", .type = FIELD_BOOLEAN },
    [OBJECT] = { .name = "object", .type = FIELD_OBJECT },
    [ARRAY] = { .name = "array", .type = FIELD_ARRAY },
    [MESSAGES] = { .name = "messages", .type = FIELD_MESSAGES, .reducer = REDUCE_MESSAGES },
    [ANY] = { .name = "any", .type = FIELD_ANY, .is_output = true },
    [APPEND] = { .name = "append", .type = FIELD_ARRAY, .reducer = REDUCE_APPEND },
    [ADD_INT] = { .name = "add_int", .type = FIELD_INTEGER, .reducer = REDUCE_ADD },
    [ADD_NUM] = { .name = "add_num", .type = FIELD_NUMBER, .reducer = REDUCE_ADD },
    [MERGE] = { .name = "merge", .type = FIELD_OBJECT, .reducer = REDUCE_MERGE },
    [MAX_INT] = { .name = "max_int", .type = FIELD_INTEGER, .reducer = REDUCE_MAX },
    [MIN_NUM] = { .name = "min_num", .type = FIELD_NUMBER, .reducer = REDUCE_MIN },
    [MAX_STR] = { .name = "max_str", .type = FIELD_STRING, .reducer = REDUCE_MAX },
    [APPEND_ANY] = { .name = "append_any", .type = FIELD_ANY, .reducer = REDUCE_APPEND },
    [JOINED] = { .name = "joined",
                 .type = FIELD_STRING,
                 .reducer = REDUCE_FUNCTION,
                 .fn = { .fold = join_texts, .arg = "+" } },
    [STEP] = { .name = "step", .type = FIELD_ANY, .life = LIFE_STEP },
    [STEP_SUM] = { .name = "step_sum",
                   .type = FIELD_INTEGER,
                   .reducer = REDUCE_ADD,
                   .life = LIFE_STEP },
};
static struct graph graph = { .refs = 1, .fields = fields, .field_count = FIELDS };
static const struct state_limits wide = { .max_bytes = 1 << 20, .max_depth = 64 };

enum { TASKS_MAX = 4 };

/* A state, and the step that is being put together for it. */
static struct {
    struct state *state;
    struct update updates[TASKS_MAX];
    struct task_writes tasks[TASKS_MAX];
    size_t count;
    bool changed[FIELDS];
    struct fail f;
} step;

static struct value *value_of(const char *text)
{
    json_error_t error;
    struct value *v = NULL;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    ck_assert_msg(json != NULL, "%s in %s", error.text, text);
    ck_assert_int_eq(value_new_take(json, &v), 0);
    return v;
}

static void clear_writes(void)
{
    while (step.count > 0)
        update_clear(&step.updates[--step.count]);
}

static void setup(void)
{
    memset(&step, 0, sizeof(step));
    ck_assert_int_eq(state_new(&graph, &step.state), 0);
}

static void teardown(void)
{
    clear_writes();
    step.state = state_unref(step.state);
    fail_clear(&step.f);
    for (int i = 0; i < FIELDS; i++)
        fields[i].initial = value_unref(fields[i].initial);
    ck_assert_int_eq(graph.refs, 1);
}

/* To the task of this node, which is made if the last one is another. Takes value. */
static void writes_value(const char *node, int field, struct value *value)
{
    if (step.count == 0 || strcmp(step.tasks[step.count - 1].node, node) != 0) {
        struct update *u = &step.updates[step.count];
        update_init(u);
        step.tasks[step.count++] = (struct task_writes){ node, u };
    }
    ck_assert_int_eq(update_add_take(&step.updates[step.count - 1], field, value), 0);
}

static void writes(const char *node, int field, const char *json)
{
    writes_value(node, field, value_of(json));
}

/* The step's writes on the state; the new version takes its place. */
static int apply_within(const struct state_limits *limits)
{
    struct state *next = NULL;
    fail_clear(&step.f);
    int r = state_apply(step.state, step.tasks, step.count, limits, &next, step.changed, &step.f);
    ck_assert((r == 0) == (next != NULL));
    ck_assert((r == STATE_E_REFUSED) == fail_is_set(&step.f));
    clear_writes();
    if (r == 0) {
        state_unref(step.state);
        step.state = next;
    }
    return r;
}

static void apply(void)
{
    int r = apply_within(&wide);
    ck_assert_msg(r == 0, "%s", r > 0 ? fail_message(&step.f) : "fault");
}

static void expect_field(int field, const char *json)
{
    struct value *v = state_get(step.state, field);
    const char *bytes;
    size_t len_bytes;
    if (json == NULL) {
        ck_assert_ptr_null(v);
        return;
    }
    ck_assert_ptr_nonnull(v);
    ck_assert_int_eq(value_bytes(v, &bytes, &len_bytes), 0);
    ck_assert_str_eq(bytes, json);
}

static void expect_refused(enum fail_code code, const char *message)
{
    ck_assert_int_eq(apply_within(&wide), STATE_E_REFUSED);
    ck_assert_str_eq(fail_message(&step.f), message);
    ck_assert_int_eq(step.f.code, code);
}

static const struct {
    int field;
    const char *before; /* NULL = absent */
    const char *a;
    const char *b; /* a second node's write, or NULL */
    const char *after;
} folds[] = {
    { STRING, NULL, "\"x\"", NULL, "\"x\"" },
    { STRING, "\"x\"", "\"y\"", NULL, "\"y\"" },
    { NUMBER, "1", "2.5", NULL, "2.5" },
    { NUMBER, NULL, "3", NULL, "3" },
    { INTEGER, NULL, "3", NULL, "3" },
    { BOOLEAN, "true", "false", NULL, "false" },
    { OBJECT, "{\"a\":1}", "{\"b\":2}", NULL, "{\"b\":2}" },
    { OBJECT, NULL, "{\"__overwrite__\":2}", NULL, "{\"__overwrite__\":2}" },
    { ARRAY, "[1]", "[2]", NULL, "[2]" },
    { ANY, "1", "null", NULL, "null" },
    { ANY, "1", "{\"a\":[1]}", NULL, "{\"a\":[1]}" },
    { APPEND, NULL, "1", NULL, "[1]" },
    { APPEND, "[1]", "[2,3]", "4", "[1,2,3,4]" },
    { APPEND, "[1]", "[]", NULL, "[1]" },
    { APPEND, "[]", "null", "{\"a\":1}", "[null,{\"a\":1}]" },
    { APPEND, "[]", "[[1]]", "\"x\"", "[[1],\"x\"]" },
    { APPEND_ANY, NULL, "1", "[2]", "[1,2]" },
    { ADD_INT, NULL, "5", NULL, "5" },
    { ADD_INT, "1", "2", "-4", "-1" },
    { ADD_NUM, "1", "2", NULL, "3" },
    { ADD_NUM, "1", "0.5", "2", "3.5" },
    { ADD_NUM, "9223372036854775807", "1", NULL, "9.223372036854776e+18" },
    { MERGE, NULL, "{\"a\":1}", NULL, "{\"a\":1}" },
    { MERGE, "{\"a\":1,\"b\":2}", "{\"b\":{\"x\":1}}", "{\"c\":3}",
      "{\"a\":1,\"b\":{\"x\":1},\"c\":3}" },
    { MAX_INT, NULL, "-5", NULL, "-5" },
    { MAX_INT, "3", "2", "4", "4" },
    { MAX_INT, "9007199254740992", "9007199254740993", NULL, "9007199254740993" },
    { MIN_NUM, "3", "2.5", "2.75", "2.5" },
    { MIN_NUM, NULL, "3", "3.0", "3" },
    { MAX_STR, "\"b\"", "\"a\"", NULL, "\"b\"" },
    { MAX_STR, "\"b\"", "\"ba\"", NULL, "\"ba\"" },
    { APPEND, "[1]", "{\"__overwrite__\":[9]}", NULL, "[9]" },
    { APPEND, "[1]", "2", "{\"type\":\"__overwrite__\",\"value\":[9]}", "[9]" },
    { APPEND, "[1]", "{\"__overwrite__\":[9]}", "2", "[9]" },
    { APPEND, NULL, "{\"__overwrite__\":[9]}", NULL, "[9]" },
    { APPEND, "[]", "{\"__overwrite__\":[9],\"x\":1}", NULL, "[{\"__overwrite__\":[9],\"x\":1}]" },
    { ADD_INT, "1", "{\"__overwrite__\":7}", "100", "7" },
    { MERGE, "{\"a\":1}", "{\"__overwrite__\":{\"b\":2}}", NULL, "{\"b\":2}" },
    { MAX_INT, "9", "{\"__overwrite__\":1}", NULL, "1" },
    { JOINED, NULL, "\"a\"", NULL, "\"a\"" },
    { JOINED, NULL, "\"a\"", "\"b\"", "\"a+b\"" },
    { JOINED, "\"x\"", "\"a\"", "\"b\"", "\"x+a+b\"" },
    { JOINED, "\"x\"", "\"a\"", "{\"__overwrite__\":\"b\"}", "\"b\"" },
};

START_TEST(a_reducer_folds_writes_into_what_the_field_holds)
{
    int field = folds[_i].field;
    if (folds[_i].before != NULL) {
        state_unref(step.state);
        fields[field].initial = value_of(folds[_i].before);
        ck_assert_int_eq(state_new(&graph, &step.state), 0);
    }
    struct state *old = state_ref(step.state);
    writes("a", field, folds[_i].a);
    if (folds[_i].b != NULL)
        writes("b", field, folds[_i].b);
    apply();
    expect_field(field, folds[_i].after);
    step.state = (state_unref(step.state), old); /* the version before has not changed */
    expect_field(field, folds[_i].before);
}
END_TEST

static const struct {
    int field;
    const char *json;
    const char *text; /* what follows the writer and the field */
} wrong_types[] = {
    { STRING, "{}", "expected string, found object" },
    { STRING, "null", "expected string, found null" },
    { NUMBER, "\"1\"", "expected number, found string" },
    { INTEGER, "1.5", "expected integer, found number" },
    { BOOLEAN, "0", "expected boolean, found integer" },
    { OBJECT, "[]", "expected object, found array" },
    { ARRAY, "{}", "expected array, found object" },
    { ADD_INT, "1.0", "expected integer, found number" },
    { ADD_NUM, "true", "expected number, found boolean" },
    { MERGE, "[1]", "expected object, found array" },
    { MAX_INT, "\"x\"", "expected integer, found string" },
    { MIN_NUM, "{}", "expected number, found object" },
    { MAX_STR, "1", "expected string, found integer" },
    { APPEND, "{\"__overwrite__\":1}", "expected array, found integer" },
    { ADD_INT, "{\"__overwrite__\":\"x\"}", "expected integer, found string" },
    { MESSAGES, "1",
      "a message is a string, a pair of role and content, or an object, found integer" },
};

START_TEST(a_wrong_type_names_node_field_expected_and_found)
{
    char message[200];
    snprintf(message, sizeof(message), "node \"law\" wrote field \"%s\": %s",
             fields[wrong_types[_i].field].name, wrong_types[_i].text);
    writes("law", wrong_types[_i].field, wrong_types[_i].json);
    expect_refused(FAIL_INVALID_UPDATE, message);
}
END_TEST

START_TEST(a_wrong_type_in_the_input_is_an_input_error)
{
    char message[200];
    snprintf(message, sizeof(message), "input field \"%s\": %s", fields[wrong_types[_i].field].name,
             wrong_types[_i].text);
    writes("__start__", wrong_types[_i].field, wrong_types[_i].json);
    expect_refused(FAIL_INPUT, message);
}
END_TEST

START_TEST(two_writers_of_a_replaced_field_are_refused_even_if_they_agree)
{
    writes("a", STRING, "\"same\"");
    writes("b", STRING, "\"same\"");
    expect_refused(FAIL_INVALID_UPDATE,
                   "field \"string\" was written by nodes \"a\" and \"b\" in one step; give it a "
                   "reducer to take several writes (INVALID_CONCURRENT_GRAPH_UPDATE)");
    expect_field(STRING, NULL);
    writes("a", STRING, "\"again\""); /* the state is still of use */
    apply();
    expect_field(STRING, "\"again\"");
}
END_TEST

START_TEST(one_task_writing_a_replaced_field_twice_is_refused)
{
    writes("a", STRING, "\"x\"");
    writes("a", STRING, "\"y\"");
    expect_refused(
        FAIL_INVALID_UPDATE,
        "node \"a\" wrote field \"string\": written twice in one step; give it a reducer "
        "to take several writes (INVALID_CONCURRENT_GRAPH_UPDATE)");
}
END_TEST

START_TEST(two_overwrites_in_a_step_are_refused)
{
    writes("a", APPEND, "{\"__overwrite__\":[]}");
    writes("b", APPEND, "{\"__overwrite__\":[]}");
    expect_refused(FAIL_INVALID_UPDATE,
                   "field \"append\" was overwritten by nodes \"a\" and \"b\" in one step; one "
                   "overwrite is allowed");
}
END_TEST

START_TEST(writes_are_applied_in_the_order_given)
{
    writes("n1", APPEND, "1");
    writes("n1", APPEND, "[2]");
    writes("n10", APPEND, "3");
    writes("n2", APPEND, "[4,5]");
    apply();
    expect_field(APPEND, "[1,2,3,4,5]");
}
END_TEST

START_TEST(a_state_is_the_fold_of_all_writes_until_an_overwrite)
{
    for (int i = 0; i < 3; i++) {
        writes("a", ADD_INT, "1");
        writes("b", ADD_INT, "10");
        writes("b", APPEND, "0");
        apply();
    }
    expect_field(ADD_INT, "33");
    expect_field(APPEND, "[0,0,0]");
    writes("a", ADD_INT, "{\"__overwrite__\":5}");
    writes("b", ADD_INT, "100");
    apply();
    expect_field(ADD_INT, "5");
    writes("a", ADD_INT, "1");
    apply();
    expect_field(ADD_INT, "6");
}
END_TEST

static const struct {
    int field;
    const char *a;
    const char *b;
    const char *message;
} sums[] = {
    { ADD_INT, "9223372036854775807", "1",
      "node \"b\" wrote field \"add_int\": the sum is too large for a 64-bit integer" },
    { ADD_INT, "-9223372036854775808", "-1",
      "node \"b\" wrote field \"add_int\": the sum is too large for a 64-bit integer" },
    { ADD_NUM, "1e308", "1e308",
      "node \"b\" wrote field \"add_num\": the sum is too large for a number" },
};

START_TEST(a_sum_that_is_no_number_of_the_type_is_refused)
{
    writes("a", sums[_i].field, sums[_i].a);
    writes("b", sums[_i].field, sums[_i].b);
    expect_refused(FAIL_INVALID_UPDATE, sums[_i].message);
}
END_TEST

START_TEST(nothing_is_appended_to_what_is_no_array)
{
    writes("a", APPEND_ANY, "{\"__overwrite__\":\"text\"}");
    apply();
    expect_field(APPEND_ANY, "\"text\"");
    writes("b", APPEND_ANY, "1");
    expect_refused(FAIL_INVALID_UPDATE, "node \"b\" wrote field \"append_any\": cannot append to "
                                        "the string that the field holds");
}
END_TEST

START_TEST(messages_take_every_form_and_keep_ids)
{
    writes("a", MESSAGES, "{\"role\":\"user\",\"content\":\"hi\",\"id\":\"1\"}");
    writes("b", MESSAGES, "[[\"ai\",\"yes\"]]");
    apply();
    json_t *list = value_json(state_get(step.state, MESSAGES));
    ck_assert_uint_eq(json_array_size(list), 2);
    json_t *first = json_array_get(list, 0);
    writes("c", MESSAGES, "{\"__overwrite__\":\"fresh\"}");
    writes("d", MESSAGES, "\"discarded\"");
    struct state *old = state_ref(step.state);
    apply();
    list = value_json(state_get(step.state, MESSAGES));
    ck_assert_uint_eq(json_array_size(list), 1);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "content")),
                     "fresh");
    ck_assert_str_eq(json_string_value(json_object_get(first, "type")), "human");
    state_unref(old);
}
END_TEST

START_TEST(a_refused_removal_names_the_node_that_wrote_it)
{
    writes("a", MESSAGES, "{\"type\":\"human\",\"content\":\"x\",\"id\":\"1\"}");
    writes("b", MESSAGES, "{\"type\":\"remove\",\"id\":\"1\"}");
    writes("c", MESSAGES, "{\"type\":\"remove\",\"id\":\"1\"}");
    expect_refused(FAIL_INVALID_UPDATE, "node \"c\" wrote field \"messages\": a remove message "
                                        "names the id \"1\", which no message of the list has");
    ck_assert_str_eq(step.f.node, "c");
    expect_field(MESSAGES, NULL);
}
END_TEST

/* Numbers that look thrown, the same ones in every run: 0 .. below-1. */
static unsigned throw(unsigned below)
{
    static unsigned long long seed = 1;
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

/* A message with one of few ids or none, a removal of one of those, or the removal of all. */
static json_t *thrown_message(int serial)
{
    char id[] = { (char)('a' + throw(5)), '\0' };
    switch (throw(12)) {
    case 0:
        return json_pack("{s:s,s:s}", "type", "remove", "id", "__remove_all__");
    case 1:
        return json_pack("{s:s,s:o}", "role", "user", "content", json_sprintf("%d", serial));
    case 2:
    case 3:
        return json_pack("{s:s,s:s}", "type", "remove", "id", id);
    default:
        return json_pack("{s:s,s:s,s:o}", "type", "human", "id", id, "content",
                         json_sprintf("%d", serial));
    }
}

static json_t *thrown_write(int *serial)
{
    if (throw(2) == 0)
        return thrown_message((*serial)++);
    json_t *list = json_array();
    for (unsigned left = throw(5); left > 0; left--)
        json_array_append_new(list, thrown_message((*serial)++));
    return list;
}

/* A list as "a:3 ?:4", ? for an id that was made up; `text` has room for it. */
static void describe_messages(const struct state *s, char *text)
{
    struct value *held = state_get(s, MESSAGES);
    size_t i;
    json_t *message;
    text[0] = '\0';
    json_array_foreach(held == NULL ? NULL : value_json(held), i, message) {
        const char *id = json_string_value(json_object_get(message, "id"));
        strcat(text, strlen(id) == 1 ? id : "?");
        strcat(strcat(text, ":"), json_string_value(json_object_get(message, "content")));
        strcat(text, " ");
    }
}

/* As many steps as u has writes; where one is refused, it ends. Takes s; a new version, or NULL. */
static struct state *applied_one_by_one(struct state *s, const struct update *u, struct fail *f)
{
    for (size_t i = 0; i < u->count; i++) {
        const struct update one = { .writes = &u->writes[i], .count = 1 };
        const struct task_writes task = { "a", &one };
        struct state *next = NULL;
        ck_assert_int_ge(state_apply(s, &task, 1, &wide, &next, NULL, f), 0);
        state_unref(s);
        if (next == NULL)
            return NULL;
        s = next;
    }
    return s;
}

/* Does the step go through? Then the state goes on from it. */
static bool expect_same_as_one_by_one(const struct update *u)
{
    const struct task_writes task = { "a", u };
    struct fail one_by_one = { 0 }, at_once = { 0 };
    struct state *next = NULL;
    char text[1000] = "", wanted[1000] = "";
    struct state *single = applied_one_by_one(state_ref(step.state), u, &one_by_one);
    ck_assert_int_ge(state_apply(step.state, &task, 1, &wide, &next, NULL, &at_once), 0);
    ck_assert((single == NULL) == (next == NULL));
    if (next == NULL) {
        ck_assert_str_eq(fail_message(&at_once), fail_message(&one_by_one));
    } else {
        describe_messages(next, text);
        describe_messages(single, wanted);
        ck_assert_str_eq(text, wanted);
        state_unref(step.state);
        step.state = state_ref(next);
    }
    fail_clear(&one_by_one);
    fail_clear(&at_once);
    state_unref(single);
    state_unref(next);
    return text[0] != '\0';
}

START_TEST(messages_written_in_one_step_are_as_if_each_had_a_step_of_its_own)
{
    int serial = 0, passed = 0;
    for (int round = 0; round < 3000; round++) {
        struct update u;
        update_init(&u);
        for (unsigned left = 1 + throw(6); left > 0; left--) {
            struct value *value;
            ck_assert_int_eq(value_new_take(thrown_write(&serial), &value), 0);
            ck_assert_int_eq(update_add_take(&u, MESSAGES, value), 0);
        }
        passed += expect_same_as_one_by_one(&u);
        update_clear(&u);
    }
    ck_assert_int_gt(passed, 500); /* not nearly all of them refused */
}
END_TEST

enum { MANY_WRITES = 20000 };

static json_t *added(int i)
{
    return json_pack("{s:s,s:s,s:o}", "type", "human", "content", "x", "id", json_sprintf("%d", i));
}

static json_t *removed(int i)
{
    return json_pack("{s:s,s:o}", "type", "remove", "id", json_sprintf("%d", i));
}

static json_t *cleared(int i)
{
    return json_pack("[{s:s,s:s},o]", "type", "remove", "id", "__remove_all__", added(i));
}

static void apply_many(json_t *(*make)(int i))
{
    const struct state_limits roomy = { .max_bytes = 100 << 20, .max_depth = 64 };
    for (int i = 0; i < MANY_WRITES; i++) {
        struct value *value;
        ck_assert_int_eq(value_new_take(make(i), &value), 0);
        writes_value("a", MESSAGES, value);
    }
    ck_assert_int_eq(apply_within(&roomy), 0);
}

static void expect_count(size_t count)
{
    ck_assert_uint_eq(json_array_size(value_json(state_get(step.state, MESSAGES))), count);
}

/* Quadratic work here takes minutes. */
START_TEST(many_writes_of_messages_in_a_step_come_to_an_end)
{
    apply_many(added);
    expect_count(MANY_WRITES);
    apply_many(added); /* replaced by id */
    expect_count(MANY_WRITES);
    apply_many(removed);
    expect_count(0);
    apply_many(added);
    apply_many(cleared);
    expect_count(1);
}
END_TEST

START_TEST(unchanged_values_and_elements_are_shared_between_versions)
{
    writes("a", ANY, "{\"x\":1}");
    writes("a", APPEND, "[{\"y\":1}]");
    writes("a", MERGE, "{\"k\":[1]}");
    apply();
    struct state *old = state_ref(step.state);
    struct value *written = value_of("\"new\"");
    struct update u;
    update_init(&u);
    ck_assert_int_eq(update_add_take(&u, STRING, value_ref(written)), 0);
    ck_assert_int_eq(update_add_take(&u, APPEND, value_of("2")), 0);
    ck_assert_int_eq(update_add_take(&u, MERGE, value_of("{\"l\":2}")), 0);
    step.tasks[0] = (struct task_writes){ "b", &u };
    struct state *next = NULL;
    ck_assert_int_eq(state_apply(old, step.tasks, 1, &wide, &next, NULL, &step.f), 0);
    ck_assert_ptr_eq(state_get(next, STRING), written);
    ck_assert_ptr_eq(state_get(next, ANY), state_get(old, ANY));
    ck_assert_ptr_eq(json_array_get(value_json(state_get(next, APPEND)), 0),
                     json_array_get(value_json(state_get(old, APPEND)), 0));
    const json_t *shared = json_object_get(value_json(state_get(old, MERGE)), "k");
    ck_assert_ptr_eq(json_object_get(value_json(state_get(next, MERGE)), "k"), shared);
    ck_assert_uint_eq(shared->refcount, 2);
    value_unref(written);
    update_clear(&u);
    state_unref(next);
    ck_assert_uint_eq(shared->refcount, 1);
    state_unref(old);
}
END_TEST

START_TEST(changed_marks_the_written_fields_only)
{
    writes("a", STRING, "\"x\"");
    writes("b", APPEND, "[]");
    apply();
    for (int i = 0; i < FIELDS; i++)
        ck_assert_int_eq(step.changed[i], i == STRING || i == APPEND);
    apply();
    for (int i = 0; i < FIELDS; i++)
        ck_assert(!step.changed[i]);
    expect_field(STRING, "\"x\"");
}
END_TEST

START_TEST(depth_is_limited_in_what_the_field_would_hold)
{
    const struct state_limits flat = { .max_bytes = 1000, .max_depth = 2 };
    writes("a", ANY, "[[1]]");
    writes("a", APPEND, "{\"x\":1}");
    writes("a", MERGE, "{\"__overwrite__\":{\"x\":[]}}");
    ck_assert_int_eq(apply_within(&flat), 0);
    static const struct {
        int field;
        const char *json;
    } deep[] = { { ANY, "[[[]]]" }, { APPEND, "{\"x\":[]}" }, { MERGE, "{\"y\":[[]]}" } };
    for (size_t i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
        writes("a", deep[i].field, deep[i].json);
        ck_assert_int_eq(apply_within(&flat), STATE_E_REFUSED);
        ck_assert_int_eq(step.f.code, FAIL_LIMIT);
        ck_assert_ptr_nonnull(strstr(fail_message(&step.f), "nested deeper than 2 levels"));
    }
}
END_TEST

START_TEST(bytes_are_limited_over_all_fields_and_given_back)
{
    const struct state_limits tight = { .max_bytes = 12, .max_depth = 64 };
    writes("a", STRING, "\"1234\""); /* 6 bytes */
    writes("a", ANY, "\"1234\"");
    ck_assert_int_eq(apply_within(&tight), 0);
    writes("a", INTEGER, "1");
    ck_assert_int_eq(apply_within(&tight), STATE_E_REFUSED);
    ck_assert_int_eq(step.f.code, FAIL_LIMIT);
    ck_assert_str_eq(fail_message(&step.f), "the state would take more than the 12 bytes allowed");
    writes("a", ANY, "\"123\"");
    writes("a", INTEGER, "1");
    ck_assert_int_eq(apply_within(&tight), 0);
}
END_TEST

START_TEST(room_is_given_back_before_it_is_taken)
{
    const struct state_limits tight = { .max_bytes = 12, .max_depth = 64 };
    writes("a", ANY, "\"12345678\"");
    ck_assert_int_eq(apply_within(&tight), 0);
    writes("a", STRING, "\"12345678\""); /* declared before the field that shrinks */
    writes("a", ANY, "1");
    ck_assert_int_eq(apply_within(&tight), 0);
}
END_TEST

/* Lists inside lists that all are the same one: little memory, but 10 to the 12th bytes of text. */
static json_t *same_list_many_times(void)
{
    json_t *json = json_string("x");
    for (int level = 0; level < 12; level++) {
        json_t *list = json_array();
        for (int i = 0; i < 10; i++)
            json_array_append(list, json);
        json_decref(json);
        json = list;
    }
    return json;
}

START_TEST(a_value_that_shares_its_parts_is_not_written_out_past_the_limit)
{
    static const int shared[] = { ANY, APPEND };
    const struct state_limits limits = { .max_bytes = 1000, .max_depth = 64 };
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
        struct value *value;
        ck_assert_int_eq(value_new_take(same_list_many_times(), &value), 0);
        writes_value("a", shared[i], value);
        ck_assert_int_eq(apply_within(&limits), STATE_E_REFUSED);
        ck_assert_int_eq(step.f.code, FAIL_LIMIT);
    }
}
END_TEST

START_TEST(a_write_that_the_reducer_drops_is_measured_too)
{
    const struct state_limits tight = { .max_bytes = 30, .max_depth = 64 };
    writes("a", MERGE, "{\"x\":\"12345678901234567890123\"}");
    writes("b", MERGE, "{\"x\":1}");
    ck_assert_int_eq(apply_within(&tight), STATE_E_REFUSED);
    ck_assert_int_eq(step.f.code, FAIL_LIMIT);
}
END_TEST

static void expect_encoded(enum state_view view, const char *expected)
{
    struct buf b;
    buf_init(&b, 1000);
    state_encode(step.state, view, &b);
    ck_assert_int_eq(b.fault, 0);
    ck_assert_str_eq(buf_text(&b), expected);
    buf_deinit(&b);
}

START_TEST(a_state_is_printed_in_declared_order_without_absent_fields)
{
    expect_encoded(VIEW_ALL, "{}");
    writes("a", ANY, "null");
    writes("a", INTEGER, "1");
    writes("a", STRING, "\"x\"");
    apply();
    expect_encoded(VIEW_ALL, "{\"string\":\"x\",\"integer\":1,\"any\":null}");
    expect_encoded(VIEW_OUTPUT, "{\"string\":\"x\",\"any\":null}");
}
END_TEST

START_TEST(a_full_buffer_keeps_its_fault)
{
    writes("a", STRING, "\"a longer text\"");
    apply();
    struct buf b;
    buf_init(&b, 10);
    state_encode(step.state, VIEW_ALL, &b);
    ck_assert_int_eq(b.fault, BUF_E_FULL);
    buf_deinit(&b);
}
END_TEST

static const struct {
    const char *object;
    const char *printed;
} objects[] = {
    { "{}", "{}" },
    { "{\"unknown\":1}", "{}" },
    { "{\"string\":\"x\"}", "{\"string\":\"x\"}" },
    { "{\"any\":1,\"unknown\":2,\"string\":3}", "{\"any\":1,\"string\":3}" },
};

static void expect_update(const struct update *u, const char *expected)
{
    struct buf b;
    buf_init(&b, 1000);
    update_encode(u, &graph, VIEW_SHOWN, &b);
    ck_assert_int_eq(b.fault, 0);
    ck_assert_str_eq(buf_text(&b), expected);
    buf_deinit(&b);
}

START_TEST(an_object_becomes_writes_of_the_known_fields)
{
    json_t *object = json_loads(objects[_i].object, 0, NULL);
    struct update u;
    update_init(&u);
    ck_assert_int_eq(update_add_object(&u, &graph, object), 0);
    json_decref(object);
    expect_update(&u, objects[_i].printed);
    update_clear(&u);
}
END_TEST

START_TEST(a_field_written_twice_prints_an_array_of_updates)
{
    struct update u, moved;
    update_init(&u);
    update_init(&moved);
    ck_assert_int_eq(update_add_take(&moved, ANY, value_of("0")), 0);
    ck_assert_int_eq(update_add_take(&u, APPEND, value_of("1")), 0);
    ck_assert_int_eq(update_add_take(&u, STRING, value_of("\"x\"")), 0);
    ck_assert_int_eq(update_add_take(&u, APPEND, value_of("2")), 0);
    update_move(&moved, &u);
    ck_assert_uint_eq(u.count, 0);
    expect_update(&u, "{}");
    expect_update(&moved, "[{\"append\":1},{\"string\":\"x\"},{\"append\":2}]");
    update_clear(&moved);
}
END_TEST

START_TEST(every_failing_allocation_of_a_step_is_a_fault)
{
    writes("a", STRING, "\"s\"");
    writes("a", APPEND, "[1]");
    writes("a", MERGE, "{\"a\":1}");
    apply();
    writes("a", STRING, "\"t\"");
    writes("a", APPEND, "[2]");
    writes("b", APPEND, "{\"__overwrite__x\":2}");
    writes("b", MERGE, "{\"b\":1}");
    writes("b", ADD_INT, "1");
    writes("b", MESSAGES, "\"hi\"");
    writes("b", MESSAGES, "{\"role\":\"user\",\"content\":\"x\",\"id\":\"1\"}");
    writes("b", MESSAGES, "{\"type\":\"remove\",\"id\":\"1\"}");
    writes("c", ADD_INT, "1");
    writes("c", MAX_INT, "1");
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        /* Bytes that a failed try has made stay with their values, so a try makes fewer and fewer.
         */
        struct state *next = NULL;
        mem_fail_at(n);
        int r =
            state_apply(step.state, step.tasks, step.count, &wide, &next, step.changed, &step.f);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(is_pending ? r == 0 : r < 0, "allocation %lu gave %d", n, r);
        ck_assert(!fail_is_set(&step.f));
        state_unref(next);
    }
}
END_TEST

START_TEST(every_failing_allocation_of_a_new_state_is_a_fault)
{
    fields[STRING].initial = value_of("\"x\"");
    fields[APPEND].initial = value_of("[]");
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        struct state *s = NULL;
        mem_fail_at(n);
        int r = state_new(&graph, &s);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(is_pending ? r == 0 : r < 0);
        state_unref(s);
    }
}
END_TEST

START_TEST(every_failing_allocation_of_an_update_is_a_fault)
{
    json_t *object =
        json_loads("{\"string\":1,\"any\":2,\"array\":3,\"number\":4,\"append\":5}", 0, NULL);
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        struct update u;
        struct buf b;
        update_init(&u);
        buf_init(&b, 1000);
        mem_fail_at(n);
        int r = update_add_object(&u, &graph, object);
        if (r == 0)
            update_encode(&u, &graph, VIEW_SHOWN, &b);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(is_pending ? r == 0 && b.fault == 0 : r < 0 || b.fault < 0);
        update_clear(&u);
        buf_deinit(&b);
    }
    json_decref(object);
}
END_TEST

static const struct {
    const char *writer;
    const char *json;
    const char *message;
    enum fail_code code;
    const char *node;
} refusals[] = {
    { "a", "\"!\"", "+ refuses !", FAIL_NODE, "a" },
    { "a", "\"?\"", "+ refuses ?", FAIL_LIMIT, "a" },
    { "__start__", "\"!\"", "+ refuses !", FAIL_NODE, NULL },
    { "a", "1", "node \"a\" wrote field \"joined\": expected string, found integer",
      FAIL_INVALID_UPDATE, "a" },
    { "a", "{\"__overwrite__\":1}",
      "node \"a\" wrote field \"joined\": expected string, found integer", FAIL_INVALID_UPDATE,
      "a" },
};

START_TEST(a_reducer_function_refuses_with_its_own_words_and_gives_the_fields_type)
{
    writes(refusals[_i].writer, JOINED, refusals[_i].json);
    expect_refused(refusals[_i].code, refusals[_i].message);
    ck_assert_pstr_eq(step.f.node, refusals[_i].node);
    expect_field(JOINED, NULL);
}
END_TEST

/* The writes at the end of a step. */
static void end_step(void)
{
    struct state *next = NULL;
    ck_assert_int_eq(
        state_apply_step(step.state, step.tasks, step.count, &wide, &next, step.changed, &step.f),
        0);
    clear_writes();
    state_unref(step.state);
    step.state = next;
}

START_TEST(a_field_that_lives_for_a_step_is_gone_after_it)
{
    fields[STEP].initial = value_of("\"before\"");
    step.state = state_unref(step.state);
    ck_assert_int_eq(state_new(&graph, &step.state), 0);
    writes("a", STEP, "\"seen once\"");
    writes("a", STRING, "\"stays\"");
    end_step();
    expect_field(STEP, "\"seen once\"");
    struct state *old = state_ref(step.state);
    end_step();
    expect_field(STEP, "\"before\"");
    expect_field(STRING, "\"stays\"");
    ck_assert(!step.changed[STEP]);
    step.state = (state_unref(step.state), old); /* the version before has not changed */
    expect_field(STEP, "\"seen once\"");
}
END_TEST

START_TEST(a_field_that_lives_for_a_step_stays_while_the_step_is_not_over)
{
    writes("a", STEP, "1");
    end_step();
    writes("a", STRING, "\"x\"");
    apply();
    expect_field(STEP, "1");
}
END_TEST

START_TEST(a_reducer_does_not_go_on_from_what_has_had_its_step)
{
    writes("a", STEP_SUM, "1");
    writes("b", STEP_SUM, "2");
    end_step();
    expect_field(STEP_SUM, "3");
    writes("a", STEP_SUM, "4");
    end_step();
    expect_field(STEP_SUM, "4");
    end_step();
    expect_field(STEP_SUM, NULL);
}
END_TEST

START_TEST(what_expires_gives_its_bytes_back)
{
    const struct state_limits tight = { .max_bytes = 12, .max_depth = 64 };
    struct state *next = NULL;
    writes("a", STEP, "\"12345678\"");
    end_step();
    writes("a", STRING, "\"12345678\"");
    ck_assert_int_eq(
        state_apply_step(step.state, step.tasks, step.count, &tight, &next, NULL, &step.f), 0);
    state_unref(next);
}
END_TEST

/* In place of step.state. */
static int restore(const char *object)
{
    struct update values;
    json_t *json = json_loads(object, 0, NULL);
    update_init(&values);
    int r = update_add_object(&values, &graph, json);
    step.state = state_unref(step.state);
    if (r == 0)
        r = state_restore(&graph, &values, &step.state);
    update_clear(&values);
    json_decref(json);
    return r;
}

START_TEST(a_stored_version_comes_back_without_reducers)
{
    const struct state_limits tight = { .max_bytes = 30, .max_depth = 64 };
    fields[APPEND].initial = value_of("[0]");
    fields[STRING].initial = value_of("\"initial\"");
    ck_assert_int_eq(
        restore("{\"append\":[1],\"any\":{\"__overwrite__\":1},\"step\":2,\"joined\":\"j\"}"), 0);
    expect_field(APPEND, "[1]");
    expect_field(STRING, "\"initial\"");
    expect_field(ANY, "{\"__overwrite__\":1}");
    expect_field(STEP, "2");
    expect_field(JOINED, "\"j\"");
    writes("a", INTEGER, "1");
    ck_assert_int_eq(apply_within(&tight), STATE_E_REFUSED); /* its bytes are counted */
}
END_TEST

static const struct {
    int field;
    const char *stored;
    const char *write;
} retyped[] = {
    { APPEND, "{\"append\":{}}", "1" },     { ADD_INT, "{\"add_int\":\"x\"}", "1" },
    { MERGE, "{\"merge\":[]}", "{}" },      { MAX_STR, "{\"max_str\":1}", "\"x\"" },
    { MIN_NUM, "{\"min_num\":null}", "1" }, { MESSAGES, "{\"messages\":1}", "\"hi\"" },
    { JOINED, "{\"joined\":[]}", "\"x\"" },
};

START_TEST(a_stored_value_of_another_type_is_refused_by_the_reducer_until_overwritten)
{
    ck_assert_int_eq(restore(retyped[_i].stored), 0);
    writes("a", retyped[_i].field, retyped[_i].write);
    ck_assert_int_eq(apply_within(&wide), STATE_E_REFUSED);
    ck_assert_int_eq(step.f.code, FAIL_INVALID_UPDATE);
    ck_assert_ptr_nonnull(strstr(fail_message(&step.f), "overwrite it"));
    char text[100];
    snprintf(text, sizeof(text), "{\"__overwrite__\":%s}",
             retyped[_i].field == APPEND ? "[1]" : retyped[_i].write);
    writes("a", retyped[_i].field, text);
    apply();
}
END_TEST

START_TEST(every_failing_allocation_of_a_restored_state_is_a_fault)
{
    bool is_pending = false;
    fields[STRING].initial = value_of("\"x\"");
    for (unsigned long n = 1; !is_pending; n++) {
        struct update values;
        json_t *json = json_loads("{\"append\":[1],\"string\":\"y\"}", 0, NULL);
        struct state *s = NULL;
        update_init(&values);
        ck_assert_int_eq(update_add_object(&values, &graph, json), 0);
        mem_fail_at(n);
        int r = state_restore(&graph, &values, &s);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(is_pending ? r == 0 : r < 0);
        state_unref(s);
        update_clear(&values);
        json_decref(json);
    }
}
END_TEST

START_TEST(every_failing_allocation_of_an_expiry_is_a_fault)
{
    bool is_pending = false;
    writes("a", STEP, "[1]");
    writes("a", JOINED, "\"x\"");
    end_step();
    writes("a", JOINED, "\"y\"");
    writes("b", JOINED, "\"z\"");
    for (unsigned long n = 1; !is_pending; n++) {
        struct state *next = NULL;
        mem_fail_at(n);
        int r = state_apply_step(step.state, step.tasks, step.count, &wide, &next, NULL, &step.f);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert(is_pending ? r == 0 : r < 0);
        state_unref(next);
    }
    ck_assert(!fail_is_set(&step.f));
}
END_TEST

START_TEST(lives_and_reducers_have_words)
{
    static const char *const words[] = { "thread", "step", "run" };
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(field_life_name((enum field_life)i), words[i]);
        ck_assert_int_eq(field_life_find(words[i]), i);
    }
    ck_assert_int_eq(field_life_find("for ever"), -1);
    ck_assert_str_eq(reducer_name(REDUCE_FUNCTION), "function");
    ck_assert_int_eq(reducer_find("function"), -1);
}
END_TEST

#define LOOP(tc, test, table)                                                                      \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(table[0])))

int main(void)
{
    mem_init();
    Suite *suite = suite_create("state");
    TCase *tc = tcase_create("state");
    tcase_add_checked_fixture(tc, setup, teardown);
    LOOP(tc, a_reducer_folds_writes_into_what_the_field_holds, folds);
    LOOP(tc, a_wrong_type_names_node_field_expected_and_found, wrong_types);
    LOOP(tc, a_wrong_type_in_the_input_is_an_input_error, wrong_types);
    tcase_add_test(tc, two_writers_of_a_replaced_field_are_refused_even_if_they_agree);
    tcase_add_test(tc, one_task_writing_a_replaced_field_twice_is_refused);
    tcase_add_test(tc, two_overwrites_in_a_step_are_refused);
    tcase_add_test(tc, writes_are_applied_in_the_order_given);
    tcase_add_test(tc, a_state_is_the_fold_of_all_writes_until_an_overwrite);
    LOOP(tc, a_sum_that_is_no_number_of_the_type_is_refused, sums);
    tcase_add_test(tc, nothing_is_appended_to_what_is_no_array);
    tcase_add_test(tc, messages_take_every_form_and_keep_ids);
    tcase_add_test(tc, a_refused_removal_names_the_node_that_wrote_it);
    tcase_add_test(tc, messages_written_in_one_step_are_as_if_each_had_a_step_of_its_own);
    tcase_add_test(tc, unchanged_values_and_elements_are_shared_between_versions);
    tcase_add_test(tc, changed_marks_the_written_fields_only);
    tcase_add_test(tc, depth_is_limited_in_what_the_field_would_hold);
    tcase_add_test(tc, bytes_are_limited_over_all_fields_and_given_back);
    tcase_add_test(tc, room_is_given_back_before_it_is_taken);
    tcase_add_test(tc, a_value_that_shares_its_parts_is_not_written_out_past_the_limit);
    tcase_add_test(tc, a_write_that_the_reducer_drops_is_measured_too);
    tcase_add_test(tc, a_state_is_printed_in_declared_order_without_absent_fields);
    tcase_add_test(tc, a_full_buffer_keeps_its_fault);
    LOOP(tc, an_object_becomes_writes_of_the_known_fields, objects);
    tcase_add_test(tc, a_field_written_twice_prints_an_array_of_updates);
    tcase_add_test(tc, every_failing_allocation_of_a_step_is_a_fault);
    tcase_add_test(tc, every_failing_allocation_of_a_new_state_is_a_fault);
    tcase_add_test(tc, every_failing_allocation_of_an_update_is_a_fault);
    LOOP(tc, a_reducer_function_refuses_with_its_own_words_and_gives_the_fields_type, refusals);
    tcase_add_test(tc, a_field_that_lives_for_a_step_is_gone_after_it);
    tcase_add_test(tc, a_field_that_lives_for_a_step_stays_while_the_step_is_not_over);
    tcase_add_test(tc, a_reducer_does_not_go_on_from_what_has_had_its_step);
    tcase_add_test(tc, what_expires_gives_its_bytes_back);
    tcase_add_test(tc, a_stored_version_comes_back_without_reducers);
    LOOP(tc, a_stored_value_of_another_type_is_refused_by_the_reducer_until_overwritten, retyped);
    tcase_add_test(tc, every_failing_allocation_of_a_restored_state_is_a_fault);
    tcase_add_test(tc, every_failing_allocation_of_an_expiry_is_a_fault);
    tcase_add_test(tc, lives_and_reducers_have_words);
    suite_add_tcase(suite, tc);
    TCase *large = tcase_create("large");
    tcase_set_timeout(large, 60);
    tcase_add_checked_fixture(large, setup, teardown);
    tcase_add_test(large, many_writes_of_messages_in_a_step_come_to_an_end);
    suite_add_tcase(suite, large);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
