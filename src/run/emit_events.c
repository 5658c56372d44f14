/*
 * The mode `events`: LangChain's event stream, version 2.
 *
 *     on_chain_start LangGraph                        the run, or a subgraph
 *         on_chain_start NODE                         its tasks
 *             on_chat_model_start MODEL
 *             on_chat_model_stream MODEL ...
 *             on_chat_model_end MODEL
 *         on_chain_end NODE
 *     on_chain_end LangGraph
 *
 * Whatever failed, was cancelled, or asks a person in the middle has no end event. The events have
 * no namespace: `parent_ids` says what runs inside what. Ids follow from those of run and tasks.
 */
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "run/about.h"
#include "run/chunk.h"
#include "run/emit.h"
#include "run/live.h"
#include <string.h>

#define GRAPH_NAME "LangGraph"

/* ---- ids ---- */

static void exec_id(const struct exec *e, char ret[ID_BYTES])
{
    if (e->parent != NULL)
        id_v5(run_task_id(e->parent), GRAPH_NAME, strlen(GRAPH_NAME), ret);
    else
        memcpy(ret, e->run->id, ID_BYTES);
}

static void model_id(struct run_task *t, char ret[ID_BYTES])
{
    id_v5(run_task_id(t), t->stream->id, strlen(t->stream->id), ret);
}

static void add_id(struct buf *out, const char *id)
{
    buf_addf(out, "%s\"%s\"", out->len > 0 && out->data[out->len - 1] != '[' ? "," : "", id);
}

/* From the root to the execution itself. As deep as graphs are nested, which the builder bounds. */
static void add_line(struct buf *out, const struct exec *e)
{
    char id[ID_BYTES];

    if (e->parent != NULL) {
        add_line(out, e->parent->exec);
        add_id(out, run_task_id(e->parent));
    }
    exec_id(e, id);
    add_id(out, id);
}

/* ---- one event ---- */

static void open_event(struct buf *out, const struct run *run, const char *event, const char *name,
                       const char *id)
{
    buf_init(out, emit_max_bytes(run));
    buf_add_char(out, '{');
    about_text(out, "event", event);
    about_text(out, "name", name);
    about_text(out, "run_id", id);
}

static int close_event(struct run *run, struct buf *out)
{
    buf_add_str(out, "}}");
    return emit_json(run, MODE_EVENTS, "events", NULL, out);
}

/* ---- executions ---- */

static void open_exec(struct buf *out, const struct exec *e, const char *event)
{
    char id[ID_BYTES];

    exec_id(e, id);
    open_event(out, e->run, event, GRAPH_NAME, id);
    about_tags(out, e->run, NULL, 0);
    buf_add_str(out, ",\"metadata\":{");
    about_run(out, e->run, e->parent);
    buf_add_str(out, "},\"parent_ids\":[");
    if (e->parent != NULL) {
        add_line(out, e->parent->exec);
        add_id(out, run_task_id(e->parent));
    }
    buf_add_str(out, "],\"data\":{");
}

int emit_exec_start(struct exec *e)
{
    struct buf out MEM_AUTO(buf_deinit);
    const json_t *input = e->input != NULL ? e->input : e->command;

    buf_init(&out, 0);
    if (!run_wants(e->run, MODE_EVENTS))
        return 0;
    open_exec(&out, e, "on_chain_start");
    about_key(&out, "input");
    if (input != NULL)
        jsonx_encode(input, &out);
    else
        buf_add_str(&out, "null");
    return close_event(e->run, &out);
}

int emit_exec_end(struct exec *e)
{
    struct buf out MEM_AUTO(buf_deinit);
    bool is_whole = e->end == EXEC_DONE || (e->end == EXEC_INTERRUPTED && e->parent == NULL);

    buf_init(&out, 0);
    if (!run_wants(e->run, MODE_EVENTS) || !is_whole)
        return 0;
    open_exec(&out, e, "on_chain_end");
    about_key(&out, "output");
    state_encode(e->at.state, VIEW_OUTPUT, &out);
    return close_event(e->run, &out);
}

/* ---- tasks ---- */

static void open_task(struct buf *out, struct run_task *t, const char *event)
{
    const struct run *run = t->exec->run;

    open_event(out, run, event, t->task.node->name, run_task_id(t));
    about_tags(out, run, t->task.node, about_step(t));
    buf_add_str(out, ",\"metadata\":{");
    about_run(out, run, t);
    about_task(out, t);
    buf_add_str(out, "},\"parent_ids\":[");
    add_line(out, t->exec);
    buf_add_str(out, "],\"data\":{");
}

int events_task_start(struct run_task *t)
{
    struct buf out MEM_AUTO(buf_deinit);

    open_task(&out, t, "on_chain_start");
    about_key(&out, "input");
    about_input(&out, t);
    return close_event(t->exec->run, &out);
}

int events_task_end(struct run_task *t)
{
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, 0);
    if (t->end != TASK_DONE || t->outcome.parent != NULL)
        return 0;
    open_task(&out, t, "on_chain_end");
    about_key(&out, "output");
    update_encode(&t->outcome.update, t->exec->graph, exec_view(t->exec), &out);
    about_key(&out, "input");
    about_input(&out, t);
    return close_event(t->exec->run, &out);
}

/* ---- models ---- */

static void open_model(struct buf *out, struct run_task *t, const char *event)
{
    const struct message_stream *s = t->stream;
    const char *name = s->model[0] != '\0' ? s->model : t->task.node->name;
    char id[ID_BYTES];

    model_id(t, id);
    open_event(out, t->exec->run, event, name, id);
    about_tags(out, t->exec->run, t->task.node, 0);
    buf_add_str(out, ",\"metadata\":");
    buf_add(out, s->metadata, s->metadata_len_bytes);
    buf_add_str(out, ",\"parent_ids\":[");
    add_line(out, t->exec);
    add_id(out, run_task_id(t));
    buf_add_str(out, "],\"data\":{");
}

/* What a model is asked is the node's business, so `data` does not say it. */
void events_model_start(struct run_task *t)
{
    struct buf out MEM_AUTO(buf_deinit);

    open_model(&out, t, "on_chat_model_start");
    (void)close_event(t->exec->run, &out); /* only the event is lost, here and below */
}

static void add_chunk(struct buf *out, const struct message_stream *s, const struct llm_delta *d)
{
    struct buf members MEM_AUTO(buf_deinit);

    buf_init(&members, MESSAGE_PART_MAX_BYTES);
    if (d->type == LLM_TEXT) {
        chunk_write_text(out, s->id, d->text, d->len_bytes);
        return;
    }
    chunk_members(&members, d, s->model);
    if (members.fault != 0)
        out->fault = out->fault != 0 ? out->fault : members.fault;
    else
        chunk_write(out, s->id, members.data, members.len);
}

void events_model_stream(struct run_task *t, const struct llm_delta *delta)
{
    struct buf out MEM_AUTO(buf_deinit);

    open_model(&out, t, "on_chat_model_stream");
    about_key(&out, "chunk");
    add_chunk(&out, t->stream, delta);
    (void)close_event(t->exec->run, &out);
}

void events_model_end(struct run_task *t)
{
    const struct message_stream *s = t->stream;
    struct buf out MEM_AUTO(buf_deinit);

    buf_init(&out, 0);
    if (s->live->is_lost)
        return;
    open_model(&out, t, "on_chat_model_end");
    about_key(&out, "output");
    live_message_encode(s->live, s->id, about_model_name(s->model), &out);
    (void)close_event(t->exec->run, &out);
}
