/* The backends, one row each, and how the setting `database` chooses one. */
#include "base/err.h"
#include "store/store.h"
#include <string.h>

static const struct store_backend *const backends[] = { &store_memory };

static const struct store_backend *find_backend(const char *database)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
        if (strncmp(database, backends[i]->scheme, strlen(backends[i]->scheme)) == 0)
            return backends[i];
    return NULL;
}

int store_open(const struct conf *conf, struct store **ret, bool *ret_is_kept)
{
    const struct store_backend *backend = find_backend(conf->database);
    *ret_is_kept = backend != NULL;
    int r = (backend != NULL ? backend : &store_memory)->open(conf, ret);
    return r != 0 ? err_trace(r) : 0;
}

struct store *store_close(struct store *s)
{
    if (s != NULL)
        s->close(s);
    return NULL;
}
