/* Every route of the server, in one array. */
#include "api/about.h"

/* Routes of the protocol, and those of it that take a body. */
enum { PROTOCOL = ROUTE_PROTOCOL, BODY = ROUTE_PROTOCOL | ROUTE_BODY };

/* One line for each. */
/* clang-format off */
const struct http_route api_routes[] = {
    { "GET", "/ok", handle_ok, ROUTE_OPEN | ROUTE_PROTOCOL, &about_ok },
    { "GET", "/info", handle_info, ROUTE_PROTOCOL, &about_info },
    { "GET", "/graphs", handle_graphs, 0, &about_graphs },
    { "GET", "/schemas/graph", handle_graph_schema, 0, &about_graph_schema },
    { "GET", "/openapi.json", handle_openapi, 0, &about_openapi },
    { "POST", "/admin/reload", handle_reload, ROUTE_ADMIN, &about_reload },
    { "POST", "/internal/truncate", handle_truncate, ROUTE_ADMIN | ROUTE_BODY | ROUTE_TEST, &about_truncate },
    { "POST", "/invoke", handle_invoke, ROUTE_BODY, &about_invoke },
    { "POST", "/runs/wait", handle_run_wait, ROUTE_BODY | ROUTE_PROTOCOL, &about_run_wait },
    { "POST", "/runs/stream", handle_run_stream, ROUTE_BODY | ROUTE_PROTOCOL, &about_run_stream },
    { "POST", "/runs", handle_run_background, BODY, &about_run_background },
    { "POST", "/runs/batch", handle_runs_batch, BODY, &about_runs_batch },
    { "POST", "/runs/cancel", handle_runs_cancel, BODY, &about_runs_cancel },
    { "GET", "/runs/{run_id}/stream", handle_run_follow, PROTOCOL, &about_run_follow },
    { "GET", "/runs/{run_id}/join", handle_run_join, PROTOCOL, &about_run_join },
    { "POST", "/runs/{run_id}/cancel", handle_run_cancel, PROTOCOL, &about_run_cancel },
    { "POST", "/threads/{thread_id}/runs", handle_thread_run_background, BODY, &about_thread_run_background },
    { "POST", "/threads/{thread_id}/runs/wait", handle_thread_run_wait, BODY, &about_thread_run_wait },
    { "POST", "/threads/{thread_id}/runs/stream", handle_thread_run_stream, BODY, &about_thread_run_stream },
    { "GET", "/threads/{thread_id}/runs", handle_thread_runs, PROTOCOL, &about_thread_runs },
    { "GET", "/threads/{thread_id}/runs/{run_id}", handle_thread_run, PROTOCOL, &about_thread_run },
    { "DELETE", "/threads/{thread_id}/runs/{run_id}", handle_thread_run_delete, PROTOCOL, &about_thread_run_delete },
    { "GET", "/threads/{thread_id}/runs/{run_id}/stream", handle_thread_run_follow, PROTOCOL, &about_thread_run_follow },
    { "GET", "/threads/{thread_id}/runs/{run_id}/join", handle_thread_run_join, PROTOCOL, &about_thread_run_join },
    { "POST", "/threads/{thread_id}/runs/{run_id}/cancel", handle_thread_run_cancel, PROTOCOL, &about_thread_run_cancel },
    { "POST", "/assistants", handle_assistant_create, BODY, &about_assistant_create },
    { "POST", "/assistants/search", handle_assistants_search, BODY, &about_assistants_search },
    { "POST", "/assistants/count", handle_assistants_count, BODY, &about_assistants_count },
    { "GET", "/assistants/{assistant_id}", handle_assistant_get, PROTOCOL, &about_assistant_get },
    { "PATCH", "/assistants/{assistant_id}", handle_assistant_patch, BODY, &about_assistant_patch },
    { "DELETE", "/assistants/{assistant_id}", handle_assistant_delete, PROTOCOL, &about_assistant_delete },
    { "POST", "/assistants/{assistant_id}/versions", handle_assistant_versions, BODY, &about_assistant_versions },
    { "POST", "/assistants/{assistant_id}/latest", handle_assistant_latest, BODY, &about_assistant_latest },
    { "GET", "/assistants/{assistant_id}/graph", handle_assistant_graph, PROTOCOL, &about_assistant_graph },
    { "GET", "/assistants/{assistant_id}/schemas", handle_assistant_schemas, PROTOCOL, &about_assistant_schemas },
    { "GET", "/assistants/{assistant_id}/subgraphs", handle_assistant_subgraphs, PROTOCOL, &about_assistant_subgraphs },
    { "GET", "/assistants/{assistant_id}/subgraphs/{namespace}", handle_assistant_subgraph, PROTOCOL, &about_assistant_subgraph },
    { "POST", "/threads", handle_thread_create, BODY, &about_thread_create },
    { "POST", "/threads/search", handle_threads_search, BODY, &about_threads_search },
    { "POST", "/threads/count", handle_threads_count, BODY, &about_threads_count },
    { "POST", "/threads/prune", handle_threads_prune, BODY, &about_threads_prune },
    { "GET", "/threads/{thread_id}", handle_thread_get, PROTOCOL, &about_thread_get },
    { "PATCH", "/threads/{thread_id}", handle_thread_patch, BODY, &about_thread_patch },
    { "DELETE", "/threads/{thread_id}", handle_thread_delete, PROTOCOL, &about_thread_delete },
    { "POST", "/threads/{thread_id}/copy", handle_thread_copy, PROTOCOL, &about_thread_copy },
    { "GET", "/threads/{thread_id}/state", handle_thread_state, PROTOCOL, &about_thread_state },
    { "POST", "/threads/{thread_id}/state", handle_thread_update_state, BODY, &about_thread_update_state },
    { "PATCH", "/threads/{thread_id}/state", handle_thread_patch_state, BODY, &about_thread_patch_state },
    { "GET", "/threads/{thread_id}/stream", handle_thread_stream, PROTOCOL, &about_thread_stream },
    { "GET", "/threads/{thread_id}/state/{checkpoint_id}", handle_thread_state_at, PROTOCOL, &about_thread_state_at },
    { "POST", "/threads/{thread_id}/state/checkpoint", handle_thread_state_checkpoint, BODY, &about_thread_state_checkpoint },
    { "GET", "/threads/{thread_id}/history", handle_thread_history_get, PROTOCOL, &about_thread_history_get },
    { "POST", "/threads/{thread_id}/history", handle_thread_history, BODY, &about_thread_history },
    { "PUT", "/store/items", handle_item_put, BODY, &about_item_put },
    { "GET", "/store/items", handle_item_get, PROTOCOL, &about_item_get },
    { "DELETE", "/store/items", handle_item_delete, BODY, &about_item_delete },
    { "POST", "/store/items/search", handle_items_search, BODY, &about_items_search },
    { "POST", "/store/namespaces", handle_namespaces, BODY, &about_namespaces },
};
/* clang-format on */
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);

const struct http_absence api_absences[] = {
    { "/runs", "there is no such address: a run without a thread has .../join, .../stream and "
               ".../cancel, and this version has no crons; docs/http.md lists those of runs" },
    { "/threads", "there is no such address; docs/http.md lists those of threads" },
    { "/assistants", "there is no such address; docs/http.md lists those of assistants" },
    { "/store", "there is no such address; docs/http.md lists those of the store" },
};
const size_t api_absence_count = sizeof(api_absences) / sizeof(api_absences[0]);
