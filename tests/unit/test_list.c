/* base/list.h: the intrusive list. */
#include "base/list.h"
#include <check.h>
#include <stdlib.h>

struct item {
    int number;
    struct list link;
};

static void fill(struct list *head, struct item *items, int count)
{
    list_init(head);
    for (int i = 0; i < count; i++) {
        items[i].number = i;
        list_add_tail(head, &items[i].link);
    }
}

START_TEST(a_new_list_is_empty_and_pops_nothing)
{
    struct list head;
    list_init(&head);
    ck_assert(list_is_empty(&head));
    ck_assert_ptr_null(list_pop(&head));
}
END_TEST

START_TEST(items_come_out_in_the_order_they_went_in)
{
    struct list head;
    struct item items[3];
    fill(&head, items, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(LIST_OF(list_pop(&head), struct item, link)->number, i);
    ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(removing_twice_does_no_harm)
{
    struct list head;
    struct item items[3];
    fill(&head, items, 3);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    ck_assert_ptr_eq(head.next, &items[0].link);
    ck_assert_ptr_eq(items[0].link.next, &items[2].link);
}
END_TEST

START_TEST(the_current_item_may_leave_during_a_walk)
{
    struct list head;
    struct item items[4];
    int sum = 0;
    fill(&head, items, 4);
    LIST_EACH(&head, node)
    {
        sum += LIST_OF(node, struct item, link)->number;
        list_remove(node);
    }
    ck_assert_int_eq(sum, 6);
    ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(taking_all_empties_the_source_and_keeps_the_order)
{
    struct list from, to;
    struct item items[2];
    fill(&from, items, 2);
    list_take_all(&from, &to);
    ck_assert(list_is_empty(&from));
    ck_assert_ptr_eq(list_pop(&to), &items[0].link);
    ck_assert_ptr_eq(list_pop(&to), &items[1].link);
    list_take_all(&from, &to);
    ck_assert(list_is_empty(&to));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("list");
    TCase *c = tcase_create("list");
    tcase_add_test(c, a_new_list_is_empty_and_pops_nothing);
    tcase_add_test(c, items_come_out_in_the_order_they_went_in);
    tcase_add_test(c, removing_twice_does_no_harm);
    tcase_add_test(c, the_current_item_may_leave_during_a_walk);
    tcase_add_test(c, taking_all_empties_the_source_and_keeps_the_order);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
