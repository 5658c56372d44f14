/* The laws of the turn: what runs before what, what may be called from where, and that an idle loop
 * sleeps. */
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static char trace[256];
static bool done;

static void setup(void)
{
    ck_assert_int_eq(loop_new(&loop), 0);
    trace[0] = '\0';
    done = false;
}

static void teardown(void)
{
    loop = loop_free(loop);
}

static void note(const char *what)
{
    strncat(trace, what, sizeof(trace) - strlen(trace) - 1);
}

/* A work that notes its name and then may queue others. */
struct step {
    struct loop_work work;
    const char *name;
    struct step *ready_next;
    struct step *defer_next;
    struct step *cancel_next;
    bool is_last;
};

static void on_step(void *arg)
{
    struct step *s = arg;
    note(s->name);
    if (s->ready_next != NULL)
        loop_ready(loop, &s->ready_next->work);
    if (s->defer_next != NULL)
        loop_defer(loop, &s->defer_next->work);
    if (s->cancel_next != NULL)
        loop_work_cancel(&s->cancel_next->work);
    if (s->is_last)
        done = true;
}

static void step_init(struct step *s, const char *name)
{
    *s = (struct step){ .name = name };
    loop_work_init(&s->work, on_step, s);
}

static void run(void)
{
    ck_assert_int_eq(loop_run_until(loop, &done), 0);
}

START_TEST(ready_work_runs_before_deferred_work_whatever_the_order_of_queueing)
{
    struct step a, b, c, d;
    step_init(&a, "a");
    step_init(&b, "b");
    step_init(&c, "c");
    step_init(&d, "d");
    loop_defer(loop, &d.work);
    loop_ready(loop, &a.work);
    loop_ready(loop, &b.work);
    a.ready_next = &c;
    d.is_last = true;
    clock_fake(0, 0); /* a turn's ready list has a millisecond, which a busy machine may not give it */
    run();
    clock_fake(-1, 0);
    ck_assert_str_eq(trace, "abcd");
}
END_TEST

START_TEST(work_is_queued_once_however_often_it_is_asked_for)
{
    struct step a, z;
    step_init(&a, "a");
    step_init(&z, "z");
    z.is_last = true;
    for (int i = 0; i < 3; i++) {
        loop_defer(loop, &a.work);
        loop_ready(loop, &a.work);
    }
    loop_defer(loop, &z.work);
    run();
    ck_assert_str_eq(trace, "az");
}
END_TEST

START_TEST(deferred_work_queued_by_deferred_work_waits_for_the_next_turn)
{
    struct step a, b, c, z;
    step_init(&a, "a");
    step_init(&b, "b");
    step_init(&c, "c");
    step_init(&z, "z");
    a.ready_next = &b;
    a.defer_next = &z;
    z.is_last = true;
    loop_defer(loop, &a.work);
    loop_defer(loop, &c.work);
    run();
    ck_assert_str_eq(trace, "acbz");
}
END_TEST

START_TEST(cancelled_work_does_not_run_even_in_the_middle_of_a_drain)
{
    struct step a, b, c, d, z;
    step_init(&a, "a");
    step_init(&b, "b");
    step_init(&c, "c");
    step_init(&d, "d");
    step_init(&z, "z");
    a.cancel_next = &b;
    c.cancel_next = &d;
    z.is_last = true;
    loop_ready(loop, &a.work);
    loop_ready(loop, &b.work);
    loop_defer(loop, &c.work);
    loop_defer(loop, &d.work);
    loop_defer(loop, &z.work);
    run();
    ck_assert_str_eq(trace, "acz");
    loop_work_cancel(&b.work);
    loop_work_cancel(&b.work);
}
END_TEST

static void on_readable(void *arg, int what)
{
    (void)arg;
    ck_assert_int_eq(what, LOOP_READ);
    done = true;
}

static void on_again(void *arg)
{
    loop_ready(loop, arg);
}

START_TEST(endless_ready_work_still_lets_descriptors_through)
{
    int fd[2];
    struct loop_watch *w = NULL;
    struct loop_work endless;
    ck_assert_int_eq(pipe(fd), 0);
    loop_work_init(&endless, on_again, &endless);
    loop_ready(loop, &endless);
    ck_assert_int_eq(loop_watch_new(loop, fd[0], LOOP_READ, on_readable, NULL, &w), 0);
    ck_assert_int_eq(write(fd[1], "x", 1), 1);
    run();
    loop_work_cancel(&endless);
    loop_watch_free(w);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

/* ---- frees ---- */

struct thing {
    struct loop_later later;
    struct loop_work work;
};

static void free_thing(void *object)
{
    note("f");
    mem_free(object);
    done = true;
}

static void on_doom(void *arg)
{
    struct thing *t = arg;
    loop_free_later(loop, &t->later, free_thing, t);
    note("d");
}

START_TEST(free_later_comes_after_all_callbacks_of_the_turn)
{
    struct thing *t = mem_zalloc(sizeof(*t));
    struct step a, b;
    step_init(&a, "a");
    step_init(&b, "b");
    loop_work_init(&t->work, on_doom, t);
    loop_ready(loop, &t->work);
    loop_ready(loop, &a.work);
    loop_defer(loop, &b.work);
    run();
    ck_assert_str_eq(trace, "dabf");
}
END_TEST

START_TEST(free_later_outside_of_a_turn_does_not_wait_for_an_event)
{
    struct thing *t = mem_zalloc(sizeof(*t));
    on_doom(t);
    run();
    ck_assert_str_eq(trace, "df");
}
END_TEST

START_TEST(closing_the_loop_frees_what_was_to_be_freed_later)
{
    on_doom(mem_zalloc(sizeof(struct thing)));
}
END_TEST

/* ---- timers ---- */

struct tick {
    struct loop_timer *timer;
    const char *name;
    int64_t fired_us;
    int count;
    int again; /* restarts itself with 0 so often */
    bool frees_itself;
    bool is_last;
};

static void on_tick(void *arg)
{
    struct tick *t = arg;
    note(t->name);
    t->count++;
    t->fired_us = clock_mono_us();
    if (t->again-- > 0)
        loop_timer_start(t->timer, 0);
    else
        done = done || t->is_last;
    if (t->frees_itself)
        t->timer = loop_timer_free(t->timer);
}

static void tick_new(struct tick *t, const char *name)
{
    *t = (struct tick){ .name = name };
    ck_assert_int_eq(loop_timer_new(loop, on_tick, t, &t->timer), 0);
}

START_TEST(timers_fire_in_order_and_not_early)
{
    struct tick a, b, c, d;
    tick_new(&a, "a");
    tick_new(&b, "b");
    tick_new(&c, "c");
    tick_new(&d, "d");
    int64_t start_us = clock_mono_us();
    loop_timer_start(c.timer, 20000);
    loop_timer_start(b.timer, 10000);
    loop_timer_start(d.timer, 20000 + 5000);
    loop_timer_start(a.timer, 0);
    d.is_last = true;
    run();
    ck_assert_str_eq(trace, "abcd");
    ck_assert_int_ge(b.fired_us - start_us, 10000);
    ck_assert_int_ge(c.fired_us - start_us, 20000);
    loop_timer_free(a.timer);
    loop_timer_free(b.timer);
    loop_timer_free(c.timer);
    loop_timer_free(d.timer);
}
END_TEST

START_TEST(a_restarted_timer_fires_once_at_the_new_time_and_a_stopped_one_never)
{
    struct tick a, b, z;
    tick_new(&a, "a");
    tick_new(&b, "b");
    tick_new(&z, "z");
    loop_timer_start(a.timer, INT64_MAX);
    loop_timer_start(a.timer, 1000);
    loop_timer_start(b.timer, 500);
    loop_timer_stop(b.timer);
    loop_timer_stop(b.timer);
    loop_timer_start(z.timer, 3000);
    z.is_last = true;
    run();
    ck_assert_str_eq(trace, "az");
    loop_timer_free(a.timer);
    loop_timer_free(b.timer);
    loop_timer_free(z.timer);
}
END_TEST

START_TEST(a_timer_that_restarts_itself_with_zero_waits_for_the_next_turn)
{
    struct tick a, b;
    struct step s;
    tick_new(&a, "a");
    tick_new(&b, "b");
    step_init(&s, "s");
    a.again = 2;
    a.is_last = true;
    b.frees_itself = true;
    loop_timer_start(a.timer, 0);
    loop_timer_start(b.timer, 0);
    loop_defer(loop, &s.work);
    run();
    ck_assert_str_eq(trace, "absaa");
    loop_timer_free(a.timer);
    ck_assert_ptr_null(b.timer);
}
END_TEST

/* The due time lies between the two: the clock is read before and after the start. */
struct alarm {
    struct loop_timer *timer;
    int64_t earliest_us;
    int64_t latest_us;
};
static int64_t previous_earliest_us;
static int alarm_count;

static void on_alarm(void *arg)
{
    const struct alarm *a = arg;
    ck_assert_int_le(previous_earliest_us, a->latest_us);
    ck_assert_int_ge(clock_mono_us(), a->earliest_us);
    previous_earliest_us = a->earliest_us;
    alarm_count++;
}

static void alarm_new(struct alarm *a, int64_t delay_us)
{
    ck_assert_int_eq(loop_timer_new(loop, on_alarm, a, &a->timer), 0);
    a->earliest_us = clock_mono_us() + delay_us;
    loop_timer_start(a->timer, delay_us);
    a->latest_us = clock_mono_us() + delay_us;
}

START_TEST(a_thousand_timers_come_in_the_order_of_their_times)
{
    enum { COUNT = 1000 };
    static struct alarm alarms[COUNT];
    struct tick last;
    for (int i = 0; i < COUNT; i++)
        alarm_new(&alarms[i], 5000 + (i * 7919) % COUNT * 50);
    for (int i = 0; i < COUNT; i += 3)
        loop_timer_stop(alarms[i].timer);
    tick_new(&last, "z");
    last.is_last = true;
    loop_timer_start(last.timer, 5000 + COUNT * 50);
    run();
    ck_assert_int_eq(alarm_count, COUNT - (COUNT + 2) / 3);
    for (int i = 0; i < COUNT; i++)
        loop_timer_free(alarms[i].timer);
    loop_timer_free(last.timer);
}
END_TEST

START_TEST(timers_run_on_while_a_test_holds_the_clock)
{
    struct tick a;
    tick_new(&a, "a");
    a.is_last = true;
    clock_fake(1000, 1000);
    loop_timer_start(a.timer, 2000);
    run();
    clock_fake(-1, 0);
    ck_assert_str_eq(trace, "a");
    loop_timer_free(a.timer);
}
END_TEST

/* ---- descriptors ---- */

static void tcp_pair(int ret[2])
{
    struct sockaddr_storage at = { .ss_family = AF_INET };
    socklen_t len = sizeof(struct sockaddr_storage);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(listen(listener, 1), 0); /* an unbound socket gets a port on every address */
    ck_assert_int_eq(getsockname(listener, (void *)&at, &len), 0);
    ret[0] = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(ret[0], (void *)&at, len), 0);
    ret[1] = accept(listener, NULL, NULL);
    ck_assert_int_ge(ret[1], 0);
    close(listener);
}

struct closing {
    struct loop_watch *watch;
    int count;
};

static void on_closed(void *arg, int what)
{
    struct closing *c = arg;
    ck_assert_int_eq(what, LOOP_CLOSED);
    c->count++;
    c->watch = loop_watch_free(c->watch);
    done = true;
}

static void peer_shuts_down(int fd)
{
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
}

static void peer_closes(int fd)
{
    ck_assert_int_eq(shutdown(fd, SHUT_RDWR), 0);
}

static void peer_resets(int fd)
{
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    int none = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    ck_assert_int_eq(dup2(none, fd), fd); /* closes the socket, keeps the number for the test */
    close(none);
}

static void (*const leavers[])(int fd) = { peer_shuts_down, peer_closes, peer_resets };

START_TEST(a_closed_watch_tells_that_the_peer_left_and_leaves_bytes_unread)
{
    int fd[2];
    char byte;
    struct closing c = { .count = 0 };
    struct step s;
    tcp_pair(fd);
    ck_assert_int_eq(loop_watch_new(loop, fd[0], LOOP_CLOSED, on_closed, &c, &c.watch), 0);
    ck_assert_int_eq(write(fd[1], "x", 1), 1);
    for (int i = 0; i < 3; i++) {
        step_init(&s, "s");
        s.is_last = true;
        loop_ready(loop, &s.work);
        run();
        done = false;
    }
    ck_assert_int_eq(c.count, 0);
    leavers[_i](fd[1]);
    run();
    ck_assert_int_eq(c.count, 1);
    if (leavers[_i] != peer_resets)
        ck_assert_int_eq(read(fd[0], &byte, 1), 1);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

struct room {
    struct loop_watch *watch;
    int count[LOOP_CLOSED + 1];
    int awaited;
};

static void on_room(void *arg, int what)
{
    struct room *r = arg;
    r->count[what]++;
    done = what == r->awaited;
}

static void fill(int fd)
{
    static char bytes[4096];
    while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    ck_assert_int_eq(errno, EAGAIN);
}

static void drain(int fd)
{
    static char bytes[65536];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    while (poll(&p, 1, 50) == 1)
        ck_assert_int_gt(read(fd, bytes, sizeof(bytes)), 0);
}

START_TEST(a_closed_watch_tells_of_room_after_a_full_socket_each_time)
{
    int fd[2];
    struct room r = { .awaited = LOOP_WRITE };
    tcp_pair(fd);
    ck_assert_int_eq(loop_watch_new(loop, fd[0], LOOP_CLOSED | LOOP_WRITE, on_room, &r, &r.watch),
                     0);
    run(); /* at the start */
    for (int i = 0; i < 3; i++) {
        done = false;
        int before = r.count[LOOP_WRITE];
        fill(fd[0]);
        drain(fd[1]);
        run();
        ck_assert_int_gt(r.count[LOOP_WRITE], before);
    }
    done = false;
    ck_assert_int_eq(r.count[LOOP_CLOSED], 0);
    r.awaited = LOOP_CLOSED;
    leavers[_i](fd[1]);
    run();
    ck_assert_int_eq(r.count[LOOP_CLOSED], 1);
    r.watch = loop_watch_free(r.watch);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

static void on_writable_once(void *arg, int what)
{
    struct closing *c = arg;
    ck_assert_int_eq(what, LOOP_WRITE);
    c->count++;
    c->watch = loop_watch_free(c->watch);
    done = true;
}

START_TEST(a_watch_may_be_freed_by_its_own_callback)
{
    int fd[2];
    struct closing c = { .count = 0 };
    ck_assert_int_eq(pipe(fd), 0);
    ck_assert_int_eq(
        loop_watch_new(loop, fd[1], LOOP_READ | LOOP_WRITE, on_writable_once, &c, &c.watch), 0);
    run();
    ck_assert_int_eq(c.count, 1);
    close(fd[0]);
    close(fd[1]);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_watched_is_a_fault)
{
    struct loop_watch *w = NULL;
    ck_assert_int_lt(loop_watch_new(loop, 9999, LOOP_READ, on_readable, NULL, &w), 0);
    ck_assert_ptr_null(w);
}
END_TEST

/* ---- signals ---- */

static void on_signal(void *arg, int signal_number)
{
    int *count = arg;
    ck_assert_int_eq(signal_number, SIGHUP);
    if (++*count == 2)
        loop_stop(loop);
    else
        raise(SIGHUP);
}

START_TEST(signals_arrive_on_the_loop_every_time_and_stop_ends_the_run)
{
    int count = 0;
    ck_assert_int_eq(loop_signal_watch(loop, SIGHUP, on_signal, &count), 0);
    raise(SIGHUP);
    ck_assert_int_eq(loop_run(loop), 0);
    ck_assert_int_eq(count, 2);
}
END_TEST

START_TEST(a_write_to_a_peer_that_left_does_not_kill_the_process)
{
    int fd[2];
    ck_assert_int_eq(pipe(fd), 0);
    close(fd[0]);
    ck_assert_int_eq(write(fd[1], "x", 1), -1);
    close(fd[1]);
}
END_TEST

START_TEST(a_stop_before_the_run_ends_that_run_only)
{
    struct step s;
    loop_stop(loop);
    ck_assert_int_eq(loop_run(loop), 0);
    step_init(&s, "s");
    s.is_last = true;
    loop_ready(loop, &s.work);
    run();
    ck_assert_str_eq(trace, "s");
}
END_TEST

/* ---- messages ---- */

enum { MESSAGES = 2000 };
struct mail {
    int expected;
    int numbers[MESSAGES];
};
static struct mail mail;

static void on_mail(void *arg)
{
    ck_assert_int_eq(*(int *)arg, mail.expected);
    mail.expected++;
    done = mail.expected == MESSAGES;
}

static void *poster(void *arg)
{
    (void)arg;
    for (int i = 0; i < MESSAGES; i++) {
        mail.numbers[i] = i;
        if (loop_post(loop, on_mail, &mail.numbers[i]) != 0)
            abort();
    }
    return NULL;
}

START_TEST(messages_of_another_thread_arrive_in_order_while_the_loop_runs)
{
    pthread_t thread;
    mail.expected = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, poster, NULL), 0);
    run();
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(messages_that_were_not_delivered_are_dropped_with_the_loop)
{
    static int zero;
    ck_assert_int_eq(loop_post(loop, on_mail, &zero), 0);
    mem_fail_at(1);
    ck_assert_int_lt(loop_post(loop, on_mail, &zero), 0);
    mem_fail_at(0);
}
END_TEST

/* ---- mail ---- */

static void on_letter(void *arg)
{
    ck_assert_int_eq(*(int *)arg, mail.expected);
    mail.expected++;
    done = true;
}

static void await_letter(void)
{
    done = false;
    run();
}

START_TEST(mail_comes_in_one_order_with_messages_and_without_memory)
{
    static const int numbers[] = { 0, 1, 2 };
    struct loop_mail letters[2];
    loop_mail_init(&letters[0], on_letter, (void *)&numbers[0]);
    loop_mail_init(&letters[1], on_letter, (void *)&numbers[2]);
    mem_fail_at(1);
    loop_mail_send(loop, &letters[0]);
    mem_fail_at(0);
    ck_assert_int_eq(loop_post(loop, on_letter, (void *)&numbers[1]), 0);
    loop_mail_send(loop, &letters[1]);
    mail.expected = 0;
    while (mail.expected < 3)
        await_letter();
}
END_TEST

START_TEST(mail_that_was_taken_back_is_not_delivered_and_what_is_left_outlives_the_loop)
{
    static const int zero = 0;
    struct loop_mail gone;
    struct loop_mail left;
    loop_mail_init(&gone, on_letter, NULL);
    loop_mail_take_back(loop, &gone); /* was never sent */
    loop_mail_send(loop, &gone);
    loop_mail_take_back(loop, &gone);
    mail.expected = 0;
    loop_mail_send(loop, &gone);
    loop_mail_take_back(loop, &gone);
    loop_mail_init(&left, on_letter, (void *)&zero);
    loop_mail_send(loop, &left);
    await_letter();
    ck_assert_int_eq(mail.expected, 1);
    loop_mail_send(loop, &left);
    ck_assert(!list_is_empty(&left.node));
    loop = loop_free(loop);
    ck_assert(list_is_empty(&left.node));
    ck_assert_int_eq(loop_new(&loop), 0);
}
END_TEST

/* ---- the loop as a whole ---- */

static void on_wake(void *arg)
{
    (void)arg;
    done = true;
}

static void *sleeper(void *arg)
{
    struct pollfd none = { .fd = -1 };
    (void)arg;
    (void)poll(&none, 1,
               150); /* the time during which nothing may happen: this is the measurement */
    if (loop_post(loop, on_wake, NULL) != 0)
        abort();
    return NULL;
}

START_TEST(an_idle_loop_does_not_wake_up)
{
    struct rusage before, after;
    struct tick a;
    pthread_t thread;
    tick_new(&a, "a");
    loop_timer_start(a.timer, 10000);
    loop_timer_stop(a.timer);
    ck_assert_int_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
    ck_assert_int_eq(getrusage(RUSAGE_THREAD, &before), 0);
    run();
    ck_assert_int_eq(getrusage(RUSAGE_THREAD, &after), 0);
    ck_assert_int_le(after.ru_nvcsw - before.ru_nvcsw, 3);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(trace, "");
    loop_timer_free(a.timer);
}
END_TEST

START_TEST(a_loop_without_memory_is_a_fault_and_leaks_nothing)
{
    for (unsigned long n = 1;; n++) {
        struct loop *other = NULL;
        mem_fail_at(n);
        int r = loop_new(&other);
        bool pending = mem_fail_pending() != 0;
        mem_fail_at(0);
        loop_free(other);
        if (pending) {
            ck_assert_int_eq(r, 0);
            break;
        }
        ck_assert(r < 0 || other != NULL);
    }
}
END_TEST

static int make_timer(void)
{
    struct loop_timer *t = NULL;
    int r = loop_timer_new(loop, on_again, NULL, &t);
    loop_timer_free(t);
    return r;
}

static int make_watch(void)
{
    struct loop_watch *w = NULL;
    int fd[2];
    ck_assert_int_eq(pipe(fd), 0);
    int r = loop_watch_new(loop, fd[0], LOOP_READ, on_readable, NULL, &w);
    loop_watch_free(w);
    close(fd[0]);
    close(fd[1]);
    return r;
}

static int make_signal(void)
{
    return loop_signal_watch(loop, SIGHUP, on_signal, NULL);
}

static int (*const makers[])(void) = { make_timer, make_watch, make_signal };

START_TEST(a_part_without_memory_is_a_fault_and_leaks_nothing)
{
    int r = -1;
    for (unsigned long n = 1; r != 0; n++) {
        mem_fail_at(n);
        r = makers[_i]();
        mem_fail_at(0);
        ck_assert_int_le(r, 0);
        ck_assert(r < 0 || n > 1);
    }
}
END_TEST

static void add_part_tests(TCase *t)
{
    tcase_add_loop_test(t, a_closed_watch_tells_that_the_peer_left_and_leaves_bytes_unread, 0,
                        (int)(sizeof(leavers) / sizeof(*leavers)));
    tcase_add_loop_test(t, a_closed_watch_tells_of_room_after_a_full_socket_each_time, 0,
                        (int)(sizeof(leavers) / sizeof(*leavers)));
    tcase_add_test(t, a_watch_may_be_freed_by_its_own_callback);
    tcase_add_test(t, a_descriptor_that_cannot_be_watched_is_a_fault);
    tcase_add_test(t, signals_arrive_on_the_loop_every_time_and_stop_ends_the_run);
    tcase_add_test(t, a_write_to_a_peer_that_left_does_not_kill_the_process);
    tcase_add_test(t, a_stop_before_the_run_ends_that_run_only);
    tcase_add_test(t, messages_of_another_thread_arrive_in_order_while_the_loop_runs);
    tcase_add_test(t, messages_that_were_not_delivered_are_dropped_with_the_loop);
    tcase_add_test(t, mail_comes_in_one_order_with_messages_and_without_memory);
    tcase_add_test(t, mail_that_was_taken_back_is_not_delivered_and_what_is_left_outlives_the_loop);
    tcase_add_test(t, an_idle_loop_does_not_wake_up);
    tcase_add_test(t, a_loop_without_memory_is_a_fault_and_leaks_nothing);
    tcase_add_loop_test(t, a_part_without_memory_is_a_fault_and_leaks_nothing, 0,
                        (int)(sizeof(makers) / sizeof(*makers)));
}

static Suite *loop_suite(void)
{
    Suite *s = suite_create("loop");
    TCase *t = tcase_create("laws");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, ready_work_runs_before_deferred_work_whatever_the_order_of_queueing);
    tcase_add_test(t, work_is_queued_once_however_often_it_is_asked_for);
    tcase_add_test(t, deferred_work_queued_by_deferred_work_waits_for_the_next_turn);
    tcase_add_test(t, cancelled_work_does_not_run_even_in_the_middle_of_a_drain);
    tcase_add_test(t, endless_ready_work_still_lets_descriptors_through);
    tcase_add_test(t, free_later_comes_after_all_callbacks_of_the_turn);
    tcase_add_test(t, free_later_outside_of_a_turn_does_not_wait_for_an_event);
    tcase_add_test(t, closing_the_loop_frees_what_was_to_be_freed_later);
    tcase_add_test(t, timers_fire_in_order_and_not_early);
    tcase_add_test(t, a_restarted_timer_fires_once_at_the_new_time_and_a_stopped_one_never);
    tcase_add_test(t, a_timer_that_restarts_itself_with_zero_waits_for_the_next_turn);
    tcase_add_test(t, a_thousand_timers_come_in_the_order_of_their_times);
    tcase_add_test(t, timers_run_on_while_a_test_holds_the_clock);
    add_part_tests(t);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(loop_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0 ? 1 : 0;
}
