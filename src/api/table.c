/* Every route of the server, in one array. */
#include "api/api.h"

const struct http_route api_routes[] = {
    { "GET", "/ok", handle_ok, ROUTE_OPEN | ROUTE_PROTOCOL },
    { "GET", "/info", handle_info, ROUTE_PROTOCOL },
    { "GET", "/graphs", handle_graphs, 0 },
    { "GET", "/schemas/graph", handle_graph_schema, 0 },
    { "POST", "/admin/reload", handle_reload, ROUTE_ADMIN },
    { "POST", "/invoke", handle_invoke, ROUTE_BODY },
    { "POST", "/runs/wait", handle_run_wait, ROUTE_BODY | ROUTE_PROTOCOL },
    { "POST", "/runs/stream", handle_run_stream, ROUTE_BODY | ROUTE_PROTOCOL },
    { "POST", "/runs", handle_run_background, ROUTE_BODY | ROUTE_PROTOCOL },
    { "POST", "/runs/batch", handle_runs_batch, ROUTE_BODY | ROUTE_PROTOCOL },
    { "POST", "/runs/cancel", handle_runs_cancel, ROUTE_BODY | ROUTE_PROTOCOL },
    { "GET", "/runs/{run_id}/stream", handle_run_follow, ROUTE_PROTOCOL },
    { "GET", "/runs/{run_id}/join", handle_run_join, ROUTE_PROTOCOL },
    { "POST", "/runs/{run_id}/cancel", handle_run_cancel, ROUTE_PROTOCOL },
    { "POST", "/threads/{thread_id}/runs", handle_thread_run_background,
      ROUTE_BODY | ROUTE_PROTOCOL },
    { "POST", "/threads/{thread_id}/runs/wait", handle_thread_run_wait,
      ROUTE_BODY | ROUTE_PROTOCOL },
    { "POST", "/threads/{thread_id}/runs/stream", handle_thread_run_stream,
      ROUTE_BODY | ROUTE_PROTOCOL },
    { "GET", "/threads/{thread_id}/runs", handle_thread_runs, ROUTE_PROTOCOL },
    { "GET", "/threads/{thread_id}/runs/{run_id}", handle_thread_run, ROUTE_PROTOCOL },
    { "DELETE", "/threads/{thread_id}/runs/{run_id}", handle_thread_run_delete, ROUTE_PROTOCOL },
    { "GET", "/threads/{thread_id}/runs/{run_id}/stream", handle_thread_run_follow,
      ROUTE_PROTOCOL },
    { "GET", "/threads/{thread_id}/runs/{run_id}/join", handle_thread_run_join, ROUTE_PROTOCOL },
    { "POST", "/threads/{thread_id}/runs/{run_id}/cancel", handle_thread_run_cancel,
      ROUTE_PROTOCOL },
};
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);

#define STATELESS                                                                                  \
    "this version has no routes for threads themselves, assistants, crons or the store; "          \
    "/threads/THREAD/runs and /runs run a graph, and so does /invoke"

const struct http_absence api_absences[] = {
    { "/threads", STATELESS },
    { "/assistants", STATELESS },
    { "/runs", STATELESS },
    { "/store", STATELESS },
};
const size_t api_absence_count = sizeof(api_absences) / sizeof(api_absences[0]);
