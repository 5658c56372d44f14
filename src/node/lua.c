/*
 * `lua`: a function of (state, config, error) in a script. The script's side is script/call.h; here its
 * words become those of a task.
 */
#include "base/err.h"
#include "base/mem.h"
#include "graph/code.h"
#include "graph/path.h"
#include "node/kit.h"
#include "script/call.h"
#include <string.h>

enum { WHY_MAX_BYTES = 4096 };

struct lua_job {
    struct task *task;
    struct script_call *call;
    char emit_id[KIT_MESSAGE_ID_BYTES]; /* of the message that emit() adds to; "" = none yet */
};

/* ---- configure ---- */

static int read_function(struct setup *s, struct code *code, struct script_function *f)
{
    const char *name = setup_string(s, "function", false);
    const char *text = setup_string(s, "code", false);
    struct buf why MEM_AUTO(buf_deinit);
    int r = 0;
    buf_init(&why, WHY_MAX_BYTES);
    if ((name == NULL) == (text == NULL)) {
        setup_problem(s, NULL, "give one of them",
                      "a lua node has either \"function\" or \"code\"");
        return 0;
    }
    if (code == NULL)
        return 0;
    r = name != NULL ? script_find_function(script_of_code(code), name, f, &why)
                     : script_compile_body(script_of_code(code), setup_node_name(s), text, f, &why);
    if (r == SCRIPT_E_WRONG)
        setup_problem(s, name != NULL ? "function" : "code", NULL, "%s", buf_text(&why));
    return r < 0 ? err_trace(r) : 0;
}

static void config_free(void *config)
{
    if (config != NULL)
        script_function_clear(config);
    mem_free(config);
}

static int configure(struct setup *s, void **ret_config)
{
    struct script_function *f = mem_zalloc(sizeof(*f));
    struct code *code = NULL;
    int r = f == NULL ? ERR_NOMEM : setup_code(s, "function", &code);
    if (r == 0)
        r = read_function(s, code, f);
    if (r != 0) {
        config_free(f);
        return err_trace(r);
    }
    setup_needs_facts(s);
    *ret_config = f;
    return 0;
}

/* ---- what the script says ---- */

static void finish(void *arg, json_t *take)
{
    struct task *task = ((struct lua_job *)arg)->task;
    struct outcome outcome = { .parent = NULL };
    struct fail f = { .code = FAIL_NONE };
    int r = outcome_add_result(&outcome, task->graph, task->node->name, take, &f);
    json_decref(take);
    if (r == 0)
        task_decide(task, &outcome);
    else if (r == OUTCOME_E_REFUSED)
        task_fail(task, &f);
    else
        task_fault(task, r);
    outcome_clear(&outcome);
}

static void fail(void *arg, struct fail *take)
{
    task_fail(((struct lua_job *)arg)->task, take);
}

static const json_t *ask(void *arg, json_t *take)
{
    return task_ask(((struct lua_job *)arg)->task, take);
}

static void custom(void *arg, json_t *take)
{
    task_custom(((struct lua_job *)arg)->task, take);
}

/* Its own message, whatever models say meanwhile. */
static void emit(void *arg, const char *text, size_t len_bytes)
{
    struct lua_job *x = arg;
    if (x->emit_id[0] == '\0') {
        kit_message_id(x->emit_id);
        task_message_open(x->task, x->emit_id, "");
    }
    task_message_use(x->task, x->emit_id);
    task_emit(x->task, text, len_bytes);
}

static void message_open(void *arg, const char *id, const char *model)
{
    task_message_open(((struct lua_job *)arg)->task, id, model);
}

static void message_delta(void *arg, const char *id, const struct llm_delta *delta)
{
    struct task *task = ((struct lua_job *)arg)->task;
    task_message_use(task, id);
    task_message_delta(task, delta);
}

static void message_close(void *arg, const char *id)
{
    task_message_close(((struct lua_job *)arg)->task, id);
}

static void progress(void *arg)
{
    task_progress(((struct lua_job *)arg)->task);
}

static const char *id_of_task(void *arg)
{
    return task_id(((struct lua_job *)arg)->task);
}

static const struct script_host host = {
    .finish = finish,
    .fail = fail,
    .ask = ask,
    .custom = custom,
    .emit = emit,
    .message_open = message_open,
    .message_delta = message_delta,
    .message_close = message_close,
    .progress = progress,
    .task_id = id_of_task,
};

/* ---- the contract ---- */

static struct script_about about_task(struct task *task, json_t *state)
{
    const struct scope *scope = &task->scope;
    return (struct script_about){
        .run_id = task->run_id,
        .node = task->node->name,
        .attempt = task->attempt,
        .graph = task->graph,
        .state = state,
        .context = scope->context,
        .configurable = scope->configurable,
        .facts = scope->facts,
        .error = json_object_get(scope->extra, "error"),
    };
}

static int begin(struct lua_job *x, struct fail *f)
{
    struct task *task = x->task;
    json_t *state = scope_input(&task->scope);
    if (state == NULL)
        return err_trace(ERR_NOMEM);
    const struct script_call_options options = {
        .function = task->node->config,
        .loop = task->services->loop,
        .fetcher = task->services->fetcher,
        .models = task->services->models,
        .store = task->services->store,
        .host = &host,
        .arg = x,
        .about = about_task(task, state),
    };
    int r = script_call_start(&options, &x->call, f);
    json_decref(state);
    return r < 0 ? err_trace(r) : r;
}

static void start(struct task *task)
{
    struct lua_job *x = mem_zalloc(sizeof(*x));
    struct fail f = { .code = FAIL_NONE };
    if (x == NULL) {
        task_fault(task, err_trace(ERR_NOMEM));
        return;
    }
    x->task = task;
    task->data = x;
    int r = begin(x, &f);
    if (r > 0)
        task_fail(task, &f);
    else if (r < 0)
        task_fault(task, r);
}

/* What has been begun is let go of at once; the coroutines are closed. */
static void cancel(struct task *task)
{
    struct lua_job *x = task->data;
    if (x != NULL)
        x->call = script_call_free(x->call);
}

static void release(struct task *task)
{
    cancel(task);
    task->data = mem_free(task->data);
}

const struct node_kind node_lua = {
    .name = "lua",
    .summary = "Runs a Lua function of the graph's script.",
    .configure = configure,
    .config_free = config_free,
    .start = start,
    .cancel = cancel,
    .release = release,
};
