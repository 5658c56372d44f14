/*
 * What a run's body says of its thread: which one, from which checkpoint on, with what command, and
 * where to stop; and what is to be done if the thread is unknown or busy. The runs of /runs/... have
 * no thread, so nothing can be resumed there.
 */
#include "api/run_body.h"
#include "base/err.h"
#include <string.h>

static const char *find_text(const json_t *body, const char *key)
{
    return json_string_value(run_body_find(body, key));
}

/* ---- the command ---- */

/* The protocol calls the input of a Send `input`, LangGraph and the run layer `arg`. */
static json_t *destination_new(const json_t *to)
{
    json_t *arg = run_body_find(to, "arg");

    if (json_is_string(to))
        return json_incref((json_t *)to);
    if (arg == NULL)
        arg = run_body_find(to, "input");
    return json_pack("{s:O, s:O}", "node", json_object_get(to, "node"), "arg",
                     arg == NULL ? json_null() : arg);
}

static json_t *goto_new(const json_t *to)
{
    const json_t *one;
    json_t *list;
    size_t i;

    if (!json_is_array(to))
        return destination_new(to);
    list = json_array();
    json_array_foreach(to, i, one) {
        if (json_array_append_new(list, destination_new(one)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Without keys that are not known: the doors of the protocol ignore them. */
static json_t *command_new(const json_t *said)
{
    static const char *const taken[] = { "resume", "update" };
    const json_t *to = run_body_find(said, "goto");
    json_t *command = json_object();
    int bad = command == NULL;

    for (size_t i = 0; !bad && i < sizeof(taken) / sizeof(taken[0]); i++) {
        json_t *part = run_body_find(said, taken[i]);
        bad = part != NULL && json_object_set(command, taken[i], part) != 0;
    }
    if (!bad && to != NULL)
        bad = json_object_set_new(command, "goto", goto_new(to)) != 0;
    if (!bad)
        return command;
    json_decref(command);
    return NULL;
}

static bool refuse_resume(enum door door, const struct run_body *b, struct fail *f)
{
    if (b->request.thread_id != NULL || json_object_get(b->command, "resume") == NULL)
        return false;
    fail_set(f, FAIL_UNPROCESSABLE, "\"command.resume\": %s",
             door == DOOR_INVOKE
                 ? "an answer needs the thread that asked; send its \"thread_id\""
                 : "these runs are stateless, so none of them has asked anything; POST "
                   "/threads/THREAD/runs/... resumes a thread");
    return true;
}

/* A command comes in place of an input; the protocol's doors may be given both. */
static int read_command(enum door door, struct run_body *b, struct fail *f)
{
    const json_t *said = run_body_find(b->json, "command");

    if (said == NULL)
        return 0;
    b->command = command_new(said);
    if (b->command == NULL)
        return err_trace(ERR_NOMEM);
    b->request.command = b->command;
    b->request.input = NULL;
    return refuse_resume(door, b, f) ? RUN_BODY_E_WRONG : 0;
}

/* ---- the place ---- */

static int read_checkpoint(enum door door, struct run_body *b, struct fail *f)
{
    static const char *const places[] = { "checkpoint_id", "checkpoint.checkpoint_id",
                                          "config.configurable.checkpoint_id" };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (b->request.checkpoint_id == NULL)
            b->request.checkpoint_id = find_text(b->json, places[i]);
    }
    if (b->request.checkpoint_id == NULL || door == DOOR_INVOKE || b->is_on_thread)
        return 0;
    fail_set(f, FAIL_UNPROCESSABLE,
             "\"checkpoint_id\": these runs are stateless and have no checkpoints; POST "
             "/threads/THREAD/runs/... takes one");
    return RUN_BODY_E_WRONG;
}

/* What happens where the body does not say it. /invoke makes its thread. */
static void read_words(enum door door, struct run_body *b)
{
    const char *multitask = find_text(b->json, "multitask_strategy");
    const char *unknown = find_text(b->json, "if_not_exists");
    bool is_invoke = door == DOOR_INVOKE;

    b->multitask = MULTITASK_REJECT;
    if (multitask != NULL)
        b->multitask = (enum multitask)multitask_find(multitask); /* was checked */
    b->creates_thread = unknown != NULL ? strcmp(unknown, "create") == 0 : is_invoke;
    b->after_ms = (int64_t)(1000 * json_number_value(run_body_find(b->json, "after_seconds")));
}

/* checkpoint_during is what older clients say. */
static const char *read_durability(const json_t *body)
{
    const char *said = find_text(body, "durability");
    const json_t *during = run_body_find(body, "checkpoint_during");

    if (said != NULL || during == NULL)
        return said;
    return json_is_true(during) ? "async" : "exit";
}

int run_body_read_thread(enum door door, struct run_body *b, struct fail *f)
{
    struct run_request *request = &b->request;
    int r;

    if (door == DOOR_INVOKE)
        request->thread_id = run_body_thread_id(b->json);
    b->is_on_thread = request->thread_id != NULL;
    read_words(door, b);
    request->interrupt_before = run_body_find(b->json, "interrupt_before");
    request->interrupt_after = run_body_find(b->json, "interrupt_after");
    request->durability = read_durability(b->json);
    request->is_strict = door == DOOR_INVOKE;
    r = read_checkpoint(door, b, f);
    return r == 0 ? read_command(door, b, f) : r;
}
