/* Laws of persistence: what a thread keeps, and what comes of it when a run goes on, again, or
 * elsewhere. */
#include "laws_rig.h"

static const char *const durabilities[] = { "sync", "async", "exit" };

static void play(struct laws *l, const struct laws_how *how, struct laws_end *end)
{
    const struct laws_play play = { .how = *how };
    (void)laws_play(l, &play, end);
}

/* A whole play; what it comes to. free() */
static char *play_values(struct laws *l, const char *input, const char *durability)
{
    struct laws_end end;
    play(l, &(struct laws_how){ .input = input, .durability = durability }, &end);
    char *values = strdup(end.values);
    laws_end_clear(&end);
    return values;
}

/* ---- 11, 13: a crash after any commit ---- */

static void check_done_once(const struct laws *l, const char *dump)
{
    for (size_t i = 0; i < l->task_count; i++)
        if (laws_is_durable(dump, l->tasks[i].id))
            ck_assert_msg(l->tasks[i].done_count == 1, "%s has run %d times", l->tasks[i].path,
                          l->tasks[i].done_count);
}

/* Up to the death: true if there was one. */
static bool play_until_death(struct laws *l, const char *durability, long commits)
{
    struct laws_how how = { .input = l->input, .durability = durability };
    struct laws_end end = { .status = RUN_RUNNING };
    l->commit_count = 0;
    l->last_commit = commits;
    do {
        laws_run(l, &how, &end);
        bool asks = json_array_size(end.interrupts) > 0;
        how.input = NULL;
        how.command = asks && !l->is_dead ? laws_answers(end.interrupts, false) : NULL;
        bool is_over = end.status == RUN_SUCCESS && end.interrupts == NULL;
        laws_end_clear(&end);
        if (is_over)
            break;
    } while (!l->is_dead);
    bool died = l->is_dead;
    l->is_dead = false;
    l->last_commit = -1;
    return died;
}

/* Plays with a death after so many commits, and goes on. False: it lived long enough. */
static bool crash_and_go_on(struct laws *l, const char *durability, long commits,
                            const char *values)
{
    struct laws_end end;
    bool died = play_until_death(l, durability, commits);
    char *dump = laws_dump(l);
    laws_check_chain(l);
    bool is_empty = strcmp(dump, ".") == 0;
    if (is_empty)
        laws_forget_tasks_from(l, INT64_MIN);
    play(l, &(struct laws_how){ .input = is_empty ? l->input : NULL, .durability = durability },
         &end);
    laws_check_text(end.values, values);
    laws_end_clear(&end);
    check_done_once(l, dump);
    laws_check_chain(l);
    mem_free(dump);
    laws_forget(l);
    return died;
}

START_TEST(a_run_that_died_after_any_commit_goes_on_to_the_same_end_and_repeats_nothing_kept)
{
    struct laws l;
    laws_init(&l, &laws_cases[_i]);
    char *values = play_values(&l, l.input, NULL);
    laws_forget(&l);
    for (int d = 0; d < 2; d++) {
        long commits = 0;
        do
            l.random = (uint64_t)commits * 7919 + 1;
        while (crash_and_go_on(&l, durabilities[d], commits++, values));
        ck_assert_int_gt(commits, 8);
    }
    free(values);
    laws_deinit(&l);
}
END_TEST

/* ---- 12: failures ---- */

START_TEST(
    after_failures_nobody_who_had_finished_runs_again_and_the_end_is_as_if_nothing_had_failed)
{
    struct laws l;
    laws_init(&l, laws_find_case("failures"));
    l.fails_never = true;
    char *values = play_values(&l, l.input, NULL);
    size_t task_count = l.task_count;
    laws_forget(&l);
    l.fails_never = false;
    for (uint64_t seed = 1; seed < 40; seed++) {
        l.random = seed * 7919;
        char *other = play_values(&l, l.input, durabilities[seed % 3]);
        laws_check_text(other, values);
        ck_assert_uint_eq(l.task_count, task_count); /* no task got another id */
        for (size_t i = 0; i < l.task_count; i++)
            ck_assert_int_eq(l.tasks[i].done_count, 1);
        free(other);
        laws_forget(&l);
    }
    free(values);
    laws_deinit(&l);
}
END_TEST

/* ---- 14: doing it twice ---- */

START_TEST(writes_that_are_stored_twice_and_resumes_with_nothing_to_do_change_nothing)
{
    struct laws l;
    struct laws_end end;
    laws_init(&l, &laws_cases[_i]);
    free(play_values(&l, l.input, NULL));
    char *once = laws_history_text(&l);
    laws_forget(&l);
    l.commits_twice = true;
    l.random = 1;
    free(play_values(&l, l.input, NULL));
    char *twice = laws_history_text(&l);
    laws_check_text(twice, once);
    for (int i = 0; i < 2; i++) {
        long performed = l.perform_count;
        laws_run(&l, &(struct laws_how){ .input = NULL }, &end);
        ck_assert_int_eq(end.status, RUN_SUCCESS);
        ck_assert_int_eq(l.perform_count, performed);
        laws_end_clear(&end);
        char *again = laws_history_text(&l);
        laws_check_text(again, once);
        free(again);
    }
    free(once);
    free(twice);
    laws_deinit(&l);
}
END_TEST

/* ---- 15: durability ---- */

static void drop_parents(json_t *state)
{
    json_t *task;
    size_t i;
    json_object_del(state, "parent_config");
    json_object_del(state, "parent_checkpoint");
    json_array_foreach(json_object_get(state, "tasks"), i, task)
        drop_parents(json_object_get(task, "state"));
}

/* The latest state, with those of its subgraphs, without its way there. free() */
static char *latest_text(struct laws *l)
{
    json_t *state = laws_state(l, NULL);
    drop_parents(state);
    char *text = laws_text(state);
    json_decref(state);
    return text;
}

static size_t count_checkpoints(struct laws *l)
{
    json_t *history = laws_history(l);
    size_t count = json_array_size(history);
    json_decref(history);
    return count;
}

/* What each run of a play came to, line by line; under exit every run that moved on leaves one
 * checkpoint. free() */
static char *play_lines(struct laws *l, const char *durability)
{
    struct laws_how how = { .input = l->input, .durability = durability };
    struct laws_end end = { .status = RUN_RUNNING };
    struct buf out;
    bool is_over;
    buf_init(&out, 1 << 24);
    l->random = 4711;
    do {
        size_t before = count_checkpoints(l);
        laws_run(l, &how, &end);
        size_t after = count_checkpoints(l);
        if (strcmp(durability, "exit") == 0)
            ck_assert_uint_le(after, before + 1);
        char *interrupts = laws_text(end.interrupts == NULL ? json_null() : end.interrupts);
        char *latest = latest_text(l);
        buf_addf(&out, "%s %s %s\n%s\n", end.error, end.values, interrupts, latest);
        free(interrupts);
        free(latest);
        is_over = end.status == RUN_SUCCESS && end.interrupts == NULL;
        how.input = NULL;
        how.command =
            json_array_size(end.interrupts) > 0 ? laws_answers(end.interrupts, false) : NULL;
        laws_end_clear(&end);
    } while (!is_over);
    char *text = strdup(buf_text(&out));
    buf_deinit(&out);
    laws_forget(l);
    return text;
}

START_TEST(durability_changes_neither_results_nor_questions_nor_the_latest_state)
{
    struct laws l;
    laws_init(&l, &laws_cases[_i]);
    char *sync = play_lines(&l, "sync");
    char *async = play_lines(&l, "async");
    char *at_exit = play_lines(&l, "exit");
    laws_check_text(async, sync);
    laws_check_text(at_exit, sync);
    free(sync);
    free(async);
    free(at_exit);
    laws_deinit(&l);
}
END_TEST

START_TEST(under_sync_nothing_begins_after_a_checkpoint_that_could_not_be_kept)
{
    struct laws l;
    struct laws_end end;
    laws_init(&l, laws_find_case("loop"));
    l.is_full = true;
    for (long commits = 0; commits < 12; commits++) {
        l.commit_count = 0;
        l.last_commit = commits;
        l.starts_at_loss = -1;
        laws_run(&l, &(struct laws_how){ .input = l.input, .durability = "sync" }, &end);
        ck_assert_str_eq(end.error, "ServiceUnavailableError");
        ck_assert_int_eq(l.start_count, l.starts_at_loss);
        laws_end_clear(&end);
        laws_forget(&l);
    }
    laws_deinit(&l);
}
END_TEST

START_TEST(under_exit_a_run_leaves_one_checkpoint)
{
    struct laws l;
    laws_init(&l, laws_find_case("loop"));
    for (size_t i = 1; i <= 3; i++) {
        free(play_values(&l, l.input, "exit"));
        ck_assert_uint_eq(count_checkpoints(&l), i);
    }
    laws_deinit(&l);
}
END_TEST

START_TEST(a_graph_that_has_lost_its_nodes_leaves_the_thread_as_it_was)
{
    static const char other[] = "{'state':{'log':{'type':'array','reducer':'append'}},"
                                "'nodes':{'x':{'kind':'act'}},'edges':[['START','x']]}";
    struct laws l;
    struct laws_end end;
    laws_init(&l, laws_find_case("join"));
    laws_run(&l, &(struct laws_how){ .input = l.input, .before = "['e']" }, &end);
    laws_end_clear(&end);
    char *before = laws_dump(&l);
    graph_unref(l.graph);
    l.graph = laws_build(&l, other);
    for (int i = 0; i < 3; i++) {
        laws_run(&l, &(struct laws_how){ .input = NULL, .durability = durabilities[i] }, &end);
        ck_assert_str_eq(end.error, "InvalidUpdateError");
        laws_end_clear(&end);
        char *after = laws_dump(&l);
        ck_assert_str_eq(after, before);
        mem_free(after);
    }
    mem_free(before);
    laws_deinit(&l);
}
END_TEST

/* ---- 16: lists that are stored as what was added ---- */

static char *play_lists(struct laws *l, int64_t delta_max, const char *durability)
{
    char id[ID_BYTES];
    char middle[ID_BYTES];
    l->delta_max = delta_max;
    l->random = 5;
    free(play_values(l, l->input, durability));
    json_t *history = laws_history(l);
    snprintf(middle, sizeof(middle), "%s",
             laws_id_of(json_array_get(history, json_array_size(history) / 2)));
    json_decref(history);
    laws_update(l, NULL, "{'log':['u1','u2'],'talk':[['user','hello']],'n':-3}", "a", id);
    free(play_values(l, NULL, durability));
    laws_update(l, middle, "{'log':'forked','n':-2}", "a", id);
    free(play_values(l, NULL, durability));
    struct laws_end end;
    play(l, &(struct laws_how){ .checkpoint_id = middle, .durability = durability }, &end);
    laws_end_clear(&end);
    free(play_values(l, "{'log':['in again'],'n':-9}", durability));
    char *text = laws_history_text(l);
    laws_forget(l);
    return text;
}

START_TEST(lists_stored_as_what_was_added_are_the_same_lists_whatever_is_stored_whole)
{
    static const int64_t deltas[] = { 2, 3, 1000 };
    struct laws l;
    laws_init(&l, laws_find_case("lists"));
    for (int d = 0; d < 3; d++) {
        char *whole = play_lists(&l, 1, durabilities[d]);
        for (int i = 0; i < 3; i++) {
            char *delta = play_lists(&l, deltas[i], durabilities[d]);
            laws_check_text(delta, whole);
            free(delta);
        }
        free(whole);
    }
    laws_deinit(&l);
}
END_TEST

/* ---- 17: going back ---- */

/* The values of the steps from `step` on along the way to the latest, newest first. free() */
static char *way_text(struct laws *l, json_int_t from_step)
{
    struct buf out;
    json_t *history = laws_history(l);
    const char *next = laws_id_of(json_array_get(history, 0));
    const json_t *one;
    size_t i;
    buf_init(&out, 1 << 20);
    json_array_foreach(history, i, one) {
        const json_t *metadata = json_object_get(one, "metadata");
        if (strcmp(laws_id_of(one), next) != 0)
            continue;
        const json_t *parent =
            json_object_get(json_object_get(one, "parent_config"), "configurable");
        next = parent == NULL ? "" : json_string_value(json_object_get(parent, "checkpoint_id"));
        if (json_integer_value(json_object_get(metadata, "step")) <= from_step)
            continue;
        char *values = laws_text(json_object_get(one, "values"));
        char *names = laws_text(json_object_get(one, "next"));
        buf_addf(&out, "%s %s\n", values, names);
        free(values);
        free(names);
    }
    char *text = strdup(buf_text(&out));
    buf_deinit(&out);
    json_decref(history);
    return text;
}

/* Every line of what was there is there still. */
static void check_kept(char *before, const char *after)
{
    for (char *rest = NULL, *line = strtok_r(before, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        if (strcmp(line, ".") != 0)
            ck_assert_msg(strstr(after, line) != NULL, "lost: %s", line);
}

static void replay(struct laws *l, const char *id, json_int_t step, const char *values)
{
    struct laws_end end;
    char *old_way = way_text(l, step);
    char *before = laws_dump(l);
    laws_forget_tasks_from(l, step);
    play(l, &(struct laws_how){ .checkpoint_id = id }, &end);
    laws_check_text(end.values, values);
    laws_end_clear(&end);
    char *after = laws_dump(l);
    check_kept(before, after);
    char *way = way_text(l, step + 1); /* behind the copy that the branch begins with */
    laws_check_text(way, old_way);
    free(way);
    free(old_way);
    mem_free(before);
    mem_free(after);
}

static json_int_t step_of(const json_t *snapshot)
{
    return json_integer_value(json_object_get(json_object_get(snapshot, "metadata"), "step"));
}

START_TEST(a_run_from_any_earlier_checkpoint_makes_the_same_states_and_touches_nothing)
{
    struct laws l;
    laws_init(&l, &laws_cases[_i]);
    char *values = play_values(&l, l.input, NULL);
    json_t *history = laws_history(&l);
    for (size_t i = 1; i < json_array_size(history); i++) {
        laws_forget(&l);
        l.random = 99;
        free(play_values(&l, l.input, NULL));
        json_t *fresh = laws_history(&l);
        const json_t *place = json_array_get(fresh, i);
        replay(&l, laws_id_of(place), step_of(place), values);
        json_decref(fresh);
    }
    json_decref(history);
    free(values);
    laws_deinit(&l);
}
END_TEST

/* ---- 18: an update in place of a node ---- */

#define TWO_WAYS                                                                                   \
    "{'state':{'log':{'type':'array','reducer':'append'},'last':{'type':'any'}},'nodes':{"         \
    "'a':{'kind':'act'},'b':{'kind':'act'},'c':{'kind':'act'},'j':{'kind':'act'},"                 \
    "'w':{'kind':'act'}},'edges':[['START','a'],['a','j'],"                                        \
    "{'from':'a','switch':'last','cases':{'b':'b'},'default':'c'},['b','j'],"                      \
    "{'from':'a','each':'log','as':'last','send':'w'}]}"
#define REST                                                                                       \
    "'b':[[{'update':{'log':'b'}}]],'c':[[{'update':{'log':'c'}}]],"                               \
    "'j':[[{'update':{'log':'j'}}]],'w':[[{'update':{'log':[{'$input':'last'},'w']}}]]}"

static const struct {
    struct laws_case returned; /* by a */
    const char *values;        /* the same, as an update */
} forks[] = {
    { { "b", TWO_WAYS, "{'a':[[{'update':{'last':'b','log':['x']}}]]," REST, "{'log':['in']}" },
      "{'last':'b','log':['x']}" },
    { { "c", TWO_WAYS, "{'a':[[{'update':{'last':0}}]]," REST, "{'log':['in']}" }, "{'last':0}" },
    { { "null", TWO_WAYS, "{'a':[[]]," REST, "{'log':['in'],'last':'b'}" }, NULL },
    { { "overwrite", TWO_WAYS, "{'a':[[{'update':{'log':{'__overwrite__':['o','p']}}}]]," REST,
        "{'log':['in']}" },
      "{'log':{'__overwrite__':['o','p']}}" },
};
static const struct laws_case other_way = { "other", TWO_WAYS,
                                            "{'a':[[{'update':{'log':'other','last':'c'}}]]," REST,
                                            "" };

static void fork_before_a(struct laws *l, const char *values)
{
    char id[ID_BYTES];
    json_t *history = laws_history(l);
    const json_t *place = json_array_get(history, json_array_size(history) - 2);
    ck_assert_int_eq(step_of(place), 0);
    laws_update(l, laws_id_of(place), values, "a", id);
    json_decref(history);
}

START_TEST(an_update_in_the_place_of_a_node_is_as_good_as_the_node)
{
    struct laws l;
    laws_init(&l, &forks[_i].returned);
    char *expected = play_values(&l, l.input, NULL);
    char *way = way_text(&l, 0);
    laws_deinit(&l);

    laws_init(&l, &other_way);
    free(play_values(&l, forks[_i].returned.input, NULL));
    fork_before_a(&l, forks[_i].values);
    char *values = play_values(&l, NULL, NULL);
    char *other = way_text(&l, 0);
    laws_check_text(values, expected);
    laws_check_text(other, way);
    free(expected);
    free(values);
    free(way);
    free(other);
    laws_deinit(&l);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *s = suite_create("laws of persistence");
    TCase *t = tcase_create("laws");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(
        t, a_run_that_died_after_any_commit_goes_on_to_the_same_end_and_repeats_nothing_kept, 0,
        laws_case_count);
    tcase_add_test(
        t,
        after_failures_nobody_who_had_finished_runs_again_and_the_end_is_as_if_nothing_had_failed);
    tcase_add_loop_test(t,
                        writes_that_are_stored_twice_and_resumes_with_nothing_to_do_change_nothing,
                        0, laws_case_count);
    tcase_add_loop_test(t, durability_changes_neither_results_nor_questions_nor_the_latest_state, 0,
                        laws_case_count);
    tcase_add_test(t, under_sync_nothing_begins_after_a_checkpoint_that_could_not_be_kept);
    tcase_add_test(t, under_exit_a_run_leaves_one_checkpoint);
    tcase_add_test(t, a_graph_that_has_lost_its_nodes_leaves_the_thread_as_it_was);
    tcase_add_test(t, lists_stored_as_what_was_added_are_the_same_lists_whatever_is_stored_whole);
    tcase_add_loop_test(t,
                        a_run_from_any_earlier_checkpoint_makes_the_same_states_and_touches_nothing,
                        0, laws_case_count);
    tcase_add_loop_test(t, an_update_in_the_place_of_a_node_is_as_good_as_the_node, 0,
                        COUNT(forks));
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
