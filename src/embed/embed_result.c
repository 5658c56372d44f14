/* What a run has come to, as JSON. */
#include "base/jsonx.h"
#include "embed/embed.h"
#include <string.h>

static void write_member(struct buf *out, const char *key, const char *value)
{
    buf_addf(out, "\"%s\":", key);
    jsonx_encode_string(value, strlen(value), out);
}

void embed_write_fail(const struct fail *f, struct buf *out)
{
    buf_add_str(out, "{\"error\":{");
    write_member(out, "type", fail_type(f));
    buf_add_char(out, ',');
    write_member(out, "message", fail_message(f));
    if (f->node != NULL) {
        buf_add_char(out, ',');
        write_member(out, "node", f->node);
    }
    buf_add_str(out, "}}");
}

void embed_write_output(const struct run *run, struct buf *out)
{
    const json_t *interrupts = run_interrupts(run);
    size_t begin = out->len;

    state_encode(run_state(run), VIEW_OUTPUT, out);
    if (interrupts == NULL || out->fault != 0)
        return;
    out->len--; /* the closing brace comes later */
    buf_add_str(out, out->len > begin + 1 ? ",\"__interrupt__\":" : "\"__interrupt__\":");
    jsonx_encode(interrupts, out);
    buf_add_char(out, '}');
}
