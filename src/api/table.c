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
};
const size_t api_route_count = sizeof(api_routes) / sizeof(api_routes[0]);

#define STATELESS                                                                                  \
    "this version has no routes for threads, assistants, background runs, crons or the store; "    \
    "/runs/wait and /runs/stream run a graph, and so does /invoke, on a thread if it is told one"

const struct http_absence api_absences[] = {
    { "/threads", STATELESS },
    { "/assistants", STATELESS },
    { "/runs", STATELESS },
    { "/store", STATELESS },
};
const size_t api_absence_count = sizeof(api_absences) / sizeof(api_absences[0]);
