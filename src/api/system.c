/* What the server says of itself. */
#include "anabranch.h"
#include "api/about.h"
#include <string.h>

void handle_ok(struct req *req)
{
    reply_json(req, 200, "{\"ok\":true}", 11);
}

const struct route_about about_ok = {
    .summary = "Is the server there?",
    .answers = { { 200, "Ok" } },
};

/* Studio and other tools read `flags` to know which parts of the protocol are there. */
void handle_info(struct req *req)
{
    reply_json_take(req, 200,
                    json_pack("{s:s, s:s, s:{s:b, s:b, s:b}}", "name", "anabranch", "version",
                              anabranch_version(), "flags", "assistants", 1, "crons", 0,
                              "langsmith", 0));
}

const struct route_about about_info = {
    .summary = "What the server is, and which parts of the protocol it has",
    .answers = { { 200, "Info" } },
};

void handle_graph_schema(struct req *req)
{
    const struct api *api = req_app(req);

    reply_json(req, 200, api->graph_schema, api->graph_schema_len_bytes);
}

const struct route_about about_graph_schema = {
    .summary = "The JSON Schema of graph files",
    .answers = { { 200, "Schema" } },
};
