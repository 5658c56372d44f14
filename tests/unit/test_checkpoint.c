/* run/checkpoint.h: moving on, the stored form and back, and how it looks from outside. */
#include "checkpoint_kit.h"
#include <stdio.h>
#include <stdlib.h>

/* a and b run together, c joins them; `secret` is private. */
#define STATE                                                                                      \
    "'state':{'log':{'type':'array','reducer':'append'},'last':{'type':'string'},"                 \
    "'n':{'type':'integer','reducer':'add'},"                                                      \
    "'secret':{'type':'string','private':true}}"
#define NODES "'nodes':{" KIT_STEP("a") "," KIT_STEP("b") "," KIT_STEP("c") "}"
#define GRAPH "{" STATE "," NODES ",'edges':[['__start__','a'],['__start__','b'],[['a','b'],'c']]}"

static struct graph *graph;
static struct checkpoint at;
static struct saver none; /* without a store: kit_step() keeps nothing */
static struct fail failure;

static void setup(void)
{
    graph = kit_graph(GRAPH);
    ck_assert_int_eq(checkpoint_init(&at, graph), 0);
    ck_assert_int_eq(saver_init(&none, NULL, NULL, "t", "", DURABILITY_ASYNC), 0);
}

static void teardown(void)
{
    saver_deinit(&none);
    checkpoint_deinit(&at);
    fail_clear(&failure);
    graph = graph_unref(graph);
}

static void begin(const char *input)
{
    kit_begin(&at, &none, input);
}

static void step(const char *results)
{
    kit_step(&at, &none, results);
}

/* ---- moving on ---- */

START_TEST(an_input_waits_then_start_applies_it_and_nodes_follow)
{
    ck_assert_int_eq(at.step, -2);
    begin("{'log':['in'],'unknown':1}");
    ck_assert_int_eq(at.step, -1);
    ck_assert_str_eq(checkpoint_source_name(at.source), "input");
    ck_assert_str_eq(at.parent_id, "");
    kit_expect_plan(&at, "__start__");
    kit_expect_state(&at, "{'log':[],'n':0}");
    char first[ID_BYTES];
    memcpy(first, at.id, ID_BYTES);
    step("{}");
    ck_assert_int_eq(at.step, 0);
    ck_assert_str_eq(at.parent_id, first);
    ck_assert_int_gt(strcmp(at.id, first), 0);
    ck_assert_ptr_null(at.input);
    kit_expect_plan(&at, "a b");
    kit_expect_state(&at, "{'log':['in'],'n':0}");
    step("{'b':{'log':['b']},'a':{'log':['a']}}");
    kit_expect_state(&at, "{'log':['in','a','b'],'n':0}");
    kit_expect_plan(&at, "c");
    step("{}");
    kit_expect_plan(&at, "");
    ck_assert_str_eq(checkpoint_source_name(at.source), "loop");
}
END_TEST

START_TEST(sends_are_applied_after_nodes_by_their_index)
{
    begin("{}");
    step("{}");
    step("{'a':{'__command__':{'goto':[{'node':'b','arg':{'x':1}},{'node':'b','arg':{'x':2}}]}}}");
    kit_expect_plan(&at, "b b c");
    step("{'b':{'log':['b']},'c':{'log':['c']}}");
    kit_expect_state(&at, "{'log':['c','b','b'],'n':0}");
}
END_TEST

START_TEST(a_refused_step_changes_nothing)
{
    struct kit_step s;
    bool changed[8] = { false };
    json_t *results = kit_json("{'a':{'last':'x'},'b':{'last':'y'}}");
    begin("{}");
    step("{}");
    kit_set_write(&at, 0, WRITE_ERROR, "{'name':'E'}");
    kit_step_fill(&s, &at, results);
    int r = checkpoint_apply(&at, s.tasks, s.count, &kit_limits, changed, &s.f);
    ck_assert_int_eq(r, CHECKPOINT_E_REFUSED);
    ck_assert_int_eq(s.f.code, FAIL_INVALID_UPDATE);
    kit_expect_plan(&at, "a b");
    kit_expect_state(&at, "{'log':[],'n':0}");
    ck_assert_uint_eq(at.write_count, 1);
    ck_assert(!changed[0] && !changed[1]);
    kit_step_clear(&s);
    json_decref(results);
}
END_TEST

START_TEST(a_handlers_writes_and_targets_count_but_no_edges)
{
    struct kit_step s;
    json_t *results = kit_json("{'a':{'__command__':{'update':{'log':['h']},'goto':'a'}}}");
    begin("{}");
    step("{}");
    kit_step_fill(&s, &at, results);
    s.tasks[0].node = NODE_NONE;
    ck_assert_int_eq(checkpoint_apply(&at, s.tasks, s.count, &kit_limits, NULL, &s.f), 0);
    kit_expect_plan(&at, "a");
    kit_expect_state(&at, "{'log':['h'],'n':0}");
    kit_step_clear(&s);
    json_decref(results);
}
END_TEST

START_TEST(a_command_adds_to_what_is_planned)
{
    struct outcome o = { 0 };
    bool changed[8] = { false };
    json_t *command = kit_json("{'update':{'n':5},'goto':'c'}");
    begin("{}");
    step("{}");
    kit_set_write(&at, 0, WRITE_RESULT, "{'update':[],'goto':[]}");
    ck_assert_int_eq(outcome_add_command(&o, graph, command, &failure), 0);
    ck_assert_int_eq(checkpoint_apply_null(&at, &o, &kit_limits, changed, &failure), 0);
    kit_expect_plan(&at, "a b c");
    kit_expect_state(&at, "{'log':[],'n':5}");
    ck_assert(changed[graph_find_field(graph, "n")]);
    ck_assert_uint_eq(at.write_count, 1);
    outcome_clear(&o);
    json_decref(command);
}
END_TEST

START_TEST(a_new_input_drops_what_was_planned_and_pending)
{
    begin("{'n':1}");
    step("{}");
    kit_set_write(&at, 0, WRITE_RESULT, "{'update':[['n',1]],'goto':[]}");
    begin("{'n':2}");
    ck_assert_uint_eq(at.write_count, 0);
    kit_expect_plan(&at, "__start__");
    step("{}");
    kit_expect_state(&at, "{'log':[],'n':3}");
    kit_expect_plan(&at, "a b");
}
END_TEST

START_TEST(pending_writes_are_found_replaced_and_dropped_by_kind)
{
    begin("{}");
    step("{}");
    for (size_t task = 0; task < 2; task++) {
        kit_set_write(&at, task, WRITE_INTERRUPT, "[1]");
        kit_set_write(&at, task, WRITE_INTERRUPT, "[2]");
        kit_set_write(&at, task, WRITE_RESUME, "['r']");
    }
    char id[ID_BYTES];
    kit_task_id(&at, 1, id);
    ck_assert_uint_eq(at.write_count, 4);
    kit_expect(checkpoint_find_write(&at, id, WRITE_INTERRUPT), "[2]");
    ck_assert_ptr_null(checkpoint_find_write(&at, NULL_TASK_ID, WRITE_INTERRUPT));
    checkpoint_drop_writes(&at, WRITE_INTERRUPT);
    ck_assert_ptr_null(checkpoint_find_write(&at, id, WRITE_INTERRUPT));
    kit_expect(checkpoint_find_write(&at, id, WRITE_RESUME), "['r']");
    checkpoint_clear_writes(&at);
    ck_assert_uint_eq(at.write_count, 0);
}
END_TEST

/* ---- ids ---- */

START_TEST(task_ids_depend_on_the_place_the_name_the_trigger_and_the_index)
{
    static const char *const edge[] = { "branch:to:a" };
    static const char *const other[] = { "join:a+b:a" };
    const struct planned tasks[] = {
        { PLANNED_PULL, 0, NULL, 0, edge, 1 },  { PLANNED_PULL, 1, NULL, 0, edge, 1 },
        { PLANNED_PULL, 0, NULL, 0, other, 1 }, { PLANNED_PUSH, 0, NULL, 0, edge, 1 },
        { PLANNED_PUSH, 0, NULL, 1, edge, 1 },
    };
    enum { COUNT = sizeof(tasks) / sizeof(tasks[0]) };
    char ids[COUNT + 2][ID_BYTES];
    char again[ID_BYTES];
    begin("{}");
    for (size_t i = 0; i < COUNT; i++)
        checkpoint_task_id(&at, "", &tasks[i], ids[i]);
    checkpoint_task_id(&at, "", &tasks[0], again);
    ck_assert_str_eq(ids[0], again);
    checkpoint_task_id(&at, "sub:1", &tasks[0], ids[COUNT]);
    checkpoint_advance(&at, SOURCE_LOOP);
    checkpoint_task_id(&at, "", &tasks[0], ids[COUNT + 1]);
    for (size_t i = 0; i < COUNT + 2; i++) {
        ck_assert(id_is_uuid(ids[i]));
        ck_assert_int_eq(ids[i][14], '5');
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(ids[i], ids[k]);
    }
}
END_TEST

START_TEST(interrupt_ids_are_32_hex_digits_of_the_tasks_namespace)
{
    char a[ID_BYTES], b[ID_BYTES], c[ID_BYTES];
    char *root = task_namespace("", "a", "1");
    char *inner = task_namespace("s:2", "a", "1");
    ck_assert_str_eq(root, "a:1");
    ck_assert_str_eq(inner, "s:2|a:1");
    interrupt_id(root, 0, a);
    interrupt_id(root, 1, b);
    interrupt_id(inner, 0, c);
    ck_assert_uint_eq(strspn(a, "0123456789abcdef"), 32);
    ck_assert_uint_eq(strlen(a), 32);
    ck_assert_str_ne(a, b);
    ck_assert_str_ne(a, c);
    interrupt_id(root, 0, c);
    ck_assert_str_eq(a, c);
    mem_free(root);
    mem_free(inner);
}
END_TEST

/* ---- stored and back ---- */

/* What a saver would put: the head and every value as one row. */
struct rows {
    struct stored_checkpoint c;
    struct stored_value values[8];
    struct stored_bytes parts[8];
    struct stored_write writes[8];
    struct buf head;
};

static struct stored_bytes bytes_of(char *text)
{
    return (struct stored_bytes){ text, strlen(text) };
}

static void rows_init(struct rows *rows, struct checkpoint *c)
{
    *rows = (struct rows){ 0 };
    buf_init(&rows->head, 1 << 20);
    for (size_t i = 0; i < c->graph->field_count; i++) {
        struct value *v = state_get(c->state, (int)i);
        const char *bytes;
        size_t len_bytes;
        if (v == NULL)
            continue;
        memcpy(c->places[i].at, c->id, ID_BYTES);
        ck_assert_int_eq(value_bytes(v, &bytes, &len_bytes), 0);
        size_t k = rows->c.value_count++;
        rows->parts[k] = bytes_of((char *)bytes);
        rows->values[k] = (struct stored_value){ c->graph->fields[i].name, &rows->parts[k], 1 };
    }
    for (size_t i = 0; i < c->write_count; i++)
        rows->writes[rows->c.write_count++] =
            (struct stored_write){ c->writes[i].task_id, c->writes[i].kind, (char *)"",
                                   bytes_of(jsonx_text(c->writes[i].json, 1 << 20, NULL)) };
    checkpoint_encode_head(c, &rows->head);
    ck_assert_int_eq(rows->head.fault, 0);
    rows->c.thread_id = (char *)"t";
    rows->c.ns = (char *)"";
    rows->c.id = c->id;
    rows->c.parent_id = c->parent_id;
    rows->c.head = (struct stored_bytes){ rows->head.data, rows->head.len };
    rows->c.values = rows->values;
    rows->c.writes = rows->writes;
}

static void rows_deinit(struct rows *rows)
{
    for (size_t i = 0; i < rows->c.write_count; i++)
        mem_free(rows->writes[i].bytes.bytes);
    buf_deinit(&rows->head);
}

static void expect_equal(const struct checkpoint *a, const struct checkpoint *b)
{
    struct buf x, y;
    buf_init(&x, 1 << 20);
    buf_init(&y, 1 << 20);
    checkpoint_encode_head(a, &x);
    checkpoint_encode_head(b, &y);
    state_encode(a->state, VIEW_ALL, &x);
    state_encode(b->state, VIEW_ALL, &y);
    ck_assert_str_eq(buf_text(&x), buf_text(&y));
    buf_deinit(&x);
    buf_deinit(&y);
    ck_assert_str_eq(a->id, b->id);
    ck_assert_str_eq(a->parent_id, b->parent_id);
    ck_assert_uint_eq(a->write_count, b->write_count);
    for (size_t i = 0; i < a->write_count; i++)
        ck_assert(json_equal(a->writes[i].json, b->writes[i].json));
}

/* Places of a thread's life, each one more step. */
static void go_to(int place)
{
    begin("{'log':['in',{'deep':[1.5,null,'\\u2028']}],'secret':'s'}");
    if (place > 0)
        step("{}");
    if (place > 1)
        step("{'a':{'__command__':{'update':{'n':2},'goto':[{'node':'b','arg':[1]}]}}}");
    if (place > 2) {
        kit_set_write(&at, 0, WRITE_RESULT, "{'update':[['log',['r']]],'goto':[['c']]}");
        kit_set_write(&at, 1, WRITE_INTERRUPT, "[{'id':'x','value':null}]");
    }
    json_object_set_new(at.metadata, "run_id", json_string("r1"));
    json_object_set_new(at.parents, "", json_string("p"));
}
enum { PLACES = 4 };

START_TEST(what_was_stored_comes_back_the_same)
{
    struct checkpoint back;
    struct rows rows;
    go_to(_i);
    rows_init(&rows, &at);
    ck_assert_int_eq(checkpoint_init(&back, graph), 0);
    ck_assert_int_eq(checkpoint_decode(&back, &rows.c, false, &failure), 0);
    expect_equal(&at, &back);
    kit_expect_plan(&back, _i == 0 ? "__start__" : _i == 1 ? "a b" : "b c");
    char x[ID_BYTES], y[ID_BYTES];
    kit_task_id(&at, 0, x);
    kit_task_id(&back, 0, y);
    ck_assert_str_eq(x, y);
    checkpoint_deinit(&back);
    rows_deinit(&rows);
}
END_TEST

static const struct {
    const char *graph;
    const char *named; /* in the failure */
    const char *lenient_plan;
} changed_graphs[] = {
    { "{" STATE
      ",'nodes':{" KIT_STEP("a") "," KIT_STEP("c") "},"
                                                   "'edges':[['__start__','a'],['a','c']]}",
      "b", "" },
    { "{'state':{'log':{'type':'array','reducer':'append'},'n':{'type':'integer','reducer':'add'}}"
      "," NODES ",'edges':[['__start__','a'],['__start__','b'],[['a','b'],'c']]}",
      "secret", "b c" },
    { "{'state':{'log':{'type':'string'},'last':{'type':'string'},'n':{'type':'integer',"
      "'reducer':'add'},'secret':{'type':'string'}}," NODES
      ",'edges':[['__start__','a'],['__start__','b'],[['a','b'],'c']]}",
      "log", "b c" },
};

START_TEST(a_graph_that_has_lost_a_part_is_refused_by_its_name_but_may_be_looked_at)
{
    struct rows rows;
    struct checkpoint back;
    struct graph *changed = kit_graph(changed_graphs[_i].graph);
    go_to(2);
    rows_init(&rows, &at);
    ck_assert_int_eq(checkpoint_init(&back, changed), 0);
    ck_assert_int_eq(checkpoint_decode(&back, &rows.c, false, &failure), CHECKPOINT_E_REFUSED);
    ck_assert_int_eq(failure.code, FAIL_INVALID_UPDATE);
    ck_assert_msg(strstr(fail_message(&failure), changed_graphs[_i].named) != NULL, "%s",
                  fail_message(&failure));
    checkpoint_deinit(&back);
    ck_assert_int_eq(checkpoint_init(&back, changed), 0);
    ck_assert_int_eq(checkpoint_decode(&back, &rows.c, true, &failure), 0);
    if (changed_graphs[_i].lenient_plan[0] != '\0')
        kit_expect_plan(&back, changed_graphs[_i].lenient_plan);
    checkpoint_deinit(&back);
    graph_unref(changed);
    rows_deinit(&rows);
}
END_TEST

static const char *const bad_heads[] = {
    "",
    "[]",
    "{}",
    "{'v':1,'step':'x','source':'loop','ts':'','metadata':{},'parents':{},'sched':{}}",
    "{'v':1,'step':1,'source':'none','ts':'','metadata':{},'parents':{},'sched':{}}",
    "{'v':1,'step':1,'source':'loop','ts':7,'metadata':{},'parents':{},'sched':{}}",
    "{'v':1,'step':1,'source':'loop','ts':'','metadata':[],'parents':{},'sched':{}}",
    "{'v':1,'step':1,'source':'loop','ts':'','metadata':{},'parents':{}}",
    "{'v':1,'step':1,'source':'loop','ts':'','metadata':{},'parents':{},'sched':7}",
};

START_TEST(a_damaged_row_is_a_fault)
{
    struct rows rows;
    struct checkpoint back;
    char *head = kit_quoted(bad_heads[_i]);
    go_to(1);
    rows_init(&rows, &at);
    rows.c.head = bytes_of(head);
    ck_assert_int_eq(checkpoint_init(&back, graph), 0);
    ck_assert_int_lt(checkpoint_decode(&back, &rows.c, _i % 2 == 0, &failure), 0);
    checkpoint_deinit(&back);
    rows_deinit(&rows);
    mem_free(head);
}
END_TEST

static void lose_value(struct rows *rows)
{
    rows->c.value_count = 0;
}
static void cut_value(struct rows *rows)
{
    rows->parts[0] = bytes_of((char *)"[1,");
}
static void cut_delta(struct rows *rows)
{
    static struct stored_bytes parts[2];
    parts[0] = rows->parts[0];
    parts[1] = bytes_of((char *)"7");
    rows->values[0].parts = parts;
    rows->values[0].part_count = 2;
}
static void cut_write(struct rows *rows)
{
    rows->writes[0].bytes.len_bytes = 1;
}
static void (*const damages[])(struct rows *) = { lose_value, cut_value, cut_delta, cut_write };

START_TEST(a_damaged_value_or_write_is_a_fault)
{
    struct rows rows;
    struct checkpoint back;
    go_to(3);
    rows_init(&rows, &at);
    damages[_i](&rows);
    ck_assert_int_eq(checkpoint_init(&back, graph), 0);
    ck_assert_int_lt(checkpoint_decode(&back, &rows.c, false, &failure), 0);
    checkpoint_deinit(&back);
    rows_deinit(&rows);
}
END_TEST

/* ---- without memory ---- */

static int decode_new(const struct rows *rows, bool *is_pending)
{
    struct checkpoint back;
    int r = checkpoint_init(&back, graph);
    if (r == 0)
        r = checkpoint_decode(&back, &rows->c, false, &failure);
    *is_pending = mem_fail_pending();
    mem_fail_at(0);
    checkpoint_deinit(&back);
    return r;
}

START_TEST(decoding_without_memory_is_a_fault_and_leaks_nothing)
{
    struct rows rows;
    bool is_pending = false;
    go_to(3);
    rows_init(&rows, &at);
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = decode_new(&rows, &is_pending);
        ck_assert_msg(is_pending ? r == 0 : r < 0, "%lu: %d", n, r);
    }
    rows_deinit(&rows);
}
END_TEST

START_TEST(a_step_without_memory_is_a_fault_and_changes_nothing)
{
    struct kit_step s;
    json_t *results = kit_json(
        "{'a':{'__command__':{'update':{'log':['a'],'n':1},'goto':[{'node':'b','arg':1}]}}}");
    bool is_pending = false;
    begin("{}");
    step("{}");
    kit_step_fill(&s, &at, results);
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = checkpoint_apply(&at, s.tasks, s.count, &kit_limits, NULL, &s.f);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        if (r != 0) {
            ck_assert_int_lt(r, 0);
            kit_expect_plan(&at, "a b");
            kit_expect_state(&at, "{'log':[],'n':0}");
        }
        ck_assert(is_pending == (r == 0));
    }
    kit_expect_plan(&at, "b c");
    kit_step_clear(&s);
    json_decref(results);
}
END_TEST

START_TEST(a_snapshot_without_memory_is_a_fault_and_leaks_nothing)
{
    const struct snapshot_options o = { "t", "", true, &kit_limits, VIEW_SHOWN };
    json_t *json = NULL;
    bool is_pending = false;
    go_to(3);
    for (unsigned long n = 1; !is_pending; n++) {
        mem_fail_at(n);
        int r = checkpoint_snapshot(&at, &o, false, &json);
        is_pending = mem_fail_pending();
        mem_fail_at(0);
        ck_assert_msg(is_pending ? r == 0 : r < 0, "%lu: %d", n, r);
    }
    json_decref(json);
}
END_TEST

/* ---- snapshots ---- */

static json_t *snapshot(bool with_pending, bool is_event)
{
    const struct snapshot_options o = { "t", "", with_pending, &kit_limits, VIEW_SHOWN };
    json_t *json = NULL;
    ck_assert_int_eq(checkpoint_snapshot(&at, &o, is_event, &json), 0);
    return json;
}

static const json_t *task_member(const json_t *json, size_t task, const char *key)
{
    return json_object_get(json_array_get(json_object_get(json, "tasks"), task), key);
}

static void expect_member(const json_t *json, const char *key, const char *expected)
{
    kit_expect(json_object_get(json, key), expected);
}

START_TEST(an_empty_thread_has_no_values_and_nothing_next)
{
    json_t *json = snapshot(true, false);
    kit_expect(json, "{'values':{},'next':[],'tasks':[],'interrupts':[],'metadata':null,"
                     "'created_at':null,'checkpoint':null,'parent_checkpoint':null,'config':null,"
                     "'parent_config':null}");
    json_decref(json);
}
END_TEST

START_TEST(a_waiting_input_is_not_in_the_values_yet)
{
    char text[200];
    begin("{'log':['in']}");
    json_object_set_new(at.metadata, "run_id", json_string("r1"));
    json_object_set_new(at.metadata, "source", json_string("mine"));
    json_t *json = snapshot(true, false);
    expect_member(json, "values", "{'log':[],'n':0}");
    expect_member(json, "next", "['__start__']");
    expect_member(json, "metadata",
                  "{'source':'input','step':-1,'parents':{},'run_id':'r1','thread_id':'t'}");
    expect_member(json, "parent_config", "null");
    (void)snprintf(text, sizeof(text),
                   "{'configurable':{'thread_id':'t','checkpoint_ns':'','checkpoint_id':'%s'}}",
                   at.id);
    expect_member(json, "config", text);
    kit_expect(task_member(json, 0, "path"), "['__pregel_pull','__start__']");
    kit_expect(task_member(json, 0, "result"), "null");
    json_decref(json);
    kit_set_write(&at, 0, WRITE_RESULT, "{'update':[['log',['in']]],'goto':[]}");
    json = snapshot(false, false);
    kit_expect(task_member(json, 0, "result"), "{'log':['in']}");
    expect_member(json, "next", "['__start__']");
    json_decref(json);
}
END_TEST

/* a has ended, b asks. */
static void ask(void)
{
    begin("{'secret':'s'}");
    step("{}");
    kit_set_write(&at, 0, WRITE_RESULT,
                  "{'update':[['log',['a1']],['n',1],['log',['a2']],['secret','x'],['log',['a3']]],"
                  "'goto':[]}");
    kit_set_write(&at, 1, WRITE_INTERRUPT, "[{'id':'i','value':'why?'}]");
}

START_TEST(the_latest_state_shows_finished_tasks_as_applied)
{
    ask();
    json_t *json = snapshot(true, false);
    expect_member(json, "values", "{'log':['a1','a2','a3'],'n':1}");
    expect_member(json, "next", "['b']");
    expect_member(json, "interrupts", "[{'id':'i','value':'why?'}]");
    kit_expect(task_member(json, 0, "result"), "{'log':{'$writes':[['a1'],['a2'],['a3']]},'n':1}");
    kit_expect(task_member(json, 0, "interrupts"), "[]");
    kit_expect(task_member(json, 1, "interrupts"), "[{'id':'i','value':'why?'}]");
    json_decref(json);
    kit_expect_state(&at, "{'log':[],'n':0,'secret':'s'}");
}
END_TEST

START_TEST(a_chosen_state_and_an_event_show_them_as_left)
{
    ask();
    json_t *json = snapshot(_i == 1, _i == 1);
    expect_member(json, "values", "{'log':[],'n':0}");
    expect_member(json, "next", "['a','b']");
    ck_assert(json_is_object(task_member(json, 0, "result")));
    json_decref(json);
}
END_TEST

START_TEST(a_failed_task_says_why_until_it_has_succeeded)
{
    ask();
    kit_set_write(&at, 0, WRITE_ERROR, "{'name':'Boom','message':'old'}");
    kit_set_write(&at, 1, WRITE_ERROR, "{'name':'Boom','message':'it: broke'}");
    json_t *json = snapshot(true, false);
    kit_expect(task_member(json, 0, "error"), "null");
    kit_expect(task_member(json, 1, "error"), "'Boom: it: broke'");
    json_decref(json);
}
END_TEST

START_TEST(a_task_that_asks_again_is_not_named)
{
    ask();
    kit_set_write(&at, 1, WRITE_RESUME, "['answer']");
    json_t *json = snapshot(true, false);
    expect_member(json, "next", "[]");
    expect_member(json, "interrupts", "[{'id':'i','value':'why?'}]");
    json_decref(json);
}
END_TEST

START_TEST(a_failed_task_is_named_unless_its_handler_is_to_see_it)
{
    graph_unref(graph);
    checkpoint_deinit(&at);
    graph =
        kit_graph("{" STATE ",'nodes':{'a':{'kind':'step','on_error':{'kind':'step'}}," KIT_STEP(
            "b") "},'edges':[['__start__','a'],['__start__','b']]}");
    ck_assert_int_eq(checkpoint_init(&at, graph), 0);
    begin("{}");
    step("{}");
    kit_set_write(&at, 0, WRITE_ERROR, "{'name':'Boom','message':'it broke'}");
    kit_set_write(&at, 1, WRITE_ERROR, "{'name':'Boom','message':'it broke'}");
    json_t *json = snapshot(true, false);
    expect_member(json, "next", "['b']");
    kit_expect(task_member(json, 0, "error"), "'Boom: it broke'");
    json_decref(json);
    json = snapshot(false, false);
    expect_member(json, "next", "['a','b']");
    json_decref(json);
}
END_TEST

START_TEST(a_pending_write_can_be_dropped)
{
    begin("{}");
    step("{}");
    kit_set_write(&at, 0, WRITE_RESULT, "{'update':[],'goto':[]}");
    kit_set_write(&at, 0, WRITE_RESUME, "['answer']");
    kit_set_write(&at, 1, WRITE_RESUME, "['another']");
    char id[ID_BYTES];
    kit_task_id(&at, 0, id);
    checkpoint_drop_write(&at, id, WRITE_RESUME);
    checkpoint_drop_write(&at, id, WRITE_RESUME);
    ck_assert_uint_eq(at.write_count, 2);
    ck_assert_ptr_nonnull(checkpoint_find_write(&at, id, WRITE_RESULT));
    kit_task_id(&at, 1, id);
    kit_expect(checkpoint_find_write(&at, id, WRITE_RESUME), "['another']");
}
END_TEST

START_TEST(what_would_be_refused_is_shown_as_not_applied)
{
    begin("{}");
    step("{}");
    kit_set_write(&at, 0, WRITE_RESULT, "{'update':[['last','x']],'goto':[]}");
    kit_set_write(&at, 1, WRITE_RESULT, "{'update':[['last','y']],'goto':[]}");
    json_t *json = snapshot(true, false);
    expect_member(json, "values", "{'log':[],'n':0}");
    expect_member(json, "next", "['a','b']");
    json_decref(json);
}
END_TEST

START_TEST(a_commands_writes_and_sends_are_shown_but_not_its_gotos)
{
    begin("{}");
    step("{}");
    json_t *command = kit_json(
        "[{'update':[['n',1]],'goto':[]},{'update':[['n',3]],'goto':[['c'],['c',{'x':1}]]}]");
    ck_assert_int_eq(checkpoint_set_write_take(&at, NULL_TASK_ID, WRITE_COMMAND, command), 0);
    json_t *json = snapshot(false, false);
    expect_member(json, "values", "{'log':[],'n':4}");
    expect_member(json, "next", "['c','a','b']");
    kit_expect(task_member(json, 0, "path"), "['__pregel_push',0,false]");
    json_decref(json);
}
END_TEST

START_TEST(a_subgraph_says_where_its_state_is_unless_it_keeps_none_or_failed)
{
    static const char text[] =
        "{'state':{'n':{'type':'integer'}},'nodes':{"
        "'s':{'kind':'graph','graph':{'state':{'n':{'type':'integer'}},'nodes':{" KIT_STEP(
            "x") "},'edges':[['__start__','x']]}},"
                 "'u':{'kind':'graph','persistence':'none','graph':{'state':{'n':{'type':'integer'}"
                 "},"
                 "'nodes':{" KIT_STEP("x") "},'edges':[['__start__','x']]}}},"
                                           "'edges':[['__start__','s'],['__start__','u']]}";
    struct graph *parent = kit_graph(text);
    char id[ID_BYTES], expected[200];
    checkpoint_deinit(&at);
    ck_assert_int_eq(checkpoint_init(&at, parent), 0);
    begin("{}");
    step("{}");
    kit_task_id(&at, 0, id);
    json_t *json = snapshot(true, false);
    (void)snprintf(expected, sizeof(expected),
                   "{'configurable':{'thread_id':'t','checkpoint_ns':'s:%s'}}", id);
    kit_expect(task_member(json, 0, "state"), expected);
    kit_expect(task_member(json, 1, "state"), "null");
    json_decref(json);
    kit_set_write(&at, 0, WRITE_ERROR, "{'name':'E','message':'m'}");
    json = snapshot(true, false);
    kit_expect(task_member(json, 0, "state"), "null");
    json_decref(json);
    graph_unref(parent);
}
END_TEST

static TCase *make_case(const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    return t;
}

static TCase *moving_case(void)
{
    TCase *t = make_case("moving on");
    tcase_add_test(t, an_input_waits_then_start_applies_it_and_nodes_follow);
    tcase_add_test(t, sends_are_applied_after_nodes_by_their_index);
    tcase_add_test(t, a_refused_step_changes_nothing);
    tcase_add_test(t, a_handlers_writes_and_targets_count_but_no_edges);
    tcase_add_test(t, a_command_adds_to_what_is_planned);
    tcase_add_test(t, a_new_input_drops_what_was_planned_and_pending);
    tcase_add_test(t, pending_writes_are_found_replaced_and_dropped_by_kind);
    tcase_add_test(t, task_ids_depend_on_the_place_the_name_the_trigger_and_the_index);
    tcase_add_test(t, interrupt_ids_are_32_hex_digits_of_the_tasks_namespace);
    tcase_add_test(t, a_step_without_memory_is_a_fault_and_changes_nothing);
    return t;
}

static TCase *stored_case(void)
{
    TCase *t = make_case("stored");
    tcase_add_loop_test(t, what_was_stored_comes_back_the_same, 0, PLACES);
    tcase_add_loop_test(t, a_graph_that_has_lost_a_part_is_refused_by_its_name_but_may_be_looked_at,
                        0, sizeof(changed_graphs) / sizeof(changed_graphs[0]));
    tcase_add_loop_test(t, a_damaged_row_is_a_fault, 0, sizeof(bad_heads) / sizeof(bad_heads[0]));
    tcase_add_loop_test(t, a_damaged_value_or_write_is_a_fault, 0,
                        sizeof(damages) / sizeof(damages[0]));
    tcase_add_test(t, decoding_without_memory_is_a_fault_and_leaks_nothing);
    return t;
}

static TCase *snapshot_case(void)
{
    TCase *t = make_case("snapshot");
    tcase_add_test(t, an_empty_thread_has_no_values_and_nothing_next);
    tcase_add_test(t, a_waiting_input_is_not_in_the_values_yet);
    tcase_add_test(t, the_latest_state_shows_finished_tasks_as_applied);
    tcase_add_loop_test(t, a_chosen_state_and_an_event_show_them_as_left, 0, 2);
    tcase_add_test(t, a_failed_task_says_why_until_it_has_succeeded);
    tcase_add_test(t, a_task_that_asks_again_is_not_named);
    tcase_add_test(t, a_failed_task_is_named_unless_its_handler_is_to_see_it);
    tcase_add_test(t, a_pending_write_can_be_dropped);
    tcase_add_test(t, what_would_be_refused_is_shown_as_not_applied);
    tcase_add_test(t, a_commands_writes_and_sends_are_shown_but_not_its_gotos);
    tcase_add_test(t, a_subgraph_says_where_its_state_is_unless_it_keeps_none_or_failed);
    tcase_add_test(t, a_snapshot_without_memory_is_a_fault_and_leaks_nothing);
    return t;
}

int main(void)
{
    mem_init();
    Suite *suite = suite_create("checkpoint");
    suite_add_tcase(suite, moving_case());
    suite_add_tcase(suite, stored_case());
    suite_add_tcase(suite, snapshot_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0 ? 1 : 0;
}
