/* Tables are short (some sixty rows) and compared row by row: nothing to build, nothing to keep. */
#include "http/route.h"
#include "http/uri.h"
#include <stdio.h>
#include <string.h>

struct piece {
    const char *text;
    size_t len;
};

/* Cuts the next segment of a row's path off; false at the end. */
static bool next_piece(const char **path, struct piece *ret)
{
    if (**path == '\0' || strcmp(*path, "/") == 0)
        return false;
    ret->text = *path + 1;
    ret->len = strcspn(ret->text, "/");
    *path = ret->text + ret->len;
    return true;
}

static bool is_param(struct piece p)
{
    return p.len >= 2 && p.text[0] == '{' && p.text[p.len - 1] == '}';
}

static bool is_text(struct piece p, const char *text)
{
    return strlen(text) == p.len && memcmp(text, p.text, p.len) == 0;
}

static bool path_fits(const struct http_route *route, const char *const *segments, size_t count)
{
    const char *path = route->path;
    struct piece p;
    size_t i = 0;
    for (; next_piece(&path, &p); i++)
        if (i >= count || !(is_param(p) ? segments[i][0] != '\0' : is_text(p, segments[i])))
            return false;
    return i == count;
}

static bool method_fits(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

/* Both fit the same path. */
static bool is_closer(const struct http_route *a, const struct http_route *b)
{
    const char *path_a = a->path;
    const char *path_b = b->path;
    struct piece in_a, in_b;
    while (next_piece(&path_a, &in_a) && next_piece(&path_b, &in_b))
        if (is_param(in_a) != is_param(in_b))
            return is_param(in_b);
    return false;
}

static void allow_add(char allow[ROUTE_ALLOW_BYTES], const char *method)
{
    size_t len = strlen(allow);
    if (strstr(allow, method) != NULL)
        return;
    /* A table with so many methods that they do not fit does not exist; a cut list would do no
     * harm. */
    (void)snprintf(allow + len, ROUTE_ALLOW_BYTES - len, "%s%s", len == 0 ? "" : ", ", method);
}

static bool row_fits(const struct http_route *route, const struct route_ask *ask)
{
    return (route->flags & ask->hidden) == 0 && path_fits(route, ask->segments, ask->segment_count);
}

/* NULL: none fits. */
static const struct http_route *closest(const struct http_route *routes, size_t route_count,
                                        const struct route_ask *ask)
{
    const struct http_route *best = NULL;

    for (size_t i = 0; i < route_count; i++)
        if (row_fits(&routes[i], ask) && (best == NULL || is_closer(&routes[i], best)))
            best = &routes[i];
    return best;
}

enum route_result route_find(const struct http_route *routes, size_t route_count,
                             const struct route_ask *ask, struct route_match *ret)
{
    *ret = (struct route_match){ .route = NULL };
    if (ask->segment_count > URI_SEGMENTS_MAX)
        return ROUTE_UNKNOWN;
    const struct http_route *best = closest(routes, route_count, ask);
    for (size_t i = 0; i < route_count; i++) {
        const struct http_route *route = &routes[i];
        if (!row_fits(route, ask) || is_closer(best, route))
            continue;
        allow_add(ret->allow, route->method);
        if (strcmp(route->method, "GET") == 0)
            allow_add(ret->allow, "HEAD");
        if (ret->route == NULL && method_fits(route, ask->method))
            ret->route = route;
    }
    if (ret->route != NULL)
        return ROUTE_FOUND;
    return best != NULL ? ROUTE_WRONG_METHOD : ROUTE_UNKNOWN;
}

int route_param_index(const struct http_route *route, const char *name)
{
    const char *path = route->path;
    struct piece p;
    for (int i = 0; next_piece(&path, &p); i++)
        if (is_param(p) && is_text((struct piece){ p.text + 1, p.len - 2 }, name))
            return i;
    return -1;
}

bool route_is_protocol(const char *const *segments, size_t segment_count)
{
    static const char *const first[] = { "runs", "threads", "assistants", "store" };
    for (size_t i = 0; segment_count > 0 && i < sizeof(first) / sizeof(*first); i++)
        if (strcmp(segments[0], first[i]) == 0)
            return true;
    return false;
}
