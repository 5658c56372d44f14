/* The bounded log by itself, and records as frames. */
#include "base/err.h"
#include "base/mem.h"
#include "run/internal.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

struct place {
    struct conf conf;
    struct services services;
    struct runs runs;
};

static void place_init(struct place *p, int64_t log_bytes, int64_t logs_bytes)
{
    memset(p, 0, sizeof(*p));
    p->conf.log_bytes = log_bytes;
    p->conf.logs_bytes = logs_bytes;
    p->services.conf = &p->conf;
    p->runs.services = &p->services;
}

static struct record *make(size_t cost_bytes)
{
    struct record *r = record_new(RECORD_METADATA, 0, "{}", 2);

    ck_assert_ptr_nonnull(r);
    r->cost_bytes = cost_bytes;
    return r;
}

static void append(struct event_log *log, size_t cost_bytes)
{
    ck_assert_int_eq(event_log_append_take(log, make(cost_bytes)), 0);
}

START_TEST(records_are_numbered_and_the_oldest_fall_out)
{
    struct place p;
    struct event_log log;
    place_init(&p, 100, 1000);
    event_log_init(&log, &p.runs, MODE_UPDATES);
    for (int i = 0; i < 3; i++)
        append(&log, 30);
    ck_assert_uint_eq(log.first, 0);
    ck_assert_uint_eq(log.next, 3);
    append(&log, 30);
    ck_assert_uint_eq(log.first, 1);
    ck_assert_uint_eq(log.next, 4);
    ck_assert_uint_eq(log.bytes, 90);
    append(&log, 80);
    ck_assert_uint_eq(log.first, 4);
    ck_assert_uint_eq(log.bytes, 80);
    event_log_deinit(&log);
    ck_assert_uint_eq(p.runs.log_bytes, 0);
}
END_TEST

START_TEST(the_newest_record_stays_however_large_it_is)
{
    struct place p;
    struct event_log log;
    place_init(&p, 100, 100);
    event_log_init(&log, &p.runs, 0);
    append(&log, 10);
    append(&log, 5000);
    ck_assert_uint_eq(log.next - log.first, 1);
    ck_assert_uint_eq(log.bytes, 5000);
    append(&log, 10);
    ck_assert_uint_eq(log.bytes, 10);
    event_log_deinit(&log);
}
END_TEST

START_TEST(logs_share_a_bound)
{
    struct place p;
    struct event_log one, two;
    place_init(&p, 1000, 150);
    event_log_init(&one, &p.runs, 0);
    event_log_init(&two, &p.runs, 0);
    for (int i = 0; i < 5; i++)
        append(&one, 20);
    append(&two, 40);
    ck_assert_uint_eq(p.runs.log_bytes, 140);
    append(&two, 40);
    ck_assert_uint_eq(p.runs.log_bytes, 140);
    ck_assert_uint_eq(two.first, 1);
    ck_assert_uint_eq(one.first, 0);
    event_log_deinit(&one);
    ck_assert_uint_eq(p.runs.log_bytes, 40);
    event_log_deinit(&two);
    ck_assert_uint_eq(p.runs.log_bytes, 0);
}
END_TEST

START_TEST(a_frame_is_charged_while_its_record_is_in_the_log)
{
    struct place p;
    struct event_log log;
    place_init(&p, 100, 1000);
    event_log_init(&log, &p.runs, 0);
    struct record *r = record_ref(make(60));
    ck_assert_int_eq(event_log_append_take(&log, r), 0);
    append(&log, 30);
    ck_assert_int_eq(record_make_frame(r, 1000), 0);
    event_log_charge(&log, r);
    /* It fell out by its own frame; who holds it may go on reading. */
    ck_assert_uint_eq(log.first, 1);
    ck_assert_str_eq(r->frame.data, "id: 0\nevent: metadata\ndata: {}\n\n");
    ck_assert_str_eq(r->frame.data + r->event_at, "event: metadata\ndata: {}\n\n");
    event_log_charge(&log, r);
    ck_assert_uint_eq(log.bytes, 30);
    record_unref(r);
    event_log_deinit(&log);
    ck_assert_uint_eq(p.runs.log_bytes, 0);
}
END_TEST

START_TEST(no_record_is_a_fault_and_no_change)
{
    struct place p;
    struct event_log log;
    place_init(&p, 100, 1000);
    event_log_init(&log, &p.runs, 0);
    ck_assert_int_eq(event_log_append_take(&log, NULL), ERR_NOMEM);
    ck_assert_uint_eq(log.next, 0);
    event_log_deinit(&log);
}
END_TEST

/* ---- frames ---- */

static struct message_stream *stream_new(void)
{
    struct message_stream *s = mem_zalloc(sizeof(*s));

    s->refs = 1;
    s->id = mem_strdup("run-1");
    s->model = mem_strdup("demo");
    s->metadata = mem_strdup("{\"a\":1}");
    s->metadata_len_bytes = 7;
    return s;
}

static const struct {
    enum event_kind kind;
    const char *text;
    const char *frame;
} frames[] = {
    { RECORD_METADATA, "{\"run_id\":\"r\"}", "event: metadata\ndata: {\"run_id\":\"r\"}\n\n" },
    { RECORD_TEXT, "a\n\"b\"",
      "event: messages\ndata: "
      "[{\"id\":\"run-1\",\"content\":\"a\\n\\\"b\\\"\",\"tool_calls\":[],\"invalid_tool_calls\":[]"
      ","
      "\"tool_call_chunks\":[],\"additional_kwargs\":{},\"response_metadata\":{},\"type\":\"ai\"},{"
      "\"a\":1}]\n\n" },
    { RECORD_CHUNK, "\"x\":2",
      "event: messages\ndata: "
      "[{\"id\":\"run-1\",\"content\":\"\",\"tool_calls\":[],\"invalid_tool_calls\":[],"
      "\"additional_kwargs\":{},\"x\":2,\"type\":\"ai\"},{\"a\":1}]\n\n" },
    { RECORD_MESSAGE, "{\"id\":\"m\"}", "event: messages\ndata: [{\"id\":\"m\"},{\"a\":1}]\n\n" },
    { RECORD_ERROR, "",
      "event: error\ndata: {\"error\":\"NodeError\",\"message\":\"no\\n\",\"node\":\"n\"}\n\n" },
};

static struct record *make_framed(int i)
{
    struct record *r = record_new(frames[i].kind, 0, frames[i].text, strlen(frames[i].text));

    ck_assert_ptr_nonnull(r);
    r->stream = stream_new();
    fail_set(&r->fail, FAIL_NODE, "no\n");
    fail_set_node(&r->fail, "n");
    return r;
}

START_TEST(a_record_becomes_a_frame_of_two_lines)
{
    struct record *r = make_framed(_i);
    ck_assert_int_eq(record_make_frame(r, 4096), 0);
    ck_assert_str_eq(r->frame.data, frames[_i].frame);
    ck_assert_uint_eq(r->data_at + r->data_len_bytes + 2, r->frame.len);
    const char *frame = r->frame.data;
    ck_assert_int_eq(record_make_frame(r, 4096), 0);
    ck_assert_ptr_eq(r->frame.data, frame);
    record_unref(r);
}
END_TEST

START_TEST(a_frame_names_the_subgraph_it_comes_from)
{
    struct ns_text *ns = ns_text_new("sub:1|inner:2");
    struct record *r = record_new(RECORD_JSON, MODE_TASKS, "{\"id\":1}", 8);
    r->event_name = "tasks";
    r->ns = ns_text_ref(ns);
    ck_assert_ptr_null(ns_text_unref(ns));
    ck_assert_int_eq(record_make_frame(r, 4096), 0);
    ck_assert_str_eq(r->frame.data, "event: tasks|sub:1|inner:2\ndata: {\"id\":1}\n\n");
    ck_assert_str_eq(record_event_name(r), "tasks");
    record_unref(r);
    ck_assert_ptr_null(ns_text_ref(NULL));
    mem_fail_at(1);
    ck_assert_ptr_null(ns_text_new("sub:1"));
    mem_fail_at(0);
}
END_TEST

START_TEST(an_update_shown_again_says_so_beside_its_node)
{
    struct graph graph = { .refs = 1 };
    struct record *r = record_new(RECORD_UPDATES, MODE_UPDATES, NULL, 0);
    r->graph = &graph;
    r->name = "a";
    r->is_cached = true;
    ck_assert_int_eq(record_make_frame(r, 4096), 0);
    ck_assert_str_eq(r->frame.data,
                     "event: updates\ndata: {\"a\":{},\"__metadata__\":{\"cached\":true}}\n\n");
    record_unref(r);
}
END_TEST

START_TEST(a_frame_that_is_too_large_or_has_no_memory_can_be_asked_for_again)
{
    struct record *r = make_framed(_i);
    ck_assert_int_eq(record_make_frame(r, strlen(frames[_i].frame) - 1), BUF_E_FULL);
    ck_assert_ptr_null(r->frame.data);
    mem_fail_at(1);
    ck_assert_int_eq(record_make_frame(r, 4096), ERR_NOMEM);
    mem_fail_at(0);
    ck_assert_int_eq(record_make_frame(r, strlen(frames[_i].frame)), 0);
    ck_assert_str_eq(r->frame.data, frames[_i].frame);
    record_unref(r);
}
END_TEST

int main(void)
{
    mem_init();
    int count = (int)(sizeof(frames) / sizeof(frames[0]));
    Suite *s = suite_create("event_log");
    TCase *t = tcase_create("event_log");
    tcase_add_test(t, records_are_numbered_and_the_oldest_fall_out);
    tcase_add_test(t, the_newest_record_stays_however_large_it_is);
    tcase_add_test(t, logs_share_a_bound);
    tcase_add_test(t, a_frame_is_charged_while_its_record_is_in_the_log);
    tcase_add_test(t, no_record_is_a_fault_and_no_change);
    tcase_add_loop_test(t, a_record_becomes_a_frame_of_two_lines, 0, count);
    tcase_add_test(t, a_frame_names_the_subgraph_it_comes_from);
    tcase_add_test(t, an_update_shown_again_says_so_beside_its_node);
    tcase_add_loop_test(t, a_frame_that_is_too_large_or_has_no_memory_can_be_asked_for_again, 0,
                        count);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? 0 : 1;
}
