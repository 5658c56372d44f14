/* What a webhook says, and what its receiver means. */
#include "base/clock.h"
#include "base/err.h"
#include "base/jsonx.h"
#include "run/webhook_inside.h"
#include <assert.h>
#include <string.h>

/* ---- what is told ---- */

static void add_time(struct buf *out, const char *key, int64_t ms)
{
    char text[CLOCK_ISO_BYTES];

    clock_iso(ms, text);
    if (ms == 0)
        buf_addf(out, ",\"%s\":null", key);
    else
        buf_addf(out, ",\"%s\":\"%s\"", key, text);
}

/* As /invoke answers it: with what the run asks among its values. */
static void add_values(const struct run *run, struct buf *out)
{
    buf_add_str(out, ",\"values\":");
    if (run == NULL || run_state(run) == NULL) {
        buf_add_str(out, "null");
        return;
    }
    state_encode(run_state(run), VIEW_SHOWN, out);
    if (run_interrupts(run) == NULL || out->fault != 0)
        return;
    assert(out->data[out->len - 1] == '}');
    bool is_empty = out->data[out->len - 2] == '{';
    out->len--;
    buf_add_str(out, is_empty ? "\"__interrupt__\":" : ",\"__interrupt__\":");
    jsonx_encode(run_interrupts(run), out);
    buf_add_char(out, '}');
}

/* Behind the members of an object that is not empty. */
static void add_members(const struct webhook_news *news, struct buf *out)
{
    const struct sheet *s = news->sheet;
    const json_t *message = json_object_get(s->error, "message");

    add_time(out, "run_started_at", news->started_ms);
    add_time(out, "run_ended_at", s->updated_ms);
    add_values(news->is_brief ? NULL : news->run, out);
    if (message != NULL) {
        buf_add_str(out, ",\"error\":");
        jsonx_encode(message, out);
    }
}

int webhook_write(const struct webhook_news *news, struct buf *out)
{
    json_t *run = sheet_json(news->sheet);

    if (run == NULL || (news->is_brief && json_object_set_new(run, "kwargs", json_object()) != 0)) {
        json_decref(run);
        return err_trace(ERR_NOMEM);
    }
    jsonx_encode(run, out);
    json_decref(run);
    if (out->fault == 0) {
        assert(out->data[out->len - 1] == '}');
        out->len--;
        add_members(news, out);
        buf_add_char(out, '}');
    }
    return out->fault;
}

int webhook_stamp(const char *text, size_t len_bytes, int64_t now_ms, struct buf *out)
{
    assert(len_bytes > 2 && text[len_bytes - 1] == '}');
    buf_add(out, text, len_bytes - 1);
    add_time(out, "webhook_sent_at", now_ms);
    buf_add_char(out, '}');
    return out->fault;
}

/* ---- what is answered ---- */

static bool is_worth_another_try(int status)
{
    return status >= 500 || status == 408 || status == 425 || status == 429;
}

enum webhook_verdict webhook_judge(int status, int result)
{
    if (status >= 200 && status < 300)
        return WEBHOOK_SENT;
    if (status != 0)
        return is_worth_another_try(status) ? WEBHOOK_AGAIN : WEBHOOK_FAILED;
    return result == FETCH_E_URL || result == FETCH_E_FORBIDDEN ? WEBHOOK_FAILED : WEBHOOK_AGAIN;
}

int64_t webhook_pause_ms(int tries)
{
    const int64_t most_ms = 300000;
    int64_t pause_ms = 1000;

    for (int i = 1; i < tries && pause_ms < most_ms; i++)
        pause_ms *= 4;
    return pause_ms < most_ms ? pause_ms : most_ms;
}
