/*
 * The protocol's resources with a worker, a server and sockets: that no lack of memory makes an
 * answer look right that is not, and that whatever was begun then can be done again.
 */
#include "api/about.h"
#include "api/work.h"
#include "graph/parse.h"
#include "http_rig.h"
#include "run/worker.h"

static const char graph_text[] =
    "{\"name\":\"g\",\"state\":{\"q\":{\"type\":\"string\"},"
    "\"log\":{\"type\":\"array\",\"reducer\":\"append\"}},"
    "\"nodes\":{\"one\":{\"kind\":\"set\",\"values\":{\"log\":\"one\"}}},"
    "\"edges\":[[\"__start__\",\"one\"],[\"one\",\"__end__\"]]}";

#define THREAD "/threads/00000000-0000-4000-8000-000000000001"

static struct rig rig;
static struct worker worker;
static struct registry graphs;
static struct api api;
static struct desk *desk;

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

static void setup(const char *database)
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
    rig_set(&rig.conf.database, database);
    ck_assert_int_eq(worker_init(&worker, &rig.conf, no_env), 0);
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
    api_finish(&api);
    desk = desk_free(desk);
    worker_deinit(&worker);
    registry_deinit(&graphs);
    conf_deinit(&rig.conf);
}

/* ---- the client ---- */

static void ask(const char *method, const char *path, const char *body, struct answer *a)
{
    cl_exchange(&rig, method, path, body, a);
}

/* ---- without memory ---- */

static unsigned long fail_at;
static bool is_pending;
static int row_index;

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

/* What is there when a request is made: a thread with a state, a changed assistant, an item. */
static const struct request {
    const char *method;
    const char *path;
    const char *body;
    int status;
    const char *has; /* is in the body of a good answer */
} prepared[] = {
    { "POST", "/threads",
      "{\"thread_id\":\"00000000-0000-4000-8000-000000000001\",\"metadata\":{\"graph_id\":\"g\"},"
      "\"supersteps\":[{\"updates\":[{\"values\":{\"q\":\"x\"},\"as_node\":\"one\"}]}]}",
      200, "\"values\":{\"q\":\"x\",\"log\":[]}" },
    { "PATCH", "/assistants/g", "{\"name\":\"h\"}", 200, "\"version\":2" },
    { "PUT", "/store/items",
      "{\"namespace\":[\"a\",\"b\"],\"key\":\"k\",\"value\":{\"x\":1},\"ttl\":5}", 204, "" },
};

static const struct request requests[] = {
    { "POST", "/threads", "{\"metadata\":{\"a\":1},\"ttl\":5}", 200, "\"metadata\":{\"a\":1}" },
    { "POST", "/threads",
      "{\"metadata\":{\"graph_id\":\"g\"},\"supersteps\":[{\"updates\":[{\"values\":{\"q\":\"x\"},"
      "\"as_node\":\"one\"}]}]}",
      200, "\"values\":{\"q\":\"x\"" },
    { "GET", THREAD "?include=ttl", "", 200, "\"values\"" },
    { "PATCH", THREAD, "{\"metadata\":{\"b\":2}}", 200, "\"b\":2" },
    { "POST", THREAD "/copy", "", 200, "\"graph_id\":\"g\"" },
    { "POST", "/threads/search",
      "{\"metadata\":{\"graph_id\":\"g\"},\"values\":{\"q\":\"x\"},\"select\":[\"values\"],"
      "\"ids\":[\"00000000-0000-4000-8000-000000000001\"]}",
      200, "[{\"values\":{\"q\":\"x\"" },
    { "POST", "/threads/count", "{}", 200, "" },
    { "POST", "/threads/prune",
      "{\"thread_ids\":[\"00000000-0000-4000-8000-000000000001\"],\"strategy\":\"keep_latest\"}",
      200, "{\"pruned_count\":1}" },
    { "GET", THREAD "/state?subgraphs=true", "", 200, "\"checkpoint_map\":null" },
    { "POST", THREAD "/state", "{\"values\":{\"q\":\"x\"},\"as_node\":\"one\"}", 200,
      "{\"checkpoint\":{\"thread_id\"" },
    { "POST", THREAD "/history", "{\"limit\":1}", 200, "[{\"values\":{\"q\":\"x\"" },
    { "POST", "/assistants", "{\"graph_id\":\"g\",\"name\":\"i\"}", 200, "\"name\":\"i\"" },
    { "GET", "/assistants/g", "", 200, "\"name\":\"h\"" },
    { "PATCH", "/assistants/g", "{\"metadata\":{\"m\":1}}", 200, "\"m\":1" },
    { "POST", "/assistants/search", "{\"name\":\"h\",\"select\":[\"name\"]}", 200,
      "[{\"name\":\"h\"}]" },
    { "POST", "/assistants/count", "{\"name\":\"h\"}", 200, "1" },
    { "POST", "/assistants/g/versions", "{\"metadata\":{},\"limit\":1}", 200, "\"version\":" },
    { "POST", "/assistants/g/latest", "{\"version\":2}", 200, "\"name\":\"h\"" },
    { "GET", "/assistants/g/graph?xray=1", "", 200, "\"id\":\"__end__\"" },
    { "GET", "/assistants/g/schemas", "", 200, "\"context_schema\"" },
    { "GET", "/store/items?namespace=a.b&key=k", "", 200, "\"value\":{\"x\":1}" },
    { "POST", "/store/items/search", "{\"namespace_prefix\":[\"a\"],\"filter\":{\"x\":1}}", 200,
      "{\"items\":[{\"value\":{\"x\":1}" },
    { "POST", "/store/namespaces", "{\"prefix\":[\"a\"],\"suffix\":[\"b\"]}", 200,
      "{\"namespaces\":[[\"a\",\"b\"]]}" },
    { "PUT", "/store/items", "{\"namespace\":[\"c\"],\"key\":\"k\",\"value\":{}}", 204, "" },
    { "DELETE", "/store/items", "{\"namespace\":[\"c\"],\"key\":\"k\"}", 204, "" },
};

static void check_good(const struct request *q, const struct answer *a)
{
    ck_assert_msg(a->status == q->status && strstr(a->body, q->has) != NULL, "%s %s: %s", q->method,
                  q->path, a->text);
}

/* No answer, or one that says what happened, or a right one. A search without a total has none. */
static void check(const struct request *q, const struct answer *a)
{
    if (a->len > 0 && a->status != 500 && a->status != 0)
        check_good(q, a);
}

static void prepare(void)
{
    static struct answer a;
    for (size_t i = 0; i < sizeof(prepared) / sizeof(prepared[0]); i++) {
        ask(prepared[i].method, prepared[i].path, prepared[i].body, &a);
        check_good(&prepared[i], &a);
    }
}

static void ask_without_memory(struct rig *unused)
{
    static struct answer a;
    const struct request *q = &requests[row_index];
    (void)unused;
    prepare();
    for (fail_at = 1; fail_at < 5000; fail_at++) {
        rig_on_loop(&rig, arm);
        ask(q->method, q->path, q->body, &a);
        rig_on_loop(&rig, disarm);
        check(q, &a);
        if (is_pending)
            break;
    }
    ck_assert_uint_lt(fail_at, 5000);
    ask(q->method, q->path, q->body, &a);
    check_good(q, &a);
}

START_TEST(without_memory_a_request_fails_or_is_right)
{
    setup("memory:");
    row_index = _i;
    rig_run(&rig, ask_without_memory);
    teardown();
}
END_TEST

int main(void)
{
    mem_init();
    Suite *suite = suite_create("resources");
    TCase *tc = tcase_create("resources");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, without_memory_a_request_fails_or_is_right, 0,
                        sizeof(requests) / sizeof(requests[0]));
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
