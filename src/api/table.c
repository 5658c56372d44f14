/* Every route of the server, in one array. */
#include "api/api.h"

/* Routes of the protocol, and those of it that take a body. */
enum { PROTOCOL = ROUTE_PROTOCOL, BODY = ROUTE_PROTOCOL | ROUTE_BODY };

const struct http_route api_routes[] = {
    { "GET", "/ok", handle_ok, ROUTE_OPEN | ROUTE_PROTOCOL },
    { "GET", "/info", handle_info, ROUTE_PROTOCOL },
    { "GET", "/graphs", handle_graphs, 0 },
    { "GET", "/schemas/graph", handle_graph_schema, 0 },
    { "POST", "/admin/reload", handle_reload, ROUTE_ADMIN },
    { "POST", "/invoke", handle_invoke, ROUTE_BODY },
    { "POST", "/runs/wait", handle_run_wait, ROUTE_BODY | ROUTE_PROTOCOL },
    { "POST", "/runs/stream", handle_run_stream, ROUTE_BODY | ROUTE_PROTOCOL },
    { "POST", "/runs", handle_run_background, BODY },
    { "POST", "/runs/batch", handle_runs_batch, BODY },
    { "POST", "/runs/cancel", handle_runs_cancel, BODY },
    { "GET", "/runs/{run_id}/stream", handle_run_follow, PROTOCOL },
    { "GET", "/runs/{run_id}/join", handle_run_join, PROTOCOL },
    { "POST", "/runs/{run_id}/cancel", handle_run_cancel, PROTOCOL },
    { "POST", "/threads/{thread_id}/runs", handle_thread_run_background, BODY },
    { "POST", "/threads/{thread_id}/runs/wait", handle_thread_run_wait, BODY },
    { "POST", "/threads/{thread_id}/runs/stream", handle_thread_run_stream, BODY },
    { "GET", "/threads/{thread_id}/runs", handle_thread_runs, PROTOCOL },
    { "GET", "/threads/{thread_id}/runs/{run_id}", handle_thread_run, PROTOCOL },
    { "DELETE", "/threads/{thread_id}/runs/{run_id}", handle_thread_run_delete, PROTOCOL },
    { "GET", "/threads/{thread_id}/runs/{run_id}/stream", handle_thread_run_follow, PROTOCOL },
    { "GET", "/threads/{thread_id}/runs/{run_id}/join", handle_thread_run_join, PROTOCOL },
    { "POST", "/threads/{thread_id}/runs/{run_id}/cancel", handle_thread_run_cancel, PROTOCOL },
    { "POST", "/assistants", handle_assistant_create, BODY },
    { "POST", "/assistants/search", handle_assistants_search, BODY },
    { "POST", "/assistants/count", handle_assistants_count, BODY },
    { "GET", "/assistants/{assistant_id}", handle_assistant_get, PROTOCOL },
    { "PATCH", "/assistants/{assistant_id}", handle_assistant_patch, BODY },
    { "DELETE", "/assistants/{assistant_id}", handle_assistant_delete, PROTOCOL },
    { "POST", "/assistants/{assistant_id}/versions", handle_assistant_versions, BODY },
    { "POST", "/assistants/{assistant_id}/latest", handle_assistant_latest, BODY },
    { "GET", "/assistants/{assistant_id}/graph", handle_assistant_graph, PROTOCOL },
    { "GET", "/assistants/{assistant_id}/schemas", handle_assistant_schemas, PROTOCOL },
    { "GET", "/assistants/{assistant_id}/subgraphs", handle_assistant_subgraphs, PROTOCOL },
    { "GET", "/assistants/{assistant_id}/subgraphs/{namespace}", handle_assistant_subgraph,
      PROTOCOL },
    { "POST", "/threads", handle_thread_create, BODY },
    { "POST", "/threads/search", handle_threads_search, BODY },
    { "POST", "/threads/count", handle_threads_count, BODY },
    { "POST", "/threads/prune", handle_threads_prune, BODY },
    { "GET", "/threads/{thread_id}", handle_thread_get, PROTOCOL },
    { "PATCH", "/threads/{thread_id}", handle_thread_patch, BODY },
    { "DELETE", "/threads/{thread_id}", handle_thread_delete, PROTOCOL },
    { "POST", "/threads/{thread_id}/copy", handle_thread_copy, PROTOCOL },
    { "GET", "/threads/{thread_id}/state", handle_thread_state, PROTOCOL },
    { "POST", "/threads/{thread_id}/state", handle_thread_update_state, BODY },
    { "PATCH", "/threads/{thread_id}/state", handle_thread_patch_state, BODY },
    { "GET", "/threads/{thread_id}/stream", handle_thread_stream, PROTOCOL },
    { "GET", "/threads/{thread_id}/state/{checkpoint_id}", handle_thread_state_at, PROTOCOL },
    { "POST", "/threads/{thread_id}/state/checkpoint", handle_thread_state_checkpoint, BODY },
    { "GET", "/threads/{thread_id}/history", handle_thread_history_get, PROTOCOL },
    { "POST", "/threads/{thread_id}/history", handle_thread_history, BODY },
    { "PUT", "/store/items", handle_item_put, BODY },
    { "GET", "/store/items", handle_item_get, PROTOCOL },
    { "DELETE", "/store/items", handle_item_delete, BODY },
    { "POST", "/store/items/search", handle_items_search, BODY },
    { "POST", "/store/namespaces", handle_namespaces, BODY },
};
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);

#define STATELESS                                                                                  \
    "this version has no crons; /threads/THREAD/runs and /runs run a graph, and so does /invoke"

const struct http_absence api_absences[] = {
    { "/runs", STATELESS },
    { "/threads", "there is no such address; docs/http.md lists those of threads" },
    { "/assistants", "there is no such address; docs/http.md lists those of assistants" },
    { "/store", "there is no such address; docs/http.md lists those of the store" },
};
const size_t api_absence_count = sizeof(api_absences) / sizeof(api_absences[0]);
