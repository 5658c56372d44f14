/* The store in front, runs, the thread, and how results are compared. Nodes: laws_stage.c. */
#include "laws_rig.h"
#include "base/clock.h"
#include "base/jsonx.h"
#include "run/hub.h"

json_t *laws_json(const char *text)
{
    char *json = strdup(text);
    ck_assert_ptr_nonnull(json);
    for (char *c = json; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    json_t *ret = json_loads(json, JSON_DECODE_ANY, NULL);
    ck_assert_msg(ret != NULL, "not JSON: %s", text);
    free(json);
    return ret;
}

/* ---- the store in front ---- */

static struct laws *laws_of_store(struct store *s)
{
    return LIST_OF(s, struct laws, store);
}

static void free_op(void *arg, int result)
{
    ck_assert_int_eq(result, 0);
    mem_free(arg);
}

/* The writes of b, in a commit of their own. */
static void commit_writes(struct store *real, struct loop *loop, const struct store_batch *b)
{
    struct store_batch again;
    struct store_op *op = mem_zalloc(sizeof(*op));
    store_batch_init(&again);
    for (size_t i = 0; i < b->count; i++) {
        const struct store_row *row = &b->rows[i];
        if (row->kind == ROW_WRITE)
            store_add_write(&again, row->thread_id, row->ns, row->id, row->name,
                            (enum write_kind)row->type, row->other, row->bytes.bytes,
                            row->bytes.len_bytes);
    }
    store_commit(real, loop, op, &again, free_op, op);
}

static void count_commit(struct store *s, struct loop *loop, struct store_op *c,
                         struct store_batch *b)
{
    struct laws *l = laws_of_store(s);
    if (l->last_commit >= 0 && l->commit_count >= l->last_commit) {
        l->is_dead = !l->is_full;
        if (l->starts_at_loss < 0)
            l->starts_at_loss = l->start_count;
        op_finish(&c->op, l->is_full ? STORE_E_FULL : ERR_SYSTEM);
        return;
    }
    if (++l->commit_count == l->full_at_commit) {
        op_finish(&c->op, STORE_E_FULL);
        return;
    }
    if (l->commits_twice)
        commit_writes(l->real_store, loop, b);
    l->real_store->commit(l->real_store, loop, c, b);
}

static void pass_find(struct store *s, struct loop *loop, struct store_op *r,
                      const struct find *what, const void *query, void *ret)
{
    struct store *real = laws_of_store(s)->real_store;
    real->find(real, loop, r, what, query, ret);
}

/* ---- life ---- */

struct graph *laws_build(struct laws *l, const char *text)
{
    struct builder_limits limits = worker_builder_limits(&l->conf);
    struct problems problems;
    struct graph *graph = NULL;
    json_t *json = laws_json(text);
    char *dump = json_dumps(json, 0);
    problems_init(&problems);
    int r = graph_parse(&l->worker.services.kinds, &limits, "g.json", dump, strlen(dump), &problems,
                        &graph);
    ck_assert_msg(r == 0, "%s", buf_text(&problems.text));
    problems_deinit(&problems);
    mem_free(dump);
    json_decref(json);
    return graph;
}

void laws_init(struct laws *l, const struct laws_case *c)
{
    static char *no_env[] = { NULL };
    mem_init();
    log_level_set(LOG_ERROR);
    clock_fake(INT64_C(1000000), INT64_C(1700000000000));
    memset(l, 0, sizeof(*l));
    ck_assert_int_eq(conf_default(&l->conf), 0);
    mem_free(l->conf.database);
    l->conf.database = mem_strdup("memory:");
    l->conf.upstream_pools = 1;
    l->conf.run_timeout_ms = 0;
    ck_assert_int_eq(worker_init(&l->worker, &l->conf, no_env), 0);
    laws_stage_init(l);
    l->real_store = l->worker.store;
    l->store = (struct store){ .commit = count_commit, .find = pass_find };
    l->worker.services.store = &l->store;
    l->last_commit = -1;
    l->random = 1;
    l->thread_id = "t";
    l->graph = laws_build(l, c->graph);
    l->script = laws_json(c->script);
    l->input = c->input;
}

void laws_forget_tasks_from(struct laws *l, int64_t step)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->task_count; i++) {
        if (l->tasks[i].step < step)
            l->tasks[kept++] = l->tasks[i];
        else
            free(l->tasks[i].input);
    }
    l->task_count = kept;
}

void laws_deinit(struct laws *l)
{
    ck_assert_int_eq(runs_active(l->worker.runs), 0);
    ck_assert_int_eq(loop_op_count(l->worker.loop), 0);
    ck_assert_uint_eq(l->held_count, 0);
    laws_forget_tasks_from(l, INT64_MIN);
    json_decref(l->script);
    graph_unref(l->graph);
    ck_assert_uint_eq(l->worker.runs->log_bytes, 0);
    worker_deinit(&l->worker);
    conf_deinit(&l->conf);
    clock_fake(-1, 0);
}

/* ---- runs ---- */

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

/* The clock stands still, so a turn goes on until nothing is ready any more. */
void laws_turn(struct laws *l)
{
    struct loop_work work;
    loop_work_init(&work, stop_loop, l->worker.loop);
    loop_ready(l->worker.loop, &work);
    (void)loop_run(l->worker.loop); /* a fault of memory ends what it hit */
    if (l->held_count > 0 && !l->is_dead)
        laws_perform_one(l);
}

static json_t *maybe(const char *text)
{
    return text == NULL ? NULL : laws_json(text);
}

struct run *laws_start(struct laws *l, const struct laws_how *how)
{
    json_t *input = maybe(how->input), *before = maybe(how->before), *after = maybe(how->after);
    struct run_request req = { .graph = l->graph,
                               .input = input,
                               .command = how->command,
                               .interrupt_before = before,
                               .interrupt_after = after,
                               .recursion_limit = how->recursion_limit,
                               .timeout_ms = how->timeout_ms,
                               .max_concurrency = how->max_concurrency,
                               .modes = how->modes,
                               .thread_id = how->is_stateless ? NULL : l->thread_id,
                               .checkpoint_id = how->checkpoint_id,
                               .durability = how->durability,
                               .is_strict = true };
    struct run *run = NULL;
    struct fail f = { 0 };
    int r = run_start(l->worker.runs, &req, &run, &f);
    ck_assert_msg(r == 0, "%d: %s", r, fail_message(&f));
    json_decref(input);
    json_decref(before);
    json_decref(after);
    json_decref(how->command);
    return run;
}

void laws_end_clear(struct laws_end *end)
{
    free(end->values);
    free(end->message);
    json_decref(end->interrupts);
    json_decref(end->events);
    *end = (struct laws_end){ .status = RUN_RUNNING };
}

static void read_events(struct reader *reader, json_t *events)
{
    struct run_event event;
    enum reader_result what;
    while ((what = reader_next(reader, &event)) == READER_EVENT) {
        json_t *data = json_loadb(event.data, event.data_len_bytes, JSON_DECODE_ANY, NULL);
        ck_assert_ptr_nonnull(data);
        json_array_append_new(events, json_pack("{s:s, s:s, s:o}", "event", event.name, "ns",
                                                event.ns, "data", data));
    }
    ck_assert_int_eq(what, READER_END);
}

static char *values_of(const struct run *run)
{
    struct buf out;
    if (run_state(run) == NULL)
        return NULL;
    buf_init(&out, 1 << 20);
    state_encode(run_state(run), VIEW_OUTPUT, &out);
    json_t *json = json_loads(buf_text(&out), 0, NULL);
    ck_assert_ptr_nonnull(json);
    char *text = laws_text(json);
    json_decref(json);
    buf_deinit(&out);
    return text;
}

static void take_end(const struct run *run, struct laws_end *ret)
{
    ret->status = run_status(run);
    ret->values = values_of(run);
    ret->interrupts = json_incref((json_t *)run_interrupts(run));
    if (!fail_is_set(run_fail(run)))
        return;
    snprintf(ret->error, sizeof(ret->error), "%s", fail_type(run_fail(run)));
    snprintf(ret->node, sizeof(ret->node), "%s",
             run_fail(run)->node == NULL ? "" : run_fail(run)->node);
    ret->message = strdup(fail_message(run_fail(run)));
}

void laws_run(struct laws *l, const struct laws_how *how, struct laws_end *ret)
{
    struct run *run = laws_start(l, how);
    struct reader *reader = NULL;
    *ret = (struct laws_end){ .events = json_array() };
    ck_assert_int_eq(reader_open(run, how->modes, NULL, NULL, &reader), 0);
    for (int turn = 0; !run_has_ended(run); turn++) {
        ck_assert_int_lt(turn, LAWS_TURN_MAX);
        if (l->is_dead)
            run_cancel(run);
        laws_turn(l);
    }
    take_end(run, ret);
    read_events(reader, ret->events);
    reader_close(reader);
    ck_assert_int_eq(run->refs, 1); /* it has ended once, and nobody else holds it */
    ck_assert_int_eq(loop_op_count(l->worker.loop), 0);
    ck_assert_uint_eq(l->held_count, 0);
    run_unref(run);
}

static json_t *answer_of(const json_t *interrupt)
{
    return json_sprintf("re: %s", json_string_value(json_object_get(interrupt, "value")));
}

json_t *laws_answers(const json_t *interrupts, bool only_first)
{
    const json_t *one;
    size_t i;
    if (json_array_size(interrupts) == 1)
        return json_pack("{s:o}", "resume", answer_of(json_array_get(interrupts, 0)));
    json_t *map = json_object();
    json_array_foreach(interrupts, i, one)
        if (i == 0 || !only_first)
            json_object_set_new(map, json_string_value(json_object_get(one, "id")), answer_of(one));
    return json_pack("{s:o}", "resume", map);
}

int laws_play(struct laws *l, const struct laws_play *play, struct laws_end *ret)
{
    struct laws_how how = play->how;
    laws_run(l, &how, ret);
    int count = 1;
    for (; ret->status != RUN_SUCCESS || ret->interrupts != NULL; count++) {
        ck_assert_msg(count < 100, "%s %s", ret->error, ret->message);
        bool asks = json_array_size(ret->interrupts) > 0;
        how.input = strcmp(ret->error, "EmptyInputError") == 0 ? play->how.input : NULL;
        how.checkpoint_id = NULL;
        how.command = asks ? laws_answers(ret->interrupts, play->one_by_one) : NULL;
        laws_end_clear(ret);
        laws_run(l, &how, ret);
    }
    return count;
}

/* ---- the thread ---- */

struct verb {
    struct thread_op op;
    struct fail f;
    int result;
    bool is_done;
};

static void verb_ended(void *arg, int result)
{
    struct verb *v = arg;
    v->result = result;
    v->is_done = true;
}

static void wait_for(struct laws *l, struct verb *v)
{
    ck_assert_int_eq(loop_run_until(l->worker.loop, &v->is_done), 0);
    ck_assert_msg(v->result == 0, "%d %s", v->result, fail_message(&v->f));
}

static struct thread_place place_of(const struct laws *l, const char *checkpoint_id)
{
    return (struct thread_place){ l->graph, l->thread_id, "", checkpoint_id };
}

json_t *laws_state(struct laws *l, const char *checkpoint_id)
{
    struct thread_place place = place_of(l, checkpoint_id);
    struct verb v = { .is_done = false };
    json_t *ret = NULL;
    thread_get_state(l->worker.runs, &v.op, &place, true, &ret, &v.f, verb_ended, &v);
    wait_for(l, &v);
    return ret;
}

json_t *laws_history(struct laws *l)
{
    struct thread_place place = place_of(l, NULL);
    struct thread_history how = { .limit = 0 };
    struct verb v = { .is_done = false };
    json_t *ret = NULL;
    thread_get_history(l->worker.runs, &v.op, &place, &how, &ret, &v.f, verb_ended, &v);
    wait_for(l, &v);
    return ret;
}

const char *laws_id_of(const json_t *snapshot)
{
    const json_t *place = json_object_get(json_object_get(snapshot, "config"), "configurable");
    const char *id = json_string_value(json_object_get(place, "checkpoint_id"));
    return id == NULL ? "" : id;
}

void laws_update(struct laws *l, const char *checkpoint_id, const char *values, const char *as_node,
                 char ret[ID_BYTES])
{
    struct thread_place place = place_of(l, checkpoint_id);
    struct verb v = { .is_done = false };
    json_t *made = NULL;
    json_t *steps = json_pack("[[{s:o, s:s?}]]", "values",
                              values == NULL ? json_null() : laws_json(values), "as_node", as_node);
    ck_assert_ptr_nonnull(steps);
    thread_update_state(l->worker.runs, &v.op, &place, steps, &made, &v.f, verb_ended, &v);
    wait_for(l, &v);
    snprintf(
        ret, ID_BYTES, "%s",
        json_string_value(json_object_get(json_object_get(made, "configurable"), "checkpoint_id")));
    json_decref(steps);
    json_decref(made);
}

struct reading {
    struct store_op op;
    struct stored_list list;
    int result;
    bool is_done;
};

static void reading_ended(void *arg, int result)
{
    struct reading *r = arg;
    r->result = result;
    r->is_done = true;
}

static void dump_checkpoint(const struct stored_checkpoint *c, struct buf *out)
{
    buf_addf(out, "%s %s <- %s %s\n", c->ns, c->id, c->parent_id, c->head.bytes);
    for (size_t i = 0; i < c->value_count; i++)
        for (size_t k = 0; k < c->values[i].part_count; k++)
            buf_addf(out, "    %s %s\n", c->values[i].field, c->values[i].parts[k].bytes);
    for (size_t i = 0; i < c->write_count; i++)
        buf_addf(out, "    %s %d %s\n", c->writes[i].task_id, (int)c->writes[i].kind,
                 c->writes[i].bytes.bytes);
}

char *laws_dump(struct laws *l)
{
    struct reading r = { .is_done = false };
    const struct store_query query = { .thread_id = l->thread_id };
    struct buf out;
    buf_init(&out, 1 << 26);
    store_read(l->real_store, l->worker.loop, &r.op, &query, &r.list, reading_ended, &r);
    ck_assert_int_eq(loop_run_until(l->worker.loop, &r.is_done), 0);
    ck_assert_int_eq(r.result, 0);
    for (size_t i = 0; i < r.list.count; i++)
        dump_checkpoint(&r.list.items[i], &out);
    stored_list_clear(&r.list);
    buf_add_str(&out, ".");
    return buf_take(&out, NULL);
}

bool laws_is_durable(const char *dump, const char *task_id)
{
    char row[ID_BYTES + 8];
    snprintf(row, sizeof(row), "    %s %d ", task_id, (int)WRITE_RESULT);
    return strstr(dump, row) != NULL;
}

static const json_t *find_id(const json_t *history, const char *id)
{
    const json_t *one;
    size_t i;
    json_array_foreach(history, i, one)
        if (strcmp(laws_id_of(one), id) == 0)
            return one;
    return NULL;
}

static json_int_t step_of(const json_t *snapshot)
{
    return json_integer_value(json_object_get(json_object_get(snapshot, "metadata"), "step"));
}

void laws_check_chain(struct laws *l)
{
    json_t *history = laws_history(l);
    const json_t *one;
    size_t i;
    json_array_foreach(history, i, one) {
        const json_t *place = json_object_get(one, "parent_config");
        if (json_is_null(place))
            continue;
        const char *id = json_string_value(
            json_object_get(json_object_get(place, "configurable"), "checkpoint_id"));
        const json_t *parent = find_id(history, id);
        ck_assert_ptr_nonnull(parent);
        ck_assert_str_lt(id, laws_id_of(one));
        ck_assert_int_eq(step_of(parent) + 1, step_of(one));
    }
    json_decref(history);
}

void laws_forget(struct laws *l)
{
    l->last_commit = -1;
    struct verb v = { .is_done = false };
    thread_delete(l->worker.runs, &v.op, l->thread_id, &v.f, verb_ended, &v);
    wait_for(l, &v);
    laws_forget_tasks_from(l, INT64_MIN);
}

/* ---- comparing ---- */

static size_t id_length(const char *text)
{
    char uuid[ID_BYTES] = "";
    size_t hex = strspn(text, "0123456789abcdef");
    if (hex == 32 || hex < 8)
        return hex == 32 ? hex : 0;
    memcpy(uuid, text, strnlen(text, ID_BYTES - 1));
    return id_is_uuid(uuid) ? ID_BYTES - 1 : 0;
}

static size_t number_of(char (*ids)[ID_BYTES], size_t *count, const char *id, size_t len)
{
    size_t i = 0;
    while (i < *count && strncmp(ids[i], id, len) != 0)
        i++;
    if (i == *count) {
        ck_assert_uint_lt(*count, 1024);
        snprintf(ids[(*count)++], ID_BYTES, "%.*s", (int)len, id);
    }
    return i;
}

char *laws_text(const json_t *json)
{
    static char ids[1024][ID_BYTES];
    size_t count = 0;
    struct buf out;
    char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        return NULL;
    buf_init(&out, 1 << 26);
    for (const char *c = text; *c != '\0';) {
        size_t len = id_length(c);
        if (len > 0)
            buf_addf(&out, "#%zu", number_of(ids, &count, c, len));
        else
            buf_add_char(&out, *c == '"' ? '\'' : *c);
        c += len > 0 ? len : 1;
    }
    char *ret = strdup(buf_text(&out));
    buf_deinit(&out);
    mem_free(text);
    return ret;
}

void laws_check_text(const char *is, const char *should_be)
{
    size_t at = 0;
    while (is[at] != '\0' && is[at] == should_be[at])
        at++;
    size_t from = at < 200 ? 0 : at - 200;
    ck_assert_msg(is[at] == should_be[at], "\n%.400s\nshould be\n%.400s", is + from,
                  should_be + from);
}

char *laws_history_text(struct laws *l)
{
    json_t *history = laws_history(l);
    char *text = laws_text(history);
    json_decref(history);
    return text;
}

char *laws_history_text_without_runs(struct laws *l)
{
    json_t *history = laws_history(l);
    json_t *one;
    size_t i;
    json_array_foreach(history, i, one)
        json_object_del(json_object_get(one, "metadata"), "run_id");
    char *text = laws_text(history);
    json_decref(history);
    return text;
}

static void fold_list(json_t *values, const char *key, const json_t *write)
{
    json_t *held = json_object_get(values, key);
    const json_t *whole = json_object_get(write, "__overwrite__");
    json_t *list = whole != NULL || held == NULL ? json_array() : json_copy(held);
    const json_t *more = whole != NULL ? whole : write;
    if (json_is_array(more))
        json_array_extend(list, (json_t *)more);
    else
        json_array_append(list, (json_t *)more);
    json_object_set_new(values, key, list);
}

static void fold_write(json_t *values, const char *key, const json_t *write)
{
    json_int_t sum;
    if (strcmp(key, "log") == 0 || strcmp(key, "own") == 0) {
        fold_list(values, key, write);
    } else if (strcmp(key, "n") == 0) {
        sum = json_integer_value(json_object_get(values, key)) + json_integer_value(write);
        json_object_set_new(values, key, json_integer(sum));
    } else {
        json_object_set(values, key, (json_t *)write);
    }
}

void laws_fold(json_t *values, const json_t *update)
{
    const json_t *list;
    const char *key;
    json_t *value, *one;
    size_t i;
    if (json_is_array(update)) {
        json_array_foreach(update, i, one)
            laws_fold(values, one);
        return;
    }
    json_object_foreach((json_t *)update, key, value) {
        list = json_object_get(value, "$writes");
        if (list == NULL)
            fold_write(values, key, value);
        json_array_foreach(list, i, one)
            fold_write(values, key, one);
    }
}

int laws_done_count(const struct laws *l, const char *path)
{
    int count = 0;
    for (size_t i = 0; i < l->task_count; i++)
        if (strcmp(l->tasks[i].path, path) == 0)
            count += l->tasks[i].done_count;
    return count;
}

int laws_perform_count(const struct laws *l, const char *path)
{
    int count = 0;
    for (size_t i = 0; i < l->task_count; i++)
        if (strcmp(l->tasks[i].path, path) == 0)
            count += l->tasks[i].perform_count;
    return count;
}
