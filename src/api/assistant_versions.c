/* The versions of an assistant. One of a graph that was never changed has no records: it is its own
 * first version. */
#include "api/about.h"
#include "api/on_assistant.h"
#include "api/on_thread.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "base/mem.h"
#include "store/match.h"

enum { VERSIONS_LIMIT = 10, FILTER_MAX_BYTES = 16 << 20 };

static struct on_assistant *of(struct work *w)
{
    return (struct on_assistant *)(void *)w;
}

/* ---- the list ---- */

static const struct body_key versions_keys[] = {
    { "metadata", &type_object, false },
    BODY_PAGE,
    BODY_END,
};

static void show(struct work *w)
{
    json_t *list = json_array();

    for (size_t i = 0; i < w->found.count; i++) {
        if (json_array_append_new(list, version_json(&w->found.items[i])) == 0)
            continue;
        json_decref(list);
        list = NULL;
        break;
    }
    work_json_take(w, list);
}

static void show_itself(struct on_assistant *a)
{
    const json_t *wanted = body_find(a->w.body, "metadata");
    const struct page page = body_page(a->w.body, VERSIONS_LIMIT);
    bool is_there =
        page.offset == 0 &&
        (wanted == NULL || json_contains(json_object_get(a->assistant, "metadata"), wanted));

    (void)json_object_del(a->assistant, "updated_at"); /* it is there */
    work_json_take(&a->w, is_there ? json_pack("[O]", a->assistant) : json_array());
}

static void list(struct work *w)
{
    struct on_assistant *a = of(w);
    const json_t *wanted = body_find(w->body, "metadata");
    const struct page page = body_page(w->body, VERSIONS_LIMIT);
    size_t len;
    char *metadata MEM_AUTO(mem_freep) =
        wanted == NULL ? NULL : jsonx_text(wanted, FILTER_MAX_BYTES, &len);

    if (a->is_system)
        show_itself(a);
    else if (wanted != NULL && metadata == NULL)
        work_fault(w, err_trace(ERR_NOMEM));
    else
        work_find(w,
                  &(struct record_query){ .kind = RECORD_VERSION,
                                          .owner = a->id,
                                          .metadata = metadata,
                                          .order = RECORDS_BY_ID,
                                          .offset = page.offset,
                                          .limit = page.limit },
                  show);
}

void handle_assistant_versions(struct req *req)
{
    struct on_assistant *a = on_assistant_new(req, versions_keys, true);

    if (a != NULL)
        on_assistant_find(a, list);
}

const struct route_about about_assistant_versions = {
    .summary = "The versions of an assistant, newest first",
    .keys = versions_keys,
    .answers = { { 200, "[AssistantVersion]" } },
    .fails = FAILS_404,
};

/* ---- going back to one ---- */

static const struct type version_number = { .kind = TYPE_INTEGER,
                                            .expected = "an integer",
                                            INT64_MIN };

static const struct body_key latest_keys[] = {
    { "version", &version_number, true },
    BODY_END,
};

static void find_to_set(struct work *w);

static void set(struct work *w)
{
    struct on_assistant *a = of(w);
    json_t *version = w->found.count == 0 ? NULL : version_json(&w->found.items[0]);

    if (w->found.count == 0) {
        work_failf(w, FAIL_NOT_FOUND, "Assistant version not found");
        return;
    }
    json_decref(a->assistant);
    a->assistant = version;
    if (version == NULL)
        work_fault(w, err_trace(ERR_NOMEM));
    else if (on_assistant_put(a, clock_wall_ms(), false))
        work_commit(w, on_assistant_reply, find_to_set);
}

static void find_version(struct work *w)
{
    struct on_assistant *a = of(w);
    int64_t version = json_integer_value(body_find(w->body, "version"));
    char id[VERSION_ID_BYTES];
    const char *const ids[] = { id };

    if (version < 1 || version > a->last_version) {
        work_failf(w, FAIL_NOT_FOUND, "Assistant version not found");
        return;
    }
    if (a->is_system) {
        work_json_take(w, json_incref(a->assistant));
        return;
    }
    version_id(a->id, version, id);
    work_find(w, &(struct record_query){ .kind = RECORD_VERSION, .ids = ids, .id_count = 1 }, set);
}

static void find_to_set(struct work *w)
{
    on_assistant_find(of(w), find_version);
}

void handle_assistant_latest(struct req *req)
{
    struct on_assistant *a = on_assistant_new(req, latest_keys, true);

    if (a != NULL)
        find_to_set(&a->w);
}

const struct route_about about_assistant_latest = {
    .summary = "Go back to a version of an assistant",
    .keys = latest_keys,
    .answers = { { 200, "Assistant" } },
    .fails = FAILS_404 | FAILS_409,
};
