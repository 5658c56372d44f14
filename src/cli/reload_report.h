#ifndef ANABRANCH_CLI_RELOAD_REPORT_H
#define ANABRANCH_CLI_RELOAD_REPORT_H
/* What loading once more came to, for the answer to POST /admin/reload (its form is in graph_set.h)
 * and for the log. */
#include "cli/load.h"

/* A new reference; NULL: no memory. */
json_t *reload_report(const struct load *l);
/* One line for each graph that changed or failed, and one for all. */
void reload_report_log(const json_t *report);

#endif
