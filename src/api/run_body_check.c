/*
 * What a run's body may hold, as tables: the types of its keys, and the keys that a door cannot
 * honour. All are looked at before anything is done with the body.
 */
#include "api/params.h"
#include "api/run_body.h"
#include "base/jsonx.h"
#include <string.h>

/* ---- types ---- */

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define TYPES(...) ((const struct type *const[]){ __VA_ARGS__, NULL })

/* Times to come must stay far from the end of int64: thirty years, and ten years. */
enum { MILLISECONDS_MAX_S = 1000000000, SECONDS_MAX = 315360000 };

static const struct type assistant = { .kind = TYPE_STRING,
                                       .expected = "a string: a graph's name or its assistant id" };
static const struct type graph = { .kind = TYPE_STRING, .expected = "a string: a graph's name" };
static const struct type address = { .kind = TYPE_STRING, .expected = "an address" };
static const struct type at_least_one = { .kind = TYPE_INTEGER,
                                          .expected = "an integer of at least 1",
                                          INT64_MIN };
static const struct type milliseconds = { .kind = TYPE_INTEGER,
                                          .expected = "an integer of milliseconds, 0 or more",
                                          0,
                                          MILLISECONDS_MAX_S *INT64_C(1000) };
static const struct type seconds = { .kind = TYPE_NUMBER,
                                     .expected =
                                         "a number of seconds, from 0 to 315360000 (ten years)",
                                     .most = SECONDS_MAX };

/* `tools` is the one mode of the protocol that is no mistake and not here: it is told so later. */
#define MODES                                                                                      \
    "values", "updates", "messages-tuple", "messages", "custom", "tasks", "checkpoints", "debug",  \
        "events"
static const struct type mode = { .kind = TYPE_WORDS,
                                  .expected = "a stream mode",
                                  .words = WORDS(MODES) };
const struct type type_stream_modes = { .kind = TYPE_LIST,
                                        .expected = "a list of stream modes",
                                        .item = &mode };
static const struct type asked_mode = { .kind = TYPE_WORDS,
                                        .expected = "a stream mode",
                                        .words = WORDS(MODES, "tools") };
static const struct type asked_modes = { .kind = TYPE_LIST,
                                         .expected = "a list of stream modes",
                                         .item = &asked_mode };
static const struct type one_or_more_modes = {
    .kind = TYPE_ONE_OF,
    .expected = "one or a list of values, updates, messages-tuple, messages, custom, tasks, "
                "checkpoints, debug, "
                "events",
    .of = TYPES(&asked_mode, &asked_modes)
};

static const struct type pair = { .kind = TYPE_PAIR, .expected = "[field, value]" };
static const struct type pairs = { .kind = TYPE_LIST,
                                   .expected = "a list of [field, value]",
                                   .item = &pair };
static const struct type update = { .kind = TYPE_ONE_OF,
                                    .expected = "an object, or a list of [field, value]",
                                    .of = TYPES(&type_object, &pairs) };

/* What is wrong with a Send is told by check_send(), which goes first. */
static const struct body_key send_keys[] = {
    { "node", &type_string, true },
    BODY_END,
};
static const struct type send = { .kind = TYPE_OBJECT,
                                  .expected = "{\"node\", \"arg\"}",
                                  .keys = send_keys };
static const struct type target = { .kind = TYPE_ONE_OF,
                                    .expected = "a node's name or {\"node\", \"arg\"}",
                                    .of = TYPES(&type_string, &send) };
static const struct type targets = { .kind = TYPE_LIST,
                                     .expected = "a list of those",
                                     .item = &target };
static const struct type destination = {
    .kind = TYPE_ONE_OF,
    .expected = "a node's name, {\"node\", \"arg\"}, or a list of those",
    .of = TYPES(&type_string, &send, &targets)
};

static const struct type every = { .kind = TYPE_WORDS, .expected = "\"*\"", .words = WORDS("*") };
static const struct type stops = { .kind = TYPE_ONE_OF,
                                   .expected = "\"*\" or a list of node names",
                                   .of = TYPES(&every, &type_strings) };

static const struct type durability = { .kind = TYPE_WORDS,
                                        .expected = "sync, async or exit",
                                        .words = WORDS("sync", "async", "exit") };
static const struct type multitask = { .kind = TYPE_WORDS,
                                       .expected = "reject, interrupt, rollback or enqueue",
                                       .words =
                                           WORDS("reject", "interrupt", "rollback", "enqueue") };
static const struct type disconnect = { .kind = TYPE_WORDS,
                                        .expected = "cancel or continue",
                                        .words = WORDS("cancel", "continue") };
/* "complete" and "continue" are what the types of the JS client say. */
static const struct type completion = { .kind = TYPE_WORDS,
                                        .expected = "delete or keep",
                                        .words = WORDS("delete", "keep", "complete", "continue") };
static const struct type if_not_exists = { .kind = TYPE_WORDS,
                                           .expected = "create or reject",
                                           .words = WORDS("create", "reject") };

const struct body_key run_body_keys[] = {
    { "assistant_id", &assistant, false },
    { "graph", &graph, false },
    { "input", &type_any, false },
    { "stream", &type_boolean, false },
    { "stream_mode", &one_or_more_modes, false },
    { "stream_subgraphs", &type_boolean, false },
    { "stream_resumable", &type_boolean, false },
    { "thread_id", &type_string, false },
    { "config", &type_object, false },
    { "config.configurable", &type_object, false },
    { "config.configurable.thread_id", &type_string, false },
    { "config.configurable.checkpoint_id", &type_string, false },
    { "config.configurable.checkpoint_ns", &type_string, false },
    { "config.recursion_limit", &at_least_one, false },
    { "config.max_concurrency", &at_least_one, false },
    { "config.tags", &type_strings, false },
    { "config.metadata", &type_object, false },
    { "context", &type_object, false },
    { "metadata", &type_object, false },
    { "command", &type_object, false },
    { "command.update", &update, false },
    { "command.goto", &destination, false },
    { "checkpoint", &type_object, false },
    { "checkpoint.checkpoint_id", &type_string, false },
    { "checkpoint.checkpoint_ns", &type_string, false },
    { "checkpoint_id", &type_string, false },
    { "interrupt_before", &stops, false },
    { "interrupt_after", &stops, false },
    { "durability", &durability, false },
    { "checkpoint_during", &type_boolean, false },
    { "multitask_strategy", &multitask, false },
    { "on_disconnect", &disconnect, false },
    { "on_completion", &completion, false },
    { "if_not_exists", &if_not_exists, false },
    { "after_seconds", &seconds, false },
    { "webhook", &address, false },
    { "timeout_ms", &milliseconds, false },
    BODY_END,
};

json_t *run_body_find(const json_t *body, const char *key)
{
    for (const char *dot; (dot = strchr(key, '.')) != NULL; key = dot + 1)
        body = json_object_getn(body, key, (size_t)(dot - key));
    json_t *found = json_object_get(body, key);

    return json_is_null(found) ? NULL : found;
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

    if (!json_is_object(to) || fail_is_set(f))
        return;
    if (node == NULL)
        fail_set(
            f, FAIL_BAD_REQUEST,
            "\"command.goto\": \"node\" is missing: {\"node\", \"arg\"} names the node to run");
    else if (!json_is_string(node))
        fail_set(f, FAIL_BAD_REQUEST, "\"command.goto.node\" must be a node's name, not %s",
                 jsonx_type_name(node));
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

    if (command != NULL && door == DOOR_INVOKE) {
        refuse_unknown_key(command, f);
        if (!fail_is_set(f) && run_body_find(body, "input") != NULL)
            fail_set(f, FAIL_UNPROCESSABLE,
                     "\"input\" and \"command\": a run begins with one of them; send one");
    }
    return fail_is_set(f) ? RUN_BODY_E_WRONG : 0;
}

int run_body_check(json_t *body, enum door door, bool is_on_thread, struct fail *f)
{
    check_goto(run_body_find(run_body_find(body, "command"), "goto"), f);
    int r = fail_is_set(f) ? RUN_BODY_E_WRONG : body_check(body, run_body_keys, f);

    if (r == 0)
        r = check_refused(body, door, is_on_thread, f);
    if (r == 0 && !is_on_thread)
        r = check_thread_id(body, f);
    return r == 0 ? check_command(body, door, f) : r;
}
