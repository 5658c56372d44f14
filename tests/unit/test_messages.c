/* Message forms and the reducer of message lists. Expectations are written as JSON and compared as
 * values. */
#include "base/id.h"
#include "base/mem.h"
#include "graph/messages.h"
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *load(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    ck_assert_msg(json != NULL, "%s in %s", error.text, text);
    return json;
}

/* Takes both. */
static void expect_equal(json_t *found, const char *expected)
{
    json_t *wanted = load(expected);
    char *text = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);
    ck_assert_msg(json_equal(found, wanted), "%s instead of %s", text, expected);
    free(text);
    json_decref(wanted);
    json_decref(found);
}

static json_t *coerce(const json_t *any)
{
    struct fail f = { 0 };
    json_t *made = NULL;
    int r = message_coerce(any, &made, &f);
    ck_assert_msg(r == 0, "refused: %s", r > 0 ? fail_message(&f) : "fault");
    return made;
}

static json_t *coerce_text(const char *text)
{
    json_t *any = load(text);
    json_t *made = coerce(any);
    json_decref(any);
    return made;
}

#define BARE  "\"additional_kwargs\":{},\"response_metadata\":{},"
#define CALLS "\"tool_calls\":[],\"invalid_tool_calls\":[],"

static const struct {
    const char *any;
    const char *flat;
} forms[] = {
    { "{\"role\":\"user\",\"content\":\"hi\",\"id\":\"1\"}",
      "{\"content\":\"hi\"," BARE "\"id\":\"1\",\"type\":\"human\"}" },
    { "{\"role\":\"human\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},\"you\"],\"id\":\"1\"}",
      "{\"content\":[{\"type\":\"text\",\"text\":\"hi\"},\"you\"]," BARE
      "\"id\":\"1\",\"type\":\"human\"}" },
    { "{\"type\":\"human\",\"content\":\"hi\",\"id\":7,\"name\":null}",
      "{\"content\":\"hi\"," BARE "\"id\":\"7\",\"type\":\"human\"}" },
    { "{\"role\":\"user\",\"type\":\"ai\",\"content\":\"hi\",\"id\":\"1\"}",
      "{\"content\":\"hi\"," BARE "\"id\":\"1\",\"type\":\"human\"}" },
    { "{\"role\":\"remove\",\"id\":\"1\"}",
      "{\"content\":\"\"," BARE "\"id\":\"1\",\"type\":\"remove\"}" },
    { "{\"type\":\"ai\",\"content\":[],\"id\":\"1\",\"name\":\"poet\"}",
      "{\"content\":[]," BARE CALLS "\"name\":\"poet\",\"id\":\"1\",\"type\":\"ai\"}" },
    { "{\"role\":\"assistant\",\"content\":null,\"id\":\"1\"}",
      "{\"content\":\"\"," BARE CALLS "\"id\":\"1\",\"type\":\"ai\"}" },
    { "{\"type\":\"AIMessageChunk\",\"content\":\"x\",\"id\":\"1\",\"tool_call_chunks\":[],"
      "\"usage_metadata\":{\"input_tokens\":1}}",
      "{\"content\":\"x\"," BARE "\"tool_call_chunks\":[]," CALLS
      "\"usage_metadata\":{\"input_tokens\":1},\"id\":\"1\",\"type\":\"ai\"}" },
    { "{\"role\":\"developer\",\"content\":\"be kind\",\"id\":\"1\"}",
      "{\"content\":\"be kind\"," BARE "\"id\":\"1\",\"type\":\"system\"}" },
    { "{\"role\":\"system\",\"content\":\"be kind\",\"name\":\"boss\",\"id\":\"1\"}",
      "{\"content\":\"be kind\"," BARE "\"name\":\"boss\",\"id\":\"1\",\"type\":\"system\"}" },
    { "{\"role\":\"tool\",\"content\":\"15C\",\"tool_call_id\":\"c1\",\"name\":\"weather\",\"id\":"
      "\"1\"}",
      "{\"content\":\"15C\"," BARE "\"tool_call_id\":\"c1\",\"status\":\"success\","
      "\"name\":\"weather\",\"id\":\"1\",\"type\":\"tool\"}" },
    { "{\"type\":\"tool\",\"content\":\"no\",\"tool_call_id\":\"c1\",\"status\":\"error\","
      "\"artifact\":[1],\"id\":\"1\"}",
      "{\"content\":\"no\"," BARE "\"tool_call_id\":\"c1\",\"status\":\"error\",\"artifact\":[1],"
      "\"id\":\"1\",\"type\":\"tool\"}" },
    { "{\"role\":\"function\",\"content\":\"4\",\"name\":\"sum\",\"id\":\"1\"}",
      "{\"content\":\"4\"," BARE "\"name\":\"sum\",\"id\":\"1\",\"type\":\"function\"}" },
    { "{\"type\":\"remove\",\"id\":\"1\"}",
      "{\"content\":\"\"," BARE "\"id\":\"1\",\"type\":\"remove\"}" },
    { "{\"type\":\"human\",\"content\":\"hi\",\"id\":\"1\",\"example\":false,\"tool_calls\":3}",
      "{\"content\":\"hi\"," BARE
      "\"example\":false,\"tool_calls\":3,\"id\":\"1\",\"type\":\"human\"}" },
    { "{\"lc\":1,\"type\":\"constructor\",\"id\":[\"langchain_core\",\"messages\",\"HumanMessage\"]"
      ","
      "\"kwargs\":{\"content\":\"hi\",\"id\":\"1\",\"additional_kwargs\":{\"a\":1}}}",
      "{\"content\":\"hi\",\"additional_kwargs\":{\"a\":1},\"response_metadata\":{},"
      "\"id\":\"1\",\"type\":\"human\"}" },
    { "{\"lc\":1,\"type\":\"constructor\",\"id\":[\"AIMessageChunk\"],"
      "\"kwargs\":{\"content\":\"hi\",\"id\":\"1\"}}",
      "{\"content\":\"hi\"," BARE CALLS "\"id\":\"1\",\"type\":\"ai\"}" },
    { "{\"type\":\"ai\",\"data\":{\"content\":\"hi\",\"id\":\"1\",\"type\":\"ai\"}}",
      "{\"content\":\"hi\"," BARE CALLS "\"id\":\"1\",\"type\":\"ai\"}" },
    { "{\"role\":\"assistant\",\"content\":\"\",\"id\":\"1\",\"tool_calls\":[{\"id\":\"c1\","
      "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]}",
      "{\"content\":\"\"," BARE "\"tool_calls\":[{\"name\":\"f\",\"args\":{\"x\":1},\"id\":\"c1\","
      "\"type\":\"tool_call\"}],\"invalid_tool_calls\":[],\"id\":\"1\",\"type\":\"ai\"}" },
    { "{\"role\":\"assistant\",\"content\":\"\",\"id\":\"1\",\"tool_calls\":["
      "{\"function\":{\"name\":\"f\",\"arguments\":\"\"}},"
      "{\"function\":{\"name\":\"g\",\"arguments\":{\"y\":2}}}]}",
      "{\"content\":\"\"," BARE
      "\"tool_calls\":[{\"name\":\"f\",\"args\":{},\"type\":\"tool_call\"},"
      "{\"name\":\"g\",\"args\":{\"y\":2},\"type\":\"tool_call\"}],\"invalid_tool_calls\":[],"
      "\"id\":\"1\",\"type\":\"ai\"}" },
    { "{\"role\":\"assistant\",\"id\":\"1\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
      "\"function\":{\"name\":\"f\",\"arguments\":\"[1]\"}}]}",
      "{\"content\":\"\"," BARE "\"tool_calls\":[],\"invalid_tool_calls\":[{\"name\":\"f\","
      "\"args\":\"[1]\",\"error\":\"arguments are not a JSON object\",\"id\":\"c1\","
      "\"type\":\"invalid_tool_call\"}],\"id\":\"1\",\"type\":\"ai\"}" },
    { "{\"type\":\"ai\",\"content\":\"\",\"id\":\"1\",\"tool_calls\":[{\"name\":\"f\",\"id\":\"c\"}"
      ","
      "{\"name\":\"g\",\"args\":{},\"id\":\"d\",\"type\":\"tool_call\"}]}",
      "{\"content\":\"\"," BARE "\"tool_calls\":[{\"name\":\"f\",\"id\":\"c\",\"args\":{},"
      "\"type\":\"tool_call\"},{\"name\":\"g\",\"args\":{},\"id\":\"d\",\"type\":\"tool_call\"}],"
      "\"invalid_tool_calls\":[],\"id\":\"1\",\"type\":\"ai\"}" },
};
static const int form_count = sizeof(forms) / sizeof(forms[0]);

START_TEST(every_form_becomes_flat)
{
    expect_equal(coerce_text(forms[_i].any), forms[_i].flat);
}
END_TEST

START_TEST(a_flat_message_stays_as_it_is)
{
    json_t *once = coerce_text(forms[_i].any);
    expect_equal(coerce(once), forms[_i].flat);
    json_decref(once);
}
END_TEST

static const struct {
    const char *any;
    const char *type;
} short_forms[] = {
    { "\"hi\"", "human" },
    { "[\"human\",\"hi\"]", "human" },
    { "[\"ai\",\"hi\"]", "ai" },
    { "[\"system\",\"hi\"]", "system" },
    { "{\"role\":\"user\",\"content\":\"hi\"}", "human" },
    { "{\"type\":\"human\",\"content\":\"hi\",\"id\":\"\"}", "human" },
    { "{\"type\":\"human\",\"content\":\"hi\",\"id\":null}", "human" },
};

START_TEST(a_message_without_an_id_gets_a_uuid)
{
    json_t *made = coerce_text(short_forms[_i].any);
    ck_assert(id_is_uuid(json_string_value(json_object_get(made, "id"))));
    ck_assert_str_eq(json_string_value(json_object_get(made, "content")), "hi");
    ck_assert_str_eq(json_string_value(json_object_get(made, "type")), short_forms[_i].type);
    json_decref(made);
}
END_TEST

/* As a role, as a type, and in front of a pair. */
static const struct {
    const char *name;
    const char *type;
} names[] = {
    { "human", "human" },
    { "user", "human" },
    { "ai", "ai" },
    { "assistant", "ai" },
    { "system", "system" },
    { "developer", "system" },
    { "tool", "tool" },
    { "function", "function" },
    { "remove", "remove" },
    { "HumanMessage", "human" },
    { "HumanMessageChunk", "human" },
    { "AIMessage", "ai" },
    { "AIMessageChunk", "ai" },
    { "SystemMessage", "system" },
    { "SystemMessageChunk", "system" },
    { "ToolMessage", "tool" },
    { "ToolMessageChunk", "tool" },
    { "FunctionMessage", "function" },
    { "FunctionMessageChunk", "function" },
    { "RemoveMessage", "remove" },
};

static void expect_type(const char *before, const char *name, const char *after, const char *type)
{
    char text[300];
    snprintf(text, sizeof(text), "%s%s%s", before, name, after);
    json_t *made = coerce_text(text);
    ck_assert_str_eq(json_string_value(json_object_get(made, "type")), type);
    json_decref(made);
}

START_TEST(a_name_stands_for_its_type_in_every_form)
{
#define PARTS "\"content\":\"x\",\"id\":\"1\",\"tool_call_id\":\"c\"}"
    const char *name = names[_i].name, *type = names[_i].type;
    expect_type("{\"role\":\"", name, "\"," PARTS, type);
    expect_type("{\"type\":\"", name, "\"," PARTS, type);
    expect_type("{\"type\":\"", name, "\",\"data\":{" PARTS "}", type);
    expect_type("{\"lc\":1,\"type\":\"constructor\",\"id\":[\"langchain\",\"", name,
                "\"],\"kwargs\":{" PARTS "}", type);
    /* A pair has no place for what these two need. */
    if (strcmp(type, "tool") != 0 && strcmp(type, "remove") != 0)
        expect_type("[\"", name, "\",\"x\"]", type);
#undef PARTS
}
END_TEST

START_TEST(parts_stand_in_wire_order)
{
    static const char *const keys[] = { "content",
                                        "additional_kwargs",
                                        "response_metadata",
                                        "tool_call_id",
                                        "status",
                                        "name",
                                        "extra",
                                        "id",
                                        "type" };
    json_t *made =
        coerce_text("{\"type\":\"tool\",\"name\":\"n\",\"extra\":1,\"tool_call_id\":\"c\","
                    "\"id\":\"1\",\"content\":\"\"}");
    size_t i = 0;
    const char *key;
    json_t *part;
    json_object_foreach(made, key, part) {
        ck_assert_str_eq(key, keys[i++]);
    }
    ck_assert_uint_eq(i, sizeof(keys) / sizeof(keys[0]));
    json_decref(made);
}
END_TEST

START_TEST(arguments_that_are_no_json_move_to_the_invalid_calls)
{
    json_t *made =
        coerce_text("{\"role\":\"assistant\",\"tool_calls\":["
                    "{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{x\"}}]}");
    const json_t *invalid = json_array_get(json_object_get(made, "invalid_tool_calls"), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(made, "tool_calls")), 0);
    ck_assert_str_eq(json_string_value(json_object_get(invalid, "args")), "{x");
    ck_assert_uint_gt(json_string_length(json_object_get(invalid, "error")), 0);
    json_t *again = coerce(made);
    ck_assert(json_equal(made, again));
    json_decref(again);
    json_decref(made);
}
END_TEST

static const struct {
    const char *any;
    const char *text; /* part of the message */
} refusals[] = {
    { "1", "found integer" },
    { "null", "found null" },
    { "[\"ai\"]", "found 1 elements" },
    { "[1,\"x\"]", "found integer" },
    { "[\"pope\",\"x\"]", "\"pope\" is no message type" },
    { "[\"tool\",\"x\"]", "tool_call_id of a tool message is a string, found nothing" },
    { "[\"remove\",\"\"]", "needs the id" },
    { "[\"ai\",\"x\",\"y\"]", "found 3 elements" },
    { "{\"content\":\"x\"}", "needs a role or a type that is a string, found nothing" },
    { "[\"ai\",3]", "content of a message is a string or an array of blocks, found integer" },
    { "{}", "needs a role or a type that is a string, found nothing" },
    { "{\"role\":\"user\"}", "found nothing" },
    { "{\"role\":\"user\",\"content\":null}", "found null" },
    { "{\"role\":\"user\",\"content\":{}}", "found object" },
    { "{\"role\":\"user\",\"content\":[1]}", "a block of content" },
    { "{\"role\":\"wizard\",\"content\":\"x\"}", "\"wizard\" is no message type" },
    { "{\"role\":\"user\",\"content\":\"x\",\"id\":[]}",
      "the id of a message is a string, found array" },
    { "{\"role\":\"user\",\"content\":\"x\",\"additional_kwargs\":3}",
      "additional_kwargs of a human message is an object, found integer" },
    { "{\"role\":\"tool\",\"content\":\"x\"}",
      "tool_call_id of a tool message is a string, found nothing" },
    { "{\"role\":\"assistant\",\"tool_calls\":{}}", "is an array, found object" },
    { "{\"role\":\"assistant\",\"tool_calls\":[1]}", "a tool call is an object, found integer" },
    { "{\"role\":\"assistant\",\"tool_calls\":[{}]}",
      "needs a name that is a string, found nothing" },
    { "{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"f\",\"args\":\"{}\"}]}",
      "found string" },
    { "{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{}}]}", "found nothing" },
    { "{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":1}}]}",
      "arguments of a tool call are a string, found integer" },
    { "{\"type\":\"remove\"}", "needs the id" },
    { "{\"lc\":1,\"type\":\"constructor\",\"id\":[],\"kwargs\":{}}", "found nothing" },
    { "{\"lc\":1,\"type\":\"constructor\",\"id\":[\"Prompt\"],\"kwargs\":{}}", "\"Prompt\"" },
};

START_TEST(what_is_no_message_is_refused_with_the_reason)
{
    json_t *any = load(refusals[_i].any);
    json_t *made = NULL;
    struct fail f = { 0 };
    ck_assert_int_eq(message_coerce(any, &made, &f), MESSAGES_E_REFUSED);
    ck_assert_ptr_null(made);
    ck_assert_int_eq(f.code, FAIL_INVALID_UPDATE);
    ck_assert_msg(strstr(fail_message(&f), refusals[_i].text) != NULL, "%s", fail_message(&f));
    fail_clear(&f);
    json_decref(any);
}
END_TEST

START_TEST(a_long_role_is_quoted_in_whole_characters)
{
    json_t *any = load("{\"role\":\"xäääääääääääääääääääääääääääääääääää\",\"content\":\"\"}");
    json_t *made = NULL;
    struct fail f = { 0 };
    ck_assert_int_eq(message_coerce(any, &made, &f), MESSAGES_E_REFUSED);
    json_t *text = json_string(fail_message(&f)); /* NULL if it is no UTF-8 */
    ck_assert_ptr_nonnull(text);
    json_decref(text);
    fail_clear(&f);
    json_decref(any);
}
END_TEST

/* A list as "id:content id:content"; `text` has room for it. */
static void describe(const json_t *list, char *text)
{
    size_t i;
    json_t *message;
    text[0] = '\0';
    json_array_foreach(list, i, message) {
        strcat(text, i > 0 ? " " : "");
        strcat(strcat(text, json_string_value(json_object_get(message, "id"))), ":");
        strcat(text, json_string_value(json_object_get(message, "content")));
    }
}

#define M(id, content) "{\"type\":\"human\",\"id\":\"" id "\",\"content\":\"" content "\"}"
#define R(id)          "{\"type\":\"remove\",\"id\":\"" id "\"}"
#define ALL            R("__remove_all__")

static const struct {
    const char *left;
    const char *right;
    const char *result; /* NULL = refused */
} additions[] = {
    { "[]", M("1", "a"), "1:a" },
    { "[]", "[]", "" },
    { "[" M("1", "a") "]", "[]", "1:a" },
    { "[" M("1", "a") "]", "[" M("2", "b") "," M("3", "c") "]", "1:a 2:b 3:c" },
    { "[" M("1", "a") "," M("2", "b") "]", M("1", "x"), "1:x 2:b" },
    { "[]", "[" M("1", "a") "," M("2", "b") "," M("1", "c") "]", "1:c 2:b" },
    { "[" M("1", "a") "," M("2", "b") "]", R("1"), "2:b" },
    { "[" M("1", "a") "]", "[" R("1") "," R("1") "]", "" },
    { "[" M("1", "a") "," M("2", "b") "]", "[" R("1") "," M("1", "c") "]", "1:c 2:b" },
    { "[" M("1", "a") "," M("2", "b") "]", "[" R("1") "," M("1", "c") "," R("2") "]", "1:c" },
    { "[]", "[" M("1", "a") "," R("1") "]", "" },
    { "[" M("1", "a") "]", R("9"), NULL },
    { "[" M("1", "a") "]", ALL, "" },
    { "[]", ALL, "" },
    { "[" M("1", "a") "," M("2", "b") "]", "[" M("1", "x") "," R("1") "," M("3", "c") "]",
      "2:b 3:c" },
    { "[" M("1", "a") "," M("2", "b") "]",
      "[" R("1") "," R("2") "," M("2", "c") "," M("3", "d") "]", "2:c 3:d" },
    { "[" M("1", "a") "]", "[" R("1") "," R("9") "]", NULL },
    { "[" M("1", "a") "]", "{\"role\":\"remove\",\"id\":\"1\"}", "" },
    { "[" M("1", "a") "]", "[{\"role\":\"remove\",\"id\":\"__remove_all__\"}]", "" },
    { "[" M("1", "a") "]", "[" ALL "," M("2", "b") "," R("2") "]", NULL },
    { "[" M("1", "a") "]", "[" R("9") "," ALL "," M("2", "b") "]", "2:b" },
    { "[" M("1", "a") "]", "{\"role\":\"assistant\",\"content\":\"b\",\"id\":\"1\"}", "1:b" },
    { "[" M("7", "a") "]", "{\"role\":\"user\",\"content\":\"b\",\"id\":7}", "7:b" },
    { "[" M("1", "a") "]", "null", NULL },
    { "[" M("1", "a") "]", "[" M("2", "b") "," ALL "," M("3", "c") "]", "3:c" },
    { "[" M("1", "a") "]", "[" ALL "," M("2", "b") "," ALL "," M("3", "c") "]", "3:c" },
    { "[" M("1", "a") "]", "[" ALL "," M("2", "b") "," M("2", "c") "]", "2:b 2:c" },
    { "[" M("1", "a") "]", "[" ALL "," R("1") "]", NULL },
    { "[" M("2", "b") "," M("2", "c") "]", M("2", "d"), "2:b 2:d" },
    { "[" M("2", "b") "," M("1", "a") "," M("2", "c") "]", R("2"), "1:a" },
    { "[" M("2", "b") "," M("2", "c") "]", "[" R("2") "," M("2", "d") "]", "2:b 2:d" },
    { "[" M("1", "a") "]", "7", NULL },
    { "[" M("1", "a") "]", "[7]", NULL },
};

START_TEST(lists_are_merged_by_id)
{
    json_t *left = load(additions[_i].left);
    json_t *right = load(additions[_i].right);
    json_t *made = NULL;
    struct fail f = { 0 };
    int r = messages_add(left, right, &made, &f);
    if (additions[_i].result == NULL) {
        ck_assert_int_eq(r, MESSAGES_E_REFUSED);
        ck_assert_int_eq(f.code, FAIL_INVALID_UPDATE);
        ck_assert_ptr_null(made);
    } else {
        char text[200];
        ck_assert_int_eq(r, 0);
        describe(made, text);
        ck_assert_str_eq(text, additions[_i].result);
    }
    fail_clear(&f);
    expect_equal(left, additions[_i].left); /* never changed */
    json_decref(right);
    json_decref(made);
}
END_TEST

static json_t *add(const json_t *left, const json_t *right)
{
    json_t *made = NULL;
    struct fail f = { 0 };
    ck_assert_int_eq(messages_add(left, right, &made, &f), 0);
    return made;
}

START_TEST(two_strings_at_the_top_are_two_messages_and_a_pair_stands_inside)
{
    json_t *strings = load("[\"human\",\"hi\"]");
    json_t *pairs = load("[[\"ai\",\"hi\"]]");
    json_t *two = add(NULL, strings);
    json_t *one = add(NULL, pairs);
    ck_assert_uint_eq(json_array_size(two), 2);
    ck_assert_uint_eq(json_array_size(one), 1);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(two, 0), "content")),
                     "human");
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(one, 0), "type")), "ai");
    json_decref(strings);
    json_decref(pairs);
    json_decref(two);
    json_decref(one);
}
END_TEST

/* Nothing of the old one stays. */
START_TEST(a_message_may_be_replaced_by_one_of_another_type)
{
    json_t *left = load("[{\"type\":\"ai\",\"id\":\"1\",\"content\":\"a\",\"name\":\"n\","
                        "\"tool_calls\":[]}," M("2", "b") "]");
    json_t *right = load(M("1", "c"));
    json_t *made = add(left, right);
    expect_equal(json_incref(json_array_get(made, 0)),
                 "{\"content\":\"c\"," BARE "\"id\":\"1\",\"type\":\"human\"}");
    ck_assert_uint_eq(json_array_size(made), 2);
    json_decref(left);
    json_decref(right);
    json_decref(made);
}
END_TEST

START_TEST(elements_that_stay_are_shared)
{
    json_t *first = load("[" M("1", "a") "," M("2", "b") "]");
    json_t *left = add(NULL, first);
    json_t *right = load("[" R("1") "," M("3", "c") "]");
    json_t *made = add(left, right);
    ck_assert_ptr_eq(json_array_get(made, 0), json_array_get(left, 1));
    json_decref(first);
    json_decref(left);
    json_decref(right);
    json_decref(made);
}
END_TEST

START_TEST(messages_in_short_form_on_the_left_become_flat)
{
    json_t *left = load("[\"hi\"]");
    json_t *right = load("[]");
    json_t *made = add(left, right);
    const json_t *message = json_array_get(made, 0);
    ck_assert_str_eq(json_string_value(json_object_get(message, "type")), "human");
    ck_assert(id_is_uuid(json_string_value(json_object_get(message, "id"))));
    json_decref(left);
    json_decref(right);
    json_decref(made);
}
END_TEST

/* add(add(a, b), c) = add(a, b ++ c) while ids are set and nothing unknown is removed. */
START_TEST(adding_in_two_parts_equals_adding_at_once)
{
    json_t *a = load("[" M("1", "a") "," M("2", "b") "]");
    json_t *b = load("[" M("3", "c") "," M("1", "d") "]");
    json_t *c = load("[" R("3") "," M("4", "e") "," M("2", "f") "]");
    json_t *ab = add(a, b);
    json_t *parts = add(ab, c);
    json_t *both = json_copy(b);
    json_array_extend(both, c);
    json_t *whole = add(a, both);
    /* Lists agree but for the place of a message that was removed; here none comes back. */
    ck_assert(json_equal(parts, whole) == 1);
    json_t *all[] = { a, b, c, ab, parts, both, whole };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        json_decref(all[i]);
}
END_TEST

START_TEST(a_long_list_merges_in_linear_time)
{
    enum { MANY = 20000 };
    json_t *many = json_array();
    for (int i = 0; i < MANY; i++)
        json_array_append_new(many, json_pack("{s:s,s:s,s:o}", "type", "human", "content", "x",
                                              "id", json_sprintf("%d", i)));
    json_t *left = add(NULL, many);
    json_t *made = add(left, many);
    ck_assert_uint_eq(json_array_size(made), MANY);
    json_decref(many);
    json_decref(left);
    json_decref(made);
}
END_TEST

static const struct {
    const char *left;
    const char *writes[4];
    const char *result; /* NULL = the last write is refused */
} write_rows[] = {
    { "[]", { M("1", "a"), M("2", "b"), M("1", "c") }, "1:c 2:b" },
    { "[" M("1", "a") "," M("2", "b") "]", { R("1"), M("1", "c") }, "2:b 1:c" },
    { "[" M("1", "a") "," M("2", "b") "]", { "[" R("1") "," M("1", "c") "]", "[]" }, "1:c 2:b" },
    { "[" M("1", "a") "," M("2", "b") "]",
      { R("1"), M("1", "c"), "[" R("1") "," M("1", "d") "]", M("3", "e") },
      "2:b 1:d 3:e" },
    { "[" M("1", "a") "," M("2", "b") "]",
      { R("1"), M("1", "c"), R("1"), M("1", "d") },
      "2:b 1:d" },
    { "[" M("1", "a") "]", { R("1"), R("1") }, NULL },
    { "[" M("1", "a") "]", { "[" M("2", "b") "," R("2") "]", R("2") }, NULL },
    { "[" M("1", "a") "]", { R("9") }, NULL },
    { "[" M("1", "a") "]", { ALL, M("1", "b"), ALL, M("2", "c") }, "2:c" },
    { "[" M("1", "a") "]", { ALL, R("1") }, NULL },
    { "[" M("1", "a") "]", { R("1"), "[" ALL "," M("1", "b") "]" }, "1:b" },
    { "[]", { "[" ALL "," M("1", "a") "," M("1", "b") "]", M("1", "c") }, "1:a 1:c" },
    { "[]", { "[" ALL "," M("1", "a") "," M("1", "b") "]", R("1"), M("1", "c") }, "1:c" },
    { "[" M("1", "a") "," M("1", "b") "]",
      { "[" R("1") "," M("1", "c") "]", M("1", "d") },
      "1:a 1:d" },
    { "[7]", { ALL, M("1", "a") }, "1:a" },
    { "[7]", { M("1", "a") }, NULL },
};

START_TEST(writes_of_a_step_are_folded_one_after_the_other)
{
    json_t *left = load(write_rows[_i].left);
    json_t *right[4] = { 0 };
    json_t *made = NULL;
    struct message_fold m;
    struct fail f = { 0 };
    int r = 0;
    message_fold_init(&m, left);
    for (int i = 0; i < 4 && write_rows[_i].writes[i] != NULL; i++) {
        ck_assert_int_eq(r, 0); /* only the last one may be refused */
        right[i] = load(write_rows[_i].writes[i]);
        r = message_fold_write(&m, right[i], &f);
    }
    ck_assert_int_eq(r, write_rows[_i].result == NULL ? MESSAGES_E_REFUSED : 0);
    if (r == 0) {
        char text[200];
        ck_assert_int_eq(message_fold_finish(&m, &made), 0);
        describe(made, text);
        ck_assert_str_eq(text, write_rows[_i].result);
    }
    message_fold_deinit(&m);
    fail_clear(&f);
    expect_equal(left, write_rows[_i].left); /* never changed */
    for (int i = 0; i < 4; i++)
        json_decref(right[i]);
    json_decref(made);
}
END_TEST

START_TEST(an_answer_becomes_an_ai_message)
{
    json_t *usage = load("{\"input_tokens\":1,\"output_tokens\":2,\"total_tokens\":3}");
    json_t *calls = load("[{\"name\":\"f\",\"args\":{},\"id\":\"c\",\"type\":\"tool_call\"}]");
    const struct message_ai answer = { "1", "hello!", 5, calls, usage, "m-1", "stop" };
    json_t *made = message_ai_new(&answer);
    json_t *flat = coerce(made);
    ck_assert(json_equal(made, flat));
    json_decref(flat);
    expect_equal(
        made, "{\"content\":\"hello\",\"additional_kwargs\":{},\"response_metadata\":"
              "{\"finish_reason\":\"stop\",\"model_name\":\"m-1\"},\"tool_call_chunks\":[],"
              "\"tool_calls\":[{\"name\":\"f\",\"args\":{},\"id\":\"c\",\"type\":\"tool_call\"}],"
              "\"invalid_tool_calls\":[],\"usage_metadata\":{\"input_tokens\":1,"
              "\"output_tokens\":2,\"total_tokens\":3},\"id\":\"1\",\"type\":\"ai\"}");
    json_decref(usage);
    json_decref(calls);
}
END_TEST

START_TEST(an_empty_answer_has_no_optional_parts)
{
    const struct message_ai answer = { .id = "1" };
    expect_equal(message_ai_new(&answer), "{\"content\":\"\"," BARE "\"tool_call_chunks\":[]," CALLS
                                          "\"id\":\"1\",\"type\":\"ai\"}");
}
END_TEST

static const struct {
    const char *any;
    const char *openai;
} provider_forms[] = {
    { "\"hi\"", "{\"role\":\"user\",\"content\":\"hi\"}" },
    { "{\"role\":\"user\",\"content\":\"hi\",\"name\":\"bo\",\"id\":\"1\"}",
      "{\"role\":\"user\",\"content\":\"hi\",\"name\":\"bo\"}" },
    { "{\"role\":\"user\",\"content\":[\"hi\",{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}"
      "}]}",
      "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},"
      "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}}]}" },
    { "[\"ai\",\"yes\"]", "{\"role\":\"assistant\",\"content\":\"yes\"}" },
    { "[\"ai\",\"\"]", "{\"role\":\"assistant\",\"content\":\"\"}" },
    { "[\"system\",\"s\"]", "{\"role\":\"system\",\"content\":\"s\"}" },
    { "{\"role\":\"function\",\"content\":\"4\",\"name\":\"sum\"}",
      "{\"role\":\"function\",\"content\":\"4\",\"name\":\"sum\"}" },
    { "{\"role\":\"tool\",\"content\":\"15C\",\"tool_call_id\":\"c1\",\"artifact\":1}",
      "{\"role\":\"tool\",\"content\":\"15C\",\"tool_call_id\":\"c1\"}" },
    { "{\"type\":\"ai\",\"content\":\"\",\"tool_calls\":[{\"name\":\"f\",\"args\":{\"x\":1.5},"
      "\"id\":\"c\"}]}",
      "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c\",\"type\":"
      "\"function\","
      "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1.5}\"}}]}" },
    { "{\"type\":\"ai\",\"content\":\"look\",\"invalid_tool_calls\":[{\"name\":\"f\",\"args\":\"{"
      "x\",\"id\":\"c\"}]}",
      "{\"role\":\"assistant\",\"content\":\"look\",\"tool_calls\":[{\"id\":\"c\","
      "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{x\"}}]}" },
};

START_TEST(a_message_goes_to_a_provider_in_its_form)
{
    json_t *flat = coerce_text(provider_forms[_i].any);
    expect_equal(message_to_openai(flat), provider_forms[_i].openai);
    json_decref(flat);
}
END_TEST

#define AI_TEXT                                                                                    \
    "{\"role\":\"assistant\",\"id\":\"9\",\"content\":[\"a\"],\"tool_calls\":["                    \
    "{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":[1]}\"}},"              \
    "{\"id\":\"d\",\"function\":{\"name\":\"g\",\"arguments\":\"{\"}},{\"name\":\"h\"}]}"

START_TEST(every_failing_allocation_of_the_reducer_is_a_fault)
{
    json_t *first = load("[" M("1", "a") "," M("2", "b") "]");
    json_t *left = add(NULL, first);
    json_t *right = load("[\"hi\",[\"ai\",\"x\"]," M("1", "n") "," R("2") "," AI_TEXT "]");
    for (unsigned long n = 1; right != NULL; n++) {
        json_t *made = NULL;
        struct fail f = { 0 };
        mem_fail_at(n);
        int r = messages_add(left, right, &made, &f);
        bool is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(is_pending ? r == 0 : r < 0, "allocation %lu gave %d", n, r);
        ck_assert(!fail_is_set(&f));
        json_decref(made);
        if (is_pending) {
            json_decref(right);
            right = NULL;
        }
    }
    json_decref(first);
    json_decref(left);
}
END_TEST

static int fold_all(const json_t *left, const json_t *writes, json_t **ret, struct fail *f)
{
    struct message_fold m;
    size_t i;
    json_t *write;
    int r = 0;
    message_fold_init(&m, left);
    json_array_foreach(writes, i, write) {
        r = r != 0 ? r : message_fold_write(&m, write, f);
    }
    if (r == 0)
        r = message_fold_finish(&m, ret);
    message_fold_deinit(&m);
    return r;
}

START_TEST(every_failing_allocation_of_a_fold_is_a_fault)
{
    json_t *left = load("[\"short\"," M("1", "a") "," M("2", "b") "]");
    json_t *writes[] = {
        load("[" R("1") ",[" R("2") "," M("2", "c") "],[" M("1", "d") "," M("3", "e") "]]"),
        load("[[" R("1") "],[" M("1", "c") "," ALL "," M("4", "d") "],[" R("4") "]]"),
    };
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        bool is_pending = false;
        for (unsigned long n = 1; !is_pending; n++) {
            json_t *made = NULL;
            struct fail f = { 0 };
            mem_fail_at(n);
            int r = fold_all(left, writes[i], &made, &f);
            is_pending = mem_fail_pending();
            mem_fail_at(0);
            ck_assert_msg(is_pending ? r == 0 : r < 0, "allocation %lu gave %d", n, r);
            ck_assert(!fail_is_set(&f));
            json_decref(made);
        }
        json_decref(writes[i]);
    }
    json_decref(left);
}
END_TEST

static json_t *make_answer(const json_t *unused)
{
    (void)unused;
    const struct message_ai answer = {
        .id = "1", .text = "x", .text_len_bytes = 1, .model = "m", .finish_reason = "stop"
    };
    return message_ai_new(&answer);
}

static json_t *(*const makers[])(const json_t *) = { message_to_openai, make_answer };

START_TEST(every_failing_allocation_of_a_maker_gives_null)
{
    json_t *flat = coerce_text(AI_TEXT);
    bool is_pending = false;
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        json_t *made = makers[_i](flat);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(is_pending == (made != NULL), "allocation %lu", n);
        json_decref(made);
    }
    json_decref(flat);
}
END_TEST

#define LOOP(tc, test, table)                                                                      \
    tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof(table[0])))

int main(void)
{
    mem_init();
    Suite *suite = suite_create("messages");
    TCase *tc = tcase_create("messages");
    tcase_add_loop_test(tc, every_form_becomes_flat, 0, form_count);
    tcase_add_loop_test(tc, a_flat_message_stays_as_it_is, 0, form_count);
    LOOP(tc, a_message_without_an_id_gets_a_uuid, short_forms);
    LOOP(tc, a_name_stands_for_its_type_in_every_form, names);
    tcase_add_test(tc, parts_stand_in_wire_order);
    tcase_add_test(tc, arguments_that_are_no_json_move_to_the_invalid_calls);
    LOOP(tc, what_is_no_message_is_refused_with_the_reason, refusals);
    tcase_add_test(tc, a_long_role_is_quoted_in_whole_characters);
    LOOP(tc, lists_are_merged_by_id, additions);
    tcase_add_test(tc, two_strings_at_the_top_are_two_messages_and_a_pair_stands_inside);
    tcase_add_test(tc, a_message_may_be_replaced_by_one_of_another_type);
    tcase_add_test(tc, elements_that_stay_are_shared);
    tcase_add_test(tc, messages_in_short_form_on_the_left_become_flat);
    tcase_add_test(tc, adding_in_two_parts_equals_adding_at_once);
    tcase_add_test(tc, a_long_list_merges_in_linear_time);
    LOOP(tc, writes_of_a_step_are_folded_one_after_the_other, write_rows);
    tcase_add_test(tc, an_answer_becomes_an_ai_message);
    tcase_add_test(tc, an_empty_answer_has_no_optional_parts);
    LOOP(tc, a_message_goes_to_a_provider_in_its_form, provider_forms);
    LOOP(tc, every_failing_allocation_of_a_maker_gives_null, makers);
    tcase_add_test(tc, every_failing_allocation_of_the_reducer_is_a_fault);
    tcase_add_test(tc, every_failing_allocation_of_a_fold_is_a_fault);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
