/* loop/service.h: the order of jobs, what makes a group, and that no end is lost. */
#include "base/err.h"
#include "base/mem.h"
#include "loop/service.h"
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

enum { JOBS = 200, GROUP_MAX = 50 };

struct number {
    struct service_job job;
    int number;
};

/* What the service's thread notes; read when it has ended, or has handed over. */
static struct {
    sem_t may_work;
    int worked[JOBS];
    int count;
    int groups[JOBS];
    int group_count;
    int rests;
} work;

static struct loop *loop;
static struct service *service;
static struct number numbers[JOBS];
static int ended;
static bool done;

static void on_work(void *arg, struct list *jobs)
{
    int count = 0;
    ck_assert_ptr_eq(arg, &work);
    while (sem_wait(&work.may_work) != 0)
        ;
    LIST_EACH(jobs, node) {
        work.worked[work.count++] =
            LIST_OF(LIST_OF(node, struct service_job, node), struct number, job)->number;
        count++;
    }
    work.groups[work.group_count++] = count;
}

static void on_rest(void *arg)
{
    ck_assert_ptr_eq(arg, &work);
    work.rests++;
}

static const struct service_kind kind = { "test", GROUP_MAX, on_work, on_rest };

static void on_end(struct service_job *job)
{
    ck_assert_int_eq(LIST_OF(job, struct number, job)->number, ended);
    ended++;
    done = ended == JOBS;
}

static void put(int number)
{
    numbers[number].number = number;
    service_put(service, loop, &numbers[number].job, on_end);
    ck_assert_int_eq(ended, 0);
}

static void let_work(int groups)
{
    for (int i = 0; i < groups; i++)
        ck_assert_int_eq(sem_post(&work.may_work), 0);
}

static void setup(void)
{
    ck_assert_int_eq(sem_init(&work.may_work, 0, 0), 0);
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(service_new(&kind, &work, &service), 0);
}

static void teardown(void)
{
    service = service_free(service);
    loop = loop_free(loop);
}

START_TEST(jobs_are_worked_and_end_in_the_order_in_which_they_were_put)
{
    let_work(JOBS);
    for (int i = 0; i < JOBS; i++)
        put(i);
    ck_assert_int_eq(loop_run_until(loop, &done), 0);
    service = service_free(service);
    ck_assert_int_eq(work.count, JOBS);
    for (int i = 0; i < JOBS; i++)
        ck_assert_int_eq(work.worked[i], i);
    ck_assert_int_eq(work.rests, work.group_count);
}
END_TEST

START_TEST(what_comes_while_a_group_is_worked_is_the_next_one_up_to_the_most)
{
    for (int i = 0; i < JOBS; i++)
        put(i);
    let_work(JOBS);
    ck_assert_int_eq(loop_run_until(loop, &done), 0);
    service = service_free(service);
    ck_assert_int_le(work.group_count, JOBS / GROUP_MAX + 1); /* the first may be short */
    for (int i = 1; i < work.group_count - 1; i++)
        ck_assert_int_eq(work.groups[i], GROUP_MAX);
}
END_TEST

START_TEST(closing_works_what_is_queued_and_calls_every_end)
{
    for (int i = 0; i < JOBS; i++)
        put(i);
    let_work(JOBS);
    service = service_free(service);
    ck_assert_int_eq(ended, JOBS);
    ck_assert_int_eq(work.count, JOBS);
}
END_TEST

START_TEST(closing_calls_the_ends_that_are_under_way_and_the_loop_forgets_them)
{
    let_work(JOBS);
    for (int i = 0; i < JOBS - 1; i++)
        put(i);
    struct loop_work turn;
    bool is_over = false;
    loop_work_init(&turn, (void (*)(void *))loop_stop, loop);
    loop_ready(loop, &turn);
    ck_assert_int_eq(loop_run_until(loop, &is_over), 0); /* some have arrived, perhaps */
    service = service_free(service);
    ck_assert_int_eq(ended, JOBS - 1);
    loop_ready(loop, &turn);
    ck_assert_int_eq(loop_run_until(loop, &is_over), 0);
    ck_assert_int_eq(ended, JOBS - 1);
}
END_TEST

START_TEST(a_service_without_memory_is_a_fault)
{
    struct service *none = NULL;
    mem_fail_at(1);
    ck_assert_int_eq(service_new(&kind, &work, &none), ERR_NOMEM);
    ck_assert_ptr_null(none);
    ck_assert_ptr_null(service_free(NULL));
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("service");
    TCase *c = tcase_create("service");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, jobs_are_worked_and_end_in_the_order_in_which_they_were_put);
    tcase_add_test(c, what_comes_while_a_group_is_worked_is_the_next_one_up_to_the_most);
    tcase_add_test(c, closing_works_what_is_queued_and_calls_every_end);
    tcase_add_test(c, closing_calls_the_ends_that_are_under_way_and_the_loop_forgets_them);
    tcase_add_test(c, a_service_without_memory_is_a_fault);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void)
{
    mem_init();
    SRunner *runner = srunner_create(make_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
