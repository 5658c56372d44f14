#ifndef ANABRANCH_API_PARAMS_H
#define ANABRANCH_API_PARAMS_H
/*
 * What a request of the protocol's resources says: the keys of its body, by a table; of its query see
 * api/query.h. Unknown keys are ignored, absent and null are the same, a wrong type is a
 * FAIL_BAD_REQUEST that names the key.
 *
 *     static const struct body_key keys[] = {
 *         { "metadata", &type_object, false },
 *         BODY_PAGE,
 *         BODY_END,
 *     };
 *     r = body_read(req, keys, &body, &f);          { "metadata": 1 }: 400 "metadata" must be an ...
 */
#include "api/api.h"
#include "api/type.h"

struct body_key {
    const char *key; /* "ttl.strategy" leads into an object */
    const struct type *type;
    bool is_required;
};
#define BODY_END                                                                                   \
    {                                                                                              \
        .key = NULL                                                                                \
    }
#define BODY_PAGE                                                                                  \
    { "limit", &type_limit, false },                                                               \
    {                                                                                              \
        "offset", &type_offset, false                                                              \
    }

enum { PARAMS_E_WRONG = 1 };
/* *ret: an object that fits the table; the caller's. 0, PARAMS_E_WRONG with f, or a fault. */
int body_read(struct req *req, const struct body_key *keys, json_t **ret, struct fail *f);
/* Does an object fit the table? Numbers such as 5.0 become integers where those are wanted, since JSON
 * makes no difference. 0, PARAMS_E_WRONG with f, or a fault. */
int body_check(json_t *body, const struct body_key *keys, struct fail *f);
/* The value of a key, borrowed; NULL = absent or null. */
json_t *body_find(const json_t *body, const char *key);
const char *body_text(const json_t *body, const char *key); /* NULL = no string there */
/* Minutes of a body's "ttl" in milliseconds; 0 = it says nothing. */
int64_t body_ttl_ms(const json_t *body);

/* ---- pages ---- */

enum { PAGE_MAX = 1000 };
struct page {
    size_t limit;
    size_t offset;
};
struct page body_page(const json_t *body, size_t default_limit);
/* X-Pagination-Total, and X-Pagination-Next if more follow. */
void reply_page(struct req *req, const struct page *page, size_t count, size_t total);

/* ---- answers ---- */

/* Only the members that are named; NULL: all of them. Takes object. NULL: no memory. */
json_t *select_take(json_t *object, const json_t *names);

#endif
