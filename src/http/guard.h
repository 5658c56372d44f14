#ifndef ANABRANCH_HTTP_GUARD_H
#define ANABRANCH_HTTP_GUARD_H
/*
 * Who may call what. Pure: headers and settings in, a verdict out.
 *
 * Without keys and bound to loopback, the danger is a web page in the user's own browser (also one
 * that made its name resolve to 127.0.0.1), so Host and Origin are looked at. With keys the key
 * decides. With auth off on another address the operator has said that something else guards the
 * server, and Host is not looked at: its right value is not known here.
 */
#include "http/http.h"

struct guard {
    char **keys;
    size_t key_count;
    char **origins;
    size_t origin_count;
    bool is_any_origin; /* cors_origins is * */
    bool is_local;      /* bound to loopback */
};

/* What the rules look at; NULL = no such header. */
struct guard_ask {
    const char *method;
    const char *host;
    const char *origin;
    const char *api_key; /* x-api-key */
    const char *authorization;
    const char *content_type;
    bool is_forwarded; /* forwarded, x-forwarded-*, x-real-ip or via is there */
    bool is_remote;    /* the client's address is not loopback */
};

/* Reads api_keys, auth and cors_origins. 0 or ERR_NOMEM; deinit either way. */
int guard_init(struct guard *g, const struct conf *conf, bool is_local);
void guard_deinit(struct guard *g);
/* No key is asked for. */
bool guard_is_open(const struct guard *g);

/* FAIL_NONE or the refusal, with a sentence in *ret_why. First the site, for every request; then
 * the route. */
enum fail_code guard_check_site(const struct guard *g, const struct guard_ask *ask,
                                const char **ret_why);
enum fail_code guard_check_route(const struct guard *g, unsigned flags, const struct guard_ask *ask,
                                 const char **ret_why);
/* The value of access-control-allow-origin, or NULL: none is sent. */
const char *guard_allow_origin(const struct guard *g, const char *origin);

/* host, host:port, [v6], [v6]:port: is it this machine, whatever it resolves to? */
bool guard_is_loopback_host(const char *host);
/* Is it a header that a proxy adds? Any case. */
bool guard_is_forwarding_header(const char *name);

#endif
