/* POST /admin/reload. Loading is the program's matter (a higher layer); here are its answers. */
#include "api/about.h"
#include "base/err.h"

static void refuse(struct req *req, int r)
{
    if (r == API_E_DRAINING)
        reply_failf(req, FAIL_DRAINING, "this server is stopping; graphs are not loaded any more");
    else
        reply_failf(req, FAIL_INTERNAL, "%s; the graphs are what they were", err_text(r));
}

/* Of a deploy script's `curl -f` only the status is looked at: one file that fails is 422, whatever
 * became of the others. */
void handle_reload(struct req *req)
{
    const struct api *api = req_app(req);
    json_t *report = NULL;
    int r = api->reload(api->reload_arg, &report);

    if (r != 0)
        refuse(req, r);
    else
        reply_json_take(req, json_array_size(json_object_get(report, "failed")) == 0 ? 200 : 422,
                        report);
}

const struct route_about about_reload = {
    .summary = "Load graph files that have changed; 422 if one has failed",
    .answers = { { 200, "Reloaded" }, { 422, "Reloaded" } },
};
