#ifndef ANABRANCH_TESTS_UNIT_EMIT_KIT_H
#define ANABRANCH_TESTS_UNIT_EMIT_KIT_H
/*
 * A run that stands still, to emit events by hand:
 *
 *     root execution -> task "sub" -> child execution -> task "a"
 *                    -> task "a"
 *
 * Both executions are of the same graph. JSON is written with ' for ".
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "run/emit.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define RUN_ID  "01a20453-ac30-7128-936c-482b78a477e3"
#define TASK_ID "0772b8a7-e907-5753-9d56-5e5f4c49d85a"
#define SUB_ID  "41fec940-38b1-5bc4-b7c5-89ab1a509959"
#define IN_ID   "5886005a-0a54-5899-bead-28a01b6c6226"
#define SUB_NS  "sub:" SUB_ID

enum kit_field { KIT_Q, KIT_LOG, KIT_SECRET, KIT_MESSAGES, KIT_HIDDEN, KIT_FIELDS };
enum kit_node { KIT_A, KIT_QUIET, KIT_SUB, KIT_NODES };

struct kit {
    struct conf conf;
    struct services services;
    struct runs runs;
    struct field fields[KIT_FIELDS];
    struct node nodes[KIT_NODES];
    struct graph graph;
    struct run run;
    struct exec root, child;
    struct run_task task, sub, inner;
    struct reader *reader;
    json_t *value; /* for what is emitted as it is */
};

/* Not in a function of the kit, so that they outlive every graph. */
static char kit_quiet_tag[] = "nostream";
static char *kit_quiet_tags[] = { kit_quiet_tag };
static const char *const kit_triggers[] = { "branch:to:a" };

static inline char *kit_text(const char *text)
{
    char *copy = strdup(text);

    ck_assert_ptr_nonnull(copy);
    for (char *c = copy; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    return copy;
}

static inline json_t *kit_json(const char *text)
{
    char *json = kit_text(text);
    json_t *ret = json_loads(json, JSON_DECODE_ANY, NULL);

    ck_assert_msg(ret != NULL, "not JSON: %s", text);
    free(json);
    return ret;
}

static inline void kit_write(struct update *u, enum kit_field field, const char *json)
{
    struct value *v = NULL;

    ck_assert_int_eq(value_new_take(kit_json(json), &v), 0);
    ck_assert_int_eq(update_add_take(u, (int)field, v), 0);
}

/* Readers of the kit are asked, not called. */
static inline void kit_ignore(void *arg)
{
    (void)arg;
}

/* Through the reducers, as a step does. The state before it is given away. */
static inline struct state *kit_step(struct kit *k, struct update *u)
{
    const struct state_limits limits = { .max_bytes = 1 << 24, .max_depth = 64 };
    struct task_writes writes = { "a", u };
    struct state *before = k->root.at.state;
    struct fail f = { .code = FAIL_NONE };

    int r = state_apply(before, &writes, 1, &limits, &k->root.at.state, NULL, &f);
    ck_assert_msg(r == 0, "%s", fail_message(&f));
    update_clear(u);
    return before;
}

static inline void kit_init_graph(struct kit *k)
{
    k->fields[KIT_Q] = (struct field){ .name = "q", .type = FIELD_STRING, .is_output = true };
    k->fields[KIT_LOG] =
        (struct field){ .name = "log", .type = FIELD_ARRAY, .reducer = REDUCE_APPEND };
    k->fields[KIT_SECRET] =
        (struct field){ .name = "secret", .type = FIELD_STRING, .is_private = true };
    k->fields[KIT_MESSAGES] =
        (struct field){ .name = "messages", .type = FIELD_MESSAGES, .reducer = REDUCE_MESSAGES };
    k->fields[KIT_HIDDEN] = (struct field){
        .name = "hidden", .type = FIELD_MESSAGES, .reducer = REDUCE_MESSAGES, .is_private = true
    };
    k->nodes[KIT_A] = (struct node){ .name = "a" };
    k->nodes[KIT_QUIET] = (struct node){ .name = "quiet", .tags = kit_quiet_tags, .tag_count = 1 };
    k->nodes[KIT_SUB] = (struct node){ .name = "sub" };
    k->graph = (struct graph){
        .refs = 1,
        .name = "g",
        .assistant_id = "eb6db400-e3c8-5d06-a834-015cb89efe69",
        .fields = k->fields,
        .field_count = KIT_FIELDS,
        .nodes = k->nodes,
        .node_count = KIT_NODES,
    };
}

static inline void kit_init_exec(struct kit *k, struct exec *e, struct run_task *parent, char *ns)
{
    e->run = &k->run;
    e->parent = parent;
    e->graph = &k->graph;
    e->ns = ns;
    ck_assert_int_eq(checkpoint_init(&e->at, &k->graph), 0);
    e->at.step = 0;
    if (parent != NULL) {
        e->event_ns = ns_text_new(ns);
        ck_assert_ptr_nonnull(e->event_ns);
    }
}

static inline void kit_init_task(struct kit *k, struct run_task *t, struct exec *e,
                                 enum kit_node node, const char *id, char *ns)
{
    t->exec = e;
    t->kind = PLANNED_PULL;
    t->node = (int)node;
    t->triggers = kit_triggers;
    t->trigger_count = 1;
    strcpy(t->id, id);
    t->ns = ns;
    t->task.services = &k->services;
    t->task.graph = &k->graph;
    t->task.node = &k->nodes[node];
    t->task.scope = (struct scope){ .graph = &k->graph, .state = e->at.state };
}

static inline void kit_init(struct kit *k, unsigned modes)
{
    static char no_ns[] = "", sub_ns[] = SUB_NS, task_ns[] = "a:" TASK_ID,
                inner_ns[] = SUB_NS "|a:" IN_ID;

    mem_init();
    log_level_set(LOG_ERROR);
    memset(k, 0, sizeof(*k));
    ck_assert_int_eq(conf_default(&k->conf), 0);
    k->services.conf = &k->conf;
    ck_assert_int_eq(loop_new(&k->services.loop), 0);
    k->runs.services = &k->services;
    kit_init_graph(k);
    k->run.refs = 1;
    k->run.runs = &k->runs;
    k->run.graph = &k->graph;
    k->run.attempt = 1;
    strcpy(k->run.id, RUN_ID);
    strcpy(k->run.thread_id, "t1");
    k->run.streamed_ids = json_object();
    event_log_init(&k->run.log, &k->runs, modes);
    kit_init_exec(k, &k->root, NULL, no_ns);
    kit_init_task(k, &k->task, &k->root, KIT_A, TASK_ID, task_ns);
    kit_init_task(k, &k->sub, &k->root, KIT_SUB, SUB_ID, sub_ns);
    kit_init_exec(k, &k->child, &k->sub, sub_ns);
    kit_init_task(k, &k->inner, &k->child, KIT_A, IN_ID, inner_ns);
    ck_assert_int_eq(reader_open(&k->run, modes, kit_ignore, NULL, &k->reader), 0);
}

static inline void kit_deinit_task(struct run_task *t)
{
    message_stream_unref(t->stream);
    outcome_clear(&t->outcome);
    fail_clear(&t->fail);
    json_decref(t->interrupts);
}

static inline void kit_deinit(struct kit *k)
{
    reader_close(k->reader);
    kit_deinit_task(&k->task);
    kit_deinit_task(&k->sub);
    kit_deinit_task(&k->inner);
    event_log_deinit(&k->run.log);
    ck_assert_uint_eq(k->runs.log_bytes, 0);
    checkpoint_deinit(&k->root.at);
    checkpoint_deinit(&k->child.at);
    ns_text_unref(k->child.event_ns);
    json_decref(k->value);
    json_decref(k->run.streamed_ids);
    json_decref(k->run.metadata);
    json_decref(k->run.tags);
    loop_free(k->services.loop);
    conf_deinit(&k->conf);
    ck_assert_int_eq(k->graph.refs, 1);
    ck_assert_int_eq(k->run.refs, 1);
}

/* What was emitted since the last call, one "name|ns data" a line, ' for "; mem_free(). */
static inline char *kit_read(struct kit *k)
{
    struct buf out;
    struct run_event event;

    buf_init(&out, 1 << 26);
    buf_add_str(&out, "");
    while (reader_next(k->reader, &event) == READER_EVENT) {
        buf_addf(&out, "%s%s%s ", event.name, event.ns[0] == '\0' ? "" : "|", event.ns);
        buf_add(&out, event.data, event.data_len_bytes);
        buf_add_char(&out, '\n');
    }
    for (char *c = out.data; c != NULL && *c != '\0'; c++)
        *c = *c == '"' ? '\'' : *c;
    char *text = out.data == NULL ? mem_strdup("") : buf_take(&out, NULL);
    ck_assert_ptr_nonnull(text);
    return text;
}

static inline void kit_expect(struct kit *k, const char *expected)
{
    char *found = kit_read(k);

    ck_assert_str_eq(found, expected);
    mem_free(found);
}

#endif
