#ifndef ANABRANCH_API_ON_ASSISTANT_H
#define ANABRANCH_API_ON_ASSISTANT_H
/*
 * Requests about an assistant. Here an assistant is its JSON in the protocol's shape:
 *
 *     {"assistant_id", "version", "config", "context", "created_at", "updated_at", "graph_id",
 *      "metadata", "name", "description"}
 *
 * Each graph has one without a record, made of what its file says; a record of that id (its
 * assistant was changed) stands in its place. Records: RECORD_ASSISTANT with the body
 *
 *     {"config", "context", "description", "version", "last_version"}
 *
 * and for every version a RECORD_VERSION "ID.0000000001" with {"config", "context", "description",
 * "version", "graph_id"}.
 */
#include "api/work.h"

enum { VERSION_ID_BYTES = ID_BYTES + 12 };

struct on_assistant {
    struct work w; /* first member */
    char id[ID_BYTES];
    json_t *assistant;    /* that was found, or NULL */
    bool is_system;       /* it has no record */
    int64_t revision;     /* of its record, 0 = none */
    int64_t last_version; /* the highest that there ever was */
    void (*found)(struct work *w);
    json_t *is_overridden; /* of a search: {assistant id: true} of graphs */
    struct graph *graph;   /* borrowed from the registry */
    int64_t depth;
    bool is_flag;
};

/* As work_new(). has_id: the route has an {assistant_id}, the name of a graph or an id of either. */
struct on_assistant *on_assistant_new(struct req *req, const struct body_key *keys, bool has_id);
/* 404 if there is none. */
void on_assistant_find(struct on_assistant *a, void (*then)(struct work *w));
/* Answers with the assistant as it is now. */
void on_assistant_reply(struct work *w);
/* Into the batch: a->assistant as the record (the precondition is that it is as it was found), and
 * as a version if is_new_version. False: it was replied to. */
bool on_assistant_put(struct on_assistant *a, int64_t now_ms, bool is_new_version);
/* The same for a version alone. */
bool on_assistant_put_version(struct on_assistant *a, const json_t *assistant, int64_t now_ms);
/* The id of a version's record. */
void version_id(const char *assistant_id, int64_t version, char ret[VERSION_ID_BYTES]);

/* In the shape above; NULL: no memory, or what is stored is damaged. */
json_t *assistant_json(const struct stored_record *record);
json_t *assistant_of_graph(const struct api *api, const struct graph *g);
/* Of a RECORD_VERSION, without updated_at. */
json_t *version_json(const struct stored_record *record);

#endif
