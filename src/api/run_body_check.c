/*
 * What a run's body may hold, as tables: the types of its keys, and the keys that a door cannot
 * honour. All are looked at before anything is done with the body.
 */
#include "api/run_body.h"
#include "base/jsonx.h"
#include <string.h>

/* ---- types ---- */

static bool is_string(const json_t *v)
{
    return json_is_string(v);
}
static bool is_object(const json_t *v)
{
    return json_is_object(v);
}
static bool is_boolean(const json_t *v)
{
    return json_is_boolean(v);
}
static bool is_anything(const json_t *v)
{
    (void)v;
    return true;
}
static bool is_count(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0;
}
static bool is_integer(const json_t *v)
{
    return json_is_integer(v);
}
static bool is_duration(const json_t *v)
{
    return json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) <= 315360000;
}

static bool is_list_of(const json_t *v, bool (*fits)(const json_t *v))
{
    const json_t *item;
    size_t i;

    json_array_foreach(v, i, item) {
        if (!fits(item))
            return false;
    }
    return json_is_array(v);
}
static bool is_list_of_strings(const json_t *v)
{
    return is_list_of(v, is_string);
}
static bool is_names(const json_t *v)
{
    return json_is_string(v) || is_list_of_strings(v);
}

/* ---- commands ---- */

static bool is_pair(const json_t *v)
{
    return json_array_size(v) == 2 && json_is_string(json_array_get(v, 0));
}
/* What stands in the object is told by check_send(). */
static bool is_send(const json_t *v)
{
    return json_is_string(v) || json_is_object(v);
}

static bool is_update(const json_t *v)
{
    return json_is_object(v) || is_list_of(v, is_pair);
}
static bool is_goto(const json_t *v)
{
    return is_send(v) || is_list_of(v, is_send);
}

/* ---- words ---- */

static bool is_one_of(const json_t *v, const char *const *words)
{
    for (size_t i = 0; json_is_string(v) && words[i] != NULL; i++) {
        if (strcmp(words[i], json_string_value(v)) == 0)
            return true;
    }
    return false;
}
static bool is_stops(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "*", NULL }) || is_list_of_strings(v);
}
static bool is_disconnect(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "cancel", "continue", NULL });
}
/* "complete" and "continue" are what the types of the JS client say. */
static bool is_completion(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "delete", "keep", "complete", "continue", NULL });
}
static bool is_multitask(const json_t *v)
{
    return is_one_of(v,
                     (const char *const[]){ "reject", "interrupt", "rollback", "enqueue", NULL });
}
static bool is_if_not_exists(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "create", "reject", NULL });
}
static bool is_durability(const json_t *v)
{
    return is_one_of(v, (const char *const[]){ "sync", "async", "exit", NULL });
}

static const struct {
    const char *key; /* a dot leads into an object */
    bool (*fits)(const json_t *v);
    const char *expected;
} types[] = {
    { "assistant_id", is_string, "a string: a graph's name or its assistant id" },
    { "graph", is_string, "a string: a graph's name" },
    { "input", is_anything, "" },
    { "stream", is_boolean, "true or false" },
    { "stream_mode", is_names, "a string or a list of strings" },
    { "stream_subgraphs", is_boolean, "true or false" },
    { "stream_resumable", is_boolean, "true or false" },
    { "thread_id", is_string, "a string" },
    { "config", is_object, "an object" },
    { "config.configurable", is_object, "an object" },
    { "config.configurable.thread_id", is_string, "a string" },
    { "config.configurable.checkpoint_id", is_string, "a string" },
    { "config.configurable.checkpoint_ns", is_string, "a string" },
    { "config.recursion_limit", is_integer, "an integer of at least 1" },
    { "config.max_concurrency", is_integer, "an integer of at least 1" },
    { "config.tags", is_list_of_strings, "a list of strings" },
    { "config.metadata", is_object, "an object" },
    { "context", is_object, "an object" },
    { "metadata", is_object, "an object" },
    { "command", is_object, "an object" },
    { "command.update", is_update, "an object, or a list of [field, value]" },
    { "command.goto", is_goto, "a node's name, {\"node\", \"arg\"}, or a list of those" },
    { "checkpoint", is_object, "an object" },
    { "checkpoint.checkpoint_id", is_string, "a string" },
    { "checkpoint.checkpoint_ns", is_string, "a string" },
    { "checkpoint_id", is_string, "a string" },
    { "interrupt_before", is_stops, "\"*\" or a list of node names" },
    { "interrupt_after", is_stops, "\"*\" or a list of node names" },
    { "durability", is_durability, "sync, async or exit" },
    { "checkpoint_during", is_boolean, "true or false" },
    { "multitask_strategy", is_multitask, "reject, interrupt, rollback or enqueue" },
    { "on_disconnect", is_disconnect, "cancel or continue" },
    { "on_completion", is_completion, "delete or keep" },
    { "if_not_exists", is_if_not_exists, "create or reject" },
    { "after_seconds", is_duration, "a number of seconds, from 0 to 315360000 (ten years)" },
    { "webhook", is_string, "an address" },
    { "timeout_ms", is_count, "an integer of milliseconds, 0 or more" },
};

json_t *run_body_find(const json_t *body, const char *key)
{
    for (const char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1)
        body = json_object_getn(body, key, (size_t)(dot - key));
    json_t *found = json_object_get(body, key);

    return json_is_null(found) ? NULL : found;
}

/* What was found: the value itself where it is short, as it may be of the right type. */
static void tell_wrong(const char *key, const char *expected, const json_t *v, struct fail *f)
{
    if (json_is_string(v))
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" must be %s, not \"%.40s\"", key, expected,
                 json_string_value(v));
    else if (json_is_integer(v))
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" must be %s, not %lld", key, expected,
                 (long long)json_integer_value(v));
    else
        fail_set(f, FAIL_BAD_REQUEST, "\"%s\" must be %s, not %s", key, expected,
                 jsonx_type_name(v));
}

static int check_types(const json_t *body, struct fail *f)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const json_t *v = run_body_find(body, types[i].key);
        if (v == NULL || types[i].fits(v))
            continue;
        tell_wrong(types[i].key, types[i].expected, v, f);
        return RUN_BODY_E_WRONG;
    }
    return 0;
}

/* ---- what cannot be done ---- */

static bool is_empty(const json_t *v)
{
    if (json_is_string(v))
        return json_string_length(v) == 0;
    if (json_is_number(v))
        return json_number_value(v) <= 0;
    return json_is_array(v) ? json_array_size(v) == 0 : json_object_size(v) == 0;
}

enum {
    AT_INVOKE = 1 << DOOR_INVOKE,
    AT_RUNS = 1 << DOOR_WAIT | 1 << DOOR_STREAM | 1 << DOOR_BACKGROUND,
    AT_THREADS = 1 << 8 /* those of /threads/ */
};

static const struct {
    const char *key;
    unsigned doors; /* where it is refused */
    const char *why;
} refused[] = {
    { "thread_id", AT_RUNS,
      "these runs are stateless; a run on a thread begins with POST /threads/THREAD/runs or "
      "/invoke" },
    { "after_seconds", AT_INVOKE,
      "this answer waits for the run: POST /threads/THREAD/runs delays one" },
    { "checkpoint.checkpoint_ns", AT_INVOKE | AT_THREADS,
      "a run begins at a checkpoint of the whole graph" },
    { "config.configurable.checkpoint_ns", AT_INVOKE | AT_THREADS,
      "a run begins at a checkpoint of the whole graph" },
};

static int check_refused(const json_t *body, enum door door, bool is_on_thread, struct fail *f)
{
    unsigned at = is_on_thread ? AT_THREADS : 1u << door;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const json_t *v = run_body_find(body, refused[i].key);
        if ((refused[i].doors & at) == 0 || v == NULL || is_empty(v))
            continue;
        fail_set(f, FAIL_UNPROCESSABLE, "\"%s\": %s", refused[i].key, refused[i].why);
        return RUN_BODY_E_WRONG;
    }
    return 0;
}

/* ---- threads ---- */

enum { THREAD_KEYS = 2 };
static const char *const thread_keys[THREAD_KEYS] = { "thread_id",
                                                      "config.configurable.thread_id" };

const char *run_body_thread_id(const json_t *body)
{
    const json_t *found = NULL;

    for (size_t i = 0; i < THREAD_KEYS && found == NULL; i++)
        found = run_body_find(body, thread_keys[i]);
    return json_string_value(found);
}

static int check_thread_id(const json_t *body, struct fail *f)
{
    const json_t *one = run_body_find(body, thread_keys[0]);
    const json_t *other = run_body_find(body, thread_keys[1]);

    if (one == NULL || other == NULL || json_equal(one, other))
        return 0;
    fail_set(f, FAIL_UNPROCESSABLE, "\"%s\" and \"%s\" name two threads: send one of them",
             thread_keys[0], thread_keys[1]);
    return RUN_BODY_E_WRONG;
}

/* ---- what a command may hold ---- */

/* The protocol ignores what it does not know; a misspelled answer must not get lost here. */
static void refuse_unknown_key(const json_t *command, struct fail *f)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)command, key, value) {
        bool is_known =
            strcmp(key, "resume") == 0 || strcmp(key, "update") == 0 || strcmp(key, "goto") == 0;
        if (is_known || json_is_null(value) || fail_is_set(f))
            continue;
        fail_set(f, FAIL_UNPROCESSABLE,
                 "\"command\" has the unknown key \"%.40s\"; it may have resume, update, goto",
                 key);
    }
}

static void check_send(const json_t *to, struct fail *f)
{
    const json_t *node = run_body_find(to, "node");

    if (json_is_string(to) || fail_is_set(f))
        return;
    if (node == NULL)
        fail_set(
            f, FAIL_BAD_REQUEST,
            "\"command.goto\": \"node\" is missing: {\"node\", \"arg\"} names the node to run");
    else if (!json_is_string(node))
        tell_wrong("command.goto.node", "a node's name", node, f);
    else if (run_body_find(to, "arg") != NULL && run_body_find(to, "input") != NULL)
        fail_set(f, FAIL_UNPROCESSABLE,
                 "\"command.goto\": \"arg\" and \"input\" mean the same: send one of them");
}

static void check_goto(const json_t *to, struct fail *f)
{
    const json_t *one;
    size_t i;

    json_array_foreach(to, i, one) {
        check_send(one, f);
    }
    if (json_is_object(to))
        check_send(to, f);
}

static int check_command(const json_t *body, enum door door, struct fail *f)
{
    const json_t *command = run_body_find(body, "command");

    check_goto(run_body_find(command, "goto"), f);
    if (command != NULL && door == DOOR_INVOKE && !fail_is_set(f)) {
        refuse_unknown_key(command, f);
        if (!fail_is_set(f) && run_body_find(body, "input") != NULL)
            fail_set(f, FAIL_UNPROCESSABLE,
                     "\"input\" and \"command\": a run begins with one of them; send one");
    }
    return fail_is_set(f) ? RUN_BODY_E_WRONG : 0;
}

int run_body_check(const json_t *body, enum door door, bool is_on_thread, struct fail *f)
{
    int r = check_types(body, f);

    if (r == 0)
        r = check_refused(body, door, is_on_thread, f);
    if (r == 0 && !is_on_thread)
        r = check_thread_id(body, f);
    return r == 0 ? check_command(body, door, f) : r;
}
