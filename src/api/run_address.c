#include "api/run_address.h"
#include "base/buf.h"
#include "base/mem.h"
#include <ctype.h>
#include <string.h>

/* A thread's id is any text. */
static void add_segment(struct buf *to, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c) != NULL)
            buf_add_char(to, *text);
        else
            buf_addf(to, "%%%02X", c);
    }
}

void reply_run_address(struct req *req, const char *name, const char *thread_id, const char *run_id,
                       const char *end)
{
    struct buf address MEM_AUTO(buf_deinit);

    buf_init(&address, 4096);
    if (thread_id != NULL) {
        buf_add_str(&address, "/threads/");
        add_segment(&address, thread_id);
    }
    if (run_id != NULL)
        buf_addf(&address, "/runs/%s", run_id);
    buf_add_str(&address, end);
    if (address.fault == 0) /* without memory the run has no name, and goes on */
        reply_header(req, name, address.data);
}
