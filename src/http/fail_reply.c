/*
 * A failure in one of three shapes. /invoke and the rest of our own routes answer with an error
 * object; the LangGraph protocol wants the bare sentence, and its Python client only shows it when
 * it comes as {"detail"}.
 */
#include "base/jsonx.h"
#include "http/internal.h"
#include "http/route.h"
#include <string.h>

enum { STATUS_UNPROCESSABLE = 422, STATUS_SERVER_FIRST = 500 };

enum fail_shape fail_shape_of(const struct req *req)
{
    static const char python[] = "langgraph-sdk-py/";
    bool is_protocol = req->route != NULL
                           ? (req->route->flags & ROUTE_PROTOCOL) != 0
                           : route_is_protocol(req->uri.segments, req->uri.segment_count);
    if (!is_protocol)
        return FAIL_SHAPE_INVOKE;
    const char *agent = req_header(req, "user-agent");
    bool is_python = agent != NULL && strncmp(agent, python, sizeof(python) - 1) == 0;
    return is_python ? FAIL_SHAPE_DETAIL : FAIL_SHAPE_TEXT;
}

/* Another try may go better. */
static bool is_passing(enum fail_code code)
{
    return code == FAIL_DRAINING || code == FAIL_FULL || code == FAIL_INTERNAL;
}

/* The protocol's clients repeat every 5xx four times, POSTs included: what would fail again must
 * not look like one. */
int fail_reply_status(const struct fail *f, enum fail_shape shape)
{
    int status = fail_status(f);

    if (shape != FAIL_SHAPE_INVOKE && f->code == FAIL_BUSY) /* as the reference has it */
        return STATUS_UNPROCESSABLE;
    if (shape != FAIL_SHAPE_INVOKE && status >= STATUS_SERVER_FIRST && !is_passing(f->code))
        return STATUS_UNPROCESSABLE;
    return status;
}

const char *fail_reply_type(enum fail_shape shape)
{
    return shape == FAIL_SHAPE_TEXT ? "text/plain; charset=utf-8" : "application/json";
}

bool fail_reply_wants_retry(const struct fail *f)
{
    return f->code == FAIL_DRAINING || f->code == FAIL_FULL || f->code == FAIL_TOO_MANY;
}

static void add_member(struct buf *out, const char *before, const char *text)
{
    if (text == NULL)
        return;
    buf_add_str(out, before);
    jsonx_encode_string(text, strlen(text), out);
}

void fail_reply_body(const struct fail *f, enum fail_shape shape, const char *run_id,
                     struct buf *out)
{
    switch (shape) {
    case FAIL_SHAPE_INVOKE:
        add_member(out, "{\"error\":{\"type\":", fail_type(f));
        add_member(out, ",\"message\":", fail_message(f));
        add_member(out, ",\"node\":", f->node);
        add_member(out, ",\"run_id\":", run_id);
        buf_add_str(out, "}}");
        break;
    case FAIL_SHAPE_TEXT:
        buf_add_str(out, fail_message(f));
        break;
    case FAIL_SHAPE_DETAIL:
        add_member(out, "{\"detail\":", fail_message(f));
        buf_add_str(out, "}");
        break;
    }
}
