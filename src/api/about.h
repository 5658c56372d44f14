#ifndef ANABRANCH_API_ABOUT_H
#define ANABRANCH_API_ABOUT_H
/*
 * What there is to say of a route: the last column of its row in table.c. /openapi.json is made of
 * it, and queries and path values are checked by it before the handler is called; so it stands beside
 * the handler, with the tables that the handler itself reads its body by.
 *
 *     const struct route_about about_thread_patch = {
 *         .summary = "Change a thread's metadata or time to live",
 *         .keys = patch_keys,
 *         .answers = { { 200, "Thread" }, { 204, NULL } },
 *         .fails = FAILS_404 | FAILS_409,
 *     };
 */
#include "api/params.h"

struct query_key {
    const char *name;
    const struct type *type; /* a scalar, a list of them, or one of those */
};
#define QUERY_END                                                                                  \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/*
 * Of an answer that is no failure.
 *   form  a schema of src/api/answers.json: "Thread"; "[Thread]" is a list of those; "text/plain" (with
 *         a stroke) is a media type: text, or the events of a stream; NULL: there is no body
 * Several with one status are forms that the client chooses from.
 */
struct route_answer {
    int status; /* 0: the end */
    const char *form;
};
enum { ROUTE_ANSWERS = 3 };

/* Failures beyond those that every route, and every route with a body, can have. */
enum {
    FAILS_404 = 1,
    FAILS_409 = 2,
    FAILS_422 = 4,
    FAILS_502 = 8, /* and 504: what a node asked elsewhere */
};

struct route_about {
    const char *summary;
    const struct body_key *keys;   /* of the body; NULL: there is none */
    const struct query_key *query; /* NULL: none */
    struct route_answer answers[ROUTE_ANSWERS + 1];
    unsigned fails;
    const char *needs[3]; /* keys of which one must be there; NULL at the end */
    bool is_list;         /* the body is a list of what keys describe */
};

/* Before a handler: do query and path values fit? false: it was replied to. For http_options. */
bool about_admit(struct req *req, const struct route_about *about);

/* The types of path values by the names that table.c has for them; NULL = unknown. */
const struct type *about_path_type(const char *name);

/* Beside the handlers that api.h declares. */
extern const struct route_about about_ok;
extern const struct route_about about_info;
extern const struct route_about about_graph_schema;
extern const struct route_about about_openapi;
extern const struct route_about about_graphs;
extern const struct route_about about_reload;
extern const struct route_about about_truncate;
extern const struct route_about about_invoke;
extern const struct route_about about_run_wait;
extern const struct route_about about_run_stream;
extern const struct route_about about_run_background;
extern const struct route_about about_thread_run_wait;
extern const struct route_about about_thread_run_stream;
extern const struct route_about about_thread_run_background;
extern const struct route_about about_runs_batch;
extern const struct route_about about_thread_runs;
extern const struct route_about about_thread_run;
extern const struct route_about about_thread_run_delete;
extern const struct route_about about_run_follow;
extern const struct route_about about_run_join;
extern const struct route_about about_run_cancel;
extern const struct route_about about_runs_cancel;
extern const struct route_about about_thread_run_follow;
extern const struct route_about about_thread_run_join;
extern const struct route_about about_thread_run_cancel;
extern const struct route_about about_assistant_create;
extern const struct route_about about_assistant_get;
extern const struct route_about about_assistant_patch;
extern const struct route_about about_assistant_delete;
extern const struct route_about about_assistants_search;
extern const struct route_about about_assistants_count;
extern const struct route_about about_assistant_versions;
extern const struct route_about about_assistant_latest;
extern const struct route_about about_assistant_graph;
extern const struct route_about about_assistant_schemas;
extern const struct route_about about_assistant_subgraphs;
extern const struct route_about about_assistant_subgraph;
extern const struct route_about about_thread_create;
extern const struct route_about about_thread_get;
extern const struct route_about about_thread_patch;
extern const struct route_about about_thread_patch_state;
extern const struct route_about about_thread_stream;
extern const struct route_about about_thread_delete;
extern const struct route_about about_threads_search;
extern const struct route_about about_threads_count;
extern const struct route_about about_threads_prune;
extern const struct route_about about_thread_copy;
extern const struct route_about about_thread_state;
extern const struct route_about about_thread_state_at;
extern const struct route_about about_thread_state_checkpoint;
extern const struct route_about about_thread_update_state;
extern const struct route_about about_thread_history;
extern const struct route_about about_thread_history_get;
extern const struct route_about about_item_put;
extern const struct route_about about_item_get;
extern const struct route_about about_item_delete;
extern const struct route_about about_items_search;
extern const struct route_about about_namespaces;

#endif
