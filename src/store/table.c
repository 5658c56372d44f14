/* The backends, one row each, and how the setting `database` chooses one. */
#include "base/err.h"
#include "store/store.h"
#include <string.h>

static const struct store_backend *const backends[] = { &store_memory, &store_sqlite };

static const struct store_backend *find_backend(const char *database)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
        if (strncmp(database, backends[i]->scheme, strlen(backends[i]->scheme)) == 0)
            return backends[i];
    return NULL;
}

int store_open(const struct conf *conf, struct buf *why, struct store **ret)
{
    const struct store_backend *backend = find_backend(conf->database);
    if (backend == NULL) {
        (void)buf_addf(why, "database %s: there is no such kind of database", /* sticky */
                       conf->database);
        return STORE_E_REFUSED;
    }
    int r = backend->open(conf, why, ret);
    return r < 0 ? err_trace(r) : r;
}

struct store *store_close(struct store *s)
{
    if (s != NULL)
        s->close(s);
    return NULL;
}
