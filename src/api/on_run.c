/* Finding a run in the store; see on_run.h. */
#include "api/on_run.h"
#include <stdio.h>
#include <string.h>

static void deinit(struct work *w)
{
    sheet_clear(&((struct on_run *)(void *)w)->sheet);
}

struct on_run *on_run_new(struct req *req)
{
    struct on_run *r = work_new(req, sizeof(*r), NULL);

    if (r == NULL)
        return NULL;
    r->w.deinit = deinit;
    /* about_admit() has seen that both fit. */
    (void)snprintf(r->run_id, sizeof(r->run_id), "%s", req_param(req, "run_id"));
    if (req_has_param(req, "thread_id"))
        (void)snprintf(r->thread_id, sizeof(r->thread_id), "%s", req_param(req, "thread_id"));
    return r;
}

static void found(struct work *w)
{
    struct on_run *r = (struct on_run *)(void *)w;

    if (w->found.count == 0 || strcmp(w->found.items[0].owner, r->thread_id) != 0) {
        work_failf(w, FAIL_NOT_FOUND, "Run not found");
        return;
    }
    sheet_clear(&r->sheet);
    if (sheet_read(&r->sheet, &w->found.items[0], RECORD_DEPTH_MAX) == 0)
        r->found(w);
    else
        work_failf(w, FAIL_INTERNAL, "what is stored of the run cannot be read");
}

void on_run_find(struct on_run *r, void (*then)(struct work *w))
{
    const char *const ids[] = { r->run_id };

    r->found = then;
    work_find(&r->w, &(struct record_query){ .kind = RECORD_RUN, .ids = ids, .id_count = 1 },
              found);
}
