/* Laws of interrupts, of graphs in graphs, and of what streams tell. */
#include "laws_rig.h"

static char *play_values(struct laws *l, const struct laws_play *play)
{
    struct laws_end end;
    (void)laws_play(l, play, &end);
    char *values = strdup(end.values);
    laws_end_clear(&end);
    return values;
}

/* ---- 19: questions ---- */

static const struct {
    const char *name;
    const char *paths[6]; /* of nodes that ask */
    int questions[6];
    size_t count;
} asking[] = {
    { "questions", { "p", "q", "e" }, { 2, 1, 1 }, 3 },
    { "questions below", { "s/y", "p" }, { 1, 1 }, 2 },
    { "handlers that ask", { "p", "__error_handler__h" }, { 1, 2 }, 2 },
};

START_TEST(a_question_that_is_answered_is_as_good_as_the_answer_in_its_place)
{
    struct laws l;
    static const char *const durabilities[] = { "sync", "async", "exit" };
    laws_init(&l, laws_find_case(asking[_i].name));
    struct laws_play play = { .how = { .input = l.input } };
    l.answers_inline = true;
    char *values = play_values(&l, &play);
    laws_forget(&l);
    l.answers_inline = false;
    for (uint64_t seed = 1; seed < 20; seed++) {
        l.random = seed * 7919;
        play.one_by_one = seed % 2 == 1;
        play.how.durability = durabilities[seed % 3];
        char *other = play_values(&l, &play);
        laws_check_text(other, values);
        for (size_t i = 0; i < asking[_i].count && !play.one_by_one; i++) {
            ck_assert_int_eq(laws_done_count(&l, asking[_i].paths[i]), 1);
            ck_assert_int_eq(laws_perform_count(&l, asking[_i].paths[i]),
                             1 + asking[_i].questions[i]);
        }
        free(other);
        laws_forget(&l);
    }
    free(values);
    laws_deinit(&l);
}
END_TEST

/* ---- 20: breakpoints ---- */

static const struct laws_how breakpoints[] = {
    { .before = "'*'" },
    { .after = "'*'" },
    { .before = "'*'", .after = "'*'" },
    { .before = "['a','e']", .after = "['b','s']" },
};

/* Names that the graph does not have are left out. */
static char *known_names(const struct laws *l, const char *names)
{
    json_t *list = names == NULL ? NULL : laws_json(names);
    json_t *known = json_array();
    const json_t *name;
    size_t i;
    if (!json_is_array(list)) {
        json_decref(list);
        json_decref(known);
        return names == NULL ? NULL : strdup(names);
    }
    json_array_foreach(list, i, name)
        if (graph_find_node(l->graph, json_string_value(name)) != NODE_NONE)
            json_array_append(known, (json_t *)name);
    char *text = json_dumps(known, 0);
    json_decref(list);
    json_decref(known);
    return text;
}

START_TEST(breakpoints_change_nothing_but_the_number_of_runs)
{
    struct laws l;
    laws_init(&l, &laws_cases[_i]);
    struct laws_play play = { .how = { .input = l.input } };
    l.random = 3;
    free(play_values(&l, &play));
    char *history = laws_history_text_without_runs(&l);
    laws_forget(&l);
    for (size_t i = 0; i < sizeof(breakpoints) / sizeof(breakpoints[0]); i++) {
        play.how = breakpoints[i];
        play.how.input = l.input;
        char *before = known_names(&l, play.how.before), *after = known_names(&l, play.how.after);
        play.how.before = before;
        play.how.after = after;
        l.random = 3;
        free(play_values(&l, &play));
        char *other = laws_history_text_without_runs(&l);
        laws_check_text(other, history);
        free(other);
        free(before);
        free(after);
        laws_forget(&l);
    }
    free(history);
    laws_deinit(&l);
}
END_TEST

/* Between two steps it stops once, whether behind the one, before the other, or both. */
static const struct {
    const char *before, *after;
    int runs; /* of "join": a, then n2 n10 b, then e */
} stops[] = {
    { NULL, NULL, 1 },           { "'*'", NULL, 4 },        { NULL, "'*'", 4 },
    { "'*'", "'*'", 5 },         { "['n2','b']", NULL, 2 }, { NULL, "['n2','b']", 2 },
    { "['e']", "['a','e']", 4 }, { "['a']", "['a']", 3 },
};

START_TEST(a_run_stops_once_at_each_breakpoint)
{
    struct laws l;
    struct laws_end end;
    laws_init(&l, laws_find_case("join"));
    const struct laws_play play = {
        .how = { .input = l.input, .before = stops[_i].before, .after = stops[_i].after }
    };
    ck_assert_int_eq(laws_play(&l, &play, &end), stops[_i].runs);
    laws_end_clear(&end);
    laws_deinit(&l);
}
END_TEST

/* ---- 22: a subgraph is as good as its nodes ---- */

#define STATE                                                                                      \
    "'state':{'log':{'type':'array','reducer':'append'},'n':{'type':'integer','reducer':'add'},"   \
    "'last':{'type':'any'},'item':{'type':'any','private':true}"
static const struct laws_case inlined = {
    "inlined",
    "{" STATE ",'own':{'type':'array','reducer':'append','private':true}},'nodes':{"
    "'a':{'kind':'act'},'b':{'kind':'act'},'x':{'kind':'act'},'y1':{'kind':'act'},"
    "'y2':{'kind':'act'},'z':{'kind':'act'}},"
    "'edges':[['START',['a','x']],['x',['y1','y2']],[['y1','y2'],'z'],['z','b'],"
    "{'from':'b','switch':'n','cases':{'2':'END'},'default':'x'}]}",
    "{'a':[[{'update':{'log':'a'}}]],'x':[[{'update':{'own':{'__overwrite__':['x']}}}]],"
    "'y1':[[{'update':{'own':'y1'}}]],'y2':[[{'update':{'own':'y2'}}]],"
    "'z':[[{'update':{'last':{'$input':'own'}}}]],"
    "'b':[[{'update':{'n':1,'log':{'$input':'last'}}}]]}",
    "{}"
};

static char *values_of_case(const struct laws_case *c)
{
    struct laws l;
    laws_init(&l, c);
    const struct laws_play play = { .how = { .input = c->input } };
    char *values = play_values(&l, &play);
    laws_deinit(&l);
    return values;
}

START_TEST(a_subgraph_gives_what_its_nodes_in_its_place_give)
{
    char *nested = values_of_case(laws_find_case("subgraph"));
    char *flat = values_of_case(&inlined);
    laws_check_text(nested, flat);
    free(nested);
    free(flat);
}
END_TEST

/* Events of ns come only after the start of the task that ns belongs to, and before its result. */
static void check_between(const json_t *events, const char *ns)
{
    const char *id = strrchr(ns, ':') + 1;
    const json_t *event;
    size_t i;
    bool is_open = false;
    json_array_foreach(events, i, event) {
        const json_t *data = json_object_get(event, "data");
        const char *where = json_string_value(json_object_get(event, "ns"));
        const char *task = json_string_value(json_object_get(data, "id"));
        bool is_task = strcmp(json_string_value(json_object_get(event, "event")), "tasks") == 0;
        if (strcmp(where, ns) == 0)
            ck_assert(is_open);
        else if (is_task && where[0] == '\0' && strcmp(task, id) == 0)
            is_open = json_object_get(data, "result") == NULL;
    }
    ck_assert(!is_open);
}

START_TEST(events_of_a_subgraph_lie_between_the_start_and_the_result_of_its_task)
{
    struct laws l;
    struct laws_end end;
    laws_init(&l, laws_find_case("subgraph"));
    const struct laws_how how = { .input = l.input,
                                  .modes =
                                      MODE_TASKS | MODE_UPDATES | MODE_VALUES | MODE_SUBGRAPHS };
    const json_t *event;
    size_t i;
    int count = 0;
    laws_run(&l, &how, &end);
    json_array_foreach(end.events, i, event) {
        const char *ns = json_string_value(json_object_get(event, "ns"));
        if (ns[0] == '\0')
            continue;
        check_between(end.events, ns);
        count++;
    }
    ck_assert_int_gt(count, 2 * 8);
    laws_end_clear(&end);
    laws_deinit(&l);
}
END_TEST

/* ---- 23: a command for the parent ---- */

static const struct laws_case plain_command = {
    "plain command",
    "{" STATE "},'nodes':{'s':{'kind':'act','ends':['g']},'b':{'kind':'act'},'g':{'kind':'act'}},"
    "'edges':[['START',['s','b']]]}",
    "{'s':[[{'update':{'log':'y','last':1},'goto':'g'}]],'b':[[{'update':{'log':'b'}}]],"
    "'g':[[{'update':{'log':'g'}}]]}",
    "{}"
};

START_TEST(a_command_for_the_parent_is_as_good_as_one_of_the_parents_node)
{
    char *above = values_of_case(&plain_command);
    char *below = values_of_case(laws_find_case("parent"));
    laws_check_text(below, above);
    free(above);
    free(below);
}
END_TEST

/* ---- 24: what streams tell ---- */

static bool is_event(const json_t *event, const char *name)
{
    return strcmp(json_string_value(json_object_get(event, "event")), name) == 0;
}

/* One task at a time, so that updates come in the order of the plan: what was sent before nodes. */
struct folding {
    json_t *values;
    json_t *sent;   /* array: updates of what was sent in this step, applied behind the nodes' */
    json_t *pushed; /* object: names of nodes that were sent to in this step */
};

static void end_step(struct folding *f)
{
    json_t *update;
    size_t i;
    json_array_foreach(f->sent, i, update)
        laws_fold(f->values, update);
    json_array_clear(f->sent);
    json_object_clear(f->pushed);
}

static void fold_event(struct folding *f, const json_t *event)
{
    json_t *data = json_object_get(event, "data");
    const char *name;
    json_t *update;
    if (is_event(event, "tasks")) {
        const json_t *trigger = json_array_get(json_object_get(data, "triggers"), 0);
        if (trigger != NULL && strcmp(json_string_value(trigger), "__pregel_push") == 0)
            json_object_set(f->pushed, json_string_value(json_object_get(data, "name")), data);
        return;
    }
    json_object_foreach(data, name, update) {
        if (json_object_get(f->pushed, name) != NULL)
            json_array_append(f->sent, update);
        else
            laws_fold(f->values, update);
    }
}

static const char *const folded[] = { "join",     "loop",     "sends", "defer",
                                      "commands", "subgraph", "parent" };

START_TEST(updates_folded_into_the_values_before_give_the_values_after)
{
    struct laws l;
    struct laws_end end;
    struct folding f = { NULL, json_array(), json_object() };
    const json_t *event;
    size_t i;
    int count = 0;
    laws_init(&l, laws_find_case(folded[_i]));
    laws_run(&l,
             &(struct laws_how){ .input = l.input,
                                 .max_concurrency = 1,
                                 .modes = MODE_VALUES | MODE_UPDATES | MODE_TASKS },
             &end);
    json_array_foreach(end.events, i, event) {
        if (!is_event(event, "values")) {
            if (f.values != NULL && !is_event(event, "metadata"))
                fold_event(&f, event);
            continue;
        }
        if (f.values != NULL) {
            end_step(&f);
            char *is = laws_text(f.values), *told = laws_text(json_object_get(event, "data"));
            laws_check_text(is, told);
            free(is);
            free(told);
        }
        json_decref(f.values);
        f.values = json_deep_copy(json_object_get(event, "data"));
        count++;
    }
    ck_assert_int_gt(count, 1);
    char *last = laws_text(f.values);
    laws_check_text(last, end.values);
    free(last);
    json_decref(f.values);
    json_decref(f.sent);
    json_decref(f.pushed);
    laws_end_clear(&end);
    laws_deinit(&l);
}
END_TEST

START_TEST(a_task_that_begins_has_one_result_event_unless_it_was_cancelled)
{
    struct laws l;
    struct laws_end end;
    json_t *open = json_object(); /* by task id */
    const json_t *event;
    size_t i;
    laws_init(&l, &laws_cases[_i]);
    l.fails_never = true;
    laws_run(&l, &(struct laws_how){ .input = l.input, .modes = MODE_TASKS | MODE_SUBGRAPHS },
             &end);
    json_array_foreach(end.events, i, event) {
        const json_t *data = json_object_get(event, "data");
        const char *id = json_string_value(json_object_get(data, "id"));
        if (!is_event(event, "tasks"))
            continue;
        if (json_object_get(data, "result") == NULL && json_object_get(data, "error") == NULL) {
            ck_assert_ptr_null(json_object_get(open, id));
            json_object_set_new(open, id, json_true());
        } else {
            ck_assert_int_eq(json_object_del(open, id), 0);
        }
    }
    ck_assert_uint_eq(json_object_size(open), 0);
    json_decref(open);
    laws_end_clear(&end);
    laws_deinit(&l);
}
END_TEST

/* The events of one mode, as text. free() */
static char *events_text(const struct laws_end *end, const char *name)
{
    json_t *list = json_array();
    const json_t *event;
    size_t i;
    json_array_foreach(end->events, i, event)
        if (is_event(event, name))
            json_array_append(list, (json_t *)event);
    char *text = laws_text(list);
    json_decref(list);
    return text;
}

/* The same seed each time: a different order of finishing is a different stream. */
static void run_with_modes(struct laws *l, unsigned modes, struct laws_end *end)
{
    laws_forget(l);
    l->random = 11;
    laws_run(l, &(struct laws_how){ .input = l->input, .modes = modes }, end);
}

START_TEST(several_modes_tell_what_each_of_them_tells_alone)
{
    static const char *const names[] = { "values",      "updates", "tasks",
                                         "checkpoints", "debug",   "custom" };
    struct laws l;
    struct laws_end all;
    laws_init(&l, &laws_cases[_i]);
    run_with_modes(&l, MODES_ALL | MODE_SUBGRAPHS, &all);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct laws_end one;
        run_with_modes(&l, mode_find(names[i]) | MODE_SUBGRAPHS, &one);
        char *among_others = events_text(&all, names[i]);
        char *alone = events_text(&one, names[i]);
        laws_check_text(among_others, alone);
        free(among_others);
        free(alone);
        laws_end_clear(&one);
    }
    laws_end_clear(&all);
    laws_deinit(&l);
}
END_TEST

static const struct laws_case telling = {
    "telling",
    "{" STATE "},'nodes':{'a':{'kind':'act'},'b':{'kind':'act'},'c':{'kind':'act'}},"
    "'edges':[['START','a'],['a',['b','c']]]}",
    "{'a':[[{'custom':1},{'update':{'log':'a'}}]],"
    "'b':[[{'custom':2},{'custom':3},{'fail':'E','times':9}]],'c':[[{'hold':1}]]}",
    "{}"
};
static const struct laws_case asking_late = {
    "asking late",
    "{" STATE
    "},'nodes':{'a':{'kind':'act'},'b':{'kind':'act'}},'edges':[['START','a'],['a','b']]}",
    "{'a':[[{'custom':1},{'update':{'log':'a'}}]],'b':[[{'custom':2},{'custom':3},{'ask':'q'}]]}",
    "{}"
};

START_TEST(a_run_that_fails_or_asks_has_told_everything_that_came_before)
{
    const struct laws_case *cases[] = { &telling, &asking_late };
    for (size_t i = 0; i < 2; i++) {
        struct laws l;
        struct laws_end end;
        laws_init(&l, cases[i]);
        laws_run(&l, &(struct laws_how){ .input = l.input, .modes = MODE_CUSTOM | MODE_UPDATES },
                 &end);
        ck_assert_str_eq(end.error, i == 0 ? "E" : "");
        char *text = events_text(&end, "custom");
        ck_assert_str_eq(text, "[{'data':1,'event':'custom','ns':''},{'data':2,'event':'custom',"
                               "'ns':''},{'data':3,'event':'custom','ns':''}]");
        free(text);
        text = events_text(&end, "updates");
        ck_assert_ptr_nonnull(strstr(text, "{'a':{'log':'a'}}"));
        free(text);
        laws_end_clear(&end);
        laws_deinit(&l);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *s = suite_create("laws of control");
    TCase *t = tcase_create("laws");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, a_question_that_is_answered_is_as_good_as_the_answer_in_its_place, 0,
                        COUNT(asking));
    tcase_add_loop_test(t, breakpoints_change_nothing_but_the_number_of_runs, 0, laws_case_count);
    tcase_add_loop_test(t, a_run_stops_once_at_each_breakpoint, 0, COUNT(stops));
    tcase_add_test(t, a_subgraph_gives_what_its_nodes_in_its_place_give);
    tcase_add_test(t, events_of_a_subgraph_lie_between_the_start_and_the_result_of_its_task);
    tcase_add_test(t, a_command_for_the_parent_is_as_good_as_one_of_the_parents_node);
    tcase_add_loop_test(t, updates_folded_into_the_values_before_give_the_values_after, 0,
                        COUNT(folded));
    tcase_add_loop_test(t, a_task_that_begins_has_one_result_event_unless_it_was_cancelled, 0,
                        laws_case_count);
    tcase_add_loop_test(t, several_modes_tell_what_each_of_them_tells_alone, 0, laws_case_count);
    tcase_add_test(t, a_run_that_fails_or_asks_has_told_everything_that_came_before);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
