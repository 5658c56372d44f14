#include "api/run_address.h"
#include "base/mem.h"
#include "base/query.h"
#include <string.h>

enum { ADDRESS_MAX_BYTES = 4096 };

void reply_run_address(struct req *req, const char *name, const char *thread_id, const char *run_id,
                       const char *end)
{
    struct buf address MEM_AUTO(buf_deinit);

    buf_init(&address, ADDRESS_MAX_BYTES);
    if (thread_id != NULL) {
        buf_add_str(&address, "/threads/");
        query_add_percent(thread_id, strlen(thread_id), &address); /* it is any text */
    }
    if (run_id != NULL)
        buf_addf(&address, "/runs/%s", run_id);
    buf_add_str(&address, end);
    if (address.fault == 0) /* without memory the run has no name, and goes on */
        reply_header(req, name, address.data);
}
