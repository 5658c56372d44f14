#ifndef ANABRANCH_API_ON_THREAD_H
#define ANABRANCH_API_ON_THREAD_H
/*
 * Requests about a thread. Its record (RECORD_THREAD, store/record.h) has as its body
 *
 *     {"config": {}, "values": {}?, "interrupts": {}?, "error"?, "ttl": {"strategy", "ttl_minutes"}?}
 *
 * where values and interrupts are those of the last run's end. The graph of a thread is its
 * metadata's graph_id. Its name is THREAD_KEEPS_LATEST if that is the strategy of its ttl, else "".
 */
#include "api/work.h"

struct on_thread {
    struct work w; /* first member */
    char id[STORE_ID_MAX + 1];
    char checkpoint_id[STORE_ID_MAX + 1]; /* that is looked at; "" = the latest */
    char before[STORE_ID_MAX + 1];        /* of a history; "" = no bound */
    bool with_subgraphs;
    bool is_minimal; /* the answer says nothing */
    int64_t limit;
    int64_t offset;
    json_t *select;      /* of a list: what is shown of each; or NULL */
    json_t *metadata;    /* of the record that was found, or NULL */
    json_t *record_body; /* the same */
    json_t *update;      /* see thread_update.c; or NULL */
    struct graph *graph; /* a reference, or NULL */
    struct desk_wait wait; /* for the end of its runs, before it is deleted */
    int64_t due_ms;      /* what was written into the record, or 0 */
    void (*found)(struct work *w);
    void (*updated)(struct work *w);
    void (*refused)(struct work *w);
};

/* As work_new(). has_id: the route has a {thread_id}. */
struct on_thread *on_thread_new(struct req *req, const struct body_key *keys, bool has_id);

/* The record is w.found.items[0], its JSON in metadata and record_body; 404 if there is none. */
void on_thread_find(struct on_thread *t, void (*then)(struct work *w));
/* Answers with the record as it is now. */
void on_thread_reply(struct work *w);
/* graph_id of the metadata that was found, borrowed; NULL = none. */
const char *on_thread_graph_id(const struct on_thread *t);
/* t->graph becomes the graph of that name. False: 404, it was replied to. */
bool on_thread_set_graph(struct on_thread *t, const char *graph_id);
/* The place of a verb of run/thread.h on it. Strings are borrowed; NULL as ns: the root. */
struct thread_place on_thread_place(const struct on_thread *t, const char *ns,
                                    const char *checkpoint_id);

/* A record in the protocol's shape. NULL: no memory, or what is stored is damaged. */
json_t *thread_json(const struct stored_record *record);
/* Both empty objects as texts of a new record; *put gets a due_ms if the body has a "ttl". */
json_t *thread_body_new(const json_t *request, struct record_put *put);
/* A snapshot (run/thread.h) becomes a ThreadState, in place. 0 or a fault. */
int thread_state_shape(json_t *snapshot);

/* thread_update.c: applies supersteps ([[{"values","as_node"}]]) at a place of t->graph, then puts
 * the thread's new values into its record. then: t->update is {"configurable"} of the last
 * checkpoint. refused: nothing was written, w.fail says why; ends the work. */
void on_thread_update(struct on_thread *t, const struct thread_place *place,
                      const json_t *supersteps, void (*then)(struct work *w),
                      void (*refused)(struct work *w));

#endif
