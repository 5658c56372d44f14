/* Laws of the superstep: what a step sees, in which order it counts, and who may write. */
#include "laws_rig.h"

/* ---- 1: the order of finishing changes nothing ---- */

static const struct laws_how concurrencies[] = {
    { .max_concurrency = 0 },
    { .max_concurrency = 1 },
    { .max_concurrency = 2 },
    { .max_concurrency = 7 },
};

/* The whole history and the values of a play, as text. The thread is forgotten. free() */
static char *play_text(struct laws *l, const struct laws_how *how, uint64_t seed)
{
    struct laws_end end;
    struct laws_play play = { .how = *how };
    char *text = NULL;
    l->random = seed;
    play.how.input = l->input;
    int runs = laws_play(l, &play, &end);
    char *history = laws_history_text(l);
    ck_assert_int_gt(asprintf(&text, "%d runs\n%s\n%s", runs, end.values, history), 0);
    free(history);
    laws_end_clear(&end);
    laws_forget(l);
    return text;
}

START_TEST(the_order_of_finishing_and_the_number_at_work_change_neither_state_nor_checkpoints)
{
    struct laws l;
    laws_init(&l, &laws_cases[_i]);
    char *first = play_text(&l, &concurrencies[0], 1);
    for (uint64_t seed = 2; seed < 14; seed++) {
        char *other = play_text(&l, &concurrencies[seed % 4], seed * 7919);
        ck_assert_str_eq(other, first);
        free(other);
    }
    free(first);
    laws_deinit(&l);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("laws of the superstep");
    TCase *t = tcase_create("laws");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, the_order_of_finishing_and_the_number_at_work_change_neither_state_nor_checkpoints, 0, laws_case_count);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
