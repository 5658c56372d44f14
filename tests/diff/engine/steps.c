/* Each step is a function that gives what its line says beside the step's number, or fails. */
#include "steps.h"
#include "must.h"
#include "run/hub.h"
#include "trace.h"
#include <string.h>

/* ---- a run's events ---- */

struct reading {
    struct reader *reader;
    json_int_t step;
    unsigned asked;
    json_t *values; /* of the root's last event, asked for or not; or NULL */
    bool is_over;
};

/* "sub:<id>|in:<id>" -> ["sub:<id>", "in:<id>"] */
static json_t *segments_of(const char *ns)
{
    json_t *list = must(json_array());

    while (*ns != '\0') {
        size_t len = strcspn(ns, "|");
        must_do(json_array_append_new(list, json_stringn(ns, len)));
        ns += ns[len] == '|' ? len + 1 : len;
    }
    return list;
}

static void keep_values(struct reading *r, json_t *data)
{
    if (json_object_get(data, "__interrupt__") != NULL)
        return;
    json_decref(r->values);
    r->values = json_incref(data);
}

static void read_event(struct reading *r, const struct run_event *event)
{
    json_t *data = trace_parse(event->data, event->data_len_bytes);

    if (strcmp(event->name, "tasks") == 0)
        note_task(r->step, data);
    if (strcmp(event->name, "updates") == 0)
        note_update(r->step, data);
    if (strcmp(event->name, "values") == 0 && event->ns[0] == '\0')
        keep_values(r, data);
    if ((mode_find(event->name) & r->asked) != 0)
        trace_line(json_pack("{s:I, s:s, s:o, s:O}", "step", r->step, "event", event->name, "ns",
                             segments_of(event->ns), "data", data));
    json_decref(data);
}

static void read_events(void *arg)
{
    struct reading *r = arg;
    struct run_event event;
    enum reader_result what;

    while ((what = reader_next(r->reader, &event)) == READER_EVENT)
        read_event(r, &event);
    r->is_over = what == READER_END;
}

/* ---- a run ---- */

static unsigned modes_of(const json_t *step)
{
    unsigned modes = 0;
    const json_t *name;
    size_t i;

    json_array_foreach(json_object_get(step, "modes"), i, name)
        modes |= mode_find(json_string_value(name));
    return modes;
}

static json_t *result_of(const struct reading *r, const struct run *run, struct fail *f)
{
    const json_t *interrupts = run_interrupts(run);

    if (fail_is_set(run_fail(run))) {
        fail_copy(f, run_fail(run));
        return NULL;
    }
    return must(json_pack("{s:o, s:o}", "result", json_share(r->values), "interrupts",
                          interrupts == NULL ? json_array() : json_share(interrupts)));
}

/* Beside the modes asked for: `values`, which the result is made of, and two for the notes. */
static json_t *run_to_end(struct driver *d, struct run_request *req, json_int_t number,
                          struct fail *f)
{
    struct reading reading = { .step = number, .asked = req->modes & MODES_ALL };
    struct run *run = NULL;
    json_t *result;
    int r;

    req->modes |= MODE_VALUES | MODE_UPDATES | MODE_TASKS;
    r = run_start(d->worker->runs, req, &run, f);
    if (r != 0) {
        if (r != RUN_E_REFUSED)
            fail_set_fault(f, r);
        return NULL;
    }
    must_do(reader_open(run, req->modes, read_events, &reading, &reading.reader));
    read_events(&reading);
    must_do(loop_run_until(d->worker->loop, &reading.is_over));
    result = result_of(&reading, run, f);
    json_decref(reading.values);
    reader_close(reading.reader);
    run_unref(run);
    return result;
}

static struct run_request request_of(const struct driver *d, const json_t *step)
{
    const json_t *config = json_object_get(step, "config");
    bool subgraphs = json_is_true(json_object_get(step, "subgraphs"));

    return (struct run_request){
        .graph = d->graph,
        .input = json_object_get(step, "input"),
        .recursion_limit = json_integer_value(json_object_get(config, "recursion_limit")),
        .max_concurrency = json_integer_value(json_object_get(config, "max_concurrency")),
        .modes = modes_of(step) | (subgraphs ? MODE_SUBGRAPHS : 0),
        .thread_id = d->thread_id,
        .interrupt_before = json_object_get(step, "interrupt_before"),
        .interrupt_after = json_object_get(step, "interrupt_after"),
        .durability = json_string_value(json_object_get(step, "durability")),
    };
}

static json_t *do_run(struct driver *d, json_int_t number, const json_t *step, struct fail *f)
{
    struct run_request req = request_of(d, step);
    const json_t *spec = json_object_get(step, "command");
    char checkpoint_id[ID_BYTES];
    json_t *command = NULL;
    json_t *result;
    int found = driver_place(d, step, checkpoint_id, f);

    if (found < 0)
        return NULL;
    if (spec != NULL) {
        command = driver_command(d, spec, f);
        if (command == NULL)
            return NULL;
    }
    if (req.input == NULL && json_object_get(spec, "resume") == NULL)
        note_withdrawn(d, number);
    req.checkpoint_id = found > 0 ? checkpoint_id : NULL;
    req.command = command;
    result = run_to_end(d, &req, number, f);
    json_decref(command);
    return result;
}

/* ---- the other steps ---- */

/* Takes value; NULL stays NULL. */
static json_t *member(const char *name, json_t *value)
{
    return value == NULL ? NULL : must(json_pack("{s:o}", name, value));
}

static json_t *do_get_state(struct driver *d, json_int_t number, const json_t *step, struct fail *f)
{
    char id[ID_BYTES];
    int found = driver_place(d, step, id, f);

    (void)number;
    if (found < 0)
        return NULL;
    return member("state", driver_state(d, found > 0 ? id : NULL,
                                        json_is_true(json_object_get(step, "subgraphs")), f));
}

static json_t *do_history(struct driver *d, json_int_t number, const json_t *step, struct fail *f)
{
    (void)number;
    return member("history",
                  driver_history(d, (size_t)json_integer_value(json_object_get(step, "limit")), f));
}

static json_t *do_update_state(struct driver *d, json_int_t number, const json_t *step,
                               struct fail *f)
{
    const json_t *as_node = json_object_get(step, "as_node");
    char id[ID_BYTES];
    int found = driver_place(d, step, id, f);
    json_t *update;
    json_t *supersteps;
    json_t *config;

    (void)number;
    if (found < 0)
        return NULL;
    update = must(json_pack("{s:o}", "values", json_share(json_object_get(step, "values"))));
    if (as_node != NULL)
        must_do(json_object_set_new(update, "as_node", json_share(as_node)));
    supersteps = must(json_pack("[[o]]", update));
    config = driver_update(d, found > 0 ? id : NULL, supersteps, f);
    json_decref(supersteps);
    if (config == NULL)
        return NULL;
    json_decref(config);
    return member("updated", json_true());
}

static json_t *do_step(struct driver *d, json_int_t number, const json_t *step, struct fail *f)
{
    static const struct {
        const char *name;
        json_t *(*act)(struct driver *d, json_int_t number, const json_t *step, struct fail *f);
    } rows[] = {
        { "run", do_run },
        { "get_state", do_get_state },
        { "history", do_history },
        { "update_state", do_update_state },
    };
    const char *what = json_string_value(json_object_get(step, "do"));

    for (size_t i = 0; what != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, what) == 0)
            return rows[i].act(d, number, step, f);
    }
    fail_set(f, FAIL_BAD_REQUEST, "there is no such step");
    return NULL;
}

void driver_do_steps(struct driver *d, const json_t *steps)
{
    const json_t *step;
    size_t i;

    json_array_foreach(steps, i, step) {
        struct fail f = { 0 };
        json_t *line = do_step(d, (json_int_t)i, step, &f);

        if (line == NULL) {
            trace_error((json_int_t)i, fail_type(&f), fail_message(&f));
        } else {
            must_do(json_object_set_new(line, "step", json_integer((json_int_t)i)));
            trace_line(line);
        }
        note_planned(d, (json_int_t)i);
        fail_clear(&f);
    }
}
