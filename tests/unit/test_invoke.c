/*
 * The doors that start a run, with a worker, a server and sockets: what a body may say, and that no
 * lack of memory makes an answer look whole that is not.
 */
#include "api/about.h"
#include "graph/parse.h"
#include "http_rig.h"
#include "run/worker.h"

static const char graph_text[] =
    "{\"name\":\"g\",\"state\":{\"q\":{\"type\":\"string\"},"
    "\"log\":{\"type\":\"array\",\"reducer\":\"append\"}},"
    "\"nodes\":{\"one\":{\"kind\":\"set\",\"values\":{\"log\":\"one\"}}},"
    "\"edges\":[[\"__start__\",\"one\"],[\"one\",\"__end__\"]]}";

static const char asking_text[] =
    "{\"name\":\"asking\",\"state\":{\"q\":{\"type\":\"string\"},\"a\":{\"type\":\"any\"}},"
    "\"nodes\":{\"ask\":{\"kind\":\"interrupt\",\"value\":\"well?\",\"output\":\"a\"}},"
    "\"edges\":[[\"__start__\",\"ask\"],[\"ask\",\"__end__\"]]}";

static struct rig rig;
static struct worker worker;
static struct registry graphs;
static struct desk *desk;
static struct api api;

static void load_graph(const char *text)
{
    struct builder_limits limits = worker_builder_limits(&rig.conf);
    struct problems problems;
    struct graph *graph = NULL;
    problems_init(&problems);
    ck_assert_int_eq(graph_parse(&worker.services.kinds, &limits, "g.json", text, strlen(text),
                                 &problems, &graph),
                     0);
    ck_assert_int_eq(registry_add(&graphs, graph), 0);
    graph_unref(graph);
    problems_deinit(&problems);
}

static void setup(void)
{
    static char *const no_env[] = { NULL };
    struct http_options options = {
        .conf = &rig.conf, .routes = api_routes, .route_count = api_route_count, .app = &api,
        .admit = about_admit
    };
    rig = (struct rig){ .port = 0 };
    log_level_set(getenv("RIG_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
    ck_assert_int_eq(conf_default(&rig.conf), 0);
    rig_set(&rig.conf.listen, "127.0.0.1:0");
    rig_set(&rig.conf.database, "memory:");
    ck_assert_int_eq(worker_init(&worker, &rig.conf, no_env), 0);
    load_graph(asking_text);
    load_graph(graph_text);
    ck_assert_int_eq(desk_new(&worker.services, worker.runs, &graphs, &desk), 0);
    api = (struct api){
        .services = &worker.services, .runs = worker.runs, .desk = desk, .graphs = &graphs
    };
    rig.loop = worker.loop;
    ck_assert_int_eq(http_server_new(rig.loop, &options, &rig.server, rig.text, sizeof(rig.text)),
                     0);
    rig.port = atoi(strrchr(rig.text, ':') + 1);
}

static void teardown(void)
{
    rig.server = http_server_free(rig.server);
    worker_end_runs(&worker);
    desk = desk_free(desk);
    worker_deinit(&worker);
    registry_deinit(&graphs);
    conf_deinit(&rig.conf);
}

/* ---- the client ---- */

static void post(const char *path, const char *body, struct answer *a)
{
    cl_exchange(&rig, "POST", path, body, a);
}

/* ---- bodies ---- */

static const struct sample {
    const char *path;
    const char *body;
    int status;
    const char *says;
} samples[] = {
    { "/invoke", "{'graph':'g','input':{'q':'x'}}", 200, "{'q':'x','log':['one']}" },
    { "/invoke", "{'graph':'g','input':{}}", 200, "{'log':['one']}" },
    { "/invoke", "{'graph':'g'}", 422, "EmptyInputError" },
    { "/invoke", "[]", 400, "must be a JSON object, not array" },
    { "/invoke", "{'input':{}}", 400, "is missing: name the graph" },
    { "/runs/wait", "{'input':{}}", 400, "\"assistant_id\" is missing" },
    { "/invoke", "{'graph':'h','input':{}}", 404, "known graphs: asking, g" },
    { "/invoke", "{'graph':'g','input':{},'webhook':true}", 400, "webhook" },
    { "/invoke", "{'graph':'g','input':{},'webhook':'http://10.0.0.1/x'}", 422, "webhook" },
    { "/invoke", "{'graph':'g','input':{},'webhook':''}", 200, "one" },
    { "/invoke", "{'graph':'g','input':{},'if_not_exists':'perhaps'}", 400, "create or reject" },
    { "/invoke", "{'graph':'g','input':{},'thread_id':'t'}", 200, "{'log':['one']}" },
    { "/invoke", "{'graph':'g','input':{},'thread_id':''}", 422, "1 to 255 bytes" },
    { "/invoke", "{'graph':'g','input':{},'thread_id':5}", 400, "thread_id" },
    { "/invoke", "{'graph':'g','thread_id':'t'}", 422, "EmptyInputError" },
    { "/invoke", "{'graph':'asking','input':{'q':'x'},'thread_id':'t'}", 200,
      "{'q':'x','__interrupt__':[{'id':'" },
    { "/invoke", "{'graph':'asking','input':{},'thread_id':'t','interrupt_before':'*'}", 200,
      "{'__interrupt__':[]}" },
    { "/invoke", "{'graph':'asking','input':{}}", 422, "thread_id" },
    { "/invoke", "{'graph':'g','input':{},'thread_id':'t','if_not_exists':'reject'}", 404,
      "Thread with ID t not found" },
    { "/runs/wait", "{'assistant_id':'g','input':{},'thread_id':'t'}", 422, "/threads/" },
    { "/runs/wait", "{'assistant_id':'g','input':{},'config':{'configurable':{'thread_id':'t'}}}",
      200, "{" },
    { "/invoke", "{'graph':'asking','input':{},'config':{'configurable':{'thread_id':'t'}}}", 200,
      "__interrupt__" },
    { "/invoke",
      "{'graph':'asking','input':{},'thread_id':'t','config':{'configurable':{'thread_id':'t'}}}",
      200, "__interrupt__" },
    { "/invoke",
      "{'graph':'asking','input':{},'thread_id':'t','config':{'configurable':{'thread_id':'u'}}}",
      422, "send one of them" },
    { "/invoke", "{'graph':'g','input':{},'config':{'configurable':{'thread_id':5}}}", 400,
      "config.configurable.thread_id" },
    { "/invoke",
      "{'graph':'g','input':{},'config':{'configurable':{'thread_id':'t'}},'if_not_exists':"
      "'reject'}",
      404, "Thread with ID t not found" },
    { "/invoke", "{'graph':'g','command':{}}", 422, "EmptyInputError" },
    { "/invoke", "{'graph':'g','input':{},'command':{'goto':'one'}}", 422, "send one" },
    { "/runs/wait", "{'assistant_id':'g','input':{},'command':{'goto':'one'}}", 200,
      "{'log':['one']}" },
    { "/invoke", "{'graph':'g','input':null,'command':{'resume':1}}", 422, "command.resume" },
    { "/invoke", "{'graph':'g','thread_id':'t','command':{'resume':1}}", 422,
      "UnknownInterruptError" },
    { "/invoke", "{'graph':'g','command':{'goto':[{'node':'one'},'one'],'x':null}}", 200,
      "{'log':['one','one']}" },
    { "/invoke", "{'graph':'g','command':{'goto':'one','resum':1}}", 422,
      "key \\\"resum\\\"; it may have resume, update, goto" },
    { "/runs/wait", "{'assistant_id':'g','command':{'goto':'one','resum':1}}", 200, "one" },
    { "/invoke", "{'graph':'g','command':{'goto':{'node':1}}}", 400, "command.goto.node" },
    { "/invoke", "{'graph':'g','command':{'goto':['one',{'nod':'one'}]}}", 400,
      "\\\"node\\\" is missing" },
    { "/invoke", "{'graph':'g','command':{'goto':{'node':'one','arg':{},'input':{}}}}", 422,
      "send one of them" },
    { "/invoke", "{'graph':'g','command':{'goto':{'node':'one','arg':{},'input':null}}}", 200,
      "{'log':['one']}" },
    { "/invoke", "{'graph':'g','command':{'update':[['q','x'],['no','x']]}}", 200, "{'q':'x'" },
    { "/invoke", "{'graph':'g','command':{'update':['q']}}", 400, "command.update" },
    { "/invoke", "{'graph':'g','input':{},'checkpoint_id':'x'}", 422, "thread_id" },
    { "/invoke", "{'graph':'g','thread_id':'t','checkpoint':{'checkpoint_id':'x'}}", 404, "'t" },
    { "/invoke", "{'graph':'g','thread_id':'t','checkpoint':{'checkpoint_ns':'a:b'}}", 422,
      "checkpoint_ns" },
    { "/invoke", "{'graph':'g','input':{},'config':{'configurable':{'checkpoint_id':1}}}", 400,
      "config.configurable.checkpoint_id" },
    { "/runs/stream", "{'assistant_id':'g','input':{},'checkpoint_id':'x'}", 422, "/threads/" },
    { "/invoke", "{'graph':'g','input':{},'durability':'never'}", 400, "sync, async or exit" },
    { "/invoke", "{'graph':'g','input':{},'config':{'max_concurrency':0}}", 422, "at least 1" },
    { "/invoke", "{'graph':'g','input':{},'config':{'max_concurrency':'1'}}", 400, "integer" },
    { "/invoke", "{'graph':'g','input':{},'config':{'recursion_limit':-1}}", 422, "at least 1" },
    { "/invoke", "{'graph':'g','input':{},'config':{'recursion_limit':9223372036854775807}}", 422,
      "at most" },
    { "/invoke", "{'graph':'g','input':{},'interrupt_before':[]}", 200, "one" },
    { "/invoke", "{'graph':'g','input':{},'interrupt_before':'*'}", 200,
      "{'log':[],'__interrupt__':[]}" },
    { "/invoke", "{'graph':'g','input':{},'interrupt_before':'one'}", 400, "interrupt_before" },
    { "/runs/wait", "{'assistant_id':'g','input':{},'interrupt_after':['one']}", 200,
      "\n{'__interrupt__':[]}" },
    { "/invoke", "{'graph':'g','input':{},'after_seconds':0}", 200, "one" },
    { "/invoke", "{'graph':'g','input':{},'after_seconds':0.5}", 422, "after_seconds" },
    { "/invoke", "{'graph':'g','input':{},'config':{'tags':[1]}}", 400, "config.tags" },
    { "/invoke", "{'graph':'g','input':{},'config':{'recursion_limit':1}}", 422,
      "GraphRecursionError" },
    { "/invoke", "{'graph':'g','input':{},'stream_mode':['values','x']}", 400,
      "one or a list of values, updates" },
    { "/invoke", "{'graph':'g','input':{},'stream_mode':'tools'}", 422, "this version knows" },
    { "/invoke", "{'graph':'g','input':{},'on_disconnect':'x'}", 400, "cancel or continue" },
    { "/invoke", "{'graph':'g','input':{},'timeout_ms':-1}", 400, "0 or more, not -1" },
    { "/runs/wait", "{'assistant_id':'g','input':5}", 200, "{'__error__':{'error':'InvalidInput" },
    { "/runs/wait", "{'assistant_id':'g','input':{'q':'x'}}", 200, "{'q':'x','log':['one']}" },
    { "/runs/stream", "{'assistant_id':'g','input':{}}", 200,
      "event: values\ndata: {'log':['one']}" },
};

static const char *with_quotes(const char *text, char to[512])
{
    size_t i = 0;
    for (; text[i] != '\0'; i++) {
        ck_assert_uint_lt(i, 511);
        to[i] = text[i] == '\'' ? '"' : text[i];
    }
    to[i] = '\0';
    return to;
}

static int sample_index;

static void ask_sample(struct rig *unused)
{
    (void)unused;
    const struct sample *s = &samples[sample_index];
    static struct answer a;
    char body[512];
    char says[512];
    post(s->path, with_quotes(s->body, body), &a);
    ck_assert_msg(a.status == s->status, "%s: %s", s->body, a.text);
    ck_assert_msg(strstr(a.body, with_quotes(s->says, says)) != NULL, "%s: %s", s->body, a.text);
}

START_TEST(a_body_is_answered_as_the_table_says)
{
    setup();
    sample_index = _i;
    rig_run(&rig, ask_sample);
    teardown();
}
END_TEST

static void ask_long_name(struct rig *unused)
{
    (void)unused;
    static struct answer a;
    char body[512] = "{\"input\":{},\"graph\":\"x";
    for (int i = 0; i < 100; i++)
        strcat(body, "\u00e4"); /* the cut falls inside a character */
    strcat(body, "\"}");
    post("/invoke", body, &a);
    ck_assert_int_eq(a.status, 404);
    ck_assert_msg(strstr(a.body, "known graphs: asking, g\"") != NULL, "%s", a.text);
}

START_TEST(a_long_name_that_is_cut_does_not_cut_the_message)
{
    setup();
    rig_run(&rig, ask_long_name);
    teardown();
}
END_TEST

/* ---- without memory ---- */

static unsigned long fail_at;
static bool is_pending;

static void arm(struct rig *unused)
{
    (void)unused;
    mem_fail_at(fail_at);
}

static void disarm(struct rig *unused)
{
    (void)unused;
    is_pending = mem_fail_pending() != 0;
    mem_fail_at(0);
}

static const struct door {
    const char *path;
    const char *body;
    const char *whole; /* how the body of a good answer ends */
} doors[] = {
    { "/invoke", "{\"graph\":\"g\",\"input\":{\"q\":\"x\"}}", "{\"q\":\"x\",\"log\":[\"one\"]}" },
    { "/runs/wait", "{\"assistant_id\":\"g\",\"input\":{\"q\":\"x\"}}",
      "{\"q\":\"x\",\"log\":[\"one\"]}\r\n0\r\n\r\n" },
    { "/runs/stream", "{\"assistant_id\":\"g\",\"input\":{\"q\":\"x\"}}",
      "data: {\"q\":\"x\",\"log\":[\"one\"]}\n\n\r\n0\r\n\r\n" },
    { "/invoke", "{\"graph\":\"asking\",\"input\":{\"q\":\"x\"},\"thread_id\":\"a b\"}",
      "\"value\":\"well?\"}]}" },
    { "/invoke",
      "{\"graph\":\"g\",\"command\":"
      "{\"update\":[[\"q\",\"x\"]],\"goto\":[\"one\",{\"node\":\"one\",\"input\":{}}]}}",
      "{\"q\":\"x\",\"log\":[\"one\",\"one\"]}" },
};
static const struct door *door;

static bool ends_with(const struct answer *a, const char *end)
{
    size_t len = strlen(end);
    return a->body_len >= len && memcmp(a->body + a->body_len - len, end, len) == 0;
}

/* An answer may be missing, be cut off, or tell an error; one that looks whole must be whole. */
static void check_answer(const struct answer *a)
{
    bool is_cut =
        a->len == 0 || (strcasestr(a->text, "chunked") != NULL && !ends_with(a, "\r\n0\r\n\r\n"));
    if (is_cut || a->status == 500 || strstr(a->body, "error") != NULL)
        return;
    ck_assert_int_eq(a->status, 200);
    ck_assert_msg(ends_with(a, door->whole), "allocation %lu: %s", fail_at, a->text);
}

static void ask_without_memory(struct rig *unused)
{
    (void)unused;
    static struct answer a;
    for (fail_at = 1; fail_at < 5000; fail_at++) {
        rig_on_loop(&rig, arm);
        post(door->path, door->body, &a);
        rig_on_loop(&rig, disarm);
        check_answer(&a);
        if (is_pending)
            break;
    }
    ck_assert_uint_lt(fail_at, 5000);
    ck_assert_msg(ends_with(&a, door->whole), "%s", a.text);
}

START_TEST(without_memory_no_answer_looks_whole_that_is_not)
{
    setup();
    door = &doors[_i];
    log_level_set(LOG_ERROR);
    rig_run(&rig, ask_without_memory);
    teardown();
}
END_TEST

static struct {
    const char *path;
} const lists[] = { { "/graphs" }, { "/info" } };

static void get_without_memory(struct rig *unused)
{
    (void)unused;
    static struct answer a;
    char request[128];
    const char *path = lists[sample_index].path;
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    for (fail_at = 1; fail_at < 5000; fail_at++) {
        int fd = cl_open(&rig);
        rig_on_loop(&rig, arm);
        cl_send(fd, request);
        shutdown(fd, SHUT_WR);
        a.len = 0;
        a.text[0] = '\0';
        while (cl_more(fd, &a))
            ;
        close(fd);
        rig_on_loop(&rig, disarm);
        ck_assert_msg(a.len == 0 || strstr(a.text, "HTTP/1.1 200") == a.text ||
                          strstr(a.text, "HTTP/1.1 500") == a.text,
                      "%s", a.text);
        if (is_pending)
            break;
    }
    ck_assert_uint_lt(fail_at, 5000);
}

START_TEST(lists_without_memory_end_the_request_only)
{
    setup();
    sample_index = _i;
    rig_run(&rig, get_without_memory);
    teardown();
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("invoke");
    TCase *tc = tcase_create("invoke");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_body_is_answered_as_the_table_says, 0,
                        sizeof(samples) / sizeof(samples[0]));
    tcase_add_test(tc, a_long_name_that_is_cut_does_not_cut_the_message);
    tcase_add_loop_test(tc, without_memory_no_answer_looks_whole_that_is_not, 0,
                        sizeof(doors) / sizeof(doors[0]));
    tcase_add_loop_test(tc, lists_without_memory_end_the_request_only, 0,
                        sizeof(lists) / sizeof(lists[0]));
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
