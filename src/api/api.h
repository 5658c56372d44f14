#ifndef ANABRANCH_API_API_H
#define ANABRANCH_API_API_H
/*
 * The routes. One file per resource, one row per route in table.c; a handler reads its request,
 * asks run/ or graph/, and replies. Handlers find the application behind req_app().
 */
#include "graph/registry.h"
#include "http/http.h"
#include "run/desk.h"

enum { API_E_DRAINING = 1 };

struct expiry;

struct api {
    const struct services *services;
    struct runs *runs;
    struct desk *desk;
    const struct registry *graphs;
    const char
        *graph_schema; /* config/graph.schema.json, NUL-terminated; it is part of the binary */
    size_t graph_schema_len_bytes;
    /*
     * Loads graph files that have changed; `graphs` stays where it is.
     *   ret   out: {"loaded", "unchanged", "removed", "failed"}, a new reference
     * 0, API_E_DRAINING, or a fault; then nothing has changed.
     */
    int (*reload)(void *arg, json_t **ret);
    void *reload_arg;
    struct expiry *expiry; /* of threads and items; NULL: none is deleted by itself */
    int64_t started_ms;    /* wall clock: when the assistants of graphs came to be */
    size_t work_count;     /* requests at work, api/work.h */
    bool is_idle;          /* the last of them has ended */
};

/* Every route of the server. */
extern const struct http_route api_routes[];
extern const size_t api_route_count;
/* What of the LangGraph protocol this version does not have. */
extern const struct http_absence api_absences[];
extern const size_t api_absence_count;

/* system.c */
void handle_ok(struct req *req);
void handle_info(struct req *req);
void handle_graph_schema(struct req *req);
/* openapi.c */
void handle_openapi(struct req *req);
/* graphs.c */
void handle_graphs(struct req *req);
/* truncate.c */
void handle_truncate(struct req *req);
/* admin.c */
void handle_reload(struct req *req);
/* create.c: our own door, and those of the LangGraph protocol */
void handle_invoke(struct req *req);
void handle_run_wait(struct req *req);
void handle_run_stream(struct req *req);
void handle_run_background(struct req *req);
void handle_thread_run_wait(struct req *req);
void handle_thread_run_stream(struct req *req);
void handle_thread_run_background(struct req *req);
/* run_batch.c */
void handle_runs_batch(struct req *req);
/* thread_runs.c */
void handle_thread_runs(struct req *req);
void handle_thread_run(struct req *req);
void handle_thread_run_delete(struct req *req);
/* runs.c: runs that are there, of a thread or stateless */
void handle_run_follow(struct req *req);
void handle_run_join(struct req *req);
void handle_thread_run_follow(struct req *req);
void handle_thread_run_join(struct req *req);
/* run_cancel.c */
void handle_run_cancel(struct req *req);
void handle_runs_cancel(struct req *req);
void handle_thread_run_cancel(struct req *req);
/* assistants.c and its neighbours: the assistants of the protocol */
void handle_assistant_create(struct req *req);
void handle_assistant_get(struct req *req);
void handle_assistant_patch(struct req *req);
void handle_assistant_delete(struct req *req);
void handle_assistants_search(struct req *req);
void handle_assistants_count(struct req *req);
void handle_assistant_versions(struct req *req);
void handle_assistant_latest(struct req *req);
void handle_assistant_graph(struct req *req);
void handle_assistant_schemas(struct req *req);
void handle_assistant_subgraphs(struct req *req);
void handle_assistant_subgraph(struct req *req);
/* threads.c and its neighbours: threads as resources, their states and streams */
void handle_thread_create(struct req *req);
void handle_thread_get(struct req *req);
void handle_thread_patch(struct req *req);
void handle_thread_patch_state(struct req *req);
void handle_thread_stream(struct req *req);
void handle_thread_delete(struct req *req);
void handle_threads_search(struct req *req);
void handle_threads_count(struct req *req);
void handle_threads_prune(struct req *req);
void handle_thread_copy(struct req *req);
void handle_thread_state(struct req *req);
void handle_thread_state_at(struct req *req);
void handle_thread_state_checkpoint(struct req *req);
void handle_thread_update_state(struct req *req);
void handle_thread_history(struct req *req);
void handle_thread_history_get(struct req *req);
/* store_items.c */
void handle_item_put(struct req *req);
void handle_item_get(struct req *req);
void handle_item_delete(struct req *req);
void handle_items_search(struct req *req);
void handle_namespaces(struct req *req);

#endif
